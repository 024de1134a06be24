//! By what a file is known to have changed, without being read.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::time::SystemTime;

/// How a file looks from outside: another when it was written or another was put in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileStamp {
    modified: Option<SystemTime>,
    /// Seconds and nanoseconds since 1970.
    changed: (i64, i64),
    /// In bytes.
    size: u64,
    inode: u64,
}

impl FileStamp {
    /// What the system tells of a file.
    pub fn of(facts: &Metadata) -> Self {
        Self {
            modified: facts.modified().ok(),
            changed: (facts.ctime(), facts.ctime_nsec()),
            size: facts.len(),
            inode: facts.ino(),
        }
    }
}
