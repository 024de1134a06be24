//! Ranges of bytes (RFC 9110, 14): which part of a file a request wants.

use std::ops::Range;

use bytes::Bytes;

/// What a `Range` field wants of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ByteRange {
    /// All of it: no range, several, or none that can be read.
    All,
    /// Some of it.
    Some(Range<u64>),
    /// Nothing that it has.
    Unsatisfiable,
}

impl ByteRange {
    /// Reads the value of a `Range` field, for a file of `length` bytes.
    pub(super) fn read(field: &str, length: u64) -> Self {
        let Some((first, last)) = field
            .trim()
            .strip_prefix("bytes=")
            .and_then(|range| range.split_once('-'))
        else {
            return Self::All;
        };
        let number = |text: &str| text.trim().parse::<u64>();
        let range = match (number(first), number(last)) {
            (Ok(first), Ok(last)) if first > last => return Self::All,
            (Ok(first), Ok(last)) => first..last.saturating_add(1).min(length),
            (Ok(first), Err(_)) if last.trim().is_empty() => first..length,
            (Err(_), Ok(count)) if first.trim().is_empty() => length.saturating_sub(count)..length,
            _ => return Self::All,
        };
        if range.start < range.end {
            Self::Some(range)
        } else {
            Self::Unsatisfiable
        }
    }
}

/// The pieces of a file that lie in `range`, cut where it begins and ends.
pub(super) fn cut(pieces: Vec<Bytes>, range: Range<u64>) -> impl Iterator<Item = Bytes> {
    let mut at = 0_u64;
    pieces.into_iter().map(move |piece| {
        let length = piece.len() as u64;
        let within = |place: u64| place.saturating_sub(at).min(length) as usize;
        let cut = piece.slice(within(range.start)..within(range.end));
        at += length;
        cut
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_players_write_them() {
        for (field, range) in [
            ("bytes=0-1", ByteRange::Some(0..2)),
            ("bytes=2-", ByteRange::Some(2..10)),
            ("bytes=-3", ByteRange::Some(7..10)),
            ("bytes=-30", ByteRange::Some(0..10)),
            ("bytes=0-9007199254740991", ByteRange::Some(0..10)),
            ("bytes=10-", ByteRange::Unsatisfiable),
            ("bytes=-0", ByteRange::Unsatisfiable),
            ("bytes=5-4", ByteRange::All),
            ("bytes=0-1,4-5", ByteRange::All),
            ("bytes=a-b", ByteRange::All),
            ("seconds=1-2", ByteRange::All),
        ] {
            assert_eq!(ByteRange::read(field, 10), range, "{field}");
        }
    }

    #[test]
    fn pieces_are_cut_at_both_ends() {
        let pieces = || vec![Bytes::from("abc"), Bytes::from("defg"), Bytes::from("hij")];
        for (range, text) in [
            (0..10, "abcdefghij"),
            (2..8, "cdefgh"),
            (3..4, "d"),
            (9..10, "j"),
        ] {
            let cut: Vec<u8> = cut(pieces(), range).flatten().collect();
            assert_eq!(cut, text.as_bytes());
        }
    }
}
