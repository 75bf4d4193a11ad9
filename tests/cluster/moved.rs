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

/// Empties a host and opens it again: nothing of the project is on it then.
fn emptied(scene: &Scene, host: &str) {
    scene.hoist(&["hosts", "drain", host]);
    scene.hoist(&["up"]);
    scene.hoist(&["hosts", "activate", host]);
}

#[test]
fn replicas_and_volumes_move_where_that_is_asked() {
    let scene = Scene::with("moved", COMPOSE);
    scene.hoist(&["up"]);
    let hosts = scene.hosts();
    assert_eq!(counts(&hosts, "page"), [1, 1, 2]);
    assert!(said(&scene, 0, &["rebalance"]).contains("nothing to change"));

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
    assert!(shown.lines().skip(1).all(|line| line.ends_with("lab-3")), "{shown}");
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
    assert_eq!((came, after[0][2].len() + after[1][2].len()), (planned, planned));
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
