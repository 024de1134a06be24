//! What the head of an upload asks for: a channel's name, what comes, and how its end is told. Pure.

use std::fmt;
use std::time::Duration;

use crate::base::path::MediaPath;
use crate::codec::elementary::Coding;
use crate::source::upload_feed::Content;
use crate::wire::http_body::Framing;
use crate::wire::http_head::HttpHead;
use crate::wire::icecast::Station;

/// A request to publish on a channel what its body holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct UploadRequest {
    pub(super) path: MediaPath,
    pub(super) content: Content,
    pub(super) station: Station,
    pub(super) framing: Framing,
    /// How many bytes of the stream went before in other requests.
    pub(super) offset: u64,
    pub(super) greeting: Greeting,
    /// Whether another request may follow on the connection.
    pub(super) keep_alive: bool,
}

/// What an encoder waits for before it sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Greeting {
    /// Nothing: the answer comes at the end.
    None,
    /// 100: the answer comes at the end.
    Continue,
    /// The answer itself: the body has no end that could be waited for.
    Ok,
    /// The same as Icecast 1 gave it, before it spoke HTTP.
    Plain,
}

impl Greeting {
    /// Whether no other answer follows.
    pub(super) fn is_answer(self) -> bool {
        matches!(self, Self::Ok | Self::Plain)
    }
}

/// Why a request is not followed: a status of HTTP and one line for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) reason: String,
    /// With 401: how the client may log in.
    pub(super) challenges: Vec<String>,
    /// With 429: after what time it may ask again.
    pub(super) wait: Option<Duration>,
}

impl Refusal {
    pub(super) fn new(status: u16, reason: impl fmt::Display) -> Self {
        Self {
            status,
            reason: reason.to_string(),
            challenges: Vec::new(),
            wait: None,
        }
    }

    /// 429, for a client that may ask again after `wait`.
    pub(super) fn later(wait: Duration, reason: impl fmt::Display) -> Self {
        Self {
            wait: Some(wait),
            ..Self::new(429, reason)
        }
    }
}

impl UploadRequest {
    /// Reads the head of a PUT, a POST or a SOURCE for `target`.
    ///
    /// # Errors
    /// [`Refusal`] with 400, 403, 405, 415 or 501.
    pub(super) fn read(head: &HttpHead, target: &str) -> Result<Self, Refusal> {
        if !["PUT", "POST", "SOURCE"]
            .iter()
            .any(|method| is(head, method))
        {
            let reason = "behind an upload only another may follow on its connection";
            return Err(Refusal::new(405, reason));
        }
        let framing = framing(head)?;
        let greeting = match framing {
            _ if head.is_nameless => Greeting::Plain,
            _ if is(head, "SOURCE") => Greeting::Ok,
            _ if expects_continue(head) => Greeting::Continue,
            Framing::UntilClosed => Greeting::Ok,
            Framing::Length(_) | Framing::Chunked => Greeting::None,
        };
        Ok(Self {
            path: path(target)?,
            content: content(head)?,
            station: Station::read(&head.headers),
            framing,
            offset: offset(head).unwrap_or(0),
            greeting,
            keep_alive: framing != Framing::UntilClosed && !closes(head),
        })
    }
}

/// The start in `Content-Range: bytes 1128-1315/*`.
fn offset(head: &HttpHead) -> Option<u64> {
    let range = head.headers.get("content-range")?.trim();
    let (start, _) = range.strip_prefix("bytes ")?.split_once('-')?;
    start.parse().ok()
}

fn is(head: &HttpHead, method: &str) -> bool {
    head.method.eq_ignore_ascii_case(method)
}

/// The channel that a target names: `/name`, also behind `http://host`, with or without a query.
fn path(target: &str) -> Result<MediaPath, Refusal> {
    let target = match target.split_once("://") {
        Some((_, rest)) => rest
            .find('/')
            .and_then(|start| rest.get(start..))
            .unwrap_or_default(),
        None => target,
    };
    let name = target.split(['?', '#']).next().unwrap_or_default();
    let path = MediaPath::from_url(name).map_err(|bad| Refusal::new(400, bad))?;
    if path.is_root() || path.is_private() {
        let reason =
            "a channel needs a name, but not that of an access file or one with a dot in front";
        return Err(Refusal::new(403, reason));
    }
    Ok(path)
}

/// How the body of a request is framed.
///
/// # Errors
/// [`Refusal`] with 400 or 501.
pub(super) fn framing(head: &HttpHead) -> Result<Framing, Refusal> {
    let lengths: Vec<_> = head.headers.all("content-length").map(str::trim).collect();
    let codings: Vec<_> = head.headers.all("transfer-encoding").collect();
    // A proxy before this server may take another of them, and with it another end of the body.
    let is_twofold = lengths.iter().any(|length| *length != lengths[0]) || codings.len() > 1;
    if is_twofold || !(codings.is_empty() || lengths.is_empty()) {
        return Err(Refusal::new(400, "the body has two lengths"));
    }
    let coding = codings.first().map_or("identity", |coding| coding.trim());
    if coding.eq_ignore_ascii_case("chunked") {
        return Ok(Framing::Chunked);
    }
    if !coding.eq_ignore_ascii_case("identity") {
        return Err(Refusal::new(
            501,
            format_args!("transfer coding {coding} is not known"),
        ));
    }
    match lengths.first() {
        None => Ok(Framing::UntilClosed),
        Some(length) => read_length(length)
            .map(Framing::Length)
            .ok_or_else(|| Refusal::new(400, "Content-Length is no number")),
    }
}

