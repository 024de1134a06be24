//! TLS towards clients: RTSP and its tunnel, HTTP/1.1 and HTTP/2, metrics, and certificates that change.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::{Request, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{CertificateParams, KeyPair};
use reelcast::wire::srtp::{MasterKey, Receiver};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::support::client::{Client, header};
use crate::support::movies;
use crate::support::program::Program;
use crate::support::viewer::{Viewer, Way};

const LISTEN: [(&str, &str); 3] = [
    ("REELCAST_RTSP_TLS_LISTEN", "127.0.0.1:0"),
    ("REELCAST_HTTP_TLS_LISTEN", "127.0.0.1:0"),
    ("REELCAST_ADMIN_TLS_LISTEN", "127.0.0.1:0"),
];

/// How long the program may take to see that a file has changed.
const PATIENCE: Duration = Duration::from_secs(20);

/// Connects by TLS to a server that has to prove with `certificate` that it is `127.0.0.1`.
async fn connect(
    server: SocketAddr,
    certificate: &Path,
    protocols: &[&str],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(certificate).unwrap())
        .unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols
        .iter()
        .map(|name| name.as_bytes().to_vec())
        .collect();
    let stream = TcpStream::connect(server).await?;
    let name = ServerName::try_from("127.0.0.1").unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
}

/// An address without TLS that leads to `server` by TLS, for clients that know none.
async fn window(server: SocketAddr, certificate: &Path) -> (SocketAddr, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let certificate = certificate.to_owned();
    let mut task = JoinSet::new();
    task.spawn(async move {
        let mut visits = JoinSet::new();
        while let Ok((mut client, _)) = listener.accept().await {
            let mut stream = connect(server, &certificate, &[]).await.unwrap();
            visits.spawn(async move {
                copy_bidirectional(&mut client, &mut stream).await.ok();
            });
        }
    });
    (address, task)
}

async fn program() -> (Program, std::path::PathBuf) {
    let program = Program::start_with(&movies::clips(), &LISTEN).await;
    let certificate = program.state().join("tls/certificate.pem");
    (program, certificate)
}

/// A pair of files `NAME.pem` and `NAME.key` for the address that tests use.
fn make_certificate(folder: &Path, name: &str) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap();
    fs::write(folder.join(format!("{name}.pem")), certificate.pem()).unwrap();
    fs::write(folder.join(format!("{name}.key")), key.serialize_pem()).unwrap();
}

#[tokio::test]
async fn movies_play_by_rtsps_and_through_its_tunnel() {
    let (program, certificate) = program().await;
    let (plain, _) = (program.rtsp, ());
    let mut reference = Viewer::open(plain, "clock.mp4", Way::Tcp).await;
    reference.play("Range: npt=0-2\r\n").await;
    reference.watch_to_the_end().await;
    for (what, way) in [
        ("RTSP", Way::Tcp),
        ("RTSP", Way::Tunnel),
        ("HTTP", Way::Tunnel),
    ] {
        let (address, _task) = window(program.tls(what), &certificate).await;
        let mut viewer = Viewer::open(address, "clock.mp4", way).await;
        viewer.play("Range: npt=0-2\r\n").await;
        viewer.watch_to_the_end().await;
        let counts = |viewer: &Viewer| -> Vec<_> {
            let tracks = viewer.tracks.iter();
            tracks.map(|track| track.packets.len()).collect()
        };
        assert_eq!(counts(&viewer), counts(&reference), "{what}");
    }
}

#[tokio::test]
async fn media_of_who_comes_by_tls_does_not_go_in_the_clear() {
    let (program, certificate) = program().await;
    let (address, _task) = window(program.tls("RTSP"), &certificate).await;
    let mut client = Client::connect(address).await;
    let url = format!("rtsps://{}/clock.mp4", program.tls("RTSP"));
    let answer = client.ask("DESCRIBE", &url, "").await;
    let base = header(&answer, "Content-Base").unwrap().to_owned();
    assert_eq!(base, format!("{url}/"));
    let answer = client.ask("DESCRIBE", "/clock.mp4", "").await;
    assert_eq!(header(&answer, "Content-Base"), Some(base.as_str()));
    let track = format!("{base}trackID=1");
    for transport in ["RTP/AVP;unicast;client_port=4000-4001", "RTP/AVP;multicast"] {
        let transport = format!("Transport: {transport}\r\n");
        assert_eq!(
            client.status_of("SETUP", &track, &transport).await,
            461,
            "{transport}"
        );
    }
    let both = "Transport: RTP/AVP;unicast;client_port=4000-4001,RTP/AVP/TCP;interleaved=0-1\r\n";
    let (answer, _) = client.set_up(&track, both).await;
    assert!(
        header(&answer, "Transport")
            .unwrap()
            .contains("interleaved=0-1"),
        "{answer}"
    );
}

