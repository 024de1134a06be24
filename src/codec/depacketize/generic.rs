//! Any of QuickTime's encodings out of RTP (`X-QT`), whose description comes with the samples every now and then.
//!
//! QuickTime's hinter and broadcaster send so what has no payload format of its own. Source: "QuickTime Generic RTP
//! Payload Format" (Apple's Icefloe dispatch 26; draft-ietf-avt-qt-rtp-00).
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! |  VER  |PCK|S|Q|L|             |D|  which description it is of |
//! |K|F|A|Z|                       | length, this word counted     |   if Q: a description; A, Z: it begins, ends
//! | media type                                                    |
//! | time scale                                                    |
//! | length of a value             | its kind                      |   and the value; any number of them
//! |                               | length, this word counted     |   if L: more about samples
//! | samples, in one of three ways (PCK); S: a decoder may start with them
//! ```

use std::collections::VecDeque;
use std::mem;

use bytes::Bytes;

use super::AccessUnit;
use super::frames::ticks;
use super::pictures::{Pictures, Piece};
use crate::codec::Malformed;
use crate::codec::sample_description::{Media, SampleDescription, Sound};
use crate::wire::rtp;

/// The state of one track.
#[derive(Debug)]
pub struct Depacketizer {
    clock_hz: u32,
    /// The newest description, and its number.
    described: Option<(u16, SampleDescription)>,
    /// The packet before, if nothing is missing after it.
    last: Option<Last>,
    /// Something was lost before the next whole sample.
    is_damaged: bool,
    /// Samples in pieces.
    pieces: Pictures,
    /// Whole samples.
    ready: VecDeque<AccessUnit>,
}

/// What has to be known of a packet when the next one comes.
#[derive(Clone, Copy, Debug)]
struct Last {
    time: u32,
    /// A sample ended with it.
    ended: bool,
}

/// What a payload says of itself.
#[derive(Debug)]
struct Payload<'a> {
    way: Way,
    is_key: bool,
    /// The number of the description that it is of.
    number: u16,
    description: Option<SampleDescription>,
    samples: &'a [u8],
}

/// How samples are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// As many of one length as there are.
    Alike,
    /// Each behind its length and time.
    Headed,
    /// One, in as many packets as it takes; the last one has the marker.
    Pieces,
}

impl Depacketizer {
    pub(super) fn new(clock_hz: u32) -> Self {
        Self {
            clock_hz,
            described: None,
            last: None,
            is_damaged: false,
            pieces: Pictures::default(),
            ready: VecDeque::new(),
        }
    }

    pub(super) fn push(&mut self, packet: &rtp::Packet<'_>, lost: u16) -> Result<(), Malformed> {
        if lost > 0 {
            self.lose();
            self.last = None;
        }
        let taken = Payload::read(packet.payload()).and_then(|payload| self.take(packet, payload));
        if taken.is_err() {
            self.lose();
        }
        self.last = Some(Last {
            time: packet.time(),
            ended: packet.marker(),
        });
        taken
    }

    pub(super) fn pull(&mut self) -> Option<AccessUnit> {
        // Pieces are only whole before samples of other ways.
        self.pieces.pull().or_else(|| self.ready.pop_front())
    }

    pub(super) fn finish(&mut self) {
        self.pieces.close();
    }

    pub(super) fn config(&self) -> Option<&SampleDescription> {
        let (_, description) = self.described.as_ref()?;
        Some(description)
    }

    fn take(&mut self, packet: &rtp::Packet<'_>, payload: Payload<'_>) -> Result<(), Malformed> {
        let Payload {
            way,
            is_key,
            number,
            description,
            samples,
        } = payload;
        let is_described = description.is_some();
        if let Some(description) = description {
            self.described = Some((number, description));
        }
        let (known, description) = self.described.as_ref().ok_or(UNDESCRIBED)?;
        if *known != number {
            return Err(UNDESCRIBED);
        }
        if way == Way::Pieces {
            self.take_piece(packet, is_key, is_described, samples);
            return Ok(());
        }
        let media = description.media;
        self.pieces.close();
        match way {
            Way::Headed => self.take_headed(packet.time(), samples),
            _ => self.take_alike(packet.time(), is_key, media, samples),
        }
    }

    fn take_piece(
        &mut self,
        packet: &rtp::Packet<'_>,
        is_key: bool,
        is_described: bool,
        data: &[u8],
    ) {
        let time = packet.time();
        let follows_end = |last: &Last| last.ended || last.time != time;
        let starts = is_described || self.last.as_ref().is_some_and(follows_end);
        let piece = Piece {
            time,
            starts: starts && !data.is_empty(),
            is_key,
            resumes: false,
            ends: packet.marker(),
        };
        self.pieces.push(piece, [data, &[]]);
    }

