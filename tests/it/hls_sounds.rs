//! A live channel with several sounds by HLS: each is a playlist, and all are cut alike.

use std::time::Duration;

use reelcast::config::{Config, Method};

use super::hls::{get, text};
use super::hls_groups::in_ac3;
use super::support::clip::Clip;
use super::support::server::Server;

fn start(change: fn(&mut Config)) -> Server {
    let movies = tempfile::tempdir().unwrap();
    Server::start(movies.path(), |config| {
        config.hls.target_duration = Duration::from_secs(2);
        config.hls.start_wait = Duration::from_secs(5);
        change(config);
    })
}

/// The lines of a playlist that must be the same in all renditions.
fn cuts(playlist: &str) -> Vec<&str> {
    let tags = [
        "#EXTINF",
        "#EXT-X-MEDIA-SEQUENCE",
        "#EXT-X-DISCONTINUITY",
        "#EXT-X-PROGRAM",
    ];
    let is_cut = |line: &&str| tags.iter().any(|tag| line.starts_with(tag));
    playlist.lines().filter(is_cut).collect()
}

fn parts(playlist: &str) -> Vec<&str> {
    let parts = playlist
        .lines()
        .filter(|line| line.starts_with("#EXT-X-PART:"));
    parts.map(|line| line.split_once(',').unwrap().0).collect()
}

fn uris(playlist: &str) -> Vec<&str> {
    let quoted = playlist.lines().filter_map(|line| {
        let is_told = !line.starts_with("#EXT-X-PRELOAD") && !line.starts_with("#EXT-X-REND");
        is_told.then(|| Some(line.split_once("URI=\"")?.1.split_once('"')?.0))?
    });
    let plain = playlist.lines().filter(|line| !line.starts_with('#'));
    plain.chain(quoted).collect()
}

#[tokio::test]
async fn all_sounds_are_told_of_before_any_can_be_heard() {
    let server = start(|_| {});
    let mut clip = Clip::publish_in(&server, "tv", &["deu", "fra"]);
    clip.send_until(0.8);
    for (multivariant, ending) in [("index", ""), ("cmaf", "-cmaf"), ("ts", "-ts")] {
        let playlist = text(server.http, &format!("/tv/{multivariant}.m3u8")).await;
        for (number, language) in [(1, "deu"), (2, "fra")] {
            let sound = format!(
                "LANGUAGE=\"{language}\",CHANNELS=\"2\",URI=\"audio{number}{ending}.m3u8\"\n"
            );
            assert!(playlist.contains(&sound), "{playlist}");
        }
        assert!(playlist.contains(",mp4a.40.2\""), "{playlist}");
    }
    clip.send_until(9.5);
    let sound = text(server.http, "/tv/audio2-ts.m3u8").await;
    assert!(cuts(&sound).len() > 5, "{sound}");
}

#[tokio::test]
async fn sounds_are_playlists_of_their_own_that_are_cut_alike() {
    let server = start(|_| {});
    let mut clip = Clip::publish_in(&server, "tv", &["deu", "fra"]);
    clip.send_until(9.5);
    for (multivariant, ending) in [("index", ""), ("cmaf", "-cmaf"), ("ts", "-ts")] {
        let playlist = text(server.http, &format!("/tv/{multivariant}.m3u8")).await;
        for (number, language) in [(1, "deu"), (2, "fra")] {
            let default = if number == 1 { "YES" } else { "NO" };
            let line = format!(
                "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio\",NAME=\"{language} {number}\",DEFAULT={default},\
                 AUTOSELECT=YES,LANGUAGE=\"{language}\",CHANNELS=\"2\",URI=\"audio{number}{ending}.m3u8\"\n"
            );
            assert!(playlist.contains(&line), "{playlist}");
        }
        assert!(playlist.contains(",mp4a.40.2\""), "{playlist}");
        assert!(playlist.contains(",AUDIO=\"audio\"\n"), "{playlist}");
        let media = text(server.http, &format!("/tv/media{ending}.m3u8")).await;
        assert!(cuts(&media).len() > 5, "{media}");
        for number in 1..=2 {
            let sound = text(server.http, &format!("/tv/audio{number}{ending}.m3u8")).await;
            assert_eq!(cuts(&sound), cuts(&media), "{sound}");
            assert_eq!(parts(&sound), parts(&media), "{sound}");
            for uri in uris(&sound) {
                let answer = get(server.http, &format!("/tv/{uri}")).await;
                assert_eq!(answer.status, 200, "{uri}");
                assert!(!answer.body.is_empty(), "{uri}");
            }
        }
        let other = get(server.http, &format!("/tv/audio3{ending}.m3u8")).await;
        assert_eq!(other.status, 404);
    }
}

