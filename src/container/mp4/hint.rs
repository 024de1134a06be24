//! Hint samples: what a hinter wrote down for each RTP packet, and where its bytes are.
//!
//! ```text
//! sample       packets u16 | reserved u16 | packet ...            | extra data
//! packet       relative time i32 | RTP bits u16 | sequence u16 | flags u16 | entries u16
//!              [extra length u32 | TLV ...]  | entry ...
//! entry        16 bytes: type u8 | 15 bytes by type
//! ```
//!
//! Sources: ISO/IEC 14496-12, 9.1.3; QTFF, "Hint track sample data format".
//! Sending packets, and reading the bytes that constructors name, is `vod`'s work.

use bytes::Bytes;

use crate::codec::Malformed;
use crate::container::{FileRange, Movie, Track};

/// The packets of one hint sample, in sending order.
///
/// # Errors
/// [`Malformed`] when the sample is too short for its own head.
pub fn packets(sample: &[u8]) -> Result<Packets<'_>, Malformed> {
    let head = sample.first_chunk::<4>().ok_or(TRUNCATED)?;
    Ok(Packets {
        rest: &sample[4..],
        left: u16::from_be_bytes([head[0], head[1]]),
    })
}

/// Iterator over the packets of a hint sample; ends after the first error.
#[derive(Clone, Debug)]
pub struct Packets<'a> {
    rest: &'a [u8],
    left: u16,
}

impl Packets<'_> {
    /// How many packets are left.
    pub fn left(&self) -> u16 {
        self.left
    }
}

impl<'a> Iterator for Packets<'a> {
    type Item = Result<HintPacket<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let packet = HintPacket::read(&mut self.rest);
        if packet.is_err() {
            self.left = 0;
        }
        Some(packet)
    }
}

/// One RTP packet as its hinter laid it out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HintPacket<'a> {
    /// When it is due after its sample, in ticks of the hint track.
    pub relative_time: i32,
    /// The marker bit.
    pub marker: bool,
    /// The extension bit: the payload starts with an RTP header extension.
    pub extension: bool,
    /// The payload type that the hinter chose; the SDP text uses the same.
    pub payload_type: u8,
    /// The sequence number before `snro` and the session's offset.
    pub sequence: u16,
    /// Whether it repeats an earlier packet, against loss.
    pub repeat: bool,
    /// Whether it carries a picture that no other one needs.
    pub disposable: bool,
    /// What to add to the sample's RTP time, in RTP ticks (`rtpo`).
    pub time_offset: i32,
    entries: &'a [u8],
}

impl<'a> HintPacket<'a> {
    fn read(rest: &mut &'a [u8]) -> Result<Self, Malformed> {
        let head: &[u8; 12] = take(rest, 12)?.first_chunk().ok_or(TRUNCATED)?;
        let flags = u16::from_be_bytes([head[8], head[9]]);
        let entries = u16::from_be_bytes([head[10], head[11]]);
        let time_offset = if flags & 4 != 0 {
            time_offset(rest)?
        } else {
            0
        };
        Ok(HintPacket {
            relative_time: i32::from_be_bytes([head[0], head[1], head[2], head[3]]),
            marker: head[5] & 0x80 != 0,
            extension: head[4] & 0x10 != 0,
            payload_type: head[5] & 0x7f,
            sequence: u16::from_be_bytes([head[6], head[7]]),
            repeat: flags & 1 != 0,
            disposable: flags & 2 != 0,
            time_offset,
            entries: take(rest, usize::from(entries) * ENTRY)?,
        })
    }

    /// What the payload is put together from, in order; no-ops are left out.
    pub fn constructors(
        &self,
    ) -> impl Iterator<Item = Result<Constructor<'a>, Malformed>> + use<'a> {
        self.entries
            .as_chunks()
            .0
            .iter()
            .filter_map(|entry| Constructor::read(entry).transpose())
    }
}

/// Reads the extra block of a packet: its own length, then boxes, of which only `rtpo` matters.
fn time_offset(rest: &mut &[u8]) -> Result<i32, Malformed> {
    let length = u32_at(take(rest, 4)?, 0)? as usize;
    let mut block = take(rest, length.checked_sub(4).ok_or(TRUNCATED)?)?;
    while block.len() >= 8 {
        let (size, kind) = (u32_at(block, 0)? as usize, &block[4..8]);
        if kind == b"rtpo" {
            return Ok(u32_at(block, 8)? as i32);
        }
        // Entries are padded to a multiple of four bytes.
        let step = size.max(8).next_multiple_of(4).min(block.len());
        block = &block[step..];
    }
    Ok(0)
}

/// A part of a packet's payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Constructor<'a> {
    /// These bytes.
    Immediate(&'a [u8]),
    /// Bytes of a media sample.
    Sample {
        /// Which of the hint track's references; -1 is the hint track itself.
        reference: i8,
        /// Bytes.
        length: u16,
        /// Sample number, from 1.
        sample: u32,
        /// Byte offset from the start of that sample.
        offset: u32,
        /// Bytes of a compression block; 0 or 1 when samples have sizes of their own.
        bytes_per_block: u16,
        /// Samples of a compression block.
        samples_per_block: u16,
    },
    /// Bytes of a sample description.
    Description {
        /// Which of the hint track's references; -1 is the hint track itself.
        reference: i8,
        /// Bytes.
        length: u16,
        /// Number of the sample description, from 1.
        index: u32,
        /// Byte offset from the start of that description's box.
        offset: u32,
    },
}

