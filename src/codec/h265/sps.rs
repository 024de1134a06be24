//! Sequence parameter sets of H.265 (ITU-T H.265, 7.3.2.2 and annex E).

use crate::codec::Malformed;
use crate::codec::bits::Bits;
use crate::codec::nal;
use crate::codec::video_range::UNSPECIFIED;

/// What a sequence parameter set says of the pictures.
#[derive(Clone, Debug, PartialEq)]
pub struct SpsFacts {
    /// Its number, which picture parameter sets refer to; at most 15.
    pub id: u8,
    /// Width of the pictures inside of the conformance window, in luma samples.
    pub width: u32,
    /// Height of the pictures inside of the conformance window, in luma samples.
    pub height: u32,
    /// `general_profile_space`, `general_tier_flag` and `general_profile_idc` in a byte, four
    /// bytes of compatibility flags, six of constraint flags, and `general_level_idc`: as `hvcC` has them.
    pub profile_tier_level: [u8; 12],
    /// `chroma_format_idc`: 0 for grey, 1 for 4:2:0, 2 for 4:2:2, 3 for 4:4:4.
    pub chroma_format: u8,
    /// Bits of a luma sample.
    pub bit_depth_luma: u8,
    /// Bits of a chroma sample.
    pub bit_depth_chroma: u8,
    /// Temporal layers, 1 to 7.
    pub temporal_layers: u8,
    /// `sps_temporal_id_nesting_flag`.
    pub temporal_nesting: bool,
    /// Frames a second, if the set times them.
    pub frame_rate: Option<f64>,
    /// How many pictures may be decoded before one that is shown earlier.
    pub reorder_frames: u8,
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
            [header, _, payload @ ..] if header >> 1 & 0x3f == 33 => {
                read(&nal::unescape(payload)).ok_or(MALFORMED)
            }
            _ => Err(Malformed::new("H.265", "no sequence parameter set")),
        }
    }

    /// `general_profile_idc`.
    pub fn profile(&self) -> u8 {
        self.profile_tier_level[0] & 0x1f
    }

    /// `general_level_idc`: thirty times the level.
    pub fn level(&self) -> u8 {
        self.profile_tier_level[11]
    }
}

const MALFORMED: Malformed = Malformed::new("H.265", "sequence parameter set makes no sense");

/// The longest side of a picture, in samples: level 6.2 stays below.
const MAX_SIDE: u32 = 16_888;

fn read(payload: &[u8]) -> Option<SpsFacts> {
    let mut bits = Bits::new(payload);
    let _vps = bits.take(4)?;
    let layers = bits.take(3)? as u8;
    (layers <= 6).then_some(())?;
    let temporal_nesting = bits.flag()?;
    let profile_tier_level = profile_tier_level(&mut bits, layers)?;
    let id = at_most(bits.unsigned()?, 15)?;
    let chroma_format = at_most(bits.unsigned()?, 3)?;
    if chroma_format == 3 {
        let _separate_planes = bits.flag()?;
    }
    let (width, height) = size(&mut bits, chroma_format)?;
    let bit_depth_luma = 8 + at_most(bits.unsigned()?, 8)?;
    let bit_depth_chroma = 8 + at_most(bits.unsigned()?, 8)?;
    let order_bits = 4 + at_most(bits.unsigned()?, 12)?;
    let reorder_frames = reorder_frames(&mut bits, layers)?;
    let vui = up_to_vui(&mut bits, order_bits).unwrap_or_default();
    Some(SpsFacts {
        id,
        width,
        height,
        profile_tier_level,
        chroma_format,
        bit_depth_luma,
        bit_depth_chroma,
        temporal_layers: layers + 1,
        temporal_nesting,
        frame_rate: vui.frame_rate,
        reorder_frames,
        sample_aspect: vui.sample_aspect,
        transfer: vui.transfer,
    })
}

pub(super) fn at_most(value: u32, most: u8) -> Option<u8> {
    u8::try_from(value).ok().filter(|value| *value <= most)
}

/// Reads the general part (7.3.3), and passes over that of `layers` sub-layers.
pub(super) fn profile_tier_level(bits: &mut Bits<'_>, layers: u8) -> Option<[u8; 12]> {
    let mut general = [0; 12];
    for byte in &mut general {
        *byte = bits.take(8)? as u8;
    }
    let mut present = Vec::new();
    for _ in 0..layers {
        present.push((bits.flag()?, bits.flag()?));
    }
    if layers > 0 {
        bits.skip(2 * usize::from(8 - layers))?;
    }
    for (profile, level) in present {
        bits.skip(if profile { 88 } else { 0 })?;
        bits.skip(if level { 8 } else { 0 })?;
    }
    Some(general)
}

