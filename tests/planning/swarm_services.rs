//! What a Swarm service is made of.

use super::*;

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
fn what_a_swarm_service_takes_no_notice_of_is_said() {
    let text = "services:\n  web:\n    image: web\n    container_name: page\n    platform: linux/amd64\n";
    let plan = up(&project(text), &cluster(2));
    for (attribute, line_column) in [("container_name", (4, 21)), ("platform", (5, 15))] {
        let note = plan.notes.iter().find(|note| note.message.contains(attribute));
        let place = note.and_then(|note| note.place.as_ref());
        assert_eq!(
            place.map(hoist::compose::Place::line_column),
            Some(line_column),
            "{:?}",
            plan.notes
        );
    }
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
