//! `upgrade OLD NEW`: what each of the two has at every step, as the cluster's managers are asked for it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use super::{COMPOSE, ends_without_a_failed_call};
use crate::scene::{LocalHost, Scene, json, text, wait_for};

/// The replicas that the cluster is asked for, old and new.
type Step = (u64, u64);

/// The steps of an upgrade as the events of one of the cluster's managers tell them: none is missed, however busy the machine is.
struct Trace {
    manager: LocalHost,
    services: [String; 2],
    events: Child,
    reader: JoinHandle<()>,
    steps: Arc<Mutex<Vec<Step>>>,
}

impl Trace {
    fn of(scene: &Scene, old: &str, new: &str) -> Trace {
        let manager = scene.hosts().remove(0);
        let services = [old, new].map(|service| format!("{}_{service}", scene.name));
        // The engine tells what it remembers from this moment on first, so that nothing depends on when it begins to listen.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let since = format!("{}.{:09}", now.as_secs(), now.subsec_nanos());
        let filter = ["--filter", "type=service", "--format", "{{json .Actor}}"];
        let words = [&["events", "--since", &since][..], &filter].concat();
        let mut events = manager.command(&words).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(events.stdout.take().unwrap()).lines();
        let steps = Arc::new(Mutex::new(vec![asked_for(&manager, &services)]));
        let reader = {
            let (steps, services) = (Arc::clone(&steps), services.clone());
            std::thread::spawn(move || {
                for line in lines {
                    let mut steps = steps.lock().unwrap();
                    let before = *steps.last().unwrap();
                    let after = step_after(before, &json(&line.unwrap())["Attributes"], &services);
                    if after != before {
                        steps.push(after);
                    }
                }
            })
        };
        Trace {
            manager,
            services,
            events,
            reader,
            steps,
        }
    }

    fn ended(mut self) -> Vec<Step> {
        let asked_for = asked_for(&self.manager, &self.services);
        wait_for("the event of the last step", Duration::from_secs(20), || {
            match *self.steps.lock().unwrap().last().unwrap() {
                last if last == asked_for => Ok(()),
                last => Err(format!("{last:?}, and the cluster is asked for {asked_for:?}")),
            }
        });
        self.events.kill().unwrap();
        self.events.wait().unwrap();
        self.reader.join().unwrap();
        let steps = self.steps.lock().unwrap();
        steps.clone()
    }
}

/// What an event of a service changes; one that says no number of replicas changes none.
fn step_after((old, new): Step, attributes: &Value, services: &[String; 2]) -> Step {
    let replicas = attributes["replicas.new"]
        .as_str()
        .map(|number| number.parse().unwrap());
    match (attributes["name"].as_str(), replicas) {
        (Some(name), Some(replicas)) if name == services[0] => (replicas, new),
        (Some(name), Some(replicas)) if name == services[1] => (old, replicas),
        _ => (old, new),
    }
}

/// As the cluster lists them now; a service that is not there has none.
fn asked_for(manager: &LocalHost, services: &[String; 2]) -> Step {
    let listed = manager.docker(&["service", "ls", "--format", "{{.Name}} {{.Replicas}}"]);
    let [old, new] = services.each_ref().map(|service| {
        let replicas = listed
            .lines()
            .find_map(|line| line.strip_prefix(service)?.strip_prefix(' '));
        replicas
            .and_then(|replicas| replicas.split_once('/')?.1.split(' ').next()?.parse().ok())
            .unwrap_or(0)
    });
    (old, new)
}

#[test]
fn a_service_takes_anothers_place_step_by_step_and_no_call_fails() {
    let scene = Scene::with("rolling", COMPOSE);
    scene.hoist(&["up", "--scale", "blue=2", "caller"]);
    let (old, new) = it_takes_the_steps_that_are_said(&scene);
    what_never_gets_healthy_is_taken_back(&scene, old);
    the_way_back_is_there_until_it_is_cleaned_up(&scene, old, new);
    a_host_is_drained_and_comes_back(&scene);
    ends_without_a_failed_call(&scene, &["caller"]);
}

/// Gives what runs in the end and what it took the place of.
fn it_takes_the_steps_that_are_said(scene: &Scene) -> (&'static str, &'static str) {
    // Old, new, batch, and the steps between.
    type Way = (u64, u64, u64, &'static [Step]);
    let ways: [Way; 6] = [
        (2, 5, 2, &[(2, 0), (2, 2), (2, 4), (1, 4), (1, 5), (0, 5)]),
        (1, 1, 1, &[(1, 0), (1, 1), (0, 1)]),
        (3, 2, 1, &[(3, 0), (3, 1), (1, 1), (1, 2), (0, 2)]),
        (2, 4, 4, &[(2, 0), (2, 4), (0, 4)]),
        (4, 3, 2, &[(4, 0), (4, 2), (1, 2), (1, 3), (0, 3)]),
        (1, 3, 2, &[(1, 0), (1, 2), (1, 3), (0, 3)]),
    ];
    let (mut old, mut new) = ("blue", "green");
    for (from, to, batch, steps) in ways {
        let (from, to, batch) = (format!("{old}={from}"), to.to_string(), batch.to_string());
        scene.hoist(&["--profile", "next", "scale", &from]);
        let trace = Trace::of(scene, old, new);
        let words = [
            "--profile",
            "next",
            "upgrade",
            old,
            new,
            "--scale",
            &to,
            "--batch-size",
            &batch,
        ];
        scene.hoist(&[&words[..], &["--interval", "500ms"]].concat());
        assert_eq!(trace.ended(), steps, "{from} to {to} by {batch}");
        (old, new) = (new, old);
    }
    (old, new)
}

fn what_never_gets_healthy_is_taken_back(scene: &Scene, old: &str) {
    let words = ["--profile", "next", "upgrade", old, "ill", "--timeout", "15s"];
    let refused = scene.run(&words);
    assert_eq!(refused.status.code(), Some(40));
    let said = text(&refused.stderr);
    assert!(said.contains(&format!("`{old}` has 3 and `ill` 0 replicas")), "{said}");
    assert!(said.contains("healthcheck"), "{said}");
}

fn the_way_back_is_there_until_it_is_cleaned_up(scene: &Scene, old: &str, new: &str) {
    let services = || scene.hosts()[0].docker(&["service", "ls", "--format", "{{.Name}}"]);
    let way_back = format!("{}_{new}", scene.name);
    assert!(services().contains(&way_back), "{}", services());
    scene.hoist(&[
        "--profile",
        "next",
        "upgrade",
        old,
        new,
        "--cleanup",
        "--interval",
        "0s",
    ]);
    let replaced = format!("{}_{old}", scene.name);
    assert!(!services().contains(&replaced), "{}", services());
}

fn a_host_is_drained_and_comes_back(scene: &Scene) {
    let replicas = || {
        let hosts = scene.hosts();
        let of = |host: &LocalHost| ["blue", "green"].map(|service| host.running(service).len());
        hosts
            .iter()
            .map(|host| of(host).into_iter().sum())
            .collect::<Vec<usize>>()
    };
    let all: usize = replicas().iter().sum();
    scene.hoist(&["hosts", "drain", "lab-2"]);
    let now = replicas();
    assert_eq!((now[1], now.iter().sum()), (0, all), "{now:?}");
    scene.hoist(&["hosts", "activate", "lab-2"]);
}
