//! Units of sound whose time has not come.

use std::collections::VecDeque;
use std::ops::Range;

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

    /// Forgets what is presented outside of `span`, in nanoseconds of the units' time.
    pub(super) fn retain(&mut self, span: Range<i64>) {
        self.units.retain(|unit| span.contains(&unit.pts.nanos()));
        self.bytes = self.units.iter().map(|unit| unit.data.len()).sum();
    }
}