#[tokio::test]
async fn https_speaks_http2_where_the_client_does() {
    let (program, certificate) = program().await;
    let server = program.tls("HTTP");
    let stream = connect(server, &certificate, &["h2", "http/1.1"])
        .await
        .unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let handshake =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (mut sender, connection) = handshake.await.unwrap();
    let connection = tokio::spawn(connection);
    let asked = |path: &str| {
        let uri = format!("https://{server}/clock.mp4/{path}");
        Request::get(uri).body(Empty::<Bytes>::new()).unwrap()
    };
    let first = sender.send_request(asked("cmaf.m3u8")).await.unwrap();
    assert_eq!(
        (first.status().as_u16(), first.version()),
        (200, Version::HTTP_2)
    );
    let second = sender.send_request(asked("index.m3u8")).await.unwrap();
    let text = second.into_body().collect().await.unwrap().to_bytes();
    assert!(text.starts_with(b"#EXTM3U"), "{text:?}");
    let upload = Request::put(format!("https://{server}/clock.mp4"));
    let upload = upload.body(Empty::new()).unwrap();
    let refused = sender.send_request(upload).await.unwrap();
    assert_eq!(
        (refused.status().as_u16(), refused.version()),
        (409, Version::HTTP_2)
    );
    connection.abort();
}

/// The answer to a GET by HTTP/1.1.
async fn get(server: SocketAddr, certificate: &Path, path: &str) -> String {
    let mut stream = connect(server, certificate, &["http/1.1"]).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    let request = format!("GET {path} HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    // Without close_notify this would be an error.
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn pages_and_metrics_are_there_by_https() {
    let (program, certificate) = program().await;
    let page = get(program.tls("HTTP"), &certificate, "/?json").await;
    assert!(
        page.starts_with("HTTP/1.1 200 ") && page.contains("clock.mp4"),
        "{page}"
    );
    let metrics = get(program.tls("metrics"), &certificate, "/metrics").await;
    assert!(
        metrics.contains("\nreelcast_tls_certificate_end_seconds "),
        "{metrics}"
    );
}

#[tokio::test]
async fn encoders_upload_by_https() {
    let (program, certificate) = program().await;
    let mut stream = connect(program.tls("HTTP"), &certificate, &[])
        .await
        .unwrap();
    let head = "PUT /radio HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n\
                Content-Length: 0\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 415 "), "{answer}");
}

#[tokio::test]
async fn what_is_no_tls_is_hung_up_on() {
    let (program, _) = program().await;
    for what in ["RTSP", "HTTP", "metrics"] {
        let mut stream = TcpStream::connect(program.tls(what)).await.unwrap();
        stream
            .write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            .await
            .unwrap();
        let mut answer = Vec::new();
        // It may be told by an alert, and may be reset.
        stream.read_to_end(&mut answer).await.ok();
        assert!(!answer.starts_with(b"HTTP"), "{what}");
    }
    Viewer::open(program.rtsp, "clock.mp4", Way::Tcp).await;
}

