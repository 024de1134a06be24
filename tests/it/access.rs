//! Who may watch, as clients of RTSP and HTTP meet it.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use reelcast::access::Rules;
use reelcast::log::access::AccessLog;
use reelcast::net::addresses::of_this_machine;

use super::hls::{Answer, ask, get, text};
use super::rtsp_tunnel::Tunnel;
use crate::support::client::{Client, header, status};
use crate::support::clip::Clip;
use crate::support::journal::Journal;
use crate::support::movies::clips;
use crate::support::publisher::{SDP, announce};
use crate::support::server::Server;
use crate::support::udp::Ports;

/// HA1 of `ann`, whose password is `secret`, in the realm `Films`.
pub(crate) const HA1: &str = "c0246d1bbd99545245aca0d67458ee50";

/// The same by SHA-256.
pub(crate) const HA1_SHA256: &str =
    "e62787a7eb67786205354d5afd5f109f104cdc78dde801a212bc7b2ae1caabf3";

const TRANSPORT: &str = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n";

/// A server with a movie and a channel in each of the folders `open`, `digest` and `basic`.
fn start() -> (tempfile::TempDir, Server, Vec<Clip>) {
    start_logged(AccessLog::disabled())
}

/// The same, which notes ended sessions in `log`.
fn start_logged(log: AccessLog) -> (tempfile::TempDir, Server, Vec<Clip>) {
    let folder = tempfile::tempdir().unwrap();
    let users = folder.path().join("qtusers");
    fs::write(
        &users,
        format!("realm Films\nann:x:{HA1}\nbob:x:{}\n", hex("bob:Films:x")),
    )
    .unwrap();
    for (name, rules) in [
        ("open", "require any-user"),
        ("digest", "require user ann"),
        (
            "basic",
            "AuthName Members\nAuthScheme basic\nrequire user ann",
        ),
    ] {
        let place = folder.path().join(name);
        fs::create_dir(&place).unwrap();
        fs::write(place.join("qtaccess"), rules).unwrap();
        fs::copy(clips().join("clock.mp4"), place.join("clock.mp4")).unwrap();
    }
    let local = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let server = Server::start_at(local, folder.path(), log, |config| {
        config.access.users = vec![users];
        config.http.download = true;
        config.hls.target_duration = Duration::from_secs(2);
    });
    let publish = |name: &&str| {
        let mut clip = Clip::publish(&server, &format!("{name}/live"));
        clip.send_until(4.0);
        clip
    };
    let clips = ["open", "digest", "basic"].iter().map(publish).collect();
    (folder, server, clips)
}

