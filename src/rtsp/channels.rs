//! Which interleaved channels of a connection carry which tracks.

use std::sync::Arc;

use crate::base::id::{SessionId, TrackId};

use super::protection::Opener;

/// The channels in use on one connection (RFC 2326, 10.12).
#[derive(Debug, Default)]
pub(super) struct Channels(Vec<Used>);

#[derive(Debug)]
struct Used {
    pair: (u8, u8),
    owner: (SessionId, TrackId),
    /// What takes the protection off what the client sends, if that comes by SRTP.
    opener: Option<Arc<Opener>>,
}

impl Channels {
    /// The pair for the track of `owner`: the one that the client asked for,
    /// unless another track uses it, else the next free one; `None` when there
    /// is none left.
    pub(super) fn choose(
        &self,
        asked: Option<(u8, u8)>,
        owner: (SessionId, TrackId),
    ) -> Option<(u8, u8)> {
        let others = || self.0.iter().filter(move |used| used.owner != owner);
        let free = |pair: &(u8, u8)| !others().any(|used| overlap(used.pair, *pair));
        let evens = (0..u8::MAX).step_by(2);
        asked
            .filter(free)
            .or_else(|| evens.map(|rtp| (rtp, rtp + 1)).find(free))
    }

    /// Gives `pair` to the track of `owner`, instead of what that track had; what its client sends comes
    /// by SRTP if there is something that takes the protection off.
    pub(super) fn take(
        &mut self,
        pair: (u8, u8),
        owner: (SessionId, TrackId),
        opener: Option<Arc<Opener>>,
    ) {
        self.0.retain(|used| used.owner != owner);
        self.0.push(Used {
            pair,
            owner,
            opener,
        });
    }

    /// The session whose RTCP arrives on `channel`, and what takes the protection off.
    pub(super) fn reporter(&self, channel: u8) -> Option<(SessionId, Option<&Opener>)> {
        let used = self.0.iter().find(|used| used.pair.1 == channel)?;
        Some((used.owner.0, used.opener.as_deref()))
    }

    /// The sessions that use channels, each perhaps several times.
    pub(super) fn sessions(&self) -> Vec<SessionId> {
        self.0.iter().map(|used| used.owner.0).collect()
    }

    /// Frees the channels of a session.
    pub(super) fn release(&mut self, session: SessionId) {
        self.0.retain(|used| used.owner.0 != session);
    }
}

fn overlap(one: (u8, u8), other: (u8, u8)) -> bool {
    let uses = |channel| channel == other.0 || channel == other.1;
    uses(one.0) || uses(one.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(track: u32) -> (SessionId, TrackId) {
        (SessionId::from_random(2), TrackId(track))
    }

    #[test]
    fn clients_get_the_channels_they_ask_for() {
        let mut channels = Channels::default();
        assert_eq!(channels.choose(Some((8, 9)), owner(1)), Some((8, 9)));
        assert_eq!(channels.choose(None, owner(1)), Some((0, 1)));
        channels.take((0, 1), owner(1), None);
        assert_eq!(channels.choose(None, owner(2)), Some((2, 3)));
        assert_eq!(channels.choose(Some((1, 2)), owner(2)), Some((2, 3)));
        assert_eq!(channels.choose(Some((0, 1)), owner(1)), Some((0, 1)));
    }

    #[test]
    fn channels_run_out_and_come_back() {
        let mut channels = Channels::default();
        for track in 0..128 {
            let pair = channels.choose(None, owner(track)).unwrap();
            channels.take(pair, owner(track), None);
        }
        assert_eq!(channels.choose(None, owner(128)), None);
        let session_of = |channel| channels.reporter(channel).map(|(session, _)| session);
        assert_eq!(session_of(255), Some(owner(0).0));
        assert_eq!(session_of(254), None);
        channels.release(owner(0).0);
        assert_eq!(channels.choose(None, owner(128)), Some((0, 1)));
    }
}
