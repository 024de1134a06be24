//! H.261 out of RTP: runs of macroblocks, which begin and end anywhere in a byte (RFC 4587, 4.1).

use super::AccessUnit;
use super::bit_pieces::{BitPieces, Edges};
use super::foreign::{Assemble, ForeignConfig};
use super::pictures::Piece;
use crate::codec::Malformed;
use crate::wire::rtp;

/// The state of one track.
#[derive(Debug, Default)]
pub(super) struct Depacketizer {
    pieces: BitPieces,
}

impl Assemble for Depacketizer {
    fn push(&mut self, packet: &rtp::Packet<'_>, lost: u16) -> Result<(), Malformed> {
        if lost > 0 {
            self.pieces.lose();
        }
        let Some((header, data)) = packet.payload().split_first_chunk::<HEADER>() else {
            self.pieces.lose();
            return Err(Malformed::new("H.261", "payload header is cut short"));
        };
        let edges = Edges::read(header[0] >> 2);
        let piece = Piece {
            time: packet.time(),
            starts: edges.begins(data, PICTURE),
            // No header tells whether a picture refers to others; each block comes anew without that every
            // now and then (ITU-T H.261, 3.4), so that a decoder may start anywhere.
            is_key: true,
            resumes: edges.begins(data, GROUP),
            ends: packet.marker(),
        };
        if self.pieces.push(piece, data, edges) {
            return Ok(());
        }
        self.pieces.lose();
        Err(Malformed::new("H.261", "payload without a bit"))
    }

    fn pull(&mut self) -> Option<AccessUnit> {
        self.pieces.pull()
    }

    fn config(&self) -> Option<ForeignConfig> {
        Some(ForeignConfig::H261)
    }
}

/// Bytes of the header.
const HEADER: usize = 4;

/// Of a picture, and of a group of blocks or a picture (ITU-T H.261, 4.2.1 and 4.2.2).
const PICTURE: (u32, u32) = (20, 0x10);
const GROUP: (u32, u32) = (16, 1);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::depacketize::foreign::tests::push;

    #[test]
    fn bits_of_a_byte_come_in_two_packets() {
        let mut track = Depacketizer::default();
        // Four bits at the end belong to what follows.
        let first = [4 << 2, 0, 0, 0, 0, 1, 0x0a, 0xbf];
        assert_eq!(push(&mut track, (false, 0), &first, 0), Ok(None));
        let second = [4 << 5 | 2 << 2, 0x20, 0, 0, 0xfc, 0xdf];
        let unit = push(&mut track, (true, 0), &second, 0);
        let unit = unit.unwrap().unwrap();
        assert_eq!(unit.data, [0, 1, 0x0a, 0xbc, 0xdc].as_slice());
        assert!(unit.keyframe && !unit.damaged);
        // The next picture begins where that one ended.
        let next = [6 << 5, 0, 0, 0, 0xfc, 0, 4, 0x15];
        let unit = push(&mut track, (true, 3000), &next, 0).unwrap().unwrap();
        assert_eq!(unit.data, [0, 0, 4, 0x15].as_slice());
        assert_eq!((unit.time, unit.damaged), (3000, false));
    }

    #[test]
    fn behind_a_loss_it_goes_on_with_a_group_of_blocks() {
        let mut track = Depacketizer::default();
        let (start, blocks, group) = (
            [0, 0, 0, 0, 0, 1, 0, 0x11],
            [0, 0x20, 0, 0, 0x22],
            [0, 0, 0, 0, 0, 1, 0x30, 0x33],
        );
        assert_eq!(push(&mut track, (false, 0), &start, 0), Ok(None));
        assert_eq!(push(&mut track, (false, 0), &blocks, 1), Ok(None));
        let unit = push(&mut track, (true, 0), &group, 0).unwrap().unwrap();
        assert_eq!(unit.data, [0, 1, 0, 0x11, 0, 1, 0x30, 0x33].as_slice());
        assert!(unit.damaged);
        // Without its beginning a picture is of no use.
        assert_eq!(push(&mut track, (true, 1), &group, 1), Ok(None));
        let unit = push(&mut track, (true, 2), &start, 0).unwrap().unwrap();
        assert!(unit.damaged);
        let unit = push(&mut track, (true, 3), &start, 0).unwrap().unwrap();
        assert!(!unit.damaged);
    }

    #[test]
    fn what_is_cut_short_is_refused() {
        for payload in [&[][..], &[0; 3], &[0; 4], &[0xfc, 0, 0, 0, 1]] {
            let mut track = Depacketizer::default();
            assert!(push(&mut track, (true, 0), payload, 0).is_err());
        }
    }
}
