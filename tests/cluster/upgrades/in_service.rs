//! `up --upgrade`, and what leads out of it: confirmed, rolled back, cancelled, gone on with; and changes that cannot come up.

use std::process::{Output, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::{COMPOSE, ends_without_a_failed_call};
use crate::scene::{Scene, text, wait_for};

/// `up --upgrade site` with these variables.
fn upgrade(scene: &Scene, variables: &[(&str, &str)], more: &[&str]) -> Output {
    let words = [&["up", "--upgrade", "site"], more].concat();
    let output = scene.command(&words).envs(variables.iter().copied()).output().unwrap();
    println!("{variables:?} {words:?}: {}\n{}", output.status, text(&output.stderr));
    output
}

/// From a folder without a Compose file: the project's name is all that is known.
fn by_name(scene: &Scene, words: &[&str]) -> Output {
    let elsewhere = tempfile::tempdir().unwrap();
    let output = scene.command(words).current_dir(elsewhere.path()).output().unwrap();
    println!("{words:?}: {}\n{}", output.status, text(&output.stderr));
    output
}

fn specification(scene: &Scene) -> Value {
    scene.hosts()[0].inspect("service", &format!("{}_site", scene.name))["Spec"].clone()
}

/// The versions of the replicas that run, as their containers have them.
pub fn versions(scene: &Scene) -> Vec<String> {
    let mut found = Vec::new();
    for host in scene.hosts() {
        for container in host.containers("site") {
            let environment = container["Config"]["Env"].as_array().unwrap();
            let environment = environment.iter().filter_map(Value::as_str);
            found.extend(
                environment
                    .filter_map(|entry| entry.strip_prefix("VERSION=site-"))
                    .map(str::to_owned),
            );
        }
    }
    found.sort();
    found
}

/// How `ps` says that the service stands.
fn stands(scene: &Scene) -> Value {
    let rows = scene.hoist_json(&["ps", "--format", "json", "site"]);
    rows[0]["upgrade"].clone()
}

fn kept(scene: &Scene) -> String {
    scene.hosts()[0].docker(&["config", "ls", "--quiet", "--filter", "label=dev.hoist.kept"])
}

#[test]
fn a_service_is_changed_confirmed_and_rolled_back_and_no_call_fails() {
    let scene = Scene::with("in-service", COMPOSE);
    scene.hoist(&["up", "visitor"]);
    nothing_is_upgraded(&scene);
    it_is_rolled_back_to_exactly_what_it_was(&scene);
    it_is_confirmed(&scene);
    what_cannot_be_had_or_placed_changes_nothing(&scene);
    what_does_not_come_up_pauses_and_is_rolled_back(&scene);
    it_is_cancelled_and_gone_on_with(&scene);
    ends_without_a_failed_call(&scene, &["visitor"]);
}

fn nothing_is_upgraded(scene: &Scene) {
    for command in ["confirm", "rollback", "cancel", "resume"] {
        let refused = by_name(scene, &[command, "site"]);
        assert_eq!(refused.status.code(), Some(12));
        let said = text(&refused.stderr);
        assert!(said.contains("`site` was not upgraded in place"), "{said}");
    }
    assert!(by_name(scene, &["confirm"]).status.success());
}

fn it_is_rolled_back_to_exactly_what_it_was(scene: &Scene) {
    let before = specification(scene);
    assert!(
        upgrade(scene, &[("VERSION", "2")], &["--batch-size", "2"])
            .status
            .success()
    );
    assert_eq!(versions(scene), ["2", "2", "2"]);
    assert_eq!(stands(scene), "upgraded, not confirmed");
    assert!(scene.hoist(&["ps"]).contains("upgraded, not confirmed"));
    // What ran before outlives changes that the cluster itself would remember instead, and upgrades on top of it.
    scene.hoist(&["scale", "site=4"]);
    assert!(upgrade(scene, &[("VERSION", "3")], &[]).status.success());
    assert_eq!(versions(scene), ["3", "3", "3"]);
    assert!(by_name(scene, &["rollback"]).status.success());
    assert_eq!(versions(scene), ["1", "1", "1"]);
    assert_eq!(specification(scene), before);
    assert_eq!((stands(scene), kept(scene)), (Value::Null, String::new()));
    assert!(scene.hoist(&["plan", "visitor"]).contains("nothing to do"));
}

fn it_is_confirmed(scene: &Scene) {
    assert!(upgrade(scene, &[("VERSION", "2")], &[]).status.success());
    assert_ne!(kept(scene), "");
    let replicas = versions(scene);
    assert!(by_name(scene, &["up", "--confirm-upgrade", "site"]).status.success());
    assert_eq!((stands(scene), kept(scene)), (Value::Null, String::new()));
    assert_eq!(versions(scene), replicas);
    assert_eq!(by_name(scene, &["rollback", "site"]).status.code(), Some(12));
    // An `up` that is not an upgrade confirms by itself what was upgraded before.
    assert!(upgrade(scene, &[("VERSION", "1")], &[]).status.success());
    scene.hoist(&["up", "visitor"]);
    assert_eq!((stands(scene), kept(scene)), (Value::Null, String::new()));
    assert_eq!(versions(scene), ["1", "1", "1"]);
}

fn what_cannot_be_had_or_placed_changes_nothing(scene: &Scene) {
    let before = specification(scene);
    let none = upgrade(scene, &[("SITE_IMAGE", "registry.invalid/none:1")], &[]);
    assert_eq!(none.status.code(), Some(30));
    let nowhere = upgrade(scene, &[("PLACED", "node.platform.os != linux")], &[]);
    assert_eq!(nowhere.status.code(), Some(12));
    assert_eq!(specification(scene), before);
    assert_eq!(versions(scene), ["1", "1", "1"]);
}

fn what_does_not_come_up_pauses_and_is_rolled_back(scene: &Scene) {
    let before = specification(scene);
    for (fault, words) in [("BROKEN", "healthcheck: exit code 1"), ("EXITS", "exited with code 7")] {
        let stopped = upgrade(scene, &[("VERSION", "2"), (fault, "7"), ("COMES_UP", "0s")], &[]);
        assert_eq!(stopped.status.code(), Some(40));
        let said = text(&stopped.stderr);
        assert!(said.contains("`hoist resume site`") && said.contains(words), "{said}");
        assert_eq!(stands(scene), "upgrade paused");
        let old = versions(scene).into_iter().filter(|version| version == "1").count();
        assert_eq!(old, 3, "the old ones serve on");
        assert_eq!(by_name(scene, &["confirm", "site"]).status.code(), Some(12));
        assert!(by_name(scene, &["rollback", "site"]).status.success());
        assert_eq!(versions(scene), ["1", "1", "1"]);
        assert_eq!(specification(scene), before);
    }
}

fn it_is_cancelled_and_gone_on_with(scene: &Scene) {
    let words = ["up", "--upgrade", "site", "--interval", "10s"];
    let mut command = scene.command(&words);
    let under_way = command
        .env("VERSION", "2")
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let count = || versions(scene).into_iter().filter(|version| version == "2").count();
    wait_for("the first new replica", Duration::from_secs(60), || match count() {
        0 => Err("none".to_owned()),
        _ => Ok(()),
    });
    assert!(by_name(scene, &["cancel", "site"]).status.success());
    let ended = under_way.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(40), "{}", text(&ended.stderr));
    assert!(text(&ended.stderr).contains("cancelled"), "{}", text(&ended.stderr));
    std::thread::sleep(Duration::from_secs(5));
    assert!((1..3).contains(&count()), "{} of 3 are new", count());
    assert_eq!(stands(scene), "upgrade cancelled");
    assert!(by_name(scene, &["resume"]).status.success());
    assert_eq!(versions(scene), ["2", "2", "2"]);
    assert_eq!(stands(scene), "upgraded, not confirmed");
    assert!(by_name(scene, &["rollback"]).status.success());
    assert_eq!(versions(scene), ["1", "1", "1"]);
}
