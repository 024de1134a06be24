//! AV1: its configuration record and RTP payloads.

use super::fragments::fragments;
use super::{Malformed, Packetize, Sample, Sink};

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

    /// The `fmtp` parameters (AV1 RTP payload specification 1.0, 7.2).
    pub(super) fn fmtp(&self) -> String {
        let Self {
            profile,
            level,
            tier,
        } = self;
        format!("profile={profile};level-idx={level};tier={tier}")
    }
}

/// RTP payloads of one OBU or one fragment of an OBU each (AV1 RTP payload specification 1.0, 4).
///
/// Nearly every temporal unit is one frame OBU, so putting several into one
/// packet would gain a packet a key frame.
pub(super) struct Packetizer;

impl Packetize for Packetizer {
    fn packetize(
        &self,
        samples: &[Sample<'_>],
        limit: usize,
        sink: &mut dyn Sink,
    ) -> Result<(), Malformed> {
        for sample in samples {
            let mut obus = Obus { rest: sample.data }.filter(is_sent).peekable();
            let mut new_sequence = 0;
            while let Some(obu) = obus.next() {
                let obu = obu?;
                if obu.kind() == SEQUENCE_HEADER {
                    new_sequence = NEW_SEQUENCE;
                }
                send(
                    &obu,
                    new_sequence,
                    obus.peek().is_none(),
                    limit,
                    sample.offset,
                    sink,
                );
                new_sequence = 0;
            }
        }
        Ok(())
    }
}

fn is_sent(obu: &Result<Obu<'_>, Malformed>) -> bool {
    !matches!(obu, Ok(obu) if matches!(obu.kind(), TEMPORAL_DELIMITER | TILE_LIST | PADDING))
}

/// Sends `obu` without its size: the packet's end tells it.
fn send(
    obu: &Obu<'_>,
    new_sequence: u8,
    ends_temporal_unit: bool,
    limit: usize,
    offset: u32,
    sink: &mut dyn Sink,
) {
    let header = [obu.header[0] & !HAS_SIZE, obu.header[1]];
    let header = &header[..obu.header_size];
    let room = limit.saturating_sub(1 + header.len());
    if obu.payload.is_empty() {
        return sink.payload(
            &[&[ONE_ELEMENT | new_sequence], header],
            ends_temporal_unit,
            offset,
        );
    }
    for fragment in fragments(obu.payload, room) {
        let first = fragment.start == 0;
        let continued = u8::from(!first) << 7 | u8::from(!fragment.last) << 6;
        let new_sequence = if first { new_sequence } else { 0 };
        let aggregation = [continued | ONE_ELEMENT | new_sequence];
        let header = if first { header } else { &[] };
        let marker = fragment.last && ends_temporal_unit;
        sink.payload(&[&aggregation, header, fragment.data], marker, offset);
    }
}

/// An open bitstream unit (AV1 bitstream, 5.3).
struct Obu<'a> {
    header: [u8; 2],
    header_size: usize,
    payload: &'a [u8],
}

impl Obu<'_> {
    fn kind(&self) -> u8 {
        self.header[0] >> 3 & 0xf
    }
}

struct Obus<'a> {
    rest: &'a [u8],
}

impl<'a> Obus<'a> {
    fn take(&mut self) -> Option<Obu<'a>> {
        let first = *self.rest.split_off_first()?;
        let has_extension = first & HAS_EXTENSION != 0;
        let extension = if has_extension {
            *self.rest.split_off_first()?
        } else {
            0
        };
        let size = if first & HAS_SIZE != 0 {
            self.leb128()?
        } else {
            self.rest.len()
        };
        Some(Obu {
            header: [first, extension],
            header_size: 1 + usize::from(has_extension),
            payload: self.rest.split_off(..size)?,
        })
    }

    /// A number in groups of 7 bits, the lowest first (AV1 bitstream, 4.10.5).
    fn leb128(&mut self) -> Option<usize> {
        let mut value = 0;
        for shift in (0..56).step_by(7) {
            let byte = *self.rest.split_off_first()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return usize::try_from(value).ok();
            }
        }
        None
    }
}

impl<'a> Iterator for Obus<'a> {
    type Item = Result<Obu<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let obu = self.take();
        if obu.is_none() {
            self.rest = &[];
        }
        Some(obu.ok_or(Malformed::new("AV1", "OBU reaches beyond its sample")))
    }
}

const SEQUENCE_HEADER: u8 = 1;
const TEMPORAL_DELIMITER: u8 = 2;
const TILE_LIST: u8 = 8;
const PADDING: u8 = 15;
const HAS_EXTENSION: u8 = 0x04;
const HAS_SIZE: u8 = 0x02;
/// W = 1 of the aggregation header.
const ONE_ELEMENT: u8 = 0x10;
/// N of the aggregation header.
const NEW_SEQUENCE: u8 = 0x08;
