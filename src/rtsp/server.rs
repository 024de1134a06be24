//! Accepting connections and telling what they speak.

use std::io;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use crate::base::peer::Peer;
use crate::net::interleaved::Interleaved;
use crate::net::listen::{Accepted, Listener};
use crate::net::sniff::{First, sniff};
use crate::net::stream::Stream;
use crate::net::tls_acceptor::TlsAcceptor;

use super::connection::Connection;
use super::inlet::Inlet;
use super::service::Service;
use super::tunnel::is_tunnel;

/// Serves an RTSP port until `stop`; returns when the last connection has ended.
///
/// Tunnels come here as well, and plain GETs of movies, which get a reference movie.
pub async fn serve(listener: Listener, service: Arc<Service>, stop: CancellationToken) {
    let serving = Arc::clone(&service);
    accept(&listener, &service, &stop, move |accepted, first, stop| {
        let service = Arc::clone(&serving);
        async move { service.handle(accepted, first, &stop).await }
    })
    .await;
}

/// Serves an HTTP port until `stop`; returns when the last connection has ended.
///
/// RTSP and its tunnels are served as on an RTSP port; whatever else speaks HTTP is given to
/// `plain`, with what its first bytes tell and nothing read from it.
pub async fn serve_http_port<F>(
    listener: Listener,
    service: Arc<Service>,
    plain: impl Fn(Accepted<Stream>, First) -> F + Clone + Send + 'static,
    stop: CancellationToken,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let serving = Arc::clone(&service);
    accept(
        &listener,
        &service,
        &stop,
        move |mut accepted, first, stop| {
            let (service, plain) = (Arc::clone(&serving), plain.clone());
            async move {
                let is_plain = match first {
                    First::HttpGet | First::HttpPost => !is_tunnel(&mut accepted.stream).await,
                    other => other.is_http(),
                };
                if is_plain {
                    tokio::select! {
                        biased;
                        () = stop.cancelled() => {}
                        () = plain(accepted, first) => {}
                    }
                } else {
                    service.handle(accepted, first, &stop).await;
                }
            }
        },
    )
    .await;
}

/// Gives each connection that has said something, after its handshake if it has one, to a task of its own.
async fn accept<F>(
    listener: &Listener,
    service: &Arc<Service>,
    stop: &CancellationToken,
    handle: impl Fn(Accepted<Stream>, First, CancellationToken) -> F + Clone + Send + 'static,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let connections = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let (service, tls) = (Arc::clone(service), listener.tls());
        let (handle, stop) = (handle.clone(), stop.clone());
        connections.spawn(async move {
            let peer = accepted.peer;
            let greeted = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                greeted = service.greet(accepted, tls.as_deref()) => greeted,
            };
            match greeted {
                Ok((accepted, first)) => handle(accepted, first, stop).await,
                Err(error) => debug!(%peer, %error, "connection said nothing of use"),
            }
        });
    }
    connections.close();
    connections.wait().await;
}

impl Service {
    /// Learns whose connection it is, and after its handshake what is spoken on it.
    ///
    /// # Errors
    /// `PermissionDenied` when nobody may do anything from there, `QuotaExceeded` when there are too many
    /// connections from there, or why that is not told.
    async fn greet(
        &self,
        accepted: Accepted,
        tls: Option<&TlsAcceptor>,
    ) -> io::Result<(Accepted<Stream>, First)> {
        let accepted = self.introduced(accepted).await?;
        if !self.may_come(accepted.peer) {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        let mut accepted = accepted.open(tls).await?;
        let first = sniff(&mut accepted.stream).await?;
        Ok((accepted, first))
    }

    /// The connection as that of the client for whom a proxy has made it.
    async fn introduced(&self, accepted: Accepted) -> io::Result<Accepted> {
        let peer = accepted.peer;
        if !self.config().proxy.is_tcp(peer.ip()) {
            return Ok(accepted);
        }
        let introduced = accepted.introduced().await;
        introduced.inspect_err(|error| {
            if error.kind() != io::ErrorKind::QuotaExceeded {
                warn!(%peer, %error, "a proxy did not tell whose connection it passes on");
            }
        })
    }

    /// Whether anything could be let in that comes from `peer`, or that it passes on.
    fn may_come(&self, peer: Peer) -> bool {
        let (networks, ip) = (self.parts.gate.networks(), peer.ip());
        let config = self.config();
        // An authority asks from anywhere.
        let is_asked = !config.acme.domains.is_empty();
        networks.watch.has(ip) || networks.publish.has(ip) || config.proxy.is_http(ip) || is_asked
    }

    async fn handle(
        self: &Arc<Self>,
        accepted: Accepted<Stream>,
        first: First,
        stop: &CancellationToken,
    ) {
        let Accepted {
            stream,
            peer,
            local,
            permit: _permit,
        } = accepted;
        self.parts.totals.connection();
        if let Err(error) = stream.take_little() {
            debug!(%peer, %error, "the send buffer stays as it is");
        }
        match first {
            First::Rtsp => {
                let (incoming, outgoing) = stream.into_split();
                let limit = self.config().limits.tcp_backlog;
                let outlet = Arc::new(Interleaved::new(outgoing, limit));
                let inlet = Inlet::Socket(incoming);
                Connection::new(self, inlet, outlet, peer, local)
                    .run(stop)
                    .await;
            }
            First::Tls => debug!(%peer, "TLS on a port without it"),
            _ => self.handle_http(stream, peer, local, stop).await,
        }
    }
}
