//! A project's revisions as a table and as JSON, and what differs between two of them.

use serde_json::json;

use super::tables::{self, Table};
use super::{style, text};
use crate::deploy::history::Comparison;
use crate::plan::revision::{Revision, Section};

/// `hoist history`, the newest first.
pub fn table(revisions: &[Revision]) -> String {
    let mut table = Table::new(["REVISION", "WHEN", "WHO", "COMMAND", "CHANGED"]);
    for revision in revisions.iter().rev() {
        table.row([
            revision.number.to_string(),
            revision.at.clone(),
            format!("{}@{}", revision.user, revision.machine),
            revision.command.clone(),
            revision.changed.join(", "),
        ]);
    }
    table.render()
}

/// `hoist history --format json`: an array of objects, the newest first.
pub fn json(revisions: &[Revision]) -> String {
    tables::array(revisions.iter().rev().map(|revision| {
        json!({
            "revision": revision.number,
            "at": revision.at,
            "user": revision.user,
            "machine": revision.machine,
            "command": revision.command,
            "directory": revision.directory,
            "files": revision.files,
            "changed": revision.changed,
            "services": revision.applied.services,
        })
    }))
}

/// `hoist diff`: a heading for each side, and for each service, network and so on its attributes, `-` what only the older side
/// has, `+` what only the newer one has.
pub fn difference(comparison: &Comparison) -> String {
    let Comparison { old, new, sections } = comparison;
    let newer = new.as_ref().map_or_else(|| "the file as it is now".to_owned(), heading);
    if sections.is_empty() {
        return format!("nothing differs between {} and {newer}\n", heading(old));
    }
    let mut rendered = format!("--- {}\n+++ {newer}\n", heading(old));
    for section in sections {
        rendered.push_str(&format!("\n{}\n", style::paint(style::BOLD, &title(section))));
        for change in &section.changes {
            let (sign, tone) = if change.added {
                ('+', style::GOOD)
            } else {
                ('-', style::BAD)
            };
            let value = text::one_line(&change.value);
            let line = match change.attribute.as_str() {
                "" => format!("{sign} {value}"),
                attribute => format!("{sign} {attribute}: {value}"),
            };
            rendered.push_str(&format!("{}\n", style::paint(tone, &line)));
        }
    }
    rendered
}

fn heading(revision: &Revision) -> String {
    let Revision {
        number,
        at,
        user,
        machine,
        command,
        ..
    } = revision;
    format!("revision {number}, {at}, {user}@{machine}, hoist {command}")
}

/// `service web`, `network back`, `project shop`.
fn title(section: &Section) -> String {
    let kind = match section.kind.as_str() {
        "" => "project",
        kind => kind.strip_suffix('s').unwrap_or(kind),
    };
    format!("{kind} {}", section.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::revision::{Applied, Change};

    fn revision(number: u64, command: &str, changed: &[&str]) -> Revision {
        Revision {
            number,
            at: format!("2026-05-04T10:11:{number:02}Z"),
            user: "ann".to_owned(),
            machine: "laptop".to_owned(),
            command: command.to_owned(),
            files: vec!["compose.yaml".to_owned()],
            directory: "/shop".to_owned(),
            changed: changed.iter().map(|name| (*name).to_owned()).collect(),
            applied: Applied::default(),
        }
    }

    fn change(attribute: &str, value: &str, added: bool) -> Change {
        Change {
            attribute: attribute.to_owned(),
            value: value.to_owned(),
            added,
        }
    }

    #[test]
    fn the_newest_revision_comes_first() {
        let revisions = [revision(1, "up", &["db", "web"]), revision(2, "scale web=3", &["web"])];
        insta::assert_snapshot!(table(&revisions), @r"
        REVISION   WHEN                   WHO          COMMAND       CHANGED
        2          2026-05-04T10:11:02Z   ann@laptop   scale web=3   web
        1          2026-05-04T10:11:01Z   ann@laptop   up            db, web
        ");
        let rows: serde_json::Value = serde_json::from_str(&json(&revisions)).unwrap();
        assert_eq!(rows[1]["changed"], json!(["db", "web"]));
        assert_eq!(rows[0]["revision"], 2);
    }

    #[test]
    fn a_difference_has_a_heading_for_each_side_and_a_line_for_each_value() {
        let sections = vec![
            Section {
                kind: "services".to_owned(),
                name: "web".to_owned(),
                changes: vec![
                    change("environment.MOOD", "calm", false),
                    change("environment.MOOD", "merry", true),
                ],
            },
            Section {
                kind: "networks".to_owned(),
                name: "back".to_owned(),
                changes: vec![change("", "null", true)],
            },
        ];
        let mut comparison = Comparison {
            old: revision(1, "up", &[]),
            new: None,
            sections,
        };
        let shown = anstream::adapter::strip_str(&difference(&comparison)).to_string();
        insta::assert_snapshot!(shown, @r"
        --- revision 1, 2026-05-04T10:11:01Z, ann@laptop, hoist up
        +++ the file as it is now

        service web
        - environment.MOOD: calm
        + environment.MOOD: merry

        network back
        + null
        ");
        comparison.sections.clear();
        assert!(difference(&comparison).starts_with("nothing differs"));
    }
}
