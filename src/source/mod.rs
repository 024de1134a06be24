//! Sources: what the configuration has channels fed from, and how they are kept going.
//!
//! Here is what to pull and when to try again. What a channel does with the
//! packets is `media`'s; publishers who come by themselves are served by `rtsp`
//! and `http`.

mod attempts;
mod failure;
mod pull;
mod status;
mod supervise;
mod tls_bridge;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::base::clock::Clock;
use crate::config::{ChannelSource, Scheme};
use crate::media::description::Description;
use crate::media::mounts::Reservation;
use crate::media::publisher::Publisher;

pub use failure::Failure;
use pull::Pull;
pub use status::{Counts, State, Status};
pub use supervise::Sources;

/// A way to feed a channel, made from its configuration.
#[derive(Debug)]
enum Source {
    /// From a camera or another server by RTSP.
    Pull(Pull),
}

impl Source {
    /// The way that the URL's scheme asks for; `None` while there is none.
    fn new(settings: &ChannelSource) -> Option<Self> {
        match settings.url.scheme() {
            Scheme::Rtsp | Scheme::Rtsps => Some(Self::Pull(Pull::new(settings))),
            _ => None,
        }
    }

    /// Connects once and feeds the channel for as long as it goes; returns why it does not go on.
    ///
    /// Ends within seconds when the attempt is told to stop, with
    /// [`Failure::Stopped`], after it has taken leave of the other side.
    async fn run_once(&self, attempt: &Attempt) -> Failure {
        match self {
            Self::Pull(pull) => pull.run_once(attempt).await,
        }
    }
}

/// One attempt of a source to feed its channel.
#[derive(Debug)]
struct Attempt {
    reservation: Arc<Reservation>,
    status: Arc<Status>,
    clock: Clock,
    stop: CancellationToken,
}

impl Attempt {
    /// Begins to feed the channel: from now on the source counts as live.
    fn publish(&self, description: Description) -> Result<Publisher, Failure> {
        let publisher = self.reservation.publish(description)?;
        self.status.live(self.clock.now());
        Ok(publisher)
    }
}
