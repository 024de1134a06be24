//! A pair of UDP server ports, RTP on an even one and RTCP on the next (RFC 3550, 11), with its receiving task.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::task::JoinHandle;
use tracing::debug;

use super::demux::{Channel, Demux};
use super::udp_socket::{ReceiveBuffer, UdpSocket};
use crate::base::clock::Clock;
use crate::wire::rtcp;

/// How often to look for two free ports in a row when any will do.
const TRIES: usize = 64;

/// Both sockets and the clients that share them.
pub(super) struct Sockets {
    pub(super) rtp: UdpSocket,
    pub(super) rtcp: UdpSocket,
    demux: Mutex<Demux>,
    /// Counts what comes from nobody's address.
    strangers: Arc<AtomicU64>,
}

/// An open pair; its receiving task ends with it.
pub(super) struct Pair {
    pub(super) sockets: Arc<Sockets>,
    receiver: JoinHandle<()>,
}

impl Pair {
    /// Binds `port` and the next one on `ip`; port 0 takes any even port.
    pub(super) fn open(
        ip: IpAddr,
        port: u16,
        clock: Clock,
        strangers: Arc<AtomicU64>,
    ) -> io::Result<Self> {
        let (rtp, rtcp) = if port == 0 {
            bind_any(ip)?
        } else {
            bind(ip, port)?
        };
        let sockets = Arc::new(Sockets {
            rtp,
            rtcp,
            demux: Mutex::default(),
            strangers,
        });
        let receiver = tokio::spawn(receive(Arc::clone(&sockets), clock));
        Ok(Self { sockets, receiver })
    }

    /// The RTP and the RTCP port.
    pub(super) fn ports(&self) -> (u16, u16) {
        let Sockets { rtp, rtcp, .. } = &*self.sockets;
        (rtp.local().port(), rtcp.local().port())
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        self.receiver.abort();
    }
}

impl Sockets {
    pub(super) fn demux(&self) -> MutexGuard<'_, Demux> {
        self.demux.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn bind(ip: IpAddr, port: u16) -> io::Result<(UdpSocket, UdpSocket)> {
    let next = port.checked_add(1).ok_or(io::ErrorKind::AddrInUse)?;
    let rtp = UdpSocket::bind(SocketAddr::new(ip, port))?;
    let rtcp = UdpSocket::bind(SocketAddr::new(ip, next))?;
    Ok((rtp, rtcp))
}

pub(super) fn bind_any(ip: IpAddr) -> io::Result<(UdpSocket, UdpSocket)> {
    let mut odd = Vec::new();
    for _ in 0..TRIES {
        let rtp = UdpSocket::bind(SocketAddr::new(ip, 0))?;
        let port = rtp.local().port();
        if port % 2 == 0
            && let Ok(rtcp) = UdpSocket::bind(SocketAddr::new(ip, port + 1))
        {
            return Ok((rtp, rtcp));
        }
        // Held until an even one is found, so that the system offers others.
        odd.push(rtp);
    }
    Err(io::ErrorKind::AddrInUse.into())
}

async fn receive(sockets: Arc<Sockets>, clock: Clock) {
    let mut buffer = ReceiveBuffer::new();
    loop {
        let (ready, channel, socket) = tokio::select! {
            ready = sockets.rtcp.readable() => (ready, Channel::Rtcp, &sockets.rtcp),
            ready = sockets.rtp.readable() => (ready, Channel::Rtp, &sockets.rtp),
        };
        if ready.is_err() {
            return;
        }
        let received = socket.receive(&mut buffer, |from, datagram| {
            sockets.deliver(channel, from, datagram, clock);
        });
        match received {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => {
                debug!(%error, ?channel, "receiving datagrams");
            }
            _ => {}
        }
    }
}

impl Sockets {
    fn deliver(&self, channel: Channel, from: SocketAddr, datagram: &[u8], clock: Clock) {
        let reported = || match channel {
            Channel::Rtp => Vec::new(),
            Channel::Rtcp => reported_in(datagram),
        };
        let sender = self.demux().sender(channel, from, reported);
        let Some(client) = sender else {
            self.strangers.fetch_add(1, Relaxed);
            return;
        };
        match channel {
            Channel::Rtp => client.feedback.rtp(datagram, clock.now()),
            Channel::Rtcp => client.feedback.rtcp(datagram, clock.now()),
        }
    }
}

/// The SSRCs that `datagram` is a reception report on, if it is one.
fn reported_in(datagram: &[u8]) -> Vec<u32> {
    let blocks = rtcp::parse(datagram)
        .into_iter()
        .flatten()
        .flat_map(|packet| match packet {
            rtcp::Feedback::ReceiverReport { blocks, .. }
            | rtcp::Feedback::SenderReport { blocks, .. } => blocks,
            _ => Vec::new(),
        });
    blocks.map(|block| block.ssrc).collect()
}
