//! How far apart the segments of a group begin, so that each variant has a key frame for each of them. Pure.
//!
//! A variant begins a segment with the key frame that is nearest to the line. Where key frames are
//! further apart than lines, there is none for some of them, and the variant's numbers would fall
//! behind from line to line. So lines are a multiple of the longest interval apart. Where another
//! interval does not divide that, some segments of its variant are longer than the lines are apart,
//! and must not become longer than the target duration allows. Lengths of time are nanoseconds.

use std::time::Duration;

use crate::hls::target::{BRIEF, LONGEST, SECOND, TOLERANCE, brief_segments, nanos, rounded};

/// How far apart lines are, as far as the key frames of the variants say.
#[derive(Debug)]
pub(super) struct Cadence {
    /// Whole seconds.
    target: i64,
    known: Vec<Known>,
}

/// How far apart the key frames of a variant are.
#[derive(Clone, Copy, Debug)]
struct Known {
    interval: i64,
    /// The number of the newest line that such a variant has come to.
    seen: u64,
}

/// An interval that no variant has had for so many lines is forgotten.
const FORGOTTEN_AFTER: u64 = 8;

/// So many intervals are known at most.
const MOST_KNOWN: usize = 8;

/// Intervals that differ by less, in nanoseconds, are the same; clocks of encoders are rounded.
const ALIKE: i64 = 20_000_000;

/// The target duration of variants whose key frames are so far apart: the configured one, or as much
/// more as they need.
pub(super) fn target(configured: Duration, intervals: &[Duration]) -> Duration {
    let longest = intervals.iter().copied().max().unwrap_or_default();
    let least = rounded(nanos(configured.max(longest))).clamp(1, LONGEST);
    let suits = |target: &i64| {
        let cadence = Cadence::new(*target, intervals, 0);
        let longest = cadence.longest();
        longest == 0 || cadence.suits_all(longest) || cadence.step() > longest
    };
    let target = (least..=LONGEST).find(suits).unwrap_or(least);
    Duration::from_secs(target.unsigned_abs())
}

impl Cadence {
    /// For a target of whole seconds, and these intervals between key frames, known before the line `first`.
    pub(super) fn new(target: i64, intervals: &[Duration], first: u64) -> Self {
        let mut cadence = Self {
            target,
            known: Vec::new(),
        };
        for interval in intervals {
            cadence.learn(nanos(*interval), first);
        }
        cadence
    }

    /// A variant whose key frames are `interval` apart has come to the line of that number.
    pub(super) fn learn(&mut self, interval: i64, sequence: u64) {
        self.known
            .retain(|known| known.seen + FORGOTTEN_AFTER > sequence);
        // What is longer than segments may be is cut without key frames anyway.
        if interval <= 0 || interval > self.limit() {
            return;
        }
        let is_alike =
            |known: &&mut Known| known.interval.abs_diff(interval) < ALIKE.unsigned_abs();
        if let Some(same) = self.known.iter_mut().find(is_alike) {
            same.seen = same.seen.max(sequence);
        } else if self.known.len() < MOST_KNOWN {
            self.known.push(Known {
                interval,
                seen: sequence,
            });
        }
    }

    /// The longest interval; 0 while none is known.
    pub(super) fn longest(&self) -> i64 {
        let intervals = self.known.iter().map(|known| known.interval);
        intervals.max().unwrap_or(0)
    }

    /// How far apart lines are; the target while no interval is known.
    pub(super) fn step(&self) -> i64 {
        let (longest, target) = (self.longest(), self.target * SECOND);
        if longest == 0 {
            return target;
        }
        let most = (target + TOLERANCE.min(longest / 2)) / longest;
        let steps = (1..=most.max(1)).rev().map(|count| count * longest);
        let mut suited = steps.filter(|step| self.suits_all(*step));
        suited.next().unwrap_or(longest)
    }

    /// How far the line after the segment of that number is from the one before it, where that is the
    /// `index`-th of the group; `None` while nobody knows, because no interval is known.
    pub(super) fn step_after(&self, index: u64) -> Option<i64> {
        let longest = self.longest();
        let count = brief_segments(self.target);
        let is_brief = usize::try_from(index).is_ok_and(|index| index < count);
        (longest > 0).then(|| match is_brief {
            true => self.brief_step(longest).min(self.step()),
            false => self.step(),
        })
    }

