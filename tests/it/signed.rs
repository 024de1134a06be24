//! Signed URLs, as `reelcast sign` makes them and clients of RTSP and HTTP use them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, SystemTime};

use reelcast::access::{SigningKeys, Terms, key_line};
use reelcast::base::path::MediaPath;

use super::access::{HA1, basic};
use super::hls::{ask, get, text};
use super::rtsp_tunnel::Tunnel;
use crate::support::client::{Client, status};
use crate::support::clip::Clip;
use crate::support::movies::clips;
use crate::support::publisher::{SDP, announce};
use crate::support::server::Server;

const TRANSPORT: &str = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n";

/// A server whose folder `members`, with a movie and a channel, nobody but `ann` may watch.
fn start() -> (tempfile::TempDir, Server, Clip) {
    let folder = tempfile::tempdir().unwrap();
    let users = folder.path().join("qtusers");
    fs::write(&users, format!("realm Films\nann:x:{HA1}\n")).unwrap();
    fs::create_dir(folder.path().join("members")).unwrap();
    let rules = "AuthScheme basic\nrequire user ann\n<Limit WRITE>\nrequire user ann\n</Limit>";
    fs::write(folder.path().join("members/qtaccess"), rules).unwrap();
    for name in ["members/clock.mp4", "members/other.mp4", "open.mp4"] {
        fs::copy(clips().join("clock.mp4"), folder.path().join(name)).unwrap();
    }
    write_keys(folder.path(), &["new", "old"]);
    let server = Server::start(folder.path(), |config| {
        config.access.users = vec![users];
        config.access.signing_keys = folder.path().join("keys");
        config.http.download = true;
        config.proxy.tcp = vec!["127.0.7.1/32".parse().unwrap()];
        config.hls.target_duration = Duration::from_secs(2);
    });
    let mut clip = Clip::publish(&server, "members/live");
    clip.send_until(5.0);
    (folder, server, clip)
}

fn write_keys(folder: &Path, names: &[&str]) {
    write_private(&folder.join("keys"), &lines(names));
}

/// Writes a file that only its owner may use.
pub(crate) fn write_private(file: &Path, text: &str) {
    fs::write(file, text).unwrap();
    set_mode(file, 0o600);
}

fn set_mode(file: &Path, mode: u32) {
    fs::set_permissions(file, fs::Permissions::from_mode(mode)).unwrap();
}

#[tokio::test]
async fn keys_that_others_may_use_open_nothing() {
    let (folder, server, _clip) = start();
    let target = format!("/members/live?{}", signed("new", "members/live", ""));
    let keys = folder.path().join("keys");
    for (mode, expected) in [(0o600, 200), (0o644, 401), (0o640, 200)] {
        set_mode(&keys, mode);
        let answer = get(server.http, &target).await;
        assert_eq!(answer.status, expected, "{mode:o}");
    }
}

/// The secret of a key follows from its name.
fn lines(names: &[&str]) -> String {
    let line = |name: &&str| key_line(name, [name.as_bytes()[0]; 32]);
    names.iter().map(line).collect()
}

/// What a query says that the key `key` has signed, for `network` if it is not empty.
fn signed(key: &str, name: &str, network: &str) -> String {
    let keys = SigningKeys::read(&lines(&[key])).unwrap();
    let terms = Terms {
        until: SystemTime::UNIX_EPOCH + Duration::from_secs(1 << 40),
        network: network.parse().ok(),
    };
    let name = MediaPath::from_plain(name).unwrap();
    format!("signed={}", keys.sign(&name, &terms).unwrap())
}

#[tokio::test]
async fn a_signature_opens_all_forms_of_one_name() {
    let (_folder, server, _clip) = start();
    for (name, other) in [("clock.mp4", "other.mp4"), ("live", "clock.mp4")] {
        let query = signed("new", &format!("members/{name}"), "");
        for form in ["", "?json", "?embed", ".m3u8", "/index.m3u8", "/ts.m3u8"] {
            let mark = if form.contains('?') { '&' } else { '?' };
            let target = format!("/members/{name}{form}{mark}{query}");
            assert_eq!(get(server.http, &target).await.status, 200, "{target}");
            let spelled = target.replacen("members/", "/%6dembers/./", 1);
            assert_eq!(get(server.http, &spelled).await.status, 200, "{spelled}");
            let target = target.replacen(name, other, 1);
            assert_eq!(get(server.http, &target).await.status, 401, "{target}");
        }
        let target = format!("/members/?{query}");
        assert_eq!(get(server.http, &target).await.status, 401, "{target}");
        let page = text(server.http, &format!("/members/{name}?json&{query}")).await;
        let page: serde_json::Value = serde_json::from_str(&page).unwrap();
        let playlists = page["playlists"].as_array().unwrap();
        let urls = playlists.iter().map(|playlist| &playlist["url"]);
        let urls = urls.chain([&page["url"], &page["download"], &page["endless"]]);
        let urls: Vec<_> = urls.filter_map(|url| url.as_str()).collect();
        assert!(urls.len() >= 4, "{page}");
        for url in urls {
            assert_eq!(get(server.http, url).await.status, 200, "{url}");
        }
    }
    let open = text(
        server.http,
        &format!("/open.mp4.m3u8?{}", signed("new", "open.mp4", "")),
    )
    .await;
    assert!(!open.contains("signed="), "{open}");
}

