//! Holding back what is read faster than it is to be played. Sans-IO.
//!
//! Live encoders pace by themselves, and their clocks are never quite right: what
//! is a little fast must not be held back for ever. Files are as fast as the disk.

use std::time::{Duration, Instant};

/// How far media may run ahead, which is also how much a receiver may have to buffer.
const LEAD: Duration = Duration::from_secs(1);

/// What media gain or lose at once is another timeline, not a lead.
const LEAP: i64 = 10_000_000_000;

/// Encoders' clocks are off by no more than one part in so many.
const TOLERANCE: i64 = 5000;

/// How far media have run ahead of the time in which they are played.
#[derive(Debug, Default)]
pub(super) struct Pace {
    anchor: Option<Anchor>,
    /// Nanoseconds by which the media were ahead when they came.
    ahead: i64,
    at: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Anchor {
    at: Instant,
    nanos: i64,
}

impl Pace {
    /// Media of the time `nanos` have been read at `now`.
    pub(super) fn read(&mut self, nanos: i64, now: Instant) {
        let anchor = *self.anchor.get_or_insert(Anchor { at: now, nanos });
        let elapsed = now.saturating_duration_since(anchor.at).as_nanos();
        let elapsed = i64::try_from(elapsed).unwrap_or(i64::MAX);
        let wall = elapsed.saturating_add(elapsed / TOLERANCE);
        let ahead = nanos.saturating_sub(anchor.nanos).saturating_sub(wall);
        let leapt = ahead.saturating_sub(self.ahead).unsigned_abs() > LEAP.unsigned_abs();
        if leapt || ahead < -LEAP {
            self.anchor = Some(Anchor { at: now, nanos });
        }
        self.ahead = if leapt || ahead < -LEAP { 0 } else { ahead };
        self.at = Some(now);
    }

    /// When to read on.
    pub(super) fn resume_at(&self) -> Option<Instant> {
        let lead = u64::try_from(self.ahead).unwrap_or(0);
        let wait = Duration::from_nanos(lead).checked_sub(LEAD)?;
        self.at?.checked_add(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Clock;

    const SECOND: i64 = 1_000_000_000;

    /// Reads media of `seconds` as fast as it is let; returns how long that took.
    fn read_all(pace: &mut Pace, start: Instant, seconds: i64) -> Duration {
        let mut now = start;
        for tenth in 0..10 * seconds {
            pace.read(tenth * SECOND / 10, now);
            now = pace.resume_at().unwrap_or(now).max(now);
        }
        now - start
    }

    #[test]
    fn a_file_takes_as_long_as_it_plays() {
        let start = Clock::start().started();
        let took = read_all(&mut Pace::default(), start, 60).as_secs_f64();
        assert!((58.5..59.5).contains(&took), "{took}");
    }

    #[test]
    fn an_encoder_with_a_fast_clock_is_never_held_back() {
        let start = Clock::start().started();
        let mut pace = Pace::default();
        // A day, 100 parts in a million too fast.
        for second in 0..86_400 {
            let now = start + Duration::from_secs(second);
            pace.read(second as i64 * (SECOND + 100_000), now);
            assert!(
                pace.resume_at().is_none_or(|resume| resume <= now),
                "{second}"
            );
        }
    }

    #[test]
    fn what_was_late_may_catch_up_and_leaps_begin_anew() {
        let start = Clock::start().started();
        let mut pace = Pace::default();
        pace.read(0, start);
        let later = start + Duration::from_secs(5);
        for second in 1..5 {
            pace.read(second * SECOND, later);
            assert_eq!(pace.resume_at(), None);
        }
        for leap in [1_000_000, -7, 95_443] {
            pace.read(leap * SECOND, later);
            assert_eq!(pace.resume_at(), None, "{leap}");
        }
    }
}
