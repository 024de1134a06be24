//! Parameter sets of H.265 as far as headers of slices need them (ITU-T H.265, 7.3.2).

use super::sps::{at_most, profile_tier_level, scaling_lists};
use crate::codec::bits::Bits;
use crate::codec::nal;

/// What headers of slices need of a sequence parameter set.
#[derive(Clone, Debug)]
pub(super) struct Sequence {
    pub(super) id: u32,
    pub(super) separate_planes: bool,
    pub(super) has_chroma: bool,
    /// Bits of the place of a slice in its picture.
    pub(super) address_bits: usize,
    /// Bits of the order of a picture.
    pub(super) order_bits: usize,
    pub(super) has_adaptive_offset: bool,
    pub(super) reference_sets: Vec<ReferenceSet>,
    /// Whether each of the long-term reference pictures that are listed is used; `None` when
    /// there are no such pictures at all.
    pub(super) long_term: Option<Vec<bool>>,
    pub(super) has_temporal_vectors: bool,
}

/// A set of short-term reference pictures.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReferenceSet {
    /// How many pictures are in it.
    pictures: u32,
    /// How many of them the picture itself refers to.
    pub(super) used: u32,
}

/// What headers of slices need of a picture parameter set.
#[derive(Clone, Debug)]
pub(super) struct Picture {
    pub(super) id: u32,
    pub(super) sequence: u32,
    pub(super) has_dependent_slices: bool,
    pub(super) tells_output: bool,
    pub(super) extra_bits: usize,
    pub(super) tells_initial_state: bool,
    pub(super) references: [u32; 2],
    pub(super) tells_chroma_quality: bool,
    pub(super) weighs_p: bool,
    pub(super) weighs_b: bool,
    pub(super) has_entry_points: bool,
    pub(super) filters_across_slices: bool,
    pub(super) overrides_deblocking: bool,
    pub(super) is_deblocked: bool,
    pub(super) modifies_lists: bool,
    pub(super) extends_headers: bool,
}

impl Sequence {
    /// Reads a set up to its usability information (7.3.2.2.1).
    pub(super) fn read(set: &[u8]) -> Option<Self> {
        let plain = nal::unescape(set.get(2..)?);
        let mut bits = Bits::new(&plain);
        bits.skip(4)?;
        let layers = at_most(bits.take(3)?, 6)?;
        bits.skip(1)?;
        profile_tier_level(&mut bits, layers)?;
        let id = bits.unsigned()?;
        let chroma = at_most(bits.unsigned()?, 3)?;
        let separate_planes = chroma == 3 && bits.flag()?;
        let size = [bits.unsigned()?, bits.unsigned()?];
        let window = if bits.flag()? { 4 } else { 0 };
        pass_numbers(&mut bits, window + 2)?;
        let order_bits = 4 + usize::from(at_most(bits.unsigned()?, 12)?);
        let orders = if bits.flag()? { layers + 1 } else { 1 };
        pass_numbers(&mut bits, 3 * usize::from(orders))?;
        let address_bits = address_bits(&mut bits, size)?;
        pass_numbers(&mut bits, 4)?;
        if bits.flag()? && bits.flag()? {
            scaling_lists(&mut bits)?;
        }
        bits.skip(1)?;
        let has_adaptive_offset = bits.flag()?;
        if bits.flag()? {
            bits.skip(8)?;
            pass_numbers(&mut bits, 2)?;
            bits.skip(1)?;
        }
        let reference_sets = reference_sets(&mut bits)?;
        let long_term = match bits.flag()? {
            true => Some(long_term(&mut bits, order_bits)?),
            false => None,
        };
        Some(Self {
            id,
            separate_planes,
            has_chroma: chroma > 0 && !separate_planes,
            address_bits,
            order_bits,
            has_adaptive_offset,
            reference_sets,
            long_term,
            has_temporal_vectors: bits.flag()?,
        })
    }
}

/// Bits of the number of a coding tree block in a picture of that width and height.
fn address_bits(bits: &mut Bits<'_>, size: [u32; 2]) -> Option<usize> {
    let smallest = bits.unsigned()?.checked_add(3)?;
    let log2 = smallest
        .checked_add(bits.unsigned()?)
        .filter(|log2| *log2 <= 6)?;
    let [across, down] = size.map(|side| u64::from(side).div_ceil(1 << log2));
    let blocks = across.checked_mul(down)?.max(1);
    Some(blocks.checked_next_power_of_two()?.ilog2() as usize)
}

fn reference_sets(bits: &mut Bits<'_>) -> Option<Vec<ReferenceSet>> {
    let count = at_most(bits.unsigned()?, 64)?;
    let mut sets = Vec::new();
    for _ in 0..count {
        sets.push(reference_set(bits, &sets, false)?);
    }
    Some(sets)
}

