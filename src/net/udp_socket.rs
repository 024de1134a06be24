//! One UDP socket that sends to many clients, one datagram or a run of them at a time.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::slice::ChunksExactMut;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use quinn_udp::{RecvMeta, Transmit, UdpSocketState};
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::io::Interest;

use super::host::canonical;
use super::multicast::Interface;

/// Asked of the system, which may give less: bursts for many viewers; key frames of publishers, reports of viewers.
const SEND_BUFFER: usize = 4 << 20;
const RECEIVE_BUFFER: usize = 4 << 20;

/// Datagrams that one system call receives.
const BATCH: usize = 32;

/// The longest datagram that is received whole; RTP is rarely longer than 1500 bytes, but may be.
const LONGEST_DATAGRAM: usize = 9000;

/// The largest UDP payload over IPv4, in bytes.
const LONGEST_RUN: usize = 65_507;

/// Where a datagram goes, and from which of the server's addresses (`None`: the system's choice).
#[derive(Clone, Copy, Debug)]
pub(super) struct Route {
    pub(super) to: SocketAddr,
    pub(super) source: Option<IpAddr>,
}

/// A bound socket. An IPv6 one bound to `::` carries IPv4 as well.
#[derive(Debug)]
pub(super) struct UdpSocket {
    socket: tokio::net::UdpSocket,
    state: UdpSocketState,
    local: SocketAddr,
}

impl UdpSocket {
    /// Binds `address`; `[::]` becomes `0.0.0.0` where the machine has no IPv6.
    pub(super) fn bind(address: SocketAddr) -> io::Result<Self> {
        let any_ipv6 = address.is_ipv6() && address.ip().is_unspecified();
        let socket = open(address).or_else(|error| {
            if any_ipv6 && error.kind() != io::ErrorKind::AddrInUse {
                open(SocketAddr::new(
                    Ipv4Addr::UNSPECIFIED.into(),
                    address.port(),
                ))
                .map_err(|_| error)
            } else {
                Err(error)
            }
        })?;
        let socket = tokio::net::UdpSocket::from_std(socket.into())?;
        let local = socket.local_addr()?;
        Ok(Self {
            socket,
            state: segmentation(local)?,
            local,
        })
    }

    /// A socket that sends to groups on `interface`, from any port of `source`; what it sends
    /// is forwarded by `ttl` networks less one, and heard on this host as well.
    pub(super) fn for_groups(source: IpAddr, interface: &Interface, ttl: u8) -> io::Result<Self> {
        let ipv6 = source.is_ipv6();
        let socket = Self::bind(SocketAddr::new(source, 0))?;
        let options = SockRef::from(&socket.socket);
        interface.choose(&options, ipv6)?;
        if ipv6 {
            options.set_multicast_hops_v6(ttl.into())?;
            options.set_multicast_loop_v6(true)?;
        } else {
            options.set_multicast_ttl_v4(ttl.into())?;
            options.set_multicast_loop_v4(true)?;
        }
        Ok(socket)
    }

    /// The bound address, with the real port.
    pub(super) fn local(&self) -> SocketAddr {
        self.local
    }

    /// Whether the system can cut a run into datagrams by itself.
    pub(super) fn can_segment(&self) -> bool {
        self.state.max_gso_segments() > 1
    }

    /// How many segments of `size` bytes one call of [`send_segments`](Self::send_segments) takes.
    fn segments_of(size: usize) -> usize {
        (LONGEST_RUN / size.max(1)).clamp(1, 64)
    }

    /// Sends one datagram without waiting.
    ///
    /// Without a source address it takes the plain system call, which is a
    /// tenth cheaper than the one with control data.
    pub(super) fn send(&self, route: Route, datagram: &[u8]) -> io::Result<()> {
        if route.source.is_some() {
            return self.transmit(route, datagram, None);
        }
        let to = self.destination(route.to).into();
        SockRef::from(&self.socket).send_to(datagram, &to).map(drop)
    }

    /// Sends `datagrams` cut into pieces of `segment` bytes, in one system call, without waiting.
    fn send_segments(&self, route: Route, datagrams: &[u8], segment: usize) -> io::Result<()> {
        self.transmit(route, datagrams, Some(segment))
    }

