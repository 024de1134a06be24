//! Units wait here for those of the other track if that is encoded, because such units come later, and at first for
//! sounds whose format only their first unit tells.
//!
//! Sans-IO. Without it the sound of a segment would come with the segment after, and the first
//! map would not tell of it. Where nothing is encoded and all formats are known, nothing waits.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::units::Unit;
use crate::codec::Format;

/// How long a unit waits at most; a track that is further behind is no longer waited for.
const LONGEST: Duration = Duration::from_secs(6);

/// How much of the media waits at most for the first units of sounds, in nanoseconds.
const FIRST_SOUND: i64 = 1_000_000_000;

/// The most units that wait, and the most bytes of them.
const MAX_UNITS: usize = 4096;
const MAX_BYTES: usize = 64 << 20;

/// A unit on its way to the segmenter.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) unit: Unit,
    /// The format of its track, if that is to be told before.
    pub(super) format: Option<Format>,
    /// When it arrived.
    pub(super) at: Instant,
}

#[derive(Debug)]
struct Waiting {
    held: Held,
    since: Instant,
}

/// The units that wait.
#[derive(Debug, Default)]
pub(super) struct Hold {
    encoded: Vec<Encoded>,
    /// The tracks whose first unit is waited for, by their index.
    untold: Vec<usize>,
    waiting: VecDeque<Waiting>,
    bytes: usize,
}

/// A track that is encoded.
#[derive(Debug)]
struct Encoded {
    track: usize,
    /// When its newest unit is presented, in nanoseconds; `None` when it was waited for in vain.
    reached: Option<i64>,
    /// Whether it is among the sounds in segments of their own. What comes late of these is [waited for
    /// elsewhere](super::sounds), so that only what takes long to be encoded is waited for here.
    is_apart: bool,
    /// Whether much of it is still being encoded.
    is_owed: bool,
}

impl Hold {
    /// For a channel of which the tracks `encoded`, by their index, are encoded, and the tracks `apart` are
    /// sounds in segments of their own.
    pub(super) fn new(encoded: &[usize], apart: &[usize]) -> Self {
        let track = |&track| Encoded {
            track,
            reached: Some(i64::MIN),
            is_apart: apart.contains(&track),
            is_owed: false,
        };
        Self {
            encoded: encoded.iter().map(track).collect(),
            ..Self::default()
        }
    }

    /// The same where the formats of the tracks `untold` come with their first units.
    pub(super) fn with_untold(self, untold: Vec<usize>) -> Self {
        Self { untold, ..self }
    }

    /// Says of which tracks much is still being encoded.
    pub(super) fn set_owed(&mut self, is_owed: impl Fn(usize) -> bool) {
        let encoded = self.encoded.iter_mut();
        encoded.for_each(|one| one.is_owed = is_owed(one.track));
    }

    /// Whether much of a track is still being encoded.
    pub(super) fn is_owed(&self) -> bool {
        self.encoded.iter().any(|one| one.is_owed)
    }

    /// Takes a unit at the time `now`; those of a track come in their order.
    pub(super) fn push(&mut self, held: Held, now: Instant) {
        let (track, time) = (held.unit.track, held.unit.pts.nanos());
        if let Some(encoded) = self.encoded.iter_mut().find(|one| one.track == track) {
            encoded.reached = Some(time);
        }
        let first = self
            .waiting
            .front()
            .map(|first| first.held.unit.pts.nanos());
        if first.is_some_and(|first| time.saturating_sub(first) >= FIRST_SOUND) {
            self.untold.clear();
        }
        self.bytes += held.unit.data.len();
        let waiting = Waiting { held, since: now };
        match self.untold.iter().position(|untold| *untold == track) {
            // The map that the others begin with tells of it.
            Some(place) => {
                self.untold.remove(place);
                self.waiting.push_front(waiting);
            }
            None => self.waiting.push_back(waiting),
        }
    }

    /// The next unit that need not wait any longer at the time `now`.
    pub(super) fn pull(&mut self, now: Instant) -> Option<Held> {
        let first = self.waiting.front()?;
        if now.saturating_duration_since(first.since) >= LONGEST {
            self.release();
        }
        let is_full = self.waiting.len() > MAX_UNITS || self.bytes > MAX_BYTES;
        let is_due = |waiting: &Waiting| is_full || self.is_due(&waiting.held.unit);
        let due = self.waiting.iter().position(is_due)?;
        let Waiting { held, .. } = self.waiting.remove(due)?;
        self.bytes -= held.unit.data.len();
        Some(held)
    }

    /// Whether every other track that is waited for has come as far.
    fn is_due(&self, unit: &Unit) -> bool {
        let time = unit.dts.nanos();
        let is_awaited = |one: &&Encoded| one.track != unit.track && (one.is_owed || !one.is_apart);
        let mut others = self.encoded.iter().filter(is_awaited);
        self.untold.is_empty()
            && others.all(|one| one.reached.is_none_or(|reached| reached >= time))
    }

