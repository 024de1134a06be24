//! Plain HTTP on the HTTP port, which is whatever is no RTSP tunnel: uploads, titles, and what
//! browsers ask for, of which there is nothing yet.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{ALLOW, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use tokio::sync::watch;

use super::connection::{self, text};
use super::pauses::Pauses;
use super::titles::is_of_titles;
use super::upload::UploadConnection;
use super::uploads::Uploads;
use crate::base::clock::Clock;
use crate::config::Config;
use crate::media::mounts::Mounts;
use crate::net::listen::Accepted;
use crate::net::sniff::First;
use crate::vod::Library;

/// The methods that something can be done with on this port.
const METHODS: &str = "GET, HEAD, OPTIONS, POST, PUT, SOURCE";

/// What the HTTP port needs of the other parts.
#[derive(Debug)]
pub struct Server {
    /// The movies, whose names no channel may have.
    pub library: Arc<Library>,
    /// The channels.
    pub mounts: Arc<Mounts>,
    /// Who uploads.
    pub uploads: Arc<Uploads>,
    /// Those of them that wait for their next request.
    pub pauses: Pauses,
    /// The settings.
    pub settings: watch::Receiver<Arc<Config>>,
    /// The clock.
    pub clock: Clock,
}

impl Server {
    /// Serves a connection that begins with `first` until it ends.
    pub async fn serve(&self, accepted: Accepted, first: First) {
        match first {
            First::HttpUpload | First::HttpPost => UploadConnection::serve(self, accepted).await,
            _ => self.serve_request(accepted).await,
        }
    }

    /// Answers one request and closes the connection; takes half a minute at most.
    async fn serve_request(&self, accepted: Accepted) {
        let Accepted {
            stream,
            peer,
            permit: _permit,
            ..
        } = accepted;
        connection::serve(stream, |request| self.answer(request, peer)).await;
    }

    fn answer(&self, request: &Request<Incoming>, peer: SocketAddr) -> Response<Full<Bytes>> {
        match *request.method() {
            Method::GET | Method::HEAD => {}
            Method::OPTIONS => return allow(StatusCode::NO_CONTENT, ""),
            _ => return allow(StatusCode::METHOD_NOT_ALLOWED, "method not allowed\n"),
        }
        let query = request.uri().query().unwrap_or_default();
        match request.uri().path() {
            path if is_of_titles(path) => self.update_title(query, peer),
            _ => text(StatusCode::NOT_FOUND, "not found\n"),
        }
    }

    pub(super) fn config(&self) -> Arc<Config> {
        Arc::clone(&self.settings.borrow())
    }
}

fn allow(status: StatusCode, reason: &'static str) -> Response<Full<Bytes>> {
    let mut response = text(status, reason);
    let methods = HeaderValue::from_static(METHODS);
    response.headers_mut().insert(ALLOW, methods);
    response
}

#[cfg(test)]
mod tests;
