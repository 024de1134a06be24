//! AAC in LATM with LOAS around it, as DVB has it (ISO/IEC 14496-3, 1.7).
//!
//! One program of one layer: what broadcasts and RTP senders use; in LOAS one frame in each element.

use std::borrow::Cow;

use super::aac::{PARAMETRIC_STEREO, SPECTRAL_BAND_REPLICATION, object_type, pass_rate};
use super::audio_frames::{Found, Header, Layout};
use super::bits::Bits;
use super::{Format, aac};

/// Bytes of the sync word and the length of what follows.
const HEADER: usize = 3;

const SYNC: u32 = 0x2b7;

/// The last configuration, for the elements that leave theirs out.
#[derive(Default)]
pub(super) struct Latm {
    config: Option<Parameters>,
}

/// What a StreamMuxConfig says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parameters {
    pub(super) aac: aac::Config,
    /// Samples of a frame.
    pub(super) duration: u32,
    /// Frames in each element, 1 to 64.
    pub(super) sub_frames: u32,
}

impl Layout for Latm {
    type Parameters = Parameters;

    fn find(&mut self, bytes: &[u8]) -> Found<Parameters> {
        let Some(header) = bytes.first_chunk::<HEADER>() else {
            let may_start = matches!(bytes, [] | [0x56] | [0x56, 0xe0..=0xff]);
            return if may_start {
                Found::More
            } else {
                Found::Nothing
            };
        };
        let bits = u32::from_be_bytes([0, header[0], header[1], header[2]]);
        if bits >> 13 != SYNC {
            return Found::Nothing;
        }
        let size = HEADER + (bits & 0x1fff) as usize;
        let Some(frame) = bytes.get(..size) else {
            return Found::More;
        };
        let Some((parameters, _)) = self.element(frame) else {
            return Found::Nothing;
        };
        self.config = Some(parameters.clone());
        Found::Frame(Header {
            size,
            duration: parameters.duration,
            parameters,
        })
    }

    fn sample<'a>(&self, frame: &'a [u8]) -> Option<Cow<'a, [u8]>> {
        let (_, mut bits) = self.element(frame)?;
        let sample = payload(&mut bits)?;
        (!sample.is_empty()).then_some(Cow::Owned(sample))
    }

    fn rate_hz(parameters: &Parameters) -> u32 {
        parameters.aac.rate_hz
    }

    fn format(parameters: &Parameters) -> Format {
        Format::Aac(parameters.aac.clone())
    }
}

impl Latm {
    /// The configuration of an AudioMuxElement, and what follows it.
    fn element<'a>(&self, frame: &'a [u8]) -> Option<(Parameters, Bits<'a>)> {
        let mut bits = Bits::new(frame.get(HEADER..)?);
        let parameters = match bits.flag()? {
            true => self.config.clone()?,
            false => stream_mux_config(&mut bits)?,
        };
        (parameters.sub_frames == 1).then_some(())?;
        Some((parameters, bits))
    }
}

/// The next frame, behind its length (tables 1.43 and 1.45).
pub(super) fn payload(bits: &mut Bits<'_>) -> Option<Vec<u8>> {
    let mut size = 0;
    loop {
        let more = bits.take(8)?;
        size += more as usize;
        if more < 0xff {
            return bits.take_bytes(8 * size);
        }
    }
}

/// Reads a StreamMuxConfig (table 1.42); `None` for layouts beyond one layer of one program.
pub(super) fn stream_mux_config(bits: &mut Bits<'_>) -> Option<Parameters> {
    let version = bits.flag()?;
    if version {
        let is_other_syntax = bits.flag()?;
        (!is_other_syntax).then_some(())?;
        value(bits)?;
    }
    let same_time = bits.flag()?;
    let sub_frames = bits.take(6)? + 1;
    // The numbers of programs and layers less one.
    let others = bits.take(4 + 3)?;
    (same_time && others == 0).then_some(())?;
    let size = if version { Some(value(bits)?) } else { None };
    let (parameters, used) = audio_specific_config(*bits)?;
    bits.take_bytes(size.map_or(used, |size| size as usize))?;
    let frame_length_type = bits.take(3)?;
    (frame_length_type == 0).then_some(())?;
    let _buffer_fullness = bits.take(8)?;
    if bits.flag()? {
        other_data(bits, version)?;
    }
    if bits.flag()? {
        let _checksum = bits.take(8)?;
    }
    Some(Parameters {
        sub_frames,
        ..parameters
    })
}

/// LatmGetValue (table 1.44).
fn value(bits: &mut Bits<'_>) -> Option<u32> {
    let bytes = bits.take(2)? + 1;
    bits.take(8 * bytes)
}

fn other_data(bits: &mut Bits<'_>, version: bool) -> Option<()> {
    if version {
        return value(bits).map(drop);
    }
    while {
        let goes_on = bits.flag()?;
        bits.take(8)?;
        goes_on
    } {}
    Some(())
}

/// Reads an AudioSpecificConfig, and counts its bits: nothing else tells where it ends.
fn audio_specific_config(mut start: Bits<'_>) -> Option<(Parameters, usize)> {
    let mut bits = start;
    let mut object = object_type(&mut bits)?;
    pass_rate(&mut bits)?;
    let channels = bits.take(4)?;
    if matches!(object, SPECTRAL_BAND_REPLICATION | PARAMETRIC_STEREO) {
        pass_rate(&mut bits)?;
        object = object_type(&mut bits)?;
    }
    // AAC main, LC, SSR and LTP, whose channels the configuration tells.
    ((1..=4).contains(&object) && channels > 0).then_some(())?;
    let is_short = bits.flag()?;
    if bits.flag()? {
        let _core_coder_delay = bits.take(14)?;
    }
    let extends = bits.flag()?;
    (!extends).then_some(())?;
    let used = bits.position() - start.position();
    let specific = start.take_bytes(used)?;
    let parameters = Parameters {
        aac: aac::Config::from_specific(&specific).ok()?,
        duration: if is_short { 960 } else { 1024 },
        sub_frames: 1,
    };
    Some((parameters, used))
}
