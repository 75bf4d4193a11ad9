use super::*;
use crate::compose::testing::loaded;
use crate::engine::models;
use crate::engine::observation::ObservedNode;

const FILE: &str = "
name: shop
services:
  blue: {image: 'shop:1', networks: {default: {aliases: [web]}}}
  green: {image: 'shop:2'}
  busy: {image: 'shop:2', ports: ['80:80']}
  everywhere: {image: 'shop:2', deploy: {mode: global}}
";

fn project() -> Project {
    loaded(FILE).project
}

fn running(name: &str, replicas: u64, more: &[(&str, &str)]) -> ObservedService {
    let labels = [(labels::SERVICE, name)].into_iter().chain(more.iter().copied());
    ObservedService {
        id: format!("id-of-{name}"),
        name: format!("shop_{name}"),
        labels: labels.map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
        version: 1,
        replicas: Some(replicas),
        update_state: None,
        update_message: None,
        spec: models::ServiceSpec {
            task_template: Some(models::TaskSpec {
                networks: Some(vec![models::NetworkAttachmentConfig {
                    target: Some("shop_default".to_owned()),
                    aliases: Some(vec![name.to_owned(), "web".to_owned()]),
                    driver_opts: None,
                }]),
                ..Default::default()
            }),
            ..Default::default()
        },
    }
}

fn seen(services: Vec<ObservedService>) -> Observation {
    Observation {
        cluster: Some(Default::default()),
        services,
        ..Default::default()
    }
}

/// A host whose kernel has no IPVS: ports are published on the hosts themselves.
fn node() -> ObservedNode {
    ObservedNode {
        id: "node".to_owned(),
        name: "lab-1".to_owned(),
        labels: [(labels::IPVS.to_owned(), "false".to_owned())].into(),
        manager: true,
        leader: true,
        ready: true,
        active: true,
        address: "10.0.0.1".to_owned(),
        engine_version: "26.1".to_owned(),
        operating_system: "linux".to_owned(),
        architecture: "x86_64".to_owned(),
        version: 1,
        ..ObservedNode::default()
    }
}

fn wish(old: &str, new: &str) -> Wish {
    Wish {
        old: old.to_owned(),
        new: new.to_owned(),
        batch: NonZeroU64::MIN,
        scale: None,
        update_links: true,
    }
}

fn begun(observed: &Observation, wish: &Wish) -> Result<Rolling, UpgradeError> {
    let project = project();
    begin(&project, &project.services[wish.new.as_str()], observed, wish)
}

#[test]
fn the_new_service_answers_to_all_that_the_old_one_is_called() {
    let rolling = begun(&seen(vec![running("blue", 3, &[])]), &wish("blue", "green")).expect("it begins");
    assert_eq!(rolling.now, Scales { old: 3, new: 0 });
    assert_eq!(rolling.last, 3);
    assert_eq!(rolling.replacement.names, ["blue", "web"]);
    let unlinked = Wish {
        update_links: false,
        ..wish("blue", "green")
    };
    let rolling = begun(&seen(vec![running("blue", 3, &[])]), &unlinked).expect("it begins");
    assert!(rolling.replacement.names.is_empty());
}

#[test]
fn names_that_were_taken_over_are_handed_on() {
    let blue = running("blue", 1, &[(labels::ANSWERS_FOR, "azure,web")]);
    let rolling = begun(&seen(vec![blue]), &wish("blue", "green")).expect("it begins");
    assert_eq!(rolling.replacement.names, ["blue", "web", "azure"]);
}

#[test]
fn an_interrupted_upgrade_remembers_where_it_was_going() {
    let replacement = Replacement {
        new: "green".to_owned(),
        old: "blue".to_owned(),
        first: 2,
        last: 5,
        names: vec!["blue".to_owned()],
    };
    let kept = replacement.labels();
    let kept: Vec<(&str, &str)> = kept.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    let observed = seen(vec![running("blue", 1, &[]), running("green", 4, &kept)]);

    let on = begun(&observed, &wish("blue", "green")).expect("it goes on");
    assert_eq!((on.now, on.last), (Scales { old: 1, new: 4 }, 5));
    assert_eq!(on.replacement, replacement);

    let back = begun(&observed, &wish("green", "blue")).expect("it goes back");
    assert_eq!((back.now, back.last), (Scales { old: 4, new: 1 }, 2));
    // The replicas that still run must not be replaced for a new name.
    assert!(back.replacement.names.is_empty());
    assert_eq!(replaced_by(&observed, "blue").as_deref(), Some("green"));
}

#[test]
fn what_cannot_be_upgraded_is_refused_with_the_reason() {
    let observed = seen(vec![running("blue", 2, &[])]);
    let refused = |wish: &Wish| begun(&observed, wish).expect_err("it is refused").to_string();
    assert!(refused(&wish("blue", "everywhere")).contains("once on every host"));
    assert!(refused(&wish("blue", "blue")).contains("own place"));
    assert!(refused(&wish("busy", "green")).contains("does not run"));
    let global = ObservedService {
        replicas: None,
        ..running("blue", 0, &[])
    };
    let refused = begun(&seen(vec![global]), &wish("blue", "green")).expect_err("it is refused");
    assert_eq!(
        refused,
        UpgradeError::Global {
            service: "blue".to_owned()
        }
    );
}

#[test]
fn a_port_that_both_publish_needs_a_host_for_each_replica() {
    let mut blue = running("blue", 1, &[]);
    blue.spec.endpoint_spec = Some(models::EndpointSpec {
        mode: None,
        ports: Some(vec![models::EndpointPortConfig {
            published_port: Some(80),
            ..Default::default()
        }]),
    });
    let mut observed = seen(vec![blue]);
    observed.cluster.get_or_insert_default().nodes = vec![node()];
    let refused = begun(&observed, &wish("blue", "busy")).expect_err("there is one host");
    let UpgradeError::HostPort {
        port, needed, hosts, ..
    } = refused
    else {
        panic!("{refused:?}");
    };
    assert_eq!((port, needed, hosts), (80, 2, 1));
}
