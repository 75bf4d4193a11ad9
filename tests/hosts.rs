//! Local hosts on a real engine: made, adopted, started again, completed and removed; `ssh` itself logs in to them.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use hoist::compose::model::{GroupProvider, LocalHosts};
use hoist::engine::{Endpoint, Engine};
use hoist::hosts::{Host, HostError, HostKey, HostRequest, LocalProvider, MakeProgress, Provider};
use tempfile::TempDir;

use sweep::Sweep;

#[path = "support/sweep.rs"]
mod sweep;

/// A pool of one test, with its own state directory. Dropped, it leaves nothing on the engine, whatever happened.
struct Pool {
    name: String,
    state: TempDir,
    provider: LocalProvider,
    sweep: Sweep,
}

impl Pool {
    fn new(test: &str) -> Pool {
        let name = format!("test-{test}-{}", std::process::id());
        let state = tempfile::tempdir().unwrap();
        let provider = provider(state.path());
        Pool {
            sweep: Sweep::of_pool(&name),
            name,
            state,
            provider,
        }
    }

    fn request(&self, name: &str, image: &str) -> HostRequest {
        HostRequest {
            name: name.into(),
            group: "lab".into(),
            pool: self.name.clone(),
            labels: [("tier".to_owned(), "front".to_owned())].into(),
            settings: GroupProvider::Local(LocalHosts { image: image.into() }),
        }
    }

    async fn make(&self, name: &str) -> Host {
        self.try_make(name).await.unwrap()
    }

    async fn try_make(&self, name: &str) -> Result<Host, HostError> {
        self.provider.make(&self.request(name, "debian:12"), &|_| {}).await
    }

    async fn list(&self) -> Vec<Host> {
        self.provider.list(&self.name).await.unwrap()
    }
}

fn provider(state: &Path) -> LocalProvider {
    let socket = "/var/run/docker.sock".into();
    let engine = Engine::new("local", &Endpoint::Unix { socket }).unwrap();
    LocalProvider::new(engine, state.to_owned())
}

fn run(program: &str, arguments: &[&str]) -> Output {
    Command::new(program).args(arguments).output().unwrap()
}

