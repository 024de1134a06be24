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

/// An answer without a body.
pub(super) fn status(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::default());
    *response.status_mut() = status;
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
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
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
    set(&mut response, CACHE_CONTROL, "max-age=1");
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
    let before = before.and_then(|fields| fields.to_str().ok());
    let fields = match before {
        Some(before) => format!("{before}, {field}"),
        None => field.to_string(),
    };
    set(response, VARY, &fields);
}

pub(super) fn set(response: &mut Response<Body>, name: HeaderName, value: &str) {
    // Our own values are plain text.
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// The last of the year 9999, since 1970.
const LAST_SECOND: Duration = Duration::from_secs(253_402_300_799);

#[cfg(test)]
mod tests {
    use super::*;

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
