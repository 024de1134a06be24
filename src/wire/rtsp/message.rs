//! Requests, responses and interleaved frames as values, and their bytes.

use std::fmt::Write as _;

use bytes::{BufMut, Bytes, BytesMut};

use super::super::headers::{Headers, write_field, write_text};
use super::{Method, Status};

/// The version of a message: RTSP/`major`.`minor`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    /// The part before the dot.
    pub major: u8,
    /// The part after the dot.
    pub minor: u8,
}

impl Version {
    /// RTSP/1.0, the version that this server speaks.
    pub const RTSP_1_0: Self = Self { major: 1, minor: 0 };
}

/// A request (RFC 2326, 6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What is asked for.
    pub method: Method,
    /// The request URI as it was sent: absolute, only a path, or `*`.
    pub uri: String,
    /// The version that the client speaks.
    pub version: Version,
    /// The header fields.
    pub headers: Headers,
    /// The body; empty when there is none.
    pub body: Bytes,
}

impl Request {
    /// A request of version 1.0 without header fields and body.
    pub fn new(method: Method, uri: impl Into<String>) -> Self {
        Self {
            method,
            uri: uri.into(),
            version: Version::RTSP_1_0,
            headers: Headers::new(),
            body: Bytes::new(),
        }
    }

    /// The value of `CSeq`, as it was sent.
    pub fn cseq(&self) -> Option<&str> {
        self.headers.get("CSeq")
    }

    /// Appends the request's bytes; adds `Content-Length` when there is a body without one.
    pub fn write(&self, out: &mut BytesMut) {
        write_text(out, self.method.name());
        out.put_u8(b' ');
        write_text(out, &self.uri);
        out.put_slice(b" RTSP/1.0\r\n");
        write_rest(out, &self.headers, &self.body);
    }
}

/// A response (RFC 2326, 7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: Status,
    /// The header fields.
    pub headers: Headers,
    /// The body; empty when there is none.
    pub body: Bytes,
}

impl Response {
    /// A response without header fields and body.
    pub fn new(status: Status) -> Self {
        Self {
            status,
            headers: Headers::new(),
            body: Bytes::new(),
        }
    }

    /// Appends the response's bytes; adds `Content-Length` when there is a body without one.
    pub fn write(&self, out: &mut BytesMut) {
        // Writing to a BytesMut cannot fail.
        let _ = write!(out, "RTSP/1.0 {}\r\n", self.status);
        write_rest(out, &self.headers, &self.body);
    }
}

fn write_rest(out: &mut BytesMut, headers: &Headers, body: &[u8]) {
    headers.write(out);
    if !body.is_empty() && headers.get("Content-Length").is_none() {
        write_field(out, "Content-Length", &body.len().to_string());
    }
    out.put_slice(b"\r\n");
    out.put_slice(body);
}

/// What travels on an RTSP connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// A request.
    Request(Request),
    /// A response.
    Response(Response),
    /// An interleaved frame (RFC 2326, 10.12).
    Frame {
        /// The channel.
        channel: u8,
        /// The packet, shared with the buffer that it arrived in.
        data: Bytes,
    },
}

/// The four bytes before an interleaved packet of `length` bytes (RFC 2326, 10.12).
pub fn write_frame_header(channel: u8, length: u16) -> [u8; 4] {
    let [high, low] = length.to_be_bytes();
    [b'$', channel, high, low]
}
