//! The pool's certificate authority, and the certificates that it signs. Pure but for the clock and randomness.
//!
//! Knows X.509. Where keys are kept is [`super::keyring`]'s.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    SanType,
};
use rustls::client::danger::ServerCertVerifier;
use rustls::{RootCertStore, client::WebPkiServerVerifier, server::WebPkiClientVerifier};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Clocks of machines that just booted may be behind.
const STARTED: Duration = DAY;
const AUTHORITY_VALID: Duration = Duration::from_secs(3650 * 24 * 60 * 60);
const CERTIFICATE_VALID: Duration = Duration::from_secs(825 * 24 * 60 * 60);
/// A certificate with less than this left is made anew. More than a year, because a ready host is looked at once a year at
/// least (see [`super::stamp`]).
pub(super) const RENEW_BEFORE: Duration = Duration::from_secs(400 * 24 * 60 * 60);

/// The pool's certificate authority with its key.
pub(super) struct Authority {
    pub certificate: String,
    /// Secret.
    key_text: String,
    key: KeyPair,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Authority")
    }
}

/// A certificate with its key, in PEM.
pub(super) struct KeyedCertificate {
    pub certificate: String,
    /// Secret.
    pub key: String,
}

impl std::fmt::Debug for KeyedCertificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyedCertificate")
    }
}

impl Authority {
    pub fn make(pool: &str) -> Result<Authority, rcgen::Error> {
        let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
        let mut parameters = parameters(&format!("Hoist CA of pool {pool}"), AUTHORITY_VALID);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = parameters.self_signed(&key)?.pem();
        let key_text = key.serialize_pem();
        Ok(Authority {
            certificate,
            key_text,
            key,
        })
    }

    /// Reads what was made before.
    ///
    /// # Errors
    ///
    /// Words without secrets, where either is unreadable or the key is another certificate's.
    pub fn read(certificate: &str, key: &str) -> Result<Authority, String> {
        let pair = KeyPair::from_pem(key).map_err(|_| "its key cannot be read".to_string())?;
        let authority = Authority {
            certificate: certificate.to_string(),
            key_text: key.to_string(),
            key: pair,
        };
        // What it signs must be accepted by those who trust its certificate: that proves the two belong together.
        let probe = authority
            .client_certificate("probe")
            .map_err(|_| "its certificate cannot be read".to_string())?;
        if !authority.accepts_client(&probe.certificate) {
            return Err("its key belongs to another certificate".to_string());
        }
        Ok(authority)
    }

    /// The key, in PEM: only ever written to files of mode 0600 and sent through SSH's stdin.
    pub fn secret_key(&self) -> &str {
        &self.key_text
    }

    /// For an engine that is reached at any of `names`, addresses or DNS names.
    pub fn server_certificate(&self, name: &str, names: &[String]) -> Result<KeyedCertificate, rcgen::Error> {
        let mut parameters = parameters(name, CERTIFICATE_VALID);
        parameters.subject_alt_names = names.iter().filter_map(|name| alternative_name(name)).collect();
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.sign(parameters)
    }

    /// For an operator.
    pub fn client_certificate(&self, name: &str) -> Result<KeyedCertificate, rcgen::Error> {
        let mut parameters = parameters(name, CERTIFICATE_VALID);
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(parameters)
    }

    fn sign(&self, mut parameters: CertificateParams) -> Result<KeyedCertificate, rcgen::Error> {
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.use_authority_key_identifier_extension = true;
        let issuer = Issuer::from_ca_cert_pem(&self.certificate, &self.key)?;
        let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
        let certificate = parameters.signed_by(&key, &issuer)?.pem();
        let key = key.serialize_pem();
        Ok(KeyedCertificate { certificate, key })
    }

