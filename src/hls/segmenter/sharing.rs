//! What the segments of a channel have to do with those of others, where it is a variant of a
//! group: they begin at the lines of the group's [`Grid`], and the timeline is that of all variants.
//!
//! So it is never shifted. What a variant has missed is told as gaps, and a discontinuity is one
//! of all variants, at a line to which none of them has come.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::Segmenter;
use super::beginning::date;
use crate::base::media_time::MediaTime;
use crate::codec::Kind;
use crate::hls::group::grid::Grid;
use crate::hls::lane::Lane;
use crate::hls::target::{TOLERANCE, Target};
use crate::hls::units::Unit;

/// How far other variants may be ahead at most before this one goes on without its pictures, in nanoseconds.
const MAX_LAG: i64 = 24_000_000_000;

/// How long segments that begin without a key frame are at least, in nanoseconds.
const SHORTEST: i64 = 1_000_000_000;

/// Who is before the number that it may begin with for so long goes by a clock of its own, and is not waited for.
const LOST: Duration = Duration::from_secs(30);

/// How long before a line a stream may begin, in nanoseconds, when nobody knows how far apart its key frames are.
const START_TOLERANCE: i64 = 500_000_000;

impl Segmenter {
    /// The same as a variant of a group; units are to have their times on the timeline of the group. Its first
    /// segment has the number that belongs to its time, and none below that of the settings or of the group's first.
    pub fn with_grid(self, grid: Option<Arc<Grid>>) -> Self {
        match grid {
            Some(grid) => Self {
                target: Target::fixed(grid.target(), 0),
                sequence: self.sequence.max(grid.first()),
                grid: Some(grid),
                ..self
            },
            None => self,
        }
    }

    /// Ends parts without waiting any longer for what leads, when other variants are far ahead:
    /// players are to know that there is nothing, and take one of those.
    pub fn keep_up(&mut self) {
        let (Some(grid), Some(lane), Some(_)) = (&self.grid, self.lanes.first(), &self.open) else {
            return;
        };
        let Some(front) = grid.front() else {
            return;
        };
        let due = MediaTime::from_nanos(front.saturating_sub(self.patience), lane.timescale);
        let at = due.ticks.saturating_sub(self.delay);
        let next = lane.next.unwrap_or(at);
        if at.saturating_sub(next) >= self.part_target.least(lane.timescale) {
            self.is_broken = true;
            self.settle(at);
        }
    }

    /// Whether the next segment needs another map than those before.
    pub(super) fn needs_map(&self) -> bool {
        let tracks = self.map.as_ref().map(|map| map.tracks.len());
        let known = self.lanes.iter().filter(|lane| lane.is_known()).count();
        let is_other = self.grid.is_some() && tracks.is_some_and(|tracks| tracks != known);
        self.is_outdated || is_other || self.lanes.iter().any(Lane::has_offer)
    }

    /// Whether the stream may begin, or begin anew, with a key frame that arrived at the time `now`: always, but in
    /// a group it begins with a segment that the other variants have, too.
    pub(super) fn may_begin(&mut self, unit: &Unit, now: SystemTime) -> bool {
        let Some(grid) = self.grid.clone() else {
            return true;
        };
        if !self.has_history {
            return self.may_join(&grid, unit, now);
        }
        let Some(lane) = self.lanes.first() else {
            return false;
        };
        let end = self.next().unwrap_or_else(|| lane.ticks(self.end));
        let step = lane.step().unwrap_or(0);
        if lane.ticks(unit.dts).saturating_add(step) < end {
            self.patience = (2 * self.patience).min(MAX_LAG);
            return false;
        }
        let goal = self.goal(&grid);
        if !self.is_broken && goal != self.sequence {
            return false;
        }
        let reached = unit.pts.nanos().saturating_add(self.tolerance());
        match grid.line(goal) {
            Some(line) => reached >= line.at,
            // Nobody has come there, unless those who have are in a segment before.
            None => grid.front().is_none_or(|front| reached >= front),
        }
    }

    /// Whether a stream may begin with `unit`, which arrived at the time `now`: its number may not be one that
    /// players have seen before.
    fn may_join(&self, grid: &Grid, unit: &Unit, now: SystemTime) -> bool {
        let least = self.sequence;
        let is_lost = |at| now > grid.date(at) + LOST;
        self.joined(grid, unit) >= least || grid.place(least).is_some_and(is_lost)
    }

    /// The number of the segment in which a stream begins with `unit`.
    fn joined(&self, grid: &Grid, unit: &Unit) -> u64 {
        let known = grid.longest_interval() / 2;
        let tolerance = self
            .tolerance()
            .max(if known > 0 { known } else { START_TOLERANCE });
        grid.sequence_at(unit.pts.nanos(), tolerance)
    }

