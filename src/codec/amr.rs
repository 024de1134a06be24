//! AMR and AMR-WB: RTP payloads.

use std::mem;

use arrayvec::ArrayVec;

use super::{Malformed, Packetize, Sample, Sink};

/// RTP payloads in octet-aligned mode without interleaving (RFC 4867, 4.4).
///
/// Samples hold one or more frames in storage format, each a ToC byte and its
/// speech bytes (3GPP TS 26.244, 6.5).
pub(super) struct Packetizer {
    pub(super) wide: bool,
}

impl Packetize for Packetizer {
    fn samples_per_call(&self) -> usize {
        MAX_FRAMES
    }

    fn packetize(
        &self,
        samples: &[Sample<'_>],
        limit: usize,
        sink: &mut dyn Sink,
    ) -> Result<(), Malformed> {
        let mut group = Group::default();
        for sample in samples {
            let mut rest = sample.data;
            let mut offset = sample.offset;
            while let Some((&toc, speech)) = rest.split_first() {
                let frame;
                (frame, rest) = speech
                    .split_at_checked(self.speech_bytes(toc)?)
                    .ok_or(malformed("frame is cut short"))?;
                if !group.fits(frame, limit) {
                    group.send(sink);
                }
                group.push(toc, frame, offset);
                offset = offset.wrapping_add(frame_ticks(self.wide));
            }
        }
        group.send(sink);
        Ok(())
    }
}

impl Packetizer {
    /// Bytes after a ToC byte.
    fn speech_bytes(&self, toc: u8) -> Result<usize, Malformed> {
        let bits = speech_bits(self.wide, toc).ok_or(malformed("reserved frame type"))?;
        Ok(bits.div_ceil(8))
    }
}

/// Bits of a frame of this type (3GPP TS 26.101 and TS 26.201, annexes A); `None` for reserved types.
pub(super) fn speech_bits(wide: bool, toc: u8) -> Option<usize> {
    let bits: [i16; 16] = if wide {
        [
            132, 177, 253, 285, 317, 365, 397, 461, 477, 40, -1, -1, -1, -1, 0, 0,
        ]
    } else {
        [
            95, 103, 118, 134, 148, 159, 204, 244, 39, 43, 38, 37, -1, -1, -1, 0,
        ]
    };
    usize::try_from(bits[usize::from(toc >> 3 & 0xf)]).ok()
}

/// 20 ms at 8 or 16 kHz.
pub(super) fn frame_ticks(wide: bool) -> u32 {
    if wide { 320 } else { 160 }
}

/// Frames that go out in one payload.
#[derive(Default)]
struct Group<'a> {
    table: ArrayVec<u8, MAX_FRAMES>,
    frames: ArrayVec<&'a [u8], MAX_FRAMES>,
    offset: u32,
}

impl<'a> Group<'a> {
    fn fits(&self, frame: &[u8], limit: usize) -> bool {
        let bytes: usize = self.frames.iter().map(|frame| 1 + frame.len()).sum();
        !self.frames.is_full() && 1 + bytes + 1 + frame.len() <= limit
    }

    fn push(&mut self, toc: u8, frame: &'a [u8], offset: u32) {
        match self.table.last_mut() {
            Some(toc) => *toc |= MORE_FOLLOW,
            None => self.offset = offset,
        }
        self.table.push(toc & TYPE_AND_QUALITY);
        self.frames.push(frame);
    }

    fn send(&mut self, sink: &mut dyn Sink) {
        if self.frames.is_empty() {
            return;
        }
        let group = mem::take(self);
        let mut parts: ArrayVec<&[u8], { 2 + MAX_FRAMES }> = ArrayVec::new();
        parts.push(&[NO_MODE_REQUEST]);
        parts.push(&group.table);
        parts.extend(group.frames);
        sink.payload(&parts, false, group.offset);
    }
}

const fn malformed(reason: &'static str) -> Malformed {
    Malformed::new("AMR", reason)
}

const NO_MODE_REQUEST: u8 = 0xf0;
const MORE_FOLLOW: u8 = 0x80;
const TYPE_AND_QUALITY: u8 = 0x7c;
/// 200 ms, as 3GPP phones send it.
const MAX_FRAMES: usize = 10;