impl<'a> Constructor<'a> {
    fn read(entry: &'a [u8; ENTRY]) -> Result<Option<Self>, Malformed> {
        let [kind, body @ ..] = entry;
        match kind {
            0 => Ok(None),
            1 => immediate(body).map(Some),
            2 => Ok(Some(Self::Sample {
                reference: body[0] as i8,
                length: u16::from_be_bytes([body[1], body[2]]),
                sample: u32_at(body, 3)?,
                offset: u32_at(body, 7)?,
                bytes_per_block: u16::from_be_bytes([body[11], body[12]]),
                samples_per_block: u16::from_be_bytes([body[13], body[14]]),
            })),
            3 => Ok(Some(Self::Description {
                reference: body[0] as i8,
                length: u16::from_be_bytes([body[1], body[2]]),
                index: u32_at(body, 3)?,
                offset: u32_at(body, 7)?,
            })),
            _ => Err(malformed("unknown kind of constructor")),
        }
    }
}

fn immediate(body: &[u8]) -> Result<Constructor<'_>, Malformed> {
    let (&length, bytes) = body.split_first().ok_or(TRUNCATED)?;
    bytes
        .get(..usize::from(length))
        .map(Constructor::Immediate)
        .ok_or(malformed("immediate data longer than its entry"))
}

/// Where a part of a constructor's bytes is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// In one of the movie's files.
    File(FileRange),
    /// Here.
    Bytes(Bytes),
}

/// Finds the bytes that `constructor` of a packet of the track `hint` names, in their order.
///
/// There is one piece, or one for each chunk that blocks of sound run across.
/// Ends after the first error: [`Malformed`] when it points outside of the movie.
pub fn pieces<'a>(
    movie: &'a Movie,
    hint: &'a Track,
    constructor: &Constructor<'a>,
) -> impl Iterator<Item = Result<Piece, Malformed>> + use<'a> {
    let mut left = Some(*constructor);
    std::iter::from_fn(move || {
        let found = first_piece(movie, hint, &left.take()?);
        Some(found.map(|(piece, rest)| {
            left = rest;
            piece
        }))
    })
}

/// The first piece of `constructor`, and what constructs the rest.
fn first_piece<'a>(
    movie: &Movie,
    hint: &Track,
    constructor: &Constructor<'a>,
) -> Result<(Piece, Option<Constructor<'a>>), Malformed> {
    match *constructor {
        Constructor::Immediate(bytes) => Ok((Piece::Bytes(Bytes::copy_from_slice(bytes)), None)),
        Constructor::Sample {
            reference,
            length,
            sample,
            offset,
            bytes_per_block,
            samples_per_block,
        } => {
            let blocks = bytes_per_block > 1 || (bytes_per_block == 1 && samples_per_block > 1);
            let block = blocks.then_some((bytes_per_block.into(), samples_per_block.into()));
            let index = sample.checked_sub(1).ok_or(OUTSIDE)?;
            let samples = &referred(movie, hint, reference)?.samples;
            let range = samples
                .locate(index, offset, length.into(), block)
                .ok_or(OUTSIDE)?;
            let taken = u16::try_from(range.length).unwrap_or(length);
            let rest = Constructor::Sample {
                reference,
                length: length.saturating_sub(taken),
                sample,
                offset: offset.checked_add(taken.into()).ok_or(OUTSIDE)?,
                bytes_per_block,
                samples_per_block,
            };
            Ok((Piece::File(range), (taken < length).then_some(rest)))
        }
        Constructor::Description {
            reference,
            length,
            index,
            offset,
        } => {
            let descriptions = &referred(movie, hint, reference)?.descriptions;
            let at = (index as usize).checked_sub(1).ok_or(OUTSIDE)?;
            let description = descriptions.get(at).ok_or(OUTSIDE)?;
            let start = offset as usize;
            let end = start.checked_add(length.into()).ok_or(OUTSIDE)?;
            if end > description.len() {
                return Err(OUTSIDE);
            }
            Ok((Piece::Bytes(description.slice(start..end)), None))
        }
    }
}

/// The track that `reference` of the hint track `hint` stands for.
fn referred<'a>(movie: &'a Movie, hint: &'a Track, reference: i8) -> Result<&'a Track, Malformed> {
    if reference == -1 {
        return Ok(hint);
    }
    let media = hint.hint().map_or(&[][..], |facts| &facts.media);
    usize::try_from(reference)
        .ok()
        .and_then(|at| media.get(at))
        .and_then(|&id| movie.track(id))
        .ok_or(malformed("constructor refers to a track that is not there"))
}

const ENTRY: usize = 16;
const OUTSIDE: Malformed = malformed("constructor points outside of what it refers to");
const TRUNCATED: Malformed = malformed("sample is cut short");

const fn malformed(reason: &'static str) -> Malformed {
    Malformed {
        format: "hint track",
        reason,
    }
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8], Malformed> {
    let (taken, left) = rest.split_at_checked(length).ok_or(TRUNCATED)?;
    *rest = left;
    Ok(taken)
}

fn u32_at(bytes: &[u8], at: usize) -> Result<u32, Malformed> {
    bytes
        .get(at..)
        .and_then(<[u8]>::first_chunk)
        .map(|field| u32::from_be_bytes(*field))
        .ok_or(TRUNCATED)
}
