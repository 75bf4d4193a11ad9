//! Replicas given to hosts, one service after another, on hosts that fill up as it goes.
//!
//! A replica that is somewhere stays there as long as no rule is against it: nothing moves that need not move.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use super::fitness::{Fitness, node_fits, parsed};
use super::host_name;
use super::spread::{Group, Rank};
use crate::engine::observation::ObservedNode;
use crate::plan::error::PlanError;

/// What is set aside for a replica.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reservation {
    /// Thousand-millionths of a processor, as the Engine API counts.
    pub nano_cpus: i64,
    /// Bytes.
    pub memory: i64,
}

/// A port of the host that a replica takes: number and protocol.
pub type Port = (u16, String);

/// How many replicas a service has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    Replicas(u64),
    /// One on every host that fits.
    EveryHost,
}

/// One service, as placement sees it.
#[derive(Debug, Clone)]
pub struct Demand<'a> {
    pub service: &'a str,
    pub count: Count,
    /// Swarm's constraints, as text.
    pub constraints: &'a [String],
    /// Attributes of nodes to spread over, the most important first.
    pub spread: &'a [String],
    pub most_per_host: Option<u64>,
    pub reserved: Reservation,
    pub ports: &'a [Port],
    /// The one host that it may be on (its data is there, or what it shares).
    pub only: Option<&'a str>,
    /// Where replicas are, by their number from 1.
    pub present: &'a BTreeMap<u64, String>,
}

/// Why a service did not get all its replicas placed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Its rules cannot be read.
    Unreadable(PlanError),
    /// This many of its replicas have a host; the reason of each host that takes no more, by host name.
    Full {
        placed: u64,
        reasons: Vec<(String, String)>,
    },
}

/// A host, and what is on it.
struct Host<'a> {
    node: &'a ObservedNode,
    replicas: u64,
    reserved: Reservation,
    ports: BTreeSet<Port>,
}

/// Hosts that fill up.
pub struct Placer<'a> {
    hosts: Vec<Host<'a>>,
    by_name: HashMap<&'a str, usize>,
    /// Fitness of every host by constraints: services of one file share most of theirs.
    fitness: HashMap<Vec<String>, Rc<Vec<Fitness>>>,
}

impl<'a> Placer<'a> {
    /// Hosts with nothing on them, in the pool's order.
    pub fn new(nodes: impl IntoIterator<Item = &'a ObservedNode>) -> Self {
        let host = |node| Host {
            node,
            replicas: 0,
            reserved: Reservation::default(),
            ports: BTreeSet::new(),
        };
        let hosts: Vec<Host<'a>> = nodes.into_iter().map(host).collect();
        let names = hosts.iter().enumerate();
        Placer {
            by_name: names.map(|(index, host)| (host_name(host.node), index)).collect(),
            hosts,
            fitness: HashMap::new(),
        }
    }

    /// Counts something that is on a host already and that Hoist does not place. A host that is not known is passed over.
    pub fn occupy(&mut self, host: &str, reserved: Reservation, ports: &[Port]) {
        if let Some(index) = self.index(host) {
            self.add(index, reserved, ports);
        }
    }

    /// A host for each replica, by number from 1 (for [`Count::EveryHost`], each host's name in the pool's order).
    ///
    /// # Errors
    ///
    /// [`Refusal`], with what each host had against it; nothing is counted then.
    pub fn place(&mut self, demand: &Demand<'_>) -> Result<Vec<String>, Refusal> {
        let fitness = self.fitness_of(demand)?;
        let mut against: BTreeMap<usize, String> = BTreeMap::new();
        let mut open: Vec<usize> = Vec::new();
        for (index, fits) in fitness.iter().enumerate() {
            let elsewhere = demand.only.filter(|only| host_name(self.hosts[index].node) != *only);
            match (fits, elsewhere) {
                (Err(rule), _) => drop(against.insert(index, rule.clone())),
                (_, Some(only)) => drop(against.insert(index, format!("it must be on {only}"))),
                _ => open.push(index),
            }
        }
        match demand.count {
            Count::EveryHost => self.on_every_host(demand, &open, against),
            Count::Replicas(count) => self.replicas(demand, count, &open, against),
        }
    }

    fn on_every_host(
        &mut self,
        demand: &Demand<'_>,
        open: &[usize],
        mut against: BTreeMap<usize, String>,
    ) -> Result<Vec<String>, Refusal> {
        let mut chosen = Vec::new();
        for index in open {
            match self.room(*index, 0, demand) {
                Ok(()) => chosen.push(*index),
                Err(rule) => drop(against.insert(*index, rule)),
            }
        }
        // Every host that its rules allow is what the file asks for: one that is full is not to be left out in silence.
        if chosen.is_empty() || chosen.len() < open.len() {
            return Err(self.full(chosen.len() as u64, &against));
        }
        for index in &chosen {
            self.add(*index, demand.reserved, demand.ports);
        }
        Ok(chosen.into_iter().map(|index| self.name(index)).collect())
    }