pub(crate) fn hex(text: &str) -> String {
    let digest = Md5::digest(text);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn basic(login: &str) -> String {
    format!("Authorization: Basic {}\r\n", STANDARD.encode(login))
}

/// The header that `user`, whose HA1 is `ha1`, answers to a challenge with; its first use of it.
fn digest(challenge: &str, user: &str, ha1: &str, method: &str, uri: &str) -> String {
    let (_, nonce) = challenge.split_once("nonce=\"").unwrap();
    let nonce = nonce.split('"').next().unwrap();
    let ha2 = hex(&format!("{method}:{uri}"));
    let response = hex(&format!("{ha1}:{nonce}:00000001:c:auth:{ha2}"));
    format!(
        "Authorization: Digest username=\"{user}\", realm=\"Films\", nonce=\"{nonce}\", \
         uri=\"{uri}\", response=\"{response}\", algorithm=MD5, qop=auth, nc=00000001, cnonce=\"c\"\r\n"
    )
}

/// Asks once without and once with a login by Digest.
pub(crate) async fn log_in(server: &Server, target: &str) -> Answer {
    let asked = get(server.http, target).await;
    assert_eq!(asked.status, 401, "{target}");
    let challenge = asked.header("WWW-Authenticate").unwrap();
    let login = digest(challenge, "ann", HA1, "GET", target);
    ask(server.http, "GET", target, &login).await
}

/// The first URI that has a line of its own in a playlist.
fn first_uri(playlist: &str) -> &str {
    let mut lines = playlist.lines();
    lines.find(|line| !line.starts_with('#')).unwrap()
}

#[tokio::test]
async fn nothing_of_a_guarded_folder_is_told_by_http() {
    let (_folder, server, _clips) = start();
    for (thing, is_there) in [
        ("", true),
        ("?json", true),
        ("clock.mp4", true),
        ("clock.mp4?json", true),
        ("clock.mp4?download", true),
        ("clock.mp4.m3u8", true),
        ("clock.mp4/index.m3u8", true),
        ("clock.mp4/ts.m3u8", true),
        ("live", true),
        ("live?json", true),
        ("live.m3u8", true),
        ("live/index.m3u8", true),
        ("live.sdp/index.m3u8", true),
        ("live.sdp", true),
        ("no/such/thing", false),
        ("nothing.m3u8", false),
        ("clock.mp4?poster", false),
    ] {
        let open = get(server.http, &format!("/open/{thing}")).await.status;
        assert_eq!(open == 200, is_there, "{thing}: {open}");
        for folder in ["digest", "//digest", "digest/.", "%64igest"] {
            let target = format!("/{folder}/{thing}");
            assert_eq!(get(server.http, &target).await.status, 401, "{target}");
            let refused = ask(server.http, "HEAD", &target, "").await;
            assert_eq!(refused.status, 401, "{target}");
        }
        let target = format!("/basic/{thing}");
        for (login, expected) in [("ann:secret", open), ("ann:x", 401), ("bob:x", 401)] {
            let answer = ask(server.http, "GET", &target, &basic(login)).await;
            assert_eq!(answer.status, expected, "{target} {login}");
        }
    }
    let mut segment = "clock.mp4/ts.m3u8".to_owned();
    for _ in ["media playlist", "segment"] {
        let target = format!("/basic/{segment}");
        let playlist = ask(server.http, "GET", &target, &basic("ann:secret")).await;
        segment = format!("clock.mp4/{}", first_uri(playlist.text()));
    }
    for (login, expected) in [("ann:secret", 200), ("ann:x", 401), ("bob:x", 401)] {
        let target = format!("/basic/{}", segment.split('?').next().unwrap());
        let answer = ask(server.http, "GET", &target, &basic(login)).await;
        assert_eq!(answer.status, expected, "{target} {login}");
        assert_eq!(get(server.http, &target).await.status, 401, "{target}");
    }
    let refused = get(server.http, "/basic/live.ts").await;
    assert_eq!(refused.status, 401);
    let challenge = refused.header("WWW-Authenticate");
    assert_eq!(challenge, Some("Basic realm=\"Members\""));
    assert_eq!(get(server.http, "/digest/live.ts").await.status, 401);
}

#[tokio::test]
async fn digest_lets_in_by_http_once_an_answer() {
    let (_folder, server, _clips) = start();
    for target in [
        "/digest/live/index.m3u8",
        "/digest/clock.mp4?download",
        "/digest/",
    ] {
        assert_eq!(log_in(&server, target).await.status, 200, "{target}");
    }
    let target = "/digest/clock.mp4.m3u8";
    let asked = get(server.http, target).await;
    let challenge = asked.header("WWW-Authenticate").unwrap();
    for (login, expected) in [
        (
            digest(challenge, "bob", &hex("bob:Films:x"), "GET", target),
            401,
        ),
        (
            digest(challenge, "ann", &hex("ann:Films:x"), "GET", target),
            401,
        ),
        (
            digest(challenge, "ann", HA1, "GET", "/open/clock.mp4.m3u8"),
            401,
        ),
        (digest(challenge, "ann", HA1, "GET", target), 200),
        (digest(challenge, "ann", HA1, "GET", target), 401),
        (basic("ann:secret"), 401),
    ] {
        let answer = ask(server.http, "GET", target, &login).await;
        assert_eq!(answer.status, expected, "{login}");
    }
}

#[tokio::test]
async fn digest_lets_in_behind_a_proxy_that_shows_a_path() {
    let (_folder, server, _clips) = start();
    server.configure(|config| {
        config.proxy.http = vec!["127.0.0.1/32".parse().unwrap()];
        config.proxy.prefix = "/media".to_owned();
    });
    for target in ["/media/digest/live/index.m3u8", "/media/digest/"] {
        assert_eq!(log_in(&server, target).await.status, 200, "{target}");
    }
}

/// All URIs of a playlist.
fn uris(playlist: &str) -> Vec<&str> {
    playlist.lines().filter_map(uri_of).collect()
}

pub(crate) fn uri_of(line: &str) -> Option<&str> {
    match line.split_once("URI=\"") {
        Some((_, rest)) => rest.split_once('"').map(|(uri, _)| uri),
        None => Some(line).filter(|line| !line.is_empty() && !line.starts_with('#')),
    }
}

#[tokio::test]
async fn a_player_that_follows_uris_logs_in_once() {
    let (folder, server, _clips) = start();
    let mut segment = String::new();
    for name in ["clock.mp4", "live"] {
        for flavour in ["index", "cmaf", "ts"] {
            let target = format!("/basic/{name}/{flavour}.m3u8");
            let login = basic("ann:secret");
            let playlist = ask(server.http, "GET", &target, &login).await;
            assert_eq!(playlist.status, 200, "{target}");
            let cached = playlist.header("Cache-Control").unwrap();
            assert!(cached.starts_with("private, "), "{cached}");
            for uri in uris(playlist.text()) {
                let media = format!("/basic/{name}/{uri}");
                let playlist = text(server.http, &media).await;
                for uri in uris(&playlist) {
                    // What is only to come may not be waited for.
                    if !playlist.contains(&format!("PRELOAD-HINT:TYPE=PART,URI=\"{uri}\"")) {
                        segment = format!("basic/{name}/{uri}");
                        let answer = get(server.http, &format!("/{segment}")).await;
                        assert_eq!(answer.status, 200, "{segment}");
                    }
                }
            }
        }
    }
    let (bare, pass) = segment.split_once("?pass=").unwrap();
    for (target, expected) in [
        (format!("/{bare}"), 401),
        (format!("/{bare}?pass="), 401),
        (format!("/{bare}?pass={}", &pass[1..]), 401),
        (format!("/{bare}?pass={pass}0"), 401),
        (
            format!("/basic/live/media.m3u8?_HLS_skip=YES&pass={pass}"),
            200,
        ),
        (format!("/basic/live.sdp/media.m3u8?pass={pass}"), 401),
        (format!("/basic/live.m3u8?pass={pass}"), 200),
        (format!("/basic/live?pass={pass}"), 401),
        (format!("/basic/clock.mp4/media.m3u8?pass={pass}"), 401),
        (format!("/basic/clock.mp4?download&pass={pass}"), 401),
        (format!("/digest/live/media.m3u8?pass={pass}"), 401),
    ] {
        assert_eq!(get(server.http, &target).await.status, expected, "{target}");
    }
    let open = text(server.http, "/open/live/index.m3u8").await;
    assert!(!open.contains("pass="), "{open}");
    let rules = "AuthScheme basic\nrequire user bob";
    fs::write(folder.path().join("basic/qtaccess"), rules).unwrap();
    eventually(&server, &format!("/{segment}"), "", 401).await;
}

#[tokio::test]
async fn lists_show_what_their_readers_may_see() {
    let (folder, server, _clips) = start();
    let list = text(server.http, "/?json").await;
    assert!(list.contains("open/clock.mp4") && list.contains("open/live"));
    assert!(
        !list.contains("digest/") && !list.contains("basic/"),
        "{list}"
    );
    let listed = ask(server.http, "GET", "/basic?json", &basic("ann:secret")).await;
    assert!(
        listed.text().contains("basic/clock.mp4"),
        "{}",
        listed.text()
    );
    assert!(listed.text().contains("basic/live"), "{}", listed.text());
    for name in ["qtusers", "open/qtaccess", "QTUSERS"] {
        fs::copy(folder.path().join("qtusers"), folder.path().join("QTUSERS")).unwrap();
        for form in ["", "?download", ".m3u8", "?poster", "/index.m3u8"] {
            let answer = get(server.http, &format!("/{name}{form}")).await;
            assert_eq!(answer.status, 404, "{name}{form}");
        }
    }
}

#[tokio::test]
async fn the_settings_guard_a_channel_without_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let users = folder.path().join("qtusers");
    fs::write(&users, format!("realm Films\nann:x:{HA1}\n")).unwrap();
    let lines = ["AuthScheme basic", "require user ann"].map(str::to_owned);
    let rules = Rules::read(lines.to_vec()).unwrap();
    let server = Server::start(folder.path(), |config| {
        config.access.users = vec![users];
        config.ts.access = Some(rules);
    });
    let mut clips = ["stream", "other"].map(|name| Clip::publish(&server, name));
    clips.iter_mut().for_each(|clip| clip.send_until(4.0));
    let login = basic("ann:secret");
    for (name, stranger) in [("stream", 401), ("stream.sdp", 401), ("other", 200)] {
        for (headers, expected) in [("", stranger), (login.as_str(), 200)] {
            let target = format!("/{name}?json");
            let answer = ask(server.http, "GET", &target, headers).await;
            assert_eq!(answer.status, expected, "{target}");
            let mut client = Client::connect(server.address).await;
            let url = format!("rtsp://{}/{name}", server.address);
            let found = client.status_of("DESCRIBE", &url, headers).await;
            assert_eq!(found, expected, "{url}");
        }
    }
    let list = text(server.http, "/?json").await;
    assert!(list.contains("other") && !list.contains("stream"), "{list}");
}

