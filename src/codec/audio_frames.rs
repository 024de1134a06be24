//! Audio frames, found in a stream by the header that each begins with.
//!
//! What the headers say stands in the files of the formats.

use std::borrow::Cow;
use std::mem;

use super::Format;
use super::elementary::{Frame, Framer, Piece};
use crate::base::media_time::MediaTime;

/// What stands at the start of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found<P> {
    /// More bytes are needed to tell.
    More,
    /// No frame.
    Nothing,
    /// The header of a frame.
    Frame(Header<P>),
}

/// What a frame's header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header<P> {
    /// Bytes from the start of this frame to the start of the next; more than 0.
    pub(super) size: usize,
    /// Sample times.
    pub(super) duration: u32,
    /// What stays the same from frame to frame.
    pub(super) parameters: P,
}

/// How a format frames its samples.
pub(super) trait Layout: Send {
    /// What stays the same from frame to frame.
    type Parameters: Clone + PartialEq + Send;

    /// Looks for a frame at the start of `bytes`; at most 64 KiB may be asked for.
    fn find(&mut self, bytes: &[u8]) -> Found<Self::Parameters>;

    /// The sample in a whole frame; `None` when it cannot be used.
    fn sample<'a>(&self, frame: &'a [u8]) -> Option<Cow<'a, [u8]>> {
        Some(Cow::Borrowed(frame))
    }

    /// Sampling rate in Hz, not 0.
    fn rate_hz(parameters: &Self::Parameters) -> u32;

    /// What the samples are.
    fn format(parameters: &Self::Parameters) -> Format;
}

/// Finds the frames of a stream and counts their time.
///
/// At the start, after rubbish and when the parameters change, a header counts only if
/// another with the same parameters follows its frame.
pub(super) struct AudioFrames<L: Layout> {
    layout: L,
    parameters: Option<L::Parameters>,
    /// Whether what comes next follows a frame.
    in_step: bool,
    /// What is not yet a frame.
    rest: Vec<u8>,
    /// Times of pieces, each with the place in `rest` where the piece begins.
    marks: Vec<(usize, MediaTime)>,
    /// When the next frame is presented, in sample times.
    next: i64,
    skipped: u64,
}

impl<L: Layout> Framer for AudioFrames<L> {
    fn push(&mut self, piece: Piece<'_>, frames: &mut Vec<Frame>) {
        let mark = piece.pts.map(|time| (self.rest.len(), time));
        self.marks.extend(mark.filter(|_| !piece.data.is_empty()));
        let mut bytes = mem::take(&mut self.rest);
        bytes.extend_from_slice(piece.data);
        let mut at = 0;
        while let Some(step) = self.step(&bytes[at..], at, frames) {
            at += step;
        }
        bytes.drain(..at);
        for (place, _) in &mut self.marks {
            *place = place.saturating_sub(at);
        }
        self.rest = bytes;
    }

    fn skip(&mut self) {
        self.skipped += self.rest.len() as u64;
        self.rest.clear();
        self.marks.clear();
        self.in_step = false;
    }

    fn skipped_bytes(&self) -> u64 {
        self.skipped
    }

    fn is_barren(&self) -> bool {
        let is_passed_over = self.skipped > 0 && self.rest.is_empty();
        self.parameters.is_none() && (is_passed_over || self.skipped > LONGEST)
    }

    fn format(&self) -> Option<Format> {
        self.parameters.as_ref().map(L::format)
    }
}

impl<L: Layout> AudioFrames<L> {
    /// At the start of a stream.
    pub(super) fn new(layout: L) -> Self {
        Self {
            layout,
            parameters: None,
            in_step: false,
            rest: Vec::new(),
            marks: Vec::new(),
            next: 0,
            skipped: 0,
        }
    }

    /// Takes a frame, or a byte of rubbish, from the start of `bytes`, which stand at `place`.
    ///
    /// Returns how many bytes that were; `None` when more are needed.
    fn step(&mut self, bytes: &[u8], place: usize, frames: &mut Vec<Frame>) -> Option<usize> {
        let header = match self.find(bytes) {
            Found::More => return None,
            Found::Nothing => {
                self.in_step = false;
                self.skipped += 1;
                return Some(1);
            }
            Found::Frame(header) => header,
        };
        let frame = bytes.get(..header.size)?;
        self.in_step = true;
        let rate = L::rate_hz(&header.parameters);
        let time = self.time(place, rate);
        self.parameters = Some(header.parameters);
        self.next = time.saturating_add(header.duration.into());
        if let Some(sample) = self.layout.sample(frame) {
            frames.push(Frame {
                data: sample.into_owned(),
                time: MediaTime::new(time, rate),
            });
        }
        Some(header.size)
    }

    fn find(&mut self, bytes: &[u8]) -> Found<L::Parameters> {
        let header = match self.layout.find(bytes) {
            Found::Frame(header) => header,
            other => return other,
        };
        if self.in_step && self.parameters.as_ref() == Some(&header.parameters) {
            return Found::Frame(header);
        }
        let Some(after) = bytes.get(header.size..) else {
            return Found::More;
        };
        match self.layout.find(after) {
            Found::More => Found::More,
            Found::Frame(next) if next.parameters == header.parameters => Found::Frame(header),
            _ => Found::Nothing,
        }
    }

    /// The time of the frame at `place`: its piece's if it is the first there, unless that is
    /// what counting comes to but for the rounding of a multiplexer's clock.
    fn time(&mut self, place: usize, rate: u32) -> i64 {
        let before = self.marks.partition_point(|(mark, _)| *mark <= place);
        let known = self.parameters.as_ref().map_or(rate, L::rate_hz);
        let is_same = known == rate;
        if !is_same {
            self.next = MediaTime::new(self.next, known).at_rate(rate).ticks;
        }
        let Some((_, told)) = self.marks.drain(..before).next_back() else {
            return self.next;
        };
        let told = told.at_rate(rate).ticks;
        if is_same && told.abs_diff(self.next) <= u64::from(rate / ROUNDING) {
            return self.next;
        }
        told
    }
}

/// More than any frame whose end a stream begins with, in bytes.
const LONGEST: u64 = 8192;

/// A fraction of a second: 5 ms.
const ROUNDING: u32 = 200;
