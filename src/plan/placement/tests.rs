//! Placement held to its rules, by example and by property.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::compose::model::Service;
use crate::plan::PlanError;

fn node(name: &str, labels: &[(&str, &str)]) -> ObservedNode {
    ObservedNode {
        id: format!("id-{name}"),
        name: name.into(),
        labels: labels
            .iter()
            .map(|(key, value)| ((*key).into(), (*value).into()))
            .collect(),
        manager: name == "a",
        ready: true,
        active: true,
        address: "10.0.0.1".into(),
        engine_version: "20.10".into(),
        operating_system: "linux".into(),
        architecture: "x86_64".into(),
        version: 1,
        ..ObservedNode::default()
    }
}

fn service(constraints: &[&str]) -> Service {
    let mut service = Service {
        name: "web".into(),
        ..Service::default()
    };
    service.deploy.constraints = constraints.iter().map(|text| (*text).into()).collect();
    service
}

/// A demand without any rule.
fn demand(replicas: u64, present: &BTreeMap<u64, String>) -> Demand<'_> {
    Demand {
        service: "web",
        count: Count::Replicas(replicas),
        constraints: &[],
        spread: &[],
        most_per_host: None,
        reserved: Reservation::default(),
        ports: &[],
        only: None,
        present,
        leaning: Leaning::default(),
    }
}

fn nowhere() -> BTreeMap<u64, String> {
    BTreeMap::new()
}

#[test]
fn constraints_compare_each_attribute() {
    let nodes = [
        node("a", &[("tier", "Web")]),
        node("b", &[("tier", "db")]),
        node("c", &[]),
    ];
    let fits = |rules: &[&str]| -> Vec<String> {
        fitting(&service(rules), &nodes)
            .map(|nodes| nodes.iter().map(|node| node.name.clone()).collect())
            .unwrap_or_default()
    };
    assert_eq!(fits(&[]), ["a", "b", "c"]);
    assert_eq!(fits(&["node.labels.tier == web"]), ["a"]);
    assert_eq!(fits(&["node.labels.tier != web"]), ["b", "c"]);
    assert_eq!(fits(&["node.role==worker", "node.hostname != c"]), ["b"]);
    assert_eq!(fits(&["node.id == id-c"]), ["c"]);
    assert_eq!(fits(&["node.ip == 10.0.0.0/8", "node.id != id-c"]), ["a", "b"]);
}

#[test]
fn a_service_that_fits_nowhere_names_the_rule_for_each_host() {
    let mut nodes = [node("a", &[]), node("b", &[])];
    nodes[1].ready = false;
    let error = fitting(&service(&["node.labels.disk == ssd"]), &nodes).unwrap_err();
    assert_eq!(
        error.to_string(),
        "service `web` fits no host: a (`node.labels.disk == ssd` does not hold), b (is down)"
    );
}

#[test]
fn the_least_loaded_host_comes_next_and_ties_keep_the_order() {
    let nodes = [node("a", &[]), node("b", &[])];
    let mut placer = Placer::new(&nodes);
    let nowhere = nowhere();
    assert_eq!(placer.place(&demand(3, &nowhere)).unwrap(), ["a", "b", "a"]);
    assert_eq!(placer.place(&demand(2, &nowhere)).unwrap(), ["b", "a"]);
    assert!(placer.place(&demand(0, &nowhere)).unwrap().is_empty());
}

#[test]
fn replicas_spread_over_zones_first_and_then_over_hosts() {
    let nodes = [
        node("a", &[("zone", "north")]),
        node("b", &[("zone", "north")]),
        node("c", &[("zone", "north")]),
        node("d", &[("zone", "south")]),
    ];
    let (nowhere, spread) = (nowhere(), ["node.labels.zone".to_owned()]);
    let demand = Demand {
        spread: &spread,
        ..demand(6, &nowhere)
    };
    assert_eq!(
        Placer::new(&nodes).place(&demand).unwrap(),
        ["a", "d", "b", "d", "c", "d"]
    );
}

#[test]
fn a_replica_stays_where_it_is_while_no_rule_is_against_it() {
    let mut nodes = [node("a", &[]), node("b", &[]), node("c", &[])];
    let present = BTreeMap::from([(1, "c".to_owned()), (2, "c".to_owned()), (3, "b".to_owned())]);
    assert_eq!(
        Placer::new(&nodes).place(&demand(4, &present)).unwrap(),
        ["c", "c", "b", "a"]
    );
    nodes[2].active = false;
    assert_eq!(
        Placer::new(&nodes).place(&demand(3, &present)).unwrap(),
        ["a", "a", "b"],
        "only those of the drained host move"
    );
}

