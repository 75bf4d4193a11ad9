//! Every property of the inputs' schemas that is known: with it, something in the output or in the messages differs.

use std::io;
use std::path::{Path, PathBuf};

use super::{Kind, Request, heat, import, rancher};

/// The output, or the errors, with all that is warned of.
fn outcome(from: Kind, files: &[(&str, String)]) -> String {
    let read = |_: &Path| Err(io::Error::from(io::ErrorKind::NotFound));
    let request = Request {
        files: files
            .iter()
            .map(|(name, text)| (PathBuf::from(name), text.clone()))
            .collect(),
        from: Some(from),
        read: &read,
        answers: None,
    };
    let messages = |found: &[crate::compose::Diagnostic]| -> String {
        found.iter().map(|found| format!("{}\n", found.message)).collect()
    };
    match import(&request) {
        Ok(imported) => format!("{}\n{}", imported.text, messages(&imported.warnings)),
        Err(errors) => format!("refused: {}", messages(&errors)),
    }
}

/// A template in which each type is used, one of its resources with one property more or less.
fn template(kind: &str, property: &str, value: Option<&str>) -> String {
    type Resource = (&'static str, &'static str, &'static [(&'static str, &'static str)]);
    const WHOLE: &[Resource] = &[
        ("net", "OS::Neutron::Net", &[]),
        (
            "subnet",
            "OS::Neutron::Subnet",
            &[("network", "{get_resource: net}"), ("cidr", "10.0.0.0/24")],
        ),
        ("router", "OS::Neutron::Router", &[]),
        (
            "gateway",
            "OS::Neutron::RouterGateway",
            &[("router_id", "{get_resource: router}"), ("network", "public")],
        ),
        (
            "interface",
            "OS::Neutron::RouterInterface",
            &[
                ("router", "{get_resource: router}"),
                ("subnet", "{get_resource: subnet}"),
            ],
        ),
        ("port", "OS::Neutron::Port", &[("network", "{get_resource: net}")]),
        ("address", "OS::Neutron::FloatingIP", &[("floating_network", "public")]),
        (
            "association",
            "OS::Neutron::FloatingIPAssociation",
            &[
                ("floatingip_id", "{get_resource: address}"),
                ("port_id", "{get_resource: port}"),
            ],
        ),
        ("old_address", "OS::Nova::FloatingIP", &[("pool", "ext")]),
        (
            "old_association",
            "OS::Nova::FloatingIPAssociation",
            &[
                ("server_id", "{get_resource: second}"),
                ("floating_ip", "{get_resource: old_address}"),
            ],
        ),
        ("second", "OS::Nova::Server", &[("image", "i"), ("flavor", "f")]),
        ("guard", "OS::Neutron::SecurityGroup", &[]),
        (
            "rule",
            "OS::Neutron::SecurityGroupRule",
            &[
                ("security_group", "{get_resource: guard}"),
                ("port_range_min", "22"),
                ("port_range_max", "22"),
                ("remote_ip_prefix", "10.0.0.0/8"),
            ],
        ),
        ("key", "OS::Nova::KeyPair", &[("name", "k")]),
        ("apart", "OS::Nova::ServerGroup", &[]),
        ("handle", "OS::Heat::WaitConditionHandle", &[]),
        (
            "wait",
            "OS::Heat::WaitCondition",
            &[("handle", "{get_resource: handle}"), ("timeout", "60")],
        ),
        ("part", "OS::Heat::SoftwareConfig", &[]),
        ("cloud", "OS::Heat::CloudConfig", &[]),
        (
            "mime",
            "OS::Heat::MultipartMime",
            &[(
                "parts",
                "[{config: {get_resource: part}}, {config: {get_resource: cloud}}]",
            )],
        ),
        ("disk", "OS::Cinder::Volume", &[]),
        (
            "attachment",
            "OS::Cinder::VolumeAttachment",
            &[
                ("instance_uuid", "{get_resource: second}"),
                ("volume_id", "{get_resource: disk}"),
            ],
        ),
        ("random", "OS::Heat::RandomString", &[]),
        (
            "group",
            "OS::Heat::ResourceGroup",
            &[
                ("count", "3"),
                (
                    "resource_def",
                    "{type: 'DockerInc::Docker::Container', properties: {image: x}}",
                ),
            ],
        ),
        ("aws_handle", "AWS::CloudFormation::WaitConditionHandle", &[]),
        (
            "aws_wait",
            "AWS::CloudFormation::WaitCondition",
            &[("Handle", "{get_resource: aws_handle}")],
        ),
        ("box", "DockerInc::Docker::Container", &[("image", "x")]),
        (
            "server",
            "OS::Nova::Server",
            &[
                ("image", "i"),
                ("flavor", "f"),
                ("key_name", "{get_resource: key}"),
                ("networks", "[{port: {get_resource: port}}]"),
                ("security_groups", "[{get_resource: guard}]"),
                ("scheduler_hints", "{group: {get_resource: apart}}"),
                ("user_data", "{get_resource: mime}"),
                (
                    "block_device_mapping_v2",
                    "[{boot_index: 0, volume_id: {get_resource: disk}}]",
                ),
            ],
        ),
    ];
    let mut text = "heat_template_version: 2018-08-31\nresources:\n".to_owned();
    let mut met = false;
    for (name, own, properties) in WHOLE {
        text.push_str(&format!("  {name}:\n    type: {own}\n    properties:\n      "));
        let mut pairs: Vec<(&str, &str)> = properties.to_vec();
        // Of two servers the last one is the one that is changed.
        if *own == kind && *name != "second" {
            met = true;
            pairs.retain(|(key, _)| *key != property);
            pairs.extend(value.map(|value| (property, value)));
        }
        let pairs: Vec<String> = pairs.iter().map(|(key, value)| format!("'{key}': {value}")).collect();
        text.push_str(&format!("{{{}}}\n", pairs.join(", ")));
    }
    assert!(met, "the template has no {kind}");
    text
}

/// A value that is not the property's default.
fn sample(kind: &str, property: &str) -> &'static str {
    match (kind, property) {
        (_, "privileged" | "tty" | "open_stdin" | "read_only" | "stdin_once" | "config_drive") => "true",
        (_, "shared" | "save_private_key" | "multiattach" | "distributed" | "ha" | "no_fixed_ips") => "true",
        (_, "admin_state_up" | "enable_dhcp" | "port_security_enabled" | "stateful") => "false",
        (_, "memory" | "cpu_shares" | "count" | "Count" | "size" | "length") => "7",
        (_, "timeout" | "Timeout") => "99",
        (_, "port_bindings") => "{80: 8080}",
        (_, "links" | "volumes") => "{/a: /b}",
        (_, "restart_policy") => "{Name: always}",
        (_, "devices") => "[{path_on_host: /dev/kvm}]",
        (_, "docker_endpoint") => "'tcp://10.1.1.1:2376'",
        (_, "metadata" | "personality" | "value_specs" | "options" | "cloud_config") => "{a: b}",
        (_, "networks") => "[{network: other}]",
        (_, "scheduler_hints") => "{different_host: x}",
        (_, "block_device_mapping_v2") => "[{boot_index: 0, image: other, volume_size: 5}]",
        (_, "external_gateway_info") => "{network: elsewhere}",
        (_, "rules") if kind.ends_with("SecurityGroup") => {
            "[{protocol: tcp, port_range_min: 22, port_range_max: 22, remote_ip_prefix: 9.9.9.0/24}]"
        }
        (_, "rules") => "{max_server_per_host: 2}",
        (_, "policies") => "[affinity]",
        (_, "port_range_min") => "23",
        (_, "port_range_max") => "21",
        (_, "direction") => "egress",
        (_, "ethertype") => "IPv6",
        (_, "protocol") => "icmp",
        (_, "remote_ip_prefix") => "8.8.0.0/16",
        (_, "ip_version") => "6",
        (_, "user_data_format") => "HEAT_CFNTOOLS",
        (_, "resource_def") => "{type: 'DockerInc::Docker::Container', properties: {image: other}}",
        (_, "subnet_id" | "subnet") => "{get_resource: subnet}",
        (_, "router" | "router_id") => "{get_resource: router}",
        (_, "network" | "network_id" | "floating_network" | "floating_network_id") if kind.ends_with("FloatingIP") => {
            "elsewhere"
        }
        (_, "parts") => "[{config: 'echo hello'}]",
        (_, "server_id") => "{get_resource: second}",
        (_, "env" | "dns" | "cap_add" | "cap_drop" | "cmd" | "volumes_from" | "port_specs") => "['9=9']",
        _ => "sample",
    }
}

