//! H.263 out of RTP: pieces of pictures behind the header of RFC 4629, 5.1.

use super::pictures::{Pictures, Piece};
use super::{AccessUnit, Depacketize};
use crate::codec::{Format, KeyFrames, Malformed};
use crate::wire::rtp;

/// The state of one track.
#[derive(Debug, Default)]
pub(super) struct Depacketizer {
    pictures: Pictures,
}

impl Depacketize for Depacketizer {
    fn push(&mut self, packet: &rtp::Packet<'_>, lost: u16) -> Result<(), Malformed> {
        if lost > 0 {
            self.pictures.lose();
        }
        let payload = packet.payload();
        let Some((omitted, data)) = split(payload) else {
            self.pictures.lose();
            return Err(Malformed::new("H.263", "payload header is cut short"));
        };
        let piece = Piece {
            time: packet.time(),
            // Behind the two zeros a picture's start code ends with 100000.
            starts: !omitted.is_empty() && data.first().is_some_and(|byte| byte & 0xfc == 0x80),
            is_key: KeyFrames::H263Plus.start_at(payload),
            resumes: false,
            ends: packet.marker(),
        };
        self.pictures.push(piece, [omitted, data]);
        Ok(())
    }

    fn pull(&mut self) -> Option<AccessUnit> {
        self.pictures.pull()
    }

    fn flush(&mut self) {}

    fn format(&self) -> Option<Format> {
        Some(Format::H263)
    }
}

/// The zeros that were left out before the data, and the data.
fn split(payload: &[u8]) -> Option<(&'static [u8], &[u8])> {
    let &[high, low, ref rest @ ..] = payload else {
        return None;
    };
    let redundancy = usize::from(high >> 1 & 1);
    let picture_header = usize::from((high & 1) << 5 | low >> 3);
    let data = rest.get(redundancy + picture_header..)?;
    let omitted: &[u8] = if high & STARTS_SEGMENT != 0 {
        &[0, 0]
    } else {
        &[]
    };
    Some((omitted, data))
}

const STARTS_SEGMENT: u8 = 0x04;
