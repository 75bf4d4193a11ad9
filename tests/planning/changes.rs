//! What is done when a project is new, changed, scaled, or no longer there.

use super::*;

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
fn replicas_of_an_update_that_is_not_through_are_waited_for_and_one_that_stopped_is_taken_up() {
    let project = project(SHOP);
    let mut observed = carried_out(cluster(3), &up(&project, &cluster(3)));
    for task in &mut observed.tasks {
        let service = observed.services.iter().find(|service| service.id == task.service_id);
        task.spec = service.unwrap().spec.task_template.clone().map(Box::new);
    }
    assert_eq!(lines(&up(&project, &observed)), Vec::<String>::new());
    let of_web = |task: &&mut ObservedTask| task.service_id == "id-web";
    let old = observed.tasks.iter_mut().find(of_web).unwrap();
    old.spec.as_mut().unwrap().force_update = Some(7);
    assert_eq!(
        lines(&up(&project, &observed)),
        ["await service web: not all replicas run"]
    );
    let web = observed
        .services
        .iter_mut()
        .find(|service| service.id == "id-web")
        .unwrap();
    web.update_state = Some("paused".to_owned());
    let plan = lines(&up(&project, &observed));
    assert!(
        plan.contains(&"update service web: its update was stopped on the way".to_owned()),
        "{plan:?}"
    );
}

#[test]
fn a_service_restarts_with_what_it_depends_on_where_the_file_says_so() {
    let restarting = |shop: &str| shop.replace("service_healthy}", "service_healthy, restart: true}");
    for (shop, before) in [
        (SHOP.to_owned(), cluster(3)),
        (crate::containers::local_shop(), one_engine()),
    ] {
        let shop = restarting(&shop);
        let observed = carried_out(before.clone(), &up(&project(&shop), &before));
        assert_eq!(lines(&up(&project(&shop), &observed)), Vec::<String>::new());
        let plan = up(&project(&shop.replace("db:1", "db:2")), &observed);
        let restarted: Vec<usize> = (0..plan.steps.len())
            .filter(|step| lines(&plan)[*step].contains("web") && plan.steps[*step].reason == "it restarts with `db`")
            .collect();
        assert_eq!(restarted.len(), 1, "{:?}", lines(&plan));
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
fn a_run_that_was_cut_off_before_the_restart_leaves_it_to_the_next() {
    let text = SHOP.replace("service_healthy}", "service_healthy, restart: true}");
    let observed = carried_out(cluster(3), &up(&project(&text), &cluster(3)));
    let changed = project(&text.replace("db:1", "db:2"));
    let mut cut_off = up(&changed, &observed);
    let of_web = |line: &String| line.starts_with("update service web");
    let at = lines(&cut_off).iter().position(of_web).unwrap();
    cut_off.steps.truncate(at);
    let observed = carried_out(observed, &cut_off);
    let next = up(&changed, &observed);
    assert_eq!(
        lines(&next),
        [
            "provide web:1 on []: from its registry",
            "update service web: it restarts with `db`"
        ]
    );
    assert_eq!(
        lines(&up(&changed, &carried_out(observed, &next))),
        Vec::<String>::new()
    );
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

#[test]
fn what_was_kept_to_roll_a_service_back_goes_with_the_run_that_makes_its_upgrade_final() {
    let mut observed = carried_out(cluster(3), &up(&project(SHOP), &cluster(3)));
    let project = project(SHOP);
    for service in &mut observed.services {
        let mark = format!("before-{}", service.name);
        service.labels.insert("dev.hoist.upgraded".to_owned(), mark);
    }
    let services: Vec<String> = project.services.keys().cloned().collect();
    observed.configs = services
        .iter()
        .map(|service| hoist::engine::observation::ObservedObject {
            id: format!("kept-{service}"),
            name: format!("before-{service}"),
            labels: BTreeMap::from([
                ("com.docker.compose.project".to_owned(), project.name.clone()),
                ("dev.hoist.kept".to_owned(), service.clone()),
            ]),
        })
        .collect();
    let removed = |services: &[&str], only_scale: bool| {
        let options = UpOptions {
            services: services.iter().map(|&service| service.to_owned()).collect(),
            only_scale,
            ..UpOptions::default()
        };
        let plan = try_up(&project, &observed, &options).unwrap();
        let mut removed: Vec<String> = plan
            .steps
            .iter()
            .filter_map(|step| match &step.action {
                Action::RemoveObject { name, .. } => Some(name.clone()),
                _ => None,
            })
            .collect();
        removed.sort();
        removed
    };
    assert_eq!(removed(&[], false), ["before-db", "before-web"]);
    assert_eq!(removed(&["db"], false), ["before-db"]);
    assert_eq!(removed(&["db"], true), Vec::<String>::new());
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
            created: String::new(),
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
