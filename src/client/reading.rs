//! Reading a movie or a channel: its description, its tracks set up, and the packets that come.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;

use super::address::Address;
use super::connection::Connection;
use super::{Error, Way};
use crate::media::description::{self, Description};
use crate::net::receiving_ports::{Datagrams, ReceivingPorts};
use crate::wire::header::transport::{Lower, Transport};
use crate::wire::rtsp::{Method, Response};

/// A receiver report without blocks (RFC 3550, 6.4.2): from behind a NAT, it shows the server the way.
const EMPTY_REPORT: [u8; 8] = [0x80, 201, 0, 1, 0, 0, 0, 0];

/// An RTP header without payload, for the same purpose.
const EMPTY_PACKET: [u8; 12] = [0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// A presentation whose tracks are all set up.
#[derive(Debug)]
pub struct Reading {
    connection: Connection,
    url: String,
    description: Description,
    tracks: Vec<Track>,
    datagrams: Datagrams,
}

/// How one track comes.
#[derive(Debug)]
pub struct Track {
    carrier: Carrier,
}

#[derive(Debug)]
enum Carrier {
    Channels(u8, u8),
    Ports(Box<ReceivingPorts>),
}

/// A packet as it arrived.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// The track's place in the description.
    pub track: usize,
    /// RTP, or else RTCP.
    pub rtp: bool,
    /// The packet.
    pub bytes: &'a [u8],
}

impl Reading {
    /// Asks for the description of `address` and sets up all its tracks.
    ///
    /// # Errors
    /// [`Error`] with what the server, or the network, refused.
    pub async fn open(address: &Address, way: Way) -> Result<Self, Error> {
        let mut connection = Connection::open(address, way).await?;
        let accept = [("Accept", "application/sdp")];
        let described = connection
            .ask(Method::Describe, &address.url, &accept, Bytes::new())
            .await?;
        let description = Description::read(&described.body)?;
        let base = base_of(&described, &address.url);
        let mut tracks = Vec::new();
        for (index, track) in description.tracks().iter().enumerate() {
            let control = control_of(&base, track);
            tracks.push(set_up(&mut connection, &control, index, way).await?);
        }
        Ok(Self {
            connection,
            url: address.url.clone(),
            description,
            tracks,
            datagrams: Datagrams::default(),
        })
    }

    /// What the server said of the presentation.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// How long the server keeps the session without a sign of life.
    pub fn timeout(&self) -> Duration {
        self.connection.session_timeout()
    }

    /// Has the packets come, from the start of a movie or from where a channel is.
    ///
    /// # Errors
    /// [`Error`] with what the server, or the network, refused.
    pub async fn play(&mut self) -> Result<(), Error> {
        let range = [("Range", "npt=0-")];
        self.connection
            .ask(Method::Play, &self.url, &range, Bytes::new())
            .await?;
        Ok(())
    }

