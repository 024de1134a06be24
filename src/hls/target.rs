//! The target duration, and where segments end because of it.
//!
//! Lengths of time are nanoseconds on the timeline of the segments.

use std::time::Duration;

/// How long segments are to be: the configured length or the longest interval between key frames
/// that was seen, whichever is more. It is fixed when the first segment ends.
#[derive(Debug)]
pub(super) struct Target {
    /// Whole seconds, as playlists tell it.
    seconds: i64,
    is_fixed: bool,
    /// The first segment ends without a key frame.
    is_hurried: bool,
    /// How many segments are still to end as soon as they may.
    brief: usize,
    last_key: Option<i64>,
    /// The last intervals between key frames, the newest at `count - 1` modulo their number.
    intervals: [i64; INTERVALS],
    count: usize,
}

pub(super) const SECOND: i64 = 1_000_000_000;

/// By how much a segment may be longer than the target: its length rounds to the target at most.
pub(super) const TOLERANCE: i64 = 45 * SECOND / 100;

/// The longest first segment, in seconds, for which the target is not fixed yet.
pub(super) const LONGEST: i64 = 30;

const INTERVALS: usize = 4;

/// How long the first segments are, about, unless the target is less.
pub(super) const BRIEF: i64 = 2 * SECOND;

/// How many segments at the beginning end as soon as they may, for most players can start with whole segments only.
/// If they are as long as they should be, they last for longer than the target of so many seconds together: who has
/// the first playlist must not ask for another before the target has passed (RFC 8216, 6.3.4), and would stand still
/// without a moment to spare.
pub(super) fn brief_segments(seconds: i64) -> usize {
    let segments = seconds * SECOND / BRIEF + 1;
    usize::try_from(segments).unwrap_or_default()
}

impl Target {
    /// Of `configured` at first, in whole seconds and at least one.
    pub(super) fn new(configured: Duration) -> Self {
        let seconds = rounded(nanos(configured)).clamp(1, LONGEST);
        Self {
            seconds,
            is_fixed: false,
            is_hurried: false,
            brief: brief_segments(seconds),
            last_key: None,
            intervals: [0; INTERVALS],
            count: 0,
        }
    }

    /// Of whole seconds that are fixed already, where `before` segments went before.
    pub(super) fn fixed(seconds: Duration, before: u64) -> Self {
        let before = usize::try_from(before).unwrap_or(usize::MAX);
        let new = Self::new(seconds);
        Self {
            is_fixed: true,
            brief: new.brief.saturating_sub(before),
            ..new
        }
    }

    pub(super) fn duration(&self) -> Duration {
        Duration::from_secs(self.seconds.unsigned_abs())
    }

    /// A segment has ended that lasted for `length`; with the first, the target is fixed.
    pub(super) fn ended(&mut self, length: i64) {
        self.brief = self.brief.saturating_sub(1);
        if !self.is_fixed {
            let longest = rounded(self.expected()).max(rounded(length));
            self.seconds = self.seconds.max(longest.min(LONGEST));
            self.is_fixed = true;
        }
    }

    /// The first segment is not to wait for a key frame any longer.
    pub(super) fn hurry(&mut self) {
        self.is_hurried = true;
    }

    /// A key frame came at `time`.
    pub(super) fn saw_key(&mut self, time: i64) {
        if let Some(last) = self.last_key {
            self.intervals[self.count % INTERVALS] = time.saturating_sub(last).max(0);
            self.count += 1;
        }
        self.last_key = Some(time);
    }

    /// What comes next does not go on from what was before: the time until its first key frame is no interval, and
    /// others may follow. Its first segment ends as soon as it may, for players have waited through the break already.
    pub(super) fn begin_anew(&mut self) {
        self.last_key = None;
        self.count = 0;
        self.brief = self.brief.max(1);
    }

    /// Whether the next key frame is due at `time`, give or take `slack`, because they come regularly.
    pub(super) fn expects_key_at(&self, time: i64, slack: i64) -> bool {
        let longest = self.expected();
        let is_regular = |interval: &i64| longest - interval <= slack;
        let since = self.last_key.map(|last| time.saturating_sub(last));
        let is_due = since.is_some_and(|since| since.abs_diff(longest) <= slack.unsigned_abs());
        self.count >= INTERVALS && is_due && self.intervals.iter().all(is_regular)
    }

    /// Whether no key frame is due at `time` or later before a segment would be too long that has lasted for
    /// `elapsed` then.
    pub(super) fn has_no_key_left(&self, time: i64, elapsed: i64) -> bool {
        let due = self
            .last_key
            .map(|last| last.saturating_add(self.expected()));
        let wait = due.map_or(0, |due| due.saturating_sub(time));
        elapsed.saturating_add(wait) > self.longest()
    }

    /// Whether a segment that has lasted for `elapsed` ends before a key frame, because it would
    /// be too long at the one after it.
    pub(super) fn ends_at_key(&self, elapsed: i64) -> bool {
        if self.brief > 0 {
            return elapsed >= self.brief_length() / 4 * 3;
        }
        self.is_too_long_at_next_key(elapsed)
    }

    /// Whether a segment that has lasted for `elapsed` would be too long at the key frame after the one that is there.
    pub(super) fn is_too_long_at_next_key(&self, elapsed: i64) -> bool {
        let tolerance = TOLERANCE.min(self.expected() / 2);
        elapsed.saturating_add(self.expected()) > self.seconds * SECOND + tolerance
    }

