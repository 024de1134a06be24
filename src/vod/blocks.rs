//! The read-ahead cache: blocks of media files, read once for all viewers.
//!
//! A viewer asks for a range and gets it at once or learns which block to wait
//! for; the reading happens on blocking threads. The first touch of a block
//! also starts the next one, so a viewer that plays on rarely waits.

use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use lru::LruCache;
use tokio::sync::Notify;
use tracing::warn;

use super::file::MediaFile;
use crate::container::ReadAt;

/// Bytes of one block, and so of one read.
pub(super) const BLOCK: u64 = 256 * 1024;

/// The longest range that a viewer may ask for at once: more than any sane sample.
pub(super) const MAX_FETCH: u32 = 16 * 1024 * 1024;

/// A cache of file blocks within a budget of bytes.
#[derive(Debug)]
pub struct Blocks {
    cache: Mutex<Cache>,
    budget: u64,
    reads: AtomicU64,
    read_bytes: AtomicU64,
    failures: AtomicU64,
}

/// What the cache has done since the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockCounts {
    /// Reads from files.
    pub reads: u64,
    /// Bytes read from files.
    pub read_bytes: u64,
    /// Reads that failed.
    pub failures: u64,
    /// Bytes held now.
    pub held_bytes: u64,
}

/// A range of a file, or why it is not there yet.
#[derive(Debug)]
pub enum Fetch {
    /// The bytes of the whole range.
    Ready(Bytes),
    /// Not yet: a read of this block is under way.
    Wait(BlockId),
    /// It cannot be read.
    Failed,
}

/// A block of a file, to wait for.
#[derive(Clone, Debug)]
pub struct BlockId {
    file: Arc<MediaFile>,
    number: u64,
}

type Key = (u64, u64);

#[derive(Debug)]
struct Cache {
    slots: LruCache<Key, Slot>,
    bytes: u64,
}

#[derive(Debug)]
enum Slot {
    Loading(Arc<Notify>),
    /// `followed` once the next block has been asked for.
    Loaded {
        bytes: Bytes,
        followed: bool,
    },
    Failed,
}

enum Looked {
    Loaded(Bytes),
    Loading(Arc<Notify>),
    Failed,
}

impl Blocks {
    /// An empty cache that keeps at most about `budget` bytes.
    pub fn new(budget: u64) -> Self {
        Self {
            cache: Mutex::new(Cache {
                slots: LruCache::unbounded(),
                bytes: 0,
            }),
            budget,
            reads: AtomicU64::new(0),
            read_bytes: AtomicU64::new(0),
            failures: AtomicU64::new(0),
        }
    }

    /// The bytes of `range`, if the blocks that hold it are here; starts reading those that are not.
    ///
    /// Must be called within the async runtime. A range of more than [`MAX_FETCH`]
    /// bytes, or past the end of the file, has failed.
    pub fn fetch(self: &Arc<Self>, file: &Arc<MediaFile>, offset: u64, length: u32) -> Fetch {
        let Some(end) = offset.checked_add(u64::from(length)) else {
            return Fetch::Failed;
        };
        if length > MAX_FETCH || end > file.size() {
            return Fetch::Failed;
        }
        if length == 0 {
            return Fetch::Ready(Bytes::new());
        }
        let (first, last) = (offset / BLOCK, (end - 1) / BLOCK);
        if first == last {
            return self.fetch_one(
                file,
                first,
                (offset % BLOCK) as usize..(end - first * BLOCK) as usize,
            );
        }
        self.fetch_across(file, offset, end)
    }

    /// Waits until a block has been read.
    ///
    /// Cancel-safe: the read goes on without the waiter.
    ///
    /// # Errors
    /// When the block cannot be read.
    pub async fn wait(self: &Arc<Self>, block: &BlockId) -> io::Result<()> {
        loop {
            let loading = {
                let mut cache = self.lock();
                match self.look(&mut cache, &block.file, block.number) {
                    Looked::Loaded(_) => return Ok(()),
                    Looked::Failed => {
                        return Err(io::Error::other("a block of the movie cannot be read"));
                    }
                    Looked::Loading(loading) => loading.notified_owned(),
                }
            };
            loading.await;
        }
    }

    /// What the cache has done.
    pub fn counts(&self) -> BlockCounts {
        BlockCounts {
            reads: self.reads.load(Ordering::Relaxed),
            read_bytes: self.read_bytes.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
            held_bytes: self.lock().bytes,
        }
    }

    fn fetch_one(
        self: &Arc<Self>,
        file: &Arc<MediaFile>,
        number: u64,
        within: Range<usize>,
    ) -> Fetch {
        match self.look(&mut self.lock(), file, number) {
            Looked::Loaded(bytes) if within.end <= bytes.len() => Fetch::Ready(bytes.slice(within)),
            Looked::Loading(_) => Fetch::Wait(BlockId {
                file: Arc::clone(file),
                number,
            }),
            Looked::Loaded(_) | Looked::Failed => Fetch::Failed,
        }
    }

    fn fetch_across(self: &Arc<Self>, file: &Arc<MediaFile>, offset: u64, end: u64) -> Fetch {
        let mut joined = BytesMut::with_capacity((end - offset) as usize);
        for number in offset / BLOCK..=(end - 1) / BLOCK {
            let from = offset.max(number * BLOCK) - number * BLOCK;
            let to = end.min((number + 1) * BLOCK) - number * BLOCK;
            match self.fetch_one(file, number, from as usize..to as usize) {
                Fetch::Ready(bytes) => joined.extend_from_slice(&bytes),
                other => return other,
            }
        }
        Fetch::Ready(joined.freeze())
    }

