//! One sound in segments of its own, between the cuts of what leads. Sans-IO.

use std::slice;
use std::sync::Arc;

use bytes::Bytes;

use super::keys::Keys;
use super::lane::{Lane, is_plausible};
use super::lock::Lock;
use super::map::map;
use super::open::Open;
use super::part::{Head, Map, Part};
use super::segmenter::Cut;
use super::titles::Titles;
use super::units::Unit;
use super::waiting::Waiting;
use crate::base::media_time::MediaTime;
use crate::codec::{Format, Kind};

/// A sound on its way into parts and segments.
#[derive(Debug)]
pub(super) struct Sound {
    lane: Lane,
    /// Units whose part has not been cut yet.
    waiting: Waiting,
    /// When the newest unit ends, in nanoseconds of the units' time; `None` before the first.
    reached: Option<i64>,
    /// Whether cuts wait for it; not while it is so late that they would wait in vain.
    is_awaited: bool,
    map: Option<Arc<Map>>,
    keys: Option<Keys>,
    open: Option<Open>,
}

impl Sound {
    /// The track of that index, encrypted with `keys` if there are any.
    pub(super) fn new(track: usize, language: Option<String>, keys: Option<Keys>) -> Self {
        Self {
            lane: Lane::new(track, Kind::Audio, language),
            waiting: Waiting::default(),
            reached: None,
            is_awaited: true,
            map: None,
            keys,
            open: None,
        }
    }

    /// Its index in the description.
    pub(super) fn track(&self) -> usize {
        self.lane.track
    }

    /// Takes a format; true if that needs a new map, which only a discontinuity brings.
    pub(super) fn set_format(&mut self, format: Format) -> bool {
        self.lane.offer(format) && self.map.is_some()
    }

    /// Takes the next unit.
    pub(super) fn push(&mut self, unit: &Unit) {
        // What is in a new format waits for its map by being left out.
        let is_told = self.lane.is_known() && !(self.lane.has_offer() && self.map.is_some());
        if is_told && is_plausible(unit) {
            let length = MediaTime::new(unit.duration.unwrap_or(0).into(), unit.pts.rate);
            self.reached = Some(unit.pts.nanos().saturating_add(length.nanos()));
            self.waiting.push(unit.clone());
        }
    }

    /// Whether a cut need not wait that ends at `end`, in nanoseconds of the units' time.
    pub(super) fn is_ready(&self, end: i64) -> bool {
        !self.is_awaited || self.has_reached(end)
    }

    /// The next cuts wait for it if it has come as far as `least`, in nanoseconds of the units' time.
    pub(super) fn judge(&mut self, least: i64) {
        self.is_awaited = self.has_reached(least);
    }

    fn has_reached(&self, end: i64) -> bool {
        self.reached.is_some_and(|reached| reached >= end)
    }

    /// What it has for a cut of what leads.
    pub(super) fn follow(&mut self, cut: &Cut) -> Option<Cut> {
        match cut {
            Cut::Part(part) => self.part(part).map(Cut::Part),
            Cut::Segment(segment) => {
                self.begin(&segment.head);
                Some(Cut::Segment(self.open.take()?.end()))
            }
        }
    }

    fn part(&mut self, part: &Part) -> Option<Part> {
        self.begin(&part.head);
        let end = part.start.ticks.saturating_add(part.duration.ticks);
        self.waiting.give(&mut self.lane, &part.head, end);
        let lanes = slice::from_mut(&mut self.lane);
        // Titles are told beside what leads.
        let open = self.open.as_mut()?;
        open.end_part(lanes, &mut Titles::default(), end)
    }

    /// Begins the segment of what leads, unless it has begun.
    fn begin(&mut self, head: &Head) {
        if self.open.is_some() {
            return;
        }
        if head.discontinuity || self.map.is_none() {
            self.begin_anew(head);
        }
        let lock = self.keys.as_ref().map(|keys| keys.lock(head.sequence));
        let protection = lock.as_ref().and_then(Lock::protection);
        let specimen = self.waiting.front().map(|unit| unit.data.clone());
        let specimens = [specimen.unwrap_or_default(), Bytes::new()];
        let lanes = slice::from_ref(&self.lane);
        let map = map(self.map.take(), lanes, &specimens, protection);
        self.map = Some(Arc::clone(&map));
        self.open = Some(Open::new(Head {
            map,
            lock: lock.map(Arc::new),
            ..head.clone()
        }));
    }

    /// Begins the stream, at first and after a discontinuity.
    fn begin_anew(&mut self, head: &Head) {
        self.lane.adopt();
        self.lane.await_first(self.lane.ticks(head.presented));
        self.waiting.retain(head.heard(head.start.ticks).nanos());
    }
}
