//! UDP server ports, shared by all clients and told apart by the clients' addresses.

use std::io;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Instant;

use super::Sent;
use crate::base::clock::Clock;

/// The server's pairs of UDP ports. Clones share them.
#[derive(Clone, Debug)]
pub struct UdpPorts {
    range: RangeInclusive<u16>,
    bind_ip: IpAddr,
    clock: Clock,
}

/// The ports that a client named in its `Transport` header, and where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientPorts {
    /// The client's address: that of its RTSP connection.
    pub ip: IpAddr,
    /// Where it wants RTP.
    pub rtp: u16,
    /// Where it wants RTCP.
    pub rtcp: u16,
}

/// Who is told what a client sends back.
pub trait Feedback: Send + Sync {
    /// The client sent this compound RTCP packet.
    fn rtcp(&self, bytes: &[u8], now: Instant);
    /// The synchronisation source that the stream is sent with.
    fn ssrc(&self) -> u32;
    /// The client sent something that is not RTCP, such as a datagram that opens a NAT.
    fn alive(&self, now: Instant);
}

impl UdpPorts {
    /// Ports of `range` on `bind_ip` (`::` for IPv6 and IPv4); nothing is
    /// bound before the first claim. A range that starts with 0 takes any ports.
    pub fn new(range: RangeInclusive<u16>, bind_ip: IpAddr, clock: Clock) -> Self {
        Self {
            range,
            bind_ip,
            clock,
        }
    }

    /// A pair of server ports for one track; packets leave from `local_ip`,
    /// the address at which the client reached the server.
    ///
    /// To be called inside a tokio runtime.
    ///
    /// # Errors
    /// What the system says when it has no ports left.
    pub fn claim(
        &self,
        _client: ClientPorts,
        _local_ip: IpAddr,
        _feedback: Arc<dyn Feedback>,
    ) -> io::Result<UdpLease> {
        let _ = (&self.range, self.bind_ip, self.clock);
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// One track's share of a pair of server ports; given back on drop.
#[derive(Debug)]
pub struct UdpLease {
    ports: (u16, u16),
}

impl UdpLease {
    /// The server's RTP and RTCP port.
    pub fn server_ports(&self) -> (u16, u16) {
        self.ports
    }

    /// Sends one RTP packet; never blocks.
    pub fn send_rtp(&self, _packet: &[u8]) -> Sent {
        Sent::Dropped
    }

    /// Sends a run of RTP packets that lie one behind the other, each `segment`
    /// bytes long, the last one at most; never blocks. As one system call
    /// where the system can do that.
    pub fn send_run(&self, _packets: &[u8], _segment: usize) -> Sent {
        Sent::Dropped
    }

    /// Sends one compound RTCP packet; never blocks.
    pub fn send_rtcp(&self, _packet: &[u8]) -> Sent {
        Sent::Dropped
    }
}
