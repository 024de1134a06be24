//! Access units of H.264 and H.265, put together from a byte stream.
//!
//! What the types of NAL units are for stands in [`h264`](super::h264) and [`h265`](super::h265).

use std::marker::PhantomData;
use std::mem;

use bytes::Bytes;

use super::Format;
use super::annex_b;
use super::elementary::{Frame, Framer, Piece};
use crate::base::media_time::MediaTime;

/// The most bytes of an access unit.
const MAX: usize = 8 << 20;

/// The most parameter sets of a kind.
const MAX_SETS: usize = 64;

/// Bytes of a NAL unit that tell its role.
const TELLING: usize = 3;

/// Ticks per second of the times inside, in Hz: those of transport streams.
const CLOCK_HZ: u32 = 90_000;

/// Pieces further apart, in ticks, say nothing of the time between access units.
const LONGEST_STEP: i64 = 2 * CLOCK_HZ as i64;

/// What a NAL unit is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// A slice of a picture.
    Slice {
        /// The picture begins with it.
        first: bool,
        /// A decoder may start with the picture.
        key: bool,
        /// It refers to no other picture.
        intra: bool,
    },
    /// A parameter set, which precedes the picture.
    Set(Set),
    /// Says that a decoder may start with the picture that it precedes.
    Recovers,
    /// Anything else that precedes the picture of its access unit.
    Leads,
    /// Anything that goes on with the access unit.
    Follows,
}

impl Role {
    /// Whether a unit behind a picture begins the next access unit.
    fn begins(self) -> bool {
        match self {
            Self::Slice { first, .. } => first,
            Self::Set(_) | Self::Recovers | Self::Leads => true,
            Self::Follows => false,
        }
    }
}

/// The kinds of parameter sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Set {
    Video,
    Sequence,
    Picture,
}

/// The parameter sets that are in force.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ParameterSets {
    pub(super) video: Vec<Bytes>,
    pub(super) sequence: Vec<Bytes>,
    pub(super) picture: Vec<Bytes>,
}

/// How one of the two formats lays out its NAL units.
pub(super) trait Syntax: Send {
    /// What `unit`, which is not empty, is for.
    fn role(unit: &[u8]) -> Role;

    /// The format, once there are parameter sets of all kinds.
    fn format(sets: &ParameterSets) -> Option<Format>;
}

/// Puts access units together, each NAL unit behind its length in four bytes.
///
/// Pieces are taken to end with an access unit, as multiplexers write them, so that none has
/// to wait for the next piece. The first piece that goes on with the one before it shows
/// that this stream is different; from then on an access unit ends where the next begins.
///
/// Key pictures that come without parameter sets get those that are in force.
pub(super) struct AccessUnits<S> {
    syntax: PhantomData<S>,
    sets: ParameterSets,
    open: Open,
    clock: Clock,
    straddles: bool,
    tail: Tail,
}

/// What is known of the first access unit that begins in a piece.
#[derive(Clone, Copy, Debug, Default)]
struct Stamp {
    /// When it is presented.
    time: Option<i64>,
    random_access: bool,
}

/// The access unit under way.
#[derive(Default)]
struct Open {
    data: Vec<u8>,
    sets: ParameterSets,
    has_picture: bool,
    is_key: bool,
    time: Option<i64>,
}

/// The last NAL unit of a piece, behind its start code, which may go on in the next.
#[derive(Default)]
struct Tail {
    bytes: Vec<u8>,
    stamp: Stamp,
}

impl<S> Default for AccessUnits<S> {
    fn default() -> Self {
        Self {
            syntax: PhantomData,
            sets: ParameterSets::default(),
            open: Open::default(),
            clock: Clock::default(),
            straddles: false,
            tail: Tail::default(),
        }
    }
}

impl<S: Syntax> Framer for AccessUnits<S> {
    fn push(&mut self, piece: Piece<'_>, frames: &mut Vec<Frame>) {
        let ticks = |time: MediaTime| time.at_rate(CLOCK_HZ).ticks;
        self.clock.begin_piece(piece.dts.or(piece.pts).map(ticks));
        let stamp = Stamp {
            time: piece.pts.map(ticks),
            random_access: piece.random_access,
        };
        let Tail {
            mut bytes,
            stamp: before,
        } = mem::take(&mut self.tail);
        if bytes.is_empty() {
            return self.push_units(piece.data, 0, [before, stamp], frames);
        }
        let boundary = bytes.len();
        bytes.extend_from_slice(piece.data);
        // A start code may straddle pieces as well.
        if annex_b::find(&bytes, boundary.saturating_sub(2)).is_some() {
            self.push_units(&bytes, boundary, [before, stamp], frames);
        } else if bytes.len() <= MAX {
            self.tail = Tail {
                bytes,
                stamp: before,
            };
        }
    }

    fn skip(&mut self) {
        self.open = Open::default();
        self.tail = Tail::default();
    }

    fn format(&self) -> Option<Format> {
        S::format(&self.sets)
    }
}

