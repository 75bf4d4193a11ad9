//! The first container of a host: an engine that answers may still be unable to start one, and says so only when it has to.
//!
//! The image is made here and imported, so that no registry is asked: one executable of some hundred bytes that ends at once.
//! What a container of a service goes through, this one does: image store, network, control groups, security modules, runtime.

use std::time::Duration;

use sha2::{Digest, Sha256};

use minijinja::context;

use super::facts::Survey;
use super::ssh::Session;
use super::templates::render;
use super::{BootstrapError, Facts, OnProgress, Progress};
use crate::engine::containers::ExitCondition;
use crate::engine::{Engine, EngineError, models};

/// The container's: an interrupted run leaves it and its image, and the next one removes them.
const NAME: &str = "hoist-first-container";
const STEP: &str = "starting a first container";
const IMAGE: &str = "hoist-first-container:check";
/// A second is usual; hosts that are busy with other containers, or emulated, may take minutes.
const TIMEOUT: Duration = Duration::from_secs(300);
const REMOVAL_TIMEOUT: Duration = Duration::from_secs(30);
/// Two operators who bootstrap the same host remove each other's container.
const ATTEMPTS: u32 = 3;
/// Enough for any runtime, and a limit that the kernel has to be able to keep.
const MEMORY: i64 = 64 << 20;

/// Runs a first container, unless the host has it written down that one ran with this engine, kernel and security module.
///
/// # Errors
///
/// [`BootstrapError::FirstContainer`] with the engine's own words.
pub(super) async fn verify(
    host: &str,
    session: &Session,
    survey: &Survey,
    engine: &Engine,
    engine_version: &str,
    progress: OnProgress<'_>,
) -> Result<(), BootstrapError> {
    let record = record(&survey.facts, engine_version);
    if survey.state.first_container.as_deref() == Some(record.as_str()) {
        return Ok(());
    }
    progress(Progress::StartingFirstContainer);
    // The container may take longer than OpenSSH keeps an idle connection.
    let _occupant = session.occupy().await?;
    let notices = run(engine, &survey.facts).await.map_err(|failure| match failure {
        Failure::Refused(reason) => BootstrapError::FirstContainer {
            host: host.to_string(),
            reason,
        },
        Failure::Engine(source) => BootstrapError::Engine {
            host: host.to_string(),
            action: STEP.to_string(),
            source: Box::new(source),
        },
    })?;
    for notice in notices {
        progress(Progress::Notice(notice));
    }
    let unwritten = |reason: String, output: Vec<String>| BootstrapError::Step {
        host: host.to_string(),
        step: STEP,
        reason,
        output,
    };
    let script =
        render("first-container.sh", context! { record }).map_err(|error| unwritten(error.to_string(), Vec::new()))?;
    let output = session.run_as_root(STEP, &script).await?;
    if output.success() {
        return Ok(());
    }
    Err(unwritten(
        "it ran, and that cannot be written down on the host".to_string(),
        output.last_lines(20),
    ))
}

/// Why the container did not run.
#[derive(Debug)]
enum Failure {
    /// The engine's own words, or what became of the container.
    Refused(String),
    /// The engine did not answer.
    Engine(EngineError),
}

/// What is kept on the host once its first container ran. Another engine, kernel or security module gives another one.
fn record(facts: &Facts, engine_version: &str) -> String {
    let mut digest = Sha256::new();
    digest.update(executable(&facts.architecture).unwrap_or_default());
    let program: String = digest.finalize()[..4]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let selinux = facts.selinux.as_deref().unwrap_or("none");
    format!(
        "{program} docker={engine_version} kernel={} apparmor={} selinux={selinux}",
        facts.kernel, facts.apparmor
    )
}

