//! Sorenson Video 3 out of RTP (`X-SV3V-ES`): pieces of pictures, and the sequence header every now and then.
//!
//! ```text
//!  0                   1
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5
//! | |H|B|E|       |               |   H: a sequence header follows; B, E: a picture begins, ends
//! ```

use super::AccessUnit;
use super::pictures::{Pictures, Piece};
use crate::codec::Malformed;
use crate::codec::sorenson::{Config, is_key};
use crate::wire::rtp;

/// The state of one track.
#[derive(Debug, Default)]
pub struct Depacketizer {
    config: Option<Config>,
    pictures: Pictures,
}

impl Depacketizer {
    pub(super) fn push(&mut self, packet: &rtp::Packet<'_>, lost: u16) -> Result<(), Malformed> {
        if lost > 0 {
            self.pictures.lose();
        }
        let &[flags, _, ref data @ ..] = packet.payload() else {
            self.pictures.lose();
            return Err(Malformed::new(
                "Sorenson Video 3",
                "payload header is cut short",
            ));
        };
        if flags & HEADER != 0 {
            self.pictures.close();
            self.config = Some(Config::read(data)?);
            return Ok(());
        }
        let piece = Piece {
            time: packet.time(),
            starts: flags & BEGINS != 0,
            // Only the whole picture tells.
            is_key: false,
            resumes: false,
            ends: flags & ENDS != 0,
        };
        self.pictures.push(piece, [data, &[]]);
        Ok(())
    }

    pub(super) fn pull(&mut self) -> Option<AccessUnit> {
        let unit = self.pictures.pull()?;
        Some(AccessUnit {
            keyframe: is_key(&unit.data),
            ..unit
        })
    }

    pub(super) fn finish(&mut self) {
        self.pictures.close();
    }

    pub(super) fn config(&self) -> Option<&Config> {
        self.config.as_ref()
    }
}

const HEADER: u8 = 0x40;
const BEGINS: u8 = 0x20;
const ENDS: u8 = 0x10;
