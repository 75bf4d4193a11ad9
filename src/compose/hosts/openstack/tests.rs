use std::time::Duration;

use crate::compose::model::{
    Cidr, CloudInterface, CloudName, CloudNetwork, CloudRouter, FloatingIp, GroupProvider, IpVersion, NamedBy,
    Openstack, ServerGroup, ServerGroupPolicy,
};
use crate::compose::testing::{errors, loaded};

/// The settings of the group `web`.
fn web(text: &str) -> Openstack {
    match &loaded(text).project.hosts["web"].provider {
        GroupProvider::Openstack(settings) => (**settings).clone(),
        other => panic!("{other:?}"),
    }
}

fn named(text: &str, by: NamedBy) -> CloudName {
    CloudName {
        text: text.to_owned(),
        by,
    }
}

#[test]
fn every_key_is_typed() {
    let settings = web("services: {a: {image: x}}
x-hosts: {web: {openstack: {}}}
x-openstack:
  cloud: mine
  region: north
  interface: internal
  cacert: ./ca.pem
  insecure: yes
  image: {name: debian-12}
  flavor: {id: '3'}
  availability_zone: nova
  server_group: soft-anti-affinity
  boot_volume: {size: 20, type: ssd, device: vda, delete_on_termination: false, name: root}
  root_disk: 10
  config_drive: true
  metadata: {owner: web-team, cost: 12}
  user_data: ~/init.yaml
  timeout: 90s
  keypair: ops
  private_key_file: ~/.ssh/ops
  user: debian
  port: 2222
  network: {name: app, cidr: 10.1.0.0/16, dns: [1.1.1.1, 'fd00::53'], router: {name: edge, external: public}}
  floating_ip: {id: 0f7c}
  ip_version: 4
  port_security: true
  security_groups: [extra, {id: a1}]
  allow: [203.0.113.0/24, 198.51.100.7]
  publish_to: ['2001:db8::/32']
");
    assert_eq!(settings.cloud.as_deref(), Some("mine"));
    assert_eq!(settings.region.as_deref(), Some("north"));
    assert_eq!(settings.interface, Some(CloudInterface::Internal));
    assert_eq!(settings.cacert.as_deref(), Some("/srv/app/ca.pem".as_ref()));
    assert!(settings.insecure);
    assert_eq!(settings.image, Some(named("debian-12", NamedBy::Name)));
    assert_eq!(settings.flavor, Some(named("3", NamedBy::Id)));
    assert_eq!(settings.availability_zone.as_deref(), Some("nova"));
    let policy = ServerGroupPolicy::SoftAntiAffinity;
    assert_eq!(settings.server_group, Some(ServerGroup::Made(policy)));
    let volume = settings.boot_volume.expect("a boot volume");
    assert_eq!((volume.size, volume.kind.as_deref()), (Some(20), Some("ssd")));
    assert_eq!(
        (volume.device.as_deref(), volume.name.as_deref()),
        (Some("vda"), Some("root"))
    );
    assert!(!volume.delete_on_termination);
    assert_eq!(settings.root_disk, Some(10));
    assert_eq!(settings.config_drive, Some(true));
    assert_eq!(settings.metadata["cost"], "12");
    assert_eq!(settings.user_data.as_deref(), Some("/home/ann/init.yaml".as_ref()));
    assert_eq!(settings.timeout, Duration::from_secs(90));
    assert_eq!(settings.keypair.as_deref(), Some("ops"));
    assert_eq!(
        settings.private_key_file.as_deref(),
        Some("/home/ann/.ssh/ops".as_ref())
    );
    assert_eq!((settings.user.as_deref(), settings.port), (Some("debian"), 2222));
    let Some(CloudNetwork::Made(network)) = settings.network else {
        panic!("{:?}", settings.network)
    };
    assert_eq!(
        (network.name.as_deref(), network.cidr.to_string().as_str()),
        (Some("app"), "10.1.0.0/16")
    );
    assert_eq!(network.dns.len(), 2);
    let router = CloudRouter::Made {
        name: Some("edge".to_owned()),
        external: Some(named("public", NamedBy::Either)),
    };
    assert_eq!(network.router, router);
    assert_eq!(settings.floating_ip, FloatingIp::From(named("0f7c", NamedBy::Id)));
    assert_eq!(settings.ip_version, Some(IpVersion::V4));
    assert_eq!(settings.port_security, Some(true));
    assert_eq!(
        settings.security_groups,
        [named("extra", NamedBy::Either), named("a1", NamedBy::Id)]
    );
    let allow: Vec<String> = settings.allow.iter().map(Cidr::to_string).collect();
    assert_eq!(allow, ["203.0.113.0/24", "198.51.100.7/32"]);
    assert_eq!(settings.publish_to[0].to_string(), "2001:db8::/32");
}

#[test]
fn what_the_file_does_not_say_has_its_default() {
    let settings = web("services: {a: {image: x}}\nx-hosts: {web: {openstack: {image: i, flavor: f}}}\n");
    let expected = Openstack {
        image: Some(named("i", NamedBy::Either)),
        flavor: Some(named("f", NamedBy::Either)),
        ..Openstack::default()
    };
    assert_eq!(settings, expected);
    assert_eq!(settings.timeout, Duration::from_secs(600));
    assert!(settings.allow.is_empty() && settings.publish_to.iter().all(|cidr| cidr.is_everybody()));
}

#[test]
fn what_is_there_already_is_a_plain_name() {
    let with = |network: &str| {
        web(&format!(
            "services: {{a: {{image: x}}}}
x-hosts: {{web: {{openstack: {{image: i, flavor: f}}}}}}
x-openstack: {{network: {network}, floating_ip: false, server_group: {{name: spread}}, boot_volume: {{size: 9}}}}
"
        ))
    };
    let settings = with("app");
    let network = CloudNetwork::Existing {
        network: named("app", NamedBy::Either),
        subnet: None,
    };
    assert_eq!(settings.network, Some(network));
    assert_eq!(settings.floating_ip, FloatingIp::None);
    let group = ServerGroup::Existing(named("spread", NamedBy::Name));
    assert_eq!(settings.server_group, Some(group));
    assert!(settings.boot_volume.is_some_and(|volume| volume.delete_on_termination));
    let network = CloudNetwork::Existing {
        network: named("app", NamedBy::Name),
        subnet: Some(named("v4", NamedBy::Either)),
    };
    assert_eq!(with("{name: app, subnet: v4}").network, Some(network));
    let router = |text: &str| match with(text).network {
        Some(CloudNetwork::Made(network)) => network.router,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        router("{router: edge}"),
        CloudRouter::Existing(named("edge", NamedBy::Either))
    );
    assert_eq!(router("{router: false}"), CloudRouter::None);
    let usual = CloudRouter::Made {
        name: None,
        external: None,
    };
    assert_eq!(router("{name: app}"), usual);
}

#[test]
fn a_groups_own_settings_lie_over_the_defaults() {
    let settings = web("services: {a: {image: x}}
x-hosts:
  web: {openstack: {flavor: large, boot_volume: {size: 40}, metadata: {b: 3}, allow: [10.0.0.0/8]}}
x-openstack: {image: i, flavor: small, boot_volume: {size: 20, type: ssd}, metadata: {a: 1, b: 2}, allow: [192.0.2.1]}
");
    assert_eq!(settings.flavor, Some(named("large", NamedBy::Either)));
    let volume = settings.boot_volume.expect("a boot volume");
    assert_eq!((volume.size, volume.kind.as_deref()), (Some(40), Some("ssd")));
    assert_eq!(
        (settings.metadata["a"].as_str(), settings.metadata["b"].as_str()),
        ("1", "3")
    );
    assert_eq!(settings.allow.len(), 1);
}

#[test]
fn each_mistake_stands_at_its_place() {
    let text = "services: {a: {image: x}}
x-hosts:
  web: {openstack: {flavor: f}}
x-openstack:
  interface: pubic
  boot_volume: {id: v, size: 2}
  root_disk: 0
  timeout: 0s
  user: -x
  port: 70000
  network: {cidr: 10.0.0.1/24, dns: [here], router: {id: r, external: public}}
  floating_ip: public
  ip_version: 6
  security_groups: [{name: a, id: b}, {}]
  allow: [everyone, 10.0.0.0/33, 10.0.0.1, 10.0.0.1]
  metadata: {a: [1]}
";
    let expected = [
        "5:14 `interface` cannot be `pubic` [did you mean `public`?]",
        "6:30 a volume that is there already (`id`) has its `size`",
        "7:14 `root_disk` must be 1 or more, not 0",
        "8:12 `timeout` must be longer than nothing",
        "9:9 `-x` is not a user's name",
        "10:9 `port` must be from 1 to 65535, not 70000",
        "11:19 `cidr` cannot be `10.0.0.1/24`: that is an address in the network [write `10.0.0.0/24`]",
        "11:38 an entry of `dns` must be an IP address, not `here`",
        "11:53 a router that is there already (`id`) has its `external` network",
        "12:16 floating addresses are IPv4 addresses [take `floating_ip` or `ip_version` out]",
        "14:21 `security_groups` takes one of `name` and `id`",
        "14:39 `security_groups` needs `name` or `id`",
        "15:11 `allow` must be a network such as `203.0.113.0/24`, not `everyone`",
        "15:21 `allow` must be a network such as `203.0.113.0/24`, not `10.0.0.0/33`",
        "15:44 `allow` has `10.0.0.1` twice",
        "16:17 `a` must be a string, a number or a boolean, not a list",
    ];
    assert_eq!(errors(text), expected);
}

#[test]
fn a_group_must_say_which_servers_it_wants() {
    let text = "services: {a: {image: x}}\nx-hosts: {web: {openstack: {cloud: c}}}\n";
    let expected = [
        "2:28 the group `web` does not say which `flavor` its hosts have [write `flavor` here or, for all groups, in `x-openstack`]",
        "2:28 the group `web` does not say which `image` its hosts have [write `image` here or, for all groups, in `x-openstack`]",
    ];
    let mut found = errors(text);
    found.sort();
    assert_eq!(found, expected);
}

#[test]
fn a_network_that_is_there_takes_nothing_that_would_change_it() {
    let text = "services: {a: {image: x}}\nx-openstack: {network: {id: n, cidr: 10.0.0.0/24}}\n";
    assert_eq!(
        errors(text),
        ["2:32 a network that is there already (`id`) takes no `cidr`"]
    );
    let text = "services: {a: {image: x}}\nx-openstack: {network: {subnet: s}}\n";
    assert_eq!(
        errors(text),
        ["2:24 `subnet` alone names no network [say which network it is in: `name` or `id`]"]
    );
}

proptest::proptest! {
    #[test]
    fn networks_read_back_and_never_panic(text in "[0-9a-f.:/]{0,24}|\\PC{0,12}") {
        if let Some(cidr) = Cidr::parse(&text) {
            proptest::prop_assert_eq!(Cidr::parse(&cidr.to_string()), Some(cidr));
            proptest::prop_assert_eq!(Cidr { address: cidr.network(), ..cidr }.network(), cidr.network());
        }
    }
}
