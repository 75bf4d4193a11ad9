use indexmap::IndexMap;

use super::*;
use crate::compose::model::{Cidr, FloatingIp, GroupProvider, NamedBy, Openstack, ServerGroupPolicy};
use crate::hosts::openstack::observed::{FixedIp, FloatingIp as ObservedFloatingIp};

fn name(text: &str) -> CloudName {
    CloudName {
        text: text.into(),
        by: NamedBy::Either,
    }
}

fn wish() -> Wish {
    let settings = Openstack {
        floating_ip: FloatingIp::From(name("public")),
        server_group: Some(ServerGroup::Made(ServerGroupPolicy::SoftAntiAffinity)),
        ..Openstack::default()
    };
    Wish {
        pool: "dev".into(),
        project: "shop".into(),
        network: NetworkWish::Made {
            name: "app".into(),
            cidr: Cidr::parse("10.20.0.0/24").unwrap(),
            dns: vec!["1.1.1.1".into(), "9.9.9.9".into()],
            router: RouterWish::Made {
                name: "app".into(),
                external: None,
            },
        },
        published: Vec::new(),
        docker_port: None,
        encrypt: false,
        groups: IndexMap::from([("web".to_owned(), settings)]),
    }
}

fn marked() -> Option<String> {
    Some(mark::of_pool("dev"))
}

/// A cloud with an external network, and with everything that the pool shares but its rules.
fn complete() -> Observed {
    Observed {
        networks: vec![public(), network("n1", "app", marked())],
        subnets: vec![Subnet {
            id: "s1".into(),
            name: "app".into(),
            description: marked(),
            network_id: "n1".into(),
            cidr: "10.20.0.0/24".into(),
            dns_nameservers: vec!["9.9.9.9".into(), "1.1.1.1".into()],
            ..Subnet::default()
        }],
        routers: vec![Router {
            id: "r1".into(),
            name: "app".into(),
            description: marked(),
            ..Router::default()
        }],
        ports: vec![Port {
            id: "p0".into(),
            network_id: "n1".into(),
            device_id: "r1".into(),
            fixed_ips: vec![FixedIp { subnet_id: "s1".into() }],
            ..Port::default()
        }],
        security_groups: vec![SecurityGroup {
            id: "g1".into(),
            description: marked(),
            ..SecurityGroup::default()
        }],
        ..Observed::default()
    }
}

fn public() -> Network {
    Network {
        external: true,
        ..network("e1", "public", None)
    }
}

fn network(id: &str, name: &str, description: Option<String>) -> Network {
    Network {
        id: id.into(),
        name: name.into(),
        description,
        ..Network::default()
    }
}

fn kinds(changes: &[CloudChange]) -> Vec<&'static str> {
    let shown = changes.iter().map(|change| change.shown().kind);
    shown.filter(|kind| *kind != "rule").collect()
}

fn request(host: &str) -> HostRequest {
    HostRequest {
        name: host.into(),
        group: "web".into(),
        pool: "dev".into(),
        labels: [].into(),
        settings: GroupProvider::Openstack(Box::default()),
    }
}

#[test]
fn an_empty_cloud_gets_everything_in_the_order_in_which_it_is_needed() {
    let there = Observed {
        networks: vec![public()],
        ..Observed::default()
    };
    let changes = shared(&wish(), &there).unwrap();
    let order = ["network", "subnet", "router", "router interface", "security group"];
    assert_eq!(kinds(&changes), order);
}

#[test]
fn what_is_there_is_left_alone() {
    assert!(kinds(&shared(&wish(), &complete()).unwrap()).is_empty());
}

#[test]
fn an_interrupted_run_is_taken_up_at_each_point() {
    let mut there = complete();
    there.ports.clear();
    assert_eq!(kinds(&shared(&wish(), &there).unwrap()), ["router interface"]);
    there.routers.clear();
    assert_eq!(kinds(&shared(&wish(), &there).unwrap()), ["router", "router interface"]);
    there.subnets.clear();
    assert_eq!(
        kinds(&shared(&wish(), &there).unwrap()),
        ["subnet", "router", "router interface"]
    );
}

#[test]
fn somebody_elses_network_of_the_same_name_is_not_taken_for_the_pools() {
    let there = Observed {
        networks: vec![
            public(),
            network("n9", "app", None),
            network("n8", "app", Some(mark::of_pool("other"))),
        ],
        ..Observed::default()
    };
    assert_eq!(kinds(&shared(&wish(), &there).unwrap())[0], "network");
}

#[test]
fn other_name_servers_are_a_change_and_another_range_is_refused() {
    let mut there = complete();
    there.subnets[0].dns_nameservers = vec!["8.8.8.8".into()];
    let changes = shared(&wish(), &there).unwrap();
    assert!(
        matches!(&changes[0], CloudChange::ChangeNameservers { id, .. } if id == "s1"),
        "{changes:?}"
    );
    there.subnets[0].cidr = "10.9.0.0/24".into();
    let refused = shared(&wish(), &there).unwrap_err().to_string();
    assert!(refused.contains("has the range 10.9.0.0/24"), "{refused}");
}

#[test]
fn a_network_that_is_not_there_is_told_with_those_that_are() {
    let wish = Wish {
        network: NetworkWish::Existing {
            network: Some(name("ap")),
            subnet: None,
        },
        ..wish()
    };
    let error = shared(&wish, &complete()).unwrap_err();
    assert_eq!(error.to_string(), "no network `ap` in the cloud");
    assert_eq!(error.hint().as_deref(), Some("there is `public`, `app`"));
}

#[test]
fn without_a_name_the_only_network_is_taken_and_of_several_none() {
    let wish = Wish {
        network: NetworkWish::Existing {
            network: None,
            subnet: None,
        },
        ..wish()
    };
    let mut there = complete();
    assert_eq!(
        network_of(&wish, &there).unwrap().map(|network| network.id.as_str()),
        Some("n1")
    );
    there.networks.push(network("n2", "other", None));
    let error = network_of(&wish, &there).unwrap_err();
    assert_eq!(
        error.hint().as_deref(),
        Some("write `network: NAME` with one of `app`, `other`")
    );
}

#[test]
fn each_new_host_brings_a_port_and_an_address_and_the_first_of_all_a_key_and_a_server_group() {
    let (first, second) = (request("web-1"), request("web-2"));
    let changes = of_hosts(&wish(), &complete(), &[&first, &second], &[], Some("key")).unwrap();
    let expected = ["keypair", "server group", "port", "floating IP", "port", "floating IP"];
    assert_eq!(kinds(&changes), expected);
}

#[test]
fn a_half_made_host_keeps_its_port_and_its_address() {
    let mut there = complete();
    there.ports.push(Port {
        id: "p1".into(),
        name: "dev-web-1".into(),
        description: marked(),
        ..Port::default()
    });
    let changes = |there: &Observed| kinds(&of_hosts(&wish(), there, &[&request("web-1")], &[], None).unwrap());
    assert_eq!(changes(&there), ["server group", "floating IP"]);
    there.floating_ips.push(ObservedFloatingIp {
        port_id: Some("p1".into()),
        ..ObservedFloatingIp::default()
    });
    assert_eq!(changes(&there), ["server group"]);
}
