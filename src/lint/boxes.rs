//! The boxes of fragmented MP4 (ISO/IEC 14496-12, 4.2), read one after another.

/// A box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Atom<'a> {
    pub(super) kind: [u8; 4],
    /// Where it begins, counted from where the bytes begin that were read.
    pub(super) start: usize,
    /// What is in it.
    pub(super) content: &'a [u8],
    /// Where its content begins, counted like `start`.
    pub(super) inside: usize,
}

/// The boxes that follow one another in some bytes.
#[derive(Clone, Debug)]
pub(super) struct Atoms<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// A box is longer than what it is in, or shorter than its header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Broken {
    /// Where it begins.
    pub(super) at: usize,
}

impl<'a> Atoms<'a> {
    /// Of `bytes`.
    pub(super) fn of(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    fn read(&self) -> Option<Atom<'a>> {
        let rest = self.bytes.get(self.at..)?;
        let [a, b, c, d, kind @ ..] = rest.first_chunk::<8>()?;
        let short = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
        let (header, size) = match short {
            0 => (8, rest.len()),
            1 => {
                let long = u64::from_be_bytes(*rest.get(8..16)?.first_chunk()?);
                (16, usize::try_from(long).ok()?)
            }
            size => (8, size),
        };
        Some(Atom {
            kind: *kind,
            start: self.at,
            content: rest.get(header..size)?,
            inside: self.at + header,
        })
    }
}

impl<'a> Iterator for Atoms<'a> {
    type Item = Result<Atom<'a>, Broken>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.bytes.len() {
            return None;
        }
        let Some(atom) = self.read() else {
            let at = self.at;
            self.at = self.bytes.len();
            return Some(Err(Broken { at }));
        };
        self.at = atom.inside + atom.content.len();
        Some(Ok(atom))
    }
}

impl<'a> Atom<'a> {
    /// The boxes in it.
    pub(super) fn children(self) -> impl Iterator<Item = Atom<'a>> {
        Atoms::of(self.content).map_while(Result::ok)
    }

    /// The first box of this kind in it.
    pub(super) fn child(self, kind: &[u8; 4]) -> Option<Self> {
        self.children().find(|child| child.kind == *kind)
    }

    /// The box that a way of kinds leads to.
    pub(super) fn descendant(self, way: &[&[u8; 4]]) -> Option<Self> {
        way.iter().try_fold(self, |atom, kind| atom.child(kind))
    }

    /// The version and the flags of a full box, and what follows them.
    pub(super) fn full(self) -> Option<(u8, u32, Fields<'a>)> {
        let (&[version, a, b, c], rest) = self.content.split_first_chunk()?;
        Some((version, u32::from_be_bytes([0, a, b, c]), Fields(rest)))
    }

    /// Its kind as text.
    pub(super) fn name(self) -> String {
        self.kind.escape_ascii().to_string()
    }
}

/// Numbers in network order, one after another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn u16(&mut self) -> Option<u16> {
        self.take().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_be_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_be_bytes)
    }

    /// 64 bits in boxes of version 1, 32 in those of version 0.
    pub(super) fn by_version(&mut self, version: u8) -> Option<u64> {
        match version {
            0 => self.u32().map(u64::from),
            _ => self.u64(),
        }
    }

    pub(super) fn skip(&mut self, bytes: usize) -> Option<()> {
        self.0 = self.0.get(bytes..)?;
        Some(())
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_follow_one_another() {
        let bytes = b"\0\0\0\x10moov\0\0\0\x08free\0\0\0\x01mdat\0\0\0\0\0\0\0\x12ab\0\0\0\x04oops";
        let found: Vec<_> = Atoms::of(bytes).collect();
        let kinds: Vec<_> = found
            .iter()
            .flatten()
            .map(|atom| (atom.name(), atom.start))
            .collect();
        assert_eq!(kinds, [("moov".to_owned(), 0), ("mdat".to_owned(), 16)]);
        assert_eq!(found[2], Err(Broken { at: 34 }));
        assert!(found[0].unwrap().child(b"free").is_some());
        assert_eq!(found[1].unwrap().content, b"ab");
    }
}
