//! What encoders do to a channel that is watched by HLS: they come back, change, and lose count of time.
//!
//! What is left in the playlists must be whole for ffmpeg, in every flavour.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use reelcast::config::Config;
use tokio::time::timeout;

use super::hls::text;
use super::support::clip::Clip;
use super::support::server::Server;

/// The pictures of a clip a second.
const RATE: usize = 25;

struct Place {
    server: Server,
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = |config: &mut Config| config.hls.window = Duration::from_secs(120);
        Self {
            server: Server::start(folder.path(), settings),
            folder,
        }
    }

    /// A clip as ffmpeg encodes it; `None` without ffmpeg.
    fn clip(&self, size: &str, options: &str) -> Option<PathBuf> {
        let file = self.folder.path().join(format!("{size}.mp4"));
        let picture = format!("testsrc2=size={size}:rate={RATE}:duration=40");
        let tone = "sine=frequency=440:sample_rate=48000:duration=40";
        let made = Command::new("ffmpeg")
            .args(["-v", "error", "-nostdin", "-y", "-f", "lavfi", "-i"])
            .args([&picture, "-f", "lavfi", "-i", tone])
            .args(["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt"])
            .args(["yuv420p", "-c:a", "aac"])
            .args(options.split(' '))
            .arg(&file)
            .status();
        let is_made = made.is_ok_and(|status| status.success());
        if !is_made {
            println!("skipped: ffmpeg cannot make a clip");
        }
        is_made.then_some(file)
    }

    async fn text(&self, name: &str) -> String {
        text(self.server.http, &format!("/live/{name}")).await
    }

    /// Sends what there is until `seconds` after the beginning, not faster than it is packaged.
    async fn send(&self, clip: &mut Clip, from: f64, until: f64) {
        let mut at = from;
        while at < until {
            at = (at + 1.0).min(until);
            clip.send_until(at);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Asks for all flavours from the beginning on, while that much of the clip is sent.
    async fn open(&self, clip: &mut Clip, until: f64) {
        clip.send_until(0.2);
        let ask = futures::future::join_all(
            ["index.m3u8", "cmaf.m3u8", "ts.m3u8"].map(|name| self.text(name)),
        );
        let send = async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            self.send(clip, 0.0, until).await;
        };
        tokio::join!(ask, send);
    }

    /// Lets the channel end, and returns its last playlist.
    async fn end(&self, mut clip: Clip) -> String {
        clip.stop();
        self.server.give_up();
        let ended = async {
            loop {
                let playlist = self.text("media-cmaf.m3u8").await;
                if playlist.contains("#EXT-X-ENDLIST") {
                    break playlist;
                }
            }
        };
        let ended = timeout(Duration::from_secs(5), ended).await;
        ended.expect("the end is told")
    }

    /// How many pictures ffmpeg decodes of each flavour; it must not complain of anything.
    async fn pictures(&self) -> [usize; 3] {
        let mut counts = [0; 3];
        for (count, name) in counts.iter_mut().zip(["index", "cmaf", "ts"]) {
            let url = format!("http://{}/live/{name}.m3u8", self.server.http);
            *count = tokio::task::spawn_blocking(move || decode(&url))
                .await
                .unwrap();
        }
        counts
    }
}

