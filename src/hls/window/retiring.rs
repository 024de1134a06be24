//! What leaves a window, and when: first the playlists, later memory and disk; of all renditions at once.

use std::time::{Duration, Instant, SystemTime};

use super::{Kept, Window};
use crate::hls::listing::PARTS_FOR;
use crate::hls::part::Title;

/// Parts stay for so many target durations after playlists have told of them (rfc8216bis, 6.2.2).
const PARTS_STAY: u32 = 3;

/// When memory is short they stay only until their segment is so many target durations old.
const PARTS_FOR_AT_LEAST: u32 = 4;

impl Window {
    /// Drops what nobody may ask for any more, and from memory what is on disk.
    pub fn trim(&mut self, now: Instant) {
        self.unload(now);
        self.lighten(now);
        while let Some((oldest, until)) = self.removed.front()
            && (*until <= now || self.is_over_its_bounds())
        {
            self.hastened += u64::from(*until > now);
            let oldest = oldest.sequence();
            self.forget_until(oldest);
        }
    }

    /// Drops the oldest segments on disk until `bytes` are free there, or none is there alone, unless
    /// playlists lose nothing. Returns how many.
    pub fn give_up(&mut self, bytes: u64, wall: SystemTime) -> u64 {
        if self.keeps_all {
            return 0;
        }
        let enough = self.disk_bytes().saturating_sub(bytes);
        let mut dropped = 0;
        while self.disk_bytes() > enough {
            let is_unloaded = |kept: &&Kept| kept.spooled.is_some() && kept.bytes() == 0;
            let removed = self.removed.front().map(|(kept, _)| kept);
            let Some(oldest) = removed.or_else(|| self.listed.front().filter(is_unloaded)) else {
                break;
            };
            dropped += u64::from(oldest.spooled.is_some());
            let oldest = oldest.sequence();
            self.forget_until(oldest);
        }
        if dropped > 0 {
            self.given_up += dropped;
            self.all_changed(wall);
        }
        dropped
    }

    /// Takes the oldest segments from the playlists, as far as what stays is enough.
    pub(super) fn retire(&mut self, now: Instant) {
        self.unload(now);
        while !self.keeps_all
            && self.listed.len() > 1
            && self.is_oldest_too_much()
            && let Some(oldest) = self.listed.front()
        {
            self.hastened += u64::from(!self.is_enough_after_oldest(self.bounds.time));
            // Its own time and that of the longest playlist with it.
            let until = now + oldest.duration() + self.time();
            let oldest = oldest.sequence();
            self.remove_until(oldest, until);
        }
    }

    /// How often a segment left the playlists or the memory before its time, because there was no room.
    pub fn hastened(&self) -> u64 {
        self.hastened
    }

    /// Whether playlists offer enough without the oldest segment, or there is no room for it.
    fn is_oldest_too_much(&self) -> bool {
        let bounds = self.bounds;
        // What goes from the playlists stays on disk for as long as they are.
        let is_disk_full = 2 * self.listed_on_disk() > bounds.disk_bytes;
        self.is_enough_after_oldest(bounds.time.max(bounds.dvr))
            || is_disk_full && self.is_enough_after_oldest(bounds.time)
            || self.listed_bytes() > bounds.bytes
    }

    fn is_enough_after_oldest(&self, wanted: Duration) -> bool {
        let oldest = self.listed.front().map_or(Duration::ZERO, Kept::duration);
        let least = wanted.max(3 * self.targets.segment);
        self.listed.len() > self.bounds.segments && self.time() - oldest >= least
    }

    pub(super) fn is_over_its_bounds(&self) -> bool {
        self.bytes() > self.bounds.bytes || self.disk_bytes() > self.bounds.disk_bytes
    }

    fn listed_bytes(&self) -> usize {
        let own: usize = self.listed.iter().map(Kept::bytes).sum();
        own + self.sounds.iter().map(Self::listed_bytes).sum::<usize>()
    }

    fn listed_on_disk(&self) -> u64 {
        let own: u64 = self.listed.iter().map(Kept::on_disk).sum();
        own + self.sounds.iter().map(Self::listed_on_disk).sum::<u64>()
    }

    /// Takes segments from the playlists up to that one; they stay `until` then for those who know of them.
    fn remove_until(&mut self, sequence: u64, until: Instant) {
        while let Some(kept) = self.listed.pop_front_if(|kept| kept.sequence() <= sequence) {
            self.removed.push_back((kept, until));
        }
        for sound in &mut self.sounds {
            sound.remove_until(sequence, until);
        }
    }

    /// Keeps segments up to that one no longer; their files are of no use any more.
    fn forget_until(&mut self, sequence: u64) {
        while let Some(kept) = self.pop_until(sequence) {
            self.bytes -= kept.bytes();
            if kept.spooled.is_some() {
                self.disk_bytes -= kept.on_disk();
                self.gone.push(self.file_of(&kept));
            }
        }
        for sound in &mut self.sounds {
            sound.forget_until(sequence);
        }
    }

    /// The titles of segments that have left the playlists and are still kept.
    pub(in crate::hls) fn removed_titles(&self) -> impl Iterator<Item = &Title> {
        let parts = self
            .removed
            .iter()
            .flat_map(|(kept, _)| &kept.segment.parts);
        parts.filter_map(|part| part.title.as_deref())
    }

    fn pop_until(&mut self, sequence: u64) -> Option<Kept> {
        let is_meant = |kept: &Kept| kept.sequence() <= sequence;
        let removed = self.removed.pop_front_if(|(kept, _)| is_meant(kept));
        let removed = removed.map(|(kept, _)| kept);
        removed.or_else(|| self.listed.pop_front_if(|kept| is_meant(kept)))
    }

    /// Takes segments from memory that are on disk and old enough.
    fn unload(&mut self, now: Instant) {
        let (bounds, target) = (self.bounds, self.targets.segment);
        let (mut age, mut bytes) = (Duration::ZERO, 0);
        // How old it was when what has come since could not yet be told of: then its parts were, or not.
        let mut age_before = Duration::ZERO;
        for (newer, kept) in self.listed.iter_mut().rev().enumerate() {
            let is_old = newer >= bounds.segments && age >= bounds.time;
            let has_parts = age_before < PARTS_FOR * target;
            let is_pressed = bytes > bounds.bytes / 2 && age >= PARTS_FOR_AT_LEAST * target;
            bytes += kept.bytes();
            age += kept.duration();
            if now.saturating_duration_since(kept.came) >= PARTS_STAY * target {
                age_before += kept.duration();
            }
            if kept.spooled.is_some() && (is_old && !has_parts || is_pressed) {
                self.bytes -= kept.unload();
            }
        }
        for sound in &mut self.sounds {
            sound.unload(now);
        }
    }
    /// Takes from memory what nobody may ask for any more of segments that are encrypted.
    fn lighten(&mut self, now: Instant) {
        let target = self.targets.segment;
        let listed = self.listed.iter_mut().map(|kept| (kept, true));
        let removed = self.removed.iter_mut().map(|(kept, _)| (kept, false));
        // As in `unload`.
        let mut age_before = Duration::ZERO;
        for (kept, is_listed) in removed.chain(listed).rev() {
            if age_before >= PARTS_FOR * target {
                self.bytes -= kept.lighten(is_listed);
            }
            if now.saturating_duration_since(kept.came) >= PARTS_STAY * target {
                age_before += kept.duration();
            }
        }
        for sound in &mut self.sounds {
            sound.lighten(now);
        }
    }
}
