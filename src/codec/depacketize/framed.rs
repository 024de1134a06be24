//! Sound out of RTP whose payloads are frames and nothing else: G.722, G.726 and GSM (RFC 3551, 4.5).

use std::collections::VecDeque;

use bytes::Bytes;

use super::AccessUnit;
use super::foreign::{Assemble, ForeignConfig};
use crate::codec::Malformed;
use crate::wire::rtp;

/// The state of one track, which has one channel.
#[derive(Debug)]
pub(super) struct Depacketizer {
    coding: Coding,
    clock_hz: u32,
    ready: VecDeque<AccessUnit>,
}

/// How sound is coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    G722,
    G726 {
        /// Of a sample.
        bits: u8,
        order: Order,
    },
    Gsm,
}

/// Where in a byte the first sample is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// In the lowest bits, as RTP has it (RFC 3551, 4.5.4).
    LowFirst,
    /// In the highest, as ATM has it (ITU-T I.366.2, annex E).
    HighFirst,
}

impl Coding {
    /// For the name in an `a=rtpmap`, in capitals.
    pub(super) fn of(name: &str) -> Option<Self> {
        let g726 = |order, rate: &str| {
            let bits = match rate {
                "16" => 2,
                "24" => 3,
                "32" => 4,
                "40" => 5,
                _ => return None,
            };
            Some(Self::G726 { bits, order })
        };
        match name {
            "G722" => Some(Self::G722),
            "GSM" => Some(Self::Gsm),
            _ => {
                let rate = name.strip_prefix("G726-");
                let by_atm = name.strip_prefix("AAL2-G726-");
                rate.and_then(|rate| g726(Order::LowFirst, rate))
                    .or_else(|| g726(Order::HighFirst, by_atm?))
            }
        }
    }

    /// The bytes of the smallest frame, and how many ticks it lasts.
    fn frame(self) -> (usize, u32) {
        match self {
            // Two samples, at a clock of half of their rate (RFC 3551, 4.5.2).
            Self::G722 => (1, 1),
            Self::G726 { bits, .. } => (bits.into(), 8),
            Self::Gsm => (33, 160),
        }
    }

    /// How many frames go into a unit: decoders take one of GSM at a time, and any number of others.
    fn frames_of_unit(self, frames: usize) -> usize {
        match self {
            Self::Gsm => 1,
            _ => frames,
        }
    }

    /// `frames` as decoders take them.
    fn unit(self, frames: &[u8]) -> Bytes {
        match self {
            Self::G726 {
                bits,
                order: Order::LowFirst,
            } => frames
                .chunks_exact(bits.into())
                .flat_map(|samples| turned(samples, bits))
                .collect(),
            _ => Bytes::copy_from_slice(frames),
        }
    }
}

/// Eight samples of so many bits with the first in the highest bits instead of the lowest.
fn turned(samples: &[u8], bits: u8) -> impl Iterator<Item = u8> {
    let bytes = samples.iter().rev();
    let all = bytes.fold(0, |all, byte| all << 8 | u64::from(*byte));
    let mask = (1 << bits) - 1;
    let samples = (0..8).map(|number| all >> (number * bits) & mask);
    let all = samples.fold(0, |all, sample| all << bits | sample);
    // Eight samples take as many bytes as one takes bits.
    (0..bits).rev().map(move |byte| (all >> (8 * byte)) as u8)
}

impl Depacketizer {
    pub(super) fn new(coding: Coding, clock_hz: u32) -> Self {
        Self {
            coding,
            clock_hz,
            ready: VecDeque::new(),
        }
    }
}

impl Assemble for Depacketizer {
    fn push(&mut self, packet: &rtp::Packet<'_>, lost: u16) -> Result<(), Malformed> {
        let payload = packet.payload();
        let (bytes, ticks) = self.coding.frame();
        let frames = payload.len() / bytes;
        if frames == 0 {
            return Err(Malformed::new("sound", "payload without a frame"));
        }
        let whole = payload.get(..frames * bytes).unwrap_or_default();
        let mut time = packet.time();
        let units = whole.chunks(bytes * self.coding.frames_of_unit(frames));
        for (number, unit) in units.enumerate() {
            // A packet is far below 2^32 bytes.
            let duration = (unit.len() / bytes) as u32 * ticks;
            self.ready.push_back(AccessUnit {
                time,
                keyframe: true,
                damaged: lost > 0 && number == 0,
                data: self.coding.unit(unit),
                duration: Some(duration),
            });
            time = time.wrapping_add(duration);
        }
        Ok(())
    }

