//! The time between samples, also where there are none: parts of nothing fill it.

use std::time::Duration;

use super::Segmenter;
use crate::base::media_time::MediaTime;
use crate::codec::Kind;

impl Segmenter {
    /// The last sample of the first lane lasts until `at`, where the next is decoded, as far as its
    /// part and its segment may last. If that is far off, parts fill the time between.
    pub(super) fn settle(&mut self, at: i64) {
        let longest = self.target.longest();
        let (Some(lane), Some(open)) = (self.lanes.first_mut(), &self.open) else {
            return;
        };
        let next = lane.next.unwrap_or(at);
        let at = match lane.kind {
            Kind::Video => at,
            _ if lane.is_hole(at.saturating_sub(next)) => at,
            _ => next,
        };
        let part_limit = open.part_start + self.part_target.ticks(lane.timescale);
        let longest = MediaTime::from_nanos(longest, lane.timescale).ticks;
        let limit = part_limit.min(open.head.start.ticks.saturating_add(longest));
        if !lane.samples.is_empty() {
            lane.settle(at.min(limit));
            let next = lane.next.unwrap_or(at);
            if next >= limit || self.is_enough(next) {
                self.end_part(next);
            }
        }
        self.fill(at);
    }

    /// Goes on without the first lane as far as whole parts go until `at`.
    fn fill(&mut self, at: i64) {
        while let (Some(lane), Some(open)) = (self.lanes.first(), &self.open) {
            let start = open.part_start;
            let (rate, least) = (lane.timescale, self.part_target.least(lane.timescale));
            if !lane.samples.is_empty() || at.saturating_sub(start) < least {
                break;
            }
            let end = at.min(start + self.part_target.ticks(rate));
            let is_over = self.line_ahead().is_some_and(|line| line <= start);
            let is_over = is_over && start > open.head.start.ticks;
            if is_over || self.target.is_exceeded_by(self.elapsed(end)) {
                let date = open.head.date + Duration::from_nanos(self.elapsed(start) as u64);
                self.end_segment();
                self.begin_segment(date, false);
            }
            let end = self.until_line(start, end);
            self.end_part(end);
            if let Some(lane) = self.lanes.first_mut() {
                lane.next = Some(end);
            }
        }
    }
}
