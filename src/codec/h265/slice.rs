//! Headers of slice segments (ITU-T H.265, 7.3.6), as far as it takes to find where they end.

use super::Config;
use super::slice_sets::{Picture, ReferenceSet, Sequence, reference_set};
use crate::codec::bits::Bits;
use crate::codec::nal;

/// Finds the ends of slice headers of a stream.
#[derive(Clone, Debug)]
pub(in crate::codec) struct SliceHeaders {
    sequences: Vec<Sequence>,
    pictures: Vec<Picture>,
}

/// The type of a slice (table 7-7).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Type {
    B,
    P,
    I,
}

impl SliceHeaders {
    /// Of the stream with these parameter sets; sets that are not understood are left out.
    pub(in crate::codec) fn new(config: &Config) -> Self {
        let sequences = config.sps.iter().filter_map(|set| Sequence::read(set));
        let pictures = config.pps.iter().filter_map(|set| Picture::read(set));
        Self {
            sequences: sequences.collect(),
            pictures: pictures.collect(),
        }
    }

    /// Bytes of the slice segment `unit` that hold anything but slice data, the NAL unit header
    /// included; `None` when its header is not understood.
    pub(in crate::codec) fn length(&self, unit: &[u8]) -> Option<usize> {
        let (head, payload) = unit.split_first_chunk::<2>()?;
        let payload = &payload[..payload.len().min(nal::MAX_SLICE_HEADER)];
        let plain = nal::unescape(payload);
        let mut bits = Bits::new(&plain);
        self.pass(head[0] >> 1 & 0x3f, &mut bits)?;
        // A one and zeros fill the last byte.
        let header = (bits.position() + 1).div_ceil(8);
        Some(2 + nal::escaped_length(payload, header))
    }

    /// Passes over the header of a slice segment in a unit of that type.
    fn pass(&self, unit_type: u8, bits: &mut Bits<'_>) -> Option<()> {
        let is_first = bits.flag()?;
        if (16..=23).contains(&unit_type) {
            bits.skip(1)?;
        }
        let number = bits.unsigned()?;
        let picture = self.pictures.iter().find(|one| one.id == number)?;
        let mut sequences = self.sequences.iter();
        let sequence = sequences.find(|one| one.id == picture.sequence)?;
        let is_dependent = !is_first && picture.has_dependent_slices && bits.flag()?;
        if !is_first {
            bits.skip(sequence.address_bits)?;
        }
        if !is_dependent {
            Header { sequence, picture }.pass(unit_type, bits)?;
        }
        if picture.has_entry_points {
            let count = bits.unsigned()? as usize;
            let length = if count > 0 {
                bits.unsigned()? as usize + 1
            } else {
                0
            };
            bits.skip(count.checked_mul(length)?)?;
        }
        if picture.extends_headers {
            let bytes = bits.unsigned()? as usize;
            bits.skip(bytes.checked_mul(8)?)?;
        }
        Some(())
    }
}

/// The header of a slice that depends on no other.
#[derive(Clone, Copy)]
struct Header<'s> {
    sequence: &'s Sequence,
    picture: &'s Picture,
}

