//! The right to transcode, of which there are so many as the settings say.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::{Transcoders, Trouble};

/// The right to transcode one channel or movie; given back on drop.
#[derive(Debug)]
pub(super) struct Seat(pub(super) Arc<Transcoders>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Relaxed);
    }
}

/// The seat of one channel, whose processes share it: for a moment there is one more, while it takes over from another.
#[derive(Debug)]
pub(super) struct ChannelSeat {
    shared: Arc<Transcoders>,
    taken: Mutex<Weak<Seat>>,
}

impl ChannelSeat {
    /// Of a channel that has no process yet.
    pub(super) fn new(shared: &Arc<Transcoders>) -> Self {
        Self {
            shared: Arc::clone(shared),
            taken: Mutex::default(),
        }
    }

    /// The seat, for as long as it is held.
    ///
    /// # Errors
    /// [`Trouble::Full`] where the channel has none, and nor has the server.
    pub(super) fn take(&self) -> Result<Arc<Seat>, Trouble> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(seat) = taken.upgrade() {
            return Ok(seat);
        }
        let seat = self.shared.seat()?;
        *taken = Arc::downgrade(&seat);
        Ok(seat)
    }
}