#[tokio::test]
async fn certificates_are_replaced_and_sessions_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    make_certificate(folder.path(), "old");
    make_certificate(folder.path(), "new");
    fs::copy(at("old.pem"), at("now.pem")).unwrap();
    fs::copy(at("old.key"), at("now.key")).unwrap();
    let (certificate, key) = (at("now.pem"), at("now.key"));
    let given = [
        ("REELCAST_TLS_CERTIFICATE", certificate.to_str().unwrap()),
        ("REELCAST_TLS_KEY", key.to_str().unwrap()),
    ];
    let settings = [&LISTEN[..], &given[..]].concat();
    let program = Program::start_with(&movies::clips(), &settings).await;
    let rtsps = program.tls("RTSP");
    let (address, _task) = window(rtsps, &at("old.pem")).await;
    let mut viewer = Viewer::open(address, "clock.mp4", Way::Tcp).await;
    viewer.play("").await;
    fs::rename(at("new.key"), &key).unwrap();
    fs::copy(at("new.pem"), at("next.pem")).unwrap();
    fs::rename(at("next.pem"), &certificate).unwrap();
    let replaced = async {
        while connect(rtsps, &at("new.pem"), &[]).await.is_err() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(PATIENCE, replaced)
        .await
        .expect("the new certificate in time");
    assert!(connect(rtsps, &at("old.pem"), &[]).await.is_err());
    assert_eq!(viewer.ask("GET_PARAMETER", "").await.status, 200);
    let seen: usize = viewer.tracks.iter().map(|track| track.packets.len()).sum();
    viewer
        .watch_until(|tracks| {
            tracks
                .iter()
                .map(|track| track.packets.len())
                .sum::<usize>()
                > seen
        })
        .await;
}

#[tokio::test]
async fn a_certificate_of_no_use_is_told_and_not_replaced_by_another() {
    let folder = tempfile::tempdir().unwrap();
    make_certificate(folder.path(), "one");
    make_certificate(folder.path(), "two");
    let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_reelcast"))
        .current_dir(folder.path())
        .arg("check")
        .env("REELCAST_TLS_CERTIFICATE", "one.pem")
        .env("REELCAST_TLS_KEY", "two.key")
        .output()
        .await
        .unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(!output.status.success(), "{told}");
    assert!(told.contains("one.pem with the key two.key"), "{told}");
}

/// What a player hears that comes by TLS and asks for datagrams: the description, and the status of its SETUP.
async fn asked_for_datagrams(client: &mut Client, url: &str) -> (String, u16) {
    let description = client.ask("DESCRIBE", url, "").await;
    let transport = "Transport: RTP/AVP;unicast;client_port=4000-4001\r\n";
    let control = format!("{url}/trackID=1");
    let status = client.status_of("SETUP", &control, transport).await;
    (description, status)
}

#[tokio::test]
async fn who_comes_by_tls_is_offered_srtp_and_no_readable_datagrams() {
    let (program, certificate) = program().await;
    let (address, _task) = window(program.tls("RTSP"), &certificate).await;
    let mut client = Client::connect(address).await;
    let url = format!("rtsp://{address}/clock.mp4");
    let (description, status) = asked_for_datagrams(&mut client, &url).await;
    assert_eq!(
        description.matches(" RTP/SAVP ").count(),
        2,
        "{description}"
    );
    assert_eq!(description.matches("a=key-mgmt:mikey ").count(), 2);
    assert!(!description.contains("a=crypto"), "{description}");
    assert_eq!(status, 461);
}

#[tokio::test]
async fn who_is_told_keys_as_crypto_attributes_gets_all_by_srtp() {
    let sdes = [&LISTEN[..], &[("REELCAST_RTSP_SDES", "true")]].concat();
    let program = Program::start_with(&movies::clips(), &sdes).await;
    let certificate = program.state().join("tls/certificate.pem");
    let (address, _task) = window(program.tls("RTSP"), &certificate).await;
    let mut client = Client::connect(address).await;
    let url = format!("rtsp://{address}/clock.mp4");
    let description = client.ask("DESCRIBE", &url, "").await;
    let (_, key) = description
        .split_once("AES_CM_128_HMAC_SHA1_80 inline:")
        .unwrap();
    let key = STANDARD.decode(key.lines().next().unwrap()).unwrap();
    let key = MasterKey::new(key.try_into().unwrap());
    let control = format!("{url}/trackID=1");
    // As FFmpeg asks.
    let transport = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n";
    let (_, session) = client.set_up(&control, transport).await;
    assert_eq!(client.status_of("PLAY", &url, &session).await, 200);
    let (channel, packet) = client.frame().await;
    assert_eq!(channel, 0);
    let mut receiver = Receiver::new(&key, Vec::new());
    assert!(receiver.unprotect_rtp(&packet).is_ok());
}
