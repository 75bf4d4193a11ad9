//! Two commands at once on one project of one engine: the lock, and what becomes of it when its holder ends badly.

use super::docker::docker;
use super::hoist_command::Folder;
use super::project;

/// Healthy as soon as it is let: until then `up` waits.
const HELD_UP: &str = "
services:
  slow:
    image: busybox
    init: true
    command: [sleep, '1000']
    environment: {TURN: '${TURN:-1}'}
    healthcheck: {test: [CMD, test, -e, /go], interval: 1s, start_period: 10m}
";
const WAITS: &str = "health: starting";

fn let_it_go(folder: &Folder) {
    docker(&["exec", &format!("{}-slow-1", folder.name), "touch", "/go"]);
}

fn locks(folder: &Folder) -> Vec<String> {
    let listed = std::fs::read_dir(folder.state().join("hoist/locks")).unwrap();
    listed
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn a_second_command_names_who_is_at_work_or_waits_and_finds_nothing_to_do() {
    let (mut folder, _leaves_nothing) = project("two");
    folder.set("USER", "ann");
    folder.compose(HELD_UP);
    let first = folder.meanwhile(WAITS, &["up"], |id| {
        let words = [
            &*format!("project `{}` is locked by ann@", folder.name),
            &*format!("(`hoist up`, process {id}, since 20"),
            "--wait-lock",
            "hoist unlock",
        ];
        folder.hoist(&["up"]).fails(17, &words);
        folder.hoist(&["scale", "slow=2"]).fails(17, &words);
        folder.hoist(&["down"]).fails(17, &words);
        // Who only looks needs no lock.
        assert!(folder.hoist(&["ps"]).succeeds().stdout.contains("slow-1"));
        folder.hoist(&["plan"]).succeeds();
        folder.hoist(&["up", "--dry-run"]).succeeds();

        // Ctrl-C ends the wait, and nothing else.
        let waiting = "waiting for ann@";
        let given_up = folder.signalled_at(waiting, "-INT", &["up", "--wait-lock"]);
        given_up.fails(130, &["unfinished: waiting for the lock"]);

        let second = folder.meanwhile(waiting, &["up", "--wait-lock"], |_| let_it_go(&folder));
        assert!(
            second.succeeds().stderr.contains("nothing to change"),
            "{}",
            second.stderr
        );
    });
    first.succeeds();
    assert_eq!(locks(&folder), Vec::<String>::new());
}

#[test]
fn the_lock_of_a_command_that_was_killed_holds_nobody_up() {
    let (folder, _leaves_nothing) = project("killed");
    folder.compose(HELD_UP);
    let killed = folder.signalled_at(WAITS, "-KILL", &["up"]);
    assert_eq!(killed.code, None);
    let_it_go(&folder);
    let next = folder.hoist(&["up"]);
    assert!(next.succeeds().stderr.contains("took the lock over"), "{}", next.stderr);
    assert_eq!(locks(&folder), Vec::<String>::new());
}

#[test]
fn a_command_whose_lock_is_removed_stops_and_says_so() {
    let (mut folder, _leaves_nothing) = project("unlock");
    folder.set("USER", "ann");
    folder.compose(HELD_UP);
    let stopped = folder.meanwhile(WAITS, &["up"], |id| {
        let unlocked = folder.hoist(&["unlock"]);
        let said = format!("removed the lock of `{}`: it was held by ann@", folder.name);
        assert!(unlocked.succeeds().stderr.contains(&said), "{}", unlocked.stderr);
        assert!(
            unlocked.stderr.contains(&format!("process {id}")),
            "{}",
            unlocked.stderr
        );
    });
    let lost = format!(
        "the lock of project `{}` was removed; unfinished: service `slow`",
        folder.name
    );
    stopped.fails(18, &[&lost]);
    let none = folder.hoist(&["unlock"]);
    assert!(none.succeeds().stderr.contains("is not locked"), "{}", none.stderr);
    let_it_go(&folder);
    folder.hoist(&["up"]).succeeds();

    // Whoever is interrupted lets go.
    folder.set("TURN", "2");
    let interrupted = folder.signalled_at(WAITS, "-INT", &["up"]);
    interrupted.fails(130, &["unfinished: service `slow`"]);
    assert_eq!(locks(&folder), Vec::<String>::new());
    folder.hoist(&["down"]).succeeds();
}
