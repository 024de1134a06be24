//! PES packets (ISO/IEC 13818-1, 2.4.3.6), put together from the payloads of one PID.

use std::mem;

use bytes::Bytes;

/// The most bytes of a PES packet; an access unit of the highest levels is well below.
pub(super) const MAX: usize = 4 << 20;

/// Bytes up to the length field, and up to the optional fields.
const START: usize = 6;
const HEADER: usize = 9;

/// Puts the PES packets of one PID together.
#[derive(Debug, Default)]
pub(super) struct Assembler {
    /// What is there of the PES packet under way; empty when none is.
    bytes: Vec<u8>,
    lost: bool,
    random_access: bool,
}

/// A PES packet without its header.
#[derive(Debug)]
pub(super) struct Pes {
    /// Ticks of 90 kHz, 33 bits.
    pub(super) pts: Option<u64>,
    /// Ticks of 90 kHz, 33 bits; `None` when it is the same as the PTS.
    pub(super) dts: Option<u64>,
    pub(super) data: Bytes,
    pub(super) lost: bool,
    pub(super) random_access: bool,
}

/// Why there is no PES packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The bytes are no PES packet with a header.
    Malformed,
    /// More than [`MAX`] bytes.
    TooLong,
}

/// What a payload brought to an end.
pub(super) type Ended = Option<Result<Pes, Fault>>;

impl Assembler {
    /// Begins a PES packet; returns the one before, which has ended if its length was not given.
    pub(super) fn begin(&mut self, random_access: bool) -> Ended {
        if length(&self.bytes).is_some() {
            // It would have ended by itself.
            self.lost = true;
        }
        let ended = self.end();
        self.random_access = random_access;
        ended
    }

    /// Adds a payload; returns the PES packet if it is whole.
    pub(super) fn add(&mut self, payload: &[u8]) -> Ended {
        if self.bytes.len() + payload.len() > MAX {
            self.bytes = Vec::new();
            return Some(Err(Fault::TooLong));
        }
        self.bytes.extend_from_slice(payload);
        let length = length(&self.bytes)?;
        (self.bytes.len() >= length).then(|| {
            self.bytes.truncate(length);
            self.end()
        })?
    }

    /// Whether a PES packet is under way.
    pub(super) fn is_open(&self) -> bool {
        !self.bytes.is_empty()
    }

    /// A part of the PES packet under way was lost.
    pub(super) fn lose(&mut self) {
        self.lost |= self.is_open();
    }

    /// Ends the PES packet under way.
    pub(super) fn end(&mut self) -> Ended {
        let (lost, random_access) = (
            mem::take(&mut self.lost),
            mem::take(&mut self.random_access),
        );
        let next = Vec::with_capacity(self.bytes.len());
        let bytes = mem::replace(&mut self.bytes, next);
        (!bytes.is_empty()).then(|| {
            let mut pes = Pes::read(&bytes.into()).ok_or(Fault::Malformed)?;
            (pes.lost, pes.random_access) = (lost, random_access);
            Ok(pes)
        })
    }
}

/// Bytes of the whole packet, if its header tells; video may leave it open.
fn length(bytes: &[u8]) -> Option<usize> {
    let start: &[u8; START] = bytes.first_chunk()?;
    match u16::from_be_bytes([start[4], start[5]]) {
        0 => None,
        length => Some(START + usize::from(length)),
    }
}

impl Pes {
    /// `None` for what does not start with a PES header, and for the kinds without optional fields.
    fn read(bytes: &Bytes) -> Option<Self> {
        let &[0, 0, 1, stream, _, _, mark, flags, length] = bytes.first_chunk::<HEADER>()? else {
            return None;
        };
        if mark >> 6 != 2 || WITHOUT_HEADER.contains(&stream) {
            return None;
        }
        let end = HEADER + usize::from(length);
        let fields = bytes.get(HEADER..end)?;
        let pts = (flags & 0x80 != 0).then(|| stamp(fields)).flatten();
        let dts = (flags & 0xc0 == 0xc0)
            .then(|| stamp(fields.get(5..)?))
            .flatten();
        Some(Self {
            pts,
            dts,
            data: bytes.slice(end..),
            lost: false,
            random_access: false,
        })
    }
}

/// Program stream map, padding, private stream 2, ECM, EMM, DSM-CC, H.222.1 type E, directory.
const WITHOUT_HEADER: [u8; 8] = [0xbc, 0xbe, 0xbf, 0xf0, 0xf1, 0xf2, 0xf8, 0xff];

