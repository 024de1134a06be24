//! What an unhinted track sends: its samples, packetised on the way out.
//!
//! Samples leave at their decode time and carry their composition time, both
//! moved onto the presentation by the track's edit list.

use std::sync::Arc;

use bytes::Bytes;

use super::blocks::{Blocks, Fetch};
use super::movie::{Movie, ServedTrack};
use super::numbers::Stamp;
use super::peek::{Peek, Turn};
use super::steps::Steps;
use super::writer::Writer;
use crate::base::media_time::{MediaTime, NptTime};
use crate::codec::{self, Malformed, Packetize, Sink};
use crate::container::{FileRange, Sample, Span, Track};

/// The most samples of one call to a packetiser.
const MAX_GROUP: usize = 16;

/// How many samples that show nothing are passed over at one go.
const MAX_SKIPPED: usize = 256;

/// One viewer's place in a media track.
#[derive(Debug)]
pub(super) struct SampleFeed {
    steps: Steps,
    /// Which part of the edit list comes next; unused when thinned.
    span: usize,
    thinned: bool,
    /// Samples in hand that share a call of the packetiser.
    group: Vec<Placed>,
    /// How many payloads of the group have left: a large picture takes several turns.
    left: usize,
    awaited: Option<(Sample, Placement)>,
    ended: bool,
}

#[derive(Debug)]
struct Placed {
    placement: Placement,
    bytes: Bytes,
}

/// A sample's place in the presentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Placement {
    /// When it leaves.
    pub due: NptTime,
    /// When it is shown.
    pub shown: NptTime,
    /// The same at the RTP clock rate, in ticks.
    pub time: i64,
}

impl SampleFeed {
    /// Plays every sample from number `index` on, which lies in part `span` of the edit list.
    pub(super) fn every(track: &Track, span: usize, index: u32) -> Self {
        Self::new(Steps::all(&track.samples, index), span, false)
    }

    /// Plays the sync samples from number `index` on.
    pub(super) fn thinned(track: &Track, index: u32, backwards: bool) -> Self {
        Self::new(Steps::sync(&track.samples, index, backwards), 0, true)
    }

    fn new(steps: Steps, span: usize, thinned: bool) -> Self {
        Self {
            steps,
            span,
            thinned,
            group: Vec::new(),
            left: 0,
            awaited: None,
            ended: false,
        }
    }

    /// When the next samples are due.
    pub(super) fn peek(
        &mut self,
        movie: &Movie,
        served: &ServedTrack,
        blocks: &Arc<Blocks>,
    ) -> Peek {
        let Some(track) = movie.track(served.track) else {
            return Peek::End;
        };
        let wanted = if self.thinned {
            1
        } else {
            served.samples_per_call().min(MAX_GROUP)
        };
        for _ in 0..MAX_SKIPPED {
            if self.ended || self.group.len() >= wanted {
                return self
                    .group
                    .first()
                    .map_or(Peek::End, |first| Peek::Due(first.placement.due));
            }
            let next = self
                .awaited
                .take()
                .or_else(|| self.next_sample(track, served.rtp_rate));
            let Some((sample, placement)) = next else {
                continue;
            };
            let range = FileRange {
                file: sample.file,
                offset: sample.offset,
                length: sample.size,
            };
            match movie.fetch(blocks, range) {
                Fetch::Ready(bytes) => self.group.push(Placed { placement, bytes }),
                Fetch::Wait(block) => {
                    self.awaited = Some((sample, placement));
                    return Peek::Wait(block);
                }
                Fetch::Failed => return Peek::Failed(UNREADABLE),
            }
        }
        Peek::Later
    }

    /// The RTP time of the samples that come next, once [`peek`](Self::peek) has found them.
    pub(super) fn stamp(&self, served: &ServedTrack) -> Option<Stamp> {
        let first = self.group.first()?;
        Some(Stamp::numbered_by_session(
            served.payload_type,
            first.placement.time,
        ))
    }

    /// Writes packets of the samples that come next, as many as about `room` bytes
    /// take, and steps on once all have been written.
    ///
    /// # Errors
    /// [`Malformed`] when they are not what their format promises; the feed has moved on.
    pub(super) fn write(
        &mut self,
        packetizer: &dyn Packetize,
        size: Turn,
        stamp: Stamp,
        writer: &mut Writer<'_>,
    ) -> Result<(), Malformed> {
        let mut samples = [codec::Sample {
            data: &[],
            offset: 0,
        }; MAX_GROUP];
        for (sample, placed) in samples.iter_mut().zip(&self.group) {
            let offset = placed.placement.time.wrapping_sub(stamp.time) as u32;
            *sample = codec::Sample {
                data: &placed.bytes,
                offset,
            };
        }
        let count = self.group.len().min(MAX_GROUP);
        let mut payloads = Payloads {
            stamp,
            writer,
            room: size.room,
            seen: 0,
            left: self.left,
        };
        let written = packetizer.packetize(&samples[..count], size.payload_limit, &mut payloads);
        let (seen, left) = (payloads.seen, payloads.left);
        if left < seen && written.is_ok() {
            self.left = left;
        } else {
            self.left = 0;
            self.group.clear();
        }
        written
    }

