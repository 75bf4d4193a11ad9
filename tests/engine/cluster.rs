//! A cluster of one throw-away engine.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::TryStreamExt;
use hoist::engine::cluster::{ClusterSettings, SwarmState};
use hoist::engine::nodes::{Availability, NodeChange};
use hoist::engine::observation::{ObservedNetwork, TaskState};
use hoist::engine::{
    Credentials, Endpoint, Engine, EngineError, Engines, LogOptions, Progress, labels, models, observe, wait_until,
};

use crate::support::{Daemon, build_busybox};

const PROJECT: &str = "hoist-engine-test";
const LABEL: &str = "com.docker.compose.project=hoist-engine-test";

fn project_labels() -> BTreeMap<String, String> {
    [(labels::PROJECT, PROJECT), (labels::SERVICE, "web")]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
}

fn spec(script: &str, replicas: i64) -> models::ServiceSpec {
    models::ServiceSpec {
        name: Some("hoist-engine-test_web".into()),
        labels: Some(project_labels().into_iter().collect()),
        mode: Some(models::ServiceSpecMode {
            replicated: Some(models::ServiceSpecModeReplicated {
                replicas: Some(replicas),
            }),
            ..models::ServiceSpecMode::default()
        }),
        task_template: Some(models::TaskSpec {
            container_spec: Some(models::TaskSpecContainerSpec {
                image: Some("hoist-engine-test:1".into()),
                args: Some(vec!["sh".into(), "-c".into(), script.to_owned()]),
                stop_grace_period: Some(1_000_000),
                ..models::TaskSpecContainerSpec::default()
            }),
            ..models::TaskSpec::default()
        }),
        update_config: Some(models::ServiceSpecUpdateConfig {
            monitor: Some(200_000_000),
            ..models::ServiceSpecUpdateConfig::default()
        }),
        rollback_config: Some(models::ServiceSpecRollbackConfig {
            monitor: Some(200_000_000),
            ..models::ServiceSpecRollbackConfig::default()
        }),
        ..models::ServiceSpec::default()
    }
}

