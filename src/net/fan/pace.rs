//! How fast a member catches up. Pure: bytes and instants in, instants out.

use std::time::{Duration, Instant};

/// Over UDP a member catches up at this multiple of the channel's bit rate.
const UDP_MULTIPLE: u64 = 4;

/// The bit rate of a channel that does not know its own yet.
const ASSUMED: u64 = 2_000_000;

/// What the timer may have been late may be made up for.
const SLACK: Duration = Duration::from_millis(5);

/// Spreads bytes over time: what was sent pushes the next sending back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pace {
    bytes_per_second: u64,
    due: Instant,
}

impl Pace {
    /// The pace of a member over UDP (`datagrams`) or TCP; `None` for as fast
    /// as it takes. `limit` and the channel's own rate are in bits a second, 0
    /// for none and not known.
    pub(super) fn of(datagrams: bool, limit: u64, channel: u64, now: Instant) -> Option<Self> {
        let channel = if channel == 0 { ASSUMED } else { channel };
        let chosen = match (datagrams, limit) {
            (false, 0) => return None,
            (true, 0) => channel.saturating_mul(UDP_MULTIPLE),
            (true, limit) => limit.min(channel.saturating_mul(UDP_MULTIPLE)),
            (false, limit) => limit,
        };
        // Slower than this it would never catch up.
        let least = channel.saturating_add(channel / 2);
        Some(Self {
            bytes_per_second: chosen.max(least) / 8 + 1,
            due: now,
        })
    }

    /// When the next burst may leave.
    pub(super) fn due(&self) -> Instant {
        self.due
    }

    /// Notes that `bytes` left `now`.
    pub(super) fn spend(&mut self, bytes: usize, now: Instant) {
        let from = now
            .checked_sub(SLACK)
            .map_or(now, |past| past.max(self.due));
        let micros = (bytes as u64).saturating_mul(1_000_000) / self.bytes_per_second;
        self.due = from + Duration::from_micros(micros);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Clock;

    const MILLISECOND: Duration = Duration::from_millis(1);

    /// Milliseconds until `bytes` in bursts of `burst` have left, when somebody looks every millisecond.
    fn takes(mut pace: Pace, start: Instant, bytes: usize, burst: usize) -> u32 {
        let (mut left, mut millis) = (0, 0);
        loop {
            let now = start + millis * MILLISECOND;
            while pace.due() <= now {
                left += burst;
                pace.spend(burst, now);
                if left >= bytes {
                    return millis;
                }
            }
            millis += 1;
        }
    }

    #[test]
    fn udp_catches_up_at_four_times_the_bit_rate_or_the_limit() {
        let start = Clock::start().started();
        let pace = |limit| Pace::of(true, limit, 1_000_000, start).unwrap();
        let second = |pace| takes(pace, start, 125_000, 5_000);
        assert!(
            (235..=250).contains(&second(pace(0))),
            "{}",
            second(pace(0))
        );
        assert!((470..=500).contains(&second(pace(2_000_000))));
        assert_eq!(second(pace(8_000_000)), second(pace(0)));
    }

    #[test]
    fn a_limit_below_the_bit_rate_still_lets_readers_catch_up() {
        let start = Clock::start().started();
        let pace = Pace::of(false, 10_000, 1_000_000, start).unwrap();
        assert!((630..=667).contains(&takes(pace, start, 125_000, 5_000)));
    }

    #[test]
    fn tcp_without_a_limit_is_not_paced() {
        let start = Clock::start().started();
        assert_eq!(Pace::of(false, 0, 1_000_000, start), None);
        assert!(Pace::of(false, 8_000_000, 1_000_000, start).is_some());
    }

    #[test]
    fn a_large_burst_is_paid_for_afterwards() {
        let start = Clock::start().started();
        let mut pace = Pace::of(true, 0, 0, start).unwrap();
        pace.spend(1_000_000, start);
        let wait = pace.due() - start;
        assert!((990..=1000).contains(&wait.as_millis()), "{wait:?}");
    }
}
