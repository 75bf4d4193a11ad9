//! A project of a pool that several people work on: its lock and its revisions, which are kept in the cluster.

use std::process::{Child, Output, Stdio};
use std::time::Duration;

use crate::revisions;
use crate::scene::{LocalHost, Scene, text, wait_for};

/// `slow` is healthy as soon as it is let: until then `up` waits.
const COMPOSE: &str = "
x-hosts: {lab: {count: 1, local: {}}}
services:
  page:
    image: busybox:latest
    init: true
    command: [sleep, '1000']
  slow:
    image: busybox:latest
    init: true
    command: [sleep, '1000']
    environment: {TURN: '${TURN:-1}'}
    healthcheck: {test: [CMD, test, -e, /go], interval: 1s, start_period: 10m}
";

const LIMIT: Duration = Duration::from_secs(60);

struct Shared {
    scene: Scene,
    host: LocalHost,
}

impl Shared {
    fn begin(&self, turn: &str, words: &[&str]) -> Child {
        let mut command = self.scene.command(words);
        command.env("USER", "ann").env("TURN", turn);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    fn run(&self, turn: &str, words: &[&str]) -> Output {
        self.begin(turn, words).wait_with_output().unwrap()
    }

    /// Begins an `up` and gives it once its replica of this turn runs, which is not healthy.
    fn held_up(&self, turn: &str) -> Child {
        let child = self.begin(turn, &["up"]);
        wait_for("the replica", LIMIT, || {
            self.replica(turn).ok_or_else(|| "none runs".to_owned())
        });
        child
    }

    fn replica(&self, turn: &str) -> Option<String> {
        let turn = format!("TURN={turn}");
        let replicas = self.host.containers("slow").into_iter();
        let mut of_turn = replicas.filter(|replica| replica["Config"]["Env"].to_string().contains(&turn));
        Some(of_turn.next()?["Id"].as_str()?.to_owned())
    }

    fn let_it_go(&self, turn: &str) {
        let replica = self.replica(turn).expect("a replica");
        self.host.docker(&["exec", &replica, "touch", "/go"]);
    }

    fn locks(&self) -> String {
        self.host
            .docker(&["config", "ls", "--quiet", "--filter", "label=dev.hoist.lock"])
    }

    fn updated_at(&self, lock: &str) -> String {
        self.host
            .docker(&["config", "inspect", "--format", "{{.UpdatedAt}}", lock])
    }
}

fn succeeded(output: Output) -> String {
    let said = text(&output.stderr);
    assert!(output.status.success(), "{said}");
    said
}

#[test]
fn deployments_of_a_project_take_turns_and_can_be_gone_back_to() {
    let scene = Scene::with("turns", COMPOSE);
    scene.hoist(&["up", "page"]);
    let host = scene.hosts().remove(0);
    let shared = Shared { scene, host };
    assert_eq!(shared.locks(), "");

    let first = shared.held_up("1");
    let refused = shared.run("1", &["up"]);
    assert_eq!(refused.status.code(), Some(17));
    let said = text(&refused.stderr);
    let holder = "is locked by ann@";
    assert!(said.contains(holder), "{said}");
    assert!(
        said.contains(&format!("(`hoist up`, process {}, since 20", first.id())),
        "{said}"
    );
    assert!(said.contains("--wait-lock") && said.contains("hoist unlock"), "{said}");
    assert_eq!(shared.run("1", &["down"]).status.code(), Some(17));
    succeeded(shared.run("1", &["ps"]));
    succeeded(shared.run("1", &["plan"]));

    // Its holder gives a sign of life before the lease runs out.
    let lock = shared.locks().trim().to_owned();
    let made = shared.updated_at(&lock);
    wait_for("the renewal", LIMIT, || match shared.updated_at(&lock) == made {
        true => Err("not renewed".to_owned()),
        false => Ok(()),
    });

    let second = shared.begin("1", &["up", "--wait-lock"]);
    shared.let_it_go("1");
    succeeded(first.wait_with_output().unwrap());
    let said = succeeded(second.wait_with_output().unwrap());
    assert!(said.contains("nothing to change"), "{said}");
    assert_eq!(shared.locks(), "");

    // Killed on this machine: the next one goes on at once, with a lock that no request of the killed one can still remove.
    let mut killed = shared.held_up("2");
    killed.kill().unwrap();
    killed.wait().unwrap();
    let left = shared.locks();
    assert_ne!(left, "");
    let next = shared.begin("2", &["up"]);
    wait_for("a lock of its own", LIMIT, || match shared.locks() {
        lock if lock == left || lock.is_empty() => Err(lock),
        _ => Ok(()),
    });
    shared.let_it_go("2");
    let said = succeeded(next.wait_with_output().unwrap());
    assert!(said.contains("took the lock over from ann@"), "{said}");
    assert_eq!(shared.locks(), "");

    // Unlocked by somebody else: it stops.
    let stopped = shared.held_up("3");
    let id = stopped.id();
    let said = succeeded(shared.run("3", &["unlock"]));
    assert!(
        said.contains("it was held by ann@") && said.contains(&format!("process {id}")),
        "{said}"
    );
    let stopped = stopped.wait_with_output().unwrap();
    let said = text(&stopped.stderr);
    assert_eq!(stopped.status.code(), Some(18), "{said}");
    assert!(said.contains("was removed; unfinished: service `slow`"), "{said}");
    assert!(succeeded(shared.run("3", &["unlock"])).contains("is not locked"));

    let scene = &shared.scene;
    revisions::of_a_pool(scene, &shared.host);
    scene.hoist(&["down", "--hosts", "-v"]);
    assert_eq!(scene.sweep.left_overs(), Vec::<String>::new());
}
