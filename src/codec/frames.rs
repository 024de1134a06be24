//! Audio frames that fit into a payload several at a time: AAC, AC-3 and MPEG audio.

use std::mem;

use arrayvec::ArrayVec;

use super::{Malformed, Sample, Sink};

/// The most frames that go out in one payload.
pub(super) const MAX_FRAMES: usize = 8;

/// The most bytes before the frames of a payload.
pub(super) type Header = ArrayVec<u8, { 2 + 2 * MAX_FRAMES }>;

/// How a format lays out its payloads.
pub(super) trait Layout {
    /// Bytes of a payload's header, however many frames follow.
    const HEADER: usize;
    /// Bytes that each frame adds to the header.
    const FRAME_HEADER: usize;
    /// The marker bit of payloads with whole frames.
    const MARKER: bool;

    /// Refuses what is no frame of the format.
    fn check(frame: &[u8]) -> Result<(), Malformed>;

    /// The header before whole frames that were checked.
    fn header(frames: &[&[u8]]) -> Header;

    /// Hands the pieces of a frame that does not fit into one payload to `sink`.
    fn send_fragments(sample: &Sample<'_>, limit: usize, sink: &mut dyn Sink);
}

/// Hands the payloads of consecutive frames to `sink`.
pub(super) fn packetize<L: Layout>(
    samples: &[Sample<'_>],
    limit: usize,
    sink: &mut dyn Sink,
) -> Result<(), Malformed> {
    let mut group = Group::default();
    for sample in samples {
        L::check(sample.data)?;
        if !group.fits::<L>(sample.data, limit) {
            group.send::<L>(sink);
        }
        if L::HEADER + L::FRAME_HEADER + sample.data.len() > limit {
            L::send_fragments(sample, limit, sink);
        } else {
            group.push(sample);
        }
    }
    group.send::<L>(sink);
    Ok(())
}

/// Frames that go out in one payload.
#[derive(Default)]
struct Group<'a> {
    frames: ArrayVec<&'a [u8], MAX_FRAMES>,
    /// That of the first frame.
    offset: u32,
}

impl<'a> Group<'a> {
    fn fits<L: Layout>(&self, frame: &[u8], limit: usize) -> bool {
        let size = |frame: &[u8]| L::FRAME_HEADER + frame.len();
        let bytes: usize = self.frames.iter().map(|frame| size(frame)).sum();
        !self.frames.is_full() && L::HEADER + bytes + size(frame) <= limit
    }

    /// The caller has asked whether it fits, or the group is empty.
    fn push(&mut self, sample: &Sample<'a>) {
        if self.frames.is_empty() {
            self.offset = sample.offset;
        }
        self.frames.push(sample.data);
    }

    fn send<L: Layout>(&mut self, sink: &mut dyn Sink) {
        if self.frames.is_empty() {
            return;
        }
        let group = mem::take(self);
        let header = L::header(&group.frames);
        let mut parts: ArrayVec<&[u8], { 1 + MAX_FRAMES }> = ArrayVec::new();
        parts.push(&header);
        parts.extend(group.frames);
        sink.payload(&parts, L::MARKER, group.offset);
    }
}
