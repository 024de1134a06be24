//! What a URL names: a movie or a live channel, as it is found before any session has it.

use std::sync::Arc;
use std::time::SystemTime;

use crate::base::id::TrackId;
use crate::base::path::MediaPath;
use crate::media::channel::Channel;
use crate::source::Fault;
use crate::vod::{self, Found, Movie};
use crate::wire::sdp::Presenter;

use super::broadcast::Broadcast;
use super::refusal::Refusal;
use super::service::Service;

/// What is served under a name.
pub(super) enum Content {
    Movie(Arc<Movie>),
    Channel(Broadcast),
}

impl Service {
    /// What is served under `path`. A movie comes before a channel of the same name.
    ///
    /// Cancel safe.
    ///
    /// # Errors
    /// 404 when there is neither, 302 for a reference movie, 415 for a file that is no
    /// movie and a description that is none of a feed, 503 for a feed that cannot be
    /// received and a channel that nobody feeds within `[live] describe_wait`.
    pub(super) async fn open(&self, path: &MediaPath) -> Result<Content, Refusal> {
        let channel = self.parts.mounts.open(path);
        let is_fed = |channel: &Arc<Channel>| channel.description().is_some();
        let fault = match channel.as_ref().is_some_and(is_fed) {
            true => None,
            false => self.parts.feeds.fault(path),
        };
        // A file of such a name tells of a channel; it is no movie.
        let found = match path.as_str().ends_with(".sdp") {
            true => Err(vod::Error::NotFound),
            false => self.parts.library.open(path).await,
        };
        match (found, fault, channel) {
            (Ok(Found::Movie(movie)), ..) => Ok(Content::Movie(movie)),
            (Ok(Found::Redirect(url)), ..) => Err(Refusal::moved(url)),
            (Err(_), Some(Fault::Unsound(reason)), _) => Err(Refusal::unsupported(reason)),
            (Err(_), Some(Fault::Failing(reason)), _) => Err(Refusal::told(503, reason)),
            // A folder, or a file that is no movie, hides no channel.
            (Err(_), None, Some(channel)) => {
                let patience = self.config().live.describe_wait;
                let broadcast = Broadcast::open(channel, patience).await;
                broadcast.map(Content::Channel)
            }
            (Err(vod::Error::NotFound), None, None) => {
                Err(Refusal::new(404, "no movie and no channel of that name"))
            }
            (Err(error), None, None) => Err(error.into()),
        }
    }
}

impl Content {
    /// Its name in the logs and the statistics.
    pub(super) fn path(&self) -> &MediaPath {
        match self {
            Self::Movie(movie) => movie.path(),
            Self::Channel(broadcast) => broadcast.channel.path(),
        }
    }

    /// Whether it is a channel.
    pub(super) fn is_live(&self) -> bool {
        matches!(self, Self::Channel(_))
    }

    /// When the movie's file changed last; a channel changes all the time.
    pub(super) fn modified(&self) -> Option<SystemTime> {
        match self {
            Self::Movie(movie) => Some(movie.modified()),
            Self::Channel(_) => None,
        }
    }

    /// Its bit rate, in bit/s: the mean of a movie, the present one of a channel.
    pub(super) fn bit_rate(&self) -> u64 {
        match self {
            Self::Movie(movie) => movie.bit_rate(),
            Self::Channel(broadcast) => broadcast.bit_rate(),
        }
    }

    /// The tracks that can be set up.
    pub(super) fn tracks(&self) -> Vec<TrackId> {
        match self {
            Self::Movie(movie) => movie.served().iter().map(|track| track.id).collect(),
            Self::Channel(broadcast) => {
                let tracks = broadcast.description.tracks().iter();
                tracks.map(|track| track.id).collect()
            }
        }
    }

    /// Its description for a client.
    pub(super) fn sdp(&self, presenter: &Presenter<'_>) -> String {
        match self {
            Self::Movie(movie) => movie.sdp(presenter),
            Self::Channel(broadcast) => broadcast.description.sdp(presenter),
        }
    }
}
