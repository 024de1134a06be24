//! A reader's place before a multicast group: which tracks of a channel it has set up, and whether it listens.

use std::sync::Arc;

use crate::media::ring::Start;
use crate::media::sessions::Session;
use crate::net::multicast::{Cast, GroupListener};

/// The place of one reader, who keeps the group for as long as this is there.
pub(super) struct GroupSeat {
    cast: Arc<Cast>,
    /// The tracks that were set up, by their index; all of them are sent.
    tracks: Vec<usize>,
    state: State,
}

enum State {
    Away,
    /// It will listen when the answer to its PLAY is sent.
    Prepared(Start),
    Listening(GroupListener),
}

impl GroupSeat {
    pub(super) fn new(cast: &Arc<Cast>) -> Self {
        Self {
            cast: Arc::clone(cast),
            tracks: Vec::new(),
            state: State::Away,
        }
    }

    /// Notes that a track is set up.
    pub(super) fn add_track(&mut self, index: usize) {
        self.tracks.retain(|known| *known != index);
        self.tracks.push(index);
    }

    /// Prepares to listen; answers with the tracks, none when it listens already.
    pub(super) fn prepare(&mut self, start: Start) -> Vec<usize> {
        if self.is_listening() {
            return Vec::new();
        }
        self.state = State::Prepared(start);
        self.tracks.clone()
    }

    /// Listens, if that was prepared. To be called inside a tokio runtime.
    pub(super) fn start(&mut self, session: &Arc<Session>) {
        if let State::Prepared(start) = self.state {
            self.state = State::Listening(self.cast.listen(session, start));
        }
    }

    pub(super) fn leave(&mut self) {
        self.state = State::Away;
    }

    pub(super) fn is_listening(&self) -> bool {
        matches!(self.state, State::Listening(_))
    }

    /// Why nothing more is sent.
    pub(super) fn ended(&self) -> Option<String> {
        match &self.state {
            State::Listening(listener) => listener.ended(),
            _ => None,
        }
    }

    /// The reader's part of what is sent once for all, in bit/s.
    pub(super) fn share(&self, bit_rate: u64) -> u64 {
        let listeners = self.cast.listeners() as u64;
        bit_rate / listeners.max(1)
    }
}
