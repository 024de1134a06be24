//! Movies by HLS that have to be encoded for their players.

use std::sync::Arc;

use hyper::header::{CACHE_CONTROL, RETRY_AFTER};
use hyper::{Response, StatusCode};

use super::answer::{HTML, NO_SEGMENT, PLAIN, missing, set, typed, unavailable};
use super::asked::Asked;
use super::body::Body;
use super::hls::{delivered, file};
use super::movies::{PATIENCE, PLAYLIST_AGE};
use super::playlists::lasting;
use super::server::Server;
use crate::base::path::MediaPath;
use crate::hls::object::Object;
use crate::hls::transcode::Trouble;
use crate::hls::transcode::remake::{Made, Remake};
use crate::hls::transcode::remakes::NoRemake;
use crate::hls::watched::Watched;

impl Server {
    /// Answers a request for a movie of that name, encoded for players.
    pub(super) async fn answer_remake(
        &self,
        asked: &Asked<'_>,
        name: &MediaPath,
        object: Object,
    ) -> Response<Body> {
        let remakes = &self.hls.remakes;
        let opened = match object {
            Object::File { packager, .. } => remakes.maker(name, packager).await,
            _ => remakes.open(name).await.map(Some),
        };
        let remake = match opened {
            Ok(Some(remake)) => remake,
            Ok(None) => return missing(NO_SEGMENT),
            Err(NoRemake::Trouble(trouble)) => return untranscoded(trouble),
            Err(error @ NoRemake::Keys(_)) => return unavailable(format!("{error}\n")),
            Err(NoRemake::NoMovie(reason)) => {
                let because = format!("this cannot be played: {reason}\n");
                return typed(StatusCode::UNSUPPORTED_MEDIA_TYPE, PLAIN, because);
            }
        };
        let watched = Watched::Remake(Arc::clone(&remake));
        let session = match self.admit(asked, &watched, PATIENCE) {
            Ok(session) => session,
            Err(refusal) => return *refusal,
        };
        let response = encoded(&remake, asked, object).await;
        delivered(response.unwrap_or_else(|| missing(NO_SEGMENT)), session)
    }
}

/// A playlist or file of what is encoded; `None` for what it has not.
pub(super) async fn encoded(
    remake: &Remake,
    asked: &Asked<'_>,
    object: Object,
) -> Option<Response<Body>> {
    let answered = match object {
        Object::File {
            packager,
            file: wanted,
        } => {
            let told = |made: Made| file(asked, object, made.pieces, made.facts);
            let made = remake.file(packager, wanted).await;
            made.map(|made| made.map(told))
        }
        _ => {
            let text = remake.playlist(object).await;
            text.map(|text| text.map(|text| lasting(asked, &text, PLAYLIST_AGE)))
        }
    };
    answered.unwrap_or_else(|trouble| Some(untranscoded(trouble)))
}

/// A page for people, because no player will say it.
pub(super) fn untranscoded(trouble: Trouble) -> Response<Body> {
    let advice = match trouble {
        Trouble::Missing => {
            "Install ffmpeg on the server (Debian: <code>apt install ffmpeg</code>), or name it in \
             <code>[hls] ffmpeg</code>. By RTSP it plays without."
        }
        Trouble::Full => "Try again later; <code>[hls] transcoders</code> says how many may be.",
        Trouble::Fails => "By RTSP it plays as it is.",
    };
    let page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>Reelcast</title>\n\
         <h1>This cannot be played by HLS</h1>\n<p>Because {trouble}.\n<p>{advice}\n"
    );
    let mut response = typed(StatusCode::SERVICE_UNAVAILABLE, HTML, page);
    set(&mut response, CACHE_CONTROL, "no-store");
    set(&mut response, RETRY_AFTER, "30");
    response
}
