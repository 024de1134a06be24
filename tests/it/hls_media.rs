//! What the segmenter makes of clips, as ffprobe and ffmpeg see it: frames, times, and no complaint.

use std::path::Path;
use std::process::Command;
use std::time::UNIX_EPOCH;

use bytes::Bytes;
use reelcast::base::media_time::MediaTime;
use reelcast::codec::Kind;
use reelcast::container::{self, ReadAt, Role};
use reelcast::hls::object::Packing;
use reelcast::hls::part::Segment;
use reelcast::hls::segmenter::{Cut, Segmenter, Settings, Track};
use reelcast::hls::transport::{self, Transport};
use reelcast::hls::units::Unit;

const PICTURE: &str = "testsrc2=size=320x180:rate=25:duration=9";
const TONE: &str = "sine=frequency=440:sample_rate=48000:duration=9";

/// The options that encode a clip, whether it has sound, and how it is packed beside fragments.
const CLIPS: [(&str, &str, Option<Packing>); 9] = [
    ("av", "-c:v libx264 -bf 2 -g 50 -c:a aac", Some(Packing::Ts)),
    (
        "av",
        "-c:v libx264 -bf 0 -g 300 -c:a aac -ar 44100",
        Some(Packing::Ts),
    ),
    ("av", "-c:v libx264 -g 25 -c:a ac3", Some(Packing::Ts)),
    (
        "av",
        "-c:v libx264 -g 25 -c:a libmp3lame",
        Some(Packing::Ts),
    ),
    (
        "av",
        "-c:v libx265 -x265-params log-level=error:keyint=50 -tag:v hvc1 -c:a aac",
        None,
    ),
    ("av", "-c:v libx264 -g 50 -c:a libopus", None),
    ("v", "-c:v libx264 -r 30000/1001 -g 60", Some(Packing::Ts)),
    ("a", "-c:a aac", Some(Packing::Aac)),
    ("a", "-c:a libmp3lame", Some(Packing::Mp3)),
];

