//! File formats: from bytes on disk to tracks and samples.
//!
//! Pure but for [`ReadAt`]: no async, no sockets, no clock. Media bytes are never
//! read here except to recognise a file; a [`Movie`] only says where they lie.

use std::io;

pub mod mp4;

/// A file of known size that is read at any place.
pub trait ReadAt {
    /// Size in bytes.
    fn size(&self) -> u64;

    /// Fills `into` from `offset`.
    ///
    /// # Errors
    /// `UnexpectedEof` when the file is shorter, and whatever the medium reports.
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()>;
}
