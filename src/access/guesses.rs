//! Wrong passwords: how many an address may try in a while, so that nobody finds one by trying.

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use lru::LruCache;

/// In this time an address may try [`MOST`] wrong passwords.
const WHILE: Duration = Duration::from_secs(60);

const MOST: u32 = 20;

/// The most addresses that are remembered.
const ADDRESSES: NonZeroUsize = NonZeroUsize::new(16 * 1024).expect("it is not 0");

/// The wrong passwords of late.
#[derive(Debug)]
pub(super) struct Guesses {
    wrong: LruCache<IpAddr, Wrong>,
}

#[derive(Debug)]
struct Wrong {
    since: Instant,
    count: u32,
}

impl Default for Guesses {
    fn default() -> Self {
        Self {
            wrong: LruCache::new(ADDRESSES),
        }
    }
}

impl Guesses {
    /// How long `peer` has to wait before it may try again; `None` when it may now.
    pub(super) fn wait(&mut self, peer: IpAddr, now: Instant) -> Option<Duration> {
        let wrong = self.wrong.get(&origin(peer)?)?;
        let left = WHILE.saturating_sub(now.saturating_duration_since(wrong.since));
        (wrong.count >= MOST && !left.is_zero()).then_some(left)
    }

    /// Counts a wrong password.
    pub(super) fn count(&mut self, peer: IpAddr, now: Instant) {
        let Some(origin) = origin(peer) else {
            return;
        };
        let begin = || Wrong {
            since: now,
            count: 0,
        };
        let wrong = self.wrong.get_or_insert_mut(origin, begin);
        if now.saturating_duration_since(wrong.since) >= WHILE {
            *wrong = begin();
        }
        wrong.count = wrong.count.saturating_add(1);
    }
}

/// Whose guesses count together: those of an address, or of a network of IPv6, of which one host may
/// have all addresses. `None` for this host, where a proxy may stand for all clients.
fn origin(peer: IpAddr) -> Option<IpAddr> {
    match peer.to_canonical() {
        peer if peer.is_loopback() => None,
        IpAddr::V6(peer) => {
            let network = u128::from(peer) >> 64 << 64;
            Some(Ipv6Addr::from(network).into())
        }
        peer => Some(peer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Clock;

    #[test]
    fn an_address_has_so_many_guesses() {
        let now = Clock::start().started();
        let mut guesses = Guesses::default();
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        for (peer, same, other) in [
            ("192.0.2.1", "::ffff:192.0.2.1", "192.0.2.2"),
            ("2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"),
        ] {
            let (peer, same, other) = (address(peer), address(same), address(other));
            for _ in 0..MOST {
                assert_eq!(guesses.wait(peer, now), None);
                guesses.count(peer, now);
            }
            let later = now + WHILE - Duration::from_secs(1);
            assert_eq!(guesses.wait(peer, now), Some(WHILE));
            assert_eq!(guesses.wait(same, later), Some(Duration::from_secs(1)));
            assert_eq!(guesses.wait(other, now), None);
            assert_eq!(guesses.wait(peer, now + WHILE), None);
            guesses.count(peer, now + WHILE);
            assert_eq!(guesses.wait(peer, now + WHILE), None);
        }
        let own = address("127.0.0.1");
        (0..=MOST).for_each(|_| guesses.count(own, now));
        assert_eq!(guesses.wait(own, now), None);
    }
}
