use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::container;
use crate::compose::Project;
use crate::compose::testing::loaded;
use crate::plan::runtime::{self, Runtime};
use crate::plan::{ContainerPlan, Readiness};

fn project(attributes: &str) -> Project {
    let text = format!(
        "services:\n  web: {{image: x, {attributes}}}\n  db: {{image: y}}\n  store: {{image: z, network_mode: bridge}}\nnetworks: {{back: {{}}}}\n"
    );
    let loaded = loaded(&text);
    let refused = loaded.refused.iter().map(|found| &found.message).collect::<Vec<_>>();
    assert!(refused.is_empty(), "{attributes}: {refused:?}");
    loaded.project
}

fn planned(attributes: &str) -> ContainerPlan {
    let project = project(attributes);
    let service = &project.services["web"];
    container(&project, service, 1, "here", Readiness::Running, &[], &BTreeMap::new())
}

/// An attribute, where the request to the engine says it, and what it says there.
fn beyond_swarm() -> Vec<(&'static str, &'static str, Value)> {
    let host = |field: &str| &*format!("/HostConfig/{field}").leak();
    let default = |field: &str| &*format!("/NetworkingConfig/EndpointsConfig/app_default/{field}").leak();
    vec![
        ("blkio_config: {weight: 300}", host("BlkioWeight"), json!(300)),
        (
            "blkio_config: {weight_device: [{path: /dev/sda, weight: 400}]}",
            host("BlkioWeightDevice"),
            json!([{"Path": "/dev/sda", "Weight": 400}]),
        ),
        (
            "blkio_config: {device_read_bps: [{path: /dev/sda, rate: 12mb}]}",
            host("BlkioDeviceReadBps"),
            json!([{"Path": "/dev/sda", "Rate": 12_582_912}]),
        ),
        (
            "blkio_config: {device_read_iops: [{path: /dev/sda, rate: 120}]}",
            host("BlkioDeviceReadIOps"),
            json!([{"Path": "/dev/sda", "Rate": 120}]),
        ),
        (
            "blkio_config: {device_write_bps: [{path: /dev/sda, rate: 1k}]}",
            host("BlkioDeviceWriteBps"),
            json!([{"Path": "/dev/sda", "Rate": 1024}]),
        ),
        (
            "blkio_config: {device_write_iops: [{path: /dev/sda, rate: '30'}]}",
            host("BlkioDeviceWriteIOps"),
            json!([{"Path": "/dev/sda", "Rate": 30}]),
        ),
        ("cgroup: private", host("CgroupnsMode"), json!("private")),
        ("cgroup_parent: m-executor", host("CgroupParent"), json!("m-executor")),
        ("cpu_period: 50000", host("CpuPeriod"), json!(50_000)),
        ("cpu_quota: 25000", host("CpuQuota"), json!(25_000)),
        ("cpu_rt_period: 1000000", host("CpuRealtimePeriod"), json!(1_000_000)),
        ("cpu_rt_runtime: 950000", host("CpuRealtimeRuntime"), json!(950_000)),
        ("cpu_shares: '73'", host("CpuShares"), json!(73)),
        ("cpuset: '0-2,5'", host("CpusetCpus"), json!("0-2,5")),
        (
            "device_cgroup_rules: ['c 1:3 mr', 'a 7:* rmw']",
            host("DeviceCgroupRules"),
            json!(["c 1:3 mr", "a 7:* rmw"]),
        ),
        (
            "gpus: all",
            host("DeviceRequests"),
            json!([{"Count": -1, "Capabilities": [["gpu"]]}]),
        ),
        (
            "gpus: [{driver: nvidia, device_ids: [a, b], capabilities: [utility], options: {virtualization: 'false'}}]",
            host("DeviceRequests"),
            json!([{
                "Driver": "nvidia", "DeviceIDs": ["a", "b"], "Capabilities": [["utility", "gpu"]],
                "Options": {"virtualization": "false"},
            }]),
        ),
        (
            "deploy: {resources: {reservations: {devices: [{capabilities: [gpu, tpu], count: 2}]}}}",
            host("DeviceRequests"),
            json!([{"Count": 2, "Capabilities": [["gpu", "tpu"]]}]),
        ),
        (
            "external_links: ['cache:redis']",
            default("Links"),
            json!(["cache:redis"]),
        ),
        ("memswap_limit: -1", host("MemorySwap"), json!(-1)),
        ("memswap_limit: 1g", host("MemorySwap"), json!(1_073_741_824)),
        ("mem_swappiness: 0", host("MemorySwappiness"), json!(0)),
        (
            "mac_address: '02:42:ac:11:00:05'",
            default("MacAddress"),
            json!("02:42:ac:11:00:05"),
        ),
        (
            "mac_address: '02:42:ac:11:00:05', networks: {default: {}, back: {priority: 10}}",
            "/NetworkingConfig/EndpointsConfig/app_back/MacAddress",
            json!("02:42:ac:11:00:05"),
        ),
        (
            "mac_address: '02:42:ac:11:00:05', network_mode: bridge",
            "/NetworkingConfig/EndpointsConfig/bridge/MacAddress",
            json!("02:42:ac:11:00:05"),
        ),
        ("oom_kill_disable: true", host("OomKillDisable"), json!(true)),
        ("runtime: runsc", host("Runtime"), json!("runsc")),
        ("storage_opt: {size: 1G}", host("StorageOpt"), json!({"size": "1G"})),
        ("uts: host", host("UTSMode"), json!("host")),
        (
            "volumes_from: [db, 'db:ro', 'container:backup', 'container:backup:rw']",
            host("VolumesFrom"),
            json!(["service:db", "service:db:ro", "backup", "backup:rw"]),
        ),
        (
            "networks: {default: {mac_address: '02:42:ac:11:00:06'}}",
            default("MacAddress"),
            json!("02:42:ac:11:00:06"),
        ),
        (
            "networks: {default: {link_local_ips: [169.254.8.8]}}",
            default("IPAMConfig/LinkLocalIPs"),
            json!(["169.254.8.8"]),
        ),
        ("networks: {default: {gw_priority: 7}}", default("GwPriority"), json!(7)),
        (
            "networks: {default: {interface_name: eth7}}",
            default("DriverOpts"),
            json!({"com.docker.network.endpoint.ifname": "eth7"}),
        ),
        (
            "volumes: [{type: bind, source: /a, target: /b, bind: {recursive: disabled}}]",
            host("Mounts/0/BindOptions/NonRecursive"),
            json!(true),
        ),
        (
            "volumes: [{type: bind, source: /a, target: /b, read_only: true, bind: {recursive: writable}}]",
            host("Mounts/0/BindOptions/ReadOnlyNonRecursive"),
            json!(true),
        ),
        (
            "volumes: [{type: bind, source: /a, target: /b, read_only: true, bind: {recursive: readonly}}]",
            host("Mounts/0/BindOptions/ReadOnlyForceRecursive"),
            json!(true),
        ),
        (
            "post_start: [{command: [./warm, up], user: '1000', working_dir: /srv, environment: {A: b, C: ''}}]",
            "/Labels/dev.hoist.post-start",
            json!(r#"[{"Env":["A=b","C="],"Cmd":["./warm","up"],"User":"1000","WorkingDir":"/srv"}]"#),
        ),
        (
            "pre_stop: [{command: sync now, privileged: true}, {command: [bye]}]",
            "/Labels/dev.hoist.pre-stop",
            json!(r#"[{"Cmd":["sync","now"],"Privileged":true},{"Cmd":["bye"]}]"#),
        ),
    ]
}

/// Those that both runtimes have, or that Swarm services do without.
fn both() -> Vec<(&'static str, &'static str, Value)> {
    vec![
        (
            "mem_reservation: 32m",
            "/HostConfig/MemoryReservation",
            json!(33_554_432),
        ),
        (
            "networks: {default: {driver_opts: {com.example.speed: 10}}}",
            "/NetworkingConfig/EndpointsConfig/app_default/DriverOpts",
            json!({"com.example.speed": "10"}),
        ),
        (
            "links: ['db:database']",
            "/NetworkingConfig/EndpointsConfig/app_default/Links",
            json!(["db:database", "db:db-1", "db:app-db-1"]),
        ),
    ]
}

#[test]
fn the_engine_is_asked_for_what_the_file_says() {
    for (attributes, path, expected) in beyond_swarm().into_iter().chain(both()) {
        let body = json!(planned(attributes).body);
        assert_eq!(body.pointer(path), Some(&expected), "{attributes}: {body:#}");
    }
}

#[test]
fn a_pool_runs_as_containers_what_swarm_has_no_word_for() {
    let runtime = |attributes: &str| runtime::of(&project(attributes).services["web"]).unwrap();
    for (attributes, ..) in beyond_swarm() {
        let Runtime::Container {
            because: Some(attribute),
        } = runtime(attributes)
        else {
            panic!("{attributes} runs as a Swarm service");
        };
        let last = attribute.rsplit('.').next().unwrap_or_default();
        assert!(
            attributes.contains(last),
            "{attributes} runs as containers because of {attribute}"
        );
    }
    for (attributes, ..) in both() {
        assert_eq!(runtime(attributes), Runtime::Service, "{attributes}");
    }
}

#[test]
fn links_on_the_engines_own_bridge_go_by_the_names_of_containers() {
    let project = project("network_mode: bridge, links: [store, 'store:data'], external_links: [cache]");
    let service = &project.services["web"];
    let planned = container(&project, service, 1, "here", Readiness::Running, &[], &BTreeMap::new());
    let body = json!(planned.body);
    let expected = json!(["app-store-1:store", "app-store-1:data", "cache:cache"]);
    assert_eq!(body.pointer("/HostConfig/Links"), Some(&expected));
    assert_eq!(body.pointer("/NetworkingConfig"), None);
}

#[test]
fn a_hardware_address_that_cannot_be_is_refused_at_its_place() {
    let cases = [
        (
            "network_mode: host",
            "`mac_address` has no network to be of: `network_mode` is `host`",
        ),
        (
            "networks: {default: {mac_address: '02:42:ac:11:00:06'}}",
            "`mac_address` says `02:42:ac:11:00:05`, and that of the network `default` says `02:42:ac:11:00:06`",
        ),
    ];
    for (other, expected) in cases {
        let text = format!("services:\n  web: {{image: x, mac_address: '02:42:ac:11:00:05', {other}}}\n");
        let refused: Vec<String> = loaded(&text).refused.into_iter().map(|found| found.message).collect();
        assert_eq!(refused, [expected]);
    }
}
