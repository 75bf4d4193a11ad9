//! Upgrades on three hosts, from one service to another and in place, with callers inside the cluster the whole time.

mod in_service;
mod killed;
mod rolling;

use std::time::Duration;

use crate::scene::{Scene, text};

/// Servers that go on serving for a moment once they are told to stop, as those that are to be replaced without a failed call must:
/// who has just looked a name up still comes, and a busy host hears late that the name has another address. They are given the time
/// to come up that a busy host needs, too. Health is asked for and callers call no faster than the test needs: each probe is a process
/// that the runtime makes, and they would be the load that starves the hosts.
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
      trap 'sleep 4; exit 0' TERM
      httpd -f -p 8080 -h /tmp & wait
  healthcheck: {test: [CMD, wget, -q, -O, /dev/null, 'http://127.0.0.1:8080/'], interval: 1s, retries: 2, start_period: 10s}
x-caller: &caller
  image: busybox:latest
  init: true
  command:
    - sh
    - -c
    - 'while :; do wget -q -T 20 -O - http://$$CALLED:8080/ 2>&1 || echo failed at $$(date +%T); sleep 0.1; done'
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
      interval: 1s
      retries: 2
      start_period: \"${COMES_UP:-10s}\"
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
    // Not said by the test: thousands of lines would bury what failed.
    let output = scene.command(&["logs", "--no-log-prefix", caller]).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let said = text(&output.stdout);
    let servers = ["blue", "green", "site-"];
    let (answered, failed): (Vec<&str>, Vec<&str>) = said
        .lines()
        .partition(|line| servers.iter().any(|server| line.starts_with(server)));
    (answered.len(), failed.into_iter().map(str::to_owned).collect())
}

/// The last thing asked of a scene: none of the calls failed, and nothing of the pool stays behind it.
fn ends_without_a_failed_call(scene: &Scene, callers: &[&str]) {
    std::thread::sleep(Duration::from_secs(1));
    for caller in callers {
        let (answered, failed) = answers(scene, caller);
        println!("{caller}: {answered} calls answered, {} failed", failed.len());
        assert!(answered > 200, "{caller}: {answered}");
        assert_eq!(failed, Vec::<String>::new(), "{caller}");
    }
    scene.hoist(&["down", "--hosts", "-v"]);
    assert_eq!(scene.sweep.left_overs(), Vec::<String>::new());
}
