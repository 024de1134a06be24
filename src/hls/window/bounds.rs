//! What bounds a window, and how long what is in it may be.

use std::time::Duration;

use crate::config::Hls;

/// What bounds a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Playlists offer so much time at least.
    pub time: Duration,
    /// They offer so many segments at least.
    pub segments: usize,
    /// All that is kept has so many bytes at most, but for the newest segment.
    pub bytes: usize,
    /// They offer so much time at least with segments on disk; 0: none is on disk.
    pub dvr: Duration,
    /// All that is on disk has so many bytes at most, but for the segments that `time` asks for.
    pub disk_bytes: u64,
}

impl Bounds {
    /// Those that the settings ask for.
    pub fn of(settings: &Hls) -> Self {
        Self {
            time: settings.window,
            segments: settings.segments,
            bytes: settings.window_bytes,
            dvr: settings.dvr,
            disk_bytes: settings.dvr_bytes as u64,
        }
    }
}

/// How long segments and parts may be, as playlists tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Targets {
    /// `EXT-X-TARGETDURATION`: whole seconds.
    pub segment: Duration,
    /// `PART-TARGET`.
    pub part: Duration,
}
