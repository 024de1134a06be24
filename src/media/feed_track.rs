//! One track of a feed: what it accepts, its series of numbers, its key frames and its reports.

use std::time::Instant;

use super::description::Track;
use super::reports::{Pair, Reporter};
use super::timeline::{Numbers, Placed, Repair, Timeline};
use crate::base::media_time::NtpTime;
use crate::codec::{KeyFrames, Kind};
use crate::wire::rtcp::SenderReport;

/// One track of a feed.
#[derive(Debug)]
pub(super) struct FeedTrack {
    pub(super) kind: Kind,
    pub(super) timeline: Timeline,
    pub(super) reporter: Reporter,
    payload_types: Vec<u8>,
    keyframes: KeyFrames,
    beginning: Beginning,
    /// The clock of the last publisher on the channel's times, until the present one sends.
    before: Option<Pair>,
}

/// How far a key frame has begun.
#[derive(Debug, Default)]
struct Beginning {
    /// The RTP time of the last one.
    time: Option<u32>,
    /// Nothing but what stands before its picture has come so far.
    is_open: bool,
}

impl FeedTrack {
    /// The track of a new publisher; the numbers of `old` go on.
    pub(super) fn new(track: &Track, old: Option<Self>) -> Self {
        let mut new = Self {
            kind: track.kind,
            timeline: Timeline::new(track.clock_hz),
            reporter: Reporter::default(),
            payload_types: track.payload_types().to_vec(),
            keyframes: KeyFrames::of(&track.encoding),
            beginning: Beginning::default(),
            before: None,
        };
        if let Some(old) = old {
            new.before = old.reporter.pair(&old.timeline);
            new.timeline = old.timeline;
            new.reporter = old.reporter;
            new.timeline.interrupt();
            new.reporter.forget();
        }
        new
    }

    /// Whether packets of this payload type belong to the track.
    pub(super) fn carries(&self, payload_type: u8) -> bool {
        self.payload_types.contains(&payload_type)
    }

    /// Places a packet.
    ///
    /// `shift` leads from the present publisher's clock to that of the one
    /// before, in nanoseconds. It is given back when a new source begins here and
    /// both clocks are known.
    pub(super) fn place(
        &mut self,
        numbers: Numbers,
        shift: Option<i64>,
        now: Instant,
    ) -> (Placed, Option<i64>) {
        let Numbers { ssrc, time, .. } = numbers;
        if self.is_present(ssrc) {
            let placed = self.timeline.place(numbers, now, || None);
            if matches!(placed.repair, Some(Repair::LeapForward | Repair::LeapBack)) {
                self.reporter.leapt_to(time, self.timeline.clock_hz());
            }
            return (placed, None);
        }
        let clock_hz = self.timeline.clock_hz();
        let published = self.reporter.coming(ssrc, time, clock_hz);
        let kept = self.before.take();
        let before = self.reporter.pair(&self.timeline).or(kept);
        let aligned = || Some(before?.time_of(published?.later(shift?), clock_hz));
        let placed = self.timeline.place(numbers, now, aligned);
        self.reporter.follow(ssrc);
        let between = |(before, published): (Pair, NtpTime)| {
            before.ntp_of(placed.time, clock_hz).nanos_since(published)
        };
        (placed, before.zip(published).map(between))
    }

    /// Takes a publisher's report.
    pub(super) fn hear(&mut self, report: &SenderReport, now: Instant) {
        let is_present = self.is_present(report.ssrc);
        self.reporter.hear(report, is_present, now);
    }

    fn is_present(&self, ssrc: u32) -> bool {
        self.timeline.translate(ssrc, 0).is_some()
    }

    /// Whether the publisher's clock is known.
    pub(super) fn has_clock(&self) -> bool {
        self.reporter.pair(&self.timeline).is_some()
    }

    /// The publisher's clock on the channel's times, as of `now`.
    pub(super) fn published_pair(&self, now: Instant) -> Option<Pair> {
        self.reporter.pair_at(&self.timeline, now)
    }

    /// Whether a decoder may start with this packet, and with none just before it.
    ///
    /// Parameter sets and the picture behind them are one beginning, also when
    /// they have packets of their own.
    pub(super) fn begins_keyframe(&mut self, payload: &[u8], time: u32, marker: bool) -> bool {
        if self.keyframes == KeyFrames::Always {
            return true;
        }
        let starts = self.keyframes.start_at(payload);
        let was_open = self.beginning.is_open;
        let goes_on = was_open || self.beginning.time == Some(time);
        let stays_open = was_open && self.keyframes.goes_before_picture(payload);
        self.beginning.is_open = (starts || stays_open) && !marker;
        if starts {
            self.beginning.time = Some(time);
        }
        starts && !goes_on
    }
}
