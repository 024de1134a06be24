use std::time::Duration;

use super::*;
use crate::base::clock::Clock;
use crate::codec;
use crate::codec::{Sample, Sink};
use crate::wire::rtcp::{SenderReport, write_sender_report};
use crate::wire::rtp::{HEADER_LEN, write_header};

const SPS: &str = "Z/QACpGbKI9gIgAAAwACAAADAGQeJEss";

fn description(medias: &str) -> Description {
    let sdp =
        format!("v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n{medias}");
    Description::read(sdp.as_bytes()).unwrap()
}

fn video() -> String {
    format!(
        "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n\
         a=fmtp:96 packetization-mode=1;sprop-parameter-sets={SPS},aOvjxEhE\r\n"
    )
}

const AUDIO: &str = "m=audio 0 RTP/AVP 97\r\na=rtpmap:97 mpeg4-generic/48000/2\r\n\
    a=fmtp:97 mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3;config=1190\r\n";

/// A channel's packets, numbered as they are sent.
struct Sender {
    units: Units,
    start: Instant,
    sequences: [u16; 2],
}

#[derive(Default)]
struct Payloads(Vec<(Vec<u8>, bool)>);

impl Sink for Payloads {
    fn payload(&mut self, parts: &[&[u8]], marker: bool, _: u32) {
        self.0.push((parts.concat(), marker));
    }
}

impl Sender {
    fn new(medias: &str) -> Self {
        Self {
            units: Units::new(&description(medias), &[]),
            start: Clock::start().now(),
            sequences: [65_530, 7],
        }
    }

    fn sample(&mut self, track: usize, time: u32, data: &[u8]) {
        let described = &self.units.tracks[track];
        let depacketizer = codec::depacketizer(&described.encoding, described.fmtp.as_deref());
        let packetizer = depacketizer.unwrap().format().unwrap().packetizer();
        let mut payloads = Payloads::default();
        let samples = [Sample { data, offset: 0 }];
        packetizer.packetize(&samples, 100, &mut payloads).unwrap();
        for (payload, marker) in payloads.0 {
            self.packet(track, time, &payload, marker);
        }
    }

    fn packet(&mut self, track: usize, time: u32, payload: &[u8], marker: bool) {
        let mut header = [0; HEADER_LEN];
        let sequence = &mut self.sequences[track];
        write_header(&mut header, marker, 96, *sequence, time, 1);
        *sequence = sequence.wrapping_add(1);
        let arrived = self.start + Duration::from_secs(1);
        self.units
            .media(track, &[&header, payload].concat(), arrived);
    }

    /// Says that `time` of a track is so many milliseconds of the sender's clock.
    fn report(&mut self, track: usize, time: u32, millis: i64) {
        let mut compound = Vec::new();
        let report = SenderReport {
            ssrc: 1,
            ntp: NtpTime(0xe000_0000 << 32).later(millis * 1_000_000),
            rtp_time: time,
            packets: 0,
            bytes: 0,
        };
        write_sender_report(&mut compound, report, "test", false);
        self.units.report(track, &compound);
    }

    fn pull(&mut self) -> Vec<Unit> {
        std::iter::from_fn(|| self.units.pull()).collect()
    }
}

fn picture(header: u8, size: usize) -> Vec<u8> {
    let unit = [&[header, 0x80][..], &vec![0x55; size]].concat();
    [&(unit.len() as u32).to_be_bytes(), &unit[..]].concat()
}

const KEY: u8 = 0x65;
const OTHER: u8 = 0x41;

#[test]
fn pictures_get_decoding_times_by_their_order() {
    let mut sender = Sender::new(&video());
    // I P B B P B B at 25 pictures a second, from just before the wrap.
    let begin = u32::MAX - 5000;
    for (index, shown) in [0, 3, 1, 2, 6, 4, 5].into_iter().enumerate() {
        let header = if index == 0 { KEY } else { OTHER };
        sender.sample(0, begin.wrapping_add(shown * 3600), &picture(header, 300));
    }
    let units = sender.pull();
    let shown: Vec<_> = units.iter().map(|unit| unit.pts.ticks - 900_000).collect();
    assert_eq!(shown, [0, 10_800, 3600, 7200, 21_600, 14_400, 18_000]);
    assert!(
        units
            .windows(2)
            .all(|pair| pair[0].dts.ticks < pair[1].dts.ticks)
    );
    assert!(units.iter().all(|unit| unit.dts.ticks <= unit.pts.ticks));
    assert!(units[0].keyframe && !units[1].keyframe);
    assert!(
        units
            .iter()
            .all(|unit| !unit.damaged && !unit.discontinuity)
    );
    assert!(matches!(sender.units.format(0), Some(Format::H264(_))));
}

