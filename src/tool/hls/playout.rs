//! What a viewer sees of what arrives: a buffer that playing empties. Pure.

use std::time::{Duration, Instant};

/// The buffer of one player, from its first piece on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Playout {
    /// It begins to play with so much in the buffer.
    enough: Duration,
    /// All that has arrived.
    arrived: Duration,
    began: Option<Instant>,
    /// For how long it has stood still since.
    stalled: Duration,
    stalls: u64,
}

impl Playout {
    pub(super) fn new(enough: Duration) -> Self {
        Self {
            enough,
            arrived: Duration::ZERO,
            began: None,
            stalled: Duration::ZERO,
            stalls: 0,
        }
    }

    /// Media that lasts for `length` is there at `now`. Whoever stands still goes on with it.
    pub(super) fn arrive(&mut self, length: Duration, now: Instant) {
        self.settle(now);
        self.arrived += length;
        if self.began.is_none() && self.arrived >= self.enough {
            self.began = Some(now);
        }
    }

    /// Notes a stall that lasts at `now`.
    pub(super) fn settle(&mut self, now: Instant) {
        let missing = self.position(now).saturating_sub(self.arrived);
        if missing > Duration::ZERO {
            self.stalls += 1;
            self.stalled += missing;
        }
    }

    /// When it began to play.
    pub(super) fn began(&self) -> Option<Instant> {
        self.began
    }

    /// How often, and for how long, it stood still.
    pub(super) fn stalls(&self) -> (u64, Duration) {
        (self.stalls, self.stalled)
    }

    /// How much it would have played by `now` if nothing is missing.
    fn position(&self, now: Instant) -> Duration {
        let since = |began| now.saturating_duration_since(began);
        self.began
            .map_or(Duration::ZERO, since)
            .saturating_sub(self.stalled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Clock;

    const HALF: Duration = Duration::from_millis(500);

    /// Half a second arrives at each of these times, in milliseconds.
    fn played(times: &[u64]) -> Playout {
        let start = Clock::start().started();
        let mut playout = Playout::new(3 * HALF);
        for millis in times {
            playout.arrive(HALF, start + Duration::from_millis(*millis));
        }
        playout
    }

    #[test]
    fn nothing_is_missing_while_the_buffer_lasts() {
        let playout = played(&[0, 10, 20, 900, 1100, 2500]);
        assert_eq!(playout.stalls(), (0, Duration::ZERO));
        assert_eq!(played(&[0, 10]).began(), None);
    }

    #[test]
    fn a_late_piece_is_a_stall_that_is_counted_once() {
        // Playing begins at 20 ms with 1.5 s.
        let late = played(&[0, 10, 20, 1620, 2000]);
        assert_eq!(late.stalls(), (1, Duration::from_millis(100)));
        let twice = played(&[0, 10, 20, 1620, 2220]);
        assert_eq!(twice.stalls(), (2, Duration::from_millis(200)));
    }

    #[test]
    fn a_stall_that_goes_on_at_the_end_counts() {
        let mut playout = played(&[0, 10, 20]);
        let end = playout.began().unwrap() + Duration::from_secs(2);
        playout.settle(end);
        assert_eq!(playout.stalls(), (1, HALF));
    }
}
