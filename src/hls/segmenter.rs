//! Where segments and parts begin and end: one decision for all flavours.
//!
//! Sans-IO: units of a channel's tracks in, parts and segments out. Cuts follow one track, the
//! pictures if there are any; sound joins them by its time and never holds them back. The
//! timeline that comes out has no gaps and never steps back: where the channel's own does, a
//! segment begins with a discontinuity. Where nothing came, parts are marked as gaps.
//!
//! ```text
//!  unit ─┬─ of the track that leads ──> is a cut due? ──> part ──> segment ──> cuts
//!        └─ of the other ──> waits until the part that has its time ends ─┘
//! ```
//!
//! What a track's samples look like in a part is the matter of `lane`, how long segments are to be
//! of `target`.

mod beginning;
mod ending;
mod filling;
mod following;
mod foreseeing;
mod sharing;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use beginning::date;
use bytes::Bytes;

use super::group::grid::Grid;
use super::keys::Keys;
use super::lane::{Lane, is_plausible};
use super::open::Open;
use super::part::{Map, Part, Segment};
use super::part_target::PartTarget;
use super::target::Target;
use super::titles::Titles;
use super::units::{START, Unit};
use super::waiting::Waiting;
use crate::base::media_time::MediaTime;
use crate::codec::{Format, Kind};

/// How to cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long segments should be; whole seconds of it count.
    pub target: Duration,
    /// How long parts may be; longer where pictures are further apart.
    pub part_target: Duration,
    /// The media sequence number of the first segment.
    pub sequence: u64,
    /// The discontinuity sequence number of the first segment.
    pub discontinuity_sequence: u64,
    /// Whether the first segment does not go on from what players have of the channel.
    pub is_broken: bool,
    /// The time of day at which the timeline shows [`START`]: what arrives first is put where it
    /// belongs then, so that whoever cuts the same channel later goes on and does not step back.
    pub epoch: SystemTime,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            target: Duration::from_secs(6),
            part_target: Duration::from_millis(500),
            sequence: 0,
            discontinuity_sequence: 0,
            is_broken: false,
            epoch: UNIX_EPOCH,
        }
    }
}

/// A track of the channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Track {
    /// Whether it is seen or heard.
    pub kind: Kind,
    /// Its language (RFC 5646); a map tells it where it is one of ISO 639-2, three small letters.
    pub language: Option<String>,
}

/// What the segmenter made.
#[derive(Clone, Debug)]
pub enum Cut {
    /// A part is there. The first of a segment tells of the segment by its [`Part::head`].
    Part(Part),
    /// A segment is there; its parts went before.
    Segment(Segment),
}

/// Cuts the units of a channel into parts and segments.
///
/// What it keeps is bounded: a part under way, the parts of the segment under way, and a few
/// seconds of the track that does not lead.
#[derive(Debug)]
pub struct Segmenter {
    /// The track that the cuts follow, then the one that joins it. The rate of the timeline is
    /// that of the first.
    lanes: Vec<Lane>,
    /// The tracks whose segments are made elsewhere.
    apart: Vec<usize>,
    /// The first of them, which leads if pictures stay away from the beginning.
    stand_in: Option<Lane>,
    /// The same, as long as nobody was told that it leads.
    promoted: Option<usize>,
    /// Pictures without which the sound goes on, for no key frame has come.
    absent: Option<Lane>,
    /// Units of the second lane whose time has not come.
    waiting: Waiting,
    target: Target,
    part_target: PartTarget,
    /// What to add to a unit's time to have it on the timeline, in ticks of the first lane.
    shift: i64,
    /// From decoding to presentation of a segment's first sample, in ticks of the first lane.
    delay: i64,
    /// The first lane goes on with a key frame only.
    is_broken: bool,
    /// What is made elsewhere needs a new map.
    is_outdated: bool,
    /// How far the second lane may be ahead before it goes on without the first, in nanoseconds.
    patience: i64,
    open: Option<Open>,
    /// When the timeline shows [`START`].
    epoch: SystemTime,
    /// Where the last segment ended.
    end: MediaTime,
    map: Option<Arc<Map>>,
    /// A sample of each lane, for the map.
    specimens: [Bytes; 2],
    /// Where segments begin together with those of other channels, if the channel is a variant of a group.
    grid: Option<Arc<Grid>>,
    /// The number of the segment that brings a new map, where other variants are to know of it.
    goal: Option<u64>,
    /// The number of the segment that comes after what is being filled.
    filled_to: Option<u64>,
    /// What segments are encrypted with, if they are.
    keys: Option<Keys>,
    titles: Titles,
    sequence: u64,
    discontinuity_sequence: u64,
    /// Segments went out before.
    has_history: bool,
    /// Segments of somebody else did, from which these do not go on.
    follows: bool,
    cuts: VecDeque<Cut>,
}

