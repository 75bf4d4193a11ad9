//! The Docker API of a ready host: whom it answers, whom it refuses, and the ways to it.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use hoist::bootstrap::{Api, BootstrapError, Keyring, Progress, bootstrap, join};
use hoist::engine::{Endpoint, Engine};

use super::house::{House, tls};

/// Who has no certificate of the pool gets nothing from the API, however they knock.
#[tokio::test(flavor = "multi_thread")]
async fn the_api_refuses_whoever_has_no_certificate_of_the_pool() {
    let house = House::new("refuse");
    let hosts = house.make(&[("lab-1", "debian:12")]).await;
    let settings = house.settings();
    let ready = house.bootstrap(&hosts[0], &settings).await.unwrap();
    let Endpoint::Tls {
        address,
        port,
        identity,
    } = &ready.endpoint
    else {
        panic!("{:?}", ready.endpoint)
    };
    let (address, port) = (address.clone(), *port);

    // Another pool's operator, whose certificate comes of another authority.
    let elsewhere = House::new("elsewhere");
    let foreign = elsewhere.some_identity().await;
    let knocks = [
        (
            "plaintext",
            Endpoint::Tcp {
                address: address.clone(),
                port,
            },
        ),
        ("no certificate", tls(&address, port, &identity.authority, "", "")),
        (
            "foreign certificate",
            tls(&address, port, &identity.authority, &foreign.certificate, &foreign.key),
        ),
    ];
    for (how, endpoint) in knocks {
        let engine = Engine::new("x", &endpoint).unwrap();
        assert!(engine.ping().await.is_err(), "{how} is answered");
        assert!(engine.info().await.is_err(), "{how} is answered");
    }
    // Somebody else's engine is not taken for the pool's either.
    let stranger = tls(&address, port, &foreign.authority, &identity.certificate, &identity.key);
    assert!(Engine::new("x", &stranger).unwrap().ping().await.is_err());
    ready.engine.ping().await.unwrap();

    let secret = std::fs::read_to_string(house.state().join("pools").join(&house.pool).join("ca-key.pem")).unwrap();
    assert_eq!(house.inside(&hosts[0], "cat /etc/hoist/pki/ca-key.pem"), secret);
    let modes = house.inside(&hosts[0], "stat -c '%a %U' /etc/hoist/pki /etc/hoist/pki/*");
    assert_eq!(modes, "700 root\n600 root\n600 root\n600 root\n600 root\n");
    assert!(house.inside_status(&hosts[0], "su debian -c 'cat /etc/hoist/pki/ca-key.pem'") != 0);

    // A new laptop takes the authority that is there.
    let laptop = tempfile::tempdir().unwrap();
    let keyring = Keyring::new(laptop.path(), &house.pool, ["lab-1"]);
    let seen = bootstrap(&hosts[0], &settings, &keyring, house.runtime(), &|_| ())
        .await
        .unwrap();
    assert!(!seen.changed);
    assert_eq!(
        std::fs::read_to_string(keyring.folder().join("ca-key.pem")).unwrap(),
        secret
    );

    // A certificate without the host's address is made anew, and the API goes on.
    let mut renamed = hosts[0].clone();
    renamed.name = "lab-9".to_string();
    assert!(house.bootstrap(&renamed, &settings).await.unwrap().changed);
}

/// A host that somebody set up keeps what it was told; what nobody can read stays as it is.
#[tokio::test(flavor = "multi_thread")]
async fn somebodys_daemon_json_keeps_its_settings() {
    let house = House::new("daemon");
    let hosts = house.make(&[("lab-1", "debian:12")]).await;
    let host = &hosts[0];
    house.inside(
        host,
        "mkdir -p /etc/docker; echo '{\"labels\": [\"rack=7\"], oops' >/etc/docker/daemon.json",
    );
    let settings = house.settings();
    let error = house.bootstrap(host, &settings).await.unwrap_err();
    assert!(matches!(error, BootstrapError::DaemonJson { .. }), "{error}");
    assert_eq!(
        house.inside(host, "cat /etc/docker/daemon.json"),
        "{\"labels\": [\"rack=7\"], oops\n"
    );
    assert!(house.inside_status(host, "command -v dockerd") != 0);

    house.inside(
        host,
        "echo '{\"hosts\": [\"tcp://0.0.0.0:2375\"]}' >/etc/docker/daemon.json",
    );
    let error = house.bootstrap(host, &settings).await.unwrap_err();
    assert!(error.to_string().contains("`hosts`"), "{error}");

    let there = "{\"labels\": [\"rack=7\"], \"live-restore\": true, \"max-concurrent-downloads\": 2}";
    house.inside(
        host,
        &format!("echo '{there}' >/etc/docker/daemon.json; chmod 640 /etc/docker/daemon.json"),
    );
    let mut settings = settings;
    settings.daemon.insert("log-driver".to_string(), "local".into());
    let ready = house.bootstrap(host, &settings).await.unwrap();
    assert!(ready.changed);
    let info = house.inside(
        host,
        "docker info --format '{{.Labels}} {{.LoggingDriver}} {{.LiveRestoreEnabled}}'",
    );
    assert_eq!(info.trim(), "[rack=7] local false");
    assert_eq!(
        house.inside(host, "cat /etc/docker/daemon.json.before-hoist").trim(),
        there
    );
    assert_eq!(house.inside(host, "stat -c %a /etc/docker/daemon.json").trim(), "640");
    let text = house.inside(host, "cat /etc/docker/daemon.json");
    assert!(text.starts_with("{\n  \"labels\""), "{text}");
    assert!(text.contains("\"max-concurrent-downloads\": 2"));

    // A setting that the engine does not know: its own words are in the error, and mending it mends the host.
    settings.daemon.insert("no-such-setting".to_string(), 1.into());
    let error = house.bootstrap(host, &settings).await.unwrap_err();
    assert!(error.to_string().contains("no-such-setting"), "{error}");
    settings.daemon.shift_remove("no-such-setting");
    assert!(house.bootstrap(host, &settings).await.unwrap().changed);
    assert!(!house.bootstrap(host, &settings).await.unwrap().changed);
}

