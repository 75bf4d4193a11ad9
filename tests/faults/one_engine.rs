//! Faults of services on one engine, without hosts of Hoist's own.

use super::docker::{docker, run};
use super::project;

/// The containers of a project with their states, by name.
fn containers(project: &str) -> String {
    let filter = format!("label=com.docker.compose.project={project}");
    let listed = docker(&[
        "ps",
        "--all",
        "--filter",
        &filter,
        "--format",
        "{{.Label \"com.docker.compose.service\"}} {{.State}}",
    ]);
    let mut lines: Vec<&str> = listed.lines().collect();
    lines.sort_unstable();
    lines.join(", ")
}

const RUNS: &str = "{image: busybox, init: true, command: [sleep, '1000']}";

#[test]
fn a_container_that_exits_at_once_shows_its_last_lines_and_holds_up_what_waits_for_it() {
    let (folder, _leaves_nothing) = project("exits");
    let waits = "  web: {image: busybox, init: true, command: [sleep, '1000'], depends_on: [db]}\n";
    folder.compose(&format!(
        "services:\n  db: {{image: busybox, command: [sh, -c, 'echo opening the data; echo no such disk >&2; exit 3']}}\n{waits}"
    ));
    let ended = folder.hoist(&["up"]);
    ended.fails(
        32,
        &[
            "error: service `db`: its container exited with code 3",
            "| opening the data",
            "| no such disk",
            "hint: see `hoist logs db`",
            "left out because of that: service `web`",
        ],
    );
    assert!(!ended.stdout.contains("opening"), "{}", ended.stdout);
    assert_eq!(containers(&folder.name), "db exited");
    // Progress says that it failed; the lines themselves stand in the error, once.
    assert_eq!(ended.stderr.matches("no such disk").count(), 1, "{}", ended.stderr);

    folder.compose(&format!("services:\n  db: {RUNS}\n{waits}"));
    folder.hoist(&["up"]).succeeds();
    assert_eq!(containers(&folder.name), "db running, web running");
}

#[test]
fn a_container_that_is_restarted_again_and_again_is_given_up() {
    let (folder, _leaves_nothing) = project("restarts");
    folder.compose("services:\n  db: {image: busybox, restart: always, command: [sh, -c, 'exit 5']}\n");
    let ended = folder.hoist(&["up"]);
    ended.fails(32, &["service `db`: its container ends again and again (exit code 5)"]);
    folder.hoist(&["down"]).succeeds();
    assert_eq!(containers(&folder.name), "");
}

#[test]
fn a_program_that_the_image_lacks_is_named() {
    let (folder, _leaves_nothing) = project("program");
    folder.compose("services:\n  db: {image: busybox, command: [nosuchprogram]}\n");
    let ended = folder.hoist(&["up"]);
    ended.fails(
        32,
        &[
            "service `db`: its container cannot start",
            "\"nosuchprogram\"",
            "hint: ",
        ],
    );
    assert!(!ended.error().contains("OCI runtime"), "{}", ended.stderr);
    folder.compose(&format!("services:\n  db: {RUNS}\n"));
    folder.hoist(&["up"]).succeeds();
    assert_eq!(containers(&folder.name), "db running");
}

#[test]
fn a_healthcheck_that_never_succeeds_shows_what_its_probe_says() {
    let (folder, _leaves_nothing) = project("health");
    let text = |probe: &str| {
        format!(
            "services:\n  db:\n    image: busybox\n    init: true\n    command: [sleep, '1000']\n    \
             healthcheck: {{test: '{probe}', interval: 300ms, retries: 2}}\n"
        )
    };
    folder.compose(&text("echo the port is closed; exit 7"));
    let ended = folder.hoist(&["up"]);
    ended.fails(
        34,
        &[
            "error: service `db` is not healthy",
            "healthcheck: exit code 7: the port is closed",
            "hint: ",
        ],
    );
    folder.compose(&text("true"));
    folder.hoist(&["up"]).succeeds();
    assert_eq!(containers(&folder.name), "db running");
}

