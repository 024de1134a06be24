//! Tickets: what a viewer about whom another server is asked gets for the URLs in a playlist or a page, so
//! that it can be asked again. Each stands for what was known of its viewer, and opens nothing by itself.

use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use lru::LruCache;
use sha2::Sha256;

use super::question::Guest;
use crate::base::path::MediaPath;

/// How tickets are called in queries.
pub const TICKET: &str = "ticket";

/// The most tickets that are good at a time; the ones that were used last are kept.
const MOST: NonZeroUsize = NonZeroUsize::new(4096).expect("4096 is not 0");

/// The most that is remembered of one viewer, in bytes.
const LONGEST: usize = 4096;

/// The tickets that are good.
pub(super) struct Tickets {
    secret: [u8; 32],
    known: Mutex<LruCache<String, Issued>>,
}

/// What a ticket stands for.
struct Issued {
    name: MediaPath,
    guest: Guest,
    until: Instant,
}

impl std::fmt::Debug for Tickets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tickets")
    }
}

impl Tickets {
    /// None yet; `secret` must be known to nobody else.
    pub(super) fn new(secret: [u8; 32]) -> Self {
        Self {
            secret,
            known: Mutex::new(LruCache::new(MOST)),
        }
    }

    /// The ticket of `guest` to what has this name, in letters that URLs and playlists take as they are.
    /// It is good until then. `None` for a viewer of whom too much is known.
    pub(super) fn issue(&self, name: &MediaPath, guest: &Guest, until: Instant) -> Option<String> {
        if guest.len() > LONGEST {
            return None;
        }
        let ticket = self.mark(name, guest);
        let issued = Issued {
            name: name.clone(),
            guest: guest.clone(),
            until,
        };
        self.known().put(ticket.clone(), issued);
        Some(ticket)
    }

    /// Whose `ticket` it is, if it is one to what has this name, and not over.
    pub(super) fn guest(&self, ticket: &str, name: &MediaPath, now: Instant) -> Option<Guest> {
        let mut known = self.known();
        let issued = known.get(ticket)?;
        let is_good = issued.name == *name && now < issued.until;
        is_good.then(|| issued.guest.clone())
    }

    /// The same for the same guest, so that one who comes again takes no more room.
    fn mark(&self, name: &MediaPath, guest: &Guest) -> String {
        let mac = <Hmac<Sha256> as Mac>::new_from_slice(&self.secret);
        let mut mac = mac.expect("a secret of any length will do");
        let texts = [&guest.user, &guest.password, &guest.token, &guest.query];
        let texts = texts.map(String::as_str).into_iter();
        for text in texts.chain([name.as_str()]) {
            // With its length, so that no two guests read alike.
            mac.update(&(text.len() as u64).to_be_bytes());
            mac.update(text.as_bytes());
        }
        URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
    }

    fn known(&self) -> MutexGuard<'_, LruCache<String, Issued>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::base::clock::Clock;

    fn name(text: &str) -> MediaPath {
        MediaPath::from_plain(text).unwrap()
    }

    fn guest(query: &str) -> Guest {
        Guest {
            query: query.to_owned(),
            ..Guest::default()
        }
    }

    #[test]
    fn a_ticket_stands_for_its_guest_at_one_name_for_a_while() {
        let now = Clock::start().started();
        let end = now + Duration::from_secs(60);
        let tickets = Tickets::new([1; 32]);
        let ticket = tickets.issue(&name("a"), &guest("key=1"), end).unwrap();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        assert!(ticket.bytes().all(plain), "{ticket}");
        let whose = |ticket: &str, of: &str, now| tickets.guest(ticket, &name(of), now);
        assert_eq!(whose(&ticket, "a", now), Some(guest("key=1")));
        assert_eq!(whose(&ticket, "b", now), None);
        assert_eq!(whose(&ticket, "a", end), None);
        assert_eq!(whose("", "a", now), None);
        let again = tickets.issue(&name("a"), &guest("key=1"), end).unwrap();
        assert_eq!(again, ticket);
        for (of, query) in [("b", "key=1"), ("a", "key=2")] {
            let other = tickets.issue(&name(of), &guest(query), end).unwrap();
            assert_ne!(other, ticket);
        }
        let foreign = Tickets::new([2; 32]).issue(&name("a"), &guest("key=1"), end);
        assert_eq!(whose(&foreign.unwrap(), "a", now), None);
    }

    #[test]
    fn what_is_remembered_has_a_bound() {
        let now = Clock::start().started();
        let end = now + Duration::from_secs(60);
        let tickets = Tickets::new([1; 32]);
        let long = guest(&"x".repeat(LONGEST + 1));
        assert_eq!(tickets.issue(&name("a"), &long, end), None);
        let mut number = 0..;
        let mut issue = || {
            let query = number.next().unwrap_or_default();
            let guest = guest(&format!("key={query}"));
            tickets.issue(&name("a"), &guest, end).unwrap()
        };
        let (first, second) = (issue(), issue());
        (2..MOST.get()).for_each(|_| drop(issue()));
        assert!(tickets.guest(&first, &name("a"), now).is_some());
        issue();
        assert!(tickets.guest(&first, &name("a"), now).is_some());
        assert_eq!(tickets.guest(&second, &name("a"), now), None);
    }
}