impl Header<'_> {
    fn pass(self, unit_type: u8, bits: &mut Bits<'_>) -> Option<()> {
        let Self { sequence, picture } = self;
        bits.skip(picture.extra_bits)?;
        let slice = match bits.unsigned()? {
            0 => Type::B,
            1 => Type::P,
            2 => Type::I,
            _ => return None,
        };
        if picture.tells_output {
            bits.skip(1)?;
        }
        if sequence.separate_planes {
            bits.skip(2)?;
        }
        let mut references = 0;
        let mut has_vectors = false;
        let is_instant = matches!(unit_type, 19 | 20);
        if !is_instant {
            references = self.pass_place(bits)?;
            has_vectors = sequence.has_temporal_vectors && bits.flag()?;
        }
        let mut is_filtered = false;
        if sequence.has_adaptive_offset {
            is_filtered = bits.flag()?;
            is_filtered |= sequence.has_chroma && bits.flag()?;
        }
        if slice != Type::I {
            self.pass_prediction(bits, slice, references, has_vectors)?;
        }
        self.pass_quality(bits, is_filtered)
    }

    /// Passes over where the picture stands among the others; returns how many it refers to.
    fn pass_place(self, bits: &mut Bits<'_>) -> Option<u32> {
        let sequence = self.sequence;
        bits.skip(sequence.order_bits)?;
        let sets = &sequence.reference_sets;
        let is_listed = bits.flag()?;
        let set = if is_listed {
            let index = bits.take(bits_of(sets.len()))? as usize;
            *sets.get(index)?
        } else {
            reference_set(bits, sets, true)?
        };
        let ReferenceSet { used, .. } = set;
        match &sequence.long_term {
            Some(listed) => Some(used + self.pass_long_term(bits, listed)?),
            None => Some(used),
        }
    }

    /// Passes over the long-term reference pictures, of which the sequence lists some and says
    /// whether they are used; returns how many are.
    fn pass_long_term(self, bits: &mut Bits<'_>, listed: &[bool]) -> Option<u32> {
        let from_list = match listed.is_empty() {
            true => 0,
            false => bits.unsigned()?,
        };
        let total = from_list.checked_add(bits.unsigned()?)?;
        (total <= 64).then_some(())?;
        let mut used = 0;
        for index in 0..total {
            let is_used = if index < from_list {
                let place = bits.take(bits_of(listed.len()))? as usize;
                *listed.get(place)?
            } else {
                bits.skip(self.sequence.order_bits)?;
                bits.flag()?
            };
            used += u32::from(is_used);
            if bits.flag()? {
                bits.unsigned()?;
            }
        }
        Some(used)
    }

    /// Passes over how a slice is predicted from others, of which there are so many.
    fn pass_prediction(
        self,
        bits: &mut Bits<'_>,
        slice: Type,
        references: u32,
        has_vectors: bool,
    ) -> Option<()> {
        let picture = self.picture;
        let mut counts = picture.references;
        let lists = if slice == Type::B { 2 } else { 1 };
        let counts = counts.get_mut(..lists)?;
        if bits.flag()? {
            for count in &mut *counts {
                *count = bits.unsigned()?.checked_add(1)?;
            }
        }
        counts.iter().all(|count| *count <= 16).then_some(())?;
        if picture.modifies_lists && references > 1 {
            for count in &*counts {
                if bits.flag()? {
                    bits.skip(*count as usize * bits_of(references as usize) as usize)?;
                }
            }
        }
        if slice == Type::B {
            bits.skip(1)?;
        }
        if picture.tells_initial_state {
            bits.skip(1)?;
        }
        if has_vectors {
            let from_second = slice == Type::B && !bits.flag()?;
            if counts.get(usize::from(from_second)).copied()? > 1 {
                bits.unsigned()?;
            }
        }
        let is_weighed = match slice {
            Type::P => picture.weighs_p,
            Type::B | Type::I => picture.weighs_b,
        };
        if is_weighed {
            pass_weights(bits, counts, self.sequence.has_chroma)?;
        }
        bits.unsigned().map(|_| ())
    }

    /// Passes over quantisation and filters.
    fn pass_quality(self, bits: &mut Bits<'_>, is_filtered: bool) -> Option<()> {
        let picture = self.picture;
        bits.signed()?;
        if picture.tells_chroma_quality {
            pass_signed(bits, 2)?;
        }
        let mut is_deblocked = picture.is_deblocked;
        if picture.overrides_deblocking && bits.flag()? {
            is_deblocked = !bits.flag()?;
            pass_signed(bits, if is_deblocked { 2 } else { 0 })?;
        }
        if picture.filters_across_slices && (is_filtered || is_deblocked) {
            bits.skip(1)?;
        }
        Some(())
    }
}

/// Passes over the weights of reference pictures (7.3.6.3).
fn pass_weights(bits: &mut Bits<'_>, counts: &[u32], has_chroma: bool) -> Option<()> {
    bits.unsigned()?;
    if has_chroma {
        bits.signed()?;
    }
    for &count in counts {
        let flags = |bits: &mut Bits<'_>| (0..count).map(|_| bits.flag()).collect::<Option<_>>();
        let luma: Vec<bool> = flags(bits)?;
        let chroma: Vec<bool> = match has_chroma {
            true => flags(bits)?,
            false => vec![false; luma.len()],
        };
        for (luma, chroma) in luma.into_iter().zip(chroma) {
            pass_signed(bits, if luma { 2 } else { 0 })?;
            pass_signed(bits, if chroma { 4 } else { 0 })?;
        }
    }
    Some(())
}

fn pass_signed(bits: &mut Bits<'_>, count: usize) -> Option<()> {
    (0..count).try_for_each(|_| bits.signed().map(|_| ()))
}

/// Bits of a field that chooses one of `choices`.
fn bits_of(choices: usize) -> u32 {
    choices.max(1).next_power_of_two().ilog2()
}
