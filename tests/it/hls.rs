//! A live channel by HLS, as players ask for it over HTTP.

use std::net::SocketAddr;
use std::time::Duration;

use reelcast::base::path::MediaPath;
use reelcast::config::{Config, Package};
use reelcast::hls::packager::{Packager, Rendition};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::support::clip::Clip;
use super::support::server::Server;

pub(super) struct Answer {
    pub(super) status: u16,
    head: String,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find_map(|(key, value)| key.eq_ignore_ascii_case(name).then_some(value))
    }

    /// The values of all fields of that name.
    pub(super) fn all(&self, name: &str) -> Vec<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let named = lines.filter(|(key, _)| key.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value).collect()
    }
}

pub(super) async fn ask(http: SocketAddr, method: &str, target: &str, headers: &str) -> Answer {
    let mut stream = TcpStream::connect(http).await.unwrap();
    let request =
        format!("{method} {target} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    let read = timeout(Duration::from_secs(20), stream.read_to_end(&mut bytes));
    read.await.expect("an answer in time").unwrap();
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
    let end = end.expect("a head");
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let status = head[9..12].parse().unwrap();
    let body = bytes[end + 4..].to_vec();
    Answer { status, head, body }
}

pub(super) async fn get(http: SocketAddr, target: &str) -> Answer {
    ask(http, "GET", target, "").await
}

pub(crate) async fn text(http: SocketAddr, target: &str) -> String {
    let answer = get(http, target).await;
    assert_eq!(answer.status, 200, "{target}: {}", answer.head);
    answer.text().to_owned()
}

fn start() -> Server {
    let movies = tempfile::tempdir().unwrap();
    Server::start(movies.path(), settings)
}

fn settings(config: &mut Config) {
    config.hls.target_duration = Duration::from_secs(2);
    config.hls.window = Duration::from_secs(20);
    config.hls.start_wait = Duration::from_secs(5);
}

/// The number of a tag of a playlist.
pub(crate) fn number(playlist: &str, tag: &str) -> u64 {
    let line = playlist.lines().find_map(|line| line.strip_prefix(tag));
    line.unwrap_or_else(|| panic!("no {tag}: {playlist}"))
        .parse()
        .unwrap()
}

/// Everything that a playlist tells of: lines without a tag, and `URI="…"`.
fn listed(playlist: &str) -> Vec<&str> {
    let plain = playlist
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty());
    let quoted = playlist.lines().filter_map(|line| {
        let uri = line.split_once("URI=\"")?.1.split_once('"')?.0;
        (!line.starts_with("#EXT-X-PRELOAD-HINT")).then_some(uri)
    });
    plain.chain(quoted).collect()
}

#[tokio::test]
async fn old_players_are_given_transport_streams() {
    let server = start();
    let mut clip = Clip::publish(&server, "live");
    clip.send_until(9.0);
    for (player, media) in [
        ("CPU OS 9_3_5 like Mac OS X", "\n./live/media-ts.m3u8"),
        ("CPU OS 18_5 like Mac OS X", "\n./live/media.m3u8"),
    ] {
        let header = format!("User-Agent: AppleCoreMedia/1.0.0.1 (iPhone; U; {player}; en_us)\r\n");
        let program = ask(server.http, "GET", "/live.m3u8", &header).await;
        assert!(
            program.text().contains(media),
            "{player}: {}",
            program.text()
        );
        // Caches tell players apart where it matters.
        assert!(
            program.header("vary").unwrap().contains("user-agent"),
            "{}",
            program.head
        );
        let chosen = ask(server.http, "GET", "/live/media-cmaf.m3u8", &header).await;
        assert!(chosen.text().contains("\n#EXT-X-MAP:"), "{}", chosen.text());
        assert!(
            !chosen.head.to_lowercase().contains("user-agent"),
            "{}",
            chosen.head
        );
    }
}

