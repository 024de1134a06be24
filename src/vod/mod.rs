//! Movies on demand: from a path to packets that leave on their media time.
//!
//! A [`Library`] opens a [`Movie`] once for all its viewers; each viewer has a
//! [`Playback`], whose sans-IO [`player`] says which packet is due when; the
//! [`Pacer`]'s workers send what is due. Transports, sessions and the RTSP
//! dialogue are not known here.

mod batch;
mod blocks;
mod describe;
mod feed;
mod file;
mod hinted;
mod library;
mod movie;
mod numbers;
mod pacer;
mod packetised;
mod peek;
mod playback;
mod player;
mod run;
mod seek;
mod steps;
mod stream;
mod streams;
mod wheel;
mod writer;

pub use blocks::{BlockCounts, Blocks};
pub use library::{Found, Library, Listed};
pub use movie::{Movie, ServedTrack};
pub use pacer::{Pace, Pacer};
pub use playback::Playback;
pub use run::{PlayRequest, Played};

use crate::base::error::Kind;
use crate::base::id::TrackId;
use crate::base::media_time::NptTime;
use crate::container;

/// Why a movie cannot be opened or played.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing of that name, or a name that is never served.
    #[error("no movie of that name")]
    NotFound,
    /// It exists, but is no movie that this server can send; the text says why.
    #[error("{0}")]
    Unsupported(String),
    /// The file is not what a movie should be.
    #[error(transparent)]
    Container(#[from] container::Error),
    /// The medium failed.
    #[error("reading the movie")]
    Io(#[from] std::io::Error),
    /// No such track, or none that the client has set up.
    #[error("no track {0}")]
    NoTrack(TrackId),
    /// The client has set up no track.
    #[error("no track is set up")]
    NothingSetUp,
    /// A range outside the movie (RFC 2326, 11.3.8).
    #[error("range {start} to {end} lies outside the movie, which lasts {duration} s")]
    RangeOutside {
        /// Where play was to begin.
        start: NptTime,
        /// Where it was to end.
        end: NptTime,
        /// The movie's length.
        duration: NptTime,
    },
}

impl Error {
    /// Whether it is a file of a known format that only other programs read.
    pub fn is_foreign(&self) -> bool {
        matches!(self, Self::Container(container::Error::Foreign(_)))
    }

    /// The kind of failure, which decides the status code.
    pub fn kind(&self) -> Kind {
        match self {
            Self::NotFound | Self::NoTrack(_) => Kind::NotFound,
            Self::Unsupported(_) => Kind::Unsupported,
            Self::Container(error) => error.kind(),
            Self::Io(_) => Kind::Internal,
            Self::NothingSetUp | Self::RangeOutside { .. } => Kind::Invalid,
        }
    }
}
