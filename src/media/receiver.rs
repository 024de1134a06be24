//! What the receiver of one RTP stream tells its sender: losses and jitter (RFC 3550, 6.4.1 and A.3, A.8).
//!
//! Sans-IO: packets are noted as they arrive, in whatever order. How the
//! numbers travel is the matter of `wire::rtcp`.

use std::time::{Duration, Instant};

use crate::wire::rtcp::{Block, SenderReport};
use crate::wire::rtp::Packet;

/// A sequence number further than that from the last one means a new start (RFC 3550, A.1).
const MOST_MISSING: u16 = 3000;

/// The statistics of one stream.
#[derive(Debug)]
pub struct Receiver {
    clock_hz: u32,
    source: Option<Source>,
    /// Another source of which one packet has come; a second one makes it the source.
    candidate: Option<u32>,
}

/// The source that packets come from.
#[derive(Debug)]
struct Source {
    ssrc: u32,
    /// The first and the highest sequence number, with the count of wraps in the upper 16 bits.
    first: u32,
    highest: u32,
    received: u32,
    /// Packets expected and received when the last report was made.
    reported: (u32, u32),
    began: Instant,
    /// The last packet's way through the network, in ticks from an unknown origin.
    transit: u32,
    /// Jitter in 16ths of a tick.
    jitter: u32,
    /// The middle of the last sender report's time, and when it came.
    last_report: Option<(u32, Instant)>,
}

impl Receiver {
    /// Statistics of a stream whose RTP times run at `clock_hz`.
    pub fn new(clock_hz: u32) -> Self {
        Self {
            clock_hz,
            source: None,
            candidate: None,
        }
    }

    /// Notes a packet that arrived at `now`.
    pub fn rtp(&mut self, packet: &Packet<'_>, now: Instant) {
        match &mut self.source {
            Some(source) if source.ssrc == packet.ssrc() => {
                self.candidate = None;
                source.note(packet, self.clock_hz, now);
            }
            Some(_) if self.candidate != Some(packet.ssrc()) => {
                self.candidate = Some(packet.ssrc());
            }
            _ => {
                self.candidate = None;
                self.source = Some(Source::new(packet, now));
            }
        }
    }

    /// Notes a sender report that arrived at `now`.
    pub fn sender_report(&mut self, report: &SenderReport, now: Instant) {
        if let Some(source) = &mut self.source
            && source.ssrc == report.ssrc
        {
            source.last_report = Some((report.ntp.middle(), now));
        }
    }

    /// What to report at `now`; `None` while nothing has arrived. Each call begins a new interval.
    pub fn block(&mut self, now: Instant) -> Option<Block> {
        self.source.as_mut().map(|source| source.block(now))
    }
}

impl Source {
    fn new(packet: &Packet<'_>, now: Instant) -> Self {
        let sequence = u32::from(u16::from(packet.sequence()));
        Self {
            ssrc: packet.ssrc(),
            first: sequence,
            highest: sequence,
            received: 1,
            reported: (0, 0),
            began: now,
            transit: 0u32.wrapping_sub(packet.time()),
            jitter: 0,
            last_report: None,
        }
    }

    fn note(&mut self, packet: &Packet<'_>, clock_hz: u32, now: Instant) {
        self.received = self.received.wrapping_add(1);
        self.note_sequence(u16::from(packet.sequence()));
        let arrival = ticks(now.saturating_duration_since(self.began), clock_hz);
        let transit = arrival.wrapping_sub(packet.time());
        let difference = transit
            .wrapping_sub(self.transit)
            .cast_signed()
            .unsigned_abs();
        self.transit = transit;
        let part = self.jitter.wrapping_add(8) >> 4;
        self.jitter = self.jitter.saturating_sub(part).saturating_add(difference);
    }

    fn note_sequence(&mut self, sequence: u16) {
        let ahead = sequence.wrapping_sub(self.highest as u16);
        if ahead < MOST_MISSING {
            self.highest = self.highest.wrapping_add(u32::from(ahead));
        } else if ahead <= u16::MAX - MOST_MISSING {
            // The sender has leapt: what lies between was never sent.
            self.first = u32::from(sequence);
            self.highest = self.first;
            self.received = 1;
            self.reported = (0, 0);
        }
    }

