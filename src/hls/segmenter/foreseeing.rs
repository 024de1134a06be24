//! Segments that end before the key frame has come that is to begin the next one.
//!
//! Only the next picture tells that a segment is over, so that its last part would always wait for
//! that. Where key frames come regularly, nobody need wait.

use std::time::{Duration, SystemTime};

use super::Segmenter;
use super::beginning::date;
use crate::codec::Kind;
use crate::hls::units::Unit;

impl Segmenter {
    /// Ends the segment at `next`, where the next picture is decoded, if a key frame is due there
    /// that ends it. If another picture comes instead, the next segment begins without a key frame.
    pub(super) fn end_if_foreseen(&mut self, next: i64) {
        let (Some(lane), Some(open)) = (self.lanes.first(), &self.open) else {
            return;
        };
        let Some(step) = lane.step().filter(|_| lane.kind == Kind::Video) else {
            return;
        };
        let elapsed = self.elapsed(next);
        let is_due = self
            .target
            .expects_key_at(self.nanos(next), self.nanos(step) / 2);
        let ends = match self.line_ahead() {
            Some(line) => self.ends_at_line(next, line),
            None => self.target.ends_at_key(elapsed),
        };
        if is_due && ends && !self.needs_map() {
            let date = open.head.date + Duration::from_nanos(elapsed.unsigned_abs());
            self.end_part(next);
            self.end_segment();
            self.begin_segment(date, false);
        }
    }

    /// Gives a segment that has nothing yet the date of `unit`, which begins it.
    pub(super) fn date_segment(&mut self, unit: &Unit, now: SystemTime) {
        let has_samples = self
            .lanes
            .first()
            .is_some_and(|lane| !lane.samples.is_empty());
        if let Some(open) = self.open.as_mut().filter(|_| !has_samples) {
            open.set_date(date(unit, now));
        }
    }
}
