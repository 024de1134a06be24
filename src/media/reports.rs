//! What a channel tells of its tracks: sender reports with a clock of its own (RFC 3550, 6.4.1).
//!
//! The clock is the publisher's as long as it reports on all tracks that it
//! sends, else that of arrivals, which goes on where the publisher's was. What a
//! publisher says is told at once and not approached: players align tracks by it.
//! Both sides of a report advance together, so a report may be made at any moment.

use std::time::{Duration, Instant};

use super::timeline::Timeline;
use crate::base::media_time::{MediaTime, NtpTime};
use crate::wire::rtcp::SenderReport;

/// A report of a time this far from that of the packet behind it is of the same timeline.
const NEAR: Duration = Duration::from_secs(2);

/// How often a track's report goes with its packets.
const INTERVAL: Duration = Duration::from_secs(5);

/// The same instant on the wall and on a track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) ntp: NtpTime,
    /// In ticks.
    pub(super) time: u32,
}

impl Pair {
    /// This pair so many nanoseconds later.
    pub(super) fn later(self, nanos: i64, clock_hz: u32) -> Self {
        let ticks = MediaTime::from_nanos(nanos, clock_hz).ticks;
        Self {
            ntp: self.ntp.later(nanos),
            time: self.time.wrapping_add(ticks as u32),
        }
    }

    /// The wall time of an RTP time near this pair's.
    pub(super) fn ntp_of(self, time: u32, clock_hz: u32) -> NtpTime {
        let ticks = i64::from(time.wrapping_sub(self.time).cast_signed());
        self.ntp.later(MediaTime::new(ticks, clock_hz).nanos())
    }

    /// The RTP time at a wall time near this pair's.
    pub(super) fn time_of(self, ntp: NtpTime, clock_hz: u32) -> u32 {
        self.later(ntp.nanos_since(self.ntp), clock_hz).time
    }
}

/// A publisher's report.
#[derive(Clone, Copy, Debug)]
struct Heard {
    ssrc: u32,
    /// In the publisher's own time.
    pair: Pair,
    at: Instant,
}

/// The reports of one track.
#[derive(Debug, Default)]
pub(super) struct Reporter {
    packets: u32,
    bytes: u32,
    /// The latest report of the present source.
    heard: Option<Heard>,
    /// The latest report of another, which may be about to send.
    coming: Option<Heard>,
    due: Option<Instant>,
}

impl Reporter {
    /// Counts a packet with so many bytes of payload.
    pub(super) fn sent(&mut self, payload: usize) {
        self.packets = self.packets.wrapping_add(1);
        self.bytes = self.bytes.wrapping_add(payload as u32);
    }

    /// Takes a publisher's report that arrived at `now`.
    pub(super) fn hear(&mut self, report: &SenderReport, is_present: bool, now: Instant) {
        // A sender without a clock reports zero (RFC 3550, 6.4.1).
        if report.ntp.0 == 0 {
            return;
        }
        let pair = Pair {
            ntp: report.ntp,
            time: report.rtp_time,
        };
        let heard = Some(Heard {
            ssrc: report.ssrc,
            pair,
            at: now,
        });
        if is_present {
            self.heard = heard;
        } else {
            self.coming = heard;
        }
    }

    /// Another source is the present one.
    pub(super) fn follow(&mut self, ssrc: u32) {
        let coming = self.coming.take();
        self.heard = coming.filter(|heard| heard.ssrc == ssrc);
    }

    /// The source's times do not follow its reports any more.
    pub(super) fn forget(&mut self) {
        self.heard = None;
    }

    /// The same after a leap to `time` of the source, unless it has reported on that already.
    pub(super) fn leapt_to(&mut self, time: u32, clock_hz: u32) {
        let is_near = |heard: &Heard| {
            let ticks = time.wrapping_sub(heard.pair.time).cast_signed();
            let apart = MediaTime::new(ticks.into(), clock_hz).nanos();
            u128::from(apart.unsigned_abs()) <= NEAR.as_nanos()
        };
        self.heard = self.heard.filter(is_near);
    }

    /// The wall time of an RTP time of a source that is about to send.
    pub(super) fn coming(&self, ssrc: u32, time: u32, clock_hz: u32) -> Option<NtpTime> {
        let heard = self.coming.filter(|heard| heard.ssrc == ssrc)?;
        Some(heard.pair.ntp_of(time, clock_hz))
    }

    /// The publisher's clock on the channel's times, as it reported.
    pub(super) fn pair(&self, timeline: &Timeline) -> Option<Pair> {
        let heard = self.heard?;
        Some(Pair {
            ntp: heard.pair.ntp,
            time: timeline.translate(heard.ssrc, heard.pair.time)?,
        })
    }

    /// The same as of `now`.
    pub(super) fn pair_at(&self, timeline: &Timeline, now: Instant) -> Option<Pair> {
        let heard = self.heard?;
        let pair = self.pair(timeline)?;
        let passed = now.saturating_duration_since(heard.at).as_nanos();
        let passed = i64::try_from(passed).unwrap_or(i64::MAX);
        Some(pair.later(passed, timeline.clock_hz()))
    }

    /// The report for readers.
    pub(super) fn report(&self, ssrc: u32, pair: Pair) -> SenderReport {
        SenderReport {
            ssrc,
            ntp: pair.ntp,
            rtp_time: pair.time,
            packets: self.packets,
            bytes: self.bytes,
        }
    }

    /// Whether a report should go with the packets; if so, the next is due later.
    pub(super) fn take_due(&mut self, now: Instant) -> bool {
        let is_due = self.due.is_none_or(|due| now >= due);
        if is_due {
            self.due = Some(now + INTERVAL);
        }
        is_due
    }

    /// A report should go with the next packet.
    pub(super) fn hurry(&mut self) {
        self.due = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_of_a_pair_advance_together() {
        let pair = Pair {
            ntp: NtpTime(5 << 32),
            time: u32::MAX,
        };
        let later = pair.later(1_500_000_000, 90_000);
        assert_eq!(later.ntp, NtpTime(13 << 31));
        assert_eq!(later.time, 134_999);
        assert_eq!(pair.ntp_of(later.time, 90_000), later.ntp);
        assert_eq!(pair.time_of(later.ntp, 90_000), later.time);
    }
}
