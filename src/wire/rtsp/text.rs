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
    let cseq = headers.get("CSeq").map(str::to_owned);
    let message = fields.and_then(|()| {
        let length = content_length(&headers)?;
        Ok((read_start(start.trim(), headers)?, length))
    });
    message.map_err(|fault| ParseError {
        cseq,
        status: fault.status,
        reason: fault.reason,
    })
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

fn read_start(line: &str, headers: Headers) -> Result<Message, Fault> {
    if is_version(line) {
        read_status_line(line, headers).map(Message::Response)
    } else {
        read_request_line(line, headers).map(Message::Request)
    }
}

/// `METHOD URI RTSP/1.0`; the URI is all between the first and the last word, so it may hold spaces.
fn read_request_line(line: &str, headers: Headers) -> Result<Request, Fault> {
    let missing = || bad("request line without method, URI and version");
    let (method, rest) = line.split_once([' ', '\t']).ok_or_else(missing)?;
    let (uri, version) = rest.trim().rsplit_once([' ', '\t']).ok_or_else(missing)?;
    let version = read_version(version)?;
    Ok(Request {
        method: Method::read(method),
        uri: uri.trim().to_owned(),
        version,
        headers,
        body: Bytes::new(),
    })
}

fn read_status_line(line: &str, headers: Headers) -> Result<Response, Fault> {
    let mut words = line.split_ascii_whitespace();
    read_version(words.next().unwrap_or_default())?;
    let code = words.next().and_then(|code| code.parse().ok());
    match code {
        Some(code @ 100..=999) => Ok(Response {
            status: Status(code),
            headers,
            body: Bytes::new(),
        }),
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