/// What another property says as well, or what nothing hangs on.
const SAME_EITHER_WAY: &[(&str, &str)] = &[
    // A handle is a name; a wait condition without one waits all the same.
    ("OS::Heat::WaitCondition", "handle"),
    ("AWS::CloudFormation::WaitCondition", "Handle"),
    // The address prefix says it already.
    ("OS::Neutron::SecurityGroupRule", "ethertype"),
];

#[test]
fn every_property_of_every_heat_type_changes_the_output_or_is_told() {
    let mut silent = Vec::new();
    for kind in heat::TYPES {
        for (property, _) in kind.properties {
            if SAME_EITHER_WAY.contains(&(kind.name, *property)) {
                continue;
            }
            let with = template(kind.name, property, Some(sample(kind.name, property)));
            let without = template(kind.name, property, None);
            if outcome(Kind::Heat, &[("t.yaml", with)]) == outcome(Kind::Heat, &[("t.yaml", without)]) {
                silent.push(format!("{} {property}", kind.name));
            }
        }
    }
    assert_eq!(silent, Vec::<String>::new());
}

#[test]
fn the_docker_container_has_its_25_properties() {
    let container = heat::TYPES
        .iter()
        .find(|kind| kind.name == "DockerInc::Docker::Container");
    assert_eq!(container.map(|kind| kind.properties.len()), Some(25));
}

