//! A movie as one viewer watches it: each viewer has a playback of its own.

use std::sync::Arc;
use std::time::Instant;

use crate::base::id::TrackId;
use crate::base::media_time::NptTime;
use crate::codec::Kind;
use crate::log::access::Entry;
use crate::media::sessions::Session;
use crate::net::outlet::TrackOutlet;
use crate::vod::{self, Movie, Pacer, PlayRequest, Playback, ServedTrack};
use crate::wire::header::range::Range;

use super::answer::{Done, Playing};
use super::ask::{Play, Span};
use super::refusal::Refusal;

/// One viewer's movie.
pub(super) struct Screening {
    movie: Arc<Movie>,
    playback: Arc<Playback>,
    watched: Arc<Session>,
}

impl Screening {
    /// A movie of which no track is set up yet.
    pub(super) fn new(movie: Arc<Movie>, watched: Arc<Session>, pacer: &Arc<Pacer>) -> Self {
        Self {
            playback: Playback::new(Arc::clone(&movie), pacer, Arc::clone(&watched)),
            movie,
            watched,
        }
    }

    pub(super) fn movie(&self) -> &Movie {
        &self.movie
    }

    /// Gives a track its way out.
    pub(super) fn add_track(
        &self,
        id: TrackId,
        ssrc: u32,
        outlet: TrackOutlet,
    ) -> Result<(), Refusal> {
        let served = self.movie.served().iter().find(|track| track.id == id);
        let served = served.ok_or(vod::Error::NoTrack(id))?;
        self.playback.add_track(id, ssrc, outlet)?;
        self.watched.add_stream(ssrc, served.rtp_rate);
        Ok(())
    }

    /// Prepares what `play` asks for. Cancel safe: dropped half-way, play is held.
    pub(super) async fn play(&self, play: Play, now: Instant) -> Result<Done, Refusal> {
        let request = PlayRequest {
            range: bounds_of(&play)?,
            scale: play.scale.unwrap_or(1.0),
            speed: play.speed.unwrap_or(1.0),
        };
        let played = self.playback.play(&request, now).await?;
        let earlier = Some(played.earlier).filter(|earlier| !earlier.is_zero());
        let first = |(id, sequence, time)| (id, Some(sequence), Some(time));
        Ok(Done::Playing(Playing {
            range: Range::npt(Some(played.start), Some(played.end)),
            scale: played.scale,
            speed: played.speed,
            asked: (play.scale.is_some(), play.speed.is_some()),
            tracks: played.tracks.into_iter().map(first).collect(),
            prebuffer: play.prebuffer.and(earlier),
            options: play.options,
        }))
    }

    pub(super) fn start(&self, now: Instant) {
        self.playback.start(now);
    }

    pub(super) fn pause(&self) {
        self.playback.pause();
    }

    pub(super) fn stop(&self, now: Instant) {
        self.playback.stop(now);
    }

    pub(super) fn is_playing(&self) -> bool {
        self.playback.is_playing()
    }

    /// `entry` with what the access log says of the movie.
    pub(super) fn entry(&self, entry: Entry) -> Entry {
        let movie = &self.movie;
        Entry {
            movie_duration: movie.duration().duration().unwrap_or_default(),
            movie_size: movie.size(),
            bit_rate: movie.bit_rate(),
            audio_codec: self.encoding(Kind::Audio),
            video_codec: self.encoding(Kind::Video),
            ..entry
        }
    }

    fn encoding(&self, kind: Kind) -> String {
        let of_kind = |track: &&ServedTrack| track.kind == kind;
        let track = self.movie.served().iter().find(of_kind);
        track.map_or_else(String::new, |track| track.encoding.clone())
    }
}

/// From where to where.
type Bounds = (Option<NptTime>, Option<NptTime>);

/// A range that ends where it starts, or before, holds nothing; played backwards it is the other way round.
fn bounds_of(play: &Play) -> Result<Option<Bounds>, Refusal> {
    let range = match play.range {
        None => return Ok(None),
        Some(Span::Time(start, end)) => (start, end),
        Some(Span::Clock) => return Err(Refusal::new(457, "a movie has no clock time")),
    };
    let (Some(start), Some(end)) = range else {
        return Ok(Some(range));
    };
    let backwards = play.scale.is_some_and(|scale| scale < 0.0);
    if (backwards && end < start) || (!backwards && start < end) {
        Ok(Some(range))
    } else {
        Err(Refusal::new(457, "range ends before it starts"))
    }
}
