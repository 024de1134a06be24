//! Pieces of pictures that begin and end anywhere in a byte: H.261, and H.263 as of RFC 2190.

use super::AccessUnit;
use super::pictures::{Pictures, Piece};
use crate::codec::bits::Bits;

/// The pictures of one track.
#[derive(Debug, Default)]
pub(super) struct BitPieces {
    pictures: Pictures,
    /// How many bits of the last byte so far belong to what follows.
    open_bits: u8,
}

/// Bits at both ends of a piece that belong to its neighbours, at most seven each.
#[derive(Clone, Copy, Debug)]
pub(super) struct Edges {
    /// The highest of the first byte (SBIT).
    pub(super) start: u8,
    /// The lowest of the last byte (EBIT).
    pub(super) end: u8,
}

impl Edges {
    /// Out of the lowest six bits of a byte.
    pub(super) fn read(byte: u8) -> Self {
        Self {
            start: byte >> 3 & 7,
            end: byte & 7,
        }
    }

    /// Whether a piece begins with a code of so many bits.
    pub(super) fn begins(self, data: &[u8], (bits, code): (u32, u32)) -> bool {
        let mut data = Bits::new(data);
        let found = data.skip(self.start.into()).and_then(|()| data.take(bits));
        found == Some(code)
    }

    /// Whether any bit of `data` belongs to the piece.
    fn leave_any(self, data: &[u8]) -> bool {
        8 * data.len() > usize::from(self.start + self.end)
    }
}

impl BitPieces {
    /// Something is missing: the picture under way keeps what it has, and gets no more until a piece resumes it.
    pub(super) fn lose(&mut self) {
        self.open_bits = 0;
        self.pictures.lose();
    }

    /// The next piece; false, and nothing is done, where no bit of `data` belongs to it.
    pub(super) fn push(&mut self, piece: Piece, data: &[u8], edges: Edges) -> bool {
        if !edges.leave_any(data) {
            return false;
        }
        let mut own = data.to_vec();
        if let Some(last) = own.last_mut() {
            *last &= 0xff << edges.end;
        }
        if let Some(first) = own.first_mut() {
            *first &= 0xff >> edges.start;
        }
        let mut rest = &own[..];
        let is_shared = edges.start > 0 && edges.start + self.open_bits == 8;
        if let Some((&first, after)) = own.split_first().filter(|_| is_shared)
            && self.pictures.complete(piece.time, first)
        {
            rest = after;
        }
        self.open_bits = edges.end;
        self.pictures.push(piece, [rest, &[]]);
        true
    }

    pub(super) fn pull(&mut self) -> Option<AccessUnit> {
        self.pictures.pull()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn piece(starts: bool, ends: bool) -> Piece {
        Piece {
            time: 7,
            starts,
            is_key: starts,
            resumes: false,
            ends,
        }
    }

    /// The bits from `from` up to `to`, in bytes whose other bits are all set.
    fn cut(bytes: &[u8], from: usize, to: usize) -> (Vec<u8>, Edges) {
        let edges = Edges {
            start: (from % 8) as u8,
            end: (to.next_multiple_of(8) - to) as u8,
        };
        let mut piece = bytes[from / 8..to.div_ceil(8)].to_vec();
        *piece.first_mut().unwrap() |= !(0xff >> edges.start);
        *piece.last_mut().unwrap() |= !(0xff << edges.end);
        (piece, edges)
    }

    #[test]
    fn bits_beside_a_gap_are_zeros() {
        let edges = |start, end| Edges { start, end };
        let mut pieces = BitPieces::default();
        assert!(pieces.push(piece(true, false), &[0xff, 0xff], edges(3, 4)));
        pieces.lose();
        let on = Piece {
            resumes: true,
            ..piece(false, true)
        };
        assert!(pieces.push(on, &[0xff, 0xff], edges(4, 1)));
        let unit = pieces.pull().unwrap();
        assert_eq!(unit.data, [0x1f, 0xf0, 0x0f, 0xfe].as_slice());
        assert!(unit.damaged);
    }

    #[test]
    fn pieces_without_bits_are_refused() {
        for (data, byte) in [(&[][..], 0), (&[0xff], 0x27), (&[0xff], 0x3f)] {
            let mut pieces = BitPieces::default();
            assert!(!pieces.push(piece(true, true), data, Edges::read(byte)));
            assert_eq!(pieces.pull(), None);
        }
    }

    proptest! {
        #[test]
        fn a_picture_comes_back_wherever_it_is_cut(
            bytes in proptest::collection::vec(any::<u8>(), 3..40),
            cuts in proptest::collection::btree_set(1_usize..300, 0..9),
        ) {
            let bits = 8 * bytes.len();
            let mut cuts: Vec<_> = cuts.into_iter().filter(|cut| *cut < bits).collect();
            cuts.push(bits);
            let mut pieces = BitPieces::default();
            let mut from = 0;
            for to in cuts {
                let (data, edges) = cut(&bytes, from, to);
                prop_assert!(pieces.push(piece(from == 0, to == bits), &data, edges));
                from = to;
            }
            let unit = pieces.pull().unwrap();
            prop_assert_eq!(&unit.data[..], &bytes[..]);
            prop_assert!(!unit.damaged);
        }
    }
}
