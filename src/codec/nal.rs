//! Network abstraction layer units, which H.264 and H.265 share: finding them and fitting them into payloads.
//!
//! What the bits of a unit's header mean stands in [`h264`](super::h264) and [`h265`](super::h265).

use arrayvec::ArrayVec;

use super::bits::Bits;
use super::fragments::fragments;
use super::video_range::UNSPECIFIED;
use super::{Malformed, Sink};

/// The most units that one aggregation packet carries.
const MAX_UNITS: usize = 16;

/// How one of the two formats lays out its payloads.
pub(super) trait Layout {
    /// Bytes of a unit's header, and of an aggregation packet's.
    const HEADER: usize;

    /// Whether units with this header go out; delimiters and the types that RTP takes for itself do not.
    fn is_sent(header: u8) -> bool;

    /// The header of the aggregation packet of `units`; its first `HEADER` bytes count.
    fn aggregation_header(units: &[&[u8]]) -> [u8; 2];

    /// The headers before a fragment of `unit`; the first `HEADER + 1` bytes count.
    fn fragment_header(unit: &[u8], first: bool, last: bool) -> [u8; 3];
}

/// The NAL units of a sample, each after its length in `length_size` bytes, network order.
pub(super) struct Units<'a> {
    format: &'static str,
    rest: &'a [u8],
    length_size: usize,
}

impl<'a> Units<'a> {
    pub(super) fn new(format: &'static str, sample: &'a [u8], length_size: usize) -> Self {
        Self {
            format,
            rest: sample,
            length_size,
        }
    }

    fn take(&mut self) -> Option<&'a [u8]> {
        let prefix = self.rest.split_off(..self.length_size)?;
        let length = prefix
            .iter()
            .fold(0, |sum, byte| sum << 8 | usize::from(*byte));
        self.rest.split_off(..length)
    }
}

impl<'a> Iterator for Units<'a> {
    type Item = Result<&'a [u8], Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let unit = self.take();
        if unit.is_none() {
            self.rest = &[];
        }
        Some(unit.ok_or_else(|| Malformed::new(self.format, "NAL unit reaches beyond its sample")))
    }
}

/// Hands an access unit's payloads to `sink`: small units together, large ones in fragments.
pub(super) fn packetize<L: Layout>(
    units: Units<'_>,
    offset: u32,
    limit: usize,
    sink: &mut dyn Sink,
) -> Result<(), Malformed> {
    let sent = |unit: &Result<&[u8], _>| match unit {
        Ok(unit) => unit.len() > L::HEADER && L::is_sent(unit[0]),
        Err(_) => true,
    };
    let mut units = units.filter(sent).peekable();
    let mut group = Group::new(limit, offset);
    while let Some(unit) = units.next() {
        let unit = unit?;
        if !group.fits::<L>(unit) {
            group.send::<L>(false, sink);
        }
        if unit.len() > limit {
            send_fragments::<L>(unit, limit, units.peek().is_none(), offset, sink);
        } else {
            group.push(unit);
        }
    }
    group.send::<L>(true, sink);
    Ok(())
}

/// Units that go out in one payload.
struct Group<'a> {
    units: ArrayVec<&'a [u8], MAX_UNITS>,
    limit: usize,
    offset: u32,
}

impl<'a> Group<'a> {
    fn new(limit: usize, offset: u32) -> Self {
        Self {
            units: ArrayVec::new(),
            limit,
            offset,
        }
    }

    fn fits<L: Layout>(&self, unit: &[u8]) -> bool {
        let size = |unit: &[u8]| 2 + unit.len();
        let bytes: usize = self.units.iter().map(|unit| size(unit)).sum();
        !self.units.is_full() && L::HEADER + bytes + size(unit) <= self.limit
    }

    /// The caller has asked whether it fits, or the group is empty.
    fn push(&mut self, unit: &'a [u8]) {
        self.units.push(unit);
    }

    fn send<L: Layout>(&mut self, marker: bool, sink: &mut dyn Sink) {
        match *self.units.as_slice() {
            [] => {}
            [unit] => sink.payload(&[unit], marker, self.offset),
            ref units => send_together::<L>(units, marker, self.offset, sink),
        }
        self.units.clear();
    }
}

