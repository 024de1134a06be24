//! The encoders that upload at the moment, and what has happened with them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::base::path::MediaPath;
use crate::codec::elementary::Coding;
use crate::source::Failures;
use crate::source::upload_feed::Content;

/// All uploads of a server.
#[derive(Debug, Default)]
pub struct Uploads {
    table: Mutex<Table>,
    received_bytes: AtomicU64,
    skipped_bytes: AtomicU64,
    refused: AtomicU64,
    /// Why they ended.
    pub(super) failures: Failures,
}

#[derive(Debug, Default)]
struct Table {
    open: Vec<Entry>,
    begun: [u64; KINDS.len()],
    last: u64,
}

#[derive(Debug)]
struct Entry {
    id: u64,
    path: MediaPath,
    content: Content,
    title: Option<String>,
}

/// What an encoder says that it uploads, in words for metrics.
pub(super) const KINDS: [&str; 4] = ["mpeg_audio", "aac", "ts", "untold"];

fn kind(content: Content) -> usize {
    match content {
        Content::Radio(Coding::Adts) => 1,
        Content::Radio(_) => 0,
        Content::Ts => 2,
        Content::Untold => 3,
    }
}

impl Uploads {
    /// Notes an upload for as long as the guard is held.
    pub(super) fn begin(self: &Arc<Self>, path: &MediaPath, content: Content) -> OpenUpload {
        let mut table = self.table();
        table.last += 1;
        let id = table.last;
        table.open.push(Entry {
            id,
            path: path.clone(),
            content,
            title: None,
        });
        if let Some(begun) = table.begun.get_mut(kind(content)) {
            *begun += 1;
        }
        OpenUpload {
            uploads: Arc::clone(self),
            id,
        }
    }

    /// The channel of the only encoder that sends no transport stream.
    pub(super) fn only_radio(&self) -> Option<MediaPath> {
        let table = self.table();
        let mut radio = table.open.iter().filter(|one| one.content != Content::Ts);
        let path = radio.next()?.path.clone();
        radio.next().is_none().then_some(path)
    }

    /// Whether somebody uploads under that name.
    pub(super) fn has(&self, path: &MediaPath) -> bool {
        self.table().open.iter().any(|one| one.path == *path)
    }

    /// Keeps the title of what an encoder sends; it may tell it before its first frame.
    pub(super) fn set_title(&self, path: &MediaPath, title: &str) {
        let mut table = self.table();
        if let Some(entry) = table.open.iter_mut().rfind(|one| one.path == *path) {
            entry.title = Some(title.to_owned());
        }
    }

    /// The title that an encoder told last.
    pub(super) fn title(&self, path: &MediaPath) -> Option<String> {
        let table = self.table();
        let entry = table.open.iter().rfind(|one| one.path == *path);
        entry?.title.clone()
    }

    /// Bytes of bodies have been read.
    pub(super) fn received(&self, bytes: usize) {
        self.received_bytes
            .fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Bytes of them were passed over.
    pub(super) fn skipped(&self, bytes: u64) {
        self.skipped_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// An encoder was turned away.
    pub(super) fn refuse(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// How many are open, and have begun so far, of each of [`KINDS`].
    pub(super) fn of_kinds(&self) -> [(&'static str, u64, u64); KINDS.len()] {
        let table = self.table();
        std::array::from_fn(|index| {
            let open = table.open.iter().filter(|one| kind(one.content) == index);
            (KINDS[index], open.count() as u64, table.begun[index])
        })
    }

    /// Bytes of bodies so far.
    pub(super) fn received_bytes(&self) -> u64 {
        self.received_bytes.load(Ordering::Relaxed)
    }

    /// Bytes that were passed over so far.
    pub(super) fn skipped_bytes(&self) -> u64 {
        self.skipped_bytes.load(Ordering::Relaxed)
    }

    /// How many were turned away so far.
    pub(super) fn refusals(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One upload, open until this is dropped.
#[derive(Debug)]
pub(super) struct OpenUpload {
    uploads: Arc<Uploads>,
    id: u64,
}

impl OpenUpload {
    /// The uploads that it is one of.
    pub(super) fn uploads(&self) -> &Uploads {
        &self.uploads
    }
}

impl Drop for OpenUpload {
    fn drop(&mut self) {
        let mut table = self.uploads.table();
        table.open.retain(|one| one.id != self.id);
    }
}
