//! How much light and dark the pictures hold, as playlists tell it to players that choose by it.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::hls::{get, text};
use super::support::clip::Clip;
use super::support::server::Server;

/// Writes the clip into `folder` as if its pictures were by PQ; `false` where there is no ffmpeg.
fn write_pq(folder: &Path) -> bool {
    write(folder, "pq.mp4", &["-bsf:v", PQ])
}

/// Writes the clip into `folder` by that name, with these arguments of ffmpeg.
fn write(folder: &Path, name: &str, arguments: &[&str]) -> bool {
    let clip = Path::new(env!("CARGO_MANIFEST_DIR")).join("movies/clock.mp4");
    let mut made = Command::new("ffmpeg");
    made.args(["-v", "error", "-nostdin", "-i"]).arg(clip);
    made.args(["-c", "copy"]).args(arguments);
    match made.arg(folder.join(name)).status() {
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

/// The clip with a `colr` box that tells of HLG, behind the configuration of pictures that tell nothing: there is room for
/// it in place of what tells their bit rate.
fn with_colours(clip: &[u8]) -> Vec<u8> {
    let place = |kind: &[u8; 4]| clip.windows(4).position(|four| four == kind);
    let rate = place(b"btrt").expect("what tells the bit rate") - 4;
    let mut coloured = clip.to_vec();
    // 19 bytes in place of 20, and one that is free.
    coloured[rate..rate + 20].copy_from_slice(b"\0\0\0\x14colrnclx\0\x09\0\x12\0\x09\0\0");
    coloured
}

#[tokio::test]
async fn a_file_tells_of_pictures_that_do_not() {
    let folder = tempfile::tempdir().unwrap();
    let clip = Path::new(env!("CARGO_MANIFEST_DIR")).join("movies/clock.mp4");
    let clip = std::fs::read(clip).unwrap();
    std::fs::write(folder.path().join("hlg.mp4"), with_colours(&clip)).unwrap();
    let server = Server::start(folder.path(), |_| {});
    for flavour in ["index", "ts"] {
        let playlist = text(server.http, &format!("/hlg.mp4/{flavour}.m3u8")).await;
        assert_eq!(
            playlist.matches(",VIDEO-RANGE=HLG").count(),
            2,
            "{playlist}"
        );
    }
    let media = text(server.http, "/hlg.mp4/media.m3u8").await;
    let (_, map) = media.split_once("#EXT-X-MAP:URI=\"").unwrap();
    let map = map.split('"').next().unwrap();
    let init = get(server.http, &format!("/hlg.mp4/{map}")).await;
    let mut boxes = init.body.windows(8);
    assert!(boxes.any(|eight| eight == b"colrnclx"), "{map}");
}
