//! What tells whether a password is right: the best hash of it that a file of users has. Pure, but some
//! take long to compare.

use std::hint::black_box;

use md5::{Digest, Md5};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::digest::Algorithm;
use super::{argon2id, des_crypt, md5_crypt};
use crate::base::hex::hex;

/// What tells whether a password is that of a user.
#[derive(Clone)]
pub(super) struct Secret {
    /// The hash of the user's password; `None` for one who is not in the file, whom no password lets in.
    pub(super) own: Option<Hashed>,
    /// Hashes of other users, one of each kind that the file has beside the user's own. They are computed as well, so
    /// that the time it takes is the same for every name.
    pub(super) others: Vec<Hashed>,
}

/// A hash of a password.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Hashed {
    /// By a function that takes its time, as the second field of a line has it.
    Slow(String),
    /// HA1 in hexadecimal digits, which was made of the password and of what stands before it.
    Ha1 {
        algorithm: Algorithm,
        /// `user:realm:`
        before: String,
        ha1: String,
    },
}

/// How a hash is computed: those of one kind take as long as one another. The slowest is the greatest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Ha1(Algorithm),
    Des,
    Md5,
    /// With its costs.
    Argon2id(u32, u32, u32),
}

impl Secret {
    /// Whether the comparison takes so long that others should not have to wait for it.
    pub(super) fn is_slow(&self) -> bool {
        let mut all = self.own.iter().chain(&self.others);
        all.any(|hashed| matches!(hashed, Hashed::Slow(_)))
    }

    /// The user's own hash alone, which no two passwords share; empty for one who is not in the file.
    pub(super) fn hash(&self) -> &str {
        match &self.own {
            Some(Hashed::Slow(hash) | Hashed::Ha1 { ha1: hash, .. }) => hash,
            None => "",
        }
    }

    /// Whether it was made of `password`. May take tens of milliseconds.
    pub(super) fn is_of(&self, password: &str) -> bool {
        for other in &self.others {
            black_box(other.is_of(password));
        }
        let own = self.own.as_ref();
        own.is_some_and(|own| own.is_of(password))
    }
}

impl Hashed {
    /// How it is computed.
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Ha1 { algorithm, .. } => Kind::Ha1(*algorithm),
            Self::Slow(hash) => match argon2id::costs(hash) {
                Some((memory, passes, lanes)) => Kind::Argon2id(memory, passes, lanes),
                None if md5_crypt::is_known(hash) => Kind::Md5,
                None => Kind::Des,
            },
        }
    }

    fn is_of(&self, password: &str) -> bool {
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
