//! MPEG-4 Visual out of RTP: pieces of pictures as they stand (RFC 6416, 5).

use bytes::Bytes;

use super::pictures::{Pictures, Piece};
use super::{AccessUnit, Depacketize, Fmtp};
use crate::codec::{Format, KeyFrames, Malformed, annex_b};
use crate::wire::rtp;

/// The state of one track.
pub(super) struct Depacketizer {
    config: Option<Bytes>,
    pictures: Pictures,
}

impl Depacketizer {
    pub(super) fn new(fmtp: Fmtp<'_>) -> Self {
        Self {
            config: fmtp.hex("config"),
            pictures: Pictures::default(),
        }
    }
}

impl Depacketize for Depacketizer {
    fn push(&mut self, packet: &rtp::Packet<'_>, lost: u16) -> Result<(), Malformed> {
        if lost > 0 {
            self.pictures.lose();
        }
        let payload = packet.payload();
        if payload.is_empty() {
            self.pictures.lose();
            return Err(Malformed::new("MPEG-4 Visual", "empty payload"));
        }
        let piece = Piece {
            time: packet.time(),
            starts: payload.starts_with(&[0, 0, 1]),
            is_key: KeyFrames::Mpeg4Video.start_at(payload),
            resumes: false,
            ends: packet.marker(),
        };
        self.pictures.push(piece, [payload, &[]]);
        Ok(())
    }

    fn pull(&mut self) -> Option<AccessUnit> {
        let unit = self.pictures.pull()?;
        if let Some(headers) = headers(&unit.data).filter(|_| !unit.damaged) {
            self.config = Some(unit.data.slice(..headers));
        }
        Some(unit)
    }

    fn flush(&mut self) {}

    fn format(&self) -> Option<Format> {
        let config = self.config.clone()?;
        Some(Format::Mpeg4Video { config })
    }
}

/// How many bytes the headers take up to a picture or a group of them; `None` without a video object layer.
fn headers(data: &[u8]) -> Option<usize> {
    let mut has_layer = false;
    for (start, unit) in annex_b::units(data) {
        match unit.first() {
            Some(0x20..=0x2f) => has_layer = true,
            Some(&(GROUP | PICTURE)) => return has_layer.then_some(start),
            _ => {}
        }
    }
    has_layer.then_some(data.len())
}

const GROUP: u8 = 0xb3;
const PICTURE: u8 = 0xb6;
