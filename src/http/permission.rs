//! Whether the client of a request may watch, or publish, what the URL names: the gate is asked,
//! and its verdict told.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{
    AUTHORIZATION, CACHE_CONTROL, HOST, HeaderName, HeaderValue, ORIGIN, RETRY_AFTER,
    WWW_AUTHENTICATE,
};
use hyper::{Request, Response, StatusCode};

use super::answer::{PLAIN, set, text, typed, unavailable};
use super::asked::Asked;
use super::body::Body;
use super::route::Route;
use super::server::Server;
use super::upload_request::Refusal;
use crate::access::{
    About, Attempt, Caller, Client, Gate, Guest, PASS, Protocol, SIGNED, Signed, TICKET, TOKEN,
    Ticket, Verdict,
};
use crate::base::path::MediaPath;
use crate::base::peer::Peer;
use crate::wire::http_head::HttpHead;
use crate::wire::query::value;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What a request tells of who sends it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claim<'a> {
    caller: Caller<'a>,
    attempt: Attempt<'a>,
}

impl<'a> Claim<'a> {
    /// That of a request for something of this port.
    pub(super) fn of(asked: &Asked<'a>) -> Self {
        Self::of_request(asked.request, asked.peer)
    }

    /// That of a request which an HTTP library has read, sent by `peer`.
    pub(super) fn of_request(request: &'a Request<Incoming>, peer: Peer) -> Self {
        let uri = request.uri().path_and_query().map(|uri| uri.as_str());
        let query = request.uri().query().unwrap_or_default();
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
                peer: peer.ip(),
                is_proxied: peer.is_proxied,
                host: authority.or_else(|| told(HOST)),
                origin: told(ORIGIN),
                site: told(SEC_FETCH_SITE),
            },
            attempt: Attempt {
                peer: peer.ip(),
                method: request.method().as_str(),
                about: About::Url(uri.unwrap_or_default()),
                authorization: only(AUTHORIZATION),
                client: Client::Modern,
                signed: None,
                token: value(query, TOKEN),
                ticket: None,
                protocol: Protocol::Http,
                query,
            },
        }
    }

    /// What it tells of a viewer.
    pub(super) fn attempt(&self) -> &Attempt<'a> {
        &self.attempt
    }

    /// Whether its sender may administer the server; `is_encrypted` says whether it came by TLS. Cancel safe.
    pub(super) async fn may_administer(&self, gate: &Arc<Gate>, is_encrypted: bool) -> Verdict {
        let Self { caller, attempt } = self;
        gate.may_administer(caller, attempt, is_encrypted).await
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
        let query = query_of(&head.target);
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
                token: value(query, TOKEN),
                ticket: None,
                protocol: Protocol::Http,
                query,
            },
        }
    }
}

