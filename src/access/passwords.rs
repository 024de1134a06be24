//! Checking passwords off the threads that serve clients: so many at a time, and what was right once is
//! known again at once.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hmac::{Hmac, Mac};
use lru::LruCache;
use sha2::Sha256;
use tokio::sync::Semaphore;

use super::secret::Secret;

/// How many passwords are checked at a time, each on a thread of its own.
const AT_ONCE: usize = 2;

/// How many may wait for that. At some tens of milliseconds each, the last waits for two or three seconds.
const WAITING: usize = 100;

/// The most passwords that are known again.
const MOST: NonZeroUsize = NonZeroUsize::new(4096).expect("4096 is not 0");

/// The passwords of a server's users, as they prove right.
pub(super) struct Passwords {
    turns: Arc<Semaphore>,
    /// For those that are checked and those that wait.
    seats: Semaphore,
    refused: AtomicU64,
    /// Marks that only this process can make of a hash and its password.
    right: Mutex<LruCache<[u8; 32], ()>>,
    key: [u8; 32],
}

/// Why a password was not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unchecked {
    /// Who asked may try no more passwords now.
    TooMany,
    /// Too many others wait already.
    Busy,
}

impl std::fmt::Debug for Passwords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Passwords")
    }
}

impl Passwords {
    /// None known yet; `key` must be known to nobody else.
    pub(super) fn new(key: [u8; 32]) -> Self {
        Self {
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            seats: Semaphore::new(AT_ONCE + WAITING),
            refused: AtomicU64::new(0),
            right: Mutex::new(LruCache::new(MOST)),
            key,
        }
    }

    /// Whether `password` is what `secret` was made of. Where that takes long, it waits for its turn and
    /// asks then whether the client may still try. Cancel safe.
    ///
    /// # Errors
    /// [`Unchecked`].
    pub(super) async fn is_right(
        &self,
        secret: Secret,
        password: &str,
        may_try: impl Fn() -> bool,
    ) -> Result<bool, Unchecked> {
        if !secret.is_slow() {
            return Ok(secret.is_of(password));
        }
        let mark = self.mark(secret.hash(), password);
        if self.right().get(&mark).is_some() {
            return Ok(true);
        }
        let Ok(_seat) = self.seats.try_acquire() else {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return Err(Unchecked::Busy);
        };
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        if !may_try() {
            return Err(Unchecked::TooMany);
        }
        let password = password.to_owned();
        // The turn lasts as long as the work, also if nobody waits for its result any more.
        let check = move || (secret.is_of(&password), turn);
        let checked = tokio::task::spawn_blocking(check).await;
        let is_right = checked.is_ok_and(|(is_right, _)| is_right);
        if is_right {
            self.right().put(mark, ());
        }
        Ok(is_right)
    }

    /// How many were not looked at because too many waited.
    pub(super) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    fn mark(&self, hash: &str, password: &str) -> [u8; 32] {
        let mac = <Hmac<Sha256> as Mac>::new_from_slice(&self.key);
        let mut mac = mac.expect("a secret of any length will do");
        // With its length, so that no two pairs read alike.
        mac.update(&(hash.len() as u64).to_be_bytes());
        mac.update(hash.as_bytes());
        mac.update(password.as_bytes());
        mac.finalize().into_bytes().into()
    }

    fn right(&self) -> MutexGuard<'_, LruCache<[u8; 32], ()>> {
        self.right.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::secret::Hashed;

    /// `secret`, by DES.
    const HASH: &str = "abNANd1rDfiNc";

    fn slow() -> Secret {
        Secret {
            own: Some(Hashed::Slow(HASH.to_owned())),
            others: Vec::new(),
        }
    }

    #[tokio::test]
    async fn what_was_right_once_waits_for_no_turn() {
        let passwords = Passwords::new([1; 32]);
        for password in ["wrong", "secret", "wrong"] {
            let is_right = passwords.is_right(slow(), password, || true).await;
            assert_eq!(is_right, Ok(password == "secret"), "{password}");
        }
        let _taken = passwords.turns.acquire_many(AT_ONCE as u32).await;
        let again = passwords.is_right(slow(), "secret", || false).await;
        assert_eq!(again, Ok(true));
        let mut other = Box::pin(passwords.is_right(slow(), "wrong", || true));
        assert!(futures::poll!(&mut other).is_pending());
    }

    #[tokio::test]
    async fn who_may_try_no_more_is_told_when_its_turn_comes() {
        let passwords = Passwords::new([1; 32]);
        let refused = passwords.is_right(slow(), "secret", || false).await;
        assert_eq!(refused, Err(Unchecked::TooMany));
        let unknown = Secret {
            own: None,
            others: vec![Hashed::Slow(HASH.to_owned())],
        };
        let found = passwords.is_right(unknown.clone(), "secret", || true).await;
        assert_eq!(found, Ok(false));
        let refused = passwords.is_right(unknown, "secret", || false).await;
        assert_eq!(refused, Err(Unchecked::TooMany));
        let nobody = Secret {
            own: None,
            others: Vec::new(),
        };
        let found = passwords.is_right(nobody, "secret", || false).await;
        assert_eq!(found, Ok(false));
    }

    #[tokio::test]
    async fn no_more_wait_than_there_is_room_for() {
        let passwords = Passwords::new([1; 32]);
        let taken = passwords.turns.acquire_many(AT_ONCE as u32).await;
        let wait = || Box::pin(passwords.is_right(slow(), "wrong", || true));
        let mut waiting: Vec<_> = (0..AT_ONCE + WAITING).map(|_| wait()).collect();
        for one in &mut waiting {
            assert!(futures::poll!(one).is_pending());
        }
        assert_eq!(passwords.refused(), 0);
        assert_eq!(wait().await, Err(Unchecked::Busy));
        assert_eq!(passwords.refused(), 1);
        // Who goes makes room.
        drop(waiting);
        drop(taken);
        assert_eq!(wait().await, Ok(false));
    }

    #[tokio::test]
    async fn a_client_that_leaves_gives_no_turn_away() {
        let passwords = Passwords::new([1; 32]);
        let mut asked = Box::pin(passwords.is_right(slow(), "secret", || true));
        // Its turn has begun, or is over.
        let _ = futures::poll!(&mut asked);
        drop(asked);
        let all = passwords.turns.acquire_many(AT_ONCE as u32).await;
        assert!(all.is_ok());
    }
}
