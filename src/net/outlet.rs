//! The way out of one track of a session, whichever transport the client chose.

use std::sync::Arc;

use super::Sent;
use super::interleaved::Interleaved;
use super::multicast::GroupTrack;
use super::protected::{ProtectedTrack, Way};
use super::udp_ports::UdpLease;
use crate::wire::srtp::MasterKey;

/// Bytes of the header of an interleaved frame (RFC 2326, 10.12).
pub const FRAME_HEADER: usize = 4;

/// Where a track's packets go.
#[derive(Debug)]
pub enum TrackOutlet {
    /// Frames on the RTSP connection, or on the GET half of its HTTP tunnel.
    Interleaved {
        /// The connection.
        outlet: Arc<Interleaved>,
        /// The channel of its RTP packets.
        rtp_channel: u8,
        /// The channel of its RTCP packets.
        rtcp_channel: u8,
    },
    /// One by one: datagrams, and frames that are made for one client alone.
    Packets(PacketOutlet),
}

/// Where a track's packets go one by one.
#[derive(Debug)]
pub enum PacketOutlet {
    /// To one client, in datagrams.
    Client(UdpLease),
    /// To everybody who listens to a group.
    Group(GroupTrack),
    /// To one client, by SRTP.
    Protected(Box<ProtectedTrack>),
}

impl PacketOutlet {
    /// To one client by SRTP, under a key that must be of no other use.
    pub fn protected_by(key: &MasterKey, way: Way) -> Self {
        Self::Protected(Box::new(ProtectedTrack::new(key, way)))
    }

    /// Sends a run of RTP packets that lie one behind the other, each `segment`
    /// bytes long, the last one at most; answers how many packets were sent.
    pub fn send_run(&self, packets: &[u8], segment: usize) -> usize {
        match self {
            Self::Client(lease) => lease.send_run(packets, segment),
            Self::Group(track) => track.send_run(packets, segment),
            Self::Protected(track) => track.send_run(packets, segment),
        }
    }

    /// Sends one compound RTCP packet.
    pub fn send_rtcp(&self, packet: &[u8]) -> Sent {
        match self {
            Self::Client(lease) => lease.send_rtcp(packet),
            Self::Group(track) => track.send_rtcp(packet),
            Self::Protected(track) => track.send_rtcp(packet),
        }
    }
}

impl TrackOutlet {
    /// What everybody gets, by that way.
    pub fn plain(way: Way) -> Self {
        match way {
            Way::Datagrams(lease) => Self::Packets(PacketOutlet::Client(lease)),
            Way::Frames {
                connection,
                rtp_channel,
                rtcp_channel,
            } => Self::Interleaved {
                outlet: connection,
                rtp_channel,
                rtcp_channel,
            },
        }
    }

    /// The same by SRTP, under a key that must be of no other use.
    pub fn protected_by(key: &MasterKey, way: Way) -> Self {
        Self::Packets(PacketOutlet::protected_by(key, way))
    }

    /// Whether media may be sent now: a connection that already has bytes waiting should first catch up.
    pub fn has_room(&self) -> bool {
        self.connection()
            .is_none_or(|connection| connection.backlog() == 0)
    }

    /// The connection that packets go by; `None` over UDP.
    pub fn connection(&self) -> Option<&Arc<Interleaved>> {
        match self {
            Self::Interleaved { outlet, .. } => Some(outlet),
            Self::Packets(PacketOutlet::Protected(track)) => track.connection(),
            Self::Packets(_) => None,
        }
    }

    /// The track if it goes by SRTP.
    pub fn protected(&self) -> Option<&ProtectedTrack> {
        match self {
            Self::Packets(PacketOutlet::Protected(track)) => Some(track),
            _ => None,
        }
    }

    /// The number under which the packet goes out next that is numbered `sequence`.
    pub fn sequence(&self, sequence: u16) -> u16 {
        self.protected()
            .map_or(sequence, |track| track.sequence(sequence))
    }

    /// The channels of RTP and RTCP; `None` when packets go one by one.
    pub fn channels(&self) -> Option<(u8, u8)> {
        match self {
            Self::Interleaved {
                rtp_channel,
                rtcp_channel,
                ..
            } => Some((*rtp_channel, *rtcp_channel)),
            Self::Packets(_) => None,
        }
    }

    /// Whether packets of this track go out on `connection` as everybody's do.
    pub fn goes_by(&self, connection: &Arc<Interleaved>) -> bool {
        matches!(self, Self::Interleaved { outlet, .. } if Arc::ptr_eq(outlet, connection))
    }
}