#[tokio::test]
async fn each_rendition_reports_how_far_the_others_are() {
    let server = start(|_| {});
    let mut clip = Clip::publish_in(&server, "tv", &["deu", "fra"]);
    clip.send_until(9.5);
    let main = text(server.http, "/tv/media.m3u8").await;
    let hint = main.lines().find(|line| line.starts_with("#EXT-X-PRELOAD"));
    let (_, next) = hint.unwrap().rsplit_once('-').unwrap();
    let (sequence, part) = next
        .strip_suffix(".m4s\"")
        .unwrap()
        .split_once('.')
        .unwrap();
    let part: u32 = part.parse().unwrap();
    assert!(part > 0, "{main}");
    let reported = |uri: &str| {
        let last = part - 1;
        format!("#EXT-X-RENDITION-REPORT:URI=\"{uri}\",LAST-MSN={sequence},LAST-PART={last}\n")
    };
    for (own, others) in [
        ("media.m3u8", ["audio1.m3u8", "audio2.m3u8"]),
        ("audio1.m3u8", ["media.m3u8", "audio2.m3u8"]),
        ("audio2.m3u8", ["media.m3u8", "audio1.m3u8"]),
    ] {
        let playlist = text(server.http, &format!("/tv/{own}")).await;
        let told = others.map(reported).concat();
        assert!(playlist.ends_with(&told), "{playlist}");
    }
    clip.send_until(13.5);
    let blocked = format!("/tv/audio2.m3u8?_HLS_msn={sequence}");
    let playlist = text(server.http, &blocked).await;
    assert!(
        playlist.contains(&format!("-{sequence}.m4s\n")),
        "{playlist}"
    );
}

#[tokio::test]
async fn sounds_are_encrypted_with_keys_that_are_there() {
    let server = start(|config| config.hls.encryption.method = Method::SampleAes);
    let mut clip = Clip::publish_in(&server, "tv", &["deu", "fra"]);
    clip.send_until(9.5);
    for playlist in ["media-cmaf", "audio1-cmaf", "audio2-cmaf"] {
        let playlist = text(server.http, &format!("/tv/{playlist}.m3u8")).await;
        let key = uris(&playlist)
            .into_iter()
            .find(|uri| uri.ends_with(".key"));
        let answer = get(server.http, &format!("/tv/{}", key.unwrap())).await;
        assert_eq!((answer.status, answer.body.len()), (200, 16), "{playlist}");
    }
}

#[tokio::test]
async fn sounds_are_there_though_pictures_never_begin() {
    let server = start(|config| {
        config.hls.start_wait = Duration::from_secs(60);
        config.hls.window = Duration::from_secs(600);
    });
    let mut clip = Clip::publish_in(&server, "tv", &["deu", "fra", "ita"]);
    clip.lose_pictures_until(clip.seconds());
    // Nothing is kept for players who come later where there are no key frames.
    let send = async {
        for second in 1.. {
            clip.send_until(f64::from(second));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let playlist = tokio::select! {
        playlist = text(server.http, "/tv/cmaf.m3u8") => playlist,
        () = send => unreachable!("it goes on for ever"),
    };
    assert!(playlist.contains("CODECS=\"mp4a.40.2\""), "{playlist}");
    let own = "NAME=\"deu 0\",DEFAULT=YES,AUTOSELECT=YES,LANGUAGE=\"deu\",CHANNELS=\"2\"\n";
    assert!(playlist.contains(own), "{playlist}");
    let media = text(server.http, "/tv/media-cmaf.m3u8").await;
    assert!(cuts(&media).len() > 5, "{media}");
    for (number, language) in [(1, "fra"), (2, "ita")] {
        let name = format!("NAME=\"{language} {number}\",DEFAULT=NO");
        assert!(playlist.contains(&name), "{playlist}");
        // More may have been cut since.
        let sound = text(server.http, &format!("/tv/audio{number}-cmaf.m3u8")).await;
        assert!(cuts(&sound).starts_with(&cuts(&media)), "{sound}");
        for uri in uris(&sound) {
            let answer = get(server.http, &format!("/tv/{uri}")).await;
            assert_eq!(answer.status, 200, "{uri}");
        }
    }
    assert_eq!(get(server.http, "/tv/audio3-cmaf.m3u8").await.status, 404);
}

#[tokio::test]
async fn sound_whose_format_only_its_frames_tell_is_in_the_first_segment() {
    let folder = tempfile::tempdir().unwrap();
    let Some(ac3) = in_ac3(folder.path()) else {
        return;
    };
    let server = start(|_| {});
    let mut clip = Clip::publish_at(&server, "tv", &ac3, server.clock.now());
    clip.send_until(9.5);
    let playlist = text(server.http, "/tv/media-cmaf.m3u8").await;
    assert_eq!(playlist.matches("#EXT-X-MAP").count(), 1, "{playlist}");
    assert!(!playlist.contains("#EXT-X-DISCONTINUITY\n"), "{playlist}");
    let program = text(server.http, "/tv/cmaf.m3u8").await;
    assert!(program.contains(",ac-3\""), "{program}");
}
