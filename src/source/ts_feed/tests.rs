//! Transport streams made by hand, and what readers of the channel get of them.

use std::sync::Arc;

use super::*;
use crate::base::clock::Clock;
use crate::base::path::MediaPath;
use crate::container::ts::build::{self, Mux};
use crate::media::burst::{Burst, PacketKind};
use crate::media::channel::{Channel, End};
use crate::media::mounts::{Limits, Mounts, Takeover};
use crate::media::ring::{Cursor, Start, Taken};

const VIDEO: u16 = 0x101;
const AUDIO: u16 = 0x102;
const STREAMS: [(u8, u16, &[u8]); 2] = [(0x1b, VIDEO, &[]), (0x0f, AUDIO, &[])];

const SETS: &[u8] = &[
    0, 0, 0, 1, 0x67, 0x64, 0, 0x1f, 0xac, 0, 0, 0, 1, 0x68, 0xee, 0x3c, 0x80,
];
const KEY: &[u8] = &[0, 0, 0, 1, 0x65, 0x88, 1, 2, 3];
const PICTURE: &[u8] = &[0, 0, 0, 1, 0x41, 0x9a, 6, 7, 8];

/// A feed with the channel that it feeds.
struct Fed {
    feed: TsFeed,
    mounts: Arc<Mounts>,
    path: MediaPath,
    start: Instant,
    cursor: Option<Cursor>,
}

impl Fed {
    fn new() -> Self {
        let clock = Clock::start();
        let mounts = Mounts::new(Limits::default(), clock);
        let path = MediaPath::from_plain("tv").unwrap();
        let (there, name) = (Arc::clone(&mounts), path.clone());
        let feed = TsFeed::new(Settings {
            name: "tv".to_owned(),
            payload_limit: 1400,
            clock,
            open: Box::new(move |description| {
                let origin = "the test".to_owned();
                Ok(there.publish(&name, description, origin, Takeover::Refuse)?)
            }),
        });
        Self {
            feed,
            mounts,
            path,
            start: clock.started(),
            cursor: None,
        }
    }

    /// Feeds `bytes` so many ms after the start.
    fn push(&mut self, bytes: &[u8], at: u64) {
        let now = self.start + Duration::from_millis(at);
        self.feed.push(bytes, now).unwrap();
        self.feed.flush(now);
    }

    fn channel(&self) -> Option<Arc<Channel>> {
        self.mounts.open(&self.path)
    }

    fn encodings(&self) -> Vec<String> {
        let description = self.channel().and_then(|channel| channel.description());
        let tracks = description.iter().flat_map(|one| one.tracks());
        tracks.map(|track| track.encoding.clone()).collect()
    }

    /// The RTP packets since the last call as (track, RTP time, marker, payload).
    fn packets(&mut self) -> Vec<(u8, u32, bool, Vec<u8>)> {
        let channel = self.channel().expect("a channel");
        let cursor = self
            .cursor
            .get_or_insert_with(|| channel.cursor(Start::Keyframe));
        let mut bursts: Vec<Arc<Burst>> = Vec::new();
        while cursor.take(&mut bursts, 100) == Taken::Bursts {}
        let packet = |burst: &Arc<Burst>| {
            let rtp = burst
                .packets()
                .iter()
                .filter(|one| one.kind == PacketKind::Rtp);
            rtp.map(|one| {
                let payload = burst.bytes_of(one)[12..].to_vec();
                (one.track, one.time, one.marker, payload)
            })
            .collect::<Vec<_>>()
        };
        bursts.iter().flat_map(packet).collect()
    }
}

fn key() -> Vec<u8> {
    [SETS, KEY].concat()
}

/// AAC LC at 48 kHz, stereo, one frame.
fn sound(fill: u8) -> Vec<u8> {
    let header = [0xff, 0xf1, 0x4c, 0x80, 2, 0x3f, 0xfc];
    [&header[..], &[fill; 10]].concat()
}

/// Half a second of both streams from `from` ms on; a program may precede it.
fn half_second(mux: &mut Mux, from: u64) -> Vec<u8> {
    for picture in 0..12 {
        let time = 90 * (from + 40 * picture);
        let data = if picture == 0 {
            key()
        } else {
            PICTURE.to_vec()
        };
        mux.video(VIDEO, time + 7200, time, &data);
        mux.audio(AUDIO, time, &[sound(1), sound(2)].concat());
    }
    mux.take()
}

