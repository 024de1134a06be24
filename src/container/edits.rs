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
    /// Media time after the last, in ticks of the track.
    pub media_end: i64,
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
            media_end: media.ticks,
        };
        Self {
            spans: vec![span],
            lead: NptTime(0),
        }
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