    fn pull(&mut self) -> Option<AccessUnit> {
        self.ready.pop_front()
    }

    fn config(&self) -> Option<ForeignConfig> {
        let rate_hz = self.clock_hz;
        Some(match self.coding {
            Coding::G722 => ForeignConfig::G722 {
                rate_hz: rate_hz.saturating_mul(2),
            },
            Coding::G726 { bits, .. } => ForeignConfig::G726 { rate_hz, bits },
            Coding::Gsm => ForeignConfig::Gsm { rate_hz },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::rtp::{HEADER_LEN, write_header};

    /// What comes out of one payload.
    fn units(name: &str, payload: &[u8], lost: u16) -> Result<Vec<AccessUnit>, Malformed> {
        let mut header = [0; HEADER_LEN];
        write_header(&mut header, false, 97, 0, u32::MAX, 1);
        let packet = [&header[..], payload].concat();
        let mut track = Depacketizer::new(Coding::of(name).unwrap(), 8000);
        track.push(&rtp::Packet::read(&packet).unwrap(), lost)?;
        Ok(std::iter::from_fn(|| track.pull()).collect())
    }

    #[test]
    fn frames_come_out_with_their_times() {
        let unit = |time, data: &[u8], duration, damaged| AccessUnit {
            time,
            keyframe: true,
            damaged,
            data: Bytes::copy_from_slice(data),
            duration: Some(duration),
        };
        let sound = [0xd5; 67];
        let found = units("GSM", &sound, 1).unwrap();
        let frames = [
            unit(u32::MAX, &sound[..33], 160, true),
            unit(159, &sound[..33], 160, false),
        ];
        assert_eq!(found, frames);
        let found = units("G722", &sound, 0).unwrap();
        assert_eq!(found, [unit(u32::MAX, &sound, 67, false)]);
        // What is less than eight samples is left out.
        let found = units("AAL2-G726-40", &sound, 0).unwrap();
        assert_eq!(found, [unit(u32::MAX, &sound[..65], 104, false)]);
        for name in ["GSM", "G722", "G726-32"] {
            assert!(units(name, &[], 0).is_err(), "{name}");
        }
        assert!(units("GSM", &sound[..32], 0).is_err());
    }

    #[test]
    fn decoders_take_the_highest_bits_first() {
        // Samples 0, 1, 2 and so on, as RFC 3551 draws them.
        let cases: [(&str, &[u8], &[u8]); 4] = [
            (
                "G726-16",
                &[0b1110_0100, 0b1110_0100],
                &[0b0001_1011, 0b0001_1011],
            ),
            (
                "G726-24",
                &[0b1000_1000, 0b1100_0110, 0b1111_1010],
                &[0b0000_0101, 0b0011_1001, 0b0111_0111],
            ),
            (
                "G726-32",
                &[0x10, 0x32, 0x54, 0x76],
                &[0x01, 0x23, 0x45, 0x67],
            ),
            (
                "G726-40",
                &[0x20, 0x88, 0x41, 0x8a, 0x39],
                &[0x00, 0x44, 0x32, 0x14, 0xc7],
            ),
        ];
        for (name, sent, taken) in cases {
            let found = units(name, sent, 0).unwrap();
            assert_eq!(found[0].data, taken, "{name}");
            assert_eq!(found[0].duration, Some(8));
        }
    }

    #[test]
    fn names_tell_the_coding() {
        let atm = Coding::G726 {
            bits: 4,
            order: Order::HighFirst,
        };
        assert_eq!(Coding::of("AAL2-G726-32"), Some(atm));
        for name in ["G726-48", "G726", "G723", "AAL2-GSM", ""] {
            assert_eq!(Coding::of(name), None);
        }
    }
}
