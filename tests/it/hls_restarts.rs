//! What of a channel goes on by HLS when it is packaged anew: after a restart, when nobody watched, and as another variant.

use std::path::Path;
use std::time::Duration;

use reelcast::base::path::MediaPath;
use reelcast::config::{Config, HlsGroup};
use reelcast::hls::object::Flavour;
use reelcast::hls::packager::{Directives, NoPlaylist, Rendition};
use reelcast::hls::progress::Wanted;

use super::hls::{get, number, text};
use super::hls_dvr::{clock, packager, segments, wait};
use super::support::clip::Clip;
use super::support::movies::clips;
use super::support::server::Server;

fn start(state: &Path, change: impl FnOnce(&mut Config)) -> Server {
    Server::start(Path::new("no movies"), |config| {
        config.server.state = state.to_owned();
        config.hls.target_duration = Duration::from_secs(2);
        config.hls.window = Duration::from_secs(60);
        config.hls.start_wait = Duration::from_secs(5);
        change(config);
    })
}

fn path(name: &str) -> MediaPath {
    MediaPath::from_plain(name).unwrap()
}

/// The first number of a playlist, and the one after its last.
async fn numbers(server: &Server, playlist: &str) -> (u64, u64) {
    let playlist = text(server.http, playlist).await;
    let first = number(&playlist, "#EXT-X-MEDIA-SEQUENCE:");
    let listed = playlist.lines().filter(|line| line.starts_with("#EXTINF:"));
    (first, first + listed.count() as u64)
}

const LISTS: [&str; 3] = ["media.m3u8", "media-cmaf.m3u8", "iframes.m3u8"];

/// The same of the channel's lists.
async fn all_numbers(server: &Server, channel: &str) -> Vec<(u64, u64)> {
    let mut all = Vec::new();
    for list in LISTS {
        all.push(numbers(server, &format!("/{channel}/{list}")).await);
    }
    all
}

/// Numbers go on behind those before: the segment that was being made then had one, too.
fn assert_going_on(before: &[(u64, u64)], after: &[(u64, u64)], most: u64) {
    for ((list, (_, next)), (first, _)) in LISTS.iter().zip(before).zip(after) {
        assert!(
            (*next..=next + most).contains(first),
            "{list}: {next} {first}"
        );
    }
}

/// Publishes the clip `seconds` after the server's begin, until nine seconds of it are sent.
fn publish(server: &Server, name: &str, seconds: u64) -> Clip {
    let begin = server.clock.now() + Duration::from_secs(seconds);
    let mut clip = Clip::publish_at(server, name, &clock(), begin);
    clip.send_until(9.0);
    clip
}

#[tokio::test]
async fn numbers_go_on_after_a_restart() {
    let state = tempfile::tempdir().unwrap();
    let mut before = Vec::new();
    for round in 0..3 {
        let server = start(state.path(), |_| {});
        let _clip = publish(&server, "live", 20 * round);
        let after = all_numbers(&server, "live").await;
        assert_going_on(&before, &after, 1);
        before = after;
        server.hls.stop().await;
    }
}

#[tokio::test]
async fn numbers_do_not_go_back_when_the_server_is_killed() {
    let state = tempfile::tempdir().unwrap();
    let server = start(state.path(), |_| {});
    let _clip = publish(&server, "live", 0);
    let before = all_numbers(&server, "live").await;
    let file = state.path().join("numbers");
    wait(|| file.exists()).await;
    // What is on disk while it runs is what a kill leaves.
    let left = tempfile::tempdir().unwrap();
    std::fs::copy(file, left.path().join("numbers")).unwrap();
    let server = start(left.path(), |_| {});
    let _clip = publish(&server, "live", 20);
    assert_going_on(&before, &all_numbers(&server, "live").await, 40);
}

#[tokio::test]
async fn numbers_go_on_when_nobody_watched_for_a_while() {
    let state = tempfile::tempdir().unwrap();
    let server = start(state.path(), |config| {
        config.hls.idle_stop = Duration::from_secs(1);
    });
    let mut clip = publish(&server, "live", 0);
    let before = all_numbers(&server, "live").await;
    let newest = || server.hls.packagers.newest(&path("live"), Rendition::Own);
    wait(|| newest().is_none()).await;
    clip.send_until(18.0);
    assert_going_on(&before, &all_numbers(&server, "live").await, 1);
}

fn group() -> HlsGroup {
    HlsGroup {
        name: path("tv"),
        variants: ["hd", "news/sd", "never"].map(path).to_vec(),
    }
}

#[tokio::test]
async fn numbers_of_a_group_go_on_after_a_restart() {
    let state = tempfile::tempdir().unwrap();
    let mut before = [Vec::new(), Vec::new()];
    for round in 0..2 {
        let server = start(state.path(), |config| config.hls_groups = vec![group()]);
        let _hd = publish(&server, "hd", 20 * round);
        let _sd = publish(&server, "news/sd", 20 * round);
        text(server.http, "/tv/index.m3u8").await;
        for (name, before) in ["hd", "news/sd"].into_iter().zip(&mut before) {
            let after = all_numbers(&server, name).await;
            assert_going_on(before, &after, 1);
            *before = after;
        }
        server.hls.stop().await;
    }
}

