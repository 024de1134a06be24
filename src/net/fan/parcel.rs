//! Bursts as one write for a connection: framed for the channels that it chose, and made once for all who chose alike.

use std::sync::Arc;

use crate::media::burst::{Burst, PacketKind};
use crate::net::interleaved::Interleaved;
use crate::net::outlet::TrackOutlet;

/// The most parcels that are kept to be used again.
const KEPT: usize = 8;

/// Which interleaved channels a connection's tracks have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Lanes {
    /// All tracks, on twice their index and the next: as bursts are framed.
    Plain,
    /// By track index: the channels of RTP and RTCP; `None` for a track that is not sent.
    Own(Box<[Option<(u8, u8)>]>),
}

impl Lanes {
    /// The channels that `tracks` have on `connection`, out of `count` tracks of the live channel.
    pub(super) fn of(
        tracks: &[(usize, TrackOutlet)],
        connection: &Arc<Interleaved>,
        count: usize,
    ) -> Self {
        let mut own = vec![None; count];
        let ours = tracks
            .iter()
            .filter(|(_, outlet)| outlet.goes_by(connection));
        for (index, outlet) in ours {
            if let Some(lane) = own.get_mut(*index) {
                *lane = outlet.channels();
            }
        }
        let plain = own.iter().enumerate().all(|(index, lane)| {
            lane.is_some_and(|(rtp, rtcp)| {
                usize::from(rtp) == 2 * index && usize::from(rtcp) == 2 * index + 1
            })
        });
        if plain {
            Self::Plain
        } else {
            Self::Own(own.into())
        }
    }

    /// The channel of such packets; `None` when they are not sent.
    fn channel(&self, track: u8, kind: PacketKind) -> Option<u8> {
        let (rtp, rtcp) = match self {
            Self::Plain => (track.wrapping_mul(2), track.wrapping_mul(2).wrapping_add(1)),
            Self::Own(lanes) => (*lanes.get(usize::from(track))?)?,
        };
        Some(match kind {
            PacketKind::Rtp => rtp,
            PacketKind::Rtcp => rtcp,
        })
    }
}

/// One or several bursts, framed for some lanes.
#[derive(Debug)]
pub(super) struct Parcel {
    bursts: Vec<Arc<Burst>>,
    lanes: Lanes,
    /// The frames, where they are not those of the only burst.
    copied: Vec<u8>,
    /// How many RTP packets there are.
    pub(super) packets: u64,
    /// Their bytes, RTP headers included.
    pub(super) bytes: u64,
}

impl Parcel {
    fn pack(bursts: &[Arc<Burst>], lanes: &Lanes) -> Self {
        let mut parcel = Self {
            bursts: bursts.to_vec(),
            lanes: lanes.clone(),
            copied: Vec::new(),
            packets: 0,
            bytes: 0,
        };
        let copies = *lanes != Lanes::Plain || bursts.len() != 1;
        for burst in bursts {
            parcel.count(burst);
            match (copies, lanes) {
                (false, _) => {}
                (true, Lanes::Plain) => parcel.copied.extend_from_slice(burst.framed()),
                (true, Lanes::Own(_)) => parcel.frame(burst),
            }
        }
        parcel
    }

    fn count(&mut self, burst: &Burst) {
        for packet in burst.packets() {
            let sent = self.lanes.channel(packet.track, packet.kind).is_some();
            if sent && packet.kind == PacketKind::Rtp {
                self.packets += 1;
                self.bytes += packet.len() as u64;
            }
        }
    }

    fn frame(&mut self, burst: &Burst) {
        for packet in burst.packets() {
            let bytes = burst.bytes_of(packet);
            let lane = self.lanes.channel(packet.track, packet.kind);
            // Framed before, so the length fits.
            if let (Some(lane), Ok(length)) = (lane, u16::try_from(bytes.len())) {
                let [high, low] = length.to_be_bytes();
                self.copied.extend_from_slice(&[b'$', lane, high, low]);
                self.copied.extend_from_slice(bytes);
            }
        }
    }

    /// What to write; empty when these bursts have nothing for these lanes.
    pub(super) fn framed(&self) -> &[u8] {
        match (&self.lanes, self.bursts.as_slice()) {
            (Lanes::Plain, [only]) => only.framed(),
            _ => &self.copied,
        }
    }

    fn is(&self, bursts: &[Arc<Burst>], lanes: &Lanes) -> bool {
        self.bursts.len() == bursts.len()
            && std::iter::zip(&self.bursts, bursts).all(|(own, other)| Arc::ptr_eq(own, other))
            && self.lanes == *lanes
    }
}

/// The parcels of one round of a shard.
#[derive(Debug, Default)]
pub(super) struct Parcels(Vec<Parcel>);

impl Parcels {
    /// These bursts as one write for these lanes.
    pub(super) fn of(&mut self, bursts: &[Arc<Burst>], lanes: &Lanes) -> &Parcel {
        let known = self.0.iter().rposition(|parcel| parcel.is(bursts, lanes));
        let at = known.unwrap_or_else(|| {
            if self.0.len() == KEPT {
                self.0.clear();
            }
            self.0.push(Parcel::pack(bursts, lanes));
            self.0.len() - 1
        });
        &self.0[at]
    }

    /// Forgets them, and the bursts that they hold.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
