//! Playlists of HLS over HTTP: who asks for one, until when caches may keep it, and why there is none.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hyper::header::{ACCEPT_ENCODING, CONTENT_ENCODING, ETAG, HeaderValue, LAST_MODIFIED};
use hyper::{Response, StatusCode};

use super::answer::{
    date, keep_for, refused, set_static, status, to_the_second, typed, unavailable, varies_by,
};
use super::asked::Asked;
use super::body::Body;
use super::remakes::untranscoded;
use super::route;
use crate::hls::group::program;
use crate::hls::object::Flavour;
use crate::hls::packager::{NoPlaylist, Packager};
use crate::hls::playlist::MEDIA_TYPE;
use crate::hls::text::{Text, Told};

/// What times a channel has its players reckon with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    /// How long its segments are meant to be.
    pub(super) target: Duration,
    /// How long they wait for a channel that has just begun.
    pub(super) start_wait: Duration,
}

/// A media playlist, as the directives of the query ask for it; `others` package the other variants
/// of the program.
pub(super) async fn media(
    asked: &Asked<'_>,
    packager: &Packager,
    (sound, flavour): (u16, Flavour),
    times: Times,
    others: impl Fn() -> Vec<Arc<Packager>>,
) -> Response<Body> {
    let query = asked.request.uri().query().unwrap_or_default();
    let directives = match route::directives(query) {
        Ok(directives) => directives,
        Err(reason) => return refused(StatusCode::BAD_REQUEST, reason),
    };
    let Times { target, start_wait } = times;
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
    let told = text.told(told);
    let (tag, body) = match is_packed {
        true => (&told.packed_tag, text.gzip()),
        false => (&told.tag, text.plain()),
    };
    let mut response = if asked.has(tag.as_bytes(), Some(modified)) {
        status(StatusCode::NOT_MODIFIED)
    } else {
        typed(StatusCode::OK, MEDIA_TYPE, body.clone())
    };
    if is_packed {
        set_static(&mut response, CONTENT_ENCODING, "gzip");
    }
    varies_by(&mut response, &ACCEPT_ENCODING);
    let headers = response.headers_mut();
    headers.insert(ETAG, tag.clone());
    headers.insert(LAST_MODIFIED, told.modified.clone());
    keep_for(&mut response, age.max(Duration::from_secs(1)));
    response
}

/// What is told of a playlist, whoever asks.
fn told(text: &Text) -> Told {
    // Our own tags and dates are plain text.
    let field = |text: String| HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""));
    Told {
        tag: field(format!("\"{}\"", text.tag())),
        packed_tag: field(format!("\"{}-gzip\"", text.tag())),
        modified: field(date(text.modified())),
    }
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
