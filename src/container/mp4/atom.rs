//! Boxes ("atoms") and their fields (ISO/IEC 14496-12, 4.2).

use std::fmt;

use bytes::Bytes;

use crate::container::big_endian::{u16_at, u32_at, u64_at};

/// A four character code.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct FourCc(pub(super) [u8; 4]);

impl fmt::Display for FourCc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.escape_ascii())
    }
}

impl fmt::Debug for FourCc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{self}'")
    }
}

/// The start of a box: what it is and how far it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) kind: FourCc,
    /// Bytes before the content.
    pub(super) length: u64,
    /// Bytes in all; `None` to the end of what holds the box.
    pub(super) size: Option<u64>,
}

impl Head {
    /// The longest head: 64 bit size and extended type.
    pub(super) const MAX: usize = 32;

    /// Reads the head at the start of `bytes`; `None` when there is no box.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let kind = FourCc(*bytes.get(4..)?.first_chunk()?);
        let (mut length, size) = match u32_at(bytes, 0)? {
            0 => (8, None),
            1 => (16, Some(u64_at(bytes, 8)?)),
            size => (8, Some(size.into())),
        };
        if kind.0 == *b"uuid" {
            length += 16;
        }
        // Four zero bytes end a QuickTime user data list; more zeros are padding.
        let padding = size.is_none() && kind.0 == [0; 4];
        let valid = !padding && size.is_none_or(|size| size >= length);
        valid.then_some(Self { kind, length, size })
    }
}

/// A box in memory.
#[derive(Clone, Debug)]
pub(super) struct Atom {
    pub(super) kind: FourCc,
    /// All of it, with size and type.
    pub(super) whole: Bytes,
    /// Its content.
    pub(super) body: Bytes,
}

impl Atom {
    /// Version of a full box.
    pub(super) fn version(&self) -> u8 {
        self.body.first().copied().unwrap_or(0)
    }

    /// Flags of a full box.
    pub(super) fn flags(&self) -> u32 {
        self.u32_at(0).unwrap_or(0) & 0xff_ffff
    }

    /// The content from `at` on, empty beyond the end.
    pub(super) fn from(&self, at: usize) -> Bytes {
        self.body.slice(at.min(self.body.len())..)
    }

    pub(super) fn u16_at(&self, at: usize) -> Option<u16> {
        u16_at(&self.body, at)
    }

    pub(super) fn u32_at(&self, at: usize) -> Option<u32> {
        u32_at(&self.body, at)
    }

    pub(super) fn u64_at(&self, at: usize) -> Option<u64> {
        u64_at(&self.body, at)
    }

    /// The first box of `kind` in this one.
    pub(super) fn child(&self, kind: &[u8; 4]) -> Option<Self> {
        find(&self.body, kind)
    }

    /// The entries of a full box that starts with their count: `entry` bytes each,
    /// as many as there are, but not more than the box holds.
    pub(super) fn entries(&self, entry: usize) -> Bytes {
        let table = self.from(8);
        let count = self.u32_at(4).map_or(0, |count| count as usize);
        let count = count.min(table.len() / entry);
        table.slice(..count * entry)
    }
}

/// The boxes in `bytes`, up to the first that is broken.
pub(super) fn atoms(bytes: &Bytes) -> impl Iterator<Item = Atom> + use<'_> {
    spans(bytes).map(|span| span.atom(bytes))
}

/// The first box of `kind` in `bytes`.
pub(super) fn find(bytes: &Bytes, kind: &[u8; 4]) -> Option<Atom> {
    spans(bytes)
        .find(|span| span.kind.0 == *kind)
        .map(|span| span.atom(bytes))
}

/// Where a box lies in the bytes that hold it.
struct AtomSpan {
    kind: FourCc,
    start: usize,
    body: usize,
    end: usize,
}

impl AtomSpan {
    fn atom(&self, bytes: &Bytes) -> Atom {
        Atom {
            kind: self.kind,
            whole: bytes.slice(self.start..self.end),
            body: bytes.slice(self.body..self.end),
        }
    }
}

fn spans(bytes: &[u8]) -> impl Iterator<Item = AtomSpan> + use<'_> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let rest = bytes.get(start..)?;
        let head = Head::read(rest)?;
        let size = head
            .size
            .map_or(Some(rest.len()), |size| size.try_into().ok());
        let size = size.filter(|&size| size <= rest.len() && head.length as usize <= size)?;
        let span = AtomSpan {
            kind: head.kind,
            start,
            body: start + head.length as usize,
            end: start + size,
        };
        start = span.end;
        Some(span)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(bytes: &[u8]) -> Vec<String> {
        atoms(&Bytes::copy_from_slice(bytes))
            .map(|atom| format!("{}:{}", atom.kind, atom.body.len()))
            .collect()
    }

    #[test]
    fn boxes_are_walked() {
        assert_eq!(
            kinds(b"\0\0\0\x09free!\0\0\0\x01wide\0\0\0\0\0\0\0\x12ab\0\0\0\0mdatxyz"),
            ["free:1", "wide:2", "mdat:3"]
        );
        let uuid = [b"\0\0\0\x1auuid".as_slice(), &[7; 18]].concat();
        assert_eq!(kinds(&uuid), ["uuid:2"]);
        assert_eq!(kinds(b"\0\0\0\x08name\0\0\0\0"), ["name:0"]);
        assert_eq!(kinds(b"\0\0\0\x08name\0\0\0\0\0\0\0\0"), ["name:0"]);
    }

    #[test]
    fn broken_sizes_end_the_walk() {
        for broken in [
            b"\0\0\0\x07free0123".as_slice(),
            b"\0\0\0\x0dfree0123",
            b"\0\0\0\x01free\x80\0\0\0\0\0\0\0",
            b"\0\0\0\x01free\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\0\0\0\x01free\0\0\0\0\0\0\0\x0f",
            b"\0\0\0\x01free\0\0",
            b"\0\0\0\x10uuid01234567",
            b"",
        ] {
            assert!(kinds(broken).is_empty(), "{}", broken.escape_ascii());
        }
    }

    #[test]
    fn entries_end_with_the_box() {
        let body = b"\0\0\0\0\xff\xff\xff\xff0123456789";
        let whole = Bytes::from_static(body);
        let atom = Atom {
            kind: FourCc(*b"stts"),
            body: whole.clone(),
            whole,
        };
        assert_eq!(atom.entries(8).as_ref(), b"01234567");
    }
}
