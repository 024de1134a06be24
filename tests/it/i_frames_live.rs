//! Playlists of a channel's key frames by HLS, for pictures while the viewer scrubs.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use reelcast::config::{Config, KeyCount, Method};
use tokio::time::timeout;

use super::hls::{get, number, text};
use super::support::clip::Clip;
use super::support::movies::clips;
use super::support::pictures::{can_be_decoded, decoded};
use super::support::server::Server;

fn start(method: Method) -> Server {
    let movies = tempfile::tempdir().unwrap();
    Server::start(movies.path(), |config: &mut Config| {
        config.hls.start_wait = Duration::from_secs(5);
        config.hls.encryption.method = method;
        // ffmpeg takes the first key of samples for all.
        config.hls.encryption.keys = match method {
            Method::SampleAes => KeyCount::Each,
            _ => KeyCount::Rotate,
        };
        config.hls.encryption.rotate_after = 2;
    })
}

/// Sends the clip, of which the channel keeps the last ten seconds, and lets the channel end; its
/// playlist of key frames then.
async fn play(server: &Server, playlist: &str) -> String {
    let mut clip = Clip::publish(server, "live");
    clip.send_until(11.99);
    // Somebody has to ask, and the other flavour is made when its playlist is asked for.
    let _ = get(server.http, &format!("/live/{playlist}")).await;
    clip.stop();
    server.give_up();
    let ended = async {
        loop {
            let playlist = text(server.http, &format!("/live/{playlist}")).await;
            if playlist.contains("#EXT-X-ENDLIST") {
                break playlist;
            }
        }
    };
    let ended = timeout(Duration::from_secs(20), ended).await;
    ended.expect("the end is told")
}

fn lengths(playlist: &str) -> Vec<f64> {
    let lines = playlist
        .lines()
        .filter_map(|line| line.strip_prefix("#EXTINF:"));
    lines
        .map(|line| line.trim_end_matches(',').parse().unwrap())
        .collect()
}

#[tokio::test]
async fn each_key_frame_of_a_channel_is_a_segment_that_lasts_until_the_next() {
    let server = start(Method::None);
    let playlist = play(&server, "iframes.m3u8").await;
    assert_eq!(lengths(&playlist), [2.0; 5], "{playlist}");
    assert!(playlist.contains("\n#EXT-X-I-FRAMES-ONLY\n"), "{playlist}");
    assert_eq!(playlist.matches("#EXT-X-PROGRAM-DATE-TIME").count(), 5);
    let media = text(server.http, "/live/media-cmaf.m3u8").await;
    for tag in ["#EXT-X-TARGETDURATION:", "#EXT-X-MEDIA-SEQUENCE:"] {
        assert_eq!(number(&playlist, tag), number(&media, tag), "{tag}");
    }
    let program = text(server.http, "/live/index.m3u8").await;
    let tag = program
        .lines()
        .find(|line| line.starts_with("#EXT-X-I-FRAME-STREAM-INF:"));
    let tag = tag.unwrap();
    assert!(
        tag.contains("CODECS=\"avc1.") && tag.ends_with(",URI=\"iframes.m3u8\""),
        "{tag}"
    );
    let told = tag.split_once(":BANDWIDTH=").unwrap().1;
    let told: f64 = told.split_once(',').unwrap().0.parse().unwrap();
    let mut peak: f64 = 0.0;
    for uri in playlist.lines().filter(|line| !line.starts_with('#')) {
        let file = get(server.http, &format!("/live/{uri}")).await;
        assert_eq!(file.status, 200, "{uri}");
        peak = peak.max(file.body.len() as f64 * 8.0 / 2.0);
    }
    assert!((peak..peak * 1.1).contains(&told), "{tag}: {peak}");
}

#[tokio::test(flavor = "multi_thread")]
async fn ffmpeg_decodes_every_key_frame_of_a_channel() {
    if !can_be_decoded() {
        return;
    }
    let clip = clips().join("clock.mp4");
    let (expected, _) = decoded(clip.to_str().unwrap(), &["-skip_frame", "nokey"]);
    for (method, playlist) in [
        (Method::None, "iframes.m3u8"),
        (Method::None, "iframes-cmaf.m3u8"),
        (Method::None, "iframes-ts.m3u8"),
        (Method::Aes128, "iframes.m3u8"),
        (Method::Aes128, "iframes-ts.m3u8"),
        (Method::SampleAes, "iframes.m3u8"),
    ] {
        let server = start(method);
        play(&server, playlist).await;
        let url = format!("http://{}/live/{playlist}", server.http);
        let (seen, complaint) = decoded(&url, &["-allowed_extensions", "ALL"]);
        assert_eq!(complaint, "", "{method:?}: {playlist}");
        assert_eq!(seen, expected[1..], "{method:?}: {playlist}");
    }
}

#[tokio::test]
async fn a_radio_channel_has_no_key_frames() {
    let server = start(Method::None);
    let begin = server.clock.now();
    let mut clip = Clip::publish_at(&server, "radio", &clips().join("tone.m4a"), begin);
    clip.send_until(9.0);
    let program = text(server.http, "/radio/index.m3u8").await;
    assert!(!program.contains("I-FRAME"), "{program}");
    assert_eq!(get(server.http, "/radio/iframes.m3u8").await.status, 404);
}

/// Writes a movie whose pictures are refreshed little by little into `folder`; `false` where there is no ffmpeg for it.
fn write_gradual(folder: &Path) -> bool {
    let options = "-v error -nostdin -f lavfi -i testsrc2=size=320x180:rate=25:duration=14 -c:v libx264 -preset ultrafast \
                   -bf 0 -g 50 -intra-refresh 1";
    let mut made = Command::new("ffmpeg");
    made.args(options.split_whitespace());
    let is_made = made.arg(folder.join("gradual.mp4")).status();
    let is_made = is_made.is_ok_and(|status| status.success());
    if !is_made {
        println!("skipped: ffmpeg is not installed, or lacks libx264");
    }
    is_made
}

#[tokio::test]
async fn what_is_refreshed_little_by_little_has_no_pictures_for_scrubbing() {
    let folder = tempfile::tempdir().unwrap();
    if !write_gradual(folder.path()) {
        return;
    }
    let server = Server::start(folder.path(), |config: &mut Config| {
        config.hls.target_duration = Duration::from_secs(2);
        config.hls.start_wait = Duration::from_secs(5);
    });
    let file = folder.path().join("gradual.mp4");
    let mut clip = Clip::publish_at(&server, "live", &file, server.clock.now());
    clip.send_until(12.0);
    for name in ["live", "gradual.mp4"] {
        let media = text(server.http, &format!("/{name}/media.m3u8")).await;
        assert!(media.matches("#EXTINF").count() > 2, "{media}");
        assert!(!media.contains("INDEPENDENT-SEGMENTS"), "{media}");
        let program = text(server.http, &format!("/{name}/index.m3u8")).await;
        assert!(!program.contains("I-FRAME"), "{program}");
        let none = get(server.http, &format!("/{name}/iframes.m3u8")).await;
        assert_eq!(none.status, 404, "{name}");
    }
}
