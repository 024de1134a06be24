//! GET, with what the rules want to know of the answer.

use std::io::Read as _;
use std::ops::Range;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use flate2::read::MultiGzDecoder;
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::header::{
    ACCEPT_ENCODING, ACCESS_CONTROL_ALLOW_ORIGIN, AUTHORIZATION, CACHE_CONTROL, CONTENT_ENCODING,
    CONTENT_TYPE, DATE, HOST, HeaderName, LAST_MODIFIED, LOCATION, ORIGIN, RANGE, USER_AGENT,
};
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::task::AbortOnDropHandle;
use url::{Position, Url};

use crate::base::clock::Clock;
use crate::lint::delivery::Delivery;
use crate::net::tls::Trust;
use crate::net::{connect, tls};

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("{0} is no URL of HTTP")]
    NoHttp(String),
    #[error("connecting to {host}: {source}")]
    Connect {
        host: String,
        source: std::io::Error,
    },
    #[error("{0}")]
    Http(#[from] hyper::Error),
    #[error("{0}")]
    Request(#[from] hyper::http::Error),
    #[error("no answer within {} s", .0.as_secs())]
    NoAnswer(Duration),
    #[error("more than {MAX_REDIRECTS} redirects, or one to nowhere")]
    Redirects,
    #[error("the answer is longer than {MAX_BODY} bytes")]
    TooLong,
    #[error("the answer cannot be unpacked: {0}")]
    Packed(std::io::Error),
    #[error("the answer is {0}: {1}")]
    Status(u16, String),
}

/// Where to ask.
#[derive(Clone, Debug)]
pub(super) struct Web {
    clock: Clock,
    trust: Trust,
}

/// What was answered.
#[derive(Debug)]
pub(super) struct Answer {
    /// Where it was found, after redirects.
    pub(super) url: Url,
    pub(super) delivery: Delivery,
    /// Unpacked.
    pub(super) body: Bytes,
    /// From the request to the head of the answer.
    pub(super) waited: Duration,
    /// From the head to the last byte.
    pub(super) transfer: Duration,
}

impl Web {
    /// Time begins to count now.
    pub(super) fn new(is_insecure: bool) -> Self {
        Self {
            clock: Clock::start(),
            trust: match is_insecure {
                true => Trust::Anybody,
                false => Trust::Authorities,
            },
        }
    }

    /// Time since it was made.
    pub(super) fn elapsed(&self) -> Duration {
        self.clock
            .now()
            .saturating_duration_since(self.clock.started())
    }

    /// Gets `url`, or a range of it. Cancel safe.
    pub(super) async fn get(
        &self,
        url: &Url,
        range: Option<&Range<u64>>,
        patience: Duration,
    ) -> Result<Answer, Failure> {
        let answered = tokio::time::timeout(patience, self.follow(url, range));
        answered.await.unwrap_or(Err(Failure::NoAnswer(patience)))
    }

    async fn follow(&self, url: &Url, range: Option<&Range<u64>>) -> Result<Answer, Failure> {
        let began = self.clock.now();
        let mut url = url.clone();
        for redirects in 0..=MAX_REDIRECTS {
            let request = request(&url, range)?;
            let (answer, _connection) = self.exchange(&url, request).await?;
            if answer.status().is_redirection() {
                let target = field(&answer, &LOCATION);
                url = url.join(&target).map_err(|_| Failure::Redirects)?;
                continue;
            }
            let waited = self.clock.now().saturating_duration_since(began);
            let mut delivery = delivery(&answer, redirects, range.is_some());
            let (body, transfer) = self.body(answer.into_body()).await?;
            let body = match delivery.content_encoding.as_str() {
                "gzip" => unpack(&body).map_err(Failure::Packed)?,
                _ => body,
            };
            delivery.size = body.len();
            return Ok(Answer {
                url,
                delivery,
                body,
                waited,
                transfer,
            });
        }
        Err(Failure::Redirects)
    }

    async fn exchange(
        &self,
        url: &Url,
        request: Request<Empty<Bytes>>,
    ) -> Result<(Response<Incoming>, AbortOnDropHandle<()>), Failure> {
        let host = url.host_str().unwrap_or_default();
        let port = url.port_or_known_default().unwrap_or_default();
        let authority = format!("{host}:{port}");
        let failed = |source| Failure::Connect {
            host: authority.clone(),
            source,
        };
        match url.scheme() {
            "http" => {
                let stream = connect::connect(&authority, CONNECTING);
                send(stream.await.map_err(failed)?, request).await
            }
            "https" => {
                let stream = tls::connect(host, port, self.trust);
                send(stream.await.map_err(failed)?, request).await
            }
            _ => Err(Failure::NoHttp(url.to_string())),
        }
    }

    /// The bytes of a body, and how long it took from its first byte to its last.
    async fn body(&self, mut body: Incoming) -> Result<(Bytes, Duration), Failure> {
        let mut bytes = BytesMut::new();
        let mut first: Option<Instant> = None;
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame?.into_data() else {
                continue;
            };
            first.get_or_insert_with(|| self.clock.now());
            bytes.extend_from_slice(&data);
            if bytes.len() > MAX_BODY {
                return Err(Failure::TooLong);
            }
        }
        let now = self.clock.now();
        let transfer = first.map_or(Duration::ZERO, |first| now.saturating_duration_since(first));
        Ok((bytes.freeze(), transfer))
    }

    /// Whether the server talks HTTP/2: by TLS that is what it chooses, without TLS a server must
    /// take it without having been asked.
    pub(super) async fn takes_http2(&self, url: &Url) -> bool {
        let host = url.host_str().unwrap_or_default();
        let port = url.port_or_known_default().unwrap_or_default();
        let asked = async {
            let stream = connect::connect(&format!("{host}:{port}"), CONNECTING)
                .await
                .ok()?;
            let io = TokioIo::new(stream);
            let (mut sender, connection) = http2::handshake(TokioExecutor::new(), io).await.ok()?;
            let task = tokio::spawn(async move { drop(connection.await) });
            let _task = AbortOnDropHandle::new(task);
            let request = Request::get(url.as_str())
                .body(Empty::<Bytes>::new())
                .ok()?;
            sender.send_request(request).await.ok()
        };
        let answered = tokio::time::timeout(CONNECTING, asked).await;
        matches!(answered, Ok(Some(_)))
    }
}

