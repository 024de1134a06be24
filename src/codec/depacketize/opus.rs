//! Opus out of RTP: one packet a payload (RFC 7587, 4.2).

use bytes::Bytes;

use super::{AccessUnit, Depacketize, Fmtp};
use crate::codec::{Format, Malformed};
use crate::wire::rtp;

/// The state of one track.
pub(super) struct Depacketizer {
    channels: u8,
    ready: Option<AccessUnit>,
}

impl Depacketizer {
    pub(super) fn new(fmtp: Fmtp<'_>) -> Self {
        Self {
            channels: if fmtp.flag("sprop-stereo") { 2 } else { 1 },
            ready: None,
        }
    }
}

impl Depacketize for Depacketizer {
    fn push(&mut self, packet: &rtp::Packet<'_>, lost: u16) -> Result<(), Malformed> {
        let data = packet.payload();
        let duration = duration(data);
        let is_stereo = data.first().is_some_and(|toc| toc & 4 != 0);
        if is_stereo && duration.is_some() {
            self.channels = 2;
        }
        self.ready = duration.map(|duration| AccessUnit {
            time: packet.time(),
            keyframe: true,
            damaged: lost > 0,
            data: Bytes::copy_from_slice(data),
            duration: Some(duration),
        });
        duration.map(drop).ok_or(MALFORMED)
    }

    fn pull(&mut self) -> Option<AccessUnit> {
        self.ready.take()
    }

    fn flush(&mut self) {}

    fn format(&self) -> Option<Format> {
        Some(Format::Opus {
            channels: self.channels,
        })
    }
}

const MALFORMED: Malformed = Malformed::new("Opus", "packet of no length");

/// The most that a packet holds: 120 ms at 48 kHz (RFC 6716, 3.2.5).
const MAX_DURATION: u32 = 5760;

/// For how long a packet is heard, at 48 kHz (RFC 6716, 3.1); `None` for what is no packet.
fn duration(packet: &[u8]) -> Option<u32> {
    let (toc, rest) = packet.split_first()?;
    let frame = match (toc >> 3, u32::from(toc >> 3)) {
        (0..=11, config) => [480, 960, 1920, 2880][config as usize % 4],
        (12..=15, config) => [480, 960][config as usize % 2],
        (_, config) => 120 << (config % 4),
    };
    let frames = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u32::from(rest.first()? & 0x3f),
    };
    let duration = frame * frames;
    (1..=MAX_DURATION).contains(&duration).then_some(duration)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_tell_the_duration() {
        assert_eq!(duration(&[0xfc]), Some(960));
        assert_eq!(duration(&[0x08, 1]), Some(960));
        assert_eq!(duration(&[0x61, 1]), Some(960));
        assert_eq!(duration(&[0xe3, 0x03]), Some(360));
        assert_eq!(duration(&[0xff, 0x3f]), None);
        assert_eq!(duration(&[0x03]), None);
        assert_eq!(duration(&[]), None);
    }
}
