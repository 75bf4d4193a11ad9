//! Where published ports answer: the last word of `up`.

use crate::compose::{Project, Service};
use crate::engine::Observation;
use crate::engine::labels;
use crate::engine::observation::TaskState;
use crate::hosts::Host;
use crate::hosts::openstack::Published;

/// The part of an engine's words that says which port of the host is taken; `None` where they say something else.
pub(super) fn port_conflict(words: &str) -> Option<&str> {
    let taken = [
        "port is already allocated",
        "address already in use",
        "ports are not available",
    ]
    .iter()
    .any(|sign| words.to_lowercase().contains(sign));
    // What stands before is about containers and endpoints by their ids.
    let telling = ["listen tcp", "listen udp", "Bind for "]
        .iter()
        .find_map(|start| words.find(start));
    taken.then(|| &words[telling.unwrap_or(0)..])
}

/// The ports of the hosts that the project's services are reached at from elsewhere: published ones with a number, unless only
/// for the host itself, and those that ways in listen on.
pub(super) fn ports(project: &Project) -> Vec<Published> {
    let mut all = Vec::new();
    for service in project.services.values() {
        let local = |ip: &String| ip.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
        for port in &service.ports {
            if let (Some(number), false) = (port.published, port.host_ip.as_ref().is_some_and(local)) {
                all.push(Published {
                    protocol: port.protocol.as_str(),
                    port: number,
                });
            }
        }
        all.extend(service.ingress.iter().map(|way| Published {
            protocol: "tcp",
            port: way.listen,
        }));
    }
    all.sort();
    all.dedup();
    all
}

/// Each service with published ports, in file order, with `ADDRESS:PORT` of every place that answers.
///
/// `hosts`: the pool's, whose login address is where the operator reaches them; empty without a pool.
pub fn addresses(project: &Project, observed: &Observation, hosts: &[Host]) -> Vec<(String, Vec<String>)> {
    let address_of = |host: &str| {
        hosts
            .iter()
            .find(|known| known.name == host)
            .map(|known| known.login.address.clone())
    };
    let mut all = Vec::new();
    for service in project.services.values() {
        let mut found: Vec<String> = Vec::new();
        for container in observed
            .containers
            .iter()
            .filter(|found| found.labels.get(labels::SERVICE) == Some(&service.name))
        {
            let host = address_of(&container.host).unwrap_or_else(|| "localhost".to_owned());
            for port in &container.ports {
                let host = port
                    .host_ip
                    .clone()
                    .filter(|ip| !ip.is_empty() && ip != "0.0.0.0" && ip != "::")
                    .unwrap_or_else(|| host.clone());
                found.push(shown(&host, port.published, &port.protocol));
            }
        }
        if let Some(cluster) = &observed.cluster {
            let running = observed
                .services
                .iter()
                .find(|found| found.labels.get(labels::SERVICE) == Some(&service.name));
            let tasks = observed.tasks.iter().filter(|task| {
                running.is_some_and(|running| running.id == task.service_id)
                    && task.state == TaskState::Running
                    && task.desired_state == TaskState::Running
            });
            for task in tasks {
                let node = cluster
                    .nodes
                    .iter()
                    .find(|node| Some(&node.id) == task.node_id.as_ref());
                let Some(node) = node else { continue };
                let host = address_of(crate::plan::placement::host_name(node)).unwrap_or_else(|| node.address.clone());
                found.extend(
                    task.ports
                        .iter()
                        .map(|port| shown(&host, port.published, &port.protocol)),
                );
            }
            // Ingress ports answer on every host.
            let ingress = running
                .and_then(|running| running.spec.endpoint_spec.as_ref())
                .and_then(|endpoint| endpoint.ports.as_ref())
                .into_iter()
                .flatten()
                .filter(|port| {
                    port.publish_mode != Some(crate::engine::models::EndpointPortConfigPublishModeEnum::HOST)
                });
            for port in ingress {
                let Some(published) = port.published_port.and_then(|port| u16::try_from(port).ok()) else {
                    continue;
                };
                let protocol = port
                    .protocol
                    .map_or_else(|| "tcp".to_owned(), |protocol| protocol.to_string());
                found.extend(
                    hosts
                        .iter()
                        .map(|host| shown(&host.login.address, published, &protocol)),
                );
            }
        }
        found.extend(ways_in(project, service, hosts));
        found.sort();
        found.dedup();
        if !found.is_empty() {
            all.push((service.name.clone(), found));
        }
    }
    all
}

/// Where a service answers through the ingress: on every host, under the names that it is for.
fn ways_in(project: &Project, service: &Service, hosts: &[Host]) -> Vec<String> {
    let addresses: Vec<&str> = hosts.iter().map(|host| host.login.address.as_str()).collect();
    let mut all = Vec::new();
    for way in crate::plan::ingress::ways(project, service) {
        if way.hosts.is_empty() {
            all.extend(addresses.iter().map(|address| way.url(address)));
        }
        for host in &way.hosts {
            all.push(format!("{} (at {})", way.url(host), addresses.join(", ")));
        }
    }
    all
}

fn shown(host: &str, port: u16, protocol: &str) -> String {
    let host = if host.contains(':') && !host.starts_with('[') {
        format!("[{host}]")
    } else {
        host.to_owned()
    };
    match protocol {
        "tcp" => format!("http://{host}:{port}"),
        other => format!("{host}:{port}/{other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_told_without_ids() {
        let words = "driver failed programming external connectivity on endpoint web-1 (a1f0): Error starting userland proxy: \
                     listen tcp4 0.0.0.0:8080: bind: address already in use";
        assert_eq!(
            port_conflict(words),
            Some("listen tcp4 0.0.0.0:8080: bind: address already in use")
        );
        let words = "driver failed: Bind for 0.0.0.0:8080 failed: port is already allocated";
        assert_eq!(
            port_conflict(words),
            Some("Bind for 0.0.0.0:8080 failed: port is already allocated")
        );
        assert_eq!(port_conflict("exec: \"nosuch\": executable file not found"), None);
    }
}
