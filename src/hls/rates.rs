//! How many bits a second the segments of a channel have: what a multivariant playlist promises.

use std::time::Duration;

use bytes::Bytes;

use super::i_frame::IFrame;
use super::part::Segment;
use super::window::{Kept, span};

/// The rates of all segments so far.
#[derive(Debug, Default)]
pub(super) struct Rates {
    /// Of fragmented MP4.
    pub(super) fragments: Rate,
    /// Of the other flavour.
    pub(super) ts: Rate,
    /// Of key frames alone, in fragmented MP4 and as transport streams.
    pub(super) i_frames: [Rate; 2],
}

/// The highest and the mean rate of some segments.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Rate {
    peak: f64,
    bits: f64,
    seconds: f64,
}

impl Rates {
    /// Counts a segment; `target` is how long segments are meant to be.
    pub(super) fn add(&mut self, kept: &Kept, target: Duration) {
        let duration = span(&kept.segment);
        self.fragments.add(kept.segment.size(), duration, target);
        self.add_ts(kept, target);
        self.add_i_frames(&kept.segment);
    }

    /// Counts a segment in the other flavour only.
    pub(super) fn add_ts(&mut self, kept: &Kept, target: Duration) {
        if let Some(size) = kept.ts.as_ref().map(Bytes::len) {
            self.ts.add(size, span(&kept.segment), target);
        }
    }

    fn add_i_frames(&mut self, segment: &Segment) {
        for frame in IFrame::all(segment) {
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
    /// Of `bytes` alone.
    pub(super) fn of(bytes: usize, duration: Duration) -> Self {
        let mut rate = Self::default();
        rate.add(bytes, duration, Duration::ZERO);
        rate
    }

    /// Counts a segment of so many bytes; `target` is how long segments are meant to be.
    pub(super) fn add(&mut self, bytes: usize, duration: Duration, target: Duration) {
        let (bits, seconds) = (bytes as f64 * 8.0, duration.as_secs_f64());
        if seconds <= 0.0 {
            return;
        }
        self.bits += bits;
        self.seconds += seconds;
        // The peak is measured over half a target duration at least (RFC 8216, 4.3.4.2).
        if 2.0 * seconds >= target.as_secs_f64() {
            self.peak = self.peak.max(bits / seconds);
        }
    }

    /// The highest rate, in bit/s; 0 while nothing is known.
    pub(super) fn peak(&self) -> u64 {
        // Some 10^19 bit/s fit; beyond, the cast saturates.
        self.peak
            .max(self.bits / self.seconds.max(f64::MIN_POSITIVE)) as u64
    }

    /// The mean rate, in bit/s; 0 while nothing is known.
    pub(super) fn average(&self) -> u64 {
        (self.bits / self.seconds.max(f64::MIN_POSITIVE)) as u64
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
        assert_eq!(Rate::of(1000, second).peak(), 8000);
    }
}
