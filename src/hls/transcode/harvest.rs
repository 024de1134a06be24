//! What a process makes: from a transport stream to access units. Sans-IO.

use bytes::Bytes;

use super::orders::{Coding, FIRST_PID, LEAD};
use crate::base::media_time::MediaTime;
use crate::codec::elementary::{self, Frame, Framer, Piece};
use crate::codec::{Format, h264};
use crate::container::ts::{CLOCK_HZ, Demux, Event, Unit};

/// A unit that was made.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Made {
    /// Of which stream, in the order of the command line.
    pub(super) stream: usize,
    /// When it is presented, on the timeline of what was read.
    pub(super) time: MediaTime,
    /// Whether a decoder may start with it.
    pub(super) keyframe: bool,
    pub(super) data: Bytes,
    /// The format, if it changes here.
    pub(super) format: Option<Format>,
}

/// Takes apart what one process writes.
pub(super) struct Harvest {
    demux: Demux,
    streams: Vec<Stream>,
    events: Vec<Event>,
    frames: Vec<Frame>,
}

struct Stream {
    is_seen: bool,
    framer: Box<dyn Framer>,
    told: Option<Format>,
}

impl Harvest {
    /// Of streams that are so coded.
    pub(super) fn new(codings: &[Coding]) -> Self {
        Self {
            demux: Demux::new(None),
            streams: codings.iter().map(Stream::new).collect(),
            events: Vec::new(),
            frames: Vec::new(),
        }
    }

    /// Takes the next bytes, and adds the units that they complete to `into`.
    pub(super) fn push(&mut self, bytes: &[u8], into: &mut Vec<Made>) {
        self.demux.push(bytes, &mut self.events);
        self.take(into);
    }

    /// Adds what is left at the end.
    pub(super) fn finish(&mut self, into: &mut Vec<Made>) {
        self.demux.finish(&mut self.events);
        self.take(into);
    }

    fn take(&mut self, into: &mut Vec<Made>) {
        for event in self.events.drain(..) {
            let Event::Unit(unit) = event else {
                continue;
            };
            let Some(index) = unit.pid.checked_sub(FIRST_PID).map(usize::from) else {
                continue;
            };
            let Some(stream) = self.streams.get_mut(index) else {
                continue;
            };
            stream.framer.push(piece(&unit), &mut self.frames);
            let frames = self.frames.drain(..);
            into.extend(frames.filter_map(|frame| stream.made(index, frame)));
        }
    }
}

impl Stream {
    fn new(coding: &Coding) -> Self {
        let is_seen = matches!(coding, Coding::Video { .. });
        let coding = match is_seen {
            true => elementary::Coding::H264,
            false => elementary::Coding::Adts,
        };
        Self {
            is_seen,
            framer: coding.framer(),
            told: None,
        }
    }

    fn made(&mut self, stream: usize, frame: Frame) -> Option<Made> {
        let (data, keyframe) = match self.is_seen {
            true => h264::bare_unit(&frame.data).ok()?,
            false => (frame.data.into(), true),
        };
        let format = self.framer.format().filter(|_| keyframe);
        let format = format.filter(|format| self.told.as_ref() != Some(format));
        if let Some(format) = &format {
            self.told = Some(format.clone());
        }
        let rate = frame.time.rate;
        let ticks = frame.time.ticks.saturating_sub(LEAD * i64::from(rate));
        Some(Made {
            stream,
            time: MediaTime::new(ticks, rate),
            keyframe,
            data,
            format,
        })
    }
}

fn piece(unit: &Unit) -> Piece<'_> {
    let time = |ticks| MediaTime::new(ticks, CLOCK_HZ);
    Piece {
        data: &unit.data,
        pts: unit.pts.map(time),
        dts: unit.dts.map(time),
        random_access: unit.random_access,
    }
}
