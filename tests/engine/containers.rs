//! Containers, their output, networks and volumes on the engine at hand.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt};
use hoist::engine::containers::{ExitCondition, UploadedFile};
use hoist::engine::{Engine, LogLine, LogOptions, labels, models, observe};
use hoist::engine::{Engines, Observation};

use crate::support::{Cleanup, build_busybox, engine};

fn shell(image: &str, project: &str, script: &str) -> models::ContainerCreateBody {
    models::ContainerCreateBody {
        image: Some(image.to_owned()),
        cmd: Some(vec!["sh".into(), "-c".into(), script.to_owned()]),
        labels: Some(
            [
                (labels::PROJECT.to_owned(), project.to_owned()),
                (labels::SERVICE.to_owned(), "web".to_owned()),
            ]
            .into(),
        ),
        ..models::ContainerCreateBody::default()
    }
}

async fn listed(engine: &Engine, project: &str) -> Vec<hoist::engine::observation::ObservedContainer> {
    engine
        .containers(&[&format!("{}={project}", labels::PROJECT)])
        .await
        .unwrap()
}

async fn logs(engine: &Engine, project: &str, options: &LogOptions) -> Vec<LogLine> {
    let container = listed(engine, project).await.remove(0);
    engine.container_logs(&container, options).try_collect().await.unwrap()
}

#[tokio::test]
async fn a_container_lives_from_created_to_removed() {
    let name = "hoist-engine-test-lifecycle";
    let _cleanup = Cleanup::new()
        .container(name)
        .container("hoist-engine-test-renamed")
        .image(name);
    let engine = engine().await;
    build_busybox(&engine, name).await;
    let script = "trap 'exit 5' TERM; while true; do sleep 0.1; done";
    let created = engine
        .create_container(name, None, shell(name, name, script))
        .await
        .unwrap();
    assert_eq!(listed(&engine, name).await[0].state, "created");

    engine.start_container(&created.id).await.unwrap();
    engine
        .rename_container(&created.id, "hoist-engine-test-renamed")
        .await
        .unwrap();
    let running = listed(&engine, name).await.remove(0);
    assert_eq!(
        (running.name.as_str(), running.state.as_str()),
        ("hoist-engine-test-renamed", "running")
    );
    assert_eq!(
        (running.host.as_str(), running.id.as_str()),
        ("here", created.id.as_str())
    );

    let file = UploadedFile {
        path: "deep/file".into(),
        content: b"uploaded".to_vec(),
        mode: 0o600,
        user: 7,
        group: 8,
    };
    engine.upload(&created.id, "/", &[file]).await.unwrap();
    let command = models::ExecConfig {
        cmd: Some(
            ["sh", "-c", "cat deep/file; echo $EXTRA >&2; exit 3"]
                .map(String::from)
                .to_vec(),
        ),
        env: Some(vec!["EXTRA=from the hook".into()]),
        ..models::ExecConfig::default()
    };
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let code = engine
        .exec(&created.id, command, |output| {
            if output.stderr { &mut err } else { &mut out }.extend(output.bytes)
        })
        .await
        .unwrap();
    assert_eq!((code, out, err), (3, b"uploaded".to_vec(), b"from the hook\n".to_vec()));

    let waiting = engine.wait_exit(&created.id, ExitCondition::NextExit);
    let stopping = engine.stop_container(&created.id, Some(Duration::from_secs(5)));
    let (code, stopped) = tokio::join!(waiting, stopping);
    stopped.unwrap();
    assert_eq!(code.unwrap(), 5);
    let state = engine.inspect_container(&created.id).await.unwrap().state.unwrap();
    assert_eq!(state.exit_code, Some(5));

    engine.remove_container(&created.id, false, true).await.unwrap();
    let error = engine.inspect_container(&created.id).await.unwrap_err();
    assert!(error.is_not_found(), "{error}");
    assert!(error.to_string().starts_with("here: inspect container"), "{error}");
}

