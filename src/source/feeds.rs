//! The feeds that session descriptions tell of, by the channels that they feed.
//!
//! Each description that is offered is kept going like a configured source.
//! Where descriptions come from is the matter of those who offer them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::claims::Claims;
use super::sdp_feed::SdpFeed;
use super::supervise::{Kept, Terms};
use super::{Source, Sources, State, Status};
use crate::base::path::MediaPath;

/// The most feeds at a time.
const MOST: usize = 256;

/// How soon a feed is tried again whose port was taken.
const RETRY_FIRST: Duration = Duration::from_millis(500);
const RETRY_LONGEST: Duration = Duration::from_secs(2);

/// All feeds of a server.
#[derive(Debug)]
pub struct Feeds {
    sources: Arc<Sources>,
    stop: CancellationToken,
    claims: Arc<Claims>,
    table: Mutex<BTreeMap<MediaPath, Feed>>,
}

/// What became of a description.
#[derive(Debug)]
struct Feed {
    /// Where it came from, for people.
    origin: String,
    kept: Result<Kept, String>,
}

/// Why a channel that a description tells of cannot be watched; each with the reason in one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The description is none of a feed.
    Unsound(String),
    /// The feed cannot be received at the moment.
    Failing(String),
}

/// Why a description was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Another one tells of the same channel.
    #[error("{0} feeds the channel already")]
    Taken(String),
    /// There are [`MOST`] feeds.
    #[error("there are {MOST} feeds already")]
    TooMany,
}

impl Feeds {
    /// No feeds yet; they will be kept going like `sources`, until `stop`.
    pub fn new(sources: Arc<Sources>, stop: CancellationToken) -> Arc<Self> {
        Arc::new(Self {
            sources,
            stop,
            claims: Arc::default(),
            table: Mutex::default(),
        })
    }

    /// Begins to receive what `sdp` tells of, in place of what `origin` offered for the channel before.
    ///
    /// A description that is unsound is logged, and remembered for those who ask for the channel.
    ///
    /// # Errors
    /// [`Refused`], when nothing was changed.
    pub async fn offer(
        &self,
        channel: &MediaPath,
        origin: &str,
        sdp: &[u8],
        interface: &str,
    ) -> Result<(), Refused> {
        let channel = &plain(channel);
        self.check(channel, origin)?;
        self.withdraw(channel).await;
        let kept = match SdpFeed::read(sdp, origin, &self.claims, interface) {
            Ok(feed) => {
                let terms = Terms {
                    channel: channel.clone(),
                    origin: origin.to_owned(),
                    on_demand: None,
                    retry_first: RETRY_FIRST,
                    retry_longest: RETRY_LONGEST,
                };
                let source = Source::SdpFeed(feed);
                Ok(self.sources.keep(terms, source, None, &self.stop))
            }
            Err(unsound) => {
                tracing::warn!("{origin} tells of no feed: {unsound}");
                Err(unsound.to_string())
            }
        };
        let feed = Feed {
            origin: origin.to_owned(),
            kept,
        };
        self.table().insert(channel.clone(), feed);
        Ok(())
    }

    /// Ends a feed, and with it the channel.
    pub async fn withdraw(&self, channel: &MediaPath) {
        let feed = self.table().remove(&plain(channel));
        if let Some(Feed { kept: Ok(kept), .. }) = feed {
            kept.end().await;
        }
    }

    /// Ends all feeds.
    pub async fn clear(&self) {
        let channels: Vec<_> = self.table().keys().cloned().collect();
        for channel in channels {
            self.withdraw(&channel).await;
        }
    }

    /// How every feed is doing, in the order of the channels.
    pub fn list(&self) -> Vec<Arc<Status>> {
        let table = self.table();
        let kept = table.values().filter_map(|feed| feed.kept.as_ref().ok());
        kept.map(|kept| Arc::clone(kept.status())).collect()
    }

    /// Why the channel of that name, with or without `.sdp`, cannot be watched; `None` when it can, or nothing tells of it.
    pub fn fault(&self, channel: &MediaPath) -> Option<Fault> {
        let table = self.table();
        match &table.get(&plain(channel))?.kept {
            Err(reason) => Some(Fault::Unsound(reason.clone())),
            Ok(kept) => match kept.status().state() {
                State::Retrying { reason, .. } => Some(Fault::Failing(reason)),
                _ => None,
            },
        }
    }

    fn check(&self, channel: &MediaPath, origin: &str) -> Result<(), Refused> {
        let table = self.table();
        match table.get(channel) {
            Some(feed) if feed.origin != origin => Err(Refused::Taken(feed.origin.clone())),
            None if table.len() >= MOST => Err(Refused::TooMany),
            _ => Ok(()),
        }
    }

    fn table(&self) -> MutexGuard<'_, BTreeMap<MediaPath, Feed>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The name of a channel, without the `.sdp` that it answers to as well.
fn plain(channel: &MediaPath) -> MediaPath {
    MediaPath::from_plain(channel.channel_name()).unwrap_or_else(|_| channel.clone())
}
