//! The key frames of a window, each of which is a segment of a playlist of its own.

use bytes::Bytes;

use super::{Kept, Playlist, Window};
use crate::hls::i_frame::{self, IFrame, Place};
use crate::hls::object::{File, Flavour};
use crate::hls::part::Segment;

impl Window {
    /// Whether segments with pictures are listed.
    pub(super) fn has_pictures(&self) -> bool {
        let mut heads = self.listed.iter().map(|kept| &kept.segment.head);
        heads.any(|head| head.map.has_video())
    }

    /// Whether segments with pictures are listed, and they begin anew with whole ones.
    pub(in crate::hls) fn has_i_frames(&self) -> bool {
        self.has_pictures() && !self.listed.iter().any(|kept| kept.is_gradual)
    }

    /// Whether a playlist is of key frames that there are not.
    pub(super) fn lacks_i_frames(&self, playlist: Playlist) -> bool {
        matches!(playlist, Playlist::IFrames(_)) && !self.has_i_frames()
    }

    /// The key frames of the segments that are listed, with their media sequence numbers.
    pub(in crate::hls) fn i_frames(&self) -> Vec<(u64, IFrame<'_>)> {
        self.listed.iter().flat_map(numbered).collect()
    }

    /// Says which number the first key frame has. To be said before anything is pushed; otherwise it is that of
    /// its segment.
    pub(in crate::hls) fn set_first_i_frame(&mut self, number: u64) {
        self.next_i_frame = Some(number);
    }

    /// The number that the next key frame will have; `None` if the first will have that of its segment.
    pub(in crate::hls) fn next_i_frame(&self) -> Option<u64> {
        self.next_i_frame
    }

    /// Numbers the key frames of `segment`, which comes after those that are listed; returns the first number.
    pub(super) fn number_i_frames(&mut self, segment: &Segment) -> u64 {
        let first = self.next_i_frame.unwrap_or(segment.head.sequence);
        let count = IFrame::all(segment).len() as u64;
        self.next_i_frame = Some(first + count);
        first
    }

    /// A file of a key frame, or what is before them in fragmented MP4; `None` when it is not in memory.
    pub(super) fn i_frame_file(&self, file: File) -> Option<Bytes> {
        if let File::IFrameInit(version) = file {
            return i_frame::init(self.map(version)?);
        }
        let (_, frame) = self.find_i_frame(file)?;
        self.i_frame_with(file, frame.data())
    }

    /// A file of a key frame whose picture is `data`.
    pub(in crate::hls) fn i_frame_with(&self, file: File, data: Bytes) -> Option<Bytes> {
        let (number, flavour) = numbered_as(file)?;
        let (_, frame) = self.find_i_frame(file).filter(|_| !data.is_empty())?;
        let packager = self.number;
        frame.file_with(data, flavour, Place { packager, number })
    }

    /// A key frame, and the segment that it is of.
    pub(super) fn find_i_frame(&self, file: File) -> Option<(&Kept, IFrame<'_>)> {
        let (number, _) = numbered_as(file)?;
        let mut kept = self.all_kept();
        let kept = kept.find(|kept| kept.first_i_frame <= number)?;
        let (_, frame) = numbered(kept).find(|(found, _)| *found == number)?;
        Some((kept, frame))
    }
}

impl Kept {
    /// The pictures of its key frames.
    pub(super) fn pictures(&self) -> Vec<Bytes> {
        numbered(self).map(|(_, frame)| frame.data()).collect()
    }
}

/// The number of a key frame in their playlist, and the flavour that its file is in.
fn numbered_as(file: File) -> Option<(u64, Flavour)> {
    match file {
        File::IFrame(number) => Some((number, Flavour::Cmaf)),
        File::IFrameTs(number) => Some((number, Flavour::Ts)),
        _ => None,
    }
}

/// The key frames of a segment with their numbers.
fn numbered(kept: &Kept) -> impl Iterator<Item = (u64, IFrame<'_>)> {
    (kept.first_i_frame..).zip(IFrame::all(&kept.segment))
}
