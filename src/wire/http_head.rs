//! Heads of HTTP requests on connections that are not handed to an HTTP library:
//! the two halves of an RTSP tunnel, plain GETs on an RTSP port, and encoders that upload.
//!
//! Bodies are the caller's: a tunnel's POST goes on past whatever length it names. `http_body`
//! reads those of uploads.

use std::borrow::Cow;

use bytes::BytesMut;

use super::head::{HeadScanner, decode};
use super::headers::Headers;

/// The start line and the fields of an HTTP/1 request (RFC 9112).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpHead {
    /// The method as it was sent: `GET`.
    pub method: String,
    /// The request target as it was sent: a path with its query, as a rule.
    pub target: String,
    /// The minor version of HTTP/1.
    pub minor_version: u8,
    /// Whether it names no protocol, as source clients of Icecast 1 did: `SOURCE password /mount`.
    pub is_nameless: bool,
    /// The header fields.
    pub headers: Headers,
}

impl HttpHead {
    /// The head of a request that somebody else has read, as HTTP/1.1 would say it.
    pub fn of<'f>(
        method: &str,
        target: &str,
        fields: impl Iterator<Item = (&'f str, &'f [u8])>,
    ) -> Self {
        let mut headers = Headers::new();
        for (name, value) in fields {
            headers.push(name.to_owned(), decode(value));
        }
        Self {
            method: method.to_owned(),
            target: target.to_owned(),
            minor_version: 1,
            is_nameless: false,
            headers,
        }
    }

    /// The cookie that joins the halves of an RTSP tunnel.
    pub fn session_cookie(&self) -> Option<&str> {
        self.headers.get("x-sessioncookie")
    }
}

/// A head that is no HTTP/1 request, or too large a one; the answer is 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotHttp {
    /// It cannot be read.
    #[error("malformed HTTP request")]
    Malformed,
    /// More bytes than the limit have arrived without the head's end.
    #[error("HTTP request head too large")]
    TooLarge,
}

/// Takes one head off the front of a buffer that fills bit by bit; looks at each byte once.
#[derive(Debug)]
pub struct HttpHeadParser {
    limit: usize,
    scanner: HeadScanner,
}

const MAX_FIELDS: usize = 64;

impl HttpHeadParser {
    /// A parser for a head of at most `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            scanner: HeadScanner::new(),
        }
    }

    /// Takes the head off `buffer` and leaves what follows; `None` when more bytes must arrive first.
    ///
    /// # Errors
    /// [`NotHttp`] when it can never become a head within the limit.
    pub fn next(&mut self, buffer: &mut BytesMut) -> Result<Option<HttpHead>, NotHttp> {
        let unseen = buffer.get(self.scanner.position()..).unwrap_or_default();
        let end = self.scanner.advance(unseen.iter().copied());
        if end.unwrap_or(buffer.len()) > self.limit {
            return Err(NotHttp::TooLarge);
        }
        let Some(end) = end else {
            return Ok(None);
        };
        self.scanner = HeadScanner::new();
        read_head(&buffer.split_to(end)).map(Some)
    }
}

/// Old clients are sloppy with blanks; a field that cannot be read is one that nothing here needs.
fn lenient() -> httparse::ParserConfig {
    let mut config = httparse::ParserConfig::default();
    config
        .allow_multiple_spaces_in_request_line_delimiters(true)
        .ignore_invalid_headers_in_requests(true);
    config
}

/// Rewrites the first line of old source clients of Icecast, for all else is as in HTTP/1.0. Those of
/// version 2 named the protocol `ICE/1.0`. Those of version 1 named none, and had the password
/// where the target stands now.
fn modern(head: &[u8]) -> (Cow<'_, [u8]>, bool) {
    let end = head.iter().position(|byte| b"\r\n".contains(byte));
    let (line, rest) = head.split_at(end.unwrap_or(head.len()));
    if let Some(request) = line.strip_suffix(b"ICE/1.0") {
        return ([request, b"HTTP/1.0", rest].concat().into(), false);
    }
    let words = line.split(|byte| *byte == b' ');
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    match words[..] {
        [method, _password, mount @ [b'/', ..]] if method.eq_ignore_ascii_case(b"SOURCE") => {
            let line = [b"SOURCE ", mount, b" HTTP/1.0"].concat();
            ([&line, rest].concat().into(), true)
        }
        _ => (head.into(), false),
    }
}

