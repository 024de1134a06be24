//! Channels of a track in QuickTime's own encodings and of another that has to be encoded too: one process does both.

use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use reelcast::base::hex::unhex;
use reelcast::codec::{self, Format, Sink};

use super::quicktime::{
    HEARD, SMALL, Sent, compare, compare_playlist, made, publish, start_server, start_server_with,
};
use super::quicktime_generic::{
    MOST, PICTURES, SOUND, Sample, hint_pictures, hint_sound, make_movie, samples,
};
use super::support::movies::qtss;
use super::support::pictures::can_be_decoded;
use super::support::publisher::rtp;
use super::support::server::Server;

/// How a track's samples go into payloads.
type Layout = fn(&Path) -> Vec<Sent>;

/// What ffmpeg is told of each codec, the `a=rtpmap` of each track, and how it is sent.
struct Case {
    codecs: [&'static str; 2],
    encodings: [&'static str; 2],
    layouts: [Layout; 2],
}

const G711: &str = "-c:a pcm_mulaw -ar 8000 -ac 1";

const CASES: [Case; 15] = [
    Case {
        codecs: [PICTURES, G711],
        encodings: ["X-QT/90000", "PCMU/8000"],
        layouts: [hint_pictures, |movie| plain_sound(movie, 8000, 1)],
    },
    Case {
        codecs: [PICTURES, "-c:a pcm_s16be"],
        encodings: ["X-QT/90000", "L16/22050/2"],
        layouts: [hint_pictures, |movie| plain_sound(movie, 22_050, 4)],
    },
    Case {
        codecs: [PICTURES, "-c:a mp2 -ar 44100"],
        encodings: ["X-QT/90000", "MPA/90000\r\na=fmtp:97 layer=2"],
        layouts: [hint_pictures, mpeg_audio],
    },
    Case {
        codecs: [PICTURES, "-c:a pcm_alaw -ar 8000 -ac 1"],
        encodings: ["X-QT/90000", "PCMA/8000"],
        layouts: [hint_pictures, |movie| plain_sound(movie, 8000, 1)],
    },
    Case {
        codecs: [PICTURES, "-c:a pcm_u8"],
        encodings: ["X-QT/90000", "L8/22050/2"],
        layouts: [hint_pictures, |movie| plain_sound(movie, 22_050, 2)],
    },
    Case {
        codecs: [PICTURES, "-c:a pcm_s24be -ar 8000"],
        encodings: ["X-QT/90000", "L24/8000/2"],
        layouts: [hint_pictures, |movie| plain_sound(movie, 8000, 6)],
    },
    Case {
        codecs: ["-c:v mpeg4 -q:v 3 -bf 2 -bsf:v dump_extra", SOUND],
        encodings: ["MP4V-ES/90000", "X-QT/22050"],
        layouts: [|movie| pictures(movie, &[&[], &[]], 0), hint_sound],
    },
    Case {
        codecs: ["-c:v h263 -q:v 3", SOUND],
        encodings: ["H263-1998/90000", "X-QT/22050"],
        // The first payload stands for two bytes more.
        layouts: [|movie| pictures(movie, &[&[4, 0], &[0, 0]], 2), hint_sound],
    },
    Case {
        codecs: [
            "-c:v mjpeg -q:v 3 -huffman default -pix_fmt yuvj420p",
            SOUND,
        ],
        encodings: ["JPEG/90000", "X-QT/22050"],
        layouts: [motion_jpeg, hint_sound],
    },
    Case {
        codecs: [PICTURES, SOUND],
        encodings: ["VP8/90000", "X-QT/22050"],
        layouts: [vp8, hint_sound],
    },
    Case {
        codecs: [PICTURES, G711],
        encodings: ["X-QT/90000", "G722/8000"],
        layouts: [hint_pictures, |movie| {
            coded_sound(movie, "g722 -ar 16000", 160)
        }],
    },
    Case {
        codecs: [PICTURES, G711],
        encodings: ["X-QT/90000", "G726-32/8000"],
        layouts: [hint_pictures, |movie| {
            coded_sound(movie, "g726le -b:a 32k", 80)
        }],
    },
    Case {
        codecs: [PICTURES, G711],
        encodings: ["X-QT/90000", "G726-24/8000"],
        layouts: [hint_pictures, |movie| {
            coded_sound(movie, "g726le -b:a 24k", 60)
        }],
    },
    Case {
        codecs: [PICTURES, G711],
        encodings: ["X-QT/90000", "GSM/8000"],
        layouts: [hint_pictures, |movie| coded_sound(movie, "libgsm", 33)],
    },
    Case {
        codecs: [PICTURES, G711],
        encodings: ["X-QT/90000", "SPEEX/16000"],
        layouts: [hint_pictures, speex],
    },
];

/// Sound that some players know as it is.
const KNOWN_TO_SOME: [Case; 2] = [
    Case {
        codecs: [PICTURES, "-c:a ac3 -ar 48000"],
        encodings: ["X-QT/90000", "AC3/48000/2"],
        // Whole frames, one of them (RFC 4184, 4.1.1).
        layouts: [hint_pictures, |movie| frames(movie, &[0, 1], 48_000)],
    },
    Case {
        codecs: [PICTURES, "-c:a pcm_s16be -ar 48000"],
        encodings: ["X-QT/90000", "OPUS/48000/2"],
        layouts: [hint_pictures, opus],
    },
];

/// Pictures in pieces, which have such headers, the first one another; it leaves out so many bytes.
fn pictures(movie: &Path, headers: &[&[u8]; 2], left_out: usize) -> Vec<Sent> {
    let (mut sequence, mut sent) = (0, Vec::new());
    for picture in samples(movie, "v") {
        let time = (picture.seconds * 90_000.0).round() as u32;
        let data = &picture.data[left_out..];
        let count = data.len().div_ceil(MOST);
        for (index, piece) in data.chunks(MOST).enumerate() {
            let mut packet = rtp(96, index + 1 == count, sequence, time, 7);
            packet.extend_from_slice(headers[index.min(1)]);
            packet.extend_from_slice(piece);
            sent.push((picture.seconds, 0, packet));
            sequence += 1;
        }
    }
    in_order(sent)
}

/// Packets of which it is known when they are due.
struct Due {
    seconds: f64,
    sent: Vec<Sent>,
}

impl Sink for Due {
    fn payload(&mut self, parts: &[&[u8]], marker: bool, _: u32) {
        let time = (self.seconds * 90_000.0).round() as u32;
        let mut packet = rtp(96, marker, self.sent.len() as u16, time, 7);
        packet.extend(parts.concat());
        self.sent.push((self.seconds, 0, packet));
    }
}

/// Pieces of pictures, of which the first has the quantisation tables (RFC 2435).
fn motion_jpeg(movie: &Path) -> Vec<Sent> {
    let packetizer = Format::Jpeg.packetizer();
    let mut due = Due {
        seconds: 0.0,
        sent: Vec::new(),
    };
    for picture in samples(movie, "v") {
        due.seconds = picture.seconds;
        let sample = codec::Sample {
            data: &picture.data,
            offset: 0,
        };
        packetizer.packetize(&[sample], MOST, &mut due).unwrap();
    }
    due.sent
}

/// The pictures of a movie in VP8, in pieces of which the first says so (RFC 7741, 4.2).
fn vp8(movie: &Path) -> Vec<Sent> {
    let coded = movie.with_extension("ivf");
    let input = ["-i", movie.to_str().unwrap(), "-an", "-c:v", "libvpx"];
    let options = "-deadline realtime -lag-in-frames 0 -auto-alt-ref 0 -b:v 4M -g 15";
    let options: Vec<_> = options.split(' ').collect();
    run_ffmpeg(&[&input[..], &options].concat(), &coded);
    let file = std::fs::read(coded).unwrap();
    let (mut rest, mut sent) = (&file[32..], Vec::new());
    for number in 0.. {
        let Some((header, after)) = rest.split_first_chunk::<12>() else {
            break;
        };
        let (size, _) = header.split_first_chunk().unwrap();
        let (picture, after) = after.split_at(u32::from_le_bytes(*size) as usize);
        rest = after;
        let count = picture.len().div_ceil(MOST);
        for (index, piece) in picture.chunks(MOST).enumerate() {
            let sequence = sent.len() as u16;
            let mut packet = rtp(96, index + 1 == count, sequence, number * 6000, 7);
            packet.push(if index == 0 { 0x10 } else { 0 });
            packet.extend_from_slice(piece);
            sent.push((f64::from(number) / 15.0, 0, packet));
        }
    }
    sent
}

/// Pictures are sent in the order in which they are decoded.
pub(super) fn in_order(mut sent: Vec<Sent>) -> Vec<Sent> {
    let mut latest = 0.0_f64;
    for (due, ..) in &mut sent {
        latest = latest.max(*due);
        *due = latest;
    }
    sent
}

/// Sound of which any number of such frames can be sent.
fn plain_sound(movie: &Path, rate_hz: u32, bytes_per_frame: usize) -> Vec<Sent> {
    let sound: Vec<u8> = samples(movie, "a")
        .into_iter()
        .flat_map(|sample| sample.data)
        .collect();
    let frames = rate_hz / 50;
    let pieces = sound.chunks(frames as usize * bytes_per_frame);
    let packet = |(number, piece): (u16, &[u8])| {
        let time = u32::from(number) * frames;
        let mut packet = rtp(97, false, number, time, 8);
        packet.extend_from_slice(piece);
        (f64::from(time) / f64::from(rate_hz), 1, packet)
    };
    (0..).zip(pieces).map(packet).collect()
}

/// The sound of a movie at 8 kHz, coded as ffmpeg is told, with so many bytes in each packet, 20 ms (RFC 3551, 4.5).
fn coded_sound(movie: &Path, codec: &str, bytes: usize) -> Vec<Sent> {
    let name = codec.split_whitespace().next().unwrap().replace("lib", "");
    let coded = movie.with_extension(&name);
    let input = ["-i", movie.to_str().unwrap(), "-vn", "-f", &name, "-c:a"];
    let codec: Vec<_> = codec.split(' ').collect();
    run_ffmpeg(&[&input[..], &codec].concat(), &coded);
    let sound = std::fs::read(coded).unwrap();
    let packet = |(number, piece): (u16, &[u8])| {
        let mut packet = rtp(97, false, number, u32::from(number) * 160, 8);
        packet.extend_from_slice(piece);
        (f64::from(number) / 50.0, 1, packet)
    };
    (0..).zip(sound.chunks(bytes)).map(packet).collect()
}

/// The sound of a movie in Speex, two frames in each packet (RFC 5574, 3.3).
fn speex(movie: &Path) -> Vec<Sent> {
    let coded = movie.with_extension("mkv");
    let input = ["-i", movie.to_str().unwrap(), "-vn", "-c:a", "libspeex"];
    // What coding delays it by, it is ahead of.
    let ahead = ["-af", "atrim=start=0.014"];
    let options = [&ahead[..], &["-ar", "16000", "-frames_per_packet", "2"]].concat();
    run_ffmpeg(&[&input[..], &options].concat(), &coded);
    let packet = |(number, frames): (u16, Vec<u8>)| {
        let mut packet = rtp(97, false, number, u32::from(number) * 640, 8);
        packet.extend(frames);
        (f64::from(number) / 25.0, 1, packet)
    };
    let sound = dumped(&coded, "packet=data");
    (0..).zip(sound).map(packet).collect()
}

/// What ffprobe shows of the bytes of a file's sound, as it is told.
fn dumped(file: &Path, what: &str) -> Vec<Vec<u8>> {
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-select_streams", "a", "-show_data"])
        .args(["-of", "default=noprint_wrappers=1", "-show_entries", what])
        .arg(file)
        .output();
    let text = String::from_utf8(output.unwrap().stdout).unwrap();
    let mut dumps: Vec<Vec<u8>> = Vec::new();
    for line in text.lines() {
        let Some((_, dump)) = line.split_once(": ") else {
            continue;
        };
        if line.starts_with("00000000") {
            dumps.push(Vec::new());
        }
        // Sixteen bytes, two in each group of digits.
        let digits = dump[..40].replace(' ', "");
        dumps.last_mut().unwrap().extend(unhex(&digits).unwrap());
    }
    dumps
}

/// A frame in each packet (RFC 2250, 3.5).
fn mpeg_audio(movie: &Path) -> Vec<Sent> {
    frames(movie, &[0; 4], 90_000)
}

/// The sound of a movie in Opus, which movies of QuickTime do not hold, a frame in each packet (RFC 7587, 4.2).
fn opus(movie: &Path) -> Vec<Sent> {
    let coded = movie.with_extension("mp4");
    let input = ["-i", movie.to_str().unwrap(), "-vn", "-c:a", "libopus"];
    run_ffmpeg(&input, &coded);
    frames(&coded, &[], 48_000)
}

/// A frame in each packet, behind such a header.
fn frames(movie: &Path, header: &[u8], clock_hz: u32) -> Vec<Sent> {
    let packet = |(number, frame): (u16, Sample)| {
        let time = (frame.seconds * f64::from(clock_hz)).round() as u32;
        let mut packet = rtp(97, true, number, time, 8);
        packet.extend_from_slice(header);
        packet.extend_from_slice(&frame.data);
        (frame.seconds, 1, packet)
    };
    let frames = samples(movie, "a").into_iter();
    // The first holds what comes before the sound.
    let frames = frames.filter(|frame| frame.seconds >= 0.0);
    (0..).zip(frames).map(packet).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_process_encodes_all_tracks_of_a_channel() {
    if !can_be_decoded() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for (number, case) in CASES.into_iter().enumerate() {
        let movie = folder.path().join(format!("{number}.mov"));
        make_movie(&movie, case.codecs);
        let packets = case.layouts.map(|layout| layout(&movie));
        let server = start_server();
        let _publisher = publish(&server, case.encodings, packets.concat());
        compare(&server, &movie, 6000).await;
        assert_eq!(begun(&server), 1, "{number}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sound_that_some_players_know_is_encoded_with_the_pictures_for_the_others() {
    if !can_be_decoded() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for (number, case) in KNOWN_TO_SOME.into_iter().enumerate() {
        let movie = folder.path().join(format!("{number}.mov"));
        make_movie(&movie, case.codecs);
        let packets = case.layouts.map(|layout| layout(&movie));
        let server = start_server_with(|config| config.hls.compat = true);
        let _publisher = publish(&server, case.encodings, packets.concat());
        compare_playlist(&server, "compat-cmaf", &movie, 6000).await;
        assert_eq!(begun(&server), 1, "{number}");
    }
}

/// How many processes have begun, of which none has failed.
pub(super) fn begun(server: &Server) -> u64 {
    let counts = server.hls.transcoders.counts();
    assert_eq!(counts.failed, 0);
    counts.begun
}

pub(super) fn run_ffmpeg(arguments: &[&str], output: &Path) {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-nostdin"]).args(arguments);
    assert!(command.arg(output).status().unwrap().success());
}

/// Looks at and listens to a channel of pictures and the frames of the file `speech`, which last so many ticks.
async fn hear_speech(speech: &Path, encoding: &str, ticks: u32) {
    let [pictures, movie] = ["old.mov", "both.mov"].map(|name| speech.with_file_name(name));
    make_movie(&pictures, [PICTURES, G711]);
    let inputs = [&pictures, speech].map(|input| ["-i", input.to_str().unwrap()]);
    let both = ["-map", "0:v", "-map", "1:a", "-c", "copy"];
    run_ffmpeg(&[&inputs.concat()[..], &both].concat(), &movie);
    // Octets in whole, and no wish for a mode (RFC 4867, 4.4).
    let packet = |(number, frame): (u16, Sample)| {
        let mut packet = rtp(97, false, number, u32::from(number) * ticks, 8);
        packet.push(0xf0);
        packet.extend_from_slice(&frame.data);
        (f64::from(number) / 50.0, 1, packet)
    };
    let sound: Vec<Sent> = (0..).zip(samples(&movie, "a")).map(packet).collect();
    let server = start_server();
    let packets = [hint_pictures(&movie), sound].concat();
    let encoding = format!("{encoding}\r\na=fmtp:97 octet-align=1");
    let _publisher = publish(&server, ["X-QT/90000", &encoding], packets);
    compare(&server, &movie, 6000).await;
    assert_eq!(begun(&server), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn speech_is_encoded_with_the_pictures() {
    let Some(movies) = qtss().filter(|_| can_be_decoded()) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let speech = folder.path().join("speech.amr");
    let recorded = movies.join("sample_50kbit.3gp");
    let copied = ["-map", "0:a", "-c", "copy", "-t", "10"];
    run_ffmpeg(
        &[&["-i", recorded.to_str().unwrap()], &copied[..]].concat(),
        &speech,
    );
    hear_speech(&speech, "AMR/8000", 160).await;
}

/// Ten seconds of AMR-WB: every second the same frame again and again, a buzz, for any bits are a frame; and then nothing.
fn wide_speech() -> Vec<u8> {
    // 23.85 kbit/s.
    let buzz: Vec<u8> = [0x44]
        .into_iter()
        .chain((0..60_u8).map(|at| at.wrapping_mul(5)))
        .collect();
    let nothing = vec![0x7c];
    let frame = |number| if number % 50 < 30 { &buzz } else { &nothing };
    let frames = (0..500).flat_map(frame).copied();
    b"#!AMR-WB\n".iter().copied().chain(frames).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn wide_speech_is_encoded_with_the_pictures() {
    if !can_be_decoded() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let speech = folder.path().join("speech.awb");
    std::fs::write(&speech, wide_speech()).unwrap();
    hear_speech(&speech, "AMR-WB/16000", 320).await;
}

/// Headers as Matroska has them, as they are in descriptions (RFC 5215, 3.2.1): by 0x010203 payloads ask for them.
fn configuration(laced: &[u8]) -> String {
    // The comment is short.
    let &[2, first, second, ref all @ ..] = laced else {
        panic!("{laced:x?}");
    };
    let [high, low] = (all.len() as u16).to_be_bytes();
    let head = [0, 0, 0, 1, 1, 2, 3, high, low, 2, first, second];
    BASE64_STANDARD.encode([&head, all].concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn sound_whose_headers_are_described_is_encoded_with_the_pictures() {
    if !can_be_decoded() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let [movie, coded] = ["old.mov", "coded.mp4"].map(|name| folder.path().join(name));
    make_movie(&movie, [PICTURES, G711]);
    let input = ["-i", movie.to_str().unwrap(), "-vn", "-c:a", "libvorbis"];
    run_ffmpeg(&[&input[..], &["-ar", "44100"]].concat(), &coded);
    let headers = dumped(&coded, "stream=extradata");
    let configuration = configuration(&headers[0]);
    // Four packets in each payload.
    let payload = |(number, packets): (u16, &[Sample])| {
        let seconds = packets[0].seconds;
        let time = (seconds * 44_100.0).round() as i64 as u32;
        let mut packet = rtp(97, false, number, time, 8);
        packet.extend([1, 2, 3, packets.len() as u8]);
        for Sample { data, .. } in packets {
            packet.extend((data.len() as u16).to_be_bytes());
            packet.extend(data);
        }
        (seconds.max(0.0), 1, packet)
    };
    let packets = samples(&coded, "a");
    let sound: Vec<Sent> = (0..).zip(packets.chunks(4)).map(payload).collect();
    let server = start_server();
    let vorbis = format!("VORBIS/44100\r\na=fmtp:97 configuration={configuration}");
    let packets = [hint_pictures(&movie), sound].concat();
    let _publisher = publish(&server, ["X-QT/90000", &vorbis], packets);
    compare(&server, &movie, 6000).await;
    assert_eq!(begun(&server), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn speech_that_only_old_phones_know_is_heard() {
    if !can_be_decoded() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let movie = folder.path().join("old.mov");
    make_movie(&movie, [PICTURES, G711]);
    // Nobody encodes QCELP, so that it is noise: a full frame in each packet (RFC 2658).
    let packet = |number: u16| {
        let mut packet = rtp(97, false, number, u32::from(number) * 160, 8);
        packet.extend([0, 4]);
        let noise = (0..33).map(|byte| (u32::from(number) * 7919 + byte * 104_729) as u8);
        packet.extend(noise);
        packet.push(0);
        (f64::from(number) / 50.0, 1, packet)
    };
    let sound: Vec<Sent> = (0..500).map(packet).collect();
    let server = start_server();
    let packets = [hint_pictures(&movie), sound].concat();
    let _publisher = publish(&server, ["X-QT/90000", "QCELP/8000"], packets);
    let url = format!("http://{}/old/cmaf.m3u8", server.http);
    let made = tokio::task::spawn_blocking(move || [SMALL, HEARD].map(|what| made(&url, what)));
    let [seen, heard] = made.await.unwrap();
    assert_eq!(seen.len(), 5 * 15 * 720);
    let loudest = heard
        .chunks_exact(2)
        .map(|pair| i16::from_le_bytes([pair[0], pair[1]]));
    let loudest = loudest.map(i16::unsigned_abs).max();
    assert!(loudest > Some(100), "{loudest:?}");
    assert_eq!(begun(&server), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_track_that_falls_silent_does_not_stop_the_other() {
    if !can_be_decoded() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let movie = folder.path().join("old.mov");
    make_movie(&movie, [PICTURES, G711]);
    let mut sound = plain_sound(&movie, 8000, 1);
    sound.retain(|(due, ..)| *due < 1.0);
    let packets = [hint_pictures(&movie), sound].concat();
    let server = start_server();
    let _publisher = publish(&server, ["X-QT/90000", "PCMU/8000"], packets);
    let url = format!("http://{}/old/cmaf.m3u8", server.http);
    let seen = tokio::task::spawn_blocking(move || made(&url, SMALL));
    assert_eq!(seen.await.unwrap().len(), 5 * 15 * 720);
    assert_eq!(begun(&server), 1);
}
