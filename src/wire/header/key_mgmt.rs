//! `KeyMgmt`: a message of a key management protocol (RFC 4567, 4.2).

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{Invalid, parameter, split_unquoted};

/// A message of MIKEY in the header of a SETUP or its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyMgmt {
    /// The URL of what the keys are for.
    pub uri: Option<String>,
    /// The message, see [`mikey`](crate::wire::mikey).
    pub data: Vec<u8>,
}

impl KeyMgmt {
    /// Reads the header's value; of several protocols MIKEY alone is looked at.
    ///
    /// # Errors
    /// [`Invalid`] without MIKEY, or when its message is not in base64.
    pub fn read(text: &str) -> Result<Self, Invalid> {
        let is_mikey = |message: &&str| {
            parameter(message, "prot").is_some_and(|name| name.eq_ignore_ascii_case("mikey"))
        };
        let message = split_unquoted(text, ',').find(is_mikey);
        let message = message.ok_or_else(|| invalid("no message of MIKEY"))?;
        let data = parameter(message, "data").ok_or_else(|| invalid("no data"))?;
        let data = STANDARD.decode(data);
        Ok(Self {
            uri: parameter(message, "uri").map(str::to_owned),
            data: data.map_err(|_| invalid("data are no base64"))?,
        })
    }
}

fn invalid(reason: &'static str) -> Invalid {
    Invalid {
        header: "KeyMgmt",
        reason,
    }
}

impl fmt::Display for KeyMgmt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("prot=mikey")?;
        if let Some(uri) = &self.uri {
            write!(f, ";uri=\"{uri}\"")?;
        }
        write!(f, ";data=\"{}\"", STANDARD.encode(&self.data))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mikey_is_found_among_others() {
        let text = r#"prot=other;data="AA==", prot=MIKEY; uri="rtsp://a/b,c"; data="AQID""#;
        let read = KeyMgmt::read(text).unwrap();
        assert_eq!(read.uri.as_deref(), Some("rtsp://a/b,c"));
        assert_eq!(read.data, [1, 2, 3]);
        let written = r#"prot=mikey;uri="rtsp://a/b,c";data="AQID""#;
        assert_eq!(read.to_string(), written);
    }

    #[test]
    fn anything_else_is_invalid() {
        for bad in [
            "",
            "prot=other;data=\"AQID\"",
            "prot=mikey",
            "prot=mikey;data=\"!\"",
        ] {
            assert!(KeyMgmt::read(bad).is_err(), "{bad}");
        }
    }
}
