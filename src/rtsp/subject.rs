//! What a viewer watches, as far as its session commands it: a movie or a live channel.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use crate::base::id::TrackId;
use crate::log::access::Entry;
use crate::media::ring::Start;
use crate::media::sessions::Session;
use crate::net::outlet::TrackOutlet;

use super::answer::Done;
use super::ask::Play;
use super::content::Content;
use super::refusal::Refusal;
use super::screening::Screening;
use super::service::Service;
use super::tuner::Tuner;

/// The subject of one viewer.
pub(super) enum Subject {
    Movie(Screening),
    Channel(Tuner),
}

impl Subject {
    /// `content`, of which no track is set up yet; what is sent counts into `watched`.
    pub(super) fn new(content: Content, watched: Arc<Session>, service: &Service) -> Self {
        let parts = &service.parts;
        match content {
            Content::Movie(movie) => Self::Movie(Screening::new(movie, watched, &parts.pacer)),
            Content::Channel(broadcast) => {
                Self::Channel(Tuner::new(broadcast, watched, Arc::clone(&parts.fan)))
            }
        }
    }

    /// When the movie's file changed last; a channel changes all the time.
    pub(super) fn modified(&self) -> Option<SystemTime> {
        match self {
            Self::Movie(screening) => Some(screening.movie().modified()),
            Self::Channel(_) => None,
        }
    }

    /// Its bit rate, in bit/s: the mean of a movie, the present one of a channel.
    pub(super) fn bit_rate(&self) -> u64 {
        match self {
            Self::Movie(screening) => screening.movie().bit_rate(),
            Self::Channel(tuner) => tuner.bit_rate(),
        }
    }

    /// The synchronisation source of a track: one of the viewer's own, or that of the channel.
    pub(super) fn ssrc(&self, id: TrackId) -> Result<u32, Refusal> {
        match self {
            Self::Movie(_) => Ok(rand::random()),
            Self::Channel(tuner) => {
                let (index, _) = tuner.broadcast().track(id)?;
                Ok(tuner.broadcast().channel.ssrc(index))
            }
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
            Self::Movie(screening) => screening.add_track(id, ssrc, outlet),
            Self::Channel(tuner) => tuner.add_track(id, outlet),
        }
    }

    /// Prepares what `play` asks for; a reader of a channel begins at `start`.
    ///
    /// Nothing is sent before [`start`](Self::start). Cancel safe: dropped half-way, play is held.
    pub(super) async fn play(
        &self,
        play: Play,
        start: Start,
        now: Instant,
    ) -> Result<Done, Refusal> {
        match self {
            Self::Movie(screening) => screening.play(play, now).await,
            Self::Channel(tuner) => tuner.play(play, start),
        }
    }

    /// Starts what [`play`](Self::play) has prepared.
    pub(super) fn start(&self, now: Instant) {
        match self {
            Self::Movie(screening) => screening.start(now),
            Self::Channel(tuner) => tuner.start(),
        }
    }

    /// Holds play.
    pub(super) fn pause(&self) {
        match self {
            Self::Movie(screening) => screening.pause(),
            Self::Channel(tuner) => tuner.pause(),
        }
    }

    /// Ends play for good, with BYE.
    pub(super) fn stop(&self, now: Instant) {
        match self {
            Self::Movie(screening) => screening.stop(now),
            Self::Channel(tuner) => tuner.stop(now),
        }
    }

    /// Whether packets leave at present.
    pub(super) fn is_playing(&self) -> bool {
        match self {
            Self::Movie(screening) => screening.is_playing(),
            Self::Channel(tuner) => tuner.is_playing(),
        }
    }

    /// Why nothing can be sent any more, in words for the log; `None` while something can.
    pub(super) fn ended(&self) -> Option<String> {
        match self {
            Self::Movie(_) => None,
            Self::Channel(tuner) => tuner.ended(),
        }
    }

    /// Whether a channel's reader was cut off because it took nothing for too long.
    pub(super) fn is_slow(&self) -> bool {
        match self {
            Self::Movie(_) => false,
            Self::Channel(tuner) => tuner.is_slow(),
        }
    }

    /// Whether the channel is over; a movie never is.
    pub(super) fn is_over(&self) -> bool {
        match self {
            Self::Movie(_) => false,
            Self::Channel(tuner) => tuner.broadcast().channel.ended().is_some(),
        }
    }

    /// `entry` with what the access log says of the subject.
    pub(super) fn entry(&self, entry: Entry) -> Entry {
        match self {
            Self::Movie(screening) => screening.entry(entry),
            Self::Channel(tuner) => tuner.entry(entry),
        }
    }
}
