//! DESCRIBE, and finding the movie that a URL names.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::base::error::{Kind, chain};
use crate::base::id::TrackId;
use crate::base::path::MediaPath;
use crate::vod::{self, Found, Movie};
use crate::wire::sdp::Presenter;

use super::answer::{Description, Done};
use super::ask::Describe;
use super::refusal::Refusal;
use super::service::Service;
use super::target::Target;

impl Service {
    /// Describes the movie; `local` is the server's address on the connection.
    pub(super) async fn describe(
        &self,
        describe: &Describe,
        local: SocketAddr,
    ) -> Result<Done, Refusal> {
        let target = &describe.target;
        let movie = match self.open(&target.whole.path).await {
            Err(refusal) if self.names_track(target).await => {
                return Err(Refusal::new(
                    460,
                    format!("a track, not a movie: {}", refusal.reason),
                ));
            }
            other => other?,
        };
        self.admit(None)?;
        if describe
            .since
            .is_some_and(|since| is_unchanged(movie.modified(), since))
        {
            return Ok(Done::NotModified);
        }
        let clock = &self.parts.clock;
        let sdp = movie.sdp(&Presenter {
            address: local.ip(),
            url: &target.whole.url,
            now: clock.ntp(clock.now()),
        });
        Ok(Done::Described(Description {
            sdp,
            url: target.whole.url.clone(),
            modified: movie.modified(),
        }))
    }

    /// The movie and the track that a SETUP names; the movie's URL will do when it has one track only.
    pub(super) async fn track_of(&self, target: &Target) -> Result<(Arc<Movie>, TrackId), Refusal> {
        let mut found = None;
        if let Some((movie, id)) = &target.track {
            match self.open(&movie.path).await {
                Ok(movie) => return with_track(movie, *id),
                Err(refusal) => found = Some(refusal),
            }
        }
        let movie = match (self.open(&target.whole.path).await, found) {
            (Err(_), Some(refusal)) => return Err(refusal),
            (movie, _) => movie?,
        };
        match movie.served() {
            [only] => {
                let id = only.id;
                Ok((movie, id))
            }
            _ => Err(Refusal::new(459, "SETUP names no track")),
        }
    }

    /// Opens a movie; a reference movie is refused with where to go.
    pub(super) async fn open(&self, path: &MediaPath) -> Result<Arc<Movie>, Refusal> {
        match self.parts.library.open(path).await? {
            Found::Movie(movie) => Ok(movie),
            Found::Redirect(url) => Err(Refusal::moved(url)),
        }
    }

    async fn names_track(&self, target: &Target) -> bool {
        match &target.track {
            Some((movie, _)) => self.open(&movie.path).await.is_ok(),
            None => false,
        }
    }
}

fn with_track(movie: Arc<Movie>, id: TrackId) -> Result<(Arc<Movie>, TrackId), Refusal> {
    if movie.served().iter().any(|track| track.id == id) {
        Ok((movie, id))
    } else {
        Err(vod::Error::NoTrack(id).into())
    }
}

/// Whether the movie is no newer than the client's copy, to the second of HTTP dates.
fn is_unchanged(modified: SystemTime, since: SystemTime) -> bool {
    modified.duration_since(since).unwrap_or_default() < Duration::from_secs(1)
}

impl From<vod::Error> for Refusal {
    fn from(error: vod::Error) -> Self {
        let status = match error {
            vod::Error::RangeOutside { .. } => 457,
            vod::Error::NothingSetUp => 455,
            _ if error.kind() == Kind::Unsupported => return Self::unsupported(chain(&error)),
            _ => error.kind().rtsp_status(),
        };
        Self::new(status, chain(&error))
    }
}
