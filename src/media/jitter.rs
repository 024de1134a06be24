//! Putting datagrams back into the order in which they were sent, and refusing those that come twice.
//!
//! Sans-IO: time comes in with the calls. For every RTP stream that arrives over
//! UDP, before it reaches a channel; over TCP there is nothing to put in order.

use std::collections::VecDeque;
use std::fmt;
use std::time::{Duration, Instant};

use webrtc_util::replay_detector::{ReplayDetector, WrappedSlidingWindowDetector};

use crate::wire::rtp;

/// How far back duplicates are remembered, in packets.
const REPLAY_WINDOW: usize = 512;

/// Sequence numbers further ahead than this are another series (RFC 3550, A.1).
const MAX_DROPOUT: i16 = 3000;

/// The most packets that may wait.
const MAX_WINDOW: usize = 512;

/// What has happened to a stream's order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReorderCounts {
    /// Packets that came after one that was sent later, and in time.
    pub reordered: u64,
    /// Packets refused because they had come already.
    pub replayed: u64,
    /// Packets refused because their place had been given up.
    pub late: u64,
    /// Packets refused because they are far from the series; two in a row begin another.
    pub stray: u64,
    /// Holes given up.
    pub given_up: u64,
    /// Datagrams that are no RTP packet.
    pub not_rtp: u64,
}

/// Puts the packets of one RTP stream in order.
///
/// While nothing is missing, what is pushed can be popped at once.
pub struct Reorder {
    hold: Duration,
    window: usize,
    series: Option<Series>,
    /// In order; the places of packets that are missing are not held.
    waiting: VecDeque<Waiting>,
    /// The packet that was popped last.
    popped: Vec<u8>,
    spare: Vec<Vec<u8>>,
    counts: ReorderCounts,
}

struct Series {
    ssrc: u32,
    /// The sequence number to pop next.
    next: u16,
    replay: WrappedSlidingWindowDetector,
    /// What would follow a stray packet.
    stray: Option<u16>,
}

struct Waiting {
    sequence: u16,
    arrived: Instant,
    /// Pushed before a change of series, so that nothing is missing before it.
    is_due: bool,
    packet: Vec<u8>,
}

impl Series {
    fn new(ssrc: u32, next: u16) -> Self {
        Self {
            ssrc,
            next,
            replay: WrappedSlidingWindowDetector::new(REPLAY_WINDOW, u16::MAX.into()),
            stray: None,
        }
    }

    fn ahead(&self, sequence: u16) -> i16 {
        sequence.wrapping_sub(self.next).cast_signed()
    }

    /// Whether the packet is of this series, or of none so far.
    fn is_near(&mut self, sequence: u16) -> bool {
        let ahead = self.ahead(sequence);
        let is_near = (-(REPLAY_WINDOW as i16)..=MAX_DROPOUT).contains(&ahead);
        self.stray = (!is_near).then(|| sequence.wrapping_add(1));
        is_near
    }
}

impl Reorder {
    /// Waits for missing packets for `hold` at most, and while no more than
    /// `window` packets, at most 512, wait behind them.
    pub fn new(window: usize, hold: Duration) -> Self {
        Self {
            hold,
            window: window.min(MAX_WINDOW),
            series: None,
            waiting: VecDeque::new(),
            popped: Vec::new(),
            spare: Vec::new(),
            counts: ReorderCounts::default(),
        }
    }

    /// Takes a datagram that arrived at `now`; what is refused is counted.
    pub fn push(&mut self, packet: &[u8], now: Instant) {
        let Ok(read) = rtp::Packet::read(packet) else {
            self.counts.not_rtp += 1;
            return;
        };
        let sequence = u16::from(read.sequence());
        if self.admits(read.ssrc(), sequence) {
            self.insert(sequence, packet, now);
        }
    }

