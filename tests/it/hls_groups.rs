//! Channels that are the variants of one program by HLS, each fed by an encoder of its own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use reelcast::base::path::MediaPath;
use reelcast::config::{Config, HlsGroup};
use reelcast::hls::packager::Rendition;
use reelcast::lint::finding::Findings;
use reelcast::lint::media::{Media, Segment};
use reelcast::lint::program::{self, Playlist};
use reelcast::lint::rule::Level;
use reelcast::lint::stream::Stream;
use tokio::time::{sleep, timeout};

use super::hls::{get, number, text};
use super::hls_dvr::{self, files, segments, wait};
use super::support::clip::Clip;
use super::support::server::Server;

/// A server with the group `tv` of the channels `hd` and `news/sd`.
fn start(change: fn(&mut Config)) -> Server {
    let movies = tempfile::tempdir().unwrap();
    Server::start(movies.path(), |config| {
        config.hls.target_duration = Duration::from_secs(2);
        config.hls.window = Duration::from_secs(60);
        config.hls.start_wait = Duration::from_secs(5);
        config.hls_groups = vec![group()];
        change(config);
    })
}

fn path(name: &str) -> MediaPath {
    MediaPath::from_plain(name).unwrap()
}

fn group() -> HlsGroup {
    HlsGroup {
        name: path("tv"),
        variants: vec![path("hd"), path("news/sd")],
    }
}

/// Publishes `name` as if its encoder had begun `seconds` after that of `other`.
fn publish_after(server: &Server, name: &str, other: &Clip, seconds: f64) -> Clip {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("movies/clock.mp4");
    Clip::publish_at(server, name, &file, other.at(seconds))
}

/// The media playlists of both variants, checked one by one and together, as a player gets them by `multivariant`.
async fn checked(server: &Server, multivariant: &str) -> Vec<Media> {
    let mut findings = Findings::default();
    let master = text(server.http, &format!("/tv/{multivariant}")).await;
    let Some(Playlist::Multivariant(master)) = program::read(master.as_bytes(), &mut findings)
    else {
        panic!("{master}");
    };
    let variants = master.variants.iter().map(|variant| variant.uri.clone());
    let uris: Vec<String> = variants.collect();
    let mut medias = Vec::new();
    for uri in &uris {
        let playlist = text(server.http, &format!("/tv/{uri}")).await;
        let own = format!("http://h/tv/{uri}");
        let others = uris.iter().filter(|other| *other != uri);
        let others: Vec<_> = others.map(|other| format!("http://h/tv/{other}")).collect();
        let others: Vec<_> = others.iter().map(String::as_str).collect();
        let read = Stream::default().playlist(
            playlist.as_bytes(),
            &own,
            &others,
            Duration::ZERO,
            &mut findings,
        );
        medias.push((uri.clone(), read.unwrap()));
    }
    let all: Vec<_> = medias
        .iter()
        .map(|(uri, media)| (uri.clone(), media))
        .collect();
    program::check("http://h/tv/index.m3u8", &master, &all, &mut findings);
    let told: Vec<_> = findings
        .into_iter()
        .filter(|finding| finding.rule.level != Level::Advice && finding.rule.name != "gap")
        .map(|finding| format!("{}: {}", finding.rule.name, finding.found))
        .collect();
    assert_eq!(told, [""; 0]);
    medias.into_iter().map(|(_, media)| media).collect()
}

/// Waits until a playlist tells of `what`.
async fn until_told(server: &Server, playlist: &str, what: &str) {
    let told = async {
        while !text(server.http, playlist).await.contains(what) {
            sleep(Duration::from_millis(50)).await;
        }
    };
    let told = timeout(Duration::from_secs(10), told).await;
    told.unwrap_or_else(|_| panic!("{playlist} does not tell of {what}"));
}

/// When a segment was captured, in seconds.
fn date(segment: &Segment) -> f64 {
    segment.date.unwrap().unix_timestamp_nanos() as f64 / 1e9
}

