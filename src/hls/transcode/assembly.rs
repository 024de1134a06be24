//! From what one process makes of a movie to the segments of its grid. Sans-IO.

mod stream;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use super::grid::Grid;
use super::harvest::Made;
use super::orders::Coding;
use crate::base::media_time::MediaTime;
use crate::codec::Kind;
use crate::hls::keys::Keys;
use crate::hls::lane::Lane;
use crate::hls::lock::{Lock, Manner};
use crate::hls::map::map;
use crate::hls::open::Open;
use crate::hls::part::{Head, Map, Segment};
use crate::hls::titles::Titles;
use crate::hls::units::START;
use stream::Stream;

/// A picture may be so much before its segment begins, in ticks of 90 kHz, because of rounding.
const TOLERANCE: i64 = 180;

/// A stream of which nothing has come when another is so many seconds ahead has nothing there.
const PATIENCE: i64 = 12;

/// The segments of one process, one after the other.
#[derive(Debug)]
pub(super) struct Assembly {
    grid: Grid,
    /// From where on the process reads.
    origin: MediaTime,
    date: SystemTime,
    keys: Option<Keys>,
    streams: Vec<Stream>,
    lanes: Vec<Lane>,
    map: Option<Arc<Map>>,
    /// The segment that comes next.
    next: u64,
    has_begun: bool,
    has_ended: bool,
    is_other: bool,
}

impl Assembly {
    /// From segment `first` on, of a movie that was last changed at `date`; `known` is the map of
    /// its other segments, if there are any, which are encrypted with `keys`.
    pub(super) fn new(
        grid: Grid,
        codings: impl Iterator<Item = Coding>,
        first: u64,
        date: SystemTime,
        keys: Option<Keys>,
        known: Option<&Arc<Map>>,
    ) -> Self {
        let streams: Vec<_> = codings.map(Stream::new).collect();
        let lanes = streams.iter().enumerate();
        let lanes = lanes.map(|(index, stream)| {
            let mut lane = Lane::new(index, stream.kind, None);
            let mut tracks = known.iter().flat_map(|map| &map.tracks);
            if let Some(track) = tracks.find(|track| track.id as usize == index + 1) {
                lane.offer(track.format.clone());
                lane.adopt();
            }
            lane
        });
        Self {
            origin: grid.origin(first),
            grid,
            date,
            keys,
            lanes: lanes.collect(),
            streams,
            map: known.cloned(),
            next: first,
            has_begun: false,
            has_ended: false,
            is_other: false,
        }
    }

    /// The number of the segment that comes next.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// Whether the formats are others than those of the known segments.
    pub(super) fn is_other(&self) -> bool {
        self.is_other
    }

    /// Takes a unit; those of a stream come in their order.
    pub(super) fn push(&mut self, mut made: Made) {
        let index = made.stream;
        let (Some(stream), Some(lane)) = (self.streams.get_mut(index), self.lanes.get_mut(index))
        else {
            return;
        };
        if let Some(format) = made.format.take() {
            let was_known = lane.is_known();
            self.is_other |= lane.offer(format) && was_known;
            lane.adopt();
        }
        stream.push(made, self.origin);
    }

    /// Nothing comes any more.
    pub(super) fn finish(&mut self) {
        self.has_ended = true;
    }

    /// The next segment, when it is whole.
    pub(super) fn pull(&mut self) -> Option<Segment> {
        if self.next >= self.grid.len() || !self.is_whole() {
            return None;
        }
        if !std::mem::replace(&mut self.has_begun, true) {
            let number = self.next;
            let begins = self.streams.iter().map(|stream| self.bound(stream, number));
            let begins: Vec<_> = begins.collect();
            for (stream, begin) in self.streams.iter_mut().zip(begins) {
                stream.begin_at(begin);
            }
        }
        let segment = self.assemble();
        self.next += 1;
        segment
    }

    /// Whether all streams have come to where the next segment ends.
    fn is_whole(&self) -> bool {
        let end = self.next + 1;
        let has_come = |stream: &Stream| {
            let end = self.bound(stream, end);
            stream.end(end).is_some()
        };
        let is_far = |stream: &Stream| {
            let far = self
                .bound(stream, end)
                .saturating_add(PATIENCE * i64::from(stream.rate));
            stream.newest().is_some_and(|at| at >= far)
        };
        let mut streams = self.streams.iter();
        self.has_ended || streams.clone().all(has_come) || streams.any(is_far)
    }

    /// Before which time of a stream segment `number` does not begin, in its ticks.
    fn bound(&self, stream: &Stream, number: u64) -> i64 {
        if number >= self.grid.len() {
            return i64::MAX;
        }
        let start = self.grid.start(number).at_rate(stream.rate).ticks;
        match stream.kind {
            Kind::Video => start - TOLERANCE,
            _ => start,
        }
    }

    /// The map of a segment that is so encrypted, which is another for each key where samples are.
    fn map(&mut self, lock: Option<&Lock>, specimens: &[Bytes; 2]) -> Arc<Map> {
        let protection = lock.and_then(Lock::protection);
        if let Some(map) = self.map.as_ref().filter(|map| map.protection == protection) {
            return Arc::clone(map);
        }
        let made = map(None, &self.lanes, specimens, protection);
        let made = Arc::new(Map {
            version: lock.map_or(0, map_version),
            ..(*made).clone()
        });
        self.map = Some(Arc::clone(&made));
        made
    }

