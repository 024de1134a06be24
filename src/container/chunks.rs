//! The chunks that WAV and AIFF files consist of: a name, a size and that many bytes, padded to an even count.

use super::audio::read;
use super::{Error, ReadAt};

/// A chunk of a file.
pub(super) struct Chunk {
    pub(super) name: [u8; 4],
    /// Where its content starts, in bytes from the start of the file.
    pub(super) start: u64,
    /// Bytes of the content, as the file says.
    pub(super) size: u32,
}

/// The chunks after the twelve bytes that name the form.
pub(super) struct Chunks<'a> {
    file: &'a dyn ReadAt,
    read_size: fn([u8; 4]) -> u32,
    offset: u64,
    left: usize,
}

impl<'a> Chunks<'a> {
    /// With sizes in network order, as in AIFF.
    pub(super) fn big_endian(file: &'a dyn ReadAt) -> Self {
        Self::new(file, u32::from_be_bytes)
    }

    /// With sizes the other way round, as in WAV.
    pub(super) fn little_endian(file: &'a dyn ReadAt) -> Self {
        Self::new(file, u32::from_le_bytes)
    }

    fn new(file: &'a dyn ReadAt, read_size: fn([u8; 4]) -> u32) -> Self {
        Self {
            file,
            read_size,
            offset: 12,
            left: MAX_CHUNKS,
        }
    }

    /// The next chunk; `None` at the end of the file, or when it has more chunks than any real one.
    pub(super) fn next(&mut self) -> Result<Option<Chunk>, Error> {
        let start = self.offset + 8;
        if start > self.file.size() || self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        let [a, b, c, d, size @ ..]: [u8; 8] = read(self.file, self.offset, "chunk header")?;
        let size = (self.read_size)(size);
        self.offset = start + u64::from(size) + u64::from(size % 2);
        Ok(Some(Chunk {
            name: [a, b, c, d],
            start,
            size,
        }))
    }
}

const MAX_CHUNKS: usize = 1024;
