//! Who watches by HLS: requests have no session, so those of one client for one channel or movie make one.
//!
//! A client is an address, what it calls itself, the user that it has logged in as and the playback that it
//! names. Viewers behind one NAT that are alike in all of that count as one.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::time::interval;
use tracing::info;

use super::playback::Playback;
use super::watched::Watched;
use crate::base::clock::Clock;
use crate::base::id::SessionId;
use crate::codec::Kind;
use crate::config::Config;
use crate::log::access::{AccessLog, Entry};
use crate::media::room::Full;
use crate::media::sessions::{Role, Session, SessionFacts, Sessions};

/// A viewer that has asked for nothing for so many target durations is gone.
const SILENCE: u32 = 3;

/// But none is gone before that.
const LEAST_SILENCE: Duration = Duration::from_secs(10);

/// How often that is looked for.
const TICK: Duration = Duration::from_secs(1);

/// The most bytes that are kept of what a client calls itself.
const MAX_AGENT: usize = 256;

/// The most sessions of one address; clients beyond that are one.
const MAX_OF_ADDRESS: usize = 256;

/// All viewers by HLS.
#[derive(Debug)]
pub struct Viewers {
    table: Mutex<Table>,
    sessions: Sessions,
    access_log: AccessLog,
    settings: watch::Receiver<Arc<Config>>,
    clock: Clock,
}

/// By their address: those of one address are few, and told apart by what they watch and tell of themselves.
type Table = HashMap<IpAddr, Vec<Viewer>>;

#[derive(Debug)]
struct Viewer {
    session: Arc<Session>,
    watched: Watched,
    /// The user that it has logged in as; empty when it has not.
    user: String,
    playback: Option<Playback>,
    first: First,
    patience: Duration,
    /// What the access log calls it.
    protocol: &'static str,
}

impl Viewer {
    /// Whether it may be who watches this and tells that of itself. Players do not name their playback in
    /// every request; those that do not are of any of theirs.
    fn is(&self, watched: &Watched, identity: Identity<'_>) -> bool {
        let facts = self.session.facts();
        facts.user_agent == identity.agent
            && facts.path == *watched.path()
            && self.user == identity.user
            && (identity.playback.is_none() || self.playback == identity.playback)
    }
}

/// What tells the clients of one address apart.
#[derive(Clone, Copy)]
struct Identity<'a> {
    agent: &'a str,
    user: &'a str,
    playback: Option<Playback>,
}

impl Identity<'_> {
    /// That of all who are too many for one address.
    const NONE: Self = Self {
        agent: "",
        user: "",
        playback: None,
    };
}

/// What is kept of what a client calls itself.
fn kept(agent: &str) -> &str {
    &agent[..agent.floor_char_boundary(MAX_AGENT)]
}

/// A viewer whose one request lasts as long as it watches: its session ends when this is dropped.
#[derive(Debug)]
pub struct Stay {
    viewer: Viewer,
    viewers: Arc<Viewers>,
}

impl Stay {
    /// The session.
    pub fn session(&self) -> &Arc<Session> {
        &self.viewer.session
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        self.viewer.session.touch(self.viewers.clock.now());
        self.viewers.log(&self.viewer);
    }
}

/// What the access log tells of a viewer's first request.
#[derive(Clone, Debug)]
struct First {
    host: String,
    url: String,
    server: IpAddr,
}

/// A request for anything of a channel or movie.
#[derive(Clone, Copy, Debug)]
pub struct Visit<'a> {
    /// The client's address.
    pub peer: SocketAddr,
    /// The server's address that it reached.
    pub local: SocketAddr,
    /// What it calls itself.
    pub user_agent: &'a str,
    /// The user that it has logged in as; empty when it has not.
    pub user: &'a str,
    /// The playback that it names.
    pub playback: Option<Playback>,
    /// The host that it asked for.
    pub host: &'a str,
    /// The path that it asked for.
    pub url: &'a str,
}

impl<'a> Visit<'a> {
    fn identity(self) -> Identity<'a> {
        Identity {
            agent: kept(self.user_agent),
            user: self.user,
            playback: self.playback,
        }
    }
}

impl Viewers {
    /// Nobody yet; sessions are entered into `sessions`, and into the log when they are over.
    pub fn new(
        sessions: Sessions,
        access_log: AccessLog,
        settings: watch::Receiver<Arc<Config>>,
        clock: Clock,
    ) -> Self {
        Self {
            table: Mutex::default(),
            sessions,
            access_log,
            settings,
            clock,
        }
    }

