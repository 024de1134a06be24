//! Access units of H.264 and H.265 out of RTP.
//!
//! How the two lay out their payloads stands in [`h264`](super::h264) and [`h265`](super::h265).

use std::collections::VecDeque;
use std::marker::PhantomData;
use std::mem;

use super::{AccessUnit, Depacketize, MAX_UNIT};
use crate::codec::access_units::{ParameterSets, Role, Set, Syntax};
use crate::codec::{Format, Malformed};
use crate::wire::rtp;

/// Bytes of the length before each unit.
const LENGTH: usize = 4;

/// How one of the two formats lays out its payloads.
pub(super) trait Payloads: Syntax + Sized {
    /// Takes a payload apart into NAL units, whole ones and pieces.
    fn unpack(&self, payload: &[u8], units: &mut Units<Self>) -> Result<(), Malformed>;

    /// Whether a unit, which is not empty, goes into access units: delimiters and filler do not.
    fn is_kept(unit: &[u8]) -> bool;

    /// Whether a sequence parameter set is sound.
    fn is_sound(sps: &[u8]) -> bool;
}

/// The state of one track.
pub(super) struct Depacketizer<P> {
    payloads: P,
    /// In force at the unit that was taken in last.
    sets: ParameterSets,
    open: Units<P>,
    /// The time of the unit that a marker ended.
    ended: Option<u32>,
    /// The sender marks more than the ends of access units.
    marks_slices: bool,
    ready: VecDeque<Ready>,
    /// Of the unit that was pulled last.
    format: Option<Format>,
}

/// A unit, and the format if it changes there.
struct Ready {
    unit: AccessUnit,
    format: Option<Format>,
}

impl<P: Payloads> Depacketizer<P> {
    /// `sets` are those of the description.
    pub(super) fn new(payloads: P, sets: ParameterSets) -> Self {
        Self {
            payloads,
            format: P::format(&sets),
            sets,
            open: Units::default(),
            ended: None,
            marks_slices: false,
            ready: VecDeque::new(),
        }
    }

    /// Ends the access unit, if there is a picture in it; else what there is leads the next.
    fn close(&mut self) {
        if self.open.part.is_some() {
            self.open.lose();
        }
        if !self.open.has_picture {
            if self.open.is_damaged {
                self.open.give_up();
            }
            return;
        }
        let mut open = mem::take(&mut self.open);
        // Encoders that do not say so repeat the sets where a decoder may start.
        open.is_key |= open.is_intra && !open.sets.sequence.is_empty();
        let has_changed = self.take_sets(&open.sets);
        if has_changed && !open.is_key {
            open.data.splice(..0, open.sets.written());
        }
        let format = has_changed.then(|| P::format(&self.sets)).flatten();
        let unit = AccessUnit {
            time: open.time.unwrap_or_default(),
            keyframe: open.is_key,
            damaged: open.is_damaged,
            data: open.data.into(),
            duration: None,
        };
        self.ready.push_back(Ready { unit, format });
    }

    /// Puts the parameter sets of an access unit into force; whether that changes anything.
    fn take_sets(&mut self, news: &ParameterSets) -> bool {
        if *news == ParameterSets::default() {
            return false;
        }
        let mut sets = self.sets.clone();
        sets.update(news.clone());
        let has_changed = sets != self.sets;
        self.sets = sets;
        has_changed
    }

    /// Notices senders that set the marker at the end of each slice.
    fn learn_marks(&mut self, time: u32) {
        if self.ended == Some(time) && self.open.goes_on && !self.open.is_damaged {
            self.marks_slices = true;
            self.open.give_up();
        }
    }
}

impl<P: Payloads> Depacketize for Depacketizer<P> {
    fn push(&mut self, packet: &rtp::Packet<'_>, lost: u16) -> Result<(), Malformed> {
        let time = packet.time();
        if lost > 0 {
            self.open.lose();
        }
        if self.open.time.is_some_and(|open| open != time) {
            self.close();
            self.open.is_damaged |= lost > 0;
        }
        self.open.time = Some(time);
        let unpacked = self.payloads.unpack(packet.payload(), &mut self.open);
        if unpacked.is_err() {
            self.open.lose();
        }
        self.learn_marks(time);
        if packet.marker() && !self.marks_slices {
            self.close();
            self.ended = Some(time);
        }
        unpacked
    }