impl<S: Syntax> AccessUnits<S> {
    /// Takes the units of `bytes`; those that start at `boundary` or behind have the second stamp.
    fn push_units(
        &mut self,
        bytes: &[u8],
        boundary: usize,
        mut stamps: [Stamp; 2],
        frames: &mut Vec<Frame>,
    ) {
        if annex_b::before_first(bytes).iter().any(|byte| *byte != 0) {
            // The unit that goes on here has left already.
            self.straddles = true;
            self.open = Open::default();
        }
        let mut units = annex_b::units(bytes).peekable();
        while let Some((start, unit)) = units.next() {
            let stamp = &mut stamps[usize::from(start >= boundary)];
            if units.peek().is_none() && self.straddles {
                if unit.len() >= TELLING && S::role(unit).begins() {
                    self.close(frames);
                }
                let bytes = bytes.get(start..).filter(|bytes| bytes.len() <= MAX);
                self.tail = Tail {
                    bytes: bytes.unwrap_or_default().to_vec(),
                    stamp: *stamp,
                };
                return;
            }
            self.take(unit, stamp, frames);
        }
        if !self.straddles {
            self.close(frames);
        }
    }

    fn take(&mut self, unit: &[u8], stamp: &mut Stamp, frames: &mut Vec<Frame>) {
        if unit.is_empty() {
            return;
        }
        let role = S::role(unit);
        if role.begins() {
            self.close(frames);
        }
        // The picture began in the piece before.
        let goes_on = matches!(role, Role::Slice { first: false, .. });
        self.straddles |= goes_on && !self.open.has_picture;
        if self.open.data.len() + unit.len() > MAX {
            self.open = Open::default();
            return;
        }
        if self.open.data.is_empty() {
            let Stamp {
                time,
                random_access,
            } = mem::take(stamp);
            (self.open.time, self.open.is_key) = (time, random_access);
        }
        self.open.push(unit, role);
    }

    /// Ends the access unit, if there is a picture in it.
    fn close(&mut self, frames: &mut Vec<Frame>) {
        if !self.open.has_picture {
            return;
        }
        let open = mem::take(&mut self.open);
        let lacks_sets = open.sets.sequence.is_empty();
        self.sets.update(open.sets);
        let Some(ticks) = self.clock.time(open.time) else {
            return;
        };
        let mut data = open.data;
        if open.is_key && lacks_sets {
            data.splice(..0, self.sets.written());
        }
        frames.push(Frame {
            data,
            time: MediaTime::new(ticks, CLOCK_HZ),
        });
    }
}

impl Open {
    fn push(&mut self, unit: &[u8], role: Role) {
        match role {
            Role::Slice { key, .. } => {
                self.has_picture = true;
                self.is_key |= key;
            }
            Role::Set(kind) => self.sets.add(kind, unit),
            Role::Recovers => self.is_key = true,
            Role::Leads | Role::Follows => {}
        }
        write_unit(&mut self.data, unit);
    }
}

impl ParameterSets {
    /// Adds a set that is not among them yet.
    pub(super) fn add(&mut self, kind: Set, unit: &[u8]) {
        let sets = match kind {
            Set::Video => &mut self.video,
            Set::Sequence => &mut self.sequence,
            Set::Picture => &mut self.picture,
        };
        if sets.len() < MAX_SETS && sets.iter().all(|set| set != unit) {
            sets.push(Bytes::copy_from_slice(unit));
        }
    }

    /// Sets that come with a sequence parameter set replace all of their kind; others join them.
    pub(super) fn update(&mut self, new: Self) {
        if !new.sequence.is_empty() {
            for (old, new) in [
                (&mut self.video, &new.video),
                (&mut self.sequence, &new.sequence),
                (&mut self.picture, &new.picture),
            ] {
                if !new.is_empty() {
                    old.clone_from(new);
                }
            }
        }
        for set in new.picture {
            self.add(Set::Picture, &set);
        }
    }

    /// All sets as an access unit holds them.
    pub(super) fn written(&self) -> Vec<u8> {
        let mut data = Vec::new();
        for set in self.video.iter().chain(&self.sequence).chain(&self.picture) {
            write_unit(&mut data, set);
        }
        data
    }
}

fn write_unit(data: &mut Vec<u8>, unit: &[u8]) {
    // Units are shorter than `MAX`.
    data.extend_from_slice(&(unit.len() as u32).to_be_bytes());
    data.extend_from_slice(unit);
}

/// Times of access units that come without one, such as the second field of a picture.
#[derive(Debug, Default)]
struct Clock {
    /// When the last access unit was presented.
    last: Option<i64>,
    /// Ticks from one access unit to the next.
    step: i64,
    /// The decoding time of the last piece that had one, and the access units since.
    piece: Option<i64>,
    units: i64,
}

impl Clock {
    fn begin_piece(&mut self, dts: Option<i64>) {
        let Some(dts) = dts else {
            return;
        };
        let apart = self.piece.replace(dts).map(|last| dts.saturating_sub(last));
        let units = mem::take(&mut self.units);
        if let (Some(1..=LONGEST_STEP), 1..) = (apart, units) {
            self.step = apart.unwrap_or_default() / units;
        }
    }

    /// The time of the next access unit; `None` when nothing tells.
    fn time(&mut self, told: Option<i64>) -> Option<i64> {
        self.units += 1;
        self.last = told.or_else(|| Some(self.last?.saturating_add(self.step)));
        self.last
    }
}
