//! The numbers that what is packaged begins with: no lower than any that its players have seen, also after a restart.
//!
//! A channel goes on where it was. What is kept on disk of that is ahead of what is in use, so that it is seldom
//! written, and a server that was killed leaves out a few numbers at most; one that stops keeps them exactly. A channel
//! of which nothing is known begins with the time: media sequence numbers with that in seconds, for segments last for a
//! second as a rule, and discontinuities with that in days: hls.js walks through all numbers below theirs each
//! time that it reloads a playlist, so that they have to be small.

mod record;

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use tokio::sync::Notify;
use tokio::time::sleep;
use tracing::warn;

use super::spooling::blocking;
use crate::base::clock::Clock;
use crate::base::path::MediaPath;

/// How far the channels of a server are.
#[derive(Debug)]
pub(super) struct Numbers {
    file: PathBuf,
    table: Mutex<Table>,
    /// Told when the file has to be written.
    due: Notify,
    /// Held by whoever writes the file.
    writing: Mutex<()>,
}

#[derive(Debug)]
struct Table {
    channels: HashMap<MediaPath, Known>,
    /// How far the file is to be ahead.
    ahead: u64,
}

/// What a channel goes on with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Numbering {
    /// The media sequence number of its next segment.
    pub(super) sequence: u64,
    /// That of its next key frame in their own playlist.
    pub(super) frame: u64,
    /// The discontinuity sequence number that it has come to.
    pub(super) discontinuity: u64,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    next: Numbering,
    /// What the file says.
    kept: Numbering,
}

/// So many channels are known at most; of others, the one with the lowest numbers is forgotten.
const MOST: usize = 4096;

/// How far the file is ahead when it is written. Half of it is left when it has to be written again: segments for some
/// seconds, in which that is done.
const AHEAD: u64 = 32;

/// After a failure, the next attempt comes so much later.
const RETRY: Duration = Duration::from_secs(10);

impl Numbers {
    /// As an earlier server left them in the folder `state`. If the file cannot be written, nothing is known, for what
    /// it says may be old then.
    pub(super) fn open(state: &Path) -> Self {
        let file = state.join("numbers");
        let channels = match fs::read_to_string(&file) {
            Ok(text) => record::read(&text).unwrap_or_else(|| {
                warn!(file = %file.display(), "it is damaged: numbers of segments begin with the time");
                HashMap::new()
            }),
            Err(_) => HashMap::new(),
        };
        let known = |(channel, next)| (channel, Known { next, kept: next });
        let numbers = Self {
            file,
            table: Mutex::new(Table {
                channels: channels.into_iter().take(MOST).map(known).collect(),
                ahead: AHEAD,
            }),
            due: Notify::new(),
            writing: Mutex::default(),
        };
        if let Err(error) = numbers.write() {
            numbers.warn(&error);
            numbers.table().channels.clear();
        }
        numbers
    }

    /// What is made of these channels together begins with that.
    pub(super) fn first(&self, channels: &[MediaPath], clock: Clock) -> Numbering {
        let table = self.table();
        let known = |channel| table.channels.get(channel).map(|known| known.next);
        let all = channels.iter().filter_map(known);
        let count = all.clone().count();
        // Of a channel that is not in a full table, something may have been known.
        let is_sure = count == channels.len() || count > 0 && table.channels.len() < MOST;
        let time = (!is_sure).then(|| now(clock));
        all.chain(time).reduce(Numbering::max).unwrap_or_default()
    }

    /// What a channel goes on with, if something is known of it.
    pub(super) fn known(&self, channel: &MediaPath) -> Option<Numbering> {
        let known = self.table().channels.get(channel).copied()?;
        Some(known.next)
    }

    /// A channel goes on with these, or with higher ones.
    pub(super) fn reach(&self, channel: &MediaPath, next: Numbering) {
        let mut table = self.table();
        if !table.channels.contains_key(channel) && table.channels.len() >= MOST {
            table.forget_least();
        }
        let ahead = table.ahead;
        let unknown = Known {
            next,
            kept: Numbering::default(),
        };
        let known = table.channels.entry(channel.clone()).or_insert(unknown);
        known.next = known.next.max(next);
        if !known.next.later(ahead / 2).is_within(known.kept) {
            self.due.notify_one();
        }
    }

