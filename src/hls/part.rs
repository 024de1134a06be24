//! What the segmenter makes: segments, the parts they consist of, and the map that a player needs before them.
//!
//! Values only, cheap to clone; when to cut is [`segmenter`](super::segmenter)'s matter and how
//! playlists tell of them that of the playlists.

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;

use super::lock::Lock;
use crate::base::media_time::MediaTime;
use crate::codec::{Format, Kind};
use crate::container::mp4::cenc::Protection;

/// What players need before the first segment of a kind: the `EXT-X-MAP`.
#[derive(Clone, Debug, PartialEq)]
pub struct Map {
    /// Counts the maps of a channel from 0; another version has other content.
    pub version: u32,
    /// The CMAF header: `ftyp` and `moov`.
    pub data: Bytes,
    /// What is in the segments, the track that the cuts follow first.
    pub tracks: Vec<MapTrack>,
    /// How the samples of the segments are encrypted, if they are.
    pub protection: Option<Protection>,
}

impl Map {
    /// Whether pictures are among the tracks.
    pub fn has_video(&self) -> bool {
        let mut formats = self.tracks.iter().map(|track| &track.format);
        formats.any(|format| format.kind() == Kind::Video)
    }
}

/// A track of a [`Map`].
#[derive(Clone, Debug, PartialEq)]
pub struct MapTrack {
    /// Its number in the `moov`.
    pub id: u32,
    /// What its samples are.
    pub format: Format,
    /// Ticks per second of its samples, in Hz.
    pub timescale: u32,
}

/// What is known of a segment when it begins.
#[derive(Clone, Debug, PartialEq)]
pub struct Head {
    /// The media sequence number, the same in all flavours.
    pub sequence: u64,
    /// The discontinuity sequence number: how many discontinuities went before, its own among them.
    pub discontinuity_sequence: u64,
    /// Whether it does not go on where the segment before ended.
    pub discontinuity: bool,
    /// When it begins on the timeline of the channel's segments, which has no gaps.
    pub start: MediaTime,
    /// When its first sample is presented, on the same timeline and at the same rate.
    pub presented: MediaTime,
    /// What was added to the times of units to have them on that timeline, at the same rate.
    pub shift: MediaTime,
    /// When what begins it was captured.
    pub date: SystemTime,
    /// What a player needs before it.
    pub map: Arc<Map>,
    /// How it is encrypted; `None` if it is not.
    pub lock: Option<Arc<Lock>>,
}

impl Head {
    /// From decoding to presentation of its first sample, in ticks of [`Head::start`].
    pub(super) fn delay(&self) -> i64 {
        self.presented.ticks.saturating_sub(self.start.ticks)
    }

    /// What is heard, in the time of the units, with what leads when that is decoded at `decoded`,
    /// in ticks of [`Head::start`].
    pub(super) fn heard(&self, decoded: i64) -> MediaTime {
        let heard = decoded.saturating_add(self.delay());
        MediaTime::new(heard.saturating_sub(self.shift.ticks), self.start.rate)
    }
}

/// A partial segment.
#[derive(Clone, Debug)]
pub struct Part {
    /// The segment that it belongs to.
    pub head: Arc<Head>,
    /// Its place in the segment, from 0.
    pub index: u32,
    /// When it begins, on the timeline of [`Head::start`].
    pub start: MediaTime,
    /// How long it is, exactly: the parts of a segment sum up to the segment.
    pub duration: MediaTime,
    /// Whether a player may start in it (`INDEPENDENT=YES`): it holds a key frame, or there are no pictures.
    pub independent: bool,
    /// Whether nothing came for its time (`GAP=YES`); it has no data then.
    pub gap: bool,
    /// What is on from its start, if that is told here: what is new, and in the first part of each segment.
    pub title: Option<Arc<Title>>,
    /// A fragment in the flavour of CMAF: `moof` and `mdat`, and `styp` before the first of a
    /// segment; encrypted as the segment is.
    pub data: Bytes,
    /// The samples in `data`, in the order of their bytes; they are not encrypted.
    pub samples: Arc<[Sample]>,
}

/// What is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Title {
    /// Counts the titles of a packager.
    pub number: u32,
    /// The title; empty when what was on is over.
    pub text: String,
    /// Since when it is on, by the dates of the segments.
    pub date: SystemTime,
}

/// A sample of a part.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Its track, an index into [`Map::tracks`].
    pub track: usize,
    /// When it is decoded, in ticks of its track on the timeline of [`Head::start`].
    pub decode: u64,
    /// From decoding to presentation, in ticks of its track.
    pub composition: i32,
    /// How long it lasts, in ticks of its track.
    pub duration: u32,
    /// Whether a decoder may start with it.
    pub keyframe: bool,
    /// Whether it shows a whole picture by itself then, and does not become right with those behind it.
    pub whole: bool,
    /// Its bytes; a slice of the part's data, unless that is encrypted.
    pub data: Bytes,
}

