//! What players cannot play, by HLS. The tests that need ffmpeg say so and pass where it is not installed.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use bytes::Bytes;
use reelcast::base::media_time::MediaTime;
use reelcast::base::path::MediaPath;
use reelcast::codec::Format;
use reelcast::codec::elementary::Frame;
use reelcast::codec::pcm::{Coding, Config as Pcm};
use reelcast::config::Config;
use reelcast::container;
use reelcast::media::description::Description;
use reelcast::media::mounts::Takeover;
use reelcast::media::publisher::Publisher;
use reelcast::source::packetiser::Packetiser;

use super::hls::{ask, get, text};
use super::support::clip::{Beside, Clip};
use super::support::movies::{clips, qtss};
use super::support::server::Server;

/// What phones send: G.711 at 8 kHz.
const G711: Pcm = Pcm {
    coding: Coding::ULaw,
    rate_hz: 8000,
    channels: 1,
};

/// Bytes of a second of it.
const SECOND: usize = 8000;

pub(super) fn has_ffmpeg() -> bool {
    let asked = Command::new("ffmpeg")
        .arg("-version")
        .stdout(Stdio::null())
        .status();
    let is_there = asked.is_ok_and(|status| status.success());
    if !is_there {
        println!("skipped: ffmpeg is not installed");
    }
    is_there
}

pub(super) fn settings(config: &mut Config) {
    config.hls.target_duration = Duration::from_secs(2);
    config.hls.start_wait = Duration::from_secs(30);
}

/// A channel of G.711 that has been there for ten seconds.
fn publish(server: &Server) -> Publisher {
    let pieces = (0..500).map(|_| tone(SECOND / 50)).collect();
    publish_sound(server, Format::Pcm(G711), pieces, 160)
}

/// The channel `phone`, to which all `pieces` have been sent, each of so many ticks of 8 kHz.
fn publish_sound(server: &Server, format: Format, pieces: Vec<Vec<u8>>, ticks: u64) -> Publisher {
    let formats = [format];
    let description = Description::of_formats("phone", &formats).unwrap();
    let mut packetiser = Packetiser::new(&description, &formats, 1400, server.clock);
    let path = MediaPath::from_plain("phone").unwrap();
    let publisher = server
        .mounts
        .publish(&path, description, "test".to_owned(), Takeover::Replace);
    let mut publisher = publisher.unwrap();
    let mut now = server.clock.now();
    for (number, data) in pieces.into_iter().enumerate() {
        let time = MediaTime::new(number as i64 * ticks as i64, 8000);
        let frame = Frame { data, time };
        packetiser.push(0, &[frame], &mut publisher, now).unwrap();
        now += Duration::from_millis(ticks / 8);
    }
    publisher.flush(now);
    publisher
}

/// A square wave.
fn tone(length: usize) -> Vec<u8> {
    (0..length)
        .map(|at| if at / 8 % 2 == 0 { 0x20 } else { 0xa0 })
        .collect()
}

/// G.711 in an AU file, which is played by RTSP, but not by HLS.
fn movie(seconds: usize) -> Vec<u8> {
    let length = (seconds * SECOND) as u32;
    let mut file = b".snd".to_vec();
    for field in [24, length, 1, 8000, 1] {
        file.extend_from_slice(&u32::to_be_bytes(field));
    }
    file.extend(tone(seconds * SECOND));
    file
}

/// What is listed in a media playlist.
pub(super) fn segments(playlist: &str) -> Vec<&str> {
    playlist
        .lines()
        .filter(|line| !line.starts_with('#'))
        .collect()
}

#[tokio::test]
async fn sound_of_a_channel_that_no_player_knows_is_encoded() {
    if !has_ffmpeg() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), settings);
    let _publisher = publish(&server);
    let playlist = text(server.http, "/phone/cmaf.m3u8").await;
    assert!(playlist.contains("CODECS=\"mp4a.40.2\""), "{playlist}");
    let playlist = text(server.http, "/phone/media-ts.m3u8").await;
    let first = segments(&playlist)[0];
    assert!(first.ends_with(".aac"), "{playlist}");
    let segment = get(server.http, &format!("/phone/{first}")).await;
    assert_eq!(&segment.body[..3], b"ID3");
}

