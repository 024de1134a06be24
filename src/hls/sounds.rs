//! The sounds of a channel that has several: each in segments of its own, cut where the pictures are cut.
//!
//! Sans-IO: units of the sounds and the cuts of the [`segmenter`](super::segmenter) in, the same
//! cuts out, each with what the sounds have for its time. All renditions have the same segments
//! and parts, so a cut is held until every sound has come as far, or is late.

use std::collections::VecDeque;

use super::keys::Keys;
use super::packager::Rendition;
use super::part::Part;
use super::segmenter::Cut;
use super::sound::Sound;
use super::transcode::need;
use super::units::Unit;
use crate::codec::{Format, Kind};
use crate::media::description::Description;

/// For so long, in nanoseconds of media, a cut waits for a sound that is late.
const PATIENCE: i64 = 1_000_000_000;

/// The sounds that go into segments of their own.
#[derive(Debug)]
pub struct Sounds {
    sounds: Vec<Sound>,
    held: VecDeque<Cut>,
    /// Nothing is waited for any more.
    is_over: bool,
}

/// A cut in all renditions.
#[derive(Debug)]
pub struct Cuts {
    /// Of what leads.
    pub main: Cut,
    /// Of the sounds, in their order.
    pub sounds: Vec<Option<Cut>>,
}

impl Sounds {
    /// The tracks of these indices, each with what it is encrypted with.
    pub fn new(description: &Description, tracks: &[usize], keys: Vec<Option<Keys>>) -> Self {
        let language = |track: usize| description.tracks().get(track)?.language.clone();
        let sounds = tracks.iter().zip(keys);
        let sound = |(track, keys): (&usize, _)| Sound::new(*track, language(*track), keys);
        Self {
            sounds: sounds.map(sound).collect(),
            held: VecDeque::new(),
            is_over: false,
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.sounds.len()
    }

    /// Takes a format, if it is that of one of them; true if segments have to begin anew for it.
    pub fn set_format(&mut self, track: usize, format: &Format) -> bool {
        let mut sounds = self.sounds.iter_mut();
        let sound = sounds.find(|sound| sound.track() == track);
        sound.is_some_and(|sound| sound.set_format(format.clone()))
    }

    /// Takes the next unit, if it is one of theirs.
    pub fn push(&mut self, unit: &Unit) {
        let mut sounds = self.sounds.iter_mut();
        if let Some(sound) = sounds.find(|sound| sound.track() == unit.track) {
            sound.push(unit);
        }
    }

    /// Takes the next cut of what leads.
    pub fn push_cut(&mut self, cut: Cut) {
        self.held.push_back(cut);
    }

    /// Leaves out a sound that leads now.
    pub fn leave_out(&mut self, track: usize) {
        self.sounds.retain(|sound| sound.track() != track);
    }

    /// Nothing more comes: no cut waits any longer.
    pub fn finish(&mut self) {
        self.is_over = true;
    }

    /// The next cut that need not wait any longer.
    pub fn pull(&mut self) -> Option<Cuts> {
        if let Cut::Part(part) = self.held.front()? {
            let end = heard_until(part);
            let is_ready = self.sounds.iter().all(|sound| sound.is_ready(end));
            if !is_ready && !self.is_over && self.waited(part) < PATIENCE {
                return None;
            }
            let sounds = self.sounds.iter_mut();
            sounds.for_each(|sound| sound.judge(end.saturating_sub(PATIENCE)));
        }
        let main = self.held.pop_front()?;
        let sounds = self.sounds.iter_mut();
        let sounds = sounds.map(|sound| sound.follow(&main)).collect();
        Some(Cuts { main, sounds })
    }

    /// How much has come of what leads since `part`, in nanoseconds.
    fn waited(&self, part: &Part) -> i64 {
        let newest = self.held.iter().rev().find_map(|cut| match cut {
            Cut::Part(part) => Some(part),
            Cut::Segment(_) => None,
        });
        let newest = newest.map_or(0, |newest| newest.start.nanos());
        newest.saturating_sub(part.start.nanos())
    }
}

/// When the sound of a part ends, in nanoseconds of the units' time.
fn heard_until(part: &Part) -> i64 {
    let end = part.start.ticks.saturating_add(part.duration.ticks);
    part.head.heard(end).nanos()
}

/// The tracks that go into segments of their own, by their index: the sounds of a channel with
/// more than one, but for the first of a channel without pictures, which leads. The tracks `encoded`
/// come in formats that segments carry.
///
/// None where there are pictures that nobody can carry, and without pictures where that is so of the
/// first sound: then what is carried goes together.
pub fn apart(description: &Description, rendition: Rendition, encoded: &[usize]) -> Vec<usize> {
    let tracks = description.tracks();
    let first = |kind| tracks.iter().position(|track| track.kind == kind);
    let is_there = |index: &usize| {
        let track = tracks.get(*index);
        encoded.contains(index) || track.is_some_and(|track| need::is_carried(track, rendition))
    };
    let seen = first(Kind::Video);
    let leads = seen.or_else(|| first(Kind::Audio)).filter(is_there);
    let Some(leads) = leads.filter(|_| rendition == Rendition::Own) else {
        return Vec::new();
    };
    let sounds = tracks.iter().enumerate();
    let sounds = sounds.filter(|(_, track)| track.kind == Kind::Audio);
    let sounds = sounds.map(|(index, _)| index).filter(is_there);
    let mut sounds: Vec<_> = sounds.collect();
    if sounds.len() < 2 {
        return Vec::new();
    }
    sounds.retain(|index| *index != leads);
    sounds
}

#[cfg(test)]
mod tests;
