//! A look into a file that is not served: is it a movie, and what is in it?

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::container::{self, Movie, ReadAt};

/// Reads the index of the file at `path`. Blocks.
///
/// # Errors
/// Why it is no movie.
pub(super) fn open(path: &Path) -> Result<Movie, container::Error> {
    let file = Probed::open(path).map_err(|source| container::Error::Read {
        part: "the file",
        source,
    })?;
    container::open(&file)
}

/// Whether the file at `path` is of a format that this server knows, be it sound or not. Blocks.
pub(super) fn is_movie(path: &Path) -> bool {
    let reference = Probed::open(path).and_then(|file| {
        let mut start = [0; 8];
        file.read_at(0, &mut start)?;
        Ok(start == *b"rtsptext")
    });
    reference.unwrap_or(false) || !matches!(open(path), Err(container::Error::Unrecognised))
}

struct Probed {
    file: File,
    size: u64,
}

impl Probed {
    fn open(path: &Path) -> io::Result<Self> {
        if !std::fs::metadata(path)?.is_file() {
            return Err(io::Error::other("not a regular file"));
        }
        let file = File::open(path)?;
        let size = file.metadata()?.len();
        Ok(Self { file, size })
    }
}

impl ReadAt for Probed {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(into, offset)
    }
}
