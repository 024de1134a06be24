//! A source's right to a name of the table, and to know whether readers want it.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use super::channel::Channel;
use super::description::Description;
use super::mounts::{Busy, Mounts, Takeover};
use super::publisher::Publisher;
use crate::base::path::MediaPath;

/// A source's right to a name; the channel is there as long as this is held.
#[derive(Debug)]
pub struct Reservation {
    pub(super) mounts: Arc<Mounts>,
    pub(super) path: MediaPath,
    pub(super) origin: String,
    pub(super) id: u64,
    pub(super) current: watch::Receiver<Arc<Channel>>,
}

impl Reservation {
    /// Begins to publish, in place of an earlier publisher of the same reservation.
    ///
    /// # Errors
    /// [`Busy::Stopped`] when the server stops.
    pub fn publish(&self, description: Description) -> Result<Publisher, Busy> {
        let origin = self.origin.clone();
        let takeover = Takeover::Replace;
        self.mounts
            .claim(&self.path, description, origin, takeover, Some(self.id))
    }

    /// The channel that has the name now; another one follows when it ends.
    pub fn channel(&self) -> Arc<Channel> {
        Arc::clone(&self.current.borrow())
    }

    /// Returns when a reader wants the channel. Cancel safe.
    pub async fn wanted(&self) {
        self.readers(|readers| readers > 0).await;
    }

    /// Returns when no reader has wanted the channel for `delay`. Cancel safe, and begins to count anew.
    pub async fn unwanted(&self, delay: Duration) {
        loop {
            self.readers(|readers| readers == 0).await;
            if timeout(delay, self.wanted()).await.is_err() {
                return;
            }
        }
    }

    /// Returns when the number of readers is as asked; for ever if the server stops before.
    async fn readers(&self, asked: impl Fn(usize) -> bool + Copy) {
        let mut current = self.current.clone();
        loop {
            let mut readers = current.borrow_and_update().watch_readers();
            tokio::select! {
                // Both branches only wait for a change that stays. The guard that
                // `wait_for` gives is let go at once: it may not cross an await.
                counted = async { readers.wait_for(|readers| asked(*readers)).await.is_ok() } => {
                    if counted {
                        return;
                    }
                }
                changed = current.changed() => {
                    if changed.is_err() {
                        return pending().await;
                    }
                }
            }
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.mounts.release(&self.path, self.id);
    }
}
