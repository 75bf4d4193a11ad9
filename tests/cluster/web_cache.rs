//! The whole main job: compose-examples/web-cache on three bare local hosts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hoist::bootstrap::Keyring;
use hoist::engine::{ClientIdentity, Endpoint, Engine};
use serde_json::Value;

use crate::scene::{LocalHost, Scene, docker, get, json, text, wait_for};

const SERVICES: [&str; 3] = ["memcached", "redis", "web"];

/// What runs of the project, by service: the service's version on the managers, and its containers on all hosts.
#[derive(Debug, Clone, PartialEq)]
struct Running {
    version: u64,
    containers: BTreeSet<String>,
}

fn running(scene: &Scene) -> BTreeMap<String, Running> {
    let hosts = scene.hosts();
    let one = |service: &str| {
        let inspected = hosts[0].inspect("service", &format!("{}_{service}", scene.name));
        let running = Running {
            version: inspected["Version"]["Index"].as_u64().unwrap(),
            containers: hosts.iter().flat_map(|host| host.running(service)).collect(),
        };
        (service.to_owned(), running)
    };
    SERVICES.into_iter().map(one).collect()
}

/// The answers of the page, by the host that was asked; a host without a replica has none.
fn answers(scene: &Scene) -> BTreeMap<String, Value> {
    let asked = scene.hosts().into_iter().filter_map(|host| {
        let body = get(&format!("{}:8080", host.address), "/counter").ok()?;
        Some((host.name, json(&body)))
    });
    asked.collect()
}

fn visits(answers: &BTreeMap<String, Value>) -> u64 {
    answers
        .values()
        .map(|answer| answer["visits"].as_u64().unwrap())
        .max()
        .unwrap()
}

fn host_of(scene: &Scene, service: &str) -> String {
    let mut hosts = scene.hosts();
    hosts.retain(|host| !host.running(service).is_empty());
    assert_eq!(hosts.len(), 1, "{service} runs on {hosts:?}");
    hosts[0].name.clone()
}

#[test]
fn one_command_takes_a_compose_file_to_three_bare_hosts() {
    let scene = Scene::of_example("web", "web-cache");

    // A dry run says what would be done and does nothing.
    let plan = scene.hoist(&["up", "--dry-run"]);
    for part in ["lab-1", "lab-3", "redis", "to create"] {
        assert!(plan.contains(part), "{plan}");
    }
    assert_eq!(scene.sweep.left_overs(), Vec::<String>::new());
    assert!(!scene.keys().exists());

    let began = Instant::now();
    scene.hoist(&["up"]);
    println!("first up: {:.1?}", began.elapsed());
    replicas_run_on_three_joined_hosts(&scene);
    nobody_is_let_in_without_a_certificate(&scene);
    commands_say_what_runs(&scene);

    // Two replicas on two hosts count together.
    let first = answers(&scene);
    let names: BTreeSet<&str> = first.values().filter_map(|answer| answer["replica"].as_str()).collect();
    assert_eq!((first.len(), names.len()), (2, 2), "{first:?}");
    assert!(first.values().all(|answer| answer["version"] == "1"), "{first:?}");
    let second = answers(&scene);
    assert!(visits(&second) > visits(&first), "{first:?} {second:?}");
    logs_have_the_request(&scene);

    a_second_up_changes_nothing(&scene);
    a_changed_image_changes_that_service_only(&scene);
    replicas_are_added_and_taken_away(&scene);
    data_outlives_down_and_up(&scene);
    a_lost_host_is_replaced_and_comes_back(&scene);

    scene.hoist(&["down", "-v", "--hosts"]);
    assert_eq!(scene.sweep.left_overs(), Vec::<String>::new());
}

