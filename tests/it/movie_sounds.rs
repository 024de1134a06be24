//! Movies with several sounds by HLS, of which some have to be encoded: each can be chosen. The tests need ffmpeg, and
//! pass where it is not installed.

use std::path::Path;

use reelcast::config::{Config, Method};

use super::hls::{get, text};
use super::support::server::Server;
use super::transcode::{PCM, fetch, has_ffmpeg, heard, make, onsets, pitch, segments, settings};

/// How long movies are, in seconds.
const LENGTH: usize = 7;

/// How long the second sound is silent, in seconds.
const SILENCE: f64 = 3.0;

/// Has ffmpeg make pictures, a tone of 440 Hz in English, and one of 880 Hz in German that begins after three seconds.
fn movie(file: &Path, codecs: &[&str]) {
    let pictures = format!("testsrc2=s=64x64:r=25:d={LENGTH}");
    let first = format!("sine=440:r=48000:d={LENGTH},volume=4");
    let second = format!(
        "sine=880:r=48000:d={LENGTH},volume=4:enable='gte(t,{SILENCE})',volume=0:enable='lt(t,{SILENCE})'"
    );
    let mut arguments = Vec::new();
    for input in [&pictures, &first, &second] {
        arguments.extend(["-f", "lavfi", "-i", input]);
    }
    arguments.extend([
        "-map", "0", "-map", "1", "-map", "2", "-g", "50", "-bf", "0",
    ]);
    arguments.extend([
        "-metadata:s:a:0",
        "language=eng",
        "-metadata:s:a:1",
        "language=ger",
    ]);
    arguments.extend(codecs);
    make(file, &arguments);
}

fn sound(number: u16, language: &str, flavour: &str) -> String {
    let default = if number == 1 { "YES" } else { "NO" };
    format!(
        "NAME=\"{language} {number}\",DEFAULT={default},AUTOSELECT=YES,LANGUAGE=\"{language}\",CHANNELS=\"1\",\
         URI=\"audio{number}{flavour}.m3u8\"\n"
    )
}

/// What is heard of one of the sounds of a movie.
async fn samples(server: &Server, movie: &str, sound: &str, folder: &Path) -> Vec<i16> {
    let file = folder.join(format!("{sound}.heard"));
    fetch(server, movie, sound, &file).await;
    samples_of(&heard(file.to_str().unwrap(), &PCM))
}

fn samples_of(bytes: &[u8]) -> Vec<i16> {
    let pairs = bytes.chunks_exact(2);
    pairs
        .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
        .collect()
}

/// Whether it is heard as long as the movie lasts, and the second sound when it is due.
async fn is_as_it_was(server: &Server, movie: &str, folder: &Path) {
    let first = samples(server, movie, "audio1", folder).await;
    let second = samples(server, movie, "audio2", folder).await;
    for heard in [&first, &second] {
        let seconds = heard.len() as f64 / 8000.0;
        assert!((seconds - LENGTH as f64).abs() < 0.1, "{movie}: {seconds}");
    }
    let tone = 32_000..40_000;
    let pitches = [&first, &second].map(|heard| pitch(&heard[tone.clone()]));
    assert!((pitches[0] - 440.0).abs() < 5.0, "{movie}: {pitches:?}");
    assert!((pitches[1] - 880.0).abs() < 5.0, "{movie}: {pitches:?}");
    let onsets = onsets(&second);
    assert!((onsets[0] - SILENCE).abs() < 0.02, "{movie}: {onsets:?}");
}

