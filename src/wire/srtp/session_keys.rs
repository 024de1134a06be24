//! The keys that packets are encrypted and authenticated with, derived from a master key (RFC 3711, 4.3).

use aes::Aes128Enc;
use ctr::cipher::{InnerIvInit, KeyInit, StreamCipher};
use ctr::{Ctr128BE, CtrCore};
use hmac::{Hmac, Mac};
use sha1::Sha1;

use super::TAG_LEN;
use super::key::{MasterKey, SALT_LEN};

/// Bytes of a key for HMAC-SHA1 (RFC 3711, 5.2).
const AUTHENTICATION_KEY_LEN: usize = 20;

/// Bytes of a block of AES.
const BLOCK_LEN: usize = 16;

/// Where in a salt the label of a derivation is: the 48 bits of the index are behind it.
const LABEL_AT: usize = SALT_LEN - 7;

/// Which packets keys are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Rtp,
    Rtcp,
}

/// The session keys for one kind of packets.
#[derive(Clone)]
pub(super) struct SessionKeys {
    cipher: Aes128Enc,
    salt: [u8; SALT_LEN],
    authentication: Hmac<Sha1>,
}

impl SessionKeys {
    /// Derived once and for all: the rate of key derivation is 0.
    pub(super) fn derive(master: &MasterKey, purpose: Purpose) -> Self {
        let labels = match purpose {
            Purpose::Rtp => [0, 1, 2],
            Purpose::Rtcp => [3, 4, 5],
        };
        let [encryption, authentication, salt] = labels;
        let root = cipher_of(master.key());
        let key: [u8; 16] = derived(&root, master, encryption);
        let authentication: [u8; AUTHENTICATION_KEY_LEN] = derived(&root, master, authentication);
        Self {
            cipher: cipher_of(&key),
            salt: derived(&root, master, salt),
            authentication: <Hmac<Sha1> as Mac>::new_from_slice(&authentication)
                .expect("HMAC takes keys of any length"),
        }
    }

    /// Encrypts or decrypts what packet `index` of that source has behind its header (RFC 3711, 4.1.1).
    pub(super) fn apply(&self, ssrc: u32, index: u64, bytes: &mut [u8]) {
        let mut start = [0; BLOCK_LEN];
        start[..SALT_LEN].copy_from_slice(&self.salt);
        let ssrc = ssrc.to_be_bytes();
        let [_, _, index @ ..] = index.to_be_bytes();
        let numbers = ssrc.iter().chain(&index);
        for (byte, number) in start[4..SALT_LEN].iter_mut().zip(numbers) {
            *byte ^= number;
        }
        apply_from(&self.cipher, start, bytes);
    }

    /// The authentication tag of `bytes` and what is known beside them.
    pub(super) fn tag(&self, bytes: &[u8], beside: &[u8]) -> [u8; TAG_LEN] {
        let whole = self.authenticated(bytes, beside).finalize().into_bytes();
        std::array::from_fn(|at| whole[at])
    }

    /// Whether `tag` is theirs, in a time that does not tell where it differs.
    pub(super) fn is_tag(&self, tag: &[u8], bytes: &[u8], beside: &[u8]) -> bool {
        let authenticated = self.authenticated(bytes, beside);
        tag.len() == TAG_LEN && authenticated.verify_truncated_left(tag).is_ok()
    }

    fn authenticated(&self, bytes: &[u8], beside: &[u8]) -> Hmac<Sha1> {
        self.authentication
            .clone()
            .chain_update(bytes)
            .chain_update(beside)
    }

    /// The salt and the key of authentication, for vectors of the RFC.
    #[cfg(test)]
    pub(super) fn salt(&self) -> &[u8] {
        &self.salt
    }
}

/// The key with that label (RFC 3711, 4.3.1 and 4.3.3).
pub(super) fn derived<const LEN: usize>(
    root: &Aes128Enc,
    master: &MasterKey,
    label: u8,
) -> [u8; LEN] {
    let mut start = [0; BLOCK_LEN];
    start[..SALT_LEN].copy_from_slice(master.salt());
    start[LABEL_AT] ^= label;
    let mut key = [0; LEN];
    apply_from(root, start, &mut key);
    key
}

/// A cipher with that key of 16 bytes.
pub(super) fn cipher_of(key: &[u8]) -> Aes128Enc {
    Aes128Enc::new_from_slice(key).expect("a key of 16 bytes")
}

/// AES in counter mode; the counter in the last 16 bits of `start` is enough for any packet.
fn apply_from(cipher: &Aes128Enc, start: [u8; BLOCK_LEN], bytes: &mut [u8]) {
    let core = CtrCore::inner_iv_init(cipher, &start.into());
    Ctr128BE::from_core(core).apply_keystream(bytes);
}
