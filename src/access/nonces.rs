//! Nonces of Digest: made by this server alone, good for a while, each count of them once
//! (RFC 7616, 3.3 and 5.12).

use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use hmac::{Hmac, Mac};
use lru::LruCache;
use sha2::Sha256;

use crate::base::hex::hex;

/// For how long a nonce is good.
const LIFETIME: Duration = Duration::from_secs(300);

/// The most nonces whose counts are remembered.
const MOST: NonZeroUsize = NonZeroUsize::new(16 * 1024).expect("it is not 0");

/// Bytes of a nonce's stamp: when it was made, and a number drawn by lot.
const STAMP: usize = 16;

/// Counts that come late are told from those used before as far back as this.
const WINDOW: u32 = 64;

/// The nonces of a server.
#[derive(Debug)]
pub(super) struct Nonces {
    secret: [u8; 32],
    /// From when on the times of nonces are counted.
    since: Instant,
    used: LruCache<u128, Counts>,
    /// Nonces that were made by then are remembered, or are good no more.
    forgotten: Duration,
}

/// Which counts of a nonce were used.
#[derive(Debug, Default)]
struct Counts {
    highest: u32,
    /// Bit n: `highest - n` was used.
    seen: u64,
}

/// The nonce is not, or no longer, good: the client may try with another at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stale;

impl Nonces {
    /// No nonces yet; `secret` must be known to nobody else, `since` is no later than any time told.
    pub(super) fn new(secret: [u8; 32], since: Instant) -> Self {
        Self {
            secret,
            since,
            used: LruCache::new(MOST),
            forgotten: Duration::ZERO,
        }
    }

    /// A new nonce, which is good from `place` alone if there is one; `lot` is a number drawn by lot.
    pub(super) fn make(&self, lot: u64, place: Option<IpAddr>, now: Instant) -> String {
        let age = now.saturating_duration_since(self.since).as_micros();
        let stamp = age << 64 | u128::from(lot);
        let stamp = stamp.to_be_bytes();
        let mac = self.mac(&stamp, place).finalize().into_bytes();
        hex(&stamp) + &hex(&mac[..STAMP])
    }

    /// Takes a nonce from `place`, with the count by which the client uses it if it counts.
    ///
    /// # Errors
    /// [`Stale`] for one that is too old, another server's or for another place, and for a count that was
    /// used before.
    pub(super) fn take(
        &mut self,
        nonce: &str,
        count: Option<u32>,
        place: Option<IpAddr>,
        now: Instant,
    ) -> Result<(), Stale> {
        let stamp = self.read(nonce, place).ok_or(Stale)?;
        let made = Duration::from_micros(u64::try_from(stamp >> 64).map_err(|_| Stale)?);
        let age = now.saturating_duration_since(self.since);
        if age.saturating_sub(made) > LIFETIME {
            return Err(Stale);
        }
        let Some(count) = count else {
            return Ok(());
        };
        if let Some(counts) = self.used.get_mut(&stamp) {
            return counts.take(count);
        }
        if made < self.forgotten {
            return Err(Stale);
        }
        let mut counts = Counts::default();
        counts.take(count)?;
        if let Some((lost, _)) = self.used.push(stamp, counts) {
            let lost = Duration::from_micros(u64::try_from(lost >> 64).unwrap_or(u64::MAX));
            self.forgotten = self.forgotten.max(lost + Duration::from_micros(1));
        }
        Ok(())
    }

    /// The stamp of a nonce that this server has made for `place`.
    fn read(&self, nonce: &str, place: Option<IpAddr>) -> Option<u128> {
        let (stamp, mac) = nonce.split_at_checked(2 * STAMP)?;
        let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if mac.len() != 2 * STAMP || !is_hex(stamp) || !is_hex(mac) {
            return None;
        }
        let stamp = u128::from_str_radix(stamp, 16).ok()?;
        let told = u128::from_str_radix(mac, 16).ok()?.to_be_bytes();
        let checked = self.mac(&stamp.to_be_bytes(), place);
        checked.verify_truncated_left(&told).ok()?;
        Some(stamp)
    }