    /// Looks a block up, and starts reading it or the one after it where that is due.
    fn look(self: &Arc<Self>, cache: &mut Cache, file: &Arc<MediaFile>, number: u64) -> Looked {
        let key = (file.number(), number);
        match cache.slots.get_mut(&key) {
            Some(Slot::Loaded { bytes, followed }) => {
                let bytes = bytes.clone();
                if !std::mem::replace(followed, true) {
                    self.start(cache, file, number + 1);
                }
                Looked::Loaded(bytes)
            }
            Some(Slot::Loading(loading)) => Looked::Loading(Arc::clone(loading)),
            Some(Slot::Failed) => {
                // Whoever asks next tries again: a failing disk may recover.
                cache.slots.pop(&key);
                Looked::Failed
            }
            None => self
                .start(cache, file, number)
                .map_or(Looked::Failed, Looked::Loading),
        }
    }

    /// Starts reading a block that lies in the file and is not here yet.
    fn start(
        self: &Arc<Self>,
        cache: &mut Cache,
        file: &Arc<MediaFile>,
        number: u64,
    ) -> Option<Arc<Notify>> {
        let key = (file.number(), number);
        let offset = number
            .checked_mul(BLOCK)
            .filter(|offset| *offset < file.size())?;
        if cache.slots.contains(&key) {
            return None;
        }
        let loading = Arc::new(Notify::new());
        cache.slots.put(key, Slot::Loading(Arc::clone(&loading)));
        let (blocks, file) = (Arc::clone(self), Arc::clone(file));
        tokio::task::spawn_blocking(move || blocks.read(&file, key, offset));
        Some(loading)
    }

    fn read(&self, file: &MediaFile, key: Key, offset: u64) {
        let mut bytes = vec![0; (file.size() - offset).min(BLOCK) as usize];
        let read = file.read_at(offset, &mut bytes);
        self.reads.fetch_add(1, Ordering::Relaxed);
        let mut cache = self.lock();
        let slot = match read {
            Ok(()) => {
                self.read_bytes
                    .fetch_add(bytes.len() as u64, Ordering::Relaxed);
                cache.bytes += bytes.len() as u64;
                Slot::Loaded {
                    bytes: bytes.into(),
                    followed: false,
                }
            }
            Err(error) => {
                self.failures.fetch_add(1, Ordering::Relaxed);
                warn!(file = %file.path().display(), offset, %error, "reading a block of a movie failed");
                Slot::Failed
            }
        };
        if let Some(Slot::Loading(waiting)) = cache.slots.put(key, slot) {
            waiting.notify_waiters();
        }
        cache.shrink(self.budget);
    }

    fn lock(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cache {
    /// Drops the blocks that were not asked for the longest; one that is being read stays.
    fn shrink(&mut self, budget: u64) {
        let mut spared = 0;
        while self.bytes > budget && spared < self.slots.len() {
            let Some((key, slot)) = self.slots.pop_lru() else {
                return;
            };
            match slot {
                Slot::Loaded { bytes, .. } => self.bytes -= bytes.len() as u64,
                Slot::Loading(_) => {
                    spared += 1;
                    self.slots.put(key, slot);
                }
                Slot::Failed => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::super::file::FileNumbers;
    use super::*;

    fn file_of(size: usize) -> Arc<MediaFile> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let bytes: Vec<u8> = (0..size).map(|at| (at / 1000) as u8).collect();
        file.write_all(&bytes).unwrap();
        Arc::new(MediaFile::open(file.path(), &FileNumbers::default()).unwrap())
    }

    async fn fetched(
        blocks: &Arc<Blocks>,
        file: &Arc<MediaFile>,
        offset: u64,
        length: u32,
    ) -> Option<Bytes> {
        loop {
            match blocks.fetch(file, offset, length) {
                Fetch::Ready(bytes) => return Some(bytes),
                Fetch::Wait(block) => blocks.wait(&block).await.ok()?,
                Fetch::Failed => return None,
            }
        }
    }

    #[tokio::test]
    async fn many_viewers_read_a_file_once() {
        let (blocks, file) = (
            Arc::new(Blocks::new(1 << 30)),
            file_of(3 * BLOCK as usize + 10),
        );
        let viewers = (0..20).map(|_| fetched(&blocks, &file, BLOCK - 5, 2 * BLOCK as u32));
        for bytes in futures::future::join_all(viewers).await {
            let bytes = bytes.unwrap();
            assert_eq!(bytes.len(), 2 * BLOCK as usize);
            assert_eq!(bytes[5], (BLOCK / 1000) as u8);
        }
        assert!(blocks.counts().reads <= 4, "{:?}", blocks.counts());
    }

    #[tokio::test]
    async fn the_budget_holds() {
        let (blocks, file) = (
            Arc::new(Blocks::new(2 * BLOCK)),
            file_of(8 * BLOCK as usize),
        );
        for number in 0..8 {
            assert!(fetched(&blocks, &file, number * BLOCK, 100).await.is_some());
        }
        assert!(
            blocks.counts().held_bytes <= 2 * BLOCK,
            "{:?}",
            blocks.counts()
        );
    }

    #[tokio::test]
    async fn what_lies_past_the_end_has_failed() {
        let (blocks, file) = (Arc::new(Blocks::new(BLOCK)), file_of(100));
        assert!(fetched(&blocks, &file, 90, 11).await.is_none());
        assert!(fetched(&blocks, &file, u64::MAX, 1).await.is_none());
        assert_eq!(fetched(&blocks, &file, 90, 10).await.unwrap().len(), 10);
    }
}
