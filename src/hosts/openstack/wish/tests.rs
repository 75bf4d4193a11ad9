use super::*;
use crate::compose::model::{DockerSettings, LocalHosts, MadeNetwork};

fn settings() -> Openstack {
    Openstack {
        allow: vec![Cidr::parse("203.0.113.0/24").unwrap()],
        ..Openstack::default()
    }
}

fn asked(groups: &[(&str, u32, Openstack)]) -> Result<Option<Wish>, CloudError> {
    let groups = groups
        .iter()
        .map(|(name, count, settings)| {
            let group = HostGroup {
                name: (*name).to_owned(),
                count: *count,
                labels: [].into(),
                provider: GroupProvider::Openstack(Box::new(settings.clone())),
            };
            (group.name.clone(), group)
        })
        .collect();
    let pool = Pool {
        name: "dev".into(),
        managers: None,
        encrypt: false,
        docker: DockerSettings::default(),
    };
    read(Asked {
        groups: &groups,
        pool: &pool,
        project: "shop",
        published: &[],
    })
}

fn refusal(groups: &[(&str, u32, Openstack)]) -> String {
    let error = asked(groups).unwrap_err();
    assert!(error.hint().is_some(), "{error}");
    error.to_string()
}

#[test]
fn a_file_without_openstack_groups_wants_nothing() {
    let group = HostGroup {
        name: "lab".into(),
        count: 1,
        labels: [].into(),
        provider: GroupProvider::Local(LocalHosts {
            image: "debian:12".into(),
        }),
    };
    let pool = Pool {
        name: "dev".into(),
        managers: None,
        encrypt: false,
        docker: DockerSettings::default(),
    };
    let asked = Asked {
        groups: &[("lab".to_owned(), group)].into(),
        pool: &pool,
        project: "shop",
        published: &[],
    };
    assert_eq!(read(asked).unwrap(), None);
}

#[test]
fn without_allow_nothing_is_opened_to_the_world() {
    let said = refusal(&[("web", 1, Openstack::default())]);
    assert!(said.starts_with("group `web`: `allow` is missing"), "{said}");
}

#[test]
fn what_the_hosts_of_a_pool_share_must_be_said_once() {
    let other = Openstack {
        network: Some(CloudNetwork::Existing {
            network: CloudName {
                text: "other".into(),
                by: NamedBy::Either,
            },
            subnet: None,
        }),
        ..settings()
    };
    let said = refusal(&[("web", 1, settings()), ("db", 1, other)]);
    assert_eq!(said, "group `db`: `network` is not what it is for group `web`");
    let larger = Openstack {
        root_disk: Some(40),
        ..settings()
    };
    assert_eq!(
        asked(&[("web", 1, settings()), ("db", 1, larger)])
            .unwrap()
            .unwrap()
            .groups
            .len(),
        2
    );
}

#[test]
fn a_made_network_and_its_router_are_called_as_the_pool_unless_the_file_says_otherwise() {
    let from = CloudName {
        text: "public".into(),
        by: NamedBy::Either,
    };
    let made = Openstack {
        network: Some(CloudNetwork::Made(MadeNetwork {
            name: None,
            cidr: Cidr::parse("10.20.0.0/24").unwrap(),
            dns: Vec::new(),
            router: CloudRouter::Made {
                name: None,
                external: None,
            },
        })),
        floating_ip: FloatingIp::From(from.clone()),
        ..settings()
    };
    let NetworkWish::Made { name, router, .. } = asked(&[("web", 1, made)]).unwrap().unwrap().network else {
        panic!("it is made")
    };
    assert_eq!(name, "dev");
    let external = Some(from);
    assert_eq!(
        router,
        RouterWish::Made {
            name: "dev".into(),
            external
        }
    );
}

#[test]
fn what_is_not_supported_is_refused_by_its_key() {
    let volume = |name: Option<&str>, id: Option<&str>| Openstack {
        boot_volume: Some(crate::compose::model::BootVolume {
            size: None,
            kind: None,
            device: None,
            delete_on_termination: true,
            existing: id.map(|id| CloudName {
                text: id.into(),
                by: NamedBy::Id,
            }),
            name: name.map(str::to_owned),
        }),
        ..settings()
    };
    assert!(refusal(&[("web", 1, volume(Some("root"), None))]).contains("`name` of `boot_volume`"));
    assert!(refusal(&[("web", 2, volume(None, Some("v1")))]).contains("cannot boot several hosts"));
    assert!(asked(&[("web", 1, volume(None, Some("v1")))]).is_ok());
    let own = Openstack {
        metadata: [("hoist-pool".to_owned(), "x".to_owned())].into(),
        ..settings()
    };
    assert!(refusal(&[("web", 1, own)]).contains("`hoist-pool`"));
}

#[test]
fn an_id_counts_before_a_name_unless_the_file_says_which_it_is() {
    let all = [("1", "one"), ("one", "other"), ("3", "twice"), ("4", "twice")];
    let find = |text: &str, by| {
        let wanted = CloudName { text: text.into(), by };
        named(&all, &wanted, "network", |thing| (thing.0, thing.1)).map(|thing| thing.0)
    };
    assert_eq!(find("one", NamedBy::Either).unwrap(), "one");
    assert_eq!(find("one", NamedBy::Name).unwrap(), "1");
    assert_eq!(
        find("other", NamedBy::Id).unwrap_err().to_string(),
        "no network `other` in the cloud"
    );
    let twice = find("twice", NamedBy::Either).unwrap_err();
    assert_eq!(twice.to_string(), "the network `twice` is 2 things in the cloud");
}
