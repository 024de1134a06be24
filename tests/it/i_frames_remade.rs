//! Playlists of the key frames of movies that no player knows, each of which is encoded when somebody asks.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use reelcast::config::{Config, KeyCount, Method};

use super::hls::{get, text};
use super::support::pictures::can_be_decoded;
use super::support::server::Server;

/// Every two seconds of the movie are so much brighter than the two before.
const STEP: f64 = 20.0;

/// A movie of MPEG-4 Visual, which becomes brighter and brighter.
fn make(file: &Path) {
    let picture =
        format!("nullsrc=s=160x120:r=25:d=13,geq=lum='30+{STEP}*floor(T/2)':cb=128:cr=128");
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-f", "lavfi", "-i", &picture])
        .args(["-f", "lavfi", "-i", "sine=440:duration=13"])
        .args(["-c:v", "mpeg4", "-q:v", "2", "-g", "50", "-c:a", "aac"])
        .arg(file)
        .status();
    assert!(made.unwrap().success());
}

/// How bright each picture is that ffmpeg decodes.
fn brightness(url: &str) -> Vec<f64> {
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-allowed_extensions", "ALL"])
        .args(["-i", url, "-map", "0:v", "-fps_mode", "passthrough"])
        .args(["-vf", "extractplanes=y,scale=1:1:flags=area"])
        .args(["-f", "rawvideo", "-pix_fmt", "gray", "-"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.trim().is_empty(), "{said}");
    output.stdout.iter().map(|luma| f64::from(*luma)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn key_frames_of_a_movie_that_is_encoded_are_those_of_their_time() {
    if !can_be_decoded() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    make(&folder.path().join("old.mp4"));
    for (method, playlist) in [
        (Method::None, "iframes.m3u8"),
        (Method::None, "iframes-ts.m3u8"),
        (Method::Aes128, "iframes.m3u8"),
        (Method::SampleAes, "iframes.m3u8"),
    ] {
        let server = Server::start(folder.path(), |config: &mut Config| {
            config.hls.target_duration = Duration::from_secs(2);
            config.hls.start_wait = Duration::from_secs(30);
            config.hls.encryption.method = method;
            config.hls.encryption.keys = KeyCount::Each;
        });
        let listed = text(server.http, &format!("/old.mp4/{playlist}")).await;
        assert!(listed.contains("\n#EXT-X-I-FRAMES-ONLY\n"), "{listed}");
        let mut begin = 0.0;
        let mut expected = Vec::new();
        for line in listed
            .lines()
            .filter_map(|line| line.strip_prefix("#EXTINF:"))
        {
            // The first picture that does not begin before.
            let picture = (begin * 25.0 - 0.1_f64).ceil() / 25.0;
            expected.push(30.0 + STEP * (picture / 2.0).floor());
            begin += line.trim_end_matches(',').parse::<f64>().unwrap();
        }
        assert!(expected.len() > 5, "{listed}");
        let url = format!("http://{}/old.mp4/{playlist}", server.http);
        let seen = brightness(&url);
        assert_eq!(seen.len(), expected.len(), "{method:?}: {playlist}");
        for (seen, expected) in seen.iter().zip(&expected) {
            assert!((seen - expected).abs() < STEP / 4.0, "{seen} {expected}");
        }
        let program = text(server.http, "/old.mp4/index.m3u8").await;
        assert!(
            program.contains("\n#EXT-X-I-FRAME-STREAM-INF:"),
            "{program}"
        );
    }
}

#[tokio::test]
async fn there_is_none_beyond_the_end() {
    if !can_be_decoded() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    make(&folder.path().join("old.mp4"));
    let server = Server::start(folder.path(), |_| {});
    let listed = text(server.http, "/old.mp4/iframes.m3u8").await;
    let last = listed.lines().rfind(|line| !line.starts_with('#')).unwrap();
    let beyond = last.replace("-2.m4s", "-3.m4s");
    assert_ne!(last, beyond);
    let beyond = format!("/old.mp4/{beyond}");
    assert_eq!(get(server.http, &beyond).await.status, 404);
}
