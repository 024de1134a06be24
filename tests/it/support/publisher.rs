//! A publisher that sends what the test wants, packet by packet, in all ways that RTSP has.

use std::net::SocketAddr;

use tokio::net::UdpSocket;

use super::client::{Client, header, status};

/// What it announces, unless the test says otherwise: H.264 and G.711.
pub(crate) const SDP: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=test\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
    m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:streamid=0\r\n\
    m=audio 0 RTP/AVP 0\r\na=control:streamid=1\r\n";

/// A client that publishes. Its tracks are 0 and 1.
pub(crate) struct Publisher {
    pub(crate) client: Client,
    pub(crate) url: String,
    /// The line that names its session.
    pub(crate) session: String,
    /// Of each track over UDP its sockets and the server's port for RTP; empty over TCP.
    pub(crate) udp: Vec<(UdpSocket, UdpSocket, SocketAddr)>,
}

impl Publisher {
    /// Announces [`SDP`] as `name`.
    pub(crate) async fn announce(server: SocketAddr, name: &str) -> Self {
        let mut client = Client::connect(server).await;
        let url = format!("rtsp://{server}/{name}");
        let answer = announce(&mut client, &url, SDP).await;
        assert_eq!(status(&answer), 200, "{answer}");
        let session = header(&answer, "Session").unwrap();
        let session = format!("Session: {}\r\n", session.split(';').next().unwrap());
        Self {
            client,
            url,
            session,
            udp: Vec::new(),
        }
    }

    /// Publishes as `name` with interleaved frames: RTP of track `n` on channel `2n`.
    pub(crate) async fn over_tcp(server: SocketAddr, name: &str) -> Self {
        let mut publisher = Self::announce(server, name).await;
        for track in 0..2 {
            let pair = format!("{}-{}", 2 * track, 2 * track + 1);
            let transport = format!("RTP/AVP/TCP;unicast;interleaved={pair};mode=record");
            let answer = publisher.set_up(track, &transport).await;
            assert!(answer.contains(&format!("interleaved={pair}")), "{answer}");
        }
        publisher.record().await;
        publisher
    }

    /// Publishes as `name` with datagrams.
    pub(crate) async fn over_udp(server: SocketAddr, name: &str) -> Self {
        let mut publisher = Self::announce(server, name).await;
        for track in 0..2 {
            let rtp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            let rtcp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            let ports = [&rtp, &rtcp].map(|socket| socket.local_addr().unwrap().port());
            let transport = format!(
                "RTP/AVP/UDP;unicast;client_port={}-{};mode=record",
                ports[0], ports[1]
            );
            let answer = publisher.set_up(track, &transport).await;
            let (_, port) = answer.split_once("server_port=").unwrap();
            let port: u16 = port.split('-').next().unwrap().parse().unwrap();
            publisher.udp.push((rtp, rtcp, (server.ip(), port).into()));
        }
        publisher.record().await;
        publisher
    }

    pub(crate) async fn set_up(&mut self, track: usize, transport: &str) -> String {
        let control = format!("{}/streamid={track}", self.url);
        let headers = format!("Transport: {transport}\r\n{}", self.session);
        let answer = self.client.ask("SETUP", &control, &headers).await;
        assert_eq!(status(&answer), 200, "{answer}");
        answer
    }

    pub(crate) async fn record(&mut self) {
        let answer = self.client.ask("RECORD", &self.url, &self.session).await;
        assert_eq!(status(&answer), 200, "{answer}");
    }

    /// Sends a packet of a track.
    pub(crate) async fn send(&mut self, track: usize, packet: &[u8]) {
        match self.udp.get(track) {
            Some((rtp, _, to)) => {
                rtp.send_to(packet, to).await.unwrap();
            }
            None => self.client.send(&frame(2 * track as u8, packet)).await,
        }
    }

    pub(crate) async fn tear_down(mut self) {
        let ended = self.client.status_of("TEARDOWN", &self.url, &self.session);
        assert_eq!(ended.await, 200);
    }
}

/// Sends an ANNOUNCE and returns the answer.
pub(crate) async fn announce(client: &mut Client, url: &str, sdp: &str) -> String {
    let length = sdp.len();
    let headers = format!("Content-Type: application/sdp\r\nContent-Length: {length}\r\n\r\n{sdp}");
    // `ask` ends the head with a blank line, which ends the body here and means nothing.
    client.ask("ANNOUNCE", url, &headers).await
}

/// An interleaved frame.
pub(crate) fn frame(channel: u8, packet: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(packet.len()).unwrap().to_be_bytes();
    [&[b'$', channel, high, low], packet].concat()
}

/// An RTP packet of the H.264 track that holds a whole key picture of `length` bytes.
pub(crate) fn picture(sequence: u16, length: usize) -> Vec<u8> {
    let mut packet = rtp(96, true, sequence, u32::from(sequence) * 3000, 0x1234_5678);
    packet.push(0x65);
    packet.resize(12 + length, sequence as u8);
    packet
}

/// An RTP packet of the G.711 track: 20 ms.
pub(crate) fn sound(sequence: u16) -> Vec<u8> {
    let mut packet = rtp(0, false, sequence, u32::from(sequence) * 160, 0x9abc_def0);
    packet.resize(12 + 160, sequence as u8);
    packet
}

/// An RTP header.
pub(crate) fn rtp(payload_type: u8, marker: bool, sequence: u16, time: u32, ssrc: u32) -> Vec<u8> {
    let mut packet = vec![0x80, payload_type | u8::from(marker) << 7];
    packet.extend(sequence.to_be_bytes());
    packet.extend(time.to_be_bytes());
    packet.extend(ssrc.to_be_bytes());
    packet
}
