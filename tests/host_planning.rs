//! What happens to the hosts of a pool, from what the file says and what there is: pure, so that everything here runs
//! without an engine.

use std::collections::BTreeMap;

use hoist::bootstrap::roles;
use hoist::compose::model::{DockerSettings, GroupProvider, HostGroup, LocalHosts, Pool};
use hoist::engine::observation::{
    ObservedContainer, ObservedNode, ObservedService, ObservedTask, ObservedVolume, TaskState,
};
use hoist::engine::{Observation, labels, models};
use hoist::hosts::groups::{difference, host_name};
use hoist::hosts::{Change, Host, HostDifference, HostKey, Login, ProviderKind, ResourceChange};
use hoist::plan::draining::{Draining, draining};
use hoist::plan::host_data::{HostData, hold_back};
use hoist::plan::hosts::{HostsSituation, assume_made, notes, steps};
use hoist::plan::{Action, Step};

fn host(number: u32, image: &str) -> Host {
    Host {
        name: host_name("lab", number),
        group: "lab".into(),
        pool: "dev".into(),
        provider: ProviderKind::Local,
        id: format!("id-{number}"),
        login: Login {
            address: format!("10.213.0.{number}"),
            port: None,
            user: None,
            identity_file: None,
            host_key: HostKey::KnownHosts,
        },
        private_address: None,
        labels: [].into(),
        shape: [("image".to_owned(), image.to_owned())].into(),
        running: true,
    }
}

/// A group of `count` hosts on Debian 12, against hosts that are there.
fn changes(count: u32, existing: &[Host]) -> HostDifference {
    let group = HostGroup {
        name: "lab".into(),
        count,
        labels: [].into(),
        provider: GroupProvider::Local(LocalHosts {
            image: "debian:12".into(),
        }),
    };
    let pool = Pool {
        name: "dev".into(),
        managers: None,
        encrypt: false,
        docker: DockerSettings::default(),
    };
    difference(&[("lab".to_owned(), group)].into(), &pool, existing)
}

fn situation(difference: &HostDifference) -> HostsSituation<'_> {
    HostsSituation {
        difference,
        unready: &[],
        resources: &[],
        managers: None,
        held: &[],
        not_replaced: &[],
        replace: false,
    }
}

fn lines(steps: &[Step]) -> Vec<String> {
    let said = steps.iter().map(|step| {
        let what = match &step.action {
            Action::MakeHost { host, .. } => format!("make {host}"),
            Action::BootstrapHost { host } => format!("bootstrap {host}"),
            Action::RemoveHost { host } => format!("remove {host}"),
            Action::ReplaceHost { host, .. } => format!("replace {host}"),
            Action::ChangeManagers { to } => format!("{to} managers"),
            Action::ChangeResource { resource } => {
                format!("{:?} {} {}", resource.change, resource.kind, resource.name)
            }
            other => format!("{other:?}"),
        };
        format!("{what}: {}", step.reason)
    });
    said.collect()
}

fn volume(name: &str, host: &str) -> ObservedVolume {
    ObservedVolume {
        name: name.into(),
        host: host.into(),
        driver: "local".into(),
        labels: [].into(),
        created: String::new(),
    }
}

fn node(number: u32, extra: &[(&str, &str)]) -> ObservedNode {
    let mut labels = BTreeMap::from([(labels::HOST.to_owned(), host_name("lab", number))]);
    labels.extend(
        extra
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned())),
    );
    ObservedNode {
        id: format!("n{number}"),
        name: host_name("lab", number),
        labels,
        manager: number <= 3,
        leader: number == 1,
        ready: true,
        active: true,
        address: format!("10.213.0.{number}"),
        engine_version: "20.10".into(),
        operating_system: "linux".into(),
        architecture: "x86_64".into(),
        version: 1,
        engine_labels: [].into(),
        ..ObservedNode::default()
    }
}

