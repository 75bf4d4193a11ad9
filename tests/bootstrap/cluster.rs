//! Ready hosts become one cluster, once, and leave it again.

use std::time::{Duration, Instant};

use hoist::bootstrap::{join, reach, remove_host};
use hoist::engine::{Engines, labels};

use super::house::House;

/// Bare hosts of both Debians become one cluster; the second run finds nothing to do; a host leaves again.
#[tokio::test(flavor = "multi_thread")]
async fn three_bare_hosts_become_a_cluster_once() {
    let house = House::new("cluster");
    let hosts = house
        .make(&[("lab-1", "debian:12"), ("lab-2", "debian:12"), ("lab-3", "debian:13")])
        .await;
    let settings = house.settings();

    let began = Instant::now();
    let ready = house.bootstrap_all(&hosts, &settings).await;
    let bare_to_ready = began.elapsed();
    let cluster = join(&house.pool, &ready, None, &|_, _| ()).await.unwrap();
    println!(
        "three bare hosts: ready after {bare_to_ready:.1?}, joined after {:.1?}",
        began.elapsed()
    );
    assert!(ready.iter().all(|host| host.changed));
    assert_eq!(cluster.nodes.len(), 3);
    for (host, before) in hosts.iter().zip(&ready) {
        let id = house.inside(
            host,
            "docker info --format '{{.Swarm.NodeID}} {{.Swarm.ControlAvailable}}'",
        );
        let node = &cluster.nodes[&host.name];
        assert_eq!(id.trim(), format!("{} true", node.id));
        let shown = house.inside(
            &hosts[0],
            &format!("docker node inspect {} --format '{{{{json .Spec.Labels}}}}'", node.id),
        );
        let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
        assert_eq!(shown[labels::HOST], host.name);
        assert_eq!(shown[labels::GROUP], "lab");
        assert_eq!(shown[labels::POOL], house.pool);
        assert_eq!(shown[labels::BOOTSTRAP], before.stamp);
        assert_eq!(shown["tier"], "front");
        assert_eq!(before.stamp, hoist::bootstrap::stamp(host, &settings));
    }
    let heartbeat = house.inside(
        &hosts[0],
        "docker info --format '{{.Swarm.Cluster.Spec.Dispatcher.HeartbeatPeriod}}'",
    );
    assert_eq!(heartbeat.trim(), "1s");

    let engines: Vec<String> = hosts.iter().map(|host| house.engine_start(host)).collect();
    let began = Instant::now();
    let again = house.bootstrap_all(&hosts, &settings).await;
    let second = began.elapsed();
    let rejoined = join(&house.pool, &again, None, &|_, _| ()).await.unwrap();
    println!(
        "a second run on three hosts: {second:.2?}, with the cluster {:.2?}",
        began.elapsed()
    );
    assert!(again.iter().all(|host| !host.changed));
    assert_eq!(rejoined.id, cluster.id);
    assert_eq!(
        engines,
        hosts.iter().map(|host| house.engine_start(host)).collect::<Vec<_>>()
    );

    // An operator who has the certificates already does not look at the hosts at all.
    let (engine, _) = reach(&hosts[0], &settings, &house.keyring(&hosts), house.runtime())
        .await
        .unwrap()
        .unwrap();
    engine.ping().await.unwrap();

    let engines = Engines {
        manager: Some(rejoined.manager.clone()),
        hosts: again
            .iter()
            .map(|host| (host.host.name.clone(), host.engine.clone()))
            .collect(),
    };
    remove_host(&house.pool, "lab-2", &engines, Duration::from_secs(10))
        .await
        .unwrap();
    let left = house.inside(&hosts[1], "docker info --format '{{.Swarm.LocalNodeState}}'");
    assert_eq!(left.trim(), "inactive");
    assert_eq!(house.inside(&hosts[0], "docker node ls --quiet").lines().count(), 2);
    // And comes back.
    let back = join(&house.pool, &again, None, &|_, _| ()).await.unwrap();
    assert_eq!(back.id, cluster.id);
    assert_eq!(house.inside(&hosts[0], "docker node ls --quiet").lines().count(), 3);
}

/// Interrupted in the middle of anything, a join is completed by the next; a made-anew host replaces its former node.
#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_join_is_completed_and_makes_no_second_cluster() {
    let house = House::new("rejoin");
    let hosts = house.make(&[("lab-1", "debian:12"), ("lab-2", "debian:13")]).await;
    let settings = house.settings();
    let ready = house.bootstrap_all(&hosts, &settings).await;
    for milliseconds in [30, 200, 500, 900] {
        let joining = join(&house.pool, &ready, Some(2), &|_, _| ());
        let _ = tokio::time::timeout(Duration::from_millis(milliseconds), joining).await;
    }
    let cluster = join(&house.pool, &ready, Some(2), &|_, _| ()).await.unwrap();
    let ids: Vec<String> = hosts
        .iter()
        .map(|host| house.inside(host, "docker info --format '{{.Swarm.Cluster.ID}}'"))
        .collect();
    assert!(ids.iter().all(|id| id.trim() == cluster.id), "{ids:?}");

    // Another pool does not take them over.
    let error = join("somebody-else", &ready, None, &|_, _| ()).await.unwrap_err();
    assert!(error.to_string().contains(&house.pool), "{error}");
}
