//! Reading the text of a message's head, lenient to what legacy clients send.

use bytes::Bytes;

use super::super::head::{decode, lines};
use super::super::headers::Headers;
use super::message::{Message, Request, Response, Version};
use super::{Method, ParseError, Status};

/// More header fields than any client sends; bounds what a head of 64 KiB can make the server allocate.
const MAX_FIELDS: usize = 256;

/// Reads a complete head into a message without its body, and the body's length in bytes.
///
/// Errors carry the CSeq wherever in the head it stands.
pub(super) fn read_head(head: &[u8]) -> Result<(Message, u64), ParseError> {
    let mut lines = lines(head);
    let start = decode(lines.next().unwrap_or_default());
    let mut headers = Headers::new();
    let fields = read_fields(lines, &mut headers);
    let read = fields.and_then(|()| Ok((read_start(start.trim())?, content_length(&headers)?)));
    match read {
        Ok((start, length)) => Ok((start.with(headers), length)),
        Err(Fault { status, reason }) => Err(ParseError {
            cseq: headers.get("CSeq").map(str::to_owned),
            status,
            reason,
        }),
    }
}

/// The CSeq in the part of a head that has arrived.
pub(super) fn find_cseq(head: &[u8]) -> Option<String> {
    let mut headers = Headers::new();
    // Whatever is wrong further on, the fields before it count.
    let _ = read_fields(lines(head).skip(1), &mut headers);
    headers.get("CSeq").map(str::to_owned)
}

struct Fault {
    status: Status,
    reason: &'static str,
}

fn bad(reason: &'static str) -> Fault {
    Fault {
        status: Status::BAD_REQUEST,
        reason,
    }
}

/// Reads all header lines, also those after a faulty one; the first fault is told.
fn read_fields<'a>(
    lines: impl Iterator<Item = &'a [u8]>,
    headers: &mut Headers,
) -> Result<(), Fault> {
    let mut outcome = Ok(());
    for line in lines {
        let read = read_field(&decode(line), headers);
        outcome = outcome.and(read);
        if headers.len() > MAX_FIELDS {
            return Err(bad("too many header fields"));
        }
    }
    outcome
}

fn read_field(line: &str, headers: &mut Headers) -> Result<(), Fault> {
    if line.starts_with([' ', '\t']) {
        let folded = headers.fold(line.trim());
        return folded
            .then_some(())
            .ok_or_else(|| bad("folded line without a field"));
    }
    if line.is_empty() {
        return Ok(());
    }
    match line.split_once(':') {
        Some((name, value)) if !name.trim().is_empty() => {
            headers.push(name.trim().to_owned(), value.trim());
            Ok(())
        }
        _ => Err(bad("header line without a name")),
    }
}

/// The body's length. Several that differ are refused: the next message would begin where the peer wants.
fn content_length(headers: &Headers) -> Result<u64, Fault> {
    let mut lengths = headers.all("Content-Length");
    let Some(first) = lengths.next() else {
        return Ok(0);
    };
    if lengths.any(|other| other != first) {
        return Err(bad("several values of Content-Length"));
    }
    let digits = !first.is_empty() && first.bytes().all(|byte| byte.is_ascii_digit());
    if !digits {
        return Err(bad("Content-Length is no number"));
    }
    // More digits than a u64 holds are still a number, and too large whatever the limit is.
    Ok(first.parse().unwrap_or(u64::MAX))
}

/// What the first line says.
enum Start {
    Request {
        method: Method,
        uri: String,
        version: Version,
    },
    Response(Status),
}

impl Start {
    fn with(self, headers: Headers) -> Message {
        let body = Bytes::new();
        match self {
            Self::Request {
                method,
                uri,
                version,
            } => Message::Request(Request {
                method,
                uri,
                version,
                headers,
                body,
            }),
            Self::Response(status) => Message::Response(Response {
                status,
                headers,
                body,
            }),
        }
    }
}

fn read_start(line: &str) -> Result<Start, Fault> {
    if is_version(line) {
        read_status_line(line)
    } else {
        read_request_line(line)
    }
}

/// `METHOD URI RTSP/1.0`; the URI is all between the first and the last word, so it may hold spaces.
fn read_request_line(line: &str) -> Result<Start, Fault> {
    let missing = || bad("request line without method, URI and version");
    let (method, rest) = line.split_once([' ', '\t']).ok_or_else(missing)?;
    let (uri, version) = rest.trim().rsplit_once([' ', '\t']).ok_or_else(missing)?;
    Ok(Start::Request {
        version: read_version(version)?,
        method: Method::read(method),
        uri: uri.trim().to_owned(),
    })
}

fn read_status_line(line: &str) -> Result<Start, Fault> {
    let mut words = line.split_ascii_whitespace();
    read_version(words.next().unwrap_or_default())?;
    match words.next().and_then(|code| code.parse().ok()) {
        Some(code @ 100..=999) => Ok(Start::Response(Status(code))),
        _ => Err(bad("status line without a code")),
    }
}

fn is_version(text: &str) -> bool {
    text.get(..5)
        .is_some_and(|name| name.eq_ignore_ascii_case("RTSP/"))
}

/// `RTSP/1.0` in any case; `RTSP/1` is meant likewise.
fn read_version(text: &str) -> Result<Version, Fault> {
    if !is_version(text) {
        return Err(bad("no RTSP version"));
    }
    let number = text.get(5..).unwrap_or_default();
    let (major, minor) = number.split_once('.').unwrap_or((number, "0"));
    match (major.parse(), minor.parse()) {
        (Ok(major @ 1), Ok(minor)) => Ok(Version { major, minor }),
        (Ok(_), Ok(_)) => Err(Fault {
            status: Status::VERSION_NOT_SUPPORTED,
            reason: "only RTSP/1.0 is spoken here",
        }),
        _ => Err(bad("no RTSP version")),
    }
}
