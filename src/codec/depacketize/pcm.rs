//! G.711 and linear audio out of RTP: what a payload holds is a unit (RFC 3551, 4.5; RFC 3190).

use bytes::Bytes;

use super::{AccessUnit, Depacketize};
use crate::codec::pcm::Config;
use crate::codec::{Format, Malformed};
use crate::wire::rtp;

/// The state of one track.
pub(super) struct Depacketizer {
    config: Config,
    ready: Option<AccessUnit>,
}

impl Depacketizer {
    /// `None` without a channel.
    pub(super) fn new(config: Config) -> Option<Self> {
        (config.bytes_per_frame() > 0).then_some(Self {
            config,
            ready: None,
        })
    }
}

impl Depacketize for Depacketizer {
    fn push(&mut self, packet: &rtp::Packet<'_>, lost: u16) -> Result<(), Malformed> {
        let payload = packet.payload();
        let frames = payload.len() / self.config.bytes_per_frame();
        let whole = payload.get(..frames * self.config.bytes_per_frame());
        let whole = whole.filter(|whole| !whole.is_empty());
        self.ready = whole.map(|whole| AccessUnit {
            time: packet.time(),
            keyframe: true,
            damaged: lost > 0,
            data: Bytes::copy_from_slice(whole),
            // A packet is far below 2^32 bytes.
            duration: Some(frames as u32),
        });
        match frames {
            0 => Err(Malformed::new("PCM", "payload without a sample")),
            _ => Ok(()),
        }
    }

    fn pull(&mut self) -> Option<AccessUnit> {
        self.ready.take()
    }

    fn flush(&mut self) {}

    fn format(&self) -> Option<Format> {
        Some(Format::Pcm(self.config))
    }
}
