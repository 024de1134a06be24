//! What tells whether a password is right: the best hash of it that a file of users has. Pure, but some
//! take long to compare.

use md5::{Digest, Md5};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::digest::{Algorithm, hex};
use super::{argon2id, des_crypt, md5_crypt};

/// A hash of a password.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Secret {
    /// By a function that takes its time, as the second field of a line has it.
    Slow(String),
    /// HA1 in hexadecimal digits, which was made of the password and of what stands before it.
    Ha1 {
        algorithm: Algorithm,
        /// `user:realm:`
        before: String,
        ha1: String,
    },
    /// Nobody's, which no password is: it takes as long to find out as with this hash of another user.
    Nobodys(Option<String>),
}

impl Secret {
    /// Whether the comparison takes so long that others should not have to wait for it.
    pub(super) fn is_slow(&self) -> bool {
        !matches!(self, Self::Ha1 { .. } | Self::Nobodys(None))
    }

    /// The hash alone, which no two salts share; `None` where comparing it takes no time.
    pub(super) fn slow_hash(&self) -> Option<&str> {
        match self {
            Self::Slow(hash) => Some(hash),
            Self::Ha1 { .. } | Self::Nobodys(_) => None,
        }
    }

    /// Whether it was made of `password`. May take tens of milliseconds.
    pub(super) fn is_of(&self, password: &str) -> bool {
        match self {
            Self::Slow(known) => is_hash_of(password, known),
            Self::Ha1 {
                algorithm,
                before,
                ha1,
            } => {
                let text = format!("{before}{password}");
                let made = match algorithm {
                    Algorithm::Sha256 => hex(&Sha256::digest(text)),
                    Algorithm::Md5 => hex(&Md5::digest(text)),
                };
                is_same(&made, ha1)
            }
            Self::Nobodys(other) => {
                let _ = other.as_deref().map(|known| is_hash_of(password, known));
                false
            }
        }
    }
}

/// Whether the second field of a line is a hash that can be read.
pub(super) fn is_known(field: &str) -> bool {
    argon2id::is_known(field) || md5_crypt::is_known(field) || des_crypt::is_known(field)
}

fn is_hash_of(password: &str, known: &str) -> bool {
    if argon2id::is_known(known) {
        return argon2id::is_of(password, known);
    }
    let made = md5_crypt::hash(password, known).or_else(|| des_crypt::hash(password, known));
    made.is_some_and(|made| is_same(&made, known))
}

fn is_same(made: &str, known: &str) -> bool {
    made.as_bytes().ct_eq(known.as_bytes()).into()
}
