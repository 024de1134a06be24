//! The longest that a part may be, and the shortest.

use std::time::Duration;

use super::lane::Lane;
use super::target::nanos;
use crate::base::media_time::MediaTime;

/// How long parts may be.
#[derive(Debug)]
pub(super) struct PartTarget {
    pub(super) nanos: i64,
    is_fixed: bool,
}

impl PartTarget {
    pub(super) fn new(configured: Duration) -> Self {
        Self {
            nanos: nanos(configured).clamp(SHORTEST_PART, LONGEST_PART),
            is_fixed: false,
        }
    }

    /// Once the distance of samples is known: if no number of them is long enough and not too
    /// long, parts may be longer.
    pub(super) fn learn(&mut self, lane: &Lane) {
        let Some(step) = lane.step().filter(|_| !self.is_fixed) else {
            return;
        };
        self.is_fixed = true;
        let limit = self.ticks(lane.timescale);
        if limit / step * step < self.least(lane.timescale) {
            let longer = (limit + step - 1) / step * step;
            self.nanos = MediaTime::new(longer, lane.timescale).nanos() + 1;
        }
    }

    /// In whole ticks.
    pub(super) fn ticks(&self, rate: u32) -> i64 {
        let ticks = i128::from(self.nanos) * i128::from(rate) / 1_000_000_000;
        (ticks as i64).max(1)
    }

    /// How long a part must be that is not the last of its segment: 85 % (rfc8216bis, 4.4.4.9).
    pub(super) fn least(&self, rate: u32) -> i64 {
        (self.ticks(rate) * 85 + 99) / 100
    }
}

const SHORTEST_PART: i64 = 100_000_000;
const LONGEST_PART: i64 = 5_000_000_000;
