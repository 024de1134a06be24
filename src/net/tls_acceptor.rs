//! Handshakes of TLS with clients, bounded in time and number.
//!
//! Which certificate is shown is decided in `tls_identity`.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;

use super::stream::Stream;
use super::tls_identity::TlsIdentity;
use super::tls_proofs;

/// How long a handshake may take, with the wait for its turn.
const TIME_LIMIT: Duration = Duration::from_secs(10);

/// The most handshakes at a time; others wait.
const HANDSHAKES: usize = 500;

/// What is spoken within TLS, as clients offer it (ALPN, RFC 7301).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocols {
    /// RTSP, which has no name there; what a client offers is not looked at.
    Rtsp,
    /// HTTP/1.1 alone.
    Http1,
    /// HTTP/2 and HTTP/1.1, and proofs for an authority. RTSP is understood as well, as it is for clients that offer nothing.
    Http,
}

/// Makes TLS connections of new ones.
#[derive(Debug)]
pub struct TlsAcceptor {
    config: Arc<ServerConfig>,
    turns: Semaphore,
}

impl TlsAcceptor {
    /// One that shows the certificate of `identity`.
    pub fn new(identity: Arc<TlsIdentity>, protocols: Protocols) -> Self {
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider has suites for TLS 1.2 and 1.3")
            .with_no_client_auth()
            .with_cert_resolver(identity);
        config.alpn_protocols = protocols.names();
        Self {
            config: Arc::new(config),
            turns: Semaphore::new(HANDSHAKES),
        }
    }

    /// The connection after its handshake. Cancel safe: it is closed.
    ///
    /// # Errors
    /// `TimedOut`, or what the system or TLS says.
    pub(super) async fn accept(&self, stream: TcpStream) -> io::Result<Stream> {
        timeout(TIME_LIMIT, self.shake_hands(stream)).await?
    }

    async fn shake_hands(&self, stream: TcpStream) -> io::Result<Stream> {
        let turn = self.turns.acquire().await;
        let _turn = turn.expect("the semaphore is never closed");
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::clone(&self.config));
        Ok(acceptor.accept(stream).await?.into())
    }
}

impl Protocols {
    fn names(self) -> Vec<Vec<u8>> {
        let names: &[&[u8]] = match self {
            Self::Rtsp => &[],
            Self::Http1 => &[b"http/1.1"],
            Self::Http => &[b"h2", b"http/1.1", tls_proofs::PROTOCOL],
        };
        names.iter().map(|name| name.to_vec()).collect()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    use super::*;
    use crate::base::clock::Clock;
    use crate::net::tls_files::TlsFiles;
    use crate::net::tls_identity::Origin;

    #[tokio::test(start_paused = true)]
    async fn a_client_that_does_not_go_on_is_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let files = TlsFiles::within(folder.path());
        let clock = Clock::start();
        let now = clock.present_wall();
        let identity = TlsIdentity::open(Origin::SelfMade(files), Vec::new(), now).unwrap();
        let tls = TlsAcceptor::new(identity, Protocols::Http);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (accepted, client) = tokio::join!(listener.accept(), TcpStream::connect(address));
        let mut client = client.unwrap();
        client.write_all(b"\x16\x03\x01").await.unwrap();
        let error = tls.accept(accepted.unwrap().0).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
