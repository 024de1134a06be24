//! How many bits a second the segments of a channel have: what a multivariant playlist promises.

use std::collections::VecDeque;
use std::time::Duration;

use super::i_frame::IFrame;
use super::object::Flavour;
use super::part::Segment;
use super::window::span;

/// The rates of the recent segments.
#[derive(Clone, Debug, Default)]
pub(super) struct Rates {
    /// Of fragmented MP4.
    pub(super) fragments: Rate,
    /// Of the other flavour.
    pub(super) ts: Rate,
    /// Of key frames alone, in fragmented MP4 and as transport streams.
    pub(super) i_frames: [Rate; 2],
}

/// The highest and the mean rate of some segments.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Rate {
    segments: VecDeque<Counted>,
    bits: u64,
    seconds: f64,
}

/// A segment that counts.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Counted {
    bits: u64,
    seconds: f64,
    /// Whether it is long enough to make a peak.
    is_long: bool,
}

/// So long rates are remembered at least, for players choose by what will come, and a window may
/// show nothing but a quiet scene: live, what is promised is to hold for an hour.
const REMEMBERED: Duration = Duration::from_secs(3600);

impl Rates {
    /// That of a flavour.
    pub(super) fn of(&self, flavour: Flavour) -> &Rate {
        match flavour {
            Flavour::Ts => &self.ts,
            Flavour::LowLatency | Flavour::Cmaf => &self.fragments,
        }
    }

    /// Counts a segment, which has `ts` bytes in the other flavour if it is there; `target` is how long segments are
    /// meant to be. Those count that are among the last of `listed` together, or of an hour.
    pub(super) fn add(
        &mut self,
        segment: &Segment,
        ts: Option<usize>,
        target: Duration,
        listed: Duration,
    ) {
        // What was not there tells nothing of what will be.
        if segment.gap {
            return;
        }
        self.fragments.add(segment.size(), span(segment), target);
        self.add_ts(segment, ts, target);
        self.add_i_frames(segment);
        let time = listed.max(REMEMBERED);
        let [i_frames, ts_i_frames] = &mut self.i_frames;
        for rate in [&mut self.fragments, &mut self.ts, i_frames, ts_i_frames] {
            rate.forget_before(time);
        }
    }

    /// Counts a segment in the other flavour only.
    pub(super) fn add_ts(&mut self, segment: &Segment, ts: Option<usize>, target: Duration) {
        if let Some(size) = ts {
            self.ts.add(size, span(segment), target);
        }
    }

    /// Makes all of them so many times as high.
    pub(super) fn raise(&mut self, times: u64) {
        let [i_frames, ts_i_frames] = &mut self.i_frames;
        for rate in [&mut self.fragments, &mut self.ts, i_frames, ts_i_frames] {
            rate.raise(times);
        }
    }

    fn add_i_frames(&mut self, segment: &Segment) {
        for frame in IFrame::all(segment).iter().filter(|frame| !frame.is_gap()) {
            let duration = Duration::from_nanos(frame.duration.nanos().unsigned_abs());
            for (rate, size) in self.i_frames.iter_mut().zip(frame.sizes()) {
                rate.add(size, duration, SHORTEST_I_FRAME);
            }
        }
    }
}

/// A key frame that is shown for less than half of this makes no peak.
const SHORTEST_I_FRAME: Duration = Duration::from_secs(1);

impl Rate {
    /// Counts a segment of so many bytes; `target` is how long segments are meant to be.
    pub(super) fn add(&mut self, bytes: usize, duration: Duration, target: Duration) {
        let (bits, seconds) = ((bytes as u64).saturating_mul(8), duration.as_secs_f64());
        if seconds <= 0.0 {
            return;
        }
        self.segments.push_back(Counted {
            bits,
            seconds,
            // The peak is measured over half a target duration at least (RFC 8216, 4.3.4.2).
            is_long: 2.0 * seconds >= target.as_secs_f64(),
        });
        self.bits = self.bits.saturating_add(bits);
        self.seconds += seconds;
    }

    fn raise(&mut self, times: u64) {
        self.bits = self.bits.saturating_mul(times);
        for one in &mut self.segments {
            one.bits = one.bits.saturating_mul(times);
        }
    }

    /// Forgets the oldest segments, as far as the others last for `time`.
    fn forget_before(&mut self, time: Duration) {
        let is_old =
            |rate: &Self, oldest: &Counted| rate.seconds - oldest.seconds >= time.as_secs_f64();
        while let Some(oldest) = self
            .segments
            .front()
            .copied()
            .filter(|one| is_old(self, one))
        {
            self.segments.pop_front();
            self.bits = self.bits.saturating_sub(oldest.bits);
            self.seconds -= oldest.seconds;
        }
    }

    /// The highest rate, in bit/s; 0 while nothing is known.
    pub(super) fn peak(&self) -> u64 {
        let long = self.segments.iter().filter(|one| one.is_long);
        let rates = long.map(|one| one.bits as f64 / one.seconds);
        // Some 10^19 bit/s fit; beyond, the cast saturates.
        rates.fold(self.mean(), f64::max) as u64
    }

    /// The mean rate, in bit/s; 0 while nothing is known.
    pub(super) fn average(&self) -> u64 {
        self.mean() as u64
    }

    fn mean(&self) -> f64 {
        self.bits as f64 / self.seconds.max(f64::MIN_POSITIVE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_segments_make_no_peak() {
        let mut rate = Rate::default();
        let (second, target) = (Duration::from_secs(1), Duration::from_secs(6));
        assert_eq!((rate.peak(), rate.average()), (0, 0));
        rate.add(600_000, 6 * second, target);
        rate.add(900_000, 6 * second, target);
        rate.add(200_000, second, target);
        assert_eq!(rate.peak(), 1_200_000);
        assert_eq!(rate.average(), 1_700_000 * 8 / 13);
    }

    #[test]
    fn higher_rates_are_higher_in_all() {
        let mut rate = Rate::default();
        let second = Duration::from_secs(1);
        rate.add(1000, second, second);
        rate.add(2000, second, second);
        rate.raise(2);
        assert_eq!((rate.peak(), rate.average()), (32_000, 24_000));
    }

    #[test]
    fn what_was_long_ago_no_longer_counts() {
        let mut rate = Rate::default();
        let (second, target) = (Duration::from_secs(1), Duration::from_secs(6));
        rate.add(9_000_000, 6 * second, target);
        for _ in 0..9 {
            rate.add(600_000, 6 * second, target);
            rate.forget_before(54 * second);
        }
        assert_eq!((rate.peak(), rate.average()), (800_000, 800_000));
        rate.forget_before(60 * second);
        assert_eq!(rate.segments.len(), 9);
    }
}