fn docker(arguments: &[&str]) -> String {
    let output = run("docker", arguments);
    assert!(
        output.status.success(),
        "docker {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// Runs a command on a host with its pinned key and nothing else to go by.
fn ssh(host: &Host, command: &str) -> Result<String, String> {
    let HostKey::Pinned(key) = &host.login.host_key else {
        panic!("the key of a local host is known: {:?}", host.login)
    };
    let folder = tempfile::tempdir().unwrap();
    let known_hosts = folder.path().join("known_hosts");
    std::fs::write(&known_hosts, format!("{} {key}\n", host.login.address)).unwrap();
    let output = Command::new("ssh")
        .args(["-F", "none", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes"])
        .args([
            "-o",
            "GlobalKnownHostsFile=none",
            "-o",
            "IdentitiesOnly=yes",
            "-o",
            "ConnectTimeout=5",
        ])
        .arg("-o")
        .arg(format!("UserKnownHostsFile={}", known_hosts.display()))
        .arg("-i")
        .arg(host.login.identity_file.as_ref().unwrap())
        .arg("-l")
        .arg(host.login.user.as_ref().unwrap())
        .args([host.login.address.as_str(), command])
        .output()
        .unwrap();
    if output.status.success() {
        Ok(String::from_utf8(output.stdout).unwrap().trim().to_owned())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

#[tokio::test]
async fn hosts_of_two_distributions_are_made_at_once_and_then_adopted() {
    let pool = Pool::new("two");
    let old = pool.request("lab-1", "debian:12");
    let new = pool.request("lab-2", "debian:13");
    let told = Mutex::new(Vec::new());
    let progress = |message| told.lock().unwrap().push(message);
    let (first, second) = tokio::join!(pool.provider.make(&old, &progress), pool.provider.make(&new, &progress));
    let made = [first.unwrap(), second.unwrap()];
    let told = told.into_inner().unwrap();
    for message in [MakeProgress::Creating, MakeProgress::Booting] {
        assert_eq!(told.iter().filter(|told| **told == message).count(), 2, "{told:?}");
    }

    for (host, name, version) in [(&made[0], "lab-1", "12"), (&made[1], "lab-2", "13")] {
        let answer = ssh(host, "hostname; . /etc/os-release; echo $VERSION_ID; sudo -n id -u");
        assert_eq!(answer.unwrap(), format!("{name}\n{version}\n0"));
        assert_eq!(host.labels["tier"], "front");
        assert!(host.running);
    }
    assert_ne!(made[0].login.address, made[1].login.address);
    assert_ne!(made[0].login.host_key, made[1].login.host_key);
    assert_eq!(pool.list().await, made);

    // Another run, which knows nothing but the state directory.
    let again = provider(pool.state.path());
    let told = Mutex::new(Vec::new());
    let adopted = again
        .make(&old, &|message| told.lock().unwrap().push(message))
        .await
        .unwrap();
    assert_eq!(adopted, made[0]);
    assert_eq!(told.into_inner().unwrap(), []);
    assert_eq!(again.list(&pool.name).await.unwrap(), made);
}

#[tokio::test]
async fn a_stopped_host_is_started_again_at_its_address() {
    let pool = Pool::new("stopped");
    let made = pool.make("lab-1").await;
    docker(&["stop", "--time", "5", &made.id]);
    assert!(!pool.list().await[0].running);

    // Made while the first is stopped: its address is not free.
    let other = pool.make("lab-2").await;
    assert_ne!(other.login.address, made.login.address);

    assert_eq!(pool.make("lab-1").await, made);
    assert_eq!(ssh(&made, "hostname").unwrap(), "lab-1");
}

#[tokio::test]
async fn the_address_and_the_key_survive_restarts() {
    let pool = Pool::new("restart");
    let made = [pool.make("lab-1").await, pool.make("lab-2").await];
    // Both down at once and up in the other order: an address that the engine chose would move.
    docker(&["stop", "--time", "5", &made[0].id, &made[1].id]);
    docker(&["start", &made[1].id]);
    docker(&["restart", "--time", "5", &made[0].id]);
    assert_eq!(pool.list().await, made);
    pool.make("lab-1").await;
    let address = docker(&[
        "inspect",
        "--format",
        "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}",
        &made[0].id,
    ]);
    assert_eq!(address.trim(), made[0].login.address);
    let answers = wait_for(|| ssh(&made[0], "hostname"));
    assert_eq!(answers, "lab-1");
}

/// sshd of a host that was started behind Hoist's back needs a moment.
fn wait_for(mut look: impl FnMut() -> Result<String, String>) -> String {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        match look() {
            Ok(answer) => return answer,
            Err(error) if Instant::now() > deadline => panic!("{error}"),
            Err(_) => std::thread::sleep(Duration::from_millis(100)),
        }
    }
}

#[tokio::test]
async fn an_address_that_something_else_has_is_passed_over() {
    let pool = Pool::new("taken");
    let first = pool.make("lab-1").await;
    let address = |last: u8| {
        let (network, _) = first.login.address.rsplit_once('.').unwrap();
        format!("{network}.{last}")
    };
    assert_eq!(first.login.address, address(2));
    // Its label lets the test remove it; it is no host and tells no address.
    docker(&[
        "run",
        "--detach",
        &format!("--network=hoist-{}", pool.name),
        &format!("--label=dev.hoist.pool={}", pool.name),
        &format!("--ip={}", address(3)),
        "busybox",
        "sleep",
        "600",
    ]);
    let second = pool.make("lab-2").await;
    assert_eq!(second.login.address, address(4));
    assert_eq!(ssh(&second, "hostname").unwrap(), "lab-2");
}

#[tokio::test]
async fn two_runs_at_once_share_one_network_and_no_address() {
    let pool = Pool::new("runs");
    let requests = [pool.request("lab-1", "debian:12"), pool.request("lab-2", "debian:12")];
    let other = provider(pool.state.path());
    let (first, second) = tokio::join!(
        pool.provider.make(&requests[0], &|_| {}),
        other.make(&requests[1], &|_| {})
    );
    for (host, name) in [(first.unwrap(), "lab-1"), (second.unwrap(), "lab-2")] {
        assert_eq!(ssh(&host, "hostname").unwrap(), name);
    }
    assert_eq!(pool.sweep.left_overs().len(), 2 + 4 + 1);
}

#[tokio::test]
async fn a_host_that_was_never_started_is_completed() {
    let pool = Pool::new("half");
    let made = pool.make("lab-1").await;
    let image = docker(&["inspect", "--format", "{{.Config.Image}}", &made.id]);
    docker(&["rm", "--force", &made.id]);
    // As a run leaves it that ended between creating the container and putting its keys in.
    let label = |key: &str, value: &str| format!("--label=dev.hoist.{key}={value}");
    docker(&[
        "create",
        &format!("--name=hoist-{}-lab-1", pool.name),
        &label("pool", &pool.name),
        &label("group", "lab"),
        &label("host", "lab-1"),
        &label("address", &made.login.address),
        &label("host-key", "ssh-ed25519 AAAA"),
        image.trim(),
    ]);
    assert_eq!(pool.list().await, [], "no host yet");

    let completed = pool.make("lab-1").await;
    assert_eq!(completed.login.address, made.login.address);
    assert_eq!(ssh(&completed, "hostname").unwrap(), "lab-1");
    assert_eq!(pool.list().await, [completed]);
}

#[tokio::test]
async fn removing_leaves_nothing_and_may_be_done_twice() {
    let pool = Pool::new("remove");
    let hosts = [pool.make("lab-1").await, pool.make("lab-2").await];
    assert_eq!(pool.sweep.left_overs().len(), 2 + 4 + 1);

    pool.provider.remove(&hosts[0]).await.unwrap();
    assert_eq!(pool.list().await, hosts[1..]);
    // The lowest address is free again.
    let again = pool.make("lab-1").await;
    assert_eq!(again.login.address, hosts[0].login.address);

    for host in [&again, &hosts[1]] {
        pool.provider.remove(host).await.unwrap();
        pool.provider.remove(host).await.unwrap();
    }
    pool.provider.remove_shared(&pool.name).await.unwrap();
    pool.provider.remove_shared(&pool.name).await.unwrap();
    assert_eq!(pool.sweep.left_overs(), Vec::<String>::new());
    let key = again.login.identity_file.unwrap();
    assert!(!key.exists(), "{}", key.display());
}

#[tokio::test]
async fn volumes_of_a_container_removed_by_hand_do_not_reach_the_next_host() {
    let pool = Pool::new("volumes");
    let made = pool.make("lab-1").await;
    ssh(&made, "sudo touch /var/lib/docker/old").unwrap();
    docker(&["rm", "--force", &made.id]);
    let next = pool.make("lab-1").await;
    assert_eq!(ssh(&next, "sudo ls /var/lib/docker").unwrap(), "");
}

#[tokio::test]
async fn a_lost_client_key_is_replaced_and_other_keys_stay() {
    let pool = Pool::new("key");
    let made = pool.make("lab-1").await;
    let key = made.login.identity_file.clone().unwrap();
    let kept = pool.state.path().join("kept");
    std::fs::rename(&key, &kept).unwrap();

    let listed = provider(pool.state.path()).list(&pool.name).await.unwrap();
    assert_ne!(std::fs::read(&key).unwrap(), std::fs::read(&kept).unwrap());
    assert_eq!(ssh(&listed[0], "hostname").unwrap(), "lab-1");
    let mut with_old = made;
    with_old.login.identity_file = Some(kept);
    assert_eq!(ssh(&with_old, "hostname").unwrap(), "lab-1");
}

#[tokio::test]
async fn a_host_that_stops_while_it_boots_is_an_error_with_its_last_words() {
    let pool = Pool::new("boot");
    let made = pool.make("lab-1").await;
    docker(&["stop", "--time", "5", &made.id]);
    let boot = pool.state.path().join("boot");
    std::fs::write(&boot, "#!/bin/sh\necho the disk is gone\nexit 3\n").unwrap();
    run("chmod", &["755", boot.to_str().unwrap()]);
    docker(&[
        "cp",
        boot.to_str().unwrap(),
        &format!("{}:/usr/local/sbin/boot", made.id),
    ]);

    let error = pool.try_make("lab-1").await.unwrap_err();
    assert_eq!(error.to_string(), "host `lab-1` stopped while it booted");
    let HostError::StoppedAtBoot { output, .. } = error else {
        panic!("{error}")
    };
    assert_eq!(
        output.last().map(String::as_str),
        Some("the disk is gone"),
        "{output:?}"
    );
    let state = docker(&["inspect", "--format", "{{.State.Status}}", &made.id]);
    assert_eq!(state.trim(), "exited", "it is not started again and again");
}

#[tokio::test]
async fn a_base_image_that_cannot_be_had_is_named_with_a_hint() {
    let pool = Pool::new("base");
    let request = pool.request("lab-1", "localhost:1/no/such:image");
    let error = pool.provider.make(&request, &|_| {}).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the base image `localhost:1/no/such:image` of local hosts cannot be had"
    );
    assert!(error.hint().unwrap().contains("docker load"), "{:?}", error.hint());
    assert_eq!(pool.sweep.left_overs(), Vec::<String>::new());
}

#[tokio::test]
async fn without_an_engine_the_error_says_that_one_is_needed() {
    let state = tempfile::tempdir().unwrap();
    let socket = state.path().join("nobody.sock");
    let engine = Engine::new("local", &Endpoint::Unix { socket }).unwrap();
    let error = LocalProvider::new(engine, state.path().to_owned())
        .list("dev")
        .await
        .unwrap_err();
    assert!(matches!(error, HostError::NoLocalEngine(_)), "{error}");
}
