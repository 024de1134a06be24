//! Players that follow URIs and can do nothing else, as those of iPhones: no header of their own, no cookie,
//! no redirect. They log in once, at the playlist that they open.

use std::collections::{HashSet, VecDeque};
use std::fs;
use std::time::{Duration, SystemTime};

use reelcast::access::{SigningKeys, Terms, key_line};
use reelcast::base::path::MediaPath;
use reelcast::config::{Config, HlsGroup, Method};
use url::Url;

use super::access::{HA1, basic, eventually, log_in, uri_of};
use super::hls::{Answer, ask, get, number};
use super::signed::write_private;
use crate::support::client::Client;
use crate::support::clip::Clip;
use crate::support::movies::clips;
use crate::support::server::Server;

/// A server whose folder `members` only `ann` may watch, and whose folder `digest` asks for her in another way.
/// Each has a movie `clock.mp4`, the channels `tv`, with two sounds, `hd` and `sd`, and the group `show` of
/// the last two. All is encrypted.
fn start(change: impl FnOnce(&mut Config)) -> (tempfile::TempDir, Server, Vec<Clip>) {
    let folder = tempfile::tempdir().unwrap();
    let users = folder.path().join("qtusers");
    fs::write(&users, format!("realm Films\nann:x:{HA1}\n")).unwrap();
    let keys = folder.path().join("keys");
    write_private(&keys, &key_line("k", [7; 32]));
    let mut groups = Vec::new();
    for (name, rules) in [
        ("members", "AuthScheme basic\nrequire user ann"),
        ("digest", "require user ann"),
    ] {
        let place = folder.path().join(name);
        fs::create_dir(&place).unwrap();
        fs::write(place.join("qtaccess"), rules).unwrap();
        fs::copy(clips().join("clock.mp4"), place.join("clock.mp4")).unwrap();
        groups.push(HlsGroup {
            name: path(&format!("{name}/show")),
            variants: vec![path(&format!("{name}/hd")), path(&format!("{name}/sd"))],
        });
    }
    let server = Server::start(folder.path(), |config| {
        config.access.users = vec![users];
        config.access.signing_keys = keys;
        config.http.download = true;
        config.hls.target_duration = Duration::from_secs(2);
        config.hls.encryption.method = Method::Aes128;
        config.hls_groups = groups;
        change(config);
    });
    let mut channels = Vec::new();
    for name in ["members", "digest"] {
        channels.push(Clip::publish_in(
            &server,
            &format!("{name}/tv"),
            &["deu", "fra"],
        ));
        channels.push(Clip::publish(&server, &format!("{name}/hd")));
        channels.push(Clip::publish(&server, &format!("{name}/sd")));
    }
    channels.iter_mut().for_each(|clip| clip.send_until(7.0));
    (folder, server, channels)
}

fn path(name: &str) -> MediaPath {
    MediaPath::from_plain(name).unwrap()
}

/// What `name` is signed with until so many seconds after 1970.
fn signed(name: &str, until: u64) -> String {
    let keys = SigningKeys::read(&key_line("k", [7; 32])).unwrap();
    let until = SystemTime::UNIX_EPOCH + Duration::from_secs(until);
    let terms = Terms {
        until,
        network: None,
    };
    let signature = keys.sign(&path(name), &terms).unwrap();
    format!("signed={signature}")
}

/// After all that is tested here.
const LATER: u64 = 1 << 40;

/// Everything that the playlist `first` leads to, fetched from what is told in it and nothing else. Returns
/// the target of each request after the first.
pub(crate) async fn follow(server: &Server, target: &str, first: &Answer) -> Vec<String> {
    let mut targets = Vec::new();
    let mut known = HashSet::new();
    let mut waiting: VecDeque<_> = told(target, first).into();
    while let Some(target) = waiting.pop_front() {
        if !known.insert(target.clone()) {
            continue;
        }
        let answer = get(server.http, &target).await;
        assert_eq!(
            answer.status,
            200,
            "{target}: {}",
            String::from_utf8_lossy(&answer.body)
        );
        for header in ["Set-Cookie", "Location"] {
            assert_eq!(answer.header(header), None, "{target}");
        }
        let cached = answer.header("Cache-Control").unwrap();
        assert!(
            cached == "no-store" || cached.starts_with("private, "),
            "{target}: {cached}"
        );
        waiting.extend(told(&target, &answer));
        targets.push(target);
    }
    targets
}

/// The targets of what a playlist tells of, but for what is only to come; nothing of what is no playlist.
pub(crate) fn told(target: &str, answer: &Answer) -> Vec<String> {
    if !answer.body.starts_with(b"#EXTM3U") {
        return Vec::new();
    }
    let base = Url::parse("http://h")
        .and_then(|server| server.join(target))
        .unwrap();
    let lines = answer.text().lines();
    let lines = lines.filter(|line| !line.starts_with("#EXT-X-PRELOAD-HINT:"));
    let urls = lines.filter_map(uri_of).map(|uri| base.join(uri).unwrap());
    urls.map(|url| format!("{}?{}", url.path(), url.query().unwrap()))
        .collect()
}

