//! On which hosts services run, and why they do not.

use super::*;

#[test]
fn a_service_goes_where_its_volume_is() {
    let project = project(SHOP);
    let mut observed = cluster(3);
    observed.volumes.push(ObservedVolume {
        name: "shop_data".to_owned(),
        host: "lab-3".to_owned(),
        driver: "local".to_owned(),
        labels: BTreeMap::new(),
        created: String::new(),
    });
    let plan = up(&project, &observed);
    let spec = spec_of(&plan, "db");
    let placement = spec.task_template.as_ref().unwrap().placement.as_ref().unwrap();
    assert_eq!(
        placement.constraints,
        Some(vec!["node.labels.dev.hoist.host == lab-3".to_owned()])
    );
    assert_eq!(spec.labels.as_ref().unwrap()[labels::PINNED_TO], "lab-3");
}

#[test]
fn a_pinned_service_stays_though_its_host_is_down() {
    let project = project(SHOP);
    let first = up(&project, &cluster(3));
    let host = spec_of(&first, "db").labels.as_ref().unwrap()[labels::PINNED_TO].clone();
    let mut observed = carried_out(cluster(3), &first);
    for node in &mut observed.cluster.as_mut().unwrap().nodes {
        node.ready = node.labels[labels::HOST] != host;
    }
    let plan = up(&project, &observed);
    assert!(
        !lines(&plan).iter().any(|line| line.starts_with("update service db")),
        "{:?}",
        lines(&plan)
    );
}

#[test]
fn volumes_on_different_hosts_are_an_error_that_names_them() {
    let text = "
services:
  db: {image: db, volumes: ['aa:/a', 'bb:/b']}
volumes: {aa: {}, bb: {}}
";
    let mut observed = cluster(3);
    for (name, host) in [("shop_aa", "lab-1"), ("shop_bb", "lab-2")] {
        observed.volumes.push(ObservedVolume {
            name: name.to_owned(),
            host: host.to_owned(),
            driver: "local".to_owned(),
            labels: BTreeMap::new(),
            created: String::new(),
        });
    }
    let errors = try_up(&project(text), &observed, &UpOptions::default()).unwrap_err();
    assert_eq!(
        errors[0].to_string(),
        "service `db`: its volumes lie on different hosts: `aa` on lab-1, `bb` on lab-2"
    );
}

#[test]
fn more_replicas_than_hosts_for_a_port_are_an_error_before_anything_is_done() {
    let errors = try_up(
        &project(&SHOP.replace("replicas: 2", "replicas: 4")),
        &cluster(3),
        &UpOptions::default(),
    );
    assert!(matches!(
        &errors.unwrap_err()[0],
        PlanError::TooFewHostsForPort {
            port: 8080,
            replicas: 4,
            hosts: 3,
            ..
        }
    ));
}

#[test]
fn a_service_that_takes_anothers_volumes_is_on_its_host() {
    let text = "
services:
  a-copy: {image: copy, volumes_from: ['files:ro']}
  first: {image: x, privileged: true}
  files: {image: files, volumes: [/data], privileged: true}
";
    let plan = up(&project(text), &cluster(3));
    let host_of = |service: &str| {
        let hosts = plan.steps.iter().filter_map(|step| match &step.action {
            Action::CreateContainer { container } if container.service == service => Some(container.host.clone()),
            _ => None,
        });
        hosts.collect::<Vec<_>>()
    };
    assert_eq!(host_of("a-copy"), host_of("files"));
    assert_ne!(host_of("a-copy"), host_of("first"));
    let lines = lines(&plan);
    let at = |name: &str| lines.iter().position(|line| line.contains(name));
    assert!(at("shop-files-1") < at("shop-a-copy-1"), "{lines:?}");
}

/// Where the containers of a service are planned, in the order of their numbers.
fn planned_hosts(plan: &Plan, service: &str) -> Vec<String> {
    let hosts = plan.steps.iter().filter_map(|step| match &step.action {
        Action::CreateContainer { container } if container.service == service => Some(container.host.clone()),
        _ => None,
    });
    hosts.collect()
}

fn three_hosts() -> Observation {
    Observation {
        cluster: Some(Cluster {
            id: "c".to_owned(),
            nodes: vec![
                node("lab-1", &[("disk", "hdd")]),
                node("lab-2", &[("disk", "ssd")]),
                node("lab-3", &[("disk", "hdd")]),
            ],
        }),
        ..Observation::default()
    }
}

#[test]
fn ranchers_labels_place_swarm_services_as_far_as_swarm_can() {
    let text = "
services:
  web:
    image: web:1
    labels: {'io.rancher.scheduler.affinity:host_label': disk=ssd, 'io.rancher.scheduler.affinity:host_label_soft': zone=a}
  agent:
    image: agent:1
    labels: {io.rancher.scheduler.global: 'true'}
";
    let plan = up(&project(text), &three_hosts());
    let placement = spec_of(&plan, "web")
        .task_template
        .as_ref()
        .unwrap()
        .placement
        .clone()
        .unwrap();
    assert_eq!(placement.constraints.unwrap(), ["node.labels.disk == ssd"]);
    assert!(spec_of(&plan, "agent").mode.as_ref().unwrap().global.is_some());
    let notes: Vec<&str> = plan.notes.iter().map(|note| note.message.as_str()).collect();
    assert!(
        notes
            .iter()
            .any(|note| note.contains("affinity:…_soft` has no effect on a pool")),
        "{notes:?}"
    );
}

#[test]
fn neighbours_and_better_hosts_decide_where_containers_go() {
    let text = "
services:
  db:
    image: db:1
    x-runtime: container
    deploy: {placement: {constraints: [node.hostname == lab-3]}}
  near:
    image: near:1
    deploy: {replicas: 2}
    labels: {'io.rancher.scheduler.affinity:container_label': io.rancher.stack_service.name=shop/db}
  away:
    image: away:1
    deploy: {replicas: 2}
    labels: {'io.rancher.scheduler.affinity:container_label_ne': io.rancher.stack_service.name=shop/db}
  likes:
    image: likes:1
    x-runtime: container
    labels: {'io.rancher.scheduler.affinity:host_label_soft': disk=ssd}
";
    let plan = up(&project(text), &three_hosts());
    assert_eq!(planned_hosts(&plan, "db"), ["lab-3"]);
    assert_eq!(planned_hosts(&plan, "near"), ["lab-3", "lab-3"]);
    let mut away = planned_hosts(&plan, "away");
    away.sort_unstable();
    assert_eq!(away, ["lab-1", "lab-2"]);
    assert_eq!(planned_hosts(&plan, "likes"), ["lab-2"]);
    assert!(
        plan.notes
            .iter()
            .any(|note| note.message.contains("Swarm services have no `affinity to containers`"))
    );
    // Once they are there, they stay, whoever goes.
    let observed = carried_out(three_hosts(), &plan);
    let alone = project(&text.replace("node.hostname == lab-3", "node.hostname == lab-1"));
    let moved = lines(&up(&alone, &observed));
    assert!(
        !moved.iter().any(|line| line.contains("near") || line.contains("away")),
        "{moved:?}"
    );
}

#[test]
fn a_neighbour_that_is_nowhere_is_an_error_with_a_way_out() {
    let text = "
services:
  near:
    image: near:1
    labels: {'io.rancher.scheduler.affinity:container_label': io.rancher.stack_service.name=shop/db}
  db: {image: 'db:1'}
";
    let errors = try_up(&project(text), &three_hosts(), &UpOptions::default()).unwrap_err();
    assert_eq!(
        errors[0].to_string(),
        "service `near` must be near service `db`, and no host has one that is known of"
    );
}
