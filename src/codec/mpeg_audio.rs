//! MPEG-1 and MPEG-2 audio (MP3 among it): the frame header and RTP payloads.

use super::audio_frames::{self, Found};
use super::fragments::fragments;
use super::frames::{self, Layout};
use super::{Format, Malformed, Packetize, Sample, Sink};

/// What the four bytes before each frame say (ISO/IEC 11172-3, 2.4.1.3; 13818-3 for the lower rates).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Layer, 1 to 3.
    pub layer: u8,
    /// Bits per second.
    pub bit_rate: u32,
    /// Sampling rate in Hz.
    pub rate_hz: u32,
    /// 1 or 2.
    pub channels: u8,
    /// Sample times in the frame.
    pub duration: u32,
    /// Bytes of the frame, this header among them.
    pub size: u32,
    /// Bytes of the side information that follows a layer 3 header.
    pub side_information: u32,
}

impl Header {
    /// Bytes of the header.
    pub const SIZE: usize = 4;

    /// Reads a frame's header; `None` for anything else, and for free format, whose size no header tells.
    pub fn read(bytes: [u8; Self::SIZE]) -> Option<Self> {
        let bits = u32::from_be_bytes(bytes);
        let field = |shift: u32, count: u32| bits >> shift & ((1 << count) - 1);
        if field(21, 11) != 0x7ff {
            return None;
        }
        // 0 is the 2.5 that half rates of MPEG-2 are called by.
        let (rate_shift, first_version) = match field(19, 2) {
            3 => (0, true),
            2 => (1, false),
            0 => (2, false),
            _ => return None,
        };
        let layer = 4 - field(17, 2) as u8;
        let rate_hz = *[44_100, 48_000, 32_000].get(field(10, 2) as usize)? >> rate_shift;
        let bit_rate = 1000 * bit_rates(first_version, layer)?.get(field(12, 4) as usize)?;
        let padding = field(9, 1);
        let (duration, size) = match (layer, first_version) {
            (1, _) => (384, 4 * (12 * bit_rate / rate_hz + padding)),
            (3, false) => (576, 72 * bit_rate / rate_hz + padding),
            _ => (1152, 144 * bit_rate / rate_hz + padding),
        };
        let mono = field(6, 2) == 3;
        (bit_rate > 0).then_some(Self {
            layer,
            bit_rate,
            rate_hz,
            channels: if mono { 1 } else { 2 },
            duration,
            size,
            side_information: match (first_version, mono) {
                (true, false) => 32,
                (true, true) | (false, false) => 17,
                (false, true) => 9,
            },
        })
    }

    /// Whether a frame with this header can follow one with `other` in the same stream.
    pub fn continues(&self, other: &Self) -> bool {
        self.layer == other.layer
            && self.rate_hz == other.rate_hz
            && self.duration == other.duration
    }
}

/// kbit/s by the header's index; the first entry is free format.
fn bit_rates(first_version: bool, layer: u8) -> Option<&'static [u32; 15]> {
    Some(match (first_version, layer) {
        (true, 1) => &[
            0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448,
        ],
        (true, 2) => &[
            0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384,
        ],
        (true, 3) => &[
            0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320,
        ],
        (false, 1) => &[
            0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256,
        ],
        (false, 2 | 3) => &[0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
        _ => return None,
    })
}

/// The frames of a stream.
pub(super) struct MpegAudio;

impl audio_frames::Layout for MpegAudio {
    /// Layer, sampling rate in Hz, channels.
    type Parameters = (u8, u32, u8);

    fn find(&mut self, bytes: &[u8]) -> Found<Self::Parameters> {
        let Some(header) = bytes.first_chunk() else {
            let may_start = matches!(bytes, [] | [0xff] | [0xff, 0xe0..=0xff, ..]);
            return if may_start {
                Found::More
            } else {
                Found::Nothing
            };
        };
        match Header::read(*header) {
            Some(header) if header.size > Header::SIZE as u32 => {
                Found::Frame(audio_frames::Header {
                    size: header.size as usize,
                    duration: header.duration,
                    parameters: (header.layer, header.rate_hz, header.channels),
                })
            }
            _ => Found::Nothing,
        }
    }

    fn rate_hz(&(_, rate_hz, _): &Self::Parameters) -> u32 {
        rate_hz
    }

    fn format(&(layer, rate_hz, channels): &Self::Parameters) -> Format {
        Format::MpegAudio {
            layer,
            rate_hz,
            channels,
        }
    }
}

/// RTP payloads (RFC 2250, 3.5): whole frames together, a large one in fragments.
pub(super) struct Packetizer;

impl Packetize for Packetizer {
    /// About 100 ms at the common rates.
    fn samples_per_call(&self) -> usize {
        4
    }

    fn packetize(
        &self,
        samples: &[Sample<'_>],
        limit: usize,
        sink: &mut dyn Sink,
    ) -> Result<(), Malformed> {
        frames::packetize::<Payloads>(samples, limit, sink)
    }
}

struct Payloads;

impl Layout for Payloads {
    const HEADER: usize = 4;
    const FRAME_HEADER: usize = 0;
    const MARKER: bool = false;

    fn check(frame: &[u8]) -> Result<(), Malformed> {
        let reason = match frame {
            [0xff, 0xe0..=0xff, ..] if frame.len() <= MAX_FRAME => return Ok(()),
            [0xff, 0xe0..=0xff, ..] => "frame of 64 KiB or more",
            _ => "no frame header",
        };
        Err(Malformed::new("MPEG audio", reason))
    }

    fn header(_: &[&[u8]]) -> frames::Header {
        [0; 4].into_iter().collect()
    }

    /// The header tells how many bytes of the frame went before.
    fn send_fragments(sample: &Sample<'_>, limit: usize, sink: &mut dyn Sink) {
        for fragment in fragments(sample.data, limit.saturating_sub(Self::HEADER)) {
            let header = (fragment.start as u32).to_be_bytes();
            sink.payload(&[&header, fragment.data], false, sample.offset);
        }
    }
}

/// What 16 bits of fragment offset reach.
const MAX_FRAME: usize = 0xffff;
