//! On one engine: what a service asks of its host's kernel, of other containers and of its own start and stop, by what
//! the engine's own inspection says.

use serde_json::{Value, json};

use crate::scene::{Scene, docker, text};

const COMPOSE: &str = "
x-tiny: &tiny
  image: busybox:latest
  command: [sh, -c, \"trap 'exit 0' TERM; tail -f /dev/null & wait\"]
services:
  files:
    <<: *tiny
    volumes: [/shared]
  tuned:
    <<: *tiny
    cpu_shares: 512
    cpuset: '0'
    cpu_period: 50000
    cpu_quota: 25000
    mem_limit: 64m
    mem_reservation: 32m
    memswap_limit: 128m
    mem_swappiness: 10
    oom_kill_disable: true
    blkio_config: {weight: 300}
    device_cgroup_rules: ['c 1:3 mr']
    mac_address: '02:42:ac:11:00:77'
    uts: host
    cgroup: private
    runtime: runc
    volumes: ['kept:/kept']
    volumes_from: ['files:ro']
    links: ['files:archive']
    post_start:
      - command: [sh, -c, 'echo \"$$WHO $$(id -u) $$(pwd)\" > hooked']
        environment: {WHO: hook}
        user: '1000'
        working_dir: /tmp
    pre_stop:
      - command: [sh, -c, 'echo bye > /kept/bye']
volumes:
  kept:
";

const BROKEN: &str = "
services:
  broken:
    image: busybox:latest
    command: [sh, -c, \"trap 'exit 0' TERM; tail -f /dev/null & wait\"]
    post_start:
      - command: [sh, -c, 'test -e /repaired || { echo no such dish >&2; exit 3; }']
";

#[test]
fn a_container_has_of_its_host_what_the_file_says_and_runs_its_commands() {
    let scene = Scene::with("host-resources", COMPOSE);
    scene.hoist(&["up"]);
    let container = &scene.local_containers("tuned")[0];
    let files = &scene.local_containers("files")[0];
    let files = files["Id"].as_str().unwrap();
    let expected = [
        ("CpuShares", json!(512)),
        ("CpusetCpus", json!("0")),
        ("CpuPeriod", json!(50_000)),
        ("CpuQuota", json!(25_000)),
        ("Memory", json!(64 << 20)),
        ("MemoryReservation", json!(32 << 20)),
        ("DeviceCgroupRules", json!(["c 1:3 mr"])),
        ("UTSMode", json!("host")),
        ("CgroupnsMode", json!("private")),
        ("Runtime", json!("runc")),
        ("VolumesFrom", json!([format!("{files}:ro")])),
    ];
    for (field, expected) in expected {
        assert_eq!(container["HostConfig"][field], expected, "{field}");
    }
    // Engines discard what their kernel has no controller for, with a warning of their own.
    for (field, expected) in [
        ("MemorySwap", json!(128 << 20)),
        ("MemorySwappiness", json!(10)),
        ("OomKillDisable", json!(true)),
        ("BlkioWeight", json!(300)),
    ] {
        let found = &container["HostConfig"][field];
        let discarded = [json!(null), json!(-1), json!(0), json!(false)].contains(found);
        assert!(*found == expected || discarded, "{field}: {found}");
    }
    let network = format!("{}_default", scene.name);
    assert_eq!(
        container["NetworkSettings"]["Networks"][&network]["MacAddress"],
        "02:42:ac:11:00:77"
    );
    let mounts = container["Mounts"].as_array().unwrap();
    let shared = mounts.iter().find(|mount| mount["Destination"] == "/shared");
    assert_eq!(
        shared.map(|mount| &mount["RW"]),
        Some(&Value::Bool(false)),
        "{mounts:?}"
    );
    let id = container["Id"].as_str().unwrap();
    docker(&["exec", id, "ping", "-c", "1", "archive"]);
    assert_eq!(docker(&["exec", id, "cat", "/tmp/hooked"]).trim(), "hook 1000 /tmp");

    // A container that runs is left alone, commands and all.
    docker(&["exec", id, "rm", "/tmp/hooked"]);
    scene.hoist(&["up"]);
    assert_eq!(scene.local_containers("tuned")[0]["Id"], id);
    docker(&["exec", id, "test", "!", "-e", "/tmp/hooked"]);

    scene.hoist(&["down"]);
    let volume = format!("{}_kept:/kept", scene.name);
    let said = docker(&["run", "--rm", "--volume", &volume, "busybox:latest", "cat", "/kept/bye"]);
    assert_eq!(said.trim(), "bye");
    scene.hoist(&["down", "-v"]);
}

#[test]
fn a_start_whose_command_fails_is_a_failure_that_the_next_run_takes_up() {
    let scene = Scene::with("failing-start", BROKEN);
    let output = scene.command(&["up"]).output().unwrap();
    assert_eq!(output.status.code(), Some(32), "{}", text(&output.stderr));
    let said = text(&output.stderr);
    for words in ["`post_start` `sh -c", "ended with exit code 3", "no such dish"] {
        assert!(said.contains(words), "{said}");
    }
    let container = &scene.local_containers("broken")[0];
    assert_eq!(container["State"]["Running"], false);
    let id = container["Id"].as_str().unwrap();
    docker(&["cp", "/dev/null", &format!("{id}:/repaired")]);
    scene.hoist(&["up"]);
    let container = &scene.local_containers("broken")[0];
    assert_eq!(container["Id"], id);
    assert_eq!(container["State"]["Running"], true);
    scene.hoist(&["down"]);
}