#[test]
fn an_image_that_cannot_be_had_is_named_with_the_registrys_word() {
    let (folder, _leaves_nothing) = project("image");
    folder.compose(&format!(
        "services:\n  db: {{image: 'localhost:1/no/such:1'}}\n  web: {RUNS}\n"
    ));
    let ended = folder.hoist(&["up"]);
    ended.fails(
        30,
        &[
            "error: the image `localhost:1/no/such:1` of service `db` cannot be had: ",
            "connection refused",
            "hint: check the name",
        ],
    );
    // What does not need the image goes on.
    assert_eq!(containers(&folder.name), "web running");
    folder.compose(&format!("services:\n  db: {RUNS}\n  web: {RUNS}\n"));
    folder.hoist(&["up"]).succeeds();
    assert_eq!(containers(&folder.name), "db running, web running");
}

#[test]
fn a_build_that_fails_shows_the_builders_last_lines() {
    let (folder, mut leaves_nothing) = project("build");
    leaves_nothing.images.0.push(format!("{}-web", folder.name));
    folder.compose("services:\n  web: {build: ., init: true, command: [sleep, '1000']}\n");
    folder.write(
        "Dockerfile",
        "FROM busybox\nRUN echo compiling; echo no such header >&2; exit 5\n",
    );
    let ended = folder.hoist(&["up"]);
    ended.fails(31, &["| compiling", "| no such header", "hint: "]);
    assert!(ended.stderr.contains("code: 5"), "{}", ended.stderr);
    assert_eq!(containers(&folder.name), "");

    folder.write("Dockerfile", "FROM busybox\nRUN true\n");
    folder.hoist(&["up"]).succeeds();
    assert_eq!(containers(&folder.name), "web running");
}

#[test]
fn a_port_that_another_process_has_is_said_without_ids() {
    let (folder, _leaves_nothing) = project("port");
    let listener = std::net::TcpListener::bind("0.0.0.0:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    folder.compose(&format!(
        "services:\n  web: {{image: busybox, init: true, command: [sleep, '1000'], ports: ['{port}:80']}}\n"
    ));
    let ended = folder.hoist(&["up"]);
    ended.fails(
        33,
        &[
            "error: service `web`: a published port is taken: ",
            &format!(":{port}: bind: address already in use"),
            "hint: stop what uses the port",
        ],
    );
    assert!(!ended.error().contains("endpoint"), "{}", ended.stderr);
    drop(listener);
    folder.hoist(&["up"]).succeeds();
    assert_eq!(containers(&folder.name), "web running");
}

#[test]
fn two_replicas_that_publish_one_port_of_one_engine_are_refused_by_the_plan() {
    let (folder, _leaves_nothing) = project("ports");
    folder.compose("services:\n  web: {image: busybox, ports: ['18099:80'], deploy: {replicas: 2}}\n");
    let ended = folder.hoist(&["up"]);
    ended.fails(
        12,
        &[
            "service `web`: each of its 2 replicas publishes port 18099",
            "compose.yaml:2:25",
            "hint: lower `deploy.replicas`",
        ],
    );
    assert_eq!(containers(&folder.name), "");
}

#[test]
fn a_missing_external_network_is_named_before_anything_is_made() {
    let (folder, _leaves_nothing) = project("external");
    let network = format!("{}-front", folder.name);
    folder.compose(&format!(
        "services:\n  web: {{image: busybox, init: true, command: [sleep, '1000'], networks: [front]}}\n\
         networks: {{front: {{external: true, name: {network}}}}}\n"
    ));
    let ended = folder.hoist(&["up"]);
    ended.fails(
        12,
        &[
            &format!("network `{network}` is external and does not exist"),
            "compose.yaml:3:12",
            "hint: create it first",
        ],
    );
    assert_eq!(containers(&folder.name), "");

    let label = format!("com.docker.compose.project={}", folder.name);
    docker(&["network", "create", "--label", &label, &network]);
    folder.hoist(&["up"]).succeeds();
    assert_eq!(containers(&folder.name), "web running");
}

