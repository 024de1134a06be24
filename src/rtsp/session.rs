//! One RTSP session as a state machine without sockets (RFC 2326, A.2).
//!
//! [`Session::ask`] says whether a request is legal and what it asks for;
//! whoever carries it out reports with [`Session::done`], which alone moves the
//! state and writes the answer. Movies, ports and timers are not known here.

use std::sync::Arc;
use std::time::Duration;

use crate::base::id::{SessionId, TrackId};
use crate::base::path::MediaPath;
use crate::wire::header::transport::{Mode, Transport};
use crate::wire::rtsp::{Request, Response};

use super::announcement::Announcement;
use super::answer::{Done, Opening};
use super::ask::{Ask, Play, Setup};
use super::publication::Publication;
use super::refusal::Refusal;
use super::target::{Entrance, Target};

/// A session, from its first SETUP to its TEARDOWN.
#[derive(Debug)]
pub(super) struct Session {
    id: SessionId,
    timeout: Duration,
    state: State,
}

#[derive(Debug)]
enum State {
    Init,
    Ready {
        presentation: Presentation,
        played: bool,
    },
    Playing {
        presentation: Presentation,
        scale: f64,
        speed: f64,
    },
    Publishing(Publication),
}

/// What the client has set up: a movie or channel, and some of its tracks.
#[derive(Debug)]
struct Presentation {
    path: MediaPath,
    /// Each track with the URL that the client set it up by.
    tracks: Vec<(TrackId, String)>,
}

impl Session {
    /// A session in which nothing is set up; `timeout` is told to the client.
    pub(super) fn new(id: SessionId, timeout: Duration) -> Self {
        Self {
            id,
            timeout,
            state: State::Init,
        }
    }

    /// The identifier in the `Session` header.
    pub(super) fn id(&self) -> SessionId {
        self.id
    }

    /// Whether anything is set up, so that the client knows of the session.
    pub(super) fn is_set_up(&self) -> bool {
        !matches!(self.state, State::Init)
    }

    /// What `request` asks for, if it is legal now.
    ///
    /// It has come in by `entrance`, which completes request URIs that are only a path.
    ///
    /// # Errors
    /// The [`Refusal`] to answer with, by [`done`](Self::done) like anything else.
    pub(super) fn ask(&self, request: &Request, entrance: Entrance) -> Result<Ask, Refusal> {
        let ask = Ask::read(request, entrance)?;
        if let State::Publishing(publication) = &self.state {
            return publication.allow(ask);
        }
        match &ask {
            Ask::Announce(_) if self.is_set_up() => {
                return Err(Refusal::new(455, "ANNOUNCE in a session that receives"));
            }
            Ask::Setup(setup) => self.allow_setup(setup)?,
            Ask::Record(_) => return Err(Refusal::new(455, "RECORD before ANNOUNCE")),
            Ask::Play(play) => {
                self.allow_control(play.target.as_ref())?;
                if self.is_keep_alive(play) {
                    return Ok(Ask::Ping);
                }
            }
            Ask::Pause(target) => {
                self.allow_control(target.as_ref())?;
                self.allow_pause()?;
            }
            Ask::Teardown(target) => self.allow_control(target.as_ref())?,
            Ask::Announce(_)
            | Ask::Options(_)
            | Ask::Describe(_)
            | Ask::Ping
            | Ask::SetupToRecord(..) => {}
        }
        Ok(ask)
    }

    /// Moves the state to what was achieved, and writes the answer.
    pub(super) fn done(&mut self, done: Done, opening: &Opening) -> Response {
        let mut response = opening.response(done.status());
        let ended = matches!(done, Done::TornDown);
        self.advance(&done);
        if self.is_set_up() || ended {
            response.headers.push("Session", self.header());
        }
        done.write(&mut response, self.tracks(), opening);
        response
    }

    /// The media has reached its end by itself; a PLAY without a range starts it anew from here on.
    pub(super) fn media_ended(&mut self) {
        self.pause();
    }

    fn header(&self) -> String {
        format!("{};timeout={}", self.id, self.timeout.as_secs())
    }

    fn presentation(&self) -> Option<&Presentation> {
        match &self.state {
            State::Init | State::Publishing(_) => None,
            State::Ready { presentation, .. } | State::Playing { presentation, .. } => {
                Some(presentation)
            }
        }
    }

    fn tracks(&self) -> &[(TrackId, String)] {
        match &self.state {
            State::Publishing(publication) => publication.tracks(),
            _ => self
                .presentation()
                .map_or(&[], |presentation| &presentation.tracks),
        }
    }

