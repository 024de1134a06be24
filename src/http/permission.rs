//! Whether the client of a request may watch, or publish, what the URL names: the gate is asked,
//! and its verdict told.

use std::net::IpAddr;

use hyper::header::{
    AUTHORIZATION, CACHE_CONTROL, HOST, HeaderName, HeaderValue, ORIGIN, WWW_AUTHENTICATE,
};
use hyper::{Response, StatusCode};

use super::body::Body;
use super::connection::{text, typed};
use super::hls::{Asked, PLAIN, set};
use super::route::Route;
use super::server::Server;
use super::upload_request::Refusal;
use crate::access::{Attempt, Caller, Client, Verdict};
use crate::base::path::MediaPath;
use crate::wire::http_head::HttpHead;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What a request tells of who sends it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claim<'a> {
    caller: Caller<'a>,
    attempt: Attempt<'a>,
}

impl<'a> Claim<'a> {
    /// That of a request which an HTTP library has read.
    pub(super) fn of(asked: &Asked<'a>) -> Self {
        let request = asked.request;
        let uri = request.uri().path_and_query().map(|uri| uri.as_str());
        // Two fields might say two things.
        let only = |name: HeaderName| {
            let mut sent = request.headers().get_all(name).iter();
            let value = sent.next().filter(|_| sent.next().is_none());
            value.and_then(|value| value.to_str().ok())
        };
        let is_sent = |name: HeaderName| request.headers().contains_key(name);
        // A field that is no text, or is there twice, is a foreign one.
        let told = |name: HeaderName| is_sent(name.clone()).then(|| only(name).unwrap_or_default());
        let authority = request
            .uri()
            .authority()
            .map(|authority| authority.as_str());
        Self {
            caller: Caller {
                peer: asked.peer.ip(),
                host: authority.or_else(|| told(HOST)),
                origin: told(ORIGIN),
                site: told(SEC_FETCH_SITE),
            },
            attempt: Attempt {
                method: request.method().as_str(),
                uri: Some(uri.unwrap_or_default()),
                authorization: only(AUTHORIZATION),
                client: Client::Modern,
            },
        }
    }

    /// Where the request comes from.
    pub(super) fn peer(&self) -> IpAddr {
        self.caller.peer
    }

    /// That of a request of an encoder at `peer`.
    pub(super) fn of_encoder(head: &'a HttpHead, peer: IpAddr) -> Self {
        let field = |name: HeaderName| head.headers.get(name.as_str());
        Self {
            caller: Caller {
                peer,
                host: field(HOST),
                origin: field(ORIGIN),
                site: field(SEC_FETCH_SITE),
            },
            attempt: Attempt {
                method: &head.method,
                uri: Some(&head.target),
                authorization: field(AUTHORIZATION),
                client: Client::Modern,
            },
        }
    }
}

impl Server {
    /// The refusal for a client that may not watch what `route` names, in any of its readings;
    /// `None` for one that may.
    ///
    /// It is asked before anything is looked for. Cancel safe.
    pub(super) async fn refusal(&self, asked: &Asked<'_>, route: &Route) -> Option<Response<Body>> {
        let attempt = Claim::of(asked).attempt;
        match self.gate.may_watch(&route.names(), &attempt).await {
            Verdict::Open | Verdict::User(_) => None,
            Verdict::Challenge(challenges) => Some(challenged(challenges)),
            Verdict::Closed => Some(text(
                StatusCode::FORBIDDEN,
                "nobody may watch this now: the server's log says why\n",
            )),
        }
    }

    /// Lets pass who may publish what is called `name`. It is asked before anything is looked for.
    /// Cancel safe.
    ///
    /// # Errors
    /// [`Refusal`] with 401 or 403.
    pub(super) async fn admit_publisher(
        &self,
        claim: &Claim<'_>,
        name: &MediaPath,
    ) -> Result<(), Refusal> {
        let Claim { caller, attempt } = claim;
        match self.gate.may_publish(name, caller, attempt).await {
            Verdict::Open | Verdict::User(_) => Ok(()),
            Verdict::Challenge(challenges) => Err(Refusal {
                challenges,
                ..Refusal::new(401, LOG_IN)
            }),
            Verdict::Closed => Err(Refusal::new(
                403,
                "only this host itself may publish (as localhost), for nobody can log in: the log says why",
            )),
        }
    }
}

const LOG_IN: &str = "a name and a password are needed";

/// 401.
pub(super) fn challenged(challenges: Vec<String>) -> Response<Body> {
    let mut response = typed(StatusCode::UNAUTHORIZED, PLAIN, format!("{LOG_IN}\n"));
    for challenge in challenges {
        // Realms may have letters of any script.
        if let Ok(value) = HeaderValue::from_bytes(challenge.as_bytes()) {
            response.headers_mut().append(WWW_AUTHENTICATE, value);
        }
    }
    set(&mut response, CACHE_CONTROL, "no-store");
    response
}
