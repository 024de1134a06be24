//! Plain HTTP on the HTTP port, which is whatever is no RTSP tunnel: HLS, uploads, titles, and
//! what browsers ask for.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ALLOW, CONTENT_LENGTH, HeaderMap, HeaderValue, ORIGIN,
};
use hyper::{Method, Request, Response, StatusCode};
use tokio::sync::watch;

use super::answer::{text, typed, varies_by};
use super::asked::Asked;
use super::body::Body;
use super::connection::{self, is_upload};
use super::download::is_download;
pub use super::page::Pages;
use super::pauses::Pauses;
use super::permission::{Permit, keep_private, later};
use super::rates::Rates;
use super::route::{Route, below};
use super::sender::sender;
use super::upload_connection::UploadConnection;
use super::upload_exchange::Exchanges;
use super::uploads::Uploads;
use crate::access::{Gate, Guest};
use crate::acme::Proofs;
use crate::base::clock::Clock;
use crate::base::peer::Peer;
use crate::config::Config;
use crate::hls::gateway::Gateway;
use crate::media::mounts::Mounts;
use crate::media::sessions::Sessions;
use crate::net::listen::Accepted;
use crate::net::sniff::First;
use crate::net::stream::Stream;
use crate::vod::Library;

/// The methods that something can be done with on this port.
const METHODS: &str = "GET, HEAD, OPTIONS, POST, PUT, SOURCE";

/// What a client is told that asks too fast.
pub(super) const TOO_OFTEN: &str = "too many requests from your address";

/// What the HTTP port needs of the other parts.
#[derive(Debug)]
pub struct Server {
    /// Who may watch what.
    pub gate: Arc<Gate>,
    /// The movies, whose names no channel may have.
    pub library: Arc<Library>,
    /// The channels.
    pub mounts: Arc<Mounts>,
    /// The way from them to players by HLS.
    pub hls: Arc<Gateway>,
    /// What an authority is shown that is asked for a certificate.
    pub proofs: Arc<Proofs>,
    /// What browsers are shown.
    pub pages: Pages,
    /// Who watches.
    pub sessions: Sessions,
    /// Who uploads.
    pub uploads: Arc<Uploads>,
    /// Those of them that wait for their next request.
    pub pauses: Pauses,
    /// How fast they and all others ask.
    pub rates: Rates,
    /// The settings.
    pub settings: watch::Receiver<Arc<Config>>,
    /// The clock.
    pub clock: Clock,
}

impl Server {
    /// Serves a connection that begins with `first` until it ends.
    pub async fn serve(self: &Arc<Self>, accepted: Accepted<Stream>, first: First) {
        match first {
            First::HttpUpload | First::HttpPost => UploadConnection::serve(self, accepted).await,
            _ => self.serve_requests(accepted).await,
        }
    }

    async fn serve_requests(self: &Arc<Self>, accepted: Accepted<Stream>) {
        let Accepted {
            stream,
            peer,
            local,
            permit: _permit,
        } = accepted;
        let exchanges = Exchanges::default();
        let (server, uploads) = (Arc::clone(self), exchanges.clone());
        connection::serve(stream, self.clock, move |request| {
            let (server, uploads) = (Arc::clone(&server), uploads.clone());
            async move {
                // What is rare is boxed here and below, for what is asked for most moves with all that it could become.
                match is_upload(request.method()) {
                    true => Box::pin(server.answer_upload(request, peer, &uploads)).await,
                    false => server.answer(&request, peer, local).await,
                }
            }
        })
        .await;
        exchanges.end().await;
    }

    async fn answer(
        &self,
        request: &Request<Incoming>,
        connected: Peer,
        local: SocketAddr,
    ) -> Response<Body> {
        let config = self.config();
        let proxy = &config.proxy;
        let peer = match sender(proxy, connected, request.headers()) {
            Ok(peer) => peer,
            Err(refusal) => return *refusal,
        };
        let prefix = proxy.prefix_for(connected);
        if let Err(wait) = self.throttle(peer.ip()) {
            return later(wait, TOO_OFTEN);
        }
        let mut response = match *request.method() {
            Method::GET | Method::HEAD => {
                let asked = Asked {
                    request,
                    config: &config,
                    peer,
                    local,
                    prefix,
                    path: below(prefix, request.uri().path()),
                    way: String::new(),
                    carried: None,
                    guest: Guest::default(),
                };
                self.answer_get(asked).await
            }
            Method::OPTIONS => preflight(request.headers()),
            _ => allow(StatusCode::METHOD_NOT_ALLOWED, "method not allowed\n"),
        };
        share(&config.http.origins, request.headers(), &mut response);
        if request.method() == Method::HEAD {
            leave_out_body(&mut response);
        }
        response
    }