    /// How far apart lines are at the beginning, where players are to have something soon.
    fn brief_step(&self, longest: i64) -> i64 {
        let brief = BRIEF.min(self.target * SECOND);
        let below = brief / longest * longest;
        match below < brief / 4 * 3 {
            true => below + longest,
            false => below,
        }
    }

    /// Whether no variant has longer segments than it may have where lines are `step` apart.
    fn suits_all(&self, step: i64) -> bool {
        let mut intervals = self.known.iter().map(|known| known.interval);
        intervals.all(|interval| {
            let longest = (step + interval - 1) / interval * interval;
            divides(interval, step) || longest <= self.limit()
        })
    }

    /// The longest that a segment may be.
    fn limit(&self) -> i64 {
        self.target * SECOND + TOLERANCE
    }
}

/// Whether `step` is a multiple of `interval`, as precisely as encoders keep to it.
pub(super) fn divides(interval: i64, step: i64) -> bool {
    let rest = step.checked_rem(interval).unwrap_or(step);
    rest.min(interval - rest) <= interval / 50
}

#[cfg(test)]
mod tests {
    use super::*;

    fn intervals(millis: &[u64]) -> Vec<Duration> {
        millis.iter().copied().map(Duration::from_millis).collect()
    }

    /// The target in seconds, and how far apart lines are in milliseconds.
    fn of(configured: u64, millis: &[u64]) -> (u64, i64) {
        let intervals = intervals(millis);
        let target = target(Duration::from_secs(configured), &intervals).as_secs();
        let cadence = Cadence::new(target.cast_signed(), &intervals, 0);
        (target, cadence.step() / 1_000_000)
    }

    #[test]
    fn every_variant_has_a_key_frame_for_each_line() {
        assert_eq!(of(6, &[]), (6, 6000));
        assert_eq!(of(6, &[2000]), (6, 6000));
        assert_eq!(of(6, &[2002, 2002]), (6, 6006));
        assert_eq!(of(6, &[1920]), (6, 5760));
        assert_eq!(of(6, &[2000, 4000]), (6, 4000));
        assert_eq!(of(6, &[4000, 3000]), (6, 4000));
        assert_eq!(of(6, &[3000, 2000]), (6, 6000));
        assert_eq!(of(6, &[1600, 1500]), (6, 4800));
    }

    #[test]
    fn the_target_is_as_long_as_variants_need() {
        assert_eq!(of(6, &[10_000, 2000]), (10, 10_000));
        assert_eq!(of(6, &[6000, 4000]), (8, 6000));
        assert_eq!(of(2, &[2000, 3000]), (4, 3000));
        assert_eq!(of(6, &[60_000]), (30, 30_000));
    }

    #[test]
    fn lines_are_near_each_other_at_first() {
        let steps = |millis: &[u64]| {
            let cadence = Cadence::new(6, &intervals(millis), 0);
            let step = |index| cadence.step_after(index).map(|step| step / 1_000_000);
            (step(0), step(100))
        };
        assert_eq!(steps(&[]), (None, None));
        assert_eq!(steps(&[2000, 500]), (Some(2000), Some(6000)));
        assert_eq!(steps(&[1920]), (Some(1920), Some(5760)));
        assert_eq!(steps(&[4000]), (Some(4000), Some(4000)));
        assert_eq!(steps(&[1200]), (Some(2400), Some(6000)));
    }

    #[test]
    fn what_no_variant_has_any_longer_is_forgotten() {
        let mut cadence = Cadence::new(6, &intervals(&[2000]), 100);
        cadence.learn(4 * SECOND, 101);
        cadence.learn(12 * SECOND, 102);
        cadence.learn(4 * SECOND + 1_000_000, 103);
        assert_eq!(cadence.step(), 4 * SECOND);
        for sequence in 104..=111 {
            cadence.learn(2 * SECOND, sequence);
        }
        assert_eq!(cadence.step(), 6 * SECOND);
    }
}
