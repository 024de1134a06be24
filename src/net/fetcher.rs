//! What the gate asks other servers by HTTP: one request, one answer, no redirects.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST, USER_AGENT};
use hyper::http::request::Builder;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;
use url::{Position, Url};

use super::connect;
use super::tls::{self, Trust};
use crate::access::Web;

/// The longest answer, in bytes.
const LONGEST: usize = 256 * 1024;

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

const PRODUCT: &str = concat!("Reelcast/", env!("CARGO_PKG_VERSION"));

/// Asks by HTTP and HTTPS.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fetcher;

impl Web for Fetcher {
    fn fetch(&self, url: Url) -> BoxFuture<'static, io::Result<Bytes>> {
        Box::pin(async move { timeout(PATIENCE, get(&url)).await? })
    }

    fn post(&self, url: Url, json: Bytes) -> BoxFuture<'static, io::Result<u16>> {
        Box::pin(async move {
            let request = Request::post(target(&url)).header(CONTENT_TYPE, "application/json");
            let answer = send(&url, request, json).await?;
            Ok(answer.status.as_u16())
        })
    }
}

/// What was answered.
struct Answer {
    status: StatusCode,
    body: Incoming,
    /// The way that the body comes by.
    _connection: AbortOnDropHandle<()>,
}

async fn get(url: &Url) -> io::Result<Bytes> {
    let answer = send(url, Request::get(target(url)), Bytes::new()).await?;
    if answer.status != StatusCode::OK {
        return Err(io::Error::other(format!("the answer is {}", answer.status)));
    }
    let body = Limited::new(answer.body, LONGEST).collect().await;
    Ok(body.map_err(io::Error::other)?.to_bytes())
}

fn target(url: &Url) -> &str {
    &url[Position::BeforePath..Position::AfterQuery]
}

async fn send(url: &Url, request: Builder, body: Bytes) -> io::Result<Answer> {
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or_default();
    let request = request
        .header(HOST, &url[Position::BeforeHost..Position::AfterPort])
        .header(USER_AGENT, PRODUCT)
        .body(Full::new(body))
        .map_err(io::Error::other)?;
    if url.scheme() == "https" {
        exchange(tls::connect(host, port, Trust::Authorities).await?, request).await
    } else {
        let stream = connect::connect(&format!("{host}:{port}"), PATIENCE).await?;
        exchange(stream, request).await
    }
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
) -> io::Result<Answer> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(io::Error::other)?;
    // What goes wrong with the connection, the answer tells.
    let connection = AbortOnDropHandle::new(tokio::spawn(async move { drop(connection.await) }));
    let answer = sender.send_request(request).await;
    let (head, body) = answer.map_err(io::Error::other)?.into_parts();
    Ok(Answer {
        status: head.status,
        body,
        _connection: connection,
    })
}