    /// Waits until packets have arrived and hands them all to `each`. Cancel safe.
    ///
    /// # Errors
    /// [`Error::Closed`] when the server ends the connection, or what the network says.
    pub async fn receive(&mut self, each: impl FnMut(Arrival<'_>)) -> Result<(), Error> {
        if matches!(self.tracks.first(), Some(track) if matches!(track.carrier, Carrier::Ports(_)))
        {
            self.receive_datagrams(each).await
        } else {
            self.receive_frames(each).await
        }
    }

    /// Shows the server that this reader is still there; does not wait for its answer.
    ///
    /// # Errors
    /// [`Error::Closed`] when the connection is.
    pub fn keep_alive(&mut self) -> Result<(), Error> {
        self.connection.tell(Method::GetParameter, &self.url)
    }

    /// Ends the session.
    ///
    /// # Errors
    /// [`Error`] when the server does not confirm it.
    pub async fn tear_down(mut self) -> Result<(), Error> {
        self.connection
            .ask(Method::Teardown, &self.url, &[], Bytes::new())
            .await?;
        Ok(())
    }

    async fn receive_frames(&mut self, mut each: impl FnMut(Arrival<'_>)) -> Result<(), Error> {
        let mut frame = Some(self.connection.frame().await?);
        while let Some(arrived) = frame {
            let of_channel = |track: &Track| match track.carrier {
                Carrier::Channels(rtp, rtcp) => arrived.channel == rtp || arrived.channel == rtcp,
                Carrier::Ports(_) => false,
            };
            if let Some(track) = self.tracks.iter().position(of_channel) {
                let rtp = arrived.channel % 2 == 0;
                each(Arrival {
                    track,
                    rtp,
                    bytes: &arrived.packet,
                });
            }
            frame = self.connection.waiting_frame()?;
        }
        Ok(())
    }

    async fn receive_datagrams(&mut self, mut each: impl FnMut(Arrival<'_>)) -> Result<(), Error> {
        let ports: Vec<_> = self.tracks.iter().filter_map(Track::ports).collect();
        let readable = ports.iter().map(|ports| Box::pin(ports.readable()));
        tokio::select! {
            (ready, ..) = futures::future::select_all(readable) => ready?,
            // Answers to signs of life; or the end.
            frame = self.connection.frame() => return frame.map(drop),
        }
        for (track, ports) in ports.into_iter().enumerate() {
            ports.receive(&mut self.datagrams, |rtp, _, bytes| {
                each(Arrival { track, rtp, bytes });
            })?;
        }
        Ok(())
    }
}

impl Track {
    fn ports(&self) -> Option<&ReceivingPorts> {
        match &self.carrier {
            Carrier::Ports(ports) => Some(ports),
            Carrier::Channels(..) => None,
        }
    }
}

async fn set_up(
    connection: &mut Connection,
    control: &str,
    index: usize,
    way: Way,
) -> Result<Track, Error> {
    let (offer, ports) = match way {
        Way::Tcp | Way::Http => (interleaved(index), None),
        Way::Udp => {
            let ports = ReceivingPorts::bind(connection.local().ip())?;
            let offer = Transport {
                client_port: Some(ports.ports()),
                ..Transport::unicast(Lower::Udp)
            };
            (offer, Some(ports))
        }
    };
    let answer = transport(connection, control, &offer).await?;
    let carrier = match ports {
        None => {
            let pair = answer.interleaved.or(offer.interleaved);
            let (rtp, rtcp) = pair.ok_or_else(|| malformed("no interleaved channels"))?;
            Carrier::Channels(rtp, rtcp)
        }
        Some(ports) => {
            punch(&ports, connection.peer(), answer.server_port);
            Carrier::Ports(Box::new(ports))
        }
    };
    Ok(Track { carrier })
}

/// The transport that a SETUP of `control` with this offer is answered with.
pub(super) async fn transport(
    connection: &mut Connection,
    control: &str,
    offer: &Transport,
) -> Result<Transport, Error> {
    let headers = [("Transport", &*offer.to_string())];
    let response = connection
        .ask(Method::Setup, control, &headers, Bytes::new())
        .await?;
    let answer = response.headers.get("Transport").unwrap_or_default();
    Transport::read(answer).map_err(|invalid| malformed(&invalid.to_string()))
}

/// The offer of the usual channels of a connection's track number `index`.
pub(super) fn interleaved(index: usize) -> Transport {
    let rtp = u8::try_from(2 * index).unwrap_or(u8::MAX - 1);
    Transport {
        interleaved: Some((rtp, rtp + 1)),
        ..Transport::unicast(Lower::Tcp)
    }
}

pub(super) fn malformed(reason: &str) -> Error {
    Error::Malformed(reason.to_owned())
}

fn punch(ports: &ReceivingPorts, server: SocketAddr, server_ports: Option<(u16, u16)>) {
    if let Some((rtp, rtcp)) = server_ports {
        ports.send(true, SocketAddr::new(server.ip(), rtp), &EMPTY_PACKET);
        ports.send(false, SocketAddr::new(server.ip(), rtcp), &EMPTY_REPORT);
    }
}

/// What relative control URLs start from (RFC 2326, C.1.1).
fn base_of(described: &Response, url: &str) -> String {
    let headers = ["Content-Base", "Content-Location"];
    let mut said = headers
        .iter()
        .filter_map(|name| described.headers.get(name));
    said.next().unwrap_or(url).trim().to_owned()
}

fn control_of(base: &str, track: &description::Track) -> String {
    match track.control.as_deref() {
        None | Some("" | "*") => base.to_owned(),
        Some(control) if control.contains("://") => control.to_owned(),
        Some(control) => format!("{}/{control}", base.trim_end_matches('/')),
    }
}
