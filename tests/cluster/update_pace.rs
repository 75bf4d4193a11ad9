//! `deploy.update_config` and `rollback_config` where services run as containers, and Hoist itself replaces them.

use std::process::Output;

use jiff::Timestamp;

use crate::scene::{Scene, docker, text};

const COMPOSE: &str = "
services:
  web:
    image: busybox:latest
    command: [sh, -c, \"trap 'exit 0' TERM; test -z \\\"$$FAILS\\\" || { sleep 1; exit 7; }; tail -f /dev/null & wait\"]
    environment: {VERSION: \"${VERSION:-1}\", FAILS: \"${FAILS:-}\"}
    deploy:
      replicas: 4
      update_config: {parallelism: 2, delay: 1s, monitor: 2s, failure_action: \"${ACTION:-pause}\"}
      rollback_config: {parallelism: 4}
";

fn up(scene: &Scene, variables: &[(&str, &str)], more: &[&str]) -> Output {
    let words = [&["up"], more].concat();
    let output = scene.command(&words).envs(variables.iter().copied()).output().unwrap();
    println!("{variables:?} {words:?}: {}\n{}", output.status, text(&output.stderr));
    output
}

/// The containers by number: id and version.
fn containers(scene: &Scene) -> Vec<(String, String)> {
    let of = |found: &serde_json::Value| {
        let environment = found["Config"]["Env"].as_array().unwrap().clone();
        let mut versions = environment
            .iter()
            .filter_map(|entry| entry.as_str()?.strip_prefix("VERSION="));
        let version = versions.next().unwrap_or_default().to_owned();
        (found["Id"].as_str().unwrap().to_owned(), version)
    };
    // What is set aside is called otherwise.
    let in_use = |found: &&serde_json::Value| {
        let name = found["Name"].as_str().unwrap();
        name.strip_prefix(&format!("/{}-web-", scene.name))
            .is_some_and(|number| number.parse::<u32>().is_ok())
    };
    let all = scene.local_containers("web");
    all.iter().filter(in_use).map(of).collect()
}

fn versions(scene: &Scene) -> Vec<String> {
    containers(scene).into_iter().map(|(_, version)| version).collect()
}

#[test]
fn containers_are_replaced_at_the_files_pace_and_what_fails_is_met_as_it_says() {
    let scene = Scene::with("pace", COMPOSE);
    assert!(up(&scene, &[], &[]).status.success());

    it_goes_batch_by_batch(&scene);
    a_failure_ends_it_where_it_is(&scene);
    a_failure_is_passed_over(&scene);
    a_failure_brings_back_what_ran(&scene);
    the_operators_pace_comes_first_and_going_back_has_its_own(&scene);

    scene.hoist(&["down"]);
    let label = format!("label=com.docker.compose.project={}", scene.name);
    assert_eq!(docker(&["ps", "--all", "--quiet", "--filter", &label]), "");
}

fn it_goes_batch_by_batch(scene: &Scene) {
    let planned = scene.command(&["plan"]).env("VERSION", "2").output().unwrap();
    assert!(text(&planned.stdout).contains("2 at once, 1.0 s apart"), "{planned:?}");
    assert!(up(scene, &[("VERSION", "2")], &[]).status.success());
    assert_eq!(versions(scene), ["2"; 4]);
    let containers = scene.local_containers("web");
    let started = containers.iter().map(|found| {
        let started = found["State"]["StartedAt"].as_str().unwrap();
        started.parse::<Timestamp>().unwrap().as_millisecond()
    });
    let started: Vec<i64> = started.collect();
    let first = started[0].max(started[1]);
    assert!(started[2].min(started[3]) >= first + 1000, "{started:?}");
}

fn a_failure_ends_it_where_it_is(scene: &Scene) {
    let before = containers(scene);
    let stopped = up(scene, &[("VERSION", "3"), ("FAILS", "yes")], &[]);
    assert_eq!(stopped.status.code(), Some(32));
    assert!(
        text(&stopped.stderr).contains("exited with code 7"),
        "{}",
        text(&stopped.stderr)
    );
    assert_eq!(containers(scene)[2..], before[2..], "the second batch is not begun");
    assert!(up(scene, &[("VERSION", "4")], &[]).status.success());
    assert_eq!(versions(scene), ["4"; 4]);
}

fn a_failure_is_passed_over(scene: &Scene) {
    let stopped = up(
        scene,
        &[("VERSION", "5"), ("FAILS", "yes"), ("ACTION", "continue")],
        &[],
    );
    assert_eq!(stopped.status.code(), Some(32));
    assert_eq!(versions(scene), ["5"; 4]);
    assert!(up(scene, &[("VERSION", "1")], &[]).status.success());
}

fn a_failure_brings_back_what_ran(scene: &Scene) {
    let before = containers(scene);
    let back = up(
        scene,
        &[("VERSION", "6"), ("FAILS", "yes"), ("ACTION", "rollback")],
        &[],
    );
    assert_eq!(back.status.code(), Some(40));
    assert!(
        text(&back.stderr).contains("what ran before is back"),
        "{}",
        text(&back.stderr)
    );
    assert_eq!(containers(scene), before, "the very same containers");
    assert!(scene.hoist(&["plan"]).contains("nothing to do"));
    // What gave way for good goes.
    assert!(
        up(scene, &[("VERSION", "7"), ("ACTION", "rollback")], &[])
            .status
            .success()
    );
    assert_eq!(versions(scene), ["7"; 4]);
    let label = format!("label=com.docker.compose.project={}", scene.name);
    let all = docker(&["ps", "--all", "--quiet", "--filter", &label]);
    assert_eq!(all.lines().count(), 4);
}

fn the_operators_pace_comes_first_and_going_back_has_its_own(scene: &Scene) {
    let before = containers(scene);
    let variables = [("VERSION", "8"), ("ACTION", "rollback")];
    assert!(
        up(scene, &variables, &["--upgrade", "--batch-size", "4"])
            .status
            .success()
    );
    assert_eq!(versions(scene), ["8"; 4]);
    scene.hoist(&["rollback", "web"]);
    assert_eq!(containers(scene), before);
    let containers = scene.local_containers("web");
    let pace = &containers[0]["Config"]["Labels"]["dev.hoist.rollback-pace"];
    assert!(pace.as_str().unwrap().contains("\"parallelism\":4"), "{pace}");
}