#[tokio::test]
async fn a_flavour_that_is_asked_for_later_has_all_variants_too() {
    let server = start(|config| config.hls.start_wait = Duration::from_millis(500));
    let mut hd = Clip::publish(&server, "hd");
    let mut sd = publish_after(&server, "news/sd", &hd, 0.0);
    hd.send_until(9.0);
    sd.send_until(9.0);
    text(server.http, "/tv/index.m3u8").await;
    sleep(Duration::from_millis(600)).await;
    let playlist = text(server.http, "/tv/ts.m3u8").await;
    for variant in ["\nhd/media-ts.m3u8\n", "\nnews/sd/media-ts.m3u8\n"] {
        assert!(playlist.contains(variant), "{playlist}");
    }
}

#[tokio::test]
async fn a_group_is_one_program_with_aligned_variants() {
    let server = start(|_| {});
    let mut hd = Clip::publish(&server, "hd");
    let mut sd = publish_after(&server, "news/sd", &hd, 0.7);
    hd.send_until(13.0);
    sd.send_until(14.0);
    for (master, media) in [
        ("index.m3u8", "media.m3u8"),
        ("cmaf.m3u8", "media-cmaf.m3u8"),
        ("ts.m3u8", "media-ts.m3u8"),
    ] {
        let playlist = text(server.http, &format!("/tv/{master}")).await;
        let hd = format!("\nhd/{media}\n");
        let sd = format!("\nnews/sd/{media}\n");
        assert!(
            playlist.contains(&hd) && playlist.contains(&sd),
            "{playlist}"
        );
        assert_eq!(playlist.matches("-STREAM-INF:").count(), 4, "{playlist}");
        assert!(playlist.contains("URI=\"news/sd/iframes"), "{playlist}");
        let medias = checked(&server, master).await;
        let [hd, sd] = medias.as_slice() else {
            panic!("{}", medias.len());
        };
        assert_eq!(hd.discontinuity_sequence, sd.discontinuity_sequence);
        let mut common = 0;
        for segment in &hd.segments {
            let same = sd
                .segments
                .iter()
                .find(|other| other.sequence == segment.sequence);
            let Some(same) = same else { continue };
            // The key frames of the other encoder come 0.7 s later.
            let later = date(same) - date(segment);
            assert!((later - 0.7).abs() < 0.002, "{later}");
            common += 1;
        }
        assert!(common >= 4, "{common}");
    }
    let playlist = text(server.http, "/tv/hd/media.m3u8").await;
    let report = "#EXT-X-RENDITION-REPORT:URI=\"../news/sd/media.m3u8\",LAST-MSN=";
    assert!(playlist.contains(report), "{playlist}");
    let playlist = text(server.http, "/tv/news/sd/media.m3u8").await;
    let report = "#EXT-X-RENDITION-REPORT:URI=\"../../hd/media.m3u8\",LAST-MSN=";
    assert!(playlist.contains(report), "{playlist}");
    let segment = playlist
        .lines()
        .find(|line| line.ends_with(".m4s"))
        .unwrap();
    let fetched = get(server.http, &format!("/tv/news/sd/{segment}")).await;
    assert_eq!(fetched.status, 200);
    assert_eq!(server.sessions.len(), 1, "one viewer, whatever the variant");
    // The channel by itself is what it was, on the same timeline, and knows of no others.
    let own = text(server.http, "/news/sd/media.m3u8").await;
    assert!(
        own.contains(segment) && !own.contains("RENDITION-REPORT"),
        "{own}"
    );
}

