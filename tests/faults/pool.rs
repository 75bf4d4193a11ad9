//! Faults of services on a pool of local hosts, and runs of `up` that are interrupted on the way to one.

use super::docker::inside;
use super::hoist_command::{Ended, Folder};
use super::project;

/// Writes the Compose file of one of the pool's projects.
fn compose(folder: &mut Folder, project: &str, services: &str) {
    let pool = folder.name.clone();
    folder.set("COMPOSE_PROJECT_NAME", &format!("{pool}-{project}"));
    folder.compose(&format!(
        "x-pool: {{name: {pool}}}\nx-hosts:\n  lab:\n    count: 2\n    local: {{}}\nservices:\n{services}"
    ));
}

fn host(folder: &Folder, number: u32) -> String {
    format!("hoist-{}-lab-{number}", folder.name)
}

/// The running replicas of a project's services, as the cluster has them.
fn replicas(folder: &Folder, project: &str) -> String {
    let list = format!(
        "docker service ls --filter label=com.docker.stack.namespace={}-{project} --format '{{{{.Name}}}} {{{{.Replicas}}}}' | sort",
        folder.name
    );
    inside(&host(folder, 1), &list)
        .replace(&format!("{}-{project}_", folder.name), "")
        .replace('\n', ", ")
}

/// A fault is certain after three tries: the pause between them is nothing to wait for here.
const QUICK: &str = "deploy: {restart_policy: {delay: 100ms}}";
const RUNS: &str = "image: busybox, init: true, command: [sleep, '1000']";

/// A fault of a project's services, then the mended file, which the next `up` brings to its end.
#[track_caller]
fn fault(
    folder: &mut Folder,
    project: &str,
    faulty: &str,
    code: i32,
    words: &[&str],
    mended: &str,
    then: &str,
) -> Ended {
    compose(folder, project, faulty);
    let ended = folder.hoist(&["up"]);
    ended.fails(code, words);
    compose(folder, project, mended);
    folder.hoist(&["up"]).succeeds();
    assert_eq!(replicas(folder, project), then, "{project}");
    folder.hoist(&["down"]).succeeds();
    assert_eq!(replicas(folder, project), "", "{project}");
    ended
}

