//! What answers by HLS tell players and caches beside playlists and media.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use reelcast::hls::object::Flavour;
use reelcast::hls::packager::{Directives, NoPlaylist};
use reelcast::hls::progress::Wanted;

use super::access::HA1;
use super::hls::{Answer, ask, get, number, text};
use super::hls_dvr::{packager, segments};
use super::support::clip::Clip;
use super::support::movies::clips;
use super::support::server::Server;

fn start() -> Server {
    let movies = tempfile::tempdir().unwrap();
    Server::start(movies.path(), |config| {
        config.hls.target_duration = Duration::from_secs(2);
        config.hls.window = Duration::from_secs(20);
        config.hls.start_wait = Duration::from_secs(5);
    })
}

/// The last line of a playlist that names something, below the folder of `channel`.
fn newest(playlist: &str, channel: &str) -> String {
    let mut lines = playlist.lines().rev();
    let name = lines.find(|line| !line.starts_with('#') && !line.is_empty());
    format!("/{channel}/{}", name.unwrap())
}

#[tokio::test]
async fn a_playlist_by_another_name_is_packed_and_tagged_too() {
    let server = start();
    let mut clip = Clip::publish(&server, "live");
    clip.send_until(5.0);
    let inside = get(server.http, "/live/index.m3u8").await;
    let beside = get(server.http, "/live.m3u8").await;
    assert!(beside.text().contains("\n./live/media.m3u8\n"));
    let tag = beside.header("etag").unwrap().to_owned();
    assert_ne!(inside.header("etag"), Some(tag.as_str()));
    let packed = ask(
        server.http,
        "GET",
        "/live.m3u8",
        "Accept-Encoding: gzip\r\n",
    )
    .await;
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    assert_eq!(packed.body[..2], [0x1f, 0x8b]);
    let known = format!("If-None-Match: {tag}\r\n");
    let same = ask(server.http, "GET", "/live.m3u8", &known).await;
    assert_eq!((same.status, same.body.len()), (304, 0));
}

/// A folder `folder` of movies with the movie `film`, and two channels in it that are called as playlists are.
async fn start_beside(folder: &str) -> (tempfile::TempDir, Server, [Clip; 2]) {
    let movies = tempfile::tempdir().unwrap();
    std::fs::create_dir(movies.path().join(folder)).unwrap();
    let film = movies.path().join(folder).join("film");
    std::fs::copy(clips().join("clock.mp4"), film).unwrap();
    let users = movies.path().join("qtusers");
    std::fs::write(&users, format!("realm Films\nann:x:{HA1}\n")).unwrap();
    let server = Server::start(movies.path(), |config| {
        config.access.users = vec![users];
        config.hls.target_duration = Duration::from_secs(2);
    });
    let publish = |name: &str| {
        let mut clip = Clip::publish(&server, &format!("{folder}/{name}"));
        clip.send_until(5.0);
        clip
    };
    let clips = [publish("ts"), publish("film/media")];
    (movies, server, clips)
}

#[tokio::test]
async fn what_is_called_as_a_playlist_is_played_where_nothing_has_the_shorter_name() {
    let (_movies, server, _clips) = start_beside("studio").await;
    let beside = text(server.http, "/studio/ts.m3u8").await;
    assert!(beside.contains("\n./ts/media.m3u8\n"), "{beside}");
    // The movie has such a playlist itself.
    let of_movie = text(server.http, "/studio/film/media.m3u8").await;
    assert!(of_movie.contains("#EXT-X-ENDLIST"), "{of_movie}");
    let _studio = Clip::publish(&server, "studio");
    let waited = get(server.http, "/studio/ts.m3u8").await;
    assert_eq!(waited.status, 503, "the channel has sent nothing yet");
    for nothing in ["/studio/cmaf.m3u8", "/studio/cmaf/ts.m3u8"] {
        let asked = get(server.http, nothing).await;
        assert_ne!(asked.status, 200, "{nothing}");
    }
}

#[tokio::test]
async fn what_is_called_as_a_playlist_is_guarded_by_its_own_rules() {
    let (movies, server, _clips) = start_beside("studio").await;
    let folder = movies.path().join("studio/ts");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("qtaccess"), "require user ann").unwrap();
    let guarded = get(server.http, "/studio/ts.m3u8").await;
    assert_eq!(guarded.status, 401);
    std::fs::write(folder.join("qtaccess"), "require any-user").unwrap();
    let rules = movies.path().join("studio/qtaccess");
    std::fs::write(rules, "require user ann").unwrap();
    sleep(Duration::from_millis(1100)).await;
    for (target, status) in [
        ("/studio/ts.m3u8", 200),
        ("/studio/ts/index.m3u8", 200),
        ("/studio/film.m3u8", 401),
        ("/studio/cmaf.m3u8", 401),
    ] {
        assert_eq!(get(server.http, target).await.status, status, "{target}");
    }
}