#[test]
fn reports_join_sound_and_pictures() {
    let mut sender = Sender::new(&format!("{}{AUDIO}", video()));
    sender.report(0, 1_000_000, 500);
    sender.sample(0, 1_000_000, &picture(KEY, 20));
    // The sound of a second later begins, with a report of its own.
    sender.report(1, 5_000, 1000);
    for frame in 0..3 {
        sender.sample(1, 5_000 + 24_000 + frame * 1024, &[1, 2, 3]);
    }
    let units = sender.pull();
    assert_eq!(units[0].pts, MediaTime::new(900_000, 90_000));
    assert_eq!(units[1].pts, MediaTime::new(11 * 48_000, 48_000));
    assert_eq!(units[2].pts.ticks, units[1].pts.ticks + 1024);
    assert_eq!(units[1].dts, units[1].pts);
    assert_eq!(units[1].duration, Some(1024));
    let walls: Vec<_> = units.iter().map(|unit| unit.wall.unwrap()).collect();
    let apart = walls[1].nanos_since(walls[0]);
    assert!((apart - 1_000_000_000).abs() < 10_000, "{apart}");
}

#[test]
fn sound_alone_and_pictures_alone_begin_at_the_start() {
    let mut sender = Sender::new(AUDIO);
    sender.sample(0, 77, &[1, 2, 3]);
    assert_eq!(sender.pull()[0].pts, MediaTime::new(START * 48_000, 48_000));
    let mut sender = Sender::new(&format!(
        "{}m=audio 0 RTP/AVP 98\r\na=rtpmap:98 X-QDM/8000\r\n",
        video()
    ));
    sender.sample(0, 77, &picture(KEY, 20));
    sender.packet(1, 5, &[1, 2, 3], true);
    let units = sender.pull();
    assert_eq!(units.len(), 1, "what is not known stays silent");
    assert_eq!(units[0].pts, MediaTime::new(START * 90_000, 90_000));
}

#[test]
fn pictures_begin_with_a_key_frame_and_damage_is_no_discontinuity() {
    let mut sender = Sender::new(&video());
    sender.sample(0, 0, &picture(OTHER, 20));
    sender.sample(0, 3600, &picture(KEY, 20));
    sender.sequences[0] = sender.sequences[0].wrapping_add(2);
    sender.sample(0, 7200, &picture(OTHER, 20));
    let before = sender.sequences[0];
    sender.sample(0, 10_800, &picture(OTHER, 20));
    sender.sequences[0] = before;
    sender.packet(0, 10_800, &[OTHER, 0x80, 1], true);
    let told: Vec<_> = sender
        .pull()
        .iter()
        .map(|unit| (unit.damaged, unit.discontinuity))
        .collect();
    assert_eq!(
        told,
        [(false, false), (true, false), (false, false)],
        "a repeated packet is passed over"
    );
}

/// An access unit of a picture that is no IDR picture, behind another unit.
fn behind(unit: &[u8], slice: &[u8]) -> Vec<u8> {
    let lengths = [unit, slice].map(|unit| (unit.len() as u32).to_be_bytes());
    [&lengths[0], unit, &lengths[1], slice].concat()
}

#[test]
fn pictures_begin_with_a_recovery_point_where_no_idr_picture_comes() {
    // After nine pictures all is right again.
    let point = behind(&[6, 6, 2, 0x15, 0x10, 0x80], &[OTHER, 0x9a, 0x80]);
    // Nothing says so, but the parameter sets are repeated before a picture that refers to no other.
    let sets = base64::Engine::decode(&base64::prelude::BASE64_STANDARD, SPS).unwrap();
    let repeated = behind(&sets, &[OTHER, 0x88, 0x80]);
    let predicted = behind(&sets, &[OTHER, 0x9a, 0x80]);
    for (begin, is_key) in [(point, true), (repeated, true), (predicted, false)] {
        let mut sender = Sender::new(&video());
        sender.sample(0, 0, &picture(OTHER, 20));
        sender.sample(0, 3600, &begin);
        sender.sample(0, 7200, &picture(OTHER, 20));
        let keys: Vec<_> = sender.pull().iter().map(|unit| unit.keyframe).collect();
        assert_eq!(keys, if is_key { vec![true, false] } else { vec![] });
    }
}

