//! VP8 out of RTP: pieces of pictures behind a payload descriptor (RFC 7741, 4.2).

use super::AccessUnit;
use super::foreign::{Assemble, ForeignConfig};
use super::pictures::{Pictures, Piece};
use crate::codec::{KeyFrames, Malformed};
use crate::wire::rtp;

/// The state of one track.
#[derive(Debug, Default)]
pub(super) struct Depacketizer {
    pictures: Pictures,
}

impl Assemble for Depacketizer {
    fn push(&mut self, packet: &rtp::Packet<'_>, lost: u16) -> Result<(), Malformed> {
        if lost > 0 {
            self.pictures.lose();
        }
        let payload = packet.payload();
        let Some((starts, data)) = split(payload) else {
            self.pictures.lose();
            return Err(Malformed::new("VP8", "payload descriptor is cut short"));
        };
        let piece = Piece {
            time: packet.time(),
            starts,
            is_key: KeyFrames::Vp8.start_at(payload),
            resumes: false,
            ends: packet.marker(),
        };
        self.pictures.push(piece, [data, &[]]);
        Ok(())
    }

    fn pull(&mut self) -> Option<AccessUnit> {
        self.pictures.pull()
    }

    fn config(&self) -> Option<ForeignConfig> {
        Some(ForeignConfig::Vp8)
    }
}

/// Whether a picture begins with the payload, and its data; `None` without any.
fn split(payload: &[u8]) -> Option<(bool, &[u8])> {
    let (&flags, mut rest) = payload.split_first()?;
    if flags & EXTENDED != 0 {
        let extensions = *rest.split_off_first()?;
        let has = |field| extensions & field != 0;
        if has(PICTURE_ID) {
            let id = *rest.split_off_first()?;
            if id & LONG_ID != 0 {
                rest.split_off_first()?;
            }
        }
        if has(LAYER_INDEX) {
            rest.split_off_first()?;
        }
        if has(LAYER | KEY_INDEX) {
            rest.split_off_first()?;
        }
    }
    let starts = flags & STARTS_PARTITION != 0 && flags & PARTITION == 0;
    (!rest.is_empty()).then_some((starts, rest))
}

const EXTENDED: u8 = 0x80;
const STARTS_PARTITION: u8 = 0x10;
const PARTITION: u8 = 0x07;

const PICTURE_ID: u8 = 0x80;
const LONG_ID: u8 = 0x80;
const LAYER_INDEX: u8 = 0x40;
const LAYER: u8 = 0x20;
const KEY_INDEX: u8 = 0x10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::depacketize::foreign::tests::push;

    #[test]
    fn pieces_of_a_picture_are_joined() {
        let mut track = Depacketizer::default();
        assert_eq!(push(&mut track, (false, 0), b"\x10\0key ", 0), Ok(None));
        // Another partition begins.
        assert_eq!(push(&mut track, (false, 0), b"\x11one ", 0), Ok(None));
        let unit = push(&mut track, (true, 0), b"\x01two", 0).unwrap().unwrap();
        assert_eq!(unit.data, &b"\0key one two"[..]);
        assert!(unit.keyframe && !unit.damaged);
        let unit = push(&mut track, (true, 3000), b"\x10\x01other", 0);
        let unit = unit.unwrap().unwrap();
        assert_eq!((unit.time, unit.keyframe), (3000, false));
    }

    #[test]
    fn descriptors_may_have_extensions() {
        let cases: [&[u8]; 6] = [
            b"\x90\0\0data",
            b"\x90\x80\x7f\0data",
            b"\x90\x80\x80\x01\0data",
            b"\x90\x40\x01\0data",
            b"\x90\x20\x01\0data",
            b"\x90\xf0\x81\x02\x03\x04\0data",
        ];
        for payload in cases {
            let mut track = Depacketizer::default();
            let unit = push(&mut track, (true, 0), payload, 0).unwrap().unwrap();
            assert_eq!(unit.data, &b"\0data"[..], "{payload:x?}");
            assert!(unit.keyframe, "{payload:x?}");
            for cut in 0..payload.len() - 5 {
                assert!(push(&mut track, (true, 0), &payload[..cut], 0).is_err());
            }
        }
    }

    #[test]
    fn what_is_lost_is_told() {
        let mut track = Depacketizer::default();
        assert_eq!(push(&mut track, (true, 0), b"\0rest", 1), Ok(None));
        let unit = push(&mut track, (true, 1), b"\x10\0key", 0)
            .unwrap()
            .unwrap();
        assert!(unit.damaged);
        let unit = push(&mut track, (true, 2), b"\x10\x01next", 0);
        assert!(!unit.unwrap().unwrap().damaged);
    }
}