#[tokio::test]
async fn an_encoder_that_dies_leaves_its_own_variant() {
    let server = start(|_| {});
    let mut hd = Clip::publish(&server, "hd");
    let mut sd = publish_after(&server, "news/sd", &hd, 0.0);
    hd.send_until(9.0);
    sd.send_until(9.0);
    let both = text(server.http, "/tv/index.m3u8").await;
    assert_eq!(both.matches("#EXT-X-STREAM-INF").count(), 2, "{both}");
    let before = text(server.http, "/tv/news/sd/media.m3u8").await;
    let discontinuities = number(&before, "#EXT-X-DISCONTINUITY-SEQUENCE:");

    sd.stop();
    hd.send_until(25.0);
    until_told(&server, "/tv/news/sd/media.m3u8", "#EXT-X-GAP\n").await;
    let one = text(server.http, "/tv/index.m3u8").await;
    assert!(
        one.contains("\nhd/media.m3u8\n") && !one.contains("news/sd"),
        "{one}"
    );

    let mut sd = publish_after(&server, "news/sd", &hd, 26.0);
    hd.send_until(36.0);
    sd.send_until(9.5);
    until_told(&server, "/tv/index.m3u8", "news/sd").await;
    let playlist = text(server.http, "/tv/news/sd/media.m3u8").await;
    assert!(!playlist.contains("#EXT-X-DISCONTINUITY\n"), "{playlist}");
    assert_eq!(
        number(&playlist, "#EXT-X-DISCONTINUITY-SEQUENCE:"),
        discontinuities
    );
    let medias = checked(&server, "cmaf.m3u8").await;
    let begun = |media: &Media| {
        let mut newest = media.segments.iter().rev();
        let last = newest.find(|segment| !segment.gap).unwrap();
        (last.sequence, date(last))
    };
    let (hd, sd) = (begun(&medias[0]), begun(&medias[1]));
    let numbers = hd.0.abs_diff(sd.0) as f64;
    assert!(
        ((hd.1 - sd.1).abs() - 2.0 * numbers).abs() <= 1.0,
        "{hd:?} {sd:?}"
    );
}

