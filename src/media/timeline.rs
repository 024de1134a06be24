//! One unbroken series of sequence numbers and RTP times a track, whoever publishes.
//!
//! Sans-IO. The publisher's gaps in sequence stay gaps, for a loss is a loss;
//! what is mended are its leaps. After a leap the series goes on by the clock on
//! the wall, so that tracks which leap together stay together. Order and
//! duplicates are the matter of `jitter`.

use std::time::{Duration, Instant};

use super::arrival::ArrivalClock;
use crate::base::media_time::MediaTime;

/// Sequence numbers further ahead than this are no loss (RFC 3550, A.1).
const MAX_DROPOUT: i16 = 3000;

/// Sequence numbers further back than this are no reordering.
const MAX_MISORDER: i16 = 1000;

/// Time that runs ahead of the clock on the wall by more than this has leapt.
const AHEAD: Duration = Duration::from_secs(10);

/// Time that goes back by more than this has leapt; less is the order in which pictures are coded.
const BACK: Duration = Duration::from_secs(2);

/// Why numbers were mended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Repair {
    /// Another source, or a publisher that came back.
    NewSource,
    /// The time went forward much faster than the clock on the wall.
    LeapForward,
    /// The time went back by more than the order of pictures explains.
    LeapBack,
    /// The sequence number leapt, and the time did not.
    SequenceLeap,
}

impl Repair {
    /// All, in the order of their numbers.
    pub const ALL: [Self; 4] = [
        Self::NewSource,
        Self::LeapForward,
        Self::LeapBack,
        Self::SequenceLeap,
    ];

    /// The word for metrics: `new_source`.
    pub fn name(self) -> &'static str {
        match self {
            Self::NewSource => "new_source",
            Self::LeapForward => "leap_forward",
            Self::LeapBack => "leap_back",
            Self::SequenceLeap => "sequence_leap",
        }
    }
}

/// What a publisher's packet says of itself.
#[derive(Clone, Copy, Debug)]
pub struct Numbers {
    /// Its source.
    pub ssrc: u32,
    /// Its sequence number.
    pub sequence: u16,
    /// Its RTP time in ticks.
    pub time: u32,
}

/// A packet's place in the channel's series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Its sequence number for readers.
    pub sequence: u16,
    /// Its RTP time for readers, in ticks.
    pub time: u32,
    /// Sequence numbers that are missing before it.
    pub lost: u16,
    /// What was mended.
    pub repair: Option<Repair>,
}

/// The series of one track.
#[derive(Debug)]
pub struct Timeline {
    clock_hz: u32,
    series: Option<Series>,
}

#[derive(Debug)]
struct Series {
    source: Option<Source>,
    /// The highest sequence number so far.
    sequence: u16,
    /// The latest time so far, in ticks after the first packet.
    ticks: i64,
    /// When the last packet arrived.
    arrived: Instant,
    clock: ArrivalClock,
}

/// What is added to the numbers of a source.
#[derive(Clone, Copy, Debug)]
struct Source {
    ssrc: u32,
    sequence: u16,
    time: u32,
}

impl Timeline {
    /// A series without packets; `clock_hz` is not 0.
    pub fn new(clock_hz: u32) -> Self {
        Self {
            clock_hz,
            series: None,
        }
    }

    /// Places a packet that arrived at `now`.
    ///
    /// `aligned` is asked when the packet is the first of a new source: the time
    /// for readers that keeps it in step with the other tracks, if that is known.
    pub fn place(
        &mut self,
        numbers: Numbers,
        now: Instant,
        aligned: impl FnOnce() -> Option<u32>,
    ) -> Placed {
        match &mut self.series {
            Some(series) => series.place(numbers, now, aligned),
            None => self.begin(numbers, now),
        }
    }

    /// The first packet keeps its numbers.
    fn begin(&mut self, numbers: Numbers, now: Instant) -> Placed {
        self.series = Some(Series {
            source: Some(Source {
                ssrc: numbers.ssrc,
                sequence: 0,
                time: 0,
            }),
            sequence: numbers.sequence,
            ticks: 0,
            arrived: now,
            clock: ArrivalClock::new(self.clock_hz, numbers.time, now),
        });
        Placed {
            sequence: numbers.sequence,
            time: numbers.time,
            lost: 0,
            repair: None,
        }
    }

    /// The publisher is gone; whoever comes next goes on where it ended.
    pub fn interrupt(&mut self) {
        if let Some(series) = &mut self.series {
            series.source = None;
        }
    }

    /// Whether a source sends at present.
    pub fn is_fed(&self) -> bool {
        self.series
            .as_ref()
            .is_some_and(|series| series.source.is_some())
    }

