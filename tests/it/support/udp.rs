//! A client's pair of UDP ports, and what arrives on them.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::time::timeout;

/// How long the server may take to send.
const PATIENCE: Duration = Duration::from_secs(5);

/// Ports for RTP and RTCP of one track.
pub(crate) struct Ports {
    rtp: UdpSocket,
    rtcp: UdpSocket,
}

impl Ports {
    /// An even port of `ip` and the one after it.
    pub(crate) async fn bind(ip: IpAddr) -> Self {
        loop {
            let rtp = UdpSocket::bind((ip, 0)).await.unwrap();
            let port = rtp.local_addr().unwrap().port();
            if port % 2 == 0
                && let Ok(rtcp) = UdpSocket::bind((ip, port + 1)).await
            {
                return Self { rtp, rtcp };
            }
        }
    }

    /// The Transport header that asks for media on these ports.
    pub(crate) fn transport(&self) -> String {
        let port = self.rtp.local_addr().unwrap().port();
        format!(
            "Transport: RTP/AVP;unicast;client_port={port}-{}\r\n",
            port + 1
        )
    }

    /// The next RTP packet, and where it came from.
    pub(crate) async fn rtp(&self) -> (Vec<u8>, SocketAddr) {
        receive(&self.rtp).await
    }

    /// The next compound RTCP packet, and where it came from.
    pub(crate) async fn rtcp(&self) -> (Vec<u8>, SocketAddr) {
        receive(&self.rtcp).await
    }

    /// Sends an empty receiver report to the server's RTCP port.
    pub(crate) async fn report_to(&self, server: SocketAddr) {
        let report = [0x80, 201, 0, 1, 0, 0, 0, 1];
        self.send_rtcp(&report, server).await;
    }

    /// Sends bytes to the server's RTP port.
    pub(crate) async fn send_rtp(&self, bytes: &[u8], server: SocketAddr) {
        self.rtp.send_to(bytes, server).await.unwrap();
    }

    /// Sends bytes to the server's RTCP port.
    pub(crate) async fn send_rtcp(&self, bytes: &[u8], server: SocketAddr) {
        self.rtcp.send_to(bytes, server).await.unwrap();
    }

    /// Sends what FFmpeg sends to the server's RTP port, and to the next one, so that a NAT lets media in.
    pub(crate) async fn open_nat(&self, server: SocketAddr) {
        let packet = [0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        self.send_rtp(&packet, server).await;
        let report = [0x80, 201, 0, 1, 0, 0, 0, 0];
        let rtcp = SocketAddr::new(server.ip(), server.port() + 1);
        self.rtcp.send_to(&report, rtcp).await.unwrap();
    }

    /// Waits for BYE.
    pub(crate) async fn bye(&self) {
        while !is_bye(&self.rtcp().await.0) {}
    }
}

async fn receive(socket: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut packet = vec![0; 65536];
    let received = timeout(PATIENCE, socket.recv_from(&mut packet)).await;
    let (length, from) = received.expect("a packet in time").unwrap();
    packet.truncate(length);
    (packet, from)
}

/// Whether a compound RTCP packet has a BYE in it.
pub(crate) fn is_bye(mut compound: &[u8]) -> bool {
    while let [_, kind, high, low, ..] = *compound {
        if kind == 203 {
            return true;
        }
        let length = 4 + 4 * usize::from(u16::from_be_bytes([high, low]));
        compound = compound.get(length..).unwrap_or_default();
    }
    false
}
