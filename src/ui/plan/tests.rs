//! What `hoist plan` prints.

use std::sync::Arc;

use super::*;
use crate::compose::source::Source;
use crate::engine::models;
use crate::plan::{ContainerPlan, NetworkPlan, Note, ObjectPlan, Readiness, VolumePlan};

fn plain(plan: &Plan) -> String {
    anstream::adapter::strip_str(&render(plan)).to_string()
}

/// That of `true` in a small file.
fn place() -> Place {
    let text = "services:\n  gpu:\n    image: gpu\n    privileged: true\n";
    Place {
        start: text.find("true").unwrap(),
        length: 4,
        source: Arc::new(Source::new("compose.yaml", text)),
    }
}

fn step(action: Action, reason: &str) -> Step {
    Step {
        action,
        after: Vec::new(),
        reason: reason.to_owned(),
    }
}

fn network(name: &str) -> Action {
    let network = NetworkPlan {
        name: name.to_owned(),
        host: None,
        request: models::NetworkCreateRequest::default(),
    };
    Action::CreateNetwork {
        network: Box::new(network),
    }
}

fn service(name: &str, replicas: Option<u64>) -> Box<ServicePlan> {
    Box::new(ServicePlan {
        service: name.to_owned(),
        image: "nginx:1.27".to_owned(),
        exact_image: None,
        force: false,
        spec: models::ServiceSpec::default(),
        replicas,
        must_be: Readiness::Running,
        in_service: None,
    })
}

fn container(name: &str) -> Box<ContainerPlan> {
    Box::new(ContainerPlan {
        service: "gpu".to_owned(),
        number: 1,
        host: "lab-1".to_owned(),
        name: name.to_owned(),
        image: "trainer".to_owned(),
        platform: None,
        body: models::ContainerCreateBody::default(),
        networks: Vec::new(),
        files: Vec::new(),
        must_be: Readiness::Completed,
        starts_first: false,
    })
}

/// One step of each kind.
fn every_step() -> Plan {
    let volume = VolumePlan {
        name: "shop_data".to_owned(),
        host: "lab-1".to_owned(),
        request: models::VolumeCreateRequest::default(),
    };
    let object = ObjectPlan {
        kind: ObjectKind::Secret,
        key: "key".to_owned(),
        name: "shop_key-1a2b".to_owned(),
        labels: Default::default(),
    };
    let id = || "id".to_owned();
    let lab = |number: u8| format!("lab-{number}");
    let steps = vec![
        step(
            Action::MakeHost {
                host: lab(2),
                group: "lab".to_owned(),
                provider: "local",
            },
            "new",
        ),
        step(Action::BootstrapHost { host: lab(1) }, "Docker settings changed"),
        step(Action::RemoveHost { host: lab(3) }, "count is 2"),
        step(
            Action::BuildImage {
                image: "shop-web".to_owned(),
                service: "web".to_owned(),
            },
            "build context changed",
        ),
        step(
            Action::ProvideImage {
                image: "shop-web".to_owned(),
                hosts: vec![lab(1), lab(2)],
            },
            "missing",
        ),
        step(network("shop_default"), "new"),
        step(
            Action::CreateVolume {
                volume: Box::new(volume),
            },
            "new",
        ),
        step(Action::CreateObject { object }, "new"),
        step(
            Action::CreateService {
                service: service("web", Some(2)),
            },
            "new",
        ),
        step(
            Action::UpdateService {
                service: service("agent", None),
                id: id(),
                version: 4,
            },
            "image changed",
        ),
        step(
            Action::CreateContainer {
                container: container("shop-gpu-1"),
            },
            "new",
        ),
        step(
            Action::ReplaceContainers {
                service: "gpu".to_owned(),
                pace: UpdatePace::default(),
                in_place: false,
                replacements: vec![ContainerReplacement {
                    container: *container("shop-gpu-2"),
                    old: id(),
                    old_host: lab(1),
                    reason: "environment changed".to_owned(),
                }],
            },
            "environment changed",
        ),
        step(
            Action::StartContainer {
                service: "gpu".to_owned(),
                host: lab(1),
                name: "shop-gpu-3".to_owned(),
                id: id(),
                must_be: Readiness::Running,
            },
            "stopped",
        ),
        step(
            Action::RemoveContainer {
                service: "gpu".to_owned(),
                host: lab(1),
                name: "shop-gpu-4".to_owned(),
                id: id(),
                grace: None,
            },
            "one too many",
        ),
        step(
            Action::SetAsideContainer {
                service: "gpu".to_owned(),
                host: lab(1),
                name: "shop-gpu-5".to_owned(),
                id: "c".to_owned(),
                grace: None,
            },
            "fewer replicas",
        ),
        step(
            Action::RemoveService {
                service: "old".to_owned(),
                name: "shop_old".to_owned(),
                id: id(),
            },
            "not in the file",
        ),
        step(
            Action::RemoveNetwork {
                name: "shop_old".to_owned(),
                host: None,
                id: id(),
            },
            "not in the file",
        ),
        step(
            Action::RemoveVolume {
                name: "shop_old".to_owned(),
                host: lab(2),
            },
            "not in the file",
        ),
        step(
            Action::RemoveObject {
                kind: ObjectKind::Config,
                name: "shop_conf-3c4d".to_owned(),
                id: id(),
            },
            "",
        ),
    ];
    Plan {
        steps,
        unchanged: vec!["db".to_owned()],
        notes: vec![
            Note {
                message: "runs as containers: Swarm services cannot be privileged".to_owned(),
                path: Some("services.gpu.privileged".to_owned()),
                place: Some(place()),
            },
            Note {
                message: "the hosts have no IPVS: ports are published on the hosts that run them".to_owned(),
                path: None,
                place: None,
            },
        ],
    }
}

