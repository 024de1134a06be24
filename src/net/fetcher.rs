//! What the gate fetches from other servers by HTTP: one request, one answer, no redirects.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1;
use hyper::header::{HOST, USER_AGENT};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;
use url::{Position, Url};

use super::connect;
use super::tls::{self, Trust};
use crate::access::Fetch;

/// The longest answer, in bytes.
const LONGEST: usize = 256 * 1024;

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

const PRODUCT: &str = concat!("Reelcast/", env!("CARGO_PKG_VERSION"));

/// Fetches by HTTP and HTTPS.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fetcher;

impl Fetch for Fetcher {
    fn fetch(&self, url: Url) -> BoxFuture<'static, io::Result<Bytes>> {
        Box::pin(async move { timeout(PATIENCE, get(&url)).await? })
    }
}

async fn get(url: &Url) -> io::Result<Bytes> {
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or_default();
    let request = Request::get(&url[Position::BeforePath..Position::AfterQuery])
        .header(HOST, &url[Position::BeforeHost..Position::AfterPort])
        .header(USER_AGENT, PRODUCT)
        .body(Empty::new())
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
    request: Request<Empty<Bytes>>,
) -> io::Result<Bytes> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(io::Error::other)?;
    // What goes wrong with the connection, the answer tells.
    let _connection = AbortOnDropHandle::new(tokio::spawn(async move { drop(connection.await) }));
    let answer = sender.send_request(request).await;
    let answer = answer.map_err(io::Error::other)?;
    if answer.status() != StatusCode::OK {
        return Err(io::Error::other(format!(
            "the answer is {}",
            answer.status()
        )));
    }
    let body = Limited::new(answer.into_body(), LONGEST).collect().await;
    Ok(body.map_err(io::Error::other)?.to_bytes())
}
