//! The table as the page `docs/compose-support.md`.

use super::table::{Row, table};
use crate::compose::schema::{By, Support};

const HEAD: &str = "# What Hoist does with each attribute

This page is made from the table in `src/compose/schema/` by `make docs`; a test keeps it fresh.

`hoist config --support` prints the same for the attributes that a project uses. Loading warns, with file, line and column, of every
approximated attribute in use, and of one that has no effect with what its service runs as; commands that deploy (`up`, `plan`, `scale`) refuse
a refused one at its place, and `config` prints it and warns. `--strict` makes errors of all warnings.

| word | meaning |
|---|---|
| honoured by both | by Swarm services and by containers |
| honoured by services, by containers | by these alone; the words say why the others have no use for it |
| honoured by placing | Swarm services have no word for it, so the service runs as containers that Hoist places |
| honoured by the loader | it is gone, or another attribute, once the project is loaded |
| honoured by the builder | whoever builds the image |
| approximated | loads with a warning; the words say how |
| refused | loads, but is not deployed; the words say why |

`*` stands for names that the file chooses, `[]` for the entries of a list. What a path does not say of its own is as what it is inside of.
";

/// The whole page.
pub fn page() -> String {
    let rows = table();
    let own = |row: &&Row| row.path.starts_with("x-") || row.path.contains(".x-");
    let (hoists, specification): (Vec<&Row>, Vec<&Row>) = rows.iter().partition(own);
    let count = |words: fn(Support) -> bool| specification.iter().filter(|row| words(row.support)).count();
    let honoured = count(|support| {
        matches!(
            support,
            Support::Honoured(_) | Support::Services(_) | Support::Containers(_)
        )
    });
    let approximated = count(|support| matches!(support, Support::Approximated(_)));
    let refused = count(|support| matches!(support, Support::Refused(_)));
    let mut page = HEAD.to_owned();
    page.push_str(&format!(
        "\nOf the {} paths of the specification {honoured} are honoured, {approximated} approximated and {refused} refused.\n",
        specification.len()
    ));
    page.push_str("\n## The specification\n");
    list(&specification, &mut page);
    page.push_str("\n## Hoist's own\n");
    list(&hoists, &mut page);
    page
}

fn list(rows: &[&Row], page: &mut String) {
    page.push_str("\n| path | support | words |\n|---|---|---|\n");
    for row in rows {
        let words = match row.own {
            true => row.support.words().unwrap_or_default(),
            false => "",
        };
        page.push_str(&format!("| `{}` | {} | {words} |\n", row.path, row.support.summary()));
    }
}

impl Support {
    /// `honoured by both`, `approximated`, `refused`.
    pub fn summary(self) -> String {
        match self.by() {
            Some(by) => format!("{} by {by}", self.level()),
            None => self.level().to_owned(),
        }
    }

    /// `honoured`, `approximated` or `refused`.
    pub fn level(self) -> &'static str {
        match self {
            Support::Honoured(_) | Support::Services(_) | Support::Containers(_) => "honoured",
            Support::Approximated(_) => "approximated",
            Support::Refused(_) => "refused",
        }
    }

    /// Who honours it.
    pub fn by(self) -> Option<&'static str> {
        match self {
            Support::Honoured(By::Both) => Some("both"),
            Support::Honoured(By::Placed) => Some("placing"),
            Support::Honoured(By::Loader) => Some("the loader"),
            Support::Honoured(By::Builder) => Some("the builder"),
            Support::Services(_) => Some("services"),
            Support::Containers(_) => Some("containers"),
            Support::Approximated(_) | Support::Refused(_) => None,
        }
    }

    /// How or why, for what is not honoured by all.
    pub fn words(self) -> Option<&'static str> {
        match self {
            Support::Services(words)
            | Support::Containers(words)
            | Support::Approximated(words)
            | Support::Refused(words) => Some(words),
            Support::Honoured(_) => None,
        }
    }
}
