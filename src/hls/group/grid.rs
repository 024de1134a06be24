//! Where the segments of all variants of a group begin.
//!
//! Sans-IO. Lines are as far apart as the [cadence] says, and all variants begin the
//! segment of a number with the key frame that is nearest to its line. Players that switch then
//! find what they look for under the same number. The variant that is the first to come to a segment
//! draws its line: at its own key frame, if its key frames keep to the cadence, so that the lines
//! never part from those; otherwise where it is awaited. Times are those of presentation, in
//! nanoseconds on the timeline that the variants share.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use super::cadence::{self, Cadence, divides};
use super::epoch::Epoch;
use crate::hls::anchors::Anchors;
use crate::hls::target::nanos;
use crate::hls::units::START;

/// The grid of a group, shared by the segmenters of its variants.
#[derive(Debug)]
pub struct Grid {
    /// Where the timeline lies on the clocks of the encoders.
    epoch: Epoch,
    target: Duration,
    /// Where the tracks of the channel are, if all variants are of one.
    anchors: Option<Arc<Anchors>>,
    lines: Mutex<Lines>,
}

#[derive(Debug)]
struct Lines {
    /// One for each number, without a gap.
    lines: VecDeque<Line>,
    /// The numbers of the first line, also before there is one.
    first: (u64, u64),
    cadence: Cadence,
    /// Whether the next line is a discontinuity.
    is_break_due: bool,
    /// How far the variant is that is ahead of all others.
    front: Option<i64>,
}

/// The beginning of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its media sequence number.
    pub sequence: u64,
    /// When it begins to be seen or heard.
    pub at: i64,
    /// Whether all variants begin it with a discontinuity.
    pub discontinuity: bool,
    /// How many discontinuities went before, its own among them.
    pub discontinuity_sequence: u64,
}

/// So many lines are kept: those of half an hour at least.
const MOST_LINES: usize = 2048;

impl Grid {
    /// A grid without lines, in segments of `configured` about, for variants whose key frames are so far
    /// apart in what was there before it began, as far as that is known; the first segment will have
    /// the given media and discontinuity sequence numbers.
    pub fn new(
        epoch: Epoch,
        configured: Duration,
        intervals: &[Duration],
        first: (u64, u64),
    ) -> Self {
        let target = cadence::target(configured, intervals);
        let seconds = target.as_secs().cast_signed();
        Self {
            epoch,
            target,
            anchors: None,
            lines: Mutex::new(Lines {
                lines: VecDeque::new(),
                first,
                cadence: Cadence::new(seconds, intervals, first.0),
                is_break_due: false,
                front: None,
            }),
        }
    }

    /// The same for variants of one channel, whose timeline goes by its own times.
    pub fn of_one_channel(self) -> Self {
        Self {
            anchors: Some(Arc::default()),
            ..self
        }
    }

    /// Where the tracks of the channel are on the timeline; `None` if that goes by the clocks of several encoders.
    pub fn anchors(&self) -> Option<&Arc<Anchors>> {
        self.anchors.as_ref()
    }

    /// Where the timeline lies on the clocks of the encoders.
    pub fn epoch(&self) -> &Epoch {
        &self.epoch
    }

    /// The target duration of all variants: whole seconds.
    pub fn target(&self) -> Duration {
        self.target
    }

    /// The longest time between key frames of a variant, in nanoseconds; zero if nobody knows.
    pub fn longest_interval(&self) -> i64 {
        self.lines().cadence.longest()
    }

    /// When what is at `at` was captured.
    pub fn date(&self, at: i64) -> SystemTime {
        let since = at.saturating_sub(START * 1_000_000_000);
        self.epoch.at().later(since).wall()
    }

    /// The number of the segment that the first variant began with, or will begin with at least.
    pub fn first(&self) -> u64 {
        self.lines().first.0
    }

    /// Where the segment of that number begins, if a variant has come there.
    pub fn line(&self, sequence: u64) -> Option<Line> {
        self.lines().find(sequence).copied()
    }

    /// Where the segment of that number is to begin: at its line, or where that is awaited if the one
    /// before is there.
    pub fn place(&self, sequence: u64) -> Option<i64> {
        let lines = self.lines();
        let drawn = lines.find(sequence).map(|line| line.at);
        drawn.or_else(|| {
            let before = lines.find(sequence.checked_sub(1)?)?;
            Some(before.at.saturating_add(lines.step_after(before.sequence)?))
        })
    }

