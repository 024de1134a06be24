//! JSON Web Tokens, as clients of RTSP and HTTP show them.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reelcast::config::Config;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::access::{HA1, basic};
use super::hls::{ask, get};
use super::uri_player::{follow, told};
use crate::support::client::{Client, header, status};
use crate::support::clip::Clip;
use crate::support::movies::clips;
use crate::support::publisher::{SDP, announce, frame, picture};
use crate::support::server::Server;

/// Who makes the tokens, with one key.
struct Issuer {
    id: &'static str,
    key: Ed25519KeyPair,
}

impl Issuer {
    fn new(id: &'static str) -> Self {
        let random = ring::rand::SystemRandom::new();
        let key = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
        let key = Ed25519KeyPair::from_pkcs8(key.as_ref()).unwrap();
        Self { id, key }
    }

    /// The set of keys that the server knows its tokens by.
    fn keys(&self) -> String {
        let x = URL_SAFE_NO_PAD.encode(self.key.public_key().as_ref());
        let key = json!({ "kty": "OKP", "crv": "Ed25519", "kid": self.id, "x": x });
        json!({ "keys": [key] }).to_string()
    }

    /// A token for `user`, who is in `groups`, until so many seconds after 1970.
    fn token(&self, user: &str, groups: &[&str], until: u64) -> String {
        let header = json!({ "alg": "EdDSA", "kid": self.id });
        let claims = json!({
            "iss": "https://issuer.example",
            "aud": "films",
            "sub": user,
            "groups": groups,
            "exp": until,
        });
        let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let message = format!("{}.{}", encode(&header), encode(&claims));
        let signature = self.key.sign(message.as_bytes());
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }
}

const LATER: u64 = 1 << 40;

/// A server with guarded folders, each with a movie and a channel, that takes the tokens that are known by
/// the keys at `keys`; none when it is empty.
fn start(keys: &str) -> (tempfile::TempDir, Server, Vec<Clip>) {
    let folder = tempfile::tempdir().unwrap();
    let users = folder.path().join("qtusers");
    fs::write(&users, format!("realm Films\nann:x:{HA1}\n")).unwrap();
    for (name, rules) in [
        ("user", "require user ann"),
        ("group", "require group gold"),
        ("anybody", "AuthScheme basic\nrequire valid-user"),
        ("nobody", "reqire valid-user"),
    ] {
        let place = folder.path().join(name);
        fs::create_dir(&place).unwrap();
        fs::write(place.join("qtaccess"), rules).unwrap();
        fs::copy(clips().join("clock.mp4"), place.join("clock.mp4")).unwrap();
    }
    let groups = folder.path().join("qtgroups");
    fs::write(&groups, "silver: bob\n").unwrap();
    let server = Server::start(folder.path(), |config| {
        config.access.users = vec![users];
        config.access.groups = vec![groups];
        trust(config, keys);
        config.hls.target_duration = Duration::from_secs(2);
    });
    let publish = |name: &str| {
        let mut clip = Clip::publish(&server, name);
        clip.send_until(5.0);
        clip
    };
    let clips = vec![publish("user/live"), publish("group/live")];
    (folder, server, clips)
}

fn trust(config: &mut Config, keys: &str) {
    config.access.jwt.keys = keys.to_owned();
    config.access.jwt.issuer = "https://issuer.example".to_owned();
    config.access.jwt.audience = "films".to_owned();
}

/// A file with the keys of `issuer`.
fn written(issuer: &Issuer) -> (tempfile::NamedTempFile, String) {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), issuer.keys()).unwrap();
    let name = file.path().to_str().unwrap().to_owned();
    (file, name)
}

fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}\r\n")
}

#[tokio::test]
async fn the_rules_are_asked_for_whom_a_token_names() {
    let issuer = Issuer::new("a");
    let (_file, keys) = written(&issuer);
    let (_folder, server, _clips) = start(&keys);
    for (user, groups, expected) in [
        ("ann", &[][..], [200, 401, 200, 403]),
        ("bob", &["gold"], [401, 200, 200, 403]),
        ("eve", &["silver"], [401, 401, 200, 403]),
        ("gold", &[], [401, 401, 200, 403]),
    ] {
        let token = issuer.token(user, groups, LATER);
        for (folder, expected) in ["user", "group", "anybody", "nobody"].iter().zip(expected) {
            let target = format!("/{folder}/clock.mp4.m3u8");
            let found = ask(server.http, "GET", &target, &bearer(&token))
                .await
                .status;
            assert_eq!(found, expected, "{target} {user}");
            let target = format!("{target}?token={token}");
            assert_eq!(get(server.http, &target).await.status, expected, "{target}");
            let url = format!("rtsp://{}/{folder}/clock.mp4", server.address);
            let mut client = Client::connect(server.address).await;
            let found = client.status_of("DESCRIBE", &url, &bearer(&token)).await;
            assert_eq!(found, expected, "{url} {user}");
        }
    }
    let over = issuer.token("ann", &[], 1_763_760_000);
    let other = Issuer::new("a").token("ann", &[], LATER);
    for bad in [over.as_str(), &other, "", "x", "\"><b>"] {
        let target = format!("/user/clock.mp4.m3u8?token={bad}");
        if !bad.contains('<') {
            assert_eq!(get(server.http, &target).await.status, 401, "{target}");
        }
        let target = "/user/clock.mp4.m3u8";
        assert_eq!(
            ask(server.http, "GET", target, &bearer(bad)).await.status,
            401
        );
    }
    // Who logs in otherwise is let in whatever else the URL says.
    let login = basic("ann:secret");
    let page = ask(server.http, "GET", "/anybody/clock.mp4?token=x", &login).await;
    assert!(page.status == 200 && !page.text().contains("token=x"));
}