#[test]
fn pieces_that_hosts_say_they_have_are_counted() {
    let mut nodes = [node("a", &[]), node("b", &[]), node("c", &[])];
    let has = |number| Some(BTreeMap::from([("gpu".to_owned(), number)]));
    (nodes[0].generic_resources, nodes[1].generic_resources) = (has(3), Some(BTreeMap::new()));
    nodes[2].generic_resources = has(1);
    let nowhere = nowhere();
    let mut placer = Placer::new(&nodes);
    let reserved = |number| Reservation {
        generic: BTreeMap::from([("gpu".to_owned(), number)]),
        ..Reservation::default()
    };
    placer.occupy("a", &reserved(1), &[]);
    let one_each = |replicas| Demand {
        reserved: reserved(1),
        ..demand(replicas, &nowhere)
    };
    assert_eq!(placer.place(&one_each(3)).map(|hosts| hosts.len()), Ok(3));
    let full = placer.place(&one_each(1)).unwrap_err();
    let reasons = ["a", "b", "c"].map(|host| (host.to_owned(), "has 0 `gpu` left to reserve".to_owned()));
    assert_eq!(
        full,
        Refusal::Full {
            placed: 0,
            reasons: reasons.to_vec()
        }
    );
    // A host that has not said what it has is not held to it.
    let unknown = [node("d", &[])];
    assert!(Placer::new(&unknown).place(&one_each(9)).is_ok());
}

#[test]
fn hosts_fill_up_and_say_what_with() {
    let mut nodes = [node("a", &[]), node("b", &[]), node("c", &[])];
    nodes[0].memory_bytes = 1 << 30;
    nodes[1].nano_cpus = 1_000_000_000;
    let (nowhere, ports) = (nowhere(), [(80, "tcp".to_owned())]);
    let mut placer = Placer::new(&nodes);
    placer.occupy("c", &Reservation::default(), &ports);
    let large = Demand {
        reserved: Reservation {
            nano_cpus: 600_000_000,
            memory: 600 << 20,
            ..Reservation::default()
        },
        ports: &ports,
        ..demand(3, &nowhere)
    };
    let reason = |host: &str, rule: &str| (host.to_owned(), rule.to_owned());
    let full = Refusal::Full {
        placed: 2,
        reasons: vec![
            reason("a", "has 424 MiB of memory left to reserve"),
            reason("b", "has 0.4 processors left to reserve"),
            reason("c", "port 80/tcp is taken"),
        ],
    };
    assert_eq!(placer.place(&large), Err(full));
    // What could not be placed as a whole is not counted.
    let two = Demand {
        count: Count::Replicas(2),
        ..large
    };
    assert_eq!(placer.place(&two).unwrap(), ["a", "b"]);
}

#[test]
fn one_on_every_host_leaves_none_out_in_silence() {
    let nodes = [
        node("a", &[("tier", "web")]),
        node("b", &[]),
        node("c", &[("tier", "web")]),
    ];
    let (nowhere, constraints) = (nowhere(), ["node.labels.tier == web".to_owned()]);
    let ports = [(53, "udp".to_owned())];
    let everywhere = Demand {
        count: Count::EveryHost,
        constraints: &constraints,
        ports: &ports,
        ..demand(0, &nowhere)
    };
    let mut placer = Placer::new(&nodes);
    assert_eq!(placer.place(&everywhere).unwrap(), ["a", "c"]);
    assert!(matches!(
        placer.place(&everywhere),
        Err(Refusal::Full { placed: 0, .. })
    ));
}

#[test]
fn a_constraint_that_cannot_be_read_is_said() {
    let nodes = [node("a", &[])];
    let (nowhere, constraints) = (nowhere(), ["node.role is manager".to_owned()]);
    let demand = Demand {
        constraints: &constraints,
        ..demand(1, &nowhere)
    };
    let refusal = Placer::new(&nodes).place(&demand);
    assert!(matches!(
        refusal,
        Err(Refusal::Unreadable(PlanError::Constraint { .. }))
    ));
}

/// A pool and services, small enough that every rule is met with often.
#[derive(Debug, Clone)]
struct Scene {
    nodes: Vec<ObservedNode>,
    services: Vec<Wish>,
}

#[derive(Debug, Clone)]
struct Wish {
    replicas: u64,
    constraints: Vec<String>,
    spread: Vec<String>,
    most_per_host: Option<u64>,
    reserved: Reservation,
    ports: Vec<Port>,
    present: BTreeMap<u64, String>,
}

impl Wish {
    fn demand(&self) -> Demand<'_> {
        Demand {
            service: "any",
            count: Count::Replicas(self.replicas),
            constraints: &self.constraints,
            spread: &self.spread,
            most_per_host: self.most_per_host,
            reserved: self.reserved.clone(),
            ports: &self.ports,
            only: None,
            present: &self.present,
            leaning: Leaning::default(),
        }
    }
}

