//! What of a window is on disk: all that playlists tell of beyond what the memory holds.
//!
//! Nothing is read or written here. A segment is brought to disk when it is whole; later its bytes
//! leave the memory, and what playlists tell of it stays.

use std::ops::Range;
use std::time::{Instant, SystemTime};

use bytes::Bytes;

use super::{Kept, Window};
use crate::hls::object::File;
use crate::hls::part::Part;
use crate::hls::spools::{Place, SegmentFile};
use crate::hls::transport;

/// How many bytes of a segment are on disk, one after the other.
#[derive(Clone, Debug)]
pub(in crate::hls) struct Spooled {
    /// Of fragmented MP4.
    fragments: u64,
    /// In the flavour [`Flavour::Ts`](crate::hls::object::Flavour::Ts).
    ts: u64,
    /// Of each of the pictures of its key frames, of which files are made when somebody asks.
    pictures: Vec<u64>,
}

impl Spooled {
    fn bytes(&self) -> u64 {
        self.fragments + self.ts + self.pictures.iter().sum::<u64>()
    }

    /// Where a picture is.
    fn picture(&self, index: usize) -> Option<Range<u64>> {
        let before: u64 = self.pictures.iter().take(index).sum();
        let start = self.fragments + self.ts + before;
        Some(start..start + self.pictures.get(index)?)
    }
}

impl Kept {
    /// Bytes of it on disk.
    pub(super) fn on_disk(&self) -> u64 {
        self.spooled.as_ref().map_or(0, Spooled::bytes)
    }

    /// Whether it is there in the flavour [`Flavour::Ts`](crate::hls::object::Flavour::Ts).
    pub(in crate::hls) fn has_ts(&self) -> bool {
        self.ts.is_some() || self.spooled.as_ref().is_some_and(|spooled| spooled.ts > 0)
    }

    /// Takes its bytes from memory, and all that only parts need. Returns how many they were.
    pub(super) fn unload(&mut self) -> usize {
        let bytes = self.bytes();
        let segment = &mut self.segment;
        segment.sealed = None;
        let has_video = segment.head.map.has_video();
        for part in &mut segment.parts {
            part.data = Bytes::new();
            part.keep_key_frames(has_video, |_| Bytes::new());
        }
        // Playlists tell of titles and key frames for as long as they tell of the segment.
        let is_told = |part: &Part| part.title.is_some() || !part.samples.is_empty();
        segment.parts.retain(is_told);
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

    /// The oldest segment that is not on disk and should be, with its bytes in both flavours and those of
    /// its pictures.
    pub(in crate::hls) fn unspooled(&self) -> Option<(SegmentFile, [Vec<Bytes>; 3])> {
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
        Some((file, [fragments, ts, kept.pictures()]))
    }

    /// Says that a segment is on disk, with so many bytes in each flavour, and its pictures.
    pub(in crate::hls) fn spooled(
        &mut self,
        file: SegmentFile,
        flavours: [u64; 2],
        now: Instant,
        wall: SystemTime,
    ) {
        let rendition = self.with_files_mut(file.number);
        if !rendition.is_some_and(|one| one.note(file.sequence, flavours)) {
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
    fn note(&mut self, sequence: u64, [fragments, ts]: [u64; 2]) -> bool {
        let mut listed = self.listed.iter_mut().rev();
        let kept = listed.find(|kept| kept.sequence() == sequence);
        if let Some(kept) = kept {
            let pictures = kept.pictures();
            let spooled = Spooled {
                fragments,
                ts,
                pictures: pictures.iter().map(|one| one.len() as u64).collect(),
            };
            self.disk_bytes += spooled.bytes();
            kept.spooled = Some(spooled);
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

    /// Where on disk a file is that is not in memory, or the picture of which it is made.
    pub(in crate::hls) fn place(&self, file: File) -> Option<Place> {
        let (kept, range) = match file {
            File::Segment(sequence) => {
                let kept = self.kept(sequence)?;
                (kept, 0..kept.spooled.as_ref()?.fragments)
            }
            File::Ts(sequence, packing) => {
                let kept = self.kept(sequence)?;
                let is_so = transport::packing(&kept.segment.head.map) == Some(packing);
                let Spooled { fragments, ts, .. } = kept.spooled.as_ref().filter(|_| is_so)?;
                (kept, *fragments..fragments + ts)
            }
            File::IFrame(number) | File::IFrameTs(number) => {
                let (kept, _) = self.find_i_frame(file)?;
                let index = usize::try_from(number - kept.first_i_frame).ok()?;
                (kept, kept.spooled.as_ref()?.picture(index)?)
            }
            _ => return None,
        };
        let file = self.file_of(kept);
        (!range.is_empty()).then_some(Place { file, range })
    }
}
