//! The reply to one request: the session decides, movies and ports carry it out.
//!
//! What is legal is decided by [`Session`]; this is where its decisions meet
//! the movie and the transports of its tracks.

use std::sync::Arc;

use bytes::Bytes;
use rand::RngExt;
use tracing::info;

use crate::base::id::SessionId;
use crate::media::ending::Ending;
use crate::wire::header::session::SessionHeader;
use crate::wire::rtsp::{Method, Request, Response};

use super::answer::{Done, Opening};
use super::ask::Ask;
use super::connection::Connection;
use super::party::Party;
use super::refusal::Refusal;
use super::session::Session;
use super::target::Entrance;
use super::viewer::Viewer;
use super::visit::Visit;

/// A response, and the party whose media follows it.
pub(super) struct Reply {
    pub(super) response: Response,
    pub(super) starts: Option<Arc<Party>>,
}

impl Connection {
    /// Has `request` carried out, if it is legal.
    pub(super) async fn reply(&mut self, request: &Request, opening: &Opening) -> Reply {
        match self.party_of(request) {
            Ok(None) => self.reply_to_stranger(request, opening).await,
            Ok(Some(party)) => self.reply_to_party(&party, request, opening).await,
            Err(refusal) => self.refuse(refusal, opening),
        }
    }

    /// Where requests come in.
    pub(super) fn entrance(&self) -> Entrance {
        Entrance {
            local: self.local(),
            is_encrypted: self.is_encrypted(),
        }
    }

    fn party_of(&self, request: &Request) -> Result<Option<Arc<Party>>, Refusal> {
        let Some(value) = request.headers.get("Session") else {
            return Ok(self.announcer_of(request));
        };
        let header = SessionHeader::read(value)?;
        let party = SessionId::parse(&header.id).and_then(|id| self.service().party(id));
        party.map(Some).ok_or_else(no_session)
    }

    fn refuse(&self, refusal: Refusal, opening: &Opening) -> Reply {
        Reply {
            response: self.new_session().done(Done::Refused(refusal), opening),
            starts: None,
        }
    }

    fn new_session(&self) -> Session {
        let timeout = self.service().config().rtsp.session_timeout;
        Session::new(self.service().new_id(), timeout)
    }

    /// Answers a request without a session; a SETUP opens one.
    async fn reply_to_stranger(&mut self, request: &Request, opening: &Opening) -> Reply {
        let mut session = self.new_session();
        let visit = Visit::new(request, self.peer(), self.local());
        let outcome = match session.ask(request, self.entrance()) {
            Ok(mut ask) => match self.permit(request, &mut ask, None).await {
                Ok(user) => {
                    let visit = visit.clone().by(user);
                    self.carry_out(ask, session.id(), None, visit).await
                }
                Err(refusal) => Err(refusal),
            },
            Err(refusal) => Err(refusal),
        };
        let (done, party) = outcome.unwrap_or_else(|refusal| {
            self.note(&visit, &request.method, &refusal);
            (Done::Refused(refusal), None)
        });
        let response = session.done(done, opening);
        if let Some(party) = party {
            info!(session = %party.id(), peer = %self.peer(), path = %party.watched().facts().path, "session opened");
            *party.session().lock().await = Some(session);
            self.service().enter(&party);
            self.remember(&party);
        }
        Reply {
            response,
            starts: None,
        }
    }

    async fn reply_to_party(
        &mut self,
        party: &Arc<Party>,
        request: &Request,
        opening: &Opening,
    ) -> Reply {
        let mut place = party.session().lock().await;
        let Some(session) = place.as_mut() else {
            return self.refuse(no_session(), opening);
        };
        party.heard(request, self.service().parts.clock.now());
        self.remember(party);
        if !party.is_playing() {
            session.media_ended();
        }
        let visit = Visit::new(request, self.peer(), self.local());
        let outcome = match session.ask(request, self.entrance()) {
            Ok(mut ask) => match self.permit(request, &mut ask, Some(party)).await {
                Ok(user) => {
                    let visit = visit.by(user);
                    self.carry_out(ask, session.id(), Some(party), visit).await
                }
                Err(refusal) => Err(refusal),
            },
            Err(refusal) => Err(refusal),
        };
        let done = outcome.map_or_else(Done::Refused, |(done, _)| done);
        let starts = matches!(done, Done::Playing(_)).then(|| Arc::clone(party));
        let response = session.done(done, opening);
        if !session.is_set_up() {
            *place = None;
            self.forget(party);
            self.service().conclude(party, Ending::Left);
        }
        Reply { response, starts }
    }

    async fn carry_out(
        &mut self,
        ask: Ask,
        id: SessionId,
        party: Option<&Arc<Party>>,
        visit: Visit,
    ) -> Result<(Done, Option<Arc<Party>>), Refusal> {
        let done = match ask {
            Ask::Announce(announce) => return self.announce(announce, id, party, visit).await,
            Ask::SetupToRecord(setup, track) => {
                self.set_up_to_record(&setup, track, party.ok_or_else(no_session)?)?
            }
            Ask::Record(_) => self.record(party.ok_or_else(no_session)?)?,
            Ask::Options(size) => Done::Options(size.map(random_data)),
            Ask::Describe(describe) => self.describe(&describe).await?,
            Ask::Setup(setup) => {
                let (done, party) = self.set_up(setup, id, party, visit).await?;
                return Ok((done, Some(party)));
            }
            Ask::Play(play) => {
                let service = self.service();
                let now = service.parts.clock.now();
                let start = service.live_start();
                viewer_of(party)?.subject().play(play, start, now).await?
            }
            Ask::Pause(_) => {
                party.ok_or_else(no_session)?.pause();
                Done::Paused
            }
            Ask::Teardown(_) => Done::TornDown,
            Ask::Ping => Done::Alive,
        };
        Ok((done, None))
    }

    /// Notes a client that came for a movie and did not get it.
    fn note(&self, visit: &Visit, method: &Method, refusal: &Refusal) {
        info!(peer = %self.peer(), method = method.name(), url = visit.url(), status = refusal.status.0, reason = %refusal.reason, "refused");
        if matches!(method, Method::Describe | Method::Setup) {
            let parts = &self.service().parts;
            let ended = parts.clock.present_wall();
            let open = parts.sessions.len();
            parts
                .access_log
                .write(visit.entry(refusal.status.0, ended, open));
        }
    }
}

fn viewer_of(party: Option<&Arc<Party>>) -> Result<&Viewer, Refusal> {
    party
        .and_then(|party| party.viewer())
        .ok_or_else(no_session)
}

fn no_session() -> Refusal {
    Refusal::new(454, "no such session")
}

/// Random bytes for QuickTime's probe of its line; the first is 0, as from QTSS.
fn random_data(size: usize) -> Bytes {
    let mut data = vec![0; size];
    if let Some((_, rest)) = data.split_first_mut() {
        rand::rng().fill(rest);
    }
    data.into()
}
