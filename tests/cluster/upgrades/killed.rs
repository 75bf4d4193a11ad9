//! Hoist killed at random moments of all that changes services: the next command finishes or undoes, and nothing stays behind.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::process::Stdio;
use std::time::Duration;

use super::{COMPOSE, ends_without_a_failed_call};
use crate::scene::{Scene, text, wait_for};

/// Runs that are killed.
const KILLS: usize = 50;
/// Runs that are killed one after another before one is left to end.
const IN_A_ROW: usize = 28;
/// The latest moment: by then most runs are in the middle of what they do.
const LATEST: usize = 2000;

struct Run {
    words: Vec<String>,
    version: usize,
}

impl Run {
    fn new(version: usize, words: &str) -> Run {
        Run {
            words: words.split(' ').map(str::to_owned).collect(),
            version,
        }
    }

    fn command(&self, scene: &Scene) -> std::process::Command {
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        let mut command = scene.command(&words);
        command.env("VERSION", self.version.to_string());
        command
    }

    /// Whether it was killed before it ended.
    fn is_killed(&self, scene: &Scene) -> bool {
        let moment = Duration::from_millis((RandomState::new().build_hasher().finish() % LATEST as u64) + 50);
        let mut command = self.command(scene);
        let mut running = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(moment);
        let ended = running.try_wait().unwrap();
        running.kill().unwrap();
        running.wait().unwrap();
        println!("{:?} killed after {moment:.1?}; ended before: {ended:?}", self.words);
        ended.is_none()
    }

    fn done(&self, scene: &Scene) {
        let output = self.command(scene).output().unwrap();
        println!("{:?}: {}\n{}", self.words, output.status, text(&output.stderr));
        assert!(output.status.success());
    }
}

#[test]
fn the_run_after_a_killed_one_finishes_or_undoes_and_no_call_fails() {
    let scene = Scene::with("killed", COMPOSE);
    scene.hoist(&["up", "--scale", "blue=2"]);
    let (mut old, mut new) = ("blue", "green");
    let mut kills = 0;
    let mut version = 10;
    while kills < KILLS {
        let upgrade = format!("--profile next upgrade {old} {new} --scale 2 --batch-size 1 --interval 0s");
        for number in 0..IN_A_ROW {
            version += 1;
            let run = match number % 5 {
                0 => Run::new(version, "up site visitor"),
                1 => Run::new(version, &format!("scale site={}", 2 + number / 2 % 3)),
                2 => Run::new(version, "up --upgrade site"),
                3 => Run::new(version, "rollback"),
                _ => Run::new(version, &upgrade),
            };
            kills += usize::from(run.is_killed(&scene));
        }
        Run::new(version, &upgrade).done(&scene);
        Run::new(version, "up").done(&scene);
        nothing_stays_behind(&scene, version);
        (old, new) = (new, old);
    }
    println!("{kills} kills");
    ends_without_a_failed_call(&scene, &["caller", "visitor"]);
}

fn nothing_stays_behind(scene: &Scene, version: usize) {
    let plan = Run::new(version, "plan").command(scene).output().unwrap();
    assert!(text(&plan.stdout).contains("nothing to do"), "{}", text(&plan.stdout));
    let wanted = version.to_string();
    // Replicas that an interrupted run had replaced may still be stopping.
    wait_for(
        "replicas of the last version alone",
        Duration::from_secs(30),
        || match super::in_service::versions(scene) {
            versions if versions == [&*wanted, &*wanted, &*wanted] => Ok(()),
            versions => Err(format!("{versions:?}")),
        },
    );
    let hosts = scene.hosts();
    let configs = hosts[0].docker(&["config", "ls", "--format", "{{.Name}}"]);
    let unfinished = |name: &&str| name.starts_with("hoist-before-") || name.starts_with("hoist-lock-");
    assert_eq!(
        configs.lines().filter(unfinished).collect::<Vec<_>>(),
        Vec::<&str>::new()
    );
    let services = hosts[0].docker(&["service", "ls", "--quiet"]);
    for host in &hosts {
        let service = "{{.Label \"com.docker.swarm.service.id\"}} {{.Names}}";
        for container in host.docker(&["ps", "--all", "--format", service]).lines() {
            let (service, name) = container.split_once(' ').unwrap();
            assert!(
                services.lines().any(|known| service.starts_with(known)),
                "{name} on {}",
                host.name
            );
        }
        let networks = host.docker(&["network", "ls", "--filter", "driver=overlay", "--format", "{{.Name}}"]);
        let own = |name: &str| name == "ingress" || name == format!("{}_default", scene.name);
        assert!(networks.lines().all(own), "{networks}");
    }
}
