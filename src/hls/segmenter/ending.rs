//! How parts and segments end.

use super::{Cut, Segmenter};
use crate::base::media_time::MediaTime;

impl Segmenter {
    /// Ends the part under way, and with it the samples until `end`, in ticks of the first lane.
    pub(super) fn end_part(&mut self, end: i64) {
        let Some(open) = &mut self.open else {
            return;
        };
        if let Some(follower) = self.lanes.get_mut(1) {
            self.waiting.give(follower, &open.head, end);
        }
        if let Some(part) = open.end_part(&mut self.lanes, &mut self.titles, end) {
            if let Some(grid) = self.grid.as_ref().filter(|_| !part.gap) {
                let end = part.start.ticks.saturating_add(part.duration.ticks);
                let end = MediaTime::new(end.saturating_add(self.delay), part.start.rate);
                grid.advance(end.nanos());
            }
            self.cuts.push_back(Cut::Part(part));
        }
    }

    /// Ends the segment under way with what is there of it.
    pub(super) fn close(&mut self) {
        if let Some(next) = self.next() {
            self.end_part(next);
            self.end_segment();
        }
    }

    /// Ends the segment under way, whose parts have ended; one that has none has never been.
    pub(super) fn end_segment(&mut self) {
        let Some(open) = self.open.take() else {
            return;
        };
        if let Some(lane) = self.lanes.first() {
            self.end = MediaTime::new(open.part_start, lane.timescale);
        }
        if open.is_empty() {
            self.sequence -= 1;
            return;
        }
        let segment = open.end();
        self.target.ended(segment.duration.nanos());
        self.cuts.push_back(Cut::Segment(segment));
    }
}
