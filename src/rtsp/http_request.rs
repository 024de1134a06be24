//! One HTTP request on an RTSP port: half of a tunnel, or a GET of a movie.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::BytesMut;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use crate::net::interleaved::Interleaved;
use crate::net::sniff;
use crate::wire::http_head::{HttpHead, HttpHeadParser};

use super::answer::SERVER;
use super::connection::Connection;
use super::inlet::{Inlet, MESSAGES, read_some};
use super::service::Service;
use super::tunnel::{MAX_HEAD, carry, cookie_of, get_answer};

impl Service {
    /// Serves one HTTP request, which may turn out to be half of a tunnel.
    pub(super) async fn handle_http(
        self: &Arc<Self>,
        stream: TcpStream,
        peer: SocketAddr,
        local: SocketAddr,
        stop: &CancellationToken,
    ) {
        let (reader, writer) = stream.into_split();
        let mut buffer = BytesMut::new();
        let head = timeout(sniff::TIME_LIMIT, read_head(&reader, &mut buffer)).await;
        let Ok(Ok(head)) = head else {
            return answer(&writer, 400, "", "").await;
        };
        let method = head.method.to_ascii_uppercase();
        match (method.as_str(), cookie_of(&head)) {
            ("GET", Some(cookie)) => {
                let Some(uplink) = self.tunnels.get(cookie) else {
                    debug!(%peer, "tunnel is in use");
                    return;
                };
                let limit = self.config().limits.tcp_backlog;
                let outlet = Arc::new(Interleaved::new(writer, limit));
                let inlet = Inlet::Tunnel {
                    get: reader,
                    uplink,
                };
                if outlet.send(get_answer().as_bytes()).is_ok() {
                    let connection = Connection::new(self, inlet, outlet, peer, local);
                    connection.run(stop).await;
                }
            }
            ("POST", Some(cookie)) => self.post(cookie, &reader, &writer, buffer, stop).await,
            ("GET", None) => match self.reference(&head, local).await {
                Ok(text) => answer(&writer, 200, "video/quicktime", &text).await,
                Err(kind) => answer(&writer, kind.http_status(), "", "").await,
            },
            _ => answer(&writer, 400, "", "").await,
        }
    }

    async fn post(
        &self,
        cookie: &str,
        reader: &OwnedReadHalf,
        writer: &OwnedWriteHalf,
        body: BytesMut,
        stop: &CancellationToken,
    ) {
        let Some(pieces) = self.tunnels.post(cookie, self.parts.clock.now()) else {
            return answer(writer, 400, "", "").await;
        };
        tokio::select! {
            () = stop.cancelled() => {}
            carried = carry(reader, body, &pieces) => if carried.is_err() {
                answer(writer, 400, "", "").await;
            },
        }
    }
}

/// Reads the head of a request; what follows it stays in `buffer`.
async fn read_head(reader: &OwnedReadHalf, buffer: &mut BytesMut) -> io::Result<HttpHead> {
    let mut parser = HttpHeadParser::new(MAX_HEAD);
    loop {
        if let Some(head) = parser.next(buffer).map_err(io::Error::other)? {
            return Ok(head);
        }
        if !read_some(reader, buffer, MESSAGES).await? {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

async fn answer(writer: &OwnedWriteHalf, status: u16, kind: &str, body: &str) {
    let reason = match status {
        200 => "OK",
        400 => "Bad Request",
        404 => "Not Found",
        415 => "Unsupported Media Type",
        _ => "Service Unavailable",
    };
    let kind = if kind.is_empty() {
        String::new()
    } else {
        format!("Content-Type: {kind}\r\n")
    };
    let answer = format!(
        "HTTP/1.0 {status} {reason}\r\nServer: {SERVER}\r\nConnection: close\r\n{kind}Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    // A new connection has room for so little; a peer that is gone needs no answer.
    let _ = writer.writable().await;
    let _ = writer.try_write(answer.as_bytes());
}
