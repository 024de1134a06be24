//! The files of a window by their names: maps, segments and parts, also of segments that playlists no longer tell of.

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;

use super::{Kept, Window};
use crate::hls::object::File;
use crate::hls::part::{Map, Part};
use crate::hls::transport;

impl Window {
    /// A file in pieces, to be sent one after the other; `None` when it is not in memory, or was a gap.
    pub fn file(&self, file: File) -> Option<Vec<Bytes>> {
        let pieces: Vec<_> = match file {
            File::Init(version) => vec![self.map(version)?.data.clone()],
            File::Segment(sequence) => self.kept(sequence)?.segment.fragments().collect(),
            File::Part(..) => vec![self.part(file)?.data.clone()],
            File::Ts(sequence, packing) => {
                let kept = self.kept(sequence)?;
                let is_so = transport::packing(&kept.segment.head.map) == Some(packing);
                vec![kept.ts.clone().filter(|_| is_so)?]
            }
            File::Key(_) => return None,
            File::IFrameInit(_) | File::IFrame(_) | File::IFrameTs(_) => {
                vec![self.i_frame_file(file)?]
            }
        };
        let is_empty = pieces.iter().all(Bytes::is_empty);
        (!is_empty).then_some(pieces)
    }

    /// Whether a file is of segments with pictures, and when its segment was whole; `None` for
    /// what is not there.
    pub fn facts(&self, file: File) -> Option<(bool, Option<SystemTime>)> {
        let kept = match file {
            File::Init(version) | File::IFrameInit(version) => {
                return Some((self.map(version)?.has_video(), None));
            }
            File::Key(_) => return None,
            File::IFrame(_) | File::IFrameTs(_) => self.find_i_frame(file).map(|(kept, _)| kept),
            File::Part(..) => self.kept(self.part(file)?.head.sequence),
            File::Segment(sequence) | File::Ts(sequence, _) => self.kept(sequence),
        };
        match kept {
            Some(kept) => Some((kept.segment.head.map.has_video(), Some(kept.came_wall))),
            None => Some((self.open.first()?.head.map.has_video(), None)),
        }
    }

    /// Whether something there is encrypted with the key of that period.
    pub fn has_key(&self, period: u64) -> bool {
        let open = self.open.first().map(|part| &part.head);
        let kept = self.all_kept().map(|kept| &kept.segment.head);
        let mut locks = open.into_iter().chain(kept).flat_map(|head| &head.lock);
        locks.any(|lock| lock.period == period)
    }

    pub(super) fn kept(&self, sequence: u64) -> Option<&Kept> {
        let mut kept = self.all_kept();
        kept.find(|kept| kept.segment.head.sequence == sequence)
    }

    /// What a part is called: by its place, but for the first of a segment, which is called as if it followed in
    /// the segment before. So it is announced while nobody knows yet that this one ends.
    pub(in crate::hls) fn name_of(&self, part: &Part) -> File {
        let sequence = part.head.sequence;
        let before = sequence.checked_sub(1).filter(|_| part.index == 0);
        let before = before.and_then(|before| self.kept(before));
        match before {
            Some(before) => File::Part(before.sequence(), before.parts),
            None => File::Part(sequence, part.index),
        }
    }

    fn part(&self, file: File) -> Option<&Part> {
        let File::Part(sequence, index) = file else {
            return None;
        };
        let of_open = |sequence: u64| {
            let mut parts = self.open.first().into_iter();
            parts.any(|first| first.head.sequence == sequence)
        };
        let at = usize::try_from(index).ok()?;
        if of_open(sequence) {
            return self.open.get(at);
        }
        let kept = self.kept(sequence)?;
        if kept.parts != index {
            return kept.segment.parts.get(at);
        }
        // The first of the next one.
        let next = sequence + 1;
        match of_open(next) {
            true => self.open.first(),
            false => self.kept(next)?.segment.parts.first(),
        }
    }

    pub(super) fn map(&self, version: u32) -> Option<&Arc<Map>> {
        let open = self.open.first().map(|part| &part.head.map);
        let kept = self.all_kept().map(|kept| &kept.segment.head.map);
        open.into_iter()
            .chain(kept)
            .find(|map| map.version == version)
    }

    /// The newest first.
    pub(super) fn all_kept(&self) -> impl Iterator<Item = &Kept> {
        let removed = self.removed.iter().map(|(kept, _)| kept);
        self.listed.iter().rev().chain(removed.rev())
    }
}
