//! The first container: a host is ready once its engine has run one, and not before.

use std::sync::Mutex;
use std::time::Instant;

use hoist::bootstrap::{BootstrapError, Progress, ReadyHost, Settings, bootstrap};
use hoist::hosts::Host;

use super::house::House;

/// What it leaves on the host's engine, which is asked with the host's own client.
const LEFT: &str = "docker ps --all --quiet; docker images --quiet";

async fn told(house: &House, host: &Host, settings: &Settings) -> (Result<ReadyHost, BootstrapError>, Vec<Progress>) {
    let told = Mutex::new(Vec::new());
    let keyring = house.keyring(std::slice::from_ref(host));
    let progress = |progress| told.lock().unwrap().push(progress);
    let ended = bootstrap(host, settings, &keyring, house.runtime(), &progress).await;
    (ended, told.into_inner().unwrap())
}

/// On a bare host and on one whose engine was there: run once, removed, and a failure names the host and the engine's words.
#[tokio::test(flavor = "multi_thread")]
async fn a_host_is_ready_once_a_container_ran_on_it() {
    let house = House::new("first");
    let hosts = house.make(&[("lab-1", "debian:12")]).await;
    let (host, settings) = (&hosts[0], house.settings());
    let starts = |told: &[Progress]| {
        let starting = |progress: &&Progress| **progress == Progress::StartingFirstContainer;
        told.iter().filter(starting).count()
    };

    let (ready, progress) = told(&house, host, &settings).await;
    ready.unwrap();
    assert_eq!(starts(&progress), 1);
    assert_eq!(house.inside(host, LEFT), "");
    let (ready, progress) = told(&house, host, &settings).await;
    assert!(!ready.unwrap().changed);
    assert_eq!(starts(&progress), 0, "it was run again");

    // An engine that was there before, answers, and can start nothing.
    let runtime = house.inside(host, "command -v runc").trim().to_owned();
    house.inside(
        host,
        &format!("rm /etc/hoist/first-container; mv {runtime} {runtime}.away"),
    );
    let (refused, _) = told(&house, host, &settings).await;
    let error = refused.unwrap_err();
    assert!(
        matches!(&error, BootstrapError::FirstContainer { host, reason } if host == "lab-1" && reason.contains("runc")),
        "{error:?}"
    );
    assert!(error.hint().unwrap().contains("hoist hosts ssh lab-1"));
    assert_eq!(house.inside(host, LEFT), "");

    // Once mended, the next run takes up what an interrupted one left.
    house.inside(host, &format!("mv {runtime}.away {runtime}"));
    house.inside(
        host,
        "tar --create --files-from /dev/null | docker import - hoist-first-container:check; \
         docker create --name hoist-first-container hoist-first-container:check /exit",
    );
    let began = Instant::now();
    let (ready, progress) = told(&house, host, &settings).await;
    println!("a ready host with its first container: {:.2?}", began.elapsed());
    assert!(!ready.unwrap().changed);
    assert_eq!(starts(&progress), 1);
    assert_eq!(house.inside(host, LEFT), "");
}