/// Logs in at a playlist in one of the ways that there are.
async fn open(server: &Server, target: &str, name: &str, way: &str) -> (String, Answer) {
    let target = match way {
        "signed" => format!("{target}?{}", signed(name, LATER)),
        _ => target.to_owned(),
    };
    let answer = match way {
        "basic" => ask(server.http, "GET", &target, &basic("ann:secret")).await,
        "digest" => log_in(server, &target).await,
        _ => get(server.http, &target).await,
    };
    assert_eq!(answer.status, 200, "{target} {way}");
    (target, answer)
}

#[tokio::test]
async fn one_login_at_the_playlist_is_enough() {
    let (_folder, server, mut channels) = start(|_| {});
    for (name, way) in [
        ("members/clock.mp4", "basic"),
        ("members/tv", "basic"),
        ("members/show", "basic"),
        ("digest/tv", "digest"),
        ("digest/show", "digest"),
        ("members/tv", "signed"),
        ("members/show", "signed"),
        ("digest/clock.mp4", "signed"),
    ] {
        let mut all = Vec::new();
        for flavour in [".m3u8", "/index.m3u8", "/cmaf.m3u8", "/ts.m3u8"] {
            let target = format!("/{name}{flavour}");
            let (target, answer) = open(&server, &target, name, way).await;
            all.extend(follow(&server, &target, &answer).await);
        }
        let mut kinds = vec![
            "media.m3u8?",
            ".m4s?",
            ".ts?",
            ".key?",
            "iframes.m3u8?",
            "-init",
        ];
        if name.ends_with("tv") {
            kinds.push("audio2-cmaf.m3u8?");
        }
        if name.ends_with("show") {
            kinds.extend(["/hd/media.m3u8?", "/sd/media-ts.m3u8?"]);
        }
        for kind in kinds {
            assert!(
                all.iter().any(|target| target.contains(kind)),
                "{name} {way}: no {kind}"
            );
        }
    }
    // What comes later is fetched as players of low latency do, who add to the query.
    let (target, answer) = open(&server, "/members/tv.m3u8", "members/tv", "basic").await;
    let media = told(&target, &answer);
    let media = media
        .iter()
        .find(|target| target.contains("/media.m3u8?"))
        .unwrap();
    let playlist = get(server.http, media).await;
    let segments = playlist.text().matches("#EXTINF:").count() as u64;
    let next = number(playlist.text(), "#EXT-X-MEDIA-SEQUENCE:") + segments;
    channels[0].send_until(13.0);
    let reload = format!("{media}&_HLS_msn={next}&_HLS_part=0");
    let reloaded = get(server.http, &reload).await;
    assert_eq!(reloaded.status, 200, "{reload}");
    assert!(!follow(&server, &reload, &reloaded).await.is_empty());
}

#[tokio::test]
async fn the_urls_of_one_program_open_nothing_else() {
    let (_folder, server, _channels) = start(|_| {});
    let others = [
        "members/hd",
        "members/clock.mp4",
        "members/show",
        "digest/tv",
    ];
    for way in ["basic", "signed"] {
        let (target, answer) = open(&server, "/members/tv.m3u8", "members/tv", way).await;
        let own = told(&target, &answer);
        let (media, query) = own[0].split_once('?').unwrap();
        assert_eq!(get(server.http, media).await.status, 401, "{media}");
        for other in others {
            let login = if other.starts_with("digest") {
                "digest"
            } else {
                "basic"
            };
            let target = format!("/{other}/index.m3u8");
            let (target, answer) = open(&server, &target, other, login).await;
            let mut targets = follow(&server, &target, &answer).await;
            let forms = [
                "",
                "?json",
                "?download",
                "?embed",
                ".m3u8",
                ".sdp/index.m3u8",
                ".ts",
            ];
            targets.extend(forms.iter().map(|form| format!("/{other}{form}")));
            targets.push("/members/".to_owned());
            for target in targets {
                let bare = target.split("?pass=").next().unwrap();
                let mark = if bare.contains('?') { '&' } else { '?' };
                let forged = format!("{bare}{mark}{query}");
                assert_eq!(get(server.http, &forged).await.status, 401, "{forged}");
            }
        }
        for climbing in [
            "tv/../hd/media.m3u8",
            "tv/%2e%2e/hd/media.m3u8",
            "tv%2f..%2fhd/media.m3u8",
        ] {
            let target = format!("/members/{climbing}?{query}");
            assert_ne!(get(server.http, &target).await.status, 200, "{target}");
        }
        let mut client = Client::connect(server.address).await;
        for other in others {
            let url = format!("rtsp://{}/{other}?{query}", server.address);
            assert_eq!(client.status_of("DESCRIBE", &url, "").await, 401, "{url}");
        }
    }
}

#[tokio::test]
async fn urls_end() {
    let lifetime = |config: &mut Config| config.access.pass_lifetime = Duration::from_secs(1);
    let (_folder, server, _channels) = start(lifetime);
    let (target, answer) = open(&server, "/members/tv.m3u8", "members/tv", "basic").await;
    for target in told(&target, &answer) {
        eventually(&server, &target, "", 401).await;
    }
    let (target, answer) = open(&server, "/members/tv.m3u8", "members/tv", "signed").await;
    for target in follow(&server, &target, &answer).await {
        let (path, _) = target.split_once('?').unwrap();
        let over = format!("{path}?{}", signed("members/tv", 1_763_760_000));
        assert_eq!(get(server.http, &over).await.status, 401, "{over}");
    }
}
