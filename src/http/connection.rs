//! One HTTP/1 connection: a single request, within limits, and its answer.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tracing::debug;

/// How long a client may take to send the head of its request.
pub(super) const HEAD_TIME: Duration = Duration::from_secs(10);

/// How long a connection may last, until the client has taken its answer.
const TOTAL_TIME: Duration = Duration::from_secs(30);

/// The longest head of a request, in bytes, and the most header lines.
pub(super) const HEAD_SIZE: usize = 16 * 1024;
const HEADERS: usize = 64;

/// Answers one request on `stream` and closes it. Ends after half a minute at the latest.
pub(super) async fn serve(
    stream: TcpStream,
    answer: impl Fn(&Request<Incoming>) -> Response<Full<Bytes>>,
) {
    let service = service_fn(|request| {
        let response = answer(&request);
        async move { Ok::<_, Infallible>(response) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(HEAD_SIZE)
        .max_headers(HEADERS)
        .keep_alive(false)
        .half_close(true)
        .serve_connection(TokioIo::new(stream), service);
    match timeout(TOTAL_TIME, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => debug!(%error, "HTTP connection"),
        Err(_) => debug!("HTTP connection took too long"),
    }
}

/// A plain text answer.
pub(super) fn text(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    typed(status, "text/plain; charset=utf-8", text)
}

/// An answer of the given media type.
pub(super) fn typed(
    status: StatusCode,
    media_type: &'static str,
    body: impl Into<Bytes>,
) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let media_type = HeaderValue::from_static(media_type);
    response.headers_mut().insert(CONTENT_TYPE, media_type);
    response
}
