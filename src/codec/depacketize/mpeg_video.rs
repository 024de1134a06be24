//! MPEG-1 and MPEG-2 video out of RTP: slices, and the headers before them, as they stand (RFC 2250, 3).

use super::AccessUnit;
use super::foreign::{Assemble, ForeignConfig};
use super::pictures::{Pictures, Piece};
use crate::codec::Malformed;
use crate::codec::mpeg_video::{Headers, Sequence};
use crate::wire::rtp;

/// The state of one track.
#[derive(Debug, Default)]
pub(super) struct Depacketizer {
    pictures: Pictures,
    /// The time of a field whose frame lacks the other.
    field: Option<u32>,
    sequence: Option<Sequence>,
}

impl Depacketizer {
    fn take(&mut self, packet: &rtp::Packet<'_>) -> Result<(), Malformed> {
        let (flags, data) = split(packet.payload()).ok_or(CUT)?;
        let time = packet.time();
        let starts = matches!(data, [0, 0, 1, 0 | 0xb3 | 0xb8, ..]);
        if starts {
            let is_first = Headers::read(data).is_field && self.field != Some(time);
            self.field = is_first.then_some(time);
        }
        let piece = Piece {
            time,
            starts,
            // The headers tell, which may be in several pieces.
            is_key: false,
            resumes: flags & STARTS_SLICE != 0,
            // Both fields of a frame have one time, and belong together.
            ends: packet.marker() && self.field != Some(time),
        };
        self.pictures.push(piece, [data, &[]]);
        Ok(())
    }
}

impl Assemble for Depacketizer {
    fn push(&mut self, packet: &rtp::Packet<'_>, lost: u16) -> Result<(), Malformed> {
        if lost > 0 {
            self.pictures.lose();
        }
        let taken = self.take(packet);
        if taken.is_err() {
            self.pictures.lose();
        }
        taken
    }

    fn pull(&mut self) -> Option<AccessUnit> {
        let mut unit = self.pictures.pull()?;
        let headers = Headers::read(&unit.data);
        if headers.sequence.is_some() {
            self.sequence = headers.sequence;
        }
        unit.keyframe = headers.is_intra && self.sequence.is_some();
        Some(unit)
    }

    fn config(&self) -> Option<ForeignConfig> {
        self.sequence.clone().map(ForeignConfig::MpegVideo)
    }
}

/// The third byte of the header, and the data; `None` without any.
fn split(payload: &[u8]) -> Option<(u8, &[u8])> {
    let (&[first, _, flags, _], mut rest) = payload.split_first_chunk()?;
    if first & EXTENDED != 0 {
        let (&[extensions, _, _, display], after) = rest.split_first_chunk()?;
        rest = after;
        if display & HAS_DISPLAY != 0 {
            rest.split_off(..4)?;
        }
        if extensions & HAS_EXTENSIONS != 0 {
            // Their length, that byte among it, in units of four bytes.
            let length = 4 * usize::from(*rest.first()?).max(1);
            rest.split_off(..length)?;
        }
    }
    (!rest.is_empty()).then_some((flags, rest))
}

const CUT: Malformed = Malformed::new("MPEG video", "payload header is cut short");

/// In the first byte: the header of MPEG-2 follows (RFC 2250, 3.4.1).
const EXTENDED: u8 = 0x04;
/// In the third: the payload begins with a slice, or with headers and a slice.
const STARTS_SLICE: u8 = 0x10;

