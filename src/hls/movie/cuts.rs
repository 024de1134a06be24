//! Where the segments of a movie begin: computed from its index, the same for all flavours.

use std::time::Duration;

use super::strip::{Placed, Strip};
use crate::base::media_time::MediaTime;
use crate::container::SampleTable;

/// The segments of a movie, as the track that leads cuts them: its pictures, or the sound where
/// there are none. Times are in ticks of that track.
#[derive(Clone, Debug)]
pub(super) struct Cuts {
    cuts: Vec<Cut>,
    timescale: u32,
    /// When the movie ends.
    end: i64,
    /// Whether every segment can be decoded without those before it.
    independent: bool,
}

/// The begin of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cut {
    /// When it is shown.
    pub(super) start: i64,
    /// The first sample of the leading track that is in it; their number when none is.
    pub(super) at: u64,
}

/// The movie has more segments than playlists tell of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("more than {MOST_SEGMENTS} segments")]
pub(super) struct TooMany;

/// The track that leads, while it is cut.
struct Leader<'t> {
    strip: &'t Strip,
    table: &'t SampleTable,
    /// How long segments are meant to be, and how long they may be, in ticks.
    target: i64,
    most: i64,
    longest: i64,
    /// When the movie ends.
    end: i64,
}

impl Cuts {
    /// Cuts the movie that lasts until `end` into segments of about `target`.
    ///
    /// A segment ends at the key frame that is nearest to the target, but is never longer than the
    /// playlist's target duration allows; where there is no key frame for [`LONGEST`], without one.
    ///
    /// # Errors
    /// [`TooMany`] segments.
    pub(super) fn of(
        strip: &Strip,
        table: &SampleTable,
        end: MediaTime,
        target: Duration,
    ) -> Result<Self, TooMany> {
        let timescale = strip.timescale();
        let ticks = |time: Duration| {
            let nanos = i64::try_from(time.as_nanos()).unwrap_or(i64::MAX);
            MediaTime::from_nanos(nanos, timescale).ticks.max(1)
        };
        let leader = Leader {
            strip,
            table,
            target: ticks(target),
            most: ticks(target + LATE),
            longest: ticks(LONGEST.max(target)),
            end: end.at_rate(timescale).ticks,
        };
        let mut cuts = vec![Cut { start: 0, at: 0 }];
        let mut independent = true;
        let mut last = cuts[0];
        while let Some(next) = leader.next(last) {
            if cuts.len() >= MOST_SEGMENTS {
                return Err(TooMany);
            }
            independent &= leader.is_independent(next);
            cuts.push(next);
            last = next;
        }
        Ok(Self {
            cuts,
            timescale,
            end: leader.end.max(last.start + 1),
            independent,
        })
    }

    /// A segment for each key frame of the movie that lasts until `end`, the first of those that are
    /// closer together than anybody could tell while he scrubs.
    pub(super) fn of_key_frames(strip: &Strip, table: &SampleTable, end: MediaTime) -> Self {
        let timescale = strip.timescale();
        let end = end.at_rate(timescale).ticks;
        let most = i64::try_from(MOST_SEGMENTS).unwrap_or(i64::MAX);
        let least = MediaTime::from_nanos(CLOSEST_KEY_FRAMES, timescale).ticks;
        let least = least.max(end / most);
        let mut cuts = vec![Cut { start: 0, at: 0 }];
        let mut last = cuts[0];
        let mut at = 0;
        while let Some(next) = strip.next_sync(table, at) {
            at = next;
            let Some(frame) = strip.sample(table, at) else {
                break;
            };
            let start = frame.presented;
            if start.saturating_sub(last.start) >= least && start < end && frame.sample.size > 0 {
                last = Cut { start, at };
                cuts.push(last);
            }
        }
        Self {
            cuts,
            timescale,
            end: end.max(last.start + 1),
            independent: true,
        }
    }

    /// How many segments there are; at least one.
    pub(super) fn len(&self) -> usize {
        self.cuts.len()
    }

    /// Whether every segment can be decoded without those before it.
    pub(super) fn independent(&self) -> bool {
        self.independent
    }

    /// The segment of that number, from 0.
    pub(super) fn cut(&self, number: usize) -> Option<Cut> {
        self.cuts.get(number).copied()
    }

    /// When the segment of that number begins; the end of the movie behind the last.
    pub(super) fn start(&self, number: usize) -> MediaTime {
        let start = self.cuts.get(number).map_or(self.end, |cut| cut.start);
        MediaTime::new(start, self.timescale)
    }

    /// How long the segment of that number is.
    pub(super) fn duration(&self, number: usize) -> MediaTime {
        let (start, end) = (self.start(number), self.start(number + 1));
        MediaTime::new(end.ticks - start.ticks, self.timescale)
    }

