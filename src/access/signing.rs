//! Signed URLs: each opens what has one name, until a time, and perhaps for one network only. Pure.
//!
//! What stands behind `signed=` in the query is `TERMS.MAC`, of characters that every URL takes as they
//! are. The terms are `UNTIL.KEY` or `UNTIL.KEY.NETWORK`: seconds since 1970, the name of a key, and a
//! network as `192.0.2.0-24` or `2001_db8__-32`. The MAC is HMAC-SHA256, in hexadecimal digits, of the name,
//! a line feed, and the terms. So other programs that have a key can sign as well.

use std::net::IpAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hmac::{Hmac, Mac};
use ipnet::IpNet;
use sha2::Sha256;

use super::texts::Fault;
use crate::base::hex::{hex, unhex};
use crate::base::lines::entries;
use crate::base::path::MediaPath;

/// How signatures are called in queries.
pub const SIGNED: &str = "signed";

/// The longest signature that is looked at, in bytes.
const LONGEST: usize = 256;

/// The keys that URLs are signed with, and known by.
#[derive(Clone, Debug, Default)]
pub struct SigningKeys(Vec<SigningKey>);

/// A key and its name.
#[derive(Clone)]
struct SigningKey {
    name: String,
    secret: [u8; 32],
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey({})", self.name)
    }
}

const NO_KEY: &str =
    "no key; write a name of letters, digits and -, a space, and 64 hexadecimal digits";

/// A line that is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {}: {}", .line, NO_KEY)]
pub struct NoKey {
    /// Counted from 1.
    line: usize,
}

/// For whom and until when a signed URL is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// When it ends, to the second.
    pub until: SystemTime,
    /// From where it may be used; `None`: from everywhere.
    pub network: Option<IpNet>,
}

impl SigningKeys {
    /// Reads lines of `NAME SECRET`; empty ones and those that begin with `#` are passed over.
    ///
    /// # Errors
    /// [`NoKey`] for a line of another form, and for a name that is there twice.
    pub fn read(text: &str) -> Result<Self, NoKey> {
        let mut keys = Self::default();
        for (number, line) in entries(text) {
            let key = SigningKey::read(line).filter(|key| !keys.has(&key.name));
            keys.0.push(key.ok_or(NoKey { line: number })?);
        }
        Ok(keys)
    }

    /// Whether there is a key of that name.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|key| key.name == name)
    }

    /// The signature by the first key of what has this name; `None` when there is no key.
    pub fn sign(&self, name: &MediaPath, terms: &Terms) -> Option<String> {
        let key = self.0.first()?;
        let terms = terms.spelled(&key.name);
        let mac = key.mac(name, &terms).finalize().into_bytes();
        Some(format!("{terms}.{}", hex(&mac)))
    }

    /// Whether `signed` opens what has this name to `peer` at the time `now`.
    pub(super) fn know(
        &self,
        signed: &str,
        name: &MediaPath,
        peer: IpAddr,
        now: SystemTime,
    ) -> bool {
        let Some((spelled, mac)) = split(signed) else {
            return false;
        };
        let Some((key, terms)) = Terms::read(spelled) else {
            return false;
        };
        let Some(key) = self.0.iter().find(|known| known.name == key) else {
            return false;
        };
        let is_from_there = |network: IpNet| network.contains(&peer.to_canonical());
        key.mac(name, spelled).verify_slice(&mac).is_ok()
            && now < terms.until
            && terms.network.is_none_or(is_from_there)
    }
}

/// The line for a key in a file of keys.
pub fn key_line(name: &str, secret: [u8; 32]) -> String {
    format!("{name} {}\n", hex(&secret))
}

impl From<NoKey> for Fault {
    fn from(no_key: NoKey) -> Self {
        Self {
            line: no_key.line,
            text: NO_KEY.to_owned(),
        }
    }
}

impl SigningKey {
    fn read(line: &str) -> Option<Self> {
        let (name, secret) = line.split_once(char::is_whitespace)?;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        let secret = unhex(secret.trim())?.try_into().ok()?;
        (name.len() <= 32 && name.bytes().all(is_plain)).then(|| Self {
            name: name.to_owned(),
            secret,
        })
    }

    fn mac(&self, name: &MediaPath, terms: &str) -> Hmac<Sha256> {
        let mac = <Hmac<Sha256> as Mac>::new_from_slice(&self.secret);
        let mac = mac.expect("a secret of any length will do");
        // No name has a line feed, so no two pairs read alike.
        mac.chain_update(name.as_str())
            .chain_update("\n")
            .chain_update(terms)
    }
}

impl Terms {
    fn spelled(&self, key: &str) -> String {
        let until = self.until.duration_since(UNIX_EPOCH).unwrap_or_default();
        let until = until.as_secs();
        match self.network {
            Some(network) => {
                let network = network.to_string().replace('/', "-").replace(':', "_");
                format!("{until}.{key}.{network}")
            }
            None => format!("{until}.{key}"),
        }
    }

    /// The terms, and the name of the key.
    fn read(spelled: &str) -> Option<(&str, Self)> {
        let (until, rest) = spelled.split_once('.')?;
        let (key, network) = match rest.split_once('.') {
            Some((key, network)) => (key, Some(read_network(network)?)),
            None => (rest, None),
        };
        let until = Duration::from_secs(until.parse().ok()?);
        let until = UNIX_EPOCH.checked_add(until)?;
        Some((key, Self { until, network }))
    }
}

/// A network, or the address of one host.
fn read_network(spelled: &str) -> Option<IpNet> {
    let text = spelled.replace('-', "/").replace('_', ":");
    let host = || text.parse::<IpAddr>().map(IpNet::from);
    text.parse().or_else(|_| host()).ok()
}

