//! H.264: the decoder configuration record and RTP payloads.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Buf, Bytes};

mod recovery;
mod slice;
mod sps;

use recovery::is_intra;
pub(super) use recovery::recovery_frames;
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
    /// Sequence parameter sets, NAL unit headers included; none when they come in the stream.
    pub sps: Vec<Bytes>,
    /// Picture parameter sets, NAL unit headers included.
    pub pps: Vec<Bytes>,
}

impl Config {
    /// Reads an AVCDecoderConfigurationRecord, the content of `avcC` (ISO/IEC 14496-15, 5.3.3.1).
    ///
    /// # Errors
    /// [`Malformed`] when it is cut short or of an unknown version.
    pub fn from_avcc(record: &[u8]) -> Result<Self, Malformed> {
        let mut rest = record;
        if rest.try_get_u8() != Ok(1) {
            return Err(malformed("avcC is not of version 1"));
        }
        let &[_profile, _compatibility, _level, length_size] = take(&mut rest, 4)? else {
            return Err(CUT);
        };
        let sps_count = rest.try_get_u8().map_err(|_| CUT)? & 0x1f;
        let sps = sets(&mut rest, sps_count)?;
        let pps_count = rest.try_get_u8().map_err(|_| CUT)?;
        Ok(Self {
            length_size: usize::from(length_size & 3) + 1,
            sps,
            pps: sets(&mut rest, pps_count)?,
        })
    }

    /// What the first sequence parameter set says; `None` without a sound one.
    pub fn facts(&self) -> Option<SpsFacts> {
        SpsFacts::read(self.sps.first()?).ok()
    }

    /// The `fmtp` parameters (RFC 6184, 8.1).
    pub(super) fn fmtp(&self) -> String {
        let mut fmtp = "packetization-mode=1".to_owned();
        if let Some(&[_, profile, constraints, level, ..]) = self.sps.first().map(|sps| &sps[..]) {
            fmtp += &format!(";profile-level-id={profile:02X}{constraints:02X}{level:02X}");
        }
        let sets: Vec<_> = self
            .sps
            .iter()
            .chain(&self.pps)
            .map(|set| STANDARD.encode(set))
            .collect();
        if !sets.is_empty() {
            fmtp += &format!(";sprop-parameter-sets={}", sets.join(","));
        }
        fmtp
    }
}

fn sets(rest: &mut &[u8], count: u8) -> Result<Vec<Bytes>, Malformed> {
    (0..count)
        .map(|_| {
            let length = rest.try_get_u16().map_err(|_| CUT)?;
            take(rest, length.into()).map(Bytes::copy_from_slice)
        })
        .collect()
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8], Malformed> {
    rest.split_off(..length).ok_or(CUT)
}

const CUT: Malformed = malformed("avcC is cut short");

const fn malformed(reason: &'static str) -> Malformed {
    Malformed::new(FORMAT, reason)
}

/// An access unit as fragments have it, without delimiters and parameter sets, and whether a
/// decoder may start with it; of one whose NAL units stand behind their length in four bytes.
///
/// # Errors
/// [`Malformed`] when a NAL unit reaches beyond it.
pub fn bare_unit(unit: &[u8]) -> Result<(Bytes, bool), Malformed> {
    let (mut bare, mut is_key) = (Vec::with_capacity(unit.len()), false);
    for nal in Units::new(FORMAT, unit, 4) {
        let nal = nal?;
        match nal.first().map(|header| header & 0x1f) {
            None | Some(7 | 8 | ACCESS_UNIT_DELIMITER) => continue,
            Some(kind) => is_key |= kind == 5,
        }
        // A part of `unit`, whose length stood there in four bytes.
        bare.extend_from_slice(&(nal.len() as u32).to_be_bytes());
        bare.extend_from_slice(nal);
    }
    Ok((bare.into(), is_key))
}

/// How a decoder may start with a sample of these parameter sets; `None` where nothing tells that it may.
pub(super) fn random_access(config: &Config, sample: &[u8]) -> Option<RandomAccess> {
    let (mut recovery, mut slices) = (None, (0, 0));
    for unit in Units::new(FORMAT, sample, config.length_size).flatten() {
        match unit.first()? & 0x1f {
            5 => return Some(RandomAccess::Instant),
            6 => recovery = recovery.or_else(|| recovery_frames(unit)),
            1 | 2 => slices = (slices.0 + 1, slices.1 + usize::from(is_intra(unit))),
            _ => {}
        }
    }
    let (all, intra) = slices;
    match recovery {
        Some(0) => Some(RandomAccess::Open),
        Some(_) => Some(RandomAccess::Gradual),
        None => (all > 0 && all == intra).then_some(RandomAccess::Open),
    }
}

/// RTP payloads of packetization mode 1 (RFC 6184, 5.4): single units, STAP-A and FU-A.
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
    const HEADER: usize = 1;

    fn is_sent(header: u8) -> bool {
        let kind = header & 0x1f;
        (1..STAP_A).contains(&kind) && kind != ACCESS_UNIT_DELIMITER
    }

    fn aggregation_header(units: &[&[u8]]) -> [u8; 2] {
        let forbidden = units.iter().fold(0, |bits, unit| bits | unit[0] & 0x80);
        let importance = units.iter().map(|unit| unit[0] & 0x60).max().unwrap_or(0);
        [forbidden | importance | STAP_A, 0]
    }

    fn fragment_header(unit: &[u8], first: bool, last: bool) -> [u8; 3] {
        let ends = u8::from(first) << 7 | u8::from(last) << 6;
        [unit[0] & 0xe0 | FU_A, ends | unit[0] & 0x1f, 0]
    }
}

/// Access units in a byte stream (ITU-T H.264, 7.4.1.2.3).
pub(super) struct ByteStream;

impl Syntax for ByteStream {
    fn role(unit: &[u8]) -> Role {
        match unit[0] & 0x1f {
            kind @ (1 | 2 | 5) => Role::Slice {
                // first_mb_in_slice is 0 when its Exp-Golomb code is a single 1.
                first: unit.get(1).is_some_and(|byte| byte & 0x80 != 0),
                key: kind == 5,
                intra: kind == 5 || is_intra(unit),
            },
            7 => Role::Set(Set::Sequence),
            8 => Role::Set(Set::Picture),
            6 if recovery_frames(unit).is_some() => Role::Recovers,
            6 | ACCESS_UNIT_DELIMITER | 15..=18 => Role::Leads,
            _ => Role::Follows,
        }
    }

    fn format(sets: &ParameterSets) -> Option<Format> {
        let is_complete = !sets.sequence.is_empty() && !sets.picture.is_empty();
        is_complete.then(|| {
            Format::H264(Config {
                length_size: 4,
                sps: sets.sequence.clone(),
                pps: sets.picture.clone(),
            })
        })
    }
}

const ACCESS_UNIT_DELIMITER: u8 = 9;
const STAP_A: u8 = 24;
const FU_A: u8 = 28;
pub(super) const FORMAT: &str = "H.264";
