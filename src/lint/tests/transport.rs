//! Faults of transport streams, written packet by packet.

use std::collections::BTreeMap;

use aes::Aes128;
use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeEncrypt, KeyIvInit};
use cbc::Encryptor;

use super::playlists::{plain, read};
use super::{Fault, assert_sound};
use crate::lint::finding::Findings;
use crate::lint::media::Media;
use crate::lint::multivariant::Variant;
use crate::lint::stream::Stream;

/// 640x480, Baseline, level 3.
pub(super) const SPS: [u8; 9] = [0x67, 0x42, 0xc0, 0x1e, 0xda, 0x02, 0x80, 0xf6, 0x40];
pub(super) const PPS: [u8; 4] = [0x68, 0xce, 0x3c, 0x80];

/// What can be wrong with a segment of 6 s.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flaws {
    tables: &'static [(u8, u16)],
    programs: u8,
    key: bool,
    delimiter: bool,
    sets: bool,
    clock: u64,
    clock_late: u64,
    /// By how many ticks all times are late.
    shift: u64,
    /// By how many ticks the sound is late.
    sound: u64,
    pts: bool,
    step: u64,
    skip: bool,
    back: bool,
    sps: [u8; 9],
}

const SOUND: Flaws = Flaws {
    tables: &[(0x1b, 0x100), (0x0f, 0x101)],
    programs: 1,
    key: true,
    delimiter: true,
    sets: true,
    clock: 2,
    clock_late: 0,
    shift: 0,
    sound: 0,
    pts: true,
    step: 3_600,
    skip: false,
    back: false,
    sps: SPS,
};

/// Writes packets, and counts them.
#[derive(Default)]
struct Packets {
    bytes: Vec<u8>,
    counters: BTreeMap<u16, u8>,
}

impl Packets {
    fn write(&mut self, pid: u16, clock: Option<u64>, unit: &[u8]) {
        let mut rest = unit;
        let mut clock = clock;
        let mut start = 0x40;
        while !rest.is_empty() {
            let mut field = match clock.take() {
                Some(clock) => [&[0x10][..], &(clock << 15 | 0x7e00).to_be_bytes()[2..]].concat(),
                None => Vec::new(),
            };
            let room = 184 - if field.is_empty() { 0 } else { field.len() + 1 };
            let (payload, after) = rest.split_at(rest.len().min(room));
            let counter = self.counters.entry(pid).or_insert(0);
            let [high, low] = pid.to_be_bytes();
            let stuffing = room - payload.len();
            let has_field = stuffing > 0 || !field.is_empty();
            let flags = if has_field { 0x30 } else { 0x10 };
            self.bytes
                .extend([0x47, start | high, low, flags | *counter]);
            if has_field {
                let size = 183 - payload.len();
                if field.is_empty() && size > 0 {
                    field.push(0);
                }
                field.resize(size, 0xff);
                self.bytes.push(size as u8);
                self.bytes.extend(&field);
            }
            self.bytes.extend(payload);
            *counter = (*counter + 1) & 0xf;
            (rest, start) = (after, 0);
        }
    }

    fn section(&mut self, pid: u16, table: u8, body: &[u8]) {
        let length = (body.len() + 9) as u8;
        let mut section = vec![0, table, 0xb0, length, 0, 1, 0xc1, 0, 0];
        section.extend(body);
        section.resize(184, 0xff);
        self.write(pid, None, &section);
    }

    fn tables(&mut self, flaws: &Flaws) {
        let programs: Vec<u8> = (1..=flaws.programs)
            .flat_map(|id| [0, id, 0xf0, 0])
            .collect();
        self.section(0, 0, &programs);
        let mut body = vec![0xe1, 0x00, 0xf0, 0];
        for (kind, pid) in flaws.tables {
            let [high, low] = pid.to_be_bytes();
            body.extend([*kind, 0xe0 | high, low, 0xf0, 0]);
        }
        self.section(0x1000, 2, &body);
    }
}

