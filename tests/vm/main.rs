//! Hoist on machines with a kernel of their own: AppArmor, virtual IPs, the routing mesh, encrypted networks, a reboot.
//!
//! Containers that act as hosts share this machine's kernel and show none of it. Slow: `make test-vm` runs it, and nothing else.
#![expect(clippy::print_stdout, reason = "the test prints the times that it takes")]

#[path = "../support/hoist_command.rs"]
#[expect(dead_code, reason = "other test binaries use the rest")]
mod hoist_command;
mod machines;
mod waiting;

use std::collections::BTreeSet;
use std::time::Duration;

use hoist_command::Folder;
use machines::{Machine, Machines};
use waiting::{get, wait_for};

const PUBLISHED: u16 = 8080;
const ROUTED: u16 = 8081;
const PATIENCE: Duration = Duration::from_secs(300);

fn compose(pool: &str, machines: &Machines) -> String {
    format!(
        r#"
x-pool: {{name: {pool}, managers: 1}}
x-hosts:
  vm: {group}
services:
  web:
    image: busybox
    command: [sh, -c, 'mkdir /page && hostname >/page/index.html && exec httpd -f -p 80 -h /page']
    ports: ["{PUBLISHED}:80"]
    x-ingress: {{port: 80, listen: {ROUTED}}}
    networks: [default, secret]
    healthcheck: {{test: [CMD, wget, -q, -O, /dev/null, "http://127.0.0.1/"], interval: 20s, timeout: 15s, retries: 5}}
    stop_grace_period: 1s
    deploy: {{replicas: 3, placement: {{max_replicas_per_node: 1}}}}
networks:
  secret:
    driver: overlay
    driver_opts: {{encrypted: ""}}
"#,
        group = machines.group()
    )
}

#[test]
fn a_project_on_virtual_machines_from_bare_to_nothing() {
    let machines = Machines::boot();
    let folder = Folder::new("vm");
    let service = format!("{}_web", folder.name);
    folder.compose(&compose(&folder.name, &machines));

    for machine in &machines.0 {
        assert_eq!(machine.root("cat /sys/module/apparmor/parameters/enabled"), "Y");
        let there = machine.root("command -v dockerd apparmor_parser iptables dbus-daemon || true");
        assert_eq!(there, "", "{} is not bare", machine.name);
    }
    let hosts = folder.hoist(&["--progress", "plain", "hosts", "up"]);
    println!("{}\nfrom bare to a cluster of three: {:.0?}", hosts.stderr, hosts.took);
    assert!(hosts.succeeds().stderr.contains("starting a first container"));
    be_patient(&machines);

    let up = folder.hoist(&["--progress", "plain", "up", "--wait-timeout", "1500"]);
    println!("{}\nfrom there to a project: {:.0?}", up.stderr, up.took);
    up.succeeds();

    containers_are_confined(&machines, &service);
    the_kernel_is_used(&machines, &service);
    every_machine_answers(&machines);
    replicas_talk_encrypted(&machines, &folder.name, &service);
    replicas_are_healthy(&machines, &service);

    let again = folder.hoist(&["--progress", "plain", "up"]);
    assert!(
        again.succeeds().stderr.contains("nothing to change"),
        "{}",
        again.stderr
    );
    println!("nothing to change: {:.1?}", again.took);

    a_machine_reboots(&machines, &folder, &service);
    the_first_container_is_run_where_the_engine_was_found(&machines, &folder);
    all_goes(&machines, &folder);
}

/// Emulated machines that start a container are silent for longer than the cluster waits for a host that works.
fn be_patient(machines: &Machines) {
    let manager = manager(machines);
    manager.root("docker swarm update --dispatcher-heartbeat 60s");
    // One that was silent for too long before is taken for dead until it is heard again.
    wait_for("all nodes are ready", PATIENCE * 2, || {
        let nodes = manager.try_root("docker node ls --format '{{.Status}}'")?;
        if nodes.lines().all(|status| status == "Ready") {
            Ok(())
        } else {
            Err(nodes)
        }
    });
}

/// Minimal machines lack the program that loads the profile; without it no container starts at all.
fn containers_are_confined(machines: &Machines, service: &str) {
    for machine in &machines.0 {
        let [id] = &machine.containers(service)[..] else {
            panic!("{} has not one replica", machine.name)
        };
        let process = machine.root(&format!("docker inspect --format '{{{{.State.Pid}}}}' {id}"));
        assert_eq!(
            machine.root(&format!("cat /proc/{process}/attr/current")),
            "docker-default (enforce)"
        );
        assert_eq!(leftovers(machine), "");
    }
}

