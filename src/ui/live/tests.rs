//! Pictures of the live display, and that it leaves the terminal as it should.

use super::super::output::tests::{captured, terminal};
use super::super::samples::{converging, every_event, finished, host, image, resource, service};
use super::*;
use crate::bootstrap::Progress as Bootstrap;
use crate::deploy::event::{HostProgress, ImageProgress, ResourceKind, ResourceProgress, ServiceProgress};

fn board(events: impl IntoIterator<Item = (u64, Event)>) -> Board {
    let mut board = Board::default();
    for (at, event) in events {
        board.apply(&event, Duration::from_millis(at));
    }
    board
}

fn plain(lines: &[String]) -> String {
    anstream::adapter::strip_str(&lines.join("\n")).to_string()
}

fn joined() -> HostProgress {
    HostProgress::Bootstrap(Bootstrap::Joined)
}

fn running(replicas: u64) -> ServiceProgress {
    ServiceProgress::Running {
        replicas,
        healthy: true,
    }
}

/// A deployment in the middle.
fn midway() -> Board {
    board([
        (
            0,
            host(
                "lab-1",
                HostProgress::Bootstrap(Bootstrap::InstallingDocker { attempt: 1 }),
            ),
        ),
        (
            0,
            host(
                "lab-2",
                HostProgress::Bootstrap(Bootstrap::InstallingDocker { attempt: 2 }),
            ),
        ),
        (12_000, host("lab-1", joined())),
        (
            12_000,
            resource(ResourceKind::Network, "shop_default", ResourceProgress::Creating),
        ),
        (
            12_100,
            resource(ResourceKind::Network, "shop_default", ResourceProgress::Created),
        ),
        (
            12_000,
            image(
                "nginx:1.27",
                ImageProgress::Pulling {
                    host: "lab-1".into(),
                    status: "34%".into(),
                },
            ),
        ),
        (
            12_000,
            image(
                "nginx:1.27",
                ImageProgress::Pulling {
                    host: "lab-2".into(),
                    status: "10%".into(),
                },
            ),
        ),
        (12_000, image("shop-web", ImageProgress::Built)),
        (
            12_500,
            image("shop-web", ImageProgress::Provided { host: "lab-1".into() }),
        ),
        (
            12_600,
            image("shop-web", ImageProgress::Provided { host: "lab-2".into() }),
        ),
        (
            13_000,
            service("db", converging(0, 1, Some("no suitable node (1 node not available)"))),
        ),
        (
            13_000,
            service(
                "web",
                ServiceProgress::Waiting {
                    services: vec!["db".into()],
                },
            ),
        ),
    ])
}

fn ended() -> Board {
    let reason = "exited with code 1 again and again until the number of tries that its policy allows was used up";
    board([
        (0, host("lab-1", HostProgress::UpToDate)),
        (0, service("web", ServiceProgress::Creating)),
        (2300, service("web", running(2))),
        (0, service("worker", ServiceProgress::Creating)),
        (
            9000,
            service(
                "worker",
                ServiceProgress::Failed {
                    reason: reason.to_owned(),
                    log: vec!["refused".to_owned()],
                },
            ),
        ),
        (
            9000,
            Event::Published {
                service: "web".into(),
                addresses: vec!["10.0.0.1:80".into()],
            },
        ),
        (9000, finished(2)),
    ])
}