    /// Whether the packet has a place in the present series, or begins another.
    fn admits(&mut self, ssrc: u32, sequence: u16) -> bool {
        let begins = match &mut self.series {
            Some(series) if series.ssrc == ssrc => {
                let follows_stray = series.stray == Some(sequence);
                let is_near = series.is_near(sequence);
                if !is_near && !follows_stray {
                    self.counts.stray += 1;
                    return false;
                }
                !is_near
            }
            _ => true,
        };
        if begins {
            self.waiting.iter_mut().for_each(|held| held.is_due = true);
            self.series = Some(Series::new(ssrc, sequence));
        }
        self.series
            .as_mut()
            .is_some_and(|series| self.counts.admit(series, sequence))
    }

    fn insert(&mut self, sequence: u16, packet: &[u8], now: Instant) {
        let mut bytes = self.spare.pop().unwrap_or_default();
        bytes.clear();
        bytes.extend_from_slice(packet);
        let is_before =
            |held: &Waiting| held.is_due || held.sequence.wrapping_sub(sequence).cast_signed() < 0;
        let at = self.waiting.partition_point(is_before);
        self.counts.reordered += u64::from(at < self.waiting.len());
        let waiting = Waiting {
            sequence,
            arrived: now,
            is_due: false,
            packet: bytes,
        };
        self.waiting.insert(at, waiting);
    }

    /// The next packet in order, if there is no need to wait for one before it; it stays until the next call.
    ///
    /// To be called until it gives `None`, after each push and at the
    /// [`deadline`](Self::deadline).
    pub fn pop(&mut self, now: Instant) -> Option<&[u8]> {
        let first = self.waiting.front()?;
        let series = self.series.as_mut()?;
        if !first.is_due {
            let is_next = first.sequence == series.next;
            let is_full = self.waiting.len() > self.window;
            if !is_next && !is_full && earliest(&self.waiting, self.hold)? > now {
                return None;
            }
            self.counts.given_up += u64::from(!is_next);
            series.next = first.sequence.wrapping_add(1);
        }
        let next = self.waiting.pop_front()?;
        self.spare
            .push(std::mem::replace(&mut self.popped, next.packet));
        Some(&self.popped)
    }

    /// When [`pop`](Self::pop) gives up what is missing; `None` while nothing waits.
    pub fn deadline(&self) -> Option<Instant> {
        earliest(&self.waiting, self.hold)
    }

    /// What has happened so far.
    pub fn counts(&self) -> ReorderCounts {
        self.counts
    }
}

impl ReorderCounts {
    /// These and others together.
    pub fn plus(self, other: Self) -> Self {
        Self {
            reordered: self.reordered + other.reordered,
            replayed: self.replayed + other.replayed,
            late: self.late + other.late,
            stray: self.stray + other.stray,
            given_up: self.given_up + other.given_up,
            not_rtp: self.not_rtp + other.not_rtp,
        }
    }

    /// Whether the packet is no duplicate, and not behind what was popped.
    fn admit(&mut self, series: &mut Series, sequence: u16) -> bool {
        if !series.replay.check(sequence.into()) {
            self.replayed += 1;
            return false;
        }
        series.replay.accept();
        let is_late = series.ahead(sequence) < 0;
        self.late += u64::from(is_late);
        !is_late
    }
}

impl fmt::Debug for Reorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reorder")
            .field("waiting", &self.waiting.len())
            .field("counts", &self.counts)
            .finish_non_exhaustive()
    }
}

