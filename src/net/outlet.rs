//! The way out of one track of a session, whichever transport the client chose.

use std::sync::Arc;

use super::Sent;
use super::interleaved::Interleaved;
use super::multicast::GroupTrack;
use super::udp_ports::UdpLease;

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
    /// Datagrams.
    Udp(DatagramOutlet),
}

/// Where a track's datagrams go.
#[derive(Debug)]
pub enum DatagramOutlet {
    /// To one client.
    Client(UdpLease),
    /// To everybody who listens to a group.
    Group(GroupTrack),
}

impl DatagramOutlet {
    /// Sends a run of RTP packets that lie one behind the other, each `segment`
    /// bytes long, the last one at most; answers how many packets were sent.
    pub fn send_run(&self, packets: &[u8], segment: usize) -> usize {
        match self {
            Self::Client(lease) => lease.send_run(packets, segment),
            Self::Group(track) => track.send_run(packets, segment),
        }
    }

    /// Sends one compound RTCP packet.
    pub fn send_rtcp(&self, packet: &[u8]) -> Sent {
        match self {
            Self::Client(lease) => lease.send_rtcp(packet),
            Self::Group(track) => track.send_rtcp(packet),
        }
    }
}

impl TrackOutlet {
    /// Whether media may be sent now: a connection that already has bytes waiting should first catch up.
    pub fn has_room(&self) -> bool {
        match self {
            Self::Interleaved { outlet, .. } => outlet.backlog() == 0,
            Self::Udp(_) => true,
        }
    }

    /// The channels of RTP and RTCP; `None` over UDP.
    pub fn channels(&self) -> Option<(u8, u8)> {
        match self {
            Self::Interleaved {
                rtp_channel,
                rtcp_channel,
                ..
            } => Some((*rtp_channel, *rtcp_channel)),
            Self::Udp(_) => None,
        }
    }

    /// Whether packets of this track go out on `connection`.
    pub fn goes_by(&self, connection: &Arc<Interleaved>) -> bool {
        matches!(self, Self::Interleaved { outlet, .. } if Arc::ptr_eq(outlet, connection))
    }
}
