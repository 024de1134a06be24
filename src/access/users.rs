//! Files of users: a realm, then `user:crypt:HA1` on each line, with HA1 of SHA-256 as a fourth
//! field (QTSS manual, "Create a User File"; RFC 7616, 3.4.2). Pure.

use std::collections::{BTreeMap, HashMap};

use super::argon2id;
use super::digest::Algorithm;
use super::secret::{self, Hashed, Kind, Secret};
use super::texts::Fault;
use crate::base::lines::entries;

/// The realm of files that name none.
const REALM: &str = "Streaming Server";

/// The most kinds of hashes that are computed for one password, the slowest of a file: all that there are, and Argon2id
/// with four different costs.
const KINDS: usize = 8;

/// The users of a file.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Users {
    realm: String,
    entries: HashMap<String, Entry>,
    /// The kinds of hashes that tell passwords, and a user of each.
    kinds: BTreeMap<Kind, String>,
    /// What Digest is offered with.
    algorithms: Vec<Algorithm>,
}

/// What is known of a user's password.
#[derive(Clone, Default, PartialEq, Eq)]
struct Entry {
    crypt: String,
    /// HA1 in hexadecimal digits.
    md5: Option<String>,
    sha256: Option<String>,
}

impl std::fmt::Debug for Users {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Users({}, {} entries)", self.realm, self.entries.len())
    }
}

impl Default for Users {
    fn default() -> Self {
        Self {
            realm: REALM.to_owned(),
            entries: HashMap::new(),
            kinds: BTreeMap::new(),
            algorithms: vec![Algorithm::Md5],
        }
    }
}

impl Users {
    /// Reads the text of a file. Of two lines for a user the first counts.
    ///
    /// # Errors
    /// The first line that is no user.
    pub(super) fn read(text: &str) -> Result<Self, Fault> {
        let mut users = Self::default();
        for (number, line) in entries(text) {
            if let Some(realm) = realm_of(line) {
                users.realm = realm.to_owned();
                continue;
            }
            let (name, entry) = Entry::read(line).map_err(|text| Fault { line: number, text })?;
            users.add(name, entry);
        }
        while users.kinds.len() > KINDS {
            users.kinds.pop_first();
        }
        users.algorithms = users.offered();
        Ok(users)
    }

    fn add(&mut self, name: String, entry: Entry) {
        if self.entries.contains_key(&name) {
            return;
        }
        let kind = entry.hashed(&name, &self.realm).kind();
        self.kinds.entry(kind).or_insert_with(|| name.clone());
        self.entries.insert(name, entry);
    }

    /// The realm that the hashes were made for.
    pub(super) fn realm(&self) -> &str {
        &self.realm
    }

    /// The algorithms that Digest is offered with, the best first: SHA-256 where all users have it,
    /// for a client takes the first that it knows.
    pub(super) fn algorithms(&self) -> &[Algorithm] {
        &self.algorithms
    }

    fn offered(&self) -> Vec<Algorithm> {
        let entries = || self.entries.values();
        let has_md5 = entries().any(|entry| entry.md5.is_some());
        // Who has no HA1 at all logs in by Basic alone.
        let has_other = entries().any(|entry| entry.md5.is_some() && entry.sha256.is_none());
        let has_sha256 = !has_other && entries().any(|entry| entry.sha256.is_some());
        let offered = [
            (Algorithm::Sha256, has_sha256),
            (Algorithm::Md5, has_md5 || !has_sha256),
        ];
        let offered = offered.into_iter().filter(|(_, is_offered)| *is_offered);
        offered.map(|(algorithm, _)| algorithm).collect()
    }

    /// HA1 of `user` in hexadecimal digits.
    pub(super) fn ha1(&self, user: &str, algorithm: Algorithm) -> Option<&str> {
        let entry = self.entries.get(user)?;
        match algorithm {
            Algorithm::Md5 => entry.md5.as_deref(),
            Algorithm::Sha256 => entry.sha256.as_deref(),
        }
    }

    /// What changes when `user` gets another password; `None` for one who is not here.
    pub(super) fn standing(&self, user: &str) -> Option<String> {
        let entry = self.entries.get(user)?;
        let hashes = [&entry.md5, &entry.sha256].map(|hash| hash.as_deref().unwrap_or_default());
        Some(format!(
            "{}:{}:{}",
            hashes.join(":"),
            entry.crypt,
            self.realm
        ))
    }

