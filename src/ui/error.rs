//! Errors for people: the message, its causes, the last lines of what failed, and what to do.

use std::error::Error;

use super::output::Output;
use super::style::hint_line;
use super::{style, text};

/// Writes an error to stderr; see [`render`].
pub fn report(output: &Output, error: &(dyn Error + 'static), log: &[String], hint: Option<&str>) {
    output.message(&render(error, log, hint));
}

/// An error as text: `error: …`, a `caused by:` line for each cause that says something new, the log's last lines,
/// and after a blank line the hint.
pub fn render(error: &(dyn Error + 'static), log: &[String], hint: Option<&str>) -> String {
    let mut said = error.to_string();
    let mut text = labelled("", &style::paint(style::ERROR_WORD, "error:"), &said);
    let mut cause = error.source();
    while let Some(error) = cause {
        let message = error.to_string();
        // Many messages of libraries repeat their cause's; once is enough.
        if !message.is_empty() && !said.contains(&message) {
            text.push('\n');
            text.push_str(&labelled("  ", &style::paint(style::BOLD, "caused by:"), &message));
            said = message;
        }
        cause = error.source();
    }
    for line in log {
        text.push_str(&format!("\n    | {}", text::log_line(line)));
    }
    if let Some(hint) = hint {
        text.push_str(&format!("\n\n{}", hint_line(hint)));
    }
    text
}

/// The label and the message; further lines of the message are indented below it.
fn labelled(indent: &str, label: &str, message: &str) -> String {
    let mut lines = message.trim_end().lines();
    let first = lines.next().unwrap_or_default();
    let mut text = format!("{indent}{label} {first}");
    for line in lines {
        text.push_str(&format!("\n{indent}  {line}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{message}")]
    struct Link {
        message: &'static str,
        #[source]
        source: Option<Box<Link>>,
    }

    fn chain(messages: &[&'static str]) -> Link {
        let (message, rest) = messages.split_first().unwrap();
        Link {
            message,
            source: (!rest.is_empty()).then(|| Box::new(chain(rest))),
        }
    }

    fn plain(error: &Link, log: &[String], hint: Option<&str>) -> String {
        anstream::adapter::strip_str(&render(error, log, hint)).to_string()
    }

    #[test]
    fn an_error_names_its_causes_its_output_and_the_way_out() {
        let error = chain(&[
            "host `lab-1`: installing Docker failed",
            "apt-get ended with code 100",
            "no space left",
        ]);
        let log = vec!["E: \x1b[31mno space\x1b[0m left".to_owned(), "E: giving up".to_owned()];
        insta::assert_snapshot!(plain(&error, &log, Some("free some space on `lab-1`")), @r"
        error: host `lab-1`: installing Docker failed
          caused by: apt-get ended with code 100
          caused by: no space left
            | E: no space left
            | E: giving up

        hint: free some space on `lab-1`
        ");
    }

    #[test]
    fn a_cause_that_the_message_contains_already_is_left_out() {
        let error = chain(&["cannot read `a.yaml`: not found", "not found", "os error 2"]);
        insta::assert_snapshot!(plain(&error, &[], None), @r"
        error: cannot read `a.yaml`: not found
          caused by: os error 2
        ");
    }

    #[test]
    fn a_message_of_several_lines_stays_together() {
        let error = chain(&["first\nsecond", "third\nfourth"]);
        insta::assert_snapshot!(plain(&error, &[], None), @r"
        error: first
          second
          caused by: third
            fourth
        ");
    }
}
