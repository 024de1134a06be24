//! The streams of a process that are together in the segments of one playlist.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use super::stream::Stream;
use crate::base::media_time::MediaTime;
use crate::hls::keys::Keys;
use crate::hls::lane::Lane;
use crate::hls::lock::{Lock, Manner};
use crate::hls::map::map;
use crate::hls::open::Open;
use crate::hls::part::{Head, Map, Segment};
use crate::hls::titles::Titles;
use crate::hls::transcode::facts;
use crate::hls::transcode::grid::Grid;
use crate::hls::transcode::harvest::Made;

/// What goes into the segments of one playlist.
#[derive(Clone, Debug)]
pub(in crate::hls::transcode) struct Group<'a> {
    pub(in crate::hls::transcode) streams: &'a [facts::Stream],
    /// What they are encrypted with, if they are.
    pub(in crate::hls::transcode) keys: Option<&'a Keys>,
    /// The map of the segments that are there, if there are any.
    pub(in crate::hls::transcode) known: Option<&'a Arc<Map>>,
}

/// Where and when the segments of a movie are.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) grid: Grid,
    /// When the movie was last changed.
    pub(super) date: SystemTime,
}

/// The streams of a group, on their way into segments.
#[derive(Debug)]
pub(super) struct Strand {
    pub(super) streams: Vec<Stream>,
    lanes: Vec<Lane>,
    keys: Option<Keys>,
    map: Option<Arc<Map>>,
}

impl Strand {
    pub(super) fn new(group: &Group<'_>) -> Self {
        let streams = group.streams.iter();
        let streams: Vec<_> = streams.map(|stream| Stream::new(stream.coding)).collect();
        let lanes = group.streams.iter().enumerate().map(|(index, stream)| {
            let mut lane = Lane::new(index, stream.coding.kind(), stream.language.clone());
            let mut tracks = group.known.iter().flat_map(|map| &map.tracks);
            if let Some(track) = tracks.find(|track| track.id as usize == index + 1) {
                lane.offer(track.format.clone());
                lane.adopt();
            }
            lane
        });
        Self {
            lanes: lanes.collect(),
            streams,
            keys: group.keys.cloned(),
            map: group.known.cloned(),
        }
    }

    /// Takes a unit of its stream `index`, of a process that reads from `origin` on; true if that comes in another
    /// format than before.
    pub(super) fn push(&mut self, index: usize, mut made: Made, origin: MediaTime) -> bool {
        let (Some(stream), Some(lane)) = (self.streams.get_mut(index), self.lanes.get_mut(index))
        else {
            return false;
        };
        let mut is_other = false;
        if let Some(format) = made.format.take() {
            let was_known = lane.is_known();
            is_other = lane.offer(format) && was_known;
            lane.adopt();
        }
        stream.push(made, origin);
        is_other
    }

    /// Forgets what is before segment `number`.
    pub(super) fn begin_with(&mut self, number: u64, grid: &Grid) {
        for stream in &mut self.streams {
            stream.begin_at(stream.bound(grid, number));
        }
    }

    /// Segment `number`, of what there is of it.
    pub(super) fn segment(&mut self, number: u64, place: &Place) -> Option<Segment> {
        let Place { grid, date } = place;
        for (stream, lane) in self.streams.iter_mut().zip(&mut self.lanes) {
            lane.samples = stream.take(stream.bound(grid, number + 1));
        }
        let first = |index: usize| {
            let sample = self.lanes.get(index).and_then(|lane| lane.samples.first());
            sample.map(|sample| sample.data.clone()).unwrap_or_default()
        };
        let specimens = [first(0), first(1)];
        let lock = self.keys.as_ref().map(|keys| Arc::new(keys.lock(number)));
        let map = self.map(lock.as_deref(), &specimens);
        let rate = self.lanes.first()?.timescale;
        let start = grid.start(number).at_rate(rate);
        let since = Duration::from_nanos(grid.start(number).nanos().unsigned_abs());
        let head = Head {
            sequence: number,
            discontinuity_sequence: 0,
            discontinuity: false,
            start,
            // Pictures are shown when they are decoded.
            presented: start,
            shift: MediaTime::new(0, rate),
            date: date.checked_add(since).unwrap_or(*date),
            map,
            lock,
        };
        let mut open = Open::new(head);
        let end = grid.start(number + 1).at_rate(rate).ticks;
        open.end_part(&mut self.lanes, &mut Titles::default(), end);
        Some(open.end())
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
}

/// Which map a segment has that is so encrypted.
pub(in crate::hls::transcode) fn map_version(lock: &Lock) -> u32 {
    match lock.manner {
        Manner::Whole => 0,
        Manner::Samples => u32::try_from(lock.period).unwrap_or(u32::MAX),
    }
}
