//! Units of sound whose time has not come.

use std::collections::VecDeque;

use super::lane::Lane;
use super::part::Head;
use super::segmenter::MAX_PATIENCE;
use super::units::Unit;

/// Units in the order they came, of which the oldest go if there are too many.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    units: VecDeque<Unit>,
    bytes: usize,
}

/// The most units that wait, and the most bytes of them.
const MAX_UNITS: usize = 4096;
const MAX_BYTES: usize = 16 << 20;

/// Sound that begins so long before the pictures may last into them, in nanoseconds.
const LEAD: i64 = 100_000_000;

impl Waiting {
    pub(super) fn push(&mut self, unit: Unit) {
        self.bytes += unit.data.len();
        self.units.push_back(unit);
        while self.units.len() > MAX_UNITS || self.bytes > MAX_BYTES {
            self.pop();
        }
    }

    /// The oldest.
    pub(super) fn front(&self) -> Option<&Unit> {
        self.units.front()
    }

    pub(super) fn pop(&mut self) -> Option<Unit> {
        let unit = self.units.pop_front()?;
        self.bytes -= unit.data.len();
        Some(unit)
    }

    /// Moves what is heard with what leads until that is decoded at `end`, in ticks of the start of
    /// the segment `head`, into the part of `lane` under way.
    pub(super) fn give(&mut self, lane: &mut Lane, head: &Head, end: i64) {
        let end = head.heard(end);
        let shift = lane.ticks(head.shift);
        while let Some(unit) = self.front() {
            if unit.pts.at_rate(end.rate).ticks >= end.ticks {
                break;
            }
            if !lane.is_full() {
                lane.follow(unit, lane.ticks(unit.pts).saturating_add(shift));
            }
            self.pop();
        }
    }

    /// Forgets what is not heard with what begins to be seen at `seen`, in nanoseconds of the units' time.
    pub(super) fn retain(&mut self, seen: i64) {
        let span = seen.saturating_sub(LEAD)..seen.saturating_add(MAX_PATIENCE);
        self.units.retain(|unit| span.contains(&unit.pts.nanos()));
        self.bytes = self.units.iter().map(|unit| unit.data.len()).sum();
    }
}