#[test]
fn key_frames_that_stay_away_are_noticed() {
    let mut sender = Sender::new(&video());
    let begin = u32::MAX - 90_000;
    for second in 0..=15_u32 {
        assert!(!sender.units.lack_key_frames());
        sender.sample(0, begin.wrapping_add(second * 90_000), &picture(OTHER, 20));
    }
    assert!(sender.pull().is_empty() && sender.units.lack_key_frames());
    sender.sample(0, begin.wrapping_add(16 * 90_000), &picture(KEY, 20));
    assert!(!sender.units.lack_key_frames() && sender.pull().len() == 1);
}

#[test]
fn gaps_and_other_formats_are_discontinuities() {
    let mut sender = Sender::new(&video());
    sender.sample(0, 0, &picture(KEY, 20));
    sender.sample(0, 3600, &picture(OTHER, 20));
    sender.units.missed();
    sender.sample(0, 90_000, &picture(OTHER, 20));
    sender.sample(0, 93_600, &picture(KEY, 20));
    sender.sample(0, 97_200, &picture(OTHER, 20));
    sender.sample(0, 97_200 + 360_000, &picture(OTHER, 20));
    let flags: Vec<_> = sender
        .pull()
        .iter()
        .map(|unit| unit.discontinuity)
        .collect();
    assert_eq!(flags, [false, false, true, false, true]);

    let before = sender.units.format(0).cloned();
    let mut other = vec![0x67, 0xf4, 0x00, 0x0b];
    other.extend(&sps(before.as_ref())[4..]);
    sender.packet(0, 500_000, &other, false);
    sender.packet(0, 500_000, &[KEY, 0x80, 1], true);
    sender.sample(0, 503_600, &picture(OTHER, 20));
    sender.sample(0, 507_200, &picture(KEY, 20));
    let unit = sender.units.pull().unwrap();
    assert!(unit.discontinuity && unit.keyframe);
    assert_ne!(sender.units.format(0).cloned(), before);
    assert!(sender.pull().iter().all(|unit| !unit.discontinuity));
}

fn sps(format: Option<&Format>) -> Bytes {
    match format {
        Some(Format::H264(config)) => config.sps[0].clone(),
        _ => panic!("H.264"),
    }
}

#[test]
fn a_new_description_begins_the_track_anew() {
    let mut sender = Sender::new(AUDIO);
    sender.sample(0, 0, &[1, 2, 3]);
    sender.units.describe(&description(AUDIO));
    sender.sample(0, 1024, &[1, 2, 3]);
    sender
        .units
        .describe(&description(&AUDIO.replace("1190", "1188")));
    sender.sample(0, 2048, &[1, 2, 3]);
    let units = sender.pull();
    let flags: Vec<_> = units.iter().map(|unit| unit.discontinuity).collect();
    assert_eq!(flags, [false, false, true]);
    assert_eq!(units[2].pts.ticks - units[0].pts.ticks, 2048);
    assert!(matches!(sender.units.format(0), Some(Format::Aac(config)) if config.channels == 1));
}

#[test]
fn what_is_still_being_encoded_is_owed() {
    let mut sender = Sender::new("m=audio 0 RTP/AVP 0\r\n");
    sender.units = Units::new(&description("m=audio 0 RTP/AVP 0\r\n"), &[0]);
    assert!(!sender.units.is_owed(0));
    let begin = u32::MAX - 1000;
    sender.packet(0, begin, &[0xff; 160], false);
    assert!(sender.units.is_owed(0));
    sender.packet(0, begin.wrapping_add(8000), &[0xff; 160], false);
    let (now, made) = (sender.start, |time| AccessUnit {
        time,
        keyframe: true,
        damaged: false,
        data: Bytes::from_static(&[0x21, 0x10, 4]),
        duration: Some(1024),
    });
    for (since, is_owed) in [(0, true), (4000, true), (4001, false), (9000, false)] {
        let unit = made(begin.wrapping_add(since));
        sender.units.push_encoded(0, unit, None, now);
        assert_eq!(sender.units.is_owed(0), is_owed, "{since}");
    }
}
