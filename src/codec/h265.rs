//! H.265: the decoder configuration record and RTP payloads.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Buf, Bytes};

mod slice;
mod slice_sets;
mod sps;

pub(super) use slice::SliceHeaders;
pub use sps::SpsFacts;

use super::access_units::{ParameterSets, Role, Set, Syntax};
use super::nal::{self, Layout, Units};
use super::{Format, Malformed, Packetize, RandomAccess, Sample, Sink};

/// What a decoder must know before the first access unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Bytes of the length before each NAL unit of a sample: 1, 2 or 4.
    pub length_size: usize,
    /// Video parameter sets, NAL unit headers included; none when they come in the stream.
    pub vps: Vec<Bytes>,
    /// Sequence parameter sets.
    pub sps: Vec<Bytes>,
    /// Picture parameter sets.
    pub pps: Vec<Bytes>,
}

impl Config {
    /// Reads an HEVCDecoderConfigurationRecord, the content of `hvcC` (ISO/IEC 14496-15, 8.3.3.1).
    ///
    /// # Errors
    /// [`Malformed`] when it is cut short.
    pub fn from_hvcc(record: &[u8]) -> Result<Self, Malformed> {
        let mut rest = record;
        let head = take(&mut rest, 22)?;
        let mut config = Self {
            length_size: usize::from(head[21] & 3) + 1,
            vps: Vec::new(),
            sps: Vec::new(),
            pps: Vec::new(),
        };
        let arrays = rest.try_get_u8().map_err(|_| CUT)?;
        for _ in 0..arrays {
            config.read_array(&mut rest)?;
        }
        Ok(config)
    }

    /// What the first sequence parameter set says; `None` without a sound one.
    pub fn facts(&self) -> Option<SpsFacts> {
        SpsFacts::read(self.sps.first()?).ok()
    }

    /// An access unit with the parameter sets before it, of which a decoder may have had others.
    pub fn with_sets(&self, data: &[u8]) -> Bytes {
        let sets = ParameterSets {
            video: self.vps.clone(),
            sequence: self.sps.clone(),
            picture: self.pps.clone(),
        };
        [&sets.written()[..], data].concat().into()
    }

    fn read_array(&mut self, rest: &mut &[u8]) -> Result<(), Malformed> {
        let kind = rest.try_get_u8().map_err(|_| CUT)? & 0x3f;
        let count = rest.try_get_u16().map_err(|_| CUT)?;
        for _ in 0..count {
            let length = rest.try_get_u16().map_err(|_| CUT)?;
            let set = take(rest, length.into())?;
            match kind {
                32 => self.vps.push(Bytes::copy_from_slice(set)),
                33 => self.sps.push(Bytes::copy_from_slice(set)),
                34 => self.pps.push(Bytes::copy_from_slice(set)),
                _ => {}
            }
        }
        Ok(())
    }

    /// The `fmtp` parameters (RFC 7798, 7.1), `None` when all parameter sets come in the stream.
    pub(super) fn fmtp(&self) -> Option<String> {
        let sets = [("vps", &self.vps), ("sps", &self.sps), ("pps", &self.pps)];
        let known: Vec<_> = sets
            .into_iter()
            .filter(|(_, sets)| !sets.is_empty())
            .map(|(name, sets)| {
                let coded: Vec<_> = sets.iter().map(|set| STANDARD.encode(set)).collect();
                format!("sprop-{name}={}", coded.join(","))
            })
            .collect();
        (!known.is_empty()).then(|| known.join(";"))
    }
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8], Malformed> {
    rest.split_off(..length).ok_or(CUT)
}

/// How a decoder may start with a sample of these parameter sets; `None` where its pictures do not tell that it may.
pub(super) fn random_access(config: &Config, sample: &[u8]) -> Option<RandomAccess> {
    let units = Units::new(FORMAT, sample, config.length_size).flatten();
    let mut kinds = units.filter_map(|unit| Some(unit.first()? >> 1 & 0x3f));
    kinds.find_map(|kind| match kind {
        // Pictures behind a broken link that refer to what is before it are not shown.
        16..=20 => Some(RandomAccess::Instant),
        21..=23 => Some(RandomAccess::Open),
        _ => None,
    })
}

/// RTP payloads without decoding order numbers (RFC 7798, 4.4): single units, AP and FU.
///
/// Parameter sets in the samples go out where they stand; access unit delimiters do not.
pub(super) struct Packetizer {
    pub(super) length_size: usize,
}

impl Packetize for Packetizer {
    fn packetize(
        &self,
        samples: &[Sample<'_>],
        limit: usize,
        sink: &mut dyn Sink,
    ) -> Result<(), Malformed> {
        for sample in samples {
            let units = Units::new(FORMAT, sample.data, self.length_size);
            nal::packetize::<Payloads>(units, sample.offset, limit, sink)?;
        }
        Ok(())
    }
}

struct Payloads;

impl Layout for Payloads {
    const HEADER: usize = 2;

    fn is_sent(header: u8) -> bool {
        let kind = header >> 1 & 0x3f;
        kind < AGGREGATION && kind != ACCESS_UNIT_DELIMITER
    }

    /// The lowest layer and the lowest temporal layer of the units (RFC 7798, 4.4.2).
    fn aggregation_header(units: &[&[u8]]) -> [u8; 2] {
        let forbidden = units.iter().fold(0, |bits, unit| bits | unit[0] & 0x80);
        let layer = |unit: &[u8]| (unit[0] & 1) << 5 | unit[1] >> 3;
        let layer = units.iter().map(|unit| layer(unit)).min().unwrap_or(0);
        let temporal = units.iter().map(|unit| unit[1] & 7).min().unwrap_or(1);
        [
            forbidden | AGGREGATION << 1 | layer >> 5,
            layer << 3 | temporal,
        ]
    }

    fn fragment_header(unit: &[u8], first: bool, last: bool) -> [u8; 3] {
        let ends = u8::from(first) << 7 | u8::from(last) << 6;
        let kind = unit[0] >> 1 & 0x3f;
        [unit[0] & 0x81 | FRAGMENTATION << 1, unit[1], ends | kind]
    }
}

/// Access units in a byte stream (ITU-T H.265, 7.4.2.4.4).
pub(super) struct ByteStream;

impl Syntax for ByteStream {
    fn role(unit: &[u8]) -> Role {
        match unit[0] >> 1 & 0x3f {
            kind @ 0..=31 => Role::Slice {
                // first_slice_segment_in_pic_flag
                first: unit.get(2).is_some_and(|byte| byte & 0x80 != 0),
                key: (16..=23).contains(&kind),
                intra: (16..=23).contains(&kind),
            },
            32 => Role::Set(Set::Video),
            33 => Role::Set(Set::Sequence),
            34 => Role::Set(Set::Picture),
            ACCESS_UNIT_DELIMITER | 39 | 41..=44 | 48..=55 => Role::Leads,
            _ => Role::Follows,
        }
    }

    fn format(sets: &ParameterSets) -> Option<Format> {
        let kinds = [&sets.video, &sets.sequence, &sets.picture];
        let is_complete = kinds.iter().all(|sets| !sets.is_empty());
        is_complete.then(|| {
            Format::H265(Config {
                length_size: 4,
                vps: sets.video.clone(),
                sps: sets.sequence.clone(),
                pps: sets.picture.clone(),
            })
        })
    }
}

const ACCESS_UNIT_DELIMITER: u8 = 35;
const AGGREGATION: u8 = 48;
const FRAGMENTATION: u8 = 49;
const CUT: Malformed = Malformed::new(FORMAT, "hvcC is cut short");
const FORMAT: &str = "H.265";