#[tokio::test]
async fn pages_of_other_sites_cannot_use_a_login() {
    let (_folder, server, _clips) = start();
    let headers = format!("Origin: http://elsewhere\r\n{}", basic("ann:secret"));
    let answer = ask(server.http, "GET", "/basic/clock.mp4.m3u8", &headers).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("Access-Control-Allow-Credentials"), None);
}

#[tokio::test]
async fn rtsp_asks_before_it_looks() {
    let (_folder, server, _clips) = start();
    let mut client = Client::connect(server.address).await;
    for thing in [
        "clock.mp4",
        "live",
        "live.sdp",
        "nothing",
        "clock.mp4/trackID=1",
    ] {
        for folder in ["digest", "basic", "/./digest", "%64igest"] {
            let url = format!("rtsp://{}/{folder}/{thing}", server.address);
            for (method, headers) in [("DESCRIBE", ""), ("SETUP", TRANSPORT)] {
                let found = client.status_of(method, &url, headers).await;
                assert_eq!(found, 401, "{method} {url}");
            }
        }
    }
    let url = format!("rtsp://{}/open/clock.mp4", server.address);
    assert_eq!(client.status_of("DESCRIBE", &url, "").await, 200);
    for name in ["clock.mp4", "nothing"] {
        let mut browser = Client::connect(server.address).await;
        let request = format!("GET /digest/{name} HTTP/1.0\r\n\r\n");
        browser.send(request.as_bytes()).await;
        assert_eq!(status(&browser.answer().await), 200, "{name}");
    }
}

