//! The boxes of a file's top level, found without reading their content.

use bytes::Bytes;

use super::atom::{Atom, FourCc, Head};
use crate::container::{Error, ReadAt};

/// Walks the boxes of a file, up to the first broken one.
pub(super) struct TopLevel<'a> {
    file: &'a dyn ReadAt,
    at: u64,
    boxes: usize,
}

/// A box of the top level.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) kind: FourCc,
    /// Where it starts in the file.
    pub(super) start: u64,
    /// Bytes of its head.
    head: u64,
    /// Bytes in all, as it claims.
    size: u64,
}

impl<'a> TopLevel<'a> {
    pub(super) fn new(file: &'a dyn ReadAt) -> Self {
        Self {
            file,
            at: 0,
            boxes: 0,
        }
    }

    /// The next box; it may claim to go on beyond the end of the file.
    ///
    /// # Errors
    /// [`Error::Read`] when the medium fails.
    pub(super) fn next(&mut self) -> Result<Option<Place>, Error> {
        let left = self.file.size().saturating_sub(self.at);
        if left < 8 || self.boxes == MAX_BOXES {
            return Ok(None);
        }
        let mut bytes = [0; Head::MAX];
        let length = left.min(Head::MAX as u64) as usize;
        let bytes = &mut bytes[..length];
        read(self.file, self.at, bytes, "box header")?;
        let place = Head::read(bytes).map(|head| Place {
            kind: head.kind,
            start: self.at,
            head: head.length,
            size: head.size.unwrap_or(left),
        });
        if let Some(place) = place {
            self.at = self.at.saturating_add(place.size);
            self.boxes += 1;
        }
        Ok(place)
    }
}

impl Place {
    /// Reads the whole box, which may have up to `limit` bytes.
    ///
    /// # Errors
    /// [`Error::TooLarge`] above the limit, [`Error::Malformed`] when the file
    /// ends before, [`Error::Read`] when the medium fails.
    pub(super) fn load(
        &self,
        file: &dyn ReadAt,
        limit: usize,
        part: &'static str,
    ) -> Result<Atom, Error> {
        if self.size > file.size().saturating_sub(self.start) {
            let reason = "the file ends before it does";
            return Err(Error::Malformed { part, reason });
        }
        let bytes = self.size;
        let size = usize::try_from(bytes).ok().filter(|&size| size <= limit);
        let mut whole = vec![0; size.ok_or(Error::TooLarge { bytes })?];
        read(file, self.start, &mut whole, part)?;
        let whole = Bytes::from(whole);
        Ok(Atom {
            kind: self.kind,
            body: whole.slice((self.head as usize).min(whole.len())..),
            whole,
        })
    }
}

fn read(file: &dyn ReadAt, at: u64, into: &mut [u8], part: &'static str) -> Result<(), Error> {
    file.read_at(at, into)
        .map_err(|source| Error::Read { part, source })
}

/// The most boxes of the top level that are looked at; a day in fragments of a second has 170 000.
const MAX_BOXES: usize = 1 << 20;