fn service(name: &str, replicas: Option<u64>, constraints: &[&str]) -> ObservedService {
    let mode = match replicas {
        Some(replicas) => models::ServiceSpecMode {
            replicated: Some(models::ServiceSpecModeReplicated {
                replicas: i64::try_from(replicas).ok(),
            }),
            ..Default::default()
        },
        None => models::ServiceSpecMode {
            global: Some(Default::default()),
            ..Default::default()
        },
    };
    ObservedService {
        id: format!("id-{name}"),
        name: name.into(),
        labels: [].into(),
        version: 1,
        replicas,
        update_state: None,
        update_message: None,
        spec: models::ServiceSpec {
            mode: Some(mode),
            task_template: Some(models::TaskSpec {
                placement: Some(models::TaskSpecPlacement {
                    constraints: Some(constraints.iter().map(|text| (*text).to_owned()).collect()),
                    ..Default::default()
                }),
                ..Default::default()
            }),
            ..Default::default()
        },
    }
}

fn task(service: &str, node: u32) -> ObservedTask {
    ObservedTask {
        id: format!("{service}-{node}"),
        service_id: format!("id-{service}"),
        node_id: Some(format!("n{node}")),
        slot: Some(1),
        state: TaskState::Running,
        desired_state: TaskState::Running,
        message: None,
        error: None,
        container_id: None,
        exit_code: None,
        spec: None,
        since: 0.0,
        image: "web".into(),
        health_checked: false,
        labels: [].into(),
        ports: Vec::new(),
    }
}

fn drained(nodes: &[ObservedNode], services: &[ObservedService], tasks: &[ObservedTask]) -> Draining {
    draining("lab-2", nodes, services, tasks, &[])
}

#[test]
fn what_hosts_share_stands_before_them_and_what_goes_after_them() {
    let found = changes(2, &[host(1, "debian:12"), host(3, "debian:12"), host(4, "debian:12")]);
    let resource = |kind, name: &str, change, why: &str| ResourceChange {
        kind,
        name: name.into(),
        change,
        why: why.into(),
    };
    let resources = [
        resource("port", "lab-4", Change::Remove, "of a host that goes"),
        resource("network", "hoist-dev", Change::Make, "not there"),
        resource("security group", "hoist-dev", Change::Change, "port 443 opens"),
    ];
    let unready = [(host(1, "debian:12"), "its settings changed".to_owned())];
    let situation = HostsSituation {
        resources: &resources,
        unready: &unready,
        managers: Some((3, 1)),
        ..situation(&found)
    };
    assert_eq!(
        lines(&steps(&situation)),
        [
            "Make network hoist-dev: not there",
            "Change security group hoist-dev: port 443 opens",
            "bootstrap lab-1: its settings changed",
            "1 managers: 3 → 1",
            "remove lab-4: more than `count` of its group",
            "Remove port lab-4: of a host that goes",
        ]
    );
}

#[test]
fn another_image_is_a_replacement_only_where_it_is_asked_for() {
    let found = changes(3, &[host(1, "debian:13"), host(2, "debian:12")]);
    let without = situation(&found);
    assert_eq!(lines(&steps(&without)), ["make lab-3: not there"]);
    let said = notes(&without);
    assert_eq!(said.len(), 1);
    assert!(
        said[0].message.contains("lab-1 (image debian:13 -> debian:12)") && said[0].message.contains("--replace-hosts"),
        "{said:?}"
    );
    let with = HostsSituation {
        replace: true,
        ..without
    };
    assert_eq!(
        lines(&steps(&with)),
        ["make lab-3: not there", "replace lab-1: image debian:13 -> debian:12"]
    );
    assert!(notes(&with).is_empty());
}

