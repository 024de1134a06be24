//! The longest that a part may be, and where parts of pictures end.
//!
//! Segments are mostly whole seconds long, so parts end with the pictures next to the multiples of what is configured: the
//! last part of a segment is as long as the others then, and is there with its last picture, though nobody knows
//! yet that a key frame follows.

use std::ops::Range;
use std::time::Duration;

use super::lane::Lane;
use super::target::nanos;
use crate::base::media_time::MediaTime;
use crate::codec::Kind;

/// How long parts may be.
#[derive(Debug)]
pub(super) struct PartTarget {
    /// The longest.
    pub(super) nanos: i64,
    configured: i64,
    is_fixed: bool,
}

impl PartTarget {
    pub(super) fn new(configured: Duration) -> Self {
        let configured = nanos(configured).clamp(SHORTEST_PART, LONGEST_PART);
        Self {
            nanos: configured,
            configured,
            is_fixed: false,
        }
    }

    /// Once the distance of samples is known: parts may last until the sample is over in which
    /// they would be too long, of pictures always, and of sound if one sample less is not enough.
    pub(super) fn learn(&mut self, lane: &Lane) {
        let Some(step) = lane.step().filter(|_| !self.is_fixed) else {
            return;
        };
        self.is_fixed = true;
        let limit = self.ticks(lane.timescale);
        let fitting = limit / step * step;
        // Times may be rounded, so that pictures seem to come faster than they do.
        let is_next_to = lane.kind != Kind::Video || limit - fitting <= step / 4;
        if !is_next_to || fitting < self.least(lane.timescale) {
            let longer = fitting.saturating_add(step);
            self.nanos = MediaTime::new(longer, lane.timescale).nanos() + 1;
        }
    }

    /// In whole ticks.
    pub(super) fn ticks(&self, rate: u32) -> i64 {
        ticks(self.nanos, rate)
    }

    /// How long a part must be that is not the last of its segment: 85 % (rfc8216bis, 4.4.4.9).
    pub(super) fn least(&self, rate: u32) -> i64 {
        (self.ticks(rate) * 85 + 99) / 100
    }

    /// Whether samples of `lane` that fill this `span` are a part, in ticks since their segment began.
    pub(super) fn is_reached(&self, span: Range<i64>, lane: &Lane) -> bool {
        let length = span.end.saturating_sub(span.start);
        let Some(step) = lane.step().filter(|_| length >= self.least(lane.timescale)) else {
            return false;
        };
        let fits_no_more = length.saturating_add(step) > self.ticks(lane.timescale);
        let past = span.end.saturating_add(step / 2) % ticks(self.configured, lane.timescale);
        lane.kind != Kind::Video || fits_no_more || past < step
    }
}

fn ticks(nanos: i64, rate: u32) -> i64 {
    let ticks = i128::from(nanos) * i128::from(rate) / 1_000_000_000;
    (ticks as i64).max(1)
}

const SHORTEST_PART: i64 = 100_000_000;
const LONGEST_PART: i64 = 5_000_000_000;
