//! Which of a channel's packets go to a process, and where its tracks stand. Sans-IO.
//!
//! A process starts its times at the first packet of each track. What follows must be of the same
//! time, so packets behind a gap are for a process that begins anew, and so are those of a track
//! that was silent when the process began.

use std::sync::{Arc, OnceLock};

use bytes::{BufMut, BytesMut};

use super::feed::{Form, Written};
use super::single_frames::SingleFrames;
use crate::media::burst::{Packet, PacketKind};
use crate::media::description::Track;
use crate::wire::rtsp::write_frame_header;

/// A step in RTP time by more than this, in seconds, is a gap.
const LONGEST_STEP: u32 = 3;

/// The tracks that are to be encoded.
#[derive(Debug, Default)]
pub(super) struct Lines(Vec<Line>);

/// A track.
#[derive(Debug)]
struct Line {
    /// Its index in the channel's description.
    track: usize,
    clock_hz: u32,
    /// Whether this process has it.
    is_given: bool,
    single_frames: Option<SingleFrames>,
    first: First,
    /// The RTP time of the newest packet.
    last: Option<u32>,
}

/// The RTP time of the first packet of a track that a process got.
pub(super) type First = Arc<OnceLock<u32>>;

impl Lines {
    /// Adds a track by its index in the description; `is_given` says whether this process has it.
    pub(super) fn add(&mut self, index: usize, track: &Track, is_given: bool) -> First {
        let first = First::default();
        self.0.push(Line {
            track: index,
            clock_hz: track.clock_hz,
            is_given,
            single_frames: SingleFrames::of(track),
            first: Arc::clone(&first),
            last: None,
        });
        first
    }
}

impl Form for Lines {
    fn write(&mut self, packet: &Packet, data: &[u8], into: &mut BytesMut) -> Written {
        let track = usize::from(packet.track);
        let line = self.0.iter_mut().find(|line| line.track == track);
        let Some(line) = line.filter(|_| packet.kind == PacketKind::Rtp) else {
            return Written::Taken;
        };
        if !line.is_given || line.is_behind_gap(packet.time) {
            return Written::Turn;
        }
        line.first.get_or_init(|| packet.time);
        line.last = Some(packet.time);
        let channel = packet.track << 1;
        if let Some(single_frames) = &mut line.single_frames {
            single_frames.write(data, channel, into);
            return Written::Taken;
        }
        // Packets of bursts are as long as a frame can tell.
        if let Ok(length) = u16::try_from(data.len()) {
            into.put_slice(&write_frame_header(channel, length));
            into.put_slice(data);
        }
        Written::Taken
    }

    fn finish(&mut self, _into: &mut BytesMut) {}
}

impl Line {
    fn is_behind_gap(&self, time: u32) -> bool {
        let step = |last| time.wrapping_sub(last).cast_signed().unsigned_abs();
        let longest = LONGEST_STEP.saturating_mul(self.clock_hz);
        self.last.is_some_and(|last| step(last) > longest)
    }
}
