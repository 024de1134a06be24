//! A client that publishes: what it has announced, the ways its tracks come in, and the task that sees to them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::time::{MissedTickBehavior, interval_at, sleep_until};
use tokio_util::task::AbortOnDropHandle;
use tracing::info;

use crate::base::clock::Clock;
use crate::base::id::SessionId;
use crate::media::intake::{Arrival, Intake};
use crate::media::jitter::ReorderCounts;
use crate::media::mounts::{Busy, Mounts, Takeover};
use crate::media::sessions::{self, SessionFacts};
use crate::net::interleaved::Interleaved;
use crate::net::outlet::PacketOutlet;

use super::announcement::Announcement;
use super::ingest::Ingest;
use super::party::{Party, Role};
use super::service::Parts;
use super::visit::Visit;

/// How often a publisher that sends datagrams is told how they arrive.
const REPORT_INTERVAL: Duration = Duration::from_secs(5);

/// One publisher.
pub(super) struct Publisher {
    ingest: Arc<Ingest>,
    state: Mutex<State>,
}

struct State {
    announcement: Arc<Announcement>,
    /// The connection on which the client last said something of its publishing.
    connection: Weak<Interleaved>,
    /// The tracks that are set up, by their index.
    ways: Vec<(usize, Way)>,
    /// When it was first seen that nothing is recorded; `None` while something is.
    unrecorded: Option<Instant>,
    /// Runs while the way in is open.
    care: Option<AbortOnDropHandle<()>>,
}

/// How the packets of a track come in.
#[derive(Clone)]
pub(super) enum Way {
    /// As frames on a connection.
    Frames(Arc<Interleaved>),
    /// As datagrams, which are reported on as the source `ssrc`.
    Datagrams {
        reports: Arc<PacketOutlet>,
        ssrc: u32,
    },
}

impl Publisher {
    /// The party of a client that has announced something; `transport` is what is assumed of its tracks.
    pub(super) fn open(
        id: SessionId,
        announcement: Arc<Announcement>,
        visit: Visit,
        transport: &'static str,
        parts: &Parts,
    ) -> Arc<Party> {
        let watched = parts.sessions.open(SessionFacts {
            id,
            role: sessions::Role::Publisher,
            path: announcement.path().clone(),
            peer: visit.peer,
            user_agent: visit.user_agent.clone(),
            transport,
            opened: parts.clock.now(),
        });
        let publisher = Self {
            ingest: Ingest::new(Arc::clone(&watched)),
            state: Mutex::new(State {
                announcement,
                connection: Weak::new(),
                ways: Vec::new(),
                unrecorded: None,
                care: None,
            }),
        };
        Party::new(Role::Publisher(publisher), watched, visit)
    }

    pub(super) fn announcement(&self) -> Arc<Announcement> {
        Arc::clone(&self.lock().announcement)
    }

    pub(super) fn ingest(&self) -> &Arc<Ingest> {
        &self.ingest
    }

    /// Whether packets are taken.
    pub(super) fn is_recording(&self) -> bool {
        self.ingest.is_open()
    }

    /// Whether nothing was recorded for longer than `limit` since this was first asked.
    pub(super) fn is_overdue(&self, now: Instant, limit: Duration) -> bool {
        let mut state = self.lock();
        if self.is_recording() {
            return false;
        }
        let since = *state.unrecorded.get_or_insert(now);
        now.saturating_duration_since(since) > limit
    }

    /// Why no more is taken, in words for the log; `None` while it could be.
    pub(super) fn ended(&self) -> Option<String> {
        let replaced = self.ingest.has_given_way();
        replaced.then(|| "another publisher has taken over".to_owned())
    }

    /// Notes the connection by which the client publishes; the session ends with it.
    pub(super) fn comes_by(&self, connection: &Arc<Interleaved>) {
        self.lock().connection = Arc::downgrade(connection);
    }

    /// Whether the session ends with `connection`.
    pub(super) fn ends_with(&self, connection: &Arc<Interleaved>) -> bool {
        self.lock().connection.as_ptr() == Arc::as_ptr(connection)
    }

    /// Takes another description in place of the one before.
    pub(super) fn describe(&self, announcement: Arc<Announcement>) {
        self.lock().announcement = announcement;
    }

