//! SETUP: a track, its transport, and the session that it belongs to.

use std::io;
use std::sync::Arc;

use crate::base::id::{SessionId, TrackId};
use crate::net::host::Host;
use crate::net::outlet::TrackOutlet;
use crate::net::udp_ports::ClientPorts;
use crate::wire::header::transport::Transport;

use super::answer::{Done, SetUp};
use super::ask::Setup;
use super::connection::Connection;
use super::content::Content;
use super::party::{Party, UdpFeedback};
use super::refusal::Refusal;
use super::transport_choice::{Choice, choose};
use super::viewer::Viewer;
use super::visit::Visit;

impl Connection {
    /// Sets a track up for `party`, or for a new one with the identifier `id`.
    pub(super) async fn set_up(
        &mut self,
        setup: Setup,
        id: SessionId,
        party: Option<&Arc<Party>>,
        visit: Visit,
    ) -> Result<(Done, Arc<Party>), Refusal> {
        let (content, path, track) = self.service().track_of(&setup.target).await?;
        let (offer, choice) = choose(&setup.transports, self.peer().ip())?;
        let party = match party {
            Some(party) => Arc::clone(party),
            None => self.new_viewer(id, content, visit, choice)?,
        };
        let viewer = party.viewer().ok_or_else(not_a_viewer)?;
        let ssrc = viewer.subject().ssrc(track)?;
        let mut transport = answer_to(offer, Some(ssrc));
        let outlet = match choice {
            Choice::Udp { rtp, rtcp } => self.udp(&mut transport, (rtp, rtcp), ssrc, &party)?,
            Choice::Interleaved(asked) => {
                self.interleaved(&mut transport, asked, (party.id(), track))?
            }
        };
        viewer.subject().add_track(track, ssrc, outlet)?;
        if let Some(pair) = transport.interleaved {
            self.channels().take(pair, (party.id(), track));
        }
        let set_up = SetUp {
            path,
            id: track,
            url: setup.target.url,
            transport: transport.to_string(),
            modified: viewer.subject().modified(),
            options: setup.options,
            dynamic_rate: setup.dynamic_rate.map(|rate| rate.enabled),
        };
        Ok((Done::SetUp(Box::new(set_up)), party))
    }

    fn new_viewer(
        &self,
        id: SessionId,
        content: Content,
        visit: Visit,
        choice: Choice,
    ) -> Result<Arc<Party>, Refusal> {
        self.service().admit(Some(&content))?;
        let transport = match choice {
            Choice::Udp { .. } => "udp",
            Choice::Interleaved(_) => self.transport(),
        };
        Ok(Viewer::open(id, content, visit, transport, self.service()))
    }

    fn udp(
        &self,
        transport: &mut Transport,
        (rtp, rtcp): (u16, u16),
        ssrc: u32,
        party: &Party,
    ) -> Result<TrackOutlet, Refusal> {
        let client = ClientPorts {
            host: Host::of(self.peer()),
            rtp,
            rtcp,
        };
        let feedback = UdpFeedback {
            watched: Arc::clone(party.watched()),
            ssrc,
        };
        let local = self.local().ip();
        let ports = &self.service().parts.udp_ports;
        let lease = ports
            .claim(client, local, Arc::new(feedback))
            .map_err(|error| refuse_ports(&error))?;
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
pub(super) fn answer_to(offer: &Transport, ssrc: Option<u32>) -> Transport {
    Transport {
        ssrc,
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

fn not_a_viewer() -> Refusal {
    Refusal::new(455, "SETUP to receive in a session that sends")
}

/// Why there are no ports for a client.
pub(super) fn refuse_ports(error: &io::Error) -> Refusal {
    use io::ErrorKind::{HostUnreachable, NetworkUnreachable};
    let status = match error.kind() {
        HostUnreachable | NetworkUnreachable => 462,
        _ => 503,
    };
    Refusal::new(status, format!("UDP ports: {error}"))
}
