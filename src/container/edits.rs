//! Edit lists: which parts of a track's media are presented, and when.

use crate::base::media_time::{MediaTime, NptTime};

/// The presented parts of a track, in presentation order; empty edits are gaps between them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edits {
    spans: Vec<Span>,
    lead: NptTime,
}

/// A part of the media that is presented without interruption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// When it is presented.
    pub start: NptTime,
    /// How long, in nanoseconds.
    pub duration_ns: i64,
    /// First media time, in ticks of the track.
    pub media_start: i64,
    /// Media time after the last, in ticks of the track; `i64::MAX` when nothing is cut off.
    pub media_end: i64,
}

/// One entry of an edit list (ISO/IEC 14496-12, 8.6.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Length in ticks of the movie; 0 for the last entry means to the end of the media.
    pub(super) duration: MediaTime,
    /// First media time in ticks of the track; negative for an empty edit.
    pub(super) media_time: i64,
    /// Whether the media stands still for that time.
    pub(super) dwell: bool,
}

impl Edits {
    /// The whole media from the start of the presentation, as without an edit list.
    ///
    /// `media` is the length of the media at the track's rate.
    pub fn whole(media: MediaTime) -> Self {
        let span = Span {
            start: NptTime(0),
            duration_ns: media.nanos(),
            media_start: 0,
            media_end: i64::MAX,
        };
        Self {
            spans: vec![span],
            lead: NptTime(0),
        }
    }

    /// The presented parts that `entries` name; those that name nothing leave gaps.
    pub(super) fn from_entries(entries: impl Iterator<Item = Entry>, media: MediaTime) -> Self {
        let mut edits = Self::default();
        let mut at: i64 = 0;
        for entry in entries {
            let to_end = entry.duration.ticks == 0 && entry.media_time >= 0;
            let length_ns = if to_end {
                let rest = media.ticks.saturating_sub(entry.media_time).max(0);
                MediaTime::new(rest, media.rate).nanos()
            } else {
                entry.duration.nanos().max(0)
            };
            if entry.media_time >= 0 && !entry.dwell {
                let ticks = MediaTime::from_nanos(length_ns, media.rate).ticks;
                edits.spans.push(Span {
                    start: NptTime(at),
                    duration_ns: length_ns,
                    media_start: entry.media_time,
                    media_end: if to_end {
                        i64::MAX
                    } else {
                        entry.media_time.saturating_add(ticks)
                    },
                });
            }
            at = at.saturating_add(length_ns);
            if edits.spans.is_empty() {
                edits.lead = NptTime(at);
            }
        }
        edits
    }

    /// The presented parts in order; none when the track shows nothing.
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// The leading empty edit's length: all that QTSS took from a hint track's edit list.
    pub fn lead(&self) -> NptTime {
        self.lead
    }

    /// When the last part ends.
    pub fn end(&self) -> NptTime {
        let end = |span: &Span| NptTime(span.start.0.saturating_add(span.duration_ns));
        self.spans.last().map_or(self.lead, end)
    }
}
