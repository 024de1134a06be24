//! One of the server's UDP ports: a socket, or webrtc-util's `Conn`, so that whoever shares it runs over simulated networks.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;
use tracing::debug;
use webrtc_util::Conn;

use super::host::canonical;
use super::udp_socket::{ReceiveBuffer, Route, SLOT, UdpSocket};

/// Datagrams that may wait until a `Conn` takes them; more are lost, as in a socket's buffer.
const OUTGOING: usize = 1024;

/// A port, bound.
pub(super) enum UdpPort {
    /// Of this machine.
    Socket(UdpSocket),
    /// Of a simulated network, as a rule.
    Conn(ConnPort),
}

/// A `Conn` that never keeps a sender waiting: a task of its own sends.
pub(super) struct ConnPort {
    conn: Arc<dyn Conn + Send + Sync>,
    local: SocketAddr,
    outgoing: mpsc::Sender<(Vec<u8>, SocketAddr)>,
}

impl UdpPort {
    /// Stands on `conn`. To be called inside a tokio runtime.
    ///
    /// # Errors
    /// What `conn` says when it is asked for its address.
    pub(super) fn over(conn: Arc<dyn Conn + Send + Sync>) -> io::Result<Self> {
        let local = conn.local_addr().map_err(io::Error::other)?;
        let (outgoing, waiting) = mpsc::channel(OUTGOING);
        tokio::spawn(send_all(Arc::clone(&conn), waiting));
        Ok(Self::Conn(ConnPort {
            conn,
            local,
            outgoing,
        }))
    }

    /// The bound address, with the real port.
    pub(super) fn local(&self) -> SocketAddr {
        match self {
            Self::Socket(socket) => socket.local(),
            Self::Conn(port) => port.local,
        }
    }

    /// Whether the system can cut a run into datagrams by itself.
    pub(super) fn can_segment(&self) -> bool {
        matches!(self, Self::Socket(socket) if socket.can_segment())
    }

    /// Sends one datagram without waiting.
    pub(super) fn send(&self, route: Route, datagram: &[u8]) -> io::Result<()> {
        match self {
            Self::Socket(socket) => socket.send(route, datagram),
            Self::Conn(port) => port.send(route, datagram),
        }
    }

    /// As [`UdpSocket::send_run`].
    pub(super) fn send_run(
        &self,
        route: Route,
        packets: &[u8],
        segment: usize,
        segmented: &AtomicBool,
    ) -> usize {
        match self {
            Self::Socket(socket) => socket.send_run(route, packets, segment, segmented),
            Self::Conn(port) => {
                let singles = packets.chunks(segment.max(1));
                singles
                    .filter(|packet| port.send(route, packet).is_ok())
                    .count()
            }
        }
    }

    /// Waits, and hands what has arrived to `each`, with its sender's address in
    /// IPv4 form where it is one. Ports that share a task share its `buffer`. Cancel safe.
    ///
    /// # Errors
    /// That nothing will arrive any more.
    pub(super) async fn receive(
        &self,
        buffer: &Mutex<ReceiveBuffer>,
        mut each: impl FnMut(SocketAddr, &[u8]),
    ) -> io::Result<()> {
        match self {
            Self::Socket(socket) => {
                socket.readable().await?;
                let mut buffer = buffer.lock().unwrap_or_else(PoisonError::into_inner);
                match socket.receive(&mut buffer, each) {
                    // An ICMP message about a client that has gone, as a rule.
                    Err(error) if error.kind() != io::ErrorKind::WouldBlock => {
                        debug!(%error, port = socket.local().port(), "receiving datagrams");
                    }
                    _ => {}
                }
            }
            Self::Conn(port) => {
                let mut slot = vec![0; SLOT];
                let received = port.conn.recv_from(&mut slot).await;
                let (size, from) = received.map_err(io::Error::other)?;
                // As with a socket: a datagram that fills its slot has lost its end.
                if size < slot.len() {
                    each(canonical(from), &slot[..size]);
                }
            }
        }
        Ok(())
    }
}

impl ConnPort {
    fn send(&self, route: Route, datagram: &[u8]) -> io::Result<()> {
        let waiting = self.outgoing.try_send((datagram.to_vec(), route.to));
        waiting.map_err(|_| io::ErrorKind::WouldBlock.into())
    }
}

/// Ends with the port whose datagrams it sends.
async fn send_all(
    conn: Arc<dyn Conn + Send + Sync>,
    mut waiting: mpsc::Receiver<(Vec<u8>, SocketAddr)>,
) {
    while let Some((datagram, to)) = waiting.recv().await {
        if let Err(error) = conn.send_to(&datagram, to).await {
            debug!(%error, %to, "sending a datagram");
        }
    }
}
