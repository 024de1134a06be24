//! How a source is doing, for metrics and for people.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::base::path::MediaPath;

/// The state and the counters of one source.
#[derive(Debug)]
pub struct Status {
    channel: MediaPath,
    url: String,
    state: Mutex<State>,
    attempts: AtomicU64,
    failures: AtomicU64,
    starts: AtomicU64,
    ignored: AtomicU64,
}

/// What a source is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It waits for a viewer.
    Idle,
    /// It connects.
    Connecting,
    /// It feeds its channel.
    Live {
        /// Since when.
        since: Instant,
    },
    /// It has failed and waits for its next attempt.
    Retrying {
        /// When that is.
        at: Instant,
        /// Why it has failed.
        reason: String,
    },
    /// It was stopped.
    Stopped,
}

/// What has happened to a source since it was configured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Attempts to connect.
    pub attempts: u64,
    /// Attempts that failed, before or after media came.
    pub failures: u64,
    /// How often media came again after the first time.
    pub reconnects: u64,
    /// Packets of senders that do not feed, because another one does.
    pub ignored: u64,
}

impl State {
    /// All names of states.
    pub const NAMES: [&str; 5] = ["idle", "connecting", "live", "retrying", "stopped"];

    /// The word for metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Connecting => "connecting",
            Self::Live { .. } => "live",
            Self::Retrying { .. } => "retrying",
            Self::Stopped => "stopped",
        }
    }
}

impl Status {
    pub(super) fn new(channel: MediaPath, url: String) -> Self {
        Self {
            channel,
            url,
            state: Mutex::new(State::Idle),
            attempts: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            starts: AtomicU64::new(0),
            ignored: AtomicU64::new(0),
        }
    }

    /// The channel that it feeds.
    pub fn channel(&self) -> &MediaPath {
        &self.channel
    }

    /// The URL, without what must not be seen.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What it is doing now.
    pub fn state(&self) -> State {
        self.lock().clone()
    }

    /// What has happened so far.
    pub fn counts(&self) -> Counts {
        Counts {
            attempts: self.attempts.load(Relaxed),
            failures: self.failures.load(Relaxed),
            reconnects: self.starts.load(Relaxed).saturating_sub(1),
            ignored: self.ignored.load(Relaxed),
        }
    }

    pub(super) fn idle(&self) {
        *self.lock() = State::Idle;
    }

    pub(super) fn connecting(&self) {
        self.attempts.fetch_add(1, Relaxed);
        *self.lock() = State::Connecting;
    }

    /// Media came, and come no more; whoever sends next is waited for.
    pub(super) fn waiting(&self) {
        *self.lock() = State::Connecting;
    }

    pub(super) fn live(&self, since: Instant) {
        self.starts.fetch_add(1, Relaxed);
        *self.lock() = State::Live { since };
        tracing::info!(channel = %self.channel, url = self.url, "source is live");
    }

    pub(super) fn ignored(&self) {
        self.ignored.fetch_add(1, Relaxed);
    }

    /// How long it has been live.
    pub(super) fn lived(&self, now: Instant) -> Duration {
        match *self.lock() {
            State::Live { since } => now.saturating_duration_since(since),
            _ => Duration::ZERO,
        }
    }

    pub(super) fn retrying(&self, at: Instant, reason: String) {
        self.failures.fetch_add(1, Relaxed);
        *self.lock() = State::Retrying { at, reason };
    }

    pub(super) fn stopped(&self) {
        *self.lock() = State::Stopped;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
