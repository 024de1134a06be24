//! The way out of one track of a session, whichever transport the client chose.

use std::sync::Arc;

use super::Sent;
use super::interleaved::{Closed, Interleaved};
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
    Udp(UdpLease),
}

impl TrackOutlet {
    /// Whether media may be sent now: a connection that already has bytes waiting should first catch up.
    pub fn has_room(&self) -> bool {
        match self {
            Self::Interleaved { outlet, .. } => outlet.backlog() == 0,
            Self::Udp(_) => true,
        }
    }

    /// Sends one RTP packet, which begins at byte [`FRAME_HEADER`] of `framed`;
    /// the bytes before it are overwritten. A packet of more than 65535 bytes
    /// is dropped.
    ///
    /// # Errors
    /// [`Closed`], for interleaved tracks only.
    pub fn send_rtp(&self, framed: &mut [u8]) -> Result<Sent, Closed> {
        match self {
            Self::Interleaved {
                outlet,
                rtp_channel,
                ..
            } => send_frame(outlet, *rtp_channel, framed),
            Self::Udp(lease) => Ok(lease.send_rtp(framed.get(FRAME_HEADER..).unwrap_or_default())),
        }
    }

    /// Sends one compound RTCP packet, in the same form as for [`send_rtp`](Self::send_rtp).
    ///
    /// # Errors
    /// [`Closed`], for interleaved tracks only.
    pub fn send_rtcp(&self, framed: &mut [u8]) -> Result<Sent, Closed> {
        match self {
            Self::Interleaved {
                outlet,
                rtcp_channel,
                ..
            } => send_frame(outlet, *rtcp_channel, framed),
            Self::Udp(lease) => Ok(lease.send_rtcp(framed.get(FRAME_HEADER..).unwrap_or_default())),
        }
    }
}

/// Writes the header of an interleaved frame into the first four bytes of
/// `framed`, whose remaining bytes are the packet; `false` when there is no
/// such frame because the packet is longer than 65535 bytes.
pub fn write_frame_header(channel: u8, framed: &mut [u8]) -> bool {
    let Some((header, packet)) = framed.split_first_chunk_mut::<FRAME_HEADER>() else {
        return false;
    };
    let Ok(length) = u16::try_from(packet.len()) else {
        return false;
    };
    let [high, low] = length.to_be_bytes();
    *header = [b'$', channel, high, low];
    true
}

fn send_frame(outlet: &Interleaved, channel: u8, framed: &mut [u8]) -> Result<Sent, Closed> {
    if write_frame_header(channel, framed) {
        outlet.send(framed)
    } else {
        Ok(Sent::Dropped)
    }
}
