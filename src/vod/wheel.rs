//! A timer wheel: many deadlines, one timer. Sans-IO.

use std::time::{Duration, Instant};

/// How finely deadlines are told apart.
pub(super) const TICK: Duration = Duration::from_millis(5);

const SLOTS: usize = 1024;

/// Entries that are due at some tick. An entry farther away than the wheel
/// reaches (5.12 s) comes out early, at its end; its owner puts it in again.
#[derive(Debug)]
pub(super) struct Wheel<T> {
    slots: Vec<Vec<T>>,
    /// When tick 0 began.
    origin: Instant,
    /// The next tick to hand out.
    next: u64,
    count: usize,
}

impl<T> Wheel<T> {
    /// An empty wheel.
    pub(super) fn new(now: Instant) -> Self {
        let slots = std::iter::repeat_with(Vec::new).take(SLOTS).collect();
        Self {
            slots,
            origin: now,
            next: 0,
            count: 0,
        }
    }

    /// Puts an entry in, to come out at the first tick at or after `at`.
    pub(super) fn insert(&mut self, at: Instant, entry: T) {
        let tick = self
            .tick_after(at)
            .clamp(self.next, self.next + SLOTS as u64 - 1);
        self.slots[tick as usize % SLOTS].push(entry);
        self.count += 1;
    }

    /// When the next entry comes out; `None` while the wheel is empty.
    pub(super) fn deadline(&self) -> Option<Instant> {
        if self.count == 0 {
            return None;
        }
        let occupied = |tick: &u64| !self.slots[*tick as usize % SLOTS].is_empty();
        let tick = (self.next..self.next + SLOTS as u64).find(occupied)?;
        Some(self.origin + Duration::from_nanos(TICK.as_nanos() as u64 * tick))
    }

    /// Moves every entry that is due at `now` to `due`.
    pub(super) fn advance(&mut self, now: Instant, due: &mut Vec<T>) {
        let current =
            (now.saturating_duration_since(self.origin).as_nanos() / TICK.as_nanos()) as u64;
        // After a long sleep one turn empties the whole wheel.
        let last = current.min(self.next + SLOTS as u64 - 1);
        for tick in self.next..=last {
            let slot = &mut self.slots[tick as usize % SLOTS];
            self.count -= slot.len();
            due.append(slot);
        }
        self.next = self.next.max(current + 1);
        if self.count == 0 {
            self.rewind(now);
        }
    }

    /// Starts counting anew, so that ticks stay small however long the server runs.
    fn rewind(&mut self, now: Instant) {
        self.origin = now;
        self.next = 0;
    }

    fn tick_after(&self, at: Instant) -> u64 {
        at.saturating_duration_since(self.origin)
            .as_nanos()
            .div_ceil(TICK.as_nanos()) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drained(wheel: &mut Wheel<u32>, now: Instant) -> Vec<u32> {
        let mut due = Vec::new();
        wheel.advance(now, &mut due);
        due
    }

    #[test]
    fn entries_come_out_at_their_tick_and_not_before() {
        let start = crate::base::clock::Clock::start().started();
        let at = |millis| start + Duration::from_millis(millis);
        let mut wheel = Wheel::new(start);
        wheel.insert(at(12), 12);
        wheel.insert(at(3), 3);
        wheel.insert(at(9000), 9000);
        assert_eq!(wheel.deadline(), Some(at(5)));
        assert_eq!(drained(&mut wheel, at(4)), [0; 0]);
        assert_eq!(drained(&mut wheel, at(5)), [3]);
        assert_eq!(wheel.deadline(), Some(at(15)));
        assert_eq!(drained(&mut wheel, at(40)), [12]);
        assert_eq!(drained(&mut wheel, at(5130)), [9000]);
        assert_eq!(wheel.deadline(), None);
    }

    #[test]
    fn a_deadline_that_has_passed_comes_out_next() {
        let start = crate::base::clock::Clock::start().started();
        let mut wheel = Wheel::new(start);
        wheel.insert(start + Duration::from_secs(1), 2);
        assert_eq!(
            drained(&mut wheel, start + Duration::from_millis(500)),
            [0; 0]
        );
        wheel.insert(start, 1);
        assert_eq!(drained(&mut wheel, start + Duration::from_millis(505)), [1]);
        assert_eq!(drained(&mut wheel, start + Duration::from_secs(60)), [2]);
    }
}
