//! A line through what a sender has reported of one track: its own clock against the track's.

use std::collections::VecDeque;

/// How many reports the line goes through: of one every five seconds, those of three minutes.
const REPORTS: usize = 36;

/// Reports that are apart by less, in nanoseconds, say nothing of speed.
const LEAST_SPAN: i64 = 30_000_000_000;

/// A report that is off by more, in nanoseconds, comes from a clock that was set.
const STEP: i64 = 100_000_000;

/// Clocks that are further apart than this are broken, and their drift is not followed.
const MAX_DRIFT: f64 = 0.01;

/// A track's own time against the sender's, both in nanoseconds: the recent reports.
#[derive(Debug, Default)]
pub(super) struct Line {
    reports: VecDeque<(i64, i64)>,
}

impl Line {
    pub(super) fn add(&mut self, media: i64, wall: i64) {
        if self.reports.len() == REPORTS {
            self.reports.pop_front();
        }
        self.reports.push_back((media, wall));
    }

    /// Whether a report contradicts those before it.
    pub(super) fn is_off(&self, media: i64, wall: i64) -> bool {
        let expected = self.at(media);
        expected.is_some_and(|expected| expected.abs_diff(wall) > STEP.unsigned_abs())
    }

    /// The sender's time at a time of the track.
    pub(super) fn at(&self, media: i64) -> Option<i64> {
        let (center, slope) = self.fit()?;
        let (media_center, wall_center) = center;
        let apart = media.saturating_sub(media_center);
        Some(wall_center.saturating_add(stretched(apart, slope.unwrap_or(1.0))))
    }

    /// The track's time at a time of the sender.
    pub(super) fn media_at(&self, wall: i64) -> Option<i64> {
        let (center, slope) = self.fit()?;
        let (media_center, wall_center) = center;
        let apart = wall.saturating_sub(wall_center);
        Some(media_center.saturating_add(stretched(apart, 1.0 / slope.unwrap_or(1.0))))
    }

    /// The middle of the reports, and how fast the sender's time goes beside the track's, by
    /// least squares; `None` for the speed while they are too close together to tell.
    pub(super) fn fit(&self) -> Option<((i64, i64), Option<f64>)> {
        let &(first_media, first_wall) = self.reports.front()?;
        let &(last_media, _) = self.reports.back()?;
        let from_first = |&(media, wall): &(i64, i64)| {
            let media = media.saturating_sub(first_media) as f64;
            (media, wall.saturating_sub(first_wall) as f64)
        };
        let count = self.reports.len() as f64;
        let sum = |(x, y): (f64, f64), (dx, dy): (f64, f64)| (x + dx, y + dy);
        let (x, y) = self.reports.iter().map(from_first).fold((0.0, 0.0), sum);
        let (x, y) = (x / count, y / count);
        let center = (
            first_media.saturating_add(x as i64),
            first_wall.saturating_add(y as i64),
        );
        if last_media.saturating_sub(first_media) < LEAST_SPAN {
            return Some((center, None));
        }
        // Of the difference between both, which is small, so that nothing is lost by rounding.
        let (mut products, mut squares) = (0.0, 0.0);
        for (media, wall) in self.reports.iter().map(from_first) {
            products += (media - x) * ((wall - media) - (y - x));
            squares += (media - x) * (media - x);
        }
        let drift = products / squares;
        let is_sound = drift.is_finite() && drift.abs() < MAX_DRIFT;
        Some((center, is_sound.then_some(1.0 + drift)))
    }
}

/// `nanos` of a clock in those of one that goes `rate` times as fast.
fn stretched(nanos: i64, rate: f64) -> i64 {
    // The difference is small, so that a double holds it to less than a nanosecond.
    nanos.saturating_add((nanos as f64 * (rate - 1.0)) as i64)
}
