//! Uncompressed audio and G.711: codings, and RTP payloads of linear 16 bit samples or G.711 bytes.

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
}
