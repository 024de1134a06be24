//! Playlists of HLS over HTTP: who asks for one, until when caches may keep it, and why there is none.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hyper::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, ETAG};
use hyper::{Response, StatusCode};

use super::answer::{
    refused, set, set_modified, status, to_the_second, typed, unavailable, varies_by,
};
use super::asked::Asked;
use super::body::Body;
use super::remakes::untranscoded;
use super::route;
use crate::hls::group::program;
use crate::hls::object::Flavour;
use crate::hls::packager::{NoPlaylist, Packager};
use crate::hls::playlist::MEDIA_TYPE;
use crate::hls::text::Text;

/// A media playlist, as the directives of the query ask for it; `others` package the other variants
/// of the program.
pub(super) async fn media(
    asked: &Asked<'_>,
    packager: &Packager,
    (sound, flavour): (u16, Flavour),
    start_wait: Duration,
    others: impl Fn() -> Vec<Arc<Packager>>,
) -> Response<Body> {
    let query = asked.request.uri().query().unwrap_or_default();
    let directives = match route::directives(query) {
        Ok(directives) => directives,
        Err(reason) => return refused(StatusCode::BAD_REQUEST, reason),
    };
    let target = packager.target_duration();
    // A caching proxy keeps what nobody asks for again, and not for long what changes.
    let age = match directives.wanted {
        Some(_) => 6 * target,
        None => target / 2,
    };
    let text = packager.media(sound, flavour, directives, start_wait).await;
    let text = match flavour {
        Flavour::LowLatency => text.map(|text| program::reported(packager, text, &others())),
        Flavour::Cmaf | Flavour::Ts => text,
    };
    playlist(asked, text, age)
}

/// A playlist, which caches may keep for as long as `age`; or why there is none.
pub(super) fn playlist(
    asked: &Asked<'_>,
    text: Result<Arc<Text>, NoPlaylist>,
    age: Duration,
) -> Response<Body> {
    match text {
        Ok(text) => {
            let query = asked.carried.unwrap_or_default();
            let modified = text.modified();
            sent(asked, &text.readdressed(&asked.way, query), age, modified)
        }
        Err(reason) => without_playlist(reason),
    }
}

/// A playlist that does not change twice in a second, which caches may keep for as long as `age`.
pub(super) fn lasting(asked: &Asked<'_>, text: &Arc<Text>, age: Duration) -> Response<Body> {
    let query = asked.carried.unwrap_or_default();
    sent(
        asked,
        &text.readdressed(&asked.way, query),
        age,
        to_the_second(text.modified()),
    )
}

/// A playlist as whoever asks is to read it, which has changed at the time `modified`.
fn sent(asked: &Asked<'_>, text: &Text, age: Duration, modified: SystemTime) -> Response<Body> {
    let is_packed = asked.takes_gzip();
    let tag = match is_packed {
        true => format!("\"{}-gzip\"", text.tag()),
        false => format!("\"{}\"", text.tag()),
    };
    let body = match is_packed {
        true => text.gzip().clone(),
        false => text.plain().clone(),
    };
    let mut response = if asked.has(&tag, Some(modified)) {
        status(StatusCode::NOT_MODIFIED)
    } else {
        typed(StatusCode::OK, MEDIA_TYPE, body)
    };
    if is_packed {
        set(&mut response, CONTENT_ENCODING, "gzip");
    }
    varies_by(&mut response, &ACCEPT_ENCODING);
    set(&mut response, ETAG, &tag);
    set_modified(&mut response, modified);
    let seconds = age.as_secs().max(1);
    set(&mut response, CACHE_CONTROL, &format!("max-age={seconds}"));
    response
}

fn without_playlist(reason: NoPlaylist) -> Response<Body> {
    let because = format!("{reason}\n");
    match reason {
        NoPlaylist::Beyond => refused(StatusCode::BAD_REQUEST, because),
        NoPlaylist::Late | NoPlaylist::Starting => unavailable(because),
        NoPlaylist::Nothing | NoPlaylist::Unfit | NoPlaylist::NoPictures | NoPlaylist::NoSound => {
            refused(StatusCode::NOT_FOUND, because)
        }
        NoPlaylist::Untranscoded(trouble) => untranscoded(trouble),
    }
}
