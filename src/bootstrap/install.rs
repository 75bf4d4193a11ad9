//! Puts Docker on a host with its own package manager, and tries again for as long as a mirror may mend.
//!
//! What the package manager does is in `provision/install-docker.*.sh.j2`; this decides whether, from where, and how often.

use std::time::Duration;

use globset::Glob;
use minijinja::context;

use super::facts::Survey;
use super::security_modules::missing_packages;
use super::ssh::{Output, Session};
use super::templates::render;
use super::{BootstrapError, Install, OnProgress, Progress, Settings};

/// Pauses between the attempts: there is one attempt more.
const PAUSES: [Duration; 4] = [
    Duration::from_secs(1),
    Duration::from_secs(3),
    Duration::from_secs(7),
    Duration::from_secs(15),
];
const STEP: &str = "installing Docker";
/// The script's word for: no later attempt will help.
const NEVER: i32 = 3;
/// The oldest release that serves: the first with the Engine API 1.41.
const OLDEST_MAJOR: u32 = 20;

/// What is to be done about packages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct InstallAction {
    pub docker: DockerAction,
    /// What the engine needs besides Docker: see [`super::security_modules`].
    pub others: Vec<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DockerAction {
    Nothing,
    /// Docker is there; an interrupted run may have left packages half-configured.
    Repair,
    Install,
}

impl InstallAction {
    pub fn is_nothing(&self) -> bool {
        self.docker == DockerAction::Nothing && self.others.is_empty()
    }

    /// Where Docker is there and is left as it is, a person is told what is installed nevertheless, and why.
    pub fn note(&self) -> Option<String> {
        (self.docker == DockerAction::Nothing && !self.others.is_empty()).then(|| {
            let packages = self.others.join(", ");
            format!("installing {packages}: without it, this kernel lets Docker start no container")
        })
    }
}

/// What has to be done, or why it cannot be.
pub(super) fn install_action(settings: &Settings, survey: &Survey) -> Result<InstallAction, String> {
    let docker = docker_action(settings, survey)?;
    let others = match settings.install {
        // The first container tells what such a host is missing.
        Install::Never => Vec::new(),
        Install::Auto | Install::Distro | Install::DockerCe => missing_packages(survey),
    };
    Ok(InstallAction { docker, others })
}

fn docker_action(settings: &Settings, survey: &Survey) -> Result<DockerAction, String> {
    let facts = &survey.facts;
    let wanted = settings.version.as_deref();
    let action = match facts.docker_version.as_deref() {
        Some(there) if is_version(there, wanted) => {
            let major = there.split('.').next().and_then(|major| major.parse::<u32>().ok());
            if major.is_some_and(|major| major < OLDEST_MAJOR) {
                return Err(format!("its Docker {there} is older than 20.10"));
            }
            if survey.state.pending {
                DockerAction::Repair
            } else {
                DockerAction::Nothing
            }
        }
        there if settings.install == Install::Never => {
            return Err(match (there, wanted) {
                (Some(there), Some(wanted)) => {
                    format!("it has Docker {there}, `version: {wanted}` is asked for, and `install: never` is set")
                }
                _ => "it has no Docker, and `install: never` is set".to_string(),
            });
        }
        _ => DockerAction::Install,
    };
    match (action, settings.install, &facts.package_manager) {
        (DockerAction::Repair, Install::Never, _) | (DockerAction::Repair, _, None) => Ok(DockerAction::Nothing),
        (DockerAction::Install, _, None) => Err(format!(
            "it has none of apt, dnf and zypper ({} {})",
            facts.distribution, facts.distribution_version
        )),
        (action, ..) => Ok(action),
    }
}

/// Does it.
///
/// # Errors
///
/// [`BootstrapError::Install`] with the package manager's reason and its last lines.
pub(super) async fn install(
    session: &Session,
    host: &str,
    action: &InstallAction,
    settings: &Settings,
    survey: &Survey,
    progress: OnProgress<'_>,
) -> Result<(), BootstrapError> {
    let Some(manager) = survey.facts.package_manager.as_deref().filter(|_| !action.is_nothing()) else {
        return Ok(());
    };
    for attempt in 1.. {
        progress(Progress::InstallingDocker { attempt });
        let values = context! {
            source => match settings.install {
                Install::Auto | Install::Never => "auto",
                Install::Distro => "distro",
                Install::DockerCe => "docker-ce",
            },
            version => settings.version.as_deref().unwrap_or_default(),
            attempt,
            docker => action.docker == DockerAction::Install,
            repair => action.docker == DockerAction::Repair,
            others => action.others.clone(),
        };
        let script = render(&format!("install-docker.{manager}.sh"), values).map_err(|error| BootstrapError::Step {
            host: host.to_string(),
            step: STEP,
            reason: error.to_string(),
            output: Vec::new(),
        })?;
        let output = session.run_as_root(STEP, &script).await?;
        if output.success() {
            return Ok(());
        }
        match PAUSES.get(attempt as usize - 1) {
            Some(pause) if output.status != Some(NEVER) => tokio::time::sleep(*pause).await,
            _ => {
                return Err(BootstrapError::Install {
                    host: host.to_string(),
                    attempts: attempt,
                    reason: reason(&output),
                    output: output.last_lines(20),
                });
            }
        }
    }
    unreachable!("the loop above only ends by returning")
}

