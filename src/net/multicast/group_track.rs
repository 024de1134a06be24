//! One track's way out to a group.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::net::Sent;
use crate::net::udp_socket::{Route, UdpSocket};

/// Where the datagrams of one track go for everybody who listens to the group.
///
/// Nothing here ever waits: what the system has no room for is lost.
pub struct GroupTrack {
    socket: Arc<UdpSocket>,
    rtp: SocketAddr,
    rtcp: SocketAddr,
    segmented: AtomicBool,
}

impl GroupTrack {
    pub(super) fn new(socket: Arc<UdpSocket>, rtp: SocketAddr, rtcp: SocketAddr) -> Self {
        let segmented = AtomicBool::new(socket.can_segment());
        Self {
            socket,
            rtp,
            rtcp,
            segmented,
        }
    }

    /// Like [`UdpLease::send_run`](crate::net::udp_ports::UdpLease::send_run).
    pub fn send_run(&self, packets: &[u8], segment: usize) -> usize {
        let route = to(self.rtp);
        self.socket
            .send_run(route, packets, segment, &self.segmented)
    }

    /// Sends one compound RTCP packet.
    pub fn send_rtcp(&self, packet: &[u8]) -> Sent {
        match self.socket.send(to(self.rtcp), packet) {
            Ok(()) => Sent::All,
            Err(_) => Sent::Dropped,
        }
    }
}

/// From the address that the socket is bound to.
fn to(group: SocketAddr) -> Route {
    Route {
        to: group,
        source: None,
    }
}

impl fmt::Debug for GroupTrack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupTrack")
            .field("rtp", &self.rtp)
            .field("rtcp", &self.rtcp)
            .finish_non_exhaustive()
    }
}
