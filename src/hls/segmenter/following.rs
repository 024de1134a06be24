//! The track that joins the one that leads, or stands in for it: its units wait for their time, and are never waited for.

use std::time::{Duration, SystemTime};

use super::{MAX_HOLE, MAX_PATIENCE, Segmenter};
use crate::base::media_time::MediaTime;
use crate::hls::lane::Lane;
use crate::hls::units::Unit;

impl Segmenter {
    pub(super) fn push_following(&mut self, unit: &Unit, now: SystemTime) {
        let Some(lane) = self.lanes.get(1) else {
            return;
        };
        // What is in a new format waits for its map by being left out.
        if !lane.is_known() || lane.has_offer() && self.open.is_some() {
            return;
        }
        self.waiting.push(unit.clone());
        if self.map.is_none() {
            self.begin_alone(unit, now);
        } else {
            self.go_on_alone(unit);
        }
    }

    /// Takes a unit of a track whose segments are made elsewhere. Until something leads, those of the first such
    /// track wait here too.
    pub(super) fn push_apart(&mut self, unit: &Unit, now: SystemTime) {
        let stands_in = |lane: &Lane| lane.track == unit.track && lane.is_known();
        if self.stand_in.as_ref().is_some_and(stands_in) {
            self.waiting.push(unit.clone());
            self.begin_alone(unit, now);
        } else {
            self.go_on_alone(unit);
        }
    }

    /// The track of those whose segments are made elsewhere that leads now, because pictures stay away from the
    /// beginning; it is told once.
    pub fn pull_promoted(&mut self) -> Option<usize> {
        self.promoted.take()
    }

    /// Begins without the first lane when `unit` has waited for it for too long.
    fn begin_alone(&mut self, unit: &Unit, now: SystemTime) {
        let waits = |first: &Unit| unit.pts.nanos().saturating_sub(first.pts.nanos());
        if self.waiting.front().map_or(0, waits) < MAX_PATIENCE {
            return;
        }
        self.absent = Some(self.lanes.remove(0));
        if let Some(lane) = self.stand_in.take() {
            self.apart.retain(|track| *track != lane.track);
            self.promoted = Some(lane.track);
            self.lanes.push(lane);
        }
        while let Some(waited) = self.waiting.pop() {
            let ago = Duration::from_nanos(waits(&waited).unsigned_abs());
            self.push_leading(&waited, now.checked_sub(ago).unwrap_or(now));
        }
    }

    /// Takes the absent track for the first lane again if it can begin with `unit`.
    pub(super) fn welcome(&mut self, unit: &Unit) {
        let can_begin =
            |lane: &mut Lane| lane.track == unit.track && unit.keyframe && lane.is_known();
        if let Some(lane) = self.absent.take_if(can_begin) {
            self.close();
            self.lanes.insert(0, lane);
            self.is_broken = true;
        }
    }

    /// Ends parts without waiting for the first lane any longer, when `unit` is far ahead of it.
    pub(super) fn go_on_alone(&mut self, unit: &Unit) {
        let (Some(lane), Some(_)) = (self.lanes.first(), &self.open) else {
            return;
        };
        let patience = MediaTime::from_nanos(self.patience, lane.timescale).ticks;
        let heard = lane.ticks(unit.pts).saturating_add(self.shift);
        let at = heard.saturating_sub(self.delay).saturating_sub(patience);
        let next = lane.next.unwrap_or(at);
        let ahead = at.saturating_sub(next);
        let rate = lane.timescale;
        let is_leap = ahead > MAX_HOLE as i64 * i64::from(rate);
        if ahead >= self.part_target.least(rate) && !is_leap {
            self.is_broken = true;
            self.settle(at);
        }
    }
}
