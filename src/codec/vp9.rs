//! VP9: its configuration record and RTP payloads.

use super::fragments::fragments;
use super::{Malformed, Packetize, Sample, Sink};

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

/// RTP payloads in non-flexible mode without picture identifiers (RFC 9628, 4.2).
///
/// A superframe goes out whole, as one frame of a stream without layers.
pub(super) struct Packetizer;

impl Packetize for Packetizer {
    fn packetize(
        &self,
        samples: &[Sample<'_>],
        limit: usize,
        sink: &mut dyn Sink,
    ) -> Result<(), Malformed> {
        for sample in samples {
            let &[first, ..] = sample.data else {
                return Err(Malformed::new("VP9", "empty frame"));
            };
            let inter = u8::from(!is_key(first)) << 6;
            for fragment in fragments(sample.data, limit.saturating_sub(1)) {
                let ends = u8::from(fragment.start == 0) << 3 | u8::from(fragment.last) << 2;
                let parts = [&[inter | ends], fragment.data];
                sink.payload(&parts, fragment.last, sample.offset);
            }
        }
        Ok(())
    }
}

/// Whether a frame whose uncompressed header starts with `first` is a key frame (VP9 bitstream, 6.2).
fn is_key(first: u8) -> bool {
    const PROFILE_3: u8 = 0x30;
    // Two bits of marker and two of profile, one reserved in profile 3, then
    // show_existing_frame and frame_type, both 0 in a key frame.
    match first & PROFILE_3 {
        PROFILE_3 => first & 0x06 == 0,
        _ => first & 0x0c == 0,
    }
}
