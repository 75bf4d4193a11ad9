//! Plans, from files and observations to steps: pure, so that everything here runs without an engine.

use std::collections::BTreeMap;
use std::path::PathBuf;

use hoist::compose::{self, Project, Request, Stages};
use hoist::engine::observation::{
    Cluster, ObservedContainer, ObservedImage, ObservedNetwork, ObservedNode, ObservedService, ObservedTask,
    ObservedVolume, TaskState,
};
use hoist::engine::{Observation, labels, models};
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
        nano_cpus: 0,
        memory_bytes: 0,
        version: 1,
        engine_labels: BTreeMap::new(),
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
                Action::ReplaceContainer { container, .. } => format!("replace container {}", container.name),
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
                    update_began: None,
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
        spec_version: None,
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

#[test]
fn a_new_project_makes_networks_then_services_after_what_they_depend_on() {
    let plan = up(&project(SHOP), &cluster(3));
    assert_eq!(
        lines(&plan),
        [
            "create network shop_default: new",
            "provide db:1 on []: from its registry",
            "create service db: new",
            "provide web:1 on []: from its registry",
            "create service web: new",
        ]
    );
    assert_eq!(plan.steps[4].after, [0, 2, 3]);
}

#[test]
fn without_ipvs_services_get_round_robin_and_ports_of_their_hosts() {
    let plan = up(&project(SHOP), &cluster(3));
    let endpoint = spec_of(&plan, "web").endpoint_spec.as_ref().unwrap();
    assert_eq!(endpoint.mode, Some(models::EndpointSpecModeEnum::DNSRR));
    let port = &endpoint.ports.as_ref().unwrap()[0];
    assert_eq!(port.publish_mode, Some(models::EndpointPortConfigPublishModeEnum::HOST));
    assert!(
        plan.notes.iter().any(|note| note.message.contains("no IPVS")),
        "{:?}",
        plan.notes
    );

    let mut with_ipvs = cluster(3);
    for node in &mut with_ipvs.cluster.as_mut().unwrap().nodes {
        node.labels.insert(labels::IPVS.to_owned(), "true".to_owned());
    }
    let plan = up(&project(SHOP), &with_ipvs);
    let endpoint = spec_of(&plan, "web").endpoint_spec.as_ref().unwrap();
    assert_eq!(endpoint.mode, Some(models::EndpointSpecModeEnum::VIP));
    let port = &endpoint.ports.as_ref().unwrap()[0];
    assert_eq!(
        port.publish_mode,
        Some(models::EndpointPortConfigPublishModeEnum::INGRESS)
    );
}

#[test]
fn overlay_traffic_is_encrypted_where_every_kernel_can_and_said_where_not() {
    let text = format!("{SHOP}x-hosts: {{lab: {{count: 3, local: {{}}}}}}\nx-pool: {{encrypt: true}}\n");
    let encrypted = |esp: &str| {
        let mut observed = cluster(3);
        for node in &mut observed.cluster.as_mut().unwrap().nodes {
            node.labels.insert(labels::ESP.to_owned(), esp.to_owned());
        }
        let plan = up(&project(&text), &observed);
        let Action::CreateNetwork { network } = &plan.steps[0].action else {
            panic!("no network is made")
        };
        let options = network.request.options.clone().unwrap_or_default();
        (
            options.contains_key("encrypted"),
            plan.notes.iter().any(|note| note.message.contains("NOT encrypted")),
        )
    };
    assert_eq!(encrypted("true"), (true, false));
    assert_eq!(encrypted("false"), (false, true));
}

#[test]
fn a_project_that_runs_as_the_file_says_needs_nothing() {
    let project = project(SHOP);
    let first = up(&project, &cluster(3));
    let again = up(&project, &carried_out(cluster(3), &first));
    assert_eq!(lines(&again), Vec::<String>::new());
    assert_eq!(again.unchanged, ["db", "web"]);
}

#[test]
fn a_changed_image_changes_that_service_only() {
    let observed = carried_out(cluster(3), &up(&project(SHOP), &cluster(3)));
    let plan = up(&project(&SHOP.replace("web:1", "web:2")), &observed);
    assert_eq!(
        lines(&plan),
        [
            "provide web:2 on []: from its registry",
            "update service web: image changed"
        ]
    );
    assert_eq!(plan.unchanged, ["db"]);
}

