//! AV1: its configuration record and RTP payloads.

use super::Malformed;

/// What SDP says about a stream (AV1 RTP payload specification 1.0, 7.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// seq_profile.
    pub profile: u8,
    /// seq_level_idx of the first operating point.
    pub level: u8,
    /// seq_tier of the first operating point.
    pub tier: u8,
}

impl Config {
    /// Reads an AV1CodecConfigurationRecord, the content of `av1C`.
    ///
    /// # Errors
    /// [`Malformed`] when it is cut short or of an unknown version.
    pub fn from_av1c(record: &[u8]) -> Result<Self, Malformed> {
        match *record {
            [0x81, profile_level, tier, _, ..] => Ok(Self {
                profile: profile_level >> 5,
                level: profile_level & 0x1f,
                tier: tier >> 7,
            }),
            [_, _, _, _, ..] => Err(Malformed::new("AV1", "av1C is not of version 1")),
            _ => Err(Malformed::new("AV1", "av1C is cut short")),
        }
    }
}
