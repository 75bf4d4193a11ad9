//! Spreading again, held to its promise by example and by property.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::engine::observation::ObservedNode;
use crate::plan::placement::Reservation;

fn node(name: &str, zone: u8, active: bool) -> ObservedNode {
    ObservedNode {
        id: format!("id-{name}"),
        name: name.into(),
        labels: BTreeMap::from([("zone".to_owned(), zone.to_string())]),
        manager: false,
        ready: true,
        active,
        address: "10.0.0.1".into(),
        engine_version: "20.10".into(),
        operating_system: "linux".into(),
        architecture: "x86_64".into(),
        version: 1,
        ..ObservedNode::default()
    }
}

fn nodes(names: &[&str]) -> Vec<ObservedNode> {
    names.iter().map(|name| node(name, 0, true)).collect()
}

fn service(name: &str, at: &[&str]) -> Running {
    Running {
        service: name.into(),
        kind: Kind::Containers,
        constraints: Vec::new(),
        spread: Vec::new(),
        most_per_host: None,
        reserved: Reservation::default(),
        ports: Vec::new(),
        at: (1..).zip(at.iter().map(|host| (*host).to_owned())).collect(),
    }
}

fn found(nodes: &[ObservedNode], services: &[Running]) -> Vec<Move> {
    let mut placer = Placer::new(nodes);
    for service in services {
        for host in service.at.values() {
            placer.occupy(host, &service.reserved, &service.ports);
        }
    }
    moves(&mut placer, services)
}

fn lines(nodes: &[ObservedNode], services: &[Running]) -> Vec<String> {
    let moves = found(nodes, services).into_iter();
    moves
        .map(|one| format!("{}.{}: {} → {}", one.service, one.number, one.from, one.to))
        .collect()
}

#[test]
fn a_host_that_came_back_gets_its_share_and_nothing_else_moves() {
    let hosts = nodes(&["a", "b", "c"]);
    let crowded = [service("web", &["a", "b", "a", "b", "a", "b"])];
    assert_eq!(lines(&hosts, &crowded), ["web.5: a → c", "web.6: b → c"]);
    assert!(lines(&hosts, &[service("web", &["c", "a", "b", "a"])]).is_empty());
    assert!(lines(&hosts, &[]).is_empty());
}

#[test]
fn services_with_one_replica_share_the_hosts_too() {
    let hosts = nodes(&["a", "b", "c"]);
    let alone = ["one", "two", "three"].map(|name| service(name, &["a"]));
    assert_eq!(lines(&hosts, &alone), ["one.1: a → b", "two.1: a → c"]);
    let settled = [service("one", &["a"]), service("two", &["b"])];
    assert!(lines(&hosts, &settled).is_empty());
}

#[test]
fn zones_count_before_hosts() {
    let hosts = [node("a", 1, true), node("b", 1, true), node("c", 2, true)];
    let mut web = service("web", &["a", "b", "a", "b"]);
    web.spread = vec!["node.labels.zone".into()];
    assert_eq!(lines(&hosts, &[web.clone()]), ["web.3: a → c", "web.4: b → c"]);
    web.at = service("", &["a", "b", "c", "c"]).at;
    assert!(lines(&hosts, &[web]).is_empty());
}

#[test]
fn a_host_that_takes_nothing_or_no_more_is_left_out() {
    let hosts = [node("a", 0, true), node("b", 0, false), node("c", 0, true)];
    assert_eq!(lines(&hosts, &[service("web", &["a", "a", "a", "a"])]).len(), 2);
    let mut web = service("web", &["a", "a", "a"]);
    web.constraints = vec!["node.hostname != c".into()];
    assert!(lines(&hosts, &[web.clone()]).is_empty());
    // Where its rules are broken as it is, there is no better place to be known.
    web.constraints = vec!["node.hostname is c".into()];
    assert!(lines(&hosts, &[web]).is_empty());
}

#[test]
fn a_port_of_the_host_keeps_two_services_apart() {
    let hosts = nodes(&["a", "b"]);
    let with_port = |name: &str, at: &[&str]| Running {
        ports: vec![(80, "tcp".to_owned())],
        ..service(name, at)
    };
    let both = [
        with_port("web", &["a"]),
        service("two", &["a"]),
        service("three", &["a"]),
    ];
    let moved = lines(&hosts, &both);
    assert_eq!(moved, ["web.1: a → b"]);
    let taken = [with_port("web", &["a"]), with_port("other", &["b"])];
    assert!(lines(&hosts, &taken).is_empty());
}

