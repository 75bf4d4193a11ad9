//! What `ps` and `hosts ls` look like.

use super::*;

fn plain(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}

fn replica(name: &str, state: &str, health: Option<&str>, for_seconds: u64) -> ReplicaStatus {
    ReplicaStatus {
        name: name.to_owned(),
        service: name.split('.').next().unwrap_or_default().to_owned(),
        image: "nginx:1.27".to_owned(),
        host: "lab-1".to_owned(),
        state: state.to_owned(),
        health: health.map(str::to_owned),
        for_seconds,
        ports: Vec::new(),
        message: None,
        upgrade: None,
    }
}

fn some_replicas() -> Vec<ReplicaStatus> {
    let mut web = replica("web.1", "running", Some("healthy"), 130);
    web.ports = vec!["10.0.0.1:8080->80/tcp".to_owned(), "10.0.0.1:443->443/tcp".to_owned()];
    let mut worker = replica("worker-with-a-long-name.1", "exited (1)", None, 5);
    worker.message = Some("task: non-zero exit (1)\n".to_owned());
    worker.host = "lab-12".to_owned();
    vec![
        web,
        replica("web.2", "running", Some("unhealthy"), 7200),
        replica("db.1", "starting", None, 3),
        worker,
    ]
}

fn some_hosts() -> Vec<HostStatus> {
    let host = |name: &str, role: &str, state: &str| HostStatus {
        name: name.to_owned(),
        group: "lab".to_owned(),
        provider: "local".to_owned(),
        address: "172.20.0.2".to_owned(),
        role: role.to_owned(),
        state: state.to_owned(),
        engine_version: "20.10.24".to_owned(),
        labels: vec!["tier=web".to_owned(), "disk=ssd".to_owned()],
        replicas: 4,
    };
    vec![
        host("lab-1", "manager (leader)", "ready"),
        host("lab-2", "", "not joined"),
    ]
}

#[test]
fn replicas_are_shown_in_columns() {
    insta::assert_snapshot!(plain(&replicas(&some_replicas())), @"
    NAME                        HOST     IMAGE        SERVICE                   STATUS                                              PORTS
    web.1                       lab-1    nginx:1.27   web                       Up 2 minutes (healthy)                              10.0.0.1:8080->80/tcp, 10.0.0.1:443->443/tcp
    web.2                       lab-1    nginx:1.27   web                       Up 2 hours (unhealthy)
    db.1                        lab-1    nginx:1.27   db                        Starting 3 seconds ago
    worker-with-a-long-name.1   lab-12   nginx:1.27   worker-with-a-long-name   Exited (1) 5 seconds ago: task: non-zero exit (1)
    ");
}

#[test]
fn a_table_without_rows_has_its_headings() {
    insta::assert_snapshot!(replicas(&[]), @"NAME   HOST   IMAGE   SERVICE   STATUS   PORTS");
    assert_eq!(replicas_json(&[]), "[]\n");
    assert_eq!(replica_names(&[]), "");
}

#[test]
fn colour_does_not_move_the_columns() {
    let rows = some_replicas();
    assert!(replicas(&rows).contains("\x1b["));
    let column = |line: &str| line.find("nginx");
    let text = plain(&replicas(&rows));
    let columns: Vec<_> = text.lines().skip(1).map(column).collect();
    assert!(columns.iter().all(|at| *at == columns[0]), "{columns:?}");
}

#[test]
fn replicas_are_an_array_of_objects_in_json() {
    insta::assert_snapshot!(replicas_json(&some_replicas()[..2]), @r#"
    [
      {"name":"web.1","service":"web","host":"lab-1","image":"nginx:1.27","state":"running","health":"healthy","for_seconds":130,"ports":["10.0.0.1:8080->80/tcp","10.0.0.1:443->443/tcp"],"message":null,"upgrade":null},
      {"name":"web.2","service":"web","host":"lab-1","image":"nginx:1.27","state":"running","health":"unhealthy","for_seconds":7200,"ports":[],"message":null,"upgrade":null}
    ]
    "#);
    let parsed: Vec<Value> = serde_json::from_str(&replicas_json(&some_replicas())).unwrap();
    assert_eq!(parsed[3]["state"], "exited (1)");
}

#[test]
fn hosts_are_shown_in_columns_and_as_json() {
    insta::assert_snapshot!(plain(&hosts(&some_hosts())), @"
    NAME    GROUP   PROVIDER   ADDRESS      ROLE               STATE        ENGINE     REPLICAS   LABELS
    lab-1   lab     local      172.20.0.2   manager (leader)   ready        20.10.24   4          tier=web,disk=ssd
    lab-2   lab     local      172.20.0.2                      not joined   20.10.24   4          tier=web,disk=ssd
    ");
    insta::assert_snapshot!(hosts_json(&some_hosts()[..1]), @r#"
    [
      {"name":"lab-1","group":"lab","provider":"local","address":"172.20.0.2","role":"manager (leader)","state":"ready","engine_version":"20.10.24","labels":["tier=web","disk=ssd"],"replicas":4}
    ]
    "#);
    assert_eq!(host_names(&some_hosts()), "lab-1\nlab-2\n");
}