#[test]
fn a_channel_begins_when_all_formats_are_known() {
    let mut fed = Fed::new();
    let mut mux = Mux::new(&STREAMS);
    mux.video(VIDEO, 9000, 1800, &key());
    fed.push(&mux.take(), 0);
    assert!(fed.channel().is_none());
    mux.audio(AUDIO, 3600, &[sound(1), sound(2)].concat());
    mux.video(VIDEO, 5400, 5400, PICTURE);
    mux.video(VIDEO, 7200, 7200, PICTURE);
    mux.video(VIDEO, 12_600, 9000, PICTURE);
    fed.push(&mux.take(), 100);
    assert_eq!(fed.encodings(), ["H264/90000", "mpeg4-generic/48000/2"]);
    let packets = fed.packets();
    let video: Vec<_> = packets.iter().filter(|packet| packet.0 == 0).collect();
    // RTP time is the time of presentation, which goes back at B-frames.
    let times: Vec<_> = video
        .iter()
        .map(|packet| packet.1.wrapping_sub(video[0].1) as i32)
        .collect();
    assert_eq!(times, [0, -3600, -1800]);
    assert!(
        video.iter().all(|packet| packet.2),
        "each picture is one packet"
    );
    let aggregated = video[0].3[0] & 0x1f;
    assert_eq!(aggregated, 24, "parameter sets travel with the key frame");
    let sounds: Vec<_> = packets.iter().filter(|packet| packet.0 == 1).collect();
    assert_eq!(sounds.len(), 1);
    assert!(sounds[0].3.ends_with(&[[1; 10], [2; 10]].concat()));
}

#[test]
fn a_stream_that_says_nothing_is_left_out() {
    let mut fed = Fed::new();
    let mut mux = Mux::new(&STREAMS);
    for second in 0..4 {
        mux.video(VIDEO, 90_000 * second, 90_000 * second, &key());
        let bytes = mux.take();
        fed.push(&bytes, 1000 * second);
    }
    assert_eq!(fed.encodings(), ["H264/90000"]);
    assert_eq!(fed.channel().unwrap().stats().snapshot().packets, 3);
}

#[test]
fn other_codecs_replace_the_channel_and_the_same_go_on() {
    let mut fed = Fed::new();
    let mut mux = Mux::new(&STREAMS);
    let bytes = half_second(&mut mux, 0);
    fed.push(&bytes, 0);
    let first = fed.channel().unwrap();
    // The same codecs on other PIDs.
    mux.section(
        0x100,
        &build::pmt(1, 1, &[(0x1b, 0x201, &[]), (0x0f, AUDIO, &[])]),
    );
    mux.video(0x201, 90 * 600, 90 * 600, &key());
    mux.audio(AUDIO, 90 * 600, &[sound(3), sound(4)].concat());
    mux.video(0x201, 90 * 640, 90 * 640, PICTURE);
    fed.push(&mux.take(), 600);
    assert!(Arc::ptr_eq(&first, &fed.channel().unwrap()));
    assert_eq!(first.ended(), None);
    // Another codec.
    mux.section(
        0x100,
        &build::pmt(1, 2, &[(0x24, 0x301, &[]), (0x0f, AUDIO, &[])]),
    );
    let units: [&[u8]; 4] = [
        &[0x40, 1, 0xc],
        &[0x42, 1, 1],
        &[0x44, 1, 0xc1],
        &[0x26, 1, 0xaf, 1],
    ];
    let h265: Vec<u8> = units
        .iter()
        .flat_map(|unit| [&[0, 0, 0, 1], *unit].concat())
        .collect();
    mux.video(0x301, 90 * 700, 90 * 700, &h265);
    mux.audio(AUDIO, 90 * 700, &[sound(5), sound(6)].concat());
    mux.video(0x301, 90 * 740, 90 * 740, &h265);
    fed.push(&mux.take(), 700);
    assert_eq!(first.ended(), Some(End::Replaced));
    assert_eq!(fed.encodings(), ["H265/90000", "mpeg4-generic/48000/2"]);
}

#[test]
fn new_parameter_sets_are_told_to_the_channel() {
    let mut fed = Fed::new();
    let mut mux = Mux::new(&STREAMS[..1]);
    mux.video(VIDEO, 0, 0, &key());
    let other = [&[0, 0, 0, 1, 0x67, 0x42, 0, 0x1e, 9], &SETS[9..], KEY].concat();
    mux.video(VIDEO, 3600, 3600, &other);
    mux.video(VIDEO, 7200, 7200, PICTURE);
    fed.push(&mux.take(), 0);
    let channel = fed.channel().unwrap();
    let fmtp = channel.description().unwrap().tracks()[0]
        .fmtp
        .clone()
        .unwrap();
    assert!(fmtp.contains("profile-level-id=42001E"), "{fmtp}");
    assert_eq!(channel.ended(), None);
    assert_eq!(channel.stats().snapshot().publishers, 1);
}

