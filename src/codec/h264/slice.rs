//! Headers of slices (ITU-T H.264, 7.3.3), as far as it takes to find where they end.

use super::Config;
use super::sps::{HIGH, chroma};
use crate::codec::bits::Bits;
use crate::codec::nal;

/// Finds the ends of slice headers of a stream.
#[derive(Clone, Debug)]
pub(in crate::codec) struct SliceHeaders {
    sequences: Vec<Sequence>,
    pictures: Vec<Picture>,
}

/// What slice headers need of a sequence parameter set.
#[derive(Clone, Debug)]
struct Sequence {
    id: u32,
    separate_planes: bool,
    has_chroma: bool,
    frame_number_bits: usize,
    order: Order,
    frames_only: bool,
}

/// How the order of pictures is told.
#[derive(Clone, Copy, Debug)]
enum Order {
    /// In a field of so many bits.
    Field(usize),
    /// By its difference from what is expected.
    Difference,
    /// It is as expected, or that of decoding.
    Untold,
}

/// What slice headers need of a picture parameter set.
#[derive(Clone, Debug)]
struct Picture {
    id: u32,
    sequence: u32,
    is_arithmetic: bool,
    tells_bottom_order: bool,
    references: [u32; 2],
    weighs_p: bool,
    weighs_b: bool,
    tells_deblocking: bool,
    tells_redundancy: bool,
}

/// The type of a slice (table 7-6).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Type {
    P,
    B,
    I,
    SwitchingP,
    SwitchingI,
}

impl SliceHeaders {
    /// Of the stream with these parameter sets; sets that are not understood are left out.
    pub(in crate::codec) fn new(config: &Config) -> Self {
        Self {
            sequences: config.sps.iter().filter_map(|set| sequence(set)).collect(),
            pictures: config.pps.iter().filter_map(|set| picture(set)).collect(),
        }
    }

    /// Bytes of the slice `unit` that hold anything but slice data, the NAL unit header included;
    /// `None` when its header is not understood.
    pub(in crate::codec) fn length(&self, unit: &[u8]) -> Option<usize> {
        let (head, payload) = unit.split_first()?;
        let payload = &payload[..payload.len().min(nal::MAX_SLICE_HEADER)];
        let plain = nal::unescape(payload);
        let mut bits = Bits::new(&plain);
        self.pass(*head, &mut bits)?;
        Some(1 + nal::escaped_length(payload, bits.position().div_ceil(8)))
    }

    /// Passes over the header of a slice in a unit that begins with `head`.
    fn pass(&self, head: u8, bits: &mut Bits<'_>) -> Option<()> {
        let is_instant = head & 0x1f == 5;
        let is_reference = head & 0x60 != 0;
        let _first_block = bits.unsigned()?;
        let slice = slice_type(bits.unsigned()?)?;
        let number = bits.unsigned()?;
        let picture = self.pictures.iter().find(|one| one.id == number)?;
        let mut sequences = self.sequences.iter();
        let sequence = sequences.find(|one| one.id == picture.sequence)?;
        pass_place(bits, sequence, picture, is_instant)?;
        if slice == Type::B {
            bits.skip(1)?;
        }
        pass_references(bits, slice, sequence, picture)?;
        if is_reference {
            pass_marking(bits, is_instant)?;
        }
        if picture.is_arithmetic && slice.lists() > 0 {
            bits.unsigned()?;
        }
        pass_quality(bits, slice, picture)
    }
}

impl Type {
    /// How many lists of reference pictures there are.
    fn lists(self) -> usize {
        match self {
            Self::P | Self::SwitchingP => 1,
            Self::B => 2,
            Self::I | Self::SwitchingI => 0,
        }
    }
}

fn slice_type(code: u32) -> Option<Type> {
    // Five more say that all slices of the picture are of this type.
    Some(match code {
        0 | 5 => Type::P,
        1 | 6 => Type::B,
        2 | 7 => Type::I,
        3 | 8 => Type::SwitchingP,
        4 | 9 => Type::SwitchingI,
        _ => return None,
    })
}

/// Reads a sequence parameter set up to where the size of the pictures is told (7.3.2.1.1).
fn sequence(set: &[u8]) -> Option<Sequence> {
    let plain = nal::unescape(set);
    let &[_, profile, _, _, ref rest @ ..] = &plain[..] else {
        return None;
    };
    let mut bits = Bits::new(rest);
    let id = bits.unsigned()?;
    let (separate_planes, has_chroma) = if HIGH.contains(&profile) {
        let chroma = chroma(&mut bits)?;
        let is_joint = chroma.format > 0 && !chroma.separate_planes;
        (chroma.separate_planes, is_joint)
    } else {
        (false, true)
    };
    let frame_number_bits = field_bits(bits.unsigned()?)?;
    let order = order(&mut bits)?;
    bits.unsigned()?;
    bits.skip(1)?;
    bits.unsigned()?;
    bits.unsigned()?;
    Some(Sequence {
        id,
        separate_planes,
        has_chroma,
        frame_number_bits,
        order,
        frames_only: bits.flag()?,
    })
}

/// Bits of a field, told as so many more than four.
fn field_bits(more: u32) -> Option<usize> {
    (more <= 12).then(|| more as usize + 4)
}