fn pes(id: u8, time: Option<u64>, data: &[u8]) -> Vec<u8> {
    let mut unit = vec![0, 0, 1, id, 0, 0, 0x80];
    match time {
        None => unit.extend([0, 0]),
        Some(time) => unit.extend([
            0x80,
            5,
            0x21 | (time >> 29) as u8 & 0xe,
            (time >> 22) as u8,
            (time >> 14) as u8 | 1,
            (time >> 7) as u8,
            (time << 1) as u8 | 1,
        ]),
    }
    unit.extend(data);
    unit
}

/// Frames of AAC at 48 kHz in stereo.
pub(super) fn adts(count: usize) -> Vec<u8> {
    let frame = [&[0xff, 0xf1, 0x4c, 0x80, 0x02, 0x1f, 0xfc][..], &[0; 9]].concat();
    frame.repeat(count)
}

fn picture(flaws: &Flaws, is_first: bool) -> Vec<u8> {
    let mut data = Vec::new();
    let mut unit = |bytes: &[u8]| data.extend([&[0, 0, 0, 1][..], bytes].concat());
    if flaws.delimiter {
        unit(&[9, 0xf0]);
    }
    if is_first && flaws.sets {
        unit(&flaws.sps);
        unit(&PPS);
    }
    let slice: &[u8] = if is_first && flaws.key {
        &[0x65, 0x88]
    } else {
        &[0x41, 0x9a]
    };
    unit(slice);
    data
}

/// A segment of 6 s that begins at `begin`, in ticks.
fn segment(packets: &mut Packets, begin: u64, flaws: &Flaws) -> Vec<u8> {
    packets.bytes.clear();
    packets.tables(flaws);
    let begin = begin + flaws.shift;
    for number in 0..540_000 / flaws.step {
        let mut time = begin + number * flaws.step;
        if flaws.back && number == 7 {
            time -= 2 * flaws.step;
        }
        let clock = (flaws.clock > 0 && number.is_multiple_of(flaws.clock))
            .then(|| (time + 891_000 + flaws.clock_late) & ((1 << 33) - 1));
        let unit = pes(
            0xe0,
            flaws.pts.then_some(time + 900_000),
            &picture(flaws, number == 0),
        );
        packets.write(0x100, clock, &unit);
        if number.is_multiple_of(10) && flaws.tables.len() > 1 {
            let frames =
                (number + 10) * flaws.step * 48 / 92_160 - number * flaws.step * 48 / 92_160;
            let first = number * flaws.step * 48 / 92_160;
            let at = begin + 900_000 + flaws.sound + first * 1_920;
            for (_, pid) in &flaws.tables[1..] {
                packets.write(*pid, None, &pes(0xc0, Some(at), &adts(frames as usize)));
            }
        }
        if flaws.skip && number == 3 {
            packets
                .counters
                .entry(0x100)
                .and_modify(|counter| *counter = (*counter + 1) & 0xf);
        }
    }
    packets.bytes.clone()
}

/// A stream that has read two segments, the second with flaws.
fn look(flaws: &Flaws) -> (Stream, Findings) {
    look_with(flaws, |bytes| bytes)
}

fn look_with(flaws: &Flaws, change: impl Fn(Vec<u8>) -> Vec<u8>) -> (Stream, Findings) {
    let media = read(plain().as_bytes()).0.unwrap();
    let mut packets = Packets::default();
    let segments =
        [(0, &SOUND), (540_000, flaws)].map(|(begin, flaws)| segment(&mut packets, begin, flaws));
    let [first, second] = segments;
    read_all(&media, &[first, change(second)])
}

fn read_all(media: &Media, segments: &[Vec<u8>]) -> (Stream, Findings) {
    let (mut stream, mut findings) = (Stream::default(), Findings::default());
    for (segment, bytes) in media.segments.iter().zip(segments) {
        stream.segment(segment, None, bytes, media, &mut findings);
    }
    (stream, findings)
}