#[test]
fn a_host_with_data_is_neither_removed_nor_replaced() {
    let existing = [
        host(1, "debian:13"),
        host(2, "debian:12"),
        host(3, "debian:12"),
        host(4, "debian:12"),
    ];
    let mut found = changes(2, &existing);
    let data = BTreeMap::from([
        ("lab-1".to_owned(), HostData::of(&[volume("shop_db", "lab-1")])),
        ("lab-3".to_owned(), HostData::Unknown("it does not run".into())),
        ("lab-4".to_owned(), HostData::of(&[])),
    ]);
    let (held, not_replaced) = hold_back(&mut found, &data);
    let names: Vec<&str> = found.keep.iter().map(|host| host.name.as_str()).collect();
    assert_eq!(names, ["lab-1", "lab-2", "lab-3"]);
    let situation = HostsSituation {
        held: &held,
        not_replaced: &not_replaced,
        replace: true,
        ..situation(&found)
    };
    assert_eq!(
        lines(&steps(&situation)),
        ["remove lab-4: more than `count` of its group"]
    );
    let said: Vec<String> = notes(&situation).into_iter().map(|note| note.message).collect();
    assert_eq!(said.len(), 2);
    assert!(
        said[0].contains("host `lab-3`") && said[0].contains("it does not run"),
        "{said:?}"
    );
    assert!(
        said[1].contains("host `lab-1`") && said[1].contains("volume `shop_db`"),
        "{said:?}"
    );
    // Without the wish to replace it is named among those that go on.
    let later = notes(&HostsSituation {
        replace: false,
        ..situation
    });
    assert!(
        later[1].message.contains("lab-1 (image debian:13 -> debian:12)"),
        "{later:?}"
    );
}

#[test]
fn only_named_local_volumes_are_data() {
    let mut anonymous = volume("nameless", "lab-1");
    anonymous
        .labels
        .insert("com.docker.volume.anonymous".into(), String::new());
    let mut remote = volume("share", "lab-1");
    remote.driver = "nfs".into();
    let all = [
        volume("shop_b", "lab-1"),
        volume(&"0f".repeat(32), "lab-1"),
        anonymous,
        remote,
        volume("shop_a", "lab-1"),
    ];
    let data = HostData::of(&all);
    assert_eq!(data, HostData::Volumes(vec!["shop_a".into(), "shop_b".into()]));
    assert_eq!(
        data.objection(ProviderKind::Local).as_deref(),
        Some("with it goes volumes `shop_a`, `shop_b`")
    );
    assert_eq!(HostData::of(&[]).objection(ProviderKind::Local), None);
}

#[test]
fn services_are_planned_onto_the_hosts_that_will_be() {
    let found = changes(2, &[host(1, "debian:12"), host(3, "debian:12"), host(4, "debian:12")]);
    let mut observed = Observation::default();
    observed.cluster.get_or_insert_default().nodes = vec![node(1, &[]), node(3, &[]), node(4, &[])];
    assume_made(&mut observed, &found);
    let nodes = observed.cluster.unwrap().nodes;
    let names: Vec<&str> = nodes.iter().map(|node| node.name.as_str()).collect();
    assert_eq!(names, ["lab-1", "lab-3"]);
}

