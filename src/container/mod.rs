//! Container formats: files with tracks and samples, and transport streams.
//!
//! Pure but for [`ReadAt`]: no async, no sockets, no clock. Media bytes of files are never
//! read here except to recognise a file; a [`Movie`] only says where they lie.

use std::io;

use bytes::Bytes;

use crate::base::error::Kind;

mod aiff;
mod au;
mod audio;
mod big_endian;
mod chunks;
mod edits;
mod foreign;
pub mod id3;
pub mod matroska;
mod movie;
pub mod mp4;
mod mpeg_audio;
mod samples;
pub mod ts;
mod wav;

pub use edits::{Edits, Span};
pub use foreign::Foreign;
pub use movie::{FileRange, HintTotals, HintTrack, Movie, Role, Track};
pub use samples::{Cursor, Sample, SampleTable};

/// The most memory, in bytes, that one movie's sample tables may take.
pub const MAX_INDEX: usize = 64 << 20;

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

impl ReadAt for &[u8] {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let end = start.saturating_add(into.len());
        let from = self.get(start..end).ok_or(io::ErrorKind::UnexpectedEof)?;
        into.copy_from_slice(from);
        Ok(())
    }
}

impl ReadAt for Bytes {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        self.as_ref().read_at(offset, into)
    }
}

/// Why a file cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The medium failed, or the file ends too early.
    #[error("reading {part}")]
    Read {
        /// What was being read.
        part: &'static str,
        /// What the medium reported.
        source: io::Error,
    },
    /// The content is of no format that this server reads.
    #[error("not a movie or audio file that this server reads")]
    Unrecognised,
    /// The file breaks the rules of its format.
    #[error("malformed {part}: {reason}")]
    Malformed {
        /// The part of the file: a box, a chunk, a frame.
        part: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The file is of a format that only other programs read.
    #[error("{0}, which this server does not read")]
    Foreign(Foreign),
    /// The file is well formed, but of a kind that cannot be served.
    #[error("{0}")]
    Unsupported(&'static str),
    /// The sample tables need more than [`MAX_INDEX`] bytes.
    #[error("sample tables of {bytes} bytes, more than the {MAX_INDEX} that one movie may take")]
    TooLarge {
        /// What they would need.
        bytes: u64,
    },
}

impl Error {
    /// What kind of failure this is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Read { source, .. } if source.kind() != io::ErrorKind::UnexpectedEof => {
                Kind::Internal
            }
            _ => Kind::Unsupported,
        }
    }
}

/// Reads what `file` holds, recognised by its content. Blocks on `file`.
///
/// # Errors
/// [`Error`] when nothing in the file can be served; parts that cannot be are
/// listed in [`Movie::faults`].
pub fn open(file: &dyn ReadAt) -> Result<Movie, Error> {
    if mp4::recognises(file)? {
        return mp4::open(file);
    }
    if wav::recognises(file)? {
        return wav::open(file);
    }
    if aiff::recognises(file)? {
        return aiff::open(file);
    }
    if au::recognises(file)? {
        return au::open(file);
    }
    if let Some(format) = foreign::format(file)? {
        return Err(Error::Foreign(format));
    }
    // Last, because frames are searched for, and read to the end.
    mpeg_audio::open(file)
}
