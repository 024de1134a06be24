//! Segments that were made of movies, kept for whoever asks next, within a budget of bytes.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Bytes;
use lru::LruCache;

use crate::hls::part::Segment;
use crate::hls::transport::Transport;
use crate::hls::units::START;

/// A segment that was made.
#[derive(Debug)]
pub(super) struct Print {
    pub(super) segment: Segment,
    /// What tells it from all others of its name: a process that begins elsewhere makes other bytes.
    pub(super) version: u64,
    /// The same for old players, once one has asked.
    stream: OnceLock<Option<Bytes>>,
}

/// The segments of all movies.
#[derive(Debug)]
pub(super) struct Stock(Mutex<Kept>);

#[derive(Debug)]
struct Kept {
    /// By the number of what one playlist plays, and that of the segment.
    prints: LruCache<(u32, u64), Counted>,
    bytes: usize,
}

#[derive(Debug)]
struct Counted {
    print: Arc<Print>,
    /// For how many bytes it counts.
    bytes: usize,
}

impl Default for Stock {
    fn default() -> Self {
        Self(Mutex::new(Kept {
            prints: LruCache::unbounded(),
            bytes: 0,
        }))
    }
}

impl Print {
    fn size(&self) -> usize {
        let stream = self.stream.get().and_then(Option::as_ref);
        self.segment.size() + stream.map_or(0, Bytes::len)
    }
}

impl Stock {
    pub(super) fn get(&self, movie: u32, number: u64) -> Option<Arc<Print>> {
        let mut kept = self.lock();
        let counted = kept.prints.get(&(movie, number))?;
        Some(Arc::clone(&counted.print))
    }

    /// Adds a segment; those that were not asked for the longest go, so that all together have at
    /// most `budget` bytes, but for this one.
    pub(super) fn put(&self, movie: u32, segment: Segment, budget: usize) -> Arc<Print> {
        let key = (movie, segment.head.sequence);
        let print = Arc::new(Print {
            segment,
            version: rand::random(),
            stream: OnceLock::new(),
        });
        let counted = Counted {
            print: Arc::clone(&print),
            bytes: print.size(),
        };
        let mut kept = self.lock();
        kept.bytes += counted.bytes;
        if let Some(old) = kept.prints.put(key, counted) {
            kept.bytes -= old.bytes;
        }
        kept.shrink(budget);
        print
    }

    /// A segment for old players, made once for all who ask while it is kept; `None` where it holds nothing that a
    /// transport stream carries.
    pub(super) fn stream(&self, movie: u32, print: &Arc<Print>, budget: usize) -> Option<Bytes> {
        let make = || Transport::alone(&print.segment.delayed(START));
        let stream = print.stream.get_or_init(make).clone();
        let mut kept = self.lock();
        let Kept { prints, bytes } = &mut *kept;
        let counted = prints.peek_mut(&(movie, print.segment.head.sequence));
        if let Some(counted) = counted.filter(|counted| Arc::ptr_eq(&counted.print, print)) {
            *bytes = *bytes - counted.bytes + print.size();
            counted.bytes = print.size();
        }
        kept.shrink(budget);
        stream
    }

    /// Bytes of all of them.
    pub(super) fn bytes(&self) -> usize {
        self.lock().bytes
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn shrink(&mut self, budget: usize) {
        while self.bytes > budget && self.prints.len() > 1 {
            let Some((_, oldest)) = self.prints.pop_lru() else {
                break;
            };
            self.bytes -= oldest.bytes;
        }
    }
}
