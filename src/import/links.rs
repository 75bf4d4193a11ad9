//! How services call each other: links become names on the network, and an order.

use std::collections::BTreeSet;

use docker_compose_types::{
    AdvancedNetworkSettings, AdvancedNetworks, DependsCondition, DependsOnOptions, MapOrEmpty, Networks, Service,
};
use indexmap::IndexMap;

use super::draft::{Draft, at};

/// Collected over all services, written once all are known.
#[derive(Debug, Default)]
pub struct Links {
    links: Vec<Link>,
    /// A service's further names: the service, the name.
    aliases: Vec<(String, String)>,
    /// Who waits for whom.
    order: Vec<(String, String)>,
    /// Services that are waited for until they are healthy.
    healthy: BTreeSet<String>,
}

#[derive(Debug)]
struct Link {
    from: String,
    to: String,
    alias: String,
}

impl Links {
    /// `from` calls `to` by this name, and starts after it.
    pub fn link(&mut self, from: &str, to: &str, alias: &str) {
        self.links.push(Link {
            from: from.to_owned(),
            to: to.to_owned(),
            alias: alias.to_owned(),
        });
        self.depend(from, to);
    }

    /// Everybody may call the service by this name.
    pub fn alias(&mut self, service: &str, alias: &str) {
        self.aliases.push((service.to_owned(), alias.to_owned()));
    }

    /// `from` starts after `to`.
    pub fn depend(&mut self, from: &str, to: &str) {
        let edge = (from.to_owned(), to.to_owned());
        if from != to && !self.order.contains(&edge) {
            self.order.push(edge);
        }
    }

    /// Who waits for the service waits until it is healthy.
    pub fn wait_until_healthy(&mut self, service: &str) {
        self.healthy.insert(service.to_owned());
    }

    pub fn write(self, draft: &mut Draft) {
        let is_service = |draft: &Draft, name: &str| draft.compose.services.0.contains_key(name);
        let mut names: IndexMap<String, BTreeSet<String>> = IndexMap::new();
        for (service, alias) in &self.aliases {
            names.entry(alias.clone()).or_default().insert(service.clone());
        }
        for link in self.links.iter().filter(|link| link.alias != link.to) {
            names.entry(link.alias.clone()).or_default().insert(link.to.clone());
        }
        for (alias, services) in &names {
            let clash = services.len() > 1 || is_service(draft, alias);
            for service in services {
                if !clash && is_service(draft, service) {
                    answer_to(draft.service(service), alias);
                }
            }
        }
        for link in &self.links {
            let clash = names.get(&link.alias).is_some_and(|to| to.len() > 1) || is_service(draft, &link.alias);
            if link.alias != link.to && clash && is_service(draft, &link.to) {
                draft
                    .service(&link.from)
                    .links
                    .push(format!("{}:{}", link.to, link.alias));
                let text = format!(
                    "`{}` is the name of more than one service: it holds in this one only",
                    link.alias
                );
                draft.say(at(["services", &link.from, "links"]), text);
            }
        }
        let mut order: Vec<(String, String)> = Vec::new();
        for (from, to) in self.order {
            if !is_service(draft, &from) || !is_service(draft, &to) {
                continue;
            }
            if reaches(&order, &to, &from) {
                let text = format!("links to `{to}`, which waits for this one: neither can start after the other");
                draft.say(at(["services", &from]), text);
                continue;
            }
            order.push((from, to));
        }
        for (from, to) in order {
            let condition = self.healthy.contains(&to).then(DependsCondition::service_healthy);
            wait_for(draft.service(&from), to, condition);
        }
    }
}

fn reaches(order: &[(String, String)], from: &str, to: &str) -> bool {
    from == to || order.iter().any(|(a, b)| a == from && reaches(order, b, to))
}

/// A further name on the service's first network.
fn answer_to(service: &mut Service, alias: &str) {
    if service.network_mode.is_some() {
        return;
    }
    let mut networks = match std::mem::take(&mut service.networks) {
        Networks::Advanced(networks) => networks,
        Networks::Simple(names) => AdvancedNetworks(names.into_iter().map(|name| (name, MapOrEmpty::Empty)).collect()),
    };
    if networks.0.is_empty() {
        networks.0.insert("default".to_owned(), MapOrEmpty::Empty);
    }
    if let Some((_, network)) = networks.0.iter_mut().next() {
        let mut settings = match std::mem::take(network) {
            MapOrEmpty::Map(settings) => settings,
            MapOrEmpty::Empty => AdvancedNetworkSettings::default(),
        };
        if !settings.aliases.iter().any(|known| known == alias) {
            settings.aliases.push(alias.to_owned());
        }
        *network = MapOrEmpty::Map(settings);
    }
    service.networks = Networks::Advanced(networks);
}

/// Adds to `depends_on`, in its long form where there is a condition.
fn wait_for(service: &mut Service, name: String, condition: Option<DependsCondition>) {
    let long =
        condition.is_some() || matches!(&service.depends_on, DependsOnOptions::Conditional(map) if !map.is_empty());
    if let (DependsOnOptions::Simple(names), false) = (&mut service.depends_on, long) {
        if !names.contains(&name) {
            names.push(name);
        }
        return;
    }
    let mut map = match std::mem::take(&mut service.depends_on) {
        DependsOnOptions::Conditional(map) => map,
        DependsOnOptions::Simple(names) => names
            .into_iter()
            .map(|name| (name, DependsCondition::service_started()))
            .collect(),
    };
    let condition = condition.unwrap_or_else(DependsCondition::service_started);
    map.entry(name).or_insert(condition);
    service.depends_on = DependsOnOptions::Conditional(map);
}
