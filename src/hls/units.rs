//! From a channel's bursts to samples of all tracks on one timeline.
//!
//! Sans-IO. Tracks are depacketised, their times are joined by the channel's sender reports, and
//! decoding times are found. Where segments begin is the matter of the segmenter.

use std::time::Instant;

use bytes::Bytes;

use crate::base::media_time::{MediaTime, NtpTime};
use crate::codec::{self, Depacketize, Format};
use crate::media::burst::Burst;
use crate::media::description::Description;

/// When the first unit of all is presented, in seconds: tracks that turn out to begin before it,
/// and decoding times, stay positive.
pub const START: i64 = 10;

/// One sample with its place on the timeline of all tracks.
#[derive(Clone, Debug, PartialEq)]
pub struct Unit {
    /// The index of its track in the description.
    pub track: usize,
    /// When it is presented, in ticks of the track's clock; never negative.
    pub pts: MediaTime,
    /// When it is decoded: at most `pts`, and later than that of the unit before it.
    pub dts: MediaTime,
    /// A decoder may start with it.
    pub keyframe: bool,
    /// Something of it, or just before it, was lost.
    pub damaged: bool,
    /// It does not go on from the unit before: the track's format has changed, or time has passed over.
    pub discontinuity: bool,
    /// When it was captured; `None` before the sender's first report.
    pub wall: Option<NtpTime>,
    /// For how long it is heard, in ticks of the track's clock; `None` for video.
    pub duration: Option<u32>,
    /// Its bytes, as [`AccessUnit::data`](codec::AccessUnit::data).
    pub data: Bytes,
}

/// All tracks of a channel.
pub struct Units {
    tracks: Vec<Track>,
}

struct Track {
    depacketizer: Option<Box<dyn Depacketize>>,
}

impl Units {
    /// For a channel of this description; tracks in encodings that are not known stay silent.
    pub fn new(description: &Description) -> Self {
        let tracks = description.tracks().iter();
        let tracks = tracks.map(|track| Track {
            depacketizer: codec::depacketizer(&track.encoding, track.fmtp.as_deref()),
        });
        Self {
            tracks: tracks.collect(),
        }
    }

    /// Takes the next burst of the channel; the units that it completes are to be pulled.
    pub fn push(&mut self, burst: &Burst) {
        let _ = burst;
    }

    /// Takes a report of [`Channel::reports`](crate::media::channel::Channel::reports), which a
    /// reader that joins asks for before its first burst.
    pub fn report(&mut self, track: usize, compound: &[u8], now: Instant) {
        let _ = (track, compound, now);
    }

    /// Bursts were missed, as [`Taken::Missed`](crate::media::ring::Taken::Missed) says: what is
    /// under way is given up, and each track goes on with a discontinuity.
    pub fn missed(&mut self) {}

    /// Says that nothing follows for now, so that units whose end only the next packet would show come out.
    pub fn flush(&mut self) {}

    /// The next unit; those of a track come in decoding order, the tracks as their packets came.
    pub fn pull(&mut self) -> Option<Unit> {
        None
    }

    /// The format of the units of a track that were pulled last; `None` while it is unknown.
    pub fn format(&self, track: usize) -> Option<Format> {
        self.tracks.get(track)?.depacketizer.as_ref()?.format()
    }

    /// By how much a track's clock runs faster than the sender's clock on the wall, in parts
    /// per million; `None` until enough reports have come.
    pub fn drift_ppm(&self, track: usize) -> Option<f64> {
        let _ = track;
        None
    }
}