/// Runs it and removes it and its image. Gives what a person should know of the host's engine.
async fn run(engine: &Engine, facts: &Facts) -> Result<Vec<String>, Failure> {
    let Some(program) = executable(&facts.architecture) else {
        return Ok(vec![format!(
            "not checked whether Docker can start a container: Hoist has no test program for the architecture {}",
            facts.architecture
        )]);
    };
    let archive = packed(&program).map_err(|error| Failure::Refused(error.to_string()))?;
    let run = async {
        for attempt in 1.. {
            let ran = run_once(engine, archive.clone()).await;
            let removed = remove(engine).await;
            match ran {
                Err(error) if attempt < ATTEMPTS && (error.is_not_found() || error.is_conflict()) => {
                    tokio::time::sleep(Duration::from_millis(500)).await;
                }
                Err(error) => return Err(error),
                Ok(ended) => return removed.map(|()| ended),
            }
        }
        unreachable!("the loop above only ends by returning")
    };
    match tokio::time::timeout(TIMEOUT, run).await {
        Ok(Ok((0, warnings))) => Ok(notices(warnings)),
        Ok(Ok((code, _))) => Err(Failure::Refused(format!("it exited with code {code} instead of 0"))),
        Ok(Err(EngineError::Call { message, .. })) => Err(Failure::Refused(message)),
        Ok(Err(error)) => Err(Failure::Engine(error)),
        Err(_) => {
            // Best effort: the engine is stuck, and the failure is said anyway.
            let _ = tokio::time::timeout(REMOVAL_TIMEOUT, remove(engine)).await;
            Err(Failure::Refused(format!(
                "it did not end within {} s",
                TIMEOUT.as_secs()
            )))
        }
    }
}

/// The exit code, and what the engine said when it made the container.
async fn run_once(engine: &Engine, archive: Vec<u8>) -> Result<(i64, Vec<String>), EngineError> {
    remove(engine).await?;
    engine.import_image(IMAGE, archive).await?;
    let body = models::ContainerCreateBody {
        image: Some(IMAGE.to_owned()),
        cmd: Some(vec!["/exit".to_owned()]),
        host_config: Some(models::HostConfig {
            memory: Some(MEMORY),
            // The pool may have a log server that is not up yet.
            log_config: Some(models::HostConfigLogConfig {
                typ: Some("none".to_owned()),
                config: None,
            }),
            ..Default::default()
        }),
        ..Default::default()
    };
    let made = engine.create_container(NAME, None, body).await?;
    engine.start_container(&made.id).await?;
    let code = engine.wait_exit(&made.id, ExitCondition::NotRunning).await?;
    Ok((code, made.warnings))
}

async fn remove(engine: &Engine) -> Result<(), EngineError> {
    for removed in [
        engine.remove_container(NAME, true, true).await,
        engine.remove_image(IMAGE, false).await,
    ] {
        match removed {
            Err(error) if error.is_not_found() || error.is_conflict() => {}
            other => other?,
        }
    }
    Ok(())
}

/// Engines also warn of a missing limit for swap, which no Compose attribute needs.
fn notices(warnings: Vec<String>) -> Vec<String> {
    warnings
        .into_iter()
        .filter(|warning| warning.to_lowercase().contains("limitation discarded"))
        .map(|warning| format!("memory limits of services have no effect: {}", warning.trim()))
        .collect()
}

fn packed(program: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_mode(0o755);
    header.set_size(program.len() as u64);
    archive.append_data(&mut header, "exit", program)?;
    archive.into_inner()
}