    /// Sends a run of packets that lie one behind the other, each `segment` bytes
    /// long, the last one at most, without waiting; answers how many were sent.
    ///
    /// Takes one system call for up to 64 of them as long as `segmented` says
    /// that the way takes that, and makes it say otherwise when it does not.
    pub(super) fn send_run(
        &self,
        route: Route,
        packets: &[u8],
        segment: usize,
        segmented: &AtomicBool,
    ) -> usize {
        let segment = segment.max(1);
        let parts = packets.chunks(Self::segments_of(segment) * segment);
        parts
            .map(|part| self.send_part(route, part, segment, segmented))
            .sum()
    }

    fn send_part(
        &self,
        route: Route,
        packets: &[u8],
        segment: usize,
        segmented: &AtomicBool,
    ) -> usize {
        let count = packets.len().div_ceil(segment);
        if count > 1 && segmented.load(Relaxed) {
            match self.send_segments(route, packets, segment) {
                Ok(()) => return count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return 0,
                // The way takes no runs: packets are fragmented on it, or its
                // network card cannot cut them.
                Err(_) => segmented.store(false, Relaxed),
            }
        }
        let singles = packets.chunks(segment);
        singles
            .filter(|packet| self.send(route, packet).is_ok())
            .count()
    }

    fn transmit(&self, route: Route, contents: &[u8], segment: Option<usize>) -> io::Result<()> {
        let transmit = Transmit {
            destination: self.destination(route.to),
            ecn: None,
            contents,
            segment_size: segment,
            src_ip: route.source,
        };
        self.state.try_send((&self.socket).into(), &transmit)
    }

    /// IPv4 addresses in the form that an IPv6 socket wants.
    fn destination(&self, to: SocketAddr) -> SocketAddr {
        match to.ip() {
            IpAddr::V4(ip) if self.local.is_ipv6() => {
                SocketAddr::new(ip.to_ipv6_mapped().into(), to.port())
            }
            _ => to,
        }
    }

    /// Waits until there may be something to receive. Cancel safe.
    pub(super) async fn readable(&self) -> io::Result<()> {
        self.socket.readable().await
    }

    /// Hands a batch of what has arrived to `each`, with its sender's address in
    /// IPv4 form where it is one; `WouldBlock` when there is nothing.
    ///
    /// Datagrams that do not fit the buffer are left out.
    pub(super) fn receive(
        &self,
        buffer: &mut ReceiveBuffer,
        mut each: impl FnMut(SocketAddr, &[u8]),
    ) -> io::Result<()> {
        let mut metas = [RecvMeta::default(); BATCH];
        let count = self.socket.try_io(Interest::READABLE, || {
            let mut slots = buffer.slots();
            let mut slices: [IoSliceMut<'_>; BATCH] =
                std::array::from_fn(|_| IoSliceMut::new(slots.next().unwrap_or_default()));
            self.state
                .recv((&self.socket).into(), &mut slices, &mut metas)
        })?;
        for (datagram, meta) in buffer.slots().zip(&metas).take(count) {
            // A datagram that fills its slot has lost its end.
            if meta.len < datagram.len() {
                each(canonical(meta.addr), &datagram[..meta.len]);
            }
        }
        Ok(())
    }
}

/// Where received datagrams are put. Of its slots only the part is ever touched that datagrams have filled.
pub(super) struct ReceiveBuffer(Vec<u8>);

impl ReceiveBuffer {
    pub(super) fn new() -> Self {
        Self(vec![0; BATCH * SLOT])
    }

    fn slots(&mut self) -> ChunksExactMut<'_, u8> {
        self.0.chunks_exact_mut(SLOT)
    }
}

/// Bytes that are kept for a datagram: one more than it may have, which tells one that has been cut.
pub(super) const SLOT: usize = LONGEST_DATAGRAM + 1;

fn open(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::DGRAM,
        Some(Protocol::UDP),
    )?;
    if address.is_ipv6() {
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    socket.set_nonblocking(true)?;
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

/// What the system can do with sockets like the one bound to `address`.
///
/// Asked with a socket of its own, because asking also sets options for QUIC:
/// no fragmentation, while a hinted movie's packets may well be larger than the
/// path takes.
fn segmentation(address: SocketAddr) -> io::Result<UdpSocketState> {
    let domain = Domain::for_address(address);
    let spare = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    UdpSocketState::new((&spare).into())
}
