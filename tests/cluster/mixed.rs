//! One cluster of two engine versions; configs and secrets in it; and images from a registry that its hosts reach.

use std::collections::BTreeSet;

use crate::scene::{LocalHost, Scene, docker, get, text, wait_for};
use crate::sweep::Sweep;

fn compose(registry: &str, more: &str) -> String {
    format!(
        "
x-hosts:
  old:
    local: {{image: 'debian:12'}}
    labels: {{release: bookworm}}
  new:
    local: {{image: 'debian:13'}}
    labels: {{release: trixie}}
x-pool:
  docker: {{daemon: {{insecure-registries: ['{registry}']}}}}
services:
  page:
    image: busybox:latest
    command: [httpd, -f, -h, /www]
    init: true
    ports: ['8080:80']
    deploy: {{mode: global}}
    configs:
      - source: page
        target: /www/index.html
    secrets: [token]
{more}
configs:
  page: {{file: ./page.html}}
secrets:
  token: {{file: ./token}}
"
    )
}

/// A registry on the machine itself, without TLS, at an address that local hosts reach.
struct Registry {
    address: String,
    _sweep: Sweep,
}

impl Registry {
    fn start(name: &str) -> Registry {
        let label = format!("dev.hoist.test={name}");
        let sweep = Sweep::of_label(&label);
        // An address of this machine that is nobody else's: a bridge without containers, out of a range that no engine gives away,
        // since the hosts' own engines would give themselves the same.
        let network = format!("{name}-registry");
        docker(&[
            "network",
            "create",
            "--subnet=198.18.213.0/28",
            "--gateway=198.18.213.1",
            "--label",
            &label,
            &network,
        ]);
        let address = "198.18.213.1:5000".to_owned();
        docker(&[
            "run",
            "--detach",
            "--network=host",
            "--label",
            &label,
            "--env",
            &format!("REGISTRY_HTTP_ADDR={address}"),
            "registry:2",
        ]);
        wait_for("the registry", std::time::Duration::from_secs(20), || {
            get(&address, "/v2/")
        });
        Registry { address, _sweep: sweep }
    }

    /// Puts busybox there, by an engine that has it and trusts the registry.
    fn push(&self, host: &LocalHost, image: &str) -> String {
        let name = format!("{}/{image}", self.address);
        host.docker(&["tag", "busybox:latest", &name]);
        host.docker(&["push", &name]);
        host.docker(&["image", "rm", &name]);
        name
    }
}

fn service_image(host: &LocalHost, service: &str) -> String {
    let inspected = host.inspect("service", service);
    let image = &inspected["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"];
    image.as_str().unwrap().to_owned()
}

