//! `x-ingress` on real hosts: routed as the file says, shared by projects, and under load the whole time without one failed request.

use std::collections::BTreeSet;
use std::process::{Command, Output};
use std::time::Duration;

use crate::load::{Load, Tally};
use crate::scene::{LocalHost, Scene, docker, text, wait_for};

const HOSTS: &str = "
x-hosts:
  lab: {count: 3, local: {}}
x-web: &web
  build: {dockerfile_inline: \"FROM busybox\\nARG VERSION\\nENV VERSION=$$VERSION\\n\", args: {VERSION: \"${VERSION:-1}\"}}
  # Ends at once when it is told to: what it has begun is lost.
  command:
    - sh
    - -c
    - |
      mkdir -p /www/cart
      echo \"$$SERVICE $$VERSION $$HOSTNAME\" | tee /www/index.html >/www/cart/index.html
      trap 'exit 0' TERM
      httpd -f -p 8000 -h /www & wait
  healthcheck: {test: [CMD, wget, -q, -O, /dev/null, 'http://127.0.0.1:8000/'], interval: 1s, retries: 5}
";

fn shop() -> String {
    HOSTS.to_owned()
        + "
services:
  web:
    <<: *web
    image: \"${COMPOSE_PROJECT_NAME}-web:${VERSION:-1}\"
    environment: {SERVICE: web}
    deploy: {replicas: \"${REPLICAS:-2}\"}
    x-ingress:
      - {port: 8000}
      - {port: 8000, listen: 81, sticky: true, health: /}
      - {port: 8000, host: shop.example.org, tls: {cert: shop.pem, key: shop.key}}
      - {port: 8000, listen: 7000, protocol: tcp}
  cart:
    <<: *web
    image: \"${COMPOSE_PROJECT_NAME}-web:${VERSION:-1}\"
    environment: {SERVICE: cart}
    x-ingress: {port: 8000, host: [shop.example.org, '*.shop.example.org'], path: /cart}
"
}

/// Another project on the same hosts.
fn other(pool: &str, ways: &str) -> String {
    HOSTS.to_owned()
        + &format!(
            "
x-pool: {{name: {pool}}}
services:
  page:
    <<: *web
    image: {pool}-web:1
    environment: {{SERVICE: page}}
    x-ingress: {ways}
"
        )
}

/// What `curl` says of a URL on a host.
fn curl(scene: &Scene, host: &LocalHost, url: &str, more: &[&str]) -> Output {
    let certificate = scene.project().join("shop.pem");
    let to = format!("::{}:", host.address);
    let mut command = Command::new("curl");
    command.args([
        "--silent",
        "--show-error",
        "--max-time",
        "10",
        "--connect-to",
        &to,
        "--cacert",
    ]);
    command.arg(certificate).args(more).arg(url);
    command.output().unwrap()
}

/// The service, the version and the replica that answer, with the status where it is not 200.
#[track_caller]
fn answer(scene: &Scene, host: &LocalHost, url: &str, more: &[&str]) -> Vec<String> {
    let output = curl(scene, host, url, &[&["--write-out", " %{http_code}"], more].concat());
    assert!(
        output.status.success(),
        "{url} at {}: {}",
        host.name,
        text(&output.stderr)
    );
    text(&output.stdout).split_whitespace().map(str::to_owned).collect()
}

/// The name of the service that answers on every host, and the status.
#[track_caller]
fn answers_everywhere(scene: &Scene, url: &str, service: &str, status: &str) {
    for host in scene.hosts() {
        let said = answer(scene, &host, url, &[]);
        let found = (said.first().map(String::as_str), said.last().map(String::as_str));
        assert_eq!(found, (Some(service), Some(status)), "{url} at {}: {said:?}", host.name);
    }
}

fn certificate(scene: &Scene) {
    let made = rcgen::generate_simple_self_signed(["shop.example.org".to_owned()]).unwrap();
    scene.write("shop.pem", &made.cert.pem());
    scene.write("shop.key", &made.signing_key.serialize_pem());
}

/// What the cluster has that carries the ingress' label.
fn of_the_ingress(scene: &Scene) -> Vec<String> {
    let label = "label=dev.hoist.system=ingress";
    let host = &scene.hosts()[0];
    let mut found = Vec::new();
    for kind in ["service", "config", "secret", "network"] {
        let listed = host.docker(&[kind, "ls", "--format", "{{.Name}}", "--filter", label]);
        found.extend(listed.lines().map(|name| format!("{kind} {name}")));
    }
    found
}

/// Removed when dropped.
struct Images([String; 2]);

impl Drop for Images {
    fn drop(&mut self) {
        let _ = Command::new("docker")
            .args(["image", "rm", "--force"])
            .args(&self.0)
            .output();
    }
}

#[track_caller]
fn none_failed(while_: &str, tally: &Tally) {
    println!("{while_}: {} requests, {} failed", tally.requests, tally.failures);
    assert_eq!(
        tally.failures, 0,
        "{while_}: of {} requests: {:#?}",
        tally.requests, tally.said
    );
}

#[test]
fn services_answer_on_every_host_and_no_change_loses_a_request() {
    let scene = Scene::with("ingress", &shop());
    certificate(&scene);
    let name = scene.name.clone();
    let _images = Images([1, 2].map(|version| format!("{name}-web:{version}")));

    let plan = scene.hoist(&["plan"]);
    assert!(plan.contains("https://shop.example.org → web:8000"), "{plan}");
    let up = scene.run(&["up"]);
    assert!(up.status.success());
    for host in scene.hosts() {
        assert!(
            text(&up.stderr).contains(&format!("http://{}:81", host.address)),
            "{}",
            text(&up.stderr)
        );
    }
    routes_are_those_of_the_file(&scene);
    assert!(scene.hoist(&["plan"]).contains("nothing to do"));
    let listed = scene.hoist(&["ps"]);
    assert!(listed.contains("*:443->8000/tcp"), "{listed}");

    let addresses: Vec<String> = scene
        .hosts()
        .iter()
        .map(|host| format!("{}:80", host.address))
        .collect();
    let load = Load::on(&addresses, "anything.example.net", "/");
    wait_for("requests", Duration::from_secs(30), || match load.so_far().requests {
        0..100 => Err("too few".to_owned()),
        requests => Ok(requests),
    });
    let mut before = 0;
    let mut since = |what: &str, load: &Load| {
        let tally = load.so_far();
        none_failed(what, &tally);
        assert!(tally.requests > before, "{what}: no request got through");
        before = tally.requests;
    };

    scene.hoist(&["scale", "web=4"]);
    since("scale 2 to 4", &load);
    scene.hoist(&["scale", "web=1"]);
    since("scale 4 to 1", &load);
    // A lone replica gets a new image in place, and the old one back.
    let mut command = scene.command(&["up", "--upgrade", "web"]);
    let updated = command.env("VERSION", "2").env("REPLICAS", "1").output().unwrap();
    assert!(updated.status.success(), "{}", text(&updated.stderr));
    since("a new image for one replica", &load);
    assert!(load.so_far().answers.keys().any(|answer| answer.starts_with("web 2 ")));
    scene.hoist(&["rollback", "web"]);
    since("what ran before", &load);
    scene.hoist(&["up"]);
    since("two replicas, as the file says", &load);

    // A second project brings a port, a host and so another configuration; it comes and goes.
    let neighbour = format!("{name}-n");
    scene.write(
        "other.yaml",
        &other(
            &name,
            "[{port: 8000, host: other.example.org}, {port: 8000, listen: 8081}]",
        ),
    );
    let of_other = |words: &[&str]| {
        let words = [&["-f", "other.yaml"], words].concat();
        let output = scene.command_of(&neighbour, &words).output().unwrap();
        println!("{words:?}\n{}", text(&output.stderr));
        output
    };
    assert!(of_other(&["up"]).status.success());
    since("another project comes", &load);
    answers_everywhere(&scene, "http://other.example.org/", "page", "200");
    answers_everywhere(&scene, "http://anything:8081/", "page", "200");
    answers_everywhere(&scene, "http://anything/", "web", "200");
    assert!(of_other(&["down"]).status.success());
    since("another project goes", &load);
    answers_everywhere(&scene, "http://other.example.org/", "web", "200");

    // A certificate is renewed.
    certificate(&scene);
    scene.hoist(&["up"]);
    since("a new certificate", &load);
    answers_everywhere(&scene, "https://shop.example.org/", "web", "200");
    a_clash_names_both(&scene, &of_other);

    // Another service takes the place of one, with the same ways in.
    scene.write(
        "compose.yaml",
        &shop()
            .replace("  web:", "  next:")
            .replace("SERVICE: web", "SERVICE: next"),
    );
    scene.hoist(&["upgrade", "web", "next", "--batch-size", "1", "--cleanup"]);
    since("an upgrade from one service to another", &load);
    answers_everywhere(&scene, "http://anything:7000/", "next", "200");
    assert!(load.so_far().answers.keys().any(|answer| answer.starts_with("next ")));
    let tally = load.end();
    none_failed("all in all", &tally);

    // Who is drained answers nobody, and the others go on.
    let load = Load::on(&addresses[..2], "anything.example.net", "/");
    scene.hoist(&["hosts", "drain", "lab-3"]);
    none_failed("a drained host", &load.so_far());
    scene.hoist(&["hosts", "activate", "lab-3"]);
    let tally = load.end();
    assert!(tally.requests > 0);
    none_failed("a host that comes back", &tally);

    scene.hoist(&["down"]);
    assert_eq!(of_the_ingress(&scene), Vec::<String>::new());
    scene.hoist(&["down", "-v", "--hosts"]);
    assert_eq!(scene.sweep.left_overs(), Vec::<String>::new());
}

fn routes_are_those_of_the_file(scene: &Scene) {
    answers_everywhere(scene, "http://anything.example.net/", "web", "200");
    answers_everywhere(scene, "http://shop.example.org/cart/", "cart", "200");
    answers_everywhere(scene, "http://a.shop.example.org/cart/", "cart", "200");
    answers_everywhere(scene, "http://a.b.shop.example.org/cart/", "web", "200");
    answers_everywhere(scene, "https://shop.example.org/", "web", "200");
    answers_everywhere(scene, "http://anything:7000/", "web", "200");
    for host in scene.hosts() {
        // The certificate is for one name, and no service answers for another there.
        let said = answer(scene, &host, "https://elsewhere.example.org/", &["--insecure"]);
        assert_eq!(said.last().map(String::as_str), Some("404"), "{said:?}");
    }
    // Without a cookie both replicas answer, with one the same one does, whichever host is asked.
    let replicas = |more: &[&str]| -> BTreeSet<String> {
        let hosts = scene.hosts();
        let asked =
            (0..12).map(|turn| answer(scene, &hosts[turn % hosts.len()], "http://anything:81/", more)[2].clone());
        asked.collect()
    };
    assert_eq!(replicas(&[]).len(), 2);
    let head = curl(scene, &scene.hosts()[0], "http://anything:81/", &["--head"]);
    let head = text(&head.stdout).to_lowercase();
    let (_, cookie) = head
        .split_once("set-cookie: hoist_replica=")
        .unwrap_or_else(|| panic!("{head}"));
    let cookie = format!("Cookie: HOIST_REPLICA={}", cookie.split(';').next().unwrap());
    assert_eq!(replicas(&["--header", &cookie]).len(), 1);
}

fn a_clash_names_both(scene: &Scene, of_other: &impl Fn(&[&str]) -> Output) {
    scene.write(
        "other.yaml",
        &other(&scene.name, "{port: 8000, host: shop.example.org, path: /cart/}"),
    );
    let refused = of_other(&["up"]);
    let said = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(12), "{said}");
    for part in [
        "http://shop.example.org/cart",
        "service `cart` of project",
        "service `page` of project",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let services = scene.hosts()[0].docker(&["service", "ls", "--format", "{{.Name}}"]);
    assert!(!services.contains("page"), "{services}");
    answers_everywhere(scene, "http://shop.example.org/cart/", "cart", "200");
    assert_eq!(
        docker(&["ps", "--quiet", "--filter", "label=com.docker.compose.service=page"]),
        ""
    );
}
