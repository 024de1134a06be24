//! Faults of fragmented MP4, written box by box.

use super::playlists::{low_latency, read};
use super::transport::{PPS, SPS};
use super::{Fault, assert_sound};
use crate::lint::finding::Findings;
use crate::lint::media::{Media, Part, Segment};
use crate::lint::stream::Stream;

fn atom(kind: &[u8; 4], content: &[&[u8]]) -> Vec<u8> {
    let content = content.concat();
    let size = (content.len() + 8) as u32;
    [&size.to_be_bytes()[..], kind, &content].concat()
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

/// One track of pictures, 25 a second in ticks of 25,000 Hz, or one of sound.
fn initialisation(entry: &[u8]) -> Vec<u8> {
    let is_sound = entry[4..8] == *b"mp4a";
    let handler: &[u8] = if is_sound { b"soun" } else { b"vide" };
    let table = atom(
        b"stbl",
        &[
            &atom(b"stsd", &[&words(&[0, 1]), entry]),
            &atom(b"stsz", &[&words(&[0, 0, 0])]),
        ],
    );
    let media = atom(
        b"mdia",
        &[
            &atom(b"mdhd", &[&words(&[0, 0, 0, 25_000, 0, 0])]),
            &atom(b"hdlr", &[&words(&[0, 0]), handler, &[0; 13]]),
            &atom(b"minf", &[&table]),
        ],
    );
    let header = atom(b"tkhd", &[&words(&[3, 0, 0, 1]), &[0; 64]]);
    let extends = atom(
        b"mvex",
        &[&atom(b"trex", &[&words(&[0, 1, 1, 1000, 0, 0])])],
    );
    [
        atom(b"ftyp", &[b"iso6\0\0\0\0"]),
        atom(b"moov", &[&atom(b"trak", &[&header, &media]), &extends]),
    ]
    .concat()
}

fn video_entry(kind: &[u8; 4]) -> Vec<u8> {
    let record = [
        &[1, SPS[1], SPS[2], SPS[3], 0xff, 0xe1, 0, SPS.len() as u8][..],
        &SPS,
        &[1, 0, PPS.len() as u8],
        &PPS,
    ]
    .concat();
    let size = [0x02, 0x80, 0x01, 0xe0];
    atom(
        kind,
        &[&[0; 24], &size, &[0; 50], &atom(b"avcC", &[&record])],
    )
}

fn sound_entry() -> Vec<u8> {
    let fields = [
        &[0; 16][..],
        &[0, 2, 0, 16, 0, 0, 0, 0],
        &words(&[48_000 << 16]),
    ]
    .concat();
    atom(b"mp4a", &[&fields])
}

/// What can be wrong with a segment.
#[derive(Clone, Copy)]
struct Flaws {
    track: u32,
    flags: u32,
    has_time: bool,
    /// Whether the first picture is an IDR picture, and whether it is marked so.
    key: bool,
    sync: bool,
    excess: u32,
    event: &'static [u8],
    number: u32,
    off: u32,
}

const SOUND: Flaws = Flaws {
    track: 1,
    flags: 0x2_0000,
    has_time: true,
    key: true,
    sync: true,
    excess: 0,
    event: b"\x01\0\0\0________________\0\0\0\0https://aomedia.org/emsg/ID3\0\0",
    number: 2,
    off: 0,
};

/// Two fragments of `count` pictures in all, which begin at `begin`.
fn segment(begin: u32, count: u32, flaws: &Flaws) -> Vec<u8> {
    let half = count / 2;
    [
        atom(b"emsg", &[flaws.event]),
        fragment(1, begin, half, flaws.key, flaws.sync, flaws),
        fragment(
            flaws.number,
            begin + half * 1000 + flaws.off,
            count - half,
            false,
            false,
            flaws,
        ),
    ]
    .concat()
}

fn fragment(number: u32, begin: u32, count: u32, key: bool, sync: bool, flaws: &Flaws) -> Vec<u8> {
    let head = atom(b"tfhd", &[&words(&[flaws.flags, flaws.track])]);
    let time = match flaws.has_time {
        true => atom(b"tfdt", &[&words(&[0, begin])]),
        false => Vec::new(),
    };
    let mut run = words(&[0x601, count, 0]);
    for sample in 0..count {
        let flags = if sample == 0 && sync {
            0x200_0000
        } else {
            0x101_0000
        };
        run.extend(words(&[6 + flaws.excess, flags]));
    }
    let sizes = (8 + 16) + 8 + head.len() + time.len() + (8 + run.len());
    let offset = (sizes + 8) as u32;
    run[8..12].copy_from_slice(&offset.to_be_bytes());
    let traf = atom(b"traf", &[&head, &time, &atom(b"trun", &[&run])]);
    let moof = atom(b"moof", &[&atom(b"mfhd", &[&words(&[0, number])]), &traf]);
    let mut data = Vec::new();
    for sample in 0..count {
        let slice = if sample == 0 && key { 0x65 } else { 0x41 };
        data.extend([0, 0, 0, 2, slice, 0x9a]);
    }
    [moof, atom(b"mdat", &[&data])].concat()
}

fn media() -> Media {
    read(low_latency().as_bytes()).0.unwrap()
}

/// What is found in segments that follow one another.
fn look(init: &[u8], segments: &[Vec<u8>]) -> Findings {
    let (mut stream, mut findings) = (Stream::default(), Findings::default());
    let media = media();
    stream.map("init.mp4", &[], init, &mut findings);
    for (segment, bytes) in media.segments.iter().zip(segments) {
        stream.segment(segment, Some("init.mp4"), bytes, &media, &mut findings);
    }
    findings
}

fn broken(flaws: &Flaws) -> Findings {
    let init = initialisation(&video_entry(b"avc1"));
    look(
        &init,
        &[segment(0, 150, &SOUND), segment(150_000, 150, flaws)],
    )
}

#[test]
fn sound_segments_are_found_sound() {
    assert_sound(&broken(&SOUND));
}

pub(super) fn faults() -> Vec<Fault> {
    let flaws: [(&str, Flaws); 10] = [
        ("mp4-unknown-track", Flaws { track: 2, ..SOUND }),
        ("mp4-fragment", Flaws { flags: 0, ..SOUND }),
        (
            "mp4-fragment",
            Flaws {
                has_time: false,
                ..SOUND
            },
        ),
        (
            "mp4-sync-sample",
            Flaws {
                key: false,
                ..SOUND
            },
        ),
        (
            "key-frame-first",
            Flaws {
                key: false,
                sync: false,
                ..SOUND
            },
        ),
        ("mp4-sample-data", Flaws { excess: 1, ..SOUND }),
        (
            "mp4-event",
            Flaws {
                event: b"\0\0\0\0https://aomedia.org/emsg/ID3\0",
                ..SOUND
            },
        ),
        ("mp4-sequence-number", Flaws { number: 1, ..SOUND }),
        ("mp4-fragment-times", Flaws { off: 500, ..SOUND }),
        (
            "mp4-sync-sample",
            Flaws {
                key: false,
                ..SOUND
            },
        ),
    ];
    let mut faults: Vec<Fault> = flaws
        .iter()
        .map(|(rule, flaws)| (*rule, broken(flaws)))
        .collect();
    let init = initialisation(&video_entry(b"avc1"));
    let late = segment(151_000, 150, &SOUND);
    let mut short = segment(0, 150, &SOUND);
    short.truncate(short.len() - 9);
    let boxless = b"\0\0\0\x08free".to_vec();
    faults.extend([
        (
            "timeline-gap",
            look(&init, &[segment(0, 150, &SOUND), late]),
        ),
        ("mp4-segment-boxes", look(&init, &[short])),
        ("mp4-fragment", look(&init, &[boxless])),
        ("mp4-boxes", look(&[&init[..], &[0, 0, 0, 4]].concat(), &[])),
        ("mp4-initialisation", look(&init[16..], &[])),
        ("mp4-initialisation", look(&init[..16], &[])),
        (
            "mp4-sample-entry",
            look(&initialisation(&video_entry(b"avc3")), &[]),
        ),
        ("mp4-priming", look(&initialisation(&sound_entry()), &[])),
        (
            "mp4-initialisation-samples",
            look(&with_samples(init.clone()), &[]),
        ),
    ]);
    faults.extend(parts(&init));
    faults
}

fn with_samples(mut init: Vec<u8>) -> Vec<u8> {
    let at = init.windows(4).position(|four| four == b"stsz").unwrap();
    init[at + 15] = 1;
    init
}

fn parts(init: &[u8]) -> Vec<Fault> {
    let part = |independent, duration, bytes: &[u8]| {
        let (mut stream, mut findings) = (Stream::default(), Findings::default());
        stream.map("init.mp4", &[], init, &mut findings);
        let part = Part {
            independent,
            duration,
            ..Part::default()
        };
        let segment = Segment {
            parts: vec![part],
            ..Segment::default()
        };
        stream.part(&segment, 0, Some("init.mp4"), bytes, &mut findings);
        findings
    };
    let key = segment(0, 26, &SOUND);
    let other = segment(
        0,
        26,
        &Flaws {
            key: false,
            sync: false,
            ..SOUND
        },
    );
    assert_sound(&part(true, 1.04, &key));
    assert_sound(&part(false, 1.04, &other));
    vec![
        ("part-independent", part(true, 1.04, &other)),
        ("part-independent", part(false, 1.04, &key)),
        ("part-duration", part(true, 0.9, &key)),
        ("part-not-in-segment", missing_samples(init)),
    ]
}

/// The parts of a segment lack a picture.
fn missing_samples(init: &[u8]) -> Findings {
    let (mut stream, mut findings) = (Stream::default(), Findings::default());
    let media = media();
    stream.map("init.mp4", &[], init, &mut findings);
    let whole = media.segment(13).unwrap();
    for number in 0..whole.parts.len() {
        let count = if number == 3 { 24 } else { 25 };
        let begin = number as u32 * 25_000;
        let flaws = Flaws {
            key: number == 0,
            sync: number == 0,
            ..SOUND
        };
        let bytes = segment(begin, count, &flaws);
        stream.part(whole, number, Some("init.mp4"), &bytes, &mut findings);
    }
    stream.segment(
        whole,
        Some("init.mp4"),
        &segment(0, 150, &SOUND),
        &media,
        &mut findings,
    );
    findings
}
