//! One HTTP request on an RTSP port: half of a tunnel, or a GET of a movie.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::BytesMut;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use crate::base::peer::Peer;
use crate::net::interleaved::Interleaved;
use crate::net::sniff;
use crate::net::stream::{Incoming, Stream};
use crate::wire::forwarded::Untold;
use crate::wire::http_head::{HttpHead, HttpHeadParser};

use super::answer::SERVER;
use super::connection::Connection;
use super::inlet::{Inlet, MESSAGES};
use super::service::Service;
use super::target::Entrance;
use super::tunnel::{Link, MAX_HEAD, Unjoined, carry, get_answer, host_of};

impl Service {
    /// Serves one HTTP request, which may turn out to be half of a tunnel.
    pub(super) async fn handle_http(
        self: &Arc<Self>,
        stream: Stream,
        peer: Peer,
        local: SocketAddr,
        stop: &CancellationToken,
    ) {
        let (mut incoming, outgoing) = stream.into_split();
        let outlet = Interleaved::new(outgoing, self.config().limits.tcp_backlog);
        let mut buffer = BytesMut::new();
        let head = timeout(sniff::TIME_LIMIT, read_head(&mut incoming, &mut buffer)).await;
        let Ok(Ok(head)) = head else {
            return answer(&outlet, 400, "", "");
        };
        let Ok(peer) = self.sender(&head, peer) else {
            return answer(&outlet, 400, "", "");
        };
        let method = head.method.to_ascii_uppercase();
        match (method.as_str(), Link::of(&head, peer)) {
            ("GET", Some(link)) => {
                let Some(uplink) = self.tunnels.get(&link) else {
                    debug!(%peer, "tunnel is in use");
                    return;
                };
                let outlet = Arc::new(outlet);
                let inlet = Inlet::Tunnel {
                    get: incoming,
                    uplink,
                    host: host_of(&head).map(str::to_owned),
                };
                if outlet.send(get_answer().as_bytes()).is_ok() {
                    let connection = Connection::new(self, inlet, outlet, peer, local);
                    connection.run(stop).await;
                }
            }
            ("POST", Some(link)) => tokio::select! {
                () = stop.cancelled() => {}
                () = self.post(&link, &mut incoming, &outlet, buffer) => {}
            },
            ("GET", None) if !self.parts.gate.networks().watch.has(peer.ip()) => {
                answer(&outlet, 403, "", "");
            }
            ("GET", None) => {
                let entrance = Entrance {
                    local,
                    is_encrypted: outlet.is_encrypted(),
                };
                match self.reference(&head, entrance).await {
                    Ok(text) => answer(&outlet, 200, "video/quicktime", &text),
                    Err(kind) => answer(&outlet, kind.http_status(), "", ""),
                }
            }
            _ => answer(&outlet, 400, "", ""),
        }
    }

    /// Who sends a request that comes from `connected`.
    fn sender(&self, head: &HttpHead, connected: Peer) -> Result<Peer, Untold> {
        let proxy = &self.config().proxy;
        proxy.sender(connected, head.headers.all(proxy.header.name()))
    }

    async fn post(
        &self,
        link: &Link,
        incoming: &mut Incoming,
        outlet: &Interleaved,
        body: BytesMut,
    ) {
        let pieces = match self.tunnels.post(link).await {
            Ok(pieces) => pieces,
            Err(unjoined) => {
                if unjoined == Unjoined::Crowded {
                    self.parts.totals.tunnel_refused();
                }
                return answer(outlet, 503, "", "");
            }
        };
        if carry(incoming, body, &pieces).await.is_err() {
            answer(outlet, 400, "", "");
        }
    }
}

/// Reads the head of a request; what follows it stays in `buffer`.
async fn read_head(incoming: &mut Incoming, buffer: &mut BytesMut) -> io::Result<HttpHead> {
    let mut parser = HttpHeadParser::new(MAX_HEAD);
    loop {
        if let Some(head) = parser.next(buffer).map_err(io::Error::other)? {
            return Ok(head);
        }
        if !incoming.fill(buffer, MESSAGES).await? {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

fn answer(outlet: &Interleaved, status: u16, kind: &str, body: &str) {
    let reason = match status {
        200 => "OK",
        400 => "Bad Request",
        403 => "Forbidden",
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
    let _ = outlet.send(answer.as_bytes());
    outlet.close();
}