/// The terms of a signature, and its MAC.
fn split(signed: &str) -> Option<(&str, Vec<u8>)> {
    if signed.len() > LONGEST {
        return None;
    }
    let (terms, mac) = signed.rsplit_once('.')?;
    Some((terms, unhex(mac)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# of this year\n\n\
        new 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n\
        old\t202122232425262728292A2B2C2D2E2F303132333435363738393A3B3C3D3E3F \n";

    const END: SystemTime = UNIX_EPOCH;

    fn name(text: &str) -> MediaPath {
        MediaPath::from_plain(text).unwrap()
    }

    fn terms(network: Option<&str>) -> Terms {
        Terms {
            until: END + Duration::from_secs(1_763_760_000),
            network: network.map(|network| network.parse().unwrap()),
        }
    }

    fn knows(keys: &SigningKeys, signed: &str, path: &str, peer: &str, before: u64) -> bool {
        let now = terms(None).until - Duration::from_secs(before);
        keys.know(signed, &name(path), peer.parse().unwrap(), now)
    }

    #[test]
    fn a_signature_is_good_for_what_it_was_made_for() {
        let keys = SigningKeys::read(FILE).unwrap();
        let signed = keys.sign(&name("news/a b"), &terms(None)).unwrap();
        // As `printf '%s\n%s' NAME TERMS | openssl dgst -sha256 -mac HMAC -macopt hexkey:SECRET` says.
        assert_eq!(signed, MADE_BY_OPENSSL);
        for (path, before, expected) in [
            ("news/a b", 1, true),
            ("news/a b", 1_000_000, true),
            ("news/a b", 0, false),
            ("news/a", 1, false),
            ("news/a b/c", 1, false),
            ("news", 1, false),
            ("", 1, false),
        ] {
            let found = knows(&keys, &signed, path, "192.0.2.1", before);
            assert_eq!(found, expected, "{path} {before}");
        }
    }

    const MADE_BY_OPENSSL: &str =
        "1763760000.new.27b15c83a3f110496a0c058857d707dce4b831d702af56acded0e2d9a269eefc";

    #[test]
    fn nothing_of_a_signature_can_be_changed() {
        let keys = SigningKeys::read(FILE).unwrap();
        let signed = keys.sign(&name("a"), &terms(None)).unwrap();
        let (terms, mac) = signed.rsplit_once('.').unwrap();
        for forged in [
            format!("9{signed}"),
            format!("+{signed}"),
            format!("{terms}.0.0.0.0-0.{mac}"),
            format!("{terms}..{mac}"),
            format!("{terms}.{}", &mac[2..]),
            format!("{terms}.{mac}00"),
            format!("{terms}.{mac}0"),
            format!("{terms}."),
            signed.replace("new", "old"),
            signed.replace("new", ""),
            format!("{}.new.{mac}", u64::MAX),
            mac.to_owned(),
            "0".repeat(LONGEST + 1),
            "..".to_owned(),
            "é.new.é".to_owned(),
            String::new(),
        ] {
            assert!(!knows(&keys, &forged, "a", "192.0.2.1", 1), "{forged}");
        }
        let shouted = format!("{terms}.{}", mac.to_uppercase());
        assert!(knows(&keys, &shouted, "a", "192.0.2.1", 1));
    }

    #[test]
    fn a_signature_may_be_for_one_network() {
        let keys = SigningKeys::read(FILE).unwrap();
        for (network, peer, is_good) in [
            ("192.0.2.0/24", "192.0.2.9", true),
            ("192.0.2.0/24", "::ffff:192.0.2.9", true),
            ("192.0.2.0/24", "192.0.3.9", false),
            ("192.0.2.0/24", "2001:db8::1", false),
            ("192.0.2.7/32", "192.0.2.7", true),
            ("192.0.2.7/32", "192.0.2.8", false),
            ("2001:db8::/32", "2001:db8::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
            ("2001:db8::/32", "192.0.2.7", false),
        ] {
            let signed = keys.sign(&name("a"), &terms(Some(network))).unwrap();
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
            assert!(signed.bytes().all(is_plain), "{signed}");
            let found = knows(&keys, &signed, "a", peer, 1);
            assert_eq!(found, is_good, "{network} {peer}");
        }
        assert_eq!(read_network("192.0.2.7"), "192.0.2.7/32".parse().ok());
        assert_eq!(read_network("192.0.2.7-33"), None);
    }

    #[test]
    fn keys_come_and_go() {
        let both = SigningKeys::read(FILE).unwrap();
        let lines: Vec<_> = FILE.lines().collect();
        let old = SigningKeys::read(lines[3]).unwrap();
        let new = SigningKeys::read(lines[2]).unwrap();
        let signed = old.sign(&name("a"), &terms(None)).unwrap();
        assert!(knows(&both, &signed, "a", "192.0.2.1", 1));
        assert!(!knows(&new, &signed, "a", "192.0.2.1", 1));
        let none = SigningKeys::default();
        assert_eq!(none.sign(&name("a"), &terms(None)), None);
        assert!(!knows(&none, &signed, "a", "192.0.2.1", 1));
        let line = key_line("third", [7; 32]);
        assert!(SigningKeys::read(&line).unwrap().has("third"));
    }

    #[test]
    fn faults_are_told_by_line() {
        let secret = "00".repeat(32);
        for line in [
            "key".to_owned(),
            secret.clone(),
            format!("key {secret}0"),
            format!("key {}", &secret[2..]),
            format!("key {}zz", &secret[2..]),
            format!("a.b {secret}"),
            format!("{} {secret}", "k".repeat(33)),
            format!("old {secret}"),
        ] {
            let read = SigningKeys::read(&format!("{FILE}{line}\n")).map(|_| ());
            assert_eq!(read, Err(NoKey { line: 5 }), "{line}");
        }
    }
}
