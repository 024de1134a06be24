//! AAC in ADTS, a header before each frame (ISO/IEC 14496-3, 1.A.3.2).

use std::borrow::Cow;

use bytes::Bytes;

use super::audio_frames::{Found, Header, Layout};
use super::{Format, aac};

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
