//! Where the tracks of a channel lie on a timeline of its own, for all that package it: in its own formats and in others.
//!
//! Such a timeline goes by the times of the channel itself, so that nobody has to know what the sender's clock shows.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::base::media_time::MediaTime;

/// The places of a channel's tracks.
#[derive(Debug, Default)]
pub struct Anchors {
    tracks: Mutex<Vec<Option<Anchor>>>,
}

/// The same instant of a track and of the timeline: that of the unit that came last.
#[derive(Clone, Copy, Debug)]
struct Anchor {
    /// The RTP time.
    time: u32,
    /// In nanoseconds.
    at: i64,
}

impl Anchors {
    /// Where the RTP time `time` of a track is, in nanoseconds, where its clock goes at `hz`; `None` while nothing of
    /// the track has its place.
    pub(super) fn place(&self, track: usize, time: u32, hz: u32) -> Option<i64> {
        let anchor = (*self.tracks().get(track)?)?;
        // RTP times wrap.
        let ticks = time.wrapping_sub(anchor.time).cast_signed();
        let since = MediaTime::new(ticks.into(), hz).nanos();
        Some(anchor.at.saturating_add(since))
    }

    /// The RTP time `time` of a track is at `at`, in nanoseconds. Tracks of a channel are few.
    pub(super) fn learn(&self, track: usize, time: u32, at: i64) {
        let mut tracks = self.tracks();
        if tracks.len() <= track {
            tracks.resize(track + 1, None);
        }
        if let Some(anchor) = tracks.get_mut(track) {
            *anchor = Some(Anchor { time, at });
        }
    }

    fn tracks(&self) -> MutexGuard<'_, Vec<Option<Anchor>>> {
        self.tracks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_track_is_where_it_was_last_also_when_its_time_wraps() {
        let anchors = Anchors::default();
        assert_eq!(anchors.place(1, 5, 1000), None);
        anchors.learn(1, u32::MAX - 999, 7_000_000_000);
        assert_eq!(anchors.place(0, 0, 1000), None);
        assert_eq!(anchors.place(1, 1000, 1000), Some(9_000_000_000));
        anchors.learn(1, 1000, 9_000_000_000);
        let before = u32::MAX - 1999;
        assert_eq!(anchors.place(1, before, 1000), Some(6_000_000_000));
    }
}