/// Only port 22 is open: the engine's socket comes over SSH, for a user who was not in its group.
#[tokio::test(flavor = "multi_thread")]
async fn the_api_comes_over_ssh() {
    let house = House::new("ssh");
    let hosts = house.make(&[("lab-1", "debian:13")]).await;
    let mut settings = house.settings();
    settings.api = Api::Ssh;
    let ready = house.bootstrap(&hosts[0], &settings).await.unwrap();
    let version = ready.engine.version().await.unwrap();
    assert!(version.version.starts_with("26."), "{version:?}");
    assert_eq!(house.inside(&hosts[0], "ss -Hltn 'sport = :2376 or sport = :2375'"), "");
    let Endpoint::Unix { socket } = &ready.endpoint else {
        panic!("{:?}", ready.endpoint)
    };
    let socket = socket.clone();
    // Longer than OpenSSH lets a connection idle.
    tokio::time::sleep(Duration::from_secs(40)).await;
    ready.engine.ping().await.unwrap();
    drop(ready);
    assert!(!socket.exists());

    let began = Instant::now();
    let again = house.bootstrap(&hosts[0], &settings).await.unwrap();
    println!("a second run over SSH: {:.2?}", began.elapsed());
    assert!(!again.changed);
    let cluster = join(&house.pool, &[again], None, &|_, _| ()).await.unwrap();
    assert_eq!(cluster.nodes.len(), 1);
}

/// Without TLS, where that was asked for: on the private address only, and never without a word.
#[tokio::test(flavor = "multi_thread")]
async fn an_open_api_is_announced_and_closed_again() {
    let house = House::new("open");
    let hosts = house.make(&[("lab-1", "debian:12")]).await;
    let host = &hosts[0];
    let mut open = house.settings();
    open.api = Api::InsecureTcp;
    open.port = 2375;
    let notices = Mutex::new(Vec::new());
    let keyring = house.keyring(&hosts);
    let progress = |progress: Progress| {
        if let Progress::Notice(notice) = progress {
            notices.lock().unwrap().push(notice);
        }
    };
    let ready = bootstrap(host, &open, &keyring, house.runtime(), &progress)
        .await
        .unwrap();
    ready.engine.ping().await.unwrap();
    assert!(notices.lock().unwrap()[0].contains("open to everybody"));
    let listening = house.inside(host, "ss -Hltn 'sport = :2375' | awk '{ print $4 }'");
    assert_eq!(listening.trim(), format!("{}:2375", ready.private_address));

    // Back to TLS: the open port is gone.
    let closed = house.bootstrap(host, &house.settings()).await.unwrap();
    closed.engine.ping().await.unwrap();
    assert!(ready.engine.ping().await.is_err());
    assert_eq!(house.inside(host, "ss -Hltn 'sport = :2375'"), "");

    // An engine that answers everybody on the port that should be safe is taken off the network.
    house.inside(
        host,
        "echo '{}' >/etc/docker/open.json; \
         printf '[Service]\\nExecStart=\\nExecStart=/usr/sbin/dockerd -H fd:// --config-file /etc/docker/open.json\\n' \
           >/etc/systemd/system/docker.service.d/zz-open.conf; \
         systemctl daemon-reload; systemctl restart docker.service",
    );
    let mut plain = closed.endpoint.clone();
    if let Endpoint::Tls { address, port, .. } = closed.endpoint {
        plain = Endpoint::Tcp { address, port };
    }
    Engine::new("x", &plain).unwrap().ping().await.unwrap();
    let error = house.bootstrap(host, &house.settings()).await.unwrap_err();
    assert!(matches!(error, BootstrapError::ApiOpen { .. }), "{error:?}");
    assert!(Engine::new("x", &plain).unwrap().ping().await.is_err());
    assert_eq!(house.inside(host, "ss -Hltn 'sport = :2376'"), "");
}
