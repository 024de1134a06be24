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

/// A source with its task.
#[derive(Debug)]
struct Running {
    settings: ChannelSource,
    status: Arc<Status>,
    stop: CancellationToken,
    /// Gives the channel's name back at its end, for a successor at the same URL.
    task: JoinHandle<Option<Arc<Reservation>>>,
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
            .map(|one| Arc::clone(&one.status))
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
            one.stop.cancel();
        }
        let mut kept = BTreeMap::new();
        for one in ended {
            let reservation = one.task.await.ok().flatten();
            one.status.stopped();
            // Viewers of the same URL are in the right place; others are not.
            if wanted
                .iter()
                .any(|wanted| is_same_feed(wanted, &one.settings))
            {
                kept.insert(one.settings.channel, reservation);
            }
        }
        for settings in wanted {
            if !self.running().contains_key(&settings.channel) {
                let reservation = kept.remove(&settings.channel).flatten();
                self.start(settings, reservation, stop.child_token());
            }
        }
    }

    fn start(
        &self,
        settings: &ChannelSource,
        reservation: Option<Arc<Reservation>>,
        stop: CancellationToken,
    ) {
        let url = settings.url.to_string();
        let status = Arc::new(Status::new(settings.channel.clone(), url));
        let keeper = Keeper {
            source: Arc::new(Source::new(settings)),
            settings: settings.clone(),
            status: Arc::clone(&status),
            mounts: Arc::clone(&self.mounts),
            clock: self.clock,
            payload_limit: self.payload_limit.load(Relaxed),
            stop: stop.clone(),
            attempts: Attempts::new(settings.retry_first, settings.retry_longest),
            reservation,
        };
        let running = Running {
            settings: settings.clone(),
            status,
            stop,
            task: tokio::spawn(keeper.run()),
        };
        self.running().insert(settings.channel.clone(), running);
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
    settings: ChannelSource,
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
        if self.settings.on_demand {
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
        let origin = format!("source {}", self.settings.url);
        let reservation = Arc::new(self.mounts.reserve(&self.settings.channel, origin)?);
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
            tracing::debug!(channel = %self.settings.channel, "the source took no leave in time");
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
            let (channel, url) = (&self.settings.channel, &self.settings.url);
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
        match &self.reservation {
            Some(reservation) if self.settings.on_demand => {
                reservation.unwanted(self.settings.stop_delay).await;
            }
            _ => std::future::pending().await,
        }
    }
}
