//! Which replicas move so that they are spread again, after hosts came back or joined: the fewest that make it even.
//!
//! Two questions, one after the other. Each service by itself: its replicas lie evenly over its spread preferences and its
//! hosts. Then the hosts: where one has at least two replicas more than another, one that either may have goes over, as long
//! as its own service stays even. Pure; a replica that must be where it is (data, one on every host, jobs) is not in question.

mod off_host;
mod running;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use off_host::{Off, back_on, is_off, off};
pub use running::{Kind, Running, everything, running};

use super::placement::{Count, Demand, Leaning, Placer};

/// One replica that goes to another host.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Move {
    /// The service's name in the file.
    pub service: String,
    /// The replica's number, from 1.
    pub number: u64,
    pub from: String,
    pub to: String,
}

/// The moves of these services, in their order, then by number. `placer` has counted everything that is on the hosts, these
/// services' replicas included.
pub fn moves(placer: &mut Placer<'_>, services: &[Running]) -> Vec<Move> {
    let mut places: Vec<BTreeMap<u64, String>> = services.iter().map(|service| service.at.clone()).collect();
    for (service, places) in services.iter().zip(&mut places) {
        if let Some(even) = evened(placer, service, places) {
            *places = even;
        }
    }
    let hosts = placer.hosts();
    while let Some((index, number, to)) = lighter(placer, services, &places, &hosts) {
        let from = places[index].insert(number, to.clone());
        placer.vacate(
            &from.unwrap_or_default(),
            &services[index].reserved,
            &services[index].ports,
        );
        placer.occupy(&to, &services[index].reserved, &services[index].ports);
    }
    let of_service = services.iter().zip(&places).flat_map(|(service, places)| {
        let changed = service
            .at
            .iter()
            .filter_map(|(number, from)| Some((number, from, places.get(number)?)));
        changed
            .filter(|(_, from, to)| from != to)
            .map(|(number, from, to)| Move {
                service: service.service.clone(),
                number: *number,
                from: from.clone(),
                to: to.clone(),
            })
    });
    of_service.collect()
}

/// Where an even spread has the service's replicas; `None` where its rules do not even leave them where they are, so that
/// nothing is known to be better. The placer counts them where they are then.
fn evened(placer: &mut Placer<'_>, service: &Running, places: &BTreeMap<u64, String>) -> Option<BTreeMap<u64, String>> {
    // Numbers may have gaps (a slot of the cluster's that was given up); placement counts from 1.
    let numbers: Vec<u64> = places.keys().copied().collect();
    let present: BTreeMap<u64, String> = (1..).zip(places.values().cloned()).collect();
    let demand = Demand {
        service: &service.service,
        count: Count::Replicas(numbers.len() as u64),
        constraints: &service.constraints,
        spread: &service.spread,
        most_per_host: service.most_per_host,
        reserved: service.reserved.clone(),
        ports: &service.ports,
        only: None,
        present: &present,
        leaning: Leaning::default(),
    };
    for host in places.values() {
        placer.vacate(host, &service.reserved, &service.ports);
    }
    match placer.level(&demand) {
        Ok(hosts) => Some(numbers.into_iter().zip(hosts).collect()),
        Err(_) => {
            for host in places.values() {
                placer.occupy(host, &service.reserved, &service.ports);
            }
            None
        }
    }
}

/// A replica that may go from a host to one with at least two fewer, and leaves its service even: the service's index, the
/// replica's number, and where to. From the fullest host first, to the emptiest first.
fn lighter(
    placer: &mut Placer<'_>,
    services: &[Running],
    places: &[BTreeMap<u64, String>],
    hosts: &[String],
) -> Option<(usize, u64, String)> {
    let mut by_load: Vec<(u64, &String)> = hosts.iter().map(|host| (placer.load(host), host)).collect();
    by_load.sort_by_key(|(load, _)| *load);
    for (full, from) in by_load.iter().rev() {
        for (empty, to) in by_load.iter().take_while(|(empty, _)| *empty + 2 <= *full) {
            debug_assert!(empty < full);
            for (index, service) in services.iter().enumerate() {
                let here = places[index].iter().filter(|(_, host)| host == from);
                let Some(number) = here.map(|(number, _)| *number).next_back() else {
                    continue;
                };
                let mut moved = places[index].clone();
                moved.insert(number, (*to).clone());
                if stays_even(placer, service, &places[index], &moved) {
                    return Some((index, number, (*to).clone()));
                }
            }
        }
    }
    None
}

/// Whether the service's replicas are as even in these places as can be, by its rules. Nothing is counted otherwise afterwards.
fn stays_even(
    placer: &mut Placer<'_>,
    service: &Running,
    now: &BTreeMap<u64, String>,
    then: &BTreeMap<u64, String>,
) -> bool {
    let count = |placer: &mut Placer<'_>, from: &BTreeMap<u64, String>, to: &BTreeMap<u64, String>| {
        from.values()
            .for_each(|host| placer.vacate(host, &service.reserved, &service.ports));
        to.values()
            .for_each(|host| placer.occupy(host, &service.reserved, &service.ports));
    };
    count(placer, now, then);
    let even = evened(placer, service, then);
    let same = even.as_ref() == Some(then);
    count(placer, even.as_ref().unwrap_or(then), now);
    same
}
