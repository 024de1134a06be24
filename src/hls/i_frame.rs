//! The key frames of a live segment, each as a segment of its own for a playlist of key frames.
//!
//! They are made of the samples of segments that are there already when somebody asks, so that
//! they cost nothing before.

use std::slice;
use std::sync::Arc;

use bytes::Bytes;

use super::lock::{Lock, Manner, Payload};
use super::object::Flavour;
use super::part::{Head, Map, Part, Sample, Segment};
use super::transport::Transport;
use crate::base::media_time::MediaTime;
use crate::container::mp4::fragment::{Fragment, Run, SampleFacts};
use crate::container::mp4::init::{Entry, InitSegment, TrackInit};

/// A key frame that is shown until the next one of its segment, or to the end of that.
#[derive(Clone, Debug)]
pub(super) struct IFrame<'s> {
    /// What is known of its segment.
    pub(super) head: &'s Arc<Head>,
    /// When it is decoded.
    pub(super) start: MediaTime,
    /// How long it stands.
    pub(super) duration: MediaTime,
    /// `None` where a segment has gone on without a key frame.
    sample: Option<&'s Sample>,
}

/// Where a file stands among others of the same kind, and what its names begin with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// The number of the packager.
    pub(super) packager: u32,
    /// The media sequence number in the playlist of key frames.
    pub(super) number: u64,
}

