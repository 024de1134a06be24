//! AC-3: what `dac3` says, and RTP payloads.

use super::fragments::fragments;
use super::frames::{self, Layout};
use super::{Malformed, Packetize, Sample, Sink};

/// The sampling rate in Hz and the channels of an AC3SpecificBox's content (ETSI TS 102 366, F.4).
pub(super) fn read_dac3(record: &[u8]) -> Result<(u32, u8), Malformed> {
    let &[rate, channels, _, ..] = record else {
        return Err(malformed("dac3 is cut short"));
    };
    let rate_hz = match rate >> 6 {
        0 => 48_000,
        1 => 44_100,
        2 => 32_000,
        _ => return Err(malformed("reserved sampling rate")),
    };
    let mode = usize::from(channels >> 3 & 7);
    let low_frequency = channels >> 2 & 1;
    Ok((rate_hz, [2, 1, 2, 3, 3, 4, 4, 5][mode] + low_frequency))
}

/// RTP payloads (RFC 4184, 4): whole syncframes together, a large one in fragments.
pub(super) struct Packetizer;

impl Packetize for Packetizer {
    /// About 100 ms at 48 kHz.
    fn samples_per_call(&self) -> usize {
        3
    }

    fn packetize(
        &self,
        samples: &[Sample<'_>],
        limit: usize,
        sink: &mut dyn Sink,
    ) -> Result<(), Malformed> {
        frames::packetize::<Payloads>(samples, limit, sink)
    }
}

struct Payloads;

impl Layout for Payloads {
    const HEADER: usize = 2;
    const FRAME_HEADER: usize = 0;
    const MARKER: bool = true;

    fn check(frame: &[u8]) -> Result<(), Malformed> {
        match frame {
            [0x0b, 0x77, ..] if frame.len() <= MAX_FRAME => Ok(()),
            [0x0b, 0x77, ..] => Err(malformed("syncframe of more than 3840 bytes")),
            _ => Err(malformed("no sync word")),
        }
    }

    fn header(frames: &[&[u8]]) -> frames::Header {
        [WHOLE, frames.len() as u8].into_iter().collect()
    }

    fn send_fragments(sample: &Sample<'_>, limit: usize, sink: &mut dyn Sink) {
        let size = sample.data.len();
        let room = limit.saturating_sub(Self::HEADER);
        let pieces = fragments(sample.data, room).count() as u8;
        for fragment in fragments(sample.data, room) {
            // With five eighths of it a decoder can already fill a frame.
            let kind = match fragment.start {
                0 if 8 * room >= 5 * size => FIRST_LARGE,
                0 => FIRST_SMALL,
                _ => FURTHER,
            };
            sink.payload(
                &[&[kind, pieces], fragment.data],
                fragment.last,
                sample.offset,
            );
        }
    }
}

const fn malformed(reason: &'static str) -> Malformed {
    Malformed::new("AC-3", reason)
}

const WHOLE: u8 = 0;
const FIRST_LARGE: u8 = 1;
const FIRST_SMALL: u8 = 2;
const FURTHER: u8 = 3;
/// 640 kbit/s at 32 kHz.
const MAX_FRAME: usize = 3840;