#[tokio::test]
async fn every_flavour_of_a_channel_is_there_at_once() {
    let server = start();
    let mut clip = Clip::publish(&server, "news/live");
    clip.send_until(9.0);
    for (multivariant, media) in [
        ("/news/live/index.m3u8", "media.m3u8"),
        ("/news/live.m3u8", "media.m3u8"),
        ("/news/live/cmaf.m3u8", "media-cmaf.m3u8"),
        ("/news/live/ts.m3u8", "media-ts.m3u8"),
    ] {
        let playlist = text(server.http, multivariant).await;
        assert!(
            playlist.contains("CODECS=\"avc1.") && playlist.contains(",mp4a.40.2\""),
            "{playlist}"
        );
        assert!(playlist.contains("RESOLUTION=640x"), "{playlist}");
        assert!(playlist.contains("FRAME-RATE=25.000"), "{playlist}");
        let folder = multivariant.trim_end_matches(".m3u8");
        if folder == "/news/live" {
            continue;
        }
        assert!(playlist.contains(&format!("\n{media}\n")), "{playlist}");
        let playlist = text(server.http, &format!("/news/live/{media}")).await;
        assert_eq!(number(&playlist, "#EXT-X-TARGETDURATION:"), 2);
        assert!(playlist.contains("#EXT-X-DISCONTINUITY-SEQUENCE:"));
        assert!(playlist.contains("#EXT-X-INDEPENDENT-SEGMENTS"));
        assert_eq!(playlist.matches("#EXTINF:2.0").count(), 4, "{playlist}");
        for uri in listed(&playlist) {
            let answer = get(server.http, &format!("/news/live/{uri}")).await;
            assert_eq!(answer.status, 200, "{uri}");
            assert!(answer.body.len() > 100, "{uri}");
            assert!(
                answer
                    .header("cache-control")
                    .unwrap()
                    .contains("immutable")
            );
        }
    }
}

