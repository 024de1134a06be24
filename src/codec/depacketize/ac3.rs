//! AC-3 out of RTP: whole syncframes, or pieces of one (RFC 4184, 4.1).

use super::frames::{Frames, ticks};
use super::{AccessUnit, Depacketize};
use crate::codec::ac3::{Parameters, Syncframes};
use crate::codec::audio_frames::{Found, Header, Layout as _};
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
        let &[kind, _count, ref data @ ..] = packet.payload() else {
            return Err(malformed("payload without a header"));
        };
        match kind & 3 {
            WHOLE => return self.whole_frames(packet.time(), data),
            FIRST_LARGE | FIRST_SMALL => self.frames.begin(packet.time(), data),
            _ => {
                let partial = self.frames.partial();
                if partial.is_none_or(|partial| partial.time != packet.time()) {
                    self.frames.lose();
                    return Ok(());
                }
                self.frames.append(data).ok_or(SIZE)?;
            }
        }
        if packet.marker() {
            self.finish()?;
        }
        Ok(())
    }

    fn whole_frames(&mut self, mut time: u32, mut data: &[u8]) -> Result<(), Malformed> {
        while !data.is_empty() {
            let header = header(data).ok_or(malformed("no syncframe"))?;
            let frame = data
                .split_off(..header.size)
                .ok_or(malformed("syncframe is cut short"))?;
            time = time.wrapping_add(self.push(time, frame.to_vec(), &header));
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), Malformed> {
        let whole = self.frames.take_partial().ok_or(SIZE)?;
        let header = header(&whole.data).filter(|header| header.size == whole.data.len());
        self.push(whole.time, whole.data, &header.ok_or(SIZE)?);
        Ok(())
    }

    /// Returns the ticks of the frame.
    fn push(&mut self, time: u32, frame: Vec<u8>, header: &Header<Parameters>) -> u32 {
        let rate_hz = Syncframes::rate_hz(&header.parameters);
        let duration = ticks(header.duration, rate_hz, self.clock_hz);
        self.frames.push(time, frame, duration);
        duration
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
            self.format = Some(Syncframes::format(&header.parameters));
        }
        Some(unit)
    }

    fn flush(&mut self) {}

    fn format(&self) -> Option<Format> {
        self.format.clone()
    }
}

fn header(frame: &[u8]) -> Option<Header<Parameters>> {
    match Syncframes.find(frame) {
        Found::Frame(header) => Some(header),
        Found::More | Found::Nothing => None,
    }
}

const fn malformed(reason: &'static str) -> Malformed {
    Malformed::new("AC-3", reason)
}

const SIZE: Malformed = malformed("pieces do not make up the syncframe");
const WHOLE: u8 = 0;
const FIRST_LARGE: u8 = 1;
const FIRST_SMALL: u8 = 2;
