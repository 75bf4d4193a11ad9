//! Machines that exist already, given by address: bootstrapped as any, over TLS and then over SSH alone.

use hoist::compose::model::{GroupProvider, LocalHosts};
use hoist::engine::{Endpoint, Engine};
use hoist::hosts::{Host, HostKey, HostRequest, LocalProvider, Provider};

use crate::scene::{Scene, docker};
use crate::sweep::Sweep;

/// Two bare machines of somebody else's pool: nothing tells Hoist of them but the file.
fn machines(pool: &str, scene: &Scene) -> Vec<Host> {
    let socket = "/var/run/docker.sock".into();
    let engine = Engine::new("local", &Endpoint::Unix { socket }).unwrap();
    let provider = LocalProvider::new(engine, scene.project().join("machines"));
    let request = |name: &str| HostRequest {
        name: name.to_owned(),
        group: "metal".into(),
        pool: pool.to_owned(),
        labels: Default::default(),
        settings: GroupProvider::Local(LocalHosts {
            image: "debian:12".into(),
        }),
    };
    let (one, two) = (request("metal-1"), request("metal-2"));
    let made = tokio::runtime::Runtime::new()
        .unwrap()
        .block_on(async { tokio::join!(provider.make(&one, &|_| ()), provider.make(&two, &|_| ())) });
    vec![made.0.unwrap(), made.1.unwrap()]
}

fn compose(machines: &[Host], api: &str) -> String {
    let mut text = String::from("x-hosts:\n  site:\n    labels: {place: cellar}\n    ssh:\n");
    for machine in machines {
        let HostKey::Pinned(key) = &machine.login.host_key else {
            panic!("{machine:?}")
        };
        text += &format!(
            "      - {{host: {}, user: {}, identity_file: {}, host_key: \"{key}\"}}\n",
            machine.login.address,
            machine.login.user.as_ref().unwrap(),
            machine.login.identity_file.as_ref().unwrap().display(),
        );
    }
    text + &format!("x-pool: {{docker: {{api: {api}}}}}\n")
        + "
services:
  tiny:
    image: busybox:latest
    command: [sh, -c, \"trap 'exit 0' TERM; echo here is $$HOSTNAME; tail -f /dev/null & wait\"]
    deploy:
      mode: global
      placement: {constraints: [node.labels.place == cellar]}
"
}

/// What root's shell in a machine prints: it asks the engine where no certificate is needed.
fn inside(machine: &Host, script: &str) -> String {
    docker(&["exec", &machine.id, "sh", "-c", script])
}

const REPLICAS: &str = "docker ps --quiet --no-trunc --filter label=com.docker.compose.service=tiny";
const LISTENING: &str = "ss -Hltn 'sport = :2376'";

#[test]
fn machines_given_by_address_are_bootstrapped_and_reached_over_tls_and_over_ssh() {
    let others = format!("t-metal-{}", std::process::id());
    let _machines = Sweep::of_pool(&others);
    let scene = Scene::new("ssh");
    let machines = machines(&others, &scene);
    scene.write("compose.yaml", &compose(&machines, "tls"));

    scene.hoist(&["up"]);
    let replicas: Vec<String> = machines.iter().map(|machine| inside(machine, REPLICAS)).collect();
    assert!(replicas.iter().all(|ids| ids.lines().count() == 1), "{replicas:?}");
    for (machine, name) in machines.iter().zip(["site-1", "site-2"]) {
        assert_ne!(inside(machine, LISTENING), "");
        let node = inside(
            machine,
            "docker info --format '{{.Swarm.LocalNodeState}} {{.Swarm.NodeID}}'",
        );
        let (state, id) = node.trim().split_once(' ').unwrap();
        assert_eq!(state, "active");
        let labels = inside(
            &machines[0],
            &format!("docker node inspect --format '{{{{json .Spec.Labels}}}}' {id}"),
        );
        for label in [
            format!("\"dev.hoist.host\":\"{name}\""),
            "\"place\":\"cellar\"".to_owned(),
        ] {
            assert!(labels.contains(&label), "{labels}");
        }
    }
    assert_eq!(scene.hoist(&["hosts", "ssh", "site-2", "--", "hostname"]), "metal-2\n");
    assert!(scene.hoist(&["plan"]).contains("nothing to do"));

    // The same machines with port 22 alone: the API is off the network, and everything goes on.
    scene.write("compose.yaml", &compose(&machines, "ssh"));
    scene.hoist(&["up"]);
    for machine in &machines {
        assert_eq!(inside(machine, LISTENING), "");
    }
    let again: Vec<String> = machines.iter().map(|machine| inside(machine, REPLICAS)).collect();
    assert!(again.iter().all(|ids| ids.lines().count() == 1), "{again:?}");
    assert!(scene.hoist(&["plan"]).contains("nothing to do"));
    let listed = scene.hoist_json(&["ps", "--format", "json"]);
    assert_eq!(listed.as_array().unwrap().len(), 2);
    let logs = scene.hoist(&["logs"]);
    assert!(
        logs.lines().filter(|line| line.contains("here is")).count() >= 2,
        "{logs}"
    );
    scene.hoist(&["up"]);
    let third: Vec<String> = machines.iter().map(|machine| inside(machine, REPLICAS)).collect();
    assert_eq!(third, again);

    // The machines are somebody's: they go on without the cluster.
    scene.hoist(&["down", "-v", "--hosts"]);
    for machine in &machines {
        let state = inside(
            machine,
            "docker info --format '{{.Swarm.LocalNodeState}} {{.Containers}}'",
        );
        assert_eq!(state.trim(), "inactive 0");
    }
}