#[test]
fn every_attribute_of_heat_parameters_resources_and_outputs_is_told() {
    let base = |parameter: &str, resource: &str, output: &str, section: &str| {
        let text = format!(
            "heat_template_version: 2018-08-31\nparameters: {{p: {{type: string, default: d{parameter}}}}}\nresources:\n  \
             box: {{type: 'DockerInc::Docker::Container', properties: {{image: {{get_param: p}}}}{resource}}}\n\
             outputs: {{o: {{value: v{output}}}}}\n{section}"
        );
        outcome(Kind::Heat, &[("t.yaml", text)])
    };
    let plain = base("", "", "", "");
    for attribute in [
        "label: l",
        "description: d",
        "hidden: true",
        "constraints: [{length: {max: 5}}]",
        "immutable: true",
        "tags: [a]",
        "schema: {}",
    ] {
        assert_ne!(base(&format!(", {attribute}"), "", "", ""), plain, "{attribute}");
    }
    for attribute in [
        "metadata: {a: b}",
        "deletion_policy: Retain",
        "update_policy: {a: b}",
        "external_id: x",
        "condition: c",
        "description: d",
    ] {
        assert_ne!(base("", &format!(", {attribute}"), "", ""), plain, "{attribute}");
    }
    for attribute in ["description: d", "condition: c"] {
        assert_ne!(base("", "", &format!(", {attribute}"), ""), plain, "{attribute}");
    }
    for section in ["description: d", "parameter_groups: []", "conditions: {c: true}"] {
        assert_ne!(base("", "", "", &format!("{section}\n")), plain, "{section}");
    }
}

/// A value of a key of a stack's service.
fn rancher_sample(key: &str) -> &'static str {
    match key {
        "build" => "{context: ., args: {a: b}}",
        "labels" | "sysctls" | "log_opt" | "metadata" | "service_schemas" | "storage_driver" | "network_driver" => {
            "{a: b}"
        }
        "environment" => "{A: b}",
        "health_check" => "{port: 80}",
        "lb_config" => "{port_rules: [{source_port: 80, target_port: 80, service: other}]}",
        "load_balancer_config" => "{haproxy_config: {global: x}}",
        "logging" => "{driver: x}",
        "networks" => "[front]",
        "secrets" => "[token]",
        "ulimits" => "{nproc: 5}",
        "upgrade_strategy" => "{batch_size: 2}",
        "scale_policy" => "{min: 2, max: 3}",
        "links" | "depends_on" => "[other]",
        "external_links" => "[a/b]",
        "external_ips" => "[192.0.2.1]",
        "volumes" => "['/a:/b']",
        "volumes_from" => "[other]",
        "disks" => "[{size: 10g}]",
        "net" | "network_mode" => "host",
        "start_on_create" => "false",
        "privileged" | "read_only" | "stdin_open" | "tty" | "init" | "oom_kill_disable" | "retain_ip" => "true",
        "scale"
        | "cpu_shares"
        | "cpu_quota"
        | "cpu_period"
        | "mem_swappiness"
        | "oom_score_adj"
        | "blkio_weight"
        | "drain_timeout_ms"
        | "milli_cpu_reservation" => "5",
        "extends" => "{service: other}",
        "restart" | "user" | "hostname" | "domainname" | "container_name" | "working_dir" | "pid" | "ipc" => "x",
        "memswap_limit" | "mem_limit" | "mem_reservation" | "shm_size" => "64m",
        _ => "[\"/x:5\"]",
    }
}

fn stack(key: &str, value: &str) -> String {
    let files = |first: &str, second: &str| {
        let first = format!("version: '2'\nservices:\n  web: {{image: x{first}}}\n  other: {{image: y}}\n");
        let second = format!("version: '2'\nservices:\n  web: {{{second}}}\n");
        outcome(
            Kind::Rancher,
            &[("docker-compose.yml", first), ("rancher-compose.yml", second)],
        )
    };
    match key.strip_prefix("rancher:") {
        Some(key) => files("", &format!("{key}: {value}")),
        None if key.is_empty() => files("", ""),
        None if key == "image" => files("yz", ""),
        None => files(&format!(", {key}: {value}"), ""),
    }
}

