//! Movies by HLS over HTTP: their playlists, and segments that are cut when somebody asks.

use std::sync::Arc;
use std::time::Duration;

use hyper::header::CACHE_CONTROL;
use hyper::{Response, StatusCode};

use super::answer::{NO_SEGMENT, NOTHING, PLAIN, missing, set, typed};
use super::asked::Asked;
use super::body::Body;
use super::hls::{delivered, file};
use super::playlists::lasting;
use super::remakes::encoded;
use super::server::Server;
use crate::base::error::{Kind, chain};
use crate::base::path::MediaPath;
use crate::codec;
use crate::hls::movies::{NoMovie, Shown};
use crate::hls::object::Object;
use crate::hls::transcode::remake::Remake;
use crate::hls::watched::Watched;
use crate::vod::Movie;

/// For how long caches may keep the playlists of movies, whose files may be replaced.
pub(super) const PLAYLIST_AGE: Duration = Duration::from_secs(10);

/// For how long a viewer is there of whom nothing is heard: players that have read ahead ask for nothing for a while.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

impl Server {
    /// Answers a request for `object` of the movie `name`.
    pub(super) async fn answer_movie(
        &self,
        asked: &Asked<'_>,
        name: &MediaPath,
        object: Object,
    ) -> Response<Body> {
        if matches!(object, Object::Compat(_)) && !self.config().hls.offers_compat() {
            return missing(NOTHING);
        }
        match self.hls.movies.open(name).await {
            Ok(shown) if !self.must_remake(&shown, object) => {
                self.answer_shown(asked, &shown, object).await
            }
            Ok(shown) if !may_have(shown.presentation.movie(), object) => missing(NOTHING),
            Err(NoMovie::Unfit { movie, .. }) if !may_have(&movie, object) => missing(NOTHING),
            Ok(_) => self.answer_remake(asked, name, object).await,
            Err(error) if error.kind() == Kind::NotFound => missing(NOTHING),
            Err(error) if error.kind() == Kind::Unsupported && self.config().hls.transcode => {
                self.answer_remake(asked, name, object).await
            }
            Err(error) => refused(&error),
        }
    }

    /// The sounds of a movie that are encoded beside those that it has as they are, if `object` has to do with them; where
    /// they cannot be, it is played without.
    async fn encoded_beside(&self, shown: &Shown, object: Object) -> Option<Arc<Remake>> {
        let presentation = &shown.presentation;
        if !self.config().hls.transcode || !presentation.wants_encoded(object) {
            return None;
        }
        // The log tells why.
        self.hls.remakes.beside(presentation).await.ok().flatten()
    }

    /// Whether the movie has to be encoded for who asks for `object`.
    fn must_remake(&self, shown: &Shown, object: Object) -> bool {
        let presentation = &shown.presentation;
        let has = |object| presentation.playlist(object, false, None).is_some();
        let is_carried = || match object {
            Object::Compat(_) => false,
            Object::File { packager, .. } => presentation.has_made(packager),
            _ if presentation.is_mute_or_blank() => false,
            // What its program does not name is nowhere.
            Object::Audio(flavour, _) | Object::IFrames(flavour) => {
                has(Object::Multivariant(flavour))
            }
            Object::Multivariant(_) | Object::Media(_) => has(object),
        };
        self.config().hls.transcode && !is_carried()
    }

    async fn answer_shown(
        &self,
        asked: &Asked<'_>,
        shown: &Shown,
        object: Object,
    ) -> Response<Body> {
        let presentation = &shown.presentation;
        let watched = Watched::Movie(Arc::clone(presentation.movie()));
        let session = match self.admit(asked, &watched, PATIENCE) {
            Ok(session) => session,
            Err(refusal) => return *refusal,
        };
        let beside = self.encoded_beside(shown, object).await;
        if let Some(beside) = &beside
            && !matches!(object, Object::Multivariant(_))
            && let Some(response) = encoded(beside, asked, object).await
        {
            return delivered(response, session);
        }
        let response = match object {
            Object::File {
                packager,
                file: wanted,
            } => match self.hls.movies.file(shown, packager, wanted).await {
                Ok(Some(bytes)) => file(asked, object, vec![bytes], presentation.facts(packager)),
                Ok(None) => missing(NO_SEGMENT),
                Err(error) => typed(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    PLAIN,
                    format!("{error}\n"),
                ),
            },
            _ => {
                let compat = self.config().hls.offers_compat();
                match presentation.playlist(object, compat, beside.as_deref()) {
                    Some(text) => lasting(asked, &text, PLAYLIST_AGE),
                    None => missing(
                        "this flavour cannot carry the movie: take index.m3u8, or have the server transcode it ([hls] transcode)\n",
                    ),
                }
            }
        };
        delivered(response, session)
    }
}

/// Whether a movie may have such a playlist, encoded or not: each sound that can be chosen is one of its tracks.
fn may_have(movie: &Movie, object: Object) -> bool {
    let Object::Audio(_, number) = object else {
        return true;
    };
    let tracks = movie.index().tracks.iter();
    let sounds = tracks.filter(|track| track.kind() == Some(codec::Kind::Audio));
    let sounds = sounds.count();
    sounds > 1 && usize::from(number) <= sounds
}

/// Why a movie cannot be had.
pub(super) fn refused(error: &NoMovie) -> Response<Body> {
    let status = StatusCode::from_u16(error.kind().http_status());
    let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = typed(status, PLAIN, format!("{}\n", chain(error)));
    set(&mut response, CACHE_CONTROL, "max-age=1");
    response
}