impl Segmenter {
    /// For a channel of these tracks, which units name by their index. The first that is seen
    /// and the first that is heard go into the segments.
    pub fn new(settings: Settings, tracks: &[Track]) -> Self {
        let first = |kind| {
            let index = tracks.iter().position(|track| track.kind == kind)?;
            Some(Lane::new(index, kind, tracks.get(index)?.language.clone()))
        };
        let lanes: Vec<_> = [Kind::Video, Kind::Audio]
            .into_iter()
            .filter_map(first)
            .collect();
        Self {
            lanes,
            apart: Vec::new(),
            stand_in: None,
            promoted: None,
            absent: None,
            waiting: Waiting::default(),
            target: Target::new(settings.target),
            part_target: PartTarget::new(settings.part_target),
            shift: 0,
            delay: 0,
            is_broken: true,
            is_outdated: false,
            patience: PATIENCE,
            open: None,
            epoch: settings.epoch,
            end: MediaTime::new(START, 1),
            map: None,
            specimens: Default::default(),
            grid: None,
            goal: None,
            filled_to: None,
            keys: None,
            titles: Titles::default(),
            sequence: settings.sequence,
            discontinuity_sequence: settings.discontinuity_sequence,
            has_history: false,
            follows: settings.is_broken,
            cuts: VecDeque::new(),
        }
    }

    /// Says of what format the units of a track are that are pushed next.
    ///
    /// The same format again changes nothing. Another begins a segment with a discontinuity and
    /// a new map, at the next key frame. A track whose first format fragments cannot carry is left
    /// out, and its units are never waited for.
    pub fn set_format(&mut self, track: usize, format: Format) {
        let mut idle = self.absent.iter_mut().chain(&mut self.stand_in);
        if let Some(lane) = idle.find(|lane| lane.track == track) {
            lane.offer(format);
            return;
        }
        let place = self.lanes.iter().position(|lane| lane.track == track);
        let Some((place, lane)) = place.and_then(|at| Some((at, self.lanes.get_mut(at)?))) else {
            return;
        };
        if lane.never_carries(&format) && self.map.is_none() {
            self.lanes.remove(place);
            return;
        }
        let differs = lane.offer(format);
        self.is_broken |= differs && place == 0;
    }

    /// Takes the next unit, which arrived at the time `now`; what it completes is to be pulled.
    ///
    /// Units of a track come in decoding order. Nothing waits for a track that is late.
    pub fn push(&mut self, unit: &Unit, now: SystemTime) {
        if !is_plausible(unit) {
            return;
        }
        self.welcome(unit);
        match self.lanes.iter().position(|lane| lane.track == unit.track) {
            Some(0) => self.push_leading(unit, now),
            Some(_) => self.push_following(unit, now),
            None if self.apart.contains(&unit.track) => self.push_apart(unit, now),
            None => {}
        }
    }

    /// The next part or segment.
    pub fn pull(&mut self) -> Option<Cut> {
        self.cuts.pop_front()
    }

    /// Ends the segment under way, because the channel pauses or ends.
    ///
    /// What comes later begins one with a discontinuity.
    pub fn finish(&mut self) {
        self.close();
        self.is_broken = true;
        self.waiting = Waiting::default();
    }

    /// Whether there are pictures that nobody can begin with, so that the sound goes on alone.
    pub fn lacks_pictures(&self) -> bool {
        self.absent.is_some()
    }

    /// The target duration, in whole seconds.
    ///
    /// It is fixed when the first segment ends.
    pub fn target(&self) -> Duration {
        self.target.duration()
    }

    /// The first segment is to end soon, with a key frame or without one, because somebody waits for it.
    pub fn hurry(&mut self) {
        self.target.hurry();
    }

    /// The longest that a part may be. It is fixed once a second sample tells how far apart they are.
    pub fn part_target(&self) -> Duration {
        Duration::from_nanos(self.part_target.nanos.unsigned_abs())
    }