    /// Keeps on disk how far the channels are, for as long as it is polled. Cancel safe.
    pub(super) async fn keep(self: &Arc<Self>) {
        let mut has_failed = false;
        loop {
            self.due.notified().await;
            let result = self.save().await;
            if let Err(error) = &result {
                if !has_failed {
                    self.warn(error);
                }
                sleep(RETRY).await;
            }
            has_failed = result.is_err();
        }
    }

    /// Brings to disk how far they are exactly, for none of them goes on before the next start.
    pub(super) async fn finish(self: &Arc<Self>) {
        self.table().ahead = 0;
        if let Err(error) = self.save().await {
            self.warn(&error);
        }
    }

    fn warn(&self, error: &io::Error) {
        warn!(%error, file = %self.file.display(), "numbers of segments cannot be kept: after a restart they begin with the time");
    }

    async fn save(self: &Arc<Self>) -> io::Result<()> {
        let numbers = Arc::clone(self);
        blocking(move || numbers.write()).await
    }

    /// Brings to disk how far they are now, if anything is known.
    fn write(&self) -> io::Result<()> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let bounds = self.table().bounds();
        if bounds.is_empty() {
            return Ok(());
        }
        let text = record::written(&bounds);
        let new = self.file.with_extension("new");
        let written = self.folder().and_then(|()| fs::write(&new, text));
        let written = written.and_then(|()| fs::rename(&new, &self.file));
        match written {
            Ok(()) => self.table().keep(bounds),
            // What it says gets old, and to know nothing is better than that.
            Err(_) => drop(fs::remove_file(&self.file)),
        }
        written
    }

    /// Makes the folder that the file is in, if it is not there.
    fn folder(&self) -> io::Result<()> {
        self.file.parent().map_or(Ok(()), fs::create_dir_all)
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// What is to be on disk of each channel.
    fn bounds(&self) -> Vec<(MediaPath, Numbering)> {
        let bound = |(channel, known): (&MediaPath, &Known)| {
            let bound = known.next.later(self.ahead);
            (channel.clone(), bound)
        };
        self.channels.iter().map(bound).collect()
    }

    /// This is on disk now.
    fn keep(&mut self, bounds: Vec<(MediaPath, Numbering)>) {
        for (channel, bound) in bounds {
            if let Some(known) = self.channels.get_mut(&channel) {
                known.kept = bound;
            }
        }
    }

    fn forget_least(&mut self) {
        let numbers = self.channels.iter();
        let least = numbers.min_by_key(|(_, known)| known.next.sequence);
        if let Some(channel) = least.map(|(channel, _)| channel.clone()) {
            self.channels.remove(&channel);
        }
    }
}

impl Numbering {
    /// The higher one of each.
    fn max(self, other: Self) -> Self {
        Self {
            sequence: self.sequence.max(other.sequence),
            frame: self.frame.max(other.frame),
            discontinuity: self.discontinuity.max(other.discontinuity),
        }
    }

    /// So many segments and key frames later.
    fn later(self, count: u64) -> Self {
        Self {
            sequence: self.sequence.saturating_add(count),
            frame: self.frame.saturating_add(count),
            ..self
        }
    }

    /// Whether none of it is higher than that of `bound`.
    fn is_within(self, bound: Self) -> bool {
        self.max(bound) == bound
    }
}

/// What begins with the time.
fn now(clock: Clock) -> Numbering {
    const SECONDS_OF_DAY: u64 = 86_400;
    let wall = clock.wall(clock.now()).duration_since(UNIX_EPOCH);
    let seconds = wall.map_or(0, |since| since.as_secs());
    Numbering {
        sequence: seconds,
        frame: seconds,
        discontinuity: seconds / SECONDS_OF_DAY,
    }
}

#[cfg(test)]
mod tests;