    fn replicas(
        &mut self,
        demand: &Demand<'_>,
        count: u64,
        open: &[usize],
        mut against: BTreeMap<usize, String>,
    ) -> Result<Vec<String>, Refusal> {
        let mut own: HashMap<usize, u64> = HashMap::new();
        let mut placed: BTreeMap<u64, usize> = BTreeMap::new();
        for (number, host) in demand.present.range(..=count) {
            let Some(index) = self.index(host).filter(|index| open.binary_search(index).is_ok()) else {
                continue;
            };
            let taken = own.entry(index).or_default();
            if self.room(index, *taken, demand).is_ok() {
                *taken += 1;
                placed.insert(*number, index);
                self.add(index, demand.reserved, demand.ports);
            }
        }
        let mut candidates = Vec::new();
        for index in open {
            let taken = own.get(index).copied().unwrap_or(0);
            match self.room(*index, taken, demand) {
                Ok(()) => {
                    let rank = Rank {
                        own: taken,
                        all: self.hosts[*index].replicas,
                        host: *index,
                    };
                    candidates.push((rank, self.hosts[*index].node));
                }
                Err(rule) => drop(against.insert(*index, rule)),
            }
        }
        let mut groups = Group::new(&candidates, demand.spread);
        for number in 1..=count {
            if placed.contains_key(&number) {
                continue;
            }
            let taken = groups.take(&mut |index| {
                self.add(index, demand.reserved, demand.ports);
                let taken = own.entry(index).or_default();
                *taken += 1;
                match self.room(index, *taken, demand) {
                    Ok(()) => true,
                    Err(rule) => {
                        against.insert(index, rule);
                        false
                    }
                }
            });
            let Some(index) = taken else {
                for index in placed.values() {
                    self.remove(*index, demand);
                }
                return Err(self.full(placed.len() as u64, &against));
            };
            placed.insert(number, index);
        }
        Ok(placed.into_values().map(|index| self.name(index)).collect())
    }

    /// Whether the host takes one more replica; `own`: how many of the service it has.
    fn room(&self, index: usize, own: u64, demand: &Demand<'_>) -> Fitness {
        let host = &self.hosts[index];
        if let Some(most) = demand.most_per_host.filter(|most| own >= *most) {
            return Err(format!("has {own} of at most {most} replicas per host"));
        }
        // A node that does not say what it has is not held to it.
        let lacks = |wanted: i64, taken: i64, has: i64| wanted > 0 && has > 0 && taken.saturating_add(wanted) > has;
        let (wanted, taken) = (demand.reserved, host.reserved);
        if lacks(wanted.nano_cpus, taken.nano_cpus, host.node.nano_cpus) {
            let free = (host.node.nano_cpus - taken.nano_cpus).max(0) as f64 / 1e9;
            return Err(format!("has {free} processors left to reserve"));
        }
        if lacks(wanted.memory, taken.memory, host.node.memory_bytes) {
            let free = (host.node.memory_bytes - taken.memory).max(0) / (1 << 20);
            return Err(format!("has {free} MiB of memory left to reserve"));
        }
        match demand.ports.iter().find(|port| host.ports.contains(*port)) {
            Some((port, protocol)) => Err(format!("port {port}/{protocol} is taken")),
            None => Ok(()),
        }
    }

    fn add(&mut self, index: usize, reserved: Reservation, ports: &[Port]) {
        let host = &mut self.hosts[index];
        host.replicas += 1;
        host.reserved.nano_cpus += reserved.nano_cpus;
        host.reserved.memory += reserved.memory;
        host.ports.extend(ports.iter().cloned());
    }

    fn remove(&mut self, index: usize, demand: &Demand<'_>) {
        let host = &mut self.hosts[index];
        host.replicas -= 1;
        host.reserved.nano_cpus -= demand.reserved.nano_cpus;
        host.reserved.memory -= demand.reserved.memory;
        for port in demand.ports {
            host.ports.remove(port);
        }
    }

    fn fitness_of(&mut self, demand: &Demand<'_>) -> Result<Rc<Vec<Fitness>>, Refusal> {
        if let Some(known) = self.fitness.get(demand.constraints) {
            return Ok(Rc::clone(known));
        }
        let constraints = parsed(demand.service, demand.constraints).map_err(Refusal::Unreadable)?;
        let fits = self.hosts.iter().map(|host| node_fits(host.node, &constraints));
        let fitness = Rc::new(fits.collect::<Vec<_>>());
        self.fitness.insert(demand.constraints.to_vec(), Rc::clone(&fitness));
        Ok(fitness)
    }

    fn full(&self, placed: u64, against: &BTreeMap<usize, String>) -> Refusal {
        let reasons = against.iter().map(|(index, rule)| (self.name(*index), rule.clone()));
        Refusal::Full {
            placed,
            reasons: reasons.collect(),
        }
    }

    fn index(&self, host: &str) -> Option<usize> {
        self.by_name.get(host).copied()
    }

    fn name(&self, index: usize) -> String {
        host_name(self.hosts[index].node).to_owned()
    }
}
