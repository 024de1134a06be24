//! Feeding a channel from a connection or a file that holds a stream of media.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt};

use super::byte_feed::ByteFeed;
use super::{Failure, Status};
use crate::base::clock::Clock;

/// Bytes read at a time: few, so that little media comes at once.
const PIECE: usize = 4096;

/// A feed with the time in which something must come.
#[derive(Debug)]
pub struct Reading<F> {
    feed: F,
    clock: Clock,
    patience: Duration,
    silence: Silence,
    /// When waiting began.
    since: Instant,
}

/// What to do when nothing has come for too long.
#[derive(Clone, Debug)]
pub enum Silence {
    /// Fail: who sends must be asked again.
    Fails,
    /// Leave the channel, and wait for whoever sends next.
    Waits(Arc<Status>),
}

impl<F: ByteFeed> Reading<F> {
    /// From now on samples must come at least every `patience`.
    pub fn new(feed: F, clock: Clock, patience: Duration, silence: Silence) -> Self {
        Self {
            feed,
            clock,
            patience,
            silence,
            since: clock.now(),
        }
    }

    /// Feeds the channel with all that `reader` has, held back to the time in which it is
    /// played. Cancel safe in that what was read has been fed.
    ///
    /// # Errors
    /// Why it does not go on; `Ok` at the end of `reader`.
    pub async fn read(&mut self, reader: &mut (impl AsyncRead + Unpin)) -> Result<(), Failure> {
        let mut piece = [0; PIECE];
        loop {
            let resume = self.feed.resume_at();
            let is_held = resume.is_some_and(|resume| resume > self.clock.now());
            let wake = [resume.filter(|_| is_held), self.feed.flush_due()];
            let silent_at = self.silent_at();
            let wake = wake.into_iter().flatten().fold(silent_at, Instant::min);
            tokio::select! {
                biased;
                () = tokio::time::sleep_until(wake.into()) => self.wake()?,
                read = reader.read(&mut piece), if !is_held => match read {
                    Ok(0) => return Ok(()),
                    Ok(size) => self.feed.push(&piece[..size], self.clock.now())?,
                    Err(error) => return Err(Failure::Receive(error)),
                },
            }
        }
    }

    /// What comes next does not continue what came.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn finish(&mut self) -> Result<(), Failure> {
        self.feed.finish(self.clock.now())
    }

    /// Reads to the end, which is a failure too.
    pub async fn run(mut self, reader: &mut (impl AsyncRead + Unpin)) -> Failure {
        let read = self.read(reader).await.and_then(|()| self.finish());
        read.err().unwrap_or(Failure::Ended)
    }

    /// What is fed.
    pub fn feed(&self) -> &F {
        &self.feed
    }

    fn silent_at(&self) -> Instant {
        let heard = self.feed.heard().unwrap_or(self.since);
        heard.max(self.since) + self.patience
    }

    /// Hands on what is due.
    ///
    /// # Errors
    /// When nothing has come for too long.
    pub(super) fn wake(&mut self) -> Result<(), Failure> {
        let now = self.clock.now();
        if now >= self.silent_at() {
            self.fall_silent(now)?;
        }
        self.feed.flush(now);
        Ok(())
    }

    /// Feeds the channel with a datagram.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.feed.push(bytes, self.clock.now())
    }

    /// When [`wake`](Self::wake) must be called.
    pub(super) fn wake_at(&self) -> Instant {
        let silent_at = self.silent_at();
        self.feed
            .flush_due()
            .map_or(silent_at, |due| due.min(silent_at))
    }

    fn fall_silent(&mut self, now: Instant) -> Result<(), Failure> {
        let failure = self.feed.silence(self.patience);
        let Silence::Waits(status) = &self.silence else {
            return Err(failure);
        };
        if self.feed.rest() || matches!(failure, Failure::Barren { .. }) {
            status.waiting();
            tracing::warn!(channel = %status.channel(), url = status.url(), "{failure}");
        }
        self.since = now;
        Ok(())
    }
}