    fn pull(&mut self) -> Option<AccessUnit> {
        let Ready { unit, format } = self.ready.pop_front()?;
        if format.is_some() {
            self.format = format;
        }
        Some(unit)
    }

    fn flush(&mut self) {
        if self.open.part.is_none() {
            self.close();
        }
    }

    fn format(&self) -> Option<Format> {
        self.format.clone()
    }
}

/// The NAL units of the access unit under way.
pub(super) struct Units<P> {
    payloads: PhantomData<fn() -> P>,
    time: Option<u32>,
    /// Units without parameter sets, each behind its length.
    data: Vec<u8>,
    /// Where the unit begins in `data` that is not whole yet.
    part: Option<usize>,
    sets: ParameterSets,
    has_picture: bool,
    is_key: bool,
    /// Its picture refers to no other.
    is_intra: bool,
    is_damaged: bool,
    /// It began with a slice that is not the first of a picture.
    goes_on: bool,
}

impl<P> Default for Units<P> {
    fn default() -> Self {
        Self {
            payloads: PhantomData,
            time: None,
            data: Vec::new(),
            part: None,
            sets: ParameterSets::default(),
            has_picture: false,
            is_key: false,
            is_intra: false,
            is_damaged: false,
            goes_on: false,
        }
    }
}

impl<P: Payloads> Units<P> {
    /// A whole unit: the concatenation of `parts`.
    pub(super) fn unit(&mut self, parts: [&[u8]; 2]) {
        self.begin(parts);
        self.end();
    }

    /// A unit begins, and goes on in the payloads that follow.
    pub(super) fn begin(&mut self, parts: [&[u8]; 2]) {
        if self.part.is_some() {
            self.lose();
        }
        self.part = Some(self.data.len());
        self.data.extend_from_slice(&[0; LENGTH]);
        for part in parts {
            self.append(part);
        }
    }

    /// The next bytes of the unit under way; nothing without one.
    pub(super) fn append(&mut self, bytes: &[u8]) {
        if self.part.is_none() {
            self.is_damaged = true;
        } else if self.data.len() + bytes.len() > MAX_UNIT {
            self.give_up();
        } else {
            self.data.extend_from_slice(bytes);
        }
    }

    /// The unit under way is whole.
    pub(super) fn end(&mut self) {
        let Some(start) = self.part.take() else {
            return;
        };
        let unit = self.data.get(start + LENGTH..).unwrap_or_default();
        if unit.is_empty() || !P::is_kept(unit) {
            return self.data.truncate(start);
        }
        // Below `MAX_UNIT`.
        let length = (unit.len() as u32).to_be_bytes();
        match P::role(unit) {
            Role::Slice { first, key, intra } => {
                self.goes_on |= !first && !self.has_picture;
                self.is_intra = intra && (self.is_intra || !self.has_picture);
                self.has_picture = true;
                self.is_key |= key;
            }
            Role::Set(kind) => {
                let set = without_zeros(unit);
                if kind != Set::Sequence || P::is_sound(set) {
                    self.sets.add(kind, set);
                }
                return self.data.truncate(start);
            }
            Role::Recovers => self.is_key = true,
            Role::Leads | Role::Follows => {}
        }
        if let Some(prefix) = self.data.get_mut(start..start + LENGTH) {
            prefix.copy_from_slice(&length);
        }
    }

    /// Something is missing: the unit under way is given up.
    fn lose(&mut self) {
        if let Some(start) = self.part.take() {
            self.data.truncate(start);
        }
        self.is_damaged = true;
    }

    /// The access unit is given up.
    fn give_up(&mut self) {
        *self = Self {
            time: self.time,
            sets: mem::take(&mut self.sets),
            is_damaged: true,
            ..Self::default()
        };
    }
}

/// Zeros behind a parameter set are stuffing, and would make it look different.
fn without_zeros(set: &[u8]) -> &[u8] {
    let end = set.iter().rposition(|byte| *byte != 0);
    set.get(..end.map_or(0, |last| last + 1))
        .unwrap_or_default()
}

/// The parameter sets of a description, those whose kind and content make sense.
pub(super) fn described<P: Payloads>(
    sets: impl IntoIterator<Item = bytes::Bytes>,
) -> ParameterSets {
    let mut units = Units::<P>::default();
    for set in sets {
        units.unit([&set, &[]]);
    }
    units.sets
}
