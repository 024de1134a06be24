use std::time::UNIX_EPOCH;

use super::*;
use crate::base::clock::Clock;
use crate::base::path::MediaPath;
use crate::codec::{Format, Kind, aac, h264};
use crate::config::{Encryption, Hls, Method};
use crate::container;
use crate::hls::keys::{Key, Keys};
use crate::hls::object::{File, Flavour, Object};
use crate::hls::segmenter::{Cut, Segmenter, Settings, Track};
use crate::hls::units::Unit;
use crate::hls::window::{Bounds, Playlist, Targets, Window};

const SPS: &[u8] = &[0x67, 0x42, 0xc0, 0x1e, 0xd9, 0x00, 0xa0, 0x47, 0xfe, 0x88];

/// A channel of these kinds of tracks.
fn channel(kinds: &[Kind]) -> Segmenter {
    let track = |kind: &Kind| Track {
        kind: *kind,
        language: None,
    };
    let tracks: Vec<_> = kinds.iter().map(track).collect();
    let settings = Settings {
        sequence: 100,
        ..Settings::default()
    };
    let mut segmenter = Segmenter::new(settings, &tracks);
    for (index, kind) in kinds.iter().enumerate() {
        segmenter.set_format(index, format(*kind));
    }
    segmenter
}

fn format(kind: Kind) -> Format {
    match kind {
        Kind::Video => Format::H264(h264::Config {
            length_size: 4,
            sps: vec![Bytes::from_static(SPS)],
            pps: vec![Bytes::from_static(&[0x68, 0xce, 0x3c, 0x80])],
        }),
        _ => Format::Aac(aac::Config::from_specific(&[0x11, 0x90]).unwrap()),
    }
}

/// Sends 25 pictures a second, which are key frames if `is_key` says so, and what is heard with them.
fn cuts(segmenter: &mut Segmenter, count: i64, is_key: impl Fn(i64) -> bool) -> Vec<Cut> {
    let seen = |index: i64| [&[0, 0, 0, 9, 0x65][..], &index.to_be_bytes()].concat();
    cuts_of(segmenter, count, is_key, seen)
}

/// The same where the pictures are these.
fn cuts_of(
    segmenter: &mut Segmenter,
    count: i64,
    is_key: impl Fn(i64) -> bool,
    seen: impl Fn(i64) -> Vec<u8>,
) -> Vec<Cut> {
    let mut cuts = Vec::new();
    for index in 0..count {
        let picture = |track, rate, data: Vec<u8>, keyframe| {
            let time = MediaTime::new(index * i64::from(rate) / 25, rate);
            Unit {
                keyframe,
                duration: (track == 1).then_some(rate / 25),
                data: data.into(),
                ..Unit::at(track, time)
            }
        };
        let seen = picture(0, 90_000, seen(index), is_key(index));
        segmenter.push(&seen, UNIX_EPOCH);
        segmenter.push(&picture(1, 48_000, vec![0x21; 8], true), UNIX_EPOCH);
        cuts.extend(std::iter::from_fn(|| segmenter.pull()));
    }
    cuts
}

fn segments(segmenter: &mut Segmenter, count: i64, is_key: impl Fn(i64) -> bool) -> Vec<Segment> {
    let mut segments = Vec::new();
    for cut in cuts(segmenter, count, is_key) {
        if let Cut::Segment(segment) = cut {
            segments.push(segment);
        }
    }
    segments
}

const TELEVISION: &[Kind] = &[Kind::Video, Kind::Audio];

/// How long each key frame of a segment stands, in milliseconds, and whether it is a gap.
fn lengths(segment: &Segment) -> Vec<(i64, bool)> {
    let frames = IFrame::all(segment);
    let total: i64 = frames.iter().map(|frame| frame.duration.ticks).sum();
    assert_eq!(total, segment.duration.ticks);
    let length = |frame: &IFrame<'_>| (frame.duration.nanos() / 1_000_000, frame.is_gap());
    frames.iter().map(length).collect()
}

