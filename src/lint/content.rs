//! What is in a segment or a part, whatever its container.

use bytes::Bytes;

use crate::base::media_time::MediaTime;
use crate::codec::VideoRange;

/// The tracks of a segment.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Content {
    pub(super) tracks: Vec<Track>,
    /// Whether times are counted in 33 bits, after which they begin anew.
    pub(super) wraps: bool,
}

/// What a segment holds of a track.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Track {
    /// Its number in the container.
    pub(super) id: u32,
    pub(super) kind: Kind,
    /// Its format as RFC 6381 names it; where that says more than can be seen, its beginning.
    pub(super) codec: String,
    /// The decode time of the first sample.
    pub(super) begin: MediaTime,
    /// The earliest time at which something is presented.
    pub(super) shown: MediaTime,
    /// Where the next sample belongs, as far as it can be told.
    pub(super) end: MediaTime,
    /// How many samples there are.
    pub(super) samples: usize,
    /// How many begin something that needs nothing before it, with the decode times of those.
    pub(super) keys: Vec<MediaTime>,
    /// Whether the first sample is one of them.
    pub(super) begins_with_key: bool,
    /// What is known of the pictures.
    pub(super) picture: Option<Picture>,
    /// What is known of the sound.
    pub(super) sound: Option<Sound>,
    /// What a decoder is set up with; a change of it needs a discontinuity.
    pub(super) setup: Bytes,
}

/// What a track is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Video,
    Audio,
    Other,
}

/// The pictures of a track.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Picture {
    pub(super) width: u32,
    pub(super) height: u32,
    /// As H.264 counts levels: 41 is 4.1; 0 when it is not known.
    pub(super) level: u8,
    /// What a player has to be able to show, if it is known.
    pub(super) range: Option<VideoRange>,
}

/// The sound of a track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sound {
    pub(super) rate_hz: u32,
    pub(super) channels: u8,
}

impl Content {
    /// The track that leads: the pictures, or else the sound.
    pub(super) fn lead(&self) -> Option<&Track> {
        let of = |kind| self.tracks.iter().find(|track| track.kind == kind);
        of(Kind::Video).or_else(|| of(Kind::Audio))
    }

    /// From `earlier` to `later` in seconds, be it that the count began anew in between.
    pub(super) fn apart(&self, earlier: MediaTime, later: MediaTime) -> f64 {
        let seconds = later.seconds() - earlier.seconds();
        if !self.wraps {
            return seconds;
        }
        let round = (1_u64 << 33) as f64 / 90_000.0;
        seconds - (seconds / round).round() * round
    }
}

impl Track {
    /// Its length in seconds.
    pub(super) fn length(&self) -> f64 {
        self.end.seconds() - self.begin.seconds()
    }

    /// The mean length of its samples in seconds.
    pub(super) fn sample_length(&self) -> f64 {
        self.length() / self.samples.max(1) as f64
    }
}
