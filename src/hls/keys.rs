//! The keys that segments are encrypted with: one for everything, one each, or one after the other.
//!
//! All are made from one secret, so that nothing has to be kept of them. Who may have a key, the
//! server decides that hands it out; what is done with it stands in [`lock`](super::lock).

use std::fmt::{self, Debug, Formatter};
use std::path::Path;
use std::{fs, io};

use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::lock::{Lock, Manner};
use crate::base::path::MediaPath;
use crate::config::{Encryption, KeyCount, Method};

/// A key of AES-128. Its bytes are not printed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Key(pub [u8; 16]);

impl Debug for Key {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum NoKeys {
    /// The key file cannot be read.
    #[error("the key file cannot be read: {0}")]
    Read(#[from] io::Error),
    /// The key file holds something else.
    #[error("the key file has {0} bytes and not 16")]
    Size(usize),
}

impl Key {
    /// A key drawn by lot.
    pub fn draw() -> Self {
        Self(rand::random())
    }

    /// The content of a file of 16 bytes.
    ///
    /// # Errors
    /// [`NoKeys`] when it cannot be read, and when it is longer or shorter.
    pub fn read(file: &Path) -> Result<Self, NoKeys> {
        let bytes = fs::read(file)?;
        let size = bytes.len();
        bytes.try_into().map(Self).map_err(|_| NoKeys::Size(size))
    }
}

/// The keys of a channel or movie.
#[derive(Clone, Debug)]
pub struct Keys {
    manner: Manner,
    count: KeyCount,
    rotate_after: u64,
    secret: Key,
    name: MediaPath,
    number: u32,
}

impl Keys {
    /// For the files that the packager `number` of `name` makes, as the settings want it; `None`
    /// without encryption. `drawn` is the secret where there is no key file, which is read here.
    ///
    /// # Errors
    /// [`NoKeys`] when the key file is not sound.
    pub fn of(
        settings: &Encryption,
        drawn: Key,
        name: &MediaPath,
        number: u32,
    ) -> Result<Option<Self>, NoKeys> {
        let manner = match settings.method {
            Method::None => return Ok(None),
            Method::Aes128 => Manner::Whole,
            Method::SampleAes => Manner::Samples,
        };
        let secret = match settings.key_file.as_os_str().is_empty() {
            true => drawn,
            false => Key::read(&settings.key_file)?,
        };
        Ok(Some(Self {
            manner,
            count: settings.keys,
            rotate_after: u64::from(settings.rotate_after).max(1),
            secret,
            name: name.clone(),
            number,
        }))
    }

    /// For the files of another number, which belong to the same channel.
    pub(super) fn of_number(&self, number: u32) -> Self {
        Self {
            number,
            ..self.clone()
        }
    }

    /// How the segment `sequence` is encrypted.
    pub fn lock(&self, sequence: u64) -> Lock {
        let period = match self.count {
            KeyCount::One | KeyCount::Each => 0,
            KeyCount::Rotate => sequence / self.rotate_after,
        };
        // Samples of one key have one initialisation vector, because a map tells it.
        let salt = match self.manner {
            Manner::Whole => sequence,
            Manner::Samples => period,
        };
        Lock::new(self.manner, self.key(period), period, self.number, salt)
    }

    /// The key of the segments that are locked with it in that [period](Lock::period).
    pub fn key(&self, period: u64) -> Key {
        if self.count == KeyCount::One {
            return self.secret;
        }
        let Key(secret) = self.secret;
        let mac = Hmac::<Sha256>::new_from_slice(&secret).expect("HMAC takes keys of any length");
        let rotated = (self.count == KeyCount::Rotate).then_some((self.number, period));
        let (number, period) = rotated.unwrap_or_default();
        let mac = mac
            .chain_update(number.to_be_bytes())
            .chain_update(period.to_be_bytes())
            .chain_update(self.name.as_str());
        let code = mac.finalize().into_bytes();
        let (key, _) = code.split_first_chunk().expect("a code has 32 bytes");
        Key(*key)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn keys(count: KeyCount, name: &str, number: u32) -> Keys {
        let settings = Encryption {
            method: Method::Aes128,
            keys: count,
            rotate_after: 10,
            ..Encryption::default()
        };
        let name = MediaPath::from_plain(name).unwrap();
        let keys = Keys::of(&settings, Key([7; 16]), &name, number);
        keys.unwrap().unwrap()
    }

    #[test]
    fn one_key_is_the_secret_itself() {
        let (a, b) = (keys(KeyCount::One, "a", 1), keys(KeyCount::One, "b", 2));
        assert_eq!((a.key(0), b.key(0)), (Key([7; 16]), Key([7; 16])));
        assert_ne!(a.lock(5), b.lock(5));
    }

    #[test]
    fn each_name_has_a_key_that_lasts() {
        let key = |name, number| keys(KeyCount::Each, name, number).key(0);
        assert_eq!(key("a", 1), key("a", 2));
        assert_ne!(key("a", 1), key("b", 1));
        assert_ne!(key("a", 1), Key([7; 16]));
    }

    #[test]
    fn keys_rotate_and_vectors_change_with_each_segment() {
        let keys = keys(KeyCount::Rotate, "a", 1);
        let locks: Vec<_> = (19..=21).map(|sequence| keys.lock(sequence)).collect();
        assert_eq!(
            locks.iter().map(|lock| lock.period).collect::<Vec<_>>(),
            [1, 2, 2]
        );
        assert_ne!(keys.key(1), keys.key(2));
        assert_ne!(locks[1].iv(), locks[2].iv());
    }

    #[test]
    fn a_key_file_has_sixteen_bytes() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"0123456789abcdef").unwrap();
        assert_eq!(Key::read(file.path()).unwrap(), Key(*b"0123456789abcdef"));
        file.write_all(b"\n").unwrap();
        assert!(matches!(Key::read(file.path()), Err(NoKeys::Size(17))));
        assert!(matches!(
            Key::read(Path::new("/nowhere/key")),
            Err(NoKeys::Read(_))
        ));
        assert_eq!(format!("{:?}", Key([1; 16])), "Key(..)");
    }

    #[test]
    fn nothing_is_encrypted_unless_it_is_asked_for() {
        let name = MediaPath::from_plain("a").unwrap();
        let keys = Keys::of(&Encryption::default(), Key([7; 16]), &name, 1);
        assert!(keys.unwrap().is_none());
    }
}