    fn take_alike(
        &mut self,
        time: u32,
        is_key: bool,
        media: Media,
        data: &[u8],
    ) -> Result<(), Malformed> {
        let block = match media {
            Media::Sound(Sound { rate_hz, block, .. }) => block.map(|block| (block, rate_hz)),
            Media::Pictures { .. } => None,
        };
        let all = data.len().max(1);
        let bytes = block.map_or(all, |(block, _)| block.bytes);
        let clock_hz = self.clock_hz;
        let lasting = |blocks: u32| {
            let (block, rate_hz) = block?;
            let samples = block.samples.wrapping_mul(blocks);
            Some(ticks(samples, rate_hz, clock_hz))
        };
        let blocks = data.chunks_exact(bytes);
        let is_cut = !blocks.remainder().is_empty();
        for (index, block) in (0..).zip(blocks) {
            let time = time.wrapping_add(lasting(index).unwrap_or_default());
            self.give(time, is_key, block, lasting(1));
        }
        match is_cut {
            true => Err(malformed("samples are cut short")),
            false => Ok(()),
        }
    }

    fn take_headed(&mut self, time: u32, mut data: &[u8]) -> Result<(), Malformed> {
        let mut first = None;
        while let Some((head, rest)) = data.split_first_chunk::<8>() {
            let &[flags, _, high, low, ref stamp @ ..] = head;
            let length = usize::from(u16::from_be_bytes([high, low]));
            let sample = rest.get(..length).ok_or(malformed("sample is cut short"))?;
            data = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
            let stamp = u32::from_be_bytes(*stamp);
            // The first one is due when its packet says, from wherever stamps count.
            let since = stamp.wrapping_sub(*first.get_or_insert(stamp));
            if !sample.is_empty() {
                let is_key = flags & KEY_SAMPLE != 0;
                self.give(time.wrapping_add(since), is_key, sample, None);
            }
        }
        Ok(())
    }

    fn give(&mut self, time: u32, keyframe: bool, data: &[u8], duration: Option<u32>) {
        self.ready.push_back(AccessUnit {
            time,
            keyframe,
            damaged: mem::take(&mut self.is_damaged),
            data: Bytes::copy_from_slice(data),
            duration,
        });
    }

    fn lose(&mut self) {
        self.is_damaged = true;
        self.pieces.lose();
    }
}

impl<'a> Payload<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let (&[flags, more, high, low], mut rest) = bytes.split_first_chunk::<4>().ok_or(CUT)?;
        if flags >> 4 > 1 {
            return Err(malformed("version is not known"));
        }
        let way = match flags >> 2 & 3 {
            1 => Way::Alike,
            2 => Way::Headed,
            3 => Way::Pieces,
            _ => return Err(malformed("layout is not known")),
        };
        let mut description = None;
        if flags & DESCRIBED != 0 {
            let (values, after) = split_values(rest)?;
            description = Some(read_description(values)?);
            rest = after;
        }
        if more & MORE != 0 {
            (_, rest) = split_values(rest)?;
        }
        Ok(Self {
            way,
            is_key: flags & KEY != 0,
            number: u16::from_be_bytes([high, low]) & NUMBER,
            description,
            samples: rest,
        })
    }
}

/// Splits what has its length in its first word off `bytes`, and what fills its last word up.
fn split_values(bytes: &[u8]) -> Result<(&[u8], &[u8]), Malformed> {
    let length = match *bytes {
        [_, _, high, low, ..] => usize::from(u16::from_be_bytes([high, low])),
        _ => return Err(CUT),
    };
    let values = bytes.get(..length.max(4)).ok_or(CUT)?;
    let after = bytes.get(length.next_multiple_of(4).max(4)..);
    Ok((values, after.unwrap_or_default()))
}

/// What describes samples, among the values of a description.
fn read_description(bytes: &[u8]) -> Result<SampleDescription, Malformed> {
    let (head, mut values) = bytes.split_first_chunk::<12>().ok_or(CUT)?;
    let &[flags, _, _, _, a, b, c, d, ..] = head;
    if flags & WHOLE != WHOLE {
        return Err(malformed("description is in several packets"));
    }
    while let Some((&[high, low, kind @ ..], rest)) = values.split_first_chunk::<4>() {
        let length = usize::from(u16::from_be_bytes([high, low]));
        let (value, after) = rest.split_at_checked(length).ok_or(CUT)?;
        if kind == *b"sd" {
            return SampleDescription::read([a, b, c, d], value);
        }
        values = after;
    }
    Err(malformed("nothing describes samples"))
}

const fn malformed(reason: &'static str) -> Malformed {
    Malformed::new("QuickTime payload", reason)
}

const CUT: Malformed = malformed("payload header is cut short");
const UNDESCRIBED: Malformed = malformed("no description of the samples has come");

/// In the first byte.
const KEY: u8 = 2;
const DESCRIBED: u8 = 1;

/// In the second byte: more about the samples follows.
const MORE: u8 = 0x80;

/// In the last two bytes: the number of a description.
const NUMBER: u16 = 0x7fff;

/// Of a description: it begins and ends in this packet.
const WHOLE: u8 = 0x30;

/// Of a sample behind a head of its own.
const KEY_SAMPLE: u8 = 0x80;