    /// The session that a request belongs to, opened if there is room for it; `target` is the
    /// target duration of what is asked for.
    ///
    /// # Errors
    /// [`Full`] when a limit of the settings is reached.
    pub fn enter(
        &self,
        watched: &Watched,
        visit: Visit<'_>,
        target: Duration,
    ) -> Result<Arc<Session>, Full> {
        let address = visit.peer.ip();
        let mut table = self.table();
        let here = table.get(&address).map_or(&[][..], Vec::as_slice);
        let known = |identity| here.iter().find(|viewer| viewer.is(watched, identity));
        let identity = match visit.identity() {
            unknown if here.len() >= MAX_OF_ADDRESS && known(unknown).is_none() => Identity::NONE,
            identity => identity,
        };
        if let Some(viewer) = known(identity) {
            viewer.session.touch(self.clock.now());
            return Ok(Arc::clone(&viewer.session));
        }
        let viewer = Viewer {
            patience: (SILENCE * target).max(LEAST_SILENCE),
            ..self.admit(watched, identity, visit, "hls")?
        };
        let session = Arc::clone(&viewer.session);
        table.entry(address).or_default().push(viewer);
        Ok(session)
    }

    /// The session of a request that lasts as long as its client watches, if there is room for it.
    ///
    /// # Errors
    /// [`Full`] when a limit of the settings is reached.
    pub fn stay(self: &Arc<Self>, watched: &Watched, visit: Visit<'_>) -> Result<Stay, Full> {
        Ok(Stay {
            viewer: Viewer {
                protocol: "HTTP",
                ..self.admit(watched, visit.identity(), visit, "stream")?
            },
            viewers: Arc::clone(self),
        })
    }

    /// Opens a session if there is room for it.
    fn admit(
        &self,
        watched: &Watched,
        identity: Identity<'_>,
        visit: Visit<'_>,
        transport: &'static str,
    ) -> Result<Viewer, Full> {
        let limits = self.settings.borrow().limits.of_viewers();
        let id = SessionId::from_random(rand::random());
        let (path, peer) = (watched.path(), visit.peer);
        let facts = SessionFacts {
            id,
            role: Role::Viewer,
            path: path.clone(),
            peer,
            user_agent: identity.agent.to_owned(),
            transport,
            opened: self.clock.now(),
        };
        let session = self.sessions.admit(facts, watched.bit_rate(), &limits)?;
        info!(session = %id, %peer, %path, transport, "a viewer by HTTP");
        Ok(Viewer {
            session,
            watched: watched.clone(),
            user: identity.user.to_owned(),
            playback: identity.playback,
            first: First {
                host: visit.host.to_owned(),
                url: visit.url.to_owned(),
                server: visit.local.ip(),
            },
            patience: LEAST_SILENCE,
            protocol: "HLS",
        })
    }

    /// Ends the sessions of those who are gone, for as long as it is polled.
    pub async fn watch(&self) {
        let mut ticks = interval(TICK);
        loop {
            ticks.tick().await;
            self.expire(self.clock.now());
        }
    }

    /// Ends the sessions of those who are gone at `now`.
    fn expire(&self, now: Instant) {
        let gone = |viewer: &mut Viewer| {
            viewer.session.takes(viewer.watched.bit_rate());
            let silence = now.saturating_duration_since(viewer.session.last_seen());
            // Others hold the session while they send to it.
            let is_idle = Arc::strong_count(&viewer.session) == 1;
            is_idle && silence >= viewer.patience || viewer.session.end().is_cancelled()
        };
        let mut table = self.table();
        for viewers in table.values_mut() {
            let gone = viewers.extract_if(.., gone);
            gone.for_each(|viewer| self.log(&viewer));
        }
        table.retain(|_, viewers| !viewers.is_empty());
    }

    /// Ends all sessions.
    pub fn stop(&self) {
        let mut table = self.table();
        let viewers = table.drain().flat_map(|(_, viewers)| viewers);
        viewers.for_each(|viewer| self.log(&viewer));
    }