#[tokio::test]
async fn one_token_at_the_playlist_is_enough() {
    let issuer = Issuer::new("a");
    let (_file, keys) = written(&issuer);
    let (_folder, server, _clips) = start(&keys);
    let token = issuer.token("bob", &["silver", "gold"], LATER);
    for name in ["group/clock.mp4", "group/live"] {
        let target = format!("/{name}.m3u8");
        let shown = format!("{target}?token={token}");
        for (target, header) in [(&target, bearer(&token)), (&shown, String::new())] {
            let answer = ask(server.http, "GET", target, &header).await;
            assert_eq!(answer.status, 200, "{target}");
            assert!(!answer.text().contains("token="), "{}", answer.text());
            assert!(follow(&server, target, &answer).await.len() > 3);
            let first = &told(target, &answer)[0];
            let other = first.replace("group/", "user/");
            assert_eq!(get(server.http, &other).await.status, 401, "{other}");
        }
        let page = get(server.http, &format!("/{name}?json&token={token}")).await;
        let page: Value = serde_json::from_str(page.text()).unwrap();
        for playlist in page["playlists"].as_array().unwrap() {
            let url = playlist["url"].as_str().unwrap();
            assert_eq!(get(server.http, url).await.status, 200, "{url}");
        }
    }
    // A pass ends when the tokens of its issuer count no more.
    let target = format!("/group/live.m3u8?token={token}");
    let answer = get(server.http, &target).await;
    let media = &told(&target, &answer)[0];
    assert_eq!(get(server.http, media).await.status, 200);
    server.configure(|config| trust(config, ""));
    assert_eq!(get(server.http, media).await.status, 401);
}

#[tokio::test]
async fn a_token_is_good_for_the_rest_of_an_rtsp_connection() {
    let issuer = Issuer::new("a");
    let (_file, keys) = written(&issuer);
    let (_folder, server, _clips) = start(&keys);
    let token = issuer.token("ann", &[], LATER);
    let url = format!("rtsp://{}/user/live", server.address);
    let mut client = Client::connect(server.address).await;
    let described = client
        .ask("DESCRIBE", &format!("{url}?token={token}"), "")
        .await;
    let control = described.split("a=control:").last().unwrap();
    let control = control.lines().next().unwrap().to_owned();
    let transport = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n";
    let mut stranger = Client::connect(server.address).await;
    assert_eq!(stranger.status_of("SETUP", &control, transport).await, 401);
    let (_, session) = client.set_up(&control, transport).await;
    assert_eq!(client.status_of("PLAY", &url, &session).await, 200);
}

/// A server of `folder` that takes tokens and no passwords, and to which the address 127.0.7.1 passes on what
/// others send.
fn start_studio(folder: &Path, keys: &str) -> Server {
    Server::start(folder, |config| {
        config.access.users = vec![folder.join("no users")];
        config.access.groups = vec![folder.join("no groups")];
        config.proxy.tcp = vec!["127.0.7.1/32".parse().unwrap()];
        trust(config, keys);
    })
}

/// A connection of somebody elsewhere.
async fn connect_from_afar(address: SocketAddr) -> Client {
    let mut client = Client::connect_from("127.0.7.1", address).await;
    let header = b"PROXY TCP4 203.0.113.7 10.0.0.5 4711 8554\r\n";
    client.send(header).await;
    client
}

