//! Faults of the services at single calls: whatever is lost, nothing is made twice and nothing is left.

use crate::cloud::{assert_tagged, count, names};
use crate::laboratory::{Laboratory, POOL, STOPS_AT_DOCKER};

#[test]
fn lost_answers_busy_services_conflicts_and_expired_tokens_leave_one_of_each_thing() {
    let laboratory = Laboratory::with(&format!(
        "x-hosts: {{web: {{openstack: {{}}}}}}\n{STOPS_AT_DOCKER}\nservices: {{page: {{image: registry.invalid/page}}}}\n"
    ));
    let cloud = &laboratory.cloud;
    let calls = cloud.watch();
    cloud.faults(&[
        "keystone POST /auth/tokens 503 before",
        "neutron POST /networks 502 after",
        "neutron POST /subnets drop after",
        "neutron POST /routers 500 before",
        "neutron POST /security-groups 429 before",
        "neutron POST /security-group-rules 504 after",
        "neutron POST /ports 504 after",
        "neutron POST /ports 409 after",
        "neutron POST /floatingips drop after",
        "neutron PUT /add_router_interface drop after",
        "nova POST /servers 502 after",
        "nova POST /os-keypairs drop after",
        "nova GET /servers/detail 401 before",
        "neutron GET /networks drop before",
    ]);
    let said = laboratory.up_to_docker();
    let there = cloud.inventory();
    assert_eq!(cloud.faults_left(), "", "every fault was met: {said}");
    assert_tagged(&there, POOL);
    assert_eq!(names(&there, "servers"), ["trial-web-1"], "{said}");
    assert_eq!(names(&there, "ports"), ["trial-router", "trial-web-1"], "{said}");
    let once = [
        "networks",
        "subnets",
        "routers",
        "floating_ips",
        "security_groups",
        "keypairs",
    ];
    for kind in once {
        assert_eq!(count(&there, kind), 1, "{kind}: {said}");
    }
    assert_eq!(
        there["security_groups"][0]["rules"].as_array().unwrap().len(),
        6,
        "{there:#}"
    );
    // What was lost was looked for, and not asked for again; what was refused for a while was.
    let asked = calls.of_hoist();
    let times = |call: &str| asked.iter().filter(|asked| asked.starts_with(call)).count();
    assert_eq!(times("neutron POST /v2.0/networks?"), 1, "{asked:#?}");
    assert_eq!(times("nova POST /v2.1/servers?"), 1, "{asked:#?}");
    assert_eq!(times("neutron POST /v2.0/security-groups?"), 2, "{asked:#?}");
    assert!(
        times("keystone POST /v3/auth/tokens?") >= 3,
        "a new token after each refusal: {asked:#?}"
    );

    cloud.faults(&[
        "nova DELETE /servers drop after",
        "neutron DELETE /ports 503 before",
        "neutron DELETE /routers 409 before",
        "neutron DELETE /networks drop after",
        "neutron PUT /remove_router_interface drop after",
        "neutron DELETE /security-groups 429 before",
    ]);
    laboratory.down_to_nothing();
    assert_eq!(cloud.faults_left(), "");
}

#[test]
fn a_cloud_that_stays_away_is_told_and_the_next_run_goes_on() {
    let laboratory = Laboratory::with(&format!(
        "x-hosts: {{web: {{openstack: {{}}}}}}\n{STOPS_AT_DOCKER}\nservices: {{page: {{image: registry.invalid/page}}}}\n"
    ));
    let cloud = &laboratory.cloud;
    cloud.faults(&["neutron POST /routers 503 before"; 6]);
    let said = crate::cloud::words(&laboratory.hoist(&["up"]));
    assert!(
        said.contains("error: make router `trial`: no answer from the cloud: 503"),
        "{said}"
    );
    assert!(said.contains("hint: run it again"), "{said}");
    let there = cloud.inventory();
    assert_tagged(&there, POOL);
    assert_eq!([count(&there, "networks"), count(&there, "routers")], [1, 0]);
    laboratory.down_to_nothing();
}
