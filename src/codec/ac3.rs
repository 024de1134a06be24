//! AC-3: what `dac3` says, and RTP payloads.

use super::audio_frames::{self, Found, Header};
use super::bits::Bits;
use super::fragments::fragments;
use super::frames::{self, Layout};
use super::{Format, Malformed, Packetize, Sample, Sink};

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
    Ok((rate_hz, CHANNELS[mode] + low_frequency))
}

/// The content of an AC3SpecificBox by a syncframe; `None` when it is none.
pub fn dac3(frame: &[u8]) -> Option<[u8; 3]> {
    let mut bits = Bits::new(frame.first_chunk::<SYNC_HEADER>()?);
    let (sync, _checksum) = (bits.take(16)?, bits.take(16)?);
    (sync == 0x0b77).then_some(())?;
    let (rate, code) = (bits.take(2)?, bits.take(6)?);
    let (version, service) = (bits.take(5)?, bits.take(3)?);
    let mode = bits.take(3)?;
    skip_mix_levels(&mut bits, mode)?;
    let low_frequency = bits.take(1)?;
    Some(pack_dac3([
        rate,
        version,
        service,
        mode,
        low_frequency,
        code / 2,
    ]))
}

/// The same by rate in Hz and channels alone, before the first syncframe; the bit rate stays 0.
pub fn dac3_of(rate_hz: u32, channels: u8) -> [u8; 3] {
    let rate = match rate_hz {
        44_100 => 1,
        32_000 => 2,
        _ => 0,
    };
    let low_frequency = u8::from(channels > 5);
    let full = channels - low_frequency;
    let mode = CHANNELS.iter().rposition(|count| *count == full);
    pack_dac3([
        rate,
        8,
        0,
        mode.unwrap_or(2) as u32,
        low_frequency.into(),
        0,
    ])
}

fn pack_dac3([rate, version, service, mode, low_frequency, bit_rate]: [u32; 6]) -> [u8; 3] {
    let head = rate << 22 | version << 17 | service << 14;
    let [_, record @ ..] = (head | mode << 11 | low_frequency << 10 | bit_rate << 5).to_be_bytes();
    record
}

/// Full channels by audio coding mode (ETSI TS 102 366, 4.4.2.3).
const CHANNELS: [u8; 8] = [2, 1, 2, 3, 3, 4, 4, 5];

/// The syncframes of a stream (ETSI TS 102 366, 4.3).
pub(super) struct Syncframes;

/// What a syncframe's header says of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Parameters {
    rate_hz: u32,
    channels: u8,
}

impl audio_frames::Layout for Syncframes {
    type Parameters = Parameters;

    fn find(&mut self, bytes: &[u8]) -> Found<Parameters> {
        let Some(header) = bytes.first_chunk::<SYNC_HEADER>() else {
            let may_start = matches!(bytes, [] | [0x0b] | [0x0b, 0x77, ..]);
            return if may_start {
                Found::More
            } else {
                Found::Nothing
            };
        };
        read_syncframe(header).map_or(Found::Nothing, Found::Frame)
    }

    fn rate_hz(parameters: &Parameters) -> u32 {
        parameters.rate_hz
    }

    fn format(parameters: &Parameters) -> Format {
        Format::Ac3 {
            rate_hz: parameters.rate_hz,
            channels: parameters.channels,
        }
    }
}

/// Bytes up to the flag of the low frequency channel.
const SYNC_HEADER: usize = 8;

/// Samples of a syncframe.
const DURATION: u32 = 1536;

/// kbit/s by half of the frame size code.
const BIT_RATES: [usize; 19] = [
    32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640,
];

fn read_syncframe(header: &[u8; SYNC_HEADER]) -> Option<Header<Parameters>> {
    let mut bits = Bits::new(header);
    let (sync, _checksum) = (bits.take(16)?, bits.take(16)?);
    let (rate, code) = (bits.take(2)?, bits.take(6)? as usize);
    let (version, _service) = (bits.take(5)?, bits.take(3)?);
    // Above 8 come half rates and E-AC-3, which RFC 4184 does not carry.
    (sync == 0x0b77 && version <= 8).then_some(())?;
    let bit_rate = BIT_RATES.get(code / 2)?;
    let (rate_hz, size) = match rate {
        0 => (48_000, 4 * bit_rate),
        1 => (44_100, 2 * (320 * bit_rate / 147 + code % 2)),
        2 => (32_000, 6 * bit_rate),
        _ => return None,
    };
    let mode = bits.take(3)?;
    skip_mix_levels(&mut bits, mode)?;
    let channels = CHANNELS.get(mode as usize)? + u8::from(bits.flag()?);
    Some(Header {
        size,
        duration: DURATION,
        parameters: Parameters { rate_hz, channels },
    })
}

/// Passes over the levels that depend on the audio coding mode.
fn skip_mix_levels(bits: &mut Bits<'_>, mode: u32) -> Option<()> {
    let has_center = mode & 1 == 1 && mode != 1;
    for mix_level in [has_center, mode & 4 != 0, mode == 2] {
        if mix_level {
            bits.take(2)?;
        }
    }
    Some(())
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