    /// The number of the segment in which `at` lies, or that begins within `tolerance` after it.
    pub fn sequence_at(&self, at: i64, tolerance: i64) -> u64 {
        let lines = self.lines();
        let at = at.saturating_add(tolerance);
        let length = nanos(self.target).max(1);
        let (Some(first), Some(last)) = (lines.lines.front(), lines.lines.back()) else {
            return lines.first.0;
        };
        if at < first.at {
            let before = (first.at.saturating_sub(at) - 1) / length + 1;
            return first.sequence.saturating_sub(before.unsigned_abs());
        }
        if at >= last.at {
            return lines.beyond(*last, at);
        }
        let begun = lines.lines.partition_point(|line| line.at <= at);
        let line = lines.lines.get(begun.saturating_sub(1));
        line.map_or(last.sequence, |line| line.sequence)
    }

    /// The first line has no lower numbers than these, unless it is there, and if the timeline `is_broken` there,
    /// begins with a discontinuity.
    pub fn begin_behind(&self, first: (u64, u64), is_broken: bool) {
        let mut lines = self.lines();
        if lines.lines.is_empty() {
            let (sequence, discontinuities) = lines.first;
            lines.first = (sequence.max(first.0), discontinuities.max(first.1));
            lines.is_break_due |= is_broken;
        }
    }

    /// A variant begins the segment of that number at `at`, which could begin one every `interval`, or 0 if
    /// that is not known: returns what holds for all, and draws the line if it is the first.
    pub fn reach(&self, sequence: u64, at: i64, interval: i64) -> Line {
        let mut lines = self.lines();
        lines.cadence.learn(interval, sequence);
        while let Some(last) = lines.lines.back().copied() {
            if last.sequence >= sequence {
                break;
            }
            let step = lines.step_after(last.sequence);
            let step_or_target = step.unwrap_or_else(|| nanos(self.target));
            let awaited = last.at.saturating_add(step_or_target);
            let is_next = last.sequence + 1 == sequence;
            let keeps = step.is_none_or(|step| divides(interval, step));
            let is_far = at.abs_diff(awaited) > interval.unsigned_abs();
            let at = match is_next && (keeps || is_far) {
                true => at,
                false => awaited,
            };
            lines.draw(last.sequence + 1, at.max(last.at + 1));
        }
        if lines.lines.is_empty() {
            lines.draw(sequence, at);
        }
        lines
            .find(sequence)
            .copied()
            .unwrap_or_else(|| lines.before(sequence, at))
    }

    /// Asks for a discontinuity in all variants: returns the number of the segment that begins
    /// with it, to which none has come yet.
    pub fn ask_for_break(&self) -> u64 {
        let mut lines = self.lines();
        lines.is_break_due |= !lines.lines.is_empty();
        let last = lines.lines.back();
        last.map_or(lines.first.0, |last| last.sequence + 1)
    }

    /// A variant has come as far as `at`.
    pub fn advance(&self, at: i64) {
        let mut lines = self.lines();
        lines.front = lines.front.max(Some(at));
    }