#[test]
fn a_one_shot_service_that_fails_stops_what_waits_for_it_and_nothing_else() {
    let (folder, _leaves_nothing) = project("oneshot");
    let rest = format!(
        "  web:\n    image: busybox\n    init: true\n    command: [sleep, '1000']\n    \
         depends_on: {{migrate: {{condition: service_completed_successfully}}}}\n  other: {RUNS}\n"
    );
    folder.compose(&format!(
        "services:\n  migrate: {{image: busybox, command: [sh, -c, 'echo no table; exit 4']}}\n{rest}"
    ));
    let ended = folder.hoist(&["up"]);
    ended.fails(
        32,
        &[
            "service `migrate`: its container exited with code 4",
            "| no table",
            "left out because of that: service `web`",
        ],
    );
    assert_eq!(containers(&folder.name), "migrate exited, other running");

    folder.compose(&format!(
        "services:\n  migrate: {{image: busybox, command: ['true']}}\n{rest}"
    ));
    folder.hoist(&["up"]).succeeds();
    assert_eq!(containers(&folder.name), "migrate exited, other running, web running");
}

#[test]
fn a_secret_is_in_no_word_that_is_said() {
    let (mut folder, _leaves_nothing) = project("secret");
    folder.compose(
        "services:\n  web: {image: busybox, command: [sh, -c, 'exit 3'], secrets: [token]}\n\
         secrets:\n  token: {environment: HOIST_TEST_TOKEN}\n",
    );
    folder.set("HOIST_TEST_TOKEN", "hush-3f9c1");
    for arguments in [&["--progress", "json", "up"][..], &["up"], &["plan"], &["config"]] {
        let ended = folder.hoist(arguments);
        assert!(!ended.stderr.contains("hush-3f9c1"), "{}", ended.stderr);
        assert!(!ended.stdout.contains("hush-3f9c1"), "{}", ended.stdout);
    }
}

#[test]
fn an_interrupted_up_says_what_is_unfinished_and_the_next_one_finishes() {
    let (folder, mut leaves_nothing) = project("interrupt");
    leaves_nothing.images.0.push(format!("{}-web", folder.name));
    let compose = |probe: &str| {
        folder.compose(&format!(
            "services:\n  db:\n    image: busybox\n    init: true\n    command: [sleep, '1000']\n    \
             healthcheck: {{test: '{probe}', interval: 300ms, retries: 100}}\n  web:\n    build: .\n    init: true\n    \
             command: [sleep, '1000']\n    depends_on: {{db: {{condition: service_healthy}}}}\n"
        ));
    };
    compose("false");
    // While an image builds.
    folder.write("Dockerfile", "FROM busybox\nRUN echo compiling; sleep 60\n");
    let ended = folder.signalled_at("RUN echo", "-INT", &["up"]);
    ended.fails(
        130,
        &[
            "error: interrupted; unfinished: image `",
            "hint: run the same command again",
        ],
    );
    assert_eq!(containers(&folder.name), "");

    // While a service comes up.
    folder.write("Dockerfile", "FROM busybox\n");
    let ended = folder.signalled_at("health: starting", "-INT", &["up"]);
    ended.fails(130, &["interrupted; unfinished: ", "service `db`", "service `web`"]);
    assert_eq!(containers(&folder.name), "db running");

    // As a supervisor ends it.
    let ended = folder.signalled_at("service db", "-TERM", &["up"]);
    ended.fails(130, &["interrupted; unfinished: "]);

    compose("true");
    folder.hoist(&["up"]).succeeds();
    assert_eq!(containers(&folder.name), "db running, web running");
    let again = folder.hoist(&["up"]);
    assert!(
        again.succeeds().stderr.contains("nothing to change"),
        "{}",
        again.stderr
    );

    // A `down` too.
    compose("true");
    let slow = folder.path("compose.yaml");
    let text = std::fs::read_to_string(&slow).unwrap();
    folder.compose(&text.replace("init: true", "init: false\n    stop_grace_period: 4s"));
    folder.hoist(&["up"]).succeeds();
    let ended = folder.signalled_at("removing", "-INT", &["down"]);
    ended.fails(130, &["interrupted; unfinished: "]);
    folder.hoist(&["down"]).succeeds();
    assert_eq!(containers(&folder.name), "");
    let filter = format!("label=com.docker.compose.project={}", folder.name);
    let left = run(&["network", "ls", "--quiet", "--filter", &filter]);
    assert_eq!(String::from_utf8_lossy(&left.stdout), "");
}
