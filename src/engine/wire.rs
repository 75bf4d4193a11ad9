//! The wire under one engine: dials its endpoint and keeps the connections pooled.
//!
//! Knows HTTP, TLS and sockets; never the Engine API. bollard's own transports open one connection for each request
//! and its TLS one also trusts the system's authorities, so the calls go through this one.

use std::error::Error;
use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use http::{HeaderValue, Request, Response, Uri};
use http_body_util::{Either, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::UnixStream;
use tokio_rustls::TlsConnector;
use tower_service::Service;

use super::connection::{ClientIdentity, Endpoint};

type AnyError = Box<dyn Error + Send + Sync>;
type Frames = Pin<Box<dyn Stream<Item = Result<Frame<Bytes>, io::Error>> + Send>>;

/// What a request carries; the same type as bollard's.
pub(super) type Body = Either<Full<Bytes>, StreamBody<Frames>>;

/// How long a dial may take, the TLS handshake included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Kept below the idle limits of common firewalls and load balancers.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// Enough for one observation, which asks for everything at once.
const IDLE_CONNECTIONS: usize = 16;

/// Pooled connections to one endpoint; clones share them.
#[derive(Clone, Debug)]
pub(super) struct Wire {
    client: Client<Dialer, Body>,
}

impl Wire {
    /// Fails only where the endpoint's TLS material is unusable; nothing is dialled yet.
    pub(super) fn new(endpoint: &Endpoint) -> Result<Wire, String> {
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .build(Dialer::new(endpoint)?);
        Ok(Wire { client })
    }

    pub(super) fn send(
        &self,
        mut request: Request<Body>,
    ) -> impl Future<Output = Result<Response<Incoming>, hyper_util::client::legacy::Error>> + Send + use<> {
        repair_credentials(&mut request);
        self.client.request(request)
    }
}

/// The Engine API wants credentials in the URL-safe alphabet; bollard writes the standard one, and the engine then
/// takes the request as one without credentials.
fn repair_credentials(request: &mut Request<Body>) {
    for header in ["x-registry-auth", "x-registry-config"] {
        if let Some(value) = request.headers_mut().get_mut(header) {
            let bytes: Vec<u8> = value
                .as_bytes()
                .iter()
                .map(|byte| match byte {
                    b'+' => b'-',
                    b'/' => b'_',
                    other => *other,
                })
                .collect();
            if let Ok(mut repaired) = HeaderValue::from_bytes(&bytes) {
                repaired.set_sensitive(true);
                *value = repaired;
            }
        }
    }
}

/// Dials one endpoint, whatever the request's URI says.
#[derive(Clone)]
enum Dialer {
    Unix(PathBuf),
    Tcp {
        connector: HttpConnector,
        uri: Uri,
    },
    Tls {
        connector: HttpConnector,
        uri: Uri,
        server: ServerName<'static>,
        config: Arc<rustls::ClientConfig>,
    },
}

impl std::fmt::Debug for Dialer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Dialer::Unix(_) => "Unix",
            Dialer::Tcp { .. } => "Tcp",
            Dialer::Tls { .. } => "Tls",
        })
    }
}

impl Dialer {
    fn new(endpoint: &Endpoint) -> Result<Dialer, String> {
        Ok(match endpoint {
            Endpoint::Unix { socket } => Dialer::Unix(socket.clone()),
            Endpoint::Tcp { address, port } => Dialer::Tcp {
                connector: tcp_connector(),
                uri: tcp_uri(address, *port)?,
            },
            Endpoint::Tls {
                address,
                port,
                identity,
            } => Dialer::Tls {
                connector: tcp_connector(),
                uri: tcp_uri(address, *port)?,
                server: ServerName::try_from(address.clone())
                    .map_err(|_| format!("`{address}` is neither an address nor a host name"))?,
                config: Arc::new(client_config(identity)?),
            },
        })
    }

    async fn dial(self) -> Result<Wired, AnyError> {
        let stream: Box<dyn ByteStream> = match self {
            Dialer::Unix(socket) => Box::new(UnixStream::connect(&socket).await?),
            Dialer::Tcp { mut connector, uri } => Box::new(connector.call(uri).await?.into_inner()),
            Dialer::Tls {
                mut connector,
                uri,
                server,
                config,
            } => {
                let tcp = connector.call(uri).await?.into_inner();
                Box::new(TlsConnector::from(config).connect(server, tcp).await?)
            }
        };
        Ok(Wired(TokioIo::new(stream)))
    }
}

impl Service<Uri> for Dialer {
    type Response = Wired;
    type Error = AnyError;
    type Future = Pin<Box<dyn Future<Output = Result<Wired, AnyError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), AnyError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let dialer = self.clone();
        Box::pin(async move {
            match tokio::time::timeout(CONNECT_TIMEOUT, dialer.dial()).await {
                Ok(dialled) => dialled,
                Err(_) => Err(format!("no connection within {} s", CONNECT_TIMEOUT.as_secs()).into()),
            }
        })
    }
}

/// Keepalive and the user timeout make a host that vanished fail within half a minute instead of hours.
fn tcp_connector() -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
    connector.set_keepalive(Some(Duration::from_secs(15)));
    connector.set_keepalive_interval(Some(Duration::from_secs(5)));
    connector.set_keepalive_retries(Some(3));
    #[cfg(target_os = "linux")]
    connector.set_tcp_user_timeout(Some(Duration::from_secs(30)));
    connector
}

fn tcp_uri(address: &str, port: u16) -> Result<Uri, String> {
    let host = if address.contains(':') && !address.starts_with('[') {
        format!("[{address}]")
    } else {
        address.to_owned()
    };
    format!("http://{host}:{port}/")
        .parse()
        .map_err(|error| format!("`{address}`: {error}"))
}

/// Trusts only the given authority: the system's own could vouch for a stranger on a private network.
fn client_config(identity: &ClientIdentity) -> Result<rustls::ClientConfig, String> {
    let mut roots = rustls::RootCertStore::empty();
    for certificate in certificates("the authority", &identity.authority)? {
        roots
            .add(certificate)
            .map_err(|error| format!("the authority cannot be trusted: {error}"))?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots);
    if identity.certificate.is_empty() && identity.key.is_empty() {
        return Ok(builder.with_no_client_auth());
    }
    let chain = certificates("the client certificate", &identity.certificate)?;
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes())
        .map_err(|error| format!("the client key cannot be read: {error}"))?;
    builder
        .with_client_auth_cert(chain, key)
        .map_err(|error| format!("the client certificate and its key do not serve: {error}"))
}

fn certificates(what: &str, pem: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let found = CertificateDer::pem_slice_iter(pem.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| format!("{what} cannot be read: {error}"))?;
    if found.is_empty() {
        return Err(format!("{what} holds no certificate"));
    }
    Ok(found)
}

trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for T {}

/// One connection in hyper's clothes.
struct Wired(TokioIo<Box<dyn ByteStream>>);

impl Connection for Wired {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl hyper::rt::Read for Wired {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: hyper::rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl hyper::rt::Write for Wired {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
