//! What moves between hosts because somebody asks for it: replicas that are spread again, and volumes with their data.

use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::scene::{LocalHost, Scene, text, wait_for};

const COMPOSE: &str = "
x-hosts: {lab: {count: 3, local: {}}}
x-tiny: &tiny
  image: busybox:latest
  command: [sh, -c, \"trap 'exit 0' TERM; sleep 1; touch /ready; tail -f /dev/null & wait\"]
  healthcheck: {test: [CMD, test, -e, /ready], interval: 500ms, retries: 20}
  stop_grace_period: 3s
services:
  page:
    <<: *tiny
    deploy: {replicas: 4, update_config: {parallelism: 2}}
  boxes:
    <<: *tiny
    x-runtime: container
    deploy: {replicas: 2}
  store:
    <<: *tiny
    volumes: [data:/data]
  chest:
    <<: *tiny
    x-runtime: container
    volumes: [jewels:/data]
volumes: {data: {}, jewels: {}}
";

/// The ids of a service's containers, host by host.
fn ids(hosts: &[LocalHost], service: &str) -> Vec<Vec<String>> {
    let sorted = |host: &LocalHost| {
        let mut ids = host.running(service);
        ids.sort_unstable();
        ids
    };
    hosts.iter().map(sorted).collect()
}

fn counts(hosts: &[LocalHost], service: &str) -> Vec<usize> {
    let mut counts: Vec<usize> = ids(hosts, service).iter().map(Vec::len).collect();
    counts.sort_unstable();
    counts
}

fn all(ids: &[Vec<String>]) -> Vec<&String> {
    ids.iter().flatten().collect()
}

fn said(scene: &Scene, code: i32, words: &[&str]) -> String {
    let output = scene.run(words);
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "hoist {words:?}: {stderr}");
    stderr
}

/// Empties a host and opens it again: nothing of the project is on it then but what has its data there.
fn emptied(scene: &Scene, host: &str) {
    scene.hoist(&["hosts", "drain", host]);
    // What has its data there waits for it.
    scene.hoist(&["up", "page", "boxes"]);
    scene.hoist(&["hosts", "activate", host]);
    scene.hoist(&["up"]);
}

#[test]
fn replicas_and_volumes_move_where_that_is_asked() {
    let scene = Scene::with("moved", COMPOSE);
    scene.hoist(&["up"]);
    let hosts = scene.hosts();
    assert_eq!(counts(&hosts, "page"), [1, 1, 2]);

    a_volume_moves_with_its_data_however_often_it_is_cut_off(&scene, &hosts);
    a_container_follows_its_volume(&scene, &hosts);
    what_would_lose_data_is_refused(&scene, &hosts);
    the_fewest_replicas_move_to_a_host_that_came_back(&scene, &hosts);
    a_killed_rebalance_is_ended_by_the_next(&scene, &hosts);

    scene.hoist(&["down", "-v", "--hosts"]);
    assert_eq!(scene.sweep.left_overs(), Vec::<String>::new());
}