#[test]
fn a_key_frame_stands_until_the_next() {
    let segments = segments(&mut channel(TELEVISION), 1000, |index| index % 50 == 0);
    assert_eq!(lengths(&segments[0]), [(2000, false)]);
    assert_eq!(lengths(&segments[4]), [(2000, false); 3]);
}

#[test]
fn key_frames_are_a_second_apart() {
    let segments = segments(&mut channel(TELEVISION), 1000, |index| index % 15 == 0);
    assert_eq!(lengths(&segments[4]), [(1200, false); 5]);
}

#[test]
fn a_segment_that_begins_without_a_key_frame_begins_with_a_gap() {
    let mut segmenter = channel(TELEVISION);
    segmenter.hurry();
    let is_key = |index| index == 0 || index == 250;
    let segments = segments(&mut segmenter, 1000, is_key);
    let lengths: Vec<_> = segments.iter().flat_map(lengths).collect();
    let keys = lengths.iter().filter(|(_, is_gap)| !is_gap);
    assert_eq!(keys.count(), 2);
    assert!(segments.len() > 3 && lengths.len() <= segments.len() + 1);
}

#[test]
fn pictures_that_become_right_little_by_little_are_none() {
    // After nine pictures all is right again.
    let point = [0, 0, 0, 6, 6, 6, 2, 0x15, 0x10, 0x80];
    let slice = [0, 0, 0, 5, 0x41, 0x9a, 0x24, 0x6e, 0];
    let seen = |index: i64| match index % 50 {
        0 if index > 0 => [&point[..], &slice].concat(),
        0 => [0, 0, 0, 2, 0x65, 0x88].to_vec(),
        _ => slice.to_vec(),
    };
    let mut segments = Vec::new();
    for cut in cuts_of(
        &mut channel(TELEVISION),
        1000,
        |index| index % 50 == 0,
        seen,
    ) {
        if let Cut::Segment(segment) = cut {
            segments.push(segment);
        }
    }
    assert!(segments.len() > 3);
    let (first, rest) = segments.split_first().unwrap();
    assert!(!first.is_gradual() && lengths(first).iter().any(|(_, is_gap)| !is_gap));
    for segment in rest {
        assert!(segment.is_gradual() && segment.begins_with_key());
        assert!(lengths(segment).iter().all(|(_, is_gap)| *is_gap));
    }
}

#[test]
fn sound_alone_has_none() {
    let segments = segments(&mut channel(&[Kind::Audio, Kind::Audio]), 1000, |_| true);
    assert!(segments.len() > 3);
    assert!(segments.iter().all(|one| IFrame::all(one).is_empty()));
    assert!(init(&segments[0].head.map).is_none());
}

#[test]
fn the_reader_of_movies_reads_what_was_made() {
    let segments = segments(&mut channel(TELEVISION), 1000, |index| index % 50 == 0);
    let frames = segments.iter().flat_map(IFrame::all);
    let mut file = init(&segments[0].head.map).unwrap().to_vec();
    let mut count = 0;
    for (number, frame) in (7..).zip(frames) {
        let place = Place {
            packager: 1,
            number,
        };
        let fragment = frame.fragment(place).unwrap();
        let [estimated, _] = frame.sizes();
        assert!((fragment.len()..=fragment.len() + 64).contains(&estimated));
        file.extend(fragment);
        count += 1;
        let stream = frame.stream(place).unwrap();
        assert!(stream.len().is_multiple_of(TS_PACKET) && stream[0] == 0x47);
    }
    let movie = container::open(&Bytes::from(file)).unwrap();
    assert!(movie.faults.is_empty(), "{:?}", movie.faults);
    let [track] = &movie.tracks[..] else {
        panic!("{} tracks", movie.tracks.len());
    };
    assert_eq!(track.samples.len(), count);
    assert_eq!(track.samples.duration(), i64::from(count) * 180_000);
}

