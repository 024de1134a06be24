//! Gathering packets into bursts: when one is full, complete or has waited long enough.
//!
//! Sans-IO: time comes in with the calls. The bytes of a packet are copied here,
//! once. What the packets mean is known to `feed`.

use std::time::{Duration, Instant};

use arrayvec::ArrayVec;
use bytes::BytesMut;

use super::burst::{Burst, FRAME_LEN, Packet, PacketKind, frame};
use super::publisher_clock::PublisherClock;

/// The most packets in a burst: as many as a run may have.
const MAX_PACKETS: usize = 64;

/// A burst with a packet in it grows to this many bytes at most, frames included.
const MAX_BYTES: usize = 60 << 10;

/// Bytes are allocated in pieces of this size, each shared by the bursts that lie in it.
const ARENA: usize = 64 << 10;

/// Bursts that are complete. A packet completes two at most: the one that it does
/// not fit into, and its own; a packet may come with a report.
pub(super) type Complete = ArrayVec<Burst, 4>;

/// What is known of a packet that comes in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Incoming {
    pub(super) track: u8,
    pub(super) kind: PacketKind,
    pub(super) sequence: u16,
    pub(super) time: u32,
    pub(super) marker: bool,
    /// A decoder may start here.
    pub(super) starts: bool,
    /// The burst need not wait for more.
    pub(super) completes: bool,
    /// What a report goes by.
    pub(super) clock: Option<PublisherClock>,
}

/// The burst that is being filled.
#[derive(Debug, Default)]
pub(super) struct Gather {
    arena: BytesMut,
    packets: Vec<Packet>,
    keyframe: Option<usize>,
    clock: Option<PublisherClock>,
    since: Option<Instant>,
}

impl Gather {
    /// Appends a packet of at most 65,535 bytes; `finish` may rewrite the copy in place.
    ///
    /// A burst goes to `out` when the packet completes it, when it is full, when
    /// its first packet has waited for `hold`, or when another clock is reported by.
    pub(super) fn push(
        &mut self,
        incoming: Incoming,
        packet: &[u8],
        hold: Duration,
        now: Instant,
        finish: impl FnOnce(&mut [u8]),
        out: &mut Complete,
    ) {
        let Ok(len) = u16::try_from(packet.len()) else {
            return;
        };
        let reported = self.clock.zip(incoming.clock);
        let is_other = reported.is_some_and(|(own, other)| own != other);
        if is_other || self.arena.len() + FRAME_LEN + packet.len() > MAX_BYTES {
            out.extend(self.flush());
        }
        self.append(incoming, len, packet, finish);
        let since = *self.since.get_or_insert(now);
        let full = self.packets.len() >= MAX_PACKETS;
        if full || incoming.completes || now.saturating_duration_since(since) >= hold {
            out.extend(self.flush());
        }
    }

    fn append(
        &mut self,
        incoming: Incoming,
        len: u16,
        packet: &[u8],
        finish: impl FnOnce(&mut [u8]),
    ) {
        let needed = FRAME_LEN + packet.len();
        if self.arena.capacity() - self.arena.len() < needed {
            self.arena.reserve(needed.max(ARENA));
        }
        self.arena
            .extend_from_slice(&frame(incoming.track, incoming.kind, len));
        let start = self.arena.len();
        self.arena.extend_from_slice(packet);
        finish(self.arena.get_mut(start..).unwrap_or_default());
        if incoming.starts && self.keyframe.is_none() {
            self.keyframe = Some(self.packets.len());
        }
        self.clock = incoming.clock.or(self.clock);
        self.packets.push(Packet::new(&incoming, start, len));
    }

    /// When the burst has waited long enough; `None` when there is none.
    pub(super) fn deadline(&self, hold: Duration) -> Option<Instant> {
        self.since.map(|since| since + hold)
    }

    /// The burst as far as it has come.
    pub(super) fn flush(&mut self) -> Option<Burst> {
        let arrived = self.since.take()?;
        let framed = self.arena.split().freeze();
        let (keyframe, clock) = (self.keyframe.take(), self.clock.take());
        let burst = Burst::new(framed, &self.packets, keyframe, clock, arrived);
        self.packets.clear();
        Some(burst)
    }
}
