//! Plans, from files and observations to steps: pure, so that everything here runs without an engine.

mod changes;
mod containers;
mod placement;
mod swarm_services;

use std::collections::BTreeMap;
use std::path::PathBuf;

use hoist::compose::{self, Project, Request, Stages};
use hoist::engine::observation::{
    Cluster, ObservedContainer, ObservedImage, ObservedNetwork, ObservedNode, ObservedService, ObservedTask,
    ObservedVolume, TaskState,
};
use hoist::engine::{Observation, labels, models};
use hoist::plan::update_pace::OnFailure;
use hoist::plan::{self, Action, DownOptions, Plan, PlanError, Situation, UpOptions};

fn project(text: &str) -> Project {
    let read = |_: &std::path::Path| Err(std::io::ErrorKind::NotFound.into());
    let request = Request {
        files: vec![(PathBuf::from("compose.yaml"), text.to_owned())],
        directory: PathBuf::from("/shop"),
        name: Some("shop".to_owned()),
        environment: BTreeMap::new(),
        profiles: Vec::new(),
        services: Vec::new(),
        stages: Stages::default(),
        read: &read,
    };
    match compose::load(&request) {
        Ok(loaded) => loaded.project,
        Err(found) => panic!("{found:?}"),
    }
}

fn node(name: &str, extra: &[(&str, &str)]) -> ObservedNode {
    let mut all = BTreeMap::from([
        (labels::HOST.to_owned(), name.to_owned()),
        (labels::IPVS.to_owned(), "false".to_owned()),
    ]);
    all.extend(
        extra
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned())),
    );
    ObservedNode {
        id: format!("id-{name}"),
        name: name.to_owned(),
        labels: all,
        manager: true,
        leader: name == "lab-1",
        ready: true,
        active: true,
        address: "10.0.0.1".to_owned(),
        engine_version: "20.10".to_owned(),
        operating_system: "linux".to_owned(),
        architecture: "x86_64".to_owned(),
        version: 1,
        ..ObservedNode::default()
    }
}

fn cluster(hosts: usize) -> Observation {
    let nodes = (1..=hosts).map(|number| node(&format!("lab-{number}"), &[])).collect();
    Observation {
        cluster: Some(Cluster {
            id: "c".to_owned(),
            nodes,
        }),
        ..Observation::default()
    }
}

fn one_engine() -> Observation {
    Observation {
        engine: Some("here".to_owned()),
        ..Observation::default()
    }
}

fn try_up(project: &Project, observed: &Observation, options: &UpOptions) -> Result<Plan, Vec<PlanError>> {
    let none = BTreeMap::new();
    let situation = Situation {
        observed,
        builder: Some("builder"),
        configs: &none,
        secrets: &none,
    };
    plan::up(project, situation, options)
}

fn up(project: &Project, observed: &Observation) -> Plan {
    try_up(project, observed, &UpOptions::default()).unwrap()
}

/// What a plan does, a line a step.
fn lines(plan: &Plan) -> Vec<String> {
    plan.steps
        .iter()
        .map(|step| {
            let what = match &step.action {
                Action::BuildImage { image, .. } => format!("build {image}"),
                Action::ProvideImage { image, hosts } => format!("provide {image} on [{}]", hosts.join(" ")),
                Action::CreateNetwork { network } => format!("create network {}", network.name),
                Action::CreateVolume { volume } => format!("create volume {} on {}", volume.name, volume.host),
                Action::CreateObject { object } => format!("create object {}", object.key),
                Action::CreateService { service } => format!("create service {}", service.service),
                Action::UpdateService { service, .. } => format!("update service {}", service.service),
                Action::AwaitService { service, .. } => format!("await service {}", service.service),
                Action::CreateContainer { container } => {
                    format!("create container {} on {}", container.name, container.host)
                }
                Action::ReplaceContainers { replacements, .. } => {
                    let names: Vec<&str> = (replacements.iter())
                        .map(|replacement| replacement.container.name.as_str())
                        .collect();
                    format!("replace container {}", names.join(", "))
                }
                Action::StartContainer { name, .. } => format!("start container {name}"),
                Action::RemoveContainer { name, .. } => format!("remove container {name}"),
                Action::SetAsideContainer { name, .. } => format!("set container {name} aside"),
                Action::RemoveService { name, .. } => format!("remove service {name}"),
                Action::SettleIngress { ingress } => format!("settle ingress on {:?}", ingress.ports),
                Action::RemoveNetwork { name, .. } => format!("remove network {name}"),
                Action::RemoveVolume { name, host } => format!("remove volume {name} on {host}"),
                Action::RemoveObject { name, .. } => format!("remove object {name}"),
                Action::MakeHost { host, .. } => format!("make {host}"),
                Action::RemoveHost { host } => format!("remove {host}"),
                Action::BootstrapHost { host } => format!("bootstrap {host}"),
                Action::ReplaceHost { host, .. } => format!("replace {host}"),
                Action::ChangeManagers { to } => format!("{to} managers"),
                Action::ChangeResource { resource } => format!("{} {}", resource.kind, resource.name),
            };
            format!("{what}: {}", step.reason)
        })
        .collect()
}

