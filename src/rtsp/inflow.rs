//! Which interleaved channels of a connection bring a publisher's packets, and where they go in.

use std::sync::Arc;
use std::time::Instant;

use super::ingest::Ingest;
use super::protection::{self, Opener};
use crate::media::burst::PacketKind;

/// The channels of one connection that publishers send on (RFC 2326, 10.12).
#[derive(Default)]
pub(super) struct Inflow(Vec<Inlet>);

struct Inlet {
    channel: u8,
    kind: PacketKind,
    index: usize,
    ingest: Arc<Ingest>,
    /// What takes the protection off, if packets come by SRTP.
    opener: Option<Arc<Opener>>,
}

impl Inflow {
    /// Takes the packets of `pair`, channels of RTP and RTCP, for the track at `index`.
    pub(super) fn open(
        &mut self,
        pair: (u8, u8),
        ingest: &Arc<Ingest>,
        index: usize,
        opener: Option<&Arc<Opener>>,
    ) {
        let replaced = |inlet: &Inlet| {
            let same_track = Arc::ptr_eq(&inlet.ingest, ingest) && inlet.index == index;
            same_track || inlet.channel == pair.0 || inlet.channel == pair.1
        };
        self.0.retain(|inlet| !replaced(inlet));
        for (channel, kind) in [(pair.0, PacketKind::Rtp), (pair.1, PacketKind::Rtcp)] {
            self.0.push(Inlet {
                channel,
                kind,
                index,
                ingest: Arc::clone(ingest),
                opener: opener.cloned(),
            });
        }
    }

    /// Takes no more for the publisher of `ingest`.
    pub(super) fn close(&mut self, ingest: &Arc<Ingest>) {
        self.0.retain(|inlet| !Arc::ptr_eq(&inlet.ingest, ingest));
    }

    /// Whether nobody publishes by this connection.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Hands a frame on; `false` when its channel is no publisher's.
    pub(super) fn take(&self, channel: u8, packet: &[u8], now: Instant) -> bool {
        let inlet = self.0.iter().find(|inlet| inlet.channel == channel);
        if let Some(inlet) = inlet
            && let Some(packet) = protection::open(inlet.opener.as_deref(), inlet.kind, packet)
        {
            inlet.ingest.take(inlet.index, inlet.kind, &packet, now);
        }
        inlet.is_some()
    }
}