    fn mac(&self, stamp: &[u8; STAMP], place: Option<IpAddr>) -> Hmac<Sha256> {
        let mac = <Hmac<Sha256> as Mac>::new_from_slice(&self.secret);
        let mac = mac.expect("a secret of any length will do");
        let mac = mac.chain_update(stamp);
        match place {
            Some(IpAddr::V4(place)) => mac.chain_update(place.octets()),
            Some(IpAddr::V6(place)) => mac.chain_update(place.octets()),
            None => mac,
        }
    }
}

impl Counts {
    fn take(&mut self, count: u32) -> Result<(), Stale> {
        if count > self.highest {
            let ahead = count - self.highest;
            self.seen = self.seen.checked_shl(ahead).unwrap_or(0) | 1;
            self.highest = count;
            return Ok(());
        }
        let behind = self.highest - count;
        if count == 0 || behind >= WINDOW || self.seen >> behind & 1 == 1 {
            return Err(Stale);
        }
        self.seen |= 1 << behind;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Clock;

    #[test]
    fn each_count_is_good_once() {
        let now = Clock::start().started();
        let mut nonces = Nonces::new([1; 32], now);
        let nonce = nonces.make(7, None, now);
        for (count, is_good) in [
            (0, false),
            (1, true),
            (1, false),
            (3, true),
            (2, true),
            (2, false),
            (100, true),
            (37, true),
            (36, false),
            (100, false),
            (u32::MAX, true),
            (u32::MAX, false),
            (101, false),
        ] {
            let taken = nonces.take(&nonce, Some(count), None, now);
            assert_eq!(taken.is_ok(), is_good, "{count}");
        }
        assert_eq!(nonces.take(&nonce, None, None, now), Ok(()));
        let other = nonces.make(8, None, now);
        assert_eq!(nonces.take(&other, Some(1), None, now), Ok(()));
    }

    #[test]
    fn nonces_end_and_cannot_be_made_elsewhere() {
        let now = Clock::start().started();
        let mut nonces = Nonces::new([1; 32], now);
        let nonce = nonces.make(7, None, now);
        let late = now + LIFETIME;
        assert_eq!(nonces.take(&nonce, Some(1), None, late), Ok(()));
        let later = late + Duration::from_millis(1);
        assert_eq!(nonces.take(&nonce, Some(2), None, later), Err(Stale));
        let foreign = Nonces::new([2; 32], now).make(7, None, now);
        let mut forged = nonces.make(7, None, later);
        forged.replace_range(..1, "f");
        let shouted = nonces.make(7, None, later).replacen('0', "+", 1);
        for nonce in [
            foreign,
            forged,
            shouted,
            String::new(),
            "é".repeat(32),
            "0".repeat(64),
        ] {
            assert_eq!(
                nonces.take(&nonce, Some(1), None, later),
                Err(Stale),
                "{nonce}"
            );
        }
    }

    #[test]
    fn a_nonce_is_good_where_it_was_given() {
        let now = Clock::start().started();
        let mut nonces = Nonces::new([1; 32], now);
        let [here, there] = ["192.0.2.1", "::c000:201"].map(|place| place.parse().ok());
        for (given, shown, expected) in [
            (here, here, Ok(())),
            (here, there, Err(Stale)),
            (here, None, Err(Stale)),
            (None, here, Err(Stale)),
            (None, None, Ok(())),
        ] {
            let nonce = nonces.make(7, given, now);
            for count in [None, Some(u32::MAX)] {
                let taken = nonces.take(&nonce, count, shown, now);
                assert_eq!(taken, expected, "{given:?} {shown:?}");
            }
            nonces = Nonces::new([1; 32], now);
        }
    }

    #[test]
    fn what_is_forgotten_is_not_good() {
        let now = Clock::start().started();
        let mut nonces = Nonces::new([1; 32], now);
        let first = nonces.make(0, None, now);
        assert_eq!(nonces.take(&first, Some(1), None, now), Ok(()));
        for lot in 1..=MOST.get() as u64 {
            let at = now + Duration::from_micros(lot);
            let nonce = nonces.make(lot, None, at);
            assert_eq!(nonces.take(&nonce, Some(1), None, at), Ok(()));
        }
        let at = now + Duration::from_secs(1);
        assert_eq!(nonces.take(&first, Some(1), None, at), Err(Stale));
        assert_eq!(nonces.take(&first, Some(2), None, at), Err(Stale));
    }
}