#[test]
fn a_service_restarts_with_what_it_depends_on_where_the_file_says_so() {
    let restarting = |shop: &str| shop.replace("service_healthy}", "service_healthy, restart: true}");
    for (shop, before) in [(SHOP.to_owned(), cluster(3)), (local_shop(), one_engine())] {
        let shop = restarting(&shop);
        let observed = carried_out(before.clone(), &up(&project(&shop), &before));
        assert_eq!(lines(&up(&project(&shop), &observed)), Vec::<String>::new());
        let plan = up(&project(&shop.replace("db:1", "db:2")), &observed);
        let restarted: Vec<usize> = (0..plan.steps.len())
            .filter(|step| lines(&plan)[*step].contains("web") && plan.steps[*step].reason == "it restarts with `db`")
            .collect();
        assert_eq!(
            restarted.len(),
            if before.cluster.is_some() { 1 } else { 2 },
            "{:?}",
            lines(&plan)
        );
        let of_db = lines(&plan)
            .iter()
            .position(|line| line.contains("db") && !line.contains("provide"))
            .unwrap();
        assert!(plan.steps[restarted[0]].after.contains(&of_db), "{:?}", lines(&plan));
    }
    // What is only scaled is not replaced.
    let shop = restarting(SHOP);
    let observed = carried_out(cluster(3), &up(&project(&shop), &cluster(3)));
    let scaled = UpOptions {
        scale: [("db".to_owned(), 2)].into(),
        ..UpOptions::default()
    };
    let plan = try_up(&project(&shop), &observed, &scaled).unwrap();
    let changes: Vec<String> = lines(&plan)
        .into_iter()
        .filter(|line| !line.starts_with("provide"))
        .collect();
    assert_eq!(changes, ["update service db: replicas 1 → 2"]);
}

#[test]
fn an_image_built_anew_under_the_same_name_changes_its_service() {
    let text = SHOP.replace("image: web:1", "image: web:1\n    build: .");
    let project = project(&text);
    let built = |id: &str| {
        let image = ObservedImage {
            id: id.to_owned(),
            digest: None,
        };
        BTreeMap::from([("builder".to_owned(), BTreeMap::from([("web:1".to_owned(), image)]))])
    };
    let before = Observation {
        images: built("sha256:a"),
        ..cluster(3)
    };
    let first = up(&project, &before);
    assert!(lines(&first).contains(&"provide web:1 on [lab-1 lab-2 lab-3]: made on this machine".to_owned()));
    let mut observed = carried_out(before, &first);
    observed.images = built("sha256:b");
    for host in ["lab-1", "lab-2", "lab-3"] {
        let image = ObservedImage {
            id: "sha256:a".to_owned(),
            digest: None,
        };
        observed
            .images
            .insert(host.to_owned(), BTreeMap::from([("web:1".to_owned(), image)]));
    }
    let plan = up(&project, &observed);
    assert_eq!(
        lines(&plan),
        [
            "provide web:1 on [lab-1 lab-2 lab-3]: made on this machine",
            "update service web: image changed"
        ]
    );
}

#[test]
fn a_host_that_lacks_an_image_of_this_machine_gets_it_though_nothing_else_changes() {
    let text = SHOP.replace("image: web:1", "image: web:1\n    build: .");
    let project = project(&text);
    let image = ObservedImage {
        id: "sha256:a".to_owned(),
        digest: None,
    };
    let with_image = |hosts: &[&str]| -> BTreeMap<_, _> {
        hosts
            .iter()
            .map(|host| {
                (
                    (*host).to_owned(),
                    BTreeMap::from([("web:1".to_owned(), image.clone())]),
                )
            })
            .collect()
    };
    let before = Observation {
        images: with_image(&["builder"]),
        ..cluster(3)
    };
    let mut observed = carried_out(before.clone(), &up(&project, &before));
    observed.images = with_image(&["builder", "lab-1", "lab-3"]);
    assert_eq!(
        lines(&up(&project, &observed)),
        ["provide web:1 on [lab-2]: made on this machine"]
    );
}

