//! Where a move is, told from what the hosts have, and what is refused.

use std::collections::BTreeMap;

use super::*;
use crate::compose::testing::loaded;
use crate::engine::observation::{Cluster, ObservedNode};

const SHOP: &str = "
name: shop
services:
  db: {image: 'db:1', volumes: ['data:/data', 'log:/log'], depends_on: [keeper]}
  keeper: {image: 'keeper:1', volumes: ['log:/log']}
  web: {image: 'web:1', volumes: ['pages:/pages'], deploy: {placement: {constraints: [node.labels.tier == web]}}}
  agent: {image: 'agent:1', volumes: ['everywhere:/x'], deploy: {mode: global}}
volumes: {data: {}, log: {}, pages: {}, everywhere: {}}
";

fn node(name: &str) -> ObservedNode {
    ObservedNode {
        id: format!("id-{name}"),
        name: name.into(),
        labels: BTreeMap::from([(labels::HOST.to_owned(), name.to_owned())]),
        manager: true,
        ready: true,
        active: true,
        version: 1,
        ..ObservedNode::default()
    }
}

/// Volumes as `NAME@HOST` or, where they were copied, `NAME@HOST<HOST`; with `!` at the end they are another that was made since.
fn seen(volumes: &[&str]) -> Observation {
    let volume = |text: &&str| {
        let (text, created) = text.strip_suffix('!').map_or((*text, "once"), |text| (text, "since"));
        let (name, at) = text.split_once('@').unwrap();
        let (host, from) = at.split_once('<').map_or((at, None), |(host, from)| (host, Some(from)));
        ObservedVolume {
            name: format!("shop_{name}"),
            host: host.into(),
            driver: "local".into(),
            labels: from.map_or_else(BTreeMap::new, |from| {
                let all = [(labels::COPIED_FROM, from), (labels::COPIED_FROM_CREATED, "once")];
                all.map(|(label, value)| (label.to_owned(), value.to_owned())).into()
            }),
            created: created.into(),
        }
    };
    Observation {
        cluster: Some(Cluster {
            id: "c".into(),
            nodes: vec![node("a"), node("b"), node("c")],
        }),
        volumes: volumes.iter().map(volume).collect(),
        ..Observation::default()
    }
}

/// A mark as `NAME:FROM>TO`.
fn mark(text: &str) -> ObservedObject {
    let (name, way) = text.split_once(':').unwrap();
    let (from, to) = way.split_once('>').unwrap();
    let all = [
        (labels::MOVED_VOLUME, format!("shop_{name}")),
        (labels::MOVED_FROM, from.to_owned()),
        (labels::MOVED_TO, to.to_owned()),
    ];
    ObservedObject {
        id: text.into(),
        name: text.into(),
        labels: all
            .into_iter()
            .map(|(label, value)| (label.to_owned(), value))
            .collect(),
    }
}

fn moved(observed: &Observation, marks: &[&str], volume: &str, to: &str) -> Result<VolumeMove, VolumeMoveError> {
    let marks: Vec<ObservedObject> = marks.iter().map(|text| mark(text)).collect();
    volume_move(&loaded(SHOP).project, observed, &marks, volume, to)
}

fn refusal(volumes: &[&str], volume: &str, to: &str) -> String {
    moved(&seen(volumes), &[], volume, to).unwrap_err().to_string()
}

#[test]
fn volumes_of_one_service_go_together_and_what_is_depended_on_starts_first() {
    let found = moved(&seen(&["data@a", "log@a"]), &[], "data", "b").unwrap();
    let copy = |key: &str| Transit {
        key: key.into(),
        name: format!("shop_{key}"),
        stage: Stage::Copy {
            from: "a".into(),
            discard: false,
        },
    };
    assert_eq!(found.volumes, [copy("data"), copy("log")]);
    assert_eq!(found.services, ["keeper", "db"]);
    assert_eq!(
        moved(&seen(&["data@a", "log@a"]), &[], "shop_data", "b").unwrap(),
        found
    );
}

