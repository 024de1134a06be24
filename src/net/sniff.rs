//! What a new connection speaks, judged by its first bytes, which are still to be read.

use std::io;
use std::time::Duration;

use tokio::time::timeout;

use super::stream::Stream;

/// How long a new connection may take to say what it speaks.
pub const TIME_LIMIT: Duration = Duration::from_secs(10);

/// The longest first line that is looked at, in bytes.
pub const BYTE_LIMIT: usize = 2048;

/// `SOURCE` is what encoders for Icecast sent before they sent `PUT`; `PRI` begins HTTP/2 (RFC 9113, 3.4).
const HTTP_METHODS: [&str; 10] = [
    "GET", "POST", "PUT", "SOURCE", "HEAD", "DELETE", "PATCH", "TRACE", "CONNECT", "PRI",
];

/// What a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum First {
    /// RTSP, an interleaved frame, or anything that RTSP may answer with 400.
    Rtsp,
    /// HTTP GET: a page, or the first half of a tunnel.
    HttpGet,
    /// HTTP POST: an upload, or the second half of a tunnel.
    HttpPost,
    /// HTTP PUT or SOURCE: an upload.
    HttpUpload,
    /// HTTP with another method.
    HttpOther,
    /// A TLS handshake record (RFC 8446, 5.1).
    Tls,
}

impl First {
    /// Whether it is HTTP.
    pub fn is_http(self) -> bool {
        match self {
            Self::HttpGet | Self::HttpPost | Self::HttpUpload | Self::HttpOther => true,
            Self::Rtsp | Self::Tls => false,
        }
    }
}

/// What `stream` speaks. The bytes that told it are still to be read. Cancel safe.
///
/// # Errors
/// `TimedOut` when the first [`TIME_LIMIT`] did not tell, `UnexpectedEof` when
/// the peer closed before that, or what the system or TLS says.
pub async fn sniff(stream: &mut Stream) -> io::Result<First> {
    timeout(TIME_LIMIT, watch(stream)).await?
}

async fn watch(stream: &mut Stream) -> io::Result<First> {
    loop {
        if let Some(first) = judge(stream.seen()) {
            return Ok(first);
        }
        stream.look().await?;
    }
}

/// What `seen` tells, `None` while it could still be either.
fn judge(seen: &[u8]) -> Option<First> {
    match seen.first()? {
        0x16 => return Some(First::Tls),
        b'$' => return Some(First::Rtsp),
        _ => {}
    }
    let full = seen.len() >= BYTE_LIMIT;
    let Some(end) = seen.iter().position(|byte| b" \t\r\n".contains(byte)) else {
        return (full || !could_be_http(seen)).then_some(First::Rtsp);
    };
    let method = seen.get(..end)?;
    if method.eq_ignore_ascii_case(b"OPTIONS") {
        return judge_options(seen, full);
    }
    let http = HTTP_METHODS.iter();
    let mut http = http.filter(|name| method.eq_ignore_ascii_case(name.as_bytes()));
    Some(match http.next() {
        Some(&"GET") => First::HttpGet,
        Some(&"POST") => First::HttpPost,
        Some(&("PUT" | "SOURCE")) => First::HttpUpload,
        Some(_) => First::HttpOther,
        None => First::Rtsp,
    })
}

/// Whether an unfinished first word can become an HTTP method.
fn could_be_http(word: &[u8]) -> bool {
    let mut names = HTTP_METHODS.iter().chain(&["OPTIONS"]);
    names.any(|name| {
        let start = name.as_bytes().get(..word.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(word))
    })
}

/// Both protocols have OPTIONS; the version at the end of the line tells.
fn judge_options(seen: &[u8], full: bool) -> Option<First> {
    let Some(end) = seen.iter().position(|&byte| byte == b'\n') else {
        return full.then_some(First::Rtsp);
    };
    let line = seen.get(..end)?.trim_ascii_end();
    let version = line.rsplit(|&byte| byte == b' ').next()?;
    Some(match version.get(..5) {
        Some(start) if start.eq_ignore_ascii_case(b"HTTP/") => First::HttpOther,
        _ => First::Rtsp,
    })
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn the_first_word_tells_the_protocol() {
        for (bytes, first) in [
            (&b"DESCRIBE rtsp://h/a.mov RTSP/1.0\r\n"[..], First::Rtsp),
            (b"GET_PARAMETER * RTSP/1.0\r\n", First::Rtsp),
            (b"$\0\0\x04", First::Rtsp),
            (b"\r\n", First::Rtsp),
            (b"\xff\xfe", First::Rtsp),
            (b"GET /a.mov HTTP/1.0\r\n", First::HttpGet),
            (b"get /a.mov http/1.0\r\n", First::HttpGet),
            (b"POST / HTTP/1.0\r\n", First::HttpPost),
            (b"PUT /a HTTP/1.1\r\n", First::HttpUpload),
            (b"SOURCE /a ICE/1.0\r\n", First::HttpUpload),
            (b"HEAD / HTTP/1.1\r\n", First::HttpOther),
            (b"OPTIONS * HTTP/1.1\r\n", First::HttpOther),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", First::HttpOther),
            (b"OPTIONS rtsp://h/HTTP/ RTSP/1.0\r\n", First::Rtsp),
            (b"\x16\x03\x01", First::Tls),
        ] {
            assert_eq!(judge(bytes), Some(first), "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn too_little_does_not_tell() {
        for bytes in [&b"G"[..], b"GET", b"P", b"SOU", b"OPT", b"OPTIONS * HT"] {
            assert_eq!(judge(bytes), None, "{}", bytes.escape_ascii());
        }
        assert_eq!(judge(b"GET_"), Some(First::Rtsp));
        let mut long = b"OPTIONS ".to_vec();
        long.resize(BYTE_LIMIT, b'a');
        assert_eq!(judge(&long), Some(First::Rtsp));
    }

    async fn connected() -> (Stream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (here, there) = tokio::join!(listener.accept(), TcpStream::connect(address));
        (here.unwrap().0.into(), there.unwrap())
    }

    #[tokio::test]
    async fn the_bytes_are_still_to_be_read() {
        let (mut stream, mut client) = connected().await;
        client.write_all(b"GE").await.unwrap();
        let mut sniffing = Box::pin(sniff(&mut stream));
        assert!(futures::poll!(&mut sniffing).is_pending());
        client.write_all(b"T / HTTP/1.0\r\n").await.unwrap();
        assert_eq!(sniffing.await.unwrap(), First::HttpGet);
        let mut word = [0; 3];
        stream.read_exact(&mut word).await.unwrap();
        assert_eq!(&word, b"GET");
    }

    #[tokio::test]
    async fn a_client_that_closes_has_said_nothing() {
        let (mut stream, client) = connected().await;
        drop(client);
        let error = sniff(&mut stream).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_client_is_given_up() {
        let (mut stream, _client) = connected().await;
        let error = sniff(&mut stream).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
