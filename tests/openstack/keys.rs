//! The keys of `x-openstack` that docker-machine's driver had as flags, each set and found again on the server.

use serde_json::Value;

use crate::cloud::{run, words};
use crate::laboratory::{Laboratory, STOPS_AT_DOCKER};

/// All but the ways to say who one is and where the cloud is, which are variables here as they were there.
const COMPOSE: &str = "
name: trial
x-openstack:
  region: RegionOne
  interface: public
  insecure: false
  availability_zone: nova
  image: {id: IMAGE}
  flavor: {name: m1.small}
  keypair: operators
  private_key_file: ./operators-key
  user_data: ./first-boot.yaml
  network: {name: legacy, subnet: legacy}
  security_groups: [intranet, {name: monitoring}]
  floating_ip: public
  ip_version: 4
  user: debian
  port: 2222
  timeout: 3m
  config_drive: true
  metadata: {owner: web-team, tier: front}
  server_group: {name: apart}
  root_disk: 10
  allow: [10.77.0.1/32]
x-hosts: {web: {openstack: {}}}
services: {page: {image: registry.invalid/page}}
";

const FIRST_BOOT: &str = "#cloud-config
write_files:
  - {path: /etc/ssh/sshd_config.d/port.conf, content: \"Port 2222\\n\"}
runcmd:
  - [systemctl, restart, ssh]
";

/// A network of somebody's, with its way out, and what else the file names.
fn prepare(laboratory: &Laboratory) {
    let cloud = &laboratory.cloud;
    let public = laboratory.home().join(".ssh/id_ed25519.pub");
    cloud.typed(&format!(
        "network create legacy
        subnet create --network legacy --subnet-range 10.77.0.0/24 legacy
        router create --external-gateway public legacy
        router add subnet legacy legacy
        security group create intranet
        security group create monitoring
        server group create --policy anti-affinity apart
        keypair create --public-key {} operators\n",
        public.display()
    ));
    let [image] = cloud.ask_all(["image show debian-12"]);
    let compose = COMPOSE.replace("IMAGE", image["id"].as_str().unwrap());
    laboratory.write_file("project/compose.yaml", &format!("{compose}{STOPS_AT_DOCKER}\n"));
    laboratory.write_file("project/first-boot.yaml", FIRST_BOOT);
    // The key is where the file says, and nowhere else.
    let (key, there) = (
        laboratory.home().join(".ssh/id_ed25519"),
        laboratory.home().with_file_name("project/operators-key"),
    );
    std::fs::rename(key, there).unwrap();
}

#[test]
fn each_flag_of_docker_machine_is_a_key_and_reaches_the_server() {
    let mut laboratory = Laboratory::new();
    prepare(&laboratory);
    let before = laboratory.cloud.inventory();
    laboratory.unset("OS_CLIENT_CONFIG_FILE");
    for (name, value) in [
        ("OS_AUTH_URL", "http://127.0.0.1:5000/v3"),
        ("OS_USERNAME", "demo"),
        ("OS_PASSWORD", "lab"),
        ("OS_PROJECT_NAME", "demo"),
        ("OS_USER_DOMAIN_NAME", "Default"),
        ("OS_PROJECT_DOMAIN_NAME", "Default"),
    ] {
        laboratory.set(name, value);
    }
    laboratory.up_to_docker();

    let cloud = &laboratory.cloud;
    let [server, apart, rules] = cloud.ask_all([
        "server show trial-web-1",
        "server group list --long",
        "security group rule list hoist-trial --ingress",
    ]);
    assert_eq!(server["OS-EXT-AZ:availability_zone"], "nova");
    assert!(
        server["image"].as_str().unwrap().starts_with("debian-12 "),
        "{server:#}"
    );
    assert!(server["flavor"].to_string().contains("m1.small"), "{server:#}");
    assert_eq!(server["key_name"], "operators");
    assert_eq!(server["config_drive"], "True", "{server:#}");
    let properties = server["properties"].as_object().unwrap();
    assert_eq!([&properties["owner"], &properties["tier"]], ["web-team", "front"]);
    let addresses: Vec<&Value> = server["addresses"]["legacy"].as_array().unwrap().iter().collect();
    assert_eq!(addresses.len(), 2, "its own and a floating one: {server:#}");
    let groups = server["security_groups"].to_string();
    for group in ["intranet", "monitoring", "hoist-trial"] {
        assert!(groups.contains(group), "{groups}");
    }
    assert!(
        apart[0]["Members"].to_string().contains(server["id"].as_str().unwrap()),
        "{apart}"
    );
    let range = |port: &str| {
        rules
            .as_array()
            .unwrap()
            .iter()
            .any(|rule| rule["Port Range"] == format!("{port}:{port}"))
    };
    assert!(range("2222") && range("2376") && !range("22"), "{rules:#}");

    // Nothing is made of what the file names, and nothing of it goes.
    laboratory.done(&["down", "--hosts"]);
    assert_eq!(laboratory.cloud.inventory(), before);
}

#[test]
fn application_credentials_and_tokens_open_the_cloud_too() {
    let mut laboratory = Laboratory::with("x-hosts: {web: {openstack: {}}}\nservices: {page: {image: busybox}}\n");
    let listed = |laboratory: &Laboratory| {
        let output = run(&mut laboratory.command_in("project", &["hosts", "ls", "--format", "json"]));
        assert_eq!(output.trim(), "[]", "no host, and no error");
    };
    listed(&laboratory);
    let name = format!("hoist-{}", std::process::id());
    let credential = laboratory.cloud.ask(&["application", "credential", "create", &name]);
    let clouds = |auth: &str| format!("clouds:\n  lab:\n    region_name: RegionOne\n    {auth}\n");
    laboratory.write_file(
        "project/clouds.yaml",
        &clouds("auth_type: v3applicationcredential\n    auth: {auth_url: 'http://127.0.0.1:5000/v3'}"),
    );
    laboratory.write_file(
        "project/secure.yaml",
        &format!(
            "clouds: {{lab: {{auth: {{application_credential_id: {}, application_credential_secret: {}}}}}}}\n",
            credential["ID"], credential["Secret"]
        ),
    );
    laboratory.unset("OS_CLIENT_CONFIG_FILE");
    listed(&laboratory);
    laboratory
        .cloud
        .openstack(&["application", "credential", "delete", &name]);
    let output = laboratory.hoist(&["hosts", "ls"]);
    let said = words(&output);
    assert!(
        !output.status.success() && said.contains("`lab` refuses the login"),
        "{said}"
    );

    let token = laboratory.cloud.ask(&["token", "issue"]);
    let auth = format!(
        "auth_type: token\n    auth: {{auth_url: 'http://127.0.0.1:5000/v3', token: {}, project_name: demo, project_domain_name: Default}}",
        token["id"]
    );
    laboratory.write_file("project/clouds.yaml", &clouds(&auth));
    laboratory.write_file("project/secure.yaml", "clouds: {}\n");
    listed(&laboratory);
}
