//! UDP server ports, shared by all clients and told apart by the clients' addresses.
//!
//! Each track is served from the first pair of ports where its client cannot be
//! mistaken for another. For everybody's first track that is the first pair of
//! all. A further track of a host takes the next one while nothing has come from
//! the track before: a NAT may have changed the ports of both, and what arrives
//! on a pair can then only be of one. A pair is also skipped when the client's
//! address is taken on it, which happens when several clients stand behind one
//! NAT.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;

use webrtc_util::Conn;

use super::Sent;
use super::demux::{Channel, Client};
use super::host::Host;
use super::udp_pair::Pair;
use super::udp_socket::Route;
use crate::base::clock::Clock;

/// On how many pairs at most a host may have a track that nothing has come from yet.
///
/// Further tracks share these pairs and are told apart by the ports that the
/// client named: many viewers at one address take few sockets.
const MOST_AWAITING: usize = 16;

/// The server's pairs of UDP ports. Clones share them.
#[derive(Clone)]
pub struct UdpPorts(Arc<Shared>);

struct Shared {
    range: RangeInclusive<u16>,
    bind_ip: IpAddr,
    clock: Clock,
    pairs: Mutex<Pairs>,
    strangers: Arc<AtomicU64>,
}

#[derive(Default)]
struct Pairs {
    /// Kept open for good, so that the ports stay the same from viewer to viewer.
    first: Option<Arc<Pair>>,
    further: Vec<Weak<Pair>>,
}

/// The ports that a client named in its `Transport` header, and where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientPorts {
    /// The client's host: that of its RTSP connection.
    pub host: Host,
    /// Where it wants RTP.
    pub rtp: u16,
    /// Where it wants RTCP.
    pub rtcp: u16,
}

/// Who is told what a client sends: a publisher its media, a viewer its reports.
///
/// Called by the task that receives for all clients, so nothing here may wait
/// or take long.
pub trait Feedback: Send + Sync {
    /// The client sent this compound RTCP packet.
    fn rtcp(&self, bytes: &[u8], now: Instant);
    /// Whether the client, and nobody else, can have sent this RTCP packet, for it is protected by SRTP.
    fn is_author(&self, _packet: &[u8]) -> bool {
        false
    }
    /// The synchronisation source that the stream is sent with.
    fn ssrc(&self) -> u32;
    /// The client sent something that is not RTCP, such as a datagram that opens a NAT.
    fn alive(&self, now: Instant);
    /// The client sent this datagram to the RTP port: a publisher's media, or
    /// by default no more than a sign of life.
    fn rtp(&self, _bytes: &[u8], now: Instant) {
        self.alive(now);
    }
}

impl UdpPorts {
    /// Ports of `range` on `bind_ip` (`::` for IPv6 and IPv4); nothing is
    /// bound before the first claim. A range that starts with 0 takes any ports.
    pub fn new(range: RangeInclusive<u16>, bind_ip: IpAddr, clock: Clock) -> Self {
        Self(Arc::new(Shared {
            range,
            bind_ip,
            clock,
            pairs: Mutex::default(),
            strangers: Arc::default(),
        }))
    }

    /// One pair only, on `rtp` and `rtcp`: a simulated network, as a rule.
    ///
    /// To be called inside a tokio runtime.
    ///
    /// # Errors
    /// What they say when they are asked for their addresses.
    pub fn over(
        rtp: Arc<dyn Conn + Send + Sync>,
        rtcp: Arc<dyn Conn + Send + Sync>,
        clock: Clock,
    ) -> io::Result<Self> {
        let at = rtp.local_addr().map_err(io::Error::other)?;
        let ports = Self::new(at.port()..=at.port(), at.ip(), clock);
        let strangers = Arc::clone(&ports.0.strangers);
        let pair = Pair::over(rtp, rtcp, clock, strangers)?;
        ports.pairs().enter(&Arc::new(pair));
        Ok(ports)
    }

