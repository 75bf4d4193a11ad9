//! Who holds a lock, as its labels say: the user, the machine, the command, since when; and whether that process still runs.

use std::collections::BTreeMap;
use std::fmt;

use crate::engine::labels;

/// Whoever holds a lock: one run of Hoist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    pub user: String,
    /// The machine's own name.
    pub machine: String,
    /// `up`, `scale`, …
    pub command: String,
    /// When the command began, by its machine's clock; nothing is decided by it.
    pub since: String,
    process: Process,
}

/// A process, so that another one with the same number is not taken for it. Empty where the machine does not say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Process {
    id: String,
    /// Ticks from the machine's boot until it began (`/proc/PID/stat`, field 22).
    start: String,
    /// Differs with each boot of each machine.
    boot: String,
    /// Process ids count within it: those of a container are not those of its host.
    namespace: String,
}

impl Holder {
    /// This run of Hoist.
    pub(super) fn this_process(user: &str, machine: &str, command: &str) -> Holder {
        let now = jiff::Timestamp::now();
        Holder {
            user: user.to_owned(),
            machine: machine.to_owned(),
            command: command.to_owned(),
            since: now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            process: Process::of_this(),
        }
    }

    /// The labels that say it.
    pub(super) fn labels(&self) -> BTreeMap<String, String> {
        let said = [
            (labels::LOCK_USER, &self.user),
            (labels::LOCK_MACHINE, &self.machine),
            (labels::LOCK_COMMAND, &self.command),
            (labels::LOCK_SINCE, &self.since),
            (labels::LOCK_PROCESS, &self.process.id),
            (labels::LOCK_PROCESS_START, &self.process.start),
            (labels::LOCK_BOOT, &self.process.boot),
            (labels::LOCK_NAMESPACE, &self.process.namespace),
        ];
        said.into_iter()
            .map(|(label, value)| (label.to_owned(), value.clone()))
            .collect()
    }

    /// What labels say; what they do not say is empty.
    pub(super) fn of_labels(found: &BTreeMap<String, String>) -> Holder {
        let said = |label: &str| found.get(label).cloned().unwrap_or_default();
        Holder {
            user: said(labels::LOCK_USER),
            machine: said(labels::LOCK_MACHINE),
            command: said(labels::LOCK_COMMAND),
            since: said(labels::LOCK_SINCE),
            process: Process {
                id: said(labels::LOCK_PROCESS),
                start: said(labels::LOCK_PROCESS_START),
                boot: said(labels::LOCK_BOOT),
                namespace: said(labels::LOCK_NAMESPACE),
            },
        }
    }

    /// Whether it is certain that the process has ended: it ran on this machine, since this boot, and runs no more.
    pub(super) fn is_gone(&self) -> bool {
        let (holder, own) = (&self.process, Process::of_this());
        let comparable = [&holder.id, &holder.start, &holder.boot, &holder.namespace];
        if comparable.iter().any(|said| said.is_empty())
            || (&holder.boot, &holder.namespace) != (&own.boot, &own.namespace)
        {
            return false;
        }
        // Where processes of others are hidden (`hidepid`), one that is not seen may run all the same.
        if stat("1").is_none() {
            return false;
        }
        stat(&holder.id).is_none_or(|(state, start)| matches!(state, 'Z' | 'X') || start != holder.start)
    }
}

/// `ann@laptop (hoist up, process 4711, since 2026-05-04T10:11:12Z)`; a holder who did not say is somebody.
impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.user.is_empty() {
            return f.write_str("somebody who did not say who");
        }
        let Holder {
            user,
            machine,
            command,
            since,
            process,
        } = self;
        write!(
            f,
            "{user}@{machine} (`hoist {command}`, process {}, since {since})",
            process.id
        )
    }
}

impl Process {
    fn of_this() -> Process {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default().trim().to_owned();
        let namespace = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
        let id = std::process::id().to_string();
        Process {
            start: stat(&id).map(|(_, start)| start).unwrap_or_default(),
            id,
            boot: read("/proc/sys/kernel/random/boot_id"),
            namespace: namespace.display().to_string(),
        }
    }
}

/// A process's state and its start.
fn stat(id: &str) -> Option<(char, String)> {
    parse_stat(&std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?)
}

/// `proc(5)`: the second field is the program's name in brackets, which may hold blanks and brackets itself.
fn parse_stat(text: &str) -> Option<(char, String)> {
    let (_, rest) = text.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    let state = fields.next()?.chars().next()?;
    Some((state, fields.nth(18)?.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_labels_say_is_the_holder_again() {
        let holder = Holder::this_process("ann", "laptop", "up");
        assert_eq!(Holder::of_labels(&holder.labels()), holder);
        let shown = holder.to_string();
        let id = std::process::id();
        assert!(
            shown.starts_with(&format!("ann@laptop (`hoist up`, process {id}, since 2")),
            "{shown}"
        );
        let nobody = Holder::of_labels(&BTreeMap::new());
        assert_eq!(nobody.to_string(), "somebody who did not say who");
        assert!(!nobody.is_gone());
    }

    #[test]
    fn a_process_is_gone_only_where_that_is_certain() {
        let running = Holder::this_process("ann", "laptop", "up");
        assert!(!running.is_gone());

        // A number that another process has by now.
        let mut reused = running.clone();
        reused.process.start = "1".to_owned();
        assert!(reused.is_gone());

        let mut child = std::process::Command::new("true").spawn().unwrap();
        let mut ended = running.clone();
        ended.process.id = child.id().to_string();
        child.wait().unwrap();
        assert!(ended.is_gone());

        let mut elsewhere = ended.clone();
        elsewhere.process.boot = "another".to_owned();
        assert!(!elsewhere.is_gone());
        let mut in_a_container = ended;
        in_a_container.process.namespace = "pid:[1]".to_owned();
        assert!(!in_a_container.is_gone());
    }

    #[test]
    fn a_programs_name_does_not_mislead() {
        let text = "12 (a ) R 1) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4242 20";
        assert_eq!(parse_stat(text), Some(('S', "4242".to_owned())));
    }
}
