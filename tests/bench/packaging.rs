//! What it costs to cut a channel into segments: low-latency fragments, and transport streams of the same.
//!
//! `cargo bench --bench packaging` runs it. The channel is 8 Mbit/s of pictures, 25 a second, and
//! AAC at 128 kbit/s, as units; putting units together from packets is not in the figures.
#![expect(clippy::print_stdout, reason = "the figures are what it is for")]

use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use reelcast::base::clock::Clock;
use reelcast::base::media_time::MediaTime;
use reelcast::codec::{Format, Kind, aac, h264};
use reelcast::hls::part::Segment;
use reelcast::hls::segmenter::{Cut, Segmenter, Settings, Track};
use reelcast::hls::transport::Transport;
use reelcast::hls::units::Unit;

const SECONDS: i64 = 120;
const MEGABITS: f64 = 8.128;
const PICTURE: usize = 8_000_000 / 8 / 25;
const FRAME: usize = 128_000 / 8 * 1024 / 48_000;

fn main() {
    let units = units();
    let clock = Clock::start();
    let start = clock.now();
    let segments = segments(&units);
    let cut = clock.now();
    let mut transport = Transport::default();
    let bytes: usize = segments
        .iter()
        .filter_map(|segment| transport.segment(segment))
        .map(|bytes| bytes.len())
        .sum();
    let end = clock.now();
    println!(
        "{} segments, {bytes} bytes as transport streams",
        segments.len()
    );
    tell("fragments in parts", cut - start);
    tell("transport streams", end - cut);
    tell("both", end - start);
}

fn tell(what: &str, took: Duration) {
    let share = 100.0 * took.as_secs_f64() / SECONDS as f64;
    println!(
        "{what}: {share:.3} % of one processor, {:.4} % per Mbit/s",
        share / MEGABITS
    );
}

/// Two minutes of the channel in the order of time, a key frame every two seconds.
fn units() -> Vec<Unit> {
    let mut units: Vec<_> = (0..25 * SECONDS)
        .map(|index| {
            let mut data = vec![0x5a; PICTURE];
            data[..4].copy_from_slice(&(PICTURE as u32 - 4).to_be_bytes());
            data[4] = if index % 50 == 0 { 0x65 } else { 0x41 };
            unit(
                0,
                MediaTime::new(index * 3600, 90_000),
                index % 50 == 0,
                None,
                data,
            )
        })
        .collect();
    units.extend((0..SECONDS * 48_000 / 1024).map(|index| {
        let time = MediaTime::new(index * 1024, 48_000);
        unit(1, time, true, Some(1024), vec![0x21; FRAME])
    }));
    units.sort_by_key(|unit| unit.pts.nanos());
    units
}

fn unit(
    track: usize,
    time: MediaTime,
    keyframe: bool,
    duration: Option<u32>,
    data: Vec<u8>,
) -> Unit {
    Unit {
        track,
        pts: time,
        dts: time,
        keyframe,
        damaged: false,
        discontinuity: false,
        wall: None,
        duration,
        data: data.into(),
    }
}

fn segments(units: &[Unit]) -> Vec<Segment> {
    let tracks = [Kind::Video, Kind::Audio].map(|kind| Track {
        kind,
        language: None,
    });
    let mut segmenter = Segmenter::new(Settings::default(), &tracks);
    segmenter.set_format(
        0,
        Format::H264(h264::Config {
            length_size: 4,
            sps: vec![Bytes::from_static(&[0x67, 0x64, 0, 0x28, 0xac])],
            pps: vec![Bytes::from_static(&[0x68, 0xee, 0x3c, 0x80])],
        }),
    );
    if let Ok(config) = aac::Config::from_specific(&[0x11, 0x90]) {
        segmenter.set_format(1, Format::Aac(config));
    }
    let mut segments = Vec::new();
    for unit in units {
        segmenter.push(unit, UNIX_EPOCH);
        while let Some(cut) = segmenter.pull() {
            if let Cut::Segment(segment) = cut {
                segments.push(segment);
            }
        }
    }
    segments
}