fn in_each(hosts: &[LocalHost], service: &str, command: &[&str]) -> Vec<String> {
    hosts
        .iter()
        .flat_map(|host| {
            let ids = host.running(service);
            ids.into_iter()
                .map(|id| host.docker(&[&["exec", &id], command].concat()))
                .collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn two_engine_versions_serve_one_project_with_configs_secrets_and_a_registry() {
    let scene = Scene::new("mix");
    let registry = Registry::start(&scene.name);
    scene.write("compose.yaml", &compose(&registry.address, ""));
    scene.write("page.html", "first page\n");
    scene.write("token", "sesame-one");
    let mut told = events(&scene);

    let hosts = scene.hosts();
    let names: Vec<&str> = hosts.iter().map(|host| host.name.as_str()).collect();
    assert_eq!(names, ["new-1", "old-1"]);
    let versions: BTreeSet<String> = (hosts.iter())
        .map(|host| host.docker(&["version", "--format", "{{.Server.Version}}"]))
        .collect();
    assert_eq!(versions.len(), 2, "{versions:?}");
    for host in &hosts {
        assert_eq!(host.running("page").len(), 1);
        assert_eq!(
            get(&format!("{}:8080", host.address), "/").as_deref(),
            Ok("first page\n")
        );
    }
    assert_eq!(
        in_each(&hosts, "page", &["cat", "/run/secrets/token"]),
        ["sesame-one", "sesame-one"]
    );
    assert!(scene.hoist(&["plan"]).contains("nothing to do"));

    // A changed secret is a changed service; a changed config, too.
    let manager = manager(&hosts);
    let service = format!("{}_page", scene.name);
    let before = manager.inspect("service", &service)["Version"]["Index"].clone();
    scene.write("token", "sesame-two");
    told += &scene.hoist(&["plan"]);
    told += &scene.hoist(&["plan", "--format", "json"]);
    told += &events(&scene);
    assert_ne!(manager.inspect("service", &service)["Version"]["Index"], before);
    assert_eq!(
        in_each(&hosts, "page", &["cat", "/run/secrets/token"]),
        ["sesame-two", "sesame-two"]
    );
    assert_eq!(
        manager.docker(&["secret", "ls", "--quiet"]).lines().count(),
        2,
        "the old one is kept with the revision that names it"
    );
    scene.write("page.html", "second page\n");
    told += &events(&scene);
    for host in &hosts {
        assert_eq!(
            get(&format!("{}:8080", host.address), "/").as_deref(),
            Ok("second page\n")
        );
    }

    // What the secret says stands nowhere that is not the secret itself.
    told += &manager.inspect("service", &service).to_string();
    for kind in ["secret", "config", "network"] {
        let ids = manager.docker(&[kind, "ls", "--quiet"]);
        for id in ids.lines() {
            told += &manager.inspect(kind, id).to_string();
        }
    }
    for host in &hosts {
        for container in host.containers("page") {
            told += &container.to_string();
        }
    }
    told += &scene.hoist(&["config"]);
    told += &scene.hoist(&["ps"]);
    assert!(
        told.contains("dev.hoist.content") && told.contains("content changed"),
        "{told}"
    );
    // As it is, and in base64.
    assert!(!told.contains("sesame") && !told.contains("c2VzYW1l"), "{told}");

    an_image_from_a_registry_is_pinned_and_pulled(&scene, &registry, &hosts);

    scene.hoist(&["down", "-v", "--hosts"]);
    assert_eq!(scene.sweep.left_overs(), Vec::<String>::new());
}

fn an_image_from_a_registry_is_pinned_and_pulled(scene: &Scene, registry: &Registry, hosts: &[LocalHost]) {
    let manager = manager(hosts);
    let image = registry.push(&hosts[0], "tiny:1");
    let service = "
  pulled:
    image: IMAGE
    command: [sh, -c, \"trap 'exit 0' TERM; tail -f /dev/null & wait\"]
    deploy: {mode: global}
";
    let with = compose(&registry.address, &service.replace("IMAGE", &image));
    scene.write("compose.yaml", &with);
    let before: Vec<Vec<String>> = hosts.iter().map(|host| host.running("page")).collect();
    scene.hoist(&["up"]);
    let pinned = service_image(manager, &format!("{}_pulled", scene.name));
    assert!(pinned.starts_with(&format!("{image}@sha256:")), "{pinned}");
    for host in hosts {
        assert_eq!(host.running("pulled").len(), 1);
        let digests = host.inspect("image", &pinned)["RepoDigests"].to_string();
        assert!(digests.contains(pinned.split('@').nth(1).unwrap()), "{digests}");
    }
    let after: Vec<Vec<String>> = hosts.iter().map(|host| host.running("page")).collect();
    assert_eq!(after, before);
    assert!(
        docker(&["image", "ls", "--quiet", &image]).is_empty(),
        "it never came by this machine"
    );
    assert!(scene.hoist(&["plan"]).contains("nothing to do"));
}

fn manager(hosts: &[LocalHost]) -> &LocalHost {
    let mut managers = hosts.iter();
    let is_manager =
        |host: &&LocalHost| host.docker(&["info", "--format", "{{.Swarm.ControlAvailable}}"]).trim() == "true";
    managers.find(is_manager).expect("a manager")
}

/// What an `up` tells programs.
fn events(scene: &Scene) -> String {
    let output = scene.run(&["--progress", "json", "up"]);
    let told = text(&output.stderr);
    assert!(output.status.success(), "{told}");
    told
}
