//! The numbers of one RTP stream: sequence numbers, timestamps, and what reports count (RFC 3550, 5.1).

use super::run::Mapping;
use crate::base::media_time::{MediaTime, NptTime};
use crate::wire::rtp::Seq;

/// What a packet's RTP header says, before the session's offsets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    /// The marker bit.
    pub marker: bool,
    /// The extension bit.
    pub extension: bool,
    /// The payload type.
    pub payload_type: u8,
    /// The author's sequence number; `None` where the session numbers packets itself.
    pub sequence: Option<u16>,
    /// RTP ticks since the start of the presentation; may be negative.
    pub time: i64,
    /// RTP ticks to add to it at any speed of play.
    pub time_offset: i32,
}

impl Stamp {
    /// The stamp of a packet that has no author's number.
    pub(super) fn numbered_by_session(payload_type: u8, time: i64) -> Self {
        Self {
            marker: false,
            extension: false,
            payload_type,
            sequence: None,
            time,
            time_offset: 0,
        }
    }
}

/// Turns an author's numbers and presentation time into those of a session.
#[derive(Debug)]
pub(super) struct Numbers {
    /// The synchronisation source.
    pub ssrc: u32,
    rtp_rate: u32,
    /// The RTP time of the session's first instant; random.
    time_base: u32,
    run: RunTicks,
    next_sequence: u16,
    /// What turns the author's numbers into the session's, once a run's first packet has fixed it.
    author_offset: Option<u16>,
    packets: u32,
    octets: u32,
}

/// A run's [`Mapping`] in ticks of the stream.
#[derive(Clone, Copy, Debug)]
struct RunTicks {
    start: i64,
    presented: i64,
    scale: f64,
    /// In nanoseconds, for reports.
    presented_ns: i64,
}

impl Numbers {
    /// Numbers that start anywhere: `random` seeds sequence number and timestamp.
    pub(super) fn new(ssrc: u32, rtp_rate: u32, random: u64) -> Self {
        let from_start = Mapping {
            start: NptTime(0),
            presented: 0,
            scale: 1.0,
        };
        Self {
            ssrc,
            rtp_rate,
            time_base: (random >> 16) as u32,
            run: RunTicks::of(&from_start, rtp_rate),
            next_sequence: random as u16,
            author_offset: None,
            packets: 0,
            octets: 0,
        }
    }

    /// Begins a run with packets that do not follow those before.
    pub(super) fn begin(&mut self, mapping: &Mapping) {
        self.go_on(mapping);
        self.author_offset = None;
    }

    /// Begins a run with the packets that follow those before.
    pub(super) fn go_on(&mut self, mapping: &Mapping) {
        self.run = RunTicks::of(mapping, self.rtp_rate);
    }

    /// The sequence number of a packet, were it sent next.
    pub(super) fn sequence(&self, stamp: &Stamp) -> u16 {
        match (stamp.sequence, self.author_offset) {
            (Some(authored), Some(offset)) => authored.wrapping_add(offset),
            _ => self.next_sequence,
        }
    }

    /// The RTP time of a packet: exact to the author's ticks at normal speed.
    pub(super) fn time(&self, stamp: &Stamp) -> u32 {
        let since_start = stamp.time.wrapping_sub(self.run.start);
        let played = if self.run.scale == 1.0 {
            since_start
        } else {
            (since_start as f64 / self.run.scale).round() as i64
        };
        let presented = self.run.presented.wrapping_add(played);
        self.time_base
            .wrapping_add(presented as u32)
            .wrapping_add_signed(stamp.time_offset)
    }

    /// The sequence number that comes next, and the RTP time of the run's start.
    pub(super) fn next(&self) -> (u16, u32) {
        (self.next_sequence, self.time_after(0))
    }

    /// The RTP time `elapsed` nanoseconds after the run's start.
    pub(super) fn time_after(&self, elapsed: i64) -> u32 {
        let presented = self.run.presented_ns.saturating_add(elapsed);
        self.time_base
            .wrapping_add(MediaTime::from_nanos(presented, self.rtp_rate).ticks as u32)
    }

    /// Counts a packet that was sent with the number `sequence`.
    pub(super) fn sent(&mut self, stamp: &Stamp, sequence: u16, payload: usize) {
        if let Some(authored) = stamp.sequence {
            self.author_offset = Some(sequence.wrapping_sub(authored));
        }
        let following = sequence.wrapping_add(1);
        // A repeated packet has an old number and does not turn the count back.
        if Seq::from(self.next_sequence) < Seq::from(following) {
            self.next_sequence = following;
        }
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add(payload as u32);
    }

    /// Packets and payload bytes sent so far, wrapping (RFC 3550, 6.4.1).
    pub(super) fn counts(&self) -> (u32, u32) {
        (self.packets, self.octets)
    }
}

impl RunTicks {
    fn of(mapping: &Mapping, rtp_rate: u32) -> Self {
        let ticks = |nanos| MediaTime::from_nanos(nanos, rtp_rate).ticks;
        Self {
            start: ticks(mapping.start.0),
            presented: ticks(mapping.presented),
            scale: mapping.scale,
            presented_ns: mapping.presented,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn numbers() -> Numbers {
        Numbers::new(1, 90_000, 5000 << 16 | 0xfffe)
    }

    fn authored(sequence: u16, time: i64) -> Stamp {
        Stamp {
            sequence: Some(sequence),
            ..Stamp::numbered_by_session(96, time)
        }
    }

    fn mapping(start: i64, presented: i64, scale: f64) -> Mapping {
        Mapping {
            start: NptTime(start * SECOND),
            presented: presented * SECOND,
            scale,
        }
    }

    #[test]
    fn authored_numbers_keep_their_distances_within_a_run() {
        let mut numbers = numbers();
        let sequences: Vec<_> = [700, 701, 703, 701, 704]
            .map(|authored_as| {
                let stamp = authored(authored_as, 0);
                let sequence = numbers.sequence(&stamp);
                numbers.sent(&stamp, sequence, 10);
                sequence
            })
            .into();
        assert_eq!(sequences, [0xfffe, 0xffff, 1, 0xffff, 2]);
        numbers.begin(&mapping(9, 3, 1.0));
        assert_eq!(
            numbers.sequence(&authored(40_000, 0)),
            3,
            "after a seek the session's count goes on"
        );
        assert_eq!(numbers.counts(), (5, 50));
    }

    #[test]
    fn timestamps_follow_what_is_presented_and_not_the_place_in_the_movie() {
        let mut numbers = numbers();
        assert_eq!(numbers.time(&authored(0, 450)), 5450);
        numbers.begin(&mapping(60, 10, 1.0));
        assert_eq!(numbers.time(&authored(0, 60 * 90_000 + 7)), 5000 + 900_007);
        assert_eq!(numbers.next(), (0xfffe, 5000 + 900_000));
        assert_eq!(numbers.time_after(SECOND / 2), 5000 + 945_000);
    }

    #[test]
    fn fast_and_backward_play_present_forwards() {
        let mut numbers = numbers();
        numbers.begin(&mapping(10, 0, 4.0));
        assert_eq!(numbers.time(&authored(0, 14 * 90_000)), 5000 + 90_000);
        numbers.begin(&mapping(10, 0, -1.0));
        let stamp = Stamp {
            time_offset: -50,
            ..authored(0, 8 * 90_000)
        };
        assert_eq!(numbers.time(&stamp), 5000 + 180_000 - 50);
    }
}
