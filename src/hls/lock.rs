//! How one segment is encrypted, and whole files of it (rfc8216bis, 4.4.4.4 and 5).
//!
//! Samples in files are the matter of `container::mp4::cenc`.

use std::fmt::{self, Debug, Formatter};

use aes::Aes128;
use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockCipherEncrypt, BlockModeEncrypt, KeyInit, KeyIvInit};
use bytes::Bytes;
use cbc::Encryptor;
use sha2::{Digest, Sha256};

use super::keys::Key;
use crate::codec::Format;
use crate::container::mp4::cenc::{Cipher, Protection, Subsample};

/// What of a segment is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// All of it, and each of its parts by itself: the method `AES-128`.
    Whole,
    /// The samples in it: the method `SAMPLE-AES`.
    Samples,
}

impl Manner {
    /// The name of the method in playlists.
    pub(super) fn method(self) -> &'static str {
        match self {
            Self::Whole => "AES-128",
            Self::Samples => "SAMPLE-AES",
        }
    }
}

/// How a segment is encrypted.
#[derive(Clone, PartialEq, Eq)]
pub struct Lock {
    /// What of it is.
    pub manner: Manner,
    /// Counts the keys of a packager; it names them.
    pub period: u64,
    key: Key,
    iv: [u8; 16],
}

impl Debug for Lock {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "Lock({:?}, {})", self.manner, self.period)
    }
}

impl Lock {
    /// With a key of that period. No two locks of a key may have both `number` and `salt` in common,
    /// unless they are one and the same.
    ///
    /// The initialisation vector is the two of them encrypted, so that nobody can foresee it (NIST
    /// SP 800-38A, appendix C).
    pub(super) fn new(manner: Manner, key: Key, period: u64, number: u32, salt: u64) -> Self {
        let mut iv = [0; 16];
        iv[..4].copy_from_slice(&number.to_be_bytes());
        iv[8..].copy_from_slice(&salt.to_be_bytes());
        Aes128::new(&key.0.into()).encrypt_block((&mut iv).into());
        Self {
            manner,
            period,
            key,
            iv,
        }
    }

    /// How one key frame of a segment that is so encrypted is by itself, the `number`th of the
    /// packager `packager`.
    pub(super) fn of_i_frame(&self, packager: u32, number: u64) -> Self {
        match self.manner {
            // No segment has so high a number.
            Manner::Whole => {
                let salt = number | 1 << 63;
                Self::new(self.manner, self.key, self.period, packager, salt)
            }
            Manner::Samples => self.clone(),
        }
    }

    /// The initialisation vector, in network order.
    pub(super) fn iv(&self) -> u128 {
        u128::from_be_bytes(self.iv)
    }

    /// A file encrypted: the pieces one after the other, with the padding of PKCS #7.
    pub(super) fn seal<'p>(&self, pieces: impl IntoIterator<Item = &'p Bytes>) -> Bytes {
        let mut bytes = Vec::new();
        for piece in pieces {
            bytes.extend_from_slice(piece);
        }
        let size = bytes.len();
        bytes.resize(sealed_size(size), 0);
        let encryptor = Encryptor::<Aes128>::new(&self.key.0.into(), &self.iv.into());
        let sealed = encryptor.encrypt_padded::<Pkcs7>(&mut bytes, size);
        sealed.expect("there is room for the padding");
        bytes.into()
    }

    /// What encrypts samples of a format; `None` where samples are not encrypted.
    pub(super) fn cipher(&self, format: &Format) -> Option<Cipher> {
        let Key(key) = self.key;
        (self.manner == Manner::Samples).then(|| Cipher::new(key, self.iv, format))
    }

    /// What the map tells of encrypted samples; `None` where samples are not encrypted.
    pub(super) fn protection(&self) -> Option<Protection> {
        (self.manner == Manner::Samples).then(|| Protection {
            key_id: key_id(self.key),
            iv: self.iv,
        })
    }
}

/// The bytes of a track's samples as they go into a fragment.
#[derive(Debug, Default)]
pub(super) struct Payload {
    /// A slice for each sample.
    pub(super) data: Vec<Bytes>,
    /// What of each is encrypted; empty where nothing is, or all of them are one run.
    pub(super) subsamples: Vec<Vec<Subsample>>,
    /// Whether they are encrypted.
    pub(super) is_encrypted: bool,
}

impl Payload {
    /// Of `samples` of a format, encrypted if `lock` encrypts samples.
    pub(super) fn of<'s>(
        samples: impl Iterator<Item = &'s Bytes>,
        format: Option<&Format>,
        lock: Option<&Lock>,
    ) -> Self {
        let cipher = lock.zip(format);
        let Some(cipher) = cipher.and_then(|(lock, format)| lock.cipher(format)) else {
            return Self {
                data: samples.cloned().collect(),
                ..Self::default()
            };
        };
        let (data, mut subsamples): (_, Vec<_>) =
            samples.map(|sample| cipher.encrypt(sample)).unzip();
        if subsamples.iter().all(Vec::is_empty) {
            subsamples.clear();
        }
        Self {
            data,
            subsamples,
            is_encrypted: true,
        }
    }
}

/// A name of the key that does not tell it.
fn key_id(Key(key): Key) -> [u8; 16] {
    let digest = Sha256::digest(key);
    std::array::from_fn(|at| digest[at])
}

/// Bytes of a file of `size` bytes when it is encrypted: padding is one byte at least.
fn sealed_size(size: usize) -> usize {
    size - size % BLOCK + BLOCK
}

const BLOCK: usize = 16;

#[cfg(test)]
mod tests {
    use aes::cipher::BlockModeDecrypt;
    use cbc::Decryptor;

    use super::*;

    fn lock(salt: u64) -> Lock {
        Lock::new(Manner::Whole, Key([3; 16]), 0, 1, salt)
    }

    #[test]
    fn what_is_sealed_opens_with_its_key_alone() {
        let pieces = [
            Bytes::from_static(b"what a player"),
            Bytes::from_static(b" needs to see"),
        ];
        let sealed = lock(5).seal(&pieces);
        assert_eq!(sealed.len(), 32);
        let open = |key: [u8; 16]| {
            let decryptor = Decryptor::<Aes128>::new(&key.into(), &lock(5).iv.into());
            decryptor.decrypt_padded_vec::<Pkcs7>(&sealed)
        };
        assert_eq!(open([3; 16]).unwrap(), pieces.concat());
        assert_ne!(open([4; 16]).ok(), Some(pieces.concat()));
    }

    #[test]
    fn padding_is_never_missing() {
        for (size, sealed) in [(0, 16), (1, 16), (15, 16), (16, 32), (17, 32)] {
            let bytes = lock(5).seal([&Bytes::from(vec![0; size])]);
            assert_eq!(bytes.len(), sealed, "{size}");
        }
    }

    #[test]
    fn no_two_vectors_are_alike() {
        assert_ne!(lock(5).iv(), lock(6).iv());
        let other = Lock::new(Manner::Whole, Key([3; 16]), 0, 2, 5);
        assert_ne!(lock(5).iv(), other.iv());
        assert_ne!(lock(5).iv(), lock(5).of_i_frame(1, 5).iv());
    }
}
