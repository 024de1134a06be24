//! Where the segments of a movie begin that is encoded when somebody asks. Pure.
//!
//! They begin where frames of AAC do, counted from the movie's begin, so that the sound of
//! neighbours fits together whichever process made them.

use std::sync::Arc;

use super::orders::FRAME;
use crate::base::media_time::MediaTime;

/// The begins of segments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::hls) struct Grid {
    /// The rate that frames are counted at, in Hz.
    rate_hz: u32,
    begins: Begins,
    /// How long the movie is, in samples.
    length: i64,
}

/// Where segments begin, in samples.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Begins {
    /// So far apart.
    Even(i64),
    /// There.
    Given(Arc<[i64]>),
}

/// So many frames are made before those that are wanted, because each overlaps with the next.
const LEAD_IN: i64 = 2;

impl Grid {
    /// For a movie of `seconds` in segments of at most `target` seconds.
    pub(super) fn new(rate_hz: u32, seconds: f64, target: u64) -> Self {
        let rate = i64::from(rate_hz.max(1));
        let target = i64::try_from(target).unwrap_or(1).clamp(1, 60);
        let frames = (target * rate / i64::from(FRAME)).max(1);
        Self {
            rate_hz: rate_hz.max(1),
            begins: Begins::Even(frames * i64::from(FRAME)),
            length: ((seconds * f64::from(rate_hz)) as i64).max(1),
        }
    }

    /// For a movie that lasts until `end`, whose other segments begin at `starts`: each begins with the first frame that
    /// is not before, and has one at least.
    pub(in crate::hls) fn beside(starts: impl Iterator<Item = MediaTime>, end: MediaTime) -> Self {
        let ticks = |time: MediaTime| time.at_rate(BESIDE_HZ).ticks.max(0);
        let frame = |start| ticks(start).saturating_add(FRAME_TICKS - 1) / FRAME_TICKS;
        let mut begins: Vec<_> = starts.map(frame).collect();
        let length = ticks(end).max(1);
        let mut most = (length - 1) / FRAME_TICKS;
        for begin in begins.iter_mut().rev() {
            *begin = (*begin).min(most).max(0);
            most = *begin - 1;
        }
        Self {
            rate_hz: BESIDE_HZ,
            begins: Begins::Given(begins.iter().map(|begin| begin * FRAME_TICKS).collect()),
            length,
        }
    }

    /// The rate that frames are counted at, in Hz.
    pub(super) fn rate_hz(&self) -> u32 {
        self.rate_hz
    }

    /// How many segments there are.
    pub(in crate::hls) fn len(&self) -> u64 {
        let step = match &self.begins {
            Begins::Even(step) => step,
            Begins::Given(begins) => return begins.len() as u64,
        };
        let least = i64::from(self.rate_hz) / LEAST_LAST;
        let whole = self.length / step;
        let has_rest = whole == 0 || self.length % step > least;
        (whole + i64::from(has_rest)).unsigned_abs()
    }

    /// When a segment begins, or where the last one ends.
    pub(super) fn start(&self, number: u64) -> MediaTime {
        let ticks = match &self.begins {
            _ if number >= self.len() => self.length,
            Begins::Even(step) => i64::try_from(number)
                .unwrap_or(i64::MAX)
                .saturating_mul(*step),
            Begins::Given(begins) => usize::try_from(number)
                .ok()
                .and_then(|number| begins.get(number).copied())
                .unwrap_or(self.length),
        };
        MediaTime::new(ticks, self.rate_hz)
    }

    /// When the movie ends.
    pub(super) fn end(&self) -> MediaTime {
        MediaTime::new(self.length, self.rate_hz)
    }

    /// How long a segment is.
    pub(super) fn duration(&self, number: u64) -> MediaTime {
        let (start, end) = (self.start(number), self.start(number.saturating_add(1)));
        MediaTime::new(end.ticks - start.ticks, self.rate_hz)
    }

    /// How long the longest segment is, rounded to the second.
    pub(in crate::hls) fn longest(&self) -> u64 {
        let seconds = |number| self.duration(number).at_rate(1).ticks.unsigned_abs();
        (0..self.len()).map(seconds).max().unwrap_or(0)
    }

    /// From where on a process reads that begins with a segment.
    pub(super) fn origin(&self, number: u64) -> MediaTime {
        let start = self.start(number).ticks;
        let origin = start - LEAD_IN * FRAME_TICKS;
        MediaTime::new(origin.max(0), self.rate_hz)
    }

    /// How long a segment is as a rule.
    pub(super) fn step_time(&self) -> MediaTime {
        match &self.begins {
            Begins::Even(step) => MediaTime::new(*step, self.rate_hz),
            Begins::Given(_) => self.duration(0),
        }
    }
}

/// Samples of a frame.
const FRAME_TICKS: i64 = FRAME as i64;

/// The rate of sounds that are made beside others, in Hz.
const BESIDE_HZ: u32 = 48_000;

/// The last segment lasts for one of so many parts of a second at least.
const LEAST_LAST: i64 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_begin_with_frames_and_cover_the_movie() {
        let grid = Grid::new(48_000, 20.0, 6);
        assert_eq!(grid.len(), 4);
        assert_eq!(grid.start(1).ticks, 281 * 1024);
        assert_eq!(grid.start(4).ticks, 960_000);
        let sum: i64 = (0..4).map(|number| grid.duration(number).ticks).sum();
        assert_eq!(sum, 960_000);
        assert_eq!(
            (grid.origin(0).ticks, grid.origin(2).ticks),
            (0, 560 * 1024)
        );
    }

    #[test]
    fn a_moment_is_no_segment() {
        let step = Grid::new(44_100, 1.0, 6).step_time().seconds();
        assert_eq!(Grid::new(44_100, 2.0 * step + 0.05, 6).len(), 2);
        assert_eq!(Grid::new(44_100, 2.0 * step + 0.2, 6).len(), 3);
        assert_eq!(Grid::new(44_100, 0.01, 6).len(), 1);
    }

    #[test]
    fn segments_beside_others_begin_with_the_next_frame() {
        let beside = |starts: &[i64], end| {
            let starts = starts.iter().map(|ticks| MediaTime::new(*ticks, 1000));
            Grid::beside(starts, MediaTime::new(end, 1000))
        };
        let frames = |grid: &Grid| {
            let numbers = 0..grid.len();
            numbers
                .map(|number| grid.start(number).ticks / 1024)
                .collect::<Vec<_>>()
        };
        let grid = beside(&[0, 2000, 6010], 6400);
        assert_eq!(frames(&grid), [0, 94, 282]);
        assert_eq!(grid.start(3).ticks, 307_200);
        assert_eq!((grid.origin(1).ticks, grid.longest()), (92 * 1024, 4));
        // What is over before the next frame has one all the same.
        assert_eq!(frames(&beside(&[0, 6398], 6400)), [0, 299]);
        assert_eq!(frames(&beside(&[0, 6398, 6399], 6400)), [0, 298, 299]);
    }
}
