//! Which certificate the other side of a TLS connection may show, as the settings say.

use serde::de::Error;
use serde::{Deserialize, Deserializer};

use crate::base::hex::unhex;

/// Which certificate the other side of a TLS connection may show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Certificate {
    /// One for its name, signed by an authority that this system trusts.
    #[default]
    Trusted,
    /// The one whose SHA-256 this is, whoever signed it.
    Pinned([u8; 32]),
    /// Any: encrypted, but to whom is not known.
    Any,
}

impl<'de> Deserialize<'de> for Certificate {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        match text.as_str() {
            "trusted" => Ok(Self::Trusted),
            "any" => Ok(Self::Any),
            _ => fingerprint(&text).map(Self::Pinned).ok_or_else(|| {
                D::Error::custom(format_args!(
                    "`{text}` is not \"trusted\", \"any\" or \"sha256:\" and 64 hexadecimal digits"
                ))
            }),
        }
    }
}

/// The bytes of `sha256:` and pairs of hexadecimal digits, with or without colons between.
fn fingerprint(text: &str) -> Option<[u8; 32]> {
    let digits = text.strip_prefix("sha256:")?.replace(':', "");
    unhex(&digits)?.try_into().ok()
}