#[tokio::test]
async fn a_player_waits_for_the_part_that_comes_next() {
    let server = start();
    let mut clip = Clip::publish(&server, "live");
    clip.send_until(5.2);
    let playlist = text(server.http, "/live/media.m3u8").await;
    let next = number(&playlist, "#EXT-X-MEDIA-SEQUENCE:") + 2;
    let (_, open) = playlist.rsplit_once("#EXTINF").unwrap();
    let parts = open.matches("#EXT-X-PART:").count();
    let hint = playlist.lines().last().unwrap();
    let hint = hint.strip_prefix("#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"");
    let hint = format!("/live/{}", hint.unwrap().trim_end_matches('"'));
    assert!(
        hint.ends_with(&format!("-{next}.{parts}.m4s")),
        "{playlist}"
    );

    let target = format!("/live/media.m3u8?_HLS_msn={next}&_HLS_part={parts}");
    let http = server.http;
    let waiting = tokio::spawn(async move { get(http, &target).await });
    let hinted = tokio::spawn({
        let hint = hint.clone();
        async move { get(http, &hint).await }
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!waiting.is_finished() && !hinted.is_finished());
    clip.send_until(6.0);
    let playlist = waiting.await.unwrap();
    assert_eq!(playlist.status, 200);
    assert!(playlist.text().contains(&hint[6..]));
    assert_eq!(playlist.header("cache-control"), Some("max-age=12"));
    let part = hinted.await.unwrap();
    assert_eq!(part.status, 200);
    assert_eq!(get(server.http, &hint).await.body, part.body);
}

#[tokio::test]
async fn what_is_asked_too_early_or_wrongly_is_refused() {
    let server = start();
    let mut clip = Clip::publish(&server, "live");
    clip.send_until(5.2);
    let playlist = text(server.http, "/live/media.m3u8").await;
    let next = number(&playlist, "#EXT-X-MEDIA-SEQUENCE:") + 2;
    for (query, status) in [
        (format!("_HLS_msn={}", next + 2), 400),
        (format!("_HLS_msn={next}&_HLS_part=12"), 400),
        ("_HLS_part=1".to_owned(), 400),
        ("_HLS_msn=x".to_owned(), 400),
        (format!("_HLS_msn={}", next - 1), 200),
        ("_HLS_msn=0&_HLS_part=0".to_owned(), 200),
    ] {
        let answer = get(server.http, &format!("/live/media.m3u8?{query}")).await;
        assert_eq!(answer.status, status, "{query}");
    }
    let begun = Instant::now();
    let late = get(server.http, &format!("/live/media.m3u8?_HLS_msn={next}")).await;
    assert_eq!(late.status, 503);
    assert_eq!(late.header("retry-after"), Some("1"));
    assert!((5..8).contains(&begun.elapsed().as_secs()));
    for gone in ["/live/00000000-1.m4s", "/live/media.mpd", "/other.m3u8"] {
        assert_eq!(get(server.http, gone).await.status, 404, "{gone}");
    }
}

#[tokio::test]
async fn playlists_slide_and_come_as_deltas() {
    let server = start();
    let mut clip = Clip::publish(&server, "live");
    clip.send_until(3.0);
    let first = text(server.http, "/live/media.m3u8").await;
    let sequence = number(&first, "#EXT-X-MEDIA-SEQUENCE:");
    for end in 2..20 {
        clip.send_until(f64::from(end) * 2.0);
        let playlist = text(
            server.http,
            &format!("/live/media.m3u8?_HLS_msn={sequence}"),
        )
        .await;
        assert!(!playlist.contains("#EXT-X-DISCONTINUITY\n"), "{playlist}");
    }
    let playlist = text(server.http, "/live/media.m3u8").await;
    assert!(
        number(&playlist, "#EXT-X-MEDIA-SEQUENCE:") > sequence + 4,
        "{playlist}"
    );
    let old = listed(&first)
        .into_iter()
        .find(|uri| uri.ends_with(&format!("-{sequence}.m4s")));
    // It left the playlist a moment ago.
    assert_eq!(
        get(server.http, &format!("/live/{}", old.unwrap()))
            .await
            .status,
        200
    );
    clip.send_until(45.0);
    let delta = text(server.http, "/live/media.m3u8?_HLS_skip=YES").await;
    assert!(delta.contains("#EXT-X-SKIP:SKIPPED-SEGMENTS="), "{delta}");
    assert!(delta.contains("#EXT-X-VERSION:9\n"), "{delta}");
    clip.stop();
    server.give_up();
    let ended = async {
        while !text(server.http, "/live/media.m3u8")
            .await
            .contains("#EXT-X-ENDLIST\n")
        {
            tokio::task::yield_now().await;
        }
    };
    let ended = timeout(Duration::from_secs(5), ended).await;
    ended.expect("the end is told");
    let playlist = text(
        server.http,
        "/live/media.m3u8?_HLS_skip=YES&_HLS_msn=9999999999",
    )
    .await;
    assert!(playlist.ends_with("#EXT-X-ENDLIST\n"), "{playlist}");
    assert!(!playlist.contains("EXT-X-SKIP"), "{playlist}");
}

#[tokio::test]
async fn answers_suit_browsers_and_caches() {
    let server = start();
    let mut clip = Clip::publish(&server, "live");
    clip.send_until(5.0);
    let media = "/live/media-cmaf.m3u8";
    let plain = get(server.http, media).await;
    assert_eq!(
        plain.header("content-type"),
        Some("application/vnd.apple.mpegurl")
    );
    assert_eq!(plain.header("cache-control"), Some("max-age=1"));
    assert!(plain.header("last-modified").is_some());
    let packed = ask(server.http, "GET", media, "Accept-Encoding: br, gzip\r\n").await;
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    assert_eq!(packed.body[..2], [0x1f, 0x8b]);
    let tag = plain.header("etag").unwrap();
    assert_ne!(packed.header("etag"), Some(tag));
    let same = ask(
        server.http,
        "GET",
        media,
        &format!("If-None-Match: {tag}\r\n"),
    )
    .await;
    assert_eq!((same.status, same.body.len()), (304, 0));

    let uri = listed(plain.text())
        .into_iter()
        .find(|uri| uri.ends_with(".m4s"));
    let segment = format!("/live/{}", uri.unwrap());
    let whole = get(server.http, &segment).await;
    assert_eq!(whole.header("content-type"), Some("video/iso.segment"));
    let head = ask(server.http, "HEAD", &segment, "").await;
    assert_eq!(
        head.header("content-length"),
        whole.header("content-length")
    );
    assert!(head.body.is_empty());
    let part = ask(server.http, "GET", &segment, "Range: bytes=100-299\r\n").await;
    assert_eq!(part.status, 206);
    assert_eq!(part.body, whole.body[100..300]);
    let beyond = ask(server.http, "GET", &segment, "Range: bytes=99999999-\r\n").await;
    assert_eq!(beyond.status, 416);

    let origin = "Origin: https://example.com\r\n";
    let asked = format!("{origin}Access-Control-Request-Headers: range\r\n");
    let allowed = ask(server.http, "OPTIONS", media, &asked).await;
    assert_eq!(
        allowed.header("access-control-allow-headers"),
        Some("range")
    );
    assert_eq!(allowed.header("access-control-allow-origin"), Some("*"));

    let home = text(server.http, "/").await;
    assert!(home.contains("<a href=\"/live\">live</a> (live)"), "{home}");
    server.wait_for_sessions(1).await;
    let session = &server.sessions.list()[0];
    assert_eq!(session.transport(), "hls");
    assert!(session.counters().snapshot().bytes > whole.body.len() as u64);
    server.configure(|config| config.limits.connections = 1);
    let refused = ask(server.http, "GET", media, "User-Agent: other\r\n").await;
    assert_eq!(refused.status, 503);
}

#[tokio::test]
async fn pages_of_other_sites_use_no_logins_but_those_that_are_named() {
    let server = Server::start(&crate::support::movies::clips(), |_| {});
    let [named, other] = ["https://player.example", "https://other.example"];
    let ask = async |method: &str, origin: &str| {
        let headers = match origin {
            "" => String::new(),
            origin => format!("Origin: {origin}\r\nAuthorization: Basic YTpi\r\n"),
        };
        let answer = ask(server.http, method, "/clock.mp4?json", &headers).await;
        let told = |name: &str| answer.header(name).unwrap_or_default().to_owned();
        (
            told("access-control-allow-origin"),
            told("access-control-allow-credentials"),
            told("vary").contains("origin"),
        )
    };
    let (all, nobody) = (|| "*".to_owned(), String::new);
    for method in ["GET", "OPTIONS"] {
        for origin in ["", "null", named] {
            assert_eq!(
                ask(method, origin).await,
                (all(), nobody(), false),
                "{origin}"
            );
        }
    }
    server.configure(|config| config.http.origins = vec![named.to_owned()]);
    for method in ["GET", "OPTIONS"] {
        let found = ask(method, named).await;
        assert_eq!(found, (named.to_owned(), "true".to_owned(), true));
        for origin in ["", "null", other, "https://player.example:444"] {
            assert_eq!(
                ask(method, origin).await,
                (all(), nobody(), true),
                "{origin}"
            );
        }
    }
}

#[tokio::test]
async fn nothing_to_play_is_told_after_a_while() {
    let server = start();
    server.configure(|config| config.hls.start_wait = Duration::from_millis(300));
    let _clip = Clip::publish(&server, "live");
    let answer = get(server.http, "/live.m3u8").await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.header("retry-after"), Some("1"));
}

#[tokio::test]
async fn a_player_is_told_of_a_channel_before_it_can_start() {
    let server = start();
    let mut clip = Clip::publish(&server, "live");
    clip.send_until(0.8);
    let http = server.http;
    let mut waiting = Vec::new();
    for (program, media) in [
        ("index", "media"),
        ("cmaf", "media-cmaf"),
        ("ts", "media-ts"),
    ] {
        let program = text(http, &format!("/live/{program}.m3u8")).await;
        assert!(program.contains(&format!("\n{media}.m3u8\n")), "{program}");
        assert!(program.contains(",CODECS=\"avc1."), "{program}");
        assert!(program.contains(",mp4a.40.2\""), "{program}");
        assert!(program.contains("FRAME-RATE="), "{program}");
        assert!(
            program.contains("\n#EXT-X-I-FRAME-STREAM-INF:"),
            "{program}"
        );
        assert!(!program.contains("BANDWIDTH=0"), "{program}");
        let media = format!("/live/{media}.m3u8");
        waiting.push(tokio::spawn(async move { text(http, &media).await }));
    }
    assert!(waiting.iter().all(|answer| !answer.is_finished()));
    clip.send_until(9.0);
    for answer in waiting {
        let playlist = answer.await.unwrap();
        assert!(number(&playlist, "#EXT-X-MEDIA-SEQUENCE:") > 0);
        assert!(playlist.contains("\n#EXTINF:"), "{playlist}");
    }
}

/// The name of the oldest segment of a playlist.
fn oldest(playlist: &str) -> String {
    let mut listed = listed(playlist).into_iter();
    let segment = listed.find(|uri| uri.ends_with(".m4s")).unwrap();
    format!("/live/{segment}")
}

#[tokio::test]
async fn what_nobody_can_want_any_more_is_gone() {
    let movies = tempfile::tempdir().unwrap();
    let server = Server::start(movies.path(), |config| {
        settings(config);
        config.hls.window = Duration::from_secs(2);
        config.hls.segments = 3;
    });
    let mut clip = Clip::publish(&server, "live");
    clip.send_until(5.0);
    let segment = oldest(&text(server.http, "/live/media-cmaf.m3u8").await);
    for end in 3..8 {
        clip.send_until(f64::from(end) * 2.0 + 1.0);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let playlist = text(server.http, "/live/media-cmaf.m3u8").await;
    assert_ne!(oldest(&playlist), segment);
    let begun = Instant::now();
    while get(server.http, &segment).await.status == 200 {
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    // As long as itself and a playlist of at least three target durations with it.
    assert!(
        (6..15).contains(&begun.elapsed().as_secs()),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test]
async fn a_channel_that_nobody_asks_for_is_packaged_anew_later() {
    let server = start();
    server.configure(|config| config.hls.idle_stop = Duration::from_secs(1));
    let mut clip = Clip::publish(&server, "live");
    clip.send_until(5.0);
    let first = text(server.http, "/live/media-cmaf.m3u8").await;
    tokio::time::sleep(Duration::from_millis(3500)).await;
    assert_eq!(get(server.http, &oldest(&first)).await.status, 404);
    let again = text(server.http, "/live/media-cmaf.m3u8").await;
    assert_ne!(oldest(&again), oldest(&first));
    let tag = "#EXT-X-MEDIA-SEQUENCE:";
    assert!(number(&again, tag) > number(&first, tag) + 1, "{again}");
}

/// Waits until what packages the channel `live`, if anything does, is as `is_wanted` says.
async fn packaged(server: &Server, is_wanted: impl Fn(Option<&Packager>) -> bool) {
    let path = MediaPath::from_plain("live").unwrap();
    let newest = || server.hls.packagers.newest(&path, Rendition::Own);
    let wanted = async {
        while !is_wanted(newest().as_deref()) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let wanted = timeout(Duration::from_secs(20), wanted).await;
    wanted.expect("the packager as it is wanted");
}

#[tokio::test]
async fn a_channel_is_packaged_always_where_the_settings_say_so() {
    let server = start();
    server.configure(|config| {
        config.hls.package = Package::Always;
        config.hls.idle_stop = Duration::ZERO;
    });
    let mut clip = Clip::publish(&server, "live");
    clip.send_until(9.0);
    // Counts are told where idleness would be noticed.
    let has_begun =
        |packager: Option<&Packager>| packager.is_some_and(|one| one.counts().segments >= 4);
    packaged(&server, has_begun).await;
    let channel = server.mounts.list().pop().unwrap();
    assert_eq!(channel.readers(), 0, "nobody asks for it");
    clip.send_until(19.0);
    let goes_on =
        |packager: Option<&Packager>| packager.is_some_and(|one| one.counts().segments >= 9);
    packaged(&server, goes_on).await;
    server.configure(|config| config.hls.package = Package::OnDemand);
    packaged(&server, |packager| packager.is_none()).await;
}
