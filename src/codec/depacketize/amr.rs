//! AMR and AMR-WB out of RTP, octet-aligned or not (RFC 4867, 4.3 and 4.4).
//!
//! Interleaving and the sorting of bits by importance, which no known sender uses, are not supported.

use super::frames::Frames;
use super::{AccessUnit, Depacketize, Fmtp};
use crate::codec::amr::{frame_ticks, speech_bits};
use crate::codec::bits::Bits;
use crate::codec::{Format, Malformed};
use crate::wire::rtp;

/// The state of one track.
pub(super) struct Depacketizer {
    wide: bool,
    channels: u8,
    is_aligned: bool,
    has_checksums: bool,
    frames: Frames,
}

impl Depacketizer {
    /// `None` for parameters that are not supported.
    pub(super) fn new(wide: bool, channels: u8, fmtp: Fmtp<'_>) -> Option<Self> {
        let is_sorted = fmtp.flag("robust-sorting") || fmtp.text("interleaving").is_some();
        let has_checksums = fmtp.flag("crc");
        (!is_sorted && channels > 0).then(|| Self {
            wide,
            channels,
            // Checksums imply it (8.1).
            is_aligned: fmtp.flag("octet-align") || has_checksums,
            has_checksums,
            frames: Frames::default(),
        })
    }

    fn take(&mut self, packet: &rtp::Packet<'_>) -> Result<(), Malformed> {
        let mut bits = Bits::new(packet.payload());
        bits.skip(if self.is_aligned { 8 } else { 4 }).ok_or(CUT)?;
        let table = self.table(&mut bits).ok_or(CUT)?;
        if self.has_checksums {
            let speech = table.iter().filter(|toc| self.bits_of(**toc) != Some(0));
            bits.skip(8 * speech.count()).ok_or(CUT)?;
        }
        let mut time = packet.time();
        for block in table.chunks(self.channels.into()) {
            let mut data = Vec::new();
            for toc in block {
                data.push(*toc);
                data.extend(self.speech(*toc, &mut bits)?);
            }
            self.frames.push(time, data, frame_ticks(self.wide));
            time = time.wrapping_add(frame_ticks(self.wide));
        }
        Ok(())
    }

    /// What each frame is, as storage format has it: without the bit that says that more follow.
    fn table(&self, bits: &mut Bits<'_>) -> Option<Vec<u8>> {
        let mut table = Vec::new();
        loop {
            let follows = bits.flag()?;
            table.push((bits.take(5)? << 2) as u8);
            if self.is_aligned {
                bits.skip(2)?;
            }
            if !follows {
                return Some(table);
            }
        }
    }

    fn speech(&self, toc: u8, bits: &mut Bits<'_>) -> Result<Vec<u8>, Malformed> {
        let count = self.bits_of(toc).ok_or(malformed("reserved frame type"))?;
        let count = if self.is_aligned {
            8 * count.div_ceil(8)
        } else {
            count
        };
        bits.take_bytes(count).ok_or(CUT)
    }

    fn bits_of(&self, toc: u8) -> Option<usize> {
        speech_bits(self.wide, toc)
    }
}

impl Depacketize for Depacketizer {
    fn push(&mut self, packet: &rtp::Packet<'_>, lost: u16) -> Result<(), Malformed> {
        self.frames.lost(lost);
        let taken = self.take(packet);
        if taken.is_err() {
            self.frames.lose();
        }
        taken
    }

    fn pull(&mut self) -> Option<AccessUnit> {
        self.frames.pull()
    }

    fn flush(&mut self) {}

    fn format(&self) -> Option<Format> {
        Some(Format::Amr {
            wide: self.wide,
            channels: self.channels,
        })
    }
}

const fn malformed(reason: &'static str) -> Malformed {
    Malformed::new("AMR", reason)
}

const CUT: Malformed = malformed("payload is cut short");