#[tokio::test]
async fn rtsp_lets_in_who_logs_in() {
    let (_folder, server, _clips) = start();
    for name in ["clock.mp4", "live"] {
        let mut client = Client::connect(server.address).await;
        let url = format!("rtsp://{}/basic/{name}", server.address);
        for (login, expected) in [("ann:x", 401), ("bob:x", 401), ("ann:secret", 200)] {
            let found = client.status_of("DESCRIBE", &url, &basic(login)).await;
            assert_eq!(found, expected, "{login}");
        }
        let url = format!("rtsp://{}/digest/{name}", server.address);
        let refused = client.ask("DESCRIBE", &url, "").await;
        let challenge = header(&refused, "WWW-Authenticate").unwrap();
        let login = digest(challenge, "ann", HA1, "DESCRIBE", &url);
        assert_eq!(client.status_of("DESCRIBE", &url, &login).await, 200);
        assert_eq!(client.status_of("DESCRIBE", &url, &login).await, 401);
    }
}

#[tokio::test]
async fn the_access_log_names_who_has_logged_in() {
    let journal = Journal::start();
    let (_folder, server, _clips) = start_logged(journal.log());
    let login = basic("ann:secret");
    for folder in ["basic", "open"] {
        let url = format!("rtsp://{}/{folder}/clock.mp4", server.address);
        let mut client = Client::connect(server.address).await;
        let headers = format!("{TRANSPORT}{login}");
        let (_, session) = client.set_up(&format!("{url}/trackID=1"), &headers).await;
        assert_eq!(client.status_of("TEARDOWN", &url, &session).await, 200);
        let target = format!("/{folder}/clock.mp4/cmaf.m3u8");
        assert_eq!(ask(server.http, "GET", &target, &login).await.status, 200);
    }
    server.hls.viewers.stop();
    let lines = journal.close();
    assert_eq!(lines.values("protocol"), ["RTP", "RTP", "HLS", "HLS"]);
    let stems = lines.values("cs-uri-stem").into_iter();
    for (stem, user) in stems.zip(lines.values("c-username")) {
        let expected = if stem.starts_with("/basic/") {
            "ann"
        } else {
            "-"
        };
        assert_eq!(user, expected, "{stem}");
    }
}

