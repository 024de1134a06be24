//! Answers of HTTP in their simplest forms, and the words that many of them share.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use hyper::header::{
    CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, LAST_MODIFIED, RETRY_AFTER, VARY,
};
use hyper::{Response, StatusCode};

use super::body::Body;
use crate::media::room::Full;

pub(super) const PLAIN: &str = "text/plain; charset=utf-8";
pub(super) const HTML: &str = "text/html; charset=utf-8";

/// For what never changes, by names that are never used again.
pub(super) const FOR_EVER: &str = "max-age=31536000, immutable";

/// For what is good for as long, though its name may bring other bytes to who asks anew (RFC 8246, 2).
pub(super) const FOR_LONG: &str = "max-age=31536000";

/// Why [something is missing](missing).
pub(super) const NOTHING: &str = "there is no such channel or movie\n";
pub(super) const NO_SEGMENT: &str = "there is no such segment, or no longer\n";

/// After how many seconds somebody may have left.
const FULL_FOR: &str = "10";

/// For so many header fields there is room in an answer from the beginning.
const FIELDS: usize = 10;

/// An answer without a body.
pub(super) fn status(status: StatusCode) -> Response<Body> {
    with_body(status, Body::default())
}

fn with_body(status: StatusCode, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().reserve(FIELDS);
    response
}

/// A plain text answer.
pub(super) fn text(status: StatusCode, text: &'static str) -> Response<Body> {
    typed(status, PLAIN, text)
}

/// An answer of the given media type.
pub(super) fn typed(
    status: StatusCode,
    media_type: &'static str,
    body: impl Into<Bytes>,
) -> Response<Body> {
    let mut response = with_body(status, Body::from(body));
    let media_type = HeaderValue::from_static(media_type);
    response.headers_mut().insert(CONTENT_TYPE, media_type);
    response
}

/// There is nothing; a cache may believe it for a moment.
pub(super) fn missing(reason: &'static str) -> Response<Body> {
    refused(StatusCode::NOT_FOUND, reason)
}

/// It cannot be had, for the reason that is told; a cache may believe it for a moment.
pub(super) fn refused(status: StatusCode, reason: impl Into<Bytes>) -> Response<Body> {
    let mut response = typed(status, PLAIN, reason);
    keep_for(&mut response, Duration::from_secs(1));
    response
}

/// It could work later.
pub(super) fn unavailable(reason: String) -> Response<Body> {
    let mut response = typed(StatusCode::SERVICE_UNAVAILABLE, PLAIN, reason);
    set(&mut response, CACHE_CONTROL, "no-store");
    set(&mut response, RETRY_AFTER, "1");
    response
}

/// There is no room for one more viewer.
pub(super) fn full(reached: Full) -> Response<Body> {
    let mut response = unavailable(format!("{reached}\n"));
    set(&mut response, RETRY_AFTER, FULL_FOR);
    response
}

/// Says for how long caches may keep it, in whole seconds.
pub(super) fn keep_for(response: &mut Response<Body>, age: Duration) {
    let seconds = age.as_secs();
    let known = usize::try_from(seconds).ok().and_then(|at| AGES.get(at));
    match known {
        Some(known) => set_static(response, CACHE_CONTROL, known),
        None => set(response, CACHE_CONTROL, &format!("max-age={seconds}")),
    }
}

/// The second that it is in, as far as HTTP tells times: for what does not change twice in one.
pub(super) fn to_the_second(time: SystemTime) -> SystemTime {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    let seconds = since.map_or(0, |since| since.as_secs());
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

/// Says since when it is so, to the second.
pub(super) fn set_modified(response: &mut Response<Body>, modified: SystemTime) {
    set(response, LAST_MODIFIED, &date(modified));
}

/// A time as HTTP writes it (RFC 9110, 5.6.7), which knows no years before 1970 and after 9999.
pub(super) fn date(time: SystemTime) -> String {
    let latest = SystemTime::UNIX_EPOCH + LAST_SECOND;
    httpdate::fmt_http_date(time.clamp(SystemTime::UNIX_EPOCH, latest))
}

/// Says that another answer would have come if the request had said something else in that field (RFC 9110, 12.5.5);
/// all such fields stand in one.
pub(super) fn varies_by(response: &mut Response<Body>, field: &HeaderName) {
    let before = response.headers().get(VARY);
    match before.and_then(|fields| fields.to_str().ok()) {
        Some(before) => {
            let fields = format!("{before}, {field}");
            set(response, VARY, &fields);
        }
        None => {
            let field = HeaderValue::from(field.clone());
            response.headers_mut().insert(VARY, field);
        }
    }
}

pub(super) fn set_static(response: &mut Response<Body>, name: HeaderName, value: &'static str) {
    let value = HeaderValue::from_static(value);
    response.headers_mut().insert(name, value);
}

pub(super) fn set(response: &mut Response<Body>, name: HeaderName, value: &str) {
    // Our own values are plain text.
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

macro_rules! ages {
    ($($seconds:literal)*) => { [$(concat!("max-age=", $seconds)),*] };
}

/// The ages that playlists have as a rule, by their seconds, so that none is written anew for each of them.
const AGES: [&str; 37] = ages![
    0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36
];

/// The last of the year 9999, since 1970.
const LAST_SECOND: Duration = Duration::from_secs(253_402_300_799);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_told_in_seconds() {
        for (seconds, text) in [(0, "max-age=0"), (36, "max-age=36"), (37, "max-age=37")] {
            let mut response = status(StatusCode::OK);
            keep_for(&mut response, Duration::from_millis(seconds * 1000 + 900));
            assert_eq!(response.headers()[CACHE_CONTROL], text);
        }
    }

    #[test]
    fn dates_have_four_digits_for_the_year() {
        let day = Duration::from_secs(86_400);
        for (time, text) in [
            (
                SystemTime::UNIX_EPOCH - day,
                "Thu, 01 Jan 1970 00:00:00 GMT",
            ),
            (
                SystemTime::UNIX_EPOCH + day,
                "Fri, 02 Jan 1970 00:00:00 GMT",
            ),
            (
                SystemTime::UNIX_EPOCH + LAST_SECOND + day,
                "Fri, 31 Dec 9999 23:59:59 GMT",
            ),
        ] {
            assert_eq!(date(time), text);
        }
    }
}
