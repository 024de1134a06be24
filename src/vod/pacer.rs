//! The workers that send packets on their media time: one timer wheel each.
//!
//! A worker wakes when the next playback is due, lets every due playback send
//! what falls into its interval, and puts it back where its next packet is due.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::batch::Batch;
use super::blocks::Blocks;
use super::playback::Playback;
use super::wheel::Wheel;
use crate::base::clock::Clock;

/// How far ahead of their time packets may leave, so that those due close together share a system call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// For interleaved transports.
    pub tcp_interval: Duration,
    /// For UDP.
    pub udp_interval: Duration,
    /// The longest RTP payload that the server makes itself, in bytes. Hinted packets stay as authored.
    pub payload_limit: usize,
}

/// All workers, and what playbacks share.
#[derive(Debug)]
pub struct Pacer {
    workers: Vec<Arc<Worker>>,
    turn: AtomicUsize,
    pub(super) blocks: Arc<Blocks>,
    pub(super) clock: Clock,
    pace: Mutex<Pace>,
    tasks: TaskTracker,
    stop: CancellationToken,
    /// Canonical name of this server in sender reports, the same for all tracks of a session (RFC 3550, 6.5.1).
    pub(super) cname: String,
}

/// A playback in a wheel. `run` tells a stale entry, of a run that was paused since, from the present one.
#[derive(Debug)]
struct Entry {
    /// Gone when its session is: a wheel keeps nobody's ports and counters.
    playback: Weak<Playback>,
    run: u64,
}

#[derive(Debug, Default)]
struct Worker {
    arrivals: Mutex<Vec<(Instant, Entry)>>,
    arrived: Notify,
}

impl Pacer {
    /// Starts `workers` workers on the present runtime.
    pub fn start(workers: usize, pace: Pace, blocks: Arc<Blocks>, clock: Clock) -> Arc<Self> {
        let pacer = Arc::new(Self {
            workers: std::iter::repeat_with(Arc::default)
                .take(workers.max(1))
                .collect(),
            turn: AtomicUsize::new(0),
            blocks,
            clock,
            pace: Mutex::new(pace),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            cname: format!("reelcast-{:016x}", rand::random::<u64>()),
        });
        for worker in &pacer.workers {
            let (worker, stop) = (Arc::clone(worker), pacer.stop.clone());
            pacer
                .tasks
                .spawn(async move { worker.run(clock, &stop).await });
        }
        pacer
    }

    /// Stops all workers and waits for them; what was not sent by then is not sent.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// The present pace.
    pub fn pace(&self) -> Pace {
        *self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the pace; playbacks follow with their next PLAY.
    pub fn set_pace(&self, pace: Pace) {
        *self.pace.lock().unwrap_or_else(PoisonError::into_inner) = pace;
    }

    /// The worker for a new playback.
    pub(super) fn assign(&self) -> usize {
        self.turn.fetch_add(1, Ordering::Relaxed) % self.workers.len()
    }

    /// Has `worker` look at a playback at `at`.
    pub(super) fn schedule(&self, worker: usize, playback: &Arc<Playback>, run: u64, at: Instant) {
        let worker = &self.workers[worker % self.workers.len()];
        let entry = Entry {
            playback: Arc::downgrade(playback),
            run,
        };
        worker
            .arrivals
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push((at, entry));
        worker.arrived.notify_one();
    }
}

impl Worker {
    async fn run(&self, clock: Clock, stop: &CancellationToken) {
        let mut wheel = Wheel::new(clock.now());
        let mut batch = Batch::default();
        let mut due = Vec::new();
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = self.arrived.notified() => self.accept(&mut wheel),
                () = until(wheel.deadline()) => {
                    wheel.advance(clock.now(), &mut due);
                    for entry in due.drain(..) {
                        let Some(playback) = entry.playback.upgrade() else { continue };
                        if let Some(at) = playback.pump(entry.run, clock.now(), &mut batch) {
                            wheel.insert(at, entry);
                        }
                    }
                }
            }
        }
    }

    fn accept(&self, wheel: &mut Wheel<Entry>) {
        for (at, entry) in self
            .arrivals
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .drain(..)
        {
            wheel.insert(at, entry);
        }
    }
}

/// Sleeps until `deadline`, for ever without one. Cancel-safe.
async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}
