//! `upgrade OLD NEW`: what each of the two has at every step, as the cluster's managers are asked for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use crate::scene::{LocalHost, Scene, text};

/// The numbers of replicas that the cluster is asked for, as one of its managers says them.
struct Trace {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Vec<(u64, u64)>>,
}

impl Trace {
    fn of(scene: &Scene, host: LocalHost, old: &str, new: &str) -> Trace {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let names = [old, new].map(|service| format!("{}_{service}", scene.name));
        let thread = std::thread::spawn(move || {
            let mut seen: Vec<(u64, u64)> = Vec::new();
            loop {
                let last = stopped.load(Ordering::Relaxed);
                let [old, new] = &names;
                let listed = host.docker(&["service", "ls", "--format", "{{.Name}} {{.Replicas}}"]);
                let wanted = |name: &str| {
                    let line = listed
                        .lines()
                        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
                    line.and_then(|replicas| replicas.split_once('/')?.1.split(' ').next()?.parse().ok())
                        .unwrap_or(0)
                };
                let now = (wanted(old), wanted(new));
                if seen.last() != Some(&now) {
                    seen.push(now);
                }
                if last {
                    return seen;
                }
            }
        });
        Trace { stop, thread }
    }

    fn ended(self) -> Vec<(u64, u64)> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

pub fn a_service_takes_anothers_place_step_by_step(scene: &Scene) {
    let manager = || scene.hosts().remove(0);

    // Old, new, batch, and the steps between.
    type Way = (u64, u64, u64, &'static [(u64, u64)]);
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
        let trace = Trace::of(scene, manager(), old, new);
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

    // What never gets healthy is taken back, and the old one serves on.
    let words = ["--profile", "next", "upgrade", old, "ill", "--timeout", "15s"];
    let refused = scene.run(&words);
    assert_eq!(refused.status.code(), Some(40));
    let said = text(&refused.stderr);
    assert!(said.contains(&format!("`{old}` has 3 and `ill` 0 replicas")), "{said}");
    assert!(said.contains("healthcheck"), "{said}");

    // The way back is there until it is cleaned up; a plain `up` leaves all as it is.
    let plan = scene.hoist(&["--profile", "next", "up", "--dry-run", "blue", "green"]);
    println!("{plan}");
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
    let left = manager().docker(&["service", "ls", "--format", "{{.Name}}"]);
    assert!(!left.contains(&format!("{}_{old}", scene.name)), "{left}");
}
