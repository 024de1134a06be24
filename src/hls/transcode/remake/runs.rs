//! The processes that make segments of one movie: one for each place that somebody watches, within a bound,
//! so that viewers at distant places do not take the process from each other.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::hls::transcode::Slot;

/// A process that is so many segments before one that is asked for is left to come there.
pub(super) const NEAR: u64 = 3;

/// The most processes of one movie; `[hls] transcoders` bounds those of all.
const MOST: usize = 4;

/// The places of a movie that are watched, the one that was asked for the longest ago first.
#[derive(Debug, Default)]
pub(super) struct Runs(Mutex<Vec<Place>>);

#[derive(Debug)]
struct Place {
    /// The segment that was asked for there last.
    latest: u64,
    slot: Arc<Slot>,
}

impl Runs {
    /// The place of who asks for that segment: the one near it, or else one of its own; when there are too many,
    /// one where nobody waits for a segment.
    pub(super) fn slot(&self, number: u64) -> Arc<Slot> {
        let mut places = self.lock();
        let is_near = |place: &Place| place.latest.abs_diff(number) <= NEAR + 1;
        let is_free = |place: &Place| place.slot.try_lock().is_ok();
        let at = match places.iter().position(is_near) {
            None if places.len() >= MOST => places.iter().position(is_free).or(Some(0)),
            near => near,
        };
        let slot = at.map_or_else(Arc::default, |at| places.remove(at).slot);
        places.push(Place {
            latest: number,
            slot: Arc::clone(&slot),
        });
        slot
    }

    /// Another place than `own` that has a process, the one that was asked for the longest ago.
    pub(super) fn beside(&self, own: &Arc<Slot>) -> Option<Arc<Slot>> {
        let has_process = |slot: &Slot| slot.try_lock().map_or(true, |run| run.is_some());
        let places = self.lock();
        let mut slots = places.iter().map(|place| &place.slot);
        let other = slots.find(|slot| !Arc::ptr_eq(slot, own) && has_process(slot));
        other.cloned()
    }

    /// Ends the processes that nobody waits for.
    pub(super) fn pause(&self) {
        for place in &*self.lock() {
            if let Ok(mut run) = place.slot.try_lock() {
                run.take();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Place>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distant_places_have_processes_of_their_own() {
        let runs = Runs::default();
        let (first, second) = (runs.slot(0), runs.slot(100));
        assert!(!Arc::ptr_eq(&first, &second));
        for number in 1..20 {
            assert!(Arc::ptr_eq(&runs.slot(number), &first), "{number}");
            assert!(Arc::ptr_eq(&runs.slot(100 + number), &second), "{number}");
        }
    }

    #[test]
    fn who_waits_keeps_the_process() {
        let runs = Runs::default();
        let slots: Vec<_> = (0..MOST as u64).map(|at| runs.slot(at * 100)).collect();
        let waiting = slots[0].try_lock().unwrap();
        assert!(Arc::ptr_eq(&runs.slot(1000), &slots[1]));
        assert!(Arc::ptr_eq(&runs.slot(2000), &slots[2]));
        drop(waiting);
        assert!(Arc::ptr_eq(&runs.slot(3000), &slots[0]));
    }

    #[test]
    fn only_what_has_a_process_gives_it_away() {
        let runs = Runs::default();
        let (own, other) = (runs.slot(0), runs.slot(100));
        assert!(runs.beside(&own).is_none());
        let _making = other.try_lock().unwrap();
        assert!(Arc::ptr_eq(&runs.beside(&own).unwrap(), &other));
        assert!(runs.beside(&other).is_none());
    }
}
