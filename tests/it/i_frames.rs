//! Playlists of key frames by HLS, for pictures while the viewer scrubs.

use bytes::Bytes;
use reelcast::codec::Kind;
use reelcast::config::{Config, KeyCount, Method};
use reelcast::container::{self, ReadAt, Track};

use super::hls::{get, text};
use super::support::movies::clips;
use super::support::pictures;
use super::support::server::Server;

const CLIP: &str = "clock.mp4";

fn start(method: Method) -> Server {
    Server::start(&clips(), |config: &mut Config| {
        config.hls.encryption.method = method;
        config.hls.encryption.keys = KeyCount::Each;
    })
}

/// When each key frame is shown, in ticks, and its bytes.
fn key_frames(track: &Track, file: &[u8]) -> Vec<(i64, Vec<u8>)> {
    let mut cursor = track.samples.cursor(0);
    let all = std::iter::from_fn(|| cursor.next(&track.samples));
    all.filter(|sample| sample.sync)
        .map(|sample| {
            let mut data = vec![0; sample.size as usize];
            (&file).read_at(sample.offset, &mut data).unwrap();
            (sample.presented(), data)
        })
        .collect()
}

fn picture_track(movie: &container::Movie) -> &Track {
    let mut tracks = movie.tracks.iter();
    tracks
        .find(|track| track.kind() == Some(Kind::Video))
        .unwrap()
}

#[tokio::test]
async fn each_key_frame_of_a_movie_is_a_segment_that_lasts_until_the_next() {
    let server = start(Method::None);
    let original = std::fs::read(clips().join(CLIP)).unwrap();
    let movie = container::open(&Bytes::from(original.clone())).unwrap();
    let expected = key_frames(picture_track(&movie), &original);
    assert!(expected.len() > 3);
    let playlist = text(server.http, &format!("/{CLIP}/iframes.m3u8")).await;
    assert!(playlist.contains("\n#EXT-X-I-FRAMES-ONLY\n"), "{playlist}");
    let map = playlist.split_once("MAP:URI=\"").unwrap().1;
    let map = map.split_once('"').unwrap().0;
    let mut made = get(server.http, &format!("/{CLIP}/{map}")).await.body;
    let mut lengths = Vec::new();
    let mut sizes = Vec::new();
    for line in playlist.lines() {
        if let Some(length) = line.strip_prefix("#EXTINF:") {
            lengths.push(length.trim_end_matches(',').parse::<f64>().unwrap());
        } else if !line.starts_with('#') {
            let file = get(server.http, &format!("/{CLIP}/{line}")).await;
            assert_eq!(file.status, 200, "{line}");
            sizes.push(file.body.len());
            made.extend(file.body);
        }
    }
    let read = container::open(&Bytes::from(made.clone())).unwrap();
    let track = picture_track(&read);
    assert_eq!(
        (read.tracks.len(), track.samples.len() as usize),
        (1, expected.len())
    );
    let found = key_frames(track, &made);
    let data = |all: &[(i64, Vec<u8>)]| all.iter().map(|one| one.1.clone()).collect::<Vec<_>>();
    assert!(data(&found) == data(&expected));
    let times = |all: &[(i64, Vec<u8>)]| {
        let steps = all.windows(2).map(|pair| pair[1].0 - pair[0].0);
        steps.collect::<Vec<_>>()
    };
    assert_eq!(times(&found), times(&expected));
    for (length, step) in lengths.iter().zip(times(&found)) {
        let step = step as f64 / f64::from(track.timescale);
        assert!((length - step).abs() < 0.001, "{length} {step}");
    }
    let program = text(server.http, &format!("/{CLIP}/index.m3u8")).await;
    let tag = program
        .lines()
        .find(|line| line.starts_with("#EXT-X-I-FRAME-STREAM-INF:"));
    let tag = tag.unwrap();
    let told = tag
        .split_once(":BANDWIDTH=")
        .unwrap()
        .1
        .split_once(',')
        .unwrap()
        .0;
    let rates = sizes
        .iter()
        .zip(&lengths)
        .map(|(size, length)| *size as f64 * 8.0 / length);
    let peak = rates.fold(0.0, f64::max);
    let told: f64 = told.parse().unwrap();
    assert!((told - peak).abs() <= 1.0, "{tag}: {peak}");
    assert!(
        tag.contains("CODECS=\"avc1.") && tag.ends_with(",URI=\"iframes.m3u8\""),
        "{tag}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn ffmpeg_decodes_every_key_frame_by_its_playlist() {
    if !pictures::can_be_decoded() {
        return;
    }
    let clip = clips().join(CLIP);
    let (expected, _) = pictures::decoded(clip.to_str().unwrap(), &["-skip_frame", "nokey"]);
    for (method, playlists) in [
        (
            Method::None,
            &["iframes.m3u8", "iframes-cmaf.m3u8", "iframes-ts.m3u8"][..],
        ),
        (Method::Aes128, &["iframes.m3u8", "iframes-ts.m3u8"][..]),
        (Method::SampleAes, &["iframes.m3u8"][..]),
    ] {
        let server = start(method);
        for playlist in playlists {
            let url = format!("http://{}/{CLIP}/{playlist}", server.http);
            let (seen, complaint) = pictures::decoded(&url, &["-allowed_extensions", "ALL"]);
            assert_eq!(complaint, "", "{method:?}: {playlist}");
            assert_eq!(seen, expected, "{method:?}: {playlist}");
        }
    }
}

#[tokio::test]
async fn sound_alone_has_no_key_frames() {
    let server = start(Method::None);
    let program = text(server.http, "/tone.m4a/index.m3u8").await;
    assert!(!program.contains("I-FRAME"), "{program}");
    assert_eq!(get(server.http, "/tone.m4a/iframes.m3u8").await.status, 404);
}
