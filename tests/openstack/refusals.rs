//! What a cloud cannot or will not give: told in words that help, and taken up by the next run.

use serde_json::Value;

use crate::cloud::{assert_tagged, count, names, words};
use crate::laboratory::{Laboratory, POOL, STOPS_AT_DOCKER};

const SERVICE: &str = "services: {page: {image: registry.invalid/page}}";

fn compose(hosts: &str) -> String {
    format!("x-hosts: {{web: {hosts}}}\n{STOPS_AT_DOCKER}\n{SERVICE}\n")
}

#[track_caller]
fn refused(laboratory: &Laboratory, parts: &[&str]) {
    let output = laboratory.hoist(&["up"]);
    let said = words(&output);
    assert!(!output.status.success(), "{said}");
    for part in parts {
        assert!(said.contains(part), "no `{part}`: {said}");
    }
}

#[test]
fn what_the_cloud_does_not_have_is_told_with_what_it_has_before_a_server_is_made() {
    let laboratory = Laboratory::with(&compose("{openstack: {flavor: m9.huge}}"));
    refused(
        &laboratory,
        &["no flavor `m9.huge` in the cloud", "hint: there is", "`m1.small`"],
    );
    laboratory.write(&compose("{openstack: {image: windows-95}}"));
    refused(&laboratory, &["no image `windows-95` in the cloud", "`debian-12`"]);
    laboratory.write(&compose("{openstack: {security_groups: [nobodys]}}"));
    refused(&laboratory, &["no security group `nobodys` in the cloud", "`default`"]);
    assert_eq!(count(&laboratory.cloud.inventory(), "servers"), 0);
    laboratory.down_to_nothing();
    for (key, kind) in [
        ("network: nowhere", "no network `nowhere` in the cloud"),
        (
            "network: {name: app, router: {external: nowhere}}",
            "no external network `nowhere` in the cloud",
        ),
    ] {
        let file = format!(
            "name: trial\nx-openstack: {{cloud: lab, image: debian-12, flavor: m1.small, allow: [10.20.0.1/32], {key}}}\n{}",
            compose("{openstack: {}}")
        );
        laboratory.write_file("project/compose.yaml", &file);
        refused(&laboratory, &[kind, "`public`"]);
    }
}

#[test]
fn a_quota_is_told_as_one_and_the_next_run_makes_what_it_kept_back() {
    let laboratory = Laboratory::with(&compose("{count: 2, openstack: {}}"));
    let cloud = &laboratory.cloud;
    cloud.administrate(&["quota", "set", "--instances", "1", "demo"]);
    let output = laboratory.hoist(&["up"]);
    cloud.administrate(&["quota", "set", "--instances", "10", "demo"]);
    let said = words(&output);
    assert!(said.contains("Quota exceeded for instances"), "{said}");
    assert!(
        said.contains("hint: ask for more quota, or make fewer or smaller hosts"),
        "{said}"
    );
    let there = cloud.inventory();
    assert_tagged(&there, POOL);
    // Both are asked for at once. The second is refused; or the cloud takes both, counts again before it builds each, and finds
    // one or both to be too many.
    let servers = there["servers"].as_array().unwrap();
    let running = servers.iter().filter(|server| server["status"] == "ACTIVE").count();
    assert!(running <= 1, "{there:#}");
    laboratory.up_to_docker();
    assert_eq!(names(&cloud.inventory(), "servers"), ["trial-web-1", "trial-web-2"]);
    laboratory.down_to_nothing();
}

#[test]
fn a_server_in_error_tells_its_fault_and_is_made_anew() {
    let laboratory = Laboratory::with(&compose("{openstack: {flavor: m9.huge}}"));
    let cloud = &laboratory.cloud;
    cloud.administrate(&["flavor", "create", "--disk", "100000", "m9.huge"]);
    let output = laboratory.hoist(&["up"]);
    cloud.administrate(&["flavor", "delete", "m9.huge"]);
    let said = words(&output);
    assert!(
        said.contains("server `trial-web-1` is in ERROR: No valid host was found"),
        "{said}"
    );
    assert!(said.contains("hint: the next run makes it anew"), "{said}");
    assert_eq!(cloud.inventory()["servers"][0]["status"], "ERROR");
    laboratory.write(&compose("{openstack: {}}"));
    laboratory.up_to_docker();
    let there = cloud.inventory();
    assert_eq!(names(&there, "servers"), ["trial-web-1"]);
    assert_eq!(there["servers"][0]["status"], "ACTIVE");
    assert_eq!(count(&there, "floating_ips"), 1);
    laboratory.down_to_nothing();
}

#[test]
fn a_build_that_does_not_end_is_told_and_waited_for_by_the_next_run() {
    let laboratory = Laboratory::with(&compose("{openstack: {timeout: 6s}}"));
    let cloud = &laboratory.cloud;
    let hold = cloud.hold();
    refused(
        &laboratory,
        &[
            "server `trial-web-1` is BUILD (spawning) after",
            "hint: the next run goes on waiting",
        ],
    );
    let id = |there: &Value| there["servers"][0]["id"].clone();
    let building = cloud.inventory();
    drop(hold);
    laboratory.write(&compose("{openstack: {}}"));
    laboratory.up_to_docker();
    let there = cloud.inventory();
    assert_eq!(id(&there), id(&building), "the same server");
    assert_eq!(count(&there, "servers"), 1);
    laboratory.down_to_nothing();
}