#[test]
fn sound_segments_are_found_sound() {
    assert_sound(&look(&SOUND).1);
}

#[test]
fn counts_may_begin_anew() {
    let media = read(plain().as_bytes()).0.unwrap();
    let mut packets = Packets::default();
    let begin = (1 << 33) - 900_000 - 200_000;
    let segments = [begin, begin + 540_000].map(|begin| segment(&mut packets, begin, &SOUND));
    assert_sound(&read_all(&media, &segments).1);
}

pub(super) fn faults() -> Vec<Fault> {
    let flaws: [(&str, Flaws); 19] = [
        (
            "ts-programs",
            Flaws {
                programs: 2,
                ..SOUND
            },
        ),
        (
            "ts-continuity",
            Flaws {
                skip: true,
                ..SOUND
            },
        ),
        ("ts-clock", Flaws { clock: 5, ..SOUND }),
        ("ts-clock", Flaws { clock: 0, ..SOUND }),
        (
            "ts-clock-late",
            Flaws {
                clock_late: 18_000,
                ..SOUND
            },
        ),
        (
            "pes-header",
            Flaws {
                pts: false,
                ..SOUND
            },
        ),
        (
            "codec-container",
            Flaws {
                tables: &[(0x24, 0x100), (0x0f, 0x101)],
                ..SOUND
            },
        ),
        (
            "ts-access-unit-delimiter",
            Flaws {
                delimiter: false,
                ..SOUND
            },
        ),
        (
            "ts-parameter-sets",
            Flaws {
                sets: false,
                ..SOUND
            },
        ),
        (
            "ts-decode-order",
            Flaws {
                back: true,
                ..SOUND
            },
        ),
        (
            "ts-empty",
            Flaws {
                tables: &[(0x15, 0x100)],
                ..SOUND
            },
        ),
        (
            "key-frame-first",
            Flaws {
                key: false,
                ..SOUND
            },
        ),
        (
            "timeline-gap",
            Flaws {
                shift: 30_000,
                ..SOUND
            },
        ),
        (
            "extinf-sum",
            Flaws {
                shift: 7_000,
                ..SOUND
            },
        ),
        (
            "audio-streams",
            Flaws {
                tables: &[(0x1b, 0x100), (0x0f, 0x101), (0x0f, 0x102)],
                ..SOUND
            },
        ),
        (
            "audio-video-apart",
            Flaws {
                sound: 60_000,
                ..SOUND
            },
        ),
        (
            "format-change",
            Flaws {
                sps: [0x67, 0x42, 0xc0, 0x1f, 0xda, 0x02, 0x80, 0xf6, 0x40],
                ..SOUND
            },
        ),
        ("key-frame-interval", SOUND),
        (
            "ts-tables",
            Flaws {
                tables: &[],
                ..SOUND
            },
        ),
    ];
    let mut faults: Vec<Fault> = flaws
        .iter()
        .map(|(rule, flaws)| (*rule, look(flaws).1))
        .collect();
    faults.extend([
        (
            "ts-packets",
            look_with(&SOUND, |bytes| bytes[..bytes.len() - 7].to_vec()).1,
        ),
        (
            "ts-packets",
            look_with(&SOUND, |mut bytes| {
                bytes[188] = 0;
                bytes
            })
            .1,
        ),
        (
            "ts-faulty-packets",
            look_with(&SOUND, |mut bytes| {
                bytes[377] |= 0x80;
                bytes
            })
            .1,
        ),
        (
            "segment-format",
            look_with(&SOUND, |_| b"<html>".to_vec()).1,
        ),
        ("frame-rate-high", fresh(&Flaws { step: 900, ..SOUND })),
        (
            "h264-level",
            fresh(&Flaws {
                sps: [0x67, 0x42, 0xc0, 60, 0xda, 0x02, 0x80, 0xf6, 0x40],
                ..SOUND
            }),
        ),
    ]);
    faults.extend(variants());
    faults.extend(encrypted());
    faults
}

