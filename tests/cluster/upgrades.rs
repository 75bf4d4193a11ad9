//! Upgrades on three hosts, from one service to another and in place, with callers inside the cluster the whole time.

mod in_service;
mod killed;
mod rolling;

use std::time::Duration;

use crate::scene::{LocalHost, Scene};

/// Servers that go on serving for a moment once they are told to stop, as those that are to be replaced without a failed call must:
/// who has just looked a name up still comes.
const COMPOSE: &str = "
x-hosts: {lab: {count: 3, local: {}}}
x-server: &server
  image: busybox:latest
  command:
    - sh
    - -c
    - |
      test -z \"$$EXITS\" || exit $$EXITS
      echo $$VERSION > /tmp/index.html
      trap 'sleep 1; exit 0' TERM
      httpd -f -p 8080 -h /tmp & wait
  healthcheck: {test: [CMD, wget, -q, -O, /dev/null, 'http://127.0.0.1:8080/'], interval: 500ms, retries: 2}
x-caller: &caller
  image: busybox:latest
  init: true
  command:
    - sh
    - -c
    - 'while :; do wget -q -T 20 -O - http://$$CALLED:8080/ 2>&1 || echo failed at $$(date +%T); sleep 0.05; done'
services:
  blue:
    <<: *server
    environment: {VERSION: blue}
    networks: {default: {aliases: [shop]}}
  green:
    <<: *server
    environment: {VERSION: green}
    profiles: [next]
  ill:
    <<: *server
    healthcheck: {test: [CMD, 'false'], interval: 500ms, retries: 2}
    profiles: [next]
  site:
    <<: *server
    image: \"${SITE_IMAGE:-busybox:latest}\"
    environment: {VERSION: \"site-${VERSION:-1}\", BROKEN: \"${BROKEN:-}\", EXITS: \"${EXITS:-}\"}
    healthcheck:
      test: [CMD-SHELL, 'test -z \"$$BROKEN\" && wget -q -O /dev/null http://127.0.0.1:8080/']
      interval: 500ms
      retries: 2
    deploy:
      replicas: 3
      placement: {constraints: [\"${PLACED:-node.platform.os == linux}\"]}
      update_config: {parallelism: 1, monitor: 500ms, failure_action: pause, order: start-first}
      rollback_config: {parallelism: 2, monitor: 500ms, order: start-first}
  caller:
    <<: *caller
    environment: {CALLED: shop}
    depends_on: {blue: {condition: service_healthy}}
  visitor:
    <<: *caller
    environment: {CALLED: site}
    depends_on: {site: {condition: service_healthy}}
";

/// What a caller was answered, and how often it was not.
fn answers(scene: &Scene, caller: &str) -> (usize, Vec<String>) {
    let said = scene.hoist(&["logs", "--no-log-prefix", caller]);
    let servers = ["blue", "green", "site-"];
    let (answered, failed): (Vec<&str>, Vec<&str>) = said
        .lines()
        .partition(|line| servers.iter().any(|server| line.starts_with(server)));
    (answered.len(), failed.into_iter().map(str::to_owned).collect())
}

fn a_host_is_drained_and_comes_back(scene: &Scene) {
    let replicas = || {
        let hosts = scene.hosts();
        let of = |host: &LocalHost| ["blue", "green", "site"].map(|service| host.running(service).len());
        hosts
            .iter()
            .map(|host| of(host).into_iter().sum())
            .collect::<Vec<usize>>()
    };
    let all: usize = replicas().iter().sum();
    scene.hoist(&["hosts", "drain", "lab-2"]);
    let now = replicas();
    assert_eq!((now[1], now.iter().sum()), (0, all), "{now:?}");
    scene.hoist(&["hosts", "activate", "lab-2"]);
}

fn no_call_failed(scene: &Scene, callers: &[&str]) {
    for caller in callers {
        let (answered, failed) = answers(scene, caller);
        println!("{caller}: {answered} calls answered, {} failed", failed.len());
        assert!(answered > 200, "{caller}: {answered}");
        assert_eq!(failed, Vec::<String>::new(), "{caller}");
    }
}

#[test]
fn services_are_upgraded_step_by_step_and_no_call_fails() {
    let scene = Scene::with("roll", COMPOSE);
    scene.hoist(&["up", "--scale", "blue=2"]);
    in_service::a_service_is_changed_confirmed_and_rolled_back(&scene);
    rolling::a_service_takes_anothers_place_step_by_step(&scene);
    a_host_is_drained_and_comes_back(&scene);
    std::thread::sleep(Duration::from_secs(1));
    no_call_failed(&scene, &["caller", "visitor"]);
    killed::the_run_after_a_killed_one_finishes_or_undoes(&scene);
    std::thread::sleep(Duration::from_secs(1));
    no_call_failed(&scene, &["caller", "visitor"]);
    scene.hoist(&["down", "--hosts", "-v"]);
    assert_eq!(scene.sweep.left_overs(), Vec::<String>::new());
}
