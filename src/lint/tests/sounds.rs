//! Faults of packed audio.

use super::playlists::{plain, read};
use super::transport::adts;
use super::{Fault, assert_sound};
use crate::lint::finding::Findings;
use crate::lint::stream::Stream;

/// An ID3 tag that tells a time.
fn tag(time: u64) -> Vec<u8> {
    let owner = b"com.apple.streaming.transportStreamTimestamp\0";
    let mut tag = b"ID3\x04\0\0\0\0\0\x3fPRIV\0\0\0\x35\0\0".to_vec();
    tag.extend(owner);
    tag.extend(time.to_be_bytes());
    tag
}

fn look(segments: &[Vec<u8>]) -> Findings {
    let text = plain().replace(".ts", ".aac").replace("6.00000", "5.99467");
    let media = read(text.as_bytes()).0.unwrap();
    let (mut stream, mut findings) = (Stream::default(), Findings::default());
    for (segment, bytes) in media.segments.iter().zip(segments) {
        stream.segment(segment, None, bytes, &media, &mut findings);
    }
    findings
}

fn sound(time: u64) -> Vec<u8> {
    [tag(time), adts(281)].concat()
}

#[test]
fn sound_segments_are_found_sound() {
    assert_sound(&look(&[sound(90_000), sound(90_000 + 281 * 1_920)]));
}

pub(super) fn faults() -> Vec<Fault> {
    let surround: Vec<u8> = adts(20)
        .chunks(16)
        .flat_map(|frame| [&frame[..2], &[0x4d, 0x80], &frame[4..]].concat())
        .collect();
    vec![
        ("packed-audio-timestamp", look(&[adts(281)])),
        (
            "packed-audio-frames",
            look(&[[sound(0), vec![0; 5]].concat()]),
        ),
        (
            "timeline-gap",
            look(&[sound(0), sound(281 * 1_920 + 3_840)]),
        ),
        ("stereo", look(&[[tag(0), surround].concat()])),
    ]
}