#[tokio::test]
async fn a_movie_that_no_player_knows_is_encoded_where_it_is_asked_for() {
    if !has_ffmpeg() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.au"), movie(11)).unwrap();
    let server = Server::start(folder.path(), settings);
    let playlist = text(server.http, "/a.au/index.m3u8").await;
    assert!(playlist.contains("CODECS=\"mp4a.40.2\""), "{playlist}");
    let playlist = text(server.http, "/a.au/media.m3u8").await;
    assert!(playlist.ends_with("#EXT-X-ENDLIST\n"), "{playlist}");
    let all = segments(&playlist);
    assert_eq!(all.len(), 6, "{playlist}");
    // Far ahead first, then back.
    let mut sizes = Vec::new();
    for at in [4, 1, 4] {
        let segment = get(server.http, &format!("/a.au/{}", all[at])).await;
        assert_eq!(segment.status, 200, "{at}");
        sizes.push(segment.body.len());
    }
    assert_eq!(sizes[0], sizes[2]);
    let beyond = all[0].replace("-0.", "-6.");
    assert_eq!(
        get(server.http, &format!("/a.au/{beyond}")).await.status,
        404
    );
}

#[tokio::test]
async fn viewers_at_distant_places_have_one_process_in_turns() {
    if !has_ffmpeg() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.au"), movie(120)).unwrap();
    let server = Server::start(folder.path(), |config| {
        settings(config);
        // A second one would be refused.
        config.hls.transcoders = 1;
    });
    let playlist = text(server.http, "/a.au/media.m3u8").await;
    let all = segments(&playlist);
    let watch = async |first: usize| {
        for name in &all[first..first + 10] {
            let segment = get(server.http, &format!("/a.au/{name}")).await;
            assert_eq!(segment.status, 200, "{first}: {name}");
        }
    };
    tokio::join!(watch(0), watch(20), watch(40));
    let counts = server.hls.transcoders.counts();
    assert_eq!((counts.running, counts.refused), (1, 0));
    // Each comes back to what was made while the others waited.
    assert!(counts.begun <= 15, "{counts:?}");
}

#[tokio::test]
async fn without_ffmpeg_a_page_says_so() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.au"), movie(3)).unwrap();
    let server = Server::start(folder.path(), |config| {
        settings(config);
        config.hls.ffmpeg = "/nowhere/ffmpeg".to_owned();
    });
    let _publisher = publish(&server);
    for target in [
        "/phone/index.m3u8",
        "/phone/media-ts.m3u8",
        "/a.au/index.m3u8",
    ] {
        let answer = get(server.http, target).await;
        assert_eq!(answer.status, 503, "{target}");
        assert!(
            answer
                .header("content-type")
                .unwrap()
                .starts_with("text/html")
        );
        assert!(
            answer.text().contains("ffmpeg is not installed"),
            "{}",
            answer.text()
        );
    }
}

#[tokio::test]
async fn what_never_was_is_not_looked_for_with_ffmpeg() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(clips().join("clock.mp4"), folder.path().join("a.mp4")).unwrap();
    std::fs::write(folder.path().join("b.au"), movie(3)).unwrap();
    std::fs::copy(clips().join("tone.m4a"), folder.path().join("c.m4a")).unwrap();
    let server = Server::start(folder.path(), |config| {
        settings(config);
        config.hls.ffmpeg = "/nowhere/ffmpeg".to_owned();
    });
    for target in [
        "/a.mp4/00000000-0.m4s",
        "/a.mp4/audio1.m3u8",
        "/c.m4a/iframes.m3u8",
        "/b.au/00000000-0.m4s",
        "/b.au/audio1.m3u8",
    ] {
        assert_eq!(get(server.http, target).await.status, 404, "{target}");
    }
}