#[tokio::test]
async fn a_channel_that_becomes_a_variant_goes_on() {
    let state = tempfile::tempdir().unwrap();
    let server = start(state.path(), |_| {});
    let mut hd = publish(&server, "hd", 0);
    let before = all_numbers(&server, "hd").await;
    let playlist = text(server.http, "/hd/media-cmaf.m3u8").await;
    let segment = format!("/hd/{}", segments(&playlist)[0]);
    server.configure(|config| config.hls_groups = vec![group()]);
    // It leaves off, and the new one begins behind it.
    assert!(text(server.http, "/tv/index.m3u8").await.contains("hd/"));
    assert_going_on(&before, &all_numbers(&server, "hd").await, 1);
    hd.send_until(18.0);
    let (_, before) = before[1];
    let (_, after) = numbers(&server, "/hd/media-cmaf.m3u8").await;
    assert!(after > before + 2, "{after} {before}");
    // Its segments stay for who knows of them.
    assert_eq!(get(server.http, &segment).await.status, 200);
}

/// Asks for the segment of that number.
fn wanted(sequence: u64) -> Directives {
    Directives {
        wanted: Some(Wanted {
            sequence,
            part: None,
        }),
        skip: None,
    }
}

/// Publishes sound alone in the place of a clip, ten seconds after its begin.
fn replace(server: &Server, name: &str, clip: &Clip) -> Clip {
    Clip::publish_at(server, name, &clips().join("tone.m4a"), clip.at(10.0))
}

#[tokio::test]
async fn a_channel_goes_on_with_other_tracks() {
    let state = tempfile::tempdir().unwrap();
    let server = start(state.path(), |_| {});
    let clip = publish(&server, "live", 0);
    let list = "/live/media.m3u8";
    let (_, next) = numbers(&server, list).await;
    let before = text(server.http, list).await;
    let old = packager(&server).await;
    let flavour = Flavour::LowLatency;
    // The segment that is being made ends, and who waits for the one after it is told to come again.
    let waiting = old.media(0, flavour, wanted(next + 1), Duration::ZERO);
    let (waited, mut other) = tokio::join!(waiting, async { replace(&server, "live", &clip) });
    assert_eq!(waited.err(), Some(NoPlaylist::Late));
    let last = old.media(0, flavour, Directives::default(), Duration::ZERO);
    let last = String::from_utf8(last.await.unwrap().plain().to_vec()).unwrap();
    assert!(!last.contains("#EXT-X-ENDLIST"), "{last}");
    other.send_until(9.0);
    let after = text(server.http, &format!("{list}?_HLS_msn={}", next + 1)).await;
    let first = number(&after, "#EXT-X-MEDIA-SEQUENCE:");
    assert!((next..=next + 1).contains(&first), "{next} {after}");
    assert_eq!(
        after.matches("#EXT-X-DISCONTINUITY\n").count(),
        1,
        "{after}"
    );
    let (_, begun) = after.split_once("#EXT-X-DISCONTINUITY\n").unwrap();
    assert_eq!(segments(begun), segments(&after), "it is before the first");
    let count = |playlist: &str| number(playlist, "#EXT-X-DISCONTINUITY-SEQUENCE:");
    assert_eq!(count(&after), count(&before));
    // What was there before stays for who knows of it.
    let segment = format!("/live/{}", segments(&before)[0]);
    assert_eq!(get(server.http, &segment).await.status, 200);
}

#[tokio::test]
async fn a_variant_goes_on_with_other_tracks() {
    let state = tempfile::tempdir().unwrap();
    let server = start(state.path(), |config| config.hls_groups = vec![group()]);
    let mut hd = publish(&server, "hd", 0);
    let sd = publish(&server, "news/sd", 0);
    let playlist = text(server.http, "/tv/cmaf.m3u8").await;
    assert!(playlist.contains("hd/") && playlist.contains("news/sd/"));
    let (_, before) = numbers(&server, "/tv/news/sd/media-cmaf.m3u8").await;
    let path = path("news/sd");
    let old = server.hls.packagers.newest(&path, Rendition::Own).unwrap();
    let waiting = old.media(0, Flavour::Cmaf, wanted(before + 1), Duration::ZERO);
    let (waited, mut sd) = tokio::join!(waiting, async { replace(&server, "news/sd", &sd) });
    assert_eq!(waited.err(), Some(NoPlaylist::Late));
    for end in 1..=10 {
        hd.send_until(9.0 + f64::from(end));
        sd.send_until(f64::from(end));
    }
    let after = text(server.http, "/tv/news/sd/media-cmaf.m3u8").await;
    let first = number(&after, "#EXT-X-MEDIA-SEQUENCE:");
    assert!(first >= before, "{before} {after}");
    // All variants have the discontinuity, at the same number.
    let (_, begun) = after.split_once("#EXT-X-DISCONTINUITY\n").unwrap();
    assert_eq!(segments(begun), segments(&after));
    let other = text(server.http, "/tv/hd/media-cmaf.m3u8").await;
    let (earlier, _) = other.split_once("#EXT-X-DISCONTINUITY\n").unwrap();
    let begin = number(&other, "#EXT-X-MEDIA-SEQUENCE:");
    assert_eq!(begin + segments(earlier).len() as u64, first, "{other}");
    let count = |playlist: &str| number(playlist, "#EXT-X-DISCONTINUITY-SEQUENCE:");
    assert_eq!(count(&other), count(&after));
}
