//! The text of a file of users, as `reelcast passwd` changes it: other lines stay as they are. Pure.

use md5::{Digest, Md5};
use sha2::Sha256;

use super::argon2id;
use super::qtaccess::Scheme;
use super::users::{Users, is_of_user};
use crate::base::hex::hex;
use crate::base::lines::{MARK, whole_lines};

/// The longest name, realm and password, in bytes.
const LONGEST: usize = 255;

/// A file of users that can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserFile(String);

/// What cannot stand in a file of users.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// The file has a fault.
    #[error("line {line}: {text}")]
    Line {
        /// Counted from 1.
        line: usize,
        /// What is wrong, and what would be right.
        text: String,
    },
    /// The name of a user.
    #[error("a user's name has 1 to {LONGEST} bytes without blanks, colons or a # in front")]
    Name,
    /// The realm.
    #[error("a realm has 1 to {LONGEST} bytes on one line")]
    Realm,
    /// The password.
    #[error("a password has 1 to {LONGEST} bytes on one line")]
    Password,
}

impl UserFile {
    /// A file without users.
    ///
    /// # Errors
    /// [`Unfit::Realm`].
    pub fn new(realm: &str) -> Result<Self, Unfit> {
        let realm = realm.trim();
        match is_line(realm) {
            true => Ok(Self(format!("realm {realm}\n"))),
            false => Err(Unfit::Realm),
        }
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// [`Unfit::Line`].
    pub fn read(text: String) -> Result<Self, Unfit> {
        match Users::read(&text) {
            Ok(_) => Ok(Self(text)),
            Err(fault) => Err(Unfit::Line {
                line: fault.line,
                text: fault.text,
            }),
        }
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Gives `user` this password, for logins by `scheme`, or by any; returns whether the user is new.
    /// `salt` is drawn by lot.
    ///
    /// For Basic there is a hash by Argon2id, for Digest there is HA1 by MD5 and by SHA-256, which are as
    /// good as the password to who reads the file.
    ///
    /// # Errors
    /// [`Unfit::Name`] and [`Unfit::Password`].
    pub fn set(
        &mut self,
        user: &str,
        password: &str,
        scheme: Option<Scheme>,
        salt: [u8; 16],
    ) -> Result<bool, Unfit> {
        if !is_name(user) {
            return Err(Unfit::Name);
        }
        if !is_line(password) {
            return Err(Unfit::Password);
        }
        let realm = self.realm();
        let secret = format!("{user}:{realm}:{password}");
        let crypt = match scheme {
            Some(Scheme::Digest) => String::new(),
            Some(Scheme::Basic) | None => argon2id::hash(password, salt),
        };
        let (md5, sha256) = match scheme {
            Some(Scheme::Basic) => (String::new(), String::new()),
            Some(Scheme::Digest) | None => {
                (hex(&Md5::digest(&secret)), hex(&Sha256::digest(&secret)))
            }
        };
        let is_new = !self.remove(user);
        if !self.0.is_empty() && !self.0.ends_with('\n') {
            self.0.push('\n');
        }
        self.0 += &format!("{user}:{crypt}:{md5}:{sha256}\n");
        Ok(is_new)
    }

    /// Takes `user` away, and a mark at the start of the text; returns whether there was such a user.
    pub fn remove(&mut self, user: &str) -> bool {
        let text = self.0.strip_prefix(MARK).unwrap_or(&self.0);
        let others = whole_lines(text).filter(|line| !is_of_user(line, user));
        let others: String = others.collect();
        let was_there = others.len() < text.len();
        self.0 = others;
        was_there
    }

    fn realm(&self) -> String {
        let users = Users::read(&self.0);
        users.map_or_else(|_| String::new(), |users| users.realm().to_owned())
    }
}

fn is_name(name: &str) -> bool {
    let is_fit = |letter: char| letter != ':' && !letter.is_whitespace();
    is_line(name) && name.chars().all(is_fit) && !name.starts_with('#')
}

fn is_line(text: &str) -> bool {
    (1..=LONGEST).contains(&text.len()) && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::digest::Algorithm;

    #[test]
    fn users_come_change_and_go() {
        let mut file = UserFile::new(" Films ").unwrap();
        let set = |file: &mut UserFile, user, password| {
            file.set(user, password, Some(Scheme::Digest), [0; 16])
        };
        assert_eq!(set(&mut file, "ann", "secret"), Ok(true));
        assert_eq!(set(&mut file, "bob", "hidden"), Ok(true));
        let ann = "ann::c0246d1bbd99545245aca0d67458ee50:\
            e62787a7eb67786205354d5afd5f109f104cdc78dde801a212bc7b2ae1caabf3\n";
        let bob = "bob::8a3138383f16197782b66f3b0d051b46:\
            835a0decd3cd02aedf6f900479eefce3d9cf5a9e303695c598558ccc7b24e7e3\n";
        assert_eq!(file.text(), format!("realm Films\n{ann}{bob}"));
        assert_eq!(set(&mut file, "ann", "other"), Ok(false));
        let ann = Users::read(file.text()).unwrap().secret("ann");
        assert!(ann.is_of("other") && !ann.is_of("secret"));
        assert!(file.remove("ann"));
        assert!(!file.remove("ann"));
        assert_eq!(file.text(), format!("realm Films\n{bob}"));
    }

    #[test]
    fn other_lines_stay() {
        let text = "# ours\r\nrealm Films\r\nann:x:c0246d1bbd99545245aca0d67458ee50\r\n# ann: no\r\nann2:$1$a$b:";
        let mut file = UserFile::read(text.to_owned()).unwrap();
        let digest = Some(Scheme::Digest);
        assert_eq!(file.set("ann", "secret", digest, [0; 16]), Ok(false));
        let start = "# ours\r\nrealm Films\r\n# ann: no\r\nann2:$1$a$b:\nann::";
        assert!(file.text().starts_with(start), "{}", file.text());
        let users = Users::read(file.text()).unwrap();
        assert!(users.secret("ann").is_of("secret"));
    }

    #[test]
    fn a_password_ends_however_its_line_does() {
        let old = "c0246d1bbd99545245aca0d67458ee50";
        for text in [
            format!("\u{feff}ann::{old}\nrealm Films\n"),
            format!("realm Films\rann::{old}\rbob:$1$a$b:\r"),
            format!("realm Films\r\nann::{old}\r\n"),
            format!("realm Films\n\n ann::{old}"),
        ] {
            let mut file = UserFile::read(text.clone()).unwrap();
            let digest = Some(Scheme::Digest);
            assert_eq!(file.set("ann", "other", digest, [0; 16]), Ok(false));
            let ann = Users::read(file.text()).unwrap().secret("ann");
            assert!(ann.is_of("other") && !ann.is_of("secret"), "{text:?}");
            assert_eq!(file.text().contains("bob"), text.contains("bob"));
            assert!(file.remove("ann") && !file.remove("ann"), "{text:?}");
        }
    }

    #[test]
    fn a_scheme_has_the_hashes_that_it_needs() {
        for (scheme, by_basic, by_digest) in [
            (None, true, true),
            (Some(Scheme::Basic), true, false),
            (Some(Scheme::Digest), false, true),
        ] {
            let mut file = UserFile::new("Films").unwrap();
            assert_eq!(file.set("ann", "secret", scheme, [7; 16]), Ok(true));
            let users = Users::read(file.text()).unwrap();
            assert!(users.secret("ann").is_of("secret"), "{scheme:?}");
            assert_eq!(users.secret("ann").is_slow(), by_basic, "{scheme:?}");
            for algorithm in [Algorithm::Md5, Algorithm::Sha256] {
                let ha1 = users.ha1("ann", algorithm);
                assert_eq!(ha1.is_some(), by_digest, "{scheme:?}");
            }
        }
    }

    #[test]
    fn what_would_break_the_file_is_refused() {
        let long = "x".repeat(256);
        let mut file = UserFile::new("Films").unwrap();
        for name in ["", "a:b", "a b", "#a", "a\n", "realm x", &long] {
            assert_eq!(
                file.set(name, "x", None, [0; 16]),
                Err(Unfit::Name),
                "{name}"
            );
        }
        for password in ["", "a\nb", &long] {
            let set = file.set("a", password, None, [0; 16]);
            assert_eq!(set, Err(Unfit::Password), "{password}");
        }
        for realm in ["", " ", "a\nb", &long] {
            assert_eq!(UserFile::new(realm), Err(Unfit::Realm), "{realm}");
        }
        let fault = UserFile::read("realm x\nann".to_owned());
        assert!(
            matches!(fault, Err(Unfit::Line { line: 2, .. })),
            "{fault:?}"
        );
        let digest = Some(Scheme::Digest);
        assert_eq!(file.set("a", "a b:c", digest, [0; 16]), Ok(true));
    }
}
