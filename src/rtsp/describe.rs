//! DESCRIBE, and finding the track that a URL names.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use crate::base::error::{Kind, chain};
use crate::base::id::TrackId;
use crate::base::path::MediaPath;
use crate::vod;
use crate::wire::sdp::Presenter;

use super::answer::{Description, Done};
use super::ask::Describe;
use super::content::Content;
use super::refusal::Refusal;
use super::service::Service;
use super::target::Target;

impl Service {
    /// Describes a movie or channel; `local` is the server's address on the connection.
    pub(super) async fn describe(
        &self,
        describe: &Describe,
        local: SocketAddr,
    ) -> Result<Done, Refusal> {
        let target = &describe.target;
        let content = match self.open(&target.whole.path).await {
            Err(refusal) if self.names_track(target).await => {
                return Err(Refusal::new(
                    460,
                    format!("a track, not a movie: {}", refusal.reason),
                ));
            }
            other => other?,
        };
        self.has_room()?;
        if describe
            .since
            .zip(content.modified())
            .is_some_and(|(since, modified)| is_unchanged(modified, since))
        {
            return Ok(Done::NotModified);
        }
        let clock = &self.parts.clock;
        let sdp = content.sdp(&Presenter {
            address: local.ip(),
            url: &target.whole.url,
            now: clock.ntp(clock.now()),
        });
        Ok(Done::Described(Description {
            sdp,
            url: target.whole.url.clone(),
            modified: content.modified(),
        }))
    }

    /// What a SETUP names: a movie or channel, its path as the client spelled it, and the track.
    ///
    /// The URL of the whole will do when there is one track only.
    pub(super) async fn track_of(
        &self,
        target: &Target,
    ) -> Result<(Content, MediaPath, TrackId), Refusal> {
        let mut found = None;
        if let Some((movie, id)) = &target.track {
            match self.open(&movie.path).await {
                Ok(content) => return with_track(content, movie.path.clone(), *id),
                Err(refusal) => found = Some(refusal),
            }
        }
        let path = &target.whole.path;
        let content = match (self.open(path).await, found) {
            (Err(_), Some(refusal)) => return Err(refusal),
            (content, _) => content?,
        };
        match content.tracks()[..] {
            [only] => Ok((content, path.clone(), only)),
            _ => Err(Refusal::new(459, "SETUP names no track")),
        }
    }

    async fn names_track(&self, target: &Target) -> bool {
        match &target.track {
            Some((movie, _)) => self.open(&movie.path).await.is_ok(),
            None => false,
        }
    }
}

fn with_track(
    content: Content,
    path: MediaPath,
    id: TrackId,
) -> Result<(Content, MediaPath, TrackId), Refusal> {
    if content.tracks().contains(&id) {
        Ok((content, path, id))
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
