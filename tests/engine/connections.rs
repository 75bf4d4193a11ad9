//! How engines are reached.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::join_all;
use hoist::engine::{ClientIdentity, Endpoint, Engine, EngineError};
use rustls_pki_types::PrivateKeyDer;
use tokio::net::{TcpListener, UnixStream};

use crate::support::{Proxy, endpoint, engine};

fn socket() -> std::path::PathBuf {
    match endpoint() {
        Endpoint::Unix { socket } => socket,
        other => panic!("these tests need an engine on a Unix socket, not {other}"),
    }
}

#[tokio::test]
async fn an_engine_says_what_it_is() {
    let engine = engine().await;
    let version = engine.version().await.unwrap();
    assert!(version.speaks(1, 24) && !version.speaks(9, 0), "{version:?}");
    assert_eq!(version.operating_system, "linux");
    assert!(engine.info().await.unwrap().ncpu.unwrap() > 0);
}

#[tokio::test]
async fn connections_are_used_again() {
    let proxy = Proxy::start(&socket(), 0);
    let engine = proxy.engine("proxied");
    for _ in 0..100 {
        engine.ping().await.unwrap();
    }
    assert_eq!(proxy.dials.load(Ordering::SeqCst), 1);
    for _ in 0..10 {
        let answers = join_all((0..8).map(|_| engine.containers(&["hoist-engine-test=none"]))).await;
        assert!(answers.into_iter().all(|answer| answer.is_ok()));
    }
    assert!(proxy.dials.load(Ordering::SeqCst) <= 9, "{:?} dials", proxy.dials);
}

#[tokio::test]
async fn plain_tcp_reaches_the_engine_too() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut server = UnixStream::connect(socket()).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    let engine = Engine::new(
        "tcp",
        &Endpoint::Tcp {
            address: "127.0.0.1".into(),
            port,
        },
    )
    .unwrap();
    engine.ping().await.unwrap();
    serving.abort();
}

#[tokio::test]
async fn an_engine_that_is_not_there_is_named_with_its_endpoint() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("none");
    let engine = Engine::new("ghost", &Endpoint::Unix { socket }).unwrap();
    let error = engine.ping().await.unwrap_err();
    assert!(error.is_unreachable());
    assert!(
        error.to_string().contains("ghost") && error.to_string().contains("/none"),
        "{error}"
    );
    assert!(std::error::Error::source(&error).is_some());
}

#[tokio::test]
async fn an_engine_that_says_nothing_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let silent = Endpoint::Tcp {
        address: "127.0.0.1".into(),
        port,
    };
    let engine = Engine::new("silent", &silent)
        .unwrap()
        .with_timeout(Duration::from_secs(1));
    let error = engine.ping().await.unwrap_err();
    assert!(matches!(error, EngineError::Unreachable { .. }), "{error:?}");
    let error = engine.volumes(&[]).await.unwrap_err();
    assert!(matches!(error, EngineError::Unreachable { .. }), "{error:?}");
}

/// A TLS listener before the engine's socket that lets in only clients of its authority.
async fn tls_proxy(authority: &rcgen::CertifiedIssuer<'static, rcgen::KeyPair>) -> u16 {
    let (certificate, key) = issue(authority, "127.0.0.1");
    let mut roots = rustls::RootCertStore::empty();
    roots.add(authority.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut client) = acceptor.accept(client).await else {
                    return;
                };
                let mut server = UnixStream::connect(socket()).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    port
}

fn authority() -> rcgen::CertifiedIssuer<'static, rcgen::KeyPair> {
    let mut parameters = rcgen::CertificateParams::default();
    parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    rcgen::CertifiedIssuer::self_signed(parameters, rcgen::KeyPair::generate().unwrap()).unwrap()
}

fn issue(
    authority: &rcgen::CertifiedIssuer<'static, rcgen::KeyPair>,
    name: &str,
) -> (rcgen::Certificate, rcgen::KeyPair) {
    let key = rcgen::KeyPair::generate().unwrap();
    let parameters = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
    (parameters.signed_by(&key, authority).unwrap(), key)
}

#[tokio::test]
async fn mutual_tls_trusts_the_given_authority_and_nobody_else() {
    let own = authority();
    let foreign = authority();
    let port = tls_proxy(&own).await;
    let reach = |trusted: &rcgen::CertifiedIssuer<'static, rcgen::KeyPair>, client: Option<_>| {
        let (certificate, key): (String, String) = match client {
            Some(issuer) => {
                let (certificate, key) = issue(issuer, "operator");
                (certificate.pem(), key.serialize_pem())
            }
            None => Default::default(),
        };
        let identity = Arc::new(ClientIdentity {
            authority: trusted.pem(),
            certificate,
            key,
        });
        let endpoint = Endpoint::Tls {
            address: "127.0.0.1".into(),
            port,
            identity,
        };
        Engine::new("tls", &endpoint).unwrap()
    };
    reach(&own, Some(&own)).ping().await.unwrap();
    for stranger in [
        reach(&foreign, Some(&own)),
        reach(&own, Some(&foreign)),
        reach(&own, None),
    ] {
        assert!(stranger.ping().await.unwrap_err().is_unreachable());
    }
}
