//! Proof that an engine answers this operator, and nobody without a certificate of the pool.
//!
//! Speaks to the port itself, one request per connection and without the engine's client: what is asked here is how the door
//! behaves, also towards those whom a proper client would never be.

use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;

use super::pki::provider;
use crate::engine::error::cause_chain;
use crate::engine::{ClientIdentity, Endpoint};

const TIMEOUT: Duration = Duration::from_secs(10);
/// What an engine says of its version is about a kilobyte.
const LONGEST_ANSWER: u64 = 64 * 1024;

/// Why an engine could not be proved.
#[derive(Debug)]
pub(super) enum Doubt {
    /// Nobody takes the connection.
    Unreachable(String),
    /// Somebody takes it and does not answer as this pool's engine does.
    Stranger(String),
    /// It answers who shows no certificate.
    Open,
}

/// The version of the engine, once it is proved.
pub(super) async fn prove(endpoint: &Endpoint) -> Result<String, Doubt> {
    match endpoint {
        Endpoint::Tls {
            address,
            port,
            identity,
        } => {
            let nobody = ClientIdentity {
                authority: identity.authority.clone(),
                certificate: String::new(),
                key: String::new(),
            };
            let (own, anonymous, plain) = tokio::join!(
                over_tls(address, *port, identity),
                over_tls(address, *port, &nobody),
                in_plaintext(address, *port)
            );
            // Refused is refused, in whatever words. And whoever answers them is open, whatever it says to this operator.
            if [anonymous, plain]
                .into_iter()
                .flatten()
                .any(|answer| answer.status == 200)
            {
                return Err(Doubt::Open);
            }
            version_of(own?)
        }
        Endpoint::Tcp { address, port } => version_of(in_plaintext(address, *port).await?),
        Endpoint::Unix { socket } => {
            let stream = within(UnixStream::connect(socket)).await.map_err(Doubt::Unreachable)?;
            version_of(ask(stream).await?)
        }
    }
}

struct Answer {
    status: u16,
    body: String,
}

fn version_of(answer: Answer) -> Result<String, Doubt> {
    let version = serde_json::from_str::<serde_json::Value>(&answer.body)
        .ok()
        .and_then(|said| Some(said.get("Version")?.as_str()?.to_string()));
    match version {
        Some(version) if answer.status == 200 => Ok(version),
        _ => Err(Doubt::Stranger(format!(
            "it answers with status {}: {}",
            answer.status,
            answer.body.lines().next().unwrap_or_default()
        ))),
    }
}

async fn over_tls(address: &str, port: u16, identity: &ClientIdentity) -> Result<Answer, Doubt> {
    let stranger = |error: &dyn std::error::Error| Doubt::Stranger(cause_chain(error));
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_slice(identity.authority.as_bytes()).map_err(|error| stranger(&error))?;
    roots.add(authority).map_err(|error| stranger(&error))?;
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| stranger(&error))?
        .with_root_certificates(roots);
    let config = if identity.certificate.is_empty() {
        config.with_no_client_auth()
    } else {
        let certificate = CertificateDer::from_pem_slice(identity.certificate.as_bytes());
        let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes());
        config
            .with_client_auth_cert(
                vec![certificate.map_err(|error| stranger(&error))?],
                key.map_err(|error| stranger(&error))?,
            )
            .map_err(|error| stranger(&error))?
    };
    let name = ServerName::try_from(address.to_string()).map_err(|error| stranger(&error))?;
    let stream = connect(address, port).await?;
    let secured = within(TlsConnector::from(Arc::new(config)).connect(name, stream)).await;
    ask(secured.map_err(Doubt::Stranger)?).await
}

async fn in_plaintext(address: &str, port: u16) -> Result<Answer, Doubt> {
    ask(connect(address, port).await?).await
}

async fn connect(address: &str, port: u16) -> Result<TcpStream, Doubt> {
    within(TcpStream::connect((address, port)))
        .await
        .map_err(Doubt::Unreachable)
}

async fn ask(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> Result<Answer, Doubt> {
    let talk = async {
        // HTTP/1.0: the answer ends with the connection and is not cut into chunks.
        stream
            .write_all(b"GET /version HTTP/1.0\r\nHost: docker\r\n\r\n")
            .await?;
        stream.flush().await?;
        let mut said = Vec::new();
        let ended = (&mut stream).take(LONGEST_ANSWER).read_to_end(&mut said).await;
        // Whoever answers and then breaks off has answered.
        if said.is_empty() {
            ended?;
        }
        Ok::<_, std::io::Error>(said)
    };
    let said = within(talk).await.map_err(Doubt::Stranger)?;
    let text = String::from_utf8_lossy(&said);
    let status = text.split_whitespace().nth(1).and_then(|word| word.parse().ok());
    let status = status.ok_or_else(|| Doubt::Stranger("it does not speak HTTP".to_string()))?;
    let body = text
        .split_once("\r\n\r\n")
        .map(|(_, body)| body.to_string())
        .unwrap_or_default();
    Ok(Answer { status, body })
}

async fn within<T>(step: impl Future<Output = std::io::Result<T>>) -> Result<T, String> {
    match tokio::time::timeout(TIMEOUT, step).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no answer within {} s", TIMEOUT.as_secs())),
    }
}
