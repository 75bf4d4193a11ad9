//! What OpenSSH's own words mean when a connection fails: whether it can still come, and which error it is.
//!
//! Reads text that `ssh` wrote with `LC_ALL=C`. Never connects.

use std::time::Duration;

use super::BootstrapError;
use crate::hosts::Host;

/// Why one try failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    pub kind: Kind,
    pub reason: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Refused, reset, unreachable, timed out, still booting: the machine may yet come.
    NoAnswer,
    /// The name does not resolve: a fresh name may yet be published, a wrong one never.
    NameUnknown,
    LoginRefused,
    UnknownHostKey,
    ChangedHostKey,
    /// This machine's own fault, such as an SSH configuration that cannot be read.
    Hopeless,
}

impl Failure {
    pub fn into_error(self, host: &Host, waited: Duration) -> BootstrapError {
        let (host, address, reason) = (host.name.clone(), host.login.address.clone(), self.reason);
        match self.kind {
            Kind::NoAnswer | Kind::NameUnknown | Kind::Hopeless => BootstrapError::NoSsh {
                host,
                address,
                seconds: waited.as_secs(),
                reason,
            },
            Kind::LoginRefused => BootstrapError::LoginRefused { host, address, reason },
            Kind::UnknownHostKey => BootstrapError::UnknownHostKey { host, address, reason },
            Kind::ChangedHostKey => BootstrapError::ChangedHostKey { host, address, reason },
        }
    }
}

/// `pinned`: the key that was compared is the one that Hoist knows, so that any other is a changed one.
pub(super) fn classify(log: &str, pinned: bool) -> Failure {
    let said = |words: &str| log.contains(words);
    let kind = if said("REMOTE HOST IDENTIFICATION HAS CHANGED") {
        Kind::ChangedHostKey
    } else if said("host key is known for") || said("Host key verification failed") {
        if pinned {
            Kind::ChangedHostKey
        } else {
            Kind::UnknownHostKey
        }
    } else if said("System is booting up") || said("System is going down") {
        Kind::NoAnswer
    } else if said("Permission denied (") || said("Too many authentication failures") {
        Kind::LoginRefused
    } else if said("Could not resolve hostname") {
        Kind::NameUnknown
    } else if said("Bad configuration option") || said("Bad owner or permissions") || said("terminating, ") {
        Kind::Hopeless
    } else {
        Kind::NoAnswer
    };
    Failure {
        kind,
        reason: reason(log, kind),
    }
}

/// The line that says most, without the frame of `@` that OpenSSH draws.
fn reason(log: &str, kind: Kind) -> String {
    let lines = || {
        log.lines().map(str::trim).filter(|line| {
            !line.is_empty() && !line.starts_with('@') && !line.starts_with("Warning: Permanently added")
        })
    };
    let key_line = lines().find(|line| line.contains("host key is known for") || line.starts_with("Offending"));
    let missing_identity = lines().find(|line| line.contains("no such identity") || line.contains("UNPROTECTED"));
    let last = lines().next_back();
    let line = match (kind, key_line, missing_identity, last) {
        (Kind::UnknownHostKey | Kind::ChangedHostKey, Some(line), ..) => line.to_string(),
        (Kind::LoginRefused, _, Some(identity), Some(last)) => format!("{last} ({identity})"),
        (.., Some(last)) => last.to_string(),
        (.., None) => "the connection was closed without a word".to_string(),
    };
    line.strip_prefix("ssh: ").unwrap_or(&line).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(log: &str) -> Kind {
        classify(log, false).kind
    }

    #[test]
    fn what_can_still_come_is_told_from_what_cannot() {
        assert_eq!(
            kind("ssh: connect to host 10.0.0.1 port 22: Connection refused\n"),
            Kind::NoAnswer
        );
        assert_eq!(
            kind("kex_exchange_identification: Connection closed by remote host\n"),
            Kind::NoAnswer
        );
        assert_eq!(
            kind(
                "\"System is booting up. Unprivileged users are not permitted to log in yet.\"\nConnection closed by 10.0.0.1 port 22\n"
            ),
            Kind::NoAnswer
        );
        assert_eq!(kind(""), Kind::NoAnswer);
        assert_eq!(
            kind("debian@10.0.0.1: Permission denied (publickey).\r\n"),
            Kind::LoginRefused
        );
        assert_eq!(
            kind("ssh: Could not resolve hostname nowhere: Name or service not known\r\n"),
            Kind::NameUnknown
        );
        assert_eq!(
            kind("/home/u/.ssh/config: line 3: Bad configuration option: usr\r\n"),
            Kind::Hopeless
        );
    }

    #[test]
    fn an_unknown_host_key_is_told_from_a_changed_one() {
        let unknown = "No ED25519 host key is known for 10.0.0.1 and you have requested strict checking.\r\nHost key verification failed.\r\n";
        assert_eq!(kind(unknown), Kind::UnknownHostKey);
        assert_eq!(classify(unknown, true).kind, Kind::ChangedHostKey);
        let changed = "@@@@@@@@@\r\n@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\r\n@@@@\r\nOffending ED25519 key in /x/known_hosts:1\r\nHost key verification failed.\r\n";
        let failure = classify(changed, false);
        assert_eq!(failure.kind, Kind::ChangedHostKey);
        assert_eq!(failure.reason, "Offending ED25519 key in /x/known_hosts:1");
    }

    #[test]
    fn the_reason_is_the_line_that_says_most() {
        let log = "no such identity: /x/id: No such file or directory\r\ndebian@h: Permission denied (publickey).\r\n";
        assert_eq!(
            classify(log, false).reason,
            "debian@h: Permission denied (publickey). (no such identity: /x/id: No such file or directory)"
        );
        let log = "Warning: Permanently added 'h' (ED25519) to the list of known hosts.\nssh: connect to host h port 22: No route to host\n";
        assert_eq!(
            classify(log, false).reason,
            "connect to host h port 22: No route to host"
        );
    }
}
