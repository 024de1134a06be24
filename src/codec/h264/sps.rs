//! Sequence parameter sets of H.264 (ITU-T H.264, 7.3.2.1.1 and annex E).

use crate::codec::Malformed;
use crate::codec::bits::Bits;
use crate::codec::nal;
use crate::codec::video_range::UNSPECIFIED;

/// What a sequence parameter set says of the pictures.
#[derive(Clone, Debug, PartialEq)]
pub struct SpsFacts {
    /// Its number, which picture parameter sets refer to; at most 31.
    pub id: u8,
    /// Width of the pictures after cropping, in luma samples.
    pub width: u32,
    /// Height of the pictures after cropping, in luma samples.
    pub height: u32,
    /// `profile_idc`.
    pub profile: u8,
    /// The byte of constraint flags behind it.
    pub constraints: u8,
    /// `level_idc`: ten times the level.
    pub level: u8,
    /// `chroma_format_idc`: 0 for grey, 1 for 4:2:0, 2 for 4:2:2, 3 for 4:4:4.
    pub chroma_format: u8,
    /// Bits of a luma sample.
    pub bit_depth_luma: u8,
    /// Bits of a chroma sample.
    pub bit_depth_chroma: u8,
    /// Frames a second, if the set times them.
    pub frame_rate: Option<f64>,
    /// How many pictures may be decoded before one that is shown earlier, if the set tells or implies it.
    pub reorder_frames: Option<u8>,
    /// The shape of a sample, width to height; 1 to 1 unless the set tells otherwise.
    pub sample_aspect: (u16, u16),
    /// `transfer_characteristics`: how samples stand for light (ITU-T H.273, 8.2).
    pub transfer: u8,
}

impl SpsFacts {
    /// Reads a set, NAL unit header included.
    ///
    /// # Errors
    /// [`Malformed`] when it is no such unit, is cut short, or makes no sense.
    pub fn read(sps: &[u8]) -> Result<Self, Malformed> {
        match sps {
            [header, payload @ ..] if header & 0x1f == 7 => {
                read(&nal::unescape(payload)).ok_or(MALFORMED)
            }
            _ => Err(Malformed::new("H.264", "no sequence parameter set")),
        }
    }
}

const MALFORMED: Malformed = Malformed::new("H.264", "sequence parameter set makes no sense");

/// A profile without pictures that are shown later than ones decoded after them.
const BASELINE: u8 = 66;

/// Profiles whose sets tell the form of the samples.
pub(super) const HIGH: [u8; 13] = [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135];

/// The longest side of a picture, in samples: level 6.2 stays below.
const MAX_SIDE: u32 = 16_888;

/// The form of the samples.
pub(super) struct Chroma {
    pub(super) format: u8,
    /// Each colour is coded as a picture of its own.
    pub(super) separate_planes: bool,
    bit_depth_luma: u8,
    bit_depth_chroma: u8,
}

fn read(payload: &[u8]) -> Option<SpsFacts> {
    let &[profile, constraints, level, ref rest @ ..] = payload else {
        return None;
    };
    let mut bits = Bits::new(rest);
    let id = at_most(bits.unsigned()?, 31)?;
    let chroma = if HIGH.contains(&profile) {
        chroma(&mut bits)?
    } else {
        Chroma {
            format: 1,
            separate_planes: false,
            bit_depth_luma: 8,
            bit_depth_chroma: 8,
        }
    };
    let _log2_max_frame_num = bits.unsigned()?;
    let order_type = picture_order(&mut bits)?;
    let _max_num_ref_frames = bits.unsigned()?;
    let _gaps_allowed = bits.flag()?;
    let (width, height) = size(&mut bits, &chroma)?;
    let vui = match bits.flag()? {
        true => vui(&mut bits)?,
        false => Vui::default(),
    };
    let is_in_order = order_type == 2 || profile == BASELINE || is_intra(profile, constraints);
    let implied = is_in_order.then_some(0);
    Some(SpsFacts {
        id,
        width,
        height,
        profile,
        constraints,
        level,
        chroma_format: chroma.format,
        bit_depth_luma: chroma.bit_depth_luma,
        bit_depth_chroma: chroma.bit_depth_chroma,
        frame_rate: vui.frame_rate,
        reorder_frames: vui.reorder_frames.or(implied),
        sample_aspect: vui.sample_aspect,
        transfer: vui.transfer,
    })
}

/// Profiles with `constraint_set3_flag` that allow no picture but I pictures (E.2.1).
fn is_intra(profile: u8, constraints: u8) -> bool {
    matches!(profile, 44 | 86 | 100 | 110 | 122 | 244) && constraints & 0x10 != 0
}

fn at_most(value: u32, most: u8) -> Option<u8> {
    u8::try_from(value).ok().filter(|value| *value <= most)
}

pub(super) fn chroma(bits: &mut Bits<'_>) -> Option<Chroma> {
    let format = at_most(bits.unsigned()?, 3)?;
    let separate_planes = format == 3 && bits.flag()?;
    let bit_depth_luma = 8 + at_most(bits.unsigned()?, 6)?;
    let bit_depth_chroma = 8 + at_most(bits.unsigned()?, 6)?;
    let _lossless = bits.flag()?;
    if bits.flag()? {
        let lists = if format == 3 { 12 } else { 8 };
        for index in 0..lists {
            if bits.flag()? {
                scaling_list(bits, if index < 6 { 16 } else { 64 })?;
            }
        }
    }
    Some(Chroma {
        format,
        separate_planes,
        bit_depth_luma,
        bit_depth_chroma,
    })
}