/// Whether an installed version is one that the pattern asks for: `28.*`, or the beginning of a version such as `28` or `28.1`.
fn is_version(there: &str, wanted: Option<&str>) -> bool {
    let Some(wanted) = wanted else { return true };
    [wanted.to_string(), format!("{wanted}[-.+~]*")]
        .iter()
        .any(|pattern| Glob::new(pattern).is_ok_and(|glob| glob.compile_matcher().is_match(there)))
}

/// The line in which the package manager says what is wrong.
fn reason(output: &Output) -> String {
    let lines = output.last_lines(40);
    let telling = |line: &&String| {
        ["E: ", "Error: ", "error: ", "Problem: ", "dpkg: error"]
            .iter()
            .any(|start| line.starts_with(start))
    };
    // apt sums up in its last lines and says the cause in the first.
    let first = lines.iter().find(telling).or(lines.last());
    let line = first
        .map(String::as_str)
        .unwrap_or("the connection broke, or the package manager was killed");
    line.trim_start_matches("E: ").trim_start_matches("Error: ").to_string()
}

#[cfg(test)]
mod tests {
    use super::super::{test_host, test_survey};
    use super::*;

    #[test]
    fn a_version_is_a_pattern_or_a_beginning() {
        assert!(is_version("20.10.24+dfsg1", None));
        assert!(is_version("20.10.24+dfsg1", Some("20.10.24")));
        assert!(is_version("28.0.1", Some("28.*")));
        assert!(is_version("28.0.1", Some("28")));
        assert!(is_version("28.1.0", Some("28.1")));
        assert!(!is_version("28.10.0", Some("28.1")));
        assert!(!is_version("20.10.24", Some("28.*")));
    }

    #[test]
    fn what_is_there_and_fits_is_left_alone() {
        let (_, mut settings) = test_host();
        let mut survey = test_survey();
        assert_eq!(docker_action(&settings, &survey), Ok(DockerAction::Install));
        survey.facts.docker_version = Some("26.1.5+dfsg1".to_string());
        assert_eq!(docker_action(&settings, &survey), Ok(DockerAction::Nothing));
        survey.state.pending = true;
        assert_eq!(docker_action(&settings, &survey), Ok(DockerAction::Repair));
        settings.install = Install::Never;
        assert_eq!(docker_action(&settings, &survey), Ok(DockerAction::Nothing));
        settings.version = Some("28.*".to_string());
        assert!(docker_action(&settings, &survey).unwrap_err().contains("28.*"));
    }

    #[test]
    fn what_cannot_be_is_said() {
        let (_, mut settings) = test_host();
        let mut survey = test_survey();
        survey.facts.docker_version = Some("19.03.8".to_string());
        assert!(docker_action(&settings, &survey).is_err());
        survey.facts.docker_version = None;
        survey.facts.package_manager = None;
        assert!(docker_action(&settings, &survey).unwrap_err().contains("apt"));
        settings.install = Install::Never;
        assert!(
            docker_action(&settings, &survey)
                .unwrap_err()
                .contains("install: never")
        );
    }

    #[test]
    fn what_the_kernel_asks_for_is_installed_beside_docker_and_later() {
        let (_, mut settings) = test_host();
        let mut survey = test_survey();
        survey.facts.apparmor = true;
        let bare = install_action(&settings, &survey).unwrap();
        assert_eq!(bare.docker, DockerAction::Install);
        assert_eq!(bare.others, ["apparmor"]);
        survey.facts.docker_version = Some("26.1.5+dfsg1".to_string());
        let found = install_action(&settings, &survey).unwrap();
        assert_eq!(found.docker, DockerAction::Nothing);
        assert_eq!(found.others, ["apparmor"]);
        assert!(found.note().unwrap().contains("apparmor") && bare.note().is_none());
        settings.install = Install::Never;
        assert!(install_action(&settings, &survey).unwrap().is_nothing());
        settings.install = Install::Auto;
        survey.state.apparmor_parser = true;
        assert!(install_action(&settings, &survey).unwrap().is_nothing());
    }

    /// The lines of the script that call the package manager's `install`.
    fn installing_lines(manager: &str, docker: bool, others: &[&'static str]) -> String {
        let values = context! {
            source => "auto", version => "", attempt => 1, docker, repair => false, others => others.to_vec(),
        };
        let script = render(&format!("install-docker.{manager}.sh"), values).unwrap();
        let joined = script.replace("\\\n", "");
        let lines: Vec<&str> = joined
            .lines()
            .filter(|line| line.contains(" install ") || line.contains("for package in $packages"))
            .collect();
        lines.join("\n")
    }

    #[test]
    fn each_package_manager_installs_what_the_kernel_asks_for() {
        for (manager, package) in [
            ("apt", "apparmor"),
            ("dnf", "container-selinux"),
            ("zypper", "apparmor-parser"),
        ] {
            for docker in [true, false] {
                let with = installing_lines(manager, docker, &[package]);
                assert!(with.contains(package), "{manager}, Docker {docker}:\n{with}");
                let without = installing_lines(manager, docker, &[]);
                assert!(!without.contains(package), "{manager}, Docker {docker}:\n{without}");
            }
            assert!(
                !installing_lines(manager, false, &[package]).contains("docker"),
                "{manager}"
            );
        }
    }

    #[test]
    fn the_reason_is_the_cause_and_not_the_summary() {
        let output = Output {
            status: Some(1),
            stdout: "Err:1 http://mirror bookworm InRelease\nE: Failed to fetch http://mirror: Connection refused\n\
                     E: Some index files failed to download.\n"
                .to_string(),
            stderr: String::new(),
        };
        assert_eq!(reason(&output), "Failed to fetch http://mirror: Connection refused");
    }
}