    /// The sequence number of the packet that would come next; `None` before the first.
    pub fn next_sequence(&self) -> Option<u16> {
        let series = self.series.as_ref()?;
        Some(series.sequence.wrapping_add(1))
    }

    /// The rate of its times, in Hz.
    pub fn clock_hz(&self) -> u32 {
        self.clock_hz
    }

    /// The RTP time that readers would give to `now`, as far as arrivals tell; `None` before the first packet.
    pub fn time_at(&self, now: Instant) -> Option<u32> {
        let clock = self.series.as_ref()?.clock;
        Some(clock.time_of(clock.ticks_at(now)))
    }

    /// The time for readers of a source's own time; `None` when it is not the present source.
    pub fn translate(&self, ssrc: u32, time: u32) -> Option<u32> {
        let source = self.series.as_ref()?.source?;
        (source.ssrc == ssrc).then(|| time.wrapping_add(source.time))
    }
}

impl Series {
    fn place(
        &mut self,
        numbers: Numbers,
        now: Instant,
        aligned: impl FnOnce() -> Option<u32>,
    ) -> Placed {
        let (source, repair) = match self.source {
            Some(source) if source.ssrc == numbers.ssrc => self.mend(source, numbers, now),
            _ => {
                let ticks = self.clock.ticks_at(now);
                let aligned = aligned().map(|time| self.clock.ticks_to(time));
                let aligned = aligned.filter(|aligned| self.is_near(ticks - aligned));
                let ticks = aligned.unwrap_or(ticks);
                (self.go_on(numbers, ticks), Some(Repair::NewSource))
            }
        };
        self.source = Some(source);
        let sequence = numbers.sequence.wrapping_add(source.sequence);
        let time = numbers.time.wrapping_add(source.time);
        Placed {
            sequence,
            time,
            lost: self.advance(sequence, time, now),
            repair,
        }
    }

    /// The source with its numbers set right, if they have leapt.
    fn mend(&self, source: Source, numbers: Numbers, now: Instant) -> (Source, Option<Repair>) {
        let fresh = || self.go_on(numbers, self.clock.ticks_at(now));
        let time = numbers.time.wrapping_add(source.time);
        if let Some(leap) = self.leap(time, now) {
            return (fresh(), Some(leap));
        }
        let sequence = numbers.sequence.wrapping_add(source.sequence);
        let step = sequence.wrapping_sub(self.sequence).cast_signed();
        if (-MAX_MISORDER..=MAX_DROPOUT).contains(&step) {
            return (source, None);
        }
        let mended = Source {
            sequence: fresh().sequence,
            ..source
        };
        (mended, Some(Repair::SequenceLeap))
    }

    fn leap(&self, time: u32, now: Instant) -> Option<Repair> {
        let ahead = self.clock.ticks_to(time) - self.ticks;
        let ahead = MediaTime::new(ahead, self.clock.clock_hz()).nanos();
        let nanos = |span: Duration| i64::try_from(span.as_nanos()).unwrap_or(i64::MAX);
        let elapsed = now.saturating_duration_since(self.arrived);
        if ahead > nanos(AHEAD.saturating_add(elapsed)) {
            Some(Repair::LeapForward)
        } else if ahead < -nanos(BACK) {
            Some(Repair::LeapBack)
        } else {
            None
        }
    }

    /// Whether the difference is one of delay.
    fn is_near(&self, ticks: i64) -> bool {
        let apart = MediaTime::new(ticks, self.clock.clock_hz()).nanos();
        u128::from(apart.unsigned_abs()) <= BACK.as_nanos()
    }

    /// What to add so that this packet follows the last, `ticks` after the first packet if that is later.
    fn go_on(&self, numbers: Numbers, ticks: i64) -> Source {
        let time = self.clock.time_of(ticks.max(self.ticks + 1));
        Source {
            ssrc: numbers.ssrc,
            sequence: self.sequence.wrapping_add(1).wrapping_sub(numbers.sequence),
            time: time.wrapping_sub(numbers.time),
        }
    }

    /// Takes the packet into the series; how many are missing before it.
    fn advance(&mut self, sequence: u16, time: u32, now: Instant) -> u16 {
        let ticks = self.clock.ticks_to(time);
        self.clock.arrived(ticks, now);
        self.ticks = self.ticks.max(ticks);
        self.arrived = now;
        let step = sequence.wrapping_sub(self.sequence);
        if step.cast_signed() <= 0 {
            return 0;
        }
        self.sequence = sequence;
        step - 1
    }
}

#[cfg(test)]
mod tests;
