//! What of a window is on disk: all that playlists tell of beyond what the memory holds.
//!
//! Nothing is read or written here. A segment is brought to disk when it is whole; later its bytes
//! leave the memory, and what playlists tell of it stays.

use std::time::{Instant, SystemTime};

use bytes::Bytes;

use super::{Kept, Window, transport};
use crate::hls::object::File;
use crate::hls::spools::{Place, SegmentFile};

/// How many bytes of a segment are on disk, the flavours one after the other.
#[derive(Clone, Copy, Debug)]
pub(in crate::hls) struct Spooled {
    /// Of fragmented MP4.
    fragments: u64,
    /// In the flavour [`Flavour::Ts`].
    ts: u64,
}

impl Spooled {
    fn bytes(self) -> u64 {
        self.fragments + self.ts
    }
}

impl Kept {
    /// Bytes of it on disk.
    pub(super) fn on_disk(&self) -> u64 {
        self.spooled.map_or(0, Spooled::bytes)
    }

    /// Whether it is there in the flavour [`Flavour::Ts`].
    pub(in crate::hls) fn has_ts(&self) -> bool {
        self.ts.is_some() || self.spooled.is_some_and(|spooled| spooled.ts > 0)
    }

    /// Takes its bytes from memory, and all that only parts need. Returns how many they were.
    pub(super) fn unload(&mut self) -> usize {
        let bytes = self.bytes();
        let segment = &mut self.segment;
        segment.sealed = None;
        // Playlists tell of titles for as long as they tell of the segment.
        segment.parts.retain(|part| part.title.is_some());
        for part in &mut segment.parts {
            part.data = Bytes::new();
            part.samples = [].into();
        }
        self.ts = None;
        bytes
    }
}

impl Window {
    /// Whether segments are brought to disk.
    pub fn is_on_disk(&self) -> bool {
        self.keeps_all || !self.bounds.dvr.is_zero()
    }

    /// Whether there is no room for more of what playlists must not lose.
    pub fn is_full(&self) -> bool {
        self.keeps_all && self.is_over_its_bounds()
    }

    /// The oldest segment that is not on disk and should be, with its bytes in both forms.
    pub(in crate::hls) fn unspooled(&self) -> Option<(SegmentFile, [Vec<Bytes>; 2])> {
        if !self.is_on_disk() {
            return None;
        }
        let renditions = [self].into_iter().chain(&self.sounds);
        let unspooled = renditions.filter_map(|one| {
            let kept = one.listed.iter().find(|kept| kept.spooled.is_none())?;
            Some((one.file_of(kept), kept))
        });
        let (file, kept) = unspooled.min_by_key(|(file, _)| file.sequence)?;
        let fragments = kept.segment.fragments().collect();
        let ts = kept.ts.iter().cloned().collect();
        Some((file, [fragments, ts]))
    }

    /// Says that a segment is on disk, with so many bytes of fragmented MP4 and of the other form.
    pub(in crate::hls) fn spooled(
        &mut self,
        file: SegmentFile,
        sizes: [u64; 2],
        now: Instant,
        wall: SystemTime,
    ) {
        let [fragments, ts] = sizes;
        let rendition = self.with_files_mut(file.number);
        if !rendition.is_some_and(|one| one.note(file.sequence, Spooled { fragments, ts })) {
            self.gone.push(file);
            return;
        }
        let before = self.listed.len();
        self.retire(now);
        self.trim(now);
        if self.listed.len() != before {
            self.all_changed(wall);
        }
    }

    /// Notes what of a segment is on disk; false if playlists no longer tell of it.
    fn note(&mut self, sequence: u64, spooled: Spooled) -> bool {
        let mut listed = self.listed.iter_mut().rev();
        let kept = listed.find(|kept| kept.sequence() == sequence);
        if let Some(kept) = kept {
            kept.spooled = Some(spooled);
            self.disk_bytes += spooled.bytes();
            return true;
        }
        false
    }

    /// Where a segment is on disk.
    pub(super) fn file_of(&self, kept: &Kept) -> SegmentFile {
        SegmentFile {
            number: self.number,
            sequence: kept.sequence(),
        }
    }

    /// How many segments were dropped by [`give_up`](Self::give_up).
    pub fn given_up(&self) -> u64 {
        self.given_up
    }

    /// The segments that are on disk in vain; each is told once.
    pub(in crate::hls) fn take_gone(&mut self) -> Vec<SegmentFile> {
        let mut gone = std::mem::take(&mut self.gone);
        for sound in &mut self.sounds {
            gone.append(&mut sound.gone);
        }
        gone
    }

    /// Bytes of all that is on disk.
    pub fn disk_bytes(&self) -> u64 {
        let sounds = self.sounds.iter().map(Self::disk_bytes);
        sounds.fold(self.disk_bytes, u64::saturating_add)
    }

    /// Where on disk a file is that is not in memory.
    pub(in crate::hls) fn place(&self, file: File) -> Option<Place> {
        let (File::Segment(sequence) | File::Ts(sequence, _)) = file else {
            return None;
        };
        let kept = self.kept(sequence)?;
        let Spooled { fragments, ts } = kept.spooled?;
        let range = match file {
            File::Ts(_, packing) => {
                let is_so = transport::packing(&kept.segment.head.map) == Some(packing);
                is_so.then_some(fragments..fragments + ts)?
            }
            _ => 0..fragments,
        };
        let file = self.file_of(kept);
        (!range.is_empty()).then_some(Place { file, range })
    }
}
