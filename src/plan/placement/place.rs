//! Replicas given to hosts, one service after another, on hosts that fill up as it goes.
//!
//! A replica that is somewhere stays there as long as no rule is against it: nothing moves that need not move. Spreading
//! again is another question, with an answer of its own: [`Placer::level`].

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use super::fitness::{Fitness, node_fits, parsed};
use super::host_name;
use super::reservation::Reservation;
use super::spread::{Group, Rank};
use crate::engine::observation::ObservedNode;
use crate::plan::error::PlanError;

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
    pub leaning: Leaning,
}

/// What others on the hosts mean to a service. It is asked when a replica gets a host: one that has a host stays there, whoever
/// comes and goes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Leaning {
    /// Hosts, by name, that it cannot be on, with the reason.
    pub never: BTreeMap<String, String>,
    /// How many wishes a host breaks, by name: fewer come first.
    pub broken: BTreeMap<String, u64>,
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

/// What becomes of replicas that are somewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stay {
    WhereAllowed,
    /// As many as an even spread leaves where they are.
    WhereEven,
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
    pub fn occupy(&mut self, host: &str, reserved: &Reservation, ports: &[Port]) {
        if let Some(index) = self.index(host) {
            self.add(index, reserved, ports);
        }
    }

    /// Takes off what was counted on a host.
    pub fn vacate(&mut self, host: &str, reserved: &Reservation, ports: &[Port]) {
        if let Some(index) = self.index(host) {
            self.remove(index, reserved, ports);
        }
    }

    /// The hosts' names, in the pool's order.
    pub fn hosts(&self) -> Vec<String> {
        (0..self.hosts.len()).map(|index| self.name(index)).collect()
    }

    /// How much is on a host, of whatever service; 0 for one that is not known.
    pub fn load(&self, host: &str) -> u64 {
        self.index(host).map_or(0, |index| self.hosts[index].replicas)
    }

    /// A host for each replica, as [`Placer::place`] would choose them on hosts that have none of them, with as many as
    /// possible where they are: the fewest moves to an even spread. Those that are somewhere must not be counted.
    ///
    /// # Errors
    ///
    /// As [`Placer::place`].
    pub fn level(&mut self, demand: &Demand<'_>) -> Result<Vec<String>, Refusal> {
        match demand.count {
            Count::EveryHost => self.place(demand),
            Count::Replicas(count) => {
                let (open, against) = self.open(demand)?;
                self.replicas(demand, count, &open, against, Stay::WhereEven)
            }
        }
    }

    /// A host for each replica, by number from 1 (for [`Count::EveryHost`], each host's name in the pool's order).
    ///
    /// # Errors
    ///
    /// [`Refusal`], with what each host had against it; nothing is counted then.
    pub fn place(&mut self, demand: &Demand<'_>) -> Result<Vec<String>, Refusal> {
        let (open, against) = self.open(demand)?;
        match demand.count {
            Count::EveryHost => self.on_every_host(demand, &open, against),
            Count::Replicas(count) => self.replicas(demand, count, &open, against, Stay::WhereAllowed),
        }
    }

    /// The hosts that the demand's rules allow, whatever is on them, and what is against the others.
    fn open(&mut self, demand: &Demand<'_>) -> Result<(Vec<usize>, BTreeMap<usize, String>), Refusal> {
        let fitness = self.fitness_of(demand)?;
        let mut against: BTreeMap<usize, String> = BTreeMap::new();
        let mut open: Vec<usize> = Vec::new();
        for (index, fits) in fitness.iter().enumerate() {
            let elsewhere = demand.only.filter(|only| host_name(self.hosts[index].node) != *only);
            let shunned = self.shunned(demand, index);
            match (fits, elsewhere) {
                (Err(rule), _) => drop(against.insert(index, rule.clone())),
                (Ok(()), None) if shunned.is_some() => drop(against.insert(index, shunned.unwrap_or_default())),
                (_, Some(only)) => drop(against.insert(index, format!("it must be on {only}"))),
                _ => open.push(index),
            }
        }
        Ok((open, against))
    }

    /// Why others keep the service off a host that has none of its replicas.
    fn shunned(&self, demand: &Demand<'_>, index: usize) -> Option<String> {
        if demand.leaning.never.is_empty() {
            return None;
        }
        let name = host_name(self.hosts[index].node);
        let reason = demand.leaning.never.get(name)?;
        let stays = demand.present.values().any(|host| host == name);
        (!stays).then(|| reason.clone())
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
            self.add(*index, &demand.reserved, demand.ports);
        }
        Ok(chosen.into_iter().map(|index| self.name(index)).collect())
    }

    fn replicas(
        &mut self,
        demand: &Demand<'_>,
        count: u64,
        open: &[usize],
        mut against: BTreeMap<usize, String>,
        stay: Stay,
    ) -> Result<Vec<String>, Refusal> {
        let mut own: HashMap<usize, u64> = HashMap::new();
        let mut placed: BTreeMap<u64, usize> = BTreeMap::new();
        // Replicas that are on a host and may stay, where that is not settled beforehand.
        let mut there: HashMap<usize, u64> = HashMap::new();
        for (number, host) in demand.present.range(..=count) {
            if stay == Stay::WhereEven {
                if let Some(index) = self.index(host) {
                    *there.entry(index).or_default() += 1;
                }
                continue;
            }
            let Some(index) = self.index(host).filter(|index| open.binary_search(index).is_ok()) else {
                continue;
            };
            let taken = own.entry(index).or_default();
            if self.room(index, *taken, demand).is_ok() {
                *taken += 1;
                placed.insert(*number, index);
                self.add(index, &demand.reserved, demand.ports);
            }
        }
        let mut candidates = Vec::new();
        for index in open {
            let taken = own.get(index).copied().unwrap_or(0);
            match self.room(*index, taken, demand) {
                Ok(()) => candidates.push((self.rank(demand, *index, taken, &there), self.hosts[*index].node)),
                Err(rule) => drop(against.insert(*index, rule)),
            }
        }
        let mut groups = Group::new(&candidates, demand.spread);
        let mut chosen: Vec<usize> = Vec::new();
        for _ in placed.len() as u64..count {
            let taken = groups.take(&mut |index| {
                self.add(index, &demand.reserved, demand.ports);
                let taken = own.entry(index).or_default();
                *taken += 1;
                match self.room(index, *taken, demand) {
                    Ok(()) => Some(self.rank(demand, index, *taken, &there)),
                    Err(rule) => {
                        against.insert(index, rule);
                        None
                    }
                }
            });
            let Some(index) = taken else {
                for index in placed.values().chain(&chosen) {
                    self.remove(*index, &demand.reserved, demand.ports);
                }
                return Err(self.full((placed.len() + chosen.len()) as u64, &against));
            };
            chosen.push(index);
        }
        if stay == Stay::WhereEven {
            self.leave(demand, count, &mut chosen, &mut placed);
        }
        let mut chosen = chosen.into_iter();
        for number in 1..=count {
            if let std::collections::btree_map::Entry::Vacant(vacant) = placed.entry(number)
                && let Some(index) = chosen.next()
            {
                vacant.insert(index);
            }
        }
        Ok(placed.into_values().map(|index| self.name(index)).collect())
    }

    /// Gives replicas the hosts that they are on already, as far as those were chosen.
    fn leave(&self, demand: &Demand<'_>, count: u64, chosen: &mut Vec<usize>, placed: &mut BTreeMap<u64, usize>) {
        for (number, host) in demand.present.range(..=count) {
            let at = self
                .index(host)
                .and_then(|index| chosen.iter().position(|found| *found == index));
            if let Some(at) = at {
                placed.insert(*number, chosen.remove(at));
            }
        }
    }

    fn rank(&self, demand: &Demand<'_>, index: usize, own: u64, there: &HashMap<usize, u64>) -> Rank {
        let broken = &demand.leaning.broken;
        Rank {
            broken: match broken.is_empty() {
                true => 0,
                false => broken.get(host_name(self.hosts[index].node)).copied().unwrap_or(0),
            },
            own,
            comes: there.get(&index).is_none_or(|there| *there <= own),
            all: self.hosts[index].replicas,
            host: index,
        }
    }

    /// Whether the host takes one more replica; `own`: how many of the service it has.
    fn room(&self, index: usize, own: u64, demand: &Demand<'_>) -> Fitness {
        let host = &self.hosts[index];
        if let Some(most) = demand.most_per_host.filter(|most| own >= *most) {
            return Err(format!("has {own} of at most {most} replicas per host"));
        }
        host.reserved.leaves_room(host.node, &demand.reserved)?;
        match demand.ports.iter().find(|port| host.ports.contains(*port)) {
            Some((port, protocol)) => Err(format!("port {port}/{protocol} is taken")),
            None => Ok(()),
        }
    }

    fn add(&mut self, index: usize, reserved: &Reservation, ports: &[Port]) {
        let host = &mut self.hosts[index];
        host.replicas += 1;
        host.reserved.add(reserved);
        host.ports.extend(ports.iter().cloned());
    }

    fn remove(&mut self, index: usize, reserved: &Reservation, ports: &[Port]) {
        let host = &mut self.hosts[index];
        host.replicas = host.replicas.saturating_sub(1);
        host.reserved.remove(reserved);
        for port in ports {
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
