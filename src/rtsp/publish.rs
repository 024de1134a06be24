//! ANNOUNCE, SETUP to record and RECORD: from what a publisher says to a channel that is fed.

use std::sync::Arc;

use tracing::info;

use crate::base::error::Kind;
use crate::base::id::{SessionId, TrackId};
use crate::base::path::MediaPath;
use crate::media::description::{Description, Unfit};
use crate::media::mounts::{Busy, Takeover};
use crate::net::host::Host;
use crate::net::outlet::PacketOutlet;
use crate::net::protected::Way as WayBack;
use crate::net::udp_ports::ClientPorts;
use crate::wire::header::transport::Transport;
use crate::wire::rtsp::{Method, Request};
use crate::wire::sdp::unsecure;
use crate::wire::srtp::MasterKey;

use super::announcement::{Announcement, index_of};
use super::answer::{Done, SetUpToRecord};
use super::ask::{Announce, Setup};
use super::connection::Connection;
use super::ingest::DatagramIngest;
use super::party::Party;
use super::protection::{Protection, announced_key};
use super::publisher::{Publisher, Way};
use super::refusal::Refusal;
use super::service::Service;
use super::setup;
use super::target::Target;
use super::transport_choice::{Choice, choose_to_record};
use super::visit::Visit;

impl Connection {
    /// Whom a request without a session belongs to that names what was announced on this connection.
    ///
    /// QTSS opened the session with the first SETUP, so broadcasters may not
    /// look for one in the answer to ANNOUNCE.
    pub(super) fn announcer_of(&self, request: &Request) -> Option<Arc<Party>> {
        use Method::{Announce, Pause, Play, Record, Setup, Teardown};
        if !matches!(
            request.method,
            Announce | Setup | Record | Play | Pause | Teardown
        ) {
            return None;
        }
        let target = Target::read(&request.uri, self.entrance()).ok()??;
        let mut parties = self.sessions().filter_map(|id| self.service().party(id));
        parties.find(|party| {
            let publisher = party.publisher();
            publisher.is_some_and(|publisher| publisher.announcement().covers(&target))
        })
    }

    /// Takes an announcement, of `party` if it has announced before, or of a new one with the identifier `id`.
    pub(super) async fn announce(
        &mut self,
        announce: Announce,
        id: SessionId,
        party: Option<&Arc<Party>>,
        visit: Visit,
    ) -> Result<(Done, Option<Arc<Party>>), Refusal> {
        let announcement = self.examine(&announce).await?;
        let done = Done::Announced(Arc::clone(&announcement));
        if let Some(party) = party {
            let publisher = party.publisher().ok_or_else(not_a_publisher)?;
            announce_again(publisher, announcement)?;
            return Ok((done, None));
        }
        let service = self.service();
        let parts = &service.parts;
        parts
            .mounts
            .check(announcement.path(), service.takeover())?;
        let party = Publisher::open(id, announcement, visit, self.transport(), parts);
        if let Some(publisher) = party.publisher() {
            publisher.comes_by(self.outlet());
        }
        Ok((done, Some(party)))
    }

    /// What is announced, if it makes sense.
    async fn examine(&self, announce: &Announce) -> Result<Arc<Announcement>, Refusal> {
        let description = match self.terms().srtp {
            true => Description::read(&unsecure(&announce.sdp))?,
            false => Description::read(&announce.sdp)?,
        };
        self.service()
            .check_name(&announce.target.whole.path)
            .await?;
        Ok(Arc::new(Announcement::new(&announce.target, description)))
    }

    /// Gives the track `id` of `party`'s announcement its way in.
    pub(super) fn set_up_to_record(
        &mut self,
        setup: &Setup,
        id: TrackId,
        party: &Arc<Party>,
    ) -> Result<Done, Refusal> {
        let publisher = party.publisher().ok_or_else(not_a_publisher)?;
        let (offer, choice) = choose_to_record(&setup.transports, self.terms())?;
        let mut transport = setup::answer_to(offer, None);
        let protection = match offer.profile.is_secure() {
            true => Some(protection_of(setup, index_of(id), publisher)?),
            false => None,
        };
        let protection = protection.as_ref();
        let way = match choice {
            Choice::Udp { rtp, rtcp } => self.datagrams(
                &mut transport,
                (rtp, rtcp),
                index_of(id),
                publisher,
                protection,
            )?,
            Choice::Interleaved(asked) => self.frames(
                &mut transport,
                asked,
                (party.id(), id),
                publisher,
                protection,
            )?,
        };
        let ssrc = way.ssrc();
        publisher.add_track(index_of(id), way);
        publisher.comes_by(self.outlet());
        let clock = &self.service().parts.clock;
        let now = clock.ntp(clock.now());
        let url = setup.target.url.clone();
        Ok(Done::SetUpToRecord(SetUpToRecord {
            id,
            key_mgmt: protection.map(|own| own.key_mgmt(&url, ssrc, now)),
            url,
            transport: transport.to_string(),
        }))
    }