#[tokio::test]
async fn output_comes_as_whole_lines_with_stream_and_time() {
    let name = "hoist-engine-test-logs";
    let _cleanup = Cleanup::new().container(name).image(name);
    let engine = engine().await;
    build_busybox(&engine, name).await;
    // One line is longer than what the engine keeps in one message (16 KiB).
    let script = "echo first; echo wrong >&2; head -c 40000 /dev/zero | tr '\\0' x; echo; printf last";
    let created = engine
        .create_container(name, None, shell(name, name, script))
        .await
        .unwrap();
    engine.start_container(&created.id).await.unwrap();
    engine.wait_exit(&created.id, ExitCondition::NotRunning).await.unwrap();

    let options = LogOptions {
        timestamps: true,
        ..LogOptions::default()
    };
    let lines = logs(&engine, name, &options).await;
    let out: Vec<_> = lines
        .iter()
        .filter(|line| !line.stderr)
        .map(|line| line.text.as_str())
        .collect();
    assert_eq!((out[0], out[1].len(), out[2], out.len()), ("first", 40_000, "last", 3));
    let err: Vec<_> = lines
        .iter()
        .filter(|line| line.stderr)
        .map(|line| line.text.as_str())
        .collect();
    assert_eq!(err, ["wrong"]);
    assert!(lines.iter().all(|line| line.timestamp.is_some()
        && line.service.as_deref() == Some("web")
        && line.source == name
        && line.host == "here"));
    let tail = LogOptions {
        tail: Some(0),
        ..LogOptions::default()
    };
    assert_eq!(logs(&engine, name, &tail).await, []);
}

#[tokio::test]
async fn followed_output_arrives_while_the_container_runs() {
    let name = "hoist-engine-test-follow";
    let _cleanup = Cleanup::new().container(name).image(name);
    let engine = engine().await;
    build_busybox(&engine, name).await;
    let mut body = shell(name, name, "echo one; sleep 0.3; echo two; sleep 600");
    body.tty = Some(true);
    let created = engine.create_container(name, None, body).await.unwrap();
    engine.start_container(&created.id).await.unwrap();
    let container = listed(&engine, name).await.remove(0);
    let options = LogOptions {
        follow: true,
        ..LogOptions::default()
    };
    let mut stream = engine.container_logs(&container, &options);
    let reading = async {
        let one = stream.next().await.unwrap().unwrap();
        let two = stream.next().await.unwrap().unwrap();
        (one.text, two.text)
    };
    let seen = tokio::time::timeout(Duration::from_secs(10), reading).await.unwrap();
    assert_eq!(seen, ("one".into(), "two".into()));
    engine.kill_container(&created.id, "KILL").await.unwrap();
    assert!(stream.next().await.is_none());
}

#[tokio::test]
async fn networks_volumes_containers_and_images_are_observed() {
    let name = "hoist-engine-test-observed";
    let _cleanup = Cleanup::new().container(name).network(name).volume(name).image(name);
    let engine = engine().await;
    let id = build_busybox(&engine, name).await;
    let label = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let network = engine
        .create_network(models::NetworkCreateRequest {
            name: name.to_owned(),
            labels: Some([label(labels::PROJECT, name), label(labels::NETWORK, "default")].into()),
            ..models::NetworkCreateRequest::default()
        })
        .await
        .unwrap();
    engine
        .create_volume(models::VolumeCreateRequest {
            name: Some(name.to_owned()),
            labels: Some([label(labels::PROJECT, name), label(labels::VOLUME, "data")].into()),
            ..models::VolumeCreateRequest::default()
        })
        .await
        .unwrap();
    let created = engine
        .create_container(name, None, shell(name, name, "sleep 600"))
        .await
        .unwrap();
    let aliases = models::EndpointSettings {
        aliases: Some(vec!["web".into()]),
        ..models::EndpointSettings::default()
    };
    engine.connect_network(&network, &created.id, aliases).await.unwrap();
    engine.start_container(&created.id).await.unwrap();

    let engines = Engines {
        manager: None,
        hosts: [("here".to_owned(), engine.clone())].into_iter().collect(),
    };
    let images = [name.to_owned(), "hoist-engine-test-absent".to_owned(), id.clone()];
    let observation: Observation = observe(&engines, name, &images, None).await.unwrap();
    assert!(observation.cluster.is_none() && observation.unreachable.is_empty());
    let own_network = observation.networks.iter().find(|found| found.name == name);
    assert_eq!(own_network.unwrap().host.as_deref(), Some("here"));
    let own_volume = observation.volumes.iter().find(|found| found.name == name);
    assert_eq!(own_volume.unwrap().labels[labels::VOLUME], "data");
    assert!(observation.containers[0].networks.contains_key(name));
    let found: BTreeMap<_, _> = observation.images["here"]
        .iter()
        .map(|(name, image)| (name, &image.id))
        .collect();
    assert_eq!(found, [(&images[0], &id), (&id, &id)].into());

    engine.disconnect_network(&network, &created.id, true).await.unwrap();
    let volume = engine.volume(name).await.unwrap().unwrap();
    assert_eq!(volume.host, "here");
    assert!(engine.volume("hoist-engine-test-absent").await.unwrap().is_none());
}