#[tokio::test]
async fn segments_are_found_after_a_restart() {
    if !has_ffmpeg() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.au"), movie(3)).unwrap();
    let start = || {
        Server::start(folder.path(), |config| {
            settings(config);
            config.hls.transcoders = 1;
        })
    };
    let playlist = text(start().http, "/a.au/media.m3u8").await;
    let first = format!("/a.au/{}", segments(&playlist)[0]);
    assert_eq!(get(start().http, &first).await.status, 200);
}

#[tokio::test]
async fn ranges_of_two_encodings_are_not_joined() {
    if !has_ffmpeg() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.au"), movie(3)).unwrap();
    let servers = [(); 2].map(|()| Server::start(folder.path(), settings));
    let playlist = text(servers[0].http, "/a.au/media.m3u8").await;
    let streams = text(servers[0].http, "/a.au/media-ts.m3u8").await;
    for segment in [segments(&playlist)[0], segments(&streams)[0]] {
        let segment = format!("/a.au/{segment}");
        let whole = get(servers[0].http, &segment).await;
        let kept = whole.header("cache-control").unwrap();
        assert!(kept.contains("max-age=31536000") && !kept.contains("immutable"));
        let tag = whole.header("etag").unwrap();
        let rest = format!("Range: bytes=9-\r\nIf-Range: {tag}\r\n");
        for (server, status) in servers.iter().zip([206, 200]) {
            let answer = ask(server.http, "GET", &segment, &rest).await;
            assert_eq!(answer.status, status, "{segment}");
        }
    }
}

/// A movie that this server does not read, of the sound of [`movie`].
fn avi(folder: &Path) {
    std::fs::write(folder.join("a.au"), movie(5)).unwrap();
    let mut made = Command::new("ffmpeg");
    made.args(["-v", "error", "-nostdin", "-i"])
        .arg(folder.join("a.au"));
    made.args(["-c:a", "libmp3lame"]).arg(folder.join("a.avi"));
    assert!(made.status().unwrap().success());
}

/// Has ffmpeg make `file` of some other files, or of what it makes up itself.
pub(super) fn make(file: &Path, arguments: &[&str]) {
    let mut made = Command::new("ffmpeg");
    made.args(["-v", "error", "-nostdin"]).args(arguments);
    assert!(made.arg(file).status().unwrap().success());
}

#[tokio::test]
async fn mpeg_audio_before_mp3_is_encoded() {
    if !has_ffmpeg() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let tone = ["-f", "lavfi", "-i", "sine=duration=3:sample_rate=48000"];
    let coded = [&tone[..], &["-c:a", "mp2"]].concat();
    make(&folder.path().join("a.mp2"), &coded);
    make(&folder.path().join("b.mp4"), &coded);
    let server = Server::start(folder.path(), settings);
    for movie in ["a.mp2", "b.mp4"] {
        let playlist = text(server.http, &format!("/{movie}/cmaf.m3u8")).await;
        assert!(playlist.contains("CODECS=\"mp4a.40.2\""), "{playlist}");
    }
}

#[tokio::test]
async fn speech_that_only_ffmpeg_reads_is_encoded() {
    if !has_ffmpeg() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let tone = ["-f", "lavfi", "-i", "sine=duration=3:sample_rate=16000"];
    make(
        &folder.path().join("a.mkv"),
        &[&tone[..], &["-c:a", "libspeex"]].concat(),
    );
    let server = Server::start(folder.path(), settings);
    let playlist = text(server.http, "/a.mkv/media-cmaf.m3u8").await;
    let segments = segments(&playlist);
    assert!(!segments.is_empty(), "{playlist}");
    for segment in segments {
        let segment = get(server.http, &format!("/a.mkv/{segment}")).await;
        assert_eq!(segment.status, 200);
    }
}

/// How many pictures a segment has.
fn pictures(init: &[u8], segment: &[u8]) -> u64 {
    let file = Bytes::from([init, segment].concat());
    let movie = container::open(&file).unwrap();
    movie.tracks[0].samples.len().into()
}