fn request(url: &Url, range: Option<&Range<u64>>) -> Result<Request<Empty<Bytes>>, Failure> {
    let mut request = Request::get(&url[Position::BeforePath..Position::AfterQuery])
        .header(HOST, &url[Position::BeforeHost..Position::AfterPort])
        .header(USER_AGENT, PRODUCT)
        .header(ORIGIN, "http://lint.invalid")
        .header(ACCEPT_ENCODING, "gzip");
    if !url.username().is_empty() {
        let password = url.password().unwrap_or_default();
        let basic = STANDARD.encode(format!("{}:{password}", url.username()));
        request = request.header(AUTHORIZATION, format!("Basic {basic}"));
    }
    if let Some(Range { start, end }) = range {
        request = request.header(RANGE, format!("bytes={start}-{}", end.saturating_sub(1)));
    }
    Ok(request.body(Empty::new())?)
}

async fn send(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Empty<Bytes>>,
) -> Result<(Response<Incoming>, AbortOnDropHandle<()>), Failure> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // What goes wrong with the connection, the body tells.
    let connection = tokio::spawn(async move { drop(connection.await) });
    let connection = AbortOnDropHandle::new(connection);
    Ok((sender.send_request(request).await?, connection))
}

fn field(answer: &Response<Incoming>, name: &HeaderName) -> String {
    let value = answer.headers().get(name);
    let value = value.and_then(|value| value.to_str().ok());
    value.unwrap_or_default().to_owned()
}

fn delivery(answer: &Response<Incoming>, redirects: usize, ranged: bool) -> Delivery {
    let date = |name| httpdate::parse_http_date(&field(answer, name)).ok();
    let kind = field(answer, &CONTENT_TYPE).to_ascii_lowercase();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    Delivery {
        status: answer.status().as_u16(),
        redirects,
        ranged,
        content_type: kind.to_owned(),
        content_encoding: field(answer, &CONTENT_ENCODING).to_ascii_lowercase(),
        cache_control: field(answer, &CACHE_CONTROL).to_ascii_lowercase(),
        cross_origin: answer.headers().contains_key(ACCESS_CONTROL_ALLOW_ORIGIN),
        date: date(&DATE),
        modified: date(&LAST_MODIFIED),
        size: 0,
    }
}

fn unpack(body: &[u8]) -> std::io::Result<Bytes> {
    let mut bytes = Vec::new();
    let limit = MAX_BODY as u64;
    MultiGzDecoder::new(body)
        .take(limit)
        .read_to_end(&mut bytes)?;
    Ok(bytes.into())
}

const PRODUCT: &str = concat!("Reelcast/", env!("CARGO_PKG_VERSION"), " (lint)");

const MAX_REDIRECTS: usize = 5;

/// The most bytes of an answer: more than a segment of 4K video at 100 Mbit/s and 20 s has.
const MAX_BODY: usize = 256 << 20;

const CONNECTING: Duration = Duration::from_secs(10);