    /// Lets all go, because nothing is encoded any more, or not in time.
    pub(super) fn release(&mut self) {
        self.untold.clear();
        self.encoded.iter_mut().for_each(|one| one.reached = None);
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::base::clock::Clock;
    use crate::base::media_time::MediaTime;

    fn held(track: usize, millis: i64) -> Held {
        let time = MediaTime::new(millis, 1000);
        let unit = Unit {
            data: Bytes::from_static(b"unit"),
            ..Unit::at(track, time)
        };
        Held {
            unit,
            format: None,
            at: Clock::start().now(),
        }
    }

    fn pulled(hold: &mut Hold, now: Instant) -> Vec<(usize, i64)> {
        std::iter::from_fn(|| hold.pull(now))
            .map(|held| (held.unit.track, held.unit.pts.ticks))
            .collect()
    }

    #[test]
    fn pictures_wait_for_their_sound() {
        let now = Clock::start().now();
        let mut hold = Hold::new(&[1], &[]);
        for millis in [0, 40, 80] {
            hold.push(held(0, millis), now);
        }
        assert_eq!(pulled(&mut hold, now), []);
        hold.push(held(1, 50), now);
        assert_eq!(pulled(&mut hold, now), [(0, 0), (0, 40), (1, 50)]);
        hold.release();
        assert_eq!(pulled(&mut hold, now), [(0, 80)]);
    }

    #[test]
    fn sound_that_stays_away_is_waited_for_once() {
        let now = Clock::start().now();
        let mut hold = Hold::new(&[1], &[]);
        hold.push(held(0, 0), now);
        hold.push(held(0, 40), now + LONGEST / 2);
        assert_eq!(pulled(&mut hold, now + LONGEST / 2), []);
        assert_eq!(pulled(&mut hold, now + LONGEST), [(0, 0), (0, 40)]);
        hold.push(held(0, 80), now + LONGEST);
        assert_eq!(pulled(&mut hold, now + LONGEST), [(0, 80)]);
        hold.push(held(1, 100), now + LONGEST);
        hold.push(held(0, 120), now + LONGEST);
        assert_eq!(pulled(&mut hold, now + LONGEST), [(1, 100)]);
    }

    #[test]
    fn tracks_that_are_both_encoded_begin_together() {
        let now = Clock::start().now();
        let mut hold = Hold::new(&[0, 1], &[]);
        hold.push(held(0, 0), now);
        hold.push(held(0, 40), now);
        assert_eq!(pulled(&mut hold, now), []);
        hold.push(held(1, 20), now);
        assert_eq!(pulled(&mut hold, now), [(0, 0), (1, 20)]);
    }

    #[test]
    fn sounds_to_choose_from_are_waited_for_while_they_are_being_encoded() {
        let now = Clock::start().now();
        let mut hold = Hold::new(&[1], &[1]);
        hold.push(held(0, 0), now);
        assert_eq!(pulled(&mut hold, now), [(0, 0)]);
        hold.set_owed(|track| track == 1);
        hold.push(held(0, 40), now);
        assert_eq!(pulled(&mut hold, now), []);
        hold.push(held(1, 40), now);
        hold.push(held(0, 80), now);
        assert_eq!(pulled(&mut hold, now), [(0, 40), (1, 40)]);
        assert!(hold.is_owed());
        hold.set_owed(|_| false);
        assert!(!hold.is_owed());
        assert_eq!(pulled(&mut hold, now), [(0, 80)]);
    }

    #[test]
    fn the_first_unit_of_a_sound_goes_before_what_waits_for_its_format() {
        let now = Clock::start().now();
        let mut hold = Hold::new(&[], &[]).with_untold(vec![1, 2]);
        hold.push(held(0, 0), now);
        hold.push(held(1, 20), now);
        hold.push(held(0, 40), now);
        hold.push(held(1, 44), now);
        assert_eq!(pulled(&mut hold, now), []);
        hold.push(held(2, 50), now);
        let order = [(2, 50), (1, 20), (0, 0), (0, 40), (1, 44)];
        assert_eq!(pulled(&mut hold, now), order);
        hold.push(held(0, 80), now);
        assert_eq!(pulled(&mut hold, now), [(0, 80)]);
    }

    #[test]
    fn a_second_of_the_media_waits_for_the_first_unit_of_a_sound() {
        let now = Clock::start().now();
        let mut hold = Hold::new(&[], &[]).with_untold(vec![1]);
        hold.push(held(0, 0), now);
        hold.push(held(0, 999), now);
        assert_eq!(pulled(&mut hold, now), []);
        hold.push(held(0, 1000), now);
        assert_eq!(pulled(&mut hold, now), [(0, 0), (0, 999), (0, 1000)]);
    }

    #[test]
    fn nothing_waits_where_nothing_is_encoded() {
        let now = Clock::start().now();
        let mut hold = Hold::new(&[], &[]);
        hold.push(held(0, 0), now);
        assert_eq!(pulled(&mut hold, now), [(0, 0)]);
    }
}
