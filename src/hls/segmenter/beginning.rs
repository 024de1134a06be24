//! How the stream begins, at first and anew, and how each segment does.

use std::sync::Arc;
use std::time::SystemTime;

use super::{MAX_PATIENCE, Segmenter};
use crate::base::media_time::MediaTime;
use crate::hls::lane::Lane;
use crate::hls::lock::Lock;
use crate::hls::map::map;
use crate::hls::open::Open;
use crate::hls::part::Head;
use crate::hls::units::Unit;

impl Segmenter {
    /// Begins anew with a key frame: with the formats that were offered, and where the timeline ended.
    pub(super) fn begin(&mut self, unit: &Unit, now: SystemTime) {
        if let Some(next) = self.next() {
            self.end_part(next);
            self.end_segment();
        }
        self.lanes.iter_mut().for_each(Lane::adopt);
        let seen = unit.pts.nanos();
        self.waiting.retain(seen..seen.saturating_add(MAX_PATIENCE));
        let Some(lane) = self.lanes.first_mut() else {
            return;
        };
        let (decoded, start) = (lane.ticks(unit.dts), lane.ticks(self.end));
        let was_late = decoded.saturating_add(self.shift) < start && self.has_history;
        if was_late && !unit.discontinuity {
            self.patience = (2 * self.patience).min(MAX_PATIENCE);
        }
        self.shift = start.saturating_sub(decoded);
        let presented = lane.ticks(unit.pts).saturating_add(self.shift);
        self.delay = presented.saturating_sub(start);
        self.begun = presented;
        lane.interrupt(Some(start));
        lane.learn(start, unit);
        self.part_target.learn(lane);
        if let Some(follower) = self.lanes.get_mut(1) {
            follower.interrupt(None);
        }
        self.target.forget_key();
        let time = self.nanos(start);
        self.target.saw_key(time);
        self.is_broken = false;
        let heard = self.waiting.front().map(|unit| unit.data.clone());
        self.specimens = [unit.data.clone(), heard.unwrap_or_default()];
        self.begin_segment(date(unit, now), self.has_history);
        self.append(unit);
    }

    pub(super) fn begin_segment(&mut self, date: SystemTime, discontinuity: bool) {
        let Some(lane) = self.lanes.first() else {
            return;
        };
        let lock = self.keys.as_ref().map(|keys| keys.lock(self.sequence));
        let protection = lock.as_ref().and_then(Lock::protection);
        let map = map(self.map.take(), &self.lanes, &self.specimens, protection);
        self.map = Some(Arc::clone(&map));
        let start = lane.next.unwrap_or_default();
        self.discontinuity_sequence += u64::from(discontinuity);
        self.has_history = true;
        self.open = Some(Open::new(Head {
            sequence: self.sequence,
            discontinuity_sequence: self.discontinuity_sequence,
            discontinuity,
            start: MediaTime::new(start, lane.timescale),
            date,
            map,
            lock: lock.map(Arc::new),
        }));
        self.sequence += 1;
    }
}

/// When a unit was captured; when it arrived, where nobody knows.
pub(super) fn date(unit: &Unit, now: SystemTime) -> SystemTime {
    unit.wall.map_or(now, |wall| wall.wall())
}