/// When the packet that has waited longest has waited for `hold`.
fn earliest(waiting: &VecDeque<Waiting>, hold: Duration) -> Option<Instant> {
    let arrived = waiting.iter().map(|held| held.arrived).min()?;
    Some(arrived + hold)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::clock::Clock;

    const HOLD: Duration = Duration::from_millis(50);

    fn packet(ssrc: u32, sequence: u16) -> Vec<u8> {
        let mut bytes = [0; rtp::HEADER_LEN];
        rtp::write_header(&mut bytes, false, 96, sequence, 0, ssrc);
        bytes.to_vec()
    }

    fn pop_all(reorder: &mut Reorder, now: Instant) -> Vec<u16> {
        let mut out = Vec::new();
        while let Some(packet) = reorder.pop(now) {
            out.push(rtp::Packet::read(packet).unwrap().sequence().into());
        }
        out
    }

    fn pushed(reorder: &mut Reorder, sequences: &[u16], now: Instant) -> Vec<u16> {
        let mut out = Vec::new();
        for sequence in sequences {
            reorder.push(&packet(1, *sequence), now);
            out.extend(pop_all(reorder, now));
        }
        out
    }

    #[test]
    fn order_is_restored_and_duplicates_are_refused() {
        let now = Clock::start().started();
        let mut reorder = Reorder::new(64, HOLD);
        let out = pushed(
            &mut reorder,
            &[65_534, 65_534, 0, 65_535, 1, 0, 65_533],
            now,
        );
        assert_eq!(out, [65_534, 65_535, 0, 1]);
        let counts = reorder.counts();
        assert_eq!((counts.reordered, counts.replayed, counts.late), (1, 2, 1));
        assert_eq!(reorder.deadline(), None);
    }

    #[test]
    fn a_hole_is_given_up_after_the_hold() {
        let now = Clock::start().started();
        let mut reorder = Reorder::new(64, HOLD);
        assert_eq!(pushed(&mut reorder, &[1, 3, 5], now), [1]);
        assert_eq!(reorder.deadline(), Some(now + HOLD));
        assert_eq!(pop_all(&mut reorder, now + HOLD), [3, 5]);
        assert_eq!(pushed(&mut reorder, &[4, 6], now + HOLD), [6]);
        assert_eq!((reorder.counts().given_up, reorder.counts().late), (2, 1));
    }

    #[test]
    fn a_full_window_gives_up_the_hole() {
        let now = Clock::start().started();
        let mut reorder = Reorder::new(3, HOLD);
        let out = pushed(&mut reorder, &[1, 3, 4, 5, 6], now);
        assert_eq!(out, [1, 3, 4, 5, 6]);
    }

    #[test]
    fn another_series_begins_with_its_second_packet_or_another_source_at_once() {
        let now = Clock::start().started();
        let mut reorder = Reorder::new(64, HOLD);
        assert_eq!(pushed(&mut reorder, &[1, 3, 20_000], now), [1]);
        assert_eq!(
            pushed(&mut reorder, &[20_001, 20_002], now),
            [3, 20_001, 20_002]
        );
        reorder.push(&packet(2, 7), now);
        assert_eq!(pop_all(&mut reorder, now), [7]);
        assert_eq!(reorder.counts().stray, 1);
    }

    proptest! {
        #[test]
        fn what_comes_out_is_in_order(packets in proptest::collection::vec((0..300_u16, 0..30_u64), 1..400)) {
            let mut now = Clock::start().started();
            let mut reorder = Reorder::new(16, HOLD);
            let mut last = None;
            for (sequence, wait) in packets {
                now += Duration::from_millis(wait);
                reorder.push(&packet(1, sequence), now);
                for popped in pop_all(&mut reorder, now) {
                    prop_assert!(last < Some(popped), "{popped} after {last:?}");
                    last = Some(popped);
                }
                prop_assert!(reorder.waiting.len() <= 16);
                prop_assert!(reorder.deadline().is_none_or(|at| at > now));
            }
        }

        #[test]
        fn rubbish_does_not_panic(packets: Vec<Vec<u8>>, numbers: Vec<(u32, u16)>) {
            let now = Clock::start().started();
            let mut reorder = Reorder::new(4, HOLD);
            let sound = numbers.into_iter().map(|(ssrc, sequence)| packet(ssrc % 2, sequence));
            for bytes in packets.into_iter().chain(sound) {
                reorder.push(&bytes, now);
                pop_all(&mut reorder, now);
            }
        }
    }
}
