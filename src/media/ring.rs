//! The recent past of a channel: its newest bursts, within bounds of bytes and time.
//!
//! One writer, any number of readers. A reader holds nothing of the ring: it
//! remembers a position, and what it has not taken in time is gone. A burst
//! wakes everybody once; who is behind catches up without being woken again.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use tokio::sync::watch;

use super::burst::{Burst, PacketKind};
use super::channel::{Channel, End};
use super::description::MAX_TRACKS;

/// The most bytes that a cursor takes at a time, so that they go out with one write and wait in small queues.
const TAKEN_BYTES: usize = 64 << 10;

/// Where a new reader begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At the oldest burst where a decoder may start; without one, like [`Live`](Self::Live).
    Past,
    /// At the newest burst where a decoder may start; without one, like [`Live`](Self::Live).
    Keyframe,
    /// With the next burst that comes.
    Live,
}

/// What [`Cursor::take`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// At least one burst.
    Bursts,
    /// Nothing yet.
    Nothing,
    /// The reader was too slow for the ring: it stands at the newest key frame
    /// now, and this many packets lie between.
    Missed(u64),
    /// All was taken, and nothing will come.
    Ended(End),
}

/// How full a ring is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Fill {
    pub(super) bytes: usize,
    pub(super) bursts: usize,
    pub(super) time: Duration,
}

/// The newest bursts of a channel.
#[derive(Debug)]
pub(super) struct Ring {
    recent: RwLock<Recent>,
    head: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Recent {
    held: VecDeque<Held>,
    /// The position of the oldest burst held.
    first: u64,
    /// Positions of the bursts held that have a key frame.
    keyframes: VecDeque<u64>,
    bytes: usize,
    /// All packets so far.
    packets: u64,
    /// By track: the sequence number that follows its newest packet.
    following: [Option<u16>; MAX_TRACKS],
    end: Option<End>,
}

#[derive(Debug)]
struct Held {
    burst: Arc<Burst>,
    /// Packets that came before this burst.
    before: u64,
}

impl Ring {
    pub(super) fn new() -> Self {
        Self {
            recent: RwLock::default(),
            head: watch::Sender::new(0),
        }
    }

    /// Adds a burst, drops what is out of bounds, and wakes the readers.
    pub(super) fn push(&self, burst: Burst, most_bytes: usize, most_time: Duration) -> Fill {
        let burst = Arc::new(burst);
        let (fill, head) = {
            let mut recent = self.write();
            recent.push(burst);
            recent.trim(most_bytes, most_time);
            (recent.fill(), recent.head())
        };
        self.head.send_replace(head);
        fill
    }

    /// Nothing more will come; the first reason stays.
    pub(super) fn end(&self, end: End) {
        self.write().end.get_or_insert(end);
        self.head.send_modify(|_| ());
    }

    pub(super) fn ended(&self) -> Option<End> {
        self.read().end
    }

    pub(super) fn head(&self) -> watch::Receiver<u64> {
        self.head.subscribe()
    }

