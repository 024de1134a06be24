//! MPEG-4 Visual: its SDP parameters and RTP payloads.

use std::fmt::Write as _;

use super::fragments::fragments;
use super::{Malformed, Packetize, Sample, Sink};

/// The `fmtp` parameters (RFC 6416, 7.1) of a stream with these headers.
pub(super) fn fmtp(config: &[u8]) -> String {
    let mut fmtp = format!("profile-level-id={}", profile_level(config));
    if !config.is_empty() {
        fmtp += ";config=";
    }
    for byte in config {
        let _ = write!(fmtp, "{byte:02X}");
    }
    fmtp
}

/// The profile and level that the headers name.
pub(super) fn profile_level(config: &[u8]) -> u8 {
    match *config {
        [0, 0, 1, VISUAL_OBJECT_SEQUENCE, profile_level, ..] => profile_level,
        // Simple profile, level 1, is what RFC 6416 has receivers assume.
        _ => 1,
    }
}

/// RTP payloads: a picture or a piece of one, as it stands (RFC 6416, 5.2).
pub(super) struct Packetizer;

impl Packetize for Packetizer {
    fn packetize(
        &self,
        samples: &[Sample<'_>],
        limit: usize,
        sink: &mut dyn Sink,
    ) -> Result<(), Malformed> {
        for sample in samples {
            for fragment in fragments(sample.data, limit) {
                sink.payload(&[fragment.data], fragment.last, sample.offset);
            }
        }
        Ok(())
    }
}

const VISUAL_OBJECT_SEQUENCE: u8 = 0xb0;
