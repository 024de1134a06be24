//! Publishing to a server: a description announced, its tracks set up as ways out (RFC 2326, 10.3 and 10.11).

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::address::Address;
use super::connection::Connection;
use super::reading::{interleaved, malformed, transport};
use super::{Error, Way};
use crate::base::clock::Clock;
use crate::net::host::Host;
use crate::net::outlet::{PacketOutlet, TrackOutlet};
use crate::net::udp_ports::{ClientPorts, Feedback, UdpPorts};
use crate::wire::header::transport::{Lower, Mode, Transport};
use crate::wire::rtsp::Method;

/// A broadcast that the server has accepted.
#[derive(Debug)]
pub struct Publishing {
    connection: Connection,
    url: String,
}

impl Publishing {
    /// Announces `sdp` and sets up its tracks by their control URLs `controls`,
    /// which are absolute; returns a way out for each of them.
    ///
    /// # Errors
    /// [`Error`] with what the server, or the network, refused.
    pub async fn open(
        address: &Address,
        way: Way,
        sdp: String,
        controls: &[String],
        clock: Clock,
    ) -> Result<(Self, Vec<TrackOutlet>), Error> {
        let mut connection = Connection::open(address, way).await?;
        let kind = [("Content-Type", "application/sdp")];
        connection
            .ask(Method::Announce, &address.url, &kind, sdp.into())
            .await?;
        let mut outlets = Vec::new();
        for (index, control) in controls.iter().enumerate() {
            let outlet = match way {
                Way::Tcp | Way::Http => by_channel(&mut connection, control, index).await?,
                Way::Udp => by_port(&mut connection, control, clock).await?,
            };
            outlets.push(outlet);
        }
        let url = address.url.clone();
        Ok((Self { connection, url }, outlets))
    }

    /// Tells the server that packets come now.
    ///
    /// # Errors
    /// [`Error`] with what the server, or the network, refused.
    pub async fn record(&mut self) -> Result<(), Error> {
        let range = [("Range", "npt=0-")];
        self.connection
            .ask(Method::Record, &self.url, &range, Bytes::new())
            .await?;
        Ok(())
    }

    /// Serves the connection for `length`: sends what waits for room in it, and
    /// shows the server that the publisher is still there. Cancel safe.
    ///
    /// # Errors
    /// [`Error::Closed`] when the server ends it.
    pub async fn attend(&mut self, length: Duration) -> Result<(), Error> {
        let sign_of_life = self.connection.session_timeout() / 3;
        let attending = async {
            let mut ticks = tokio::time::interval(sign_of_life.max(Duration::from_secs(1)));
            ticks.tick().await;
            loop {
                tokio::select! {
                    frame = self.connection.frame() => { frame?; }
                    _ = ticks.tick() => self.connection.tell(Method::GetParameter, &self.url)?,
                }
            }
        };
        tokio::time::timeout(length, attending)
            .await
            .unwrap_or(Ok(()))
    }

    /// Ends the broadcast.
    ///
    /// # Errors
    /// [`Error`] when the server does not confirm it.
    pub async fn tear_down(mut self) -> Result<(), Error> {
        self.connection
            .ask(Method::Teardown, &self.url, &[], Bytes::new())
            .await?;
        Ok(())
    }
}

async fn by_channel(
    connection: &mut Connection,
    control: &str,
    index: usize,
) -> Result<TrackOutlet, Error> {
    let offer = Transport {
        mode: Mode::Record,
        ..interleaved(index)
    };
    let answer = transport(connection, control, &offer).await?;
    let pair = answer.interleaved.or(offer.interleaved);
    let (rtp_channel, rtcp_channel) = pair.ok_or_else(|| malformed("no interleaved channels"))?;
    Ok(TrackOutlet::Interleaved {
        outlet: Arc::clone(connection.outlet()),
        rtp_channel,
        rtcp_channel,
    })
}

/// A track over UDP has a pair of ports to itself, for servers tell tracks apart by them.
async fn by_port(
    connection: &mut Connection,
    control: &str,
    clock: Clock,
) -> Result<TrackOutlet, Error> {
    let any: IpAddr = match connection.local().ip() {
        IpAddr::V4(_) => std::net::Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => std::net::Ipv6Addr::UNSPECIFIED.into(),
    };
    let ports = UdpPorts::new(0..=0, any, clock);
    let offer = Transport {
        client_port: Some(ports.open()?),
        mode: Mode::Record,
        ..Transport::unicast(Lower::Udp)
    };
    let answer = transport(connection, control, &offer).await?;
    let (rtp, rtcp) = answer
        .server_port
        .ok_or_else(|| malformed("no server_port"))?;
    let server = ClientPorts {
        host: Host::of(connection.peer()),
        rtp,
        rtcp,
    };
    let lease = ports.claim(server, connection.local().ip(), Arc::new(Unheard))?;
    Ok(TrackOutlet::Packets(PacketOutlet::Client(lease)))
}

/// A server's receiver reports change nothing here.
struct Unheard;

impl Feedback for Unheard {
    fn rtcp(&self, _: &[u8], _: Instant) {}
    fn ssrc(&self) -> u32 {
        0
    }
    fn alive(&self, _: Instant) {}
}
