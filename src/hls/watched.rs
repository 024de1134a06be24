//! What a viewer by HLS watches: a live channel, a group of them, or a movie.

use std::sync::Arc;
use std::time::Duration;

use super::transcode::remake::Remake;
use crate::base::path::MediaPath;
use crate::codec::Kind;
use crate::media::channel::Channel;
use crate::vod::Movie;

/// A channel, a group or a movie, as far as sessions and the access log tell of it.
#[derive(Clone, Debug)]
pub enum Watched {
    /// A live channel.
    Channel(Arc<Channel>),
    /// A group of that name, by a channel of it.
    Group(MediaPath, Arc<Channel>),
    /// A movie of the folder.
    Movie(Arc<Movie>),
    /// One that is encoded for its players.
    Remake(Arc<Remake>),
}

impl Watched {
    /// Its name.
    pub fn path(&self) -> &MediaPath {
        match self {
            Self::Channel(channel) => channel.path(),
            Self::Group(name, _) => name,
            Self::Movie(movie) => movie.path(),
            Self::Remake(remake) => remake.path(),
        }
    }

    /// About how many bits a second a viewer takes.
    pub fn bit_rate(&self) -> u64 {
        match self {
            Self::Channel(channel) | Self::Group(_, channel) => channel.bit_rate(),
            Self::Movie(movie) => movie.bit_rate(),
            Self::Remake(remake) => remake.bit_rate(),
        }
    }

    /// What its first track of that kind is encoded in, as SDP names it; empty without one.
    pub(super) fn encoding(&self, kind: Kind) -> String {
        let encoding = match self {
            Self::Channel(channel) | Self::Group(_, channel) => {
                channel.description().and_then(|description| {
                    let mut tracks = description.tracks().iter();
                    let track = tracks.find(|track| track.kind == kind);
                    track.map(|track| track.encoding.clone())
                })
            }
            Self::Movie(movie) => {
                let mut tracks = movie.served().iter();
                let track = tracks.find(|track| track.kind == kind);
                track.map(|track| track.encoding.clone())
            }
            Self::Remake(remake) => remake.encoding(kind).map(str::to_owned),
        };
        encoding.unwrap_or_default()
    }

    /// How long it lasts; zero for a channel, whose end nobody knows.
    pub(super) fn duration(&self) -> Duration {
        match self {
            Self::Channel(_) | Self::Group(..) => Duration::ZERO,
            Self::Movie(movie) => movie.duration().duration().unwrap_or_default(),
            Self::Remake(remake) => remake.duration(),
        }
    }

    /// Bytes of its file; 0 for a channel.
    pub(super) fn size(&self) -> u64 {
        match self {
            Self::Channel(_) | Self::Group(..) => 0,
            Self::Movie(movie) => movie.size(),
            Self::Remake(remake) => remake.size(),
        }
    }
}
