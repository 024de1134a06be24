//! Pulling by RTSP over TLS: which certificates are taken, and that the dialogue gets through.

use std::fmt::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use reelcast::config::{Certificate, ChannelSource};
use sha2::{Digest, Sha256};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::support::camera::{Camera, Manners};
use crate::support::movies;
use crate::support::server::Server;
use crate::support::sources::{Feeding, source};
use crate::support::viewer::{Viewer, Way};

/// A door with TLS to a server without; shuts when dropped.
pub(crate) struct TlsDoor {
    pub(crate) address: SocketAddr,
    certificate: CertificateDer<'static>,
    _task: JoinSet<()>,
}

impl TlsDoor {
    pub(crate) async fn to(server: SocketAddr) -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let certificate = made.cert.der().clone();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone()], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut visits = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                visits.spawn(let_in(acceptor.clone(), stream, server));
            }
        });
        Self {
            address,
            certificate,
            _task: task,
        }
    }

    fn source(&self, channel: &str, certificate: Certificate) -> ChannelSource {
        let url = format!("rtsps://user:pass%3Aword@{}/clock.mp4", self.address);
        ChannelSource {
            certificate,
            ..source(channel, &url)
        }
    }

    fn fingerprint(&self) -> [u8; 32] {
        Sha256::digest(&self.certificate).into()
    }
}

async fn let_in(acceptor: TlsAcceptor, stream: TcpStream, server: SocketAddr) {
    if let Ok(mut stream) = acceptor.accept(stream).await {
        let mut inside = TcpStream::connect(server).await.unwrap();
        copy_bidirectional(&mut stream, &mut inside).await.ok();
    }
}

fn server() -> Server {
    Server::start(Path::new("no movies"), |_| {})
}

#[tokio::test]
async fn a_movie_is_pulled_over_tls() {
    let camera = Server::start(&movies::clips(), |_| {});
    let door = TlsDoor::to(camera.address).await;
    let server = server();
    let pinned = Certificate::Pinned(door.fingerprint());
    let sources = vec![
        door.source("pinned", pinned),
        door.source("any", Certificate::Any),
    ];
    let feeding = Feeding::start(&server, sources);
    for channel in ["pinned", "any"] {
        feeding.reaches(channel, "live").await;
        let mut viewer = Viewer::open(server.address, channel, Way::Tcp).await;
        viewer.play("").await;
        viewer
            .watch_until(|tracks| tracks.iter().all(|track| track.packets.len() > 20))
            .await;
    }
    feeding.end().await;
    camera.wait_for_sessions(0).await;
}

#[tokio::test]
async fn a_digest_is_for_the_cameras_own_url() {
    let camera = Camera::start(Manners {
        challenge: Some("Digest realm=\"camera\", nonce=\"0123456789\""),
        ..Manners::default()
    })
    .await;
    let door = TlsDoor::to(camera.address).await;
    let server = server();
    let feeding = Feeding::start(&server, vec![door.source("door", Certificate::Any)]);
    feeding.reaches("door", "live").await;
    let url = format!("rtsps://{}/clock.mp4", door.address);
    let expected = [
        format!("DESCRIBE {url}"),
        format!("DESCRIBE {url}"),
        format!("SETUP {url}/video"),
        format!("PLAY {url}"),
    ];
    assert_eq!(camera.asked(), expected);
    let login = camera.authorization();
    assert!(login.contains(&format!("uri=\"{url}\"")), "{login}");
    feeding.end().await;
    assert_eq!(camera.asked().last(), Some(&format!("TEARDOWN {url}")));
}

#[tokio::test]
async fn certificates_that_nobody_vouches_for_are_refused_with_their_fingerprint() {
    let camera = Server::start(&movies::clips(), |_| {});
    let door = TlsDoor::to(camera.address).await;
    let server = server();
    let sources = vec![
        door.source("unknown", Certificate::Trusted),
        door.source("another", Certificate::Pinned([7; 32])),
    ];
    let feeding = Feeding::start(&server, sources);
    let mut fingerprint = "sha256:".to_owned();
    for byte in door.fingerprint() {
        write!(fingerprint, "{byte:02x}").unwrap();
    }
    let reason = feeding.failure("another").await;
    assert!(reason.contains(&fingerprint), "{reason}");
    let reason = feeding.failure("unknown").await;
    let without_authorities = reason.contains("ca-certificates");
    assert!(
        without_authorities || reason.contains(&fingerprint),
        "{reason}"
    );
    assert!(!reason.contains("word"), "{reason}");
}

#[tokio::test]
async fn a_camera_without_tls_is_told() {
    let camera = Camera::start(Manners::default()).await;
    let server = server();
    let url = format!("rtsps://{}/live", camera.address);
    let patient = ChannelSource {
        timeout: Duration::from_secs(1),
        ..source("door", &url)
    };
    let feeding = Feeding::start(&server, vec![patient]);
    let reason = feeding.failure("door").await;
    let address = camera.address.to_string();
    assert!(
        reason.contains(&address) || reason.contains("TLS"),
        "{reason}"
    );
}
