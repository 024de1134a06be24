//! A pair of UDP ports that media arrives on, RTP on the even one and RTCP on the next: the client's side.

use std::io;
use std::net::{IpAddr, SocketAddr};

use super::udp_pair::bind_any;
use super::udp_socket::{ReceiveBuffer, Route, UdpSocket};

/// Both sockets, bound for one track.
#[derive(Debug)]
pub struct ReceivingPorts {
    rtp: UdpSocket,
    rtcp: UdpSocket,
}

/// Where datagrams are put while they are looked at; one will do for many ports.
pub struct Datagrams(ReceiveBuffer);

impl Default for Datagrams {
    fn default() -> Self {
        Self(ReceiveBuffer::new())
    }
}

impl ReceivingPorts {
    /// Binds any two neighbouring ports of `ip`. To be called inside a tokio runtime.
    ///
    /// # Errors
    /// What the system says.
    pub fn bind(ip: IpAddr) -> io::Result<Self> {
        let (rtp, rtcp) = bind_any(ip)?;
        Ok(Self { rtp, rtcp })
    }

    /// The ports of RTP and RTCP.
    pub fn ports(&self) -> (u16, u16) {
        (self.rtp.local().port(), self.rtcp.local().port())
    }

    /// Waits until something may have arrived on either port. Cancel safe.
    ///
    /// # Errors
    /// What the system says.
    pub async fn readable(&self) -> io::Result<()> {
        tokio::select! {
            ready = self.rtp.readable() => ready,
            ready = self.rtcp.readable() => ready,
        }
    }

    /// Hands everything that has arrived to `each`: whether it is RTP, who sent it, and its bytes.
    ///
    /// # Errors
    /// What the system says; an ICMP message of the peer's host among it.
    pub fn receive(
        &self,
        datagrams: &mut Datagrams,
        mut each: impl FnMut(bool, SocketAddr, &[u8]),
    ) -> io::Result<()> {
        for (socket, rtp) in [(&self.rtp, true), (&self.rtcp, false)] {
            loop {
                match socket.receive(&mut datagrams.0, |from, bytes| each(rtp, from, bytes)) {
                    Ok(()) => {}
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    /// Sends one datagram from the RTP port, or else from that of RTCP; what the system does not take is lost.
    pub fn send(&self, rtp: bool, to: SocketAddr, datagram: &[u8]) {
        let socket = if rtp { &self.rtp } else { &self.rtcp };
        let _ = socket.send(Route { to, source: None }, datagram);
    }
}

impl std::fmt::Debug for Datagrams {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Datagrams").finish_non_exhaustive()
    }
}
