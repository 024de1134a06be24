//! MPEG-4 audio (AAC): its configuration and RTP payloads.

use std::fmt::Write as _;
use std::iter;

use bytes::Bytes;

use super::bits::Bits;
use super::fragments::fragments;
use super::frames::{self, Layout, MAX_FRAMES};
use super::{Malformed, Packetize, Sample, Sink};

/// What a decoder must know before the first frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1).
    pub specific: Bytes,
    /// Sampling rate of the AAC core in Hz; with SBR the output has twice that.
    pub rate_hz: u32,
    /// Channels of the AAC core.
    pub channels: u8,
}

impl Config {
    /// Reads an AudioSpecificConfig, the DecoderSpecificInfo of `esds`.
    ///
    /// # Errors
    /// [`Malformed`] when it is cut short or names a reserved rate.
    pub fn from_specific(specific: &[u8]) -> Result<Self, Malformed> {
        let mut bits = specific
            .iter()
            .take(8)
            .fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
        bits <<= 64 - 8 * specific.len().clamp(1, 8);
        let mut take = |count: u32| {
            let value = bits >> (64 - count);
            bits <<= count;
            value as u32
        };
        if specific.len() < 2 {
            return Err(malformed("AudioSpecificConfig is cut short"));
        }
        if take(5) == 31 {
            take(6);
        }
        let rate_hz = match take(4) {
            15 => take(24),
            index => *RATES
                .get(index as usize)
                .ok_or(malformed("reserved sampling rate"))?,
        };
        let channels = match take(4) as u8 {
            7 => 8,
            count => count.max(1),
        };
        if rate_hz == 0 {
            return Err(malformed("sampling rate of 0"));
        }
        Ok(Self {
            specific: Bytes::copy_from_slice(specific),
            rate_hz,
            channels,
        })
    }

    /// The audio object type that the configuration begins with (ISO/IEC 14496-3, table 1.17):
    /// 2 for AAC LC, 5 with SBR, 29 with parametric stereo too.
    pub fn object_type(&self) -> u8 {
        match *self.specific {
            [first, second, ..] if first >> 3 == 31 => 32 + ((first & 7) << 3 | second >> 5),
            [first, ..] => first >> 3,
            [] => 0,
        }
    }

    /// Samples of a frame at [`rate_hz`](Self::rate_hz); `None` for audio objects that are no AAC.
    pub fn frame_samples(&self) -> Option<u32> {
        let mut bits = Bits::new(&self.specific);
        let mut object = object_type(&mut bits)?;
        pass_rate(&mut bits)?;
        let _channels = bits.take(4)?;
        if matches!(object, SPECTRAL_BAND_REPLICATION | PARAMETRIC_STEREO) {
            pass_rate(&mut bits)?;
            object = object_type(&mut bits)?;
        }
        let is_short = bits.flag()?;
        Some(match (object, is_short) {
            (MAIN..=LONG_TERM_PREDICTION | SCALABLE | ERROR_RESILIENT, false) => 1024,
            (MAIN..=LONG_TERM_PREDICTION | SCALABLE | ERROR_RESILIENT, true) => 960,
            (LOW_DELAY | ENHANCED_LOW_DELAY, false) => 512,
            (LOW_DELAY | ENHANCED_LOW_DELAY, true) => 480,
            _ => return None,
        })
    }

    /// The `fmtp` parameters (RFC 3640, 4.1).
    pub(super) fn fmtp(&self) -> String {
        let mut fmtp = "streamtype=5;profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;\
                        indexdeltalength=3;config="
            .to_owned();
        for byte in &self.specific {
            let _ = write!(fmtp, "{byte:02X}");
        }
        fmtp
    }
}

pub(super) fn object_type(bits: &mut Bits<'_>) -> Option<u32> {
    Some(match bits.take(5)? {
        31 => 32 + bits.take(6)?,
        object => object,
    })
}

/// Passes over the index of a sampling rate, or the rate itself.
pub(super) fn pass_rate(bits: &mut Bits<'_>) -> Option<()> {
    if bits.take(4)? == 15 {
        bits.skip(24)?;
    }
    Some(())
}

/// Audio object types (ISO/IEC 14496-3, table 1.17).
const MAIN: u32 = 1;
const LONG_TERM_PREDICTION: u32 = 4;
pub(super) const SPECTRAL_BAND_REPLICATION: u32 = 5;
const SCALABLE: u32 = 6;
const ERROR_RESILIENT: u32 = 17;
const LOW_DELAY: u32 = 23;
pub(super) const PARAMETRIC_STEREO: u32 = 29;
const ENHANCED_LOW_DELAY: u32 = 39;

/// By index (ISO/IEC 14496-3, table 1.18).
pub(super) const RATES: [u32; 13] = [
    96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8000,
    7350,
];

const fn malformed(reason: &'static str) -> Malformed {
    Malformed::new("AAC", reason)
}

/// RTP payloads of mode AAC-hbr (RFC 3640, 3.3.6): whole frames together, a large one in fragments.
pub(super) struct Packetizer {
    /// Sampling rate in Hz.
    pub(super) rate_hz: u32,
}

impl Packetize for Packetizer {
    /// About 100 ms, so that the loss of one packet stays short.
    fn samples_per_call(&self) -> usize {
        (self.rate_hz as usize / 10 / 1024).clamp(1, MAX_FRAMES)
    }

    fn packetize(
        &self,
        samples: &[Sample<'_>],
        limit: usize,
        sink: &mut dyn Sink,
    ) -> Result<(), Malformed> {
        frames::packetize::<HighBitRate>(samples, limit, sink)
    }
}

struct HighBitRate;

impl Layout for HighBitRate {
    const HEADER: usize = 2;
    const FRAME_HEADER: usize = 2;
    const MARKER: bool = true;

    fn check(frame: &[u8]) -> Result<(), Malformed> {
        match frame.len() {
            0 => Err(malformed("empty frame")),
            1..=MAX_FRAME => Ok(()),
            _ => Err(malformed("frame of 8192 bytes or more")),
        }
    }

    /// The bits of all AU headers, then for each AU 13 bits of size and an index of 0.
    fn header(frames: &[&[u8]]) -> frames::Header {
        let bits = 16 * frames.len() as u16;
        let sizes = frames.iter().map(|frame| (frame.len() as u16) << 3);
        iter::once(bits)
            .chain(sizes)
            .flat_map(u16::to_be_bytes)
            .collect()
    }

    /// Each piece has the size of the whole in its AU header.
    fn send_fragments(sample: &Sample<'_>, limit: usize, sink: &mut dyn Sink) {
        let header = Self::header(&[sample.data]);
        for fragment in fragments(sample.data, limit.saturating_sub(header.len())) {
            sink.payload(&[&header, fragment.data], fragment.last, sample.offset);
        }
    }
}

/// What 13 bits of size hold.
const MAX_FRAME: usize = (1 << 13) - 1;
