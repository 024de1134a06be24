//! The newest pieces of an endless stream, from which all its listeners read.
//!
//! This is the bounded queue of each of them: a listener has a place in it and nothing more, and one
//! whose place has gone was too slow.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;

/// A piece of the stream.
#[derive(Clone, Debug)]
pub(super) struct Chunk {
    pub(super) bytes: Bytes,
    /// Whether a player can begin with it.
    pub(super) is_start: bool,
    /// When the last of it came in.
    pub(super) at: Instant,
}

/// What is found at a place of the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Chunk(Bytes),
    /// It has not come yet.
    Nothing,
    /// It has gone.
    Gone,
}

/// So much of the stream lies before a listener that joins, if there is so much: players fill a
/// buffer before they begin.
const LEAD: Duration = Duration::from_secs(2);

#[derive(Debug, Default)]
pub(super) struct Chunks {
    held: VecDeque<Chunk>,
    /// The place of the oldest chunk held.
    first: u64,
    bytes: usize,
}

impl Chunks {
    /// Adds a chunk, and drops the oldest ones beyond the bounds; but the start that comes before
    /// [`LEAD`] stays, unless that is too many bytes.
    pub(super) fn push(&mut self, chunk: Chunk, most_bytes: usize, most_time: Duration) {
        self.bytes += chunk.bytes.len();
        let now = chunk.at;
        self.held.push_back(chunk);
        let needed = self.start();
        while let Some(oldest) = self.held.front().filter(|_| self.held.len() > 1) {
            let is_old = now.saturating_duration_since(oldest.at) > most_time;
            if self.bytes <= most_bytes && !(is_old && self.first < needed) {
                break;
            }
            self.bytes -= oldest.bytes.len();
            self.held.pop_front();
            self.first += 1;
        }
    }

    /// The place after the newest chunk.
    pub(super) fn head(&self) -> u64 {
        self.first + self.held.len() as u64
    }

    /// Where a listener that joins begins: the newest start that has [`LEAD`] behind it, or the oldest
    /// one; the head where there is none.
    pub(super) fn start(&self) -> u64 {
        let Some(newest) = self.held.back().map(|chunk| chunk.at) else {
            return self.head();
        };
        let has_lead = |chunk: &Chunk| newest.saturating_duration_since(chunk.at) >= LEAD;
        let starts = || {
            (self.first..)
                .zip(&self.held)
                .filter(|(_, chunk)| chunk.is_start)
        };
        let with_lead = starts().take_while(|(_, chunk)| has_lead(chunk)).last();
        with_lead
            .or_else(|| starts().next())
            .map_or_else(|| self.head(), |(place, _)| place)
    }

    /// What is at a place.
    pub(super) fn at(&self, place: u64) -> Found {
        let Some(index) = place.checked_sub(self.first) else {
            return Found::Gone;
        };
        let chunk = usize::try_from(index).ok().and_then(|at| self.held.get(at));
        chunk.map_or(Found::Nothing, |chunk| Found::Chunk(chunk.bytes.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Clock;

    const MOST: usize = 1000;

    /// Chunks of 10 bytes, one each half second, of which those in `starts` are starts.
    fn chunks(count: u32, starts: &[u32], most_bytes: usize, most_time: u64) -> Chunks {
        let start = Clock::start().started();
        let mut chunks = Chunks::default();
        for number in 0..count {
            let chunk = Chunk {
                bytes: vec![number as u8; 10].into(),
                is_start: starts.contains(&number),
                at: start + Duration::from_millis(500) * number,
            };
            chunks.push(chunk, most_bytes, Duration::from_secs(most_time));
        }
        chunks
    }

    #[test]
    fn a_listener_begins_where_a_player_can_and_has_something_to_buffer() {
        for (count, starts, place) in [
            (0, &[][..], 0),
            (3, &[], 3),
            (3, &[0, 1, 2], 0),
            (9, &[0, 1, 2, 3, 4, 5, 6, 7, 8], 4),
            (9, &[0, 5], 0),
            (10, &[0, 5], 5),
            (2, &[1], 1),
        ] {
            assert_eq!(chunks(count, starts, MOST, 99).start(), place, "{starts:?}");
        }
    }

    #[test]
    fn what_is_too_old_goes_but_not_the_last_start() {
        let every: Vec<u32> = (0..40).collect();
        let kept = chunks(40, &every, MOST, 5);
        assert_eq!((kept.first, kept.head(), kept.start()), (29, 40, 35));
        assert_eq!(kept.at(28), Found::Gone);
        assert_eq!(kept.at(39), Found::Chunk(vec![39; 10].into()));
        assert_eq!(kept.at(40), Found::Nothing);
        assert_eq!(chunks(40, &[3], MOST, 5).first, 3);
    }

    #[test]
    fn bytes_are_bounded_in_any_case() {
        let kept = chunks(40, &[3], 55, 99);
        assert_eq!((kept.held.len(), kept.bytes), (5, 50));
        assert_eq!(chunks(3, &[0], 5, 99).held.len(), 1);
    }
}
