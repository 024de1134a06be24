//! The key frames of a window, each of which is a segment of a playlist of its own.

use bytes::Bytes;

use super::{Kept, Window};
use crate::hls::i_frame::{self, IFrame, Place};
use crate::hls::object::{File, Flavour};
use crate::hls::part::Segment;

impl Window {
    /// Whether there is a playlist of key frames: they are made of what is in memory.
    pub(in crate::hls) fn offers_i_frames(&self) -> bool {
        let mut heads = self.listed.iter().map(|kept| &kept.segment.head);
        !self.is_on_disk() && heads.any(|head| head.map.has_video())
    }

    /// The key frames of the segments that are listed, with their media sequence numbers.
    pub(in crate::hls) fn i_frames(&self) -> Vec<(u64, IFrame<'_>)> {
        self.listed.iter().flat_map(numbered).collect()
    }

    /// The number of the first key frame of `segment`, which comes after those that are listed.
    ///
    /// Numbers begin with that of the segment, and so never go back.
    pub(super) fn next_i_frame(&self, segment: &Segment) -> u64 {
        let count = |last: &Kept| IFrame::all(&last.segment).len() as u64;
        let next = |last: &Kept| last.first_i_frame + count(last);
        self.listed.back().map_or(segment.head.sequence, next)
    }

    /// A file of a key frame, or what is before them in fragmented MP4.
    pub(super) fn i_frame_file(&self, file: File) -> Option<Bytes> {
        let (number, flavour) = match file {
            File::IFrameInit(version) => return i_frame::init(self.map(version)?),
            File::IFrame(number) => (number, Flavour::Cmaf),
            File::IFrameTs(number) => (number, Flavour::Ts),
            _ => return None,
        };
        let mut kept = self.all_kept();
        let kept = kept.find(|kept| kept.first_i_frame <= number)?;
        let (_, frame) = numbered(kept).find(|(found, _)| *found == number)?;
        let packager = self.number;
        frame.file(flavour, Place { packager, number })
    }
}

/// The key frames of a segment with their numbers.
fn numbered(kept: &Kept) -> impl Iterator<Item = (u64, IFrame<'_>)> {
    (kept.first_i_frame..).zip(IFrame::all(&kept.segment))
}
