use std::collections::BTreeMap;

use super::*;
use crate::compose::testing::loaded;
use crate::engine::models;
use crate::engine::observation::{ObservedImage, ObservedService};

/// Its definition's digest is its image.
fn service(name: &str, image: &str, replicas: u64) -> ObservedService {
    let container = models::TaskSpecContainerSpec {
        image: Some(image.to_owned()),
        ..Default::default()
    };
    ObservedService {
        id: format!("id-{name}"),
        name: format!("shop_{name}"),
        labels: BTreeMap::from([
            (labels::SERVICE.to_owned(), name.to_owned()),
            (labels::CONFIG_HASH.to_owned(), image.to_owned()),
        ]),
        version: 1,
        replicas: Some(replicas),
        update_state: None,
        update_message: None,
        spec: models::ServiceSpec {
            task_template: Some(models::TaskSpec {
                container_spec: Some(container),
                ..Default::default()
            }),
            ..Default::default()
        },
    }
}

fn seen(services: Vec<ObservedService>) -> Observation {
    Observation {
        services,
        ..Observation::default()
    }
}

fn revision(applied: Applied) -> Revision {
    Revision {
        number: 1,
        at: String::new(),
        user: String::new(),
        machine: String::new(),
        command: String::new(),
        files: Vec::new(),
        directory: String::new(),
        changed: Vec::new(),
        applied,
    }
}

/// With a digest for the config `page`.
fn apply(text: &str, observed: &Observation, digest: &str, before: &[&Applied], taken: &[&str]) -> Applied {
    let project = loaded(text).project;
    let configs = BTreeMap::from([("page".to_owned(), digest.to_owned())]);
    let digests = Digests {
        configs: &configs,
        secrets: &BTreeMap::new(),
    };
    let taken = |service: &Service| taken.contains(&service.name.as_str());
    let kept: Vec<Revision> = before.iter().map(|applied| revision((*applied).clone())).collect();
    applied(&project, observed, digests, &kept, &taken).unwrap()
}

const SHOP: &str = "
name: shop
services:
  web: {image: 'web:1', environment: {MOOD: 'calm $$5'}, configs: [page], depends_on: [db]}
  db: {image: 'db:1'}
configs: {page: {content: hello}}
";

fn changes(old: &Applied, new: &Applied) -> Vec<String> {
    let found = differences(old.side(), new.side()).unwrap();
    let line = |section: &Section, change: &Change| {
        let sign = if change.added { '+' } else { '-' };
        format!(
            "{}.{} {sign} {}: {}",
            section.kind, section.name, change.attribute, change.value
        )
    };
    found
        .iter()
        .flat_map(|section| section.changes.iter().map(|change| line(section, change)))
        .collect()
}

#[test]
fn what_was_applied_as_a_whole_is_what_config_prints() {
    let observed = seen(vec![service("web", "web@sha256:1", 2), service("db", "sha256:2", 1)]);
    let applied = apply(SHOP, &observed, "0123456789abcdef", &[], &["web", "db"]);
    assert_eq!(applied.project, loaded(SHOP).canonical.yaml());
    assert!(applied.project.contains("calm $$5"));
    let web = AppliedService {
        image: Some("web@sha256:1".to_owned()),
        replicas: Some(2),
        hash: Some("web@sha256:1".to_owned()),
    };
    assert_eq!(applied.services["web"], web);
    assert_eq!(applied.configs["page"], "shop_page_0123456789ab");

    // And it loads again to the same.
    let again = loaded(&applied.project);
    assert_eq!(again.canonical.yaml(), applied.project);
    assert_eq!(
        again.project.services["web"].environment["MOOD"].as_deref(),
        Some("calm $5")
    );
}

#[test]
fn what_was_not_taken_from_the_file_stays_as_it_was_before() {
    let both = seen(vec![service("web", "web@sha256:1", 2), service("db", "sha256:2", 1)]);
    let before = apply(SHOP, &both, "0123456789abcdef", &[], &["web", "db"]);
    let changed = SHOP.replace("web:1", "web:2").replace("db:1", "db:2");
    let after = seen(vec![service("web", "web@sha256:9", 2), service("db", "sha256:2", 1)]);
    let applied = apply(&changed, &after, "fedcba9876543210", &[&before], &["db"]);
    let project = loaded(&applied.project).project;
    assert_eq!(project.services["web"].image.as_deref(), Some("web:1"));
    assert_eq!(project.services["db"].image.as_deref(), Some("db:2"));
    assert_eq!(applied.configs, before.configs);

    // Scaling takes nothing from the file.
    let scaled = seen(vec![service("web", "web@sha256:1", 5), service("db", "sha256:2", 1)]);
    let applied = apply(&changed, &scaled, "fedcba9876543210", &[&before], &[]);
    assert_eq!(
        changes(&before, &applied),
        ["services.web - (replicas): 2", "services.web + (replicas): 5"]
    );
}