fn replicas_run_on_three_joined_hosts(scene: &Scene) {
    let hosts = scene.hosts();
    assert_eq!(hosts.len(), 3);
    let count = |service: &str| hosts.iter().map(|host| host.running(service).len()).sum::<usize>();
    assert_eq!(SERVICES.map(count), [1, 1, 2]);
    for (host, service) in hosts.iter().flat_map(|host| SERVICES.map(|service| (host, service))) {
        for container in host.containers(service) {
            assert_eq!(container["State"]["Health"]["Status"], "healthy");
            let labels = &container["Config"]["Labels"];
            assert_eq!(labels["com.docker.compose.project"], scene.name.as_str());
            assert_eq!(labels["com.docker.stack.namespace"], scene.name.as_str());
            assert_eq!(labels["com.docker.compose.service"], service);
        }
    }

    let nodes = hosts[0].docker_json(&["node", "ls", "--format", "{{json .}}"]);
    assert_eq!(nodes.len(), 3);
    for node in &nodes {
        assert_eq!(
            (&node["Status"], &node["Availability"]),
            (&"Ready".into(), &"Active".into()),
            "{node}"
        );
        let name = node["Hostname"].as_str().unwrap();
        let labels = hosts[0].inspect("node", name)["Spec"]["Labels"].clone();
        assert_eq!(labels["dev.hoist.host"], name);
        assert_eq!(labels["dev.hoist.pool"], scene.name.as_str());
        assert_eq!(labels["dev.hoist.group"], "lab");
    }
    let heartbeat = hosts[1].docker(&["info", "--format", "{{.Swarm.Cluster.Spec.Dispatcher.HeartbeatPeriod}}"]);
    assert_eq!(heartbeat.trim(), "1s");
    let service = hosts[0].inspect("service", &format!("{}_web", scene.name));
    assert_eq!(
        service["Spec"]["Labels"]["com.docker.stack.namespace"],
        scene.name.as_str()
    );
}

fn nobody_is_let_in_without_a_certificate(scene: &Scene) {
    let read = |name: &str| std::fs::read_to_string(scene.keys().join(name)).unwrap();
    let own = ClientIdentity {
        authority: read("ca.pem"),
        certificate: read("cert.pem"),
        key: read("key.pem"),
    };
    let (foreign, nobody) = (other_authority(), (String::new(), String::new()));
    let pings = |endpoint: Endpoint| {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async { Engine::new("x", &endpoint).unwrap().ping().await.is_ok() })
    };
    for host in scene.hosts() {
        let tls = |(certificate, key): (String, String)| Endpoint::Tls {
            address: host.address.clone(),
            port: 2376,
            identity: Arc::new(ClientIdentity {
                authority: own.authority.clone(),
                certificate,
                key,
            }),
        };
        let plain = |port| Endpoint::Tcp {
            address: host.address.clone(),
            port,
        };
        assert!(pings(tls((own.certificate.clone(), own.key.clone()))));
        assert!(!pings(tls(nobody.clone())), "{}: without a certificate", host.name);
        assert!(!pings(tls(foreign.clone())), "{}: another authority's", host.name);
        assert!(!pings(plain(2376)) && !pings(plain(2375)), "{}: plaintext", host.name);
    }
}

/// Certificate and key of another pool's client, made here and now.
fn other_authority() -> (String, String) {
    let state = tempfile::tempdir().unwrap();
    let keyring = Keyring::new(state.path(), "foreign", Vec::<String>::new());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let identity = runtime.block_on(keyring.found()).unwrap();
    (identity.certificate.clone(), identity.key.clone())
}