fn cuts(playlist: &str) -> Vec<&str> {
    let tags = ["#EXTINF", "#EXT-X-PROGRAM", "#EXT-X-TARGET"];
    let is_cut = |line: &&str| tags.iter().any(|tag| line.starts_with(tag));
    playlist.lines().filter(is_cut).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_sound_of_a_movie_that_is_encoded_can_be_chosen() {
    if !has_ffmpeg() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let coded = ["-c:v", "mpeg4", "-c:a:0", "ac3", "-c:a:1", "mp2"];
    movie(&folder.path().join("a.mkv"), &coded);
    let server = Server::start(folder.path(), settings);
    for (multivariant, ending) in [("index", ""), ("cmaf", "-cmaf"), ("ts", "-ts")] {
        let playlist = text(server.http, &format!("/a.mkv/{multivariant}.m3u8")).await;
        for (number, language) in [(1, "eng"), (2, "deu")] {
            let told = sound(number, language, ending);
            assert!(playlist.contains(&told), "{told} in {playlist}");
        }
        assert!(playlist.contains(",AUDIO=\"audio\"\n"), "{playlist}");
        assert!(playlist.contains(",mp4a.40.2\""), "{playlist}");
        let media = text(server.http, &format!("/a.mkv/media{ending}.m3u8")).await;
        for number in 1..=2 {
            let sound = text(server.http, &format!("/a.mkv/audio{number}{ending}.m3u8")).await;
            assert_eq!(cuts(&sound), cuts(&media), "{sound}");
            for segment in segments(&sound) {
                let segment = get(server.http, &format!("/a.mkv/{segment}")).await;
                assert_eq!(segment.status, 200);
            }
        }
        let other = get(server.http, &format!("/a.mkv/audio3{ending}.m3u8")).await;
        assert_eq!(other.status, 404);
    }
    is_as_it_was(&server, "a.mkv", folder.path()).await;
    // One process has made all of it.
    assert_eq!(server.hls.transcoders.counts().begun, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn sounds_that_have_to_be_encoded_are_beside_the_others() {
    if !has_ffmpeg() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for (name, codec, languages) in [
        ("a.mp4", "mp2", ["eng", "deu"]),
        // QuickTime has codes of its own for languages.
        ("b.mov", "pcm_mulaw", ["", "deu"]),
    ] {
        let coded = ["-c:v", "libx264", "-c:a:0", "aac", "-c:a:1", codec];
        let rate = ["-ar:a:1", if codec == "mp2" { "48000" } else { "8000" }];
        movie(&folder.path().join(name), &[&coded[..], &rate].concat());
        let server = Server::start(folder.path(), settings);
        for (multivariant, ending) in [("index", ""), ("cmaf", "-cmaf"), ("ts", "-ts")] {
            let playlist = text(server.http, &format!("/{name}/{multivariant}.m3u8")).await;
            for (number, language) in (1..).zip(languages) {
                let told = sound(number, language, ending);
                assert!(
                    language.is_empty() || playlist.contains(&told),
                    "{told} in {playlist}"
                );
            }
            assert_eq!(playlist.matches("#EXT-X-MEDIA:").count(), 2, "{playlist}");
            assert_eq!(
                playlist.matches("#EXT-X-STREAM-INF:").count(),
                1,
                "{playlist}"
            );
            for own in ["media", "audio1"] {
                let own = text(server.http, &format!("/{name}/{own}{ending}.m3u8")).await;
                for segment in segments(&own) {
                    let segment = get(server.http, &format!("/{name}/{segment}")).await;
                    assert_eq!(segment.status, 200);
                }
            }
        }
        // What needs none is not encoded.
        assert_eq!(server.hls.transcoders.counts().begun, 0, "{name}");
        is_as_it_was(&server, name, folder.path()).await;
        let media = text(server.http, &format!("/{name}/media-ts.m3u8")).await;
        let sound = text(server.http, &format!("/{name}/audio2-ts.m3u8")).await;
        assert_eq!(segments(&sound).len(), segments(&media).len(), "{sound}");
        let first = get(server.http, &format!("/{name}/{}", segments(&sound)[0])).await;
        assert_eq!(begin_of_packed(&first.body), Some(900_000), "{name}");
        assert_eq!(server.hls.transcoders.counts().begun, 1, "{name}");
        let other = get(server.http, &format!("/{name}/audio3.m3u8")).await;
        assert_eq!(other.status, 404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sound_that_is_encoded_is_in_its_place_in_a_movie_that_begins_later() {
    if !has_ffmpeg() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let coded = ["-c:v", "libx264", "-c:a:0", "aac", "-c:a:1", "mp2"];
    let later = ["-output_ts_offset", "2"];
    movie(&folder.path().join("a.mp4"), &[&coded[..], &later].concat());
    let server = Server::start(folder.path(), settings);
    // From 0 on.
    let timed = ["-copyts", "-af", "aresample=8000:async=1:first_pts=0"];
    let timed = [&timed[..], &PCM].concat();
    let mut begins = Vec::new();
    for sound in ["audio1", "audio2"] {
        let file = folder.path().join(sound);
        fetch(&server, "a.mp4", sound, &file).await;
        let samples = samples_of(&heard(file.to_str().unwrap(), &timed));
        begins.push(onsets(&samples)[0]);
    }
    let apart = begins[1] - begins[0];
    assert!((apart - SILENCE).abs() < 0.03, "{begins:?}");
}

/// When packed audio begins, in ticks of 90 kHz (RFC 8216, 3.4).
fn begin_of_packed(segment: &[u8]) -> Option<u64> {
    let owner = b"com.apple.streaming.transportStreamTimestamp\0";
    let mut windows = segment.windows(owner.len() + 8);
    let found = windows.find(|window| window.starts_with(owner))?;
    Some(u64::from_be_bytes(*found.last_chunk()?))
}

#[tokio::test(flavor = "multi_thread")]
async fn without_ffmpeg_a_movie_plays_without_sounds_that_need_it() {
    if !has_ffmpeg() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let coded = ["-c:v", "libx264", "-c:a:0", "aac", "-c:a:1", "mp2"];
    movie(&folder.path().join("a.mp4"), &coded);
    let changes: [fn(&mut Config); 2] = [
        |config| config.hls.transcode = false,
        |config| config.hls.ffmpeg = "/nowhere/ffmpeg".to_owned(),
    ];
    for change in changes {
        let server = Server::start(folder.path(), |config| {
            settings(config);
            change(config);
        });
        let playlist = text(server.http, "/a.mp4/cmaf.m3u8").await;
        assert!(playlist.contains(&sound(1, "eng", "-cmaf")), "{playlist}");
        assert!(!playlist.contains("audio2-cmaf.m3u8"), "{playlist}");
        assert_eq!(get(server.http, "/a.mp4/audio2.m3u8").await.status, 404);
        let media = text(server.http, "/a.mp4/media-cmaf.m3u8").await;
        let first = format!("/a.mp4/{}", segments(&media)[0]);
        assert_eq!(get(server.http, &first).await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sounds_that_are_encoded_have_keys_that_are_there() {
    if !has_ffmpeg() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let whole = ["-c:v", "mpeg4", "-c:a:0", "ac3", "-c:a:1", "mp2"];
    movie(&folder.path().join("a.mkv"), &whole);
    let beside = ["-c:v", "libx264", "-c:a:0", "aac", "-c:a:1", "mp2"];
    movie(&folder.path().join("b.mp4"), &beside);
    for method in [Method::Aes128, Method::SampleAes] {
        let server = Server::start(folder.path(), |config| {
            settings(config);
            config.hls.encryption.method = method;
        });
        for name in ["a.mkv", "b.mp4"] {
            for playlist in ["media", "audio1", "audio2"] {
                let playlist = text(server.http, &format!("/{name}/{playlist}.m3u8")).await;
                let key = playlist.rsplit_once("#EXT-X-KEY:").unwrap().1;
                let key = key.split_once("URI=\"").unwrap().1;
                let key = key.split_once('"').unwrap().0;
                let key = get(server.http, &format!("/{name}/{key}")).await;
                assert_eq!(
                    (key.status, key.body.len()),
                    (200, 16),
                    "{name}: {playlist}"
                );
                let first = format!("/{name}/{}", segments(&playlist)[0]);
                assert_eq!(
                    get(server.http, &first).await.status,
                    200,
                    "{name}: {playlist}"
                );
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_variant_for_players_that_know_less_has_the_first_sound() {
    if !has_ffmpeg() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let coded = ["-c:v", "libvpx-vp9", "-c:a:0", "aac", "-c:a:1", "mp2"];
    movie(&folder.path().join("a.mp4"), &coded);
    let server = Server::start(folder.path(), |config| {
        settings(config);
        config.hls.compat = true;
    });
    let playlist = text(server.http, "/a.mp4/cmaf.m3u8").await;
    assert!(playlist.contains("compat-cmaf.m3u8"), "{playlist}");
    assert!(playlist.contains("audio2-cmaf.m3u8"), "{playlist}");
    let file = folder.path().join("compat.heard");
    fetch(&server, "a.mp4", "compat", &file).await;
    let bytes = heard(file.to_str().unwrap(), &PCM);
    let pairs = bytes.chunks_exact(2);
    let samples: Vec<_> = pairs
        .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
        .collect();
    let pitch = pitch(&samples[32_000..40_000]);
    assert!((pitch - 440.0).abs() < 5.0, "{pitch}");
    // Old players get all that is in the file, encoded.
    let playlist = text(server.http, "/a.mp4/ts.m3u8").await;
    assert!(playlist.contains(&sound(2, "deu", "-ts")), "{playlist}");
    let segments_of = async |name: &str| {
        let playlist = text(server.http, &format!("/a.mp4/{name}-ts.m3u8")).await;
        segments(&playlist)[0].to_owned()
    };
    let first = segments_of("audio2").await;
    assert_eq!(
        get(server.http, &format!("/a.mp4/{first}")).await.status,
        200
    );
}
