//! The order in which hosts take a service's replicas: evenly over the values of each spread attribute, the first attribute
//! first, then over hosts (specification: *deploy.placement.preferences*; Swarm's scheduler has the same order).
//!
//! A tree of groups, one level for each attribute, whose leaves are hosts. Taking one costs the depth times the logarithm of
//! the width, so that a hundred thousand replicas are a matter of a second.

use std::collections::{BTreeMap, BTreeSet};

use super::constraint;
use crate::engine::observation::ObservedNode;

/// What makes a host come earlier: fewer replicas of the service, then fewer of all, then its place in the pool's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    pub own: u64,
    pub all: u64,
    pub host: usize,
}

/// Hosts that share the values of all attributes above them.
#[derive(Debug)]
pub(super) enum Group {
    Hosts(BTreeSet<Rank>),
    /// Groups in the order in which they come: replicas of the service in it, its first host, its index.
    Groups {
        groups: Vec<Group>,
        order: BTreeSet<(u64, Rank, usize)>,
    },
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
            order.extend(group.first().map(|first| (taken, first, groups.len())));
            groups.push(group);
        }
        Group::Groups { groups, order }
    }

    /// The host that comes next.
    fn first(&self) -> Option<Rank> {
        match self {
            Group::Hosts(hosts) => hosts.first().copied(),
            Group::Groups { order, .. } => order.first().map(|(_, first, _)| *first),
        }
    }

    /// Gives the host that comes next one more; `again` says whether it may come once more after that.
    pub(super) fn take(&mut self, again: &mut dyn FnMut(usize) -> bool) -> Option<usize> {
        match self {
            Group::Hosts(hosts) => {
                let rank = hosts.pop_first()?;
                if again(rank.host) {
                    hosts.insert(Rank {
                        own: rank.own + 1,
                        all: rank.all + 1,
                        host: rank.host,
                    });
                }
                Some(rank.host)
            }
            Group::Groups { groups, order } => {
                let (taken, _, index) = order.pop_first()?;
                let host = groups[index].take(again);
                order.extend(groups[index].first().map(|first| (taken + 1, first, index)));
                host
            }
        }
    }
}