#[test]
fn ffmpeg_reads_every_flavour_with_all_frames_at_their_times() {
    if Command::new("ffprobe").arg("-version").output().is_err() {
        println!("skipped: no ffprobe");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    for (kinds, options, packing) in CLIPS {
        let clip = folder.path().join("clip.mp4");
        if !encode(kinds, options, &clip) {
            println!("skipped: ffmpeg cannot {options}");
            continue;
        }
        let units = units(&std::fs::read(&clip).expect("the clip"));
        let segments = segments(&units);
        assert!(segments.len() > 1, "{options}");
        let map = &segments[0].head.map;
        assert_eq!(transport::packing(map), packing, "{options}");

        let mut file = map.data.to_vec();
        segments
            .iter()
            .flat_map(Segment::fragments)
            .for_each(|data| file.extend_from_slice(&data));
        compare(&units, &folder.path().join("whole.mp4"), &file, options);

        let mut transport = Transport::default();
        let bytes: Vec<_> = segments
            .iter()
            .filter_map(|one| transport.segment(one))
            .collect();
        match packing {
            None => assert!(bytes.is_empty(), "{options}"),
            Some(Packing::Ts) => {
                compare(
                    &units,
                    &folder.path().join("whole.ts"),
                    &bytes.concat(),
                    options,
                );
            }
            // ffmpeg takes the tags of later segments for noise, and warns that it must guess how long it is.
            Some(_) => decode(&folder.path().join("one.aac"), &bytes[0], "error", options),
        }
    }
}

fn encode(kinds: &str, options: &str, into: &Path) -> bool {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-nostdin", "-y"]);
    for (kind, source) in [('v', PICTURE), ('a', TONE)] {
        if kinds.contains(kind) {
            command.args(["-f", "lavfi", "-i", source]);
        }
    }
    command.args(["-pix_fmt", "yuv420p"]);
    command.args(options.split(' ')).arg(into);
    command.status().is_ok_and(|status| status.success())
}

/// What a channel would bring of the clip, in the order of decoding.
fn units(clip: &[u8]) -> Vec<(Unit, Kind, reelcast::codec::Format)> {
    let movie = container::open(&clip).expect("a movie");
    let mut units = Vec::new();
    for (index, track) in movie.tracks.iter().enumerate() {
        let Role::Media(format) = &track.role else {
            panic!("{:?}", track.role);
        };
        let mut cursor = track.samples.cursor(0);
        while let Some(sample) = cursor.next(&track.samples) {
            let mut data = vec![0; sample.size as usize];
            clip.read_at(sample.offset, &mut data).expect("a sample");
            let time = |ticks| MediaTime::new(ticks, track.timescale);
            let is_audio = format.kind() == Kind::Audio;
            let unit = Unit {
                track: index,
                pts: time(sample.time + i64::from(sample.composition)),
                dts: time(sample.time),
                keyframe: sample.sync,
                damaged: false,
                discontinuity: false,
                wall: None,
                duration: is_audio.then_some(sample.duration),
                data: Bytes::from(data),
            };
            units.push((unit, format.kind(), format.clone()));
        }
    }
    units.sort_by_key(|(unit, ..)| unit.dts.nanos());
    units
}

fn segments(units: &[(Unit, Kind, reelcast::codec::Format)]) -> Vec<Segment> {
    let mut tracks = Vec::new();
    for index in 0.. {
        let Some((_, kind, _)) = units.iter().find(|(unit, ..)| unit.track == index) else {
            break;
        };
        tracks.push(Track {
            kind: *kind,
            language: None,
        });
    }
    let mut segmenter = Segmenter::new(Settings::default(), &tracks);
    for (unit, _, format) in units {
        segmenter.set_format(unit.track, format.clone());
    }
    // The clip whose key frames are rare is cut without them.
    segmenter.hurry();
    for (unit, ..) in units {
        segmenter.push(unit, UNIX_EPOCH);
    }
    segmenter.finish();
    let segment = |cut| match cut {
        Cut::Segment(segment) => Some(segment),
        Cut::Part(_) => None,
    };
    std::iter::from_fn(|| segmenter.pull())
        .filter_map(segment)
        .collect()
}

/// All frames are there, at the times that they had in the clip, and ffmpeg can decode them.
fn compare(
    units: &[(Unit, Kind, reelcast::codec::Format)],
    path: &Path,
    bytes: &[u8],
    options: &str,
) {
    decode(path, bytes, "warning", options);
    let leading = units
        .iter()
        .find(|(_, kind, _)| *kind == Kind::Video)
        .unwrap_or(&units[0]);
    let first = leading.0.pts.seconds();
    // Sound after the last part of the pictures has none to go into.
    let seen = units.iter().filter(|(_, kind, _)| *kind == leading.1);
    let last = seen
        .map(|(unit, ..)| unit.pts.seconds())
        .fold(first, f64::max)
        + 0.03;
    let mut base = None;
    for (kind, name) in [(Kind::Video, "v"), (Kind::Audio, "a")] {
        let mut expected: Vec<_> = units
            .iter()
            .filter(|(unit, of, _)| *of == kind && middle(unit) >= first)
            .map(|(unit, ..)| (unit.pts.seconds() - first).max(0.0))
            .collect();
        expected.sort_by(f64::total_cmp);
        let found = times(path, name);
        let Some(start) = found.first() else {
            assert!(expected.is_empty(), "{options}: no {name}");
            continue;
        };
        let base = *base.get_or_insert_with(|| start - expected[0]);
        let missing = expected.split_off(found.len());
        let end = last - first - 0.2;
        assert!(
            missing
                .iter()
                .all(|time| kind == Kind::Audio && *time > end),
            "{options}: {name} lacks {missing:?} before {end}"
        );
        for (found, expected) in found.iter().zip(&expected) {
            let apart = found - base - expected;
            assert!(
                apart.abs() < 0.001,
                "{options}: {name} at {expected} is off by {apart}"
            );
        }
    }
}

/// The middle of a frame of sound, of which no segment begins with less than half; the time of a picture.
fn middle(unit: &Unit) -> f64 {
    let duration = MediaTime::new(unit.duration.unwrap_or(0).into(), unit.pts.rate);
    unit.pts.seconds() + duration.seconds() / 2.0
}

fn decode(path: &Path, bytes: &[u8], level: &str, options: &str) {
    std::fs::write(path, bytes).expect("room");
    let output = Command::new("ffmpeg")
        .args(["-v", level, "-nostdin", "-i"])
        .arg(path)
        .args(["-f", "null", "-"])
        .output()
        .expect("ffmpeg");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && said.trim().is_empty(),
        "{options}: {said}"
    );
}

/// Presentation times of a stream's frames in seconds, in order.
fn times(path: &Path, stream: &str) -> Vec<f64> {
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-select_streams", stream])
        .args(["-show_entries", "packet=pts_time", "-of", "csv=p=0"])
        .arg(path)
        .output()
        .expect("ffprobe");
    let text = String::from_utf8_lossy(&output.stdout);
    let number = |line: &str| line.trim_end_matches(',').parse().ok();
    let mut times: Vec<f64> = text.lines().filter_map(number).collect();
    times.sort_by(f64::total_cmp);
    times
}
