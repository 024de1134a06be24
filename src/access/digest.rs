//! Digest access authentication: what a client that knows the password answers (RFC 7616, 3.4). Pure.

use md5::{Digest, Md5};
use sha2::Sha256;

use crate::base::hex::hex;

/// A hash function of Digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Algorithm {
    /// For clients that know no other.
    Md5,
    Sha256,
}

impl Algorithm {
    /// Reads its name; `None` for one that is not offered.
    pub(super) fn read(name: &str) -> Option<Self> {
        let known = [Self::Md5, Self::Sha256];
        let mut known = known.into_iter();
        known.find(|known| name.eq_ignore_ascii_case(known.name()))
    }

    /// Its name (RFC 7616, 6.1).
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha256 => "SHA-256",
        }
    }

    fn hash(self, text: &str) -> String {
        match self {
            Self::Md5 => hex(&Md5::digest(text)),
            Self::Sha256 => hex(&Sha256::digest(text)),
        }
    }
}

/// What a client answers a challenge with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) user: String,
    pub(super) realm: String,
    pub(super) nonce: String,
    /// What the client says that it asks for.
    pub(super) uri: String,
    pub(super) algorithm: Algorithm,
    /// `None` from clients of the time before `qop` (RFC 2069).
    pub(super) count: Option<Count>,
    pub(super) response: String,
}

/// How often the client has used the nonce (RFC 7616, 3.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Count {
    /// As it is spelled, in hexadecimal digits.
    pub(super) spelled: String,
    pub(super) number: u32,
    pub(super) client_nonce: String,
}

impl Answer {
    /// The response that a client gives to a request of `method` when HA1 is `ha1`, in
    /// hexadecimal digits.
    pub(super) fn expected(&self, ha1: &str, method: &str) -> String {
        let hash = |text: &str| self.algorithm.hash(text);
        let ha2 = hash(&format!("{method}:{}", self.uri));
        let nonce = &self.nonce;
        match &self.count {
            Some(count) => hash(&format!(
                "{ha1}:{nonce}:{}:{}:auth:{ha2}",
                count.spelled, count.client_nonce
            )),
            None => hash(&format!("{ha1}:{nonce}:{ha2}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(algorithm: Algorithm) -> Answer {
        Answer {
            user: "Mufasa".to_owned(),
            realm: "http-auth@example.org".to_owned(),
            nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v".to_owned(),
            uri: "/dir/index.html".to_owned(),
            algorithm,
            count: Some(Count {
                spelled: "00000001".to_owned(),
                number: 1,
                client_nonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ".to_owned(),
            }),
            response: String::new(),
        }
    }

    #[test]
    fn the_examples_of_the_rfc_hold() {
        for (algorithm, expected) in [
            (Algorithm::Md5, "8ca523f5e9506fed4657c9700eebdbec"),
            (
                Algorithm::Sha256,
                "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
            ),
        ] {
            let answer = answer(algorithm);
            let ha1 = algorithm.hash("Mufasa:http-auth@example.org:Circle of Life");
            assert_eq!(answer.expected(&ha1, "GET"), expected);
            assert_ne!(answer.expected(&ha1, "HEAD"), expected);
        }
    }

    #[test]
    fn clients_without_qop_answer_as_in_rfc_2069() {
        let old = Answer {
            user: "Mufasa".to_owned(),
            realm: "testrealm@host.com".to_owned(),
            nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093".to_owned(),
            uri: "/dir/index.html".to_owned(),
            algorithm: Algorithm::Md5,
            count: None,
            response: String::new(),
        };
        let ha1 = Algorithm::Md5.hash("Mufasa:testrealm@host.com:CircleOfLife");
        // As corrected by erratum 749 of RFC 2069.
        assert_eq!(
            old.expected(&ha1, "GET"),
            "1949323746fe6a43ef61f9606e7febea"
        );
    }
}