    /// Whether this authority signed the certificate, for each of the names, and it has long enough to go.
    pub fn accepts_server(&self, certificate: &str, names: &[String]) -> bool {
        let check = || -> Option<()> {
            let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).ok()?;
            let verifier = WebPkiServerVerifier::builder_with_provider(self.trust()?, provider())
                .build()
                .ok()?;
            for name in names.iter().filter(|name| alternative_name(name).is_some()) {
                let name = ServerName::try_from(name.as_str()).ok()?;
                verifier
                    .verify_server_cert(&certificate, &[], &name, &[], renewal_time())
                    .ok()?;
            }
            Some(())
        };
        check().is_some()
    }

    /// Whether this authority signed the certificate for a client, and it has long enough to go.
    pub fn accepts_client(&self, certificate: &str) -> bool {
        let check = || -> Option<()> {
            let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).ok()?;
            let verifier = WebPkiClientVerifier::builder_with_provider(self.trust()?, provider())
                .build()
                .ok()?;
            verifier.verify_client_cert(&certificate, &[], renewal_time()).ok()?;
            Some(())
        };
        check().is_some()
    }

    fn trust(&self) -> Option<Arc<RootCertStore>> {
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(self.certificate.as_bytes()).ok()?)
            .ok()?;
        Some(Arc::new(roots))
    }
}

/// The one TLS provider of this program.
pub(super) fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

fn parameters(name: &str, valid: Duration) -> CertificateParams {
    let mut parameters = CertificateParams::default();
    // `default` names the subject after the library.
    parameters.distinguished_name = rcgen::DistinguishedName::new();
    parameters.distinguished_name.push(DnType::CommonName, name);
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    parameters.not_before = epoch + now.saturating_sub(STARTED);
    parameters.not_after = epoch + now + valid;
    parameters
}

fn alternative_name(name: &str) -> Option<SanType> {
    if let Ok(address) = name.parse::<IpAddr>() {
        return Some(SanType::IpAddress(address));
    }
    ServerName::try_from(name).ok()?;
    Some(SanType::DnsName(name.try_into().ok()?))
}

fn renewal_time() -> UnixTime {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixTime::since_unix_epoch(now + RENEW_BEFORE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_server_certificate_serves_its_addresses_and_no_other() {
        let authority = Authority::make("dev").unwrap();
        let own = names(&["10.0.0.5", "fd00::5", "web-1", "host.example.org"]);
        let made = authority.server_certificate("web-1", &own).unwrap();
        assert!(authority.accepts_server(&made.certificate, &own));
        assert!(authority.accepts_server(&made.certificate, &own[..1]));
        assert!(!authority.accepts_server(&made.certificate, &names(&["10.0.0.5", "10.0.0.6"])));
        assert!(!Authority::make("dev").unwrap().accepts_server(&made.certificate, &own));
    }

    #[test]
    fn a_server_certificate_is_no_client_certificate() {
        let authority = Authority::make("dev").unwrap();
        let server = authority.server_certificate("web-1", &names(&["10.0.0.5"])).unwrap();
        let client = authority.client_certificate("operator").unwrap();
        assert!(!authority.accepts_client(&server.certificate));
        assert!(!authority.accepts_server(&client.certificate, &names(&["10.0.0.5"])));
        assert!(authority.accepts_client(&client.certificate));
    }

    #[test]
    fn an_authority_is_read_back_and_a_foreign_key_is_not() {
        let (one, other) = (Authority::make("dev").unwrap(), Authority::make("dev").unwrap());
        let read = Authority::read(&one.certificate, one.secret_key()).unwrap();
        assert!(one.accepts_client(&read.client_certificate("operator").unwrap().certificate));
        assert!(Authority::read(&one.certificate, other.secret_key()).is_err());
        assert!(Authority::read("nonsense", one.secret_key()).is_err());
    }

    #[test]
    fn a_name_that_no_certificate_can_carry_is_left_out() {
        let authority = Authority::make("dev").unwrap();
        let names = names(&["10.0.0.5", "not a name"]);
        let made = authority.server_certificate("web-1", &names).unwrap();
        assert!(authority.accepts_server(&made.certificate, &names));
    }

    #[test]
    fn secrets_stay_out_of_debug() {
        let authority = Authority::make("dev").unwrap();
        let shown = format!("{authority:?} {:?}", authority.client_certificate("operator").unwrap());
        assert_eq!(shown, "Authority KeyedCertificate");
    }
}