async fn until_running(engine: &Engine, count: usize) {
    wait_until(Duration::from_secs(60), Duration::from_millis(100), || async {
        let tasks = engine.tasks(&[LABEL]).await?;
        let running = |task: &&_| {
            let task: &hoist::engine::observation::ObservedTask = task;
            task.state == TaskState::Running && task.desired_state == TaskState::Running
        };
        Ok::<_, EngineError>(if tasks.iter().filter(running).count() == count {
            Progress::Ready(())
        } else {
            Progress::Pending(format!("{tasks:?}"))
        })
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_runs_services_and_is_observed() {
    let daemon = Daemon::start("hoist-engine-test-cluster").await;
    let engine = daemon.engine("here");
    assert_eq!(engine.swarm_state().await.unwrap(), SwarmState::Inactive);
    let node = engine.init_cluster("127.0.0.1", "127.0.0.1:2377", None).await.unwrap();
    assert!(matches!(
        engine.swarm_state().await.unwrap(),
        SwarmState::Manager { cluster_id, node_id, .. } if node_id == node && !cluster_id.is_empty()
    ));
    let tokens = engine.join_tokens().await.unwrap();
    assert!(tokens.worker.starts_with("SWMTKN-") && tokens.manager != tokens.worker);
    let settings = ClusterSettings {
        heartbeat_period: Some(Duration::from_secs(1)),
        task_history_limit: Some(2),
    };
    assert!(engine.tune_cluster(&settings).await.unwrap());
    assert!(!engine.tune_cluster(&settings).await.unwrap());

    let change = NodeChange {
        availability: Some(Availability::Active),
        set_labels: [("tier".to_owned(), "web".to_owned())].into(),
        ..NodeChange::default()
    };
    assert!(engine.change_node(&node, &change).await.unwrap());
    assert!(!engine.change_node(&node, &change).await.unwrap());
    let nodes = engine.nodes().await.unwrap();
    assert!(nodes[0].ready && nodes[0].active && nodes[0].leader && nodes[0].labels["tier"] == "web");

    let config = engine
        .create_config("hoist-engine-test", &project_labels(), b"content")
        .await
        .unwrap();
    let twice = engine
        .create_config("hoist-engine-test", &project_labels(), b"other")
        .await
        .unwrap_err();
    assert!(twice.is_conflict(), "{twice:?}");
    assert_eq!(engine.config_content(&config).await.unwrap().unwrap(), b"content");
    assert!(engine.config_content("absent").await.unwrap().is_none());
    engine
        .create_secret("hoist-engine-test", &project_labels(), b"secret")
        .await
        .unwrap();
    let overlay = models::NetworkCreateRequest {
        name: "hoist-engine-test".into(),
        driver: Some("overlay".into()),
        attachable: Some(true),
        labels: Some(project_labels().into_iter().collect()),
        ..models::NetworkCreateRequest::default()
    };
    engine.create_network(overlay).await.unwrap();

    build_busybox(&engine, "hoist-engine-test:1").await;
    let script = "echo hello; echo wrong >&2; sleep 600";
    let id = engine
        .create_service(spec(script, 2), &Credentials::default())
        .await
        .unwrap();
    until_running(&engine, 2).await;

    look_at_everything(&engine).await;
    read_logs(&engine, &id).await;
    update_and_roll_back(&engine, &id).await;

    engine.remove_service(&id).await.unwrap();
    assert!(engine.service(&id).await.unwrap().is_none());
    engine.remove_config(&config).await.unwrap();
    engine.remove_secret("hoist-engine-test").await.unwrap();
    engine.leave_cluster(true).await.unwrap();
    assert_eq!(engine.swarm_state().await.unwrap(), SwarmState::Inactive);
    let error = engine.services(&[]).await.unwrap_err();
    assert!(
        matches!(error, EngineError::Call { status: Some(503), .. }),
        "{error:?}"
    );
}

async fn look_at_everything(engine: &Engine) {
    let ghost = Endpoint::Unix {
        socket: "/nonexistent/hoist-engine-test".into(),
    };
    let engines = Engines {
        manager: Some(engine.clone()),
        hosts: [
            ("ghost".to_owned(), Engine::new("ghost", &ghost).unwrap()),
            ("here".to_owned(), engine.clone()),
        ]
        .into_iter()
        .collect(),
    };
    assert_eq!(engines.find_manager().await.unwrap().name, "here");
    let images = ["hoist-engine-test:1".to_owned()];
    let observation = observe(&engines, PROJECT, &images, None).await.unwrap();
    assert_eq!(observation.unreachable[0].0, "ghost");
    assert_eq!(observation.services[0].replicas, Some(2));
    assert_eq!(observation.tasks.len(), 2);
    assert!(
        observation.containers.is_empty(),
        "tasks are no containers of their own"
    );
    assert_eq!((observation.configs.len(), observation.secrets.len()), (1, 1));
    // Networks are seen whether or not they are the project's: a file may name external ones.
    let own = |network: &&ObservedNetwork| network.labels.contains_key(labels::PROJECT);
    let own: Vec<_> = observation.networks.iter().filter(own).collect();
    assert_eq!((own.len(), own[0].host.as_ref()), (1, None));
    assert!(observation.images["here"].contains_key(&images[0]) && !observation.images.contains_key("ghost"));
    assert_eq!(observation.cluster.unwrap().nodes.len(), 1);
    for task in &observation.tasks {
        assert_eq!(
            (task.exit_code, task.message.as_deref(), task.image.as_str()),
            (None, None, images[0].as_str())
        );
        assert!(task.slot.is_some() && task.container_id.is_some() && task.since > 1.7e9);
    }
}

async fn read_logs(engine: &Engine, id: &str) {
    let service = engine.service(id).await.unwrap().unwrap();
    let nodes = engine.nodes().await.unwrap();
    let options = LogOptions {
        timestamps: true,
        ..LogOptions::default()
    };
    let lines: Vec<_> = engine
        .service_logs(&service, &nodes, &options)
        .try_collect()
        .await
        .unwrap();
    let mut seen: Vec<_> = lines
        .iter()
        .map(|line| (line.source.as_str(), line.stderr, line.text.as_str()))
        .collect();
    seen.sort_unstable();
    assert_eq!(
        seen,
        [
            ("web.1", false, "hello"),
            ("web.1", true, "wrong"),
            ("web.2", false, "hello"),
            ("web.2", true, "wrong")
        ]
    );
    assert!(
        lines
            .iter()
            .all(|line| line.host == nodes[0].name && line.timestamp.is_some())
    );
    let task = engine.tasks_of(&[id]).await.unwrap().remove(0);
    let lines: Vec<_> = engine
        .task_logs(&service, &task, &nodes, &options)
        .try_collect()
        .await
        .unwrap();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0].source, format!("web.{}", task.slot.unwrap()));
}

/// A rollback that comes within moments of an update can leave a slot waiting in `ready` for ever (engine 20.10), so
/// each is let come to its end.
async fn update_and_roll_back(engine: &Engine, id: &str) {
    let before = engine.service(id).await.unwrap().unwrap();
    let update = spec("sleep 700", 1);
    engine
        .update_service(id, before.version, update.clone(), &Credentials::default())
        .await
        .unwrap();
    let late = engine
        .update_service(id, before.version, update, &Credentials::default())
        .await
        .unwrap_err();
    assert!(late.is_out_of_sequence(), "{late:?}");
    until_update_is(engine, id, "completed").await;
    let updated = engine.service(id).await.unwrap().unwrap();
    assert_eq!(updated.replicas, Some(1));
    engine.roll_back_service(&updated).await.unwrap();
    until_update_is(engine, id, "rollback_completed").await;
    assert_eq!(engine.service(id).await.unwrap().unwrap().replicas, Some(2));
    until_running(engine, 2).await;
}

async fn until_update_is(engine: &Engine, id: &str, wanted: &str) {
    wait_until(Duration::from_secs(60), Duration::from_millis(100), || async {
        let state = engine.service(id).await?.and_then(|service| service.update_state);
        Ok::<_, EngineError>(if state.as_deref() == Some(wanted) {
            Progress::Ready(())
        } else {
            Progress::Pending(format!("the update is {state:?}"))
        })
    })
    .await
    .unwrap();
}