    /// How far the variant is that is ahead of all others; `None` before the first part.
    pub fn front(&self) -> Option<i64> {
        self.lines().front
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lines {
    /// How far the line after that of `sequence` is from it, if that is known.
    fn step_after(&self, sequence: u64) -> Option<i64> {
        let index = sequence.saturating_sub(self.first.0);
        self.cadence.step_after(index)
    }

    /// The number of the segment in which `at` will lie, which is beyond the last line.
    fn beyond(&self, last: Line, at: i64) -> u64 {
        let (mut sequence, mut begin) = (last.sequence, last.at);
        let usual = self.cadence.step().max(1);
        while let Some(step) = self.step_after(sequence).filter(|step| *step < usual) {
            if at < begin.saturating_add(step) {
                return sequence;
            }
            (sequence, begin) = (sequence + 1, begin.saturating_add(step));
        }
        let after = at.saturating_sub(begin) / usual;
        sequence.saturating_add(after.unsigned_abs())
    }

    fn find(&self, sequence: u64) -> Option<&Line> {
        let first = self.lines.front()?.sequence;
        let index = sequence.checked_sub(first)?;
        self.lines.get(usize::try_from(index).ok()?)
    }

    /// Draws the next line.
    fn draw(&mut self, sequence: u64, at: i64) {
        let before = self.lines.back().map(|last| last.discontinuity_sequence);
        let discontinuity = std::mem::take(&mut self.is_break_due);
        if self.lines.len() >= MOST_LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(Line {
            sequence,
            at,
            discontinuity,
            discontinuity_sequence: before.unwrap_or(self.first.1) + u64::from(discontinuity),
        });
    }

    /// What holds for a segment before all lines.
    fn before(&self, sequence: u64, at: i64) -> Line {
        let discontinuities = self.lines.front().map_or(self.first.1, |first| {
            let own = u64::from(first.discontinuity);
            first.discontinuity_sequence.saturating_sub(own)
        });
        Line {
            sequence,
            at,
            discontinuity: false,
            discontinuity_sequence: discontinuities,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Clock;
    use crate::base::media_time::NtpTime;

    const SECOND: i64 = 1_000_000_000;

    fn grid() -> Grid {
        let epoch = Epoch::new(NtpTime(0xe000_0000 << 32), Clock::start());
        Grid::new(epoch, Duration::from_secs(6), &[], (100, 7))
    }

    #[test]
    fn who_comes_first_draws_the_line() {
        let grid = grid();
        assert_eq!(grid.first(), 100);
        assert_eq!(grid.sequence_at(50 * SECOND, 0), 100);
        assert_eq!(grid.reach(100, 50 * SECOND, 0).at, 50 * SECOND);
        assert_eq!((grid.line(101), grid.place(101)), (None, None));
        grid.reach(101, 56 * SECOND, 2 * SECOND);
        let line = grid.reach(101, 55 * SECOND, 2 * SECOND);
        assert_eq!((line.at, line.discontinuity_sequence), (56 * SECOND, 7));
        assert_eq!(grid.line(101), Some(line));
        assert_eq!(grid.place(101), Some(56 * SECOND));
        assert_eq!(grid.place(102), Some(58 * SECOND));
    }

    #[test]
    fn lines_follow_key_frames_that_keep_to_the_cadence_alone() {
        let intervals = [4, 3].map(Duration::from_secs);
        let epoch = Epoch::new(NtpTime(0xe000_0000 << 32), Clock::start());
        let grid = Grid::new(epoch, Duration::from_secs(6), &intervals, (100, 7));
        let reached = |sequence, at, interval: i64| {
            let line = grid.reach(sequence, at * SECOND / 10, interval * SECOND);
            line.at * 10 / SECOND
        };
        assert_eq!(reached(100, 500, 4), 500);
        assert_eq!(reached(101, 530, 3), 540);
        assert_eq!(reached(102, 581, 4), 581);
        assert_eq!(reached(103, 630, 3), 621);
        // What is far off is where lines go on.
        assert_eq!(reached(104, 720, 3), 720);
    }

    #[test]
    fn numbers_go_on_beyond_the_lines() {
        let grid = grid();
        grid.reach(100, 50 * SECOND, 0);
        grid.reach(101, 52 * SECOND, 0);
        let numbers =
            [49, 50, 51, 52, 57, 58, 70, 44, 43].map(|at| grid.sequence_at(at * SECOND, 0));
        assert_eq!(numbers, [99, 100, 100, 101, 101, 102, 104, 99, 98]);
        assert_eq!(grid.sequence_at(51 * SECOND, SECOND), 101);
        assert_eq!(grid.reach(98, 43 * SECOND, 0).discontinuity_sequence, 7);
        grid.reach(104, 71 * SECOND, 0);
        let at = |sequence| grid.line(sequence).map(|line| line.at / SECOND);
        assert_eq!([101, 102, 103, 104].map(at), [52, 58, 64, 71].map(Some));
    }

    #[test]
    fn a_break_is_one_of_all_variants() {
        let grid = grid();
        grid.reach(100, 50 * SECOND, 0);
        assert_eq!((grid.ask_for_break(), grid.ask_for_break()), (101, 101));
        let line = grid.reach(101, 56 * SECOND, 0);
        assert!(line.discontinuity);
        assert_eq!(line.discontinuity_sequence, 8);
        assert_eq!(grid.reach(101, 57 * SECOND, 0), line);
        let after = grid.reach(102, 62 * SECOND, 0);
        assert_eq!(
            (after.discontinuity, after.discontinuity_sequence),
            (false, 8)
        );
        assert_eq!(grid.reach(99, 40 * SECOND, 0).discontinuity_sequence, 7);
    }

    #[test]
    fn the_front_is_that_of_who_is_ahead() {
        let grid = grid();
        assert_eq!(grid.front(), None);
        grid.advance(SECOND);
        grid.advance(0);
        assert_eq!(grid.front(), Some(SECOND));
    }
}
