//! How fast a channel is fed, second by second, and whether that is too fast.

use std::time::{Duration, Instant};

const SECOND: Duration = Duration::from_secs(1);

/// Bytes within the present second.
#[derive(Debug, Default)]
pub(super) struct Meter {
    since: Option<Instant>,
    bytes: u64,
}

impl Meter {
    /// Counts `bytes` at `now`; gives the bit rate of a second that is over.
    pub(super) fn count(&mut self, bytes: usize, now: Instant) -> Option<u64> {
        let since = *self.since.get_or_insert(now);
        let elapsed = now.saturating_duration_since(since);
        let over = (elapsed >= SECOND).then(|| {
            let bits = std::mem::take(&mut self.bytes) as f64 * 8.0;
            self.since = Some(now);
            (bits / elapsed.as_secs_f64()) as u64
        });
        self.bytes += bytes as u64;
        over
    }

    /// Whether the present second has had more than `most_bits` at `now` already.
    pub(super) fn is_flooded(&self, most_bits: u64, now: Instant) -> bool {
        let is_over = |since| now.saturating_duration_since(since) >= SECOND;
        self.bytes.saturating_mul(8) > most_bits && !self.since.is_none_or(is_over)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Clock;

    #[test]
    fn seconds_are_measured_and_bounded() {
        let start = Clock::start().started();
        let mut meter = Meter::default();
        assert_eq!(meter.count(1000, start), None);
        assert!(!meter.is_flooded(8000, start));
        assert_eq!(meter.count(1, start + SECOND / 2), None);
        assert!(meter.is_flooded(8000, start + SECOND / 2));
        assert!(!meter.is_flooded(8000, start + SECOND));
        assert_eq!(meter.count(1, start + 2 * SECOND), Some(4004));
    }
}