#[tokio::test]
async fn play_needs_a_login_too() {
    let (folder, server, _clips) = start();
    let url = format!("rtsp://{}/basic/clock.mp4", server.address);
    let mut client = Client::connect(server.address).await;
    let login = basic("ann:secret");
    let described = client.ask("DESCRIBE", &url, &login).await;
    let control = described.split("a=control:").last().unwrap();
    let control = control.lines().next().unwrap();
    let headers = format!("{TRANSPORT}{login}");
    let (_, session) = client.set_up(control, &headers).await;
    assert_eq!(client.status_of("PLAY", &url, &session).await, 401);
    let headers = format!("{session}{login}");
    assert_eq!(client.status_of("PLAY", &url, &headers).await, 200);
    assert_eq!(client.status_of("TEARDOWN", &url, &session).await, 200);
    wait_for(&server, folder.path(), "require valid-user", 200).await;
    wait_for(&server, folder.path(), "reqire valid-user", 403).await;
    wait_for(
        &server,
        folder.path(),
        "AuthScheme basic\nrequire user bob",
        401,
    )
    .await;
}

/// The header that a player answers with which knows no `qop`, such as those of live555 and GStreamer.
fn plain_digest(challenge: &str, method: &str, uri: &str) -> String {
    let (_, nonce) = challenge.split_once("nonce=\"").unwrap();
    let nonce = nonce.split('"').next().unwrap();
    let ha2 = hex(&format!("{method}:{uri}"));
    let response = hex(&format!("{HA1}:{nonce}:{ha2}"));
    format!(
        "Authorization: Digest username=\"ann\", realm=\"Films\", nonce=\"{nonce}\", uri=\"{uri}\", response=\"{response}\"\r\n"
    )
}

#[tokio::test]
async fn an_answer_by_rtsp_opens_what_it_is_about() {
    let (_folder, server, _clips) = start();
    let base = format!("rtsp://{}/digest/clock.mp4", server.address);
    let other = format!("rtsp://{}/digest/live", server.address);
    let track = format!("{base}/trackID=1");
    let slashed = format!("{base}/");
    let (base, other, track, slashed) = (&*base, &*other, &*track, &*slashed);
    for (method, url, headers, about, expected) in [
        ("DESCRIBE", base, "", base, 200),
        ("DESCRIBE", base, "", slashed, 200),
        ("DESCRIBE", base, "", "/digest/clock.mp4", 200),
        ("DESCRIBE", base, "", other, 401),
        ("DESCRIBE", base, "", track, 401),
        ("DESCRIBE", other, "", base, 401),
        ("SETUP", track, TRANSPORT, track, 200),
        ("SETUP", track, TRANSPORT, slashed, 200),
        ("SETUP", track, TRANSPORT, other, 401),
    ] {
        let mut client = Client::connect(server.address).await;
        let refused = client.ask(method, url, headers).await;
        let challenge = header(&refused, "WWW-Authenticate").unwrap();
        let login = plain_digest(challenge, method, about);
        let headers = format!("{headers}{login}");
        let found = client.status_of(method, url, &headers).await;
        assert_eq!(found, expected, "{method} {url} {about}");
    }
}

