//! Whether the client of a request may watch, or publish, what the URL names: the gate is asked,
//! and its verdict told.

use std::net::IpAddr;
use std::time::Duration;

use hyper::header::{
    AUTHORIZATION, CACHE_CONTROL, HOST, HeaderName, HeaderValue, ORIGIN, RETRY_AFTER,
    WWW_AUTHENTICATE,
};
use hyper::{Response, StatusCode};

use super::body::Body;
use super::connection::{text, typed};
use super::hls::{Asked, PLAIN, set, unavailable};
use super::route::Route;
use super::server::Server;
use super::upload_request::Refusal;
use crate::access::{About, Attempt, Bearer, Caller, Client, SIGNED, Signed, TOKEN, Verdict};
use crate::base::path::MediaPath;
use crate::base::peer::Peer;
use crate::wire::http_head::HttpHead;
use crate::wire::query::value;

/// How passes are called in queries.
const PASS: &str = "pass";

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
                is_proxied: asked.peer.is_proxied,
                host: authority.or_else(|| told(HOST)),
                origin: told(ORIGIN),
                site: told(SEC_FETCH_SITE),
            },
            attempt: Attempt {
                peer: asked.peer.ip(),
                method: request.method().as_str(),
                about: About::Url(uri.unwrap_or_default()),
                authorization: only(AUTHORIZATION),
                client: Client::Modern,
                signed: None,
                token: request.uri().query().and_then(|query| value(query, TOKEN)),
            },
        }
    }

    /// Where the request comes from.
    pub(super) fn peer(&self) -> IpAddr {
        self.caller.peer
    }

    /// That of a request of an encoder at `peer`.
    pub(super) fn of_encoder(head: &'a HttpHead, peer: Peer) -> Self {
        // One that is there twice is a foreign one, as of others.
        let field = |name: HeaderName| {
            let value = head.headers.get(name.as_str())?;
            let is_only = head.headers.all(name.as_str()).nth(1).is_none();
            Some(if is_only { value } else { "" })
        };
        Self {
            caller: Caller {
                peer: peer.ip(),
                is_proxied: peer.is_proxied,
                host: field(HOST),
                origin: field(ORIGIN),
                site: field(SEC_FETCH_SITE),
            },
            attempt: Attempt {
                peer: peer.ip(),
                method: &head.method,
                about: About::Url(&head.target),
                authorization: field(AUTHORIZATION),
                client: Client::Modern,
                signed: None,
                token: query_of(&head.target).and_then(|query| value(query, TOKEN)),
            },
        }
    }
}

/// Who is let in.
enum Login {
    User(String),
    Bearer(Bearer),
}

impl Login {
    /// The token in the URL, if that was what let in.
    fn token<'a>(&self, attempt: &Attempt<'a>) -> Option<&'a str> {
        match self {
            Self::User(_) => None,
            Self::Bearer(_) => attempt.token,
        }
    }
}

/// How a request may be answered.
#[derive(Debug)]
pub(super) enum Permit {
    /// Everybody may watch it.
    Open,
    /// Not everybody may. URIs in the answer have to say this in their queries, so that whoever
    /// follows them is let in.
    Guarded(Option<String>),
}

impl Server {
    /// Lets pass who may watch what `route` names, or whose URL opens it.
    ///
    /// It is asked before anything is looked for. Cancel safe.
    ///
    /// # Errors
    /// The refusal.
    pub(super) async fn permit(
        &self,
        asked: &Asked<'_>,
        route: &Route,
    ) -> Result<Permit, Box<Response<Body>>> {
        let attempt = Claim::of(asked).attempt;
        let query = asked.request.uri().query().unwrap_or_default();
        if let (Route::Hls(name, _), Some(pass)) = (route, value(query, PASS))
            && self
                .gate
                .honours(pass, &self.of_program(name), attempt.peer)
                .await
        {
            return Ok(Permit::Guarded(Some(format!("{PASS}={pass}"))));
        }
        let signature = value(query, SIGNED);
        let subjects = self.subjects(route);
        let mut attempt = Claim::of(asked).attempt;
        attempt.signed = signature.map(|signature| Signed {
            signature,
            names: &subjects,
        });
        let names = self.with_variants(route.names());
        let login = match self.gate.may_watch(&names, &attempt).await {
            Verdict::Open if self.gate.networks().watch.is_everybody() => return Ok(Permit::Open),
            Verdict::Open => return Ok(Permit::Guarded(None)),
            Verdict::User(user) => Login::User(user),
            Verdict::Bearer(bearer) => Login::Bearer(bearer),
            Verdict::Signed(_) => {
                let carried = signature.map(|signature| format!("{SIGNED}={signature}"));
                return Ok(Permit::Guarded(carried));
            }
            Verdict::Challenge(challenges) => return Err(Box::new(challenged(challenges))),
            Verdict::Later(wait) => return Err(Box::new(later(wait, TOO_MANY))),
            Verdict::Busy => return Err(Box::new(unavailable(format!("{BUSY}\n")))),
            Verdict::Closed => {
                let reason = "nobody may watch this now: the server's log says why\n";
                return Err(Box::new(text(StatusCode::FORBIDDEN, reason)));
            }
            Verdict::Foreign => {
                let mut response = text(
                    StatusCode::FORBIDDEN,
                    "nobody may watch from your network\n",
                );
                set(&mut response, CACHE_CONTROL, "no-store");
                return Err(Box::new(response));
            }
        };
        let carried = match route {
            Route::Hls(name, object) if object.is_playlist() => {
                let pass = self.pass(&self.of_program(name), &login).await;
                pass.map(|pass| format!("{PASS}={pass}"))
            }
            Route::Page(_) => login
                .token(&attempt)
                .map(|token| format!("{TOKEN}={token}")),
            _ => None,
        };
        Ok(Permit::Guarded(carried))
    }

