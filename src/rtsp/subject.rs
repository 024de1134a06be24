//! What a viewer watches, as far as its session commands it.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use crate::base::id::TrackId;
use crate::base::path::MediaPath;
use crate::codec::Kind;
use crate::log::access::Entry;
use crate::media::sessions::Session;
use crate::net::outlet::TrackOutlet;
use crate::vod::{self, Movie, Playback, ServedTrack};

use super::answer::Done;
use super::ask::Play;
use super::refusal::Refusal;
use super::service::Parts;

/// The subject of one viewer.
pub(super) enum Subject {
    /// A movie, of which each viewer has a playback of its own.
    Movie {
        movie: Arc<Movie>,
        playback: Arc<Playback>,
        watched: Arc<Session>,
    },
}

impl Subject {
    /// A movie, of which no track is set up yet.
    pub(super) fn movie(movie: Arc<Movie>, watched: Arc<Session>, parts: &Parts) -> Self {
        Self::Movie {
            playback: Playback::new(Arc::clone(&movie), &parts.pacer, Arc::clone(&watched)),
            movie,
            watched,
        }
    }

    pub(super) fn path(&self) -> &MediaPath {
        match self {
            Self::Movie { movie, .. } => movie.path(),
        }
    }

    /// When it changed last.
    pub(super) fn modified(&self) -> SystemTime {
        match self {
            Self::Movie { movie, .. } => movie.modified(),
        }
    }

    /// Its mean bit rate, in bit/s.
    pub(super) fn bit_rate(&self) -> u64 {
        match self {
            Self::Movie { movie, .. } => movie.bit_rate(),
        }
    }

    /// Gives a track its way out.
    pub(super) fn add_track(
        &self,
        id: TrackId,
        ssrc: u32,
        outlet: TrackOutlet,
    ) -> Result<(), Refusal> {
        match self {
            Self::Movie {
                movie,
                playback,
                watched,
            } => {
                let served = movie.served().iter().find(|track| track.id == id);
                let served = served.ok_or(vod::Error::NoTrack(id))?;
                playback.add_track(id, ssrc, outlet)?;
                watched.add_stream(ssrc, served.rtp_rate);
                Ok(())
            }
        }
    }

    /// Prepares what `play` asks for.
    ///
    /// Nothing is sent before [`start`](Self::start). Cancel safe: dropped half-way, play is held.
    pub(super) async fn play(&self, play: Play, now: Instant) -> Result<Done, Refusal> {
        match self {
            Self::Movie { playback, .. } => super::play::play_movie(playback, play, now).await,
        }
    }

    /// Starts what [`play`](Self::play) has prepared.
    pub(super) fn start(&self, now: Instant) {
        match self {
            Self::Movie { playback, .. } => playback.start(now),
        }
    }

    /// Holds play.
    pub(super) fn pause(&self) {
        match self {
            Self::Movie { playback, .. } => {
                playback.pause();
            }
        }
    }

    /// Ends play for good, with BYE.
    pub(super) fn stop(&self, now: Instant) {
        match self {
            Self::Movie { playback, .. } => playback.stop(now),
        }
    }

    /// Whether packets leave at present.
    pub(super) fn is_playing(&self) -> bool {
        match self {
            Self::Movie { playback, .. } => playback.is_playing(),
        }
    }

    /// `entry` with what the access log says of the subject.
    pub(super) fn entry(&self, entry: Entry) -> Entry {
        match self {
            Self::Movie { movie, .. } => Entry {
                movie_duration: movie.duration().duration().unwrap_or_default(),
                movie_size: movie.size(),
                bit_rate: movie.bit_rate(),
                audio_codec: encoding(movie, Kind::Audio),
                video_codec: encoding(movie, Kind::Video),
                ..entry
            },
        }
    }
}

fn encoding(movie: &Movie, kind: Kind) -> String {
    let of_kind = |track: &&ServedTrack| track.kind == kind;
    let track = movie.served().iter().find(of_kind);
    track.map_or_else(String::new, |track| track.encoding.clone())
}