/// How a client sends its requests.
enum Way {
    Socket(Client),
    Tunnel(Tunnel),
}

impl Way {
    async fn ask(&mut self, method: &str, url: &str, headers: &str) -> String {
        match self {
            Self::Socket(client) => client.ask(method, url, headers).await,
            Self::Tunnel(tunnel) => tunnel.answer_to(method, url, headers).await,
        }
    }

    /// The answer to one who was asked to log in by Digest, and does.
    async fn log_in(&mut self, method: &str, url: &str, headers: &str) -> String {
        let refused = self.ask(method, url, headers).await;
        assert_eq!(status(&refused), 401, "{refused}");
        let challenge = header(&refused, "WWW-Authenticate").unwrap();
        let login = digest(challenge, "ann", HA1, method, url);
        let answer = self.ask(method, url, &format!("{headers}{login}")).await;
        assert_eq!(status(&answer), 200, "{answer}");
        answer
    }

    async fn frame(&mut self) -> (u8, Vec<u8>) {
        match self {
            Self::Socket(client) => client.frame().await,
            Self::Tunnel(tunnel) => tunnel.get.frame().await,
        }
    }
}

#[tokio::test]
async fn every_transport_plays_for_who_logs_in() {
    let (_folder, server, _clips) = start();
    let socket = Way::Socket(Client::connect(server.address).await);
    let beside = Way::Socket(Client::connect(server.address).await);
    let tunnel = Way::Tunnel(Tunnel::open(&server).await);
    let ports = Ports::bind(server.address.ip()).await;
    let datagrams = ports.transport();
    for (mut way, transport) in [
        (socket, TRANSPORT),
        (tunnel, TRANSPORT),
        (beside, &*datagrams),
    ] {
        let url = format!("rtsp://{}/digest/clock.mp4", server.address);
        let described = way.log_in("DESCRIBE", &url, "").await;
        let control = described.split("a=control:").last().unwrap();
        let control = control.lines().next().unwrap();
        let set_up = way.log_in("SETUP", control, transport).await;
        let session = header(&set_up, "Session").unwrap().split(';').next();
        let session = format!("Session: {}\r\n", session.unwrap());
        way.log_in("PLAY", &url, &session).await;
        if transport == TRANSPORT {
            assert!(way.frame().await.0 < 2);
        } else {
            ports.rtp().await;
        }
    }
}

/// The status of the answer to an encoder.
async fn upload(server: &Server, method: &str, name: &str, headers: &str) -> u16 {
    let mut encoder = Client::connect(server.http).await;
    let request = format!(
        "{method} {name} HTTP/1.1\r\nContent-Type: audio/mpeg\r\nContent-Length: 0\r\n\
         Connection: close\r\n{headers}\r\n"
    );
    encoder.send(request.as_bytes()).await;
    status(&encoder.rest().await)
}

