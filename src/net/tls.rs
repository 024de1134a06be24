//! Connecting to others by TLS, and deciding whether they are who they should be.
//!
//! The server's own certificate is not here (`tls_identity`).

use std::fmt;
use std::io;
use std::sync::{Arc, OnceLock};

use sha2::{Digest, Sha256};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::crypto::{
    CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature,
};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};

use crate::base::hex::hex;

/// Which certificate the other side may show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// One for its name, signed by an authority that this system trusts.
    Authorities,
    /// The one with this SHA-256, whoever signed it and whatever its name.
    Pinned([u8; 32]),
    /// Any. Somebody in between can read and change everything.
    Anybody,
}

/// Connects to `host` and shakes hands. Cancel safe: nothing is left behind.
///
/// # Errors
/// What the system or TLS said; a certificate that is refused is told with its fingerprint.
pub async fn connect(host: &str, port: u16, trust: Trust) -> io::Result<TlsStream<TcpStream>> {
    let plain = host.trim_start_matches('[').trim_end_matches(']');
    let stream = TcpStream::connect((plain, port)).await?;
    stream.set_nodelay(true)?;
    let name = ServerName::try_from(plain.to_owned()).map_err(io::Error::other)?;
    let seen = Arc::new(OnceLock::new());
    let config = configure(trust, Arc::clone(&seen)).await?;
    let connected = TlsConnector::from(config).connect(name, stream).await;
    connected.map_err(|error| match seen.get() {
        Some(seen) => io::Error::other(format!("{error}; the certificate has {seen}")),
        None => error,
    })
}

async fn configure(
    trust: Trust,
    seen: Arc<OnceLock<Fingerprint>>,
) -> io::Result<Arc<ClientConfig>> {
    let provider = Arc::new(ring::default_provider());
    let authorities = match trust {
        Trust::Authorities => Some(authorities(Arc::clone(&provider)).await?),
        Trust::Pinned(_) | Trust::Anybody => None,
    };
    let check = Check {
        trust,
        authorities,
        provider: Arc::clone(&provider),
        seen,
    };
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(check))
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// The authorities that this system trusts at the moment; their files are read off the async threads.
async fn authorities(provider: Arc<CryptoProvider>) -> io::Result<Arc<WebPkiServerVerifier>> {
    let found = tokio::task::spawn_blocking(rustls_native_certs::load_native_certs).await?;
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let text = "this system has no certificates of authorities (install ca-certificates)";
        return Err(io::Error::new(io::ErrorKind::NotFound, text));
    }
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(io::Error::other)
}

/// Checks a certificate as the [`Trust`] says; signatures of the handshake are checked always.
#[derive(Debug)]
struct Check {
    trust: Trust,
    authorities: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
    /// What a certificate that was refused looks like.
    seen: Arc<OnceLock<Fingerprint>>,
}

impl ServerCertVerifier for Check {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let fingerprint = Fingerprint::of(end_entity);
        let verified = match (self.trust, &self.authorities) {
            (Trust::Authorities, Some(authorities)) => authorities.verify_server_cert(
                end_entity,
                intermediates,
                server_name,
                ocsp_response,
                now,
            ),
            (Trust::Pinned(wanted), _) if wanted == fingerprint.0 => {
                Ok(ServerCertVerified::assertion())
            }
            (Trust::Anybody, _) => Ok(ServerCertVerified::assertion()),
            _ => Err(CertificateError::ApplicationVerificationFailure.into()),
        };
        verified.inspect_err(|_| {
            // There is one certificate in a handshake.
            self.seen.set(fingerprint).ok();
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = &self.provider.signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}

/// The SHA-256 of a certificate; displays as `sha256:` and 64 hexadecimal digits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fingerprint([u8; 32]);

impl Fingerprint {
    pub(super) fn of(certificate: &CertificateDer<'_>) -> Self {
        Self(Sha256::digest(certificate).into())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", hex(&self.0))
    }
}
