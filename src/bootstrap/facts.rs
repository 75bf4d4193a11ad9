//! What a host says of itself and of what bootstrap left on it: the answer of `provision/facts.sh`, parsed.
//!
//! One round trip tells all that a run needs to know. Never changes anything, and draws no conclusion.

use std::collections::BTreeMap;

use super::ssh::{Output, Session};
use super::{BootstrapError, Facts, Progress, Sudo};
use crate::bootstrap::OnProgress;

const SCRIPT: &str = include_str!("../../provision/facts.sh");

/// What was found on a host.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Survey {
    pub facts: Facts,
    pub state: State,
}

/// What is there of bootstrap's own things.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct State {
    /// Path to what is there.
    pub files: BTreeMap<String, FileState>,
    /// `daemon.json` as it stands; `None`: there is none.
    pub daemon_json: Option<String>,
    /// What bootstrap wrote down of the settings that it merged into `daemon.json`.
    pub daemon_settings: Option<String>,
    /// The CA's certificate, in PEM.
    pub authority: Option<String>,
    /// The engine's certificate, in PEM.
    pub server_certificate: Option<String>,
    /// An earlier run did not come to its end.
    pub pending: bool,
    pub units: BTreeMap<String, UnitState>,
    /// The program that loads AppArmor profiles.
    pub apparmor_parser: bool,
    /// SELinux policy for containers.
    pub container_selinux: bool,
    /// What was written down when the host's first container had run.
    pub first_container: Option<String>,
    /// An active firewall without a rule for the cluster's port: `ufw` or `firewalld`.
    pub firewall: Option<String>,
    /// The groups of the user who logged in.
    pub groups: Vec<String>,
    /// What sudo said when it refused.
    pub sudo_said: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct FileState {
    /// SHA-256 in hexadecimal.
    pub digest: String,
    /// Such as `600`.
    pub mode: String,
    /// Numeric id of the owner.
    pub owner: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct UnitState {
    pub active: bool,
    pub enabled: bool,
}

/// Asks the host.
pub(super) async fn survey(session: &Session, host: &str, progress: OnProgress<'_>) -> Result<Survey, BootstrapError> {
    progress(Progress::ReadingFacts);
    let output = session.run("reading the facts", SCRIPT).await?;
    parse(&output).ok_or_else(|| BootstrapError::Step {
        host: host.to_string(),
        step: "reading the facts",
        reason: output
            .last_lines(1)
            .pop()
            .unwrap_or_else(|| "the host said nothing".to_string()),
        output: output.last_lines(20),
    })
}

/// `None` where the script did not come to its end.
fn parse(output: &Output) -> Option<Survey> {
    if !output.success() {
        return None;
    }
    let mut values: BTreeMap<&str, &str> = BTreeMap::new();
    let mut state = State::default();
    for (key, value) in output.stdout.lines().filter_map(|line| line.split_once('=')) {
        match key {
            "mode" => {
                let mut words = value.splitn(3, ' ');
                let (mode, owner, path) = (words.next()?, words.next()?, words.next()?);
                let there = state.files.entry(path.to_string()).or_default();
                (there.mode, there.owner) = (mode.to_string(), owner.to_string());
            }
            "digest" => {
                let (digest, path) = value.split_once("  ")?;
                state.files.entry(path.to_string()).or_default().digest = digest.to_string();
            }
            "unit" => {
                let mut words = value.split(' ');
                let name = words.next()?.to_string();
                let unit = UnitState {
                    active: words.next() == Some("active"),
                    enabled: words.next() == Some("enabled"),
                };
                state.units.insert(name, unit);
            }
            "daemon_json" => state.daemon_json = Some(decode(value)?),
            "daemon_settings" => state.daemon_settings = Some(decode(value)?),
            "authority" => state.authority = Some(decode(value)?),
            "server_certificate" => state.server_certificate = Some(decode(value)?),
            _ => {
                values.insert(key, value.trim());
            }
        }
    }
    let text = |key: &str| values.get(key).map(ToString::to_string).unwrap_or_default();
    let present = |key: &str| {
        values
            .get(key)
            .filter(|value| !value.is_empty())
            .map(ToString::to_string)
    };
    let kib = |key: &str| values.get(key).and_then(|value| value.parse::<u64>().ok()).unwrap_or(0) * 1024;
    state.pending = values.contains_key("pending");
    state.apparmor_parser = values.contains_key("apparmor_parser");
    state.container_selinux = values.contains_key("container_selinux");
    state.first_container = present("first_container");
    state.firewall = present("firewall");
    state.groups = text("groups").split_whitespace().map(str::to_string).collect();
    state.sudo_said = present("sudo_said");
    let facts = Facts {
        distribution: text("distribution"),
        distribution_version: text("distribution_version"),
        package_manager: present("package_manager"),
        architecture: text("architecture"),
        kernel: text("kernel"),
        user: text("user"),
        sudo: match *values.get("sudo")? {
            "root" => Sudo::Root,
            "passwordless" => Sudo::Passwordless,
            "missing" => Sudo::Missing,
            _ => Sudo::AsksForPassword,
        },
        systemd: values.contains_key("systemd"),
        ipvs: values.contains_key("ipvs"),
        esp: values.contains_key("esp"),
        apparmor: values.contains_key("apparmor"),
        selinux: present("selinux"),
        cgroup_version: if values.get("cgroup_version") == Some(&"2") {
            2
        } else {
            1
        },
        free_disk: kib("free_disk_kib"),
        memory: kib("memory_kib"),
        hostname: text("hostname"),
        private_address: present("private_address").and_then(|address| address.parse().ok()),
        docker_version: present("docker_version"),
    };
    Some(Survey { facts, state })
}

/// Base64 (RFC 4648, section 4) to text.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut buffer, mut bits) = (0_u32, 0);
    for symbol in text.trim_end_matches('=').bytes() {
        let value = match symbol {
            b'A'..=b'Z' => symbol - b'A',
            b'a'..=b'z' => symbol - b'a' + 26,
            b'0'..=b'9' => symbol - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        buffer = (buffer << 6 | u32::from(value)) & 0x00ff_ffff;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((buffer >> bits) as u8);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(stdout: &str) -> Output {
        Output {
            status: Some(0),
            stdout: stdout.to_string(),
            stderr: String::new(),
        }
    }

    #[test]
    fn a_bare_host_is_read() {
        let survey = parse(&said(
            "package_manager=apt\ndistribution=debian\ndistribution_version=12\narchitecture=x86_64\nkernel=6.1\nhostname=web-1\n\
             user=debian\ngroups=debian adm\nsystemd=yes\ncgroup_version=2\nmemory_kib=1024\nprivate_address=10.0.0.5\n\
             free_disk_kib=2048\nsudo=passwordless\nunit=docker.service inactive not-found\n",
        ))
        .unwrap();
        assert_eq!(survey.facts.sudo, Sudo::Passwordless);
        assert_eq!(survey.facts.free_disk, 2048 * 1024);
        assert_eq!(survey.facts.private_address, Some("10.0.0.5".parse().unwrap()));
        assert_eq!(survey.facts.docker_version, None);
        assert!(!survey.facts.ipvs && survey.facts.systemd);
        assert_eq!(survey.state.groups, ["debian", "adm"]);
        assert_eq!(survey.state.units["docker.service"], UnitState::default());
    }

    #[test]
    fn what_bootstrap_left_is_read() {
        let survey = parse(&said(
            "sudo=root\nmode=600 0 /etc/hoist/pki/ca-key.pem\ndigest=abc  /etc/hoist/pki/ca-key.pem\ndaemon_json=eyJhIjogMX0K\npending=yes\n\
             unit=docker.service active enabled\nunit=docker-tcp.socket active disabled\n",
        ))
        .unwrap();
        assert_eq!(survey.state.daemon_json.as_deref(), Some("{\"a\": 1}\n"));
        assert!(survey.state.pending);
        let key = &survey.state.files["/etc/hoist/pki/ca-key.pem"];
        assert_eq!(
            (key.mode.as_str(), key.owner.as_str(), key.digest.as_str()),
            ("600", "0", "abc")
        );
        assert!(survey.state.units["docker.service"].enabled && !survey.state.units["docker-tcp.socket"].enabled);
    }

    #[test]
    fn security_modules_and_their_tools_are_read() {
        let said_also = |lines: &str| parse(&said(&format!("sudo=root\n{lines}"))).unwrap();
        let debian = said_also("apparmor=yes\n");
        assert!(debian.facts.apparmor && !debian.state.apparmor_parser);
        assert_eq!(debian.facts.selinux, None);
        let fedora = said_also("selinux=enforcing\ncontainer_selinux=yes\nfirewall=firewalld\n");
        assert!(!fedora.facts.apparmor && fedora.state.container_selinux);
        assert_eq!(fedora.facts.selinux.as_deref(), Some("enforcing"));
        assert_eq!(fedora.state.firewall.as_deref(), Some("firewalld"));
        let neither = said_also("apparmor_parser=yes\nfirst_container=abc docker=28.0.1 kernel=6.1\n");
        assert!(!neither.facts.apparmor && neither.state.apparmor_parser);
        assert_eq!(
            neither.state.first_container.as_deref(),
            Some("abc docker=28.0.1 kernel=6.1")
        );
    }

    /// What the script says of this machine, were these the kernel's files.
    fn survey_with_kernel_files(files: &[(&str, &str)]) -> Survey {
        let root = tempfile::tempdir().unwrap();
        for (path, content) in files {
            let path = root.path().join(path.trim_start_matches('/'));
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        let mut script = SCRIPT.to_string();
        for path in ["/sys/module/apparmor", "/sys/kernel/security", "/sys/fs/selinux"] {
            assert!(script.contains(path), "the script no longer reads {path}");
            script = script.replace(path, &format!("{}{path}", root.path().display()));
        }
        let output = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
        parse(&Output {
            status: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        })
        .unwrap()
    }

    #[test]
    fn the_script_tells_which_security_module_is_on() {
        let profiles = ("/sys/kernel/security/apparmor/profiles", "");
        let enabled = |answer| ("/sys/module/apparmor/parameters/enabled", answer);
        let enforce = |answer| ("/sys/fs/selinux/enforce", answer);
        for (files, apparmor, selinux) in [
            (vec![profiles, enabled("Y\n")], true, None),
            (vec![profiles, enabled("N\n")], false, None),
            // A container that acts as a host sees the module's parameter and not its file system.
            (vec![enabled("Y\n")], false, None),
            (vec![], false, None),
            (vec![enforce("1")], false, Some("enforcing")),
            (vec![enforce("0")], false, Some("permissive")),
        ] {
            let facts = survey_with_kernel_files(&files).facts;
            assert_eq!(facts.apparmor, apparmor, "{files:?}");
            assert_eq!(facts.selinux.as_deref(), selinux, "{files:?}");
        }
    }

    #[test]
    fn an_answer_that_breaks_off_is_no_answer() {
        assert_eq!(parse(&said("distribution=debian\n")), None);
    }

    #[test]
    fn base64_is_read_back() {
        assert_eq!(decode("aGVsbG8=").as_deref(), Some("hello"));
        assert_eq!(decode("aGVsbG8h").as_deref(), Some("hello!"));
        assert_eq!(decode("").as_deref(), Some(""));
        assert_eq!(decode("a b"), None);
    }
}
