//! Servers made at once, whatever else is in the cloud, and the removal of exactly what was made.

use std::time::{Duration, Instant};

use crate::cloud::{count, names};
use crate::laboratory::{Laboratory, STOPS_AT_DOCKER};

#[test]
fn three_servers_are_made_at_once_and_removed_beside_those_of_other_people() {
    let laboratory = Laboratory::with(&format!(
        "x-hosts: {{web: {{count: 3, openstack: {{server_group: soft-anti-affinity}}}}}}\n{STOPS_AT_DOCKER}\n\
         services: {{page: {{image: registry.invalid/page}}}}\n"
    ));
    let cloud = &laboratory.cloud;
    // Somebody else's, of the names that Hoist gives, in the same project of the cloud.
    cloud.typed(
        "network create app
        subnet create --network app --subnet-range 10.77.0.0/24 app
        router create trial
        security group create hoist-trial
        floating ip create public
        port create --network app trial-web-1
        server create --image debian-12 --flavor m1.tiny --network app --wait trial-web-1\n",
    );
    let others = cloud.inventory();
    assert_eq!(
        [
            count(&others, "servers"),
            count(&others, "ports"),
            count(&others, "routers")
        ],
        [1, 2, 1]
    );

    let hold = cloud.hold();
    let mut running = laboratory.begin(&["up"]);
    let began = Instant::now();
    // None of them ends its build, so one after another there would be one.
    while count(&cloud.inventory(), "servers") < 4 {
        assert!(began.elapsed() < Duration::from_secs(100), "{:#}", cloud.inventory());
        assert_eq!(running.try_wait().unwrap(), None, "{:#}", cloud.inventory());
    }
    let building = cloud.ask(&["server", "list", "--status", "BUILD"]);
    assert_eq!(building.as_array().unwrap().len(), 3, "{building}");
    drop(hold);
    assert!(!running.wait().unwrap().success());
    let there = cloud.inventory();
    assert_eq!(
        names(&there, "servers"),
        ["trial-web-1", "trial-web-1", "trial-web-2", "trial-web-3"]
    );
    assert_eq!(names(&there, "server_groups"), ["hoist-trial-web"]);
    let groups = cloud.ask(&["server", "group", "list", "--long"]);
    assert_eq!(groups[0]["Members"].to_string().matches('-').count(), 3 * 4, "{groups}");
    assert_eq!(
        count(&there, "networks"),
        2,
        "another's network is not taken: {there:#}"
    );

    // A second run makes nothing twice, and asks as little for three as it would for one.
    let calls = cloud.watch();
    laboratory.up_to_docker();
    let asked = calls.of_hoist();
    assert!(asked.len() <= 8, "{} calls: {asked:#?}", asked.len());
    assert_eq!(cloud.inventory(), there);

    laboratory.done(&["down", "--hosts"]);
    assert_eq!(cloud.inventory(), others, "exactly what the pool made is gone");
}