    fn place(&self, start: Start) -> Place {
        let recent = self.read();
        match start {
            Start::Past => recent.place_of(recent.keyframes.front()),
            Start::Keyframe => recent.newest_keyframe(),
            Start::Live => recent.end_place(),
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Recent> {
        self.recent.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Recent> {
        self.recent.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recent {
    fn push(&mut self, burst: Arc<Burst>) {
        if burst.keyframe().is_some() {
            self.keyframes.push_back(self.head());
        }
        self.bytes += burst.framed().len();
        let before = self.packets;
        self.packets += burst.packets().len() as u64;
        let media = burst
            .packets()
            .iter()
            .filter(|packet| packet.kind == PacketKind::Rtp);
        for packet in media {
            if let Some(following) = self.following.get_mut(usize::from(packet.track)) {
                *following = Some(packet.sequence.wrapping_add(1));
            }
        }
        self.held.push_back(Held { burst, before });
    }

    /// The newest burst stays in any case. Time takes nothing from the newest
    /// key frame on: those who come are to begin there, however rare key frames are.
    fn trim(&mut self, most_bytes: usize, most_time: Duration) {
        let newest = self.keyframes.back().copied().unwrap_or(u64::MAX);
        while self.held.len() > 1
            && (self.bytes > most_bytes || self.time() > most_time && self.first < newest)
        {
            if let Some(oldest) = self.held.pop_front() {
                self.bytes -= oldest.burst.framed().len();
                self.first += 1;
            }
        }
        while self.keyframes.front().is_some_and(|at| *at < self.first) {
            self.keyframes.pop_front();
        }
    }

    fn time(&self) -> Duration {
        let arrived = |held: Option<&Held>| held.map(|held| held.burst.arrived());
        match (arrived(self.held.front()), arrived(self.held.back())) {
            (Some(first), Some(last)) => last.saturating_duration_since(first),
            _ => Duration::ZERO,
        }
    }

    fn fill(&self) -> Fill {
        Fill {
            bytes: self.bytes,
            bursts: self.held.len(),
            time: self.time(),
        }
    }

    /// The position of the burst that comes next.
    fn head(&self) -> u64 {
        self.first + self.held.len() as u64
    }

    fn end_place(&self) -> Place {
        Place {
            next: self.head(),
            packets: self.packets,
        }
    }

    fn newest_keyframe(&self) -> Place {
        self.place_of(self.keyframes.back())
    }

    /// The place of a burst that is held; without one, the end.
    fn place_of(&self, position: Option<&u64>) -> Place {
        let held = |next: &u64| Some((*next, self.get(*next)?));
        match position.and_then(held) {
            Some((next, held)) => Place {
                next,
                packets: held.before,
            },
            None => self.end_place(),
        }
    }

    fn get(&self, position: u64) -> Option<&Held> {
        let index = position.checked_sub(self.first)?;
        self.held.get(usize::try_from(index).ok()?)
    }

    fn from(&self, position: u64) -> impl Iterator<Item = &Held> {
        let skipped = position.saturating_sub(self.first);
        self.held
            .iter()
            .skip(usize::try_from(skipped).unwrap_or(usize::MAX))
    }
}

/// A position in a channel's timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    /// The burst to take next.
    next: u64,
    /// Packets that came before it.
    packets: u64,
}

/// A reader's place in a channel; it costs the channel nothing.
#[derive(Clone, Debug)]
pub struct Cursor {
    channel: Arc<Channel>,
    place: Place,
}

impl Cursor {
    pub(super) fn new(channel: Arc<Channel>, start: Start) -> Self {
        let place = channel.ring().place(start);
        Self { channel, place }
    }

    /// Appends the next bursts to `out`: at most `max` of them, and no more than
    /// 64 KiB with their frames unless the first alone is larger; never waits.
    pub fn take(&mut self, out: &mut Vec<Arc<Burst>>, max: usize) -> Taken {
        let recent = self.channel.ring().read();
        if self.place.next < recent.first {
            let place = recent.newest_keyframe();
            let missed = place.packets.saturating_sub(self.place.packets);
            self.place = place;
            drop(recent);
            self.channel.stats().missed(missed);
            return Taken::Missed(missed);
        }
        let before = out.len();
        let mut bytes = 0;
        let bursts = recent.from(self.place.next).take(max).take_while(|held| {
            let fits = bytes == 0 || bytes + held.burst.framed().len() <= TAKEN_BYTES;
            bytes += held.burst.framed().len();
            fits
        });
        out.extend(bursts.map(|held| Arc::clone(&held.burst)));
        let taken = out.get(before..).unwrap_or_default();
        if taken.is_empty() {
            let end = recent.end.filter(|_| self.place.next >= recent.head());
            return end.map_or(Taken::Nothing, Taken::Ended);
        }
        self.place.next += taken.len() as u64;
        let packets = taken.iter().map(|burst| burst.packets().len() as u64);
        self.place.packets += packets.sum::<u64>();
        Taken::Bursts
    }

    /// Sequence number and RTP time of the first packet of that track at or after the cursor, as far as it is there.
    pub fn first_of(&self, index: usize) -> Option<(u16, u32)> {
        let recent = self.channel.ring().read();
        let mut packets = recent
            .from(self.place.next)
            .flat_map(|held| held.burst.packets());
        let of_track = packets
            .find(|packet| packet.kind == PacketKind::Rtp && usize::from(packet.track) == index);
        of_track.map(|packet| (packet.sequence, packet.time))
    }

    /// The sequence number of the first packet of that track that is not there
    /// yet, as far as none is lost on its way here; `None` before the first one.
    pub fn next_of(&self, index: usize) -> Option<u16> {
        let recent = self.channel.ring().read();
        recent.following.get(index).copied().flatten()
    }

    /// Whether everything that is there was taken.
    pub fn at_head(&self) -> bool {
        self.place.next >= self.channel.ring().read().head()
    }

    /// The channel that is read.
    pub fn channel(&self) -> &Arc<Channel> {
        &self.channel
    }
}

#[cfg(test)]
mod tests;