#[tokio::test]
async fn a_token_lets_publish_whom_the_rules_let() {
    let issuer = Issuer::new("a");
    let (_file, keys) = written(&issuer);
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("studio")).unwrap();
    let rules = "require any-user\n<Limit WRITE>\nrequire user ann\n</Limit>";
    fs::write(folder.path().join("studio/qtaccess"), rules).unwrap();
    let server = start_studio(folder.path(), &keys);
    let broadcaster = issuer.token("bob", &["gold", "broadcaster"], LATER);
    let other = issuer.token("bob", &["gold"], LATER);
    let ann = issuer.token("ann", &[], LATER);
    let over = issuer.token("bob", &["broadcaster"], 1_763_760_000);
    let forged = Issuer::new("a").token("bob", &["broadcaster"], LATER);
    for (name, token, is_let_in) in [
        ("live", &broadcaster, true),
        ("live", &ann, false),
        ("live", &other, false),
        ("live", &over, false),
        ("live", &forged, false),
        ("studio/live", &ann, true),
        ("studio/live", &broadcaster, false),
    ] {
        let (by_url, by_header) = (format!("/{name}?token={token}"), format!("/{name}"));
        for (target, header) in [(&by_url, String::new()), (&by_header, bearer(token))] {
            let mut encoder = connect_from_afar(server.http).await;
            let put = format!(
                "PUT {target} HTTP/1.1\r\nHost: media.example\r\nContent-Type: audio/mpeg\r\n\
                 Expect: 100-continue\r\n{header}\r\n"
            );
            encoder.send(put.as_bytes()).await;
            let expected = if is_let_in { 100 } else { 401 };
            assert_eq!(status(&encoder.answer().await), expected, "PUT {target}");

            let mut encoder = connect_from_afar(server.address).await;
            let url = format!("rtsp://{}{target}", server.address);
            let length = SDP.len();
            let headers = format!(
                "{header}Content-Type: application/sdp\r\nContent-Length: {length}\r\n\r\n{SDP}"
            );
            let announced = encoder.status_of("ANNOUNCE", &url, &headers).await;
            let expected = if is_let_in { 200 } else { 401 };
            assert_eq!(announced, expected, "ANNOUNCE {target}");
        }
    }
}

/// FFmpeg puts the names of tracks behind the query.
#[tokio::test]
async fn a_publisher_goes_on_by_the_token_that_it_has_announced_with() {
    let issuer = Issuer::new("a");
    let (_file, keys) = written(&issuer);
    let folder = tempfile::tempdir().unwrap();
    let server = start_studio(folder.path(), &keys);
    let token = issuer.token("bob", &["broadcaster"], LATER);
    let url = format!("rtsp://{}/live?token={token}", server.address);
    let mut encoder = connect_from_afar(server.address).await;
    let announced = announce(&mut encoder, &url, SDP).await;
    assert_eq!(status(&announced), 200, "{announced}");
    for track in 0..2 {
        let channels = format!("{}-{}", 2 * track, 2 * track + 1);
        let transport =
            format!("Transport: RTP/AVP/TCP;unicast;interleaved={channels};mode=record\r\n");
        let control = format!("{url}/streamid={track}");
        assert_eq!(encoder.status_of("SETUP", &control, &transport).await, 200);
    }
    let session = header(&announced, "Session").unwrap();
    let session = format!("Session: {}\r\n", session.split(';').next().unwrap());
    assert_eq!(encoder.status_of("RECORD", &url, &session).await, 200);
    encoder.send(&frame(0, &picture(1, 100))).await;
    let mut viewer = Client::connect(server.address).await;
    let controls = viewer
        .controls(&format!("rtsp://{}/live", server.address))
        .await;
    assert_eq!(controls.len(), 2);
    assert!(!controls.concat().contains("token="), "{controls:?}");
}

/// Tells keys by HTTP, those of `issuers` one after the other and then the last for ever; counts how often.
async fn tell(issuers: Vec<String>) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}/keys", listener.local_addr().unwrap());
    let count = Arc::new(AtomicUsize::new(0));
    let told = Arc::clone(&count);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 4096]).await;
            let turn = told.fetch_add(1, SeqCst);
            let body = issuers.get(turn).or_else(|| issuers.last()).unwrap();
            let answer = format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (url, count)
}

#[tokio::test]
async fn keys_are_fetched_from_their_issuer() {
    let issuer = Issuer::new("a");
    let (url, count) = tell(vec![issuer.keys()]).await;
    let (_folder, server, _clips) = start(&url);
    let status = async |issuer: &Issuer| {
        let token = issuer.token("ann", &[], LATER);
        get(server.http, &format!("/user/clock.mp4.m3u8?token={token}"))
            .await
            .status
    };
    for _ in 0..3 {
        assert_eq!(status(&issuer).await, 200);
    }
    assert_eq!(count.load(SeqCst), 1);
    // Those that are known stay when there is none for a token.
    let unknown = Issuer::new("b");
    assert_eq!((status(&unknown).await, status(&unknown).await), (401, 401));
    assert_eq!(status(&issuer).await, 200);
}

#[tokio::test]
async fn nobody_is_let_in_while_the_issuer_tells_no_keys() {
    let issuer = Issuer::new("a");
    let secret =
        json!({ "keys": [{ "kty": "oct", "kid": "a", "k": URL_SAFE_NO_PAD.encode([7; 32]) }] });
    for told in ["", "{}", &secret.to_string()] {
        let (url, _) = tell(vec![told.to_owned()]).await;
        let (_folder, server, _clips) = start(&url);
        let token = issuer.token("ann", &[], LATER);
        let target = format!("/user/clock.mp4.m3u8?token={token}");
        assert_eq!(get(server.http, &target).await.status, 401, "{told}");
    }
}