#[test]
fn an_interrupted_run_is_waited_for_by_the_next() {
    let project = project(SHOP);
    let mut observed = carried_out(cluster(3), &up(&project, &cluster(3)));
    observed.tasks.retain(|task| task.id != "id-web.2");
    assert_eq!(
        lines(&up(&project, &observed)),
        ["await service web: not all replicas run"]
    );
}

#[test]
fn a_service_goes_where_its_volume_is() {
    let project = project(SHOP);
    let mut observed = cluster(3);
    observed.volumes.push(ObservedVolume {
        name: "shop_data".to_owned(),
        host: "lab-3".to_owned(),
        driver: "local".to_owned(),
        labels: BTreeMap::new(),
    });
    let plan = up(&project, &observed);
    let spec = spec_of(&plan, "db");
    let placement = spec.task_template.as_ref().unwrap().placement.as_ref().unwrap();
    assert_eq!(
        placement.constraints,
        Some(vec!["node.labels.dev.hoist.host == lab-3".to_owned()])
    );
    assert_eq!(spec.labels.as_ref().unwrap()[labels::PINNED_TO], "lab-3");
}

#[test]
fn a_pinned_service_stays_though_its_host_is_down() {
    let project = project(SHOP);
    let first = up(&project, &cluster(3));
    let host = spec_of(&first, "db").labels.as_ref().unwrap()[labels::PINNED_TO].clone();
    let mut observed = carried_out(cluster(3), &first);
    for node in &mut observed.cluster.as_mut().unwrap().nodes {
        node.ready = node.labels[labels::HOST] != host;
    }
    let plan = up(&project, &observed);
    assert!(
        !lines(&plan).iter().any(|line| line.starts_with("update service db")),
        "{:?}",
        lines(&plan)
    );
}

#[test]
fn volumes_on_different_hosts_are_an_error_that_names_them() {
    let text = "
services:
  db: {image: db, volumes: ['aa:/a', 'bb:/b']}
volumes: {aa: {}, bb: {}}
";
    let mut observed = cluster(3);
    for (name, host) in [("shop_aa", "lab-1"), ("shop_bb", "lab-2")] {
        observed.volumes.push(ObservedVolume {
            name: name.to_owned(),
            host: host.to_owned(),
            driver: "local".to_owned(),
            labels: BTreeMap::new(),
        });
    }
    let errors = try_up(&project(text), &observed, &UpOptions::default()).unwrap_err();
    assert_eq!(
        errors[0].to_string(),
        "service `db`: its volumes lie on different hosts: `aa` on lab-1, `bb` on lab-2"
    );
}

#[test]
fn more_replicas_than_hosts_for_a_port_are_an_error_before_anything_is_done() {
    let errors = try_up(
        &project(&SHOP.replace("replicas: 2", "replicas: 4")),
        &cluster(3),
        &UpOptions::default(),
    );
    assert!(matches!(
        &errors.unwrap_err()[0],
        PlanError::TooFewHostsForPort {
            port: 8080,
            replicas: 4,
            hosts: 3,
            ..
        }
    ));
}

#[test]
fn every_problem_of_a_project_is_named_at_once() {
    let text = "
services:
  a: {image: a, deploy: {placement: {constraints: [node.labels.disk == ssd]}}}
  b: {image: b, deploy: {placement: {constraints: [node.labels.disk]}}}
";
    let errors = try_up(&project(text), &cluster(2), &UpOptions::default()).unwrap_err();
    assert!(matches!(&errors[0], PlanError::NoHost { service, .. } if service == "a"));
    assert!(matches!(&errors[1], PlanError::Constraint { service, .. } if service == "b"));
}

#[test]
fn what_swarm_cannot_do_runs_as_containers_and_the_plan_says_why() {
    let text = "services: {vpn: {image: vpn, privileged: true, deploy: {replicas: 3}}}";
    let plan = up(&project(text), &cluster(2));
    let made: Vec<_> = lines(&plan)
        .into_iter()
        .filter(|line| line.starts_with("create container"))
        .collect();
    assert_eq!(
        made,
        [
            "create container shop-vpn-1 on lab-1: new",
            "create container shop-vpn-2 on lab-2: new",
            "create container shop-vpn-3 on lab-1: new",
        ]
    );
    assert!(
        plan.notes.iter().any(|note| note.message.contains("`privileged`")),
        "{:?}",
        plan.notes
    );
}