#[test]
fn each_fault_of_a_service_is_named_and_the_next_up_finishes_once_it_is_mended() {
    let (mut folder, _leaves_nothing) = project("pool");
    let running = format!("  web: {{{RUNS}}}\n");

    // The first of them makes the hosts too.
    let ended = fault(
        &mut folder,
        "exits",
        "  web: {image: busybox, command: [sh, -c, 'echo opening the data; echo no such disk >&2; exit 3']}\n",
        32,
        &[
            "error: service `web`: a replica on `lab-",
            "exited with code 3",
            "| opening the data",
            "| no such disk",
            "hint: see `hoist logs web`",
        ],
        &running,
        "web 1/1",
    );
    assert_eq!(ended.stderr.matches("no such disk").count(), 1, "{}", ended.stderr);

    fault(
        &mut folder,
        "program",
        &format!("  web: {{image: busybox, command: [nosuchprogram], {QUICK}}}\n"),
        32,
        &[
            "error: service `web`: a replica on `lab-",
            "cannot start: ",
            "\"nosuchprogram\"",
            "hint: ",
        ],
        &running,
        "web 1/1",
    );

    fault(
        &mut folder,
        "health",
        &format!(
            "  web: {{{RUNS}, {QUICK}, healthcheck: {{test: 'echo the port is closed; exit 7', interval: 300ms, retries: 1}}}}\n"
        ),
        34,
        &[
            "error: service `web` is not healthy",
            "healthcheck: exit code 7: the port is closed",
            "hint: ",
        ],
        &running,
        "web 1/1",
    );

    fault(
        &mut folder,
        "image",
        &format!("  db: {{image: 'localhost:1/no/such:1'}}\n  web: {{{RUNS}}}\n"),
        30,
        &[
            "error: the image `localhost:1/no/such:1` of service `db` cannot be had: ",
            "hint: check the name",
        ],
        &format!("  db: {{{RUNS}}}\n  web: {{{RUNS}}}\n"),
        "db 1/1, web 1/1",
    );

    // sshd of the hosts has it.
    let ended = fault(
        &mut folder,
        "port",
        &format!("  web: {{{RUNS}, ports: ['22:80'], {QUICK}}}\n"),
        33,
        &[
            "error: service `web`: a published port is taken on `lab-",
            ":22: bind: address already in use",
            "hint: stop what uses the port",
        ],
        &format!("  web: {{{RUNS}, ports: ['2222:80']}}\n"),
        "web 1/1",
    );
    assert!(!ended.error().contains("endpoint"), "{}", ended.stderr);

    fault(
        &mut folder,
        "oneshot",
        "  migrate: {image: busybox, restart: 'no', command: [sh, -c, 'echo no table; exit 4']}\n  \
         web: {image: busybox, init: true, command: [sleep, '1000'], depends_on: {migrate: {condition: service_completed_successfully}}}\n",
        32,
        &[
            "error: service `migrate`: ",
            "exited with code 4",
            "| no table",
            "left out because of that: service `web`",
        ],
        "  migrate: {image: busybox, restart: 'no', command: ['true']}\n  \
         web: {image: busybox, init: true, command: [sleep, '1000'], depends_on: {migrate: {condition: service_completed_successfully}}}\n",
        "migrate 0/1, web 1/1",
    );

    // What no host can do is refused by the plan: nothing is made.
    let pool = folder.name.clone();
    for (services, words) in [
        (
            format!(
                "  web: {{{RUNS}, ports: [{{target: 80, published: 8080, mode: host}}], deploy: {{replicas: 3}}}}\n"
            ),
            &[
                "service `web`: each of its 3 replicas publishes port 8080 of its host, and it has 2 hosts to run on",
                "hint: ",
            ][..],
        ),
        (
            format!("  web: {{{RUNS}, deploy: {{placement: {{constraints: [node.labels.disk == ssd]}}}}}}\n"),
            &[
                "service `web` fits no host: lab-1 (`node.labels.disk == ssd` does not hold), lab-2",
                "compose.yaml:7:84",
                "hint: change `deploy.placement.constraints`",
            ],
        ),
        (
            format!(
                "  web: {{{RUNS}, networks: [front]}}\nnetworks: {{front: {{external: true, name: {pool}-front}}}}\n"
            ),
            &["`{pool}-front` is external and does not exist", "hint: create it first"],
        ),
    ] {
        compose(&mut folder, "plan", &services);
        let words: Vec<String> = words.iter().map(|said| said.replace("{pool}", &pool)).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        folder.hoist(&["up"]).fails(12, &words);
        assert_eq!(replicas(&folder, "plan"), "");
    }

    let secret = format!("  web: {{{RUNS}, secrets: [token]}}\nsecrets:\n  token: {{environment: HOIST_TEST_TOKEN}}\n");
    compose(&mut folder, "secret", &secret);
    folder
        .hoist(&["up"])
        .fails(9, &["secret `token`", "`HOIST_TEST_TOKEN` is not set", "hint: "]);
    folder.set("HOIST_TEST_TOKEN", "hush-3f9c1");
    let ended = folder.hoist(&["--progress", "json", "up"]);
    ended.succeeds();
    let shown = inside(
        &host(&folder, 1),
        "docker service ls -q | xargs docker service inspect; docker secret ls -q | xargs docker secret inspect; \
         docker config ls -q | xargs -r docker config inspect",
    );
    for said in [&ended.stderr, &ended.stdout, &shown] {
        assert!(!said.contains("hush-3f9c1"), "{said}");
    }
    assert_eq!(replicas(&folder, "secret"), "web 1/1");

    // A host's engine does not answer.
    inside(
        &host(&folder, 2),
        "iptables -I INPUT -p tcp --dport 2376 -j REJECT --reject-with tcp-reset",
    );
    folder.hoist(&["ps"]).fails(35, &["lab-2", "hint: "]);
    inside(
        &host(&folder, 2),
        "iptables -D INPUT -p tcp --dport 2376 -j REJECT --reject-with tcp-reset",
    );
    folder.hoist(&["ps"]).succeeds();
    folder.hoist(&["down", "--hosts"]).succeeds();
}

#[test]
fn an_up_that_is_interrupted_at_any_moment_is_finished_by_the_next() {
    let (mut folder, _leaves_nothing) = project("signals");
    compose(
        &mut folder,
        "any",
        &format!(
            "  db: {{{RUNS}, healthcheck: {{test: 'sleep 2', interval: 500ms, timeout: 10s}}}}\n  web: {{{RUNS}, depends_on: {{db: {{condition: service_healthy}}}}}}\n"
        ),
    );
    for (moment, signal, unfinished) in [
        ("creating", "-INT", "the hosts"),
        ("waiting for SSH", "-TERM", "the hosts"),
        ("installing Docker", "-INT", "the hosts"),
        ("starting Docker", "-INT", "the hosts"),
        ("joining the cluster", "-INT", "the cluster"),
        ("service db", "-INT", "service `web`"),
        ("0 of 1 running", "-INT", "service `db`"),
    ] {
        let ended = folder.signalled_at(moment, signal, &["up"]);
        ended.fails(
            130,
            &[
                "error: interrupted; unfinished: ",
                unfinished,
                "hint: run the same command again",
            ],
        );
    }
    folder.hoist(&["up"]).succeeds();
    assert_eq!(replicas(&folder, "any"), "db 1/1, web 1/1");
    assert_eq!(
        inside(&host(&folder, 1), "docker node ls --format '{{.Status}}'"),
        "Ready\nReady"
    );
    let again = folder.hoist(&["up"]);
    assert!(
        again.succeeds().stderr.contains("nothing to change"),
        "{}",
        again.stderr
    );
    folder.hoist(&["down", "--hosts"]).succeeds();
}
