//! Building images and carrying them from engine to engine.

use std::collections::BTreeMap;
use std::sync::Mutex;

use hoist::compose::model::Build;
use hoist::engine::{Credentials, Endpoint, Engine, EngineError, transfer};

use crate::support::{Cleanup, Daemon, Proxy, build_busybox, busybox_context, engine};

#[tokio::test]
async fn a_build_takes_arguments_targets_labels_and_further_names() {
    let name = "hoist-engine-test-build";
    let other = "hoist-engine-test-build:other";
    let _cleanup = Cleanup::new().image(name).image(other);
    let engine = engine().await;
    let folder = busybox_context();
    std::fs::write(folder.path().join("secret"), "x").unwrap();
    std::fs::write(folder.path().join(".dockerignore"), "secret\nDockerfile").unwrap();
    let build = Build {
        context: folder.path().to_owned(),
        dockerfile_inline: Some(
            "FROM scratch AS first\nARG WHO\nCOPY . /\nENV GREETING=$WHO\n\
             RUN [\"/busybox\", \"sh\", \"-c\", \"/busybox grep -c named /etc/hosts; /busybox ls -a / | /busybox tr '\\n' ' '\"]\n\
             FROM first AS second\nENV NEVER=1\n"
                .into(),
        ),
        args: [("WHO".to_owned(), Some("world".to_owned())), ("UNSET".to_owned(), None)].into_iter().collect(),
        target: Some("first".into()),
        labels: [("a".to_owned(), "b=c&d".to_owned())].into_iter().collect(),
        tags: vec![other.to_owned()],
        extra_hosts: ["one", "two"].map(|host| (format!("{host}.named"), "10.9.8.7".to_owned())).to_vec(),
        network: Some("host".into()),
        shm_size: Some(3 << 30),
        no_cache: true,
        ..Build::default()
    };
    let mut lines = Vec::new();
    let id = engine
        .build(name, &build, &Credentials::default(), |line| {
            lines.push(line.to_owned())
        })
        .await
        .unwrap();
    let image = engine.inspect_image(name).await.unwrap();
    let config = image.config.unwrap();
    assert_eq!(image.id.as_ref(), Some(&id));
    assert_eq!(config.env.unwrap().last().unwrap(), "GREETING=world");
    assert_eq!(config.labels.unwrap()["a"], "b=c&d");
    assert_eq!(engine.image(other).await.unwrap().unwrap().id, id);
    // Two hosts were named, and neither the Dockerfile nor what is ignored came along.
    assert!(lines.iter().any(|line| line == "2"), "{lines:#?}");
    let files = lines.iter().find(|line| line.contains("busybox dev")).unwrap();
    assert!(!files.contains("ockerfile") && !files.contains("secret"), "{files}");
}

#[tokio::test]
async fn a_failed_build_keeps_the_end_of_its_output() {
    let name = "hoist-engine-test-failing";
    let _cleanup = Cleanup::new().image(name);
    let engine = engine().await;
    let folder = busybox_context();
    let build = |dockerfile: &str| Build {
        context: folder.path().to_owned(),
        dockerfile_inline: Some(dockerfile.to_owned()),
        ..Build::default()
    };
    let failing = build(
        "FROM scratch\nCOPY busybox /bin/sh\nRUN i=0; while [ $i -lt 50 ]; do echo line $i; i=$((i+1)); done; exit 7\n",
    );
    let mut lines = Vec::new();
    let hear = |line: &str| lines.push(line.to_owned());
    let error = engine
        .build(name, &failing, &Credentials::default(), hear)
        .await
        .unwrap_err();
    // The classic builder leaves the steps before the failure as images without names.
    let left = lines
        .iter()
        .filter_map(|line| line.strip_prefix(" ---> "))
        .find(|id| id.len() == 12);
    let _left = Cleanup::new().image(left.unwrap());
    let EngineError::Build { image, reason, output } = error else {
        panic!("{error:?}");
    };
    assert_eq!(image, name);
    assert!(reason.contains("returned a non-zero code: 7"), "{reason}");
    assert!(
        output.len() == 20 && output.contains(&"line 49".to_owned()),
        "{output:?}"
    );

    let wrong = build("FORM scratch\n");
    let error = engine
        .build(name, &wrong, &Credentials::default(), |_| {})
        .await
        .unwrap_err();
    assert!(
        matches!(&error, EngineError::Build { reason, .. } if reason.contains("FORM")),
        "{error:?}"
    );
}

#[tokio::test]
async fn images_are_pulled_nowhere_but_from_a_registry() {
    let engine = engine().await;
    let name = "localhost:1/hoist-engine-test/none:1";
    let error = engine
        .pull(name, None, &Credentials::default(), |_| {})
        .await
        .unwrap_err();
    assert!(
        matches!(&error, EngineError::Image { image, .. } if image == name),
        "{error:?}"
    );
    let error = engine.registry_digest(name, &Credentials::default()).await.unwrap_err();
    assert!(
        matches!(&error, EngineError::Image { image, .. } if image == name),
        "{error:?}"
    );
    assert!(engine.image(name).await.unwrap().is_none());
}

#[tokio::test]
async fn an_image_goes_to_several_engines_in_one_reading() {
    let name = "hoist-engine-test-transfer:1";
    let _cleanup = Cleanup::new().image(name);
    let here = engine().await;
    let id = build_busybox(&here, name).await;
    let daemon = Daemon::start("hoist-engine-test-transfer").await;
    let there = daemon.engine("there");
    let ghost = Engine::new(
        "ghost",
        &Endpoint::Unix {
            socket: "/nonexistent/hoist-engine-test".into(),
        },
    )
    .unwrap();
    let breaking = Proxy::start(&daemon.socket(), 300_000);
    let targets = [there.clone(), ghost, breaking.engine("breaking")];
    let progress = Mutex::new(BTreeMap::new());
    let hear = |host: &str, bytes: u64| {
        progress.lock().unwrap().insert(host.to_owned(), bytes);
    };
    let outcome = transfer(&here, &targets, name, hear).await.unwrap();
    assert_eq!(outcome["there"].as_ref().unwrap(), &id);
    let error = outcome["ghost"].as_ref().unwrap_err();
    assert!(error.is_unreachable() && error.to_string().contains("ghost"), "{error}");
    let error = outcome["breaking"].as_ref().unwrap_err();
    assert!(error.to_string().contains("breaking"), "{error}");
    assert!(progress.lock().unwrap()["there"] > 2_000_000);
    assert_eq!(there.image(name).await.unwrap().unwrap().id, id);

    // What is there already is not sent again, and gets its name back where it lost it.
    there.tag(&id, "hoist-engine-test-kept").await.unwrap();
    there.remove_image(name, false).await.unwrap();
    progress.lock().unwrap().clear();
    let again = transfer(&here, std::slice::from_ref(&there), name, hear).await.unwrap();
    assert_eq!(again["there"].as_ref().unwrap(), &id);
    assert!(progress.lock().unwrap().is_empty());
    assert!(there.images(&[name]).await.unwrap().contains_key(name));

    let error = transfer(&here, &[there], "hoist-engine-test-absent", hear)
        .await
        .unwrap_err();
    assert!(error.is_not_found(), "{error}");
}