fn read_head(head: &[u8]) -> Result<HttpHead, NotHttp> {
    let (head, is_nameless) = modern(head);
    let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut request = httparse::Request::new(&mut fields);
    let complete = lenient()
        .parse_request(&mut request, &head)
        .is_ok_and(|status| status.is_complete());
    let (Some(method), Some(target), Some(minor_version), true) =
        (request.method, request.path, request.version, complete)
    else {
        return Err(NotHttp::Malformed);
    };
    let (method, target) = (method.to_owned(), target.to_owned());
    let mut headers = Headers::new();
    for field in request.headers.iter() {
        headers.push(field.name.to_owned(), decode(field.value));
    }
    Ok(HttpHead {
        method,
        target,
        minor_version,
        is_nameless,
        headers,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const POST: &str =
        "POST /a.mov HTTP/1.0\r\nX-SessionCookie: abc\r\nContent-Length: 32767\r\n\r\n";

    #[test]
    fn a_dribbled_head_is_taken_off_and_early_data_stays() {
        let mut parser = HttpHeadParser::new(1024);
        let mut buffer = BytesMut::new();
        let (all_but_last, last) = POST.split_at(POST.len() - 1);
        for byte in all_but_last.bytes() {
            buffer.extend([byte]);
            assert_eq!(parser.next(&mut buffer), Ok(None));
        }
        buffer.extend_from_slice(last.as_bytes());
        buffer.extend_from_slice(b"T1BU");
        let head = parser.next(&mut buffer).unwrap().unwrap();
        assert_eq!(
            (head.method.as_str(), head.target.as_str()),
            ("POST", "/a.mov")
        );
        assert_eq!(head.minor_version, 0);
        assert_eq!(head.session_cookie(), Some("abc"));
        assert_eq!(&buffer[..], b"T1BU");
    }

    #[test]
    fn what_is_no_http_is_refused() {
        let read = |text: &str, limit| HttpHeadParser::new(limit).next(&mut BytesMut::from(text));
        assert_eq!(
            read("OPTIONS * RTSP/1.0\r\n\r\n", 1024),
            Err(NotHttp::Malformed)
        );
        assert_eq!(read(POST, 16), Err(NotHttp::TooLarge));
        assert_eq!(read("GET / HTTP/1.1\r\n", 15), Err(NotHttp::TooLarge));
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(65));
        assert_eq!(read(&many, 4096), Err(NotHttp::Malformed));
    }

    #[test]
    fn old_source_clients_are_understood() {
        for (line, is_nameless) in [
            ("SOURCE /a ICE/1.0", false),
            ("SOURCE hackme /a", true),
            ("source  /a  /a", true),
        ] {
            let text = format!("{line}\nice-name: b\n\n");
            let head = HttpHeadParser::new(1024).next(&mut BytesMut::from(text.as_str()));
            let head = head.unwrap().unwrap();
            let method = head.method.as_str();
            assert_eq!((method, head.target.as_str()), ("SOURCE", "/a"), "{line}");
            assert_eq!((head.minor_version, head.is_nameless), (0, is_nameless));
            assert_eq!(head.headers.get("ice-name"), Some("b"));
        }
        for line in [
            "SOURCE /a",
            "SOURCE hackme a",
            "SOURCE a b /c",
            "PUT hackme /a",
        ] {
            let mut buffer = BytesMut::from(format!("{line}\r\n\r\n").as_str());
            let head = HttpHeadParser::new(1024).next(&mut buffer);
            assert_eq!(head, Err(NotHttp::Malformed), "{line}");
        }
    }

    #[test]
    fn sloppy_heads_are_read() {
        let start = "GET  /ü.mov HTTP/1.1\nbad name: x\nx-sessioncookie: ";
        let mut buffer = BytesMut::from(start);
        buffer.extend_from_slice(b"\xe9\n\n");
        let head = HttpHeadParser::new(1024).next(&mut buffer);
        let head = head.unwrap().unwrap();
        assert_eq!(head.target, "/ü.mov");
        assert_eq!(head.session_cookie(), Some("é"));
    }
}
