//! Uncompressed audio and G.711: codings, and RTP payloads of linear 16 bit samples or G.711 bytes.

use super::{Malformed, Packetize, Sample, Sink};

/// Uncompressed audio as a file stores it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// How one channel's value is stored.
    pub coding: Coding,
    /// Sampling rate in Hz.
    pub rate_hz: u32,
    /// Channels, interleaved.
    pub channels: u8,
}

/// How one channel's value is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// G.711 A-law.
    ALaw,
    /// IEEE 754, big-endian; 32 or 64 bits.
    FloatBe(u8),
    /// IEEE 754, little-endian; 32 or 64 bits.
    FloatLe(u8),
    /// Two's complement, big-endian; 8, 16, 24 or 32 bits.
    SignedBe(u8),
    /// Two's complement, little-endian; 8, 16, 24 or 32 bits.
    SignedLe(u8),
    /// G.711 µ-law.
    ULaw,
    /// 8 bits with 128 as silence.
    Unsigned8,
}

impl Config {
    /// Bytes of one sample time: one value of each channel.
    pub fn bytes_per_frame(&self) -> usize {
        self.coding.bytes() * usize::from(self.channels)
    }

    pub(super) fn name(&self) -> &'static str {
        match self.coding {
            Coding::ALaw => "G.711 A-law",
            Coding::ULaw => "G.711 µ-law",
            _ => "PCM",
        }
    }

    /// Linear audio of any width goes out as L16.
    pub(super) fn encoding_name(&self) -> &'static str {
        match self.coding {
            Coding::ALaw => "PCMA",
            Coding::ULaw => "PCMU",
            _ => "L16",
        }
    }

    /// The payload type of RFC 3551, 6.
    pub(super) fn static_payload_type(&self) -> Option<u8> {
        match (self.encoding_name(), self.rate_hz, self.channels) {
            ("PCMU", 8000, 1) => Some(0),
            ("PCMA", 8000, 1) => Some(8),
            ("L16", 44_100, 2) => Some(10),
            ("L16", 44_100, 1) => Some(11),
            _ => None,
        }
    }
}

impl Coding {
    /// Bytes of one value.
    pub fn bytes(self) -> usize {
        match self {
            Self::ALaw | Self::ULaw | Self::Unsigned8 => 1,
            Self::FloatBe(bits)
            | Self::FloatLe(bits)
            | Self::SignedBe(bits)
            | Self::SignedLe(bits) => usize::from(bits / 8),
        }
    }

    /// One stored value of [`bytes`](Self::bytes) bytes as a linear 16 bit value.
    fn linear(self, value: &[u8]) -> i16 {
        match (self, value) {
            (Self::Unsigned8, &[byte]) => i16::from_be_bytes([byte ^ 0x80, 0]),
            (Self::SignedBe(_) | Self::SignedLe(_), &[byte]) => i16::from_be_bytes([byte, 0]),
            (Self::SignedBe(_), &[high, low, ..]) | (Self::SignedLe(_), &[.., low, high]) => {
                i16::from_be_bytes([high, low])
            }
            (Self::FloatBe(_), &[a, b, c, d]) | (Self::FloatLe(_), &[d, c, b, a]) => {
                from_float(f32::from_be_bytes([a, b, c, d]).into())
            }
            (Self::FloatBe(_), &[a, b, c, d, e, f, g, h])
            | (Self::FloatLe(_), &[h, g, f, e, d, c, b, a]) => {
                from_float(f64::from_be_bytes([a, b, c, d, e, f, g, h]))
            }
            _ => 0,
        }
    }
}

/// Full scale is 1; the cast clamps, and turns NaN into silence.
fn from_float(value: f64) -> i16 {
    (value * 32_768.0) as i16
}

/// RTP payloads of G.711 bytes or of linear 16 bit values in network order (RFC 3551, 4.5).
///
/// Wider values lose their lower bits, floating point is clamped to full scale.
pub(super) struct Packetizer {
    pub(super) config: Config,
}

impl Packetize for Packetizer {
    fn packetize(
        &self,
        samples: &[Sample<'_>],
        limit: usize,
        sink: &mut dyn Sink,
    ) -> Result<(), Malformed> {
        let most = self.frames_per_payload(limit)?;
        for sample in samples {
            // Even shares: packets of one size reach the network at an even pace.
            let count = sample.data.len() / self.config.bytes_per_frame();
            let frames = count.div_ceil(count.div_ceil(most).max(1)).max(1);
            let mut offset = sample.offset;
            for stored in sample.data.chunks(frames * self.config.bytes_per_frame()) {
                self.send(stored, offset, sink);
                offset = offset.wrapping_add(frames as u32);
            }
        }
        Ok(())
    }
}

impl Packetizer {
    fn frames_per_payload(&self, limit: usize) -> Result<usize, Malformed> {
        let channels = usize::from(self.config.channels);
        let wire_bytes = match self.config.coding {
            Coding::ALaw | Coding::ULaw => channels,
            _ => 2 * channels,
        };
        if self.config.bytes_per_frame() == 0 {
            return Err(Malformed::new("PCM", "no channels, or values of no bits"));
        }
        match limit.min(MAX_LINEAR) / wire_bytes {
            0 => Err(Malformed::new("PCM", "too many channels for one packet")),
            frames => Ok(frames),
        }
    }

    fn send(&self, stored: &[u8], offset: u32, sink: &mut dyn Sink) {
        let whole = stored.len() - stored.len() % self.config.bytes_per_frame();
        let stored = &stored[..whole];
        match self.config.coding {
            _ if stored.is_empty() => {}
            Coding::ALaw | Coding::ULaw | Coding::SignedBe(16) => {
                sink.payload(&[stored], false, offset);
            }
            coding => {
                let mut linear = [[0; 2]; MAX_LINEAR / 2];
                let values = stored.chunks_exact(coding.bytes());
                let count = values.len();
                for (wire, value) in linear.iter_mut().zip(values) {
                    *wire = coding.linear(value).to_be_bytes();
                }
                sink.payload(&[linear[..count].as_flattened()], false, offset);
            }
        }
    }
}

/// The most bytes of linear audio in one payload.
const MAX_LINEAR: usize = 2048;
