//! A track's samples in the order in which they are decoded, on the timeline of the presentation.
//!
//! ```text
//!  media        |---- skipped ----|.lead-in.|======= shown =======|--- skipped ---|
//!  presentation                            0|=====================|  (the next splice goes on here)
//! ```
//!
//! The edit list says which parts of the media are shown; each is a splice. Decoding begins at a
//! key frame, which may lie before what is shown. Pictures of such a lead-in are sent squeezed
//! into a few milliseconds, so that every player and every flavour shows the same.

use crate::base::media_time::{MediaTime, NptTime};
use crate::codec::Kind;
use crate::container::{self, Cursor, SampleTable, Span, Track};

/// The samples of a track; the table that they are in belongs to the movie.
#[derive(Clone, Debug)]
pub(super) struct Strip {
    splices: Vec<Splice>,
    /// Ticks per second of all its times, in Hz.
    timescale: u32,
    /// Ticks for one of the track.
    scale: i64,
    /// Whether a decoder may start with every sample.
    all_sync: bool,
    len: u64,
    end: i64,
}

/// Samples that follow one another in the media.
#[derive(Clone, Debug)]
struct Splice {
    /// The first sample, and the one after the last, by their numbers in the table.
    samples: std::ops::Range<u32>,
    /// How many samples of the strip go before it.
    before: u64,
    /// When it is shown, in ticks of the strip.
    start: i64,
    /// The first media time that is shown, in ticks of the track.
    shown_from: i64,
    /// Whether what is decoded before is squeezed.
    squeezed: bool,
}

/// A sample on the timeline of the presentation; times are in ticks of the strip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Placed {
    /// Where it lies in the movie's files.
    pub(super) sample: container::Sample,
    /// When it is decoded. May be negative: what goes before the presentation.
    pub(super) decode: i64,
    /// When it is shown.
    pub(super) presented: i64,
    /// From its decoding to that of the next sample.
    pub(super) duration: i64,
    /// Whether a decoder may start with it.
    pub(super) sync: bool,
}

impl Strip {
    /// The samples of `track` that its edit list shows.
    pub(super) fn of(track: &Track, kind: Kind) -> Self {
        let spans = track.edits.spans();
        let has_lead_in = |span: &Span| leads_in(track, span);
        let squeezes = kind == Kind::Video && spans.iter().any(has_lead_in);
        let scale = match squeezes {
            true => FINE.div_ceil(track.timescale).max(1),
            false => 1,
        };
        let timescale = track.timescale.checked_mul(scale);
        let (timescale, scale) = timescale.map_or((track.timescale, 1), |rate| (rate, scale));
        let mut strip = Self {
            splices: Vec::new(),
            timescale,
            scale: scale.into(),
            all_sync: kind != Kind::Video || track.samples.all_sync(),
            len: 0,
            end: 0,
        };
        for span in spans {
            strip.add(track, span, kind);
        }
        strip.end = strip.end_of_last(track);
        strip
    }

    fn add(&mut self, track: &Track, span: &Span, kind: Kind) {
        let table = &track.samples;
        let first = match kind {
            Kind::Video => track.sync_for(span.media_start),
            _ if self.splices.is_empty() => {
                table.index_at(span.media_start).saturating_sub(WARM_UP)
            }
            _ => first_from(table, span.media_start),
        };
        let end = end_of(table, span.media_end);
        if first >= end {
            return;
        }
        let NptTime(start) = span.start;
        self.splices.push(Splice {
            samples: first..end,
            before: self.len,
            start: MediaTime::from_nanos(start, self.timescale).ticks,
            shown_from: span.media_start,
            squeezed: kind == Kind::Video && leads_in(track, span),
        });
        self.len += u64::from(end - first);
    }

    /// Ticks per second of its times, in Hz.
    pub(super) fn timescale(&self) -> u32 {
        self.timescale
    }

    /// How many samples it has.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// When all of it has been shown.
    pub(super) fn end(&self) -> i64 {
        self.end
    }

