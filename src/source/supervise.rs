//! Keeping the configured sources going: one task each, started, restarted and stopped as the configuration says.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::attempts::Attempts;
use super::{Attempt, Failure, Source, Status};
use crate::base::clock::Clock;
use crate::base::path::MediaPath;
use crate::config::{ChannelSource, Config};
use crate::media::mounts::{Mounts, Reservation};

/// How long a source may take to take leave of the other side.
const FAREWELL: Duration = Duration::from_secs(3);

/// The configured sources.
#[derive(Debug)]
pub struct Sources {
    mounts: Arc<Mounts>,
    clock: Clock,
    /// The longest RTP payload, in bytes, of sources that start from now on.
    payload_limit: AtomicUsize,
    running: Mutex<BTreeMap<MediaPath, Running>>,
}

/// A configured source.
#[derive(Debug)]
struct Running {
    settings: ChannelSource,
    kept: Kept,
}

/// A source that is kept going.
#[derive(Debug)]
pub(super) struct Kept {
    status: Arc<Status>,
    stop: CancellationToken,
    /// Gives the channel's name back at its end, for a successor at the same URL.
    task: JoinHandle<Option<Arc<Reservation>>>,
}

/// How a source is kept going.
#[derive(Clone, Debug)]
pub(super) struct Terms {
    /// The channel that it feeds.
    pub(super) channel: MediaPath,
    /// Where it is found, for people.
    pub(super) origin: String,
    /// It runs only while somebody watches, and so long after that; `None`: always.
    pub(super) on_demand: Option<Duration>,
    /// About how long to wait after a first failure.
    pub(super) retry_first: Duration,
    /// About how long to wait at most.
    pub(super) retry_longest: Duration,
}

impl Terms {
    fn of(settings: &ChannelSource) -> Self {
        Self {
            channel: settings.channel.clone(),
            origin: settings.url.to_string(),
            on_demand: settings.on_demand.then_some(settings.stop_delay),
            retry_first: settings.retry_first,
            retry_longest: settings.retry_longest,
        }
    }
}

impl Kept {
    pub(super) fn status(&self) -> &Arc<Status> {
        &self.status
    }

    /// Stops the source, and waits for its leave; returns the channel's name, if it had it.
    pub(super) async fn end(self) -> Option<Arc<Reservation>> {
        self.stop.cancel();
        let reservation = self.task.await.ok().flatten();
        self.status.stopped();
        reservation
    }
}

impl Sources {
    /// No sources yet; they will feed channels of `mounts`.
    pub fn new(mounts: Arc<Mounts>, clock: Clock) -> Arc<Self> {
        Arc::new(Self {
            mounts,
            clock,
            payload_limit: AtomicUsize::default(),
            running: Mutex::default(),
        })
    }

    /// Runs the sources that the settings name, also as those change, until `stop`; returns when all have ended.
    pub async fn run(
        self: Arc<Self>,
        mut settings: watch::Receiver<Arc<Config>>,
        stop: CancellationToken,
    ) {
        loop {
            let config = Arc::clone(&settings.borrow_and_update());
            let payload_limit = usize::from(config.rtsp.max_packet);
            self.payload_limit.store(payload_limit, Relaxed);
            self.apply(&config.sources, &stop).await;
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Ok(()) = settings.changed() => {}
            }
        }
        self.apply(&[], &stop).await;
    }

    /// How every source is doing, in the order of the channels.
    pub fn list(&self) -> Vec<Arc<Status>> {
        let running = self.running();
        running
            .values()
            .map(|one| Arc::clone(one.kept.status()))
            .collect()
    }

    /// Stops what is not in `wanted`, starts what is new, and leaves alone what is the same.
    async fn apply(&self, wanted: &[ChannelSource], stop: &CancellationToken) {
        let ended: Vec<Running> = self
            .running()
            .extract_if(.., |_, one| !wanted.contains(&one.settings))
            .map(|(_, one)| one)
            .collect();
        for one in &ended {
            one.kept.stop.cancel();
        }
        let mut kept = BTreeMap::new();
        for one in ended {
            // Viewers of the same URL are in the right place; others are not.
            let is_kept = |wanted: &ChannelSource| is_same_feed(wanted, &one.settings);
            let is_kept = wanted.iter().any(is_kept);
            let reservation = one.kept.end().await;
            if is_kept {
                kept.insert(one.settings.channel, reservation);
            }
        }
        for settings in wanted {
            if !self.running().contains_key(&settings.channel) {
                let reservation = kept.remove(&settings.channel).flatten();
                self.start(settings, reservation, stop);
            }
        }
    }

    fn start(
        &self,
        settings: &ChannelSource,
        reservation: Option<Arc<Reservation>>,
        stop: &CancellationToken,
    ) {
        let source = Source::new(settings);
        let running = Running {
            settings: settings.clone(),
            kept: self.keep(Terms::of(settings), source, reservation, stop),
        };
        self.running().insert(settings.channel.clone(), running);
    }

    /// Keeps `source` going until it is ended or `stop`; under the name that `reservation` has, if there is one.
    pub(super) fn keep(
        &self,
        terms: Terms,
        source: Source,
        reservation: Option<Arc<Reservation>>,
        stop: &CancellationToken,
    ) -> Kept {
        let status = Arc::new(Status::new(terms.channel.clone(), terms.origin.clone()));
        let stop = stop.child_token();
        let keeper = Keeper {
            source: Arc::new(source),
            status: Arc::clone(&status),
            mounts: Arc::clone(&self.mounts),
            clock: self.clock,
            payload_limit: self.payload_limit.load(Relaxed),
            stop: stop.clone(),
            attempts: Attempts::new(terms.retry_first, terms.retry_longest),
            terms,
            reservation,
        };
        Kept {
            status,
            stop,
            task: tokio::spawn(keeper.run()),
        }
    }

    fn running(&self) -> MutexGuard<'_, BTreeMap<MediaPath, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_same_feed(one: &ChannelSource, other: &ChannelSource) -> bool {
    one.channel == other.channel && one.url == other.url
}