/// What a first container may leave behind.
fn leftovers(machine: &Machine) -> String {
    machine.root(
        "docker ps --all --quiet --filter name=hoist-first-container; docker images --quiet hoist-first-container; \
         docker images --quiet --filter dangling=true",
    )
}

/// Virtual IPs and the routing mesh need IPVS, which no local host has.
fn the_kernel_is_used(machines: &Machines, service: &str) {
    let manager = manager(machines);
    for label in ["dev.hoist.ipvs", "dev.hoist.esp"] {
        let labels = manager.root(&format!(
            "docker node ls --quiet | xargs docker node inspect --format '{{{{index .Spec.Labels \"{label}\"}}}}'"
        ));
        assert_eq!(labels.lines().collect::<Vec<_>>(), ["true"; 3], "{label}");
    }
    let mode = manager.root(&format!(
        "docker service inspect --format '{{{{.Spec.EndpointSpec.Mode}}}} {{{{(index .Endpoint.Ports 0).PublishMode}}}}' {service}"
    ));
    assert_eq!(mode, "vip ingress");
}

fn manager(machines: &Machines) -> &Machine {
    let manages = |machine: &&Machine| machine.root("docker info --format '{{.Swarm.ControlAvailable}}'") == "true";
    machines.0.iter().find(manages).unwrap()
}

/// Each machine passes connections on to the replicas of all, at the published port and at the ingress route.
fn every_machine_answers(machines: &Machines) {
    for machine in &machines.0 {
        for port in [PUBLISHED, ROUTED] {
            let mut seen = BTreeSet::new();
            let what = format!("port {port} of {} reaches all replicas", machine.name);
            let (_, took) = wait_for(&what, PATIENCE, || {
                seen.insert(get(&machine.address, port)?);
                if seen.len() == 3 {
                    Ok(())
                } else {
                    Err(format!("{seen:?}"))
                }
            });
            println!("{what}: {took:.1?}");
        }
    }
}

/// Over the encrypted network, from each machine to the replica of each other one, by address and by the virtual IP.
fn replicas_talk_encrypted(machines: &Machines, project: &str, service: &str) {
    let network = format!("{project}_secret");
    let options = manager(machines).root(&format!("docker network inspect --format '{{{{.Options}}}}' {network}"));
    assert!(options.contains("encrypted"), "{options}");
    let replicas: Vec<(String, String)> = machines
        .0
        .iter()
        .map(|machine| {
            let id = machine.containers(service).remove(0);
            let format = format!("{{{{(index .NetworkSettings.Networks \"{network}\").IPAddress}}}}");
            (
                id.clone(),
                machine.root(&format!("docker inspect --format '{format}' {id}")),
            )
        })
        .collect();
    for (machine, (own, _)) in machines.0.iter().zip(&replicas) {
        for (other, address) in &replicas {
            let asked = || machine.try_root(&format!("docker exec {own} wget -q -T 20 -O - http://{address}/"));
            let (name, _) = wait_for("a replica answers another", PATIENCE, asked);
            assert!(other.starts_with(&name), "{name} answers at the address of {other}");
        }
        let mut seen = BTreeSet::new();
        wait_for("the service's name reaches all replicas", PATIENCE, || {
            seen.insert(machine.try_root(&format!("docker exec {own} wget -q -T 20 -O - http://web/"))?);
            if seen.len() == 3 {
                Ok(())
            } else {
                Err(format!("{seen:?}"))
            }
        });
        let state = machine.root("ip -s xfrm state");
        let others = machines.0.iter().filter(|other| other.name != machine.name);
        for other in others {
            for way in [
                format!("src {} dst {}", machine.address, other.address),
                format!("src {} dst {}", other.address, machine.address),
            ] {
                assert!(
                    packets(&state, &way) > 0,
                    "{}: {way} carried nothing:\n{state}",
                    machine.name
                );
            }
        }
    }
}

/// The packets that all security associations of one direction have carried (`ip -s xfrm state`).
fn packets(state: &str, way: &str) -> u64 {
    let mut counted = 0;
    let mut lines = state.lines();
    let mut this_way = false;
    while let Some(line) = lines.next() {
        if line.starts_with("src ") {
            this_way = line.trim() == way;
        } else if this_way && line.trim() == "lifetime current:" {
            // `  1234(bytes), 12(packets)`
            let numbers = lines.next().unwrap_or_default();
            let number = numbers.split(", ").nth(1).and_then(|part| part.split('(').next());
            counted += number.and_then(|number| number.trim().parse::<u64>().ok()).unwrap_or(0);
        }
    }
    counted
}

