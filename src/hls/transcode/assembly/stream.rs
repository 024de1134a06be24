//! One stream of what a process makes of a movie: its units, which are in no segment yet.

use std::collections::VecDeque;

use crate::base::media_time::MediaTime;
use crate::codec::Kind;
use crate::hls::lane::Pending;
use crate::hls::transcode::grid::Grid;
use crate::hls::transcode::harvest::Made;
use crate::hls::transcode::orders::{Coding, FRAME};

/// Units that are in no segment yet.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) kind: Kind,
    /// Ticks per second, in Hz.
    pub(super) rate: u32,
    units: VecDeque<Placed>,
}

#[derive(Debug)]
struct Placed {
    /// On the timeline of the movie, in ticks of the stream.
    at: i64,
    made: Made,
}

impl Stream {
    /// Without units yet.
    pub(super) fn new(coding: Coding) -> Self {
        let (kind, rate) = match coding {
            Coding::Video { .. } => (Kind::Video, VIDEO_HZ),
            Coding::Audio { rate_hz, .. } => (Kind::Audio, rate_hz),
        };
        Self {
            kind,
            rate,
            units: VecDeque::new(),
        }
    }

    /// Takes a unit that a process has made which reads from `origin` on.
    pub(super) fn push(&mut self, made: Made, origin: MediaTime) {
        let at = self.place(made.time, origin);
        self.units.push_back(Placed { at, made });
    }

    /// The place of the unit that came last.
    pub(super) fn newest(&self) -> Option<i64> {
        self.units.back().map(|unit| unit.at)
    }

    /// Where something belongs that a process which reads from `origin` on places at `time`.
    fn place(&self, time: MediaTime, origin: MediaTime) -> i64 {
        let ticks = |time: MediaTime| time.at_rate(self.rate).ticks;
        let at = ticks(time).saturating_add(ticks(origin));
        match self.kind {
            Kind::Video => at,
            // The clock of transport streams rounds.
            _ => {
                at.saturating_add(i64::from(FRAME) / 2)
                    .div_euclid(FRAME.into())
                    * i64::from(FRAME)
            }
        }
    }

    /// Before which time segment `number` does not begin, in ticks.
    pub(super) fn bound(&self, grid: &Grid, number: u64) -> i64 {
        if number >= grid.len() {
            return i64::MAX;
        }
        let start = grid.start(number).at_rate(self.rate).ticks;
        match self.kind {
            Kind::Video => start - TOLERANCE,
            _ => start,
        }
    }

    /// The place of the first unit that a segment can begin with which does not begin before `bound`.
    pub(super) fn end(&self, bound: i64) -> Option<usize> {
        let mut units = self.units.iter();
        units.position(|unit| unit.made.keyframe && unit.at >= bound)
    }

    /// Forgets what is before the first segment.
    pub(super) fn begin_at(&mut self, bound: i64) {
        let begin = self.end(bound).unwrap_or(self.units.len());
        self.units.drain(..begin);
    }

    /// What is before the segment that begins at `bound`.
    pub(super) fn take(&mut self, bound: i64) -> Vec<Pending> {
        let end = self.end(bound);
        let end = end.unwrap_or_else(|| self.units.partition_point(|unit| unit.at < bound));
        let mut step = self.usual_step();
        let mut samples = Vec::with_capacity(end);
        for _ in 0..end {
            let Some(Placed { at, made }) = self.units.pop_front() else {
                break;
            };
            if let Some(next) = self.units.front() {
                step = next.at.saturating_sub(at).max(1);
            }
            samples.push(Pending {
                decode: at,
                duration: step,
                composition: 0,
                keyframe: made.keyframe,
                whole: made.keyframe,
                data: made.data,
            });
        }
        samples
    }

    /// From one unit to the next where nothing tells, in ticks.
    fn usual_step(&self) -> i64 {
        match self.kind {
            Kind::Video => i64::from(self.rate) / 25,
            _ => FRAME.into(),
        }
    }
}

/// Ticks per second of pictures, in Hz.
pub(super) const VIDEO_HZ: u32 = 90_000;

/// A picture may be so much before its segment begins, in ticks of 90 kHz, because of rounding.
const TOLERANCE: i64 = 180;