    fn datagrams(
        &self,
        transport: &mut Transport,
        (rtp, rtcp): (u16, u16),
        index: usize,
        publisher: &Publisher,
        protection: Option<&Protection>,
    ) -> Result<Way, Refusal> {
        let client = ClientPorts {
            host: Host::of(self.peer()),
            rtp,
            rtcp,
        };
        let ssrc = rand::random();
        let ingest = DatagramIngest {
            ingest: Arc::clone(publisher.ingest()),
            index,
            ssrc,
            opener: protection.map(|own| Arc::clone(&own.opener)),
        };
        let local = self.local().ip();
        let ports = &self.service().parts.udp_ports;
        let lease = ports
            .claim(client, local, Arc::new(ingest))
            .map_err(|error| setup::refuse_ports(&error))?;
        transport.source = Some(local.to_string());
        transport.server_port = Some(lease.server_ports());
        let reports = Arc::new(match protection {
            Some(own) => PacketOutlet::protected_by(&own.key, WayBack::Datagrams(lease)),
            None => PacketOutlet::Client(lease),
        });
        Ok(Way::Datagrams { reports, ssrc })
    }

    fn frames(
        &mut self,
        transport: &mut Transport,
        asked: Option<(u8, u8)>,
        owner: (SessionId, TrackId),
        publisher: &Publisher,
        protection: Option<&Protection>,
    ) -> Result<Way, Refusal> {
        let pair = self.channels().choose(asked, owner);
        let pair = pair.ok_or_else(|| Refusal::new(461, "no channel is left"))?;
        transport.interleaved = Some(pair);
        self.channels().take(pair, owner, None);
        let opener = protection.map(|own| &own.opener);
        self.inflow()
            .open(pair, publisher.ingest(), index_of(owner.1), opener);
        Ok(Way::Frames(Arc::clone(self.outlet())))
    }

    /// Begins to take `party`'s packets.
    pub(super) fn record(&self, party: &Party) -> Result<Done, Refusal> {
        let publisher = party.publisher().ok_or_else(not_a_publisher)?;
        let service = self.service();
        let parts = &service.parts;
        publisher.record(&parts.mounts, service.takeover(), parts.clock)?;
        publisher.comes_by(self.outlet());
        let facts = party.watched().facts();
        info!(session = %facts.id, peer = %facts.peer, path = %facts.path, transport = party.watched().transport(), "publishing");
        Ok(Done::Recording)
    }
}

impl Service {
    /// A channel has a name, and never that of a file: a movie is not to be shadowed.
    async fn check_name(&self, path: &MediaPath) -> Result<(), Refusal> {
        if path.is_root() || path.is_private() {
            return Err(Refusal::told(
                403,
                "a channel needs a name, but not that of an access file or one with a dot in front",
            ));
        }
        let bare = path
            .as_str()
            .strip_suffix(".sdp")
            .and_then(|bare| MediaPath::from_plain(bare).ok());
        for name in [Some(path), bare.as_ref()].into_iter().flatten() {
            if self.is_file(name).await {
                return Err(Refusal::not_for_movies(name));
            }
        }
        Ok(())
    }

    async fn is_file(&self, path: &MediaPath) -> bool {
        match self.parts.library.open(path).await {
            Ok(_) => true,
            Err(error) => error.kind() != Kind::NotFound,
        }
    }

    fn takeover(&self) -> Takeover {
        if self.config().live.takeover {
            Takeover::Replace
        } else {
            Takeover::Refuse
        }
    }
}

/// The keys of a track that comes by SRTP: a new one for the server's reports, and that which the client
/// tells with its SETUP, or has told with its description.
fn protection_of(
    setup: &Setup,
    index: usize,
    publisher: &Publisher,
) -> Result<Protection, Refusal> {
    let announcement = publisher.announcement();
    let announced = || {
        let medias = &announcement.description().session().medias;
        medias.get(index).and_then(announced_key)
    };
    let told = setup.told_key()?.or_else(announced);
    if told.is_none() {
        return Err(Refusal::told(400, "SETUP by SRTP without a key (KeyMgmt)"));
    }
    Protection::new(MasterKey::new(rand::random()), told)
}

/// New format parameters while it records reach the readers; other tracks need another session.
fn announce_again(publisher: &Publisher, announcement: Arc<Announcement>) -> Result<(), Refusal> {
    let before = publisher.announcement();
    if publisher.has_tracks() && !before.description().fits(announcement.description()) {
        return Err(Unfit::OtherTracks.into());
    }
    let description = announcement.description().clone();
    let described = publisher
        .ingest()
        .with(|intake| intake.publisher().describe(description));
    described.unwrap_or(Ok(()))?;
    publisher.describe(announcement);
    Ok(())
}

impl From<Unfit> for Refusal {
    fn from(unfit: Unfit) -> Self {
        let status = match unfit {
            Unfit::TooLong => 413,
            Unfit::OtherTracks => 455,
            _ => 400,
        };
        Self::told(status, unfit.to_string())
    }
}

/// 412 for a name that is taken, as QTSS answered a second broadcaster.
impl From<Busy> for Refusal {
    fn from(busy: Busy) -> Self {
        let status = match busy {
            Busy::Full { .. } | Busy::Stopped => 503,
            Busy::Publishing { .. } | Busy::Reserved { .. } | Busy::Group => 412,
        };
        Self::told(status, busy.to_string())
    }
}

fn not_a_publisher() -> Refusal {
    Refusal::new(455, "the session receives, it does not publish")
}