fn send_together<L: Layout>(units: &[&[u8]], marker: bool, offset: u32, sink: &mut dyn Sink) {
    let header = L::aggregation_header(units);
    // Units of a group fit into a payload, so their lengths fit into 16 bits.
    let lengths: ArrayVec<[u8; 2], MAX_UNITS> = units
        .iter()
        .map(|unit| (unit.len() as u16).to_be_bytes())
        .collect();
    let mut parts: ArrayVec<&[u8], { 1 + 2 * MAX_UNITS }> = ArrayVec::new();
    parts.push(&header[..L::HEADER]);
    for (length, unit) in lengths.iter().zip(units) {
        parts.push(length);
        parts.push(unit);
    }
    sink.payload(&parts, marker, offset);
}

fn send_fragments<L: Layout>(
    unit: &[u8],
    limit: usize,
    ends_access_unit: bool,
    offset: u32,
    sink: &mut dyn Sink,
) {
    let room = limit.saturating_sub(L::HEADER + 1);
    for fragment in fragments(&unit[L::HEADER..], room) {
        let header = L::fragment_header(unit, fragment.start == 0, fragment.last);
        let parts = [&header[..=L::HEADER], fragment.data];
        sink.payload(&parts, fragment.last && ends_access_unit, offset);
    }
}

/// The bits of a unit without the bytes that keep start codes out of it (ITU-T H.264, 7.4.1.1).
pub(super) fn unescape(unit: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(unit.len());
    let mut zeros = 0;
    for &byte in unit {
        if zeros == 2 && byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if byte == 0 { (zeros + 1).min(2) } else { 0 };
        plain.push(byte);
    }
    plain
}

/// How many bytes of `unit` hold its first `plain` bytes without what [`unescape`] takes out.
pub(super) fn escaped_length(unit: &[u8], plain: usize) -> usize {
    let (mut zeros, mut left) = (0, plain);
    for (at, &byte) in unit.iter().enumerate() {
        if left == 0 {
            return at;
        }
        let is_escape = zeros == 2 && byte == 3;
        zeros = if byte == 0 { (zeros + 1).min(2) } else { 0 };
        left -= usize::from(!is_escape);
    }
    unit.len()
}

/// The most bytes of a slice that are searched for the end of its header; it is mostly the entry
/// points of H.265 that make headers long.
pub(super) const MAX_SLICE_HEADER: usize = 4096;

/// The shape of a sample, width to height (ITU-T H.264 and H.265, table E.1); 1 to 1 when it is not told.
pub(super) fn sample_aspect(bits: &mut Bits<'_>) -> Option<(u16, u16)> {
    const EXTENDED: u32 = 255;
    if !bits.flag()? {
        return Some((1, 1));
    }
    Some(match bits.take(8)? {
        EXTENDED => match (bits.take(16)?, bits.take(16)?) {
            (0, _) | (_, 0) => (1, 1),
            (width, height) => (width as u16, height as u16),
        },
        index => SHAPES.get(index as usize).copied().unwrap_or((1, 1)),
    })
}

const SHAPES: [(u16, u16); 17] = [
    (1, 1),
    (1, 1),
    (12, 11),
    (10, 11),
    (16, 11),
    (40, 33),
    (24, 11),
    (20, 11),
    (32, 11),
    (80, 33),
    (18, 11),
    (15, 11),
    (64, 33),
    (160, 99),
    (4, 3),
    (3, 2),
    (2, 1),
];

/// Reads what the usability information of both formats has next: overscan, signal type, place of chroma. Returns the
/// transfer characteristics.
pub(super) fn transfer(bits: &mut Bits<'_>) -> Option<u8> {
    if bits.flag()? {
        bits.skip(1)?;
    }
    let mut transfer = UNSPECIFIED;
    if bits.flag()? {
        bits.skip(4)?;
        if bits.flag()? {
            let [_primaries, told, _matrix] = [bits.take(8)?, bits.take(8)?, bits.take(8)?];
            transfer = told as u8;
        }
    }
    if bits.flag()? {
        bits.unsigned()?;
        bits.unsigned()?;
    }
    Some(transfer)
}

/// `scale` ticks a second in steps of `units`, as a rate; `None` when it makes no sense.
pub(super) fn rate(scale: u32, units: u32) -> Option<f64> {
    (scale > 0 && units > 0).then(|| f64::from(scale) / f64::from(units))
}