fn decode(url: &str) -> usize {
    let output = Command::new("ffmpeg")
        .args(["-v", "warning", "-nostdin", "-i", url, "-map", "0:v"])
        .args(["-fps_mode", "passthrough", "-f", "framehash", "-"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    // What it says of each map but the first.
    let mut said = said
        .lines()
        .filter(|line| !line.ends_with("Found duplicated MOOV Atom. Skipped it"));
    assert!(output.status.success(), "{url}");
    assert_eq!(said.next(), None, "{url}");
    let frames = String::from_utf8(output.stdout).unwrap();
    frames.lines().filter(|line| line.starts_with("0,")).count()
}

/// What must hold for a playlist whatever happened: returns the lengths of its segments, in seconds.
fn check(playlist: &str) -> Vec<f64> {
    let tag = |name: &str| {
        let line = playlist.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|value| value.parse::<f64>().ok()).unwrap()
    };
    let target = tag("#EXT-X-TARGETDURATION:");
    let lengths: Vec<f64> = playlist
        .lines()
        .filter_map(|line| {
            line.strip_prefix("#EXTINF:")?
                .trim_end_matches(',')
                .parse()
                .ok()
        })
        .collect();
    for length in &lengths {
        assert!(length.round() <= target, "{length} of {target}: {playlist}");
    }
    assert_eq!(
        playlist.matches("#EXT-X-PROGRAM-DATE-TIME:").count(),
        lengths.len()
    );
    assert!(!playlist.contains("#EXT-X-GAP"), "{playlist}");
    lengths
}

#[tokio::test]
async fn another_picture_size_goes_on_after_a_discontinuity() {
    let place = Place::new();
    let Some(small) = place.clip("320x180", "-g 50 -bf 2") else {
        return;
    };
    let large = place.clip("640x360", "-g 50 -bf 2").unwrap();
    let begin = place.server.clock.now();
    let mut clip = Clip::publish_at(&place.server, "live", &small, begin);
    place.open(&mut clip, 12.0).await;
    let again = clip.at(12.5);
    clip.stop();
    let mut clip = Clip::publish_at(&place.server, "live", &large, again);
    place.send(&mut clip, 0.0, 12.0).await;
    let playlist = place.end(clip).await;
    check(&playlist);
    assert_eq!(
        playlist.matches("#EXT-X-DISCONTINUITY\n").count(),
        1,
        "{playlist}"
    );
    assert_eq!(playlist.matches("#EXT-X-MAP:").count(), 2, "{playlist}");
    assert!(
        place
            .text("index.m3u8")
            .await
            .contains("RESOLUTION=640x360")
    );
    for count in place.pictures().await {
        assert!(count > 2 * 12 * RATE - 6, "{count}");
    }
}

#[tokio::test]
async fn an_encoder_that_comes_back_is_followed() {
    let place = Place::new();
    let Some(file) = place.clip("320x180", "-g 50") else {
        return;
    };
    let begin = place.server.clock.now();
    let mut clip = Clip::publish_at(&place.server, "live", &file, begin);
    place.open(&mut clip, 9.0).await;
    for _ in 0..2 {
        let again = clip.at(14.0);
        clip.stop();
        clip = Clip::publish_at(&place.server, "live", &file, again);
        place.send(&mut clip, 0.0, 9.0).await;
    }
    let playlist = place.end(clip).await;
    check(&playlist);
    assert_eq!(
        playlist.matches("#EXT-X-DISCONTINUITY\n").count(),
        2,
        "{playlist}"
    );
    assert_eq!(playlist.matches("#EXT-X-MAP:").count(), 1, "{playlist}");
    for count in place.pictures().await {
        assert!(count > 3 * 9 * RATE - 12, "{count}");
    }
}

#[tokio::test]
async fn rare_key_frames_make_long_segments() {
    let place = Place::new();
    let Some(file) = place.clip("320x180", "-g 375 -keyint_min 375 -sc_threshold 0") else {
        return;
    };
    let begin = place.server.clock.now();
    let mut clip = Clip::publish_at(&place.server, "live", &file, begin);
    place.open(&mut clip, 16.0).await;
    place.send(&mut clip, 16.0, 39.0).await;
    let playlist = place.end(clip).await;
    let lengths = check(&playlist);
    assert!(
        playlist.contains("#EXT-X-TARGETDURATION:15\n"),
        "{playlist}"
    );
    assert!(
        playlist.contains("#EXT-X-INDEPENDENT-SEGMENTS"),
        "{playlist}"
    );
    assert_eq!(lengths.len(), 3, "{playlist}");
    for count in place.pictures().await {
        assert!(count > 39 * RATE - 6, "{count}");
    }
}

#[tokio::test]
async fn times_that_leap_by_an_hour_are_a_discontinuity() {
    let place = Place::new();
    let Some(file) = place.clip("320x180", "-g 50 -bf 2") else {
        return;
    };
    let begin = place.server.clock.now();
    let mut clip = Clip::publish_at(&place.server, "live", &file, begin);
    place.open(&mut clip, 10.0).await;
    clip.leap(Duration::from_secs(3600));
    place.send(&mut clip, 10.0, 20.0).await;
    let playlist = place.end(clip).await;
    let total: f64 = check(&playlist).iter().sum();
    assert!((19.0..21.0).contains(&total), "{playlist}");
    for count in place.pictures().await {
        assert!(count > 20 * RATE - 55, "{count}");
    }
}

#[tokio::test]
async fn sound_is_there_though_pictures_never_begin() {
    let place = Place::new();
    let Some(file) = place.clip("320x180", "-g 500 -keyint_min 500 -sc_threshold 0") else {
        return;
    };
    let begin = place.server.clock.now();
    let mut clip = Clip::publish_at(&place.server, "live", &file, begin);
    clip.lose_pictures_until(1.0);
    place.open(&mut clip, 19.0).await;
    let playlist = place.text("index.m3u8").await;
    assert!(
        !playlist.contains("avc1") && playlist.contains("mp4a.40.2"),
        "{playlist}"
    );
    place.send(&mut clip, 19.0, 30.0).await;
    let playlist = place.end(clip).await;
    check(&playlist);
    assert!(place.text("index.m3u8").await.contains("avc1"));
}
