//! What all RTSP connections share, and the sessions that outlive their connections.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::access::Gate;
use crate::base::clock::Clock;
use crate::base::id::SessionId;
use crate::config::Config;
use crate::log::access::AccessLog;
use crate::media::ending::Ending;
use crate::media::mounts::Mounts;
use crate::media::ring::Start;
use crate::media::sessions::Sessions;
use crate::media::stats::Totals;
use crate::net::fan::Fan;
use crate::net::multicast::Casts;
use crate::net::udp_ports::UdpPorts;
use crate::source::Feeds;
use crate::vod::{Library, Pacer};

use super::party::Party;
use super::tunnel::Tunnels;

/// How often sessions are looked at that may have lost their client.
const EXPIRY_INTERVAL: Duration = Duration::from_secs(1);

/// How long the viewers of a channel that is over have for PAUSE and TEARDOWN. GStreamer
/// sends both when it has shown what it still holds, and takes a refusal for an error.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// What an RTSP service is made of.
pub struct Parts {
    /// The movies.
    pub library: Arc<Library>,
    /// Who may watch them, and the channels.
    pub gate: Arc<Gate>,
    /// What sends the movies' packets.
    pub pacer: Arc<Pacer>,
    /// The live channels.
    pub mounts: Arc<Mounts>,
    /// Those of them that session descriptions tell of.
    pub feeds: Arc<Feeds>,
    /// What sends their packets.
    pub fan: Arc<Fan>,
    /// What sends them to multicast groups.
    pub casts: Arc<Casts>,
    /// Ports for clients that want UDP.
    pub udp_ports: UdpPorts,
    /// The table of sessions that others read.
    pub sessions: Sessions,
    /// Counts of connections and requests.
    pub totals: Arc<Totals>,
    /// The settings.
    pub config: watch::Receiver<Arc<Config>>,
    /// Where ended sessions are noted.
    pub access_log: AccessLog,
    /// The time.
    pub clock: Clock,
}

/// The RTSP service, shared by all its connections.
pub struct Service {
    pub(super) parts: Parts,
    pub(super) tunnels: Arc<Tunnels>,
    parties: Mutex<HashMap<SessionId, Arc<Party>>>,
}

impl Service {
    /// A service without sessions.
    pub fn new(parts: Parts) -> Arc<Self> {
        Arc::new(Self {
            parts,
            tunnels: Arc::default(),
            parties: Mutex::default(),
        })
    }

    /// Ends the sessions whose client is gone, and those that somebody else
    /// ended through the table of sessions, until `stop`; then ends them all.
    ///
    /// To be run once, beside the listeners.
    pub async fn expire_sessions(&self, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(EXPIRY_INTERVAL);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                _ = ticks.tick() => self.expire(),
            }
        }
        for party in self.all() {
            self.end(&party, Ending::Ended).await;
        }
    }

    fn expire(&self) {
        let now = self.parts.clock.now();
        let config = self.config();
        let (timeout, record_wait) = (config.rtsp.session_timeout, config.live.record_wait);
        for party in self.all() {
            if party.takes_leave(now, LAST_WORDS) {
                continue;
            }
            party.watched().takes(party.bit_rate());
            if party.watched().end().is_cancelled() || party.ended().is_some() {
                self.end_if_idle(&party, Ending::Ended);
            } else if now.saturating_duration_since(party.watched().last_seen()) > timeout {
                info!(session = %party.id(), peer = %party.peer(), "nothing came for {timeout:?}");
                self.end_if_idle(&party, Ending::Silent);
            } else if party.is_overdue(now, record_wait) {
                info!(session = %party.id(), peer = %party.peer(), "nothing was recorded for {record_wait:?}");
                self.end_if_idle(&party, Ending::NotRecorded);
            }
        }
    }

    /// Ends a session, unless a request of it is being answered: that may take long, and others wait.
    fn end_if_idle(&self, party: &Party, ending: Ending) {
        let session = party.session().try_lock();
        if session.is_ok_and(|mut session| session.take().is_some()) {
            self.hang_up(party, ending);
        }
    }

    pub(super) fn config(&self) -> Arc<Config> {
        Arc::clone(&self.parts.config.borrow())
    }

    /// Where readers of a channel begin that join now.
    pub(super) fn live_start(&self) -> Start {
        match self.config().live.fast_start {
            true => Start::Keyframe,
            false => Start::Live,
        }
    }

    /// An identifier that no session has.
    pub(super) fn new_id(&self) -> SessionId {
        let parties = self.parties();
        loop {
            let id = SessionId::from_random(rand::random());
            if !parties.contains_key(&id) {
                return id;
            }
        }
    }

    /// Lets a party in.
    pub(super) fn enter(&self, party: &Arc<Party>) {
        self.parties().insert(party.id(), Arc::clone(party));
    }

    pub(super) fn party(&self, id: SessionId) -> Option<Arc<Party>> {
        self.parties().get(&id).cloned()
    }

    /// Ends a session, unless it has ended already.
    pub(super) async fn end(&self, party: &Party, ending: Ending) {
        let session = party.session().lock().await.take();
        if session.is_some() {
            self.hang_up(party, ending);
        }
    }

    fn hang_up(&self, party: &Party, ending: Ending) {
        if let Some(publisher) = party.publisher() {
            publisher.hang_up();
        }
        self.conclude(party, ending);
    }

    /// Says goodbye to a party whose session is over, and notes it in the access log.
    pub(super) fn conclude(&self, party: &Party, ending: Ending) {
        let now = self.parts.clock.now();
        let (reason, status) = (party.ended(), status_of(ending));
        let ending = if party.is_slow() {
            Ending::Slow
        } else {
            ending
        };
        self.parts.totals.ended(ending);
        party.stop(now);
        let open = self.parts.sessions.len();
        self.parties().remove(&party.id());
        party.watched().leave();
        party.over().cancel();
        let entry = party.entry(status, now, self.parts.clock.wall(now), open);
        if party.publisher().is_some() {
            let received = party.watched().counters().snapshot().received_packets;
            info!(session = %party.id(), peer = %party.peer(), status, path = %party.watched().facts().path, packets = received, reason, "publisher gone");
            return;
        }
        info!(session = %party.id(), peer = %party.peer(), status, path = %party.watched().facts().path, packets = entry.packets_sent, reason, "session ended");
        self.parts.access_log.write(entry);
    }

    fn all(&self) -> Vec<Arc<Party>> {
        self.parties().values().cloned().collect()
    }

    pub(super) fn parties(&self) -> MutexGuard<'_, HashMap<SessionId, Arc<Party>>> {
        self.parties.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The status in the access log of a session that ended, as QTSS had it.
fn status_of(ending: Ending) -> u16 {
    match ending {
        Ending::Left => 200,
        Ending::HungUp | Ending::Silent | Ending::NotRecorded => 504,
        Ending::Slow | Ending::Ended => 500,
    }
}
