//! How fast clients may ask by HTTP: so many requests a second for each address, on all its connections. Sans-IO.

use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use lru::LruCache;

use crate::base::holder::Holder;

/// The most addresses that are remembered.
const MOST: NonZeroUsize = NonZeroUsize::new(16 * 1024).expect("it is not 0");

/// The requests of a second may come at once.
const AT_ONCE: Duration = Duration::from_secs(1);

/// When the last request of each address would have come, had they come evenly.
#[derive(Debug)]
pub struct Rates {
    even: Mutex<LruCache<Holder, Instant>>,
    refused: AtomicU64,
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            even: Mutex::new(LruCache::new(MOST)),
            refused: AtomicU64::default(),
        }
    }
}

impl Rates {
    /// Counts a request of `peer`, which may send `limit` a second; 0 is no limit.
    ///
    /// # Errors
    /// After what time it may ask again. What is refused does not count.
    pub(super) fn take(&self, peer: IpAddr, limit: u32, now: Instant) -> Result<(), Duration> {
        if limit == 0 {
            return Ok(());
        }
        let mut table = self.even.lock().unwrap_or_else(PoisonError::into_inner);
        let even = table.get_or_insert_mut(Holder::of(peer), || now);
        let next = now.max(*even) + AT_ONCE / limit;
        let early = next.saturating_duration_since(now + AT_ONCE);
        if early.is_zero() {
            *even = next;
            return Ok(());
        }
        self.refused.fetch_add(1, Relaxed);
        Err(early)
    }

    /// How many requests were refused.
    pub fn refused(&self) -> u64 {
        self.refused.load(Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Clock;

    #[test]
    fn an_address_may_ask_so_often() {
        let rates = Rates::default();
        let start = Clock::start().started();
        let (one, other) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        let ask = |peer, now| rates.take(peer, 10, now);
        for _ in 0..10 {
            assert_eq!(ask(one, start), Ok(()));
        }
        let tenth = Duration::from_millis(100);
        for _ in 0..2 {
            assert_eq!(ask(one, start), Err(tenth));
        }
        assert_eq!(ask(other, start), Ok(()));
        assert_eq!(ask(one, start + tenth), Ok(()));
        assert_eq!(ask(one, start + tenth), Err(tenth));
        assert_eq!(rates.take(one, 0, start), Ok(()));
        assert_eq!(rates.take(one, 20, start + tenth), Err(tenth / 2));
        assert_eq!(rates.refused(), 4);
    }
}
