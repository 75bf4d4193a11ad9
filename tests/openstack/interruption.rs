//! Hoist killed at random points of `up` and `down`: what is there carries the pool's mark, and the next run ends right.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

use serde_json::Value;

use crate::cloud::{assert_marked, assert_tagged, count, names};
use crate::laboratory::{Laboratory, POOL, STOPS_AT_DOCKER};

/// Runs that are killed, of `up` and of `down` together.
const KILLS: usize = 30;

/// Runs that are killed one after another before one is left to end.
const IN_A_ROW: usize = 8;

/// Kills a run after a random number of its calls, and a random moment later. A run that ends first is none.
fn is_cut_off(laboratory: &Laboratory, command: &[&str], calls_of_a_run: usize) -> bool {
    let random = |below: usize| RandomState::new().build_hasher().finish() as usize % below;
    let (point, moment) = (random(calls_of_a_run), Duration::from_millis(random(300) as u64));
    let calls = laboratory.cloud.watch();
    let mut running = laboratory.begin(command);
    while calls.of_hoist().len() < point && running.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(5));
    }
    std::thread::sleep(moment);
    let ended = running.try_wait().unwrap();
    running.kill().unwrap();
    running.wait().unwrap();
    println!("{command:?} killed after {point} of {calls_of_a_run} calls and {moment:?}, ended before: {ended:?}");
    ended.is_none()
}

/// One of each thing for the one host, and all of it running.
#[track_caller]
fn assert_complete(there: &Value, said: &str) {
    assert_tagged(there, POOL);
    assert_eq!(names(there, "servers"), ["trial-web-1"], "{said}");
    assert_eq!(there["servers"][0]["status"], "ACTIVE", "{said}");
    assert_eq!(names(there, "ports"), ["trial-router", "trial-web-1"], "{said}");
    for kind in [
        "networks",
        "subnets",
        "routers",
        "security_groups",
        "floating_ips",
        "keypairs",
    ] {
        assert_eq!(count(there, kind), 1, "{kind}: {said} {there:#}");
    }
    assert_eq!(there["server_groups"][0]["name"], "hoist-trial-web", "{said}");
    let rules = there["security_groups"][0]["rules"].as_array().unwrap();
    // SSH, the Docker API, four of the cluster, and the published port for both versions of addresses.
    assert_eq!(rules.len(), 8, "{rules:#?}");
}

#[test]
fn killed_at_any_point_the_next_run_makes_or_removes_the_rest() {
    let laboratory = Laboratory::with(&format!(
        "x-hosts: {{web: {{openstack: {{server_group: soft-anti-affinity}}}}}}\n{STOPS_AT_DOCKER}\n\
         services: {{page: {{image: registry.invalid/page, ports: ['8080:80']}}}}\n"
    ));
    let cloud = &laboratory.cloud;
    // How many calls a run takes is learned of whole ones.
    let calls = cloud.watch();
    let said = laboratory.up_to_docker();
    let calls_of_up = calls.of_hoist().len();
    assert_complete(&cloud.inventory(), &said);
    let calls = cloud.watch();
    laboratory.down_to_nothing();
    let calls_of_down = calls.of_hoist().len();

    let mut kills = 0;
    while kills < KILLS {
        // Again and again: what goes on from an interrupted run is interrupted as well.
        for _ in 0..IN_A_ROW {
            kills += usize::from(is_cut_off(&laboratory, &["up"], calls_of_up));
            assert_marked(&cloud.inventory(), POOL);
        }
        let said = laboratory.up_to_docker();
        assert_complete(&cloud.inventory(), &said);
        for _ in 0..IN_A_ROW {
            kills += usize::from(is_cut_off(&laboratory, &["down", "--hosts"], calls_of_down));
            assert_marked(&cloud.inventory(), POOL);
        }
        laboratory.down_to_nothing();
    }
    println!("{kills} kills");
}