    /// A session holds one movie or channel, and its transports stay as they are while it plays (RFC 2326, 10.4).
    fn allow_setup(&self, setup: &Setup) -> Result<(), Refusal> {
        let target = &setup.target;
        let records = |transport: &Transport| transport.mode == Mode::Record;
        if setup.transports.iter().any(records) {
            return Err(Refusal::new(455, "SETUP to record before ANNOUNCE"));
        }
        match &self.state {
            State::Init | State::Publishing(_) => Ok(()),
            State::Playing { .. } => Err(Refusal::new(455, "SETUP while playing")),
            State::Ready { presentation, .. } if target.names(&presentation.path) => Ok(()),
            State::Ready { .. } => Err(Refusal::new(459, "SETUP of a second movie or channel")),
        }
    }

    /// The URL must name what is set up, and not one track of several (RFC 2326, 10.5).
    fn allow_control(&self, target: Option<&Target>) -> Result<(), Refusal> {
        let presentation = self
            .presentation()
            .ok_or_else(|| Refusal::new(454, "no session"))?;
        let Some(target) = target else {
            return Ok(());
        };
        if target.whole.path == presentation.path {
            return Ok(());
        }
        if !target.names(&presentation.path) {
            return Err(Refusal::new(404, "not what this session has set up"));
        }
        if presentation.tracks.len() > 1 {
            return Err(Refusal::new(460, "one track of several"));
        }
        Ok(())
    }

    fn allow_pause(&self) -> Result<(), Refusal> {
        match self.state {
            State::Ready { played: false, .. } | State::Init | State::Publishing(_) => {
                Err(Refusal::new(455, "PAUSE before PLAY"))
            }
            _ => Ok(()),
        }
    }

    /// QuickTime keeps a session alive with a PLAY that changes nothing.
    fn is_keep_alive(&self, play: &Play) -> bool {
        let State::Playing { scale, speed, .. } = self.state else {
            return false;
        };
        let same = |asked: Option<f64>, now: f64| asked.is_none_or(|asked| asked == now);
        play.range.is_none() && same(play.scale, scale) && same(play.speed, speed)
    }

    fn advance(&mut self, done: &Done) {
        match done {
            Done::SetUp(track) => self.set_up(&track.path, track.id, &track.url),
            Done::Playing(playing) => self.play(playing.scale, playing.speed),
            Done::Paused => self.pause(),
            Done::Announced(announcement) => self.announced(announcement),
            Done::SetUpToRecord(track) => {
                self.publication(|publication| publication.set_up(track.id, &track.url));
            }
            Done::Recording => self.publication(|publication| publication.record(true)),
            Done::TornDown => self.state = State::Init,
            _ => {}
        }
    }

    fn announced(&mut self, announcement: &Arc<Announcement>) {
        let announcement = Arc::clone(announcement);
        match &mut self.state {
            State::Publishing(publication) => publication.announced(announcement),
            state => *state = State::Publishing(Publication::new(announcement)),
        }
    }

    fn publication(&mut self, change: impl FnOnce(&mut Publication)) {
        if let State::Publishing(publication) = &mut self.state {
            change(publication);
        }
    }

    fn set_up(&mut self, path: &MediaPath, id: TrackId, url: &str) {
        let (mut presentation, played) = match std::mem::replace(&mut self.state, State::Init) {
            State::Init => (
                Presentation {
                    path: path.clone(),
                    tracks: Vec::new(),
                },
                false,
            ),
            State::Ready {
                presentation,
                played,
            } => (presentation, played),
            State::Playing { presentation, .. } => (presentation, true),
            publishing @ State::Publishing(_) => {
                self.state = publishing;
                return;
            }
        };
        presentation.tracks.retain(|(known, _)| *known != id);
        presentation.tracks.push((id, url.to_owned()));
        self.state = State::Ready {
            presentation,
            played,
        };
    }

    fn play(&mut self, scale: f64, speed: f64) {
        self.state = match std::mem::replace(&mut self.state, State::Init) {
            State::Ready { presentation, .. } | State::Playing { presentation, .. } => {
                State::Playing {
                    presentation,
                    scale,
                    speed,
                }
            }
            other => other,
        };
    }

    fn pause(&mut self) {
        self.publication(|publication| publication.record(false));
        self.state = match std::mem::replace(&mut self.state, State::Init) {
            State::Playing { presentation, .. } => State::Ready {
                presentation,
                played: true,
            },
            other => other,
        };
    }
}

#[cfg(test)]
mod tests;
