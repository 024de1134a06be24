//! AAC in ADTS, a header before each frame (ISO/IEC 14496-3, 1.A.3.2).

use std::borrow::Cow;

use bytes::Bytes;

use super::audio_frames::{Found, Header, Layout};
use super::bits::Bits;
use super::{Format, Malformed, aac};

/// What an ADTS header says of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Parameters {
    /// The AudioSpecificConfig.
    specific: [u8; 2],
    rate_hz: u32,
    channels: u8,
}

/// Bytes of the header without and with its checksum.
const HEADER: usize = 7;
const PROTECTED_HEADER: usize = 9;

/// Samples of a frame.
const DURATION: u32 = 1024;

/// Frames with one raw data block, as all known encoders write them.
pub(super) struct Adts;

impl Layout for Adts {
    type Parameters = Parameters;

    fn find(&mut self, bytes: &[u8]) -> Found<Parameters> {
        match bytes.first_chunk::<HEADER>() {
            Some(header) => read(header).map_or(Found::Nothing, Found::Frame),
            None if starts_like_a_header(bytes) => Found::More,
            None => Found::Nothing,
        }
    }

    fn sample<'a>(&self, frame: &'a [u8]) -> Option<Cow<'a, [u8]>> {
        let sample = frame.get(header_size(*frame.get(1)?)..)?;
        (!sample.is_empty()).then_some(Cow::Borrowed(sample))
    }

    fn rate_hz(parameters: &Parameters) -> u32 {
        parameters.rate_hz
    }

    fn format(parameters: &Parameters) -> Format {
        Format::Aac(aac::Config {
            specific: Bytes::copy_from_slice(&parameters.specific),
            rate_hz: parameters.rate_hz,
            channels: parameters.channels,
        })
    }
}

fn starts_like_a_header(bytes: &[u8]) -> bool {
    matches!(bytes, [] | [0xff] | [0xff, 0xf0..=0xff, ..])
}

fn header_size(second: u8) -> usize {
    if second & 1 == 1 {
        HEADER
    } else {
        PROTECTED_HEADER
    }
}

fn read(header: &[u8; HEADER]) -> Option<Header<Parameters>> {
    let &[0xff, second, third, fourth, fifth, sixth, seventh] = header else {
        return None;
    };
    // The sync word goes on, and the layer is 0.
    (second & 0xf6 == 0xf0).then_some(())?;
    let (object, rate) = ((third >> 6) + 1, third >> 2 & 0xf);
    let channels = (third & 1) << 2 | fourth >> 6;
    let size = usize::from(fourth & 3) << 11 | usize::from(fifth) << 3 | usize::from(sixth >> 5);
    let has_one_block = seventh & 3 == 0;
    // With 0 channels the frame itself says how many, which RTP receivers do not look for.
    (has_one_block && channels > 0 && size >= header_size(second)).then_some(())?;
    let specific = [object << 3 | rate >> 1, rate << 7 | channels << 3];
    let config = aac::Config::from_specific(&specific).ok()?;
    Some(Header {
        size,
        duration: DURATION,
        parameters: Parameters {
            specific,
            rate_hz: config.rate_hz,
            channels: config.channels,
        },
    })
}

/// The headers of a stream's frames, but for their sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Template([u8; HEADER]);

impl Template {
    /// `None` for what two bits of object type, four of rate and three of channels cannot say.
    ///
    /// Of AAC with SBR the header tells the core, and decoders find the rest in the frames.
    pub(super) fn new(config: &aac::Config) -> Option<Self> {
        let mut bits = Bits::new(&config.specific);
        let object = match aac::object_type(&mut bits)? {
            object @ 1..=4 => object as u8,
            aac::SPECTRAL_BAND_REPLICATION | aac::PARAMETRIC_STEREO => LOW_COMPLEXITY,
            _ => return None,
        };
        let rate = aac::RATES.iter().position(|rate| *rate == config.rate_hz)? as u8;
        aac::pass_rate(&mut bits)?;
        let channels = bits.take(4).filter(|channels| (1..8).contains(channels))? as u8;
        let third = (object - 1) << 6 | rate << 2 | channels >> 2;
        // No checksum; a buffer fullness of all ones, which means a variable rate; one block.
        Some(Self([0xff, 0xf1, third, channels << 6, 0, 0x1f, 0xfc]))
    }

    /// The header of a frame of `size` bytes.
    pub(super) fn header(&self, size: usize) -> Result<[u8; HEADER], Malformed> {
        let Self(mut header) = *self;
        let size = HEADER + size;
        if size > MAX_FRAME {
            return Err(Malformed::new("AAC", "frame too long for ADTS"));
        }
        header[3] |= (size >> 11) as u8;
        header[4] = (size >> 3) as u8;
        header[5] |= (size << 5) as u8;
        Ok(header)
    }
}

/// An audio object type (ISO/IEC 14496-3, table 1.17).
const LOW_COMPLEXITY: u8 = 2;

/// What 13 bits of size hold.
const MAX_FRAME: usize = (1 << 13) - 1;