/// Hosts by zone and whether they take anything, and services by where their replicas are.
fn scenes() -> impl Strategy<Value = (Vec<ObservedNode>, Vec<Running>)> {
    let hosts = prop::collection::vec((0..3u8, prop::bool::weighted(0.8)), 1..6);
    let service = (
        prop::collection::vec(0..6usize, 1..8),
        any::<bool>(),
        prop::option::of(1..4u64),
        prop::option::weighted(0.3, 0..6usize),
    );
    (hosts, prop::collection::vec(service, 1..4)).prop_map(|(hosts, services)| {
        let nodes: Vec<ObservedNode> = (hosts.iter().enumerate())
            .map(|(index, (zone, active))| node(&format!("h{index}"), *zone, *active || index == 0))
            .collect();
        let services = services.into_iter().enumerate().map(|(index, (at, zones, most, not))| {
            let at: Vec<String> = at.iter().map(|host| format!("h{}", host % nodes.len())).collect();
            Running {
                spread: zones.then(|| "node.labels.zone".to_owned()).into_iter().collect(),
                most_per_host: most,
                constraints: not
                    .map(|host| format!("node.hostname != h{host}"))
                    .into_iter()
                    .collect(),
                ..service_at(&format!("s{index}"), at)
            }
        });
        let services = services.collect();
        (nodes, services)
    })
}

fn service_at(name: &str, at: Vec<String>) -> Running {
    Running {
        at: (1..).zip(at).collect(),
        ..service(name, &[])
    }
}

fn carried_out(services: &[Running], moves: &[Move]) -> Vec<Running> {
    let mut after = services.to_vec();
    for one in moves {
        let service = after.iter_mut().find(|service| service.service == one.service).unwrap();
        service.at.insert(one.number, one.to.clone());
    }
    after
}

fn count_on(service: &Running, nodes: &[ObservedNode]) -> Vec<u64> {
    let on = |node: &ObservedNode| service.at.values().filter(|host| **host == node.name).count() as u64;
    nodes.iter().map(on).collect()
}

/// All ways of putting so many replicas on so many hosts.
fn ways(hosts: usize, replicas: u64) -> Vec<Vec<u64>> {
    match hosts {
        0 => Vec::new(),
        1 => vec![vec![replicas]],
        _ => (0..=replicas)
            .flat_map(|first| {
                ways(hosts - 1, replicas - first)
                    .into_iter()
                    .map(move |rest| [vec![first], rest].concat())
            })
            .collect(),
    }
}

proptest! {
    /// No replica comes to a host that its rules exclude, and none is lost or made.
    #[test]
    fn no_rule_is_violated((nodes, services) in scenes()) {
        let moves = found(&nodes, &services);
        let after = carried_out(&services, &moves);
        for (before, after) in services.iter().zip(&after) {
            prop_assert_eq!(before.at.keys().collect::<Vec<_>>(), after.at.keys().collect::<Vec<_>>());
        }
        for one in &moves {
            let node = nodes.iter().find(|node| node.name == one.to).unwrap();
            prop_assert!(node.active, "{one:?}");
            let service = after.iter().find(|service| service.service == one.service).unwrap();
            prop_assert!(!service.constraints.contains(&format!("node.hostname != {}", one.to)), "{one:?}");
            let there = service.at.values().filter(|host| **host == one.to).count() as u64;
            prop_assert!(service.most_per_host.is_none_or(|most| there <= most), "{one:?}");
        }
    }

    /// The same input gives the same moves, and what was spread is left alone.
    #[test]
    fn what_is_spread_stays((nodes, services) in scenes()) {
        let moves = found(&nodes, &services);
        prop_assert_eq!(&moves, &found(&nodes, &services));
        let after = carried_out(&services, &moves);
        prop_assert_eq!(found(&nodes, &after), Vec::new());
    }

    /// A lone service ends as evenly as can be, and no other way to be that even takes fewer moves.
    #[test]
    fn the_fewest_replicas_move(
        counts in prop::collection::vec(0..5u64, 1..5),
        most in prop::option::of(2..5u64),
    ) {
        let nodes: Vec<ObservedNode> = (0..counts.len()).map(|index| node(&format!("h{index}"), 0, true)).collect();
        let at = counts.iter().enumerate().flat_map(|(index, count)| (0..*count).map(move |_| format!("h{index}")));
        let service = Running { most_per_host: most, ..service_at("web", at.collect()) };
        let total: u64 = counts.iter().sum();
        let allowed = |way: &Vec<u64>| most.is_none_or(|most| way.iter().all(|count| *count <= most));
        let uneven = |way: &Vec<u64>| way.iter().map(|count| count * count).sum::<u64>();
        let distance = |way: &Vec<u64>| way.iter().zip(&counts).map(|(then, now)| then.saturating_sub(*now)).sum::<u64>();
        let possible: Vec<Vec<u64>> = ways(counts.len(), total).into_iter().filter(allowed).collect();
        let moves = found(&nodes, std::slice::from_ref(&service));
        let Some(best) = possible.iter().map(|way| (uneven(way), distance(way))).min() else {
            prop_assert!(moves.is_empty());
            return Ok(());
        };
        let after = carried_out(std::slice::from_ref(&service), &moves).remove(0);
        prop_assert_eq!((uneven(&count_on(&after, &nodes)), moves.len() as u64), best);
    }
}