    /// How many datagrams came from addresses that no session has; nothing else is done with them.
    pub fn strangers(&self) -> u64 {
        self.0.strangers.load(Relaxed)
    }

    /// A pair of server ports for one track; packets leave from `local_ip`,
    /// the address at which the client reached the server.
    ///
    /// To be called inside a tokio runtime.
    ///
    /// # Errors
    /// `InvalidInput` for a client address that UDP cannot reach from here
    /// (port 0, a link-local address without its zone, IPv6 on an IPv4 server),
    /// `AddrInUse` when no pair is free, or what the system says.
    pub fn claim(
        &self,
        client: ClientPorts,
        local_ip: IpAddr,
        feedback: Arc<dyn Feedback>,
    ) -> io::Result<UdpLease> {
        if !self.can_reach(client) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let source = self.source(client.host, local_ip.to_canonical());
        let client = Arc::new(Client::new(client, feedback));
        let pair = self.pair_for(&client)?;
        Ok(UdpLease {
            source,
            segmented: AtomicBool::new(pair.shared.rtp.can_segment()),
            pair,
            client,
        })
    }

    /// Opens the first pair, unless it is open, and returns its RTP and RTCP port.
    ///
    /// To be called inside a tokio runtime.
    ///
    /// # Errors
    /// As for [`claim`](Self::claim).
    pub fn open(&self) -> io::Result<(u16, u16)> {
        let mut pairs = self.pairs();
        if let Some(pair) = pairs.iter().next() {
            return Ok(pair.ports());
        }
        let pair = Arc::new(self.open_next(&pairs)?);
        pairs.enter(&pair);
        Ok(pair.ports())
    }

    /// The first pair on which `client` cannot be mistaken for another, a new
    /// one if need be; one that it shares when there are enough of them.
    fn pair_for(&self, client: &Arc<Client>) -> io::Result<Arc<Pair>> {
        let mut pairs = self.pairs();
        let awaits = |pair: &Arc<Pair>| pair.shared.demux().awaits(client.host());
        let (shared, own): (Vec<_>, Vec<_>) = pairs.iter().partition(awaits);
        let enter_first = |pairs: &[Arc<Pair>]| {
            let mut pairs = pairs.iter();
            pairs
                .find(|pair| pair.shared.demux().enter(client))
                .cloned()
        };
        let found = enter_first(&own).or_else(|| {
            let enough = shared.len() >= MOST_AWAITING;
            enough.then(|| enter_first(&shared)).flatten()
        });
        if let Some(pair) = found {
            return Ok(pair);
        }
        match self.open_next(&pairs) {
            Ok(pair) => {
                let pair = Arc::new(pair);
                pair.shared.demux().enter(client);
                pairs.enter(&pair);
                Ok(pair)
            }
            // Rather a shared pair than none.
            Err(error) => enter_first(&shared).ok_or(error),
        }
    }

    /// Opens the first pair of the range that neither this server nor another program uses.
    fn open_next(&self, pairs: &Pairs) -> io::Result<Pair> {
        let (first, last) = (*self.0.range.start(), *self.0.range.end());
        let open_at = |port| {
            let strangers = Arc::clone(&self.0.strangers);
            Pair::open(self.0.bind_ip, port, self.0.clock, strangers)
        };
        if first == 0 {
            return open_at(0);
        }
        let open: Vec<u16> = pairs.iter().map(|pair| pair.ports().0).collect();
        let even = first.checked_next_multiple_of(2).unwrap_or(u16::MAX);
        let candidates = (even..last).step_by(2).filter(|port| !open.contains(port));
        for port in candidates {
            match open_at(port) {
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
                other => return other,
            }
        }
        Err(io::ErrorKind::AddrInUse.into())
    }

    fn can_reach(&self, client: ClientPorts) -> bool {
        // Datagrams to port 0 or without a zone fail in a way that makes
        // quinn-udp distrust the whole socket.
        let host = client.host;
        let reachable = match host.ip() {
            IpAddr::V4(_) => self.0.bind_ip.is_ipv4() || self.0.bind_ip.is_unspecified(),
            IpAddr::V6(_) => self.0.bind_ip.is_ipv6() && host.has_zone(),
        };
        reachable && client.rtp != 0 && client.rtcp != 0
    }

