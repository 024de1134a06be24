//! DESCRIBE, and finding the track that a URL names.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::base::error::{Kind, chain};
use crate::base::id::TrackId;
use crate::base::media_time::NtpTime;
use crate::base::path::MediaPath;
use crate::vod;
use crate::wire::sdp::{Presenter, secure};

use super::answer::{Description, Done};
use super::ask::Describe;
use super::connection::Connection;
use super::content::Content;
use super::protection;
use super::refusal::Refusal;
use super::service::Service;
use super::target::Target;

impl Connection {
    /// Describes a movie or channel, with new keys where it may go by SRTP.
    pub(super) async fn describe(&mut self, describe: &Describe) -> Result<Done, Refusal> {
        let service = Arc::clone(self.service());
        let content = service.content_of(describe, self.peer().ip()).await?;
        let protected = self.terms().srtp;
        // Keys of a description that the client has from before may be in use.
        if describe
            .since
            .is_some_and(|since| !protected && content.is_unchanged(since))
        {
            return Ok(Done::NotModified);
        }
        let (clock, url) = (service.parts.clock, &describe.target.whole.url);
        let now = clock.ntp(clock.now());
        let sdp = content.sdp(&Presenter {
            address: self.local().ip(),
            url,
            now,
        });
        Ok(Done::Described(Description {
            sdp: match protected {
                true => self.with_keys(&sdp, &content, now),
                false => sdp,
            },
            url: url.clone(),
            modified: content.modified(),
        }))
    }

    /// The description with the keys that its tracks will have.
    fn with_keys(&mut self, sdp: &str, content: &Content, now: NtpTime) -> String {
        let sdes = self.tells_sdes();
        let keys = self.offered_keys().offer(content.path(), &content.tracks());
        secure(sdp, |track| {
            let key = keys.get(track)?;
            Some(protection::attributes(key, now, sdes))
        })
    }
}

impl Service {
    /// What is to be described to `peer`.
    async fn content_of(&self, describe: &Describe, peer: IpAddr) -> Result<Content, Refusal> {
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
        self.has_room(peer)?;
        Ok(content)
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

impl Content {
    /// Whether the movie is no newer than the client's copy, to the second of HTTP dates.
    fn is_unchanged(&self, since: SystemTime) -> bool {
        self.modified().is_some_and(|modified| {
            modified.duration_since(since).unwrap_or_default() < Duration::from_secs(1)
        })
    }
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
