//! Which certificate the other side of a TLS connection may show, as the settings say.

use serde::de::Error;
use serde::{Deserialize, Deserializer};

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
    let digits: Vec<u8> = text
        .strip_prefix("sha256:")?
        .chars()
        .filter(|character| *character != ':')
        .map(|character| {
            character
                .to_digit(16)
                .and_then(|digit| u8::try_from(digit).ok())
        })
        .collect::<Option<_>>()?;
    let pairs = digits.chunks(2).map(|pair| match pair {
        [high, low] => Some(high << 4 | low),
        _ => None,
    });
    pairs.collect::<Option<Vec<u8>>>()?.try_into().ok()
}
