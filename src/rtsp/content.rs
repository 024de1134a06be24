//! What a URL names: a movie or a live channel, as it is found before any session has it.

use std::sync::Arc;
use std::time::SystemTime;

use crate::base::id::TrackId;
use crate::base::path::MediaPath;
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
    /// movie, 503 for a channel that nobody feeds within `[live] describe_wait`.
    pub(super) async fn open(&self, path: &MediaPath) -> Result<Content, Refusal> {
        let channel = self.parts.mounts.open(path);
        // A file of that name describes the channel; it is no movie.
        let described_by_file = channel.is_some() && path.as_str().ends_with(".sdp");
        let found = match described_by_file {
            true => Err(vod::Error::NotFound),
            false => self.parts.library.open(path).await,
        };
        match (found, channel) {
            (Ok(Found::Movie(movie)), _) => Ok(Content::Movie(movie)),
            (Ok(Found::Redirect(url)), _) => Err(Refusal::moved(url)),
            // A folder, or a file that is no movie, hides no channel.
            (Err(_), Some(channel)) => {
                let patience = self.config().live.describe_wait;
                let broadcast = Broadcast::open(channel, patience).await;
                broadcast.map(Content::Channel)
            }
            (Err(error), None) => Err(error.into()),
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