    /// The target duration of playlists: no segment is longer, rounded to the second.
    pub(super) fn target_duration(&self) -> u64 {
        let seconds = |number| self.duration(number).at_rate(1).ticks;
        let longest = (0..self.len()).map(seconds).max();
        longest
            .and_then(|longest| u64::try_from(longest).ok())
            .unwrap_or(1)
            .max(1)
    }
}

impl Leader<'_> {
    /// Where the segment after the one that begins with `cut` begins; `None` when it is the last.
    fn next(&self, cut: Cut) -> Option<Cut> {
        let by_time = self.by_time(cut);
        let end = by_time.map_or(self.strip.len(), |next| next.at);
        self.by_size(cut, end).or(by_time)
    }

    fn by_time(&self, cut: Cut) -> Option<Cut> {
        if self.end.saturating_sub(cut.start) <= self.most {
            return None;
        }
        let wanted = cut.start.saturating_add(self.target);
        let key = self.key_near(cut, wanted);
        if let Some(key) = key.filter(|key| key.start - cut.start <= self.longest) {
            return Some(key);
        }
        let start = match key {
            // The last pictures, behind which there may be sound.
            None if self.strip.end() - cut.start <= self.longest => wanted.max(self.strip.end()),
            _ => wanted,
        };
        (start < self.end).then(|| Cut {
            start,
            at: self.strip.decoded_from(self.table, start).max(cut.at),
        })
    }

    /// The begin of a segment at the key frame that is nearest to `wanted`, and at most a little later
    /// unless there is none before; the first after `cut`, however late it is, if no other is near.
    fn key_near(&self, cut: Cut, wanted: i64) -> Option<Cut> {
        let around = self.strip.decoded_from(self.table, wanted);
        let before = self.strip.sync_at_or_before(self.table, around);
        // Where pictures are decoded long before they are shown, some more lie before.
        let before = self
            .begin(before)
            .filter(|key| key.at > cut.at && key.start > cut.start);
        let after = self
            .strip
            .next_sync(self.table, before.map_or(cut.at, |key| key.at));
        let after = after
            .and_then(|after| self.begin(after))
            .filter(|key| key.start > cut.start);
        match (before, after) {
            (Some(before), Some(after)) => {
                let is_late = after.start - cut.start > self.most;
                let is_nearer = (after.start - wanted).abs() < (before.start - wanted).abs();
                Some(if is_nearer && !is_late { after } else { before })
            }
            (before, after) => before.or(after),
        }
    }

    fn begin(&self, at: u64) -> Option<Cut> {
        let sample = self.strip.sample(self.table, at)?;
        Some(Cut {
            start: sample.presented,
            at,
        })
    }

    /// An earlier end for a segment of the samples up to `end` that would be too large.
    fn by_size(&self, cut: Cut, end: u64) -> Option<Cut> {
        let fits = |to: u64| {
            let bytes = self.strip.bytes(self.table, cut.at..to);
            to - cut.at <= MOST_SAMPLES && bytes <= MOST_BYTES
        };
        if fits(end) {
            return None;
        }
        let (mut fitting, mut too_many) = (cut.at, end);
        while too_many - fitting > 1 {
            let middle = fitting + (too_many - fitting) / 2;
            match fits(middle) {
                true => fitting = middle,
                false => too_many = middle,
            }
        }
        let key = self.strip.sync_at_or_before(self.table, fitting);
        let at = if key > cut.at {
            key
        } else {
            fitting.max(cut.at + 1)
        };
        let Placed { presented, .. } = self.strip.sample(self.table, at)?;
        Some(Cut {
            start: presented.max(cut.start + 1),
            at,
        })
    }

    /// Whether what begins with `cut` can be decoded without what went before. Pictures that are decoded behind a
    /// key frame and shown before it may refer to some before it; they come right behind it.
    fn is_independent(&self, cut: Cut) -> bool {
        let sample = |at| self.strip.sample(self.table, at);
        let Some(first) = sample(cut.at) else {
            return true;
        };
        let next = sample(cut.at.saturating_add(1));
        first.sync && next.is_none_or(|next| next.presented > first.presented)
    }
}

/// By how much a segment may be longer than the target, which is told in whole seconds.
const LATE: Duration = Duration::from_millis(499);

/// Segments end without a key frame rather than being longer.
const LONGEST: Duration = Duration::from_secs(30);

/// How far apart key frames are at least that are segments of their own, in nanoseconds.
const CLOSEST_KEY_FRAMES: i64 = 400_000_000;

/// The most segments of a movie: at 6 s, more than a day of it.
const MOST_SEGMENTS: usize = 20_000;

/// The most samples of a segment's leading track, and the most bytes of them.
pub(super) const MOST_SAMPLES: u64 = 100_000;
pub(super) const MOST_BYTES: u64 = 32 << 20;

#[cfg(test)]
mod tests;
