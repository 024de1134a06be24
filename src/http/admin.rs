//! The administration port: `/metrics`, `/metrics/sessions` and `/healthz`. Reading only; it changes nothing.

use std::io;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::{ALLOW, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::body::Body;
use super::connection::{self, text, typed};
use super::metrics::{MEDIA_TYPE, Metrics};
use super::sender::sender;
use crate::access::Gate;
use crate::base::peer::Peer;
use crate::config::Config;
use crate::net::listen::{Accepted, Listener};
use crate::net::stream::Stream;
use crate::net::tls_acceptor::TlsAcceptor;

/// Serves the administration port until `stop`, which also ends its open connections.
///
/// Whether a client may come there, `gate` says; where it is behind a proxy, the settings.
pub async fn serve(
    listener: Listener,
    metrics: Arc<Metrics>,
    gate: Arc<Gate>,
    settings: watch::Receiver<Arc<Config>>,
    stop: CancellationToken,
) {
    let port = Arc::new(Port {
        metrics,
        gate,
        settings,
    });
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => {
                let (tls, port) = (listener.tls(), Arc::clone(&port));
                connections.spawn(async move { port.serve(accepted, tls.as_deref()).await });
            }
        }
    }
    connections.shutdown().await;
}

/// What all connections need.
struct Port {
    metrics: Arc<Metrics>,
    gate: Arc<Gate>,
    settings: watch::Receiver<Arc<Config>>,
}

impl Port {
    async fn serve(&self, accepted: Accepted, tls: Option<&TlsAcceptor>) {
        let connected = accepted.peer;
        match self.open(accepted, tls).await {
            Ok(Accepted {
                stream,
                peer,
                permit,
                ..
            }) => {
                connection::serve_one(stream, |request| self.admit(request, peer)).await;
                drop(permit);
            }
            Err(error) => debug!(peer = %connected, %error, "connection said nothing of use"),
        }
    }

    /// The connection as that of the client for whom a proxy has made it, after its handshake.
    async fn open(
        &self,
        accepted: Accepted,
        tls: Option<&TlsAcceptor>,
    ) -> io::Result<Accepted<Stream>> {
        let is_tcp = self.settings.borrow().proxy.is_tcp(accepted.peer.ip());
        let accepted = match is_tcp {
            true => accepted.introduced().await?,
            false => accepted,
        };
        accepted.open(tls).await
    }

    /// Answers whom the networks let in.
    fn admit(&self, request: &Request<Incoming>, connected: Peer) -> Response<Body> {
        let config = Arc::clone(&self.settings.borrow());
        match sender(&config.proxy, connected, request.headers()) {
            Ok(peer) if self.gate.networks().admin.has(peer.ip()) => answer(request, &self.metrics),
            Ok(_) => text(
                StatusCode::FORBIDDEN,
                "nobody may do this from your network\n",
            ),
            Err(refusal) => *refusal,
        }
    }
}

fn answer(request: &Request<Incoming>, metrics: &Metrics) -> Response<Body> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "method not allowed\n");
        let allowed = HeaderValue::from_static("GET, HEAD");
        response.headers_mut().insert(ALLOW, allowed);
        return response;
    }
    match request.uri().path() {
        "/healthz" => text(StatusCode::OK, "ok\n"),
        "/metrics" => typed(StatusCode::OK, MEDIA_TYPE, metrics.summary()),
        "/metrics/sessions" => typed(StatusCode::OK, MEDIA_TYPE, metrics.sessions()),
        _ => text(StatusCode::NOT_FOUND, "not found\n"),
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;
    use crate::access::{Networks, Range, Settings};
    use crate::base::clock::Clock;
    use crate::media::mounts::{Limits, Mounts};
    use crate::media::sessions::Sessions;
    use crate::net::fetcher::Fetcher;
    use crate::net::listen::Permits;

    /// Administration that `gate` guards: where it is, and what ends it.
    fn start(gate: Arc<Gate>) -> (SocketAddr, CancellationToken) {
        let permits = Permits::new(4);
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), &permits).unwrap();
        let address = listener.local_addr();
        let mounts = Mounts::new(Limits::default(), Clock::start());
        let metrics = Arc::new(Metrics::new(Sessions::new(), mounts, Arc::default()));
        let stop = CancellationToken::new();
        let (_, settings) = watch::channel(Arc::default());
        tokio::spawn(serve(listener, metrics, gate, settings, stop.clone()));
        (address, stop)
    }

    fn gate() -> Arc<Gate> {
        let (settings, clock) = (Settings::default(), Clock::start());
        Gate::new("no movies".into(), settings, Arc::new(Fetcher), clock)
    }

    async fn ask(address: SocketAddr, request: &str) -> String {
        let mut client = TcpStream::connect(address).await.unwrap();
        let head = format!("{request} HTTP/1.1\r\nHost: a\r\n\r\n");
        client.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn each_path_has_its_answer() {
        let (address, _stop) = start(gate());
        for (request, status, body) in [
            ("GET /healthz", 200, "ok\n"),
            ("GET /metrics", 200, "# EOF\n"),
            ("GET /metrics/sessions?all", 200, "# EOF\n"),
            ("HEAD /healthz", 200, "\r\n\r\n"),
            ("GET /nothing", 404, "not found\n"),
            ("POST /metrics", 405, "method not allowed\n"),
        ] {
            let answer = ask(address, request).await;
            let start = format!("HTTP/1.1 {status} ");
            assert!(answer.starts_with(&start), "{request}: {answer}");
            assert!(answer.ends_with(body), "{request}: {answer}");
        }
    }

    #[tokio::test]
    async fn who_is_not_let_in_is_told_so() {
        let gate = gate();
        let (address, _stop) = start(Arc::clone(&gate));
        let admin = Range {
            deny: vec!["127.0.0.0/8".parse().unwrap()],
            ..Range::default()
        };
        gate.set_networks(Networks {
            admin,
            ..Networks::default()
        });
        for path in ["/metrics", "/nothing"] {
            let answer = ask(address, &format!("GET {path}")).await;
            assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
        }
        gate.set_networks(Networks::default());
        let answer = ask(address, "GET /healthz").await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
}