#[test]
fn each_section_has_its_rows() {
    insta::assert_snapshot!(plain(&midway().render(100, 40, Duration::from_millis(15_200))), @"
    hosts 1/2
     ✔ lab-1                   12.0 s  in the cluster
     ⠹ lab-2                   15.2 s  installing Docker  attempt 2
    images 1/2
     ⠹ nginx:1.27               3.2 s  pulling on lab-1  34% and 1 more
     ✔ shop-web                        ready on 2 hosts
    resources 1/1
     ✔ network shop_default     0.1 s  created
    services 0/2
     ⠹ db                       2.2 s  0 of 1 running  no suitable node (1 node not available)
     · web                             waiting for db
    ");
}

#[test]
fn a_narrow_terminal_cuts_what_is_said_last() {
    let lines = midway().render(44, 40, Duration::from_millis(15_200));
    assert!(lines.iter().all(|line| text::width(line) < 44), "{lines:#?}");
    insta::assert_snapshot!(plain(&lines), @"
    hosts 1/2
     ✔ lab-1             12.0 s  in the cluster
     ⠹ lab-2             15.2 s  installing Do…
    images 1/2
     ⠹ nginx:1.27         3.2 s  pulling on la…
     ✔ shop-web                  ready on 2 ho…
    resources 1/1
     ✔ network shop_…     0.1 s  created
    services 0/2
     ⠹ db                 2.2 s  0 of 1 running
     · web                       waiting for db
    ");
}

#[test]
fn the_last_picture_has_reasons_and_closing_words_in_full() {
    insta::assert_snapshot!(plain(&ended().render_final(80, Duration::from_secs(9))), @"
    hosts 1/1
     ✔ lab-1             up to date
    services 1/2
     ✔ web        2.3 s  healthy  2 replicas
     ✘ worker     9.0 s  failed
         exited with code 1 again and again until the number of tries that its policy allows was used up
    web answers on 10.0.0.1:80
    `up` of `shop`: 2 changes in 12.3 s
    ");
}

#[test]
fn what_is_done_folds_first_and_what_failed_stays() {
    let mut events: Vec<(u64, Event)> = (1..=10).map(|n| (0, host(&format!("lab-{n}"), joined()))).collect();
    events.push((0, host("lab-11", HostProgress::Bootstrap(Bootstrap::Joining))));
    events.push((
        0,
        host(
            "lab-12",
            HostProgress::Failed {
                reason: "no space left".into(),
            },
        ),
    ));
    let waiting = |n| {
        service(
            &format!("web-{n}"),
            ServiceProgress::Waiting {
                services: vec!["db".into()],
            },
        )
    };
    events.extend((1..=6).map(|n| (0, waiting(n))));
    events.push((0, service("db", converging(0, 1, None))));
    let board = board(events);
    insta::assert_snapshot!(plain(&board.render(80, 14, Duration::from_secs(1))), @"
    hosts 10/12
     ✔ lab-10            in the cluster
     ⠋ lab-11     1.0 s  joining the cluster
     ✘ lab-12            failed  no space left
     … and 9 done
    services 0/7
     · web-1             waiting for db
     · web-2             waiting for db
     · web-3             waiting for db
     · web-4             waiting for db
     · web-5             waiting for db
     · web-6             waiting for db
     ⠋ db         1.0 s  0 of 1 running
    ");
    insta::assert_snapshot!(plain(&board.render(80, 9, Duration::from_secs(1))), @"
    hosts 10/12
     ⠋ lab-11     1.0 s  joining the cluster
     ✘ lab-12            failed  no space left
     … and 10 done
    services 0/7
     · web-1             waiting for db
     ⠋ db         1.0 s  0 of 1 running
     … and 5 waiting
    ");
}

#[test]
fn the_picture_never_fills_the_terminal() {
    for board in [
        midway(),
        ended(),
        board(every_event().into_iter().map(|event| (0, event))),
    ] {
        for height in 1..30 {
            let lines = board.render(60, height, Duration::from_secs(20));
            assert!(lines.len() < height.max(2), "{height}: {lines:#?}");
        }
    }
}

#[test]
fn remarks_are_said_at_once_and_closing_words_later() {
    let mut board = Board::default();
    let note = Event::Note {
        message: "said".to_owned(),
        place: None,
    };
    assert!(board.apply(&note, Duration::ZERO).is_some());
    assert!(board.apply(&finished(0), Duration::ZERO).is_none());
    assert_eq!(
        board.render_final(80, Duration::ZERO),
        ["`up` of `shop`: nothing to change (12.3 s)"]
    );
}

#[test]
fn a_command_with_nothing_to_do_draws_once() {
    let (output, _, err) = captured(terminal(80, 24), false);
    let live = Live::start(&output);
    live.reader()(service("web", ServiceProgress::UpToDate));
    drop(live);
    assert_eq!(err.text(), "services 1/1\n ✔ web            up to date\n");
}

#[test]
fn the_end_leaves_the_last_picture_and_the_cursor() {
    let (output, _, err) = captured(terminal(80, 24), false);
    let live = Live::start(&output);
    let tell = live.reader();
    tell(service("web", ServiceProgress::Creating));
    std::thread::sleep(Duration::from_millis(350));
    tell(service("web", ServiceProgress::Completed));
    drop(live);
    tell(service("late", ServiceProgress::Completed));
    let text = err.text();
    assert!(text.starts_with("\x1b[?25lservices 0/1\x1b[K\n"), "{text:?}");
    assert!(text.contains("creating"), "{text:?}");
    let last = text.rsplit("\x1b[2K").next().unwrap_or_default();
    assert!(last.starts_with("services 1/1\n ✔ web"), "{text:?}");
    assert!(last.ends_with("completed\n\x1b[?25h"), "{text:?}");
}

#[test]
fn a_panic_is_not_drawn_over() {
    let (output, _, err) = captured(terminal(80, 24), false);
    let shown = output.clone();
    let panicked = std::thread::spawn(move || {
        let live = Live::start(&shown);
        live.reader()(service("web", ServiceProgress::Creating));
        std::thread::sleep(Duration::from_millis(250));
        panic!("on purpose");
    });
    assert!(panicked.join().is_err());
    let text = err.text();
    let last = text.rsplit("\x1b[?25h").next().unwrap_or_default();
    assert!(last.starts_with("services 0/1\n · web"), "{text:?}");
}