    fn push_leading(&mut self, unit: &Unit, now: SystemTime) {
        let Some(lane) = self.lanes.first_mut().filter(|lane| lane.is_known()) else {
            return;
        };
        let is_key = unit.keyframe || lane.kind != Kind::Video;
        let at = lane.ticks(unit.dts).saturating_add(self.shift);
        let behind = lane.next.map_or(0, |next| at.saturating_sub(next));
        let is_leap = behind.unsigned_abs() > MAX_HOLE * u64::from(lane.timescale);
        self.is_broken |= unit.discontinuity || is_leap || self.open.is_none();
        if self.is_broken {
            if is_key && self.may_begin(unit, now) {
                self.begin(unit, now);
            }
            return;
        }
        if lane.kind != Kind::Video && lane.overlaps(behind) {
            return;
        }
        lane.learn(at, unit);
        self.part_target.learn(lane);
        self.settle(at);
        if is_key {
            let time = self.nanos(at);
            self.target.saw_key(time);
        }
        if is_key && self.needs_map() && self.may_begin(unit, now) {
            return self.begin(unit, now);
        }
        let next = self.next().unwrap_or(at);
        if self.ends_segment(next, is_key) {
            self.end_part(next);
            self.end_segment();
            self.begin_segment(date(unit, now), false);
        }
        self.date_segment(unit, now);
        self.append(unit);
    }

    /// Whether the segment ends before a sample that is decoded at `next`.
    fn ends_segment(&self, next: i64, is_key: bool) -> bool {
        let (Some(lane), Some(open)) = (self.lanes.first(), &self.open) else {
            return false;
        };
        let elapsed = self.elapsed(next);
        let after = self.elapsed(next.saturating_add(lane.expected_step()));
        let is_due = match (lane.kind, self.line_ahead()) {
            (Kind::Video, line) if !is_key => {
                line.is_some_and(|line| self.ends_without_key(next, line))
            }
            (_, Some(line)) => self.ends_at_line(next, line),
            (Kind::Video, None) => self.target.ends_at_key(elapsed),
            (_, None) => self.target.is_reached_before(after),
        };
        let is_full = open.bytes > MAX_SEGMENT;
        elapsed > 0 && (is_due || is_full || self.target.is_exceeded_by(after))
    }

    /// Adds a unit of the first lane to the part under way, which may end with it.
    fn append(&mut self, unit: &Unit) {
        let (Some(lane), Some(open)) = (self.lanes.first_mut(), &self.open) else {
            return;
        };
        let at = lane.ticks(unit.dts).saturating_add(self.shift);
        let presented = lane.ticks(unit.pts).saturating_add(self.shift);
        let next = lane.next.unwrap_or(at);
        let limit = open.part_start + self.part_target.ticks(lane.timescale);
        lane.append(unit, at, presented, limit - next);
        let next = lane.next.unwrap_or(next);
        if lane.is_full() || self.is_enough(next) {
            self.end_part(next);
        }
        self.end_if_foreseen(next);
    }

    /// Whether a part that ends at `end` is long enough.
    fn is_enough(&self, end: i64) -> bool {
        let (Some(lane), Some(open)) = (self.lanes.first(), &self.open) else {
            return false;
        };
        let start = open.head.start.ticks;
        let span = open.part_start.saturating_sub(start)..end.saturating_sub(start);
        self.part_target.is_reached(span, lane)
    }

    /// When the next sample of the first lane is decoded, while a segment is under way.
    fn next(&self) -> Option<i64> {
        self.open.as_ref()?;
        self.lanes.first()?.next
    }

    /// How long the segment under way would be if it ended at `end`, in nanoseconds.
    fn elapsed(&self, end: i64) -> i64 {
        let start = self.open.as_ref().map_or(end, |open| open.head.start.ticks);
        self.nanos(end.saturating_sub(start)).max(0)
    }

    /// Ticks of the first lane in nanoseconds.
    fn nanos(&self, ticks: i64) -> i64 {
        let rate = self.lanes.first().map_or(1, |lane| lane.timescale);
        MediaTime::new(ticks, rate).nanos()
    }
}

/// The longest time without media, in seconds, that is filled; beyond, the stream begins anew.
const MAX_HOLE: u64 = 10;

/// How far sound may be ahead of the pictures before it goes on without them, in nanoseconds:
/// at first, and for channels whose pictures are always that late.
const PATIENCE: i64 = 3_000_000_000;
pub(super) const MAX_PATIENCE: i64 = 12_000_000_000;

/// A segment ends when it has so many bytes, with or without a key frame.
const MAX_SEGMENT: usize = 256 << 20;