/// Width and height inside of the conformance window.
fn size(bits: &mut Bits<'_>, chroma_format: u8) -> Option<(u32, u32)> {
    let (width, height) = (bits.unsigned()?, bits.unsigned()?);
    (width.max(height) <= MAX_SIDE).then_some(())?;
    let (mut across, mut down) = (0, 0);
    if bits.flag()? {
        let mut edges = || bits.unsigned()?.checked_add(bits.unsigned()?);
        across = edges()?.checked_mul(if matches!(chroma_format, 1 | 2) { 2 } else { 1 })?;
        down = edges()?.checked_mul(if chroma_format == 1 { 2 } else { 1 })?;
    }
    let left = |side: u32, cut: u32| side.checked_sub(cut).filter(|side| *side > 0);
    Some((left(width, across)?, left(height, down)?))
}

/// The number for the highest temporal layer.
fn reorder_frames(bits: &mut Bits<'_>, layers: u8) -> Option<u8> {
    let count = if bits.flag()? { layers + 1 } else { 1 };
    let mut reorder = 0;
    for _ in 0..count {
        let _buffering = bits.unsigned()?;
        reorder = at_most(bits.unsigned()?, 16)?;
        let _latency = bits.unsigned()?;
    }
    Some(reorder)
}

struct Vui {
    frame_rate: Option<f64>,
    sample_aspect: (u16, u16),
    transfer: u8,
}

impl Default for Vui {
    fn default() -> Self {
        Self {
            frame_rate: None,
            sample_aspect: (1, 1),
            transfer: UNSPECIFIED,
        }
    }
}

/// Passes over coding tools up to the usability information; `None` when it cannot be reached.
fn up_to_vui(bits: &mut Bits<'_>, order_bits: u8) -> Option<Vui> {
    // Sizes of coding blocks and transform blocks, and depths of their hierarchies.
    for _ in 0..6 {
        bits.unsigned()?;
    }
    if bits.flag()? && bits.flag()? {
        scaling_lists(bits)?;
    }
    let (_asymmetric, _adaptive_offset) = (bits.flag()?, bits.flag()?);
    if bits.flag()? {
        bits.skip(8)?;
        bits.unsigned()?;
        bits.unsigned()?;
        bits.flag()?;
    }
    short_term_sets(bits)?;
    if bits.flag()? {
        let count = at_most(bits.unsigned()?, 32)?;
        bits.skip(usize::from(count) * (usize::from(order_bits) + 1))?;
    }
    let (_temporal_vectors, _smoothing) = (bits.flag()?, bits.flag()?);
    match bits.flag()? {
        true => vui(bits),
        false => None,
    }
}

/// Passes over scaling lists (7.3.4).
pub(super) fn scaling_lists(bits: &mut Bits<'_>) -> Option<()> {
    for size in 0..4_u32 {
        let step = if size == 3 { 3 } else { 1 };
        for _ in (0..6).step_by(step) {
            if !bits.flag()? {
                bits.unsigned()?;
                continue;
            }
            if size > 1 {
                bits.signed()?;
            }
            for _ in 0..64.min(1 << (4 + (size << 1))) {
                bits.signed()?;
            }
        }
    }
    Some(())
}

/// Passes over the short-term reference picture sets (7.3.7).
fn short_term_sets(bits: &mut Bits<'_>) -> Option<()> {
    let count = at_most(bits.unsigned()?, 64)?;
    let mut pictures = 0_u32;
    for index in 0..count {
        pictures = match index > 0 && bits.flag()? {
            true => predicted_set(bits, pictures)?,
            false => explicit_set(bits)?,
        };
    }
    Some(())
}

/// A set that is predicted from one of so many pictures; returns how many it has.
fn predicted_set(bits: &mut Bits<'_>, pictures: u32) -> Option<u32> {
    let _sign = bits.flag()?;
    bits.unsigned()?;
    let mut kept = 0;
    for _ in 0..=pictures {
        let is_used = bits.flag()?;
        kept += u32::from(is_used || bits.flag()?);
    }
    Some(kept)
}

fn explicit_set(bits: &mut Bits<'_>) -> Option<u32> {
    let before = at_most(bits.unsigned()?, 16)?;
    let after = at_most(bits.unsigned()?, 16)?;
    let pictures = u32::from(before) + u32::from(after);
    for _ in 0..pictures {
        bits.unsigned()?;
        bits.flag()?;
    }
    Some(pictures)
}

/// The usability information (E.2.1), as far as it concerns time, shape and light.
fn vui(bits: &mut Bits<'_>) -> Option<Vui> {
    let sample_aspect = nal::sample_aspect(bits)?;
    let transfer = nal::transfer(bits)?;
    // Neutral chroma, fields, frame field information.
    bits.skip(3)?;
    if bits.flag()? {
        for _ in 0..4 {
            bits.unsigned()?;
        }
    }
    let frame_rate = match bits.flag()? {
        true => {
            let (units, scale) = (bits.take(32)?, bits.take(32)?);
            nal::rate(scale, units)
        }
        false => None,
    };
    Some(Vui {
        frame_rate,
        sample_aspect,
        transfer,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn hostile_sets_are_survived(rest: Vec<u8>, at in 0_usize..40, byte: u8) {
            let _ = SpsFacts::read(&[&[0x42, 1][..], &rest].concat());
            let mut sound = crate::codec::tests::hex(
                "4201010408000003009e0800000300001e90041062cb2b35c995e02dc08080010000030001000003001908",
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
