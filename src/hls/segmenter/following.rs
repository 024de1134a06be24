//! The track that joins the one that leads: its units wait for their time, and are never waited for.

use super::{MAX_HOLE, MAX_PART, MAX_SAMPLES, Segmenter};
use crate::base::media_time::MediaTime;
use crate::hls::units::Unit;

impl Segmenter {
    pub(super) fn push_following(&mut self, unit: &Unit) {
        let Some(lane) = self.lanes.get(1) else {
            return;
        };
        // What is in a new format waits for its map by being left out.
        if !lane.is_known() || lane.has_offer() && self.open.is_some() {
            return;
        }
        self.waiting.push(unit.clone());
        self.go_on_alone(unit);
    }

    /// Ends parts without waiting for the first lane any longer, when `unit` is far ahead of it.
    fn go_on_alone(&mut self, unit: &Unit) {
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

    /// Moves what waits and is heard before `end` into the part under way.
    pub(super) fn gather(&mut self, end: i64) {
        while let (Some(unit), [first, second]) = (self.waiting.front(), &mut self.lanes[..]) {
            let heard = first.ticks(unit.pts).saturating_add(self.shift);
            if heard >= end.saturating_add(self.delay) {
                break;
            }
            let shift = MediaTime::new(self.shift, first.timescale);
            let shift = shift.at_rate(second.timescale).ticks;
            let at = second.ticks(unit.pts).saturating_add(shift);
            let has_room = second.bytes < MAX_PART && second.samples.len() < MAX_SAMPLES;
            if has_room && heard >= self.begun {
                second.follow(unit, at);
            }
            self.waiting.pop();
        }
    }
}