#[tokio::test]
async fn encoders_of_other_sites_log_in() {
    let (folder, server, _clips) = start();
    let rules = "AuthScheme basic\nrequire any-user\n<Limit WRITE>\nrequire user ann\n</Limit>";
    fs::write(folder.path().join("open/qtaccess"), rules).unwrap();
    let title = "/admin/metadata?mode=updinfo&mount=/open/live&song=x";
    for (headers, is_trusted) in [
        ("", true),
        ("Host: 127.0.0.1:8080\r\n", true),
        ("Host: rebound.example\r\n", false),
        (
            "Host: localhost\r\nOrigin: http://elsewhere.example\r\n",
            false,
        ),
        ("Host: localhost\r\nSec-Fetch-Site: cross-site\r\n", false),
        // A link in a mail, and the name by which browsers tell nothing of the page.
        ("Host: localhost\r\nSec-Fetch-Site: none\r\n", false),
        ("Host: 0.0.0.0:8080\r\n", false),
        ("Host: [::]:8080\r\n", false),
    ] {
        for (login, may) in [
            ("", false),
            ("ann:secret", true),
            ("ann:x", false),
            ("bob:x", false),
        ] {
            let authorization = match login {
                "" => String::new(),
                login => basic(login),
            };
            let headers = format!("{headers}{authorization}");
            let may = is_trusted || may;
            let expected = if may { 200 } else { 401 };
            for (method, name) in [("PUT", "/open/radio"), ("GET", title)] {
                let found = upload(&server, method, name, &headers).await;
                assert_eq!(found, expected, "{method} {headers}");
            }
        }
    }
}

#[tokio::test]
async fn browsers_open_no_tunnel() {
    let server = Server::start(&clips(), |_| {});
    for of_page in [
        "Origin: http://elsewhere.example",
        "Origin: null",
        "Sec-Fetch-Site: same-origin",
        "sec-fetch-mode: no-cors",
    ] {
        for method in ["GET", "POST"] {
            let mut page = Client::connect(server.address).await;
            let head = format!("{method} /x HTTP/1.1\r\nx-sessioncookie: abc\r\n{of_page}\r\n\r\n");
            page.send(head.as_bytes()).await;
            let answer = page.answer().await;
            let expected = if method == "GET" { 404 } else { 400 };
            assert_eq!(status(&answer), expected, "{method} {of_page}");
        }
    }
}

#[tokio::test]
async fn broadcasters_of_other_hosts_log_in() {
    let addresses = of_this_machine();
    let Some(outside) = addresses.into_iter().find(|ip| !ip.is_loopback()) else {
        println!("skipped: this machine has no address but the loopback's");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let (users, groups) = (
        folder.path().join("qtusers"),
        folder.path().join("qtgroups"),
    );
    let bob = hex("bob:Films:x");
    fs::write(&users, format!("realm Films\nann:x:{HA1}\nbob:x:{bob}\n")).unwrap();
    fs::write(&groups, "broadcaster: ann\n").unwrap();
    let server = Server::start_at(outside, folder.path(), AccessLog::disabled(), |config| {
        config.access.users = vec![users];
        config.access.groups = vec![groups];
    });
    let url = format!("rtsp://{}/live", server.address);
    for (user, ha1, expected) in [("bob", bob.as_str(), 401), ("ann", HA1, 200)] {
        let mut client = Client::connect(server.address).await;
        let refused = announce(&mut client, &url, SDP).await;
        assert_eq!(status(&refused), 401);
        let challenge = header(&refused, "WWW-Authenticate").unwrap();
        let login = digest(challenge, user, ha1, "ANNOUNCE", &url);
        let headers = format!(
            "{login}Content-Type: application/sdp\r\nContent-Length: {}\r\n",
            SDP.len()
        );
        let request = format!("ANNOUNCE {url} RTSP/1.0\r\nCSeq: 8\r\n{headers}\r\n{SDP}");
        client.send(request.as_bytes()).await;
        assert_eq!(status(&client.answer().await), expected, "{user}");
    }
}

/// Waits until `ann` is answered as the new rules of the folder `basic` say.
async fn wait_for(server: &Server, folder: &Path, rules: &str, expected: u16) {
    let rules = rules.replace("require valid", "AuthScheme basic\nrequire valid");
    fs::write(folder.join("basic/qtaccess"), rules).unwrap();
    eventually(server, "/basic/", &basic("ann:secret"), expected).await;
}

/// Waits until a GET is answered so.
pub(crate) async fn eventually(server: &Server, target: &str, headers: &str, expected: u16) {
    let answered = async {
        while ask(server.http, "GET", target, headers).await.status != expected {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let answered = tokio::time::timeout(Duration::from_secs(30), answered).await;
    answered.unwrap_or_else(|_| panic!("never {expected}: {target}"));
}