fn order(bits: &mut Bits<'_>) -> Option<Order> {
    match bits.unsigned()? {
        0 => Some(Order::Field(field_bits(bits.unsigned()?)?)),
        1 => {
            let is_as_expected = bits.flag()?;
            bits.signed()?;
            bits.signed()?;
            let cycle = bits.unsigned().filter(|cycle| *cycle <= 255)?;
            for _ in 0..cycle {
                bits.signed()?;
            }
            Some(match is_as_expected {
                true => Order::Untold,
                false => Order::Difference,
            })
        }
        2 => Some(Order::Untold),
        _ => None,
    }
}

/// Reads a picture parameter set (7.3.2.2); `None` also for one with groups of slices, which no
/// profile beyond Baseline has.
fn picture(set: &[u8]) -> Option<Picture> {
    let plain = nal::unescape(set);
    let mut bits = Bits::new(plain.get(1..)?);
    let (id, sequence) = (bits.unsigned()?, bits.unsigned()?);
    let (is_arithmetic, tells_bottom_order) = (bits.flag()?, bits.flag()?);
    (bits.unsigned()? == 0).then_some(())?;
    let references = [references(&mut bits)?, references(&mut bits)?];
    let (weighs_p, weighs_b) = (bits.flag()?, bits.take(2)? == 1);
    for _ in 0..3 {
        bits.signed()?;
    }
    let tells_deblocking = bits.flag()?;
    bits.skip(1)?;
    Some(Picture {
        id,
        sequence,
        is_arithmetic,
        tells_bottom_order,
        references,
        weighs_p,
        weighs_b,
        tells_deblocking,
        tells_redundancy: bits.flag()?,
    })
}

/// How many reference pictures a list has.
fn references(bits: &mut Bits<'_>) -> Option<u32> {
    let beyond_first = bits.unsigned()?;
    (beyond_first < 32).then_some(beyond_first + 1)
}

/// Passes over where the picture stands among the others.
fn pass_place(
    bits: &mut Bits<'_>,
    sequence: &Sequence,
    picture: &Picture,
    is_instant: bool,
) -> Option<()> {
    if sequence.separate_planes {
        bits.skip(2)?;
    }
    bits.skip(sequence.frame_number_bits)?;
    let is_field = !sequence.frames_only && bits.flag()?;
    if is_field {
        bits.skip(1)?;
    }
    if is_instant {
        bits.unsigned()?;
    }
    let tells_bottom = picture.tells_bottom_order && !is_field;
    match sequence.order {
        Order::Field(count) => bits.skip(count)?,
        Order::Difference => {
            bits.signed()?;
        }
        Order::Untold => {}
    }
    if tells_bottom && !matches!(sequence.order, Order::Untold) {
        bits.signed()?;
    }
    if picture.tells_redundancy {
        bits.unsigned()?;
    }
    Some(())
}

/// Passes over the lists of reference pictures: how long they are, their order, their weights
/// (7.3.3.1, 7.3.3.2).
fn pass_references(
    bits: &mut Bits<'_>,
    slice: Type,
    sequence: &Sequence,
    picture: &Picture,
) -> Option<()> {
    let mut counts = picture.references;
    let lists = counts.get_mut(..slice.lists())?;
    if !lists.is_empty() && bits.flag()? {
        for count in &mut *lists {
            *count = references(bits)?;
        }
    }
    for _ in &*lists {
        if bits.flag()? {
            while bits.unsigned()? != 3 {
                bits.unsigned()?;
            }
        }
    }
    let is_weighed = match slice {
        Type::P | Type::SwitchingP => picture.weighs_p,
        Type::B => picture.weighs_b,
        Type::I | Type::SwitchingI => false,
    };
    match is_weighed {
        true => pass_weights(bits, lists, sequence.has_chroma),
        false => Some(()),
    }
}

fn pass_weights(bits: &mut Bits<'_>, lists: &[u32], has_chroma: bool) -> Option<()> {
    bits.unsigned()?;
    if has_chroma {
        bits.unsigned()?;
    }
    for _ in 0..lists.iter().sum() {
        let luma = if bits.flag()? { 2 } else { 0 };
        pass_signed(bits, luma)?;
        let chroma = if has_chroma && bits.flag()? { 4 } else { 0 };
        pass_signed(bits, chroma)?;
    }
    Some(())
}

fn pass_signed(bits: &mut Bits<'_>, count: usize) -> Option<()> {
    (0..count).try_for_each(|_| bits.signed().map(|_| ()))
}

/// Passes over which pictures stay references (7.3.3.3).
fn pass_marking(bits: &mut Bits<'_>, is_instant: bool) -> Option<()> {
    if is_instant {
        return bits.skip(2);
    }
    if !bits.flag()? {
        return Some(());
    }
    loop {
        let numbers = match bits.unsigned()? {
            0 => return Some(()),
            1 | 2 | 4 | 6 => 1,
            3 => 2,
            5 => 0,
            _ => return None,
        };
        for _ in 0..numbers {
            bits.unsigned()?;
        }
    }
}

/// Passes over quantisation and deblocking.
fn pass_quality(bits: &mut Bits<'_>, slice: Type, picture: &Picture) -> Option<()> {
    bits.signed()?;
    if slice == Type::SwitchingP {
        bits.skip(1)?;
    }
    if matches!(slice, Type::SwitchingP | Type::SwitchingI) {
        bits.signed()?;
    }
    if picture.tells_deblocking && bits.unsigned()? != 1 {
        pass_signed(bits, 2)?;
    }
    Some(())
}