    /// Whether `length` is more than a segment may have, also when no key frame comes.
    pub(super) fn is_exceeded_by(&self, length: i64) -> bool {
        let limit = match self.is_fixed {
            false if self.is_hurried => self.brief_length() + TOLERANCE,
            _ => self.longest(),
        };
        length > limit
    }

    /// The longest that a segment can become so that its length rounds to the target at most.
    pub(super) fn longest(&self) -> i64 {
        let seconds = if self.is_fixed { self.seconds } else { LONGEST };
        seconds * SECOND + TOLERANCE
    }

    /// Whether a segment that may end anywhere ends before it has `length`.
    pub(super) fn is_reached_before(&self, length: i64) -> bool {
        let limit = match self.brief {
            0 => self.seconds * SECOND,
            _ => self.brief_length(),
        };
        length > limit
    }

    fn brief_length(&self) -> i64 {
        BRIEF.min(self.seconds * SECOND)
    }

    /// The interval between key frames to reckon with.
    pub(super) fn expected(&self) -> i64 {
        self.intervals.iter().copied().max().unwrap_or(0)
    }
}

/// The nearest whole number of seconds.
pub(super) fn rounded(nanos: i64) -> i64 {
    nanos.saturating_add(SECOND / 2) / SECOND
}

/// Nanoseconds, as far as an `i64` holds them.
pub(super) fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where segments end when key frames come every `interval` milliseconds.
    fn cuts(configured: u64, interval: i64, count: i64) -> (u64, Vec<i64>) {
        let mut target = Target::new(Duration::from_millis(configured));
        let (mut start, mut lengths) = (0, Vec::new());
        for key in 0..count {
            let at = key * interval * 1_000_000;
            target.saw_key(at);
            if at > start && target.ends_at_key(at - start) {
                target.ended(at - start);
                lengths.push((at - start) / 1_000_000);
                start = at;
            }
        }
        (target.duration().as_secs(), lengths)
    }

    #[test]
    fn segments_take_as_many_key_frame_intervals_as_fit() {
        let brief = |length, then: &[i64]| [&[length; 4], then].concat();
        assert_eq!(cuts(6000, 2000, 11), (6, brief(2000, &[6000, 6000])));
        assert_eq!(cuts(6000, 2002, 11), (6, brief(2002, &[6006, 6006])));
        assert_eq!(cuts(6000, 4000, 5), (6, vec![4000; 4]));
        assert_eq!(cuts(6000, 15_000, 3), (15, vec![15_000; 2]));
        assert_eq!(cuts(6000, 40, 454), (6, brief(1520, &[6000, 6000])));
        assert_eq!(cuts(100, 2000, 3), (2, vec![2000, 2000]));
    }

    #[test]
    fn the_brief_segments_last_until_players_may_ask_again() {
        for seconds in 2..=LONGEST {
            let segments = i64::try_from(brief_segments(seconds)).unwrap();
            let spare = segments * BRIEF - seconds * SECOND;
            assert!((SECOND..=BRIEF).contains(&spare), "{seconds} s");
        }
    }

    #[test]
    fn the_next_key_frame_is_expected_where_they_are_regular() {
        let mut target = Target::new(Duration::from_secs(6));
        for key in 0..5 {
            assert!(!target.expects_key_at(key * 2 * SECOND, SECOND / 50));
            target.saw_key(key * 2 * SECOND);
        }
        for (time, is_expected) in [(9960, false), (9990, true), (10_000, true), (10_040, false)] {
            let time = time * SECOND / 1000;
            assert_eq!(target.expects_key_at(time, SECOND / 50), is_expected);
        }
        target.saw_key(11 * SECOND);
        assert!(!target.expects_key_at(13 * SECOND, SECOND / 50));
        assert!(!target.expects_key_at(14 * SECOND, SECOND / 50));
        target.begin_anew();
        target.saw_key(20 * SECOND);
        assert!(!target.expects_key_at(22 * SECOND, SECOND / 50));
    }

    #[test]
    fn a_fixed_target_bounds_segments_without_key_frames() {
        let mut target = Target::new(Duration::from_secs(6));
        assert!(!target.is_exceeded_by(20 * SECOND));
        target.ended(8 * SECOND);
        assert_eq!(target.duration(), Duration::from_secs(8));
        assert!(!target.is_exceeded_by(8 * SECOND + TOLERANCE));
        assert!(target.is_exceeded_by(8 * SECOND + SECOND / 2));
        target.ended(20 * SECOND);
        assert_eq!(target.duration(), Duration::from_secs(8));
    }

    #[test]
    fn the_first_segment_can_be_hurried() {
        let mut target = Target::new(Duration::from_secs(6));
        target.hurry();
        assert!(!target.is_exceeded_by(2 * SECOND));
        assert!(target.is_exceeded_by(3 * SECOND));
        target.ended(3 * SECOND);
        assert!(!target.is_exceeded_by(6 * SECOND));
    }

    #[test]
    fn segments_that_may_end_anywhere_are_brief_at_first() {
        let mut target = Target::new(Duration::from_secs(6));
        for _ in 0..4 {
            assert!(target.is_reached_before(BRIEF + 1));
            target.ended(BRIEF);
        }
        assert!(!target.is_reached_before(6 * SECOND));
        assert!(target.is_reached_before(6 * SECOND + 1));
    }
}