    /// What tells whether a password is that of `user`, who need not be here.
    pub(super) fn secret(&self, user: &str) -> Secret {
        let own = self.hashed(user);
        let kind = own.as_ref().map(Hashed::kind);
        let others = self.kinds.iter().filter(|(other, _)| kind != Some(**other));
        let others = others.filter_map(|(_, user)| self.hashed(user)).collect();
        Secret { own, others }
    }

    fn hashed(&self, user: &str) -> Option<Hashed> {
        let entry = self.entries.get(user)?;
        Some(entry.hashed(user, &self.realm))
    }
}

impl Entry {
    fn read(line: &str) -> Result<(String, Self), String> {
        let mut fields = line.split(':');
        let name = fields.next().unwrap_or_default();
        let crypt = fields
            .next()
            .ok_or("no user; write USER:CRYPT:HA1, or the realm as realm NAME")?;
        let md5 = fields.next().unwrap_or_default();
        let sha256 = fields.next().unwrap_or_default();
        if name.is_empty() || fields.next().is_some() {
            return Err("no user; write USER:CRYPT:HA1".to_owned());
        }
        let entry = Self {
            crypt: crypt.to_owned(),
            md5: hash_of(md5, 32)?,
            sha256: hash_of(sha256, 64)?,
        };
        let is_readable = || secret::is_known(&entry.crypt);
        if entry.md5.is_none() && entry.sha256.is_none() && !is_readable() {
            return Err(format!("{name} has no hash that can be read; add HA1"));
        }
        Ok((name.to_owned(), entry))
    }

    /// The best hash that there is.
    ///
    /// Argon2id goes before HA1, for it stays right when the realm changes. The old hashes in its place go last: of
    /// a password hashed by DES only eight letters count.
    fn hashed(&self, user: &str, realm: &str) -> Hashed {
        let ha1 = |algorithm, ha1: &String| Hashed::Ha1 {
            algorithm,
            before: format!("{user}:{realm}:"),
            ha1: ha1.clone(),
        };
        match (&self.sha256, &self.md5) {
            _ if argon2id::is_known(&self.crypt) => Hashed::Slow(self.crypt.clone()),
            (Some(sha256), _) => ha1(Algorithm::Sha256, sha256),
            (None, Some(md5)) => ha1(Algorithm::Md5, md5),
            (None, None) => Hashed::Slow(self.crypt.clone()),
        }
    }
}

/// Whether a line of a file is that of `user`.
pub(super) fn is_of_user(line: &str, user: &str) -> bool {
    let line = line.trim();
    let rest = line.strip_prefix(user);
    rest.is_some_and(|rest| rest.starts_with(':')) && !line.starts_with('#')
}

/// The realm that a line tells; `realm:…` is a user.
fn realm_of(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("realm")?;
    rest.starts_with(char::is_whitespace).then(|| rest.trim())
}

