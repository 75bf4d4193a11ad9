//! What the tests share: the engine at hand, throw-away engines and proxies, a tiny image, and cleaning up.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use hoist::compose::model::Build;
use hoist::engine::context::ContextInputs;
use hoist::engine::{Credentials, Endpoint, Engine, EngineError, Progress, wait_until};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

pub fn endpoint() -> Endpoint {
    let inputs = ContextInputs {
        docker_host: std::env::var("DOCKER_HOST").ok(),
        docker_context: Some("default".into()),
        ..ContextInputs::default()
    };
    inputs.resolve().expect("DOCKER_HOST can be used").1
}

/// The engine at hand; the test fails where there is none.
pub async fn engine() -> Engine {
    let engine = Engine::new("here", &endpoint()).unwrap();
    engine.ping().await.expect("these tests need a Docker Engine");
    engine
}

/// Removes what a test made, also when it fails.
pub struct Cleanup {
    containers: Vec<String>,
    images: Vec<String>,
    networks: Vec<String>,
    volumes: Vec<String>,
}

impl Cleanup {
    pub fn new() -> Cleanup {
        Cleanup {
            containers: Vec::new(),
            images: Vec::new(),
            networks: Vec::new(),
            volumes: Vec::new(),
        }
    }

    pub fn container(mut self, name: &str) -> Self {
        self.containers.push(name.to_owned());
        self
    }

    pub fn image(mut self, name: &str) -> Self {
        self.images.push(name.to_owned());
        self
    }

    pub fn network(mut self, name: &str) -> Self {
        self.networks.push(name.to_owned());
        self
    }

    pub fn volume(mut self, name: &str) -> Self {
        self.volumes.push(name.to_owned());
        self
    }

    async fn run(&self) {
        let Ok(engine) = Engine::new("here", &endpoint()) else {
            return;
        };
        for container in &self.containers {
            let _ = engine.remove_container(container, true, true).await;
        }
        for network in &self.networks {
            let _ = engine.remove_network(network).await;
        }
        for volume in &self.volumes {
            let _ = engine.remove_volume(volume, true).await;
        }
        for image in &self.images {
            let _ = engine.remove_image(image, true).await;
        }
    }
}

impl Drop for Cleanup {
    fn drop(&mut self) {
        std::thread::scope(|scope| {
            scope.spawn(|| tokio::runtime::Runtime::new().unwrap().block_on(self.run()));
        });
    }
}

/// A folder with busybox and a Dockerfile that puts it into an empty image. The program is that of the image `busybox`,
/// whose `cat` it is; the machine itself needs none.
pub fn busybox_context() -> tempfile::TempDir {
    let folder = tempfile::Builder::new().prefix("hoist-engine-test-").tempdir().unwrap();
    let copied = Command::new("docker")
        .args([
            "run",
            "--rm",
            "--network",
            "none",
            "busybox:latest",
            "cat",
            "/proc/self/exe",
        ])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&copied.stderr);
    assert!(
        copied.status.success(),
        "no busybox (`setup/base-images` makes the image): {said}"
    );
    let program = folder.path().join("busybox");
    std::fs::write(&program, copied.stdout).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::write(
        folder.path().join("Dockerfile"),
        "FROM scratch\nCOPY busybox /bin/busybox\nCOPY busybox /bin/sh\nENV PATH=/bin\nCMD [\"sh\"]\n",
    )
    .unwrap();
    folder
}

/// Builds that image under a name. It shares no layer with those of other tests: the classic builder fails when an
/// image that it found in its cache is removed meanwhile.
pub async fn build_busybox(engine: &Engine, image: &str) -> String {
    let folder = busybox_context();
    let dockerfile = std::fs::read_to_string(folder.path().join("Dockerfile")).unwrap();
    let build = Build {
        context: folder.path().to_owned(),
        dockerfile_inline: Some(dockerfile.replace("scratch\n", &format!("scratch\nLABEL test={image}\n"))),
        ..Build::default()
    };
    engine
        .build(image, &build, &Credentials::default(), |_| {})
        .await
        .unwrap()
}

/// A second engine with folders and a network namespace of its own.
///
/// The namespace is a must, not a nicety: `dockerd --bridge=none` deletes whatever `docker0` it finds, and a cluster
/// makes a `docker_gwbridge`. In the machine's own namespace that cuts off every container of the engine at hand.
pub struct Daemon {
    process: Child,
    folder: tempfile::TempDir,
}

impl Daemon {
    pub async fn start(name: &str) -> Daemon {
        let folder = tempfile::Builder::new().prefix("hoist-engine-test-").tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let process = Command::new("unshare")
            .args([
                "--net",
                "sh",
                "-c",
                "ip link set lo up && exec dockerd \"$@\"",
                "dockerd",
            ])
            .args([
                "--data-root",
                &at("data"),
                "--exec-root",
                &at("exec"),
                "--pidfile",
                &at("pid"),
            ])
            .args([
                "--host",
                &format!("unix://{}", at("socket")),
                "--iptables=false",
                "--bridge=none",
            ])
            .args([
                "--containerd-namespace",
                name,
                "--containerd-plugins-namespace",
                &format!("{name}-plugins"),
            ])
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("these tests need unshare and dockerd");
        let daemon = Daemon { process, folder };
        let engine = daemon.engine(name);
        let answers = wait_until(Duration::from_secs(60), Duration::from_millis(100), || async {
            Ok::<_, EngineError>(match engine.ping().await {
                Ok(()) => Progress::Ready(()),
                Err(error) => Progress::Pending(error.to_string()),
            })
        });
        if let Err(error) = answers.await {
            let log = std::fs::read_to_string(daemon.folder.path().join("log")).unwrap_or_default();
            panic!("the second engine does not start: {error}\n{log}");
        }
        daemon
    }

    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    pub fn engine(&self, name: &str) -> Engine {
        Engine::new(name, &Endpoint::Unix { socket: self.socket() }).unwrap()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let id = self.process.id().to_string();
        let _ = Command::new("kill").arg(&id).status();
        for _ in 0..300 {
            if !matches!(self.process.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Stands before an engine's socket, counts who comes in, and can cut a connection off.
pub struct Proxy {
    folder: tempfile::TempDir,
    pub dials: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl Proxy {
    /// Connections break off after `limit` bytes from the client; 0: never.
    pub fn start(target: &Path, limit: u64) -> Proxy {
        let folder = tempfile::Builder::new().prefix("hoist-engine-test-").tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("socket")).unwrap();
        let dials = Arc::new(AtomicUsize::new(0));
        let counter = dials.clone();
        let target = target.to_owned();
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::SeqCst);
                let target = target.clone();
                tokio::spawn(async move {
                    let server = UnixStream::connect(target).await.unwrap();
                    carry(client, server, limit).await;
                });
            }
        });
        Proxy { folder, dials, task }
    }

    pub fn engine(&self, name: &str) -> Engine {
        let socket = self.folder.path().join("socket");
        Engine::new(name, &Endpoint::Unix { socket }).unwrap()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn carry(client: UnixStream, server: UnixStream, limit: u64) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let carried = AtomicU64::new(0);
    let up = async {
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(count) = from_client.read(&mut buffer).await {
            let sum = carried.fetch_add(count as u64, Ordering::SeqCst) + count as u64;
            if count == 0 || (limit > 0 && sum > limit) || to_server.write_all(&buffer[..count]).await.is_err() {
                return;
            }
        }
    };
    let down = async {
        let _ = tokio::io::copy(&mut from_server, &mut to_client).await;
    };
    tokio::select! { () = up => {}, () = down => {} }
}