fn spec_of<'a>(plan: &'a Plan, service: &str) -> &'a models::ServiceSpec {
    let found = plan.steps.iter().find_map(|step| match &step.action {
        Action::CreateService { service: planned } | Action::UpdateService { service: planned, .. }
            if planned.service == service =>
        {
            Some(&planned.spec)
        }
        _ => None,
    });
    found.unwrap_or_else(|| panic!("no step for {service}"))
}

/// The observation after a plan was carried out, as a cluster would report it.
fn carried_out(mut observed: Observation, plan: &Plan) -> Observation {
    for step in &plan.steps {
        match &step.action {
            Action::CreateNetwork { network } => observed.networks.push(ObservedNetwork {
                id: network.name.clone(),
                name: network.name.clone(),
                host: network.host.clone(),
                driver: "overlay".to_owned(),
                labels: network.request.labels.clone().unwrap_or_default().into_iter().collect(),
            }),
            Action::CreateVolume { volume } => observed.volumes.push(ObservedVolume {
                name: volume.name.clone(),
                host: volume.host.clone(),
                driver: "local".to_owned(),
                labels: volume.request.labels.clone().unwrap_or_default().into_iter().collect(),
                created: String::new(),
            }),
            Action::CreateService { service } | Action::UpdateService { service, .. } => {
                let mut spec = service.spec.clone();
                if let (Some(exact), Some(task)) = (&service.exact_image, spec.task_template.as_mut()) {
                    task.container_spec.as_mut().unwrap().image = Some(exact.clone());
                }
                let id = format!("id-{}", service.service);
                observed.services.retain(|found| found.id != id);
                observed.tasks.retain(|task| task.service_id != id);
                for slot in 1..=service.replicas.unwrap_or(1) {
                    observed.tasks.push(running_task(&id, slot));
                }
                observed.services.push(ObservedService {
                    id,
                    name: spec.name.clone().unwrap(),
                    labels: spec.labels.clone().unwrap().into_iter().collect(),
                    version: 7,
                    replicas: service.replicas,
                    update_state: None,
                    update_message: None,
                    spec,
                });
            }
            Action::CreateContainer { container } => observed.containers.push(ObservedContainer {
                id: format!("id-{}", container.name),
                name: container.name.clone(),
                host: container.host.clone(),
                labels: container.body.labels.clone().unwrap().into_iter().collect(),
                state: "running".to_owned(),
                status: "Up 1 second".to_owned(),
                health: None,
                image: container.image.clone(),
                image_id: "sha256:1".to_owned(),
                created: 0,
                ports: Vec::new(),
                networks: BTreeMap::new(),
            }),
            _ => {}
        }
    }
    observed
}

fn running_task(service: &str, slot: u64) -> ObservedTask {
    ObservedTask {
        id: format!("{service}.{slot}"),
        service_id: service.to_owned(),
        node_id: Some("id-lab-1".to_owned()),
        slot: Some(slot),
        state: TaskState::Running,
        desired_state: TaskState::Running,
        message: None,
        error: None,
        container_id: None,
        exit_code: None,
        spec: None,
        since: 0.0,
        image: String::new(),
        health_checked: false,
        labels: BTreeMap::new(),
        ports: Vec::new(),
    }
}

const SHOP: &str = "
services:
  web:
    image: web:1
    ports: ['8080:80']
    depends_on: {db: {condition: service_healthy}}
    deploy: {replicas: 2}
  db:
    image: db:1
    volumes: ['data:/data']
    healthcheck: {test: [CMD, 'true']}
volumes: {data: {}}
";