/// A whole segment.
#[derive(Clone, Debug)]
pub struct Segment {
    /// What was known of it from the beginning.
    pub head: Arc<Head>,
    /// How long it is, exactly.
    pub duration: MediaTime,
    /// Whether it can be decoded without those before it.
    pub independent: bool,
    /// Whether it holds nothing at all (`EXT-X-GAP`).
    pub gap: bool,
    /// The parts it consists of, each of which went out before.
    pub parts: Vec<Part>,
    /// What goes out in place of its parts, where each file is encrypted by itself.
    pub sealed: Option<Bytes>,
}

impl Part {
    /// Bytes of memory that it takes: samples lie beside data that is encrypted.
    pub fn memory(&self) -> usize {
        let samples = self.samples.iter().map(|sample| sample.data.len());
        let beside = self.head.lock.as_ref().map_or(0, |_| samples.sum());
        self.data.len() + beside
    }

    /// Lets go all samples but the key frames of pictures, if they `has_video`; what stays of their data is what
    /// `kept` makes of it.
    pub(super) fn keep_key_frames(&mut self, has_video: bool, kept: impl Fn(&Bytes) -> Bytes) {
        let samples = self.samples.iter();
        let key_frames = samples.filter(|one| has_video && one.track == 0 && one.keyframe);
        let keep = |sample: &Sample| Sample {
            data: kept(&sample.data),
            ..sample.clone()
        };
        self.samples = key_frames.map(keep).collect();
    }
}

impl Segment {
    /// Whether it begins with a picture that a decoder may start with, or without pictures.
    pub fn begins_with_key(&self) -> bool {
        let Some(part) = self.parts.first() else {
            return false;
        };
        let mut samples = part.samples.iter();
        let leading = samples.find(|sample| sample.track == 0);
        let is_heard_only = !self.head.map.has_video();
        !part.gap && (is_heard_only || leading.is_some_and(|sample| sample.keyframe))
    }

    /// The samples of the track that leads, in decoding order.
    pub(super) fn pictures(&self) -> impl Iterator<Item = &Sample> {
        let samples = self.parts.iter().flat_map(|part| part.samples.iter());
        samples.filter(|sample| sample.track == 0)
    }

    /// Whether its pictures are refreshed little by little: there are some that a decoder may start with, and none of them
    /// is whole.
    pub(super) fn is_gradual(&self) -> bool {
        let mut keys = self.pictures().filter(|one| one.keyframe).peekable();
        keys.peek().is_some() && keys.all(|one| !one.whole)
    }

    /// The segment in the flavour of CMAF, to be sent one after the other.
    pub fn fragments(&self) -> impl Iterator<Item = Bytes> {
        let parts = self.parts.iter().map(|part| &part.data);
        let parts = parts.take(if self.sealed.is_some() { 0 } else { usize::MAX });
        self.sealed.iter().chain(parts).cloned()
    }

    /// Bytes of the segment in the flavour of CMAF.
    pub fn size(&self) -> usize {
        match &self.sealed {
            Some(sealed) => sealed.len(),
            None => self.parts.iter().map(|part| part.data.len()).sum(),
        }
    }

    /// The same so many seconds later. What its bytes tell of times stays.
    pub(super) fn delayed(&self, seconds: i64) -> Self {
        let later = |time: MediaTime| {
            let ticks = seconds * i64::from(time.rate);
            MediaTime::new(time.ticks.saturating_add(ticks), time.rate)
        };
        let head = Arc::new(Head {
            start: later(self.head.start),
            presented: later(self.head.presented),
            ..Head::clone(&self.head)
        });
        let tracks = &head.map.tracks;
        let sample = |sample: &Sample| {
            let rate = tracks.get(sample.track).map_or(0, |track| track.timescale);
            Sample {
                decode: sample
                    .decode
                    .saturating_add_signed(seconds * i64::from(rate)),
                ..sample.clone()
            }
        };
        let part = |part: &Part| Part {
            head: Arc::clone(&head),
            start: later(part.start),
            samples: part.samples.iter().map(sample).collect(),
            ..part.clone()
        };
        Self {
            parts: self.parts.iter().map(part).collect(),
            head: Arc::clone(&head),
            ..self.clone()
        }
    }

    /// Bytes of memory that it takes.
    pub fn memory(&self) -> usize {
        let parts: usize = self.parts.iter().map(Part::memory).sum();
        parts + self.sealed.as_ref().map_or(0, Bytes::len)
    }
}
