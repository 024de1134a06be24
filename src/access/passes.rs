//! Passes: what a viewer who has logged in at a playlist gets for the URLs in it. Each is good for one
//! name and for a while.

use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::base::path::MediaPath;

/// How passes are called in queries.
pub const PASS: &str = "pass";

/// Passes end up to this part of their time before it is over.
const SHARE: u64 = 8;

/// The longest pass that is looked at, in bytes.
const LONGEST: usize = 1024;

/// What makes passes, and knows its own.
pub(super) struct Passes {
    secret: [u8; 32],
    /// From when on the ends of passes are counted.
    since: Instant,
}

impl std::fmt::Debug for Passes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Passes")
    }
}

impl Passes {
    /// `secret` must be known to nobody else, `since` is no later than any time told.
    pub(super) fn new(secret: [u8; 32], since: Instant) -> Self {
        Self { secret, since }
    }

    /// When those passes end that are made now and to be good for `lifetime`. It is the same for all that are made within
    /// an eighth of that, so that those of one user to one name are one pass, and a playlist is written once for
    /// whoever has it.
    pub(super) fn end(&self, now: Instant, lifetime: Duration) -> Instant {
        let step = (lifetime.as_secs() / SHARE).max(1);
        let end = self.age(now + lifetime).as_secs();
        self.since + Duration::from_secs(end - end % step)
    }

    /// A pass for `user` to what has this name, in letters that URLs and playlists take as they are; `None` for a
    /// user whose name is so long that nobody would look at it.
    ///
    /// It is good until then, as long as the files say the same of the user, which is `standing`.
    pub(super) fn make(
        &self,
        name: &MediaPath,
        user: &str,
        standing: &str,
        until: Instant,
    ) -> Option<String> {
        let until = self.age(until).as_secs();
        let mac = self.mac(until, user, name, standing);
        let mac = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
        let pass = format!("{until:x}.{}.{mac}", URL_SAFE_NO_PAD.encode(user));
        (pass.len() <= LONGEST).then_some(pass)
    }

    /// Whether `pass` was made here for this name and is not over; `standing` says what the files say
    /// of a user now, `None` if they do not let the user in.
    pub(super) fn is_good(
        &self,
        pass: &str,
        name: &MediaPath,
        standing: impl FnOnce(&str) -> Option<String>,
        now: Instant,
    ) -> bool {
        let Some((until, user, told)) = read(pass) else {
            return false;
        };
        if self.age(now).as_secs() >= until {
            return false;
        }
        let Some(standing) = standing(&user) else {
            return false;
        };
        let mac = self.mac(until, &user, name, &standing);
        mac.verify_slice(&told).is_ok()
    }

    fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.since)
    }

    fn mac(&self, until: u64, user: &str, name: &MediaPath, standing: &str) -> Hmac<Sha256> {
        let mac = <Hmac<Sha256> as Mac>::new_from_slice(&self.secret);
        let mut mac = mac.expect("a secret of any length will do");
        mac.update(&until.to_be_bytes());
        for text in [user, name.as_str(), standing] {
            // With its length, so that no two triples read alike.
            mac.update(&(text.len() as u64).to_be_bytes());
            mac.update(text.as_bytes());
        }
        mac
    }
}

/// When a pass ends, its user and its mark.
fn read(pass: &str) -> Option<(u64, String, Vec<u8>)> {
    if pass.len() > LONGEST {
        return None;
    }
    let (until, rest) = pass.split_once('.')?;
    let (user, mac) = rest.split_once('.')?;
    let until = u64::from_str_radix(until, 16).ok()?;
    let user = String::from_utf8(URL_SAFE_NO_PAD.decode(user).ok()?).ok()?;
    Some((until, user, URL_SAFE_NO_PAD.decode(mac).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Clock;

    fn name(text: &str) -> MediaPath {
        MediaPath::from_plain(text).unwrap()
    }

    #[test]
    fn a_pass_is_good_for_what_it_was_made_for() {
        let now = Clock::start().started();
        let passes = Passes::new([1; 32], now);
        let end = now + Duration::from_secs(60);
        let pass = passes.make(&name("a/live"), "ann", "x", end).unwrap();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
        assert!(pass.bytes().all(plain), "{pass}");
        let is_good = |pass: &str, wanted: &str, standing: Option<&str>, now| {
            let told = |user: &str| standing.filter(|_| user == "ann").map(str::to_owned);
            passes.is_good(pass, &name(wanted), told, now)
        };
        let before = end - Duration::from_secs(1);
        for (wanted, standing, at, expected) in [
            ("a/live", Some("x"), now, true),
            ("a/live", Some("x"), before, true),
            ("a/live", Some("x"), end, false),
            ("a/live", Some("y"), now, false),
            ("a/live", None, now, false),
            ("a/live/b", Some("x"), now, false),
            ("a", Some("x"), now, false),
            ("a/liv", Some("ex"), now, false),
        ] {
            let found = is_good(&pass, wanted, standing, at);
            assert_eq!(found, expected, "{wanted} {standing:?}");
        }
        let others = Passes::new([2; 32], now);
        let foreign = others.make(&name("a/live"), "ann", "x", end).unwrap();
        let (until, rest) = pass.split_once('.').unwrap();
        let longer = format!("{}0.{rest}", until);
        for forged in [
            &foreign,
            &longer,
            &pass[..pass.len() - 2],
            "",
            "..",
            "1",
            "+1..",
        ] {
            assert!(!is_good(forged, "a/live", Some("x"), now), "{forged}");
        }
    }

    #[test]
    fn those_who_come_one_after_the_other_have_one_pass() {
        let start = Clock::start().started();
        let passes = Passes::new([1; 32], start);
        for (lifetime, together) in [(43_200, 5400), (60, 7), (1, 1)] {
            let lifetime = Duration::from_secs(lifetime);
            let ends = |from: u64| {
                let from = start + Duration::from_secs(from);
                let all = (0..2 * together).map(move |second| from + Duration::from_secs(second));
                let all = all.map(|now| (now, passes.end(now, lifetime)));
                all.collect::<Vec<_>>()
            };
            for from in [0, 1, 1000, 12_345] {
                let ends = ends(from);
                for (now, end) in &ends {
                    let good = *end - *now;
                    assert!(good <= lifetime && good > lifetime - Duration::from_secs(together));
                }
                let mut all: Vec<_> = ends.into_iter().map(|(_, end)| end).collect();
                all.dedup();
                assert!(all.len() <= 3, "{lifetime:?}");
            }
        }
    }

    #[test]
    fn a_pass_that_is_made_is_looked_at() {
        let now = Clock::start().started();
        let passes = Passes::new([1; 32], now);
        let end = now + Duration::from_secs(60);
        for (length, is_made) in [(700, true), (720, true), (740, false), (5000, false)] {
            let user = "u".repeat(length);
            let pass = passes.make(&name("a"), &user, "x", end);
            assert_eq!(pass.is_some(), is_made, "{length}");
            let told = |known: &str| (known == user).then(|| "x".to_owned());
            let is_good = pass.is_none_or(|pass| passes.is_good(&pass, &name("a"), told, now));
            assert!(is_good, "{length}");
        }
    }
}