    /// The next sample that is presented; sets `ended` past the last.
    fn next_sample(&mut self, track: &Track, rtp_rate: u32) -> Option<(Sample, Placement)> {
        let Some(sample) = self.steps.next(&track.samples) else {
            if self.thinned || !self.enter_span(track, self.span + 1) {
                self.ended = true;
            }
            return None;
        };
        if self.thinned {
            let span = span_showing(track, &sample)?;
            return shown(&sample).then(|| (sample, place(track, span, &sample, rtp_rate)));
        }
        let span = track.edits.spans().get(self.span)?;
        if is_past(span, &sample) {
            self.ended = !self.enter_span(track, self.span + 1);
            return None;
        }
        shown(&sample).then(|| (sample, place(track, span, &sample, rtp_rate)))
    }

    /// Goes to the start of another part of the edit list, if there is one.
    fn enter_span(&mut self, track: &Track, number: usize) -> bool {
        let Some(span) = track.edits.spans().get(number) else {
            return false;
        };
        self.span = number;
        self.steps = Steps::all(&track.samples, track.sync_for(span.media_start));
        true
    }
}

/// Where a sample lies in the presentation when `span` shows it.
pub(super) fn place(track: &Track, span: &Span, sample: &Sample, rtp_rate: u32) -> Placement {
    let composed = sample.presented();
    let since =
        |ticks: i64| MediaTime::new(ticks.saturating_sub(span.media_start), track.timescale);
    let at = |nanos: i64| span.start.0.saturating_add(nanos);
    let start_ticks = MediaTime::from_nanos(span.start.0, rtp_rate).ticks;
    Placement {
        due: NptTime(at(since(sample.time).nanos().max(0))),
        shown: NptTime(at(since(composed).nanos())),
        time: since(composed)
            .at_rate(rtp_rate)
            .ticks
            .saturating_add(start_ticks),
    }
}

/// Whether `span` is over with a sample. One that is decoded in time is kept though it is shown
/// too late, for pictures that are shown earlier may need it; and so is one that is only decoded late.
fn is_past(span: &Span, sample: &Sample) -> bool {
    let composed = sample.presented();
    sample.time.min(composed) >= span.media_end
}

/// The part of the edit list that shows a sample.
pub(super) fn span_showing<'a>(track: &'a Track, sample: &Sample) -> Option<&'a Span> {
    let composed = sample.presented();
    track
        .edits
        .spans()
        .iter()
        .find(|span| (span.media_start..span.media_end).contains(&composed))
}

fn shown(sample: &Sample) -> bool {
    sample.size > 0
}

/// Puts headers before the payloads of a packetiser: of those that have not left yet, as long as there is room.
struct Payloads<'a, 'b> {
    stamp: Stamp,
    writer: &'a mut Writer<'b>,
    room: usize,
    seen: usize,
    left: usize,
}

impl Sink for Payloads<'_, '_> {
    fn payload(&mut self, parts: &[&[u8]], marker: bool, offset: u32) {
        self.seen += 1;
        if self.seen <= self.left || self.room == 0 {
            return;
        }
        let time = self.stamp.time.saturating_add(i64::from(offset));
        self.writer.open(&Stamp {
            marker,
            time,
            ..self.stamp
        });
        for part in parts {
            self.writer.append(part);
            self.room = self.room.saturating_sub(part.len());
        }
        self.writer.close();
        self.left += 1;
    }
}

const UNREADABLE: Malformed = Malformed {
    format: "sample",
    reason: "its bytes cannot be read from the file",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_ends_with_the_first_sample_that_nothing_in_it_needs() {
        let span = Span {
            start: NptTime(0),
            duration_ns: 0,
            media_start: 0,
            media_end: 300,
        };
        let sample = |time, composition| Sample {
            index: 0,
            file: 0,
            offset: 0,
            size: 1,
            time,
            composition,
            duration: 100,
            sync: false,
            description: 1,
        };
        assert!(!is_past(&span, &sample(200, 0)));
        assert!(!is_past(&span, &sample(200, 200)), "others refer to it");
        assert!(!is_past(&span, &sample(300, -100)), "it is shown in time");
        assert!(is_past(&span, &sample(300, 0)));
        let whole = Span {
            media_end: i64::MAX,
            ..span
        };
        assert!(!is_past(&whole, &sample(i64::MAX - 1, 0)));
    }
}