    /// Whether any track is set up.
    pub(super) fn has_tracks(&self) -> bool {
        !self.lock().ways.is_empty()
    }

    /// Gives the track at `index` its way in.
    pub(super) fn add_track(&self, index: usize, way: Way) {
        let mut state = self.lock();
        state.ways.retain(|(of, _)| *of != index);
        state.ways.push((index, way));
    }

    /// Begins to feed the channel.
    pub(super) fn record(
        &self,
        mounts: &Mounts,
        takeover: Takeover,
        clock: Clock,
    ) -> Result<(), Busy> {
        let mut state = self.lock();
        let announcement = &state.announcement;
        let origin = format!("announce from {}", self.ingest.watched().facts().peer);
        let description = announcement.description().clone();
        let publisher = mounts.publish(announcement.path(), description, origin, takeover)?;
        let replaced = publisher.replaced();
        let tracks = announcement.description().tracks();
        let arrivals = state
            .ways
            .iter()
            .filter_map(|(index, way)| Some((*index, tracks.get(*index)?.clock_hz, way.arrival())));
        self.ingest.open(Intake::new(publisher, arrivals));
        state.unrecorded = None;
        if state
            .ways
            .iter()
            .any(|(_, way)| way.arrival() == Arrival::Datagrams)
        {
            self.ingest.watched().travels_by("udp");
        }
        let care = Care {
            ingest: Arc::clone(&self.ingest),
            ways: state.ways.clone(),
            clock,
        };
        let care = tokio::spawn(care.run(replaced));
        state.care = Some(AbortOnDropHandle::new(care));
        Ok(())
    }

    /// Takes no more packets until the next [`record`](Self::record).
    pub(super) fn pause(&self) {
        self.lock().care = None;
        if let Some(intake) = self.ingest.close() {
            let id = self.ingest.watched().facts().id;
            let ReorderCounts {
                reordered,
                replayed,
                late,
                given_up,
                ..
            } = intake.order();
            info!(session = %id, reordered, replayed, late, given_up, "no more packets are taken");
        }
    }

    /// Takes no more packets, for good.
    pub(super) fn stop(&self) {
        self.pause();
        self.lock().ways.clear();
    }

    /// Closes the connections that the client publishes by: there is nothing more for it to say.
    pub(super) fn hang_up(&self) {
        let state = self.lock();
        if let Some(connection) = state.connection.upgrade() {
            connection.close();
        }
        for (_, way) in &state.ways {
            if let Way::Frames(connection) = way {
                connection.close();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Way {
    /// The source that reports come from; 0 where none are sent.
    pub(super) fn ssrc(&self) -> u32 {
        match self {
            Self::Frames(_) => 0,
            Self::Datagrams { ssrc, .. } => *ssrc,
        }
    }

    fn arrival(&self) -> Arrival {
        match self {
            Self::Frames(_) => Arrival::InOrder,
            Self::Datagrams { .. } => Arrival::Datagrams,
        }
    }
}

/// What must be done for a publisher while it records, whether packets come or not.
struct Care {
    ingest: Arc<Ingest>,
    ways: Vec<(usize, Way)>,
    clock: Clock,
}

impl Care {
    async fn run(self, replaced: impl Future<Output = ()>) {
        let mut replaced = std::pin::pin!(replaced);
        // The first comes early (RFC 3550, 6.2).
        let first = tokio::time::Instant::now() + REPORT_INTERVAL / 2;
        let mut reports = interval_at(first, REPORT_INTERVAL);
        reports.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let due = async { sleep_until(self.ingest.deadline().await.into()).await };
            tokio::select! {
                biased;
                () = &mut replaced => return self.ingest.give_way(),
                _ = reports.tick() => self.report(),
                () = due => self.ingest.advance(self.clock.now()),
            }
        }
    }

    fn report(&self) {
        let now = self.clock.now();
        for (index, way) in &self.ways {
            let Way::Datagrams { reports, ssrc } = way else {
                continue;
            };
            let mut report = Vec::new();
            self.ingest
                .with(|intake| intake.report(*index, *ssrc, now, &mut report));
            if !report.is_empty() {
                // A report that is lost is made up for by the next.
                let _ = reports.send_rtcp(&report);
            }
        }
    }
}