    /// The samples from number `at` on.
    pub(super) fn from<'t>(&'t self, table: &'t SampleTable, at: u64) -> Samples<'t> {
        let number = self.splice_of(at);
        Samples {
            strip: self,
            table,
            number,
            cursor: self.cursor(table, number, at),
            coming: None,
        }
    }

    /// The sample of that number.
    pub(super) fn sample(&self, table: &SampleTable, at: u64) -> Option<Placed> {
        (at < self.len).then(|| self.from(table, at).next())?
    }

    /// The number of the first sample that is decoded at `time` or later.
    pub(super) fn decoded_from(&self, table: &SampleTable, time: i64) -> u64 {
        let number = self.splices.partition_point(|splice| splice.start <= time);
        let Some(splice) = number.checked_sub(1).and_then(|at| self.splices.get(at)) else {
            return 0;
        };
        let since = time.saturating_sub(splice.start) / self.scale;
        let media = splice.shown_from.saturating_add(since);
        let mut index = table
            .index_at(media)
            .clamp(splice.samples.start, splice.samples.end);
        while index < splice.samples.end
            && table
                .cursor(index)
                .next(table)
                .is_some_and(|sample| self.place(splice, sample.time) < time)
        {
            index += 1;
        }
        splice.before + u64::from(index - splice.samples.start)
    }

    /// The last sample at or before number `at` with which a decoder may start.
    pub(super) fn sync_at_or_before(&self, table: &SampleTable, at: u64) -> u64 {
        let at = at.min(self.len.saturating_sub(1));
        let Some(splice) = self
            .splices
            .get(self.splice_of(at))
            .filter(|_| !self.all_sync)
        else {
            return at;
        };
        let index = splice.index(at);
        let sync = table.sync_at_or_before(index).max(splice.samples.start);
        splice.before + u64::from(sync - splice.samples.start)
    }

    /// The first sample after number `at` with which a decoder may start.
    pub(super) fn next_sync(&self, table: &SampleTable, at: u64) -> Option<u64> {
        let next = at.checked_add(1).filter(|next| *next < self.len)?;
        let splice = self.splices.get(self.splice_of(at))?;
        if self.all_sync {
            return Some(next);
        }
        let in_splice = table.next_sync(splice.index(at));
        let in_splice = in_splice.filter(|index| splice.samples.contains(index));
        match in_splice {
            Some(index) => Some(splice.before + u64::from(index - splice.samples.start)),
            // Each splice begins with one.
            None => Some(splice.end()).filter(|end| *end < self.len),
        }
    }

    /// Bytes of the samples of these numbers.
    pub(super) fn bytes(&self, table: &SampleTable, numbers: std::ops::Range<u64>) -> u64 {
        let first = self.splice_of(numbers.start);
        let splices = self.splices.iter().skip(first);
        let splices = splices.take_while(|splice| splice.before < numbers.end);
        let bytes = |splice: &Splice| {
            let (from, to) = (splice.index(numbers.start), splice.index(numbers.end));
            table.bytes_between(from, to)
        };
        splices.map(bytes).sum()
    }

    fn splice_of(&self, at: u64) -> usize {
        let after = self.splices.partition_point(|splice| splice.before <= at);
        after.saturating_sub(1)
    }

    fn cursor(&self, table: &SampleTable, number: usize, at: u64) -> Cursor {
        let index = self
            .splices
            .get(number)
            .map_or(u32::MAX, |splice| splice.index(at));
        table.cursor(index)
    }

    /// A media time of a splice on the timeline of the presentation.
    fn place(&self, splice: &Splice, media: i64) -> i64 {
        let since = media
            .saturating_sub(splice.shown_from)
            .saturating_mul(self.scale);
        match since {
            ..0 if splice.squeezed => splice.start.saturating_add(since / SQUEEZE - 1),
            _ => splice.start.saturating_add(since),
        }
    }

