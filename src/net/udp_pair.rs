//! A pair of UDP server ports, RTP on an even one and RTCP on the next (RFC 3550, 11), with its receiving task.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::task::JoinHandle;
use webrtc_util::Conn;

use super::demux::{Channel, Demux};
use super::udp_port::UdpPort;
use super::udp_socket::{ReceiveBuffer, UdpSocket};
use crate::base::clock::Clock;
use crate::wire::rtcp;

/// How often to look for two free ports in a row when any will do.
const TRIES: usize = 64;

/// Both ports and the clients that share them.
pub(super) struct Ports {
    pub(super) rtp: UdpPort,
    pub(super) rtcp: UdpPort,
    demux: Mutex<Demux>,
    /// Counts what comes from nobody's address.
    strangers: Arc<AtomicU64>,
}

/// An open pair; its receiving task ends with it.
pub(super) struct Pair {
    pub(super) shared: Arc<Ports>,
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
        let (rtp, rtcp) = (UdpPort::Socket(rtp), UdpPort::Socket(rtcp));
        Ok(Self::on(rtp, rtcp, clock, strangers))
    }

    /// Stands on `rtp` and `rtcp`.
    pub(super) fn over(
        rtp: Arc<dyn Conn + Send + Sync>,
        rtcp: Arc<dyn Conn + Send + Sync>,
        clock: Clock,
        strangers: Arc<AtomicU64>,
    ) -> io::Result<Self> {
        let (rtp, rtcp) = (UdpPort::over(rtp)?, UdpPort::over(rtcp)?);
        Ok(Self::on(rtp, rtcp, clock, strangers))
    }

    fn on(rtp: UdpPort, rtcp: UdpPort, clock: Clock, strangers: Arc<AtomicU64>) -> Self {
        let shared = Arc::new(Ports {
            rtp,
            rtcp,
            demux: Mutex::default(),
            strangers,
        });
        let receiver = tokio::spawn(receive(Arc::clone(&shared), clock));
        Self { shared, receiver }
    }

    /// The RTP and the RTCP port.
    pub(super) fn ports(&self) -> (u16, u16) {
        let Ports { rtp, rtcp, .. } = &*self.shared;
        (rtp.local().port(), rtcp.local().port())
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        self.receiver.abort();
    }
}

impl Ports {
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

async fn receive(ports: Arc<Ports>, clock: Clock) {
    let buffer = Mutex::new(ReceiveBuffer::new());
    let deliver = |channel| {
        let ports = &ports;
        move |from, datagram: &[u8]| ports.deliver(channel, from, datagram, clock)
    };
    loop {
        let received = tokio::select! {
            received = ports.rtcp.receive(&buffer, deliver(Channel::Rtcp)) => received,
            received = ports.rtp.receive(&buffer, deliver(Channel::Rtp)) => received,
        };
        if received.is_err() {
            return;
        }
    }
}

impl Ports {
    fn deliver(&self, channel: Channel, from: SocketAddr, datagram: &[u8], clock: Clock) {
        let reported = || match channel {
            Channel::Rtp => Vec::new(),
            Channel::Rtcp => reported_in(datagram),
        };
        let mut demux = self.demux();
        let sender = demux.sender(channel, from, reported).or_else(|| {
            let protected = channel == Channel::Rtcp;
            protected.then(|| demux.author(from, datagram)).flatten()
        });
        drop(demux);
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
