//! Opus: what `dOps` says, and RTP payloads.

use super::{Malformed, Packetize, Sample, Sink};

/// The channels of an OpusSpecificBox's content (Opus in ISO base media files, 4.3.2).
pub(super) fn read_dops(record: &[u8]) -> Result<u8, Malformed> {
    match *record {
        [0, channels @ 1..=2, _, _, _, _, _, _, _, _, 0, ..] => Ok(channels),
        [0, _, _, _, _, _, _, _, _, _, _, ..] => Err(malformed(
            "more than two channels, which RFC 7587 does not cover",
        )),
        _ => Err(malformed("dOps is cut short or not of version 0")),
    }
}

/// RTP payloads: one Opus packet each (RFC 7587, 4.2).
pub(super) struct Packetizer;

impl Packetize for Packetizer {
    fn packetize(
        &self,
        samples: &[Sample<'_>],
        limit: usize,
        sink: &mut dyn Sink,
    ) -> Result<(), Malformed> {
        for sample in samples {
            match sample.data.len() {
                0 => return Err(malformed("empty packet")),
                size if size > limit => {
                    return Err(malformed("packet larger than RTP can carry in one"));
                }
                _ => sink.payload(&[sample.data], false, sample.offset),
            }
        }
        Ok(())
    }
}

const fn malformed(reason: &'static str) -> Malformed {
    Malformed::new("Opus", reason)
}
