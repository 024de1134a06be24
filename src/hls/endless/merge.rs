//! The units of several tracks, put into the order in which they are decoded.

use std::collections::VecDeque;

use crate::codec::Format;
use crate::hls::units::Unit;

/// A unit, and the format of its track if that changes with it.
#[derive(Debug)]
pub(super) struct Change {
    /// The unit's track, an index into those that are merged.
    pub(super) lane: usize,
    pub(super) unit: Unit,
    pub(super) format: Option<Format>,
}

/// Units that wait for those of the other tracks that come before them.
#[derive(Debug)]
pub(super) struct Merge {
    lanes: Vec<VecDeque<Change>>,
}

/// So long a track waits for another that is late or silent, in nanoseconds.
const PATIENCE: i64 = 500_000_000;

/// The most units of a track that wait.
const MOST: usize = 512;

impl Merge {
    pub(super) fn new(lanes: usize) -> Self {
        Self {
            lanes: (0..lanes).map(|_| VecDeque::new()).collect(),
        }
    }

    /// Takes the next unit of a track.
    pub(super) fn push(&mut self, change: Change) {
        if let Some(lane) = self.lanes.get_mut(change.lane) {
            lane.push_back(change);
        }
    }

    /// The unit that is decoded first, when none can come before it any more; with `all`, in any case.
    pub(super) fn pop(&mut self, all: bool) -> Option<Change> {
        let is_complete = self.lanes.iter().all(|lane| !lane.is_empty());
        let first = |lane: &VecDeque<Change>| lane.front().map(|change| change.unit.dts.nanos());
        let waiting = self.lanes.iter_mut().filter(|lane| !lane.is_empty());
        let earliest = waiting.min_by_key(|lane| first(lane))?;
        let may_go = all || is_complete || earliest.len() > MOST || span(earliest) > PATIENCE;
        if may_go { earliest.pop_front() } else { None }
    }
}

/// From the first unit of a track to its last, in nanoseconds.
fn span(lane: &VecDeque<Change>) -> i64 {
    let at = |change: Option<&Change>| change.map_or(0, |change| change.unit.dts.nanos());
    at(lane.back()).saturating_sub(at(lane.front()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::media_time::MediaTime;

    fn push(merge: &mut Merge, lane: usize, millis: i64) {
        let time = MediaTime::new(millis, 1000);
        merge.push(Change {
            lane,
            unit: Unit::at(lane, time),
            format: None,
        });
    }

    fn popped(merge: &mut Merge, all: bool) -> Vec<i64> {
        let change = || Some(merge.pop(all)?.unit.dts.ticks);
        std::iter::from_fn(change).collect()
    }

    #[test]
    fn tracks_come_in_the_order_of_decoding() {
        let mut merge = Merge::new(2);
        for (lane, millis) in [(0, 0), (0, 40), (0, 80), (1, 10), (1, 50)] {
            push(&mut merge, lane, millis);
        }
        assert_eq!(popped(&mut merge, false), [0, 10, 40, 50]);
        push(&mut merge, 1, 70);
        assert_eq!(popped(&mut merge, false), [70]);
        assert_eq!(popped(&mut merge, true), [80]);
    }

    #[test]
    fn nobody_waits_for_a_silent_track_for_ever() {
        let mut merge = Merge::new(2);
        for picture in 0..20 {
            push(&mut merge, 0, picture * 40);
        }
        assert_eq!(popped(&mut merge, false), [0, 40, 80, 120, 160, 200, 240]);
        let mut one = Merge::new(1);
        push(&mut one, 0, 7);
        assert_eq!(popped(&mut one, false), [7]);
    }
}