fn commands_say_what_runs(scene: &Scene) {
    let hosts = scene.hosts();
    let listed = scene.hoist_json(&["ps", "--format", "json"]);
    let mut shown: Vec<(String, String)> = Vec::new();
    for replica in listed.as_array().unwrap() {
        assert_eq!(
            (&replica["state"], &replica["health"]),
            (&"running".into(), &"healthy".into()),
            "{replica}"
        );
        shown.push((
            replica["service"].as_str().unwrap().into(),
            replica["host"].as_str().unwrap().into(),
        ));
    }
    let mut there: Vec<(String, String)> = Vec::new();
    for (service, host) in SERVICES
        .into_iter()
        .flat_map(|service| hosts.iter().map(move |host| (service, host)))
    {
        there.extend(
            host.running(service)
                .iter()
                .map(|_| (service.to_owned(), host.name.clone())),
        );
    }
    shown.sort();
    assert_eq!(shown, there);

    let listed = scene.hoist_json(&["hosts", "ls", "--format", "json"]);
    let rows = listed.as_array().unwrap();
    assert_eq!(rows.len(), 3);
    for (row, host) in rows.iter().zip(&hosts) {
        assert_eq!(
            (&row["name"], &row["address"]),
            (&host.name.as_str().into(), &host.address.as_str().into())
        );
        assert_eq!(row["state"], "ready");
        assert_eq!(
            row["engine_version"],
            host.docker(&["version", "--format", "{{.Server.Version}}"]).trim()
        );
    }
    assert_eq!(scene.hoist(&["hosts", "ssh", "lab-2", "--", "hostname"]), "lab-2\n");
    assert_eq!(scene.hoist(&["config", "-q"]), "");
    assert!(scene.hoist(&["config"]).contains("redis-data"));
    assert!(scene.hoist(&["version"]).contains(env!("CARGO_PKG_VERSION")));
}

fn logs_have_the_request(scene: &Scene) {
    // The engines hand their lines on with a delay.
    wait_for("a line of each replica", Duration::from_secs(15), || {
        let logs = scene.hoist(&["logs", "web"]);
        let with = |replica: &str| {
            logs.lines()
                .any(|line| line.contains(replica) && line.contains("GET /counter"))
        };
        if with("web.1") && with("web.2") {
            Ok(())
        } else {
            Err(logs)
        }
    });
}

fn a_second_up_changes_nothing(scene: &Scene) {
    let before = running(scene);
    let began = Instant::now();
    scene.hoist(&["up"]);
    println!("up with nothing to do: {:.3?}", began.elapsed());
    assert_eq!(running(scene), before);
    assert!(scene.hoist(&["plan"]).contains("nothing to do"));
}

fn a_changed_image_changes_that_service_only(scene: &Scene) {
    let before = running(scene);
    let output = scene
        .command(&["up", "--build"])
        .env("WEB_VERSION", "2")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let after = running(scene);
    assert_eq!(after["redis"], before["redis"]);
    assert_eq!(after["memcached"], before["memcached"]);
    assert_ne!(after["web"].version, before["web"].version);
    assert!(after["web"].containers.is_disjoint(&before["web"].containers));
    let now = answers(scene);
    assert_eq!(now.len(), 2);
    assert!(now.values().all(|answer| answer["version"] == "2"), "{now:?}");

    // And back: the image is still there.
    scene.hoist(&["up"]);
    assert!(answers(scene).values().all(|answer| answer["version"] == "1"));
    assert_eq!(running(scene)["redis"], before["redis"]);
}

fn replicas_are_added_and_taken_away(scene: &Scene) {
    let before = running(scene);
    scene.hoist(&["scale", "web=3"]);
    assert_eq!(answers(scene).len(), 3);
    let more = running(scene);
    assert!(more["web"].containers.is_superset(&before["web"].containers));
    scene.hoist(&["scale", "web=2"]);
    wait_for("one replica less", Duration::from_secs(20), || {
        match answers(scene).len() {
            2 => Ok(()),
            other => Err(format!("{other} answer")),
        }
    });
    let after = running(scene);
    assert_eq!(
        (&after["redis"], &after["memcached"]),
        (&before["redis"], &before["memcached"])
    );
}