fn scenes() -> impl Strategy<Value = Scene> {
    let host = (0..3u8, 0..2u8, any::<bool>(), prop::option::of(1..4i64));
    let wish = (
        0..7u64,
        prop::option::of(0..2u8),
        any::<bool>(),
        prop::option::of(1..3u64),
        0..3i64,
        prop::option::of(80..82u16),
        prop::collection::btree_map(1..7u64, 0..6usize, 0..4),
    );
    (prop::collection::vec(host, 1..6), prop::collection::vec(wish, 1..5)).prop_map(|(hosts, wishes)| {
        let nodes = hosts
            .into_iter()
            .enumerate()
            .map(|(index, (zone, disk, active, cpus))| {
                let (zone, disk) = (zone.to_string(), disk.to_string());
                let mut node = node(&format!("h{index}"), &[("zone", &zone), ("disk", &disk)]);
                node.active = active || index == 0;
                node.nano_cpus = cpus.unwrap_or(0);
                node
            });
        let services =
            wishes.into_iter().map(
                |(replicas, disk, zones, most_per_host, nano_cpus, port, present)| Wish {
                    replicas,
                    constraints: disk
                        .map(|disk| format!("node.labels.disk == {disk}"))
                        .into_iter()
                        .collect(),
                    spread: zones.then(|| "node.labels.zone".to_owned()).into_iter().collect(),
                    most_per_host,
                    reserved: Reservation {
                        nano_cpus,
                        ..Reservation::default()
                    },
                    ports: port.map(|port| (port, "tcp".to_owned())).into_iter().collect(),
                    present: present
                        .into_iter()
                        .map(|(number, host)| (number, format!("h{host}")))
                        .collect(),
                },
            );
        Scene {
            nodes: nodes.collect(),
            services: services.collect(),
        }
    })
}

proptest! {
    /// Every rule of every service holds on every host, whatever else was placed there before.
    #[test]
    fn no_rule_is_violated(scene in scenes()) {
        let mut placer = Placer::new(&scene.nodes);
        let mut cpus: BTreeMap<String, i64> = BTreeMap::new();
        let mut ports: BTreeSet<(String, Port)> = BTreeSet::new();
        for wish in &scene.services {
            let Ok(hosts) = placer.place(&wish.demand()) else { continue };
            prop_assert_eq!(hosts.len() as u64, wish.replicas);
            let mut own: BTreeMap<&str, u64> = BTreeMap::new();
            for host in &hosts {
                let node = scene.nodes.iter().find(|node| node.name == *host).unwrap();
                prop_assert!(node.active && node.ready);
                for constraint in &wish.constraints {
                    prop_assert_eq!(format!("node.labels.disk == {}", node.labels["disk"]), constraint.clone());
                }
                let count = own.entry(host).or_default();
                *count += 1;
                prop_assert!(wish.most_per_host.is_none_or(|most| *count <= most));
                let reserved = cpus.entry(host.clone()).or_default();
                *reserved += wish.reserved.nano_cpus;
                prop_assert!(node.nano_cpus == 0 || wish.reserved.nano_cpus == 0 || *reserved <= node.nano_cpus);
                for port in &wish.ports {
                    prop_assert!(ports.insert((host.clone(), port.clone())), "{:?} twice on {}", port, host);
                }
            }
        }
    }

    /// The same input gives the same hosts.
    #[test]
    fn placing_is_a_function(scene in scenes()) {
        let place = || {
            let mut placer = Placer::new(&scene.nodes);
            scene.services.iter().map(|wish| placer.place(&wish.demand())).collect::<Vec<_>>()
        };
        prop_assert_eq!(place(), place());
    }

    /// What was placed stays placed: asking again with the answer as what is there moves nothing.
    #[test]
    fn what_is_placed_stays(scene in scenes()) {
        let mut placer = Placer::new(&scene.nodes);
        let first: Vec<_> = scene.services.iter().map(|wish| placer.place(&wish.demand())).collect();
        let mut placer = Placer::new(&scene.nodes);
        for (wish, first) in scene.services.iter().zip(first) {
            let Ok(first) = first else { continue };
            let wish = Wish {
                present: (1..).zip(first.iter().cloned()).collect(),
                ..wish.clone()
            };
            prop_assert_eq!(placer.place(&wish.demand()), Ok(first));
        }
    }

    /// A lone service moves exactly those replicas whose host a rule excludes, or that the host has no room for.
    #[test]
    fn no_replica_moves_without_need(scene in scenes()) {
        let wish = &scene.services[0];
        let mut placer = Placer::new(&scene.nodes);
        let Ok(hosts) = placer.place(&wish.demand()) else { return Ok(()) };
        let fits = |host: &str| {
            let service = Service { name: "any".into(), ..service(&wish.constraints.iter().map(String::as_str).collect::<Vec<_>>()) };
            fitting(&service, &scene.nodes).is_ok_and(|nodes| nodes.iter().any(|node| node.name == host))
        };
        let mut kept: BTreeMap<&str, u64> = BTreeMap::new();
        for (number, host) in wish.present.iter().filter(|(number, _)| **number <= wish.replicas) {
            if hosts[*number as usize - 1] == *host {
                *kept.entry(host).or_default() += 1;
                continue;
            }
            let node = scene.nodes.iter().find(|node| node.name == *host);
            let here = kept.get(host.as_str()).copied().unwrap_or(0);
            let full = node.is_some_and(|node| {
                wish.most_per_host.is_some_and(|most| here >= most)
                    || (!wish.ports.is_empty() && here > 0)
                    || (node.nano_cpus > 0 && wish.reserved.nano_cpus > 0 && (here as i64 + 1) * wish.reserved.nano_cpus > node.nano_cpus)
            });
            prop_assert!(full || !fits(host), "replica {} left {} for nothing", number, host);
        }
    }
}
