//! A file that is sent by HTTP: as a whole, a range of its bytes, or nothing to who has it already.

use std::ops::Range;
use std::time::SystemTime;

use hyper::header::{ACCEPT_RANGES, CACHE_CONTROL, CONTENT_RANGE, ETAG, IF_RANGE, RANGE};
use hyper::{Method, Response, StatusCode};

use super::answer::{date, set, set_modified, set_static, status, to_the_second};
use super::asked::Asked;
use super::body::Body;
use super::byte_range::ByteRange;

/// What is told of a file, whichever part of it is sent.
#[derive(Debug)]
pub(super) struct File {
    /// By which its version is known, in quotation marks.
    pub(super) tag: String,
    /// Since when it is so.
    pub(super) modified: Option<SystemTime>,
    /// In bytes.
    pub(super) length: u64,
    /// What caches may do with it.
    pub(super) keep: &'static str,
}

impl File {
    /// The answer to who asks for it: `send` gives a range of its bytes, with 200, or says why that cannot be had.
    pub(super) fn answer(
        &self,
        asked: &Asked<'_>,
        send: impl FnOnce(Range<u64>) -> Response<Body>,
    ) -> Response<Body> {
        let length = self.length;
        let modified = self.modified.map(to_the_second);
        let mut response = match self.wanted(asked) {
            _ if asked.has(self.tag.as_bytes(), modified) => status(StatusCode::NOT_MODIFIED),
            ByteRange::All => send(0..length),
            ByteRange::Some(range) => partial(range, length, send),
            ByteRange::Unsatisfiable => {
                let mut response = status(StatusCode::RANGE_NOT_SATISFIABLE);
                set(&mut response, CONTENT_RANGE, &format!("bytes */{length}"));
                return response;
            }
        };
        if response.status().is_server_error() {
            return response;
        }
        set(&mut response, ETAG, &self.tag);
        set_static(&mut response, ACCEPT_RANGES, "bytes");
        set_static(&mut response, CACHE_CONTROL, self.keep);
        if let Some(modified) = self.modified {
            set_modified(&mut response, modified);
        }
        response
    }

    /// Which part of it is wanted: all where the client has a part of another version (RFC 9110, 13.1.5).
    fn wanted(&self, asked: &Asked<'_>) -> ByteRange {
        let known = asked.field(&IF_RANGE);
        let is_date = |modified: SystemTime| known == date(modified);
        let is_same = known.is_empty() || known == self.tag || self.modified.is_some_and(is_date);
        match is_same && asked.request.method() == Method::GET {
            true => ByteRange::read(asked.field(&RANGE), self.length),
            false => ByteRange::All,
        }
    }
}

fn partial(
    range: Range<u64>,
    length: u64,
    send: impl FnOnce(Range<u64>) -> Response<Body>,
) -> Response<Body> {
    let told = format!("bytes {}-{}/{length}", range.start, range.end - 1);
    let mut response = send(range);
    if response.status() == StatusCode::OK {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        set(&mut response, CONTENT_RANGE, &told);
    }
    response
}