#[tokio::test]
async fn a_variant_that_has_ended_is_no_end_of_the_program() {
    let server = start(|_| {});
    let mut hd = Clip::publish(&server, "hd");
    let mut sd = publish_after(&server, "news/sd", &hd, 0.0);
    hd.send_until(9.0);
    sd.send_until(9.0);
    assert_eq!(get(server.http, "/tv/index.m3u8").await.status, 200);
    sd.stop();
    let later = server.clock.now() + Duration::from_secs(3600);
    server.mounts.expire(later);
    assert_eq!(get(server.http, "/tv/news/sd/media.m3u8").await.status, 404);
    assert_eq!(get(server.http, "/tv/hd/media.m3u8").await.status, 200);
    hd.stop();
    server.mounts.expire(later);
    let ended = async {
        while !text(server.http, "/tv/hd/media-cmaf.m3u8")
            .await
            .ends_with("#EXT-X-ENDLIST\n")
        {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(Duration::from_secs(10), ended)
        .await
        .expect("the program is over");
    assert_eq!(get(server.http, "/tv/index.m3u8").await.status, 200);
}

#[tokio::test]
async fn groups_come_and_go_with_the_settings() {
    let server = start(|config| config.hls_groups.clear());
    let mut hd = Clip::publish(&server, "hd");
    hd.send_until(9.0);
    assert_eq!(get(server.http, "/tv/index.m3u8").await.status, 404);
    assert_eq!(get(server.http, "/hd/index.m3u8").await.status, 200);
    server.configure(|config| {
        config.hls_groups = vec![HlsGroup {
            name: path("tv"),
            variants: vec![path("hd"), path("other")],
        }];
    });
    let playlist = text(server.http, "/tv/index.m3u8").await;
    assert!(
        playlist.contains("\nhd/media.m3u8\n") && !playlist.contains("other"),
        "{playlist}"
    );
    assert_eq!(get(server.http, "/tv/hd/media.m3u8").await.status, 200);
    assert_eq!(get(server.http, "/tv/other/media.m3u8").await.status, 404);
    assert_eq!(get(server.http, "/tv/media.m3u8").await.status, 404);
}

#[tokio::test]
async fn a_group_has_a_page_and_is_listed() {
    let server = start(|_| {});
    let page = text(server.http, "/tv?json").await;
    assert!(page.contains("\"presence\":\"idle\""), "{page}");
    let mut hd = Clip::publish(&server, "hd");
    hd.send_until(3.0);
    let page = text(server.http, "/tv?json").await;
    for told in [
        "\"presence\":\"live\"",
        "\"url\":\"/tv/index.m3u8\"",
        "\"H.264\"",
        "\"AAC\"",
    ] {
        assert!(page.contains(told), "{told}: {page}");
    }
    let list = text(server.http, "/?json").await;
    assert!(
        list.contains("\"name\":\"tv\"") && list.contains("\"name\":\"hd\""),
        "{list}"
    );
}

#[tokio::test]
async fn players_go_back_on_every_variant() {
    let state = tempfile::tempdir().unwrap();
    let server = hls_dvr::start(state.path(), Duration::from_secs(900), |config| {
        config.hls_groups = vec![group()];
    });
    let mut hd = Clip::publish(&server, "hd");
    let mut sd = publish_after(&server, "news/sd", &hd, 0.7);
    for end in (5..=60_u32).step_by(5) {
        hd.send_until(end.into());
        sd.send_until(end.into());
        let offered = Duration::from_secs(u64::from(end - 5));
        let newest = |name| server.hls.packagers.newest(&path(name), Rendition::Own);
        let is_there = |name| newest(name).is_some_and(|one| one.time() >= offered);
        wait(|| is_there("hd") && is_there("news/sd")).await;
    }
    wait(|| files(state.path()) >= 48).await;
    let medias = checked(&server, "cmaf.m3u8").await;
    let [hd, sd] = medias.as_slice() else {
        panic!("{}", medias.len());
    };
    assert!(hd.segments.len() >= 26 && sd.segments.len() >= 26);
    for segment in &hd.segments {
        let is_same = |other: &&Segment| other.sequence == segment.sequence;
        let same = sd.segments.iter().find(is_same);
        let later = same.map_or(0.7, |same| date(same) - date(segment));
        assert!((later - 0.7).abs() < 0.002, "{later}");
    }
    for variant in ["hd", "news/sd"] {
        for media in ["media-cmaf.m3u8", "media-ts.m3u8", "iframes.m3u8"] {
            let playlist = text(server.http, &format!("/tv/{variant}/{media}")).await;
            for name in segments(&playlist) {
                let segment = get(server.http, &format!("/tv/{variant}/{name}")).await;
                assert_eq!(segment.status, 200, "{variant}/{name}");
            }
        }
    }
}

/// The clip with its sound in AC-3, which only some players know; `None` where there is no ffmpeg.
pub(super) fn in_ac3(folder: &Path) -> Option<PathBuf> {
    let clip = Path::new(env!("CARGO_MANIFEST_DIR")).join("movies/clock.mp4");
    let file = folder.join("ac3.mp4");
    let mut made = Command::new("ffmpeg");
    made.args(["-v", "error", "-nostdin", "-i"]).arg(clip);
    made.args(["-c:v", "copy", "-c:a", "ac3"]).arg(&file);
    match made.status() {
        Ok(status) => {
            assert!(status.success());
            Some(file)
        }
        Err(_) => {
            println!("skipped: ffmpeg is not installed");
            None
        }
    }
}

/// What some players do not know is encoded for them, which takes its time.
fn in_other_formats(config: &mut Config) {
    config.hls.compat = true;
    config.hls.start_wait = Duration::from_secs(30);
}

#[tokio::test]
async fn variants_are_offered_in_other_formats_where_some_players_know_none_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let Some(ac3) = in_ac3(folder.path()) else {
        return;
    };
    let server = start(in_other_formats);
    let begun = server.clock.now();
    let mut hd = Clip::publish_at(&server, "hd", &ac3, begun);
    let mut sd = Clip::publish_at(&server, "news/sd", &ac3, begun);
    hd.send_until(9.0);
    sd.send_until(9.0);
    let playlist = text(server.http, "/tv/cmaf.m3u8").await;
    let offered: Vec<_> = segments(&playlist);
    let expected = [
        "hd/media-cmaf.m3u8",
        "news/sd/media-cmaf.m3u8",
        "hd/compat-cmaf.m3u8",
        "news/sd/compat-cmaf.m3u8",
    ];
    assert_eq!(offered, expected, "{playlist}");
    text(server.http, "/tv/hd/compat-cmaf.m3u8").await;
    let medias = checked(&server, "cmaf.m3u8").await;
    let [own, other] = [&medias[0], &medias[2]];
    let mut common = 0;
    for segment in &own.segments {
        let is_same = |other: &&Segment| other.sequence == segment.sequence;
        if let Some(same) = other.segments.iter().find(is_same) {
            assert!((date(same) - date(segment)).abs() < 0.002);
            common += 1;
        }
    }
    assert!(common >= 2, "{common}");
    let playlist = text(server.http, "/tv/hd/media.m3u8").await;
    let report = "#EXT-X-RENDITION-REPORT:URI=\"compat.m3u8\",LAST-MSN=";
    assert!(playlist.contains(report), "{playlist}");

    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("movies/clock.mp4");
    let mut common = Clip::publish_at(&server, "hd", &file, hd.at(10.0));
    common.send_until(9.0);
    let told = async {
        while text(server.http, "/tv/cmaf.m3u8").await.contains("compat") {
            sleep(Duration::from_millis(50)).await;
        }
    };
    let told = timeout(Duration::from_secs(30), told).await;
    told.expect("every player knows one of them now");
}

#[tokio::test]
async fn a_channel_in_other_formats_is_cut_as_it_is_in_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let Some(ac3) = in_ac3(folder.path()) else {
        return;
    };
    let server = start(|config| {
        in_other_formats(config);
        config.hls_groups = Vec::new();
    });
    let mut own = Clip::publish_at(&server, "hd", &ac3, server.clock.now());
    own.send_until(9.0);
    let playlist = text(server.http, "/hd/cmaf.m3u8").await;
    let offered = ["media-cmaf.m3u8", "compat-cmaf.m3u8"];
    assert_eq!(segments(&playlist), offered, "{playlist}");
    let mut medias = Vec::new();
    for name in offered {
        let playlist = text(server.http, &format!("/hd/{name}")).await;
        let mut findings = Findings::default();
        let url = format!("http://h/hd/{name}");
        let bytes = playlist.as_bytes();
        let read = Stream::default().playlist(bytes, &url, &[], Duration::ZERO, &mut findings);
        medias.push(read.unwrap());
    }
    let [own, other] = [&medias[0], &medias[1]];
    assert_eq!(own.discontinuity_sequence, other.discontinuity_sequence);
    let mut common = 0;
    for segment in &own.segments {
        let is_same = |other: &&Segment| other.sequence == segment.sequence;
        if let Some(same) = other.segments.iter().find(is_same) {
            assert!((date(same) - date(segment)).abs() < 0.002);
            assert!((same.duration - segment.duration).abs() < 0.1);
            common += 1;
        }
    }
    assert!(common >= 2, "{common}");
    for (name, other) in [("media", "compat"), ("compat", "media")] {
        let playlist = text(server.http, &format!("/hd/{name}.m3u8")).await;
        let report = format!("#EXT-X-RENDITION-REPORT:URI=\"{other}.m3u8\",LAST-MSN=");
        assert_eq!(playlist.matches(&report).count(), 1, "{playlist}");
        let reports = playlist.matches("#EXT-X-RENDITION-REPORT").count();
        assert_eq!(reports, 1, "{playlist}");
    }
}
