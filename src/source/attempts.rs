//! When a source is tried again, and what is worth telling of its failures.
//!
//! Sans-IO: time and chance come in with the calls.

use std::time::{Duration, Instant};

use crate::base::backoff::Backoff;

/// A source that fed its channel for so long is tried again soon.
const STEADY: Duration = Duration::from_secs(10);

/// A failure with the same reason is told again after this time.
const REPEAT: Duration = Duration::from_secs(300);

/// The attempts of one source.
#[derive(Debug)]
pub(super) struct Attempts {
    backoff: Backoff,
    told: Option<Told>,
}

/// The failure that was told last.
#[derive(Debug)]
struct Told {
    reason: String,
    at: Instant,
    untold: u64,
}

/// What follows from a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    /// How long to wait before the next attempt.
    pub(super) wait: Duration,
    /// How often the reason came since it was told last; `None` when it is not to be told now.
    pub(super) tell: Option<u64>,
}

impl Attempts {
    pub(super) fn new(first: Duration, longest: Duration) -> Self {
        Self {
            backoff: Backoff::new(first, longest),
            told: None,
        }
    }

    /// An attempt failed for `reason` after it had fed the channel for `lived`.
    pub(super) fn failed(
        &mut self,
        reason: &str,
        lived: Duration,
        now: Instant,
        chance: f64,
    ) -> Verdict {
        if lived >= STEADY {
            self.backoff.reset();
            self.told = None;
        }
        Verdict {
            wait: self.backoff.wait(chance),
            tell: self.tell(reason, now),
        }
    }

    /// Begins anew, as after a stop that was wanted.
    pub(super) fn reset(&mut self) {
        self.backoff.reset();
        self.told = None;
    }

    fn tell(&mut self, reason: &str, now: Instant) -> Option<u64> {
        let mut repeats = 0;
        if let Some(told) = &mut self.told
            && is_like(&told.reason, reason)
        {
            told.untold += 1;
            if now.saturating_duration_since(told.at) < REPEAT {
                return None;
            }
            repeats = told.untold;
        }
        self.told = Some(Told {
            reason: reason.to_owned(),
            at: now,
            untold: 0,
        });
        Some(repeats)
    }
}

/// Whether two reasons differ at most in numbers, such as those of packets.
fn is_like(one: &str, other: &str) -> bool {
    let words = |text: &'_ str| text.replace(|character: char| character.is_ascii_digit(), "");
    one == other || words(one) == words(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn attempts() -> Attempts {
        Attempts::new(SECOND, 60 * SECOND)
    }

    #[test]
    fn waits_grow_until_an_attempt_was_steady() {
        let (mut attempts, now) = (attempts(), crate::base::clock::Clock::start().now());
        let mut wait = |lived: u64| {
            attempts
                .failed("x", Duration::from_secs(lived), now, 0.0)
                .wait
                .as_secs()
        };
        assert_eq!([wait(0), wait(0), wait(3), wait(0)], [1, 2, 4, 8]);
        assert_eq!([wait(10), wait(0)], [1, 2]);
    }

    #[test]
    fn a_reason_is_told_once_and_then_rarely() {
        let (mut attempts, start) = (attempts(), crate::base::clock::Clock::start().now());
        let mut tell = |reason: &str, at: u64| {
            let now = start + Duration::from_secs(at);
            attempts.failed(reason, Duration::ZERO, now, 0.0).tell
        };
        assert_eq!(tell("refused", 0), Some(0));
        assert_eq!(tell("refused", 1), None);
        assert_eq!(tell("refused", 299), None);
        assert_eq!(tell("refused", 300), Some(3));
        assert_eq!(tell("silent", 301), Some(0));
        assert_eq!(tell("refused", 302), Some(0));
    }

    #[test]
    fn numbers_make_no_other_reason() {
        assert!(is_like(
            "wrong after 17 packets",
            "wrong after 1400 packets"
        ));
        assert!(!is_like(
            "wrong after 17 packets",
            "wrong before 17 packets"
        ));
    }

    #[test]
    fn a_failure_after_steady_service_is_told_again() {
        let (mut attempts, now) = (attempts(), crate::base::clock::Clock::start().now());
        assert_eq!(attempts.failed("x", Duration::ZERO, now, 0.0).tell, Some(0));
        assert_eq!(attempts.failed("x", 20 * SECOND, now, 0.0).tell, Some(0));
        attempts.reset();
        assert_eq!(attempts.failed("x", Duration::ZERO, now, 0.0).wait, SECOND);
    }
}
