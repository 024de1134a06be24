//! How long to wait before trying again: longer after each failure, up to a bound, and never in step with others.
//!
//! What is tried, and what counts as success, is the caller's.

use std::time::Duration;

/// The waits between attempts that fail one after the other.
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Backoff {
    /// Waits of about `first`, then twice as long each time, until they are about `longest`.
    pub fn new(first: Duration, longest: Duration) -> Self {
        Self {
            first,
            longest,
            next: first.min(longest),
        }
    }

    /// The wait after one more failure.
    ///
    /// `chance`, between 0 and 1, takes up to half of the wait away, so that many
    /// who lost the same peer do not come back to it at the same moment.
    pub fn wait(&mut self, chance: f64) -> Duration {
        let wait = self.next;
        self.next = wait.saturating_mul(2).min(self.longest);
        wait.mul_f64(1.0 - chance.clamp(0.0, 1.0) / 2.0)
    }

    /// Begins with the first wait again, after a success.
    pub fn reset(&mut self) {
        self.next = self.first.min(self.longest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn waits_double_up_to_the_longest() {
        let mut backoff = Backoff::new(SECOND, 5 * SECOND);
        let waits: Vec<_> = (0..4).map(|_| backoff.wait(0.0).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 5]);
        backoff.reset();
        assert_eq!(backoff.wait(0.0), SECOND);
    }

    #[test]
    fn chance_takes_at_most_half() {
        let mut backoff = Backoff::new(SECOND, SECOND);
        assert_eq!(backoff.wait(1.0), SECOND / 2);
        assert_eq!(backoff.wait(0.5), 3 * SECOND / 4);
        assert_eq!(backoff.wait(7.0), SECOND / 2);
    }

    #[test]
    fn a_first_wait_above_the_longest_is_cut() {
        let mut backoff = Backoff::new(9 * SECOND, 2 * SECOND);
        assert_eq!(backoff.wait(0.0), 2 * SECOND);
    }
}
