//! What a fault in Hoist itself prints, and the exit code that it ends with.
//!
//! A panic on any thread ends the process at once: a task that is lost unseen could leave a command waiting, or let it
//! report success. The next run completes what was interrupted, as after `kill -9`.

use std::io::Write;
use std::panic::PanicHookInfo;

/// The exit code of a fault in Hoist, as `EX_SOFTWARE` of `sysexits.h`.
pub const EXIT_CODE: u8 = 70;

/// Makes every panic from here on print one sentence and end the process with [`EXIT_CODE`].
///
/// The panic's own words are left out, because they may quote values of the input, secrets among them; with
/// `RUST_BACKTRACE` set they are printed too, with the stack.
pub fn report_and_exit() {
    let full = std::panic::take_hook();
    let wants_more = std::env::var_os("RUST_BACKTRACE").is_some_and(|value| value != "0");
    std::panic::set_hook(Box::new(move |panic| {
        if wants_more {
            full(panic);
        }
        // A closed stderr is no reason to panic again.
        let _unwritten = writeln!(std::io::stderr(), "{}", sentence(panic));
        #[expect(clippy::exit, reason = "the panic may be on a thread that nobody joins")]
        std::process::exit(EXIT_CODE.into());
    }));
}

fn sentence(panic: &PanicHookInfo<'_>) -> String {
    let place = panic.location().map_or_else(
        || "an unknown place".to_owned(),
        |place| format!("{}:{}", file_in_crate(place.file()), place.line()),
    );
    let version = env!("CARGO_PKG_VERSION");
    format!(
        "error: Hoist has a fault and stopped at {place}; please report it with this line, the command and the input \
         (hoist {version})"
    )
}

/// A path without the folder of whoever built the program: `src/plan/up.rs`, `miette-7.6.0/src/lib.rs`.
fn file_in_crate(file: &str) -> &str {
    let packages = file
        .find("/registry/src/")
        .map(|at| &file[at + "/registry/src/".len()..]);
    packages
        .and_then(|path| path.split_once('/'))
        .map_or(file, |(_, path)| path)
}

/// Panics where the environment of a debug build asks for it, so that a test sees what a fault prints.
#[cfg(debug_assertions)]
pub async fn on_request() {
    match std::env::var("HOIST_DEBUG_PANIC").as_deref() {
        Ok("main") => panic!("asked for, with a secret: swordfish"),
        Ok("task") => {
            let task = tokio::spawn(async { panic!("asked for, with a secret: swordfish") });
            let _lost = task.await;
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::file_in_crate;

    #[test]
    fn a_place_does_not_name_the_folder_of_the_build() {
        assert_eq!(file_in_crate("src/plan/up.rs"), "src/plan/up.rs");
        let path = "/home/ann/.cargo/registry/src/crates.example-1949cf8c/miette-7.6.0/src/lib.rs";
        assert_eq!(file_in_crate(path), "miette-7.6.0/src/lib.rs");
    }
}
