use std::time::UNIX_EPOCH;

use super::*;
use crate::codec::{Format, aac, h264};
use crate::container::ts::{Demux, Event, Unit as TsUnit};
use crate::hls::segmenter::{Cut, Segmenter, Settings, Track};
use crate::hls::units::Unit;

fn video_format() -> Format {
    Format::H264(h264::Config {
        length_size: 4,
        sps: vec![Bytes::from_static(&[
            0x67, 0x42, 0xc0, 0x1e, 0xd9, 0x00, 0xa0, 0x47, 0xfe, 0x88,
        ])],
        pps: vec![Bytes::from_static(&[0x68, 0xce, 0x3c, 0x80])],
    })
}

fn audio_format() -> Format {
    Format::Aac(aac::Config {
        specific: Bytes::from_static(&[0x11, 0x90]),
        rate_hz: 48_000,
        channels: 2,
    })
}

fn unit(track: usize, ticks: i64, rate: u32, keyframe: bool) -> Unit {
    let time = MediaTime::new(ticks, rate);
    let picture = [&[0, 0, 4, 0, 0x65][..], &[0x55; 1023]].concat();
    Unit {
        keyframe,
        duration: (rate == 48_000).then_some(1024),
        data: if rate == 48_000 {
            vec![0x21; 300]
        } else {
            picture
        }
        .into(),
        ..Unit::at(track, time)
    }
}

/// The segments of `seconds` of a channel with pictures every `step` milliseconds, or with none.
fn segments(seconds: i64, step: Option<i64>) -> Vec<Segment> {
    segments_shown(seconds, step, 0)
}

/// The same, with pictures that are shown so many milliseconds after they are decoded.
fn segments_shown(seconds: i64, step: Option<i64>, delay: i64) -> Vec<Segment> {
    let track = |kind| Track {
        kind,
        language: None,
    };
    let mut tracks = vec![track(Kind::Audio)];
    let audio = usize::from(step.is_some());
    if step.is_some() {
        tracks.insert(0, track(Kind::Video));
    }
    let mut segmenter = Segmenter::new(Settings::default(), &tracks);
    segmenter.set_format(0, video_format());
    segmenter.set_format(audio, audio_format());
    let mut units: Vec<_> = (0..seconds * 48_000 / 1024)
        .map(|index| unit(audio, 1024 * index, 48_000, true))
        .collect();
    if let Some(step) = step {
        let count = 1000 * seconds / step;
        let decoded = |at| unit(0, at * step * 90, 90_000, at * step % 2000 == 0);
        let shown = |unit: Unit| Unit {
            pts: MediaTime::new(unit.pts.ticks + delay * 90, 90_000),
            ..unit
        };
        units.extend((0..count).map(decoded).map(shown));
    }
    units.sort_by_key(|unit| unit.dts.nanos());
    units
        .iter()
        .for_each(|unit| segmenter.push(unit, UNIX_EPOCH));
    segmenter.finish();
    let segment = |cut| match cut {
        Cut::Segment(segment) => Some(segment),
        Cut::Part(_) => None,
    };
    std::iter::from_fn(|| segmenter.pull())
        .filter_map(segment)
        .collect()
}

fn units(events: Vec<Event>) -> Vec<TsUnit> {
    let unit = |event| match event {
        Event::Unit(unit) => Some(unit),
        Event::Program(_) => None,
    };
    events.into_iter().filter_map(unit).collect()
}

#[test]
fn streams_come_apart_as_they_went_together() {
    let mut transport = Transport::default();
    let (mut demux, mut events) = (Demux::new(None), Vec::new());
    for segment in segments(20, Some(40)) {
        let bytes = transport.segment(&segment).unwrap();
        assert_eq!(bytes.len() % 188, 0);
        assert_eq!(bytes[..4], [0x47, 0x40, 0, 0x10 | bytes[3] & 0xf]);
        demux.push(&bytes, &mut events);
        // A player that joins here finds all it needs.
        let (mut fresh, mut found) = (Demux::new(None), Vec::new());
        fresh.push(&bytes, &mut found);
        assert!(matches!(found[0], Event::Program(_)));
        assert!(units(found)[0].random_access);
    }
    demux.finish(&mut events);
    let counts = demux.counts();
    assert_eq!((counts.gaps, counts.duplicates, counts.faulty), (0, 0, 0));
    assert_eq!((counts.malformed, counts.corrupt_sections), (0, 0));
    let units = units(events);
    let seen: Vec<_> = units.iter().filter(|unit| unit.pid == 0x100).collect();
    assert_eq!(seen.len(), 500);
    let start = seen[0].pts.unwrap();
    assert!(
        (0..)
            .zip(&seen)
            .all(|(index, unit)| unit.pts == Some(start + 3600 * index))
    );
    assert_eq!(seen[0].data.len(), 6 + 14 + 8 + 4 + 1024);
    assert_eq!(seen[1].data.len(), 6 + 4 + 1024);
    let heard: usize = units
        .iter()
        .filter(|unit| unit.pid == 0x101)
        .map(|unit| unit.data.len())
        .sum();
    assert_eq!(heard, 936 * 307);
}

#[test]
fn the_clock_is_told_every_tenth_of_a_second_and_ahead() {
    check_clock(&segments(20, Some(500)));
}

#[test]
fn the_clock_does_not_go_back_where_sound_reaches_beyond_the_pictures() {
    // Sound is sent when it is heard, with pictures that were decoded long before.
    check_clock(&segments_shown(20, Some(40), 400));
}

fn check_clock(segments: &[Segment]) {
    let mut transport = Transport::default();
    let mut last = None;
    for segment in segments {
        let bytes = transport.segment(segment).unwrap();
        for packet in bytes
            .chunks(188)
            .filter(|packet| packet[3] & 0x20 != 0 && packet[4] > 6 && packet[5] & 0x10 != 0)
        {
            let base = packet[6..10]
                .iter()
                .fold(0, |bits, byte| bits << 8 | u64::from(*byte))
                << 1
                | u64::from(packet[10] >> 7);
            let apart = last.map_or(1, |last| base.cast_signed() - last);
            assert!((1..=9000).contains(&apart), "{apart}");
            last = Some(base.cast_signed());
        }
    }
    assert!(last.unwrap() > 90_000 * 28);
}

#[test]
fn radio_is_packed_behind_its_time() {
    let mut transport = Transport::default();
    let segments = segments(20, None);
    assert_eq!(packing(&segments[0].head.map), Some(Packing::Aac));
    for segment in &segments {
        let bytes = transport.segment(segment).unwrap();
        assert_eq!(bytes[..3], *b"ID3");
        let time = u64::from_be_bytes(bytes[65..73].try_into().unwrap());
        let start = segment.head.start.at_rate(90_000).ticks.unsigned_abs();
        assert_eq!(time, start);
        assert_eq!(bytes[73..75], [0xff, 0xf1]);
        assert_eq!((bytes.len() - 73) % 307, 0);
    }
}
