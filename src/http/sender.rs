//! Who sends a request, where a proxy may have passed it on.

use hyper::header::HeaderMap;
use hyper::{Response, StatusCode};

use super::answer::{PLAIN, typed};
use super::body::Body;
use crate::base::peer::Peer;
use crate::config::Proxy;

/// Who sends a request with these `headers` on a connection from `connected`.
///
/// # Errors
/// The answer to a proxy that does not tell.
pub(super) fn sender(
    proxy: &Proxy,
    connected: Peer,
    headers: &HeaderMap,
) -> Result<Peer, Box<Response<Body>>> {
    if proxy.http.is_empty() {
        return Ok(connected);
    }
    let told = headers.get_all(proxy.header.name()).iter();
    let told = told.map(|value| value.to_str().unwrap_or_default());
    let sender = proxy.sender(connected, told);
    sender.map_err(|untold| {
        let reason = format!("{untold}\n");
        Box::new(typed(StatusCode::BAD_REQUEST, PLAIN, reason))
    })
}