#[test]
fn every_key_of_a_rancher_service_changes_the_output_or_is_told() {
    let plain = stack("", "");
    let same = |key: &&str| stack(key, rancher_sample(key)) == plain;
    let silent: Vec<&str> = rancher::KEYS.iter().map(|(key, _)| *key).filter(same).collect();
    assert_eq!(silent, Vec::<&str>::new());
}

#[test]
fn every_part_of_health_checks_upgrades_and_balancers_changes_the_output_or_is_told() {
    let differs = |key: &str, base: &str, more: &str| {
        let with = stack(key, &base.replace("MORE", more));
        assert_ne!(with, stack(key, &base.replace("MORE", "")), "{key}: {more}");
    };
    for part in [
        "request_line: GET / HTTP/1.0",
        "interval: 5",
        "response_timeout: 5",
        "unhealthy_threshold: 5",
        "healthy_threshold: 5",
        "initializing_timeout: 5",
        "reinitializing_timeout: 5",
        "strategy: none",
        "recreate_on_quorum_strategy_config: {quorum: 1}",
        "name: x",
    ] {
        differs("health_check", "{port: 80, MORE}", part);
    }
    for part in [
        "batch_size: 3",
        "interval_millis: 3",
        "start_first: true",
        "launch_config: {a: b}",
        "previous_launch_config: {a: b}",
        "secondary_launch_configs: [a]",
        "previous_secondary_launch_configs: [a]",
    ] {
        differs("upgrade_strategy", "{MORE}", part);
    }
    for part in [
        "hostname: h",
        "path: /p",
        "protocol: tcp",
        "priority: 1",
        "backend_name: b",
    ] {
        let base = "{port_rules: [{source_port: 80, target_port: 81, service: other, MORE}]}";
        differs("lb_config", base, part);
    }
    for part in ["certs: [a, b]", "config: x", "stickiness_policy: {cookie: c}"] {
        differs(
            "lb_config",
            "{port_rules: [{source_port: 80, target_port: 81, service: other}], MORE}",
            part,
        );
    }
    let tls = "{port_rules: [{source_port: 80, target_port: 81, service: other, protocol: https}], MORE}";
    differs("lb_config", tls, "default_cert: a");
}

#[test]
fn a_hidden_default_is_in_no_output_and_no_message() {
    for default in [
        "hunter2secret",
        "'hunter2secret'",
        "\"hunter2secret\"",
        "|\n      hunter2secret\n      more hunter2secret",
    ] {
        let text = format!(
            "heat_template_version: 2018-08-31\nparameters:\n  p:\n    type: string\n    default: {default}\n    hidden: true\n\
             resources:\n  box:\n    type: DockerInc::Docker::Container\n    properties: {{image: x, env: [{{get_param: p}}], \
             labels: 1}}\n"
        );
        let masked = super::heat::without_secrets(Path::new("t.yaml"), &text);
        assert!(!masked.contains("hunter2"), "{masked}");
        assert_eq!(masked.len(), text.len());
        assert!(
            masked.contains("hidden: true") && masked.contains("type: string"),
            "{masked}"
        );
        let said = outcome(Kind::Heat, &[("t.yaml", text)]);
        assert!(!said.contains("hunter2"), "{said}");
    }
}

#[test]
fn what_is_written_is_not_torn_by_odd_values() {
    let env = "['A=yes', 'B=0440', 'C=on', 'D=1e3', 'E=# no comment', 'F=a: b', 'G=comment-0: null', \"H=x\\ny\"]";
    let text = format!(
        "heat_template_version: 2018-08-31\nresources:\n  box:\n    type: DockerInc::Docker::Container\n    properties: \
         {{image: x, stdin_once: true, env: {env}}}\n"
    );
    let read = |_: &Path| Err(io::Error::from(io::ErrorKind::NotFound));
    let files = vec![(PathBuf::from("t.yaml"), text)];
    let imported = import(&Request {
        files,
        from: None,
        read: &read,
        answers: None,
    })
    .expect("it imports");
    let loaded = crate::compose::testing::loaded(&imported.text);
    let environment = &loaded.project.services["box"].environment;
    let value = |name: &str| environment[name].clone().expect("it has a value");
    assert_eq!(
        ["A", "B", "C", "D", "E", "F", "G", "H"].map(value),
        [
            "yes",
            "0440",
            "on",
            "1e3",
            "# no comment",
            "a: b",
            "comment-0: null",
            "x\ny"
        ]
    );
    assert!(imported.text.contains("# stdin_once of box: true"), "{}", imported.text);
}
