//! Programs in place of `ffmpeg` and `ffprobe`, for tests of what happens when these fail.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use tempfile::TempDir;
use tokio::sync::watch;

use super::Transcoders;
use crate::config::Config;

/// Both programs, as shell scripts; gone when dropped.
pub(super) struct StandIn {
    folder: TempDir,
    _settings: watch::Sender<Arc<Config>>,
    pub(super) shared: Arc<Transcoders>,
}

impl StandIn {
    /// Programs that do what these lines say.
    pub(super) fn new(ffmpeg: &str, ffprobe: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        config.hls.ffmpeg = write(folder.path(), "ffmpeg", ffmpeg);
        write(folder.path(), "ffprobe", ffprobe);
        let (settings, known) = watch::channel(Arc::new(config));
        Self {
            folder,
            _settings: settings,
            shared: Transcoders::new(known),
        }
    }

    /// A file beside the programs, which these find as `$(dirname "$0")/NAME`.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// How many lines there are in such a file; none without it.
    pub(super) fn lines(&self, name: &str) -> usize {
        let text = fs::read_to_string(self.file(name)).unwrap_or_default();
        text.lines().count()
    }
}

/// A script, written by another process: one that is held open for writing somewhere does not start, and
/// what this process has open is held open by its children for a moment.
fn write(folder: &Path, name: &str, lines: &str) -> String {
    let file = folder.join(name);
    let written = Command::new("sh")
        .args([
            "-c",
            "printf '%s' \"$2\" > \"$1\" && chmod 755 \"$1\"",
            "sh",
        ])
        .arg(&file)
        .arg(format!("#!/bin/sh\n{lines}\n"))
        .status();
    assert!(written.unwrap().success());
    file.to_str().unwrap().to_owned()
}
