//! Files that hold media, opened for reading at any place.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use crate::container::ReadAt;

/// An open regular file. Its number is never used again, so a cache may key on it.
#[derive(Debug)]
pub struct MediaFile {
    number: u64,
    path: PathBuf,
    file: File,
    size: u64,
    modified: SystemTime,
}

impl MediaFile {
    /// Opens a regular file. Blocks; belongs on a blocking thread.
    ///
    /// # Errors
    /// What the system reports, and `InvalidInput` for what is no regular file
    /// (opening a pipe would wait for its writer).
    pub fn open(path: &Path, numbers: &FileNumbers) -> io::Result<Self> {
        if !std::fs::metadata(path)?.is_file() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "not a regular file",
            ));
        }
        let file = File::open(path)?;
        let facts = file.metadata()?;
        let modified = facts.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        Ok(Self {
            number: numbers.next(),
            path: path.to_owned(),
            file,
            size: facts.len(),
            modified,
        })
    }

    /// A number that no other file of this process has had.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The path that it was opened by, for people to read.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// When its contents last changed.
    pub fn modified(&self) -> SystemTime {
        self.modified
    }
}

impl ReadAt for MediaFile {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(into, offset)
    }
}

/// Hands out the numbers of [`MediaFile`]s.
#[derive(Debug, Default)]
pub struct FileNumbers(AtomicU64);

impl FileNumbers {
    fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}
