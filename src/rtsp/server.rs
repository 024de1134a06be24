//! Accepting connections and telling what they speak.

use std::io;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::debug;

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
    accept(&listener, &stop, move |accepted, first, stop| {
        let service = Arc::clone(&service);
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
    accept(&listener, &stop, move |mut accepted, first, stop| {
        let (service, plain) = (Arc::clone(&service), plain.clone());
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
    })
    .await;
}

/// Gives each connection that has said something, after its handshake if it has one, to a task of its own.
async fn accept<F>(
    listener: &Listener,
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
        let (handle, stop, tls) = (handle.clone(), stop.clone(), listener.tls());
        connections.spawn(async move {
            let peer = accepted.peer;
            let opened = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                opened = open(accepted, tls.as_deref()) => opened,
            };
            match opened {
                Ok((accepted, first)) => handle(accepted, first, stop).await,
                Err(error) => debug!(%peer, %error, "connection said nothing of use"),
            }
        });
    }
    connections.close();
    connections.wait().await;
}

/// A new connection after its handshake, and what it speaks.
async fn open(
    accepted: Accepted,
    tls: Option<&TlsAcceptor>,
) -> io::Result<(Accepted<Stream>, First)> {
    let mut accepted = accepted.open(tls).await?;
    let first = sniff(&mut accepted.stream).await?;
    Ok((accepted, first))
}

impl Service {
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
