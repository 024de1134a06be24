//! SETUP: a track, its transport, and the session that it belongs to.

use std::io;
use std::sync::Arc;

use crate::base::id::{SessionId, TrackId};
use crate::net::host::Host;
use crate::net::outlet::TrackOutlet;
use crate::net::udp_ports::ClientPorts;
use crate::vod::Movie;
use crate::wire::header::transport::Transport;

use super::answer::{Done, SetUp};
use super::ask::Setup;
use super::connection::Connection;
use super::refusal::Refusal;
use super::transport_choice::{Choice, choose};
use super::viewer::{UdpFeedback, Viewer};
use super::visit::Visit;

impl Connection {
    /// Sets a track up for `viewer`, or for a new one with the identifier `id`.
    pub(super) async fn set_up(
        &mut self,
        setup: Setup,
        id: SessionId,
        viewer: Option<&Arc<Viewer>>,
        visit: Visit,
    ) -> Result<(Done, Arc<Viewer>), Refusal> {
        let (movie, track) = self.service().track_of(&setup.target).await?;
        let (offer, choice) = choose(&setup.transports, self.peer().ip())?;
        let viewer = match viewer {
            Some(viewer) => Arc::clone(viewer),
            None => self.new_viewer(id, movie, visit, choice)?,
        };
        let ssrc = rand::random();
        let mut transport = answer_to(offer, ssrc);
        let outlet = match choice {
            Choice::Udp { rtp, rtcp } => self.udp(&mut transport, (rtp, rtcp), ssrc, &viewer)?,
            Choice::Interleaved(asked) => {
                self.interleaved(&mut transport, asked, (viewer.id(), track))?
            }
        };
        viewer.add_track(track, ssrc, outlet)?;
        if let Some(pair) = transport.interleaved {
            self.channels().take(pair, (viewer.id(), track));
        }
        let set_up = SetUp {
            path: viewer.movie().path().clone(),
            id: track,
            url: setup.target.url,
            transport: transport.to_string(),
            modified: viewer.movie().modified(),
            options: setup.options,
            dynamic_rate: setup.dynamic_rate.map(|rate| rate.enabled),
        };
        Ok((Done::SetUp(Box::new(set_up)), viewer))
    }

    fn new_viewer(
        &self,
        id: SessionId,
        movie: Arc<Movie>,
        visit: Visit,
        choice: Choice,
    ) -> Result<Arc<Viewer>, Refusal> {
        self.service().admit(Some(&movie))?;
        let transport = match choice {
            Choice::Udp { .. } => "udp",
            Choice::Interleaved(_) => self.transport(),
        };
        Ok(Viewer::new(
            id,
            movie,
            visit,
            transport,
            &self.service().parts,
        ))
    }

    fn udp(
        &self,
        transport: &mut Transport,
        (rtp, rtcp): (u16, u16),
        ssrc: u32,
        viewer: &Viewer,
    ) -> Result<TrackOutlet, Refusal> {
        let client = ClientPorts {
            host: Host::of(self.peer()),
            rtp,
            rtcp,
        };
        let feedback = UdpFeedback {
            watched: Arc::clone(viewer.watched()),
            ssrc,
        };
        let local = self.local().ip();
        let ports = &self.service().parts.udp_ports;
        let lease = ports
            .claim(client, local, Arc::new(feedback))
            .map_err(|error| refuse(&error))?;
        transport.source = Some(local.to_string());
        transport.server_port = Some(lease.server_ports());
        Ok(TrackOutlet::Udp(lease))
    }

    fn interleaved(
        &mut self,
        transport: &mut Transport,
        asked: Option<(u8, u8)>,
        owner: (SessionId, TrackId),
    ) -> Result<TrackOutlet, Refusal> {
        let pair = self.channels().choose(asked, owner);
        let (rtp_channel, rtcp_channel) =
            pair.ok_or_else(|| Refusal::new(461, "no channel is left"))?;
        transport.interleaved = Some((rtp_channel, rtcp_channel));
        Ok(TrackOutlet::Interleaved {
            outlet: Arc::clone(self.outlet()),
            rtp_channel,
            rtcp_channel,
        })
    }
}

/// The offer as it is accepted: echoed, without what only the client may wish for.
fn answer_to(offer: &Transport, ssrc: u32) -> Transport {
    Transport {
        ssrc: Some(ssrc),
        destination: None,
        source: None,
        ttl: None,
        port: None,
        interleaved: None,
        append: false,
        others: Vec::new(),
        ..offer.clone()
    }
}

fn refuse(error: &io::Error) -> Refusal {
    use io::ErrorKind::{HostUnreachable, NetworkUnreachable};
    let status = match error.kind() {
        HostUnreachable | NetworkUnreachable => 462,
        _ => 503,
    };
    Refusal::new(status, format!("UDP ports: {error}"))
}