#[test]
fn draining_moves_what_fits_elsewhere_and_names_what_does_not() {
    let nodes = [
        node(1, &[("disk", "hdd")]),
        node(2, &[("disk", "ssd")]),
        node(3, &[("disk", "hdd")]),
    ];
    let mut pinned = service("db", Some(1), &[]);
    pinned.labels.insert(labels::PINNED_TO.into(), "lab-2".into());
    let services = [
        service("web", Some(3), &[]),
        pinned,
        service("fast", Some(1), &["node.labels.disk == ssd"]),
        service("agent", None, &[]),
        service("away", Some(1), &[]),
    ];
    let tasks = [
        task("web", 1),
        task("web", 2),
        task("web", 2),
        task("db", 2),
        task("fast", 2),
        task("agent", 1),
        task("agent", 2),
        task("away", 3),
    ];
    let container = ObservedContainer {
        id: "c".into(),
        name: "shop-raw-1".into(),
        host: "lab-2".into(),
        labels: [].into(),
        state: "running".into(),
        status: String::new(),
        health: None,
        image: String::new(),
        image_id: String::new(),
        created: 0,
        ports: Vec::new(),
        networks: [].into(),
    };
    let found = draining("lab-2", &nodes, &services, &tasks, &[container]);
    let moves: Vec<_> = (found.moves.iter())
        .map(|one| {
            (
                one.service.as_str(),
                one.replicas,
                one.running,
                one.here,
                one.overlap.is_ok(),
            )
        })
        .collect();
    assert_eq!(moves, [("web", 3, 3, 2, true)]);
    let stays: Vec<String> = found
        .stays
        .iter()
        .map(|stay| format!("{}: {}", stay.what, stay.why))
        .collect();
    assert_eq!(stays[0], "service db: its volumes are on this host");
    assert_eq!(
        stays[1],
        "service fast: no other host fits: lab-1 (`node.labels.disk == ssd` does not hold), \
         lab-3 (`node.labels.disk == ssd` does not hold)"
    );
    assert!(stays[2].starts_with("container shop-raw-1: "), "{stays:?}");
    assert_eq!(stays.len(), 3);
}

#[test]
fn nothing_leaves_a_host_that_has_no_other_beside_it() {
    let mut nodes = [node(1, &[]), node(2, &[])];
    nodes[0].active = false;
    let found = drained(&nodes, &[service("web", Some(1), &[])], &[task("web", 2)]);
    assert!(found.moves.is_empty());
    assert_eq!(found.stays[0].why, "there is no other host that takes anything");
}

#[test]
fn replicas_that_find_no_room_beside_those_that_run_leave_a_gap() {
    let nodes = [node(1, &[]), node(2, &[]), node(3, &[])];
    let mut published = service("web", Some(3), &[]);
    published.spec.endpoint_spec = Some(models::EndpointSpec {
        ports: Some(vec![models::EndpointPortConfig {
            published_port: Some(80),
            publish_mode: Some(models::EndpointPortConfigPublishModeEnum::HOST),
            ..Default::default()
        }]),
        ..Default::default()
    });
    let mut limited = service("few", Some(3), &[]);
    if let Some(placement) = limited
        .spec
        .task_template
        .as_mut()
        .and_then(|task| task.placement.as_mut())
    {
        placement.max_replicas = Some(1);
    }
    let everywhere = |name: &str| (1..=3).map(|node| task(name, node)).collect::<Vec<_>>();
    let tasks = [everywhere("web"), everywhere("few")].concat();
    let found = drained(&nodes, &[published.clone(), limited], &tasks);
    let gaps: Vec<&str> = found
        .moves
        .iter()
        .filter_map(|one| one.overlap.as_ref().err().map(String::as_str))
        .collect();
    assert_eq!(
        gaps,
        [
            "each replica takes port 80 of its host, and no other host has it free",
            "`max_replicas_per_node: 1` leaves no room on the other hosts",
        ]
    );
    // With a host to spare there is none.
    let found = drained(&nodes, &[published], &[task("web", 1), task("web", 2)]);
    assert_eq!(found.moves[0].overlap, Ok(()));
}

#[test]
fn one_three_or_five_hosts_manage_whoever_comes_and_goes() {
    let nodes: Vec<ObservedNode> = (1..=4).map(|number| node(number, &[])).collect();
    let all: Vec<&ObservedNode> = nodes.iter().collect();
    let changes = |hosts: usize| roles::role_changes(&all[..hosts], roles::usual_managers(hosts));
    assert_eq!([changes(4), changes(3), changes(2), changes(1)], [0, 0, 1, 0]);
    assert_eq!(roles::surplus_managers(&all[..2], roles::usual_managers(2)), ["n2"]);
}
