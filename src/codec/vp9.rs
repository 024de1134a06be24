//! VP9: its configuration record and RTP payloads.

use super::Malformed;

/// What SDP says about a stream (RFC 9628, 6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// The bitstream profile, 0 to 3.
    pub profile: u8,
}

impl Config {
    /// Reads a VPCodecConfigurationRecord, the content of `vpcC` with its version and flags.
    ///
    /// # Errors
    /// [`Malformed`] when it is cut short.
    pub fn from_vpcc(record: &[u8]) -> Result<Self, Malformed> {
        match *record {
            [_, _, _, _, profile @ 0..=3, _, _, ..] => Ok(Self { profile }),
            [_, _, _, _, _, _, _, ..] => Err(Malformed::new("VP9", "profile above 3")),
            _ => Err(Malformed::new("VP9", "vpcC is cut short")),
        }
    }
}