#[test]
fn a_port_of_one_address_is_never_published_on_all() {
    let text = "services: {db: {image: db, ports: ['127.0.0.1:5432:5432']}}";
    let plan = up(&project(text), &cluster(2));
    let Some(Action::CreateContainer { container }) = plan.steps.last().map(|step| &step.action) else {
        panic!("{:?}", lines(&plan));
    };
    let bindings = container
        .body
        .host_config
        .as_ref()
        .unwrap()
        .port_bindings
        .as_ref()
        .unwrap();
    let binding = &bindings["5432/tcp"].as_ref().unwrap()[0];
    assert_eq!(binding.host_ip.as_deref(), Some("127.0.0.1"));
    assert!(
        plan.notes.iter().any(|note| note.message.contains("`ports.host_ip`")),
        "{:?}",
        plan.notes
    );
}

#[test]
fn what_a_swarm_service_takes_no_notice_of_is_said() {
    let text = "services: {web: {image: web, container_name: page, platform: linux/amd64}}";
    let plan = up(&project(text), &cluster(2));
    for attribute in ["container_name", "platform"] {
        assert!(
            plan.notes.iter().any(|note| note.message.contains(attribute)),
            "{:?}",
            plan.notes
        );
    }
}

#[test]
fn services_no_longer_in_the_file_are_said_and_removed_only_on_demand() {
    let observed = carried_out(cluster(3), &up(&project(SHOP), &cluster(3)));
    let smaller = project(
        "services: {db: {image: 'db:1', volumes: ['data:/data'], healthcheck: {test: [CMD, 'true']}}}\nvolumes: {data: {}}",
    );
    let plan = up(&smaller, &observed);
    assert_eq!(lines(&plan), Vec::<String>::new());
    assert!(
        plan.notes.iter().any(|note| note.message.contains("`web`")),
        "{:?}",
        plan.notes
    );
    let options = UpOptions {
        remove_orphans: true,
        ..UpOptions::default()
    };
    let plan = try_up(&smaller, &observed, &options).unwrap();
    assert_eq!(lines(&plan), ["remove service shop_web: not in the file"]);
}

#[test]
fn a_changed_content_makes_a_new_config_and_updates_its_service() {
    let text = "
services: {web: {image: web, configs: [page]}}
configs: {page: {file: ./page}}
";
    let project = project(text);
    let none = BTreeMap::new();
    let digests = |digest: &str| BTreeMap::from([("page".to_owned(), digest.repeat(4))]);
    let plan_with = |observed: &Observation, digest: &str| {
        let configs = digests(digest);
        let situation = Situation {
            observed,
            builder: None,
            configs: &configs,
            secrets: &none,
        };
        plan::up(&project, situation, &UpOptions::default()).unwrap()
    };
    let first = plan_with(&cluster(1), "aaaa");
    assert!(
        lines(&first).contains(&"create object page: new".to_owned()),
        "{:?}",
        lines(&first)
    );
    let mut observed = carried_out(cluster(1), &first);
    let Some(Action::CreateObject { object }) = first
        .steps
        .iter()
        .map(|step| &step.action)
        .find(|action| matches!(action, Action::CreateObject { .. }))
    else {
        panic!("no config is made");
    };
    observed.configs.push(hoist::engine::observation::ObservedObject {
        id: "c1".to_owned(),
        name: object.name.clone(),
        labels: object.labels.clone(),
    });
    assert_eq!(lines(&plan_with(&observed, "aaaa")), Vec::<String>::new());
    assert_eq!(
        lines(&plan_with(&observed, "bbbb")),
        [
            "create object page: content changed".to_owned(),
            "provide web on []: from its registry".to_owned(),
            "update service web: definition changed".to_owned(),
            format!("remove object {}: no longer used", object.name),
        ]
    );
}

/// The shop without a fixed port, which two containers of one engine cannot share.
fn local_shop() -> String {
    SHOP.replace("ports: ['8080:80']", "ports: ['80']")
}

