//! MPEG audio out of RTP: whole frames, or pieces of one (RFC 2250, 3.5).

use super::frames::{Frames, ticks};
use super::{AccessUnit, Depacketize};
use crate::codec::mpeg_audio::Header;
use crate::codec::{Format, Malformed};
use crate::wire::rtp;

/// The state of one track.
pub(super) struct Depacketizer {
    clock_hz: u32,
    frames: Frames,
    format: Option<Format>,
}

impl Depacketizer {
    pub(super) fn new(clock_hz: u32) -> Self {
        Self {
            clock_hz,
            frames: Frames::default(),
            format: None,
        }
    }

    fn take(&mut self, packet: &rtp::Packet<'_>) -> Result<(), Malformed> {
        let (header, data) = packet
            .payload()
            .split_first_chunk::<4>()
            .ok_or(malformed("payload without a header"))?;
        let [_, _, high, low] = *header;
        match u16::from_be_bytes([high, low]) {
            0 => self.whole_frames(packet.time(), data),
            offset => self.piece(offset.into(), data),
        }
    }

    /// The last of them may be the first piece of a frame.
    fn whole_frames(&mut self, start: u32, mut data: &[u8]) -> Result<(), Malformed> {
        let mut samples = 0;
        while !data.is_empty() {
            let header = header(data).ok_or(malformed("no frame header"))?;
            let time = start.wrapping_add(ticks(samples, header.rate_hz, self.clock_hz));
            let Some(frame) = data.split_off(..header.size as usize) else {
                self.frames.begin(time, data);
                return Ok(());
            };
            self.push(time, frame.to_vec(), &header);
            samples += header.duration;
        }
        Ok(())
    }

    /// Bytes of the frame under way from `offset` on.
    fn piece(&mut self, offset: usize, data: &[u8]) -> Result<(), Malformed> {
        let follows = |partial: &super::frames::Partial| partial.data.len() == offset;
        if !self.frames.partial().is_some_and(follows) {
            self.frames.lose();
            return Ok(());
        }
        let length = self.frames.append(data).ok_or(SIZE)?;
        let partial = self.frames.partial().ok_or(SIZE)?;
        let header = header(&partial.data).ok_or(SIZE)?;
        match length.cmp(&(header.size as usize)) {
            std::cmp::Ordering::Less => {}
            std::cmp::Ordering::Equal => {
                if let Some(partial) = self.frames.take_partial() {
                    self.push(partial.time, partial.data, &header);
                }
            }
            std::cmp::Ordering::Greater => return Err(SIZE),
        }
        Ok(())
    }

    fn push(&mut self, time: u32, frame: Vec<u8>, header: &Header) {
        let duration = ticks(header.duration, header.rate_hz, self.clock_hz);
        self.frames.push(time, frame, duration);
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
        let unit = self.frames.pull()?;
        if let Some(header) = header(&unit.data) {
            self.format = Some(Format::MpegAudio {
                layer: header.layer,
                rate_hz: header.rate_hz,
                channels: header.channels,
            });
        }
        Some(unit)
    }

    fn flush(&mut self) {}

    fn format(&self) -> Option<Format> {
        self.format.clone()
    }
}

/// The header of a frame that is more than its header.
fn header(frame: &[u8]) -> Option<Header> {
    let header = Header::read(*frame.first_chunk()?)?;
    (header.size as usize > Header::SIZE).then_some(header)
}

const fn malformed(reason: &'static str) -> Malformed {
    Malformed::new("MPEG audio", reason)
}

const SIZE: Malformed = malformed("pieces do not make up the frame");
