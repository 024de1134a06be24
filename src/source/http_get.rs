//! Fetching by HTTP what feeds a channel: one GET, its redirects, and the body as it comes.

use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures::{StreamExt as _, stream::BoxStream};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, LOCATION, USER_AGENT};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::io::StreamReader;
use tokio_util::task::AbortOnDropHandle;
use url::{Position, Url};

use super::{Failure, trust};
use crate::config::{ChannelSource, Credentials};
use crate::net::{connect, tls};

/// How many redirects are followed.
const MAX_REDIRECTS: usize = 5;

const PRODUCT: &str = concat!("Reelcast/", env!("CARGO_PKG_VERSION"));

/// The bytes of a body.
pub(super) type Body = StreamReader<BoxStream<'static, io::Result<Bytes>>, Bytes>;

/// What a URL led to.
pub(super) struct Fetched {
    /// Where it was found, after redirects.
    pub(super) url: Url,
    /// The media type, in small letters.
    pub(super) content_type: String,
    pub(super) body: Body,
    /// Carries the body; closed on drop.
    _connection: AbortOnDropHandle<()>,
}

/// Fetches `url` as the source's settings say. Cancel safe.
///
/// # Errors
/// When there is no connection, or an answer other than 200.
pub(super) async fn fetch(url: &Url, settings: &ChannelSource) -> Result<Fetched, Failure> {
    let mut url = url.clone();
    for _ in 0..=MAX_REDIRECTS {
        let (answer, connection) = ask(&url, settings).await?;
        if answer.status().is_redirection() {
            url = target(&url, &answer)?;
            continue;
        }
        if answer.status() != 200 {
            return Err(Failure::Http(format!(
                "{} answered {}",
                shown(&url),
                answer.status()
            )));
        }
        let content_type = answer.headers().get(CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok());
        return Ok(Fetched {
            content_type: content_type.unwrap_or_default().to_ascii_lowercase(),
            url,
            body: reader(answer.into_body()),
            _connection: connection,
        });
    }
    Err(Failure::Http(format!(
        "more than {MAX_REDIRECTS} redirects"
    )))
}

/// Where the answer leads; only to where the same can be fetched.
fn target(url: &Url, answer: &Response<Incoming>) -> Result<Url, Failure> {
    let location = answer.headers().get(LOCATION);
    let location = location.and_then(|value| value.to_str().ok());
    let target = location.and_then(|location| url.join(location).ok());
    target
        .filter(|target| matches!(target.scheme(), "http" | "https") && target.has_host())
        .ok_or_else(|| Failure::Http(format!("{} redirects to nowhere", shown(url))))
}

async fn ask(
    url: &Url,
    settings: &ChannelSource,
) -> Result<(Response<Incoming>, AbortOnDropHandle<()>), Failure> {
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or_default();
    let failed = |source| Failure::Connect {
        host: format!("{host}:{port}"),
        source,
    };
    // Who has the password was told by the URL, not by a redirect.
    let is_own = url.origin() == settings.url.url().origin();
    let request = request(url, settings.url.credentials().filter(|_| is_own))?;
    let patience = settings.timeout;
    let answered = tokio::time::timeout(patience, async {
        if url.scheme() == "https" {
            let trust = trust(&settings.certificate);
            exchange(
                tls::connect(host, port, trust).await.map_err(failed)?,
                request,
            )
            .await
        } else {
            let authority = format!("{host}:{port}");
            let stream = connect::connect(&authority, patience)
                .await
                .map_err(failed)?;
            exchange(stream, request).await
        }
    });
    answered.await.unwrap_or(Err(Failure::NoAnswer {
        request: "GET",
        patience,
    }))
}

fn request(url: &Url, credentials: Option<&Credentials>) -> Result<Request<Empty<Bytes>>, Failure> {
    let mut request = Request::get(&url[Position::BeforePath..Position::AfterQuery])
        .header(HOST, &url[Position::BeforeHost..Position::AfterPort])
        .header(USER_AGENT, PRODUCT);
    if let Some(Credentials { user, password }) = credentials {
        let basic = STANDARD.encode(format!("{user}:{password}"));
        request = request.header(AUTHORIZATION, format!("Basic {basic}"));
    }
    request
        .body(Empty::new())
        .map_err(|error| Failure::Http(error.to_string()))
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Empty<Bytes>>,
) -> Result<(Response<Incoming>, AbortOnDropHandle<()>), Failure> {
    let failed = |error: hyper::Error| Failure::Http(error.to_string());
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(failed)?;
    // What goes wrong with the connection, the body tells.
    let connection = tokio::spawn(async move { drop(connection.await) });
    let connection = AbortOnDropHandle::new(connection);
    let answer = sender.send_request(request).await.map_err(failed)?;
    Ok((answer, connection))
}

fn reader(body: Incoming) -> Body {
    let data = body.into_data_stream();
    StreamReader::new(data.map(|piece| piece.map_err(io::Error::other)).boxed())
}

/// A URL without its query, where passwords may be.
fn shown(url: &Url) -> &str {
    &url[..Position::AfterPath]
}
