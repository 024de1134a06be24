//! Motion JPEG out of RTP: pieces of a scan, around which the picture's headers are made again (RFC 2435).

use std::collections::BTreeMap;
use std::mem;

use super::foreign::{Assemble, ForeignConfig};
use super::{AccessUnit, MAX_UNIT};
use crate::codec::Malformed;
use crate::codec::jpeg::{END_OF_IMAGE, Head, Sampling, Tables, tables_of};
use crate::wire::rtp;

/// The state of one track.
#[derive(Debug, Default)]
pub(super) struct Depacketizer {
    /// What came in payloads, by the Q that stands for it.
    tables: BTreeMap<u8, Tables>,
    open: Option<Picture>,
    /// Something was lost before the next picture.
    is_damaged: bool,
    ready: Option<AccessUnit>,
}

/// A picture whose beginning has come.
#[derive(Debug)]
struct Picture {
    time: u32,
    /// The headers, and the scan as far as it has come.
    data: Vec<u8>,
    headers: usize,
}

/// What a payload begins with (RFC 2435, 3.1).
struct Header {
    /// Where in the scan the payload's piece belongs.
    offset: usize,
    sampling: Sampling,
    quality: u8,
    width: u16,
    height: u16,
    restart_interval: u16,
}

impl Depacketizer {
    fn lose(&mut self) {
        self.open = None;
        self.is_damaged = true;
    }

    fn take(&mut self, packet: &rtp::Packet<'_>) -> Result<(), Malformed> {
        let (header, mut piece) = Header::read(packet.payload())?;
        if header.offset == 0 {
            self.is_damaged |= self.open.is_some();
            self.open = None;
            let tables = self.tables(header.quality, &mut piece)?;
            self.open = Some(Picture::new(packet.time(), &header, &tables));
        }
        let Some(picture) = &mut self.open else {
            // The rest of a picture that is given up.
            return Ok(());
        };
        picture.append(packet.time(), header.offset, piece)?;
        if packet.marker() {
            self.finish();
        }
        Ok(())
    }

    /// What `quality` stands for, and perhaps the front of `rest` tells (RFC 2435, 3.1.8 and 4.2).
    fn tables(&mut self, quality: u8, rest: &mut &[u8]) -> Result<Tables, Malformed> {
        if quality < FIRST_IN_BAND {
            return tables_of(quality).ok_or(malformed("reserved Q"));
        }
        if let Some(tables) = read_tables(rest)? {
            self.tables.insert(quality, tables);
        }
        let known = self.tables.get(&quality).copied();
        known.ok_or(malformed("no quantisation tables"))
    }

    fn finish(&mut self) {
        let picture = self.open.take();
        let Some(mut picture) = picture.filter(|picture| picture.data.len() > picture.headers)
        else {
            return;
        };
        if !picture.data.ends_with(&END_OF_IMAGE) {
            picture.data.extend(END_OF_IMAGE);
        }
        self.ready = Some(AccessUnit {
            time: picture.time,
            keyframe: true,
            damaged: mem::take(&mut self.is_damaged),
            data: picture.data.into(),
            duration: None,
        });
    }
}

impl Assemble for Depacketizer {
    fn push(&mut self, packet: &rtp::Packet<'_>, lost: u16) -> Result<(), Malformed> {
        if lost > 0 {
            self.lose();
        }
        let taken = self.take(packet);
        if taken.is_err() {
            self.lose();
        }
        taken
    }

    fn pull(&mut self) -> Option<AccessUnit> {
        self.ready.take()
    }

    fn config(&self) -> Option<ForeignConfig> {
        Some(ForeignConfig::Jpeg)
    }
}

impl Picture {
    fn new(time: u32, header: &Header, tables: &Tables) -> Self {
        let head = Head {
            width: header.width,
            height: header.height,
            sampling: header.sampling,
            restart_interval: header.restart_interval,
            tables,
        };
        let data = head.bytes();
        Self {
            time,
            headers: data.len(),
            data,
        }
    }

    fn append(&mut self, time: u32, offset: usize, piece: &[u8]) -> Result<(), Malformed> {
        if (time, offset) != (self.time, self.data.len() - self.headers) {
            return Err(malformed("fragment that does not go on"));
        }
        if self.data.len() + piece.len() + END_OF_IMAGE.len() > MAX_UNIT {
            return Err(malformed("picture of 16 MiB or more"));
        }
        self.data.extend_from_slice(piece);
        Ok(())
    }
}

impl Header {
    /// Reads it at the front of a payload; also returns what follows.
    fn read(payload: &[u8]) -> Result<(Self, &[u8]), Malformed> {
        let &[_, a, b, c, kind, quality, width, height, ref rest @ ..] = payload else {
            return Err(CUT);
        };
        let sampling = match kind & !WITH_RESTARTS {
            0 => Sampling::Half,
            1 => Sampling::Quarter,
            _ => return Err(malformed("type that is not known")),
        };
        if width == 0 || height == 0 {
            return Err(malformed("no width or height"));
        }
        let (restart_interval, rest) = match (kind & WITH_RESTARTS, rest) {
            (0, _) => (0, rest),
            // What follows tells which intervals a payload holds, of use where some are lost.
            (_, &[high, low, _, _, ref rest @ ..]) => (u16::from_be_bytes([high, low]), rest),
            _ => return Err(CUT),
        };
        let header = Self {
            offset: u32::from_be_bytes([0, a, b, c]) as usize,
            sampling,
            quality,
            width: 8 * u16::from(width),
            height: 8 * u16::from(height),
            restart_interval,
        };
        Ok((header, rest))
    }
}

/// The tables at the front of the first payload; `None` where it has none, for they have come before.
fn read_tables(rest: &mut &[u8]) -> Result<Option<Tables>, Malformed> {
    let &[_, precision, high, low, ref after @ ..] = *rest else {
        return Err(CUT);
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    let (tables, after) = after.split_at_checked(length).ok_or(CUT)?;
    *rest = after;
    match tables.as_chunks() {
        ([], []) => Ok(None),
        _ if precision != 0 => Err(malformed("quantisation tables that are not of 8 bits")),
        (&[both], []) => Ok(Some([both, both])),
        (&[luminance, chrominance, ..], []) => Ok(Some([luminance, chrominance])),
        _ => Err(CUT),
    }
}

const fn malformed(reason: &'static str) -> Malformed {
    Malformed::new("Motion JPEG", reason)
}

const CUT: Malformed = malformed("payload is cut short");

/// Types from here on have restart markers, and a header that tells of them.
const WITH_RESTARTS: u8 = 0x40;

/// From here on Q stands for tables that come in payloads.
const FIRST_IN_BAND: u8 = 128;

#[cfg(test)]
mod tests;