/// How a request may be answered.
#[derive(Debug)]
pub(super) enum Permit {
    /// Everybody may watch it.
    Open,
    /// Not everybody may.
    Guarded {
        /// What URIs in the answer have to say in their queries, so that whoever follows them is let in.
        carried: Option<String>,
        /// Who may.
        guest: Guest,
    },
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
        if let Route::Hls { name, .. } = route {
            let variants = asked.config.hls_variants(name);
            if self.gate.is_known_open([name].into_iter().chain(variants)) {
                return Ok(Permit::Open);
            }
        }
        Box::pin(self.admit_viewer(asked, route)).await
    }

    async fn admit_viewer(
        &self,
        asked: &Asked<'_>,
        route: &Route,
    ) -> Result<Permit, Box<Response<Body>>> {
        let subjects = self.subjects(route);
        let mut attempt = Claim::of(asked).attempt;
        let query = attempt.query;
        let shown = value(query, TICKET).zip(subjects.last());
        attempt.ticket = shown.map(|(ticket, name)| Ticket { ticket, name });
        if let Route::Hls { name, .. } = route {
            attempt.protocol = Protocol::Hls;
            if let Some(pass) = value(query, PASS) {
                let programs = self.of_program(name);
                let honoured = self.gate.honours(pass, &programs, name, &attempt);
                if let Some(verdict) = honoured.await {
                    let opener = Some(format!("{PASS}={pass}"));
                    return self.obey(&verdict, opener, &attempt, route);
                }
            }
        }
        let signature = value(query, SIGNED);
        attempt.signed = signature.map(|signature| Signed {
            signature,
            names: &subjects,
        });
        let names = self.names(route).await;
        let verdict = self.gate.may_watch(&names, &attempt).await;
        let opener = match (&verdict, route) {
            (Verdict::Open, _) if self.is_for_everybody() => return Ok(Permit::Open),
            (Verdict::Signed(_), _) => signature.map(|signature| format!("{SIGNED}={signature}")),
            (_, Route::Hls { name, object, .. }) if object.is_playlist() => {
                let pass = self.pass(&self.of_program(name), &verdict).await;
                pass.map(|pass| format!("{PASS}={pass}"))
            }
            (Verdict::Bearer(_), Route::Page(_)) => {
                attempt.token.map(|token| format!("{TOKEN}={token}"))
            }
            _ => None,
        };
        self.obey(&verdict, opener, &attempt, route)
    }

    /// Whether everybody is let in whom no file keeps out.
    fn is_for_everybody(&self) -> bool {
        self.gate.networks().watch.is_everybody() && !self.gate.is_consulting()
    }

    /// What `verdict` means, when URIs in the answer have to say `opener` to be opened by those who are let in.
    ///
    /// # Errors
    /// The refusal.
    fn obey(
        &self,
        verdict: &Verdict,
        opener: Option<String>,
        attempt: &Attempt<'_>,
        route: &Route,
    ) -> Result<Permit, Box<Response<Body>>> {
        let reason = match verdict {
            Verdict::Open | Verdict::User(_) | Verdict::Bearer(_) | Verdict::Signed(_) => {
                let guest = self.gate.guest(verdict, attempt);
                let ticket = self.ticket(route, &guest, attempt);
                let ticket = ticket.map(|ticket| format!("{TICKET}={ticket}"));
                let carried: Vec<_> = opener.into_iter().chain(ticket).collect();
                let carried = Some(carried.join("&")).filter(|carried| !carried.is_empty());
                return Ok(Permit::Guarded { carried, guest });
            }
            Verdict::Challenge(challenges) => return Err(Box::new(challenged(challenges))),
            Verdict::Later(wait) => return Err(Box::new(later(*wait, TOO_MANY))),
            Verdict::Busy => return Err(Box::new(unavailable(format!("{BUSY}\n")))),
            Verdict::Undecided => return Err(Box::new(unavailable(format!("{UNDECIDED}\n")))),
            Verdict::Closed => "nobody may watch this now: the server's log says why\n",
            Verdict::Foreign => "nobody may watch from your network\n",
            Verdict::Refused => "you may not watch this\n",
        };
        let mut response = text(StatusCode::FORBIDDEN, reason);
        set(&mut response, CACHE_CONTROL, "no-store");
        Err(Box::new(response))
    }

    /// The ticket that URIs in the answer to `route` have to show.
    fn ticket(&self, route: &Route, guest: &Guest, attempt: &Attempt<'_>) -> Option<String> {
        let leads_on = match route {
            Route::Hls { object, .. } => object.is_playlist(),
            Route::Page(_) => true,
            Route::Titles => false,
        };
        let program = route.subject().filter(|_| leads_on)?;
        self.gate.ticket(&self.program(program), guest, attempt)
    }

    /// All that `route` may be; where another server is asked, first what is meant.
    async fn names(&self, route: &Route) -> Vec<MediaPath> {
        let mut names = route.names();
        if let (Route::Page(path), [_, _]) = (route, names.as_slice())
            && self.gate.is_consulting()
            && self.mounts.open(path).is_none()
            && !self.has_movie(path).await
        {
            // It can only be the endless stream of a channel.
            names.reverse();
        }
        self.with_variants(names)
    }

    /// The program that `name` is of, and its variants.
    fn of_program(&self, name: &MediaPath) -> Vec<MediaPath> {
        self.with_variants(vec![self.program(name)])
    }

    /// A pass to what `names` begin with, for whom `verdict` has let in by name.
    async fn pass(&self, names: &[MediaPath], verdict: &Verdict) -> Option<String> {
        match verdict {
            Verdict::User(user) => self.gate.pass(names, user).await,
            Verdict::Bearer(bearer) => self.gate.pass_of(names, bearer).await,
            _ => None,
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
            Verdict::Refused => Err(Refusal::new(403, "you may not publish this")),
            Verdict::Undecided => Err(Refusal::new(503, UNDECIDED)),
            Verdict::Closed => Err(Refusal::new(
                403,
                "only this host itself may publish (as localhost), for nobody can log in: the log says why",
            )),
        }
    }
}

const LOG_IN: &str = "a name and a password are needed";

pub(super) const TOO_MANY: &str = "too many wrong passwords: try again in a minute";

pub(super) const BUSY: &str = "too many log in at once: try again";

const UNDECIDED: &str = "it cannot be said now who may: try again";

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

fn query_of(target: &str) -> &str {
    target.split_once('?').map_or("", |(_, query)| query)
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

/// The answer that tells a refusal.
pub(super) fn refused(refusal: Refusal) -> Response<Body> {
    let Refusal {
        status,
        reason,
        challenges,
        wait,
    } = refusal;
    match (status, wait) {
        (401, _) => challenged(&challenges),
        (_, Some(wait)) => later(wait, &reason),
        _ => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
            typed(status, PLAIN, format!("{reason}\n"))
        }
    }
}

/// 401.
pub(super) fn challenged(challenges: &[String]) -> Response<Body> {
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
