//! Transcoding for HLS: what players cannot play goes through an `ffmpeg` process and comes back as H.264 and AAC.
//!
//! A process begins with the first request and is gone when nobody asks any longer; there is one for a
//! channel or movie, however many watch. Here stands what all of them share. RTSP keeps the original.
//!
//! ```text
//!  a channel's packets ─ feed ─(RTSP over TCP)─> ffmpeg ─(MPEG-TS, a pipe)─> harvest ─> access units ─> hls/units
//! ```
//!
//! A channel's packets are given to the process as RTP, because that is the one form in which every
//! format comes, and over TCP, where none is lost and ffmpeg puts nothing in order that is in order
//! already. Their RTP times come back with what was made of them, so that a track that was encoded
//! has the place on the timeline that the packets had.

pub(super) mod channel;
mod child;
mod dialogue;
mod feed;
mod harvest;
mod lines;
pub(super) mod need;
mod orders;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use tokio::sync::watch;

use crate::config::Config;

/// What all transcoding of a server shares: its settings, its bound and its counters.
#[derive(Debug)]
pub struct Transcoders {
    settings: watch::Receiver<Arc<Config>>,
    running: AtomicUsize,
    begun: AtomicU64,
    failed: AtomicU64,
    refused: AtomicU64,
}

/// How much is transcoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Processes that run.
    pub running: usize,
    /// Processes that were begun.
    pub begun: u64,
    /// Processes that could not be begun, or ended before their time.
    pub failed: u64,
    /// How often there were too many already.
    pub refused: u64,
}

/// Why something is not transcoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// There is no program of that name.
    #[error("it has to be transcoded for this player, and ffmpeg is not installed")]
    Missing,
    /// There are as many processes as may be.
    #[error("it has to be transcoded for this player, and the server transcodes too much already")]
    Full,
    /// The process ends before its time again and again.
    #[error(
        "it has to be transcoded for this player, and ffmpeg fails to; the log of the server says why"
    )]
    Fails,
}

/// The right to run one process; given back on drop.
#[derive(Debug)]
struct Seat(Arc<Transcoders>);

impl Transcoders {
    /// None yet.
    pub fn new(settings: watch::Receiver<Arc<Config>>) -> Arc<Self> {
        Arc::new(Self {
            settings,
            running: AtomicUsize::new(0),
            begun: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        })
    }

    /// How much is transcoded, and was.
    pub fn counts(&self) -> Counts {
        Counts {
            running: self.running.load(Relaxed),
            begun: self.begun.load(Relaxed),
            failed: self.failed.load(Relaxed),
            refused: self.refused.load(Relaxed),
        }
    }

    /// The name or path of the program.
    fn program(&self) -> String {
        self.settings.borrow().hls.ffmpeg.clone()
    }

    /// Takes the right to run one process more.
    fn seat(self: &Arc<Self>) -> Result<Seat, Trouble> {
        let most = self.settings.borrow().hls.transcoders;
        let taken = self.running.fetch_update(Relaxed, Relaxed, |running| {
            (running < most).then_some(running + 1)
        });
        match taken {
            Ok(_) => Ok(Seat(Arc::clone(self))),
            Err(_) => {
                self.refused.fetch_add(1, Relaxed);
                Err(Trouble::Full)
            }
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_more_processes_run_than_may() {
        let mut config = Config::default();
        config.hls.transcoders = 2;
        let (_settings, settings) = watch::channel(Arc::new(config));
        let shared = Transcoders::new(settings);
        let (first, second) = (shared.seat().unwrap(), shared.seat().unwrap());
        assert_eq!(shared.seat().unwrap_err(), Trouble::Full);
        drop(first);
        let third = shared.seat().unwrap();
        drop((second, third));
        let counts = shared.counts();
        assert_eq!((counts.running, counts.refused), (0, 1));
    }
}
