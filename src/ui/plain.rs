//! Plain progress: one line for each change of a state, for logs, pipes and people who like it so. What a failed replica
//! wrote stands in the error that ends the command, not here: it is said once.

use std::collections::HashMap;
use std::time::Duration;

use super::words::{self, Line, Tone};
use super::{measure, style, text};
use crate::deploy::event::Event;

/// Names longer than this stand out of the column.
const WIDEST_PREFIX: usize = 40;
const NARROWEST_PREFIX: usize = 16;

/// What was said last of each thing.
#[derive(Debug, Default)]
pub struct Plain {
    said: HashMap<(&'static str, String, Option<String>), Said>,
    prefix: usize,
}

#[derive(Debug)]
struct Said {
    phrase: String,
    /// When the work began; waiting for its turn is none.
    since: Duration,
    waits: bool,
}

impl Plain {
    /// The text for an event, `None` where it says nothing new. `now` counts from the command's start.
    pub fn text(&mut self, event: &Event, now: Duration) -> Option<String> {
        match words::line(event) {
            Some(line) => self.change(&line, now),
            None => words::remark(event),
        }
    }

    fn change(&mut self, line: &Line, now: Duration) -> Option<String> {
        let key = (line.kind, line.name.clone(), line.on.clone());
        let phrase = line.phrase();
        let waits = line.tone == Tone::Waiting;
        let since = match self.said.get_mut(&key) {
            Some(said) if said.phrase == phrase => return None,
            Some(said) => {
                said.phrase.clone_from(&phrase);
                if std::mem::replace(&mut said.waits, waits) {
                    said.since = now;
                }
                said.since
            }
            None => {
                let said = Said {
                    phrase: phrase.clone(),
                    since: now,
                    waits,
                };
                self.said.insert(key, said);
                now
            }
        };
        Some(self.written(line, &phrase, now.saturating_sub(since)))
    }

    fn written(&mut self, line: &Line, phrase: &str, took: Duration) -> String {
        let prefix = format!("{} {}", line.kind, line.name);
        let wanted = text::width(&prefix).clamp(NARROWEST_PREFIX, WIDEST_PREFIX);
        self.prefix = self.prefix.max(wanted);
        let mut written = format!(
            " {}  {}",
            text::pad(&prefix, self.prefix),
            style::paint(line.tone.style(), phrase)
        );
        if line.tone == Tone::Good && took >= Duration::from_millis(50) {
            written.push_str(&style::paint(style::DIM, &format!("  {}", measure::duration(took))));
        }
        written
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{self, converging, host, image, service};
    use super::*;
    use crate::deploy::event::{HostProgress, ImageProgress, ServiceProgress};

    fn told(events: impl IntoIterator<Item = (u64, Event)>) -> String {
        let mut plain = Plain::default();
        let texts = events
            .into_iter()
            .filter_map(|(at, event)| plain.text(&event, Duration::from_millis(at)));
        let text = texts.collect::<Vec<_>>().join("\n");
        anstream::adapter::strip_str(&text).to_string()
    }

    #[test]
    fn every_event_has_its_line() {
        insta::assert_snapshot!(told(samples::every_event().into_iter().map(|event| (0, event))), @"
         host lab-1        preparing (host image)
         host lab-1        creating
         host lab-1        booting
         host lab-1        waiting for SSH
         host lab-1        waiting for SSH (connection refused)
         host lab-1        reading facts
         host lab-1        installing Docker
         host lab-1        installing Docker (attempt 2)
         host lab-1        writing files
         host lab-1        starting Docker
         host lab-1        proving the Docker API
         host lab-1        starting a first container
         host lab-1        ready (Docker 20.10.24)
         host lab-1        ready (Docker 20.10.24, unchanged)
         host lab-1        joining the cluster
         host lab-1        in the cluster
         host lab-1        up to date
         host lab-1        draining
         host lab-1        drained
         host lab-1        active
         host lab-1        labelled
         host lab-1        removing
         host lab-1        removed
         host lab-1        failed: no space left
         image shop-web    building (1/2 FROM debian)
         image shop-web    built
         image shop-web    pulling on lab-1
         image shop-web    sending to lab-1
         image shop-web    ready on lab-1
         image shop-web    failed: manifest unknown
         network shop_default  creating
         network shop_default  created
         network shop_default  removing
         network shop_default  removed
         network shop_default  failed: it is in use
         volume shop_data      created
         config shop_data      created
         secret shop_data      created
         service web           waiting for db, cache
         service web           creating
         service web           updating
         service web           1 of 2 running
         service web           1 of 2 running (no suitable node)
         service web           healthy (2 replicas)
         service web           running
         service web           completed
         service web           up to date
         service web           failed: exited with code 1
         service web           left as it was
         service web           removing
         service web           removed
        warning: host `lab-1` has no IPVS
          hint: load the module `ip_vs`
        note: `web` runs as containers: `privileged`
        step: blue 2, green 4
        web answers on 10.0.0.1:80, 10.0.0.2:80
        `up` of `shop`: 3 changes in 12.3 s
        `up` of `shop`: nothing to change (12.3 s)
        ");
    }

    #[test]
    fn what_was_said_is_not_said_again() {
        let pulling = |status: &str| {
            let (host, status) = ("lab-1".to_owned(), status.to_owned());
            image("nginx:1.27", ImageProgress::Pulling { host, status })
        };
        let web = |running, message| service("web", converging(running, 2, message));
        let events = [
            (0, pulling("10%")),
            (100, pulling("60%")),
            (200, web(0, None)),
            (300, web(0, None)),
            (400, web(1, Some("no suitable node"))),
            (500, web(1, Some("no suitable node"))),
        ];
        insta::assert_snapshot!(told(events), @"
        image nginx:1.27  pulling on lab-1
        service web       0 of 2 running
        service web       1 of 2 running (no suitable node)
        ");
    }

    #[test]
    fn the_end_of_something_says_how_long_it_took() {
        let events = [
            (
                1000,
                host("lab-1", HostProgress::Make(crate::hosts::MakeProgress::Creating)),
            ),
            (
                4200,
                host("lab-1", HostProgress::Bootstrap(crate::bootstrap::Progress::Joined)),
            ),
        ];
        insta::assert_snapshot!(told(events), @"
        host lab-1        creating
        host lab-1        in the cluster  3.2 s
        ");
    }

    #[test]
    fn long_names_move_the_column_and_very_long_ones_do_not() {
        let named = |name: &str| (0, service(name, ServiceProgress::Creating));
        let long = "n".repeat(60);
        insta::assert_snapshot!(told([named("a"), named("a-rather-long-name"), named(&long), named("b")]), @"
        service a         creating
        service a-rather-long-name  creating
        service nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn  creating
        service b                                 creating
        ");
    }
}
