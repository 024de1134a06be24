//! What packaging a channel has come to, for metrics.

use super::part::{Part, Segment};
use crate::codec::Kind;

/// What was made of a channel since its packaging began.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counts {
    /// Segments, the first ones of the channel's past among them.
    pub segments: u64,
    /// Segments that begin without a key frame, so that no player can start there.
    pub dependent_segments: u64,
    /// Segments that do not go on where the one before ended.
    pub discontinuities: u64,
    /// Parts of segments.
    pub parts: u64,
    /// Parts for whose time nothing came.
    pub gaps: u64,
    /// Bytes of parts, as fragmented MP4.
    pub bytes: u64,
    /// Segments that were dropped before their time, because the disk was full.
    pub given_up: u64,
    /// How often a segment left the playlists or the memory before its time, because there was no room.
    pub hastened: u64,
    /// Packets that were not what their format promises.
    pub malformed: u64,
    /// The clocks of the tracks, as far as reports have told of them.
    pub drifts: Vec<Drift>,
}

/// How fast a track's clock runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Drift {
    /// The track's index in the description of the channel.
    pub track: usize,
    /// Whether it is seen or heard.
    pub kind: Kind,
    /// By how much it is faster than the sender's clock on the wall, in parts per million.
    pub ppm: f64,
}

impl Counts {
    pub(super) fn part(&mut self, part: &Part) {
        self.parts += 1;
        self.gaps += u64::from(part.gap);
        self.bytes += part.data.len() as u64;
    }

    pub(super) fn segment(&mut self, segment: &Segment) {
        self.segments += 1;
        self.dependent_segments += u64::from(!segment.begins_with_key() && !segment.gap);
        self.discontinuities += u64::from(segment.head.discontinuity);
    }
}
