//! The one process of a movie: who watches at distant places has it in turns.
//!
//! A place that is asked for the first time has the process at once: a viewer who seeks does not wait for the place that
//! was left. Who comes back to a place that it was taken from keeps it for a while, whoever else waits, so that
//! viewers who fill their buffers do not take it from each other with every segment.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::Means;
use super::rendition::Rendition;
use crate::hls::transcode::Trouble;
use crate::hls::transcode::run::{Run, Task};
use crate::hls::transcode::stock::Print;

/// A process that is so many segments before one that is asked for is left to come there.
const NEAR: u64 = 3;

/// Who comes back keeps the process for so many times as long as it took to bring the first segment.
const SHARE: u32 = 3;

/// Of how many places is remembered that the process was taken from them.
const MOST: usize = 16;

/// The process, if there is one, and where it was before.
#[derive(Debug, Default)]
pub(in crate::hls::transcode) struct Turns {
    turn: Option<Turn>,
    left: Left,
}

/// A process at one place.
#[derive(Debug)]
struct Turn {
    /// What it makes segments of.
    renditions: Arc<[Rendition]>,
    run: Run,
    share: Share,
}

impl Turns {
    /// Whether segment `number` of these renditions is what the process comes to next.
    pub(super) fn is_near(&self, renditions: &Arc<[Rendition]>, number: u64) -> bool {
        let mut turn = self.turn.iter();
        turn.any(|turn| Arc::ptr_eq(&turn.renditions, renditions) && turn.run.is_near(number, NEAR))
    }

    /// Whether it is to make more segments where it is, before it goes elsewhere.
    pub(super) fn is_owed(&self) -> bool {
        self.turn.as_ref().is_some_and(|turn| turn.share.is_owed())
    }

    /// Whether it was taken from segment `number` of these renditions, or shortly before it.
    pub(super) fn was_at(&self, renditions: &[Rendition], number: u64) -> bool {
        self.left.place((whose(renditions), number)).is_some()
    }

    /// Begins a process with segment `first`; the one that there was ends before.
    pub(super) fn begin(
        &mut self,
        means: &Means,
        renditions: &Arc<[Rendition]>,
        task: &Task<'_>,
        first: u64,
    ) -> Result<(), Trouble> {
        self.give_way();
        let run = Run::begin(&means.shared, task, first)?;
        let place = (whose(renditions), first);
        self.turn = Some(Turn {
            renditions: Arc::clone(renditions),
            run,
            share: Share::new(self.left.take(place)),
        });
        Ok(())
    }

    /// Has the process make the next segment of each rendition, which are kept for who asks next. Cancel safe.
    ///
    /// # Errors
    /// Why there is none, for the log; the process has ended then.
    pub(super) async fn make(&mut self, means: &Means) -> Result<Vec<Arc<Print>>, String> {
        let Some(turn) = &mut self.turn else {
            return Err("there is no process".to_owned());
        };
        let made = turn.make(means).await;
        if made.is_err() {
            self.turn = None;
        }
        made
    }

    /// Ends the process, because it is needed elsewhere in the movie.
    pub(super) fn give_way(&mut self) {
        if let Some(turn) = self.turn.take() {
            self.left.note((whose(&turn.renditions), turn.run.next()));
        }
    }

    /// Ends the process; false if there is none.
    pub(in crate::hls::transcode) fn end(&mut self) -> bool {
        self.turn.take().is_some()
    }
}

impl Turn {
    async fn make(&mut self, means: &Means) -> Result<Vec<Arc<Print>>, String> {
        let asked = means.clock.now();
        let segments = self.run.segments().await?;
        let passed = means.clock.now().saturating_duration_since(asked);
        self.share.note(passed);
        let made = self.renditions.iter().zip(segments);
        let put = made.map(|(rendition, segment)| {
            rendition.map.get_or_init(|| Arc::clone(&segment.head.map));
            let budget = means.shared.budget();
            means.stock.put(rendition.number, segment, budget)
        });
        Ok(put.collect())
    }
}

/// What tells renditions from others.
fn whose(renditions: &[Rendition]) -> u32 {
    renditions.first().map_or(0, |rendition| rendition.number)
}

/// Whose segment comes next somewhere, and its number.
type Place = (u32, u64);

/// The places that the process was taken from, the oldest first.
#[derive(Debug, Default)]
struct Left(VecDeque<Place>);

impl Left {
    fn note(&mut self, place: Place) {
        self.0.push_back(place);
        if self.0.len() > MOST {
            self.0.pop_front();
        }
    }

    /// Where it stands that the process was taken from that place, or shortly before it.
    fn place(&self, (whose, number): Place) -> Option<usize> {
        let is_there = |(owner, next): &Place| {
            *owner == whose && (*next..=next.saturating_add(NEAR)).contains(&number)
        };
        self.0.iter().position(is_there)
    }

    /// Whether that is so; it is forgotten.
    fn take(&mut self, place: Place) -> bool {
        let at = self.place(place);
        at.and_then(|at| self.0.remove(at)).is_some()
    }
}

/// How long a process has made segments at one place.
#[derive(Debug)]
struct Share {
    /// Whether it was taken from there before.
    returns: bool,
    /// Until the first segment was there.
    first: Option<Duration>,
    since: Duration,
}

impl Share {
    fn new(returns: bool) -> Self {
        Self {
            returns,
            first: None,
            since: Duration::ZERO,
        }
    }

    /// Notes that a segment has taken so long.
    fn note(&mut self, passed: Duration) {
        match self.first {
            None => self.first = Some(passed),
            Some(_) => self.since += passed,
        }
    }

    /// Whether it has not made segments yet for long enough to be worth its beginning, which is part of the time until the
    /// first was there.
    fn is_owed(&self) -> bool {
        let is_short = |first: Duration| self.since < first * SHARE;
        self.returns && self.first.is_some_and(is_short)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_back_is_known_once() {
        let mut left = Left::default();
        left.note((1, 10));
        left.note((2, 50));
        assert!(!left.take((1, 9)) && !left.take((1, 10 + NEAR + 1)) && !left.take((2, 10)));
        assert!(left.take((1, 12)));
        assert!(!left.take((1, 12)));
        assert!(left.take((2, 50)));
        for number in 0..1000 {
            left.note((3, number * 100));
        }
        assert_eq!(left.0.len(), MOST);
        assert!(!left.take((3, 0)) && left.take((3, 99_900)));
    }

    #[test]
    fn who_comes_back_keeps_it_for_a_while() {
        let ms = Duration::from_millis;
        let mut share = Share::new(true);
        // Nothing has been made, so nobody has waited for it to the end.
        assert!(!share.is_owed());
        share.note(ms(800));
        share.note(ms(500));
        assert!(share.is_owed());
        share.note(SHARE * ms(800) - ms(500));
        assert!(!share.is_owed());
    }

    #[test]
    fn who_comes_for_the_first_time_keeps_it_from_nobody() {
        let mut share = Share::new(false);
        share.note(Duration::from_millis(800));
        assert!(!share.is_owed());
    }
}
