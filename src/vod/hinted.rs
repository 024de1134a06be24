//! What a hint track sends: its packets as authored, in order (ISO/IEC 14496-12, 9.1).

use std::sync::Arc;

use bytes::Bytes;

use super::blocks::{Blocks, Fetch};
use super::movie::Movie;
use super::numbers::Stamp;
use super::peek::{Peek, Stall};
use super::steps::Steps;
use super::writer::Writer;
use crate::base::media_time::{MediaTime, NptTime};
use crate::codec::Malformed;
use crate::container::mp4::hint::{self, Constructor, HintPacket, Piece};
use crate::container::{FileRange, HintTrack, Sample, Track};

/// One viewer's place in a hint track.
#[derive(Debug)]
pub(super) struct HintFeed {
    /// Which of the movie's tracks it is.
    track: usize,
    steps: Steps,
    /// The media track whose sync samples the steps name, when playing fast or backwards.
    thinned_by: Option<usize>,
    /// A sample whose bytes are still being read.
    awaited: Option<Sample>,
    current: Option<Current>,
}

/// A hint sample in hand, and its packet that comes next.
#[derive(Debug)]
struct Current {
    sample: Sample,
    bytes: Bytes,
    packet: usize,
    due: NptTime,
    stamp: Stamp,
}

impl HintFeed {
    /// Walks the hint track number `track` by `steps`, which name samples of that
    /// track, or of the media track `thinned_by`.
    pub(super) fn new(track: usize, steps: Steps, thinned_by: Option<usize>) -> Self {
        Self {
            track,
            steps,
            thinned_by,
            awaited: None,
            current: None,
        }
    }

    /// When the next packet is due.
    pub(super) fn peek(&mut self, movie: &Movie, blocks: &Arc<Blocks>) -> Peek {
        let Some((track, hint)) = movie.hint_track(self.track) else {
            return Peek::End;
        };
        for _ in 0..MAX_EMPTY {
            if let Some(current) = &self.current {
                return Peek::Due(current.due);
            }
            let Some(sample) = self
                .awaited
                .take()
                .or_else(|| self.next_sample(movie, track))
            else {
                return Peek::End;
            };
            match movie.fetch(blocks, range_of(&sample)) {
                Fetch::Ready(bytes) => {
                    let entry = Current::new(sample, bytes);
                    match entry.settle(track, hint) {
                        Ok(current) => self.current = current,
                        Err(malformed) => return Peek::Failed(malformed),
                    }
                }
                Fetch::Wait(block) => {
                    self.awaited = Some(sample);
                    return Peek::Wait(block);
                }
                Fetch::Failed => return Peek::Failed(UNREADABLE),
            }
        }
        Peek::Later
    }

    /// The stamp of the packet that comes next, once [`peek`](Self::peek) has found it.
    pub(super) fn stamp(&self) -> Option<Stamp> {
        let stamp = self.current.as_ref()?.stamp;
        // Thinned play leaves packets out, so the author's numbers would show gaps.
        let sequence = stamp.sequence.filter(|_| self.thinned_by.is_none());
        Some(Stamp { sequence, ..stamp })
    }

    /// Writes the payload of the packet that comes next, and steps on.
    ///
    /// # Errors
    /// [`Stall`] when its bytes are not here; the feed has not moved then.
    pub(super) fn write(
        &mut self,
        movie: &Movie,
        blocks: &Arc<Blocks>,
        writer: &mut Writer<'_>,
    ) -> Result<(), Stall> {
        let Some((track, hint)) = movie.hint_track(self.track) else {
            return Ok(());
        };
        let Some(mut current) = self.current.take() else {
            return Ok(());
        };
        let written = match current.packet()? {
            Some(packet) => write_payload(movie, track, &packet, blocks, writer),
            None => Ok(()),
        };
        if let Err(Stall::Wait(block)) = written {
            self.current = Some(current);
            return Err(Stall::Wait(block));
        }
        current.packet += 1;
        self.current = current.settle(track, hint)?;
        written
    }

