//! One unbroken series of sequence numbers and RTP times a track, whoever publishes.
//!
//! Sans-IO. The publisher's gaps in sequence stay gaps, for a loss is a loss;
//! what is mended are its leaps. Order and duplicates are the matter of `jitter`.

use std::time::Instant;

/// Why numbers were mended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Repair {
    /// Another source, or a publisher that came back.
    NewSource,
    /// The time went forward much faster than the clock on the wall.
    LeapForward,
    /// The time went back by more than the reordering of pictures explains.
    LeapBack,
    /// The sequence number leapt.
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
    /// Sequence numbers that were skipped before it.
    pub lost: u16,
    /// What was mended.
    pub repair: Option<Repair>,
}

/// The series of one track.
#[derive(Debug, Default)]
pub struct Timeline {
    next: Option<(u16, u32)>,
    source: Option<Source>,
}

#[derive(Clone, Copy, Debug)]
struct Source {
    ssrc: u32,
    sequence_offset: u16,
    time_offset: u32,
}

impl Timeline {
    /// Places a packet that arrived at `now`.
    pub fn place(&mut self, numbers: Numbers, _now: Instant) -> Placed {
        let mut repair = None;
        let source = match self.source {
            Some(source) if source.ssrc == numbers.ssrc => source,
            _ => {
                repair = self.next.map(|_| Repair::NewSource);
                let (sequence, time) = self.next.unwrap_or((numbers.sequence, numbers.time));
                Source {
                    ssrc: numbers.ssrc,
                    sequence_offset: sequence.wrapping_sub(numbers.sequence),
                    time_offset: time.wrapping_sub(numbers.time),
                }
            }
        };
        self.source = Some(source);
        let sequence = numbers.sequence.wrapping_add(source.sequence_offset);
        let time = numbers.time.wrapping_add(source.time_offset);
        let expected = self.next.map_or(sequence, |(next, _)| next);
        self.next = Some((sequence.wrapping_add(1), time));
        Placed {
            sequence,
            time,
            lost: sequence.wrapping_sub(expected),
            repair,
        }
    }

    /// The sequence number of the packet that would come next; `None` before the first.
    pub fn next_sequence(&self) -> Option<u16> {
        self.next.map(|(sequence, _)| sequence)
    }

    /// The publisher is gone; whoever comes next goes on where it ended.
    pub fn interrupt(&mut self) {
        self.source = None;
    }
}
