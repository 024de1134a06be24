//! Whether the client of a request may watch, or publish, what the request names: the gate is asked,
//! and its verdict told.

use std::net::SocketAddr;
use std::time::Duration;

use crate::access::{About, Attempt, Caller, Client, Protocol, SIGNED, Signed, TOKEN, Verdict};
use crate::base::path::MediaPath;
use crate::wire::query::value;
use crate::wire::rtsp::Request;

use super::ask::Ask;
use super::connection::Connection;
use super::party::Party;
use super::refusal::Refusal;
use super::target::Target;

/// What the last URLs of a connection said that opens them.
#[derive(Debug, Default)]
pub(super) struct Openers {
    signature: Option<String>,
    token: Option<String>,
    /// The whole query, for another server that is asked.
    query: String,
}

impl Connection {
    /// Where the client is.
    pub(super) fn peer(&self) -> SocketAddr {
        self.peer.address
    }

    /// Lets `ask`, which is that of `request`, pass if it is about neither watching nor publishing, or
    /// if the client may. Of an URL that a signature opens, only the reading that was signed is left.
    /// Returns the user that it has logged in as, if it has.
    ///
    /// It is asked before anything is looked for. Cancel safe.
    ///
    /// # Errors
    /// 401 for a client that has to log in, 503 for one that tries too many passwords or when too many do, 403
    /// when nobody may.
    pub(super) async fn permit(
        &mut self,
        request: &Request,
        ask: &mut Ask,
        party: Option<&Party>,
    ) -> Result<String, Refusal> {
        self.take_openers(ask);
        let subjects = subjects(ask, party);
        let mut attempt = Attempt {
            peer: self.peer().ip(),
            method: request.method.name(),
            about: About::Names {
                spelled: &request.uri,
                names: &subjects,
            },
            authorization: request.headers.get("Authorization"),
            client: Client::read(request.headers.get("User-Agent").unwrap_or_default()),
            signed: None,
            token: self.openers.token.as_deref(),
            ticket: None,
            protocol: Protocol::Rtsp,
            query: &self.openers.query,
        };
        if let Ask::Announce(announce) = ask {
            return self.permit_publisher(&announce.target, &attempt).await;
        }
        let names = match (&*ask, party) {
            (Ask::Describe(describe), _) => names_of(&describe.target, Reading::Whole),
            (Ask::Setup(setup), _) => names_of(&setup.target, Reading::Track),
            (Ask::Play(_), Some(party)) => vec![party.watched().facts().path.clone()],
            _ => return Ok(String::new()),
        };
        let gate = &self.service().parts.gate;
        // Another server is asked about one reading, and nothing else is let through.
        let meant = names.get(..1).filter(|_| gate.is_consulting());
        attempt.signed = self.openers.signature.as_deref().map(|signature| Signed {
            signature,
            names: meant.unwrap_or(&names),
        });
        let verdict = gate.may_watch(&names, &attempt).await;
        match (&verdict, meant) {
            (Verdict::Signed(name), _) | (_, Some([name])) => ask.narrow(name),
            _ => {}
        }
        let guest = gate.guest(&verdict, &attempt);
        obey(verdict, "a file of rules or users has a fault")?;
        Ok(guest.user().to_owned())
    }

    /// Keeps what opens the URL of `ask`: what players read from the description that they get says nothing
    /// of it, but is opened by it on this connection as well.
    fn take_openers(&mut self, ask: &Ask) {
        let Some(target) = ask.target() else {
            return;
        };
        // Some clients put the name of a track behind the query.
        let told = |name| value(&target.query, name)?.split('/').next();
        let keep = |kept: &mut Option<String>, name| {
            if let Some(told) = told(name) {
                *kept = Some(told.to_owned());
            }
        };
        keep(&mut self.openers.signature, SIGNED);
        keep(&mut self.openers.token, TOKEN);
        let is_of_track = matches!(ask, Ask::Setup(_) | Ask::SetupToRecord(..) | Ask::Play(_));
        if !(is_of_track || target.query.is_empty()) || self.openers.query.is_empty() {
            self.openers.query.clone_from(&target.query);
        }
    }

    async fn permit_publisher(
        &self,
        target: &Target,
        attempt: &Attempt<'_>,
    ) -> Result<String, Refusal> {
        let caller = Caller {
            host: self.inlet.host(),
            ..Caller::at(self.peer)
        };
        let gate = &self.service().parts.gate;
        let verdict = gate.may_publish(&target.whole.path, &caller, attempt).await;
        let guest = gate.guest(&verdict, attempt);
        if let Verdict::Signed(_) = verdict {
            return Err(Refusal::told(403, "a signed URL lets nobody publish"));
        }
        obey(
            verdict,
            "only programs of the server's own host may publish",
        )?;
        Ok(guest.user().to_owned())
    }
}

/// # Errors
/// The refusal that `verdict` is; `closed` says why nobody may.
fn obey(verdict: Verdict, closed: &'static str) -> Result<(), Refusal> {
    match verdict {
        Verdict::Open | Verdict::User(_) | Verdict::Bearer(_) | Verdict::Signed(_) => Ok(()),
        Verdict::Challenge(challenges) => Err(Refusal::challenge(challenges)),
        Verdict::Later(wait) => Err(Refusal::later(wait, "too many wrong passwords")),
        Verdict::Busy => Err(Refusal::later(Duration::ZERO, "too many passwords at once")),
        Verdict::Closed => Err(Refusal::told(403, closed)),
        Verdict::Foreign => Err(Refusal::told(403, "nobody may do this from your network")),
        Verdict::Refused => Err(Refusal::told(403, "another server says that you may not")),
        Verdict::Undecided => Err(Refusal::told(
            503,
            "another server has to say whether you may, and does not answer",
        )),
    }
}

/// What the answer to a challenge may be about: what the URL names, or what that is a track of.
fn subjects(ask: &Ask, party: Option<&Party>) -> Vec<MediaPath> {
    let own = ask.target().map(|target| target.whole.path.clone());
    let movie = match (ask, party) {
        (Ask::Setup(setup), _) => setup.target.track.as_ref().map(|(movie, _)| &movie.path),
        (Ask::Play(_), Some(party)) => Some(&party.watched().facts().path),
        _ => None,
    };
    own.into_iter().chain(movie.cloned()).collect()
}

/// Which reading of a URL a method means, if both are possible.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    Whole,
    Track,
}

/// All readings of a URL, first the one that is meant.
fn names_of(target: &Target, meant: Reading) -> Vec<MediaPath> {
    let movie = target.track.as_ref().map(|(movie, _)| movie.path.clone());
    let names = movie.into_iter().chain([target.whole.path.clone()]);
    match meant {
        Reading::Track => names.collect(),
        Reading::Whole => names.rev().collect(),
    }
}