#[test]
fn one_engine_gets_containers_with_composes_names() {
    let plan = up(&project(&local_shop()), &one_engine());
    assert_eq!(
        lines(&plan),
        [
            "create network shop_default: new",
            "create volume shop_data on here: new",
            "provide db:1 on [here]: not there",
            "create container shop-db-1 on here: new",
            "provide web:1 on [here]: not there",
            "create container shop-web-1 on here: new",
            "create container shop-web-2 on here: new",
        ]
    );
    // One replica after the other, and both after the database.
    assert!(plan.steps[5].after.contains(&3));
    assert!(plan.steps[6].after.contains(&5));
}

#[test]
fn containers_that_run_as_the_file_says_need_nothing() {
    let project = project(&local_shop());
    let observed = carried_out(one_engine(), &up(&project, &one_engine()));
    assert_eq!(lines(&up(&project, &observed)), Vec::<String>::new());
}

#[test]
fn containers_are_replaced_started_and_removed_one_by_one() {
    let first = project(&local_shop());
    let mut observed = carried_out(one_engine(), &up(&first, &one_engine()));
    let changed = project(&local_shop().replace("image: db:1", "image: db:1\n    environment: {A: b}"));
    let plan = up(&changed, &observed);
    assert!(
        lines(&plan).contains(&"replace container shop-db-1: definition changed".to_owned()),
        "{:?}",
        lines(&plan)
    );
    assert!(
        !lines(&plan).iter().any(|line| line.contains("shop-web")),
        "{:?}",
        lines(&plan)
    );

    let fewer = project(&local_shop().replace("replicas: 2", "replicas: 1"));
    assert_eq!(
        lines(&up(&fewer, &observed)),
        ["remove container shop-web-2: fewer replicas"]
    );

    for container in observed
        .containers
        .iter_mut()
        .filter(|container| container.name == "shop-web-1")
    {
        container.state = "exited".to_owned();
        container.status = "Exited (137) 1 second ago".to_owned();
    }
    assert_eq!(
        lines(&up(&first, &observed)),
        ["start container shop-web-1: not running"]
    );
}

#[test]
fn an_interrupted_replacement_is_put_right() {
    let project = project(&local_shop());
    let mut observed = carried_out(one_engine(), &up(&project, &one_engine()));
    let mut interim = observed
        .containers
        .iter()
        .find(|found| found.name == "shop-web-1")
        .unwrap()
        .clone();
    interim.id = "id-interim".to_owned();
    interim.name = "0123456789ab_shop-web-1".to_owned();
    observed.containers.push(interim);
    assert_eq!(
        lines(&up(&project, &observed)),
        ["remove container 0123456789ab_shop-web-1: left by an interrupted run"]
    );
}

#[test]
fn scale_changes_the_number_and_nothing_else() {
    let observed = carried_out(cluster(3), &up(&project(SHOP), &cluster(3)));
    let moved_on = project(&SHOP.replace("web:1", "web:2"));
    let options = UpOptions {
        services: vec!["web".to_owned()],
        scale: BTreeMap::from([("web".to_owned(), 3)]),
        only_scale: true,
        ..UpOptions::default()
    };
    let plan = try_up(&moved_on, &observed, &options).unwrap();
    assert_eq!(lines(&plan), ["update service web: replicas 2 → 3"]);
    let image = spec_of(&plan, "web")
        .task_template
        .as_ref()
        .unwrap()
        .container_spec
        .as_ref()
        .unwrap()
        .image
        .clone();
    assert_eq!(image.as_deref(), Some("web:1"));
}

#[test]
fn what_was_scaled_by_hand_stays_where_the_file_names_no_number() {
    let text = SHOP.replace("    deploy: {replicas: 2}\n", "");
    assert_ne!(text, SHOP);
    let project = project(&text);
    let mut observed = carried_out(cluster(3), &up(&project, &cluster(3)));
    let options = UpOptions {
        services: vec!["web".to_owned()],
        scale: BTreeMap::from([("web".to_owned(), 3)]),
        only_scale: true,
        ..UpOptions::default()
    };
    let scaled = try_up(&project, &observed, &options).unwrap();
    observed = carried_out(observed, &scaled);
    let next = up(&project, &observed);
    assert!(next.unchanged.contains(&"web".to_owned()), "{:?}", lines(&next));
    let notes: Vec<&str> = next.notes.iter().map(|note| note.message.as_str()).collect();
    assert!(
        notes.iter().any(|note| note.contains("`web` keeps the 3 replicas")),
        "{notes:?}"
    );
}

