//! An access log in a folder of its own, read by the names of its fields.

use std::fs;
use std::time::SystemTime;

use reelcast::base::clock::Clock;
use reelcast::log::access::{AccessLog, Writer};
use reelcast::log::roll::Limits;
use tempfile::TempDir;

/// A log that sessions can be noted in.
pub(crate) struct Journal {
    folder: TempDir,
    writer: Writer,
    begun: SystemTime,
}

/// What stands in a log.
pub(crate) struct Lines(String);

impl Journal {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::start();
        let begun = clock.wall(clock.now());
        let limits = Some(Limits::default());
        let writer = Writer::start(folder.path().to_owned(), limits, begun).unwrap();
        Self {
            folder,
            writer,
            begun,
        }
    }

    pub(crate) fn log(&self) -> AccessLog {
        self.writer.log()
    }

    /// All that was noted.
    pub(crate) fn close(self) -> Lines {
        self.writer.close(self.begun);
        Lines(fs::read_to_string(self.folder.path().join("access.log")).unwrap())
    }
}

impl Lines {
    /// What each session has in the field `name`.
    pub(crate) fn values(&self, name: &str) -> Vec<&str> {
        let names = self
            .0
            .lines()
            .find_map(|line| line.strip_prefix("#Fields: "));
        let at = names.unwrap().split(' ').position(|one| one == name);
        let sessions = self.0.lines().filter(|line| !line.starts_with('#'));
        sessions
            .map(|line| line.split(' ').nth(at.unwrap()).unwrap())
            .collect()
    }
}
