//! Packets that travel together: immutable, counted by reference, shared by all readers.
//!
//! A burst holds its packets framed for TCP, so that a reader needs one write for
//! all of them; the form for UDP is made once, when the first reader asks for it.
//! Which packets make up a burst is decided in `gather`.

use std::ops::Range;
use std::sync::OnceLock;
use std::time::Instant;

use bytes::Bytes;

use super::gather::Incoming;
use super::publisher_clock::PublisherClock;

/// Length in bytes of the frame before each packet (RFC 2326, 10.12).
pub const FRAME_LEN: usize = 4;

/// The most packets in one [`Run`], as the kernel's segmentation takes them.
const MAX_SEGMENTS: usize = 64;

/// The most bytes in one [`Run`]: the payload of the largest datagram over IPv4.
const MAX_RUN: usize = 65_507;

/// Packets of one channel that arrived together.
#[derive(Debug)]
pub struct Burst {
    framed: Bytes,
    packets: Box<[Packet]>,
    keyframe: Option<usize>,
    clock: Option<PublisherClock>,
    arrived: Instant,
    runs: OnceLock<Runs>,
}

/// Whether a packet carries media or speaks of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PacketKind {
    /// Media (RFC 3550, 5).
    Rtp,
    /// Reports (RFC 3550, 6).
    Rtcp,
}

/// One packet of a [`Burst`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    /// The index of its track.
    pub track: u8,
    /// Whether it carries media.
    pub kind: PacketKind,
    /// The RTP sequence number; of RTCP, that of the track's next packet.
    pub sequence: u16,
    /// The RTP time, in ticks of the track's clock; of RTCP, that of the report.
    pub time: u32,
    /// The RTP marker bit.
    pub marker: bool,
    /// Where the packet begins in the framed bytes, behind its frame.
    start: u32,
    len: u16,
}

impl Packet {
    /// A packet of `len` bytes that begin at `start` in the framed bytes.
    pub(super) fn new(incoming: &Incoming, start: usize, len: u16) -> Self {
        Self {
            track: incoming.track,
            kind: incoming.kind,
            sequence: incoming.sequence,
            time: incoming.time,
            marker: incoming.marker,
            // A burst is far below 4 GiB.
            start: start as u32,
            len,
        }
    }

    /// Its length in bytes, without the frame.
    pub fn len(&self) -> usize {
        usize::from(self.len)
    }

    /// Whether it has no byte; no packet of a burst is empty.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Its place in [`Burst::framed`], without the frame.
    pub fn range(&self) -> Range<usize> {
        let start = self.start as usize;
        start..start + self.len()
    }
}

/// Neighbours of one track without frames: of equal size, but for the last, which may be shorter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The index of the track.
    pub track: u8,
    /// Whether the packets carry media.
    pub kind: PacketKind,
    /// The size of each packet but the last, in bytes.
    pub segment: usize,
    /// How many packets.
    pub count: usize,
    range: Range<usize>,
}

#[derive(Debug)]
struct Runs {
    bytes: Box<[u8]>,
    runs: Box<[Run]>,
}

impl Burst {
    /// `framed` holds the packets where they say.
    pub(super) fn new(
        framed: Bytes,
        packets: &[Packet],
        keyframe: Option<usize>,
        clock: Option<PublisherClock>,
        arrived: Instant,
    ) -> Self {
        Self {
            framed,
            packets: packets.into(),
            keyframe,
            clock,
            arrived,
            runs: OnceLock::new(),
        }
    }

    /// All packets, each behind `$`, its channel and its length; the channel is
    /// twice the track's index, and one more for RTCP.
    pub fn framed(&self) -> &Bytes {
        &self.framed
    }

    /// The packets in their order of arrival.
    pub fn packets(&self) -> &[Packet] {
        &self.packets
    }

    /// One packet of this burst without its frame.
    pub fn bytes_of(&self, packet: &Packet) -> &[u8] {
        self.framed.get(packet.range()).unwrap_or_default()
    }

    /// The index of the first packet at which a decoder may start.
    pub fn keyframe(&self) -> Option<usize> {
        self.keyframe
    }

    /// The clock that all its reports go by; `None` where it has none.
    pub fn clock(&self) -> Option<PublisherClock> {
        self.clock
    }

    /// When its first packet arrived.
    pub fn arrived(&self) -> Instant {
        self.arrived
    }

    /// The packets of each track as runs, in order within a track; made at the first call, for all.
    pub fn runs(&self) -> &[Run] {
        &self.unframed().runs
    }

    /// The bytes of one run of this burst.
    pub fn run_bytes(&self, run: &Run) -> &[u8] {
        let bytes = &self.unframed().bytes;
        bytes.get(run.range.clone()).unwrap_or_default()
    }

    fn unframed(&self) -> &Runs {
        self.runs.get_or_init(|| Runs::of(self))
    }
}

impl Runs {
    fn of(burst: &Burst) -> Self {
        let mut bytes = Vec::with_capacity(burst.framed.len());
        let mut runs: Vec<Run> = Vec::new();
        let mut done = 0_u64;
        for (index, first) in burst.packets.iter().enumerate() {
            let flow = 1_u64 << lane(first);
            if done & flow != 0 {
                continue;
            }
            done |= flow;
            let from = runs.len();
            for packet in burst.packets.iter().skip(index) {
                if lane(packet) == lane(first) {
                    append(&mut runs, from, packet, bytes.len());
                    bytes.extend_from_slice(burst.bytes_of(packet));
                }
            }
        }
        Self {
            bytes: bytes.into(),
            runs: runs.into(),
        }
    }
}

/// The interleaved channel of a packet, 0 to 63.
fn lane(packet: &Packet) -> u8 {
    channel(packet.track, packet.kind)
}

/// The bytes before a packet of `len` bytes on a connection (RFC 2326, 10.12).
pub(super) fn frame(track: u8, kind: PacketKind, len: u16) -> [u8; FRAME_LEN] {
    let [high, low] = len.to_be_bytes();
    [b'$', channel(track, kind), high, low]
}

/// The interleaved channel of a track's packets.
fn channel(track: u8, kind: PacketKind) -> u8 {
    track << 1 | u8::from(kind == PacketKind::Rtcp)
}

/// Adds the packet to the last run behind `from`, or begins another one there.
fn append(runs: &mut Vec<Run>, from: usize, packet: &Packet, at: usize) {
    let end = at + packet.len();
    if let Some(run) = runs.get_mut(from..).and_then(<[Run]>::last_mut) {
        let full = run.range.len() == run.segment * run.count;
        let room = run.count < MAX_SEGMENTS && end - run.range.start <= MAX_RUN;
        if full && room && packet.len() <= run.segment {
            run.count += 1;
            run.range.end = end;
            return;
        }
    }
    runs.push(Run {
        track: packet.track,
        kind: packet.kind,
        segment: packet.len(),
        count: 1,
        range: at..end,
    });
}

#[cfg(test)]
mod tests;
