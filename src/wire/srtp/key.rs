//! Master keys, from which all keys of a stream are derived.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Bytes of a master key with its salt.
pub const MASTER_LEN: usize = KEY_LEN + SALT_LEN;

/// Bytes of a key for AES.
pub(super) const KEY_LEN: usize = 16;

/// Bytes of a salt (RFC 3711, 8.2).
pub(super) const SALT_LEN: usize = 14;

/// A master key and its salt (RFC 3711, 3.2.1).
///
/// Whoever uses it for two streams with the same synchronisation source reveals both.
#[derive(Clone, PartialEq, Eq)]
pub struct MasterKey([u8; MASTER_LEN]);

impl MasterKey {
    /// The key, and the salt behind it.
    pub fn new(bytes: [u8; MASTER_LEN]) -> Self {
        Self(bytes)
    }

    /// The key, and the salt behind it.
    pub fn as_bytes(&self) -> &[u8; MASTER_LEN] {
        &self.0
    }

    /// As `a=crypto` has it: `inline:` and base64 (RFC 4568, 6.1).
    pub fn inline(&self) -> String {
        format!("inline:{}", STANDARD.encode(self.0))
    }

    pub(super) fn key(&self) -> &[u8] {
        &self.0[..KEY_LEN]
    }

    pub(super) fn salt(&self) -> &[u8] {
        &self.0[KEY_LEN..]
    }
}

/// Keys do not belong into logs.
impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey")
    }
}