fn data_outlives_down_and_up(scene: &Scene) {
    let home = host_of(scene, "redis");
    let before = visits(&answers(scene));
    let volumes = scene.hoist_json(&["volumes", "ls", "--format", "json"]);
    assert_eq!(volumes[0]["volume"], "redis-data");
    assert_eq!(volumes[0]["host"], home.as_str());
    assert_eq!(volumes[0]["services"], serde_json::json!(["redis"]));
    scene.hoist(&["down"]);
    let hosts = scene.hosts();
    assert_eq!(hosts[0].docker(&["service", "ls", "--quiet"]), "");
    let volume = format!("{}_redis-data", scene.name);
    for host in &hosts {
        let label = format!("label=com.docker.compose.project={}", scene.name);
        // Each engine clears away by itself what its replicas of before were.
        let containers = || host.docker(&["ps", "--all", "--filter", &label, "--format", "{{.Names}} {{.Status}}"]);
        wait_for("no container", Duration::from_secs(20), || match containers() {
            none if none.is_empty() => Ok(()),
            some => Err(some),
        });
        assert_eq!(host.docker(&["network", "ls", "--quiet", "--filter", &label]), "");
        let volumes = host.docker(&["volume", "ls", "--format", "{{.Name}}", "--filter", &label]);
        assert_eq!(volumes.trim() == volume, host.name == home, "{}: {volumes}", host.name);
    }
    scene.hoist(&["up"]);
    assert_eq!(host_of(scene, "redis"), home);
    assert!(visits(&answers(scene)) > before);
}

/// It takes some 10 s from the moment the host is dead, longer on a busy machine; how long is printed. Where the host led the
/// cluster, its managers first wait for 10 to 20 s until they choose another (Raft's election of Swarm), and then see who is
/// still there.
fn a_lost_host_is_replaced_and_comes_back(scene: &Scene) {
    let pinned = host_of(scene, "redis");
    let before = visits(&answers(scene));
    let hosts = scene.hosts();
    let managers = hosts[0].docker(&["node", "ls", "--format", "{{.Hostname}} {{.ManagerStatus}}"]);
    let leads = |host: &LocalHost| managers.lines().any(|line| line == format!("{} Leader", host.name));
    let mut candidates: Vec<&LocalHost> = hosts
        .iter()
        .filter(|host| host.name != pinned && !host.running("web").is_empty())
        .collect();
    candidates.sort_by_key(|host| leads(host));
    let chosen = candidates.first().expect("a replica of web on a host without the data");
    let limit = Duration::from_secs(if leads(chosen) { 90 } else { 30 });
    println!("{} is lost, which led the cluster: {}", chosen.name, leads(chosen));
    let name = chosen.name.clone();
    let (lost, left): (Vec<LocalHost>, Vec<LocalHost>) = hosts.into_iter().partition(|host| host.name == name);
    docker(&["kill", &lost[0].id]);
    let (_, took) = wait_for("the replicas elsewhere", limit, || {
        let counts = SERVICES.map(|service| left.iter().map(|host| host.running(service).len()).sum::<usize>());
        if counts == [1, 1, 2] {
            Ok(())
        } else {
            Err(format!("{counts:?}"))
        }
    });
    println!("a lost host's replicas run elsewhere: {took:.1?}");
    let rows = scene.hoist_json(&["hosts", "ls", "--format", "json"]);
    let row = rows
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["name"] == lost[0].name.as_str())
        .unwrap();
    assert_eq!(row["state"], "stopped");

    scene.hoist(&["up"]);
    let state = docker(&["inspect", "--format", "{{.State.Running}}", &lost[0].id]);
    assert_eq!(state.trim(), "true");
    let ready = left[0].docker(&["node", "ls", "--format", "{{.Status}}"]);
    assert_eq!(ready, "Ready\nReady\nReady\n");
    assert!(scene.hoist(&["plan"]).contains("nothing to do"));
    let counts = SERVICES.map(|service| {
        scene
            .hosts()
            .iter()
            .map(|host| host.running(service).len())
            .sum::<usize>()
    });
    assert_eq!(counts, [1, 1, 2]);
    assert!(visits(&answers(scene)) > before);
}