#[test]
fn a_service_that_is_back_at_an_earlier_definition_is_that_of_the_earlier_revision() {
    let first = seen(vec![service("web", "web@sha256:1", 2), service("db", "sha256:2", 1)]);
    let before = apply(SHOP, &first, "0123456789abcdef", &[], &["web", "db"]);
    let changed = SHOP.replace("web:1", "web:2").replace("db:1", "db:2");
    let second = seen(vec![service("web", "web@sha256:9", 2), service("db", "sha256:3", 1)]);
    let after = apply(&changed, &second, "fedcba9876543210", &[&before], &["web", "db"]);
    // Without a file at hand.
    let back = seen(vec![service("web", "web@sha256:1", 2), service("db", "sha256:3", 1)]);
    let applied = apply("name: shop", &back, "", &[&before, &after], &[]);
    let project = loaded(&applied.project).project;
    assert_eq!(project.services["web"].image.as_deref(), Some("web:1"));
    assert_eq!(project.services["db"].image.as_deref(), Some("db:2"));
    assert_eq!(applied.configs, before.configs);
    assert_eq!(applied.services["web"], before.services["web"]);
}

#[test]
fn a_service_of_which_nothing_exists_is_in_no_revision() {
    let observed = seen(vec![service("web", "web@sha256:1", 1)]);
    let applied = apply(SHOP, &observed, "0123456789abcdef", &[], &["web"]);
    let project = loaded(&applied.project).project;
    assert_eq!(project.services.keys().collect::<Vec<_>>(), ["web"]);
    assert!(project.services["web"].depends_on.is_empty());
    assert_eq!(applied.services.keys().collect::<Vec<_>>(), ["web"]);
}

#[test]
fn containers_are_known_by_the_registrys_digest_or_by_their_id() {
    let container = |number: &str, id: &str| ObservedContainer {
        id: format!("c{number}"),
        name: format!("shop-web-{number}"),
        host: "local".to_owned(),
        labels: BTreeMap::from([
            (labels::SERVICE.to_owned(), "web".to_owned()),
            (labels::CONTAINER_NUMBER.to_owned(), number.to_owned()),
        ]),
        state: "running".to_owned(),
        status: String::new(),
        health: None,
        image: "web:1".to_owned(),
        image_id: id.to_owned(),
        created: 0,
        ports: Vec::new(),
        networks: BTreeMap::new(),
    };
    let image = ObservedImage {
        id: "sha256:1".to_owned(),
        digest: Some("web@sha256:a".to_owned()),
    };
    let mut observed = Observation {
        containers: vec![container("1", "sha256:1"), container("2", "sha256:1")],
        images: BTreeMap::from([("local".to_owned(), BTreeMap::from([("web:1".to_owned(), image)]))]),
        ..Observation::default()
    };
    let expected = |image: &str, replicas| AppliedService {
        image: Some(image.to_owned()),
        replicas: Some(replicas),
        hash: None,
    };
    assert_eq!(running(&observed)["web"], expected("web@sha256:a", 2));
    observed.containers = vec![container("1", "sha256:2")];
    assert_eq!(running(&observed)["web"], expected("sha256:2", 1));
}

#[test]
fn differences_name_each_attribute_with_the_old_value_first() {
    let observed = seen(vec![service("web", "web@sha256:1", 1), service("db", "sha256:2", 1)]);
    let old = "
name: shop
services:
  web:
    image: web:1
    command: [serve, --fast]
    environment: {MOOD: calm, SAME: '1'}
    ports: ['80:80', '81:81']
  db: {image: 'db:1'}
networks: {default: {}}
";
    let new = "
name: shop
services:
  web:
    image: web:1
    command: [serve, --slow]
    environment: {MOOD: merry, SAME: '1', MORE: yes}
    ports: ['80:80', '82:82']
x-pool: {name: other}
";
    let old = apply(old, &observed, "", &[], &["web", "db"]);
    let new = apply(new, &seen(vec![service("web", "web@sha256:2", 1)]), "", &[], &["web"]);
    let expected = [
        "services.db - (exact image): sha256:2",
        "services.db - (replicas): 1",
        "services.db - image: db:1",
        "services.db - networks.default: null",
        "services.web - (exact image): web@sha256:1",
        "services.web + (exact image): web@sha256:2",
        "services.web - command: [\"serve\",\"--fast\"]",
        "services.web + command: [\"serve\",\"--slow\"]",
        "services.web - environment.MOOD: calm",
        "services.web + environment.MOOD: merry",
        "services.web + environment.MORE: yes",
        "services.web - ports: mode: ingress, target: 81, published: 81, protocol: tcp",
        "services.web + ports: mode: ingress, target: 82, published: 82, protocol: tcp",
        ".shop + x-pool.name: other",
    ];
    assert_eq!(changes(&old, &new), expected);
    assert_eq!(changes(&new, &new), Vec::<String>::new());
    assert_eq!(new.changed_since(&old).unwrap(), ["db", "web"]);
}