fn the_fewest_replicas_move_to_a_host_that_came_back(scene: &Scene, hosts: &[LocalHost]) {
    emptied(scene, "lab-3");
    let before = [ids(hosts, "page"), ids(hosts, "boxes")];
    assert_eq!((before[0][2].len(), before[1][2].len()), (0, 0));
    let shown = scene.hoist(&["rebalance", "--dry-run"]);
    assert!(
        shown
            .lines()
            .any(|line| line.starts_with("page.") && line.ends_with("lab-3")),
        "{shown}"
    );
    let planned = shown.lines().count() - 1;
    assert_eq!(
        [ids(hosts, "page"), ids(hosts, "boxes")],
        before,
        "a dry run touches nothing"
    );

    let done = Arc::new(AtomicBool::new(false));
    let (looked_at, stop) = (hosts.to_vec(), Arc::clone(&done));
    let watch = std::thread::spawn(move || {
        let mut fewest = usize::MAX;
        while !stop.load(Ordering::Relaxed) {
            fewest = fewest.min(looked_at.iter().map(|host| host.running("page").len()).sum());
        }
        fewest
    });
    scene.hoist(&["rebalance"]);
    done.store(true, Ordering::Relaxed);
    assert!(watch.join().unwrap() >= 4, "a replica stopped before its successor ran");

    let after = [ids(hosts, "page"), ids(hosts, "boxes")];
    assert_eq!(counts(hosts, "page"), [1, 1, 2]);
    let came: usize = (before.iter().zip(&after))
        .map(|(before, after)| all(after).iter().filter(|id| !all(before).contains(id)).count())
        .sum();
    assert_eq!(came, planned);
    assert!(!after[0][2].is_empty(), "{after:?}");
    // The cluster is told nothing else than before.
    let spec = &hosts[0].inspect("service", &format!("{}_page", scene.name))["Spec"];
    assert_eq!(
        spec["TaskTemplate"]["Placement"]["Constraints"]
            .as_array()
            .map_or(0, Vec::len),
        0
    );
    assert_eq!(
        (
            &spec["UpdateConfig"]["Parallelism"],
            &spec["Labels"]["dev.hoist.off-host"]
        ),
        (&2.into(), &serde_json::Value::Null)
    );
    assert!(scene.hoist(&["plan"]).contains("nothing to do"));
    assert!(said(scene, 0, &["rebalance"]).contains("nothing to change"));
    assert_eq!([ids(hosts, "page"), ids(hosts, "boxes")], after);
}

