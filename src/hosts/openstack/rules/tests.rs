use indexmap::IndexMap;

use super::*;
use crate::compose::model::Openstack;
use crate::hosts::openstack::wish::NetworkWish;

fn cidr(text: &str) -> Cidr {
    Cidr::parse(text).unwrap()
}

fn wish() -> Wish {
    let settings = Openstack {
        allow: vec![cidr("203.0.113.9/24")],
        publish_to: vec![cidr("0.0.0.0/0")],
        ..Openstack::default()
    };
    Wish {
        pool: "dev".into(),
        project: "shop".into(),
        network: NetworkWish::Existing {
            network: None,
            subnet: None,
        },
        published: vec![Published {
            protocol: "tcp",
            port: 80,
        }],
        docker_port: Some(2376),
        encrypt: false,
        groups: IndexMap::from([("web".to_owned(), settings)]),
    }
}

fn shown(wish: &Wish) -> Vec<String> {
    wanted(wish).iter().map(ToString::to_string).collect()
}

/// A group that has each rule as Neutron would keep it.
fn group(rules: &[Rule], pool: &str) -> SecurityGroup {
    let kept = rules.iter().enumerate().map(|(number, rule)| SecurityGroupRule {
        id: number.to_string(),
        description: Some(match &rule.project {
            None => mark::of_pool(pool),
            Some(project) => mark::of_project(pool, project),
        }),
        direction: "ingress".into(),
        ethertype: rule.ether_type.into(),
        protocol: Some(rule.protocol.into()),
        port_range_min: rule.port,
        port_range_max: rule.port,
        remote_ip_prefix: match &rule.from {
            Source::Prefix(prefix) => Some(prefix.to_string()),
            Source::Pool => None,
        },
        remote_group_id: matches!(rule.from, Source::Pool).then(|| "group".to_owned()),
    });
    SecurityGroup {
        id: "group".into(),
        rules: kept.collect(),
        ..SecurityGroup::default()
    }
}

#[test]
fn management_is_for_those_allowed_the_cluster_for_its_hosts_and_published_ports_for_everybody() {
    assert_eq!(
        shown(&wish()),
        [
            "22/tcp from 203.0.113.0/24",
            "2376/tcp from 203.0.113.0/24",
            "2377/tcp among the hosts",
            "7946/tcp among the hosts",
            "7946/udp among the hosts",
            "4789/udp among the hosts",
            "80/tcp from 0.0.0.0/0",
        ]
    );
}

#[test]
fn the_docker_api_is_closed_where_it_goes_through_ssh_and_esp_is_open_where_overlays_are_encrypted() {
    let wish = Wish {
        docker_port: None,
        encrypt: true,
        ..wish()
    };
    let rules = shown(&wish);
    assert!(!rules.iter().any(|rule| rule.starts_with("2376")), "{rules:?}");
    assert!(rules.contains(&"esp among the hosts".to_owned()), "{rules:?}");
}

#[test]
fn each_version_of_addresses_has_its_own_rules() {
    let mut wish = wish();
    let settings = &mut wish.groups[0];
    settings.publish_to = Cidr::everybody();
    settings.ip_version = Some(crate::compose::model::IpVersion::V6);
    let of_six: Vec<Rule> = wanted(&wish)
        .into_iter()
        .filter(|rule| rule.ether_type == "IPv6")
        .collect();
    assert_eq!(of_six.len(), 5);
    assert_eq!(of_six.last().unwrap().to_string(), "80/tcp from ::/0");
}

#[test]
fn a_group_with_all_rules_needs_nothing() {
    let wish = wish();
    let there = group(&wanted(&wish), "dev");
    assert_eq!(difference(&wish, &there), RuleDifference::default());
}

#[test]
fn a_port_that_is_no_longer_published_is_closed_and_a_new_one_opened() {
    let mut wish = wish();
    let there = group(&wanted(&wish), "dev");
    wish.published[0].port = 8080;
    let found = difference(&wish, &there);
    assert_eq!(found.open.len(), 1);
    assert_eq!(found.open[0].to_string(), "8080/tcp from 0.0.0.0/0");
    assert_eq!(found.close, [("6".to_owned(), "80/tcp from 0.0.0.0/0".to_owned())]);
}

#[test]
fn rules_of_other_projects_and_of_other_people_stay() {
    let mut there = group(&wanted(&wish()), "dev");
    let other = |description: Option<String>| SecurityGroupRule {
        id: "x".into(),
        description,
        direction: "ingress".into(),
        ethertype: "IPv4".into(),
        protocol: Some("tcp".into()),
        port_range_min: Some(9000),
        port_range_max: Some(9000),
        ..SecurityGroupRule::default()
    };
    there.rules.push(other(Some(mark::of_project("dev", "blog"))));
    there.rules.push(other(None));
    assert_eq!(difference(&wish(), &there), RuleDifference::default());
    assert_eq!(
        of_project(&there, "dev", "blog"),
        [("x".to_owned(), "9000/tcp from anywhere".to_owned())]
    );
}

#[test]
fn what_the_pool_opens_to_everybody_anyway_is_not_opened_for_a_project_again() {
    let mut wish = wish();
    wish.groups[0].allow = vec![cidr("0.0.0.0/0")];
    wish.published[0].port = 22;
    let of_ssh: Vec<String> = shown(&wish)
        .into_iter()
        .filter(|rule| rule.starts_with("22/"))
        .collect();
    assert_eq!(of_ssh, ["22/tcp from 0.0.0.0/0"]);
}