    fn assemble(&mut self) -> Option<Segment> {
        let number = self.next;
        let ends = self
            .streams
            .iter()
            .map(|stream| self.bound(stream, number + 1));
        let ends: Vec<_> = ends.collect();
        for ((stream, lane), end) in self.streams.iter_mut().zip(&mut self.lanes).zip(ends) {
            lane.samples = stream.take(end);
        }
        let first = |index: usize| {
            let sample = self.lanes.get(index).and_then(|lane| lane.samples.first());
            sample.map(|sample| sample.data.clone()).unwrap_or_default()
        };
        let specimens = [first(0), first(1)];
        let lock = self.keys.as_ref().map(|keys| Arc::new(keys.lock(number)));
        let map = self.map(lock.as_deref(), &specimens);
        let rate = self.lanes.first()?.timescale;
        let ticks = |time: MediaTime| START * i64::from(rate) + time.at_rate(rate).ticks;
        let start = self.grid.start(number);
        let since = Duration::from_nanos(start.nanos().unsigned_abs());
        let head = Head {
            sequence: number,
            discontinuity_sequence: 0,
            discontinuity: false,
            start: MediaTime::new(ticks(start), rate),
            // Pictures are shown when they are decoded.
            presented: MediaTime::new(ticks(start), rate),
            shift: MediaTime::new(0, rate),
            date: self.date.checked_add(since).unwrap_or(self.date),
            map,
            lock,
        };
        let mut open = Open::new(head);
        let end = ticks(self.grid.start(number + 1));
        open.end_part(&mut self.lanes, &mut Titles::default(), end);
        Some(open.end())
    }
}

/// Which map a segment has that is so encrypted.
pub(super) fn map_version(lock: &Lock) -> u32 {
    match lock.manner {
        Manner::Whole => 0,
        Manner::Samples => u32::try_from(lock.period).unwrap_or(u32::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::stream::VIDEO_HZ;
    use super::*;
    use crate::codec::{Format, aac};

    const RATE: u32 = 48_000;

    /// What a process makes that begins with segment `first` of 20 s: five pictures a second, and sound.
    fn made_from(grid: Grid, first: u64) -> Vec<Made> {
        let origin = grid.origin(first);
        let config = aac::Config::from_specific(&[0x11, 0x90]).unwrap();
        let unit = |stream, time, keyframe| Made {
            stream,
            time,
            keyframe,
            data: Bytes::from_static(b"unit"),
            format: None,
        };
        let mut all = Vec::new();
        let mut cut = first;
        for tick in (0..20 * 5).map(|picture| picture * 18_000) {
            let time = MediaTime::new(tick - origin.at_rate(VIDEO_HZ).ticks, VIDEO_HZ);
            let is_cut = tick >= grid.start(cut).at_rate(VIDEO_HZ).ticks - 90;
            cut += u64::from(is_cut);
            if time.ticks >= 0 {
                all.push(unit(0, time, is_cut));
            }
        }
        let frames = (20 * i64::from(RATE) - origin.ticks) / 1024;
        let sounds = (-1..frames).map(|frame| unit(1, MediaTime::new(frame * 1024, RATE), true));
        all.extend(sounds);
        all.sort_by_key(|made| made.time.nanos());
        let mut sounds = all.iter_mut().filter(|made| made.stream == 1);
        sounds.next().unwrap().format = Some(Format::Aac(config));
        all
    }

    fn segments(first: u64) -> Vec<Segment> {
        let grid = Grid::new(RATE, 20.0, 6);
        let codings = [
            Coding::Video { most: 1 },
            Coding::Audio {
                rate_hz: RATE,
                is_surround: false,
            },
        ];
        let codings = codings.into_iter();
        let mut assembly = Assembly::new(grid, codings, first, SystemTime::UNIX_EPOCH, None, None);
        let mut segments = Vec::new();
        for made in made_from(grid, first) {
            assembly.push(made);
            segments.extend(assembly.pull());
        }
        assembly.finish();
        segments.extend(std::iter::from_fn(|| assembly.pull()));
        segments
    }

    fn decodes(segment: &Segment, track: usize) -> Vec<u64> {
        let samples = segment.parts.iter().flat_map(|part| part.samples.iter());
        let of_track = samples.filter(|sample| sample.track == track);
        of_track.map(|sample| sample.decode).collect()
    }

    #[test]
    fn segments_are_the_same_wherever_a_process_begins() {
        let all = segments(0);
        assert_eq!(all.len(), 4);
        for first in 1..4 {
            let later = segments(first as u64);
            assert_eq!(later.len(), 4 - first);
            for (one, other) in all[first..].iter().zip(&later) {
                assert_eq!(one.head.sequence, other.head.sequence);
                assert_eq!(decodes(one, 0), decodes(other, 0));
                assert_eq!(decodes(one, 1), decodes(other, 1));
            }
        }
    }

    #[test]
    fn sound_is_whole_frames_without_a_gap() {
        let sounds: Vec<_> = segments(0).iter().flat_map(|one| decodes(one, 1)).collect();
        assert_eq!(sounds[0], 10 * u64::from(RATE));
        assert!(sounds.windows(2).all(|pair| pair[1] - pair[0] == 1024));
    }
}