    fn block(&mut self, now: Instant) -> Block {
        let expected = self.highest.wrapping_sub(self.first).wrapping_add(1);
        let (expected_before, received_before) = self.reported;
        let expected_now = expected.wrapping_sub(expected_before);
        let received_now = self.received.wrapping_sub(received_before);
        self.reported = (expected, self.received);
        let lost_now = expected_now.saturating_sub(received_now);
        let fraction = (u64::from(lost_now) << 8) / u64::from(expected_now.max(1));
        let lost = i64::from(expected) - i64::from(self.received);
        let (last_sr, delay) = match self.last_report {
            Some((middle, at)) => (middle, ticks(now.saturating_duration_since(at), 1 << 16)),
            None => (0, 0),
        };
        Block {
            ssrc: self.ssrc,
            fraction_lost: fraction.min(255) as u8,
            cumulative_lost: lost.clamp(-0x80_0000, 0x7f_ffff) as i32,
            highest_sequence: self.highest,
            jitter: self.jitter >> 4,
            last_sr,
            delay,
        }
    }
}

/// `time` in ticks of a clock of `hz`, wrapping.
fn ticks(time: Duration, hz: u32) -> u32 {
    (time.as_nanos() * u128::from(hz) / 1_000_000_000) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Clock;
    use crate::base::media_time::NtpTime;
    use crate::wire::rtp::{HEADER_LEN, write_header};

    struct Stream {
        receiver: Receiver,
        start: Instant,
    }

    impl Stream {
        fn new() -> Self {
            Self {
                receiver: Receiver::new(1000),
                start: Clock::start().started(),
            }
        }

        /// A packet of source 7 that is due at `due` ms and arrives `late` ms later.
        fn arrive(&mut self, sequence: u16, due: u32, late: u32) {
            self.arrive_from(7, sequence, due, late);
        }

        fn arrive_from(&mut self, ssrc: u32, sequence: u16, due: u32, late: u32) {
            let mut bytes = [0; HEADER_LEN];
            write_header(&mut bytes, false, 96, sequence, due, ssrc);
            let now = self.at(due + late);
            self.receiver.rtp(&Packet::read(&bytes).unwrap(), now);
        }

        fn at(&self, millis: u32) -> Instant {
            self.start + Duration::from_millis(millis.into())
        }

        fn block(&mut self) -> Block {
            let now = self.at(10_000);
            self.receiver.block(now).unwrap()
        }
    }

    #[test]
    fn losses_are_told_for_the_interval_and_in_all() {
        let mut stream = Stream::new();
        assert_eq!(stream.receiver.block(stream.start), None);
        for sequence in [65_534, 65_535, 2, 1] {
            stream.arrive(sequence, 0, 0);
        }
        let block = stream.block();
        assert_eq!((block.cumulative_lost, block.fraction_lost), (1, 51));
        assert_eq!(block.highest_sequence, 0x1_0002);
        stream.arrive(3, 0, 0);
        stream.arrive(3, 0, 0);
        let block = stream.block();
        assert_eq!((block.cumulative_lost, block.fraction_lost), (0, 0));
    }

    #[test]
    fn jitter_is_what_arrival_adds_to_the_sender_s_spacing() {
        let mut stream = Stream::new();
        for number in 0..400u16 {
            stream.arrive(number, u32::from(number) * 20, u32::from(number % 2) * 8);
        }
        // The estimator of RFC 3550, A.8 rounds down.
        assert_eq!(stream.block().jitter, 7);
    }

    #[test]
    fn a_leap_or_a_new_source_is_a_new_start_and_a_stray_packet_is_none() {
        let mut stream = Stream::new();
        stream.arrive(10, 0, 0);
        stream.arrive(30_000, 0, 0);
        stream.arrive(30_001, 0, 0);
        assert_eq!(stream.block().cumulative_lost, 0);
        stream.arrive_from(8, 500, 0, 0);
        stream.arrive(30_002, 0, 0);
        assert_eq!(stream.block().ssrc, 7);
        stream.arrive_from(8, 501, 0, 0);
        stream.arrive_from(8, 502, 0, 0);
        assert_eq!(
            (stream.block().ssrc, stream.block().cumulative_lost),
            (8, 0)
        );
    }

    #[test]
    fn the_age_of_the_last_sender_report_is_told() {
        let mut stream = Stream::new();
        stream.arrive(1, 0, 0);
        let report = SenderReport {
            ssrc: 7,
            ntp: NtpTime(0x1111_2222_3333_4444),
            rtp_time: 0,
            packets: 0,
            bytes: 0,
        };
        let at = stream.at(9_500);
        stream.receiver.sender_report(&report, at);
        let block = stream.block();
        assert_eq!((block.last_sr, block.delay), (0x2222_3333, 0x8000));
    }
}