#[test]
fn an_interrupted_move_is_gone_on_with_from_where_it_was() {
    let stage = |volumes: &[&str], marks: &[&str], to: &str| {
        let mut all = vec!["log@b"];
        all.extend(volumes);
        let mut found = moved(&seen(&all), marks, "data", to).unwrap();
        (found.volumes.remove(0).stage, found.stale_marks)
    };
    let copy = |from: &str, discard| Stage::Copy {
        from: from.into(),
        discard,
    };
    let none = Vec::<String>::new;
    // Without a mark the old copy has the data, whatever is at the new host.
    assert_eq!(stage(&["data@a", "data@b<a"], &[], "b"), (copy("a", true), none()));
    let copied = Stage::Copied { from: "a".into() };
    assert_eq!(stage(&["data@a", "data@b<a"], &["data:a>b"], "b"), (copied, none()));
    assert_eq!(stage(&["data@b<a"], &[], "b"), (Stage::There, none()));
    // A mark outlives its move by accident only: it says nothing of a later one.
    let stale = |mark: &str| vec![mark.to_owned()];
    assert_eq!(
        stage(&["data@b<a"], &["data:a>b"], "b"),
        (Stage::There, stale("data:a>b"))
    );
    assert_eq!(
        stage(&["data@a"], &["data:a>b"], "b"),
        (copy("a", false), stale("data:a>b"))
    );
    assert_eq!(stage(&["data@a<b", "data@b"], &["data:a>b"], "b").1, stale("data:a>b"));
}

#[test]
fn the_way_back_knows_which_copy_has_the_data() {
    let back = |marks: &[&str]| {
        let mut found = moved(&seen(&["data@a", "data@b<a", "log@a"]), marks, "data", "a").unwrap();
        found.volumes.remove(0).stage
    };
    assert_eq!(back(&[]), Stage::Return { unfinished: "b".into() });
    let over = Stage::Copy {
        from: "b".into(),
        discard: true,
    };
    assert_eq!(back(&["data:a>b"]), over);
}

#[test]
fn what_cannot_move_is_refused_with_the_reason() {
    let cases = [
        (
            refusal(&["pages@a"], "nothing", "b"),
            "no volume `nothing` in project `shop`",
        ),
        (refusal(&["pages@a"], "pages", "z"), "no host `z` in the cluster"),
        (refusal(&[], "data", "b"), "volume `data` is not on any host yet"),
        (
            refusal(&["pages@a"], "pages", "b"),
            "service `web` cannot run on b: `node.labels.tier == web` does not hold",
        ),
        (
            refusal(&["everywhere@a"], "everywhere", "b"),
            "service `agent` runs on every host, and has a volume `everywhere` on each",
        ),
        (
            refusal(&["data@a", "data@b", "log@a"], "data", "b"),
            "b has a volume `data` already, with content of its own",
        ),
        // What somebody makes where a volume once was is no left-over of its move, whichever way the next one goes.
        (
            refusal(&["data@a!", "data@b<a", "log@b"], "data", "a"),
            "a has a volume `data` already, with content of its own",
        ),
        (
            refusal(&["data@a!", "data@b<a", "log@b"], "data", "b"),
            "b has a volume `data` already, with content of its own",
        ),
        (
            refusal(&["data@a", "data@b", "log@a"], "data", "c"),
            "volume `data` is on several hosts: a, b",
        ),
    ];
    for (said, expected) in cases {
        assert_eq!(said, expected);
    }
    let alone = Observation::default();
    assert_eq!(
        moved(&alone, &[], "data", "b").unwrap_err().to_string(),
        "project `shop` runs on one engine: its volumes have nowhere to move to"
    );
    let mut drained = seen(&["data@a", "log@a"]);
    drained.cluster.as_mut().unwrap().nodes[1].active = false;
    assert!(matches!(
        moved(&drained, &[], "data", "b"),
        Err(VolumeMoveError::HostUnfit { .. })
    ));
}

#[test]
fn a_silent_host_that_may_have_the_data_is_waited_for() {
    let mut observed = seen(&["data@b<a", "log@b"]);
    observed.unreachable = vec![("a".into(), "no route".into())];
    assert_eq!(
        moved(&observed, &[], "data", "b").unwrap_err().to_string(),
        "host `a` does not answer, and volume `data` may be there"
    );
}