    /// The number of the segment that the stream begins anew with.
    fn goal(&mut self, grid: &Grid) -> u64 {
        if !self.needs_map() {
            self.goal = None;
            return self.sequence;
        }
        let asked = self.goal.filter(|goal| *goal >= self.sequence);
        let goal = asked.unwrap_or_else(|| grid.ask_for_break().max(self.sequence));
        self.goal = Some(goal);
        goal
    }

    /// Tells of what was missed before `unit`, with which the stream begins anew, as gaps; it arrived at the time `now`.
    pub(super) fn bridge(&mut self, unit: &Unit, now: SystemTime) {
        let Some(lane) = self.lanes.first_mut() else {
            return;
        };
        if self.grid.is_none() || !self.has_history {
            return;
        }
        let at = lane.ticks(unit.dts);
        self.filled_to = Some(self.goal.take().unwrap_or(self.sequence));
        if self.open.is_none() {
            let end = lane.ticks(self.end);
            if at.saturating_sub(end) >= self.part_target.least(lane.timescale) {
                lane.interrupt(Some(end));
                let presented = end.saturating_add(self.delay);
                let presented = MediaTime::new(presented, lane.timescale);
                let missed = unit.pts.nanos().saturating_sub(presented.nanos());
                let missed = Duration::from_nanos(missed.max(0).unsigned_abs());
                let date = date(unit, now);
                self.begin_segment(date.checked_sub(missed).unwrap_or(date), false);
            }
        }
        self.settle(at);
        let is_filled = self
            .lanes
            .first()
            .is_some_and(|lane| lane.samples.is_empty());
        if is_filled && self.next().is_some_and(|next| next < at) {
            self.end_part(at);
            if let Some(lane) = self.lanes.first_mut() {
                lane.next = Some(at);
            }
        }
        self.filled_to = None;
    }

    /// Finds where a stream that has just begun is in the group.
    pub(super) fn take_place(&mut self, unit: &Unit) {
        let (Some(grid), Some(lane), false) = (&self.grid, self.lanes.first(), self.has_history)
        else {
            return;
        };
        self.end = MediaTime::new(lane.ticks(unit.dts), lane.timescale);
        self.sequence = self.joined(grid, unit);
        // The first segments of a group are brief, also for those who come to them later.
        let before = self.sequence.abs_diff(grid.first());
        self.target = Target::fixed(grid.target(), before);
    }

    /// Where the segment that comes next is to begin, as a decoding time in ticks of the first lane; `None`
    /// where this variant is the first to say.
    pub(super) fn line_ahead(&self) -> Option<i64> {
        let (grid, lane) = (self.grid.as_ref()?, self.lanes.first()?);
        if self.filled_to.is_some_and(|end| self.sequence >= end) {
            return None;
        }
        let at = MediaTime::from_nanos(grid.place(self.sequence)?, lane.timescale);
        Some(at.ticks.saturating_sub(self.delay))
    }

    /// Whether the segment ends before a sample that is decoded at `next`, and that a player may
    /// begin with, where the next one is to begin at `line`: with the one that is nearest.
    pub(super) fn ends_at_line(&self, next: i64, line: i64) -> bool {
        let Some(lane) = self.lanes.first() else {
            return false;
        };
        let tolerance = MediaTime::from_nanos(self.tolerance(), lane.timescale).ticks;
        let is_near = next.saturating_add(tolerance) >= line;
        let is_late = || self.target.is_too_long_at_next_key(self.elapsed(next));
        is_near || lane.kind == Kind::Video && !self.has_rare_keys() && is_late()
    }

    /// Whether the segment ends at its line before a picture that no player can begin with, which is decoded at
    /// `next`: no key frame will come before it would be too long.
    pub(super) fn ends_without_key(&self, next: i64, line: i64) -> bool {
        let elapsed = self.elapsed(next);
        let is_enough = next >= line && elapsed >= SHORTEST;
        is_enough && self.target.has_no_key_left(self.nanos(next), elapsed)
    }

    /// `end`, or the line between `start` and it, if there is one.
    pub(super) fn until_line(&self, start: i64, end: i64) -> i64 {
        let line = self.line_ahead().filter(|line| *line > start);
        line.map_or(end, |line| line.min(end))
    }

    /// How long before a line a segment may begin, in nanoseconds: half the distance of what it may begin with.
    fn tolerance(&self) -> i64 {
        let half = self.interval() / 2;
        match self.has_rare_keys() {
            true => half.min(TOLERANCE),
            false => half,
        }
    }

    /// Whether key frames are further apart than segments may be long. Most segments begin without one then, and
    /// where each begins the line says alone.
    fn has_rare_keys(&self) -> bool {
        self.interval() > self.target.longest()
    }

    /// How far apart samples are that a segment may begin with, in nanoseconds; 0 while that is not known.
    pub(super) fn interval(&self) -> i64 {
        match self.lanes.first() {
            Some(lane) if lane.kind == Kind::Video => self.target.expected(),
            Some(lane) => self.nanos(lane.step().unwrap_or(0)),
            None => 0,
        }
    }
}

#[cfg(test)]
mod tests;
