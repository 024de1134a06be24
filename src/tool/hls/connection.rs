//! A connection to a server that answers one request after the other (RFC 9112), as a player keeps it.

use std::io::{self, Read};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use flate2::read::GzDecoder;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HOST, USER_AGENT};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio_util::task::AbortOnDropHandle;
use url::{Position, Url};

use super::measurement::Tally;
use crate::net::connect::connect;

/// How long connecting may take.
const CONNECTING: Duration = Duration::from_secs(10);

/// The longest playlist that is read, in bytes.
const MAX_TEXT: u64 = 4 << 20;

/// Why there is no answer of use.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("{0}")]
    Network(#[from] io::Error),
    #[error("{0}")]
    Http(#[from] hyper::Error),
    #[error("a {what} was answered with {status}")]
    Refused { what: &'static str, status: u16 },
    #[error("a playlist is no text")]
    NoText,
    #[error("{0}")]
    Playlist(#[from] super::playlist::Unusable),
    #[error("that is no URL")]
    Url,
}

/// A connection that is opened with the first request, and again when the server has closed it.
pub(super) struct Connection {
    authority: Arc<str>,
    open: Option<(SendRequest<Empty<Bytes>>, AbortOnDropHandle<()>)>,
    tally: Arc<Tally>,
}

impl Connection {
    pub(super) fn new(authority: &Arc<str>, tally: &Arc<Tally>) -> Self {
        Self {
            authority: Arc::clone(authority),
            open: None,
            tally: Arc::clone(tally),
        }
    }

    /// The text at `url`.
    pub(super) async fn text(&mut self, url: &Url) -> Result<String, Failure> {
        let mut answer = self.ask(url, "playlist").await?;
        let is_packed = answer.headers().contains_key(CONTENT_ENCODING);
        let mut bytes = BytesMut::new();
        while let Some(frame) = answer.frame().await {
            if let Ok(data) = frame?.into_data() {
                self.tally.bytes(data.len());
                bytes.extend_from_slice(&data);
            }
            if bytes.len() as u64 > MAX_TEXT {
                return Err(Failure::NoText);
            }
        }
        if !is_packed {
            return String::from_utf8(bytes.into()).map_err(|_| Failure::NoText);
        }
        let mut text = String::new();
        GzDecoder::new(&bytes[..])
            .take(MAX_TEXT)
            .read_to_string(&mut text)?;
        Ok(text)
    }

    /// Fetches `url`, and forgets what comes.
    pub(super) async fn fetch(&mut self, url: &Url) -> Result<(), Failure> {
        let mut answer = self.ask(url, "piece").await?;
        while let Some(frame) = answer.frame().await {
            if let Ok(data) = frame?.into_data() {
                self.tally.bytes(data.len());
            }
        }
        Ok(())
    }

    async fn ask(&mut self, url: &Url, what: &'static str) -> Result<Response<Incoming>, Failure> {
        let request = Request::get(&url[Position::BeforePath..Position::AfterQuery])
            .header(HOST, &*self.authority)
            .header(USER_AGENT, concat!("Reelcast/", env!("CARGO_PKG_VERSION")))
            .header(ACCEPT_ENCODING, "gzip")
            .body(Empty::new())
            .map_err(|_| Failure::Url)?;
        self.tally.request();
        let sender = self.sender().await?;
        let answer = sender.send_request(request).await;
        let answer = answer.inspect_err(|_| self.open = None)?;
        match answer.status().as_u16() {
            200 => Ok(answer),
            status => {
                // Its text is not read, so that nothing can follow on this connection.
                self.open = None;
                Err(Failure::Refused { what, status })
            }
        }
    }

    async fn sender(&mut self) -> Result<&mut SendRequest<Empty<Bytes>>, Failure> {
        let is_open = match &mut self.open {
            Some((sender, _)) => sender.ready().await.is_ok(),
            None => false,
        };
        if !is_open {
            self.open = None;
        }
        match &mut self.open {
            Some((sender, _)) => Ok(sender),
            open => {
                let stream = connect(&self.authority, CONNECTING).await?;
                let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
                // What goes wrong with it, the requests tell.
                let task = tokio::spawn(async move { drop(connection.await) });
                Ok(&mut open.insert((sender, AbortOnDropHandle::new(task))).0)
            }
        }
    }
}