#[tokio::test]
async fn answers_vary_by_what_they_depend_on_alone() {
    let server = start();
    let mut clip = Clip::publish(&server, "live");
    clip.send_until(5.0);
    let segment = newest(&text(server.http, "/live/media.m3u8").await, "live");
    let varies = async |target: &str, headers: &str| {
        let answer = ask(server.http, "GET", target, headers).await;
        let fields = answer.all("vary");
        assert!(fields.len() < 2, "{fields:?}");
        (answer.status, fields.concat())
    };
    let program = "/live/index.m3u8";
    for (target, fields) in [
        (program, "accept-encoding, user-agent"),
        ("/live/cmaf.m3u8", "accept-encoding"),
        ("/live/media.m3u8", "accept-encoding"),
        (&segment, ""),
    ] {
        assert_eq!(varies(target, "").await.1, fields, "{target}");
        let packed = varies(target, "Accept-Encoding: gzip\r\n").await;
        assert_eq!(packed.1, fields, "{target}");
    }
    let tag = get(server.http, program).await;
    let known = format!("If-None-Match: {}\r\n", tag.header("etag").unwrap());
    let fields = "accept-encoding, user-agent".to_owned();
    assert_eq!(varies(program, &known).await, (304, fields));

    let origin = "https://player.example".to_owned();
    server.configure(|config| config.http.origins = vec![origin]);
    let fields = "accept-encoding, user-agent, origin".to_owned();
    assert_eq!(varies(program, "").await, (200, fields));
    assert_eq!(varies(&segment, "").await, (200, "origin".to_owned()));
}

#[tokio::test]
async fn refusals_are_believed_for_a_moment() {
    let server = start();
    let mut clip = Clip::publish(&server, "live");
    clip.send_until(5.0);
    text(server.http, "/live/media.m3u8").await;
    for (target, status) in [
        ("/live/media.m3u8?_HLS_part=1", 400),
        ("/live/media.m3u8?_HLS_msn=9999999999", 400),
        ("/live/audio7.m3u8", 404),
    ] {
        let refused = get(server.http, target).await;
        assert_eq!(refused.status, status, "{target}");
        assert_eq!(
            refused.header("cache-control"),
            Some("max-age=1"),
            "{target}"
        );
    }
}

#[tokio::test]
async fn what_never_changes_tells_since_when_it_is_there() {
    let server = start();
    let mut clip = Clip::publish(&server, "live");
    clip.send_until(5.0);
    let since = |answer: &Answer| {
        let modified = answer.header("last-modified").unwrap();
        format!("If-Modified-Since: {modified}\r\n")
    };
    let media = "/live/media-cmaf.m3u8";
    let playlist = get(server.http, media).await;
    let segment = newest(playlist.text(), "live");
    let known = since(&get(server.http, &segment).await);
    assert_eq!(ask(server.http, "GET", &segment, &known).await.status, 304);
    let other = format!("{known}If-None-Match: \"other\"\r\n");
    assert_eq!(ask(server.http, "GET", &segment, &other).await.status, 200);
    let long_ago = "If-Modified-Since: Sat, 21 Nov 2020 00:00:00 GMT\r\n";
    assert_eq!(
        ask(server.http, "GET", &segment, long_ago).await.status,
        200
    );
    // Of what may change twice in a second only the tag tells.
    let again = ask(server.http, "GET", media, &since(&playlist)).await;
    assert_eq!(again.status, 200);
}

#[tokio::test]
async fn sound_alone_is_told_as_sound() {
    let server = start();
    let begin = server.clock.now();
    let mut clip = Clip::publish_at(&server, "radio", &clips().join("tone.m4a"), begin);
    clip.send_until(9.0);
    let playlist = text(server.http, "/radio/media-cmaf.m3u8").await;
    let (_, map) = playlist.split_once("#EXT-X-MAP:URI=\"").unwrap();
    let map = format!("/radio/{}", map.split('"').next().unwrap());
    for target in [map, newest(&playlist, "radio")] {
        let answer = get(server.http, &target).await;
        assert_eq!(answer.header("content-type"), Some("audio/mp4"), "{target}");
    }
}

