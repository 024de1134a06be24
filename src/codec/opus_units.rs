//! Opus in transport streams: packets behind control headers (the Opus specification for MPEG-TS, 4).

use std::borrow::Cow;

use super::Format;
use super::audio_frames::{Found, Header, Layout};

/// Opus packets behind control headers.
pub(super) struct OpusUnits {
    /// Channels, which the PMT tells.
    pub(super) channels: u8,
}

/// Opus always counts time at this rate, in Hz.
const RATE_HZ: u32 = 48_000;

/// The longest that a control header may ask for, in bytes.
const MAX_PACKET: usize = 61_440;

impl Layout for OpusUnits {
    type Parameters = u8;

    fn find(&mut self, bytes: &[u8]) -> Found<u8> {
        let is_start = matches!(bytes, [] | [0x7f] | [0x7f, 0xe0..=0xff, ..]);
        if !is_start {
            return Found::Nothing;
        }
        let Some((header, packet)) = control_header(bytes) else {
            return if bytes.len() < MAX_PACKET {
                Found::More
            } else {
                Found::Nothing
            };
        };
        let Some(first) = bytes.get(header..header + packet) else {
            return if packet < MAX_PACKET {
                Found::More
            } else {
                Found::Nothing
            };
        };
        match duration(first) {
            Some(duration) => Found::Frame(Header {
                size: header + packet,
                duration,
                parameters: self.channels,
            }),
            None => Found::Nothing,
        }
    }

    fn sample<'a>(&self, frame: &'a [u8]) -> Option<Cow<'a, [u8]>> {
        let (header, _) = control_header(frame)?;
        frame.get(header..).map(Cow::Borrowed)
    }

    fn rate_hz(_: &u8) -> u32 {
        RATE_HZ
    }

    fn format(channels: &u8) -> Format {
        Format::Opus {
            channels: *channels,
        }
    }
}

/// Bytes of the control header at the start of `bytes`, and of the packet behind it.
fn control_header(bytes: &[u8]) -> Option<(usize, usize)> {
    let flags = *bytes.get(1)?;
    let (mut at, mut packet) = (2, 0);
    loop {
        let more = *bytes.get(at)?;
        at += 1;
        packet += usize::from(more);
        if more < 0xff {
            break;
        }
    }
    for trim in [0x10, 0x08] {
        if flags & trim != 0 {
            at += 2;
        }
    }
    if flags & 0x04 != 0 {
        at += 1 + usize::from(*bytes.get(at)?);
    }
    Some((at, packet))
}

/// Samples of a packet (RFC 6716, 3.1 and 3.2); `None` when it is none.
fn duration(packet: &[u8]) -> Option<u32> {
    let toc = *packet.first()?;
    let frame = match toc >> 3 {
        config @ 0..12 => [480, 960, 1920, 2880][usize::from(config & 3)],
        config @ 12..16 => [480, 960][usize::from(config & 1)],
        config => [120, 240, 480, 960][usize::from(config & 3)],
    };
    let frames = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u32::from(*packet.get(1)? & 0x3f),
    };
    let samples = frame * frames;
    // 120 ms.
    (1..=5760).contains(&samples).then_some(samples)
}
