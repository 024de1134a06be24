//! The administration port: `/metrics`, `/metrics/sessions` and `/healthz`. Reading only; it changes nothing.

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::{ALLOW, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::body::Body;
use super::connection::{self, text, typed};
use super::metrics::{MEDIA_TYPE, Metrics};
use crate::net::listen::{Accepted, Listener};
use crate::net::tls_acceptor::TlsAcceptor;

/// Serves the administration port until `stop`, which also ends its open connections.
pub async fn serve(listener: Listener, metrics: Arc<Metrics>, stop: CancellationToken) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => {
                let (tls, metrics) = (listener.tls(), Arc::clone(&metrics));
                connections.spawn(async move {
                    serve_connection(accepted, tls.as_deref(), &metrics).await;
                });
            }
        }
    }
    connections.shutdown().await;
}

async fn serve_connection(accepted: Accepted, tls: Option<&TlsAcceptor>, metrics: &Metrics) {
    let peer = accepted.peer;
    match accepted.open(tls).await {
        Ok(Accepted { stream, permit, .. }) => {
            connection::serve_one(stream, |request| answer(request, metrics)).await;
            drop(permit);
        }
        Err(error) => debug!(%peer, %error, "connection said nothing of use"),
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
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;
    use crate::base::clock::Clock;
    use crate::media::mounts::{Limits, Mounts};
    use crate::media::sessions::Sessions;
    use crate::net::listen::Permits;

    #[tokio::test]
    async fn each_path_has_its_answer() {
        let permits = Permits::new(4);
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), &permits).unwrap();
        let address = listener.local_addr();
        let mounts = Mounts::new(Limits::default(), Clock::start());
        let metrics = Arc::new(Metrics::new(Sessions::new(), mounts, Arc::default()));
        let stop = CancellationToken::new();
        let serving = tokio::spawn(serve(listener, metrics, stop.clone()));
        for (request, status, body) in [
            ("GET /healthz", 200, "ok\n"),
            ("GET /metrics", 200, "# EOF\n"),
            ("GET /metrics/sessions?all", 200, "# EOF\n"),
            ("HEAD /healthz", 200, "\r\n\r\n"),
            ("GET /nothing", 404, "not found\n"),
            ("POST /metrics", 405, "method not allowed\n"),
        ] {
            let mut client = TcpStream::connect(address).await.unwrap();
            let head = format!("{request} HTTP/1.1\r\nHost: a\r\n\r\n");
            client.write_all(head.as_bytes()).await.unwrap();
            let mut answer = String::new();
            client.read_to_string(&mut answer).await.unwrap();
            let start = format!("HTTP/1.1 {status} ");
            assert!(answer.starts_with(&start), "{request}: {answer}");
            assert!(answer.ends_with(body), "{request}: {answer}");
        }
        stop.cancel();
        serving.await.unwrap();
    }
}
