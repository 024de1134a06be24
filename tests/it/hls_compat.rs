//! Channels and movies that are offered in other formats, too. The tests of movies need ffmpeg, and pass where it is not
//! installed.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use reelcast::base::path::MediaPath;
use reelcast::media::burst::PacketKind;
use reelcast::media::mounts::Takeover;
use reelcast::media::publisher::Publisher;
use reelcast::media::ring::{Cursor, Start, Taken};

use super::hls::{get, text};
use super::support::clip::Clip;
use super::support::server::Server;
use super::transcode::{PCM, fetch, has_ffmpeg, heard, make, settings};

/// The clip by an encoder that does not tell what its clock shows.
struct Untold {
    clip: Clip,
    cursor: Cursor,
    publisher: Publisher,
}

impl Untold {
    fn publish(server: &Server, name: &str) -> Self {
        let path = |name| MediaPath::from_plain(name).unwrap();
        let clip = Clip::publish(server, "told");
        let told = server.mounts.open(&path("told")).unwrap();
        let description = told.description().unwrap();
        let description = Arc::unwrap_or_clone(description);
        let origin = "the test".to_owned();
        let publisher = server
            .mounts
            .publish(&path(name), description, origin, Takeover::Refuse);
        Self {
            clip,
            cursor: told.cursor(Start::Past),
            publisher: publisher.unwrap(),
        }
    }

    fn send_until(&mut self, seconds: f64) {
        self.clip.send_until(seconds);
        let mut bursts = Vec::new();
        while self.cursor.take(&mut bursts, usize::MAX) == Taken::Bursts {}
        for burst in &bursts {
            let packets = burst.packets().iter();
            for packet in packets.filter(|packet| packet.kind == PacketKind::Rtp) {
                let bytes = burst.bytes_of(packet);
                let track = usize::from(packet.track);
                let pushed = self
                    .publisher
                    .push(track, PacketKind::Rtp, bytes, burst.arrived());
                pushed.unwrap();
            }
        }
        self.publisher.flush(self.clip.at(seconds));
    }
}

#[tokio::test]
async fn a_channel_in_other_formats_waits_for_no_report() {
    let server = Server::start(Path::new("no movies"), |config| {
        config.hls.target_duration = Duration::from_secs(2);
        // Less than reports may need.
        config.hls.start_wait = Duration::from_secs(3);
        config.hls.compat = true;
    });
    let mut untold = Untold::publish(&server, "live");
    untold.send_until(9.0);
    assert!(!untold.publisher.channel().publisher_clock().is_told);
    let playlist = text(server.http, "/live/media-cmaf.m3u8").await;
    assert!(playlist.matches("#EXTINF:").count() >= 3, "{playlist}");
}

/// When the pictures of a file are shown, in seconds.
fn shown(file: &Path) -> Vec<f64> {
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-select_streams", "v", "-of", "csv=p=0"])
        .args(["-show_entries", "packet=pts_time"])
        .arg(file)
        .output();
    let text = String::from_utf8(output.unwrap().stdout).unwrap();
    let times = text.lines().filter_map(|line| line.split(',').next());
    let mut times: Vec<f64> = times.filter_map(|time| time.parse().ok()).collect();
    times.sort_by(f64::total_cmp);
    times
}

/// When the sound of a file begins, in seconds.
fn heard_from(file: &Path) -> f64 {
    let timed = ["-copyts", "-af", "aresample=8000:async=1:first_pts=0"];
    let bytes = heard(file.to_str().unwrap(), &[&timed[..], &PCM].concat());
    let pairs = bytes.chunks_exact(2);
    let samples = pairs.map(|pair| i16::from_le_bytes([pair[0], pair[1]]));
    let begin = samples
        .map(i16::unsigned_abs)
        .position(|sample| sample > 3000);
    begin.unwrap() as f64 / 8000.0
}

