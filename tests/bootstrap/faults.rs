//! What breaks off, fails or is in the way: named in time, and completed by the next run.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use hoist::bootstrap::{Api, BootstrapError, Install, Progress, bootstrap};
use hoist::hosts::{Host, HostKey, ProviderKind};

use super::house::House;

/// Cut off at any moment, by this side or the other, a bootstrap is completed by the next.
#[tokio::test(flavor = "multi_thread")]
async fn a_bootstrap_that_was_interrupted_is_completed_by_the_next() {
    let house = House::new("cut");
    let hosts = house.make(&[("lab-1", "debian:12"), ("lab-2", "debian:13")]).await;
    let settings = house.settings();
    let cut = async |host: usize| {
        // Given up here, at growing distances into the work.
        for milliseconds in [400, 900, 2500, 5000] {
            let run = house.bootstrap(&hosts[host], &settings);
            let _ = tokio::time::timeout(Duration::from_millis(milliseconds), run).await;
        }
        // And the package manager killed there, in the middle of unpacking or setting up.
        for _ in 0..3 {
            let killing = async {
                tokio::time::sleep(Duration::from_secs(3)).await;
                house.inside_status(&hosts[host], "pkill -9 apt-get; pkill -9 dpkg; true");
            };
            let run = house.bootstrap(&hosts[host], &settings);
            let (_, _) = tokio::join!(killing, tokio::time::timeout(Duration::from_secs(4), run));
        }
        let ready = house.bootstrap(&hosts[host], &settings).await.unwrap();
        ready.engine.ping().await.unwrap();
        assert_eq!(house.inside(&hosts[host], "dpkg --audit"), "");
        assert!(house.inside_status(&hosts[host], "test -e /etc/hoist/pending") != 0);
        assert!(!house.bootstrap(&hosts[host], &settings).await.unwrap().changed);
    };
    tokio::join!(cut(0), cut(1));

    // The machine goes away while the engine is being set up, and comes back with half of it.
    house.inside(
        &hosts[0],
        "touch /etc/hoist/pending; systemctl stop docker.socket docker-tcp.socket docker.service",
    );
    assert!(house.bootstrap(&hosts[0], &settings).await.unwrap().changed);
    // Keys of a half-written pair are replaced.
    house.inside(&hosts[0], "rm /etc/hoist/pki/server-key.pem");
    let mended = house.bootstrap(&hosts[0], &settings).await.unwrap();
    assert!(mended.changed);
    mended.engine.ping().await.unwrap();
}

/// A mirror that fails ends in an error within limits, and once it is mended the next run completes.
#[tokio::test(flavor = "multi_thread")]
async fn a_failing_package_mirror_is_given_up_and_tried_again_once_mended() {
    let house = House::new("mirror");
    let hosts = house.make(&[("lab-1", "debian:12")]).await;
    let host = &hosts[0];
    let settings = house.settings();
    house.inside(
        host,
        "cp -a /etc/apt /etc/apt.kept; sed -i 's|https*://[^/]*/|http://127.0.0.1:9/|' /etc/apt/sources.list",
    );
    house.inside(host, "rm -f /etc/apt/apt.conf.d/*prox*");
    let began = Instant::now();
    let error = house.bootstrap(host, &settings).await.unwrap_err();
    println!("a dead mirror is given up after {:.1?}: {error}", began.elapsed());
    assert!(began.elapsed() < Duration::from_secs(150));
    let BootstrapError::Install {
        attempts,
        reason,
        output,
        ..
    } = &error
    else {
        panic!("{error:?}")
    };
    assert_eq!(*attempts, 5);
    assert!(reason.contains("127.0.0.1"), "{reason}");
    assert!(!output.is_empty() && error.hint().is_some());
    house.inside(host, "rm -rf /etc/apt; mv /etc/apt.kept /etc/apt");

    // A version that nobody offers is not tried for long.
    let mut other = settings.clone();
    other.install = Install::Distro;
    other.version = Some("1.2.*".to_string());
    let error = house.bootstrap(host, &other).await.unwrap_err();
    assert!(
        matches!(&error, BootstrapError::Install { attempts: 1, .. }),
        "{error:?}"
    );
    assert!(error.to_string().contains("1.2.*"), "{error}");

    let mut pinned = settings.clone();
    pinned.version = Some("20.10".to_string());
    assert!(house.bootstrap(host, &pinned).await.unwrap().changed);
    assert!(!house.bootstrap(host, &settings).await.unwrap().changed);
}

