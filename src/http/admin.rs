//! The administration port: `/metrics` and `/metrics/sessions` for who may administer the server, and `/healthz`.
//! Reading only; it changes nothing.

use std::io;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::{ALLOW, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::answer::{text, typed, unavailable};
use super::body::Body;
use super::connection;
use super::metrics::{MEDIA_TYPE, Metrics};
use super::permission::{BUSY, Claim, TOO_MANY, challenged, later};
use super::sender::sender;
use crate::access::{Gate, Verdict};
use crate::base::peer::Peer;
use crate::config::Config;
use crate::net::listen::{Accepted, Listener};
use crate::net::stream::Stream;
use crate::net::tls_acceptor::TlsAcceptor;

/// Where everybody learns whether the server is there whom the networks let in: load balancers have no login.
const HEALTH: &str = "/healthz";

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
                let is_encrypted = stream.is_encrypted();
                let answer = |request| self.answer(request, peer, is_encrypted);
                connection::serve_one(stream, answer).await;
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

    /// Answers who may administer the server.
    async fn answer(
        &self,
        request: Request<Incoming>,
        connected: Peer,
        is_encrypted: bool,
    ) -> Response<Body> {
        let config = Arc::clone(&self.settings.borrow());
        let peer = match sender(&config.proxy, connected, request.headers()) {
            Ok(peer) => peer,
            Err(refusal) => return *refusal,
        };
        let is_let_in = self.gate.networks().admin.has(peer.ip());
        if is_let_in && request.uri().path() == HEALTH {
            return answer(&request, &self.metrics);
        }
        let claim = Claim::of_request(&request, peer);
        match claim.may_administer(&self.gate, is_encrypted).await {
            Verdict::Open | Verdict::User(_) | Verdict::Bearer(_) => {
                answer(&request, &self.metrics)
            }
            Verdict::Challenge(challenges) => challenged(&challenges),
            Verdict::Later(wait) => later(wait, TOO_MANY),
            Verdict::Busy => unavailable(format!("{BUSY}\n")),
            Verdict::Foreign => forbidden("nobody may do this from your network\n"),
            _ => forbidden(
                "only this host itself may do this (as localhost), for nobody can log in: the log says why\n",
            ),
        }
    }
}

fn forbidden(reason: &'static str) -> Response<Body> {
    text(StatusCode::FORBIDDEN, reason)
}

fn answer(request: &Request<Incoming>, metrics: &Metrics) -> Response<Body> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "method not allowed\n");
        let allowed = HeaderValue::from_static("GET, HEAD");
        response.headers_mut().insert(ALLOW, allowed);
        return response;
    }
    match request.uri().path() {
        HEALTH => text(StatusCode::OK, "ok\n"),
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

    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::*;
    use crate::access::{ClientNetworks, Files, Networks, Settings};
    use crate::base::clock::Clock;
    use crate::media::mounts::{Limits, Mounts};
    use crate::media::sessions::Sessions;
    use crate::net::fetcher::Fetcher;
    use crate::net::permits::Permits;

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
        ask_with(address, request, "Host: localhost:1220\r\n").await
    }

    async fn ask_with(address: SocketAddr, request: &str, headers: &str) -> String {
        let mut client = TcpStream::connect(address).await.unwrap();
        let head = format!("{request} HTTP/1.1\r\n{headers}\r\n");
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
        let admin = Networks {
            deny: vec!["127.0.0.0/8".parse().unwrap()],
            ..Networks::default()
        };
        gate.set_networks(ClientNetworks {
            admin,
            ..ClientNetworks::default()
        });
        for path in ["/metrics", "/nothing"] {
            let answer = ask(address, &format!("GET {path}")).await;
            assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
        }
        gate.set_networks(ClientNetworks::default());
        let answer = ask(address, "GET /healthz").await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }

    /// The headers of who logs in by Basic.
    fn logged_in(login: &str) -> String {
        let login = STANDARD.encode(login);
        format!("Host: media.example\r\nAuthorization: Basic {login}\r\n")
    }

    #[tokio::test]
    async fn who_is_not_of_this_host_logs_in_as_an_administrator() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text);
        // HA1 of `ann:Films:secret`, and of `bob:Films:hidden`.
        let ann = "c0246d1bbd99545245aca0d67458ee50";
        let bob = "8a3138383f16197782b66f3b0d051b46";
        let users = format!("realm Films\nann:x:{ann}\nbob:x:{bob}\n");
        write("qtusers", &users).unwrap();
        write("qtgroups", "admin: ann\nbroadcaster: bob\n").unwrap();
        write("qtaccess", "AuthScheme basic\nrequire any-user\n").unwrap();
        let files = Files {
            users: vec![folder.path().join("qtusers")],
            groups: vec![folder.path().join("qtgroups")],
            ..Files::default()
        };
        let settings = Settings {
            files,
            ..Settings::default()
        };
        let root = folder.path().to_owned();
        let gate = Gate::new(root, settings, Arc::new(Fetcher), Clock::start());
        let (address, _stop) = start(gate);
        let page = |more: &str| format!("Host: localhost:1220\r\n{more}\r\n");
        let rebound = "Host: rebound.example:1220\r\n";
        for (headers, status) in [
            (String::new(), 200),
            (page("Sec-Fetch-Site: none"), 200),
            (page("Sec-Fetch-Site: cross-site"), 401),
            (page("Origin: http://elsewhere.example"), 401),
            ("Host: 0.0.0.0:1220\r\n".to_owned(), 401),
            (rebound.to_owned(), 401),
            (logged_in("ann:secret"), 200),
            (logged_in("ann:wrong"), 401),
            (logged_in("bob:hidden"), 401),
        ] {
            for path in ["/metrics", "/metrics/sessions"] {
                let answer = ask_with(address, &format!("GET {path}"), &headers).await;
                let start = format!("HTTP/1.1 {status} ");
                assert!(answer.starts_with(&start), "{path} {headers}: {answer}");
            }
            let health = ask_with(address, "GET /healthz", &headers).await;
            assert!(health.ends_with("\r\n\r\nok\n"), "{headers}: {health}");
        }
        let refused = ask_with(address, "GET /nothing", rebound).await;
        assert!(
            refused.contains("www-authenticate: Basic realm=\"Films\""),
            "{refused}"
        );
    }

    #[tokio::test]
    async fn where_nobody_can_log_in_pages_read_nothing() {
        let (address, _stop) = start(gate());
        for path in ["/metrics", "/metrics/sessions", "/nothing"] {
            let rebound = "Host: rebound.example:1220\r\n";
            let answer = ask_with(address, &format!("GET {path}"), rebound).await;
            assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
        }
    }
}