/// A static program for Linux that ends with 0, in the kernel's own name of the architecture (`uname -m`).
///
/// The format is that of the System V ABI, *Object Files*; the numbers of the machines are in its list `e_machine`.
fn executable(architecture: &str) -> Option<Vec<u8>> {
    // Each loads 0 and the number of the system call `exit` into the registers of the architecture, and calls the kernel.
    let (wide, big_endian, machine, flags, code): (bool, bool, u16, u32, &[u8]) = match architecture {
        "x86_64" => (true, false, 62, 0, b"\x31\xff\xb8\x3c\0\0\0\x0f\x05"),
        "i386" | "i486" | "i586" | "i686" => (false, false, 3, 0, b"\x31\xdb\xb8\x01\0\0\0\xcd\x80"),
        "aarch64" => (true, false, 183, 0, b"\0\0\x80\xd2\xa8\x0b\x80\xd2\x01\0\0\xd4"),
        // Flags: version 5 of the ABI.
        arm if arm.starts_with("armv") => (false, false, 40, 0x0500_0000, b"\0\0\xa0\xe3\x01\x70\xa0\xe3\0\0\0\xef"),
        "riscv64" => (true, false, 243, 0, b"\x13\x05\0\0\x93\x08\xd0\x05\x73\0\0\0"),
        // Flags: version 2 of the ABI.
        "ppc64le" => (true, false, 21, 2, b"\x01\0\0\x38\0\0\x60\x38\x02\0\0\x44"),
        "s390x" => (true, true, 22, 0, b"\xa7\x29\0\0\x0a\x01"),
        _ => return None,
    };
    let mut file = Vec::new();
    let mut put = |value: u64, bytes: usize| {
        if big_endian {
            file.extend_from_slice(&value.to_be_bytes()[8 - bytes..]);
        } else {
            file.extend_from_slice(&value.to_le_bytes()[..bytes]);
        }
    };
    let word = if wide { 8 } else { 4 };
    let (header, entry) = if wide { (64, 56) } else { (52, 32) };
    let size = header + entry + code.len() as u64;
    // The largest page that any of these kernels has, and the lowest address that all of them map.
    let (address, page) = (0x1_0000, 0x1_0000);

    for byte in [0x7f, b'E', b'L', b'F', 1 + u8::from(wide), 1 + u8::from(big_endian), 1] {
        put(byte.into(), 1);
    }
    // The rest of the identification; then: executable.
    put(0, 8);
    put(0, 1);
    put(2, 2);
    put(machine.into(), 2);
    put(1, 4);
    put(address + header + entry, word);
    put(header, word);
    put(0, word);
    put(flags.into(), 4);
    put(header, 2);
    put(entry, 2);
    put(1, 2);
    put(0, 2);
    put(0, 2);
    put(0, 2);

    // One segment: the whole file, readable and executable.
    put(1, 4);
    if wide {
        put(5, 4);
    }
    put(0, word);
    put(address, word);
    put(address, word);
    put(size, word);
    put(size, word);
    if !wide {
        put(5, 4);
    }
    put(page, word);
    file.extend_from_slice(code);
    Some(file)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::fs::PermissionsExt;
    use std::process::Command;

    use super::super::test_survey;
    use super::*;

    const ARCHITECTURES: [&str; 7] = ["x86_64", "i686", "aarch64", "armv7l", "riscv64", "ppc64le", "s390x"];

    fn written(architecture: &str) -> tempfile::TempPath {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&executable(architecture).unwrap()).unwrap();
        let permissions = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(file.path(), permissions).unwrap();
        file.into_temp_path()
    }

    #[test]
    fn the_program_runs_on_this_machine() {
        let program = written(std::env::consts::ARCH);
        // Another test's child may hold the file open for writing for a moment.
        let status = (0..50)
            .find_map(|_| match Command::new(&program).status() {
                Err(error) if error.kind() == std::io::ErrorKind::ExecutableFileBusy => {
                    std::thread::sleep(Duration::from_millis(20));
                    None
                }
                other => Some(other.unwrap()),
            })
            .unwrap();
        assert_eq!(status.code(), Some(0));
    }

    #[test]
    fn every_program_is_a_file_that_kernels_load() {
        for architecture in ARCHITECTURES {
            let file = executable(architecture).unwrap();
            let wide = file[4] == 2;
            let big_endian = file[5] == 2;
            let number = |at: usize, bytes: usize| {
                let mut taken = file[at..at + bytes].to_vec();
                if !big_endian {
                    taken.reverse();
                }
                taken.iter().fold(0_u64, |all, byte| all << 8 | u64::from(*byte))
            };
            let (word, entry_at, size_at) = if wide { (8, 24, 64 + 32) } else { (4, 24, 52 + 16) };
            assert_eq!(&file[..4], b"\x7fELF", "{architecture}");
            let entry = number(entry_at, word) - 0x1_0000;
            assert_eq!(number(size_at, word), file.len() as u64, "{architecture}");
            assert_eq!(entry, if wide { 120 } else { 84 }, "{architecture}");
            assert!(entry < file.len() as u64, "{architecture}");
        }
        assert_eq!(executable("vax"), None);
    }

    #[test]
    fn another_kernel_engine_or_security_module_is_checked_again() {
        let facts = test_survey().facts;
        let before = record(&facts, "20.10.24");
        assert_eq!(before, record(&facts.clone(), "20.10.24"));
        assert!(!before.contains('\n'));
        assert_ne!(before, record(&facts, "28.0.1"));
        let mut other = facts.clone();
        other.kernel = "6.2".to_string();
        assert_ne!(before, record(&other, "20.10.24"));
        other = facts.clone();
        other.apparmor = true;
        assert_ne!(before, record(&other, "20.10.24"));
        other = facts;
        other.selinux = Some("enforcing".to_string());
        assert_ne!(before, record(&other, "20.10.24"));
    }

    #[test]
    fn only_a_limit_that_is_not_kept_is_told() {
        let swap = "Your kernel does not support swap limit capabilities or the cgroup is not mounted. Memory limited without swap.";
        let memory = "Your kernel does not support memory limit capabilities or the cgroup is not mounted. Limitation discarded.";
        assert!(notices(vec![swap.to_string()]).is_empty());
        assert!(notices(vec![memory.to_string()])[0].contains("no effect"));
    }
}
