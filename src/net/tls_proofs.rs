//! Certificates that prove to an authority that a name is this server's (TLS-ALPN-01, RFC 8737).

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rcgen::{CertificateParams, CustomExtension, KeyPair};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::server::ClientHello;
use tokio_rustls::rustls::sign::CertifiedKey;

/// What such an authority asks for by ALPN.
pub(super) const PROTOCOL: &[u8] = b"acme-tls/1";

/// The proofs by their names, as long as somebody may ask for them.
#[derive(Debug, Default)]
pub(super) struct TlsProofs(Mutex<HashMap<String, Arc<CertifiedKey>>>);

impl TlsProofs {
    /// Makes the proof for `name`, which is the `digest` of what the authority asks.
    ///
    /// # Errors
    /// When `name` cannot stand in a certificate.
    pub(super) fn add(&self, name: &str, digest: &[u8; 32]) -> io::Result<()> {
        let key = make(name, digest).map_err(io::Error::other)?;
        self.table()
            .insert(name.to_ascii_lowercase(), Arc::new(key));
        Ok(())
    }

    pub(super) fn forget(&self) {
        self.table().clear();
    }

    /// The proof that `hello` asks for.
    pub(super) fn of(&self, hello: &ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name()?.to_ascii_lowercase();
        self.table().get(&name).cloned()
    }

    fn table(&self) -> MutexGuard<'_, HashMap<String, Arc<CertifiedKey>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether `hello` is that of an authority that asks for a proof, and wants no certificate.
pub(super) fn is_asked_for(hello: &ClientHello<'_>) -> bool {
    let mut protocols = hello.alpn().into_iter().flatten();
    protocols.any(|protocol| protocol == PROTOCOL)
}

fn make(
    name: &str,
    digest: &[u8],
) -> Result<CertifiedKey, Box<dyn std::error::Error + Send + Sync>> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new([name.to_owned()])?;
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
    let certificate = params.self_signed(&key)?.der().clone();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let key = ring::default_provider()
        .key_provider
        .load_private_key(key)?;
    // Whether they belong together is not to be asked: the certificate has an extension that only
    // such authorities know, and says that all others must refuse it.
    Ok(CertifiedKey::new(vec![certificate], key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_holds_what_is_asked_for() {
        let proof = make("media.example", &[7; 32]).unwrap();
        let (_, read) = x509_parser::parse_x509_certificate(&proof.cert[0]).unwrap();
        // 1.3.6.1.5.5.7.1.31, an octet string of 32 bytes (RFC 8737, 3).
        let mut extensions = read.extensions().iter();
        let found = extensions.find(|one| one.oid.to_id_string() == "1.3.6.1.5.5.7.1.31");
        let found = found.unwrap();
        assert!(found.critical);
        assert_eq!(found.value, [&[4, 32][..], &[7; 32]].concat());
    }
}