#[test]
fn every_step_has_its_line() {
    insta::assert_snapshot!(plain(&every_step()), @"
    hosts
      + lab-2  new (group `lab`, local)
      ~ lab-1  Docker settings changed
      - lab-3  count is 2

    images
      + shop-web  build context changed (build)
      + shop-web  missing (on lab-1, lab-2)

    networks, volumes, secrets, configs
      + network shop_default   new
      + volume shop_data       new (on lab-1)
      + secret shop_key-1a2b   new
      - network shop_old       not in the file
      - volume shop_old        not in the file (on lab-2)
      - config shop_conf-3c4d

    services
      + web         new (2 replicas)
      ~ agent       image changed (one replica on each host)
      + shop-gpu-1  new (on lab-1)
      ~ shop-gpu-2  environment changed (on lab-1)
      ~ shop-gpu-3  stopped (on lab-1)
      - shop-gpu-4  one too many (on lab-1)
      - shop-gpu-5  fewer replicas (on lab-1)
      - old         not in the file

    note: compose.yaml:4:17: runs as containers: Swarm services cannot be privileged
    note: the hosts have no IPVS: ports are published on the hosts that run them

    8 to create, 4 to change, 7 to remove, 1 service up to date
    ");
}

#[test]
fn a_section_of_one_kind_does_not_repeat_it() {
    let plan = Plan {
        steps: vec![step(network("shop_default"), "new"), step(network("shop_back"), "new")],
        ..Plan::default()
    };
    insta::assert_snapshot!(plain(&plan), @"
    networks
      + shop_default  new
      + shop_back     new

    2 to create, 0 to change, 0 to remove
    ");
}

#[test]
fn an_empty_plan_says_so() {
    assert_eq!(plain(&Plan::default()), "nothing to do\n");
    let plan = Plan {
        unchanged: vec!["web".to_owned(), "db".to_owned()],
        notes: vec![Note {
            message: "said once".to_owned(),
            path: None,
            place: None,
        }],
        ..Plan::default()
    };
    insta::assert_snapshot!(plain(&plan), @"
    note: said once

    nothing to do: 2 services up to date
    ");
}

#[test]
fn a_plan_is_one_object_in_json() {
    let mut plan = every_step();
    plan.steps[8].after = vec![5, 7];
    let value: Value = serde_json::from_str(&render_json(&plan)).unwrap();
    let actions: Vec<&str> = (value["steps"].as_array().unwrap().iter())
        .map(|step| step["action"].as_str().unwrap())
        .collect();
    assert_eq!(actions.len(), plan.steps.len());
    insta::assert_snapshot!(value["steps"][8], @r#"{"action":"create_service","change":"create","kind":"service","name":"web","image":"nginx:1.27","replicas":2,"reason":"new","after":[5,7]}"#);
    insta::assert_snapshot!(value["steps"][4], @r#"{"action":"provide_image","change":"create","kind":"image","name":"shop-web","hosts":["lab-1","lab-2"],"reason":"missing","after":[]}"#);
    insta::assert_snapshot!(value["summary"], @r#"{"create":8,"change":4,"remove":7}"#);
    insta::assert_snapshot!(value["notes"][0], @r#"{"message":"runs as containers: Swarm services cannot be privileged","path":"services.gpu.privileged","place":"compose.yaml:4:17"}"#);
    insta::assert_snapshot!(value["notes"][1], @r#"{"message":"the hosts have no IPVS: ports are published on the hosts that run them","path":null,"place":null}"#);
}