/// Reads the set behind those in `before`, of a sequence or of a slice (7.3.7).
pub(super) fn reference_set(
    bits: &mut Bits<'_>,
    before: &[ReferenceSet],
    of_slice: bool,
) -> Option<ReferenceSet> {
    let is_predicted = !before.is_empty() && bits.flag()?;
    if !is_predicted {
        return explicit_set(bits);
    }
    let back = match of_slice {
        true => bits.unsigned()? as usize,
        false => 0,
    };
    let base = before.iter().rev().nth(back)?;
    bits.skip(1)?;
    bits.unsigned()?;
    let mut set = ReferenceSet {
        pictures: 0,
        used: 0,
    };
    for _ in 0..=base.pictures {
        let is_used = bits.flag()?;
        set.used += u32::from(is_used);
        set.pictures += u32::from(is_used || bits.flag()?);
    }
    Some(set)
}

fn explicit_set(bits: &mut Bits<'_>) -> Option<ReferenceSet> {
    let before = at_most(bits.unsigned()?, 16)?;
    let after = at_most(bits.unsigned()?, 16)?;
    let pictures = u32::from(before) + u32::from(after);
    let mut used = 0;
    for _ in 0..pictures {
        bits.unsigned()?;
        used += u32::from(bits.flag()?);
    }
    Some(ReferenceSet { pictures, used })
}

fn long_term(bits: &mut Bits<'_>, order_bits: usize) -> Option<Vec<bool>> {
    let count = at_most(bits.unsigned()?, 32)?;
    let mut used = Vec::new();
    for _ in 0..count {
        bits.skip(order_bits)?;
        used.push(bits.flag()?);
    }
    Some(used)
}

impl Picture {
    /// Reads a set (7.3.2.3.1); `None` also for one with extensions, which can change headers of slices.
    pub(super) fn read(set: &[u8]) -> Option<Self> {
        let plain = nal::unescape(set.get(2..)?);
        let mut bits = Bits::new(&plain);
        let (id, sequence) = (bits.unsigned()?, bits.unsigned()?);
        let (has_dependent_slices, tells_output) = (bits.flag()?, bits.flag()?);
        let extra_bits = bits.take(3)? as usize;
        bits.skip(1)?;
        let tells_initial_state = bits.flag()?;
        let references = [bits.unsigned()?, bits.unsigned()?];
        let references = references.map(|beyond_first| beyond_first.saturating_add(1));
        bits.signed()?;
        bits.skip(2)?;
        if bits.flag()? {
            bits.unsigned()?;
        }
        bits.signed()?;
        bits.signed()?;
        let tells_chroma_quality = bits.flag()?;
        let (weighs_p, weighs_b) = (bits.flag()?, bits.flag()?);
        bits.skip(1)?;
        let has_entry_points = tiles(&mut bits)?;
        let filters_across_slices = bits.flag()?;
        let (overrides_deblocking, is_deblocked) = deblocking(&mut bits)?;
        if bits.flag()? {
            scaling_lists(&mut bits)?;
        }
        let modifies_lists = bits.flag()?;
        bits.unsigned()?;
        let extends_headers = bits.flag()?;
        let is_extended = bits.flag()?;
        (!is_extended).then_some(Self {
            id,
            sequence,
            has_dependent_slices,
            tells_output,
            extra_bits,
            tells_initial_state,
            references,
            tells_chroma_quality,
            weighs_p,
            weighs_b,
            has_entry_points,
            filters_across_slices,
            overrides_deblocking,
            is_deblocked,
            modifies_lists,
            extends_headers,
        })
    }
}

/// Passes over the tiles; returns whether slices tell where their parts begin.
fn tiles(bits: &mut Bits<'_>) -> Option<bool> {
    let (has_tiles, is_synchronised) = (bits.flag()?, bits.flag()?);
    if has_tiles {
        let beyond_first = [bits.unsigned()?, bits.unsigned()?];
        let is_uniform = bits.flag()?;
        if !is_uniform {
            for count in beyond_first {
                pass_numbers(bits, count as usize)?;
            }
        }
        bits.skip(1)?;
    }
    Some(has_tiles || is_synchronised)
}

/// Whether slices may say otherwise, and whether there is deblocking where they do not.
fn deblocking(bits: &mut Bits<'_>) -> Option<(bool, bool)> {
    if !bits.flag()? {
        return Some((false, true));
    }
    let (can_override, is_off) = (bits.flag()?, bits.flag()?);
    if !is_off {
        bits.signed()?;
        bits.signed()?;
    }
    Some((can_override, !is_off))
}

fn pass_numbers(bits: &mut Bits<'_>, count: usize) -> Option<()> {
    (0..count).try_for_each(|_| bits.unsigned().map(|_| ()))
}