/// What sshd and sudo refuse is said at once, each by its name.
#[tokio::test(flavor = "multi_thread")]
async fn refusals_of_ssh_and_sudo_are_named() {
    let house = House::new("refusals");
    let hosts = house.make(&[("lab-1", "debian:12")]).await;
    let settings = house.settings();
    // As the `ssh` provider would say it: there is nothing to wait for.
    let mut host = hosts[0].clone();
    host.provider = ProviderKind::Ssh;

    let quickly = async |host: &Host| {
        let began = Instant::now();
        let error = house.bootstrap(host, &settings).await.unwrap_err();
        assert!(
            began.elapsed() < Duration::from_secs(5),
            "{:.1?}: {error}",
            began.elapsed()
        );
        assert!(error.hint().is_some());
        error
    };

    let mut wrong_key = host.clone();
    wrong_key.login.identity_file = Some(house.some_key());
    let error = quickly(&wrong_key).await;
    assert!(
        matches!(&error, BootstrapError::LoginRefused { reason, .. } if reason.contains("publickey")),
        "{error:?}"
    );

    let mut changed = host.clone();
    let other = std::fs::read_to_string(house.some_key().with_extension("pub")).unwrap();
    changed.login.host_key = HostKey::Pinned(other);
    let error = quickly(&changed).await;
    assert!(matches!(error, BootstrapError::ChangedHostKey { .. }), "{error:?}");

    let mut unknown = host.clone();
    unknown.login.host_key = HostKey::KnownHosts;
    let error = quickly(&unknown).await;
    assert!(matches!(error, BootstrapError::UnknownHostKey { .. }), "{error:?}");

    house.inside(&host, "echo 'debian ALL=(ALL) ALL' >/etc/sudoers.d/debian");
    let error = quickly(&host).await;
    assert!(
        matches!(&error, BootstrapError::NoRoot { user, .. } if user == "debian"),
        "{error:?}"
    );
    assert!(error.to_string().contains("password"), "{error}");
    assert!(error.hint().unwrap().contains("NOPASSWD"), "{error}");
}

/// A host that never answers is given up when its time is over, with the last reason; others go on.
#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_never_answers_is_given_up_in_time() {
    let house = House::new("silent");
    let hosts = house.make(&[("lab-1", "debian:12")]).await;
    house.inside(&hosts[0], "systemctl stop ssh.socket ssh.service 2>/dev/null; true");
    let mut settings = house.settings();
    settings.ssh_timeout = Duration::from_secs(4);
    let reasons = Mutex::new(Vec::new());
    let began = Instant::now();
    let keyring = house.keyring(&hosts);
    let progress = |progress: Progress| {
        if let Progress::WaitingForSsh { reason: Some(reason) } = progress {
            reasons.lock().unwrap().push(reason);
        }
    };
    let error = bootstrap(&hosts[0], &settings, &keyring, house.runtime(), &progress)
        .await
        .unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(8), "{:.1?}", began.elapsed());
    assert!(
        matches!(&error, BootstrapError::NoSsh { reason, .. } if reason.contains("refused")),
        "{error:?}"
    );
    assert!(reasons.lock().unwrap().len() > 2);

    // Not even a refusal: packets get lost.
    let mut lost = hosts[0].clone();
    lost.login.address = "192.0.2.1".to_string();
    let began = Instant::now();
    let error = house.bootstrap(&lost, &settings).await.unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(10), "{:.1?}", began.elapsed());
    assert!(matches!(error, BootstrapError::NoSsh { .. }), "{error:?}");
}

/// Where the port does not answer from here, the error tells a blocked way from an engine that does not listen.
#[tokio::test(flavor = "multi_thread")]
async fn a_blocked_port_is_told_from_an_engine_that_does_not_listen() {
    let house = House::new("blocked");
    let hosts = house.make(&[("lab-1", "debian:12")]).await;
    let host = &hosts[0];
    let settings = house.settings();
    house.bootstrap(host, &settings).await.unwrap();
    house.inside(
        host,
        "iptables -I INPUT -p tcp --dport 2376 ! -i lo -j REJECT --reject-with tcp-reset",
    );
    let engine_start = house.engine_start(host);
    let error = house.bootstrap(host, &settings).await.unwrap_err();
    assert!(
        matches!(&error, BootstrapError::ApiUnreachable { port: 2376, .. }),
        "{error:?}"
    );
    assert!(error.hint().unwrap().contains("api: ssh"), "{error}");
    // A blocked way is no reason to restart an engine with replicas on it.
    assert_eq!(house.engine_start(host), engine_start);

    // The way that the hint names works.
    let mut over_ssh = settings.clone();
    over_ssh.api = Api::Ssh;
    let ready = house.bootstrap(host, &over_ssh).await.unwrap();
    ready.engine.ping().await.unwrap();
    assert!(house.inside_status(host, "systemctl is-active docker-tcp.socket") != 0);
}
