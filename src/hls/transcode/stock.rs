//! Segments that were made of movies, kept for whoever asks next, within a budget of bytes.

use std::sync::{Mutex, MutexGuard, PoisonError};

use lru::LruCache;

use crate::hls::part::Segment;

/// The segments of all movies.
#[derive(Debug)]
pub(super) struct Stock(Mutex<Kept>);

#[derive(Debug)]
struct Kept {
    /// By the number of the movie, and that of the segment.
    segments: LruCache<(u32, u64), Segment>,
    bytes: usize,
}

impl Default for Stock {
    fn default() -> Self {
        Self(Mutex::new(Kept {
            segments: LruCache::unbounded(),
            bytes: 0,
        }))
    }
}

impl Stock {
    pub(super) fn get(&self, movie: u32, number: u64) -> Option<Segment> {
        self.lock().segments.get(&(movie, number)).cloned()
    }

    /// Adds a segment; those that were not asked for the longest go, so that all together have at
    /// most `budget` bytes, but for this one.
    pub(super) fn put(&self, movie: u32, segment: Segment, budget: usize) {
        let mut kept = self.lock();
        kept.bytes += segment.size();
        let key = (movie, segment.head.sequence);
        if let Some(old) = kept.segments.put(key, segment) {
            kept.bytes -= old.size();
        }
        while kept.bytes > budget && kept.segments.len() > 1 {
            let Some((_, oldest)) = kept.segments.pop_lru() else {
                break;
            };
            kept.bytes -= oldest.size();
        }
    }

    /// Bytes of all of them.
    pub(super) fn bytes(&self) -> usize {
        self.lock().bytes
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
