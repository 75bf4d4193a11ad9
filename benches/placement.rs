//! How long placement takes: 1,000 hosts and 100,000 replicas with a constraint and a spread each, and the same again with
//! every replica where it is. Prints one row of a table for each.

#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use hoist::engine::observation::ObservedNode;
use hoist::plan::placement::{Count, Demand, Leaning, Placer, Reservation};

const HOSTS: usize = 1_000;
const SERVICES: usize = 1_000;
const REPLICAS: u64 = 100;
const ROUNDS: usize = 5;

fn node(index: usize) -> ObservedNode {
    let label = |key: &str, value: usize| (key.to_owned(), value.to_string());
    ObservedNode {
        id: format!("id-{index}"),
        name: format!("host-{index}"),
        labels: BTreeMap::from([label("tier", index % 4), label("zone", index % 7)]),
        manager: index < 5,
        leader: index == 0,
        ready: true,
        active: true,
        address: format!("10.0.{}.{}", index / 250, index % 250),
        engine_version: "20.10".to_owned(),
        operating_system: "linux".to_owned(),
        architecture: "x86_64".to_owned(),
        nano_cpus: 64_000_000_000,
        memory_bytes: 256 << 30,
        version: 1,
        ..ObservedNode::default()
    }
}

/// Places every service, given where replicas are, and says where they are then.
fn place(nodes: &[ObservedNode], present: &[BTreeMap<u64, String>]) -> Vec<BTreeMap<u64, String>> {
    let mut placer = Placer::new(nodes);
    let spread = ["node.labels.zone".to_owned()];
    let services = present.iter().enumerate().map(|(index, present)| {
        let constraints = [format!("node.labels.tier == {}", index % 4)];
        let demand = Demand {
            service: "any",
            count: Count::Replicas(REPLICAS),
            constraints: &constraints,
            spread: &spread,
            most_per_host: None,
            reserved: Reservation {
                nano_cpus: 100_000_000,
                memory: 64 << 20,
                ..Reservation::default()
            },
            ports: &[],
            only: None,
            present,
            leaning: Leaning::default(),
        };
        let hosts = placer.place(&demand).expect("there is room");
        (1..).zip(hosts).collect()
    });
    services.collect()
}

fn row(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let seconds = |index: usize| times[index].as_secs_f64();
    println!(
        "| {what} | {:.3} s ({:.3} to {:.3}) |",
        seconds(times.len() / 2),
        seconds(0),
        seconds(times.len() - 1)
    );
}

fn main() {
    let nodes: Vec<ObservedNode> = (0..HOSTS).map(node).collect();
    let nowhere = vec![BTreeMap::new(); SERVICES];
    let (mut first, mut again) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let started = Instant::now();
        let placed = place(&nodes, &nowhere);
        first.push(started.elapsed());
        let started = Instant::now();
        let same = place(&nodes, &placed);
        again.push(started.elapsed());
        assert_eq!(placed, same, "nothing moves");
    }
    row("placing 100,000 replicas of 1,000 services on 1,000 hosts", first);
    row("the same, all of them where they are", again);
}
