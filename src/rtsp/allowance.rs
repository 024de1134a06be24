//! How fast one connection may ask: a client that floods the server with requests waits for itself alone.

use std::time::{Duration, Instant};

/// One request a millisecond, far above what any client needs.
const INTERVAL: Duration = Duration::from_millis(1);

/// How many requests may come at once.
const AT_ONCE: u32 = 100;

/// The allowance of one connection. Sans-IO.
#[derive(Debug)]
pub(super) struct Allowance {
    /// When the last request would have come, had they come evenly.
    even: Instant,
}

impl Allowance {
    /// The full allowance.
    pub(super) fn new(now: Instant) -> Self {
        Self { even: now }
    }

    /// Counts a request; how long it has to wait before it is answered.
    pub(super) fn take(&mut self, now: Instant) -> Duration {
        self.even = self.even.max(now) + INTERVAL;
        self.even
            .saturating_duration_since(now + INTERVAL * AT_ONCE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Clock;

    #[test]
    fn a_flood_is_spread_and_a_dialogue_is_not() {
        let start = Clock::start().started();
        let mut allowance = Allowance::new(start);
        let waits: Vec<_> = (0..300).map(|_| allowance.take(start)).collect();
        assert!(waits[..100].iter().all(Duration::is_zero));
        assert_eq!(waits[299], Duration::from_millis(200));
        let later = start + Duration::from_secs(1);
        assert_eq!(allowance.take(later), Duration::ZERO);
    }
}
