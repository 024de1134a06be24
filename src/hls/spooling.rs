//! Bringing a packager's segments to disk and away from there, beside the packaging, which never waits for it.
//!
//! The window says what is to be done; nothing queues here. Where the disk is too slow or full, the
//! window loses its oldest segments.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use tracing::{info, warn};

use super::packager::Packager;
use super::spools::{SegmentFile, Spool, Spools};

/// After a failure, the next attempt comes so much later.
const RETRY: Duration = Duration::from_secs(1);

/// What brings the segments of one packager to disk.
#[derive(Debug)]
pub(super) struct Spooling<'p> {
    packager: &'p Packager,
    spools: Arc<Spools>,
    spool: Option<Arc<Spool>>,
    is_failing: bool,
}

impl<'p> Spooling<'p> {
    /// Nothing is on disk yet.
    pub(super) fn new(packager: &'p Packager, spools: Arc<Spools>) -> Self {
        Self {
            packager,
            spools,
            spool: None,
            is_failing: false,
        }
    }

    /// Works for as long as it is polled.
    pub(super) async fn run(&mut self) -> Infallible {
        loop {
            self.remove().await;
            let unspooled = self.packager.read().unspooled();
            match unspooled {
                Some((segment, pieces)) => self.bring(segment, pieces).await,
                None => self.packager.changed().await,
            }
        }
    }

    /// Deletes everything.
    pub(super) async fn close(self) {
        if let Some(spool) = self.spool {
            let _ = spawn_blocking(move || spool.close()).await;
        }
    }

    /// Deletes what the window has dropped.
    async fn remove(&self) {
        let gone = self.packager.take_gone();
        if let Some(spool) = self.spool.clone().filter(|_| !gone.is_empty()) {
            let remove = move || {
                let removed = gone.into_iter().map(|segment| spool.remove(segment));
                removed.fold(Ok(()), Result::and)
            };
            if let Err(error) = blocking(remove).await {
                warn!(path = %self.path(), %error, "a segment cannot be deleted from disk");
            }
        }
    }

    /// Brings a segment to disk, or makes room for it there.
    async fn bring(&mut self, segment: SegmentFile, pieces: [Vec<Bytes>; 3]) {
        let sizes = pieces.each_ref().map(|pieces| size(pieces));
        let [fragments, ts, _] = sizes;
        let packager = self.packager;
        let written = match self.open().await {
            Ok(spool) => blocking(move || spool.write(segment, &pieces.concat())).await,
            Err(error) => Err(error),
        };
        match written {
            Ok(()) => {
                let now = packager.clock().now();
                let wall = packager.clock().present_wall();
                packager.update(|window| window.spooled(segment, [fragments, ts], now, wall));
                if std::mem::take(&mut self.is_failing) {
                    info!(path = %self.path(), "segments are written to disk again");
                }
            }
            Err(error) => {
                let wall = packager.clock().present_wall();
                let bytes = sizes.iter().sum();
                let dropped = packager.update(|window| window.give_up(bytes, wall));
                if !std::mem::replace(&mut self.is_failing, true) {
                    warn!(path = %self.path(), %error, dropped, "a segment cannot be written to disk: the window gets shorter");
                }
                if dropped == 0 {
                    sleep(RETRY).await;
                }
            }
        }
    }

    /// Where they lie, made if it is not there.
    async fn open(&mut self) -> io::Result<Arc<Spool>> {
        if let Some(spool) = &self.spool {
            return Ok(Arc::clone(spool));
        }
        let (spools, number) = (Arc::clone(&self.spools), self.packager.number());
        let spool = Arc::new(blocking(move || spools.open(number)).await?);
        self.packager.set_spool(Arc::clone(&spool));
        self.spool = Some(Arc::clone(&spool));
        Ok(spool)
    }

    fn path(&self) -> &str {
        self.packager.channel().path().as_str()
    }
}

fn size(pieces: &[Bytes]) -> u64 {
    pieces.iter().map(|piece| piece.len() as u64).sum()
}

/// Does what blocks where it holds nobody up.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    spawn_blocking(work).await?
}
