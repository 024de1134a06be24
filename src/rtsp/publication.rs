//! A session that publishes, as states without sockets (RFC 2326, A.2): announced, set up, recording.

use std::sync::Arc;

use crate::base::id::TrackId;

use super::announcement::{Announcement, id_of};
use super::ask::Ask;
use super::refusal::Refusal;
use super::target::Target;

/// What a client has announced, and how far it has come with it.
#[derive(Debug)]
pub(super) struct Publication {
    announcement: Arc<Announcement>,
    /// Each track that is set up, with the URL that the client set it up by.
    tracks: Vec<(TrackId, String)>,
    recording: bool,
}

impl Publication {
    /// An announcement of which no track is set up.
    pub(super) fn new(announcement: Arc<Announcement>) -> Self {
        Self {
            announcement,
            tracks: Vec::new(),
            recording: false,
        }
    }

    pub(super) fn tracks(&self) -> &[(TrackId, String)] {
        &self.tracks
    }

    /// What is asked for in this state, if it is legal.
    ///
    /// Broadcasters of the QTSS era begin with PLAY where RFC 2326 has RECORD.
    pub(super) fn allow(&self, ask: Ask) -> Result<Ask, Refusal> {
        match ask {
            Ask::Setup(_) if self.recording => Err(Refusal::new(455, "SETUP while recording")),
            Ask::Setup(setup) => {
                let index = self.announcement.track(&setup.target, &self.tracks)?;
                Ok(Ask::SetupToRecord(setup, id_of(index)))
            }
            Ask::Play(play) => self.allow_record(play.target),
            Ask::Record(target) => self.allow_record(target),
            Ask::Pause(target) => {
                self.allow_control(target.as_ref())?;
                if self.recording {
                    Ok(Ask::Pause(target))
                } else {
                    Err(Refusal::new(455, "PAUSE before RECORD"))
                }
            }
            Ask::Teardown(target) => {
                self.allow_control(target.as_ref())?;
                Ok(Ask::Teardown(target))
            }
            Ask::Announce(announce) if announce.target.whole.path != *self.announcement.path() => {
                Err(Refusal::new(455, "ANNOUNCE of a second channel"))
            }
            other => Ok(other),
        }
    }

    fn allow_record(&self, target: Option<Target>) -> Result<Ask, Refusal> {
        self.allow_control(target.as_ref())?;
        if self.recording {
            return Ok(Ask::Ping);
        }
        if self.tracks.is_empty() {
            return Err(Refusal::new(455, "RECORD before SETUP"));
        }
        Ok(Ask::Record(target))
    }

    fn allow_control(&self, target: Option<&Target>) -> Result<(), Refusal> {
        if target.is_none_or(|target| self.announcement.covers(target)) {
            Ok(())
        } else {
            Err(Refusal::new(404, "not the channel of this session"))
        }
    }

    /// The tracks are described anew; those that are set up stay so.
    pub(super) fn announced(&mut self, announcement: Arc<Announcement>) {
        self.announcement = announcement;
    }

    /// A track has its transport.
    pub(super) fn set_up(&mut self, id: TrackId, url: &str) {
        self.tracks.retain(|(known, _)| *known != id);
        self.tracks.push((id, url.to_owned()));
    }

    /// Packets are taken from now on, or no longer.
    pub(super) fn record(&mut self, recording: bool) {
        self.recording = recording;
    }
}