impl<'s> IFrame<'s> {
    /// The key frames of `segment` one after the other, which together last as long as it; none
    /// without pictures. Those from which pictures become right little by little are none of them.
    ///
    /// Some are passed over where key frames come in less than a second, for numbers of segments
    /// shall not grow faster than seconds do.
    pub(super) fn all(segment: &'s Segment) -> Vec<Self> {
        let head = &segment.head;
        if !head.map.has_video() {
            return Vec::new();
        }
        let rate = head.start.rate;
        let end = head.start.ticks.saturating_add(segment.duration.ticks);
        let begins = begins(segment, end);
        let ends = begins.iter().skip(1).map(|(at, _)| *at).chain([end]);
        let frame = |((at, sample), end): (&(i64, Option<&'s Sample>), i64)| Self {
            head,
            start: MediaTime::new(*at, rate),
            duration: MediaTime::new(end.saturating_sub(*at), rate),
            sample: *sample,
        };
        begins.iter().zip(ends).map(frame).collect()
    }

    /// Whether there is nothing to be fetched.
    pub(super) fn is_gap(&self) -> bool {
        self.sample.is_none()
    }

    /// The picture; empty for a gap, and when it is on disk alone.
    pub(super) fn data(&self) -> Bytes {
        self.sample
            .map_or_else(Bytes::new, |sample| sample.data.clone())
    }

    /// The same with the picture from disk.
    pub(super) fn file_with(&self, data: Bytes, flavour: Flavour, place: Place) -> Option<Bytes> {
        let sample = Sample {
            data,
            ..self.sample?.clone()
        };
        let loaded = IFrame {
            sample: Some(&sample),
            ..self.clone()
        };
        loaded.file(flavour, place)
    }

    /// About how many bytes it has in fragmented MP4, and as a transport stream.
    pub(super) fn sizes(&self) -> [usize; 2] {
        let data = self.sample.map_or(0, |sample| sample.data.len());
        let packets = data.div_ceil(TS_ROOM) + TS_PACKETS;
        [data + FRAGMENT, packets * TS_PACKET]
    }

    /// How it is encrypted, if it is.
    pub(super) fn lock(&self, place: Place) -> Option<Lock> {
        let lock = self.head.lock.as_ref()?;
        Some(lock.of_i_frame(place.packager, place.number))
    }

    /// Its file in a flavour; `None` for a gap, and where the flavour cannot carry it.
    pub(super) fn file(&self, flavour: Flavour, place: Place) -> Option<Bytes> {
        match flavour {
            Flavour::Ts => self.stream(place),
            Flavour::LowLatency | Flavour::Cmaf => self.fragment(place),
        }
    }

    fn fragment(&self, place: Place) -> Option<Bytes> {
        let sample = self.sample?;
        let lock = self.lock(place);
        let format = self.head.map.tracks.first().map(|track| &track.format);
        let payload = Payload::of([&sample.data].into_iter(), format, lock.as_ref());
        let facts = SampleFacts {
            duration: self.ticks(),
            size: sample.data.len() as u32,
            sync: true,
            composition: sample.composition,
        };
        let run = Run {
            track: TRACK,
            base_decode_time: sample.decode,
            samples: slice::from_ref(&facts),
            data: &payload.data,
            subsamples: &payload.subsamples,
        };
        let fragment = Fragment::of(place.number as u32, true, slice::from_ref(&run)).bytes;
        Some(match lock.filter(|lock| lock.manner == Manner::Whole) {
            Some(lock) => lock.seal([&fragment]),
            None => fragment,
        })
    }

    fn stream(&self, place: Place) -> Option<Bytes> {
        let sample = Sample {
            duration: self.ticks(),
            ..self.sample?.clone()
        };
        let map = &self.head.map;
        let head = Arc::new(Head {
            sequence: place.number,
            map: Arc::new(Map {
                tracks: map.tracks.first().cloned().into_iter().collect(),
                ..Map::clone(map)
            }),
            lock: self.lock(place).map(Arc::new),
            ..Head::clone(self.head)
        });
        let part = Part {
            head: Arc::clone(&head),
            index: 0,
            start: self.start,
            duration: self.duration,
            independent: true,
            gap: false,
            title: None,
            data: Bytes::new(),
            samples: [sample].into(),
        };
        Transport::alone(&Segment {
            head,
            duration: self.duration,
            independent: true,
            gap: false,
            parts: vec![part],
            sealed: None,
        })
    }

    fn ticks(&self) -> u32 {
        u32::try_from(self.duration.ticks).unwrap_or(u32::MAX)
    }
}

/// What a player needs before the key frames of segments with that map.
pub(super) fn init(map: &Map) -> Option<Bytes> {
    let track = map.tracks.first().filter(|_| map.has_video())?;
    let (width, height) = track.format.picture_size().unwrap_or_default();
    let size = u16::try_from(width).ok().zip(u16::try_from(height).ok());
    let init = TrackInit {
        id: TRACK,
        entry: Entry::Of(&track.format),
        timescale: track.timescale,
        size: size.unwrap_or_default(),
        colours: None,
        language: None,
        lead: 0,
        priming: 0,
        sample: &[],
    };
    let InitSegment(data) = InitSegment::protected(&[init], map.protection.as_ref());
    Some(data)
}

/// Where key frames begin in `segment`, which ends at `end`, in ticks of its start. The first begins
/// with the segment, whether or not there is one.
fn begins(segment: &Segment, end: i64) -> Vec<(i64, Option<&Sample>)> {
    let start = segment.head.start;
    let least = i64::from(start.rate);
    let mut begins = vec![(start.ticks, None)];
    let mut last = None;
    let samples = segment.parts.iter().flat_map(|part| part.samples.iter());
    for sample in samples.filter(|sample| sample.track == 0 && sample.whole) {
        let at = i64::try_from(sample.decode).unwrap_or(i64::MAX);
        let is_near = |last: i64| at.saturating_sub(last) < least || end.saturating_sub(at) < least;
        if at >= end || last.is_some_and(is_near) {
            continue;
        }
        if at <= start.ticks {
            begins.clear();
        }
        begins.push((at, Some(sample)));
        last = Some(at);
    }
    begins
}

/// The number of the one track.
const TRACK: u32 = 1;

/// Bytes that fragments have beside the picture, what tells of encryption among them.
const FRAGMENT: usize = 192;

/// A packet of a transport stream, and the room in it.
const TS_PACKET: usize = 188;
const TS_ROOM: usize = 184;

/// Packets for the tables and the picture's header, and those that bring the counter to 0 in the end.
const TS_PACKETS: usize = 3 + 8;

#[cfg(test)]
mod tests;