/// Has ffmpeg make five seconds of pictures and a tone, which begin so many seconds later than the movie.
fn movie(file: &Path, later: f64, codecs: &[&str]) {
    let later = later.to_string();
    let inputs = [
        ["-f", "lavfi", "-i", "testsrc2=s=64x64:r=25:d=5"],
        ["-f", "lavfi", "-i", "sine=440:r=48000:d=5,volume=4"],
    ];
    let timed = ["-g", "50", "-bf", "0", "-output_ts_offset", &later];
    make(file, &[&inputs.concat()[..], codecs, &timed[..]].concat());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_movie_is_at_the_same_times_in_other_formats_also_where_it_begins_later() {
    if !has_ffmpeg() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let unknown: [(&str, &[&str]); 2] = [
        ("libvpx-vp9", &["media", "compat"]),
        // No player knows it as it is.
        ("mpeg4", &["media"]),
    ];
    for (codec, playlists) in unknown {
        for later in [0.0, 3.0, 20.0] {
            let name = format!("{codec}-{later}.mp4");
            let codecs = ["-c:v", codec, "-c:a", "aac"];
            movie(&folder.path().join(&name), later, &codecs);
            let server = Server::start(folder.path(), |config| {
                settings(config);
                config.hls.compat = true;
            });
            for playlist in playlists {
                let file = folder.path().join("fetched.mp4");
                fetch(&server, &name, playlist, &file).await;
                let shown = shown(&file);
                assert_eq!(shown.len(), 5 * 25, "{name}: {playlist}");
                for (number, time) in shown.iter().enumerate() {
                    let due = later + number as f64 / 25.0;
                    assert!((time - due).abs() < 0.005, "{name}: {playlist}: {shown:?}");
                }
                let heard = heard_from(&file);
                assert!((heard - later).abs() < 0.03, "{name}: {playlist}: {heard}");
            }
        }
    }
}

/// How long the segments of a playlist are together, in seconds.
fn length(playlist: &str) -> f64 {
    let lines = playlist.lines();
    let lengths = lines.filter_map(|line| line.strip_prefix("#EXTINF:"));
    lengths
        .map(|length| length.trim_end_matches(',').parse::<f64>().unwrap())
        .sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_recorded_in_the_middle_of_a_channel_begins_at_once_in_other_formats_too() {
    if !has_ffmpeg() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let coded = ["-c:v", "libx264", "-c:a", "ac3", "-f", "hls"];
    let cut = ["-hls_time", "1", "-hls_segment_type", "fmp4"];
    let codecs = [&coded[..], &cut, &["-force_key_frames", "1,2,3,4"]].concat();
    movie(&folder.path().join("a.m3u8"), 0.0, &codecs);
    let pieces = ["init.mp4", "a2.m4s", "a3.m4s"].map(|name| folder.path().join(name));
    let recorded = pieces.map(|piece| std::fs::read(piece).unwrap());
    std::fs::write(folder.path().join("b.mp4"), recorded.concat()).unwrap();
    let server = Server::start(folder.path(), |config| {
        settings(config);
        config.hls.compat = true;
    });
    for playlist in ["media", "compat"] {
        let listed = text(server.http, &format!("/b.mp4/{playlist}-cmaf.m3u8")).await;
        assert!((length(&listed) - 2.0).abs() < 0.1, "{listed}");
        let file = folder.path().join("fetched.mp4");
        fetch(&server, "b.mp4", playlist, &file).await;
        let shown = shown(&file);
        assert_eq!(shown.len(), 2 * 25, "{playlist}");
        assert!(shown[0] < 0.05, "{playlist}: {shown:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_alone_that_begin_later_have_no_segments_before() {
    if !has_ffmpeg() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    movie(&folder.path().join("a.mp4"), 5.0, &["-c:v", "mpeg4", "-an"]);
    let server = Server::start(folder.path(), settings);
    for playlist in ["media-cmaf", "media-ts", "iframes-cmaf", "iframes-ts"] {
        let listed = text(server.http, &format!("/a.mp4/{playlist}.m3u8")).await;
        let (mut gaps, mut is_gap) = (0, false);
        for line in listed.lines() {
            match line.starts_with('#') {
                true => is_gap |= line == "#EXT-X-GAP",
                false if is_gap => (gaps, is_gap) = (gaps + 1, false),
                false => {
                    let segment = get(server.http, &format!("/a.mp4/{line}")).await;
                    assert_eq!(segment.status, 200, "{line} of {listed}");
                }
            }
        }
        assert_eq!(gaps, 2, "{listed}");
    }
}