/// Keeps one source going.
struct Keeper {
    source: Arc<Source>,
    terms: Terms,
    status: Arc<Status>,
    mounts: Arc<Mounts>,
    clock: Clock,
    payload_limit: usize,
    stop: CancellationToken,
    attempts: Attempts,
    reservation: Option<Arc<Reservation>>,
}

impl Keeper {
    /// Runs until it is stopped; returns the channel's name, if it has it.
    async fn run(mut self) -> Option<Arc<Reservation>> {
        while !self.stop.is_cancelled() {
            match self.round().await {
                Ok(()) => self.rest(),
                // What breaks while the server stops is not worth a word.
                Err(_) if self.stop.is_cancelled() => {}
                Err(failure) => self.recover(&failure).await,
            }
        }
        self.reservation
    }

    /// After a stop that was wanted: what the channel still holds would be old for its next viewer.
    fn rest(&mut self) {
        self.attempts.reset();
        let watched = |reservation: &Arc<Reservation>| reservation.channel().readers() > 0;
        if !self.stop.is_cancelled() && !self.reservation.as_ref().is_some_and(watched) {
            self.reservation = None;
        }
    }

    /// One attempt, when it is wanted; fine when it was stopped.
    async fn round(&mut self) -> Result<(), Failure> {
        let reservation = self.reserve()?;
        if self.terms.on_demand.is_some() {
            self.status.idle();
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return Ok(()),
                () = reservation.wanted() => {}
            }
        }
        self.status.connecting();
        match self.attempt(reservation).await {
            Failure::Stopped => Ok(()),
            failure => Err(failure),
        }
    }

    fn reserve(&mut self) -> Result<Arc<Reservation>, Failure> {
        if let Some(reservation) = &self.reservation {
            return Ok(Arc::clone(reservation));
        }
        let origin = format!("source {}", self.terms.origin);
        let reservation = Arc::new(self.mounts.reserve(&self.terms.channel, origin)?);
        self.reservation = Some(Arc::clone(&reservation));
        Ok(reservation)
    }

    /// Attempts run in tasks of their own, so that a panic in a library ends the attempt only.
    async fn attempt(&self, reservation: Arc<Reservation>) -> Failure {
        let stop = self.stop.child_token();
        let attempt = Attempt {
            reservation,
            status: Arc::clone(&self.status),
            clock: self.clock,
            payload_limit: self.payload_limit,
            stop: stop.clone(),
        };
        let source = Arc::clone(&self.source);
        let task = tokio::spawn(async move { source.run_once(&attempt).await });
        let mut task = AbortOnDropHandle::new(task);
        tokio::select! {
            ended = &mut task => return ended.unwrap_or(Failure::Internal),
            () = self.stop.cancelled() => {}
            () = self.unwanted() => {}
        }
        stop.cancel();
        if tokio::time::timeout(FAREWELL, task).await.is_err() {
            tracing::debug!(channel = %self.terms.channel, "the source took no leave in time");
        }
        Failure::Stopped
    }

    /// Waits and tells, as the failure deserves.
    async fn recover(&mut self, failure: &Failure) {
        let now = self.clock.now();
        let reason = failure.to_string();
        let lived = self.status.lived(now);
        let verdict = self.attempts.failed(&reason, lived, now, rand::random());
        if let Some(repeats) = verdict.tell {
            let (channel, url) = (&self.terms.channel, &self.terms.origin);
            tracing::warn!(%channel, %url, repeats, "source failed: {reason}");
        }
        self.status.retrying(now + verdict.wait, reason);
        tokio::select! {
            biased;
            () = self.stop.cancelled() => {}
            () = tokio::time::sleep(verdict.wait) => {}
            () = self.unwanted() => self.rest(),
        }
    }

    /// Returns when a source on demand has had no viewer for its delay.
    async fn unwanted(&self) {
        match (&self.reservation, self.terms.on_demand) {
            (Some(reservation), Some(delay)) => reservation.unwanted(delay).await,
            _ => std::future::pending().await,
        }
    }
}