/// A timestamp of 33 bits among marker bits.
fn stamp(field: &[u8]) -> Option<u64> {
    let &[a, b, c, d, e] = field.first_chunk::<5>()?;
    let [a, b, c, d, e] = [a, b, c, d, e].map(u64::from);
    Some((a >> 1 & 7) << 30 | b << 22 | (c >> 1) << 15 | d << 7 | e >> 1)
}

/// Appends the header of a PES packet of `size` bytes of data to `into`; `None` for a size that is
/// not told, which only video may do. `stamps` are PTS and DTS, in ticks of 90 kHz, 33 bits.
pub(super) fn write_header(
    stream_id: u8,
    stamps: [Option<u64>; 2],
    size: Option<usize>,
    into: &mut Vec<u8>,
) {
    let [pts, dts] = stamps;
    let fields = 5 * stamps.iter().flatten().count();
    // The length counts from behind itself.
    let length = size.and_then(|size| u16::try_from(HEADER - START + fields + size).ok());
    let flags = u8::from(pts.is_some()) << 7 | u8::from(dts.is_some()) << 6;
    into.extend_from_slice(&[0, 0, 1, stream_id]);
    into.extend_from_slice(&length.unwrap_or(0).to_be_bytes());
    into.extend_from_slice(&[ALIGNED, flags, fields as u8]);
    if let Some(pts) = pts {
        into.extend_from_slice(&stamp_field(2 | u8::from(dts.is_some()), pts));
    }
    if let Some(dts) = dts {
        into.extend_from_slice(&stamp_field(1, dts));
    }
}

/// 33 bits with a marker behind each 15 of them (2.4.3.7).
fn stamp_field(prefix: u8, value: u64) -> [u8; 5] {
    let bits = |shift: u32, mask: u64| ((value >> shift & mask) << 1) as u8 | 1;
    [
        prefix << 4 | bits(30, 7),
        (value >> 22) as u8,
        bits(15, 0x7f),
        (value >> 7) as u8,
        bits(0, 0x7f),
    ]
}

/// The fixed bits, and that the data begins with what the stream consists of.
const ALIGNED: u8 = 0x84;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::container::ts::build::{self, Length};

    fn pes(pts: u64, dts: Option<u64>, data: &[u8], length: Length) -> Vec<u8> {
        build::pes(0xe0, Some(pts), dts, data, length)
    }

    #[test]
    fn stamps_use_all_their_bits() {
        for pts in [0, 1, 0x1_5555_5555, 0x0_aaaa_aaaa, 0x1_ffff_ffff] {
            let whole = pes(pts, Some(pts ^ 0xff), b"x", Length::Given);
            let read = Assembler::default().add(&whole).unwrap().unwrap();
            assert_eq!((read.pts, read.dts), (Some(pts), Some(pts ^ 0xff)));
        }
    }

    #[test]
    fn a_packet_of_given_length_ends_by_itself() {
        let mut assembler = Assembler::default();
        let whole = pes(9, None, &[7; 300], Length::Given);
        let (start, end) = whole.split_at(184);
        assert!(assembler.begin(true).is_none());
        assert!(assembler.add(start).is_none());
        let read = assembler.add(&[end, &[0xff; 9]].concat()).unwrap().unwrap();
        assert_eq!(
            (&read.data[..], read.lost, read.random_access),
            (&[7; 300][..], false, true)
        );
        assert!(assembler.begin(false).is_none());
    }

    #[test]
    fn an_open_length_ends_with_the_next() {
        let mut assembler = Assembler::default();
        assembler.begin(false);
        assert!(assembler.add(&pes(9, None, b"abc", Length::Open)).is_none());
        assert!(assembler.add(b"def").is_none());
        let read = assembler.begin(false).unwrap().unwrap();
        assert_eq!((&read.data[..], read.lost), (&b"abcdef"[..], false));
    }

    #[test]
    fn a_truncated_packet_is_marked() {
        let mut assembler = Assembler::default();
        assembler.begin(false);
        assembler.add(&pes(9, None, &[7; 300], Length::Given)[..184]);
        assert!(assembler.begin(false).unwrap().unwrap().lost);
    }

    #[test]
    fn rubbish_and_endless_packets_are_faults() {
        let mut assembler = Assembler::default();
        assembler.begin(false);
        assert!(assembler.add(b"no packet at all").is_none());
        assert_eq!(
            assembler.begin(false).unwrap().unwrap_err(),
            Fault::Malformed
        );
        assembler.add(&pes(9, None, b"abc", Length::Open));
        let fault = (0..MAX).find_map(|_| assembler.add(&[0; 1000]));
        assert_eq!(fault.unwrap().unwrap_err(), Fault::TooLong);
        assert!(!assembler.is_open());
    }
}