    fn next_sample(&mut self, movie: &Movie, hints: &Track) -> Option<Sample> {
        let Some(media) = self.thinned_by else {
            return self.steps.next(&hints.samples);
        };
        let media = movie.track(media)?;
        let sync = self.steps.next(&media.samples)?;
        let time = MediaTime::new(sync.time, media.timescale);
        let index = first_at_or_after(hints, time);
        hints.samples.cursor(index).next(&hints.samples)
    }
}

impl Current {
    /// A sample whose first packet has not been looked at.
    fn new(sample: Sample, bytes: Bytes) -> Self {
        let stamp = Stamp::numbered_by_session(0, 0);
        Self {
            sample,
            bytes,
            packet: 0,
            due: NptTime(0),
            stamp,
        }
    }

    /// The packet that comes next, `None` past the last.
    fn packet(&self) -> Result<Option<HintPacket<'_>>, Malformed> {
        hint::packets(&self.bytes)?.nth(self.packet).transpose()
    }

    /// Finds when the next packet is due and what its header says; `None` when there is no packet left.
    fn settle(mut self, track: &Track, hint: &HintTrack) -> Result<Option<Self>, Malformed> {
        let Some(packet) = self.packet()? else {
            return Ok(None);
        };
        let lead = track.edits.lead();
        let ticks = self
            .sample
            .time
            .saturating_add(i64::from(packet.relative_time));
        let due = MediaTime::new(ticks, track.timescale)
            .nanos()
            .saturating_add(lead.0);
        let time = MediaTime::new(self.sample.time, track.timescale)
            .at_rate(hint.rtp_rate)
            .ticks;
        let lead_ticks = MediaTime::from_nanos(lead.0, hint.rtp_rate).ticks;
        self.stamp = Stamp {
            marker: packet.marker,
            extension: packet.extension,
            payload_type: packet.payload_type,
            sequence: Some(packet.sequence),
            time: time.saturating_add(lead_ticks),
            time_offset: packet.time_offset,
        };
        self.due = NptTime(due);
        Ok(Some(self))
    }
}

/// The first hint sample at or after a media time, to the nearest tick.
pub(super) fn first_at_or_after(hints: &Track, time: MediaTime) -> u32 {
    let ticks = time.at_rate(hints.timescale).ticks;
    let index = hints.samples.index_at(ticks);
    let at = hints
        .samples
        .cursor(index)
        .next(&hints.samples)
        .map_or(i64::MAX, |sample| sample.time);
    // A tick of slack: rates that do not divide one another round.
    if at.saturating_add(1) >= ticks {
        index
    } else {
        index.saturating_add(1)
    }
}

fn write_payload(
    movie: &Movie,
    track: &Track,
    packet: &HintPacket<'_>,
    blocks: &Arc<Blocks>,
    writer: &mut Writer<'_>,
) -> Result<(), Stall> {
    let mut room = MAX_PAYLOAD;
    let mut append = |bytes: &[u8]| {
        room = room.checked_sub(bytes.len()).ok_or(TOO_LONG)?;
        writer.append(bytes);
        Ok::<_, Malformed>(())
    };
    for constructor in packet.constructors() {
        let constructor = constructor?;
        if let Constructor::Immediate(bytes) = constructor {
            append(bytes)?;
            continue;
        }
        for piece in hint::pieces(movie.index(), track, &constructor) {
            match piece? {
                Piece::Bytes(bytes) => append(&bytes)?,
                Piece::File(range) => match movie.fetch(blocks, range) {
                    Fetch::Ready(bytes) => append(&bytes)?,
                    Fetch::Wait(block) => return Err(Stall::Wait(block)),
                    Fetch::Failed => return Err(Stall::Malformed(UNREADABLE)),
                },
            }
        }
    }
    Ok(())
}

fn range_of(sample: &Sample) -> FileRange {
    FileRange {
        file: sample.file,
        offset: sample.offset,
        length: sample.size,
    }
}

const UNREADABLE: Malformed = Malformed {
    format: "hint track",
    reason: "its bytes cannot be read from the file",
};

const TOO_LONG: Malformed = Malformed {
    format: "hint track",
    reason: "a packet is longer than any transport carries",
};

/// Bytes; what a frame of interleaved media can hold, so that no movie fills the memory.
const MAX_PAYLOAD: usize = u16::MAX as usize;

/// How many samples without a packet are passed over at one go.
const MAX_EMPTY: usize = 256;