    fn end_of_last(&self, track: &Track) -> i64 {
        let Some(splice) = self.splices.last() else {
            return 0;
        };
        // Pictures are decoded in another order than they are shown.
        let first = splice
            .samples
            .end
            .saturating_sub(REORDERED)
            .max(splice.samples.start);
        let mut cursor = track.samples.cursor(first);
        let mut end = i64::MIN;
        while cursor.index() < splice.samples.end
            && let Some(sample) = cursor.next(&track.samples)
        {
            end = end.max(sample.presented().saturating_add(sample.duration.into()));
        }
        let cut = track
            .edits
            .spans()
            .last()
            .map_or(i64::MAX, |span| span.media_end);
        self.place(splice, end.min(cut))
    }
}

impl Splice {
    /// The number in the table of a sample of the strip, within this splice.
    fn index(&self, at: u64) -> u32 {
        let into = u32::try_from(at.saturating_sub(self.before)).unwrap_or(u32::MAX);
        self.samples
            .start
            .saturating_add(into)
            .min(self.samples.end)
    }

    /// How many samples of the strip are before the next splice.
    fn end(&self) -> u64 {
        self.before + u64::from(self.samples.end - self.samples.start)
    }
}

/// Samples of a strip, one after the other.
#[derive(Debug)]
pub(super) struct Samples<'t> {
    strip: &'t Strip,
    table: &'t SampleTable,
    /// The splice that the cursor is in.
    number: usize,
    cursor: Cursor,
    /// What was taken already, to know how long the one before it lasts.
    coming: Option<Placed>,
}

impl Samples<'_> {
    fn advance(&mut self) -> Option<Placed> {
        loop {
            let splice = self.strip.splices.get(self.number)?;
            if self.cursor.index() >= splice.samples.end {
                self.number += 1;
                let next = self.strip.splices.get(self.number)?;
                self.cursor = self.table.cursor(next.samples.start);
                continue;
            }
            let sample = self.cursor.next(self.table)?;
            let decode = self.strip.place(splice, sample.time);
            let duration = i64::from(sample.duration).saturating_mul(self.strip.scale);
            return Some(Placed {
                sample,
                decode,
                presented: self.strip.place(splice, sample.presented()),
                duration,
                sync: self.strip.all_sync || sample.sync || sample.index == splice.samples.start,
            });
        }
    }
}

impl Iterator for Samples<'_> {
    type Item = Placed;

    fn next(&mut self) -> Option<Placed> {
        let mut placed = match self.coming.take() {
            Some(coming) => coming,
            None => self.advance()?,
        };
        self.coming = self.advance();
        if let Some(coming) = &self.coming {
            placed.duration = coming.decode.saturating_sub(placed.decode).max(0);
        }
        Some(placed)
    }
}

/// Whether pictures have to be decoded that `span` does not show.
fn leads_in(track: &Track, span: &Span) -> bool {
    let table = &track.samples;
    let first = table.cursor(track.sync_for(span.media_start)).next(table);
    first.is_some_and(|first| first.presented() < span.media_start)
}

/// The first sample that is decoded at `time` or later.
fn first_from(table: &SampleTable, time: i64) -> u32 {
    let index = table.index_at(time);
    let begins_before = |sample: container::Sample| sample.time < time;
    let is_before = table.cursor(index).next(table).is_some_and(begins_before);
    index + u32::from(is_before)
}

/// The first sample of which nothing is needed before media time `end`.
fn end_of(table: &SampleTable, end: i64) -> u32 {
    let mut index = first_from(table, end);
    let mut cursor = table.cursor(index);
    // With negative offsets pictures are shown before they are decoded.
    for _ in 0..REORDERED {
        match cursor.next(table) {
            Some(sample) if sample.presented() < end => index = sample.index + 1,
            _ => break,
        }
    }
    index.min(table.len())
}

/// Frames of sound that go before what is shown: decoders need one or two to be in tune.
const WARM_UP: u32 = 3;

/// How many times faster pictures pass that are decoded only for those after them.
const SQUEEZE: i64 = 500;

/// Squeezed pictures need a fine timescale, in Hz.
const FINE: u32 = 90_000;

/// The most pictures by which the order of decoding differs from that of showing.
const REORDERED: u32 = 32;

#[cfg(test)]
pub(super) mod tests;
