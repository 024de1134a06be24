//! How much light and dark the pictures hold, as playlists tell it to players that choose by it.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::hls::text;
use super::support::clip::Clip;
use super::support::server::Server;

/// Writes the clip into `folder` as if its pictures were by PQ; `false` where there is no ffmpeg.
fn write_pq(folder: &Path) -> bool {
    let clip = Path::new(env!("CARGO_MANIFEST_DIR")).join("movies/clock.mp4");
    let mut made = Command::new("ffmpeg");
    made.args(["-v", "error", "-nostdin", "-i"]).arg(clip);
    made.args(["-c", "copy", "-bsf:v", PQ]);
    match made.arg(folder.join("pq.mp4")).status() {
        Ok(status) => {
            assert!(status.success());
            true
        }
        Err(_) => {
            println!("skipped: ffmpeg is not installed");
            false
        }
    }
}

const PQ: &str =
    "h264_metadata=colour_primaries=9:transfer_characteristics=16:matrix_coefficients=9";

#[tokio::test]
async fn players_are_told_of_high_dynamic_range() {
    let folder = tempfile::tempdir().unwrap();
    if !write_pq(folder.path()) {
        return;
    }
    let server = Server::start(folder.path(), |config| {
        config.hls.start_wait = Duration::from_secs(5);
    });
    let begun = server.clock.now();
    let mut clip = Clip::publish_at(&server, "live", &folder.path().join("pq.mp4"), begun);
    clip.send_until(9.0);
    let mut usual = Clip::publish(&server, "usual");
    usual.send_until(9.0);
    for (name, range) in [("pq.mp4", "PQ"), ("live", "PQ"), ("usual", "SDR")] {
        for flavour in ["index", "ts"] {
            let playlist = text(server.http, &format!("/{name}/{flavour}.m3u8")).await;
            let told = format!(",VIDEO-RANGE={range}");
            let tags = playlist.lines().filter(|line| line.contains("STREAM-INF:"));
            let tags: Vec<_> = tags.collect();
            // Of the pictures, and of their key frames.
            assert_eq!(tags.len(), 2, "{playlist}");
            assert!(tags.iter().all(|tag| tag.contains(&told)), "{playlist}");
        }
    }
}
