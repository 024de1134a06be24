//! A packager's turn to cut its channel: it ends when another one follows under the same name, so that no number is
//! used by both.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

use super::Packager;

/// The turn of a packager.
#[derive(Debug, Default)]
pub(super) struct Turn {
    /// Whether it has begun.
    is_taken: Mutex<bool>,
    /// Cancelled when another packager follows.
    followed: CancellationToken,
    /// Cancelled when nothing more is cut.
    over: CancellationToken,
    /// Whether its playlists go on in those of another packager.
    has_left: AtomicBool,
}

impl Turn {
    /// Whether it begins now: not when another packager has followed.
    fn take(&self) -> bool {
        let mut is_taken = self.is_taken.lock().unwrap_or_else(PoisonError::into_inner);
        *is_taken = !self.followed.is_cancelled();
        *is_taken
    }

    /// Ends it soon, and at once if it has not begun.
    fn follow(&self) {
        self.followed.cancel();
        let is_taken = self.is_taken.lock().unwrap_or_else(PoisonError::into_inner);
        if !*is_taken {
            self.over.cancel();
        }
    }
}

impl Packager {
    /// Goes on for these packagers of the same name, which leave off. To be said before it is its turn.
    pub(in crate::hls) fn follow(&self, others: &[Arc<Self>]) {
        for other in others {
            other.turn.follow();
        }
        let turns = others.iter().map(|other| Arc::clone(&other.turn));
        // Whoever made it says so once.
        let _ = self.before.set(turns.collect());
    }

    /// Whether it goes on for another.
    pub(in crate::hls) fn follows(&self) -> bool {
        self.before.get().is_some_and(|before| !before.is_empty())
    }

    /// Whether its playlists go on where those of another one stopped, behind a discontinuity. To be asked in its turn.
    pub(in crate::hls) fn goes_on(&self) -> bool {
        let mut before = self.before.get().into_iter().flatten();
        before.any(|before| before.has_left.load(Relaxed))
    }

    /// Waits for its turn, which begins then. Cancel safe; never ready when another follows it before.
    pub(in crate::hls) async fn turn(&self) {
        for before in self.before.get().into_iter().flatten() {
            before.over.cancelled().await;
        }
        if !self.turn.take() {
            std::future::pending().await
        }
    }

    /// Waits until another packager follows. Cancel safe.
    pub(in crate::hls) async fn followed(&self) {
        self.turn.followed.cancelled().await;
    }

    /// Whether another packager follows.
    pub(in crate::hls) fn is_followed(&self) -> bool {
        self.turn.followed.is_cancelled()
    }

    /// It cuts nothing more.
    pub(in crate::hls) fn end_turn(&self) {
        self.turn.over.cancel();
    }

    /// It cuts nothing more, and another packager goes on: lets go who waits.
    pub(in crate::hls) fn leave(&self) {
        self.turn.has_left.store(true, Relaxed);
        self.progress.send_modify(|stage| stage.left = true);
        self.end_turn();
    }
}