    /// `local_ip` when packets to `client` would leave from another address by themselves.
    fn source(&self, client: Host, local_ip: IpAddr) -> Option<IpAddr> {
        if !self.0.bind_ip.is_unspecified() || local_ip.is_unspecified() {
            return None;
        }
        let natural = natural_source(client);
        (natural.ok() != Some(local_ip)).then_some(local_ip)
    }

    fn pairs(&self) -> MutexGuard<'_, Pairs> {
        self.0.pairs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pairs {
    fn enter(&mut self, pair: &Arc<Pair>) {
        self.further.retain(|pair| pair.strong_count() > 0);
        match self.first {
            None => self.first = Some(Arc::clone(pair)),
            Some(_) => self.further.push(Arc::downgrade(pair)),
        }
    }

    fn iter(&self) -> impl Iterator<Item = Arc<Pair>> {
        let further = self.further.iter().filter_map(Weak::upgrade);
        self.first.iter().cloned().chain(further)
    }
}

/// The address that the system itself would send from; asked by connecting a socket, which sends nothing.
fn natural_source(client: Host) -> io::Result<IpAddr> {
    let any: IpAddr = match client.ip() {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect(client.at(9))?;
    Ok(socket.local_addr()?.ip())
}

impl fmt::Debug for UdpPorts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = f.debug_struct("UdpPorts");
        text.field("range", &self.0.range);
        text.field("bind_ip", &self.0.bind_ip)
            .finish_non_exhaustive()
    }
}

/// One track's share of a pair of server ports; given back on drop.
///
/// Nothing here ever waits: what the system has no room for, or cannot
/// deliver, is lost, as UDP may lose it further on.
pub struct UdpLease {
    pair: Arc<Pair>,
    client: Arc<Client>,
    source: Option<IpAddr>,
    segmented: AtomicBool,
}

impl UdpLease {
    /// The server's RTP and RTCP port.
    pub fn server_ports(&self) -> (u16, u16) {
        self.pair.ports()
    }

    /// Where the client's RTP goes at present.
    pub fn client(&self) -> SocketAddr {
        self.route(Channel::Rtp).to
    }

    /// Sends one RTP packet.
    pub fn send_rtp(&self, packet: &[u8]) -> Sent {
        let route = self.route(Channel::Rtp);
        sent_or_dropped(&self.pair.shared.rtp.send(route, packet))
    }

    /// Sends a run of RTP packets that lie one behind the other, each `segment`
    /// bytes long, the last one at most; answers how many packets were sent.
    /// Takes one system call for up to 64 of them where the system can do that.
    pub fn send_run(&self, packets: &[u8], segment: usize) -> usize {
        let (rtp, route) = (&self.pair.shared.rtp, self.route(Channel::Rtp));
        rtp.send_run(route, packets, segment, &self.segmented)
    }

    /// Sends one compound RTCP packet.
    pub fn send_rtcp(&self, packet: &[u8]) -> Sent {
        let route = self.route(Channel::Rtcp);
        sent_or_dropped(&self.pair.shared.rtcp.send(route, packet))
    }

    fn route(&self, channel: Channel) -> Route {
        Route {
            to: self.client.address(channel),
            source: self.source,
        }
    }
}

fn sent_or_dropped(sent: &io::Result<()>) -> Sent {
    match sent {
        Ok(()) => Sent::All,
        Err(_) => Sent::Dropped,
    }
}

impl Drop for UdpLease {
    fn drop(&mut self) {
        self.pair.shared.demux().release(&self.client);
    }
}

impl fmt::Debug for UdpLease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = f.debug_struct("UdpLease");
        text.field("client", &self.client());
        text.field("server_ports", &self.server_ports())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
