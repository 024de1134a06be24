//! Playlists of HLS over HTTP: who asks for one, until when caches may keep it, and why there is none.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hyper::header::{CACHE_CONTROL, CONTENT_ENCODING, ETAG, LAST_MODIFIED};
use hyper::{Response, StatusCode};

use super::body::Body;
use super::connection::{text, typed};
use super::hls::{Asked, PLAIN, set, status, unavailable};
use super::remakes::untranscoded;
use super::route;
use crate::hls::group::program;
use crate::hls::object::Flavour;
use crate::hls::packager::{NoPlaylist, Packager};
use crate::hls::playlist::{MEDIA_TYPE, with_uris};
use crate::hls::text::Text;

/// A media playlist, as the directives of the query ask for it; `others` package the other variants
/// of the channel's group.
pub(super) async fn media(
    asked: &Asked<'_>,
    packager: &Packager,
    (sound, flavour): (u16, Flavour),
    start_wait: Duration,
    others: &[Arc<Packager>],
) -> Response<Body> {
    let query = asked.request.uri().query().unwrap_or_default();
    let directives = match route::directives(query) {
        Ok(directives) => directives,
        Err(reason) => return text(StatusCode::BAD_REQUEST, reason),
    };
    let target = packager.target_duration();
    // A caching proxy keeps what nobody asks for again, and not for long what changes.
    let age = match directives.wanted {
        Some(_) => 6 * target,
        None => target / 2,
    };
    let text = packager.media(sound, flavour, directives, start_wait).await;
    let text = match flavour {
        Flavour::LowLatency => text.map(|text| program::reported(packager, text, others)),
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
        Ok(text) => written(asked, &text, age),
        Err(reason) => without_playlist(reason),
    }
}

/// A playlist, which caches may keep for as long as `age`.
pub(super) fn written(asked: &Asked<'_>, text: &Text, age: Duration) -> Response<Body> {
    if asked.carried.is_some() || !asked.way.is_empty() {
        return readdressed(asked, text, age);
    }
    let is_packed = asked.takes_gzip();
    let tag = match is_packed {
        true => format!("\"{}-gzip\"", text.tag()),
        false => format!("\"{}\"", text.tag()),
    };
    let body = match is_packed {
        true => text.gzip().clone(),
        false => text.plain().clone(),
    };
    let mut response = if asked.has(&tag) {
        status(StatusCode::NOT_MODIFIED)
    } else {
        typed(StatusCode::OK, MEDIA_TYPE, body)
    };
    if is_packed {
        set(&mut response, CONTENT_ENCODING, "gzip");
    }
    set(&mut response, ETAG, &tag);
    date(&mut response, text, age);
    response
}

/// A playlist whose URIs are not those that are shared.
fn readdressed(asked: &Asked<'_>, text: &Text, age: Duration) -> Response<Body> {
    let plain = String::from_utf8_lossy(text.plain());
    let own = with_uris(&plain, &asked.way, asked.carried.unwrap_or_default());
    let mut response = typed(StatusCode::OK, MEDIA_TYPE, own);
    date(&mut response, text, age);
    response
}

/// Says since when the playlist is as it is, and for how long caches may keep it.
fn date(response: &mut Response<Body>, text: &Text, age: Duration) {
    let modified = httpdate::fmt_http_date(text.modified().max(SystemTime::UNIX_EPOCH));
    set(response, LAST_MODIFIED, &modified);
    let seconds = age.as_secs().max(1);
    set(response, CACHE_CONTROL, &format!("max-age={seconds}"));
}

fn without_playlist(reason: NoPlaylist) -> Response<Body> {
    let because = format!("{reason}\n");
    match reason {
        NoPlaylist::Beyond => typed(StatusCode::BAD_REQUEST, PLAIN, because),
        NoPlaylist::Late | NoPlaylist::Starting => unavailable(because),
        NoPlaylist::Nothing | NoPlaylist::Unfit | NoPlaylist::NoPictures | NoPlaylist::NoSound => {
            typed(StatusCode::NOT_FOUND, PLAIN, because)
        }
        NoPlaylist::Untranscoded(trouble) => untranscoded(trouble),
    }
}
