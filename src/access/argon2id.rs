//! Hashes of passwords by Argon2id (RFC 9106), as new entries of users files have them:
//! `$argon2id$v=19$m=19456,t=2,p=1$SALT$HASH`, salt and hash in base64 without padding. Pure, but
//! each takes tens of milliseconds and 19 MiB of memory.

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use subtle::ConstantTimeEq;

const START: &str = "$argon2id$v=19$";

/// Of new hashes: memory in KiB, passes over it, and lanes (OWASP's Password Storage Cheat Sheet).
const COSTS: (u32, u32, u32) = (19 * 1024, 2, 1);

/// The most that a hash may cost, lest one line of a file stop the server.
const MOST: (u32, u32, u32) = (256 * 1024, 64, 16);

/// Bytes of a new hash.
const LENGTH: usize = 32;

/// Bytes of a salt.
pub(super) const SALT: usize = 16;

/// A hash, taken apart.
struct Known {
    costs: (u32, u32, u32),
    salt: Vec<u8>,
    hash: Vec<u8>,
}

/// Whether `known` is such a hash.
pub(super) fn is_known(known: &str) -> bool {
    costs(known).is_some()
}

/// What such a hash costs to compute: memory in KiB, passes over it, and lanes; `None` when `known` is another kind
/// of hash.
pub(super) fn costs(known: &str) -> Option<(u32, u32, u32)> {
    let known = Known::read(known)?;
    known.hasher().map(|_| known.costs)
}

/// Whether `known` is a hash of `password`.
pub(super) fn is_of(password: &str, known: &str) -> bool {
    let known = Known::read(known);
    known.is_some_and(|known| {
        known
            .made_of(password)
            .is_some_and(|made| is_same(&made, &known.hash))
    })
}

/// A hash of `password`, which has to be no longer than 4 GB; `salt` is drawn by lot.
pub(super) fn hash(password: &str, salt: [u8; SALT]) -> String {
    let mut known = Known {
        costs: COSTS,
        salt: salt.to_vec(),
        hash: vec![0; LENGTH],
    };
    known.hash = known.made_of(password).expect("these costs are allowed");
    let (memory, passes, lanes) = COSTS;
    let [salt, hash] = [&known.salt, &known.hash].map(|bytes| STANDARD_NO_PAD.encode(bytes));
    format!("{START}m={memory},t={passes},p={lanes}${salt}${hash}")
}

impl Known {
    fn read(text: &str) -> Option<Self> {
        let parts: Vec<_> = text.strip_prefix(START)?.split('$').collect();
        let [costs, salt, hash] = parts[..] else {
            return None;
        };
        let mut costs = costs.split(',');
        let mut cost = |name| costs.next()?.strip_prefix(name)?.parse().ok();
        let read = Self {
            costs: (cost("m=")?, cost("t=")?, cost("p=")?),
            salt: STANDARD_NO_PAD.decode(salt).ok()?,
            hash: STANDARD_NO_PAD.decode(hash).ok()?,
        };
        let is_whole = costs.next().is_none() && (8..=64).contains(&read.salt.len());
        (is_whole && (16..=64).contains(&read.hash.len())).then_some(read)
    }

    /// `None` when it would cost too much, or less than is possible.
    fn hasher(&self) -> Option<Argon2<'static>> {
        let (memory, passes, lanes) = self.costs;
        let is_bearable = memory <= MOST.0 && passes <= MOST.1 && lanes <= MOST.2;
        let params = Params::new(memory, passes, lanes, Some(self.hash.len())).ok();
        let params = params.filter(|_| is_bearable)?;
        Some(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
    }

    /// The hash of `password` with this salt.
    fn made_of(&self, password: &str) -> Option<Vec<u8>> {
        let mut made = vec![0; self.hash.len()];
        let hasher = self.hasher()?;
        let hashed = hasher.hash_password_into(password.as_bytes(), &self.salt, &mut made);
        hashed.is_ok().then_some(made)
    }
}

fn is_same(one: &[u8], other: &[u8]) -> bool {
    one.ct_eq(other).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_known_by_their_hashes() {
        let made = hash("secret", [7; SALT]);
        assert!(
            made.starts_with("$argon2id$v=19$m=19456,t=2,p=1$BwcHBwcHBwcHBwcHBwcHBw$"),
            "{made}"
        );
        for (password, known) in [
            ("secret", made.as_str()),
            // Of the tests of the reference implementation.
            (
                "password",
                "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
            ),
            (
                "password",
                "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
            ),
        ] {
            assert!(is_known(known) && is_of(password, known), "{known}");
            for wrong in ["", "Secret", "secret ", known] {
                assert!(!is_of(wrong, known), "{known} {wrong}");
            }
        }
    }

    #[test]
    fn other_hashes_are_not_known() {
        let (salt, hash) = ("c2FsdHNhbHQ", "c2FsdHNhbHRzYWx0c2FsdA");
        for (known, expected) in [
            (format!("{START}m=64,t=2,p=1${salt}${hash}"), true),
            (format!("{START}m=262145,t=2,p=1${salt}${hash}"), false),
            (format!("{START}m=64,t=65,p=1${salt}${hash}"), false),
            (format!("{START}m=4096,t=2,p=17${salt}${hash}"), false),
            (format!("{START}m=1,t=2,p=1${salt}${hash}"), false),
            (format!("{START}m=64,t=0,p=1${salt}${hash}"), false),
            (format!("{START}m=64,t=2,p=0${salt}${hash}"), false),
            (format!("{START}m=64,t=2${salt}${hash}"), false),
            (format!("{START}m=64,t=2,p=1,x=1${salt}${hash}"), false),
            (format!("{START}m=64,t=2,p=1${salt}"), false),
            (format!("{START}m=64,t=2,p=1${salt}${hash}$"), false),
            (format!("{START}m=64,t=2,p=1$c2FsdA${hash}"), false),
            (format!("{START}m=64,t=2,p=1${salt}$c2FsdA"), false),
            (format!("{START}m=64,t=2,p=1${salt}$ä"), false),
            (format!("$argon2i$v=19$m=64,t=2,p=1${salt}${hash}"), false),
            (format!("$argon2id$v=16$m=64,t=2,p=1${salt}${hash}"), false),
            (String::new(), false),
        ] {
            assert_eq!(is_known(&known), expected, "{known}");
        }
    }
}
