//! The numbers that what is packaged begins with: no lower than any that its players have seen, also after a restart.
//!
//! Media sequence numbers begin with the time in seconds, and segments last for a second as a rule. Discontinuities
//! are counted from the day on: hls.js walks through all numbers below theirs each time that it reloads a playlist, so
//! that they have to be small. A channel that has had more of them goes on from there; how far such channels are
//! is kept on disk.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::UNIX_EPOCH;

use tokio::sync::Notify;
use tracing::warn;

use super::spooling::blocking;
use crate::base::clock::Clock;
use crate::base::path::MediaPath;

/// How far the channels of a server are.
#[derive(Debug)]
pub(super) struct Numbers {
    file: PathBuf,
    /// The discontinuities of channels that have more than the day alone tells.
    ahead: Mutex<HashMap<MediaPath, u64>>,
    /// Told of every change.
    change: Notify,
    /// Held by whoever writes the file.
    writing: Mutex<()>,
    clock: Clock,
}

/// So many channels are known at most; of others, those that are least ahead are forgotten.
const MOST: usize = 4096;

impl Numbers {
    /// As an earlier server left them in the folder `state`.
    pub(super) fn new(state: &Path, clock: Clock) -> Self {
        let file = state.join("discontinuities");
        let kept = fs::read_to_string(&file).unwrap_or_default();
        Self {
            file,
            ahead: Mutex::new(kept.lines().take(MOST).filter_map(read).collect()),
            change: Notify::new(),
            writing: Mutex::default(),
            clock,
        }
    }

    /// The media and discontinuity sequence numbers that what is made of these channels together begins with.
    pub(super) fn first(&self, channels: &[MediaPath], clock: Clock) -> (u64, u64) {
        let (seconds, day) = now(clock);
        let ahead = self.ahead();
        let ahead = channels.iter().filter_map(|channel| ahead.get(channel));
        (seconds, ahead.copied().max().unwrap_or(0).max(day))
    }

    /// A channel has come to a discontinuity of that number.
    pub(super) fn reach(&self, channel: &MediaPath, discontinuity: u64, clock: Clock) {
        let (_, day) = now(clock);
        if discontinuity <= day {
            return;
        }
        let mut ahead = self.ahead();
        let known = ahead.get(channel).copied();
        if known.is_some_and(|known| known >= discontinuity) {
            return;
        }
        if known.is_none() && ahead.len() >= MOST {
            forget_least(&mut ahead);
        }
        ahead.insert(channel.clone(), discontinuity);
        self.change.notify_one();
    }

    /// Keeps on disk how far the channels are, for as long as it is polled. Cancel safe.
    pub(super) async fn keep(self: &Arc<Self>) {
        let mut has_failed = false;
        loop {
            self.change.notified().await;
            let result = self.save().await;
            if let Err(error) = &result
                && !has_failed
            {
                self.warn(error);
            }
            has_failed = result.is_err();
        }
    }

    /// Brings to disk what is not there yet.
    pub(super) async fn finish(self: &Arc<Self>) {
        let has_any = !self.ahead().is_empty();
        if has_any && let Err(error) = self.save().await {
            self.warn(&error);
        }
    }

    fn warn(&self, error: &io::Error) {
        warn!(%error, file = %self.file.display(), "discontinuity sequence numbers may go back at a restart");
    }

    /// Brings to disk how far they are now.
    async fn save(self: &Arc<Self>) -> io::Result<()> {
        let numbers = Arc::clone(self);
        blocking(move || numbers.write()).await
    }

    fn write(&self) -> io::Result<()> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, day) = now(self.clock.anew());
        let text: String = {
            let mut ahead = self.ahead();
            ahead.retain(|_, discontinuity| *discontinuity > day);
            ahead.iter().map(line).collect()
        };
        let new = self.file.with_extension("new");
        fs::write(&new, text)?;
        fs::rename(&new, &self.file)
    }

    fn ahead(&self) -> MutexGuard<'_, HashMap<MediaPath, u64>> {
        self.ahead.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Seconds and days since 1970.
fn now(clock: Clock) -> (u64, u64) {
    const SECONDS_OF_DAY: u64 = 86_400;
    let wall = clock.wall(clock.now()).duration_since(UNIX_EPOCH);
    let seconds = wall.map_or(0, |since| since.as_secs());
    (seconds, seconds / SECONDS_OF_DAY)
}

fn forget_least(ahead: &mut HashMap<MediaPath, u64>) {
    let least = ahead
        .iter()
        .min_by_key(|(_, discontinuity)| **discontinuity);
    if let Some(channel) = least.map(|(channel, _)| channel.clone()) {
        ahead.remove(&channel);
    }
}

/// `20779 tv/news`
fn line((channel, discontinuity): (&MediaPath, &u64)) -> String {
    format!("{discontinuity} {}\n", channel.to_url())
}

fn read(line: &str) -> Option<(MediaPath, u64)> {
    let (discontinuity, channel) = line.split_once(' ')?;
    let channel = MediaPath::from_url(channel).ok()?;
    Some((channel, discontinuity.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(name: &str) -> MediaPath {
        MediaPath::from_plain(name).unwrap()
    }

    #[tokio::test]
    async fn a_count_goes_on_after_a_restart() {
        let state = tempfile::tempdir().unwrap();
        let clock = Clock::start();
        let start = || Arc::new(Numbers::new(state.path(), clock));
        let (hd, sd) = (path("tv/hd d"), path("sd"));
        let numbers = start();
        let (_, day) = numbers.first(std::slice::from_ref(&hd), clock);
        numbers.reach(&hd, day + 7, clock);
        numbers.reach(&hd, day + 3, clock);
        numbers.reach(&sd, day, clock);
        let of = |numbers: &Numbers, channels: &[MediaPath]| numbers.first(channels, clock).1 - day;
        numbers.save().await.unwrap();
        for numbers in [numbers, start()] {
            assert_eq!(of(&numbers, std::slice::from_ref(&hd)), 7);
            assert_eq!(of(&numbers, &[sd.clone(), hd.clone()]), 7);
            assert!(of(&numbers, std::slice::from_ref(&sd)) < 7);
        }
        // What the day alone tells is not kept.
        let kept = fs::read_to_string(state.path().join("discontinuities")).unwrap();
        assert_eq!(kept, format!("{} tv/hd%20d\n", day + 7));
    }

    #[test]
    fn what_is_no_number_counts_as_nothing() {
        let state = tempfile::tempdir().unwrap();
        let file = state.path().join("discontinuities");
        fs::write(file, "a b\n9\n99999999 a\n99999998 ../b\n-1 c\n").unwrap();
        let clock = Clock::start();
        let numbers = Numbers::new(state.path(), clock);
        assert_eq!(numbers.first(&[path("a")], clock).1, 99_999_999);
        assert!(numbers.first(&[path("c")], clock).1 < 99_999_999);
    }

    #[test]
    fn only_so_many_channels_are_known() {
        let mut ahead: HashMap<_, _> = (5..9).map(|at| (path(&at.to_string()), at)).collect();
        forget_least(&mut ahead);
        assert!(ahead.len() == 3 && !ahead.contains_key(&path("5")));
    }
}