/// Passes over a scaling list (7.3.2.1.1.1).
fn scaling_list(bits: &mut Bits<'_>, size: usize) -> Option<()> {
    let mut last = 8;
    for _ in 0..size {
        let next = (last + bits.signed()?.checked_rem(256)?) & 0xff;
        if next == 0 {
            break;
        }
        last = next;
    }
    Some(())
}

/// Passes over the order of pictures; returns its type.
fn picture_order(bits: &mut Bits<'_>) -> Option<u32> {
    let order_type = bits.unsigned()?;
    match order_type {
        0 => {
            bits.unsigned()?;
        }
        1 => {
            bits.flag()?;
            bits.signed()?;
            bits.signed()?;
            let cycle = at_most(bits.unsigned()?, u8::MAX)?;
            for _ in 0..cycle {
                bits.signed()?;
            }
        }
        2 => {}
        _ => return None,
    }
    Some(order_type)
}

/// Width and height after cropping.
fn size(bits: &mut Bits<'_>, chroma: &Chroma) -> Option<(u32, u32)> {
    let side = |units: u32| Some(16 * units.checked_add(1).filter(|side| *side <= MAX_SIDE / 16)?);
    let width = side(bits.unsigned()?)?;
    let map_height = side(bits.unsigned()?)?;
    let frames_only = bits.flag()?;
    // A field is half a frame.
    let fields = if frames_only { 1 } else { 2 };
    if !frames_only {
        let _adaptive = bits.flag()?;
    }
    let _direct_inference = bits.flag()?;
    let height = map_height * fields;
    if !bits.flag()? {
        return Some((width, height));
    }
    let (unit_x, unit_y) = match chroma.format {
        1 => (2, 2),
        2 => (2, 1),
        _ => (1, 1),
    };
    let mut edges = || bits.unsigned()?.checked_add(bits.unsigned()?);
    let across = edges()?.checked_mul(unit_x)?;
    let down = edges()?.checked_mul(unit_y * fields)?;
    let left = |side: u32, cut: u32| side.checked_sub(cut).filter(|side| *side > 0);
    Some((left(width, across)?, left(height, down)?))
}

struct Vui {
    frame_rate: Option<f64>,
    reorder_frames: Option<u8>,
    sample_aspect: (u16, u16),
    transfer: u8,
}

impl Default for Vui {
    fn default() -> Self {
        Self {
            frame_rate: None,
            reorder_frames: None,
            sample_aspect: (1, 1),
            transfer: UNSPECIFIED,
        }
    }
}

/// The usability information (E.1.1), as far as it concerns time, order, shape and light.
fn vui(bits: &mut Bits<'_>) -> Option<Vui> {
    let sample_aspect = nal::sample_aspect(bits)?;
    let transfer = nal::transfer(bits)?;
    let frame_rate = match bits.flag()? {
        true => {
            let (units, scale) = (bits.take(32)?, bits.take(32)?);
            let _fixed = bits.flag()?;
            // A tick is the time of a field.
            nal::rate(scale, units).map(|rate| rate / 2.0)
        }
        false => None,
    };
    // Encoders are known to cut sets off behind the timing.
    let reorder_frames = reorder_frames(bits).flatten();
    Some(Vui {
        frame_rate,
        reorder_frames,
        sample_aspect,
        transfer,
    })
}

fn reorder_frames(bits: &mut Bits<'_>) -> Option<Option<u8>> {
    let network = bits.flag()?;
    if network {
        decoder_model(bits)?;
    }
    let constant = bits.flag()?;
    if constant {
        decoder_model(bits)?;
    }
    if network || constant {
        let _low_delay = bits.flag()?;
    }
    let _pic_struct = bits.flag()?;
    if !bits.flag()? {
        return Some(None);
    }
    let _motion_vectors_over_boundaries = bits.flag()?;
    for _ in 0..4 {
        bits.unsigned()?;
    }
    at_most(bits.unsigned()?, 16).map(Some)
}

/// Passes over the parameters of the hypothetical reference decoder (E.1.2).
fn decoder_model(bits: &mut Bits<'_>) -> Option<()> {
    let count = at_most(bits.unsigned()?, 31)? + 1;
    bits.skip(8)?;
    for _ in 0..count {
        bits.unsigned()?;
        bits.unsigned()?;
        bits.flag()?;
    }
    bits.skip(20)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn hostile_sets_are_survived(rest: Vec<u8>, at in 0_usize..40, byte: u8) {
            let _ = SpsFacts::read(&[&[0x67][..], &rest].concat());
            let mut sound = crate::codec::tests::hex(
                "67f4000a919b288f6022000003000200000300641e244b2c",
            )
            .to_vec();
            prop_assert!(SpsFacts::read(&sound).is_ok());
            if let Some(place) = sound.get_mut(at) {
                *place = byte;
            }
            if let Ok(facts) = SpsFacts::read(&sound) {
                prop_assert!(facts.width > 0 && facts.height > 0);
            }
        }
    }
}