/// Digits alone, for a proxy may not take for a number what has a sign.
fn read_length(text: &str) -> Option<u64> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}

fn expects_continue(head: &HttpHead) -> bool {
    let expectation = head.headers.get("expect");
    expectation.is_some_and(|value| value.trim().eq_ignore_ascii_case("100-continue"))
}

fn closes(head: &HttpHead) -> bool {
    let options = head.headers.get("connection").unwrap_or_default();
    let mut options = options.split(',').map(str::trim);
    head.minor_version == 0 || options.any(|option| option.eq_ignore_ascii_case("close"))
}

/// Media types as encoders write them; without one, the bytes tell.
fn content(head: &HttpHead) -> Result<Content, Refusal> {
    let field = head.headers.get("content-type").unwrap_or_default();
    let media_type = field
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    Ok(match media_type.as_str() {
        "audio/mpeg" | "audio/mp3" | "audio/mpeg3" | "audio/x-mpeg" | "audio/x-mp3" => {
            Content::Radio(Coding::MpegAudio)
        }
        "audio/aac" | "audio/aacp" | "audio/x-aac" | "audio/aac-adts" => {
            Content::Radio(Coding::Adts)
        }
        "video/mp2t" | "video/mpeg-ts" | "video/x-mpegts" => Content::Ts,
        "" | "application/octet-stream" | "application/x-www-form-urlencoded" => Content::Untold,
        other => {
            let reason =
                format_args!("{other} is not taken: send audio/mpeg, audio/aac or video/mp2t");
            return Err(Refusal::new(415, reason));
        }
    })
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::*;
    use crate::wire::http_head::HttpHeadParser;

    fn read(head: &str) -> Result<UploadRequest, Refusal> {
        let mut bytes = BytesMut::from(format!("{head}\r\n\r\n").as_str());
        let head = HttpHeadParser::new(4096).next(&mut bytes).unwrap().unwrap();
        UploadRequest::read(&head, &head.target)
    }

    #[test]
    fn every_way_to_upload_is_understood() {
        let (mp3, aac) = (
            Content::Radio(Coding::MpegAudio),
            Content::Radio(Coding::Adts),
        );
        let endless = Framing::UntilClosed;
        for (head, content, framing, greeting, keep_alive) in [
            (
                "SOURCE hackme /a/b\r\nx-audiocast-name: c",
                Content::Untold,
                endless,
                Greeting::Plain,
                false,
            ),
            (
                "SOURCE /a/b ICE/1.0\r\nContent-Type: audio/mpeg",
                mp3,
                endless,
                Greeting::Ok,
                false,
            ),
            (
                "PUT /a/b HTTP/1.1\r\nExpect: 100-continue\r\nContent-Type: audio/aacp; x=y",
                aac,
                endless,
                Greeting::Continue,
                false,
            ),
            (
                "PUT /a/b HTTP/1.1\r\nContent-Type: Audio/MPEG",
                mp3,
                endless,
                Greeting::Ok,
                false,
            ),
            (
                "POST http://h:1/a/b?x=y HTTP/1.1\r\nTransfer-Encoding: chunked",
                Content::Untold,
                Framing::Chunked,
                Greeting::None,
                true,
            ),
            (
                "PUT /a/b HTTP/1.1\r\nContent-Length: 7\r\nContent-Range: bytes 3-9/*\r\nContent-Type: video/mp2t\r\nConnection: close",
                Content::Ts,
                Framing::Length(7),
                Greeting::None,
                false,
            ),
        ] {
            let request = read(head).unwrap();
            assert_eq!(request.path.as_str(), "a/b", "{head}");
            let offset = if head.contains("Range") { 3 } else { 0 };
            assert_eq!(request.offset, offset, "{head}");
            assert_eq!(
                (
                    request.content,
                    request.framing,
                    request.greeting,
                    request.keep_alive
                ),
                (content, framing, greeting, keep_alive),
                "{head}"
            );
        }
    }

    #[test]
    fn what_cannot_be_taken_is_refused() {
        for (head, status) in [
            ("GET /a HTTP/1.1", 405),
            ("PUT / HTTP/1.1", 403),
            ("PUT http://host HTTP/1.1", 403),
            ("PUT /.a HTTP/1.1", 403),
            ("PUT /a/qtusers HTTP/1.1", 403),
            ("PUT /a/../b HTTP/1.1", 400),
            ("PUT /a HTTP/1.1\r\nContent-Length: -1", 400),
            ("PUT /a HTTP/1.1\r\nContent-Length: +1", 400),
            (
                "PUT /a HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2",
                400,
            ),
            (
                "PUT /a HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked",
                400,
            ),
            (
                "PUT /a HTTP/1.1\r\nTransfer-Encoding: identity\r\nTransfer-Encoding: chunked",
                400,
            ),
            ("PUT /a HTTP/1.1\r\nTransfer-Encoding: gzip", 501),
            ("PUT /a HTTP/1.1\r\nContent-Type: application/ogg", 415),
        ] {
            assert_eq!(read(head).unwrap_err().status, status, "{head}");
        }
    }
}