/// In the first and the last byte of the header of MPEG-2.
const HAS_EXTENSIONS: u8 = 0x40;
const HAS_DISPLAY: u8 = 0x01;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::depacketize::foreign::tests::push;

    /// Behind the header of a payload whose first slice begins there.
    fn payload(parts: &[&[u8]]) -> Vec<u8> {
        [&[0, 0, 0x10, 0], &parts.concat()[..]].concat()
    }

    const SEQUENCE: &[u8] = b"\0\0\x01\xb3\x0b\0\x90\x15\xff\xff\xe0\x18";
    const EXTENSION: &[u8] = b"\0\0\x01\xb5\x14\x8a\0\x01";
    const KEY: &[u8] = b"\0\0\x01\0\0\x0f\xff\xf8";
    const OTHER: &[u8] = b"\0\0\x01\0\0\x57\xff\xf8";
    const SLICE: &[u8] = b"\0\0\x01\x01slice";
    const NEXT: &[u8] = b"\0\0\x01\x02next";

    #[test]
    fn slices_are_joined_behind_their_headers() {
        let mut track = Depacketizer::default();
        // Nothing tells how to decode it.
        let unit = push(&mut track, (true, 0), &payload(&[KEY, SLICE]), 0);
        assert!(!unit.unwrap().unwrap().keyframe);
        assert_eq!(track.config(), None);
        let first = payload(&[SEQUENCE, EXTENSION, KEY, SLICE]);
        assert_eq!(push(&mut track, (false, 9), &first, 0), Ok(None));
        assert_eq!(push(&mut track, (false, 9), b"\0\0\0\0 on", 0), Ok(None));
        let unit = push(&mut track, (true, 9), &payload(&[NEXT]), 0);
        let unit = unit.unwrap().unwrap();
        let whole = [SEQUENCE, EXTENSION, KEY, SLICE, b" on", NEXT].concat();
        assert_eq!(unit.data, whole);
        assert!(unit.keyframe && !unit.damaged);
        let told = Sequence {
            is_second: true,
            headers: [SEQUENCE, EXTENSION].concat().into(),
        };
        assert_eq!(track.config(), Some(ForeignConfig::MpegVideo(told)));
        let unit = push(&mut track, (true, 18), &payload(&[OTHER, SLICE]), 0);
        assert!(!unit.unwrap().unwrap().keyframe);
        let unit = push(&mut track, (true, 27), &payload(&[KEY, SLICE]), 0);
        assert!(unit.unwrap().unwrap().keyframe);
    }

    #[test]
    fn headers_of_mpeg_2_are_passed_over() {
        let cases: [(&[u8], usize); 4] = [
            (&[4, 0, 0x10, 0, 0, 0, 0, 0], 8),
            (&[4, 0, 0x10, 0, 0, 0, 0, 1, 9, 9, 9, 9], 12),
            (&[4, 0, 0x10, 0, 0x40, 0, 0, 0, 2, 9, 9, 9, 9, 9, 9, 9], 16),
            (&[4, 0, 0x10, 0, 0x40, 0, 0, 1, 9, 9, 9, 9, 1, 9, 9, 9], 16),
        ];
        for (header, length) in cases {
            let whole = [header, KEY, SLICE].concat();
            assert_eq!(split(&whole), Some((0x10, &whole[length..])));
            for cut in 0..=length {
                let mut track = Depacketizer::default();
                assert!(push(&mut track, (true, 0), &whole[..cut], 0).is_err());
            }
        }
    }

    #[test]
    fn behind_a_loss_it_goes_on_with_a_slice() {
        let mut track = Depacketizer::default();
        let first = payload(&[SEQUENCE, KEY, SLICE]);
        assert_eq!(push(&mut track, (false, 0), &first, 0), Ok(None));
        let lost = push(&mut track, (false, 0), b"\0\0\0\0lost", 1);
        assert_eq!(lost, Ok(None));
        let unit = push(&mut track, (true, 0), &payload(&[NEXT]), 0);
        let unit = unit.unwrap().unwrap();
        assert_eq!(unit.data, [SEQUENCE, KEY, SLICE, NEXT].concat());
        assert!(unit.damaged && unit.keyframe);
        // Without its headers a picture is of no use.
        let unit = push(&mut track, (true, 1), &payload(&[NEXT]), 1);
        assert_eq!(unit, Ok(None));
        let unit = push(&mut track, (true, 2), &payload(&[OTHER, SLICE]), 0);
        assert!(unit.unwrap().unwrap().damaged);
    }

    #[test]
    fn fields_of_one_time_are_one_frame() {
        let mut track = Depacketizer::default();
        let field = |structure: u8| [0, 0, 1, 0xb5, 0x8f, 0xff, 0xf0 | structure, 0x41];
        let top = payload(&[SEQUENCE, EXTENSION, KEY, &field(1), SLICE]);
        let bottom = payload(&[OTHER, &field(2), NEXT]);
        assert_eq!(push(&mut track, (true, 0), &top, 0), Ok(None));
        let unit = push(&mut track, (true, 0), &bottom, 0).unwrap().unwrap();
        assert_eq!(unit.data, [&top[4..], &bottom[4..]].concat());
        assert!(unit.keyframe);
        // Where each has a time of its own, they stay apart.
        assert_eq!(push(&mut track, (true, 3600), &top, 0), Ok(None));
        let unit = push(&mut track, (true, 5400), &bottom, 0).unwrap().unwrap();
        assert_eq!((unit.time, &unit.data[..]), (3600, &top[4..]));
        let unit = push(&mut track, (true, 7200), &top, 0).unwrap().unwrap();
        assert_eq!((unit.time, &unit.data[..]), (5400, &bottom[4..]));
    }
}
