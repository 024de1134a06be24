//! What a process makes: from a transport stream to the access units of a channel's tracks. Sans-IO.

use super::lines::First;
use super::orders::{self, FIRST_PID, LEAD};
use crate::base::media_time::MediaTime;
use crate::codec::elementary::{Coding, Frame, Framer, Piece};
use crate::codec::{AccessUnit, Format, h264};
use crate::container::ts::{CLOCK_HZ, Demux, Event, Unit};

/// What was made of a piece of a track.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::hls) struct Encoded {
    /// The index of the track in the channel's description.
    pub(in crate::hls) track: usize,
    /// The unit, at the RTP time of what it was made of.
    pub(in crate::hls) unit: AccessUnit,
    /// The format, if it changes here.
    pub(in crate::hls) format: Option<Format>,
}

/// Takes apart what one process writes.
pub(super) struct Harvest {
    demux: Demux,
    streams: Vec<Stream>,
    events: Vec<Event>,
    frames: Vec<Frame>,
}

/// One of its streams.
pub(super) struct Stream {
    track: usize,
    clock_hz: u32,
    first: First,
    /// Of a unit, in ticks of the track's clock; `None` for pictures.
    duration: Option<u32>,
    framer: Box<dyn Framer>,
    told: Option<Format>,
}

impl Stream {
    /// What is made of a track by its index in the description, with the rate of its clock in Hz.
    pub(super) fn new(track: usize, clock_hz: u32, first: First, coding: orders::Coding) -> Self {
        let (coding, duration) = match coding {
            orders::Coding::Video => (Coding::H264, None),
            orders::Coding::Audio { rate_hz, .. } => {
                let frame = MediaTime::new(FRAME, rate_hz).at_rate(clock_hz);
                (Coding::Adts, u32::try_from(frame.ticks).ok())
            }
        };
        Self {
            track,
            clock_hz,
            first,
            duration,
            framer: coding.framer(),
            told: None,
        }
    }

    fn encoded(&mut self, frame: Frame) -> Option<Encoded> {
        let (data, keyframe) = match self.duration {
            Some(_) => (frame.data.into(), true),
            None => h264::bare_unit(&frame.data).ok()?,
        };
        let since = frame.time.at_rate(self.clock_hz).ticks - LEAD * i64::from(self.clock_hz);
        let format = self.framer.format().filter(|_| keyframe);
        let format = format.filter(|format| self.told.as_ref() != Some(format));
        if let Some(format) = &format {
            self.told = Some(format.clone());
        }
        let unit = AccessUnit {
            // RTP times wrap.
            time: self.first.get()?.wrapping_add(since as u32),
            keyframe,
            damaged: false,
            data,
            duration: self.duration,
        };
        Some(Encoded {
            track: self.track,
            unit,
            format,
        })
    }
}

impl Harvest {
    /// Of streams in the order of the command line.
    pub(super) fn new(streams: Vec<Stream>) -> Self {
        Self {
            demux: Demux::new(None),
            streams,
            events: Vec::new(),
            frames: Vec::new(),
        }
    }

    /// Takes the next bytes, and adds the units that they complete to `into`.
    pub(super) fn push(&mut self, bytes: &[u8], into: &mut Vec<Encoded>) {
        self.demux.push(bytes, &mut self.events);
        self.take(into);
    }

    /// Adds what is left at the end.
    pub(super) fn finish(&mut self, into: &mut Vec<Encoded>) {
        self.demux.finish(&mut self.events);
        self.take(into);
    }

    fn take(&mut self, into: &mut Vec<Encoded>) {
        for event in self.events.drain(..) {
            let Event::Unit(unit) = event else {
                continue;
            };
            let index = unit.pid.checked_sub(FIRST_PID).map(usize::from);
            let Some(stream) = index.and_then(|index| self.streams.get_mut(index)) else {
                continue;
            };
            stream.framer.push(piece(&unit), &mut self.frames);
            into.extend(
                self.frames
                    .drain(..)
                    .filter_map(|frame| stream.encoded(frame)),
            );
        }
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

/// Samples of a frame of AAC.
const FRAME: i64 = 1024;