/// The rules say who may publish, to whom a signature is nothing.
#[tokio::test]
async fn a_signature_lets_nobody_publish() {
    let (_folder, server, _clip) = start();
    let query = signed("new", "members/new", "");
    let put = format!(
        "PUT /members/new?{query} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"
    );
    let url = format!("rtsp://{}/members/new?{query}", server.address);
    let proxied = b"PROXY TCP4 203.0.113.7 10.0.0.5 4711 8554\r\n";
    let mut encoder = Client::connect_from("127.0.7.1", server.http).await;
    encoder.send(proxied).await;
    encoder.send(put.as_bytes()).await;
    assert_eq!(status(&encoder.answer().await), 401);
    let mut encoder = Client::connect_from("127.0.7.1", server.address).await;
    encoder.send(proxied).await;
    assert_eq!(status(&announce(&mut encoder, &url, SDP).await), 401);
}

#[tokio::test]
async fn a_signature_that_is_no_good_changes_nothing() {
    let (folder, server, _clip) = start();
    let target = "/members/live.m3u8";
    for bad in [
        "signed=",
        "signed=x",
        "signed=1.new.0.00",
        &signed("nobody", "members/live", ""),
    ] {
        let target = format!("{target}?{bad}");
        assert_eq!(get(server.http, &target).await.status, 401, "{target}");
        let answer = ask(server.http, "GET", &target, &basic("ann:secret")).await;
        assert_eq!(answer.status, 200, "{target}");
    }
    for (network, expected) in [("127.0.0.0/8", 200), ("192.0.2.0/24", 401)] {
        let query = signed("new", "members/live", network);
        let target = format!("{target}?{query}");
        let found = get(server.http, &target).await;
        assert_eq!(found.status, expected, "{target}");
        let url = format!("rtsp://{}/members/live?{query}", server.address);
        let mut client = Client::connect(server.address).await;
        assert_eq!(
            client.status_of("DESCRIBE", &url, "").await,
            expected,
            "{url}"
        );
    }
    // Nobody may while the rules have a fault.
    fs::write(folder.path().join("members/qtaccess"), "reqire user ann").unwrap();
    let target = format!("{target}?{}", signed("new", "members/live", ""));
    super::access::eventually(&server, &target, "", 403).await;
}

#[tokio::test]
async fn keys_change_while_the_server_runs() {
    let (folder, server, _clip) = start();
    let status = async |key: &str| {
        let target = format!("/members/live.m3u8?{}", signed(key, "members/live", ""));
        get(server.http, &target).await.status
    };
    assert_eq!((status("new").await, status("old").await), (200, 200));
    write_keys(folder.path(), &["third", "new"]);
    assert_eq!((status("new").await, status("old").await), (200, 401));
    assert_eq!(status("third").await, 200);
    fs::write(folder.path().join("keys"), "third\n").unwrap();
    assert_eq!((status("new").await, status("third").await), (401, 401));
    fs::remove_file(folder.path().join("keys")).unwrap();
    assert_eq!(status("third").await, 401);
}