/// When the first sample of a segment is decoded, in ticks of its track (ISO/IEC 14496-12, 8.8.12).
fn decode_time(segment: &[u8]) -> u64 {
    let at = segment.windows(4).position(|four| four == b"tfdt").unwrap();
    assert_eq!(segment[at + 4], 1, "the version with 64 bits");
    u64::from_be_bytes(segment[at + 8..at + 16].try_into().unwrap())
}

/// When the first and the newest segment of the channel are decoded, and the number of discontinuities.
async fn times(server: &Server) -> [u64; 3] {
    let playlist = text(server.http, "/live/media-cmaf.m3u8").await;
    let first = playlist.lines().find(|line| line.ends_with(".m4s"));
    let first = format!("/live/{}", first.unwrap());
    let newest = newest(&playlist, "live");
    let discontinuities = number(&playlist, "#EXT-X-DISCONTINUITY-SEQUENCE:");
    let [first, newest] = [first, newest].map(async |target| {
        let segment = get(server.http, &target).await;
        decode_time(&segment.body)
    });
    [first.await, newest.await, discontinuities]
}

/// The media playlist of the channel once it tells of so many discontinuities, and the number of the last.
async fn broken(server: &Server, count: usize) -> u64 {
    let mark = "#EXT-X-DISCONTINUITY\n";
    let told = async {
        loop {
            let playlist = text(server.http, "/live/media.m3u8").await;
            if playlist.matches(mark).count() >= count {
                return playlist;
            }
            sleep(Duration::from_millis(50)).await;
        }
    };
    let playlist = timeout(Duration::from_secs(30), told).await.unwrap();
    let before = number(&playlist, "#EXT-X-DISCONTINUITY-SEQUENCE:");
    before + playlist.matches(mark).count() as u64
}

#[tokio::test]
async fn discontinuities_are_counted_on_after_a_restart() {
    let state = tempfile::tempdir().unwrap();
    let start = || {
        Server::start(state.path(), |config| {
            config.server.state = state.path().to_owned();
            config.hls.target_duration = Duration::from_secs(2);
            config.hls.window = Duration::from_secs(60);
            config.hls.start_wait = Duration::from_secs(5);
        })
    };
    let server = start();
    let mut clip = Clip::publish(&server, "live");
    clip.send_until(3.0);
    let first = broken(&server, 0).await;
    for count in 1..=2 {
        // It comes back after a while in which there was nothing.
        let again = clip.at(14.0);
        clip.stop();
        clip = Clip::publish_at(&server, "live", &clips().join("clock.mp4"), again);
        clip.send_until(3.0);
        broken(&server, count).await;
    }
    let last = broken(&server, 2).await;
    assert_eq!(last, first + 2);
    server.hls.stop().await;
    drop(server);
    let server = start();
    let mut clip = Clip::publish(&server, "live");
    clip.send_until(3.0);
    assert_eq!(broken(&server, 0).await, last);
}

#[tokio::test]
async fn after_a_restart_a_channel_goes_on_with_later_times() {
    let server = start();
    let mut clip = Clip::publish(&server, "live");
    clip.send_until(9.0);
    let [_, before, discontinuities] = times(&server).await;
    drop(server);
    let server = start();
    // As if the server had been away for a while.
    let begin = server.clock.now() + Duration::from_secs(20);
    let file = clips().join("clock.mp4");
    let mut clip = Clip::publish_at(&server, "live", &file, begin);
    clip.send_until(9.0);
    let [after, _, now] = times(&server).await;
    assert!(after > before, "{after} {before}");
    assert!(now >= discontinuities);
}

#[tokio::test]
async fn a_server_that_stops_does_not_end_playlists() {
    let server = start();
    let mut clip = Clip::publish(&server, "live");
    clip.send_until(9.0);
    let playlist = text(server.http, "/live/media.m3u8").await;
    let first = number(&playlist, "#EXT-X-MEDIA-SEQUENCE:");
    let next = Directives {
        wanted: Some(Wanted {
            sequence: first + segments(&playlist).len() as u64,
            part: None,
        }),
        skip: None,
    };
    let packager = packager(&server).await;
    let flavour = Flavour::LowLatency;
    let waiting = packager.media(0, flavour, next, Duration::ZERO);
    let (waited, ()) = tokio::join!(waiting, async { server.mounts.stop() });
    assert_eq!(waited.err(), Some(NoPlaylist::Late));
    let last = packager.media(0, flavour, Directives::default(), Duration::ZERO);
    let last = last.await.unwrap();
    assert!(!last.plain().ends_with(b"#EXT-X-ENDLIST\n"));
}