fn replicas_are_healthy(machines: &Machines, service: &str) {
    for machine in &machines.0 {
        let id = machine.containers(service).remove(0);
        let health = machine.root(&format!("docker inspect --format '{{{{.State.Health.Status}}}}' {id}"));
        assert_eq!(health, "healthy", "{}", machine.name);
    }
}

fn a_machine_reboots(machines: &Machines, folder: &Folder, service: &str) {
    let machine = &machines.0[2];
    println!("{} answers again {:.0?} after a reboot", machine.name, machine.reboot());
    let (_, took) = wait_for("its replica runs and is healthy again", PATIENCE * 2, || {
        let ids = machine.try_root(&format!(
            "docker ps --quiet --filter health=healthy --filter label=com.docker.swarm.service.name={service}"
        ))?;
        if ids.is_empty() {
            Err("not yet".to_owned())
        } else {
            Ok(())
        }
    });
    println!("its replica is healthy again {took:.0?} after that");
    let nodes = manager(machines).root("docker node ls --format '{{.Status}}'");
    assert_eq!(nodes.lines().collect::<Vec<_>>(), ["Ready"; 3]);
    every_machine_answers(machines);
    let up = folder.hoist(&["--progress", "plain", "up"]);
    assert!(up.succeeds().stderr.contains("nothing to change"), "{}", up.stderr);
    let confined = machine.containers(service).remove(0);
    let profile = machine.root(&format!(
        "docker inspect --format '{{{{.AppArmorProfile}}}}' {confined}"
    ));
    assert_eq!(profile, "docker-default");
}

/// An engine that was there before is checked the same way: where nothing may be installed, the failure says what is missing.
fn the_first_container_is_run_where_the_engine_was_found(machines: &Machines, folder: &Folder) {
    let machine = &machines.0[2];
    let parser = machine.root("command -v apparmor_parser");
    // A profile that the kernel has already needs no program.
    machine.root(&format!(
        "mv {parser} {parser}.away && rm /etc/hoist/first-container && \
         printf docker-default >/sys/kernel/security/apparmor/.remove"
    ));
    let kept = std::fs::read_to_string(folder.path("compose.yaml")).unwrap();
    folder.compose(&kept.replace("x-pool: {", "x-pool: {docker: {install: never}, "));
    let refused = folder.hoist(&["--progress", "plain", "hosts", "up"]);
    refused.fails(
        28,
        &[
            "host `vm-3`: its engine cannot run a container:",
            "install the package `apparmor`",
        ],
    );
    assert!(refused.stderr.contains("apparmor_parser"), "{}", refused.stderr);
    assert_eq!(leftovers(machine), "");

    // The package counts as installed, so that the host is mended by hand.
    machine.root(&format!("mv {parser}.away {parser}"));
    folder.hoist(&["--progress", "plain", "hosts", "up"]).succeeds();
    be_patient(machines);
    let written = machine.root("cat /etc/hoist/first-container");
    assert!(written.contains("apparmor=true"), "{written}");
    folder.compose(&kept);
}

fn all_goes(machines: &Machines, folder: &Folder) {
    let down = folder.hoist(&["--progress", "plain", "down", "-v"]);
    down.succeeds();
    println!("down: {:.0?}", down.took);
    for machine in &machines.0 {
        assert_eq!(machine.root("docker ps --all --quiet"), "", "{}", machine.name);
        get(&machine.address, PUBLISHED).unwrap_err();
        get(&machine.address, ROUTED).unwrap_err();
    }
    let networks = manager(machines).root("docker network ls --filter driver=overlay --format '{{.Name}}'");
    assert_eq!(networks, "ingress");
}

#[test]
fn packets_of_one_direction_are_counted() {
    let state = "src 10.0.0.1 dst 10.0.0.2\n\tproto esp spi 0x1 reqid 13681891 mode transport\n\tlifetime current:\n\t  \
                 960(bytes), 8(packets)\n\t  add 2026 use 2026\nsrc 10.0.0.2 dst 10.0.0.1\n\tlifetime current:\n\t  0(bytes), 0(packets)\n";
    assert_eq!(packets(state, "src 10.0.0.1 dst 10.0.0.2"), 8);
    assert_eq!(packets(state, "src 10.0.0.2 dst 10.0.0.1"), 0);
}
