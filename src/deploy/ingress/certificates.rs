//! Certificates of ways in, read from the operator's files and checked before anything is changed.
//!
//! Knows PEM and that a key belongs to its certificate. Contents go to the cluster's secrets and nowhere else.

use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::compose::Project;
use crate::compose::model::IngressTls;
use crate::deploy::error::DeployError;
use crate::plan::ingress::certificate_key;

/// By key, what HAProxy reads as one file: the certificate, its chain, the key.
///
/// # Errors
///
/// [`DeployError::Content`] for a file that cannot be read, that has no certificate or no key, or whose key is another's.
pub(in crate::deploy) fn read(project: &Project) -> Result<Vec<(String, Vec<u8>)>, DeployError> {
    let mut all = Vec::new();
    for service in project.services.values() {
        for (index, way) in service.ingress.iter().enumerate() {
            let Some(tls) = &way.tls else { continue };
            let content = content(tls).map_err(|reason| DeployError::Content {
                kind: "certificate",
                key: format!("services.{}.x-ingress.tls", service.name),
                reason,
            })?;
            all.push((certificate_key(&service.name, index), content));
        }
    }
    Ok(all)
}

fn content(tls: &IngressTls) -> Result<Vec<u8>, String> {
    let file = |path: &std::path::Path| {
        std::fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
    };
    let mut content = file(&tls.cert)?;
    if let Some(key) = &tls.key {
        content.push(b'\n');
        content.extend(file(key)?);
    }
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&content)
        .collect::<Result<_, _>>()
        .map_err(|error| format!("{} is no PEM file: {error}", tls.cert.display()))?;
    if chain.is_empty() {
        return Err(format!("{} has no certificate", tls.cert.display()));
    }
    let key = PrivateKeyDer::from_pem_slice(&content).map_err(|_| match &tls.key {
        Some(key) => format!("{} has no private key", key.display()),
        None => format!(
            "{} has no private key, and `key` names no file that has it",
            tls.cert.display()
        ),
    })?;
    let key = any_supported_type(&key).map_err(|error| format!("the private key cannot be used: {error}"))?;
    CertifiedKey::new(chain, key).keys_match().map_err(|_| {
        format!(
            "the private key is not that of the certificate in {}",
            tls.cert.display()
        )
    })?;
    Ok(content)
}
