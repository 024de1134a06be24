//! Wrong passwords: how many an address may try in a while, and how many may be tried for a user, so
//! that nobody finds one by trying. Sans-IO.

use std::hash::{BuildHasher, Hash, RandomState};
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use lru::LruCache;

use crate::base::holder::Holder;

/// In this time an address may try [`OF_ADDRESS`] wrong passwords, and all together for a user
/// [`OF_USER`].
const WHILE: Duration = Duration::from_secs(60);

const OF_ADDRESS: u32 = 20;
const OF_USER: u32 = 50;

/// The most addresses that are remembered, and the most users.
const MOST: NonZeroUsize = NonZeroUsize::new(16 * 1024).expect("it is not 0");

/// The wrong passwords of late.
#[derive(Debug)]
pub(super) struct Guesses {
    of_addresses: LruCache<Holder, Wrong>,
    of_users: LruCache<UserKey, Wrong>,
    /// From where users have logged in. Who tries their passwords elsewhere does not lock them out there.
    known: LruCache<(Holder, UserKey), ()>,
    hasher: RandomState,
}

/// Stands for a user's name, which may be long and need not be that of anybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct UserKey(u64);

#[derive(Debug)]
struct Wrong {
    since: Instant,
    count: u32,
}

impl Default for Guesses {
    fn default() -> Self {
        Self {
            of_addresses: LruCache::new(MOST),
            of_users: LruCache::new(MOST),
            known: LruCache::new(MOST),
            hasher: RandomState::new(),
        }
    }
}

impl Guesses {
    /// How long `peer` has to wait before it may try again to log in as `user`; `None` when it may now.
    pub(super) fn wait(&mut self, peer: IpAddr, user: &str, now: Instant) -> Option<Duration> {
        let (holder, user) = (holder(peer)?, self.key(user));
        let of_address = self.of_addresses.get(&holder);
        let of_address = of_address.and_then(|wrong| wrong.wait(OF_ADDRESS, now));
        let is_known = self.known.contains(&(holder, user));
        let of_user = self.of_users.get(&user).filter(|_| !is_known);
        of_address.max(of_user.and_then(|wrong| wrong.wait(OF_USER, now)))
    }

    /// Counts a wrong password of `user`.
    pub(super) fn wrong(&mut self, peer: IpAddr, user: &str, now: Instant) {
        let Some(holder) = holder(peer) else {
            return;
        };
        let user = self.key(user);
        let of_address = self
            .of_addresses
            .get_or_insert_mut(holder, || Wrong::none(now));
        of_address.count(now);
        let of_user = self.of_users.get_or_insert_mut(user, || Wrong::none(now));
        of_user.count(now);
    }

    /// Notes that `user` has logged in.
    pub(super) fn right(&mut self, peer: IpAddr, user: &str) {
        if let Some(holder) = holder(peer) {
            let user = self.key(user);
            self.known.put((holder, user), ());
        }
    }

    fn key(&self, user: &str) -> UserKey {
        UserKey(self.hasher.hash_one(user))
    }
}

impl Wrong {
    fn none(now: Instant) -> Self {
        Self {
            since: now,
            count: 0,
        }
    }

    fn count(&mut self, now: Instant) {
        if now.saturating_duration_since(self.since) >= WHILE {
            *self = Self::none(now);
        }
        self.count = self.count.saturating_add(1);
    }

    /// How long it takes until there may be more, if there are `most` already.
    fn wait(&self, most: u32, now: Instant) -> Option<Duration> {
        let left = WHILE.saturating_sub(now.saturating_duration_since(self.since));
        (self.count >= most && !left.is_zero()).then_some(left)
    }
}

/// Whose guesses count together; `None` for this host, where a proxy may stand for all clients.
fn holder(peer: IpAddr) -> Option<Holder> {
    let holder = Holder::of(peer);
    (!holder.is_this_host()).then_some(holder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Clock;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_has_so_many_guesses() {
        let now = Clock::start().started();
        let mut guesses = Guesses::default();
        for (peer, same, other) in [
            ("192.0.2.1", "::ffff:192.0.2.1", "192.0.2.2"),
            ("2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"),
        ] {
            let (peer, same, other) = (address(peer), address(same), address(other));
            for number in 0..OF_ADDRESS {
                let user = format!("{peer} {number}");
                assert_eq!(guesses.wait(peer, &user, now), None);
                guesses.wrong(peer, &user, now);
            }
            let later = now + WHILE - Duration::from_secs(1);
            assert_eq!(guesses.wait(peer, "ann", now), Some(WHILE));
            let left = guesses.wait(same, "ann", later);
            assert_eq!(left, Some(Duration::from_secs(1)));
            assert_eq!(guesses.wait(other, "ann", now), None);
            assert_eq!(guesses.wait(peer, "ann", now + WHILE), None);
            guesses.wrong(peer, "x", now + WHILE);
            assert_eq!(guesses.wait(peer, "ann", now + WHILE), None);
        }
        let own = address("127.0.0.1");
        (0..=OF_USER).for_each(|_| guesses.wrong(own, "ann", now));
        assert_eq!(guesses.wait(own, "ann", now), None);
    }

    #[test]
    fn a_user_has_so_many_guesses_from_everywhere_but_home() {
        let now = Clock::start().started();
        let mut guesses = Guesses::default();
        let (home, elsewhere) = (address("198.51.100.1"), address("198.51.100.2"));
        guesses.right(home, "ann");
        for number in 0..OF_USER {
            let peer = address(&format!("192.0.2.{number}"));
            assert_eq!(guesses.wait(peer, "ann", now), None);
            guesses.wrong(peer, "ann", now);
        }
        assert_eq!(guesses.wait(elsewhere, "ann", now), Some(WHILE));
        assert_eq!(guesses.wait(elsewhere, "bob", now), None);
        assert_eq!(guesses.wait(home, "ann", now), None);
        assert_eq!(guesses.wait(elsewhere, "ann", now + WHILE), None);
        // Even at home not without an end.
        (0..OF_ADDRESS).for_each(|_| guesses.wrong(home, "ann", now));
        assert_eq!(guesses.wait(home, "ann", now), Some(WHILE));
    }
}
