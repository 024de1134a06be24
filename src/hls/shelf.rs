//! Segments that were made, or read from disk, when somebody asked, kept for whoever asks next.
//!
//! Everybody who asks for the same segment waits for one making of it.

use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use lru::LruCache;
use tokio::sync::OnceCell;

/// A cache of segments within a budget of bytes; what `K` tells one from all others by.
#[derive(Debug)]
pub(super) struct Shelf<K: Eq + Hash> {
    slots: Mutex<Slots<K>>,
}

#[derive(Debug)]
struct Slots<K: Eq + Hash> {
    lru: LruCache<K, Arc<OnceCell<Bytes>>>,
    bytes: usize,
}

impl<K: Eq + Hash> Default for Shelf<K> {
    fn default() -> Self {
        let slots = Slots {
            lru: LruCache::unbounded(),
            bytes: 0,
        };
        Self {
            slots: Mutex::new(slots),
        }
    }
}

impl<K: Clone + Eq + Hash> Shelf<K> {
    /// The bytes of a segment, made by `make` unless they are here; all segments together are kept
    /// to about `budget` bytes. Cancel safe: another who waits makes it then, and nothing is left without one.
    ///
    /// # Errors
    /// Those of `make`; whoever asks next tries again.
    pub(super) async fn get<E>(
        &self,
        key: K,
        budget: usize,
        make: impl AsyncFnOnce() -> Result<Bytes, E>,
    ) -> Result<Bytes, E> {
        let cell = Arc::clone(self.lock().lru.get_or_insert(key.clone(), Arc::default));
        let wish = Wish {
            shelf: self,
            key,
            cell,
        };
        let made = wish.cell.get_or_try_init(async || {
            let bytes = make().await?;
            self.lock().bytes += bytes.len();
            Ok(bytes)
        });
        let bytes = made.await?.clone();
        self.lock().shrink(budget);
        Ok(bytes)
    }

    /// Bytes of all segments that are kept.
    pub(super) fn bytes(&self) -> usize {
        self.lock().bytes
    }

    fn lock(&self) -> MutexGuard<'_, Slots<K>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody who waits for a segment. The place of one that was not made goes with the last of them.
struct Wish<'s, K: Clone + Eq + Hash> {
    shelf: &'s Shelf<K>,
    key: K,
    cell: Arc<OnceCell<Bytes>>,
}

impl<K: Clone + Eq + Hash> Drop for Wish<'_, K> {
    fn drop(&mut self) {
        self.shelf.lock().forget(&self.key, &self.cell);
    }
}

impl<K: Clone + Eq + Hash> Slots<K> {
    /// Drops the segments that were not asked for the longest, but none that is being made.
    fn shrink(&mut self, budget: usize) {
        let mut spared = 0;
        while self.bytes > budget && spared < self.lru.len() {
            let Some((key, cell)) = self.lru.pop_lru() else {
                return;
            };
            match cell.get() {
                Some(bytes) => self.bytes -= bytes.len(),
                None => {
                    spared += 1;
                    self.lru.put(key, cell);
                }
            }
        }
    }

    /// Drops the place of a segment that was not made, unless somebody else waits for it.
    fn forget(&mut self, key: &K, cell: &Arc<OnceCell<Bytes>>) {
        // One here, one of who forgets it.
        let is_unused = Arc::strong_count(cell) <= 2 && !cell.initialized();
        if is_unused
            && self
                .lru
                .peek(key)
                .is_some_and(|kept| Arc::ptr_eq(kept, cell))
        {
            self.lru.pop(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    async fn fill(shelf: &Shelf<u64>, sequence: u64) {
        let make = async || Ok::<_, Infallible>(Bytes::from(vec![0; 100]));
        shelf.get(sequence, 250, make).await.unwrap();
    }

    #[tokio::test]
    async fn segments_are_made_once_for_all_who_wait() {
        let shelf = Shelf::default();
        let made = std::cell::Cell::new(0);
        let ask = || {
            shelf.get(7, 1000, async || {
                tokio::task::yield_now().await;
                made.set(made.get() + 1);
                Ok::<_, Infallible>(Bytes::from_static(b"segment"))
            })
        };
        let all = futures::future::join_all([ask(), ask(), ask()]).await;
        assert!(all.iter().all(|bytes| bytes.as_deref() == Ok(b"segment")));
        assert_eq!((made.get(), shelf.bytes()), (1, 7));
    }

    #[tokio::test]
    async fn what_was_not_asked_for_the_longest_goes_first() {
        let shelf = Shelf::default();
        for sequence in [1, 2, 1, 3] {
            fill(&shelf, sequence).await;
        }
        assert_eq!(shelf.bytes(), 200);
        let there = |sequence| shelf.lock().lru.contains(&sequence);
        assert!(there(1) && !there(2) && there(3));
    }

    #[tokio::test]
    async fn who_goes_away_leaves_nothing() {
        let shelf = Shelf::default();
        let wait = || {
            let never = async || std::future::pending::<Result<Bytes, Infallible>>().await;
            Box::pin(shelf.get(1, 250, never))
        };
        let (mut first, mut second) = (wait(), wait());
        assert!(futures::poll!(&mut first).is_pending());
        assert!(futures::poll!(&mut second).is_pending());
        drop(first);
        assert!(shelf.lock().lru.contains(&1), "somebody still waits");
        drop(second);
        assert!(shelf.lock().lru.is_empty());
    }

    #[tokio::test]
    async fn who_fails_leaves_nothing() {
        let shelf = Shelf::default();
        let failed = shelf.get(1, 250, async || Err("no")).await;
        assert_eq!(failed, Err("no"));
        assert!(shelf.lock().lru.is_empty());
        fill(&shelf, 1).await;
        assert_eq!(shelf.bytes(), 100);
    }
}
