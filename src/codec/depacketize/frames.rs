//! Audio frames on their way out of RTP, one of which may come in pieces.

use std::collections::VecDeque;
use std::mem;

use bytes::Bytes;

use super::{AccessUnit, MAX_UNIT};

/// The frames of one track.
#[derive(Debug, Default)]
pub(super) struct Frames {
    ready: VecDeque<AccessUnit>,
    partial: Option<Partial>,
    is_damaged: bool,
}

/// A frame whose beginning has come.
#[derive(Debug)]
pub(super) struct Partial {
    pub(super) time: u32,
    pub(super) data: Vec<u8>,
}

impl Frames {
    /// Something is missing: the frame under way is given up, and the next one counts as damaged.
    pub(super) fn lose(&mut self) {
        self.partial = None;
        self.is_damaged = true;
    }

    /// Takes note of so many packets that were lost.
    pub(super) fn lost(&mut self, packets: u16) {
        if packets > 0 {
            self.lose();
        }
    }

    /// A frame begins that goes on in the next payload.
    pub(super) fn begin(&mut self, time: u32, data: &[u8]) {
        if self.partial.is_some() {
            self.lose();
        }
        self.partial = Some(Partial {
            time,
            data: data.to_vec(),
        });
    }

    /// The frame under way goes on; how many bytes it has now, `None` without one.
    pub(super) fn append(&mut self, data: &[u8]) -> Option<usize> {
        let partial = self.partial.as_mut();
        let Some(partial) = partial.filter(|partial| partial.data.len() + data.len() <= MAX_UNIT)
        else {
            self.lose();
            return None;
        };
        partial.data.extend_from_slice(data);
        Some(partial.data.len())
    }

    /// The frame under way, as far as it has come.
    pub(super) fn partial(&self) -> Option<&Partial> {
        self.partial.as_ref()
    }

    /// The frame under way, which is whole.
    pub(super) fn take_partial(&mut self) -> Option<Partial> {
        self.partial.take()
    }

    /// A whole frame, heard for so many ticks.
    pub(super) fn push(&mut self, time: u32, data: impl Into<Bytes>, duration: u32) {
        if self.partial.is_some() {
            self.lose();
        }
        self.ready.push_back(AccessUnit {
            time,
            keyframe: true,
            damaged: mem::take(&mut self.is_damaged),
            data: data.into(),
            duration: Some(duration),
        });
    }

    pub(super) fn pull(&mut self) -> Option<AccessUnit> {
        self.ready.pop_front()
    }
}

/// So many samples at `rate_hz` in ticks of `clock_hz`, to the nearest; 0 for a rate of 0.
pub(super) fn ticks(samples: u32, rate_hz: u32, clock_hz: u32) -> u32 {
    let scaled = u64::from(samples) * u64::from(clock_hz) + u64::from(rate_hz) / 2;
    let ticks = scaled.checked_div(rate_hz.into()).unwrap_or_default();
    // RTP times wrap.
    ticks as u32
}