#[tokio::test]
async fn a_signature_is_good_for_the_rest_of_an_rtsp_connection() {
    let (_folder, server, _clip) = start();
    for name in ["clock.mp4", "live"] {
        let query = signed("new", &format!("members/{name}"), "");
        let url = format!("rtsp://{}/members/{name}", server.address);
        let mut client = Client::connect(server.address).await;
        assert_eq!(client.status_of("DESCRIBE", &url, "").await, 401);
        let described = client.ask("DESCRIBE", &format!("{url}?{query}"), "").await;
        assert_eq!(status(&described), 200, "{described}");
        assert!(!described.contains("signed="), "{described}");
        let control = described.split("a=control:").last().unwrap();
        let control = control.lines().next().unwrap();
        let mut stranger = Client::connect(server.address).await;
        assert_eq!(stranger.status_of("SETUP", control, TRANSPORT).await, 401);
        // The name of the track may stand behind the query, too.
        let behind = format!("{url}?{query}{}", control.strip_prefix(&url).unwrap());
        assert_eq!(stranger.status_of("SETUP", &behind, TRANSPORT).await, 200);
        let (_, session) = client.set_up(control, TRANSPORT).await;
        assert_eq!(client.status_of("PLAY", &url, &session).await, 200);
        let other = format!("rtsp://{}/members/other.mp4", server.address);
        for other in [format!("{other}?{query}"), other] {
            assert_eq!(
                client.status_of("DESCRIBE", &other, "").await,
                401,
                "{other}"
            );
            let track = format!("{other}/trackID=1");
            assert_eq!(
                client.status_of("SETUP", &track, TRANSPORT).await,
                401,
                "{other}"
            );
        }
    }
    let mut tunnel = Tunnel::open(&server).await;
    let query = signed("new", "members/clock.mp4", "");
    let url = format!("rtsp://{}/members/clock.mp4", server.address);
    for (method, url, headers) in [
        ("DESCRIBE", format!("{url}?{query}"), ""),
        ("SETUP", format!("{url}/trackID=1"), TRANSPORT),
    ] {
        let answer = tunnel.answer_to(method, &url, headers).await;
        assert_eq!(status(&answer), 200, "{answer}");
    }
}

/// What `reelcast sign` with `arguments` does in `folder`.
fn sign(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_reelcast"));
    let command = command.arg("sign").args(arguments).current_dir(folder);
    command.output().unwrap()
}

fn printed(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone())
        .unwrap()
        .trim()
        .to_owned()
}

#[tokio::test]
async fn the_command_signs_for_the_server() {
    let (folder, server, _clip) = start();
    fs::remove_file(folder.path().join("keys")).unwrap();
    let settings = folder.path().join("reelcast.toml");
    fs::write(&settings, "[access]\nsigning_keys = \"keys\"\n").unwrap();
    let own = |arguments: &[&str]| {
        let arguments = [arguments, &["--config", "reelcast.toml"]].concat();
        sign(folder.path(), &arguments)
    };
    let http = format!("http://{}", server.http);
    let page = format!("{http}/members/live");
    let first = printed(&own(&[&page, "--for", "2h"]));
    let keys = folder.path().join("keys");
    let mode = fs::metadata(&keys).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(printed(&own(&["--rotate"])), "");
    let playlist = format!("{http}/members/live/index.m3u8?a=b");
    let address = server.http.ip().to_string();
    let second = printed(&own(&[&playlist, "--for", "90m", "--ip", &address]));
    let elsewhere = printed(&own(&[&playlist, "--for", "1d", "--ip", "192.0.2.0/24"]));
    for (url, expected) in [(&first, 200), (&second, 200), (&elsewhere, 401)] {
        let target = url.strip_prefix(&http).unwrap();
        assert_eq!(get(server.http, target).await.status, expected, "{url}");
    }
    assert_eq!(fs::read_to_string(&keys).unwrap().lines().count(), 2);
    let rtsp = format!("rtsp://{}/members/live", server.address);
    let rtsp = printed(&own(&[&rtsp, "--for", "2h"]));
    let mut client = Client::connect(server.address).await;
    assert_eq!(client.status_of("DESCRIBE", &rtsp, "").await, 200);
    set_mode(&keys, 0o644);
    let refused = own(&[&page, "--for", "2h"]);
    let told = String::from_utf8(refused.stderr).unwrap();
    assert!(told.contains("chmod 600"), "{told}");
    set_mode(&keys, 0o600);
    fs::write(&keys, "no key\n").unwrap();
    for arguments in [
        vec![page.as_str()],
        vec!["--for", "2h"],
        vec![&page, "--for", "2"],
        vec![&page, "--for", "2h", "--ip", "here"],
        vec![&page, "--for", "2h", "--rotate"],
        vec![&page, "--for", "2h"],
        vec!["ftp://h/a", "--for", "2h"],
        vec!["--rotate"],
    ] {
        assert!(!own(&arguments).status.success(), "{arguments:?}");
    }
    assert_eq!(fs::read_to_string(&keys).unwrap(), "no key\n");
    // The default place is in a folder that is not there.
    let lost = sign(folder.path(), &["--rotate"]);
    let told = String::from_utf8(lost.stderr).unwrap();
    assert!(
        !lost.status.success() && told.contains("--config"),
        "{told}"
    );
}