#[test]
fn languages_are_told_to_the_channel_and_change_without_a_break() {
    let german: &[u8] = b"\x0a\x04deu\0";
    let streams = [(0x1b, VIDEO, &[][..]), (0x0f, AUDIO, german)];
    let mut mux = Mux::new(&streams);
    let mut fed = Fed::new();
    fed.push(&half_second(&mut mux, 1000), 0);
    let channel = fed.channel().unwrap();
    let language = || {
        let description = channel.description().unwrap();
        description.tracks()[1].language.clone()
    };
    assert_eq!(language().as_deref(), Some("deu"));
    let french: &[u8] = b"\x0a\x04fra\0";
    let others = [streams[0], (0x0f, AUDIO, french)];
    mux.section(0x100, &build::pmt(1, 1, &others));
    fed.push(&half_second(&mut mux, 1500), 500);
    assert_eq!(language().as_deref(), Some("fra"));
    assert!(channel.ended().is_none());
}

#[test]
fn damage_costs_the_samples_that_it_hits() {
    let mut fed = Fed::new();
    let mut mux = Mux::new(&STREAMS[..1]);
    mux.video(VIDEO, 0, 0, &key());
    mux.video(VIDEO, 3600, 3600, &[PICTURE, &[7; 500]].concat());
    let mut bytes = mux.take();
    // The second of the three packets of the second picture.
    let lost = bytes.len() - 2 * 188;
    bytes.drain(lost..lost + 188);
    mux.video(VIDEO, 7200, 7200, PICTURE);
    mux.video(VIDEO, 10_800, 10_800, PICTURE);
    bytes.extend(mux.take());
    fed.push(&bytes, 0);
    let times: Vec<_> = fed.packets().iter().map(|packet| packet.1).collect();
    assert_eq!(times.len(), 2);
    assert_eq!(times[1].wrapping_sub(times[0]), 7200);
    let counts = fed.channel().unwrap().stats().snapshot();
    let faults: Vec<_> = counts.ts_faults().filter(|(_, count)| *count > 0).collect();
    assert_eq!(faults, [("gap", 1)]);
}

#[test]
fn a_leap_of_the_clock_ends_nobody() {
    let mut fed = Fed::new();
    let mut mux = Mux::new(&STREAMS);
    for (at, from) in [(0, 0), (500, 50_000_000), (1000, 3)] {
        let bytes = half_second(&mut mux, from);
        fed.push(&bytes, at);
    }
    let channel = fed.channel().unwrap();
    assert_eq!(channel.ended(), None);
    let repairs: u64 = channel
        .stats()
        .snapshot()
        .repairs()
        .map(|(_, count)| count)
        .sum();
    assert!(repairs >= 2, "{repairs}");
    let times: Vec<_> = fed
        .packets()
        .iter()
        .filter(|packet| packet.0 == 1)
        .map(|packet| packet.1)
        .collect();
    let steps = times
        .windows(2)
        .map(|pair| pair[1].wrapping_sub(pair[0]) as i32);
    assert!(
        steps.clone().all(|step| (0..48_000).contains(&step)),
        "{:?}",
        steps.collect::<Vec<_>>()
    );
}

#[test]
fn silence_has_its_reason() {
    let patience = Duration::from_secs(10);
    let mut scrambled = half_second(&mut Mux::new(&STREAMS), 0);
    for packet in scrambled.chunks_mut(188).skip(2) {
        packet[3] |= 0xc0;
    }
    let unknown = half_second(&mut Mux::new(&[(0x02, VIDEO, &[])]), 0);
    for (bytes, reason) in [
        (vec![], "no media for 10s"),
        (
            vec![b'x'; 5000],
            "no media for 10s: what comes is no MPEG transport stream",
        ),
        (scrambled, "no media for 10s: its packets are scrambled"),
        (
            unknown,
            "no media for 10s: no table names a stream of a known format",
        ),
    ] {
        let mut fed = Fed::new();
        fed.push(&bytes, 0);
        assert_eq!(fed.feed.silence(patience).to_string(), reason);
        assert_eq!(fed.feed.heard(), None);
    }
}

#[test]
fn a_feed_that_rests_begins_again_in_the_same_channel() {
    let mut fed = Fed::new();
    let mut mux = Mux::new(&STREAMS);
    let bytes = half_second(&mut mux, 0);
    fed.push(&bytes, 0);
    let channel = fed.channel().unwrap();
    assert!(fed.feed.rest());
    assert!(!fed.feed.rest());
    let bytes = half_second(&mut mux, 20_000);
    fed.push(&bytes, 20_000);
    assert!(Arc::ptr_eq(&channel, &fed.channel().unwrap()));
    assert_eq!(channel.stats().snapshot().publishers, 2);
}
