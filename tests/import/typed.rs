//! A typed project as lines, so that a case can hold what its output comes to once it is loaded.

use std::fmt::{Debug, Write};

use hoist::compose::model::{GroupProvider, HostGroup, Project, Service};

/// What of the project is not empty, one attribute a line.
pub fn lines(project: &Project) -> String {
    let mut text = String::new();
    for group in project.hosts.values() {
        host_group(&mut text, group);
    }
    for service in project.services.values() {
        self::service(&mut text, service);
    }
    for (name, volume) in &project.volumes {
        writeln!(text, "volume {name} = {} {:?}", volume.name, volume.driver).expect("text");
    }
    for (name, network) in project.networks.iter().filter(|(name, _)| *name != "default") {
        writeln!(text, "network {name} = {} external {}", network.name, network.external).expect("text");
    }
    text
}

fn host_group(text: &mut String, group: &HostGroup) {
    let provider = match &group.provider {
        GroupProvider::Local(_) => "local".to_owned(),
        GroupProvider::Openstack(_) => "openstack".to_owned(),
        GroupProvider::Ssh(hosts) => hosts.iter().map(|one| one.host.as_str()).collect::<Vec<_>>().join(", "),
    };
    writeln!(
        text,
        "hosts {} = {} {:?} {provider}",
        group.name, group.count, group.labels
    )
    .expect("text");
}

fn service(text: &mut String, service: &Service) {
    let mut say = |what: &str, value: &dyn Debug| {
        let value = format!("{value:?}");
        if !["None", "[]", "{}", "false", "Replicated"].contains(&value.as_str()) {
            writeln!(text, "{}.{what} = {value}", service.name).expect("text");
        }
    };
    let environment: Vec<_> = service.environment.iter().collect();
    let ports: Vec<String> = service
        .ports
        .iter()
        .map(|port| {
            format!(
                "{:?}:{:?}:{}/{}",
                port.host_ip,
                port.published,
                port.target,
                port.protocol.as_str()
            )
        })
        .collect();
    let networks: Vec<_> = service
        .networks
        .iter()
        .map(|(name, network)| (name, &network.aliases))
        .collect();
    let ingress: Vec<_> = service
        .ingress
        .iter()
        .map(|way| {
            format!(
                "{} -> {} {:?} {:?} {:?} sticky {}",
                way.listen, way.port, way.hosts, way.path, way.protocol, way.sticky
            )
        })
        .collect();
    say("image", &service.image);
    say("command", &service.command);
    say("environment", &environment);
    say("ports", &ports);
    say("networks", &networks);
    say("depends_on", &service.depends_on.keys().collect::<Vec<_>>());
    say("restart", &service.restart);
    say("privileged", &service.privileged);
    say("limits.memory", &service.deploy.limits.memory);
    say("replicas", &service.deploy.replicas);
    say("mode", &service.deploy.mode);
    say("constraints", &service.deploy.constraints);
    say("max_replicas_per_node", &service.deploy.max_replicas_per_node);
    say(
        "healthcheck",
        &service
            .healthcheck
            .as_ref()
            .map(|check| (&check.test, check.interval, check.retries)),
    );
    say("ingress", &ingress);
}
