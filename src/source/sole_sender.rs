//! Who feeds: of several who send to one feed, the one who came first, until he falls silent.
//!
//! Sans-IO: addresses and times come in with the calls.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

/// Silence after which another sender may feed.
const PATIENCE: Duration = Duration::from_secs(3);

/// The sender of a feed: one host, and of each track one port of it.
#[derive(Debug)]
pub(super) struct SoleSender {
    host: Place<IpAddr>,
    tracks: Vec<Place<SocketAddr>>,
}

/// Who has a place, and when he was heard last.
#[derive(Clone, Copy, Debug)]
struct Place<T>(Option<(T, Instant)>);

impl SoleSender {
    /// Nobody has sent yet on any of so many tracks.
    pub(super) fn new(tracks: usize) -> Self {
        Self {
            host: Place(None),
            tracks: vec![Place(None); tracks],
        }
    }

    /// Whether media of the track at `index` that came from `sender` at `now` is of the feed.
    pub(super) fn admits_rtp(&mut self, index: usize, sender: SocketAddr, now: Instant) -> bool {
        let Some(track) = self.tracks.get_mut(index) else {
            return false;
        };
        if !self.host.is_for(&sender.ip(), now) || !track.is_for(&sender, now) {
            return false;
        }
        self.host.take(sender.ip(), now);
        track.take(sender, now);
        true
    }

    /// Whether RTCP that came from `sender` is of the feed: in a group, everybody who listens sends some.
    pub(super) fn admits_rtcp(&self, sender: SocketAddr) -> bool {
        self.host.0.is_some_and(|(host, _)| host == sender.ip())
    }
}

impl<T: PartialEq> Place<T> {
    fn is_for(&self, sender: &T, now: Instant) -> bool {
        self.0.as_ref().is_none_or(|(holder, heard)| {
            holder == sender || now.saturating_duration_since(*heard) >= PATIENCE
        })
    }

    fn take(&mut self, sender: T, now: Instant) {
        self.0 = Some((sender, now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Clock;

    fn at(address: &str) -> SocketAddr {
        address.parse().unwrap()
    }

    #[test]
    fn another_sender_feeds_when_the_first_is_silent() {
        let start = Clock::start().started();
        let mut sender = SoleSender::new(2);
        let (first, second) = (at("10.0.0.1:5000"), at("10.0.0.2:5000"));
        assert!(!sender.admits_rtcp(first));
        assert!(sender.admits_rtp(0, first, start));
        assert!(sender.admits_rtcp(at("10.0.0.1:5001")) && !sender.admits_rtcp(second));
        let soon = start + PATIENCE / 2;
        assert!(!sender.admits_rtp(0, second, soon) && !sender.admits_rtp(1, second, soon));
        assert!(sender.admits_rtp(1, at("10.0.0.1:5002"), soon));
        assert!(!sender.admits_rtp(0, at("10.0.0.1:6000"), soon));
        assert!(!sender.admits_rtp(0, second, start + PATIENCE));
        assert!(sender.admits_rtp(0, second, soon + PATIENCE));
        assert!(!sender.admits_rtp(0, first, soon + PATIENCE));
        assert!(!sender.admits_rtp(2, second, soon + PATIENCE));
    }
}
