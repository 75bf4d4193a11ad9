//! The `hoist` program: parses its arguments and runs one command.

use std::process::ExitCode;

use clap::Parser;

/// Loading makes and drops very many small strings and maps: with the system's allocator a third of the time goes there
/// (`docs/benchmarks.md`).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    hoist::cli::panic::report_and_exit();
    let arguments = hoist::cli::Arguments::parse();
    // Two TLS stacks in one process must agree on their cryptography before either is used.
    let _already_set = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(_) => return ExitCode::FAILURE,
    };
    let code = runtime.block_on(hoist::cli::run(arguments));
    // A log that is being followed must not hold the exit up.
    runtime.shutdown_background();
    ExitCode::from(code)
}
