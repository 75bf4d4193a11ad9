//! Services that run as containers: which, how they are named, and how they change.

use super::*;

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

/// The shop without a fixed port, which two containers of one engine cannot share.
pub fn local_shop() -> String {
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
            Action::ReplaceContainers { replacements, .. } => Some(replacements[0].container.starts_first),
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
fn containers_of_a_service_give_way_together_at_its_pace() {
    let text = |image: &str, replicas: u64| {
        format!(
            "services: {{web: {{image: 'web:1', hostname: {image}, deploy: {{replicas: {replicas}, update_config: {{parallelism: 2, \
             delay: 10s, failure_action: rollback}}}}}}}}"
        )
    };
    let mut observed = carried_out(one_engine(), &up(&project(&text("one", 3)), &one_engine()));
    observed.containers[0].state = "exited".to_owned();
    let plan = up(&project(&text("one", 3)), &observed);
    assert_eq!(lines(&plan), ["start container shop-web-1: not running"]);
    let plan = up(&project(&text("two", 4)), &observed);
    assert_eq!(
        lines(&plan)[1..],
        [
            "replace container shop-web-1, shop-web-2, shop-web-3: definition changed",
            "create container shop-web-4 on here: new",
        ]
    );
    assert_eq!(plan.steps[2].after, [0, 1], "new ones come last");
    let Action::ReplaceContainers { pace, in_place, .. } = &plan.steps[1].action else {
        panic!("{:?}", plan.steps[1]);
    };
    assert_eq!((pace.parallelism, pace.delay.as_secs(), *in_place), (2, 10, false));
    assert_eq!(pace.on_failure, OnFailure::RollBack);
}

#[test]
fn what_is_said_of_hosts_is_noted_where_there_are_none() {
    let text = "services: {web: {image: 'web:1', deploy: {placement: {constraints: [node.role == worker]}}}}";
    let plan = up(&project(text), &one_engine());
    let paths: Vec<&str> = plan.notes.iter().filter_map(|note| note.path.as_deref()).collect();
    assert_eq!(paths, ["services.web.deploy.placement.constraints"]);
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