    /// The program that `name` is of, and its variants.
    fn of_program(&self, name: &MediaPath) -> Vec<MediaPath> {
        self.with_variants(vec![self.program(name)])
    }

    /// A pass to what `names` begin with.
    async fn pass(&self, names: &[MediaPath], login: &Login) -> Option<String> {
        match login {
            Login::User(user) => self.gate.pass(names, user).await,
            Login::Bearer(bearer) => self.gate.pass_of(names, bearer).await,
        }
    }

    /// The names that a URL of `route` is signed with: its own, and that of the program that it is of.
    fn subjects(&self, route: &Route) -> Vec<MediaPath> {
        let own = route.subject().into_iter();
        own.flat_map(|name| [name.clone(), self.program(name)])
            .collect()
    }

    /// Lets pass who may publish what is called `name`. It is asked before anything is looked for.
    /// Cancel safe.
    ///
    /// # Errors
    /// [`Refusal`] with 401, 403, 429 or 503.
    pub(super) async fn admit_publisher(
        &self,
        claim: &Claim<'_>,
        name: &MediaPath,
    ) -> Result<(), Refusal> {
        let Claim { caller, attempt } = claim;
        match self.gate.may_publish(name, caller, attempt).await {
            Verdict::Open | Verdict::User(_) | Verdict::Bearer(_) => Ok(()),
            Verdict::Signed(_) => Err(Refusal::new(403, "a signed URL lets nobody publish")),
            Verdict::Challenge(challenges) => Err(Refusal {
                challenges,
                ..Refusal::new(401, LOG_IN)
            }),
            Verdict::Later(wait) => Err(Refusal::later(wait, TOO_MANY)),
            Verdict::Busy => Err(Refusal::new(503, BUSY)),
            Verdict::Foreign => Err(Refusal::new(403, "nobody may publish from your network")),
            Verdict::Closed => Err(Refusal::new(
                403,
                "only this host itself may publish (as localhost), for nobody can log in: the log says why",
            )),
        }
    }
}

const LOG_IN: &str = "a name and a password are needed";

const TOO_MANY: &str = "too many wrong passwords: try again in a minute";

const BUSY: &str = "too many log in at once: try again";

/// 429 (RFC 6585, 4).
pub(super) fn later(wait: Duration, reason: &str) -> Response<Body> {
    let body = format!("{reason}\n");
    let mut response = typed(StatusCode::TOO_MANY_REQUESTS, PLAIN, body);
    set(&mut response, CACHE_CONTROL, "no-store");
    set(&mut response, RETRY_AFTER, &seconds(wait).to_string());
    response
}

/// A time to wait in whole seconds, as headers tell it.
pub(super) fn seconds(wait: Duration) -> u64 {
    wait.as_millis()
        .div_ceil(1000)
        .try_into()
        .unwrap_or(u64::MAX)
}

fn query_of(target: &str) -> Option<&str> {
    target.split_once('?').map(|(_, query)| query)
}

/// Keeps an answer that not everybody may have from caches that several use.
pub(super) fn keep_private(response: &mut Response<Body>) {
    let keep = response.headers().get(CACHE_CONTROL);
    let keep = keep.and_then(|keep| keep.to_str().ok());
    if let Some(keep) = keep.filter(|keep| *keep != "no-store") {
        let keep = format!("private, {keep}");
        set(response, CACHE_CONTROL, &keep);
    }
}

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