fn a_killed_rebalance_is_ended_by_the_next(scene: &Scene, hosts: &[LocalHost]) {
    emptied(scene, "lab-2");
    let mut child = scene
        .command(&["rebalance"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let name = format!("{}_page", scene.name);
    let is_off = || {
        let labels = hosts[0].inspect("service", &name)["Spec"]["Labels"].to_string();
        labels.contains("dev.hoist.off-host")
    };
    wait_for("a replica that leaves", Duration::from_secs(60), || match is_off() {
        true => Ok(()),
        false => Err("none does".to_owned()),
    });
    child.kill().unwrap();
    child.wait().unwrap();
    scene.hoist(&["rebalance"]);
    assert!(!is_off());
    assert_eq!(counts(hosts, "page"), [1, 1, 2]);
    assert!(scene.hoist(&["plan"]).contains("nothing to do"));
}

/// The host that a service runs on, and its container there.
fn place<'a>(hosts: &'a [LocalHost], service: &str) -> (&'a LocalHost, String) {
    let found = hosts.iter().find_map(|host| Some((host, host.running(service).pop()?)));
    found.unwrap_or_else(|| panic!("{service} runs nowhere"))
}

/// Files of every kind, with owners, modes and times that no program would give them by itself.
const FILL: &str = "
    mkdir -p /data/deep/er && cd /data
    echo hello > deep/file && chown 1234:5678 deep/file && chmod 4751 deep/file
    ln -s deep/file link && ln -s /nowhere broken && ln deep/file hard && mkfifo pipe
    dd if=/dev/urandom of=big bs=1M count=40 2>/dev/null && : > 'a name with blanks'
    chown -h 7:8 link && chown 42:43 deep/er && chmod 1777 deep/er
    touch -d '2001-02-03 04:05:06' deep/file deep/er";

/// All that can be seen of the files.
fn listing(host: &LocalHost, container: &str) -> String {
    let look = "cd /data && find . | sort | while read -r name; do
        stat -c '%N %F %a %u %g %s %Y %h' \"$name\"; done; find . -type f | sort | while read -r name; do sha256sum \"$name\"; done";
    host.docker(&["exec", container, "sh", "-c", look])
}

fn has_volume(host: &LocalHost, volume: &str) -> bool {
    host.docker(&["volume", "ls", "--quiet"])
        .lines()
        .any(|name| name == volume)
}

/// Runs a move until something is there, and kills it then.
fn killed_once(scene: &Scene, words: &[&str], what: &str, is_there: impl Fn() -> bool) {
    let mut child = scene
        .command(words)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_for(what, Duration::from_secs(90), || {
        match is_there() || child.try_wait().unwrap().is_some() {
            true => Ok(()),
            false => Err("it is not".to_owned()),
        }
    });
    child.kill().unwrap();
    child.wait().unwrap();
}

fn a_volume_moves_with_its_data_however_often_it_is_cut_off(scene: &Scene, hosts: &[LocalHost]) {
    let volume = format!("{}_data", scene.name);
    let (old, container) = place(hosts, "store");
    old.docker(&["exec", &container, "sh", "-c", FILL]);
    let before = listing(old, &container);
    assert!(
        before.contains("big") && before.contains(" 4751 1234 5678 "),
        "{before}"
    );
    let new = hosts.iter().find(|host| host.name != old.name).unwrap();
    let words = ["volumes", "move", "data", &new.name];

    let shown = scene.hoist(&[&words[..], &["--dry-run"]].concat());
    assert!(shown.contains(&format!("from {} to {}", old.name, new.name)), "{shown}");
    assert_eq!(
        old.running("store"),
        std::slice::from_ref(&container),
        "a dry run touches nothing"
    );

    killed_once(scene, &words, "the copy", || has_volume(new, &volume));
    assert!(
        has_volume(old, &volume),
        "what the copy is made from stays until it is complete"
    );
    let refused = said(scene, 12, &["up"]);
    assert!(
        refused.contains("on its way") && refused.contains("hoist volumes move data"),
        "{refused}"
    );
    let marks = || hosts[0].docker(&["config", "ls", "--quiet", "--filter", "label=dev.hoist.moved-volume"]);
    killed_once(scene, &words, "the mark", || !marks().is_empty());
    scene.hoist(&words);

    let (now, container) = place(hosts, "store");
    assert_eq!(
        (&now.name, place(hosts, "store").0.running("store").len()),
        (&new.name, 1)
    );
    assert_eq!(listing(now, &container), before);
    assert!(!has_volume(old, &volume));
    assert_eq!(marks(), "");
    for host in [old, new] {
        let left = host.docker(&["ps", "--all", "--quiet", "--filter", "label=dev.hoist.holds-volume"]);
        assert_eq!(
            (
                left.as_str(),
                host.docker(&["images", "--quiet", "hoist-empty"]).as_str()
            ),
            ("", "")
        );
    }
    assert!(scene.hoist(&["plan"]).contains("nothing to do"));
    assert!(said(scene, 0, &words).contains("nothing to change"));
}

fn a_container_follows_its_volume(scene: &Scene, hosts: &[LocalHost]) {
    let (old, container) = place(hosts, "chest");
    old.docker(&["exec", &container, "sh", "-c", FILL]);
    let before = listing(old, &container);
    let new = hosts.iter().find(|host| host.name != old.name).unwrap();
    scene.hoist(&["volumes", "move", &format!("{}_jewels", scene.name), &new.name]);
    let (now, container) = place(hosts, "chest");
    assert_eq!(now.name, new.name);
    assert_eq!(listing(now, &container), before);
    assert!(!has_volume(old, &format!("{}_jewels", scene.name)));
    assert!(scene.hoist(&["plan"]).contains("nothing to do"));
}

fn what_would_lose_data_is_refused(scene: &Scene, hosts: &[LocalHost]) {
    let volume = format!("{}_data", scene.name);
    let (old, container) = place(hosts, "store");
    let other = hosts.iter().find(|host| host.name != old.name).unwrap();
    // Also where the volume itself once was.
    for other in hosts.iter().filter(|host| host.name != old.name) {
        other.docker(&["volume", "create", &volume]);
        let refused = said(scene, 15, &["volumes", "move", "data", &other.name]);
        assert!(
            refused.contains(&format!("{} has a volume `data` already", other.name)),
            "{refused}"
        );
        other.docker(&["volume", "rm", &volume]);
    }

    let guest = old.docker(&["create", "--volume", &format!("{volume}:/x"), "busybox:latest"]);
    let refused = said(scene, 12, &["volumes", "move", "data", &other.name]);
    assert!(refused.contains("is not of this project"), "{refused}");
    old.docker(&["rm", guest.trim()]);
    assert_eq!(old.running("store"), [container], "what is refused touches nothing");

    scene.write(
        "alone.yaml",
        "services: {a: {image: busybox, volumes: ['data:/x']}}\nvolumes: {data: {}}\n",
    );
    let refused = said(scene, 12, &["-f", "alone.yaml", "volumes", "move", "data", "lab-1"]);
    assert!(refused.contains("runs on one engine"), "{refused}");
}
