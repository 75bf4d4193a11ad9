//! What a plan does about the ingress, from files and observations.

use std::collections::BTreeMap;

use super::*;
use crate::compose::testing::loaded;
use crate::engine::models;
use crate::engine::observation::ObservedNode;
use crate::plan::{self, Plan, Situation, UpOptions};

fn file(services: &str) -> String {
    format!("name: shop\nx-hosts: {{lab: {{count: 1, local: {{}}}}}}\nservices:\n{services}")
}

const WEB: &str = "  web: {image: 'shop:1', x-ingress: {port: 8000, host: shop.example.org, drain: 45s}}\n";

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

/// A cluster where these services run, as their specifications say.
fn seen(project: &str, specs: &[models::ServiceSpec]) -> Observation {
    let mut observed = Observation {
        cluster: Some(Cluster {
            id: "c".to_owned(),
            nodes: vec![node()],
        }),
        ..Observation::default()
    };
    for spec in specs {
        let service = ObservedService {
            id: format!("id-of-{}", spec.name.clone().unwrap()),
            name: spec.name.clone().unwrap(),
            labels: spec.labels.clone().unwrap().into_iter().collect(),
            version: 1,
            replicas: Some(1),
            update_state: None,
            update_message: None,
            spec: spec.clone(),
        };
        observed.ingress.services.push(service.clone());
        if service.labels[labels::PROJECT] == project {
            observed.services.push(service);
        }
    }
    observed
}

fn up(text: &str, observed: &Observation, options: &UpOptions) -> Result<Plan, Vec<String>> {
    let none = BTreeMap::new();
    let situation = Situation {
        observed,
        builder: None,
        configs: &none,
        secrets: &none,
    };
    plan::up(&loaded(text).project, situation, options)
        .map_err(|errors| errors.iter().map(ToString::to_string).collect())
}

fn spec(plan: &Plan) -> models::ServiceSpec {
    let found = plan.steps.iter().find_map(|step| match &step.action {
        Action::CreateService { service } | Action::UpdateService { service, .. } => Some(service.spec.clone()),
        _ => None,
    });
    found.unwrap()
}

fn settled(plan: &Plan) -> Option<&IngressPlan> {
    plan.steps.iter().find_map(|step| match &step.action {
        Action::SettleIngress { ingress } => Some(ingress),
        _ => None,
    })
}