    async fn answer_get(&self, asked: Asked<'_>) -> Response<Body> {
        // What is found out about it lives shorter than the request.
        let mut asked = asked;
        if let Some(proof) = self.answer_authority(asked.path) {
            return proof;
        }
        if let Some(asset) = self.answer_asset(&asked) {
            return asset;
        }
        let Ok(route) = Route::read(asked.path) else {
            return text(StatusCode::BAD_REQUEST, "that is no name\n");
        };
        let route = match self.is_doubtful(asked.config, &route) {
            true => Box::pin(self.meant(asked.config, asked.path, route)).await,
            false => route,
        };
        asked.way = route.way();
        let permit = match self.permit(&asked, &route).await {
            Ok(permit) => permit,
            Err(refusal) => return *refusal,
        };
        let Permit::Guarded { carried, guest } = permit else {
            return self.answer_permitted(&asked, route).await;
        };
        asked.guest = guest;
        asked.carried = carried.as_deref();
        let mut response = self.answer_permitted(&asked, route).await;
        keep_private(&mut response);
        response
    }

    async fn answer_permitted(&self, asked: &Asked<'_>, route: Route) -> Response<Body> {
        let query = asked.request.uri().query().unwrap_or_default();
        match route {
            Route::Titles => Box::pin(self.update_title(asked)).await,
            Route::Hls { name, object, .. } => self.answer_hls(asked, &name, object).await,
            Route::Page(path) if is_download(query) => {
                Box::pin(self.answer_download(asked, &path)).await
            }
            Route::Page(path) => match Box::pin(self.answer_endless(asked, &path)).await {
                Some(response) => response,
                None => Box::pin(self.answer_page(asked, &path)).await,
            },
        }
    }

    /// The proof for an authority that asks whether a name is this server's (RFC 8555, 8.3).
    fn answer_authority(&self, path: &str) -> Option<Response<Body>> {
        let token = path.strip_prefix("/.well-known/acme-challenge/")?;
        let proof = self.proofs.answer(token)?;
        Some(typed(StatusCode::OK, "application/octet-stream", proof))
    }

    /// Counts a request of `peer`.
    ///
    /// # Errors
    /// After what time it may ask again, for it asks faster than the settings allow.
    pub(super) fn throttle(&self, peer: IpAddr) -> Result<(), Duration> {
        match self.settings.borrow().limits.requests_per_address {
            0 => Ok(()),
            limit => self.rates.take(peer, limit, self.clock.now()),
        }
    }

    pub(super) fn config(&self) -> Arc<Config> {
        Arc::clone(&self.settings.borrow())
    }
}

/// Leaves the head of an answer to HEAD, which says how long the body would be. What is not modified has none to say
/// that of (RFC 9110, 8.6).
fn leave_out_body(response: &mut Response<Body>) {
    let body = std::mem::take(response.body_mut());
    let told = response.status() != StatusCode::NOT_MODIFIED;
    if let Some(length) = body.len().filter(|_| told) {
        let length = HeaderValue::from(length);
        response.headers_mut().insert(CONTENT_LENGTH, length);
    }
}

fn allow(status: StatusCode, reason: &'static str) -> Response<Body> {
    let mut response = text(status, reason);
    let methods = HeaderValue::from_static(METHODS);
    response.headers_mut().insert(ALLOW, methods);
    response
}

/// The answer to a browser that asks what pages of other sites may ask (the Fetch standard, 4.8).
fn preflight(asked: &HeaderMap) -> Response<Body> {
    let mut response = allow(StatusCode::NO_CONTENT, "");
    let headers = response.headers_mut();
    let methods = HeaderValue::from_static("GET, HEAD");
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
    if let Some(names) = asked.get(ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, names.clone());
    }
    let day = HeaderValue::from_static("86400");
    headers.insert(ACCESS_CONTROL_MAX_AGE, day);
    response
}

/// Lets the pages of all sites use an answer (the Fetch standard, 3.3); but what a browser adds of its viewer, cookies
/// and logins, opens it only to pages of `origins`, or any page could use what only its viewer may.
fn share(origins: &[String], asked: &HeaderMap, response: &mut Response<Body>) {
    let is_named = |origin: &&HeaderValue| origins.iter().any(|one| *one == **origin);
    let headers = response.headers_mut();
    if let Some(origin) = asked.get(ORIGIN).filter(is_named) {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        let allowed = HeaderValue::from_static("true");
        headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, allowed);
    } else {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    }
    let exposed = HeaderValue::from_static("Content-Length, Content-Range, Date, ETag");
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    if !origins.is_empty() {
        varies_by(response, &ORIGIN);
    }
}

#[cfg(test)]
mod tests;
