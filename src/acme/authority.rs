//! Requests to an authority: by HTTPS, one after the other.

use std::error::Error as StdError;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderValue};
use hyper::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use tokio::time::timeout;

use crate::net::tls::{Trust, connect};

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// The longest answer, in bytes.
const LONGEST: usize = 1 << 20;

type Fault = Box<dyn StdError + Send + Sync>;

/// The way to authorities, who have to be known to this system.
pub(super) struct Authority;

impl HttpClient for Authority {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        Box::pin(async move {
            let answered = timeout(PATIENCE, ask(request)).await;
            let answered = answered.unwrap_or_else(|late| Err(late.into()));
            answered.map(BytesResponse::from).map_err(Error::Other)
        })
    }
}

async fn ask(request: Request<BodyWrapper<Bytes>>) -> Result<Response<Full<Bytes>>, Fault> {
    let (mut head, body) = request.into_parts();
    let https = Some(&head.uri).filter(|url| url.scheme_str() == Some("https"));
    let authority = https.and_then(Uri::authority).cloned();
    let authority = authority.ok_or_else(|| format!("{} is no https: URL", head.uri))?;
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    head.uri = path.parse()?;
    head.headers
        .insert(HOST, HeaderValue::from_str(authority.as_str())?);
    let port = authority.port_u16().unwrap_or(443);
    let stream = connect(authority.host(), port, Trust::Authorities).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let asking = async move {
        let answer = sender.send_request(Request::from_parts(head, body)).await?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, LONGEST).collect().await?.to_bytes();
        Ok(Response::from_parts(head, Full::new(body)))
    };
    // The connection ends when nobody can ask any more; what it says then has no bearing on the answer.
    let (answer, _) = tokio::join!(asking, connection);
    answer
}
