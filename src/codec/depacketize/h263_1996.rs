//! H.263 out of RTP as it was before there were H263-1998 and H263-2000: groups or runs of macroblocks, which begin and
//! end anywhere in a byte (RFC 2190, 5).

use super::bit_pieces::{BitPieces, Edges};
use super::foreign::{Assemble, ForeignConfig};
use super::pictures::Piece;
use super::{AccessUnit, Depacketize, h263};
use crate::codec::{KeyFrames, Malformed};
use crate::wire::rtp;

/// The state of one track.
#[derive(Debug, Default)]
pub(super) struct Depacketizer {
    pieces: BitPieces,
    /// Of a sender that gives the old name to the payloads of RFC 4629.
    newer: Option<h263::Depacketizer>,
}

impl Depacketizer {
    fn take(&mut self, packet: &rtp::Packet<'_>) -> Result<(), Malformed> {
        let payload = packet.payload();
        let first = *payload.first().ok_or(CUT)?;
        let data = payload.get(header_length(first)..).ok_or(CUT)?;
        let edges = Edges::read(first);
        let piece = Piece {
            time: packet.time(),
            starts: edges.begins(data, PICTURE),
            is_key: KeyFrames::H263.start_at(payload),
            resumes: edges.begins(data, GROUP),
            ends: packet.marker(),
        };
        match self.pieces.push(piece, data, edges) {
            true => Ok(()),
            false => Err(malformed("payload without a bit")),
        }
    }
}

impl Assemble for Depacketizer {
    fn push(&mut self, packet: &rtp::Packet<'_>, lost: u16) -> Result<(), Malformed> {
        if self.newer.is_none() && is_newer(packet.payload()) {
            self.newer = Some(h263::Depacketizer::default());
        }
        if let Some(newer) = &mut self.newer {
            return newer.push(packet, lost);
        }
        if lost > 0 {
            self.pieces.lose();
        }
        let taken = self.take(packet);
        if taken.is_err() {
            self.pieces.lose();
        }
        taken
    }

    fn pull(&mut self) -> Option<AccessUnit> {
        let older = self.pieces.pull();
        older.or_else(|| self.newer.as_mut()?.pull())
    }

    fn config(&self) -> Option<ForeignConfig> {
        Some(ForeignConfig::H263)
    }
}

/// How many bytes of a payload are its header, by its mode: A, B or C.
fn header_length(first: u8) -> usize {
    match first & (WITHIN_GROUP | PB_FRAMES) {
        WITHIN_GROUP => 8,
        mode if mode & WITHIN_GROUP != 0 => 12,
        _ => 4,
    }
}

/// Whether the header is that of RFC 4629, as some have it under the old name: as the old one it would name a size of
/// pictures that does not exist, and bits that are reserved are set. FFmpeg tells the two apart in that way.
fn is_newer(payload: &[u8]) -> bool {
    let &[first, second, third, ..] = payload else {
        return false;
    };
    let is_size = matches!(second >> 5, 1..=5);
    let has_reserved = second & 1 != 0 || third & 0xe0 != 0;
    first & 0xf8 == 0 && !is_size && has_reserved
}

const fn malformed(reason: &'static str) -> Malformed {
    Malformed::new("H.263", reason)
}

const CUT: Malformed = malformed("payload header is cut short");

const WITHIN_GROUP: u8 = 0x80;
const PB_FRAMES: u8 = 0x40;

/// The start codes of a picture, and of a group of blocks or a picture (ITU-T H.263, 5.1.1 and 5.2.2): bits and value.
const PICTURE: (u32, u32) = (22, 0x20);
const GROUP: (u32, u32) = (17, 1);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::depacketize::foreign::tests::push;

    /// The beginning of a picture of QCIF, and its type: intra or not.
    const KEY: &[u8] = &[0, 0x40, 0, 0, 0, 0, 0x80, 2, 8];
    const OTHER: &[u8] = &[0, 0x50, 0, 0, 0, 0, 0x80, 6, 0x0a];

    #[test]
    fn pieces_of_all_modes_are_joined() {
        let mut track = Depacketizer::default();
        // Three bits at the end belong to what follows.
        let first = [&[3, 0x40, 0, 0], &KEY[4..], &[0xaf]].concat();
        assert_eq!(push(&mut track, (false, 0), &first, 0), Ok(None));
        let within = [0x80 | 5 << 3 | 1, 0x40, 0, 0, 0, 0, 0, 0, 0xfd, 0xbb];
        assert_eq!(push(&mut track, (false, 0), &within, 0), Ok(None));
        let last = [&[0xc0 | 7 << 3, 0x40][..], &[0; 10], &[0xff, 0xcc]].concat();
        let unit = push(&mut track, (true, 0), &last, 0).unwrap().unwrap();
        assert_eq!(unit.data, [0, 0, 0x80, 2, 8, 0xad, 0xbb, 0xcc].as_slice());
        assert!(unit.keyframe && !unit.damaged);
        let unit = push(&mut track, (true, 3000), OTHER, 0).unwrap().unwrap();
        assert_eq!((unit.time, unit.keyframe), (3000, false));
        assert_eq!(unit.data, OTHER[4..]);
    }

    #[test]
    fn behind_a_loss_it_goes_on_with_a_group_of_blocks() {
        let mut track = Depacketizer::default();
        let blocks = [0x80, 0x40, 0, 0, 0, 0, 0, 0, 0x22];
        let group = [0, 0x40, 0, 0, 0, 0, 0x84, 0x33];
        assert_eq!(push(&mut track, (false, 0), KEY, 0), Ok(None));
        assert_eq!(push(&mut track, (false, 0), &blocks, 1), Ok(None));
        let unit = push(&mut track, (true, 0), &group, 0).unwrap().unwrap();
        assert_eq!(unit.data, [&KEY[4..], &group[4..]].concat());
        assert!(unit.damaged && unit.keyframe);
        assert_eq!(push(&mut track, (true, 1), &group, 1), Ok(None));
        let unit = push(&mut track, (true, 2), OTHER, 0).unwrap().unwrap();
        assert!(unit.damaged);
    }

    #[test]
    fn newer_payloads_are_known_under_the_old_name() {
        let mut track = Depacketizer::default();
        let first = [4, 0, 0x80, 2, 8, 0x11];
        assert_eq!(push(&mut track, (false, 0), &first, 0), Ok(None));
        let unit = push(&mut track, (true, 0), &[0, 0, 0x22], 0);
        let unit = unit.unwrap().unwrap();
        assert_eq!(unit.data, [0, 0, 0x80, 2, 8, 0x11, 0x22].as_slice());
        assert!(unit.keyframe);
        // What is as it should be is not taken for newer.
        for payload in [KEY, OTHER, &[0, 0xe0, 0, 0], &[4, 0]] {
            assert!(!is_newer(payload), "{payload:x?}");
        }
    }

    #[test]
    fn what_is_cut_short_is_refused() {
        let cases: [&[u8]; 6] = [
            &[],
            &[0, 0x40, 0],
            &[0, 0x40, 0, 0],
            &[0x80; 8],
            &[0xc0; 12],
            &[0x3f, 0x40, 0, 0, 0xff],
        ];
        for payload in cases {
            let mut track = Depacketizer::default();
            let pushed = push(&mut track, (true, 0), payload, 0);
            assert!(pushed.is_err(), "{payload:x?}");
        }
    }
}