#[test]
fn each_file_is_encrypted_by_itself() {
    let settings = Encryption {
        method: Method::Aes128,
        ..Encryption::default()
    };
    let name = MediaPath::from_plain("live").unwrap();
    let keys = Keys::of(&settings, Key([7; 16]), &name, 1).unwrap();
    let mut segmenter = channel(TELEVISION).with_keys(keys);
    let segments = segments(&mut segmenter, 1000, |index| index % 50 == 0);
    let frames = IFrame::all(&segments[4]);
    let vectors = (7..).zip(&frames).map(|(number, frame)| {
        let place = Place {
            packager: 1,
            number,
        };
        assert!(frame.fragment(place).unwrap().len().is_multiple_of(16));
        frame.lock(place).unwrap().iv()
    });
    let mut vectors: Vec<_> = vectors.collect();
    vectors.push(segments[4].head.lock.as_ref().unwrap().iv());
    vectors.sort_unstable();
    vectors.dedup();
    assert_eq!(vectors.len(), 4);
}

/// A window of a minute in which a channel has come and gone for two.
fn window(segmenter: &mut Segmenter, is_key: impl Fn(i64) -> bool) -> Window {
    let (clock, targets) = (Clock::start(), Hls::default());
    let targets = Targets {
        segment: targets.target_duration,
        part: targets.part_duration,
    };
    let mut window = Window::new(0xa, Bounds::of(&Hls::default()), targets);
    for cut in cuts(segmenter, 3000, is_key) {
        match cut {
            Cut::Part(part) => window.push_part(part, UNIX_EPOCH),
            Cut::Segment(segment) => window.push_segment(segment, None, clock.now(), UNIX_EPOCH),
        }
    }
    window
}

fn text(window: &Window, playlist: Playlist) -> String {
    let text = window.text(playlist).unwrap();
    String::from_utf8(text.plain().to_vec()).unwrap()
}

#[test]
fn numbers_count_the_key_frames_that_have_left_the_playlist() {
    let window = window(&mut channel(TELEVISION), |index| index % 50 == 0);
    let text = text(&window, Playlist::IFrames(Flavour::Cmaf));
    let names: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let frames = window.i_frames();
    assert_eq!(names.len(), frames.len());
    let (first, frame) = &frames[0];
    // There was one every two seconds.
    let before = (frame.start.nanos() - 10_000_000_000) / 2_000_000_000;
    assert_eq!(*first, 100 + before.unsigned_abs());
    assert!(before > 10, "{before}");
    let head = format!("#EXT-X-MEDIA-SEQUENCE:{first}\n");
    assert!(text.contains(&head), "{text}");
    assert!(text.contains("#EXT-X-I-FRAMES-ONLY\n"), "{text}");
    let map = "#EXT-X-MAP:URI=\"0000000a-iframe-init0.mp4\"\n";
    assert_eq!(text.matches("#EXT-X-MAP").count(), 1);
    assert!(text.contains(map), "{text}");
    for name in names {
        let Some(Object::File { file, .. }) = Object::read(name) else {
            panic!("{name}");
        };
        assert!(window.file(file).is_some(), "{name}");
    }
    // What has left the playlist is still there for those who read of it.
    assert!(window.file(File::IFrame(first - 1)).is_some());
    let next = first + frames.len() as u64;
    assert!(window.file(File::IFrame(next)).is_none());
    assert!(window.file(File::IFrameTs(next - 1)).is_some());
}

#[test]
fn players_are_told_of_key_frames_where_there_are_pictures() {
    let seen = window(&mut channel(TELEVISION), |index| index % 50 == 0);
    let program = text(&seen, Playlist::Multivariant(Flavour::LowLatency));
    let tag = "\n#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=";
    assert!(program.contains(tag), "{program}");
    assert!(
        program.ends_with(",CODECS=\"avc1.42c01e\",VIDEO-RANGE=SDR,URI=\"iframes.m3u8\"\n"),
        "{program}"
    );
    let heard = window(&mut channel(&[Kind::Audio, Kind::Audio]), |_| true);
    let program = text(&heard, Playlist::Multivariant(Flavour::LowLatency));
    assert!(!program.contains("I-FRAME"), "{program}");
    assert!(heard.text(Playlist::IFrames(Flavour::Cmaf)).is_none());
}
