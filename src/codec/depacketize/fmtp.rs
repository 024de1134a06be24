//! The parameters of an `a=fmtp` line (RFC 4566, 6): names with values, between semicolons.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;

use crate::base::hex::unhex;

/// Encoders differ on whether base64 in SDP is padded.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The value of `a=fmtp` after the payload type.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fmtp<'a>(&'a str);

impl<'a> Fmtp<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self(text)
    }

    /// The value of a parameter, whose name is found in any case; empty for a flag without one.
    pub(super) fn text(self, name: &str) -> Option<&'a str> {
        self.0.split(';').find_map(|parameter| {
            let (found, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let is_it = found.trim().eq_ignore_ascii_case(name);
            is_it.then(|| value.trim().trim_matches('"'))
        })
    }

    pub(super) fn number(self, name: &str) -> Option<u32> {
        self.text(name)?.parse().ok()
    }

    /// Whether a parameter is 1.
    pub(super) fn flag(self, name: &str) -> bool {
        self.number(name) == Some(1)
    }

    /// A value in hexadecimal; `None` for anything else.
    pub(super) fn hex(self, name: &str) -> Option<Bytes> {
        let text = self.text(name)?;
        (!text.is_empty()).then_some(())?;
        unhex(text).map(Bytes::from)
    }

    /// Values in base64 between commas; those that are none are left out.
    pub(super) fn base64(self, name: &str) -> Vec<Bytes> {
        let values = self.text(name).unwrap_or_default().split(',');
        values
            .filter_map(|value| BASE64.decode(value.trim()).ok())
            .filter(|value| !value.is_empty())
            .map(Bytes::from)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_found_however_they_are_written() {
        let fmtp = Fmtp::new(" config=12 ;SizeLength=13; octet-align = 1;crc;sprop-vps=QAE=, QAE");
        assert_eq!(fmtp.number("sizelength"), Some(13));
        assert!(fmtp.flag("octet-align"));
        assert_eq!(fmtp.text("crc"), Some(""));
        assert_eq!(fmtp.hex("config").as_deref(), Some(&[0x12][..]));
        assert_eq!(fmtp.hex("sizelength"), Some(Bytes::from_static(&[0x13])));
        assert_eq!(fmtp.base64("sprop-vps"), [&[0x40, 1][..], &[0x40, 1]]);
        assert_eq!(fmtp.text("mode"), None);
        assert_eq!(Fmtp::new("config=1g0").hex("config"), None);
    }
}
