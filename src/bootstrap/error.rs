//! What can go wrong while a host is made ready. Each names the host and the way out.

use crate::engine::EngineError;

/// A failure of one host.
#[derive(Debug, thiserror::Error)]
pub enum BootstrapError {
    /// SSH never answered.
    #[error("host `{host}` ({address}) did not answer SSH within {seconds} s: {reason}")]
    NoSsh {
        host: String,
        address: String,
        seconds: u64,
        reason: String,
    },
    /// SSH answered and refused the login.
    #[error("host `{host}` ({address}) refused the SSH key: {reason}")]
    LoginRefused {
        host: String,
        address: String,
        reason: String,
    },
    /// The host's key is not known and may not be accepted unseen.
    #[error("host `{host}` ({address}) has an SSH host key that is not known")]
    UnknownHostKey {
        host: String,
        address: String,
        reason: String,
    },
    /// The host's key is another than the known one.
    #[error("host `{host}` ({address}) shows another SSH host key than before")]
    ChangedHostKey {
        host: String,
        address: String,
        reason: String,
    },
    /// sudo asks for a password, or is not there.
    #[error("host `{host}`: user `{user}` cannot become root: {reason}")]
    NoRoot { host: String, user: String, reason: String },
    /// The host lacks something that Hoist cannot install.
    #[error("host `{host}` cannot run Docker: {reason}")]
    Unsuitable { host: String, reason: String },
    /// Docker could not be installed; the last lines of the package manager are kept.
    #[error("host `{host}`: Docker could not be installed after {attempts} attempts: {reason}")]
    Install {
        host: String,
        attempts: u32,
        reason: String,
        output: Vec<String>,
    },
    /// The host's `daemon.json` cannot be read as JSON: it is left as it is.
    #[error("host `{host}`: /etc/docker/daemon.json is not valid JSON: {reason}")]
    DaemonJson { host: String, reason: String },
    /// A step failed on the host.
    #[error("host `{host}`: {step} failed: {reason}")]
    Step {
        host: String,
        step: &'static str,
        reason: String,
        output: Vec<String>,
    },
    /// The engine answers and cannot run a container.
    #[error("host `{host}`: its engine cannot run a container: {reason}")]
    FirstContainer { host: String, reason: String },
    /// The Docker API's port does not answer from here.
    #[error("host `{host}`: the Docker API at {address}:{port} does not answer: {reason}")]
    ApiUnreachable {
        host: String,
        address: String,
        port: u16,
        reason: String,
    },
    /// The Docker API answers without a certificate: it was closed again.
    #[error("host `{host}`: the Docker API at {address}:{port} answers without a certificate")]
    ApiOpen { host: String, address: String, port: u16 },
    /// A call to the host's engine failed.
    #[error("host `{host}`: {action} failed")]
    Engine {
        host: String,
        action: String,
        #[source]
        source: Box<EngineError>,
    },
    /// The cluster cannot be made or joined.
    #[error("the cluster of pool `{pool}`: {reason}")]
    Cluster { pool: String, reason: String },
    /// Certificates or keys cannot be made, read or written.
    #[error("the certificates of pool `{pool}`: {reason}")]
    Certificates { pool: String, reason: String },
}

impl BootstrapError {
    /// The way out, where there is one to say.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            BootstrapError::NoSsh { address, .. } => format!(
                "see whether the machine runs and whether `ssh {address}` answers from here; `hoist up` goes on where it stopped"
            ),
            BootstrapError::LoginRefused { .. } => {
                "give the host's `user` and `identity_file`, or load the key into the SSH agent".to_string()
            }
            BootstrapError::UnknownHostKey { address, .. } => format!(
                "compare the key and accept it by logging in once with `ssh {address}`, or with `--accept-new-host-keys`"
            ),
            BootstrapError::ChangedHostKey { address, .. } => format!(
                "if the machine was made anew, forget its former key with `ssh-keygen -R {address}`; if it was not, somebody \
                 may be answering in its place"
            ),
            BootstrapError::NoRoot { user, .. } => {
                format!("write `{user} ALL=(ALL) NOPASSWD: ALL` to /etc/sudoers.d/{user} on the host, or log in as root")
            }
            BootstrapError::Unsuitable { .. } => {
                "mend the host, or take it out of `x-hosts`; with `install: never` Hoist uses the Docker that is there".to_string()
            }
            BootstrapError::Install { .. } => {
                "mend the host's package sources and run this again: it goes on where it stopped; the whole output is in \
                 /var/log/hoist-install.log on the host"
                    .to_string()
            }
            BootstrapError::DaemonJson { .. } => {
                "mend or remove the file on the host: Hoist keeps what it says and does not guess".to_string()
            }
            BootstrapError::Step { .. } => "run this again: it goes on where it stopped".to_string(),
            BootstrapError::FirstContainer { host, reason } => {
                let looked_at = format!(
                    "see `hoist hosts ssh {host} sudo journalctl -u docker`, mend the host and run this again"
                );
                if reason.to_lowercase().contains("apparmor") {
                    format!(
                        "install the package `apparmor` (`apparmor-parser` on SUSE) on the host, or let Hoist do it: without \
                         `install: never`; {looked_at}"
                    )
                } else {
                    looked_at
                }
            }
            BootstrapError::ApiUnreachable { port, .. } => format!(
                "open port {port} for this machine (firewall, security group), or set `x-pool: {{docker: {{api: ssh}}}}`, which \
                 needs port 22 only"
            ),
            BootstrapError::ApiOpen { .. } => {
                "Hoist took the API off the network; look for an `ExecStart` or a proxy of somebody else's that opens it".to_string()
            }
            BootstrapError::Engine { .. } => return None,
            BootstrapError::Cluster { .. } => {
                "`docker swarm leave --force` on a host takes it out of a cluster that is not this pool's".to_string()
            }
            BootstrapError::Certificates { .. } => {
                "the hosts have the authority too: remove the pool's `ca.pem` and `ca-key.pem` here to fetch it from them".to_string()
            }
        };
        Some(hint)
    }
}