/// What is found in the first segment of all.
fn fresh(flaws: &Flaws) -> Findings {
    let media = read(plain().as_bytes()).0.unwrap();
    let bytes = segment(&mut Packets::default(), 0, flaws);
    read_all(&media, &[bytes]).1
}

fn variants() -> Vec<Fault> {
    let stream = look(&SOUND).0;
    let told = Variant {
        codecs: vec!["avc1.42c01e".to_owned(), "mp4a.40.2".to_owned()],
        resolution: Some((640, 480)),
        frame_rate: Some(25.0),
        ..Variant::default()
    };
    let check = |variant: &Variant| {
        let mut findings = Findings::default();
        stream.check_variant(variant, &mut findings);
        findings
    };
    assert_sound(&check(&told));
    let codecs = vec!["avc1.42c01e".to_owned()];
    let bandwidth = Some(1_000);
    let range = |range: &str| {
        check(&Variant {
            video_range: Some(range.to_owned()),
            ..told.clone()
        })
    };
    assert_sound(&range("SDR"));
    vec![
        ("video-range-wrong", range("PQ")),
        (
            "bandwidth-exceeded",
            check(&Variant {
                bandwidth,
                ..told.clone()
            }),
        ),
        (
            "codecs-wrong",
            check(&Variant {
                codecs,
                ..told.clone()
            }),
        ),
        (
            "resolution-wrong",
            check(&Variant {
                resolution: Some((640, 360)),
                ..told.clone()
            }),
        ),
        (
            "frame-rate-wrong",
            check(&Variant {
                frame_rate: Some(12.5),
                ..told
            }),
        ),
    ]
}

/// A playlist whose segments are encrypted, with their numbers for initialisation vectors.
fn locked() -> Media {
    let key = "#EXT-X-KEY:METHOD=AES-128,URI=\"k\"\n#EXTINF";
    let text = plain().replacen("#EXTINF", key, 1);
    read(text.as_bytes()).0.unwrap()
}

#[test]
fn what_is_encrypted_is_read() {
    let media = locked();
    let key = [3; 16];
    let (mut stream, mut findings) = (Stream::default(), Findings::default());
    stream.key(&media.segments[0].keys[0], &key, &mut findings);
    let mut packets = Packets::default();
    for (begin, one) in (0..2).map(|number| number * 540_000).zip(&media.segments) {
        let clear = segment(&mut packets, begin, &SOUND);
        let iv = u128::from(one.sequence).to_be_bytes();
        let encryptor = Encryptor::<Aes128>::new(&key.into(), &iv.into());
        let bytes = encryptor.encrypt_padded_vec::<Pkcs7>(&clear);
        stream.segment(one, None, &bytes, &media, &mut findings);
    }
    assert_sound(&findings);
    let mut untold = Findings::default();
    let codecs = vec!["hvc1".to_owned()];
    let variant = Variant {
        codecs,
        ..Variant::default()
    };
    stream.check_variant(&variant, &mut untold);
    assert!(
        untold
            .all()
            .iter()
            .any(|one| one.rule.name == "codecs-wrong")
    );
}

fn encrypted() -> Vec<Fault> {
    let media = locked();
    let segment = &media.segments[0];
    let look = |key: &[u8], bytes: &[u8]| {
        let (mut stream, mut findings) = (Stream::default(), Findings::default());
        stream.key(&segment.keys[0], key, &mut findings);
        stream.segment(segment, None, bytes, &media, &mut findings);
        findings
    };
    vec![
        ("encrypted-size", look(&[0; 16], &[7; 33])),
        ("encrypted-padding", look(&[0; 16], &[7; 32])),
        ("key-size", look(&[0; 15], &[7; 32])),
    ]
}