#[tokio::test]
async fn no_picture_is_lost_where_a_process_begins() {
    if !has_ffmpeg() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut made = Command::new("ffmpeg");
    made.args(["-v", "error", "-nostdin", "-f", "lavfi", "-i"]);
    made.args(["testsrc2=s=64x64:r=25:d=11", "-c:v", "mpeg4", "-g", "12"]);
    let made = made.arg(folder.path().join("a.avi")).status();
    assert!(made.unwrap().success());
    let server = Server::start(folder.path(), settings);
    let playlist = text(server.http, "/a.avi/media-cmaf.m3u8").await;
    let map = playlist.split_once("MAP:URI=\"").unwrap().1;
    let map = map.split_once('"').unwrap().0;
    let init = get(server.http, &format!("/a.avi/{map}")).await.body;
    // Each by a process of its own, for what is before is not on the way.
    let mut count = 0;
    for segment in segments(&playlist).into_iter().rev() {
        let segment = get(server.http, &format!("/a.avi/{segment}")).await;
        assert_eq!(segment.status, 200);
        count += pictures(&init, &segment.body);
    }
    assert_eq!(count, 11 * 25);
}

#[tokio::test]
async fn what_only_ffmpeg_reads_is_listed_has_a_page_and_can_be_fetched() {
    if !has_ffmpeg() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    avi(folder.path());
    let server = Server::start(folder.path(), |config| {
        settings(config);
        config.http.download = true;
    });
    let page = text(server.http, "/a.avi?json").await;
    for told in [
        "\"page\":\"watch\"",
        "\"formats\":[\"MPEG audio\"]",
        "\"has_video\":false",
        "\"rtsp_port\":null",
        "\"download\":\"/a.avi?download\"",
    ] {
        assert!(page.contains(told), "{told} in {page}");
    }
    let listed = async {
        while !text(server.http, "/?json").await.contains("\"/a.avi\"") {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let listed = tokio::time::timeout(Duration::from_secs(20), listed).await;
    listed.expect("it is in the list");
    let file = get(server.http, "/a.avi?download").await;
    assert_eq!(file.status, 200);
    assert_eq!(file.header("content-type"), Some("video/x-msvideo"));
    assert!(file.body == std::fs::read(folder.path().join("a.avi")).unwrap());
    let playlist = text(server.http, "/a.avi/index.m3u8").await;
    assert!(playlist.contains("CODECS=\"mp4a.40.2\""), "{playlist}");
}

/// What ffmpeg makes of the sound of `input`, a file or URL, with options for its output.
pub(super) fn heard(input: &str, output: &[&str]) -> Vec<u8> {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-nostdin", "-i", input]);
    command.args(["-map", "0:a:0"]).args(output).arg("-");
    command.output().unwrap().stdout
}

pub(super) const PCM: [&str; 6] = ["-ar", "8000", "-ac", "1", "-f", "s16le"];

/// How alike two pieces of sound are: 1 when they are the same, 0 when they have nothing in common.
fn likeness(one: &[u8], other: &[u8]) -> f64 {
    let samples = |bytes: &[u8]| {
        let pairs = bytes.chunks_exact(2);
        let samples = pairs.map(|pair| f64::from(i16::from_le_bytes([pair[0], pair[1]])));
        samples.collect::<Vec<_>>()
    };
    let (one, other) = (samples(one), samples(other));
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    product(&one, &other) / (product(&one, &one) * product(&other, &other)).sqrt()
}

#[tokio::test(flavor = "multi_thread")]
async fn speech_with_several_frames_in_a_sample_is_heard_whole() {
    let Some(movies) = qtss().filter(|_| has_ffmpeg()) else {
        return;
    };
    let movie = movies.join("sample_50kbit.3gp");
    let folder = tempfile::tempdir().unwrap();
    let frames = folder.path().join("frames.amr");
    let copied = ["-c", "copy", "-f", "amr"];
    std::fs::write(&frames, heard(movie.to_str().unwrap(), &copied)).unwrap();
    let original = heard(frames.to_str().unwrap(), &PCM);
    assert_eq!(original.len(), 699 * 5 * 320);

    let server = Server::start(&movies, settings);
    let playlist = text(server.http, "/sample_50kbit.3gp/media-cmaf.m3u8").await;
    // What is asked for first is made by processes of its own.
    for number in [27, 15] {
        let segment = segments(&playlist)[number];
        get(server.http, &format!("/sample_50kbit.3gp/{segment}")).await;
    }
    let url = format!("http://{}/sample_50kbit.3gp/cmaf.m3u8", server.http);
    let heard = heard(&url, &PCM);
    assert!(heard.len() >= original.len());
    for (number, piece) in original.chunks(16_000).enumerate() {
        let begin = number * 16_000;
        let likeness = likeness(&heard[begin..begin + piece.len()], piece);
        // One frame of five would come to 0.45 at most.
        assert!(likeness > 0.95, "second {number}: {likeness}");
    }
}

/// The frames of a file in storage format (RFC 4867, 5), so many at a time.
fn speech(file: &[u8], at_a_time: usize) -> Vec<Vec<u8>> {
    let mut rest = file.strip_prefix(b"#!AMR\n").unwrap();
    let mut frames = Vec::new();
    while !rest.is_empty() {
        let size = [12, 13, 15, 17, 19, 20, 26, 31, 5][usize::from(rest[0] >> 3 & 15)];
        let frame;
        (frame, rest) = rest.split_at(1 + size);
        frames.push(frame);
    }
    frames.chunks(at_a_time).map(<[_]>::concat).collect()
}

/// Writes all that a playlist of fragmented MP4 lists into one file.
pub(super) async fn fetch(server: &Server, channel: &str, playlist: &str, file: &Path) {
    let playlist = text(server.http, &format!("/{channel}/{playlist}-cmaf.m3u8")).await;
    let (_, map) = playlist.split_once("#EXT-X-MAP:URI=\"").unwrap();
    let map = map.split('"').next().unwrap();
    let mut media = get(server.http, &format!("/{channel}/{map}")).await.body;
    for segment in segments(&playlist) {
        media.extend(
            get(server.http, &format!("/{channel}/{segment}"))
                .await
                .body,
        );
    }
    std::fs::write(file, media).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn speech_with_several_frames_in_a_packet_of_a_channel_is_heard_whole() {
    let Some(movies) = qtss().filter(|_| has_ffmpeg()) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let frames = folder.path().join("frames.amr");
    let movie = movies.join("sample_50kbit.3gp");
    let copied = ["-t", "10", "-c", "copy", "-f", "amr"];
    std::fs::write(&frames, heard(movie.to_str().unwrap(), &copied)).unwrap();
    let original = heard(frames.to_str().unwrap(), &PCM);
    let pieces = speech(&std::fs::read(&frames).unwrap(), 5);
    let format = Format::Amr {
        wide: false,
        channels: 1,
    };
    let server = Server::start(folder.path(), settings);
    let _publisher = publish_sound(&server, format, pieces, 800);

    let begun = folder.path().join("begun.mp4");
    fetch(&server, "phone", "media", &begun).await;
    let heard = heard(begun.to_str().unwrap(), &PCM);
    // The encoder's own delay, of a quarter of a second at most, is not of interest here.
    let piece = &original[..2 * 16_000];
    assert!(heard.len() > piece.len() + 4000, "{}", heard.len());
    let delayed = (0..2000).map(|delay| likeness(&heard[2 * delay..][..piece.len()], piece));
    let best = delayed.fold(0.0, f64::max);
    // One frame of five would come to 0.45 at most.
    assert!(best > 0.9, "{best}");
}

/// Sound with silence where something is missing.
const ON_TIME: [&str; 6] = ["-af", "aresample=8000:async=1", "-ac", "1", "-f", "s16le"];

/// A sample that is louder belongs to a tone.
const LOUD: i16 = 3000;

/// Where tones begin after a tenth of a second of silence, in seconds.
pub(super) fn onsets(sound: &[i16]) -> Vec<f64> {
    let (mut onsets, mut quiet) = (Vec::new(), 0);
    for (at, sample) in sound.iter().enumerate() {
        quiet += 1;
        if sample.unsigned_abs() > LOUD.unsigned_abs() {
            if quiet > 800 {
                onsets.push(at as f64 / 8000.0);
            }
            quiet = 0;
        }
    }
    onsets
}

/// How often so many seconds of sound go from below to above the middle, a second.
pub(super) fn pitch(sound: &[i16]) -> f64 {
    let rises = sound.windows(2).filter(|pair| pair[0] < 0 && pair[1] >= 0);
    rises.count() as f64 / (sound.len() as f64 / 8000.0)
}

/// What is heard of one of the sounds of the channel `tv` so far.
async fn heard_of(server: &Server, sound: &str, folder: &Path) -> Vec<i16> {
    let file = folder.join(format!("{sound}.mp4"));
    fetch(server, "tv", sound, &file).await;
    let bytes = heard(file.to_str().unwrap(), &ON_TIME);
    let pairs = bytes.chunks_exact(2);
    pairs
        .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_further_sound_that_no_player_knows_is_a_choice() {
    if !has_ffmpeg() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), settings);
    // Half a second of a tone at the end of each of twelve.
    let frame = |number: usize| match number % 50 {
        0..25 => vec![0xff; SECOND / 50],
        _ => tone(SECOND / 50),
    };
    let beside = Beside {
        format: Format::Pcm(G711),
        frames: (0..600).map(frame).collect(),
        ticks: 160,
    };
    let mut clip = Clip::publish_beside(&server, "tv", beside);
    let (mut sent, mut beeps, mut begins) = (10.0, Vec::new(), Vec::new());
    clip.send_until(sent);
    // A busy machine may hear of the first seconds too late.
    while begins.len() < 5 {
        assert!(sent < 120.0, "it has begun {begins:?}");
        let playlist = text(server.http, "/tv/cmaf.m3u8").await;
        if playlist.contains("audio2-cmaf.m3u8") {
            beeps = heard_of(&server, "audio2", folder.path()).await;
            begins = onsets(&beeps);
        } else {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        sent += 1.0;
        clip.send_until(sent);
    }
    for begin in &begins {
        let since = begin - begins[0];
        assert!((since - since.round()).abs() < 0.05, "{begins:?}");
    }
    let beep = (begins[1] * 8000.0) as usize;
    let pitches = [
        pitch(&beeps[beep + 1200..beep + 2400]),
        pitch(&heard_of(&server, "audio1", folder.path()).await[beep + 1200..beep + 2400]),
    ];
    assert!((pitches[0] - 500.0).abs() < 10.0, "{pitches:?}");
    assert!((pitches[1] - 440.0).abs() < 10.0, "{pitches:?}");
    let playlist = text(server.http, "/tv/ts.m3u8").await;
    assert!(
        playlist.contains("CHANNELS=\"2\",URI=\"audio1-ts.m3u8\""),
        "{playlist}"
    );
    assert!(
        playlist.contains("CHANNELS=\"1\",URI=\"audio2-ts.m3u8\""),
        "{playlist}"
    );
    assert!(!playlist.contains("media-ts.m3u8\""), "{playlist}");
}

#[tokio::test]
async fn without_ffmpeg_a_channel_plays_without_a_further_sound() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), |config| {
        settings(config);
        config.hls.ffmpeg = "/nowhere/ffmpeg".to_owned();
    });
    let beside = Beside {
        format: Format::Pcm(G711),
        frames: (0..600).map(|_| tone(SECOND / 50)).collect(),
        ticks: 160,
    };
    let mut clip = Clip::publish_beside(&server, "tv", beside);
    clip.send_until(10.0);
    let playlist = text(server.http, "/tv/cmaf.m3u8").await;
    assert!(playlist.contains("audio1-cmaf.m3u8"), "{playlist}");
    assert!(!playlist.contains("audio2-cmaf.m3u8"), "{playlist}");
    assert!(playlist.contains("avc1."), "{playlist}");
}
