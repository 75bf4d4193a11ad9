//! The hosts of a pool without its services' doing: made, drained, labelled, replaced and removed while services run.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;

use crate::scene::{LocalHost, Scene, docker, text};

fn compose(count: u32, image: &str) -> String {
    format!(
        "
x-hosts:
  lab:
    count: {count}
    local: {{image: \"{image}\"}}
    labels: {{tier: front}}
x-tiny: &tiny
  image: busybox:latest
  command: [sh, -c, \"trap 'exit 0' TERM; tail -f /dev/null & wait\"]
  stop_grace_period: 2s
services:
  store:
    <<: *tiny
    volumes: [data:/data]
    deploy: {{placement: {{constraints: [node.hostname == lab-1]}}}}
  page:
    <<: *tiny
    deploy: {{replicas: 3}}
volumes:
  data:
"
    )
}

/// Name, availability, and whether it manages, of each node.
fn nodes(asked: &LocalHost) -> Vec<String> {
    let listed = asked.docker(&[
        "node",
        "ls",
        "--format",
        "{{.Hostname}} {{.Status}} {{.Availability}} {{if .ManagerStatus}}manager{{else}}worker{{end}}",
    ]);
    let mut nodes: Vec<String> = listed.lines().map(str::to_owned).collect();
    nodes.sort_unstable();
    nodes
}

fn said(scene: &Scene, code: i32, words: &[&str]) -> String {
    let output = scene.run(words);
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "hoist {words:?}: {stderr}");
    stderr
}

/// Looks as fast as it can how many containers of a service run on all hosts together; gives the fewest that it saw.
fn fewest_running(hosts: &[LocalHost], service: &str, done: &AtomicBool) -> usize {
    let mut fewest = usize::MAX;
    while !done.load(Ordering::Relaxed) {
        fewest = fewest.min(hosts.iter().map(|host| host.running(service).len()).sum());
        std::thread::sleep(Duration::from_millis(50));
    }
    fewest
}

#[test]
fn hosts_are_made_drained_labelled_replaced_and_removed_while_services_run() {
    let scene = Scene::with("managed", &compose(3, "debian:12"));

    let planned = scene.hoist(&["plan"]);
    for expected in ["network hoist-t-managed", "key pools/", "+ lab-3", "+ page"] {
        assert!(planned.contains(expected), "{planned}");
    }

    // Hosts, and no service.
    scene.hoist(&["hosts", "up"]);
    let hosts = scene.hosts();
    assert_eq!(hosts.len(), 3);
    let all_managers = ["lab-1", "lab-2", "lab-3"].map(|name| format!("{name} Ready Active manager"));
    assert_eq!(nodes(&hosts[0]), all_managers);
    assert_eq!(hosts[0].docker(&["service", "ls", "--quiet"]), "");
    let listed = scene.hoist_json(&["hosts", "ls", "--format", "json"]);
    let states: Vec<(&Value, &Value, &Value)> = (listed.as_array().unwrap().iter())
        .map(|row| (&row["name"], &row["address"], &row["state"]))
        .collect();
    for (row, host) in states.iter().zip(&hosts) {
        assert_eq!(
            (row.0, row.1, row.2),
            (&host.name.clone().into(), &host.address.clone().into(), &"ready".into())
        );
    }
    let planned = scene.hoist(&["plan"]);
    assert!(
        !planned.contains("network hoist-") && !planned.contains("lab-3\n"),
        "{planned}"
    );
    scene.hoist(&["up"]);

    labels_are_set_by_hand_but_for_those_of_the_file(&scene, &hosts);
    a_drained_host_is_left_without_a_gap(&scene, &hosts);
    a_blocked_engine_takes_nothing_else_from_sight(&scene, &hosts);
    a_pool_in_use_stays(&scene, &hosts);

    // One fewer: the surplus one goes, and two hosts need no more than one manager.
    scene.write("compose.yaml", &compose(2, "debian:12"));
    assert!(scene.hoist(&["plan"]).contains("- lab-3"));
    scene.hoist(&["up"]);
    let left = nodes(&hosts[0]);
    assert_eq!(left.len(), 2, "{left:?}");
    assert_eq!(
        left.iter().filter(|node| node.ends_with("manager")).count(),
        1,
        "{left:?}"
    );
    assert_eq!(scene.hosts().len(), 2);
    assert!(scene.hoist(&["plan"]).contains("nothing to do"));

    // The one with data goes only where that is said, whoever manages.
    let volume = format!("{}_data", scene.name);
    let refused = said(&scene, 15, &["hosts", "rm", "lab-1"]);
    assert!(
        refused.contains(&format!("host `lab-1`: with it goes volume `{volume}`")),
        "{refused}"
    );
    assert_eq!(scene.hosts().len(), 2);
    let removed = said(&scene, 0, &["hosts", "rm", "--force", "lab-1"]);
    assert!(
        removed.contains("the file says `count: 2` for group `lab`"),
        "{removed}"
    );
    let hosts = scene.hosts();
    assert_eq!(hosts.len(), 1);
    assert_eq!(nodes(&hosts[0]), ["lab-2 Ready Active manager"]);
    assert_eq!(hosts[0].running("page").len(), 3);

    replaced_only_where_asked(&scene);

    let refused = said(&scene, 14, &["hosts", "down"]);
    assert!(refused.contains(&format!("still runs `{}`", scene.name)), "{refused}");
    scene.hoist(&["hosts", "down", "--force"]);
    assert_eq!(scene.sweep.left_overs(), Vec::<String>::new());
}

fn labels_are_set_by_hand_but_for_those_of_the_file(scene: &Scene, hosts: &[LocalHost]) {
    scene.hoist(&["hosts", "label", "lab-2", "disk=ssd"]);
    let label = |name: &str| {
        let format = format!("{{{{index .Spec.Labels \"{name}\"}}}}");
        hosts[0]
            .docker(&["node", "inspect", "--format", &format, "lab-2"])
            .trim()
            .to_owned()
    };
    assert_eq!((label("disk").as_str(), label("tier").as_str()), ("ssd", "front"));
    let listed = scene.hoist_json(&["hosts", "ls", "--format", "json"]);
    assert_eq!(listed[1]["labels"], serde_json::json!(["disk=ssd", "tier=front"]));
    assert!(said(scene, 0, &["hosts", "label", "lab-2", "disk=ssd"]).contains("nothing to change"));
    let refused = said(scene, 2, &["hosts", "label", "lab-2", "tier=back"]);
    assert!(refused.contains("x-hosts.lab.labels"), "{refused}");
    scene.hoist(&["hosts", "label", "lab-2", "disk-"]);
    assert_eq!((label("disk").as_str(), label("tier").as_str()), ("", "front"));
    // What the file says of its hosts comes to them by itself.
    scene.write(
        "compose.yaml",
        &compose(3, "debian:12").replace("tier: front", "tier: back"),
    );
    assert!(scene.hoist(&["plan"]).contains("its labels changed"));
    let told = said(scene, 0, &["hosts", "up"]);
    assert!(told.contains("3 changes"), "{told}");
    assert_eq!(label("tier"), "back");
    scene.write("compose.yaml", &compose(3, "debian:12"));
    scene.hoist(&["hosts", "up"]);
}

fn a_drained_host_is_left_without_a_gap(scene: &Scene, hosts: &[LocalHost]) {
    let done = Arc::new(AtomicBool::new(false));
    let (looked_at, stop) = (hosts.to_vec(), Arc::clone(&done));
    let watch = std::thread::spawn(move || fewest_running(&looked_at, "page", &stop));
    let told = said(scene, 0, &["hosts", "drain", "lab-1"]);
    done.store(true, Ordering::Relaxed);
    let fewest = watch.join().unwrap();
    assert!(fewest >= 3, "{fewest} of 3 replicas ran");
    assert!(
        told.contains(&format!(
            "service {}_store cannot leave `lab-1` and stops there: its volumes are on this host",
            scene.name
        )),
        "{told}"
    );
    assert_eq!(hosts[0].docker(&["ps", "--quiet"]), "");
    assert_eq!(nodes(&hosts[1])[0], "lab-1 Ready Drain manager");
    assert_eq!(
        hosts[1..].iter().map(|host| host.running("page").len()).sum::<usize>(),
        3
    );
    let replicas = ["service", "ls", "--format", "{{.Name}} {{.Replicas}}"];
    assert!(hosts[1].docker(&replicas).contains(&format!("{}_page 3/3", scene.name)));
    let listed = scene.hoist_json(&["hosts", "ls", "--format", "json"]);
    assert_eq!(listed[0]["state"], "drained");

    scene.hoist(&["hosts", "activate", "lab-1"]);
    assert_eq!(nodes(&hosts[1])[0], "lab-1 Ready Active manager");
    scene.hoist(&["up"]);
    assert_eq!(hosts[0].running("store").len(), 1);
}

fn a_blocked_engine_takes_nothing_else_from_sight(scene: &Scene, hosts: &[LocalHost]) {
    let rule = |action: &str| {
        let rule = format!("iptables -{action} INPUT -p tcp --dport 2376 -j REJECT --reject-with tcp-reset");
        docker(&["exec", &hosts[1].id, "sh", "-c", &rule]);
    };
    rule("I");
    let output = scene.run(&["ps", "--format", "json"]);
    rule("D");
    assert_eq!(output.status.code(), Some(35));
    let rows: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(rows.as_array().unwrap().len(), 4, "{rows}");
    let stderr = text(&output.stderr);
    assert!(
        stderr.contains("lab-2") && stderr.contains(&hosts[1].address),
        "{stderr}"
    );
    assert_eq!(
        scene.hoist_json(&["ps", "--format", "json"]).as_array().unwrap().len(),
        4
    );
}

fn a_pool_in_use_stays(scene: &Scene, hosts: &[LocalHost]) {
    let service = [
        "service",
        "create",
        "--quiet",
        "--detach",
        "--replicas",
        "0",
        "--no-resolve-image",
    ];
    let blog = [
        "--name",
        "blog_web",
        "--label",
        "com.docker.compose.project=blog",
        "busybox",
    ];
    hosts[0].docker(&[&service[..], &blog[..]].concat());
    let refused = said(scene, 14, &["hosts", "down"]);
    assert!(
        refused.contains(&format!("still runs `blog`, `{}`", scene.name)),
        "{refused}"
    );
    let refused = said(scene, 14, &["down", "--hosts"]);
    assert!(refused.contains("still runs `blog`\n"), "{refused}");
    // Nobody's project stops for a command that is refused.
    assert_eq!(hosts.iter().map(|host| host.running("page").len()).sum::<usize>(), 3);
    assert_eq!(scene.hosts().len(), 3);
    hosts[0].docker(&["service", "rm", "blog_web"]);
}

fn replaced_only_where_asked(scene: &Scene) {
    scene.write("compose.yaml", &compose(2, "debian:13"));
    let before = scene.hosts();
    let planned = scene.hoist(&["plan"]);
    assert!(planned.contains("lab-2 (image debian:12 -> debian:13)"), "{planned}");
    assert!(!planned.contains("~ lab-2"), "{planned}");
    assert!(scene.hoist(&["plan", "--replace-hosts"]).contains("~ lab-2"));

    scene.hoist(&["up", "--replace-hosts"]);
    let hosts = scene.hosts();
    let bases: Vec<String> = (hosts.iter())
        .map(|host| {
            docker(&[
                "inspect",
                "--format",
                "{{index .Config.Labels \"dev.hoist.base\"}}",
                &host.id,
            ])
        })
        .collect();
    assert_eq!(bases, ["debian:13\n", "debian:13\n"]);
    assert_ne!(before[0].id, hosts[1].id);
    let left = nodes(
        if hosts[0]
            .docker(&["info", "--format", "{{.Swarm.ControlAvailable}}"])
            .trim()
            == "true"
        {
            &hosts[0]
        } else {
            &hosts[1]
        },
    );
    assert_eq!(left.len(), 2, "{left:?}");
    assert_eq!(
        left.iter()
            .filter(|node| node.ends_with("Ready Active manager"))
            .count(),
        1,
        "{left:?}"
    );
    assert_eq!(hosts.iter().map(|host| host.running("page").len()).sum::<usize>(), 3);
    assert!(scene.hoist(&["plan"]).contains("nothing to do"));
}