#[test]
fn down_removes_dependents_first_and_keeps_volumes_unless_told() {
    let project = project(SHOP);
    let mut observed = carried_out(cluster(3), &up(&project, &cluster(3)));
    for (name, label) in [("shop_data", Some("shop")), ("strangers", None)] {
        observed.volumes.push(ObservedVolume {
            name: name.to_owned(),
            host: "lab-1".to_owned(),
            driver: "local".to_owned(),
            labels: label
                .map(|label| (labels::PROJECT.to_owned(), label.to_owned()))
                .into_iter()
                .collect(),
        });
    }
    let plan = plan::down("shop", Some(&project), &observed, DownOptions::default());
    assert_eq!(
        lines(&plan),
        [
            "remove service shop_db: asked for",
            "remove service shop_web: asked for",
            "remove network shop_default: asked for"
        ]
    );
    assert_eq!(plan.steps[0].after, [1], "db goes after web");
    assert_eq!(plan.steps[2].after, [0, 1], "networks go last");
    let plan = plan::down("shop", Some(&project), &observed, DownOptions { volumes: true });
    assert!(lines(&plan).contains(&"remove volume shop_data on lab-1: asked for".to_owned()));
    assert!(!lines(&plan).iter().any(|line| line.contains("strangers")));
}

#[test]
fn the_same_input_gives_the_same_plan() {
    let project = project(SHOP);
    let plans: Vec<_> = (0..20)
        .map(|_| format!("{:?}", lines(&up(&project, &cluster(3)))))
        .collect();
    assert!(plans.windows(2).all(|pair| pair[0] == pair[1]));
    let digests: Vec<_> = (0..20)
        .map(|_| spec_of(&up(&project, &cluster(3)), "web").labels.as_ref().unwrap()[labels::CONFIG_HASH].clone())
        .collect();
    assert!(digests.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn swarm_services_reserve_generic_resources_and_give_networks_their_options() {
    let text = "
services:
  train:
    image: train
    networks: {default: {driver_opts: {com.example.speed: fast}}}
    deploy:
      resources: {reservations: {generic_resources: [{discrete_resource_spec: {kind: gpu, value: 2}}]}}
";
    let plan = up(&project(text), &cluster(2));
    let task = serde_json::json!(spec_of(&plan, "train").task_template);
    assert_eq!(
        task["Resources"]["Reservations"]["GenericResources"],
        serde_json::json!([{"DiscreteResourceSpec": {"Kind": "gpu", "Value": 2}}])
    );
    assert_eq!(task["Networks"][0]["DriverOpts"]["com.example.speed"], "fast");
}

#[test]
fn a_network_gets_its_addresses_as_the_file_says() {
    let text = "
services: {web: {image: web}}
networks:
  default:
    enable_ipv4: false
    ipam:
      driver: dhcp
      config: [{subnet: 10.9.0.0/24, aux_addresses: {router: 10.9.0.5}}]
";
    let plan = up(&project(text), &one_engine());
    let Action::CreateNetwork { network } = &plan.steps[0].action else {
        panic!("{:?}", lines(&plan));
    };
    let request = serde_json::json!(network.request);
    assert_eq!(request["EnableIPv4"], false);
    assert_eq!(request["IPAM"]["Driver"], "dhcp");
    assert_eq!(
        request["IPAM"]["Config"],
        serde_json::json!([{"Subnet": "10.9.0.0/24", "AuxiliaryAddresses": {"router": "10.9.0.5"}}])
    );
}

#[test]
fn a_service_that_takes_anothers_volumes_is_on_its_host() {
    let text = "
services:
  a-copy: {image: copy, volumes_from: ['files:ro']}
  first: {image: x, privileged: true}
  files: {image: files, volumes: [/data], privileged: true}
";
    let plan = up(&project(text), &cluster(3));
    let host_of = |service: &str| {
        let hosts = plan.steps.iter().filter_map(|step| match &step.action {
            Action::CreateContainer { container } if container.service == service => Some(container.host.clone()),
            _ => None,
        });
        hosts.collect::<Vec<_>>()
    };
    assert_eq!(host_of("a-copy"), host_of("files"));
    assert_ne!(host_of("a-copy"), host_of("first"));
    let lines = lines(&plan);
    let at = |name: &str| lines.iter().position(|line| line.contains(name));
    assert!(at("shop-files-1") < at("shop-a-copy-1"), "{lines:?}");
}

const START_FIRST: &str = "
services:
  web:
    image: web:1
    ports: ['8080:80']
    deploy: {replicas: 2, update_config: {order: start-first}, rollback_config: {order: start-first}}
";

#[test]
fn a_successor_that_finds_no_free_port_waits_for_the_old_replica_to_stop_and_the_plan_says_so() {
    use models::{ServiceSpecRollbackConfigOrderEnum as Back, ServiceSpecUpdateConfigOrderEnum as Forth};
    let project = project(START_FIRST);
    let orders = |plan: &Plan| {
        let spec = spec_of(plan, "web");
        (
            spec.update_config.as_ref().unwrap().order,
            spec.rollback_config.as_ref().unwrap().order,
        )
    };
    let said = |plan: &Plan| {
        plan.notes
            .iter()
            .any(|note| note.message.contains("stops before its successor starts"))
    };
    let roomy = up(&project, &cluster(3));
    assert_eq!(orders(&roomy), (Some(Forth::START_FIRST), Some(Back::START_FIRST)));
    assert!(!said(&roomy));
    let full = up(&project, &cluster(2));
    assert_eq!(orders(&full), (Some(Forth::STOP_FIRST), Some(Back::STOP_FIRST)));
    assert_eq!(
        full.notes.last().unwrap().message,
        "service `web`: each replica stops before its successor starts, though the file says `start-first`: each replica takes \
         port 8080 of its host, and no host has it free"
    );
    // A host more is no change of the service.
    let mut observed = carried_out(cluster(2), &full);
    observed.cluster = cluster(3).cluster;
    assert_eq!(lines(&up(&project, &observed)), Vec::<String>::new());
}

#[test]
fn a_pinned_service_never_has_two_replicas_at_its_volume_in_an_update() {
    let text = START_FIRST.replace("ports: ['8080:80']", "volumes: ['data:/data']") + "volumes: {data: {}}\n";
    let plan = up(&project(&text), &cluster(3));
    assert_eq!(
        spec_of(&plan, "web").update_config.as_ref().unwrap().order,
        Some(models::ServiceSpecUpdateConfigOrderEnum::STOP_FIRST)
    );
}

#[test]
fn a_containers_successor_comes_up_beside_it_where_the_file_asks_for_that_and_nothing_is_shared() {
    let starts_first = |attributes: &str, order: &str| {
        let text = |image: &str| {
            format!(
                "services: {{web: {{image: '{image}', {attributes}, deploy: {{update_config: {{order: {order}}}}}}}}}\n\
                 volumes: {{data: {{}}}}\n"
            )
        };
        let observed = carried_out(one_engine(), &up(&project(&text("web:1")), &one_engine()));
        let plan = up(
            &project(&(text("web:1").replace("web:1'", "web:1', hostname: other"))),
            &observed,
        );
        let replaces = plan.steps.iter().find_map(|step| match &step.action {
            Action::ReplaceContainer { container, .. } => Some(container.starts_first),
            _ => None,
        });
        (replaces.unwrap(), plan.notes.len())
    };
    assert_eq!(starts_first("ports: ['80']", "start-first"), (true, 0));
    assert_eq!(starts_first("ports: ['80']", "stop-first"), (false, 0));
    assert_eq!(starts_first("ports: ['8080:80']", "start-first"), (false, 1));
    assert_eq!(starts_first("volumes: ['data:/data']", "start-first"), (false, 1));
}

#[test]
fn a_replacement_interrupted_while_both_ran_keeps_the_one_that_served() {
    let text = "services: {web: {image: 'web:1', deploy: {update_config: {order: start-first}}}}";
    let observed = carried_out(one_engine(), &up(&project(text), &one_engine()));
    let changed = project(&text.replace("web:1'", "web:1', hostname: other"));
    let mut half = carried_out(one_engine(), &up(&changed, &one_engine())).containers;
    half[0].id = "id-interim".to_owned();
    half[0].name = "0123456789ab_shop-web-1".to_owned();
    half.extend(observed.containers.clone());
    let observed = Observation {
        containers: half,
        ..observed
    };
    assert_eq!(
        lines(&up(&changed, &observed)),
        [
            "provide web:1 on [here]: not there",
            "remove container 0123456789ab_shop-web-1: left by an interrupted run",
            "replace container shop-web-1: definition changed",
        ]
    );
}

/// Where the containers of a service are planned, in the order of their numbers.
fn planned_hosts(plan: &Plan, service: &str) -> Vec<String> {
    let hosts = plan.steps.iter().filter_map(|step| match &step.action {
        Action::CreateContainer { container } if container.service == service => Some(container.host.clone()),
        _ => None,
    });
    hosts.collect()
}

fn three_hosts() -> Observation {
    Observation {
        cluster: Some(Cluster {
            id: "c".to_owned(),
            nodes: vec![
                node("lab-1", &[("disk", "hdd")]),
                node("lab-2", &[("disk", "ssd")]),
                node("lab-3", &[("disk", "hdd")]),
            ],
        }),
        ..Observation::default()
    }
}

#[test]
fn ranchers_labels_place_swarm_services_as_far_as_swarm_can() {
    let text = "
services:
  web:
    image: web:1
    labels: {'io.rancher.scheduler.affinity:host_label': disk=ssd, 'io.rancher.scheduler.affinity:host_label_soft': zone=a}
  agent:
    image: agent:1
    labels: {io.rancher.scheduler.global: 'true'}
";
    let plan = up(&project(text), &three_hosts());
    let placement = spec_of(&plan, "web")
        .task_template
        .as_ref()
        .unwrap()
        .placement
        .clone()
        .unwrap();
    assert_eq!(placement.constraints.unwrap(), ["node.labels.disk == ssd"]);
    assert!(spec_of(&plan, "agent").mode.as_ref().unwrap().global.is_some());
    let notes: Vec<&str> = plan.notes.iter().map(|note| note.message.as_str()).collect();
    assert!(
        notes
            .iter()
            .any(|note| note.contains("affinity:…_soft` has no effect on a pool")),
        "{notes:?}"
    );
}

#[test]
fn neighbours_and_better_hosts_decide_where_containers_go() {
    let text = "
services:
  db:
    image: db:1
    x-runtime: container
    deploy: {placement: {constraints: [node.hostname == lab-3]}}
  near:
    image: near:1
    deploy: {replicas: 2}
    labels: {'io.rancher.scheduler.affinity:container_label': io.rancher.stack_service.name=shop/db}
  away:
    image: away:1
    deploy: {replicas: 2}
    labels: {'io.rancher.scheduler.affinity:container_label_ne': io.rancher.stack_service.name=shop/db}
  likes:
    image: likes:1
    x-runtime: container
    labels: {'io.rancher.scheduler.affinity:host_label_soft': disk=ssd}
";
    let plan = up(&project(text), &three_hosts());
    assert_eq!(planned_hosts(&plan, "db"), ["lab-3"]);
    assert_eq!(planned_hosts(&plan, "near"), ["lab-3", "lab-3"]);
    let mut away = planned_hosts(&plan, "away");
    away.sort_unstable();
    assert_eq!(away, ["lab-1", "lab-2"]);
    assert_eq!(planned_hosts(&plan, "likes"), ["lab-2"]);
    assert!(
        plan.notes
            .iter()
            .any(|note| note.message.contains("Swarm services have no `affinity to containers`"))
    );
    // Once they are there, they stay, whoever goes.
    let observed = carried_out(three_hosts(), &plan);
    let alone = project(&text.replace("node.hostname == lab-3", "node.hostname == lab-1"));
    let moved = lines(&up(&alone, &observed));
    assert!(
        !moved.iter().any(|line| line.contains("near") || line.contains("away")),
        "{moved:?}"
    );
}

#[test]
fn a_neighbour_that_is_nowhere_is_an_error_with_a_way_out() {
    let text = "
services:
  near:
    image: near:1
    labels: {'io.rancher.scheduler.affinity:container_label': io.rancher.stack_service.name=shop/db}
  db: {image: 'db:1'}
";
    let errors = try_up(&project(text), &three_hosts(), &UpOptions::default()).unwrap_err();
    assert_eq!(
        errors[0].to_string(),
        "service `near` must be near service `db`, and no host has one that is known of"
    );
}