fn hash_of(field: &str, digits: usize) -> Result<Option<String>, String> {
    let field = field.trim();
    if field.is_empty() {
        return Ok(None);
    }
    if field.len() != digits || !field.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(format!("HA1 is not {digits} hexadecimal digits"));
    }
    Ok(Some(field.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `ann` with the password `secret` in the realm `Films`.
    const MD5: &str = "c0246d1bbd99545245aca0d67458ee50";
    const SHA256: &str = "e62787a7eb67786205354d5afd5f109f104cdc78dde801a212bc7b2ae1caabf3";

    fn users(lines: &str) -> Users {
        Users::read(&format!("realm Films\n{lines}\n")).unwrap()
    }

    #[test]
    fn passwords_are_known_by_each_hash() {
        let argon2id = argon2id::hash("secret", [7; 16]);
        for line in [
            format!("ann:GHZBmpuE2OC2.:{MD5}"),
            format!("ann:{argon2id}:{MD5}"),
            format!("ann:{argon2id}"),
            // What is right in another realm.
            format!("ann:{argon2id}:{}:{}", "0".repeat(32), "0".repeat(64)),
            "ann:abNANd1rDfiNc".to_owned(),
            format!("ann::{MD5}:"),
            format!("ann:::{SHA256}"),
            format!("ann:x:{MD5}:{SHA256}"),
            "ann:$apr1$abcdefgh$h9FWgUz3n9YxylKLlR5SQ/".to_owned(),
            "ann:$1$abcdefgh$cHJi5PXp/ki/ktXzqlk6I1:".to_owned(),
        ] {
            let users = users(&line);
            assert!(users.secret("ann").is_of("secret"), "{line}");
            for (user, password) in [
                ("ann", "Secret"),
                ("ann", ""),
                ("ann", MD5),
                ("Ann", "secret"),
                ("", "secret"),
                ("bob", "secret"),
            ] {
                let secret = users.secret(user);
                assert!(!secret.is_of(password), "{line} {user} {password}");
            }
        }
    }

    /// What is computed for the password of `user`.
    fn work(users: &Users, user: &str) -> Vec<Kind> {
        let Secret { own, others } = users.secret(user);
        let mut work: Vec<_> = own.iter().chain(&others).map(Hashed::kind).collect();
        work.sort();
        work
    }

    #[test]
    fn every_name_costs_the_same() {
        let des = "ann:GHZBmpuE2OC2.:";
        let by_md5 = "bob:$1$abcdefgh$cHJi5PXp/ki/ktXzqlk6I1:";
        let argon2id = format!("cid:{}:", argon2id::hash("secret", [7; 16]));
        let cheap = "dan:$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        let (ha1, both) = (format!("eve::{MD5}"), format!("fay::{MD5}:{SHA256}"));
        let lines = [des, by_md5, &argon2id, cheap, &ha1, &both];
        for chosen in 0..1_u32 << lines.len() {
            let is_chosen = |(place, _): &(usize, &&str)| chosen >> place & 1 == 1;
            let chosen = lines.iter().enumerate().filter(is_chosen);
            let chosen: Vec<_> = chosen.map(|(_, line)| *line).collect();
            let users = users(&chosen.join("\n"));
            let of_nobody = work(&users, "nobody");
            assert_eq!(of_nobody.len(), chosen.len(), "{chosen:?}");
            for line in &chosen {
                let user = line.split(':').next().unwrap();
                assert_eq!(work(&users, user), of_nobody, "{chosen:?} {user}");
            }
        }
    }

    #[test]
    fn one_password_costs_so_much_at_most() {
        let hash = "$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        let line = |memory| format!("u{memory}:$argon2id$v=19$m={memory},t=2,p=1{hash}");
        let lines: Vec<_> = (100..120).map(line).collect();
        let users = users(&lines.join("\n"));
        let slowest: Vec<_> = (112..120)
            .map(|memory| Kind::Argon2id(memory, 2, 1))
            .collect();
        assert_eq!(work(&users, "nobody"), slowest);
        assert_eq!(work(&users, "u119"), slowest);
    }

    #[test]
    fn digest_is_offered_as_the_file_allows() {
        use Algorithm::{Md5, Sha256};
        let both = format!("ann::{MD5}:{SHA256}");
        let argon2id = argon2id::hash("secret", [7; 16]);
        for (lines, algorithms) in [
            (both.clone(), vec![Sha256, Md5]),
            (format!("{both}\nbob::{MD5}"), vec![Md5]),
            (format!("ann:::{SHA256}"), vec![Sha256]),
            (format!("{both}\nbob:{argon2id}"), vec![Sha256, Md5]),
            (String::new(), vec![Md5]),
        ] {
            assert_eq!(users(&lines).algorithms(), algorithms, "{lines}");
        }
        assert_eq!(users(&both).ha1("ann", Md5), Some(MD5));
        assert_eq!(users(&both).ha1("bob", Md5), None);
    }

    #[test]
    fn lines_are_read_or_told() {
        let users = Users::read("# x\r\nrealm My films \r\nrealm:$1$a$b:\r\n").unwrap();
        assert_eq!(users.realm(), "My films");
        assert!(users.entries.contains_key("realm"));
        assert_eq!(Users::read("").unwrap().realm(), REALM);
        for text in [
            "ann",
            ":x:y",
            "ann::short",
            "ann:GHZBmpuE2OC2",
            "ann:$argon2id$v=19$m=64,t=2,p=1$c2FsdA$",
            "ann::::x:",
            "ann::zz82e7d0a4a4c3f1e1f2d3c4b5a69788",
        ] {
            let fault = Users::read(&format!("realm x\n{text}")).expect_err(text);
            assert_eq!(fault.line, 2, "{text}");
        }
    }
}
