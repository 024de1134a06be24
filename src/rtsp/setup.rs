//! SETUP: a track, its transport, and the session that it belongs to.

use std::io;
use std::sync::Arc;

use crate::base::id::{SessionId, TrackId};
use crate::media::sessions::{Role, SessionFacts};
use crate::net::host::Host;
use crate::net::outlet::TrackOutlet;
use crate::net::protected::Way;
use crate::net::udp_ports::{ClientPorts, UdpLease};
use crate::wire::header::transport::Transport;

use super::answer::{Done, SetUp};
use super::ask::Setup;
use super::connection::Connection;
use super::content::Content;
use super::party::{Party, UdpFeedback};
use super::protection::Protection;
use super::refusal::Refusal;
use super::subject::Subject;
use super::transport_choice::{Audience, Choice, choose};
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
        let multicast = self.may_go_to_groups(&content).await;
        let terms = self.terms_for(content.path(), track);
        let (offer, audience) = choose(&setup.transports, self.peer().ip(), terms, multicast)?;
        let protection = self.protection(&setup, offer, content.path(), track)?;
        let party = match party {
            Some(party) => Arc::clone(party),
            None => self.new_viewer(id, content, visit, audience, protection.is_some())?,
        };
        let viewer = party.viewer().ok_or_else(not_a_viewer)?;
        let ssrc = viewer.subject().ssrc(track)?;
        let mut transport = answer_to(offer, Some(ssrc));
        match audience {
            Audience::Client(choice) => {
                let outlet = self.outlet_for(
                    choice,
                    &mut transport,
                    (track, ssrc),
                    &party,
                    protection.as_ref(),
                )?;
                viewer.subject().add_track(track, ssrc, outlet)?;
            }
            Audience::Group => self.multicast(&mut transport, track, viewer)?,
        }
        if let Some(pair) = transport.interleaved {
            let opener = protection.as_ref().map(|own| Arc::clone(&own.opener));
            self.channels().take(pair, (party.id(), track), opener);
        }
        let clock = &self.service().parts.clock;
        let now = clock.ntp(clock.now());
        let key_mgmt = protection.map(|own| own.key_mgmt(&setup.target.url, ssrc, now));
        let set_up = SetUp {
            path,
            id: track,
            url: setup.target.url,
            transport: transport.to_string(),
            modified: viewer.subject().modified(),
            options: setup.options,
            dynamic_rate: setup.dynamic_rate.map(|rate| rate.enabled),
            key_mgmt,
        };
        Ok((Done::SetUp(Box::new(set_up)), party))
    }

    /// Whether multicast groups may have it: whoever listens to those is not asked for a password.
    async fn may_go_to_groups(&self, content: &Content) -> bool {
        let parts = &self.service().parts;
        content.is_live() && parts.casts.are_on() && parts.gate.is_open(content.path()).await
    }

    fn new_viewer(
        &self,
        id: SessionId,
        content: Content,
        visit: Visit,
        audience: Audience,
        protected: bool,
    ) -> Result<Arc<Party>, Refusal> {
        let transport = match audience {
            Audience::Client(Choice::Udp { .. }) if protected => "srtp",
            Audience::Client(Choice::Udp { .. }) => "udp",
            Audience::Client(Choice::Interleaved(_)) => self.transport(),
            Audience::Group => "multicast",
        };
        let facts = SessionFacts {
            id,
            role: Role::Viewer,
            path: content.path().clone(),
            peer: visit.peer,
            user_agent: visit.user_agent.clone(),
            transport,
            opened: self.service().parts.clock.now(),
        };
        let watched = self.service().admit(facts, content.bit_rate())?;
        Ok(Viewer::open(watched, content, visit, self.service()))
    }

    fn outlet_for(
        &mut self,
        choice: Choice,
        transport: &mut Transport,
        (track, ssrc): (TrackId, u32),
        party: &Party,
        protection: Option<&Protection>,
    ) -> Result<TrackOutlet, Refusal> {
        let way = match choice {
            Choice::Udp { rtp, rtcp } => {
                Way::Datagrams(self.udp(transport, (rtp, rtcp), ssrc, party, protection)?)
            }
            Choice::Interleaved(asked) => {
                let owner = (party.id(), track);
                let (rtp_channel, rtcp_channel) = self.interleaved(transport, asked, owner)?;
                Way::Frames {
                    connection: Arc::clone(self.outlet()),
                    rtp_channel,
                    rtcp_channel,
                }
            }
        };
        Ok(match protection {
            Some(own) => TrackOutlet::protected_by(&own.key, way),
            None => TrackOutlet::plain(way),
        })
    }

    fn udp(
        &self,
        transport: &mut Transport,
        (rtp, rtcp): (u16, u16),
        ssrc: u32,
        party: &Party,
        protection: Option<&Protection>,
    ) -> Result<UdpLease, Refusal> {
        let client = ClientPorts {
            host: Host::of(self.peer()),
            rtp,
            rtcp,
        };
        let feedback = UdpFeedback {
            watched: Arc::clone(party.watched()),
            ssrc,
            opener: protection.map(|own| Arc::clone(&own.opener)),
        };
        let local = self.local().ip();
        let ports = &self.service().parts.udp_ports;
        let lease = ports
            .claim(client, local, Arc::new(feedback))
            .map_err(|error| refuse_ports(&error))?;
        transport.source = Some(local.to_string());
        transport.server_port = Some(lease.server_ports());
        Ok(lease)
    }

    /// Sets a track up at the channel's group, and says where that is.
    fn multicast(
        &self,
        transport: &mut Transport,
        track: TrackId,
        viewer: &Viewer,
    ) -> Result<(), Refusal> {
        let Subject::Channel(tuner) = viewer.subject() else {
            return Err(Refusal::new(461, "movies are not sent by multicast"));
        };
        let cast = self.service().parts.casts.open(tuner.channel());
        let cast = cast.map_err(|error| Refusal::told(503, error.to_string()))?;
        let ports = tuner.add_group_track(track, &cast)?;
        transport.destination = Some(cast.group().to_string());
        transport.source = cast.is_source_specific().then(|| cast.source().to_string());
        transport.port = Some(ports);
        transport.ttl = Some(cast.ttl());
        transport.client_port = None;
        Ok(())
    }

    fn interleaved(
        &mut self,
        transport: &mut Transport,
        asked: Option<(u8, u8)>,
        owner: (SessionId, TrackId),
    ) -> Result<(u8, u8), Refusal> {
        let pair = self.channels().choose(asked, owner);
        let pair = pair.ok_or_else(|| Refusal::new(461, "no channel is left"))?;
        transport.interleaved = Some(pair);
        Ok(pair)
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
