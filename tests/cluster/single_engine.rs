//! Without `x-hosts`: containers on the engine of the current context, as `docker compose` has them.

use std::time::Duration;

use serde_json::Value;

use crate::scene::{Scene, docker, get, text, wait_for};

const COMPOSE: &str = "
x-tiny: &tiny
  image: busybox:latest
  command: [sh, -c, \"trap 'exit 0' TERM; tail -f /dev/null & wait\"]
services:
  page:
    image: busybox:latest
    command: [httpd, -f, -h, /www]
    init: true
    ports: ['80']
    environment: {MOOD: \"${MOOD:-calm}\"}
    configs:
      - source: page
        target: /www/index.html
    secrets: [token]
    depends_on:
      store: {condition: service_healthy}
  store:
    <<: *tiny
    command: [sh, -c, \"trap 'exit 0' TERM; (sleep 1; touch /ready) & tail -f /dev/null & wait\"]
    volumes: [data:/data]
    healthcheck: {test: [CMD, test, -e, /ready], interval: 500ms, retries: 40}
  crowd:
    <<: *tiny
    deploy: {replicas: 3}
  other:
    <<: *tiny
volumes:
  data:
configs:
  page: {file: ./page.html}
secrets:
  token: {file: ./token}
";

const SERVICES: [&str; 4] = ["crowd", "other", "page", "store"];

fn ids(scene: &Scene, service: &str) -> Vec<String> {
    let containers = scene.local_containers(service);
    containers
        .iter()
        .map(|found| found["Id"].as_str().unwrap().to_owned())
        .collect()
}

fn all_ids(scene: &Scene) -> Vec<Vec<String>> {
    SERVICES.iter().map(|service| ids(scene, service)).collect()
}

fn page_address(scene: &Scene) -> String {
    let container = &scene.local_containers("page")[0];
    let port = &container["NetworkSettings"]["Ports"]["80/tcp"][0]["HostPort"];
    format!("127.0.0.1:{}", port.as_str().unwrap())
}

#[test]
fn without_hosts_the_project_runs_as_containers_of_the_current_context() {
    let scene = Scene::with("one", COMPOSE);
    scene.write("page.html", "first page\n");
    scene.write("token", "sesame-one");
    let label = format!("label=com.docker.compose.project={}", scene.name);
    let of_project = |list: &[&str]| docker(&[list, &["--filter", &label]].concat());

    scene.hoist(&["up", "--dry-run"]);
    assert_eq!(of_project(&["ps", "--all", "--quiet"]), "");
    assert_eq!(of_project(&["volume", "ls", "--quiet"]), "");
    assert_eq!(of_project(&["network", "ls", "--quiet"]), "");

    scene.hoist(&["up"]);
    labels_are_dockers_own(&scene);
    a_service_starts_once_what_it_needs_is_healthy(&scene);
    let page = page_address(&scene);
    wait_for("the page", Duration::from_secs(5), || {
        get(&page, "/").and_then(|body| if body == "first page\n" { Ok(()) } else { Err(body) })
    });
    let token = || docker(&["exec", &ids(&scene, "page")[0], "cat", "/run/secrets/token"]);
    assert_eq!(token(), "sesame-one");

    let first = all_ids(&scene);
    scene.hoist(&["up"]);
    assert_eq!(all_ids(&scene), first);
    assert!(scene.hoist(&["plan"]).contains("nothing to do"));
    assert_eq!(
        scene.hoist_json(&["ps", "--format", "json"]).as_array().unwrap().len(),
        6
    );

    // A changed variable replaces that container only.
    let output = scene.command(&["up"]).env("MOOD", "merry").output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let second = all_ids(&scene);
    let changed: Vec<bool> = first.iter().zip(&second).map(|(one, other)| one != other).collect();
    assert_eq!(changed, [false, false, true, false]);
    let environment = scene.local_containers("page")[0]["Config"]["Env"].to_string();
    assert!(environment.contains("MOOD=merry"), "{environment}");

    a_changed_secret_changes_its_service(&scene);
    assert_eq!(token(), "sesame-two");

    scene.hoist(&["scale", "crowd=1"]);
    assert_eq!(ids(&scene, "crowd"), first[0][..1]);
    scene.hoist(&["up"]);
    assert_eq!(ids(&scene, "crowd").len(), 3);
    assert_eq!(ids(&scene, "crowd")[0], first[0][0]);

    // Data stays until it is asked away.
    scene.hoist(&["down"]);
    assert_eq!(of_project(&["ps", "--all", "--quiet"]), "");
    assert_eq!(of_project(&["network", "ls", "--quiet"]), "");
    assert_eq!(
        of_project(&["volume", "ls", "--quiet"]).trim(),
        format!("{}_data", scene.name)
    );
    scene.hoist(&["up"]);
    scene.hoist(&["down", "-v"]);
    assert_eq!(of_project(&["ps", "--all", "--quiet"]), "");
    assert_eq!(of_project(&["volume", "ls", "--quiet"]), "");
}

/// The labels that `docker compose ls`, `ps` and `down` go by.
fn labels_are_dockers_own(scene: &Scene) {
    for (service, count) in SERVICES.into_iter().zip([3, 1, 1, 1]) {
        let containers = scene.local_containers(service);
        assert_eq!(containers.len(), count, "{service}");
        for (container, number) in containers.iter().zip(1..) {
            assert_eq!(container["State"]["Status"], "running");
            assert_eq!(container["Name"], format!("/{}-{service}-{number}", scene.name));
            let labels = &container["Config"]["Labels"];
            let label = |key: &str| labels[format!("com.docker.compose.{key}")].as_str().unwrap_or_default();
            assert_eq!(label("project"), scene.name);
            assert_eq!(label("service"), service);
            assert_eq!(label("container-number"), number.to_string());
            assert_eq!(label("oneoff"), "False");
            assert_ne!(label("config-hash"), "");
            assert_eq!(label("project.working_dir"), scene.project().display().to_string());
            assert!(label("project.config_files").ends_with("compose.yaml"), "{labels}");
        }
    }
    let network = docker(&[
        "network",
        "inspect",
        "--format",
        "{{json .Labels}}",
        &format!("{}_default", scene.name),
    ]);
    assert!(
        network.contains("\"com.docker.compose.network\":\"default\""),
        "{network}"
    );
}

fn a_service_starts_once_what_it_needs_is_healthy(scene: &Scene) {
    let time = |value: &Value| value.as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let started = time(&scene.local_containers("page")[0]["State"]["StartedAt"]);
    let store = &scene.local_containers("store")[0];
    let checks = store["State"]["Health"]["Log"].as_array().unwrap();
    let healthy = checks
        .iter()
        .find(|check| check["ExitCode"] == 0)
        .expect("a check that succeeded");
    assert!(started > time(&healthy["Start"]), "{started} {healthy}");
}

fn a_changed_secret_changes_its_service(scene: &Scene) {
    let before = all_ids(scene);
    scene.write("token", "sesame-two");
    let mut told = scene.hoist(&["plan"]);
    let output = scene
        .command(&["--progress", "json", "up"])
        .env("MOOD", "merry")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    told += &text(&output.stderr);
    let after = all_ids(scene);
    let changed: Vec<bool> = before.iter().zip(&after).map(|(one, other)| one != other).collect();
    assert_eq!(changed, [false, false, true, false]);
    told += &scene.local_containers("page")[0].to_string();
    assert!(!told.contains("sesame"), "{told}");
}

const IN_TURN: &str = "
services:
  web:
    image: busybox:latest
    command: [sh, -c, \"trap 'exit 0' TERM; test $$MOOD = sad || touch /ready; tail -f /dev/null & wait\"]
    environment: {MOOD: \"${MOOD:-calm}\"}
    healthcheck: {test: [CMD, test, -e, /ready], interval: 300ms, retries: 3}
    deploy: {update_config: {order: start-first}}
";

#[test]
fn a_container_serves_until_its_successor_is_healthy_where_the_file_says_so() {
    let scene = Scene::with("turn", IN_TURN);
    scene.hoist(&["up"]);
    let first = ids(&scene, "web");
    let with_mood = |mood: &str| scene.command(&["up"]).env("MOOD", mood).output().unwrap();

    let output = with_mood("sad");
    assert_eq!(output.status.code(), Some(34), "{}", text(&output.stderr));
    assert_eq!(
        ids(&scene, "web"),
        first,
        "what never got healthy is gone, and the old one is there"
    );
    assert_eq!(scene.local_containers("web")[0]["State"]["Running"], true);

    let output = with_mood("merry");
    assert!(output.status.success(), "{}", text(&output.stderr));
    let second = scene.local_containers("web");
    assert_eq!(second.len(), 1);
    assert_ne!(second[0]["Id"].as_str().unwrap(), first[0]);
    assert_eq!(second[0]["Name"], format!("/{}-web-1", scene.name));
}

const UPGRADED: &str = "
services:
  web:
    image: busybox:latest
    command: [sh, -c, \"trap 'exit 0' TERM; tail -f /dev/null & wait\"]
    restart: always
    environment: {VERSION: \"${VERSION:-1}\"}
    deploy: {replicas: 2}
";

#[test]
fn an_upgrade_in_place_keeps_what_ran_before_until_it_is_decided() {
    let scene = Scene::with("keep", UPGRADED);
    let upgrade = |version: &str, more: &[&str]| {
        let mut command = scene.command(&[&["up", "--upgrade", "web"], more].concat());
        let output = command.env("VERSION", version).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stderr)
    };
    // The project's name is enough, wherever it is said.
    let by_name = |words: &[&str]| scene.command(words).current_dir("/").output().unwrap();
    let running = || {
        let mut all = scene.local_containers("web");
        all.retain(|found| found["State"]["Running"] == true);
        all.iter().map(|found| found["Id"].clone()).collect::<Vec<_>>()
    };
    scene.hoist(&["up"]);
    let first = scene.local_containers("web");
    let ids = running();

    // Twice, the second time with one replica less: what ran before either of them comes back, the very same containers.
    assert!(upgrade("2", &[]).contains("`hoist rollback` brings back"));
    assert!(scene.hoist(&["ps"]).contains("upgraded, not confirmed"));
    upgrade("3", &["--scale", "web=1"]);
    assert_eq!(running().len(), 1);
    assert!(running().iter().all(|id| !ids.contains(id)));
    assert!(by_name(&["rollback", "web"]).status.success());
    assert_eq!(running(), ids);
    let again = scene.local_containers("web");
    for (one, other) in first.iter().zip(&again) {
        assert_eq!(one["Name"], other["Name"]);
        assert_eq!(one["HostConfig"]["RestartPolicy"], other["HostConfig"]["RestartPolicy"]);
    }
    assert!(scene.hoist(&["plan"]).contains("nothing to do"));

    upgrade("2", &[]);
    assert_eq!(scene.local_containers("web").len(), 4);
    assert!(by_name(&["confirm"]).status.success());
    assert_eq!(scene.local_containers("web").len(), 2);
    for command in ["confirm", "rollback"] {
        let refused = by_name(&[command, "web"]);
        assert_eq!(refused.status.code(), Some(12));
        assert!(text(&refused.stderr).contains("`web` was not upgraded in place"));
    }
    // An `up` that is no upgrade confirms; and nothing that was kept outlives the project.
    upgrade("1", &[]);
    scene.hoist(&["up"]);
    assert_eq!(scene.local_containers("web").len(), 2);
    upgrade("2", &[]);
    scene.hoist(&["down"]);
    assert_eq!(scene.local_containers("web"), Vec::<Value>::new());
}
