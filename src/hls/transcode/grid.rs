//! Where the segments of a movie begin that is encoded when somebody asks. Pure.
//!
//! They begin where frames of AAC do, counted from the movie's begin, so that the sound of
//! neighbours fits together whichever process made them.

use crate::base::media_time::MediaTime;

use super::orders::FRAME;

/// The begins of segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Grid {
    /// The rate that frames are counted at, in Hz.
    rate_hz: u32,
    /// Frames in a segment.
    frames: i64,
    /// How long the movie is, in samples.
    length: i64,
}

/// So many frames are made before those that are wanted, because each overlaps with the next.
const LEAD_IN: i64 = 2;

impl Grid {
    /// For a movie of `seconds` in segments of at most `target` seconds.
    pub(super) fn new(rate_hz: u32, seconds: f64, target: u64) -> Self {
        let rate = i64::from(rate_hz.max(1));
        let target = i64::try_from(target).unwrap_or(1).clamp(1, 60);
        Self {
            rate_hz: rate_hz.max(1),
            frames: (target * rate / i64::from(FRAME)).max(1),
            length: ((seconds * f64::from(rate_hz)) as i64).max(1),
        }
    }

    /// How many segments there are.
    pub(super) fn len(&self) -> u64 {
        let least = i64::from(self.rate_hz) / LEAST_LAST;
        let whole = self.length / self.step();
        let has_rest = whole == 0 || self.length % self.step() > least;
        (whole + i64::from(has_rest)).unsigned_abs()
    }

    /// When a segment begins, or where the last one ends.
    pub(super) fn start(&self, number: u64) -> MediaTime {
        let number = i64::try_from(number).unwrap_or(i64::MAX);
        let ticks = match number.unsigned_abs() >= self.len() {
            true => self.length,
            false => number.saturating_mul(self.step()),
        };
        MediaTime::new(ticks, self.rate_hz)
    }

    /// How long a segment is.
    pub(super) fn duration(&self, number: u64) -> MediaTime {
        let (start, end) = (self.start(number), self.start(number.saturating_add(1)));
        MediaTime::new(end.ticks - start.ticks, self.rate_hz)
    }

    /// From where on a process reads that begins with a segment.
    pub(super) fn origin(&self, number: u64) -> MediaTime {
        let start = self.start(number).ticks;
        let origin = start - LEAD_IN * i64::from(FRAME);
        MediaTime::new(origin.max(0), self.rate_hz)
    }

    /// How long a segment is that is not the last.
    pub(super) fn step_time(&self) -> MediaTime {
        MediaTime::new(self.step(), self.rate_hz)
    }

    fn step(&self) -> i64 {
        self.frames * i64::from(FRAME)
    }
}

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
}
