//! What it costs to package a channel: packets to units, units to low-latency fragments, and
//! transport streams of the same.
//!
//! Two minutes of [`MEGABITS`], in one thread. Sending and receiving the packets are not in the figures.

use std::time::{Duration, UNIX_EPOCH};

use reelcast::base::clock::Clock;
use reelcast::codec::Kind;
use reelcast::hls::segmenter::{Cut, Segmenter, Settings, Track};
use reelcast::hls::transport::Transport;
use reelcast::hls::units::Units;
use reelcast::media::ring::{Start, Taken};

use super::channel::{Camera, MEGABITS, RATE};

const SECONDS: i64 = 120;

/// Prints the figures.
pub(crate) fn measure() {
    let clock = Clock::start();
    let mut camera = Camera::start(clock);
    let description = camera.channel().description().expect("it publishes");
    let mut cursor = camera.channel().cursor(Start::Live);
    let mut units = Units::new(&description, &[]);
    let mut segmenter = segmenter();
    let mut transport = Transport::default();
    let (mut unpacking, mut cutting, mut packing) =
        (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    let (mut segments, mut bytes, mut bursts) = (0, 0, Vec::new());
    let start = clock.now();
    for picture in 0..RATE * SECONDS {
        // As if it came in real time, which the channel expects of a publisher.
        camera.send(start + Duration::from_millis((picture * 1000 / RATE) as u64));
        let sent = clock.now();
        while cursor.take(&mut bursts, 64) == Taken::Bursts {}
        bursts.drain(..).for_each(|burst| units.push(&burst));
        let unpacked = clock.now();
        while let Some(unit) = units.pull() {
            if let Some(format) = units.format(unit.track).filter(|_| unit.keyframe) {
                segmenter.set_format(unit.track, format.clone());
            }
            segmenter.push(&unit, UNIX_EPOCH);
        }
        let cut = clock.now();
        while let Some(made) = segmenter.pull() {
            if let Cut::Segment(segment) = made {
                segments += 1;
                bytes += transport.segment(&segment).map_or(0, |bytes| bytes.len());
            }
        }
        unpacking += unpacked - sent;
        cutting += cut - unpacked;
        packing += clock.now() - cut;
    }
    println!("packaging: {segments} segments, {bytes} bytes as transport streams");
    tell("packets to units", unpacking);
    tell("fragments in parts", cutting);
    tell("transport streams", packing);
    tell("all", unpacking + cutting + packing);
}

fn segmenter() -> Segmenter {
    let tracks = [Kind::Video, Kind::Audio].map(|kind| Track {
        kind,
        language: None,
    });
    Segmenter::new(Settings::default(), &tracks)
}

fn tell(what: &str, took: Duration) {
    let share = 100.0 * took.as_secs_f64() / SECONDS as f64;
    println!(
        "  {what}: {share:.3} % of one processor, {:.4} % per Mbit/s",
        share / MEGABITS
    );
}