    fn log(&self, viewer: &Viewer) {
        let session = &viewer.session;
        session.leave();
        let facts = session.facts();
        let ended = session.last_seen();
        let counts = session.counters().snapshot();
        info!(session = %facts.id, peer = %facts.peer, path = %facts.path, bytes = counts.bytes, "a viewer by HTTP is gone");
        let watched = &viewer.watched;
        self.access_log.write(Entry {
            client: facts.peer.ip(),
            ended: self.clock.wall(ended),
            host: viewer.first.host.clone(),
            path: viewer.first.url.clone(),
            query: String::new(),
            start_delay: None,
            duration: ended.saturating_duration_since(facts.opened),
            status: 200,
            user_agent: facts.user_agent.clone(),
            movie_duration: watched.duration(),
            movie_size: watched.size(),
            bit_rate: watched.bit_rate(),
            protocol: viewer.protocol,
            transport: "TCP",
            audio_codec: watched.encoding(Kind::Audio),
            video_codec: watched.encoding(Kind::Video),
            bytes_sent: counts.bytes,
            bytes_received: 0,
            packets_sent: 0,
            packets_lost: 0,
            buffer_time: Duration::ZERO,
            server: viewer.first.server,
            sessions: u32::try_from(self.sessions.len()).unwrap_or(u32::MAX),
            user: viewer.user.clone(),
            realm: String::new(),
        });
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::path::MediaPath;
    use crate::media::mounts::{Limits, Mounts};

    struct Place {
        viewers: Viewers,
        watched: Watched,
        settings: watch::Sender<Arc<Config>>,
    }

    impl Place {
        fn new() -> Self {
            let clock = Clock::start();
            let mounts = Mounts::new(Limits::default(), clock);
            let path = MediaPath::from_plain("live").unwrap();
            let reservation = mounts.reserve(&path, String::new()).unwrap();
            let channel = mounts.open(&path).unwrap();
            drop(reservation);
            let (settings, config) = watch::channel(Arc::new(Config::default()));
            let log = AccessLog::disabled();
            Self {
                viewers: Viewers::new(Sessions::new(), log, config, clock),
                watched: Watched::Channel(channel),
                settings,
            }
        }

        fn enter(&self, peer: &str, agent: &str) -> Result<Arc<Session>, Full> {
            self.visit(peer, agent, "", "")
        }

        fn visit(
            &self,
            peer: &str,
            user_agent: &str,
            user: &str,
            playback: &str,
        ) -> Result<Arc<Session>, Full> {
            let visit = Visit {
                peer: peer.parse().unwrap(),
                local: "192.0.2.1:8080".parse().unwrap(),
                user_agent,
                user,
                playback: Playback::named(playback),
                host: "h",
                url: "/live/index.m3u8",
            };
            let target = Duration::from_secs(6);
            self.viewers.enter(&self.watched, visit, target)
        }

        fn count(&self) -> usize {
            self.viewers.sessions.len()
        }
    }

    #[test]
    fn a_client_is_an_address_and_what_it_calls_itself() {
        let place = Place::new();
        let one = place.enter("192.0.2.7:1000", "a").unwrap();
        let again = place.enter("192.0.2.7:2000", "a").unwrap();
        assert!(Arc::ptr_eq(&one, &again));
        place.enter("192.0.2.7:1000", "b").unwrap();
        place.enter("192.0.2.8:1000", "a").unwrap();
        assert_eq!(place.count(), 3);
        assert_eq!(one.transport(), "hls");
    }

    #[test]
    fn clients_that_are_alike_are_told_apart_by_their_users_and_playbacks() {
        let place = Place::new();
        let enter = |user, playback| place.visit("192.0.2.7:1000", "a", user, playback).unwrap();
        let one = enter("", "1");
        enter("", "2");
        enter("ann", "");
        enter("bob", "");
        assert_eq!(place.count(), 4);
        let again = enter("", "1");
        assert!(Arc::ptr_eq(&one, &again));
        let unnamed = enter("", "");
        assert!(
            Arc::ptr_eq(&one, &unnamed),
            "a key, which some ask for without a name"
        );
        assert_eq!(place.count(), 4);
    }

    #[test]
    fn who_is_silent_is_gone() {
        let place = Place::new();
        let session = place.enter("192.0.2.7:1000", "a").unwrap();
        let opened = session.last_seen();
        let late = opened + Duration::from_secs(18);
        place.viewers.expire(late);
        assert_eq!(place.count(), 1, "it is being sent to");
        drop(session);
        place.viewers.expire(late - Duration::from_millis(1));
        assert_eq!(place.count(), 1);
        place.viewers.expire(late);
        assert_eq!(place.count(), 0);
        assert!(place.viewers.table().is_empty());
    }

    #[test]
    fn limits_keep_newcomers_out_and_nobody_else() {
        let place = Place::new();
        place
            .settings
            .send_modify(|config| Arc::make_mut(config).limits.connections = 1);
        place.enter("192.0.2.7:1000", "a").unwrap();
        let refused = place.enter("192.0.2.8:1000", "a").unwrap_err();
        assert_eq!(refused, Full::Connections);
        place.enter("192.0.2.7:1000", "a").unwrap();
    }

    #[test]
    fn one_address_has_so_many_sessions_and_no_more() {
        let place = Place::new();
        for number in 0..2 * MAX_OF_ADDRESS {
            place.enter("192.0.2.7:1000", &number.to_string()).unwrap();
        }
        assert_eq!(place.count(), MAX_OF_ADDRESS + 1);
        place
            .enter("192.0.2.7:1000", &"ä".repeat(MAX_AGENT))
            .unwrap();
    }
}
