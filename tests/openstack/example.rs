//! The whole way, with `compose-examples/openstack-mysql/` as it stands: from an empty cloud to a page that a replica on a
//! server of Nova's serves, and back.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::cloud::{Cloud, OUTSIDER, assert_tagged, inside, run, words};
use crate::laboratory::{Laboratory, name_server, repository};

const POOL: &str = "openstack-mysql";
/// The subnet's gateway, where connections from outside come through; the example's `allow`.
const OPERATOR: &str = "10.0.3.1";

/// Another project on the same pool.
const NEIGHBOUR: &str = "
x-pool: {name: openstack-mysql}
services:
  quiet:
    image: busybox:latest
    command: [sh, -c, \"trap 'exit 0' TERM; tail -f /dev/null & wait\"]
    ports: ['8081:81']
";

/// The example with images that need no registry, and the same operator as everywhere.
fn laboratory() -> Laboratory {
    let mut laboratory = Laboratory::new();
    let example = repository("compose-examples/openstack-mysql");
    let compose = fs::read_to_string(example.join("compose.yaml")).unwrap();
    laboratory.write_file("project/compose.yaml", &compose);
    let cloud = compose.split_once("\nservices:").unwrap().0;
    let cloud = cloud.replace("name: openstack-mysql\n", "name: neighbour\n");
    laboratory.write_file("neighbour/compose.yaml", &format!("{cloud}\n{NEIGHBOUR}"));
    for image in ["mysql", "wordpress"] {
        let tag = format!("hoist-test-{image}");
        let folder = repository("tests/openstack/images").join(image);
        run(Command::new("docker")
            .args(["build", "--quiet", "--tag", &tag])
            .arg(folder));
        laboratory.set(&format!("{}_IMAGE", image.to_uppercase()), &tag);
    }
    for (name, value) in [
        ("OS_CLOUD", "lab"),
        ("OPERATOR", &format!("{OPERATOR}/32")),
        ("MYSQL_PASSWORD", "correct horse"),
        ("NAME_SERVER", &name_server()),
    ] {
        laboratory.set(name, value);
    }
    laboratory
}

/// Ends a first `up` while Docker is being installed.
fn cut_off_while_docker_is_installed(laboratory: &Laboratory) {
    let mut command = laboratory.command_in("project", &["up"]);
    let mut running = command.stdout(Stdio::null()).spawn().unwrap();
    let lines = BufReader::new(running.stderr.take().unwrap()).lines();
    let said: Vec<String> = lines
        .map(Result::unwrap)
        .take_while(|line| !line.contains("installing Docker"))
        .collect();
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(running.try_wait().unwrap(), None, "{said:#?}");
    running.kill().unwrap();
    running.wait().unwrap();
}

/// What the Heat template of this kind makes, as the official client tells it. Gives the servers' floating addresses.
#[track_caller]
fn assert_made(cloud: &Cloud) -> [String; 2] {
    assert_tagged(&cloud.inventory(), POOL);
    let [
        network,
        subnets,
        router,
        public,
        ports,
        keypairs,
        addresses,
        database,
        front,
    ] = cloud.ask_all([
        "network show mysql",
        "subnet list --network mysql --long",
        "router show openstack-mysql",
        "network show public",
        "port list --network mysql",
        "keypair list",
        "floating ip list --long",
        "server show openstack-mysql-database-1",
        "server show openstack-mysql-front-1",
    ]);
    let rows = |list: Value| match list {
        Value::Array(rows) => rows,
        other => panic!("{other}"),
    };
    let subnet = &subnets[0];
    assert_eq!(
        [&subnet["Subnet"], &subnet["DHCP"]],
        [&Value::from("10.0.3.0/24"), &Value::from(true)],
        "{subnet:#}"
    );
    assert_eq!(network["subnets"], Value::from(vec![subnet["ID"].clone()]));
    assert_eq!(
        router["external_gateway_info"]["network_id"], public["id"],
        "{router:#}"
    );
    assert_eq!(router["interfaces_info"][0]["subnet_id"], subnet["ID"], "{router:#}");
    assert_eq!(router["interfaces_info"][0]["ip_address"], OPERATOR);

    let ports = rows(ports);
    let names: BTreeSet<&str> = ports.iter().map(|port| port["Name"].as_str().unwrap()).collect();
    let of_hosts = ["openstack-mysql-database-1", "openstack-mysql-front-1"];
    assert_eq!(
        names,
        BTreeSet::from([of_hosts[0], of_hosts[1], "openstack-mysql-router"])
    );
    assert!(
        ports
            .iter()
            .all(|port| port["Status"] == "ACTIVE" || port["Name"] == "openstack-mysql-router"),
        "{ports:#?}"
    );
    let addresses = rows(addresses);
    assert_eq!(addresses.len(), 2, "{addresses:#?}");
    [database, front].map(|server| {
        let host = &server["name"];
        assert_eq!(
            [&server["status"], &server["key_name"]],
            [&Value::from("ACTIVE"), &keypairs[0]["Name"]],
            "{server:#}"
        );
        assert_eq!(
            server["security_groups"][0]["name"], "hoist-openstack-mysql",
            "{server:#}"
        );
        let port = ports.iter().find(|port| port["Name"] == *host).unwrap();
        let address = addresses.iter().find(|address| address["Port"] == port["ID"]).unwrap();
        assert_eq!(
            [&address["Status"], &address["Router"]],
            [&Value::from("ACTIVE"), &router["id"]]
        );
        address["Floating IP Address"].as_str().unwrap().to_owned()
    })
}

/// What is let in, as `PORT/PROTOCOL from WHOM`, with what the rule is for where that is a project.
fn rules(cloud: &Cloud) -> BTreeSet<String> {
    let list = [
        "security",
        "group",
        "rule",
        "list",
        "hoist-openstack-mysql",
        "--ingress",
        "--long",
    ];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let rows = cloud.ask(&list);
    rows.as_array()
        .unwrap()
        .iter()
        .map(|rule| {
            let from = match rule["Remote Security Group"].as_str() {
                Some(_) => "the hosts".to_owned(),
                None => text(&rule["IP Range"]),
            };
            let port = text(&rule["Port Range"]).split(':').next().unwrap().to_owned();
            format!("{port}/{} from {from}", text(&rule["IP Protocol"]))
        })
        .collect()
}

/// The ports of a server that say anything at all to this address, be it that nobody listens.
fn answering(from: &str, server: &str, ports: &BTreeSet<u16>) -> BTreeSet<u16> {
    let script = "
import concurrent.futures, socket, sys
def answers(port):
    try:
        socket.create_connection((sys.argv[2], port), 2, (sys.argv[1], 0)).close()
    except ConnectionError:
        pass
    except OSError:
        return None
    return port
with concurrent.futures.ThreadPoolExecutor(200) as pool:
    print(*[port for port in pool.map(answers, map(int, sys.argv[3:])) if port])
";
    let mut python = inside("/usr/bin/python3");
    python
        .args(["-c", script, from, server])
        .args(ports.iter().map(u16::to_string));
    run(&mut python)
        .split_whitespace()
        .map(|port| port.parse().unwrap())
        .collect()
}

#[track_caller]
fn assert_only_what_is_published_answers(laboratory: &Laboratory, servers: &[String; 2]) {
    for (server, published) in servers.iter().zip([None, Some(80)]) {
        let listening = laboratory.on(server, "ss -Hltn | awk '{print $4}' | sed 's/.*://'");
        let listening: BTreeSet<u16> = listening.lines().map(|port| port.parse().unwrap()).collect();
        assert!(
            listening.is_superset(&BTreeSet::from([22, 2376, 7946])),
            "{listening:?}"
        );
        let mut asked: BTreeSet<u16> = (1..1024).chain([2375, 2376, 2377, 3306, 4789, 7946, 8080]).collect();
        asked.extend(&listening);
        let answers = answering(OUTSIDER, server, &asked);
        // Where the engine publishes on the replica's host only, the other says nothing at all.
        assert!(answers.iter().all(|port| *port == 80), "{answers:?} of {listening:?}");
        assert!(published.is_none_or(|port| answers.contains(&port)), "{answers:?}");
        let answers = answering(OPERATOR, server, &listening);
        assert!(answers.is_superset(&BTreeSet::from([22, 2376])), "{answers:?}");
        assert!(answers.is_subset(&BTreeSet::from([22, 80, 2376])), "{answers:?}");
    }
}

/// Asks for the page until there is one.
fn page(address: &str) -> String {
    let began = Instant::now();
    loop {
        let mut curl = inside("curl");
        curl.args(["--silent", "--fail", "--max-time", "10", "--interface", OUTSIDER]);
        let output = curl.arg(format!("http://{address}/")).output().unwrap();
        if output.status.success() {
            return words(&output);
        }
        assert!(began.elapsed() < Duration::from_secs(30), "{output:?}");
        std::thread::sleep(Duration::from_millis(500));
    }
}

#[test]
fn one_file_goes_from_an_empty_cloud_to_a_page_and_back() {
    let laboratory = laboratory();
    let cloud = &laboratory.cloud;
    cut_off_while_docker_is_installed(&laboratory);
    laboratory.done(&["up"]);
    let servers = assert_made(cloud);
    let expected = [
        "22/tcp from 10.0.3.1/32",
        "2376/tcp from 10.0.3.1/32",
        "2377/tcp from the hosts",
        "7946/tcp from the hosts",
        "7946/udp from the hosts",
        "4789/udp from the hosts",
        "80/tcp from 0.0.0.0/0",
        "80/tcp from ::/0",
    ];
    let expected = BTreeSet::from(expected.map(str::to_owned));
    assert_eq!(rules(cloud), expected);
    assert_only_what_is_published_answers(&laboratory, &servers);

    let first = page(&servers[1]);
    let replica = first
        .trim()
        .strip_prefix("visit 1, served by ")
        .unwrap_or_else(|| panic!("{first}"));
    let running = laboratory.on(
        &servers[1],
        "sudo docker ps --quiet --filter label=com.docker.compose.service=wordpress",
    );
    assert_eq!(running.trim(), replica, "the replica that served it runs on the server");
    assert!(page(&servers[1]).starts_with("visit 2, "), "the database keeps count");

    // Nothing to do, and nothing done: a handful of lists, the login included.
    let there = cloud.inventory();
    let calls = cloud.watch();
    let said = laboratory.done(&["up"]);
    let asked = calls.of_hoist();
    assert!(asked.len() <= 8, "{} calls: {asked:#?} {said}", asked.len());
    assert_eq!(cloud.inventory(), there);

    // A second project opens its port, is not overlooked when the hosts are to go, and closes its port again.
    run(&mut laboratory.command_in("neighbour", &["up"]));
    let mut with_neighbour = expected.clone();
    with_neighbour.extend(["8081/tcp from 0.0.0.0/0".to_owned(), "8081/tcp from ::/0".to_owned()]);
    assert_eq!(rules(cloud), with_neighbour);
    let refused = laboratory.hoist(&["down", "-v", "--hosts"]);
    let said = words(&refused);
    assert!(
        !refused.status.success() && said.contains("neighbour") && said.contains("--force"),
        "{said}"
    );
    assert!(
        page(&servers[1]).starts_with("visit 3, "),
        "a refusal takes nothing down"
    );
    assert_eq!(cloud.inventory()["servers"], there["servers"]);
    run(&mut laboratory.command_in("neighbour", &["down"]));
    assert_eq!(rules(cloud), expected);

    laboratory.down_to_nothing();
    let lists = [
        "server",
        "network",
        "subnet",
        "router",
        "port",
        "floating ip",
        "keypair",
    ];
    let left = cloud.ask_all(lists.map(|kind| format!("{kind} list")).each_ref().map(String::as_str));
    for (kind, left) in lists.iter().zip(left) {
        // The network that servers are reached through was there, and its subnet is not the project's to see.
        let left = left
            .as_array()
            .unwrap()
            .iter()
            .filter(|thing| thing["Name"] != "public")
            .count();
        assert_eq!(left, 0, "{kind}");
    }
}
