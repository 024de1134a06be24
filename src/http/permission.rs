//! Whether the client of a request may watch what the URL names: the gate is asked, and its verdict told.

use hyper::header::{AUTHORIZATION, CACHE_CONTROL, HeaderValue, WWW_AUTHENTICATE};
use hyper::{Response, StatusCode};

use super::body::Body;
use super::connection::text;
use super::hls::{Asked, set};
use super::route::Route;
use super::server::Server;
use crate::access::{Attempt, Client, Verdict};

impl Server {
    /// The refusal for a client that may not watch what `route` names, in any of its readings;
    /// `None` for one that may.
    ///
    /// It is asked before anything is looked for. Cancel safe.
    pub(super) async fn refusal(&self, asked: &Asked<'_>, route: &Route) -> Option<Response<Body>> {
        let request = asked.request;
        let uri = request.uri().path_and_query().map(|uri| uri.as_str());
        // Two headers might say two things.
        let mut sent = request.headers().get_all(AUTHORIZATION).iter();
        let authorization = sent.next().filter(|_| sent.next().is_none());
        let attempt = Attempt {
            method: request.method().as_str(),
            uri: Some(uri.unwrap_or_default()),
            authorization: authorization.and_then(|value| value.to_str().ok()),
            client: Client::Modern,
        };
        match self.gate.decide(&route.names(), &attempt).await {
            Verdict::Open | Verdict::User(_) => None,
            Verdict::Challenge(challenges) => Some(challenged(challenges)),
            Verdict::Closed => Some(text(
                StatusCode::FORBIDDEN,
                "nobody may watch this now: the server's log says why\n",
            )),
        }
    }
}

fn challenged(challenges: Vec<String>) -> Response<Body> {
    let mut response = text(
        StatusCode::UNAUTHORIZED,
        "a name and a password are needed\n",
    );
    for challenge in challenges {
        // Realms may have letters of any script.
        if let Ok(value) = HeaderValue::from_bytes(challenge.as_bytes()) {
            response.headers_mut().append(WWW_AUTHENTICATE, value);
        }
    }
    set(&mut response, CACHE_CONTROL, "no-store");
    response
}
