//! What has failed not long ago, so that it is not tried anew for each of those who waited for it, one after
//! the other, and not for whoever comes soon after.

use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use lru::LruCache;

/// After so long it may be tried anew.
const AGAIN: Duration = Duration::from_secs(10);

/// The most that are remembered.
const MOST: usize = 1000;

/// When what failed, that which failed the longest ago first.
#[derive(Debug)]
pub(super) struct Setbacks<K: Hash + Eq>(Mutex<LruCache<K, Instant>>);

impl<K: Hash + Eq> Default for Setbacks<K> {
    fn default() -> Self {
        Self(Mutex::new(LruCache::unbounded()))
    }
}

impl<K: Hash + Eq> Setbacks<K> {
    /// Notes that `what` has failed at `now`.
    pub(super) fn note(&self, what: K, now: Instant) {
        let mut failed = self.lock();
        failed.put(what, now);
        if failed.len() > MOST {
            failed.pop_lru();
        }
    }

    /// Whether `what` has failed so little before `now` that it is not to be tried.
    pub(super) fn is_recent(&self, what: &K, now: Instant) -> bool {
        let failed = self.lock();
        let at = failed.peek(what);
        at.is_some_and(|at| now.saturating_duration_since(*at) < AGAIN)
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<K, Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Clock;

    #[test]
    fn what_failed_is_tried_anew_after_a_while() {
        let setbacks = Setbacks::default();
        let now = Clock::start().now();
        setbacks.note(7, now);
        assert!(setbacks.is_recent(&7, now) && !setbacks.is_recent(&8, now));
        let later = now + AGAIN;
        assert!(!setbacks.is_recent(&7, later));
        setbacks.note(7, later);
        assert!(setbacks.is_recent(&7, later));
    }
}
