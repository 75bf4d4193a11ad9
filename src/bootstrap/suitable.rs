//! Whether a host can be made ready at all, told before anything is changed on it.

use super::facts::Survey;
use super::{Api, BootstrapError, Settings, Sudo};
use crate::hosts::Host;

/// What Docker and a few images take at the very least.
const LEAST_DISK: u64 = 1 << 30;

pub(super) fn suitable(host: &Host, survey: &Survey) -> Result<(), BootstrapError> {
    let facts = &survey.facts;
    let no_root = |reason: String| BootstrapError::NoRoot {
        host: host.name.clone(),
        user: facts.user.clone(),
        reason,
    };
    let unsuitable = |reason: String| BootstrapError::Unsuitable {
        host: host.name.clone(),
        reason,
    };
    match facts.sudo {
        Sudo::Root | Sudo::Passwordless => {}
        Sudo::Missing => return Err(no_root("there is no sudo".to_string())),
        Sudo::AsksForPassword => {
            // sudo also refuses for other reasons, and says them.
            let said = survey.state.sudo_said.clone().filter(|said| !said.contains("password"));
            return Err(no_root(said.unwrap_or_else(|| "sudo asks for a password".to_string())));
        }
    }
    if !facts.systemd {
        return Err(unsuitable("systemd does not run there".to_string()));
    }
    if facts.docker_version.is_none() && facts.free_disk < LEAST_DISK {
        let mebibytes = facts.free_disk >> 20;
        return Err(unsuitable(format!(
            "only {mebibytes} MiB are free where Docker keeps its data"
        )));
    }
    Ok(())
}

/// What a firewall without rules for the cluster keeps from working. Only told: the rules may be elsewhere, or say it otherwise.
pub(super) fn firewall_note(settings: &Settings, survey: &Survey) -> Option<String> {
    let firewall = survey.state.firewall.as_deref()?;
    let api = match settings.api {
        Api::Ssh => String::new(),
        Api::Tls | Api::InsecureTcp => format!("{}/tcp, ", settings.port),
    };
    Some(format!(
        "its firewall ({firewall}) has no rule for 2377/tcp; if other hosts cannot join it, open {api}2377/tcp, 7946/tcp, \
         7946/udp and 4789/udp"
    ))
}

#[cfg(test)]
mod tests {
    use super::super::{test_host, test_survey};
    use super::*;

    fn refusal(change: impl FnOnce(&mut Survey)) -> String {
        let mut survey = test_survey();
        change(&mut survey);
        suitable(&test_host().0, &survey).unwrap_err().to_string()
    }

    #[test]
    fn a_usual_host_is_suitable() {
        assert!(suitable(&test_host().0, &test_survey()).is_ok());
    }

    #[test]
    fn what_hinders_is_said() {
        let asks = refusal(|survey| survey.facts.sudo = Sudo::AsksForPassword);
        assert_eq!(
            asks,
            "host `web-1`: user `debian` cannot become root: sudo asks for a password"
        );
        let tty = refusal(|survey| {
            survey.facts.sudo = Sudo::AsksForPassword;
            survey.state.sudo_said = Some("sudo: sorry, you must have a tty to run sudo".to_string());
        });
        assert!(tty.contains("must have a tty"), "{tty}");
        assert!(refusal(|survey| survey.facts.systemd = false).contains("systemd"));
        assert!(refusal(|survey| survey.facts.free_disk = 5 << 20).contains("5 MiB"));
    }

    #[test]
    fn a_firewall_is_told_with_the_ports_to_open() {
        let (_, mut settings) = test_host();
        let mut survey = test_survey();
        assert_eq!(firewall_note(&settings, &survey), None);
        survey.state.firewall = Some("ufw".to_string());
        assert!(
            firewall_note(&settings, &survey)
                .unwrap()
                .contains("open 2376/tcp, 2377/tcp")
        );
        settings.api = Api::Ssh;
        assert!(firewall_note(&settings, &survey).unwrap().contains("open 2377/tcp"));
    }
}
