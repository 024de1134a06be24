//! Speex out of RTP: any number of frames in a payload, one behind the other by the bit (RFC 5574, 3.3).
//!
//! How long a frame is, its modes tell (the Speex manual, 9.3 and 10.2).

use std::collections::VecDeque;

use super::AccessUnit;
use super::foreign::{Assemble, ForeignConfig};
use crate::codec::Malformed;
use crate::codec::bits::Bits;
use crate::wire::rtp;

/// The state of one track.
#[derive(Debug)]
pub(super) struct Depacketizer {
    rate_hz: u32,
    ready: VecDeque<AccessUnit>,
}

impl Depacketizer {
    /// `None` for rates that Speex does not have.
    pub(super) fn new(rate_hz: u32) -> Option<Self> {
        let is_known = matches!(rate_hz, 8000 | 16_000 | 32_000);
        is_known.then(|| Self {
            rate_hz,
            ready: VecDeque::new(),
        })
    }
}

impl Assemble for Depacketizer {
    fn push(&mut self, packet: &rtp::Packet<'_>, lost: u16) -> Result<(), Malformed> {
        let payload = packet.payload();
        let mut bits = Bits::new(payload);
        let ticks = self.rate_hz / FRAMES_PER_SECOND;
        let mut time = packet.time();
        while let Some(end) = end_of_frame(bits)? {
            if self.ready.len() == MOST_FRAMES {
                return Err(malformed("packet of too many frames"));
            }
            let count = end - bits.position();
            let data = bits.take_bytes(count).ok_or(CUT)?;
            self.ready.push_back(AccessUnit {
                time,
                keyframe: true,
                damaged: lost > 0 && time == packet.time(),
                data: data.into(),
                duration: Some(ticks),
            });
            time = time.wrapping_add(ticks);
        }
        match time == packet.time() {
            true => Err(malformed("payload without a frame")),
            false => Ok(()),
        }
    }

    fn pull(&mut self) -> Option<AccessUnit> {
        self.ready.pop_front()
    }

    fn config(&self) -> Option<ForeignConfig> {
        Some(ForeignConfig::Speex {
            rate_hz: self.rate_hz,
        })
    }
}

/// At which bit the frame ends that begins here, with what is told to the decoder before it; `None` without
/// another frame.
fn end_of_frame(mut bits: Bits<'_>) -> Result<Option<usize>, Malformed> {
    loop {
        // Less is padding.
        let Some(mode) = bits.take(5) else {
            return Ok(None);
        };
        let size = match mode {
            TERMINATOR => return Ok(None),
            REQUEST => request_bits(bits.take(4).ok_or(CUT)?),
            USER_MESSAGE => 1 + 8 * bits.take(4).ok_or(CUT)? as usize,
            _ => {
                let mode = mode as usize;
                let size = NARROW_BITS.get(mode);
                let size = size.ok_or(malformed("mode that is not known"))?;
                bits.skip(size - 5).ok_or(CUT)?;
                return end_of_layers(bits).map(Some);
            }
        };
        bits.skip(size).ok_or(CUT)?;
    }
}

/// At which bit the layers end that bring higher frequencies, of which there may be none.
fn end_of_layers(mut bits: Bits<'_>) -> Result<usize, Malformed> {
    loop {
        let end = bits.position();
        if bits.flag() != Some(true) {
            return Ok(end);
        }
        let mode = bits.take(3).ok_or(CUT)? as usize;
        let size = WIDE_BITS.get(mode);
        let size = size.ok_or(malformed("mode that is not known"))?;
        bits.skip(size - 4).ok_or(CUT)?;
    }
}

/// How many bits a request to the decoder has behind its number.
fn request_bits(number: u32) -> usize {
    match number {
        0..2 => 1,
        2..8 => 4,
        8..10 => 8,
        10..12 => 16,
        12..14 => 32,
        _ => 64,
    }
}

const fn malformed(reason: &'static str) -> Malformed {
    Malformed::new("Speex", reason)
}

const CUT: Malformed = malformed("frame is cut short");

/// In a packet: a second.
const MOST_FRAMES: usize = FRAMES_PER_SECOND as usize;

/// All modes have frames of 20 ms.
const FRAMES_PER_SECOND: u32 = 50;

/// The bits of a frame in each mode, the mode's among them.
const NARROW_BITS: [usize; 9] = [5, 43, 119, 160, 220, 300, 364, 492, 79];

/// Those of a layer.
const WIDE_BITS: [usize; 5] = [4, 36, 112, 192, 352];

const USER_MESSAGE: u32 = 13;
const REQUEST: u32 = 14;
const TERMINATOR: u32 = 15;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::rtp::{HEADER_LEN, write_header};

    fn push(payload: &[u8]) -> Result<Vec<(u32, Vec<u8>)>, Malformed> {
        let mut header = [0; HEADER_LEN];
        write_header(&mut header, false, 97, 0, 16, 1);
        let packet = [&header[..], payload].concat();
        let mut track = Depacketizer::new(16_000).unwrap();
        track.push(&rtp::Packet::read(&packet).unwrap(), 0)?;
        let units = std::iter::from_fn(|| track.pull());
        Ok(units.map(|unit| (unit.time, unit.data.to_vec())).collect())
    }

    /// Fields of so many bits, with what fills up the last byte.
    fn packed(fields: &[(usize, u64)]) -> Vec<u8> {
        let mut bits: Vec<bool> = Vec::new();
        for &(count, value) in fields {
            bits.extend(
                (0..count)
                    .rev()
                    .map(|bit| bit < 64 && value >> bit & 1 == 1),
            );
        }
        let filled = bits.len().next_multiple_of(8);
        let padding = (0..filled - bits.len()).map(|bit| bit > 0);
        let bits: Vec<_> = bits.iter().copied().chain(padding).collect();
        let byte = |bits: &[bool]| bits.iter().fold(0, |byte, bit| byte << 1 | u8::from(*bit));
        bits.chunks(8).map(byte).collect()
    }

    #[test]
    fn frames_are_taken_apart() {
        let narrow = [(5, 8), (74, 9)];
        let layer = [(4, 9), (32, 7)];
        let frames = [&narrow[..], &layer, &narrow, &layer].concat();
        let found = push(&packed(&frames)).unwrap();
        let mut frame = packed(&[&narrow[..], &layer].concat());
        // What is behind a frame nobody looks at.
        *frame.last_mut().unwrap() &= 0xe0;
        assert_eq!(found, [(16, frame.clone()), (336, frame)]);
    }

    #[test]
    fn what_is_told_to_decoders_goes_with_the_next_frame() {
        let fields = [
            (5, 14),
            (4, 9),
            (8, 1),
            (5, 13),
            (4, 2),
            (17, 3),
            (5, 0),
            (5, 15),
        ];
        let found = push(&packed(&fields)).unwrap();
        let mut frame = packed(&fields[..7]);
        assert_eq!(frame.len(), 6);
        frame.truncate(6);
        assert_eq!(found, [(16, frame)]);
    }

    #[test]
    fn what_is_malformed_is_refused() {
        let cases = [
            vec![],
            packed(&[(5, 15)]),
            packed(&[(5, 9), (50, 0)]),
            packed(&[(5, 3), (50, 0)]),
            packed(&[(5, 0), (4, 14), (50, 0)]),
            packed(&[(5, 0), (4, 12)]),
            packed(&[(5, 14)]),
        ];
        for payload in cases {
            assert!(push(&payload).is_err(), "{payload:x?}");
        }
        assert!(Depacketizer::new(11_025).is_none());
    }
}
