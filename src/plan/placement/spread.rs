//! The order in which hosts take a service's replicas: evenly over the values of each spread attribute, the first attribute
//! first, then over hosts (specification: *deploy.placement.preferences*; Swarm's scheduler has the same order).
//!
//! A tree of groups, one level for each attribute, whose leaves are hosts. Taking one costs the depth times the logarithm of
//! the width, so that a hundred thousand replicas are a matter of a second.

use std::collections::{BTreeMap, BTreeSet};

use super::constraint;
use crate::engine::observation::ObservedNode;

/// What makes a host come earlier: fewer wishes that it breaks, then fewer replicas of the service, then one that is there already and not counted yet, then
/// fewer of all, then its place in the pool's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    pub broken: u64,
    pub own: u64,
    /// The next replica would be a new one here, where others might stay.
    pub comes: bool,
    pub all: u64,
    pub host: usize,
}

/// Hosts that share the values of all attributes above them.
#[derive(Debug)]
pub(super) enum Group {
    Hosts(BTreeSet<Rank>),
    /// Groups in the order in which they come.
    Groups {
        groups: Vec<Group>,
        order: BTreeSet<Turn>,
    },
}

/// When a group comes: wishes that its first host breaks, replicas of the service in it, whether the next would be a new one, its
/// first host, its index.
type Turn = (u64, u64, bool, Rank, usize);

fn turn(first: Rank, taken: u64, index: usize) -> Turn {
    (first.broken, taken, first.comes, first, index)
}

impl Group {
    /// Hosts grouped by the attributes. A host without one is in the group of those without it.
    pub(super) fn new<'a>(hosts: &[(Rank, &'a ObservedNode)], attributes: &[String]) -> Group {
        let Some((attribute, rest)) = attributes.split_first() else {
            return Group::Hosts(hosts.iter().map(|(rank, _)| *rank).collect());
        };
        let mut by_value: BTreeMap<&'a str, Vec<(Rank, &'a ObservedNode)>> = BTreeMap::new();
        for (rank, node) in hosts {
            let value = constraint::attribute(node, attribute).unwrap_or_default();
            by_value.entry(value).or_default().push((*rank, node));
        }
        let mut order = BTreeSet::new();
        let mut groups = Vec::new();
        for members in by_value.values() {
            let group = Group::new(members, rest);
            let taken = members.iter().map(|(rank, _)| rank.own).sum();
            order.extend(group.first().map(|first| turn(first, taken, groups.len())));
            groups.push(group);
        }
        Group::Groups { groups, order }
    }

    /// The host that comes next.
    fn first(&self) -> Option<Rank> {
        match self {
            Group::Hosts(hosts) => hosts.first().copied(),
            Group::Groups { order, .. } => order.first().map(|(.., first, _)| *first),
        }
    }

    /// Gives the host that comes next one more; `again` says how it comes once more after that, where it does.
    pub(super) fn take(&mut self, again: &mut dyn FnMut(usize) -> Option<Rank>) -> Option<usize> {
        match self {
            Group::Hosts(hosts) => {
                let rank = hosts.pop_first()?;
                hosts.extend(again(rank.host));
                Some(rank.host)
            }
            Group::Groups { groups, order } => {
                let (_, taken, .., index) = order.pop_first()?;
                let host = groups[index].take(again);
                order.extend(groups[index].first().map(|first| turn(first, taken + 1, index)));
                host
            }
        }
    }
}
