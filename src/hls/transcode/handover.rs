//! The sounds of a channel on their way from one source to another, so that none is missed or heard twice.
//!
//! Sans-IO. The new source begins with the channel's past and comes after the old one; its sounds are taken when
//! it has kept up for long enough. Both are made of the same packets, and tell their RTP times.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::channel::Encoded;
use crate::codec::Format;

/// A source keeps up with another if its sounds come no later than this after those of the other, in milliseconds.
const BEHIND: i64 = 500;

/// Sounds further apart than this, in seconds, are not on one timeline.
const APART: i64 = 60;

/// The most units that wait to be taken.
const MOST_WAITING: usize = 4096;

/// A handing over of some tracks.
#[derive(Debug)]
pub(super) struct Handover {
    /// For how long the new source must have kept up.
    proof: Duration,
    tracks: Vec<Track>,
    waiting: VecDeque<Encoded>,
    is_over: bool,
}

#[derive(Debug)]
struct Track {
    index: usize,
    clock_hz: u32,
    /// The RTP time of the newest unit of the old source.
    old: Option<u32>,
    /// That of the newest unit of the new one.
    new: Option<u32>,
    /// Since when the new one keeps up.
    level_since: Option<Instant>,
    /// The format that the new one told, if that is still to be told.
    format: Option<Format>,
    /// A unit of the new source was pulled.
    is_joined: bool,
}

impl Handover {
    /// Of the tracks of these indices and clocks in Hz, to a source that has kept up for as long as `proof`.
    pub(super) fn new(tracks: impl IntoIterator<Item = (usize, u32)>, proof: Duration) -> Self {
        let track = |(index, clock_hz)| Track {
            index,
            clock_hz,
            old: None,
            new: None,
            level_since: None,
            format: None,
            is_joined: false,
        };
        Self {
            proof,
            tracks: tracks.into_iter().map(track).collect(),
            waiting: VecDeque::new(),
            is_over: false,
        }
    }

    /// Takes note of the RTP time of what the old source gave of a track.
    pub(super) fn note_old(&mut self, index: usize, time: u32) {
        if let Some(track) = self.tracks.iter_mut().find(|one| one.index == index) {
            track.old = Some(time);
            track.judge(None);
            let track = &*track;
            self.waiting
                .retain(|one| one.track != index || track.is_next(one));
        }
    }

    /// Takes a unit of the new source, which is to be [pulled](Self::pull) when all is handed over.
    pub(super) fn push(&mut self, unit: Encoded, now: Instant) {
        let Some(track) = self.tracks.iter_mut().find(|one| one.index == unit.track) else {
            return;
        };
        track.new = Some(unit.unit.time);
        track.judge(Some(now));
        if unit.format.is_some() {
            track.format.clone_from(&unit.format);
        }
        let is_taken = match self.is_over {
            true => track.is_joined || track.is_next(&unit) || track.is_elsewhere(),
            false => track.is_next(&unit) && self.waiting.len() < MOST_WAITING,
        };
        if is_taken {
            self.waiting.push_back(unit);
        }
    }

    /// Whether the new source has kept up for long enough, in all tracks that come; it is the only one then.
    pub(super) fn is_over(&mut self, now: Instant) -> bool {
        if !self.is_over {
            let mut coming = self.tracks.iter().filter(|track| track.comes()).peekable();
            self.is_over =
                coming.peek().is_some() && coming.all(|one| one.has_proved(now, self.proof));
        }
        self.is_over
    }

    /// The next unit of the new source, when all is handed over.
    pub(super) fn pull(&mut self) -> Option<Encoded> {
        let mut unit = self.waiting.pop_front().filter(|_| self.is_over)?;
        if let Some(track) = self.tracks.iter_mut().find(|one| one.index == unit.track) {
            track.is_joined = true;
            let told = track.format.take();
            unit.format = unit.format.or(told);
        }
        Some(unit)
    }
}

impl Track {
    fn comes(&self) -> bool {
        self.old.is_some() || self.new.is_some()
    }

    /// By how many ticks `time` is after the newest unit of the old source; RTP times wrap.
    fn ahead(&self, time: u32) -> Option<i64> {
        self.old
            .map(|old| time.wrapping_sub(old).cast_signed().into())
    }

    /// Whether both sources are at times that have nothing to do with each other.
    fn is_elsewhere(&self) -> bool {
        let ahead = self.new.and_then(|new| self.ahead(new));
        ahead.is_some_and(|ahead| ahead.abs() >= APART * i64::from(self.clock_hz))
    }

    /// Whether a unit of the new source follows what the old one gave: units of both begin at different samples, so
    /// that up to half of one may be missed, or heard twice.
    fn is_next(&self, unit: &Encoded) -> bool {
        let half = i64::from(unit.unit.duration.unwrap_or_default() / 2);
        let longest = APART * i64::from(self.clock_hz);
        let ahead = self.ahead(unit.unit.time);
        ahead.is_none_or(|ahead| (half + 1..longest).contains(&ahead))
    }

    /// Judges whether the new source keeps up; since `now`, if it did not before and a unit of it has come.
    fn judge(&mut self, now: Option<Instant>) {
        let behind = BEHIND * i64::from(self.clock_hz) / 1000;
        let longest = APART * i64::from(self.clock_hz);
        let ahead = self.new.map(|new| self.ahead(new).unwrap_or(0));
        match ahead.is_some_and(|ahead| (-behind..longest).contains(&ahead)) {
            true => self.level_since = self.level_since.or(now),
            false => self.level_since = None,
        }
    }

    fn has_proved(&self, now: Instant, proof: Duration) -> bool {
        let level_since = self.level_since;
        level_since.is_some_and(|since| now.saturating_duration_since(since) >= proof)
    }
}

#[cfg(test)]
mod tests;