#[test]
fn the_first_way_in_brings_a_network_a_label_and_the_ingress_last() {
    let plan = up(&file(WEB), &seen("shop", &[]), &UpOptions::default()).unwrap();
    let networks: Vec<&str> = (plan.steps.iter())
        .filter_map(|step| match &step.action {
            Action::CreateNetwork { network } => Some(network.name.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(networks, ["shop_default", "hoist-ingress"]);
    let last = plan.steps.last().unwrap();
    let Action::SettleIngress { ingress } = &last.action else {
        panic!("{last:?}")
    };
    assert_eq!(ingress.change, IngressChange::Create);
    assert_eq!(ingress.ports, [80]);
    assert_eq!(ingress.ways, ["http://shop.example.org → web:8000"]);
    assert!(
        last.after
            .iter()
            .any(|before| matches!(plan.steps[*before].action, Action::CreateService { .. }))
    );

    let spec = spec(&plan);
    assert_eq!(
        spec.labels.as_ref().unwrap()[labels::INGRESS],
        r#"[{"port":8000,"listen":80,"protocol":"http","hosts":["shop.example.org"],"drain":45}]"#
    );
    let update = spec.update_config.unwrap();
    assert_eq!(
        update.order,
        Some(models::ServiceSpecUpdateConfigOrderEnum::START_FIRST)
    );
    let template = spec.task_template.unwrap();
    let networks: Vec<Option<String>> = template.networks.unwrap().into_iter().map(|one| one.target).collect();
    assert!(networks.contains(&Some("hoist-ingress".to_owned())));
    assert_eq!(template.container_spec.unwrap().stop_grace_period, Some(45_000_000_000));
}

#[test]
fn scaling_keeps_what_is_claimed_and_leaves_the_ingress_alone() {
    let spec = spec(&up(&file(WEB), &seen("shop", &[]), &UpOptions::default()).unwrap());
    let mut observed = seen("shop", std::slice::from_ref(&spec));
    let claims = claims(&observed.ingress.services).unwrap();
    for planned in system(&claims, 1).unwrap().unwrap().services() {
        let mut service = observed.services[0].clone();
        (service.id, service.name) = (planned.service.clone(), planned.service.clone());
        service.labels = planned.spec.labels.clone().unwrap().into_iter().collect();
        observed.ingress.system.push(service);
    }
    let options = UpOptions {
        only_scale: true,
        scale: [("web".to_owned(), 3)].into(),
        ..UpOptions::default()
    };
    let plan = up(&file(WEB), &observed, &options).unwrap();
    let step = plan.steps.iter().find_map(|step| match &step.action {
        Action::UpdateService { service, .. } => Some(service),
        _ => None,
    });
    let kept = step.unwrap().spec.labels.clone().unwrap();
    assert_eq!(kept[labels::INGRESS], spec.labels.unwrap()[labels::INGRESS]);
    // It only waits for what does not run here: no task was observed.
    let reason = plan
        .steps
        .iter()
        .find(|step| matches!(step.action, Action::SettleIngress { .. }));
    assert_eq!(reason.unwrap().reason, "not ready on every host");
}

#[test]
fn the_claims_of_other_projects_stay_when_one_goes() {
    let spec = |name: &str| {
        let text = file(WEB)
            .replace("name: shop", &format!("name: {name}"))
            .replace("shop.example", &format!("{name}.example"));
        spec(&up(&text, &seen(name, &[]), &UpOptions::default()).unwrap())
    };
    let mut observed = seen("shop", &[spec("shop"), spec("cafe")]);
    observed.ingress.system.push(observed.services[0].clone());
    let (plan, _) = settle_without("shop", &observed).unwrap();
    assert_eq!((plan.change, plan.ports), (IngressChange::Change, vec![80]));
    observed
        .ingress
        .services
        .retain(|service| service.labels[labels::PROJECT] == "shop");
    let (plan, _) = settle_without("shop", &observed).unwrap();
    assert_eq!((plan.change, plan.ports), (IngressChange::Remove, Vec::new()));
}

#[test]
fn a_clash_with_another_project_is_refused_before_anything_is_done() {
    let cafe = file(WEB).replace("name: shop", "name: cafe");
    let running = spec(&up(&cafe, &seen("cafe", &[]), &UpOptions::default()).unwrap());
    let refused = up(&file(WEB), &seen("shop", &[running]), &UpOptions::default()).unwrap_err();
    assert_eq!(
        refused,
        [
            "`x-ingress`: `http://shop.example.org` is claimed by service `web` of project `cafe` and by service `web` of project `shop`"
        ]
    );
}

#[test]
fn a_port_that_a_service_publishes_is_no_way_in() {
    let text =
        file("  web: {image: 'shop:1', x-ingress: {port: 8000}}\n  old: {image: 'shop:0', ports: ['80:8000']}\n");
    assert_eq!(
        up(&text, &seen("shop", &[]), &UpOptions::default()).unwrap_err(),
        ["`x-ingress`: port 80 of the hosts, which service `shop_web` listens on, is published by service `shop_old`"]
    );
}

#[test]
fn what_has_no_hosts_or_runs_as_containers_is_refused_with_the_reason() {
    let alone = "name: shop\nservices:\n".to_owned() + WEB;
    let engine = Observation {
        engine: Some("here".to_owned()),
        ..Observation::default()
    };
    assert_eq!(
        up(&alone, &engine, &UpOptions::default()).unwrap_err(),
        ["service `web`: `x-ingress` answers on the hosts of a pool, and the file names none"]
    );
    let text = file("  web: {image: 'shop:1', privileged: true, x-ingress: {port: 8000}}\n");
    assert_eq!(
        up(&text, &seen("shop", &[]), &UpOptions::default()).unwrap_err(),
        [
            "service `web`: `x-ingress` is for Swarm services, and this one runs as containers that Hoist places, since they have no `privileged`"
        ]
    );
}

#[test]
fn a_service_that_is_alone_on_its_port_or_volume_keeps_the_clusters_order() {
    for more in ["ports: ['8080:8000']", "volumes: ['data:/data']"] {
        let text = file(&WEB.replace("image: 'shop:1'", &format!("image: 'shop:1', {more}"))) + "volumes: {data: {}}\n";
        let plan = up(&text, &seen("shop", &[]), &UpOptions::default()).unwrap();
        assert!(settled(&plan).is_some());
        assert_eq!(spec(&plan).update_config.unwrap().order, None, "{more}");
    }
}

#[test]
fn a_way_in_that_changes_reaches_its_service_and_the_ingress() {
    let first = up(&file(WEB), &seen("shop", &[]), &UpOptions::default()).unwrap();
    let observed = seen("shop", &[spec(&first)]);
    let moved = WEB.replace("shop.example.org", "store.example.org");
    let plan = up(&file(&moved), &observed, &UpOptions::default()).unwrap();
    let reason = plan.steps.iter().find_map(|step| match &step.action {
        Action::UpdateService { service, .. } if service.service == "web" => Some(step.reason.as_str()),
        _ => None,
    });
    assert_eq!(reason, Some("ways in changed"));
    assert_eq!(settled(&plan).unwrap().ways, ["http://store.example.org → web:8000"]);
}
