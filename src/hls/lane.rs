//! One track on its way into parts: its decoding times go on without a gap, whatever its units' times do.
//!
//! A part goes out with its last sample, when nobody knows yet how long that lasts. So its length
//! is guessed, decoding times are sums of the lengths that went out, and what was guessed wrong
//! is made up for by the next sample. Presentation times stay exact: the composition offset
//! takes the difference.

use bytes::Bytes;

use super::part::MapTrack;
use super::units::Unit;
use crate::base::media_time::MediaTime;
use crate::codec::{Format, Kind, RandomAccess, h264, h265};
use crate::container::mp4::init::{self, Entry, TrackInit};

/// The samples of a track that are in the part under way.
#[derive(Debug)]
pub(super) struct Lane {
    /// Its index in the channel's description.
    pub(super) track: usize,
    pub(super) kind: Kind,
    language: Option<String>,
    /// What the samples are; `None` before the map is made.
    pub(super) format: Option<Format>,
    /// What they will be from the next map on.
    coming: Option<Format>,
    /// Ticks per second, in Hz.
    pub(super) timescale: u32,
    /// When the next sample is decoded, in ticks on the timeline of the segments.
    pub(super) next: Option<i64>,
    /// The earliest that the first sample may be decoded, as long as there was none, in the same ticks.
    earliest: Option<i64>,
    pub(super) samples: Vec<Pending>,
    /// Bytes of them.
    pub(super) bytes: usize,
    steps: Steps,
}

/// A sample of the part under way.
#[derive(Debug)]
pub(super) struct Pending {
    /// In ticks on the timeline of the segments.
    pub(super) decode: i64,
    /// In ticks.
    pub(super) duration: i64,
    /// In ticks.
    pub(super) composition: i64,
    pub(super) keyframe: bool,
    /// Whether it shows a whole picture by itself.
    pub(super) whole: bool,
    pub(super) data: Bytes,
}

impl Lane {
    pub(super) fn new(track: usize, kind: Kind, language: Option<String>) -> Self {
        Self {
            track,
            kind,
            language,
            format: None,
            coming: None,
            timescale: VIDEO_HZ,
            next: None,
            earliest: None,
            samples: Vec::new(),
            bytes: 0,
            steps: Steps::default(),
        }
    }

    /// Whether fragments cannot carry the format, whatever else will be known of it.
    pub(super) fn never_carries(&self, format: &Format) -> bool {
        let lacks_sets = matches!(format, Format::H264(_) | Format::H265(_));
        self.format.is_none() && !lacks_sets && !init::carries(format)
    }

    /// Offers a format for the next map; returns whether that will differ.
    pub(super) fn offer(&mut self, format: Format) -> bool {
        let is_carried = init::carries(&format);
        let differs = is_carried && self.format.as_ref() != Some(&format);
        self.coming = differs.then_some(format);
        differs
    }

    /// Whether units come in a format that only the next map will tell.
    pub(super) fn has_offer(&self) -> bool {
        self.coming.is_some()
    }

    /// Whether there is a format for a map.
    pub(super) fn is_known(&self) -> bool {
        self.coming.is_some() || self.format.is_some()
    }

    /// Takes the format that was offered.
    pub(super) fn adopt(&mut self) {
        let Some(format) = self.coming.take() else {
            return;
        };
        self.timescale = timescale(&format);
        self.steps = Steps {
            told: frame_rate(&format).map(|rate| (f64::from(VIDEO_HZ) / rate) as i64),
            ..Steps::default()
        };
        self.format = Some(format);
    }

    /// Forgets where the track stood, because it goes on elsewhere.
    pub(super) fn interrupt(&mut self, next: Option<i64>) {
        self.next = next;
        self.earliest = None;
        self.steps.last = None;
        self.samples.clear();
        self.bytes = 0;
    }

    /// Does the same where nobody knows yet when the track goes on, but not before `earliest`.
    pub(super) fn await_first(&mut self, earliest: i64) {
        self.interrupt(None);
        self.earliest = Some(earliest);
    }

    /// A segment, which is presented at `presented`, begins without a sample of the track, and
    /// tells when the next is decoded.
    ///
    /// Players count on from there, whatever later fragments of the segment tell.
    pub(super) fn tell_next(&mut self, presented: i64) {
        let mut told = self.next.or(self.earliest).unwrap_or(presented);
        if self.earliest.is_some() {
            told = told.max(presented.saturating_sub(self.longest_hole()));
        }
        self.next = Some(told);
    }

    /// When the first sample that is there is decoded, or else the next, in ticks, if that is known.
    pub(super) fn begin(&self) -> Option<i64> {
        let first = self.samples.first().map(|first| first.decode);
        first.or(self.next)
    }

    /// Whether the part under way has to end, however short it is.
    pub(super) fn is_full(&self) -> bool {
        self.bytes >= MAX_PART || self.samples.len() >= MAX_SAMPLES
    }

    /// A time at the rate of the track, in ticks.
    pub(super) fn ticks(&self, time: MediaTime) -> i64 {
        time.at_rate(self.timescale).ticks
    }

    /// How long a unit lasts if it tells, in ticks.
    pub(super) fn duration(&self, unit: &Unit) -> Option<i64> {
        let duration = MediaTime::new(i64::from(unit.duration?), unit.pts.rate);
        Some(self.ticks(duration)).filter(|ticks| *ticks > 0)
    }

    /// Learns the distance of units from one that is decoded at `at`.
    pub(super) fn learn(&mut self, at: i64, unit: &Unit) {
        match self.duration(unit) {
            Some(duration) => self.steps.told = Some(duration),
            None => self.steps.learn(at, self.timescale),
        }
    }

    /// The distance from one unit to the next in ticks, if it is known.
    pub(super) fn step(&self) -> Option<i64> {
        self.steps.shortest().or(self.steps.told)
    }

    /// The distance to reckon with, in ticks.
    pub(super) fn expected_step(&self) -> i64 {
        self.step()
            .unwrap_or_else(|| i64::from(self.timescale) / 25)
    }

    /// Adds a unit that is decoded at `at` and presented at `presented`, for at most `room` ticks.
    pub(super) fn append(&mut self, unit: &Unit, at: i64, presented: i64, room: i64) {
        let next = *self.next.get_or_insert(at);
        let step = self.expected_step();
        let length = match self.kind {
            Kind::Video => step,
            _ => step + slew(at.saturating_sub(next), step, self.timescale),
        };
        let duration = length.clamp(1, room.max(1));
        let composition = match self.kind {
            Kind::Video => presented.saturating_sub(next),
            _ => 0,
        };
        self.bytes += unit.data.len();
        self.samples.push(Pending {
            decode: next,
            duration,
            composition,
            keyframe: unit.keyframe || self.kind != Kind::Video,
            whole: self.is_whole(unit),
            data: unit.data.clone(),
        });
        self.next = Some(next.saturating_add(duration));
    }

    /// Whether a unit is a key frame that shows a whole picture by itself; sound always is.
    fn is_whole(&self, unit: &Unit) -> bool {
        let begins = || {
            let format = self.format.as_ref()?;
            format.random_access(&unit.data)
        };
        let is_key = unit.keyframe && begins() != Some(RandomAccess::Gradual);
        is_key || self.kind != Kind::Video
    }

    /// The last sample lasts until `at`; at least a tick.
    pub(super) fn settle(&mut self, at: i64) {
        if let Some(last) = self.samples.last_mut() {
            last.duration = at.saturating_sub(last.decode).max(1);
            self.next = Some(last.decode.saturating_add(last.duration));
        }
    }

    /// Adds a unit of a track that the cuts do not follow, presented at `at`; what was lost
    /// before it prolongs the sample before, or the unit itself where that has gone out already,
    /// and what overlaps by far is left out.
    pub(super) fn follow(&mut self, unit: &Unit, at: i64) {
        self.learn(at, unit);
        if let Some(earliest) = self.earliest {
            return self.follow_first(unit, at, earliest);
        }
        let behind = self.next.map_or(0, |next| at.saturating_sub(next));
        if self.overlaps(behind) {
            return;
        }
        let is_hole = self.is_hole(behind);
        let is_short = behind <= self.longest_hole();
        if is_hole && is_short && self.samples.is_empty() {
            self.append(unit, at, at, i64::MAX);
            return self.settle(at.saturating_add(self.step().unwrap_or(0)));
        }
        if is_hole {
            self.settle(at);
            self.next = Some(at);
        }
        self.append(unit, at, at, i64::MAX);
    }

    /// Adds the first unit, unless most of it is heard before `earliest`. It begins where a
    /// fragment has told that already, and lasts until the next is due, so that only its own time
    /// is bent.
    fn follow_first(&mut self, unit: &Unit, at: i64, earliest: i64) {
        let step = self.step().unwrap_or(0);
        let begin = self.next.unwrap_or(earliest);
        if at.saturating_add(step / 2) < begin {
            return;
        }
        let is_told = self.next.is_some() && at.saturating_sub(begin) <= self.longest_hole();
        self.next = Some(if is_told { begin } else { at.max(begin) });
        self.earliest = None;
        self.append(unit, at, at, i64::MAX);
        if step > 0 {
            self.settle(at.saturating_add(step));
        }
    }

    /// By how much a sample may be prolonged, in ticks.
    fn longest_hole(&self) -> i64 {
        self.timescale.into()
    }

    /// Whether sound is missing in `behind` ticks.
    pub(super) fn is_hole(&self, behind: i64) -> bool {
        behind >= self.step().unwrap_or(0) * 3 / 4 && behind > 0
    }

    /// Whether sound of that time went before already.
    pub(super) fn overlaps(&self, behind: i64) -> bool {
        behind < -i64::from(self.timescale) / 10
    }

    /// What the map tells of the track.
    pub(super) fn map_track(&self, id: u32) -> Option<MapTrack> {
        Some(MapTrack {
            id,
            format: self.format.clone()?,
            timescale: self.timescale,
        })
    }

    /// What the movie box tells of the track; `sample` is one of its samples, if there is one.
    pub(super) fn init<'a>(&'a self, id: u32, sample: &'a [u8]) -> Option<TrackInit<'a>> {
        let format = self.format.as_ref()?;
        Some(TrackInit {
            id,
            entry: Entry::Of(format),
            timescale: self.timescale,
            size: picture_size(format).unwrap_or_default(),
            colours: None,
            language: self.language.as_deref(),
            // The stream was under way before, so that no encoder's lead is in it.
            lead: 0,
            priming: 0,
            sample,
        })
    }
}

/// The most bytes and samples of a track in a part.
const MAX_PART: usize = 32 << 20;
const MAX_SAMPLES: usize = 4096;

/// How far apart units are decoded, in ticks.
#[derive(Debug, Default)]
struct Steps {
    last: Option<i64>,
    recent: [i64; 8],
    count: usize,
    /// What the format or the units themselves tell.
    told: Option<i64>,
}

impl Steps {
    fn learn(&mut self, at: i64, timescale: u32) {
        let step = self.last.map(|last| at.saturating_sub(last));
        self.last = Some(at);
        if let Some(step) = step.filter(|step| (1..=LONGEST * i64::from(timescale)).contains(step))
        {
            self.recent[self.count % self.recent.len()] = step;
            self.count += 1;
        }
    }

    /// A guess too long would have a picture decoded after it is shown.
    fn shortest(&self) -> Option<i64> {
        let known = &self.recent[..self.count.min(self.recent.len())];
        known.iter().min().copied()
    }
}

/// The longest distance of units to reckon with, in seconds.
const LONGEST: i64 = 2;

/// By how much to prolong or shorten a sample so that its track comes closer to its time: a
/// hundredth of it at most, and nothing while the track is off by less than two milliseconds.
fn slew(behind: i64, step: i64, timescale: u32) -> i64 {
    if behind.abs() < i64::from(timescale) / 500 {
        return 0;
    }
    behind.clamp(-step / 100, step / 100)
}

const VIDEO_HZ: u32 = 90_000;

/// Ticks per second in which the samples of a format have whole durations, in Hz.
fn timescale(format: &Format) -> u32 {
    match format {
        Format::MpegAudio { rate_hz, .. } => (*rate_hz).max(1),
        _ => format.clock_rate().max(1),
    }
}

fn picture_size(format: &Format) -> Option<(u16, u16)> {
    let (width, height) = match format {
        Format::H264(config) => {
            let facts = h264::SpsFacts::read(config.sps.first()?).ok()?;
            (facts.width, facts.height)
        }
        Format::H265(config) => {
            let facts = h265::SpsFacts::read(config.sps.first()?).ok()?;
            (facts.width, facts.height)
        }
        _ => return None,
    };
    Some((width.try_into().ok()?, height.try_into().ok()?))
}

/// Pictures a second, of what can be.
fn frame_rate(format: &Format) -> Option<f64> {
    let rate = match format {
        Format::H264(config) => h264::SpsFacts::read(config.sps.first()?).ok()?.frame_rate,
        Format::H265(config) => h265::SpsFacts::read(config.sps.first()?).ok()?.frame_rate,
        _ => None,
    };
    rate.filter(|rate| (0.5..=300.0).contains(rate))
}

/// Whether a unit is one that a sender can mean.
pub(super) fn is_plausible(unit: &Unit) -> bool {
    let (decoded, presented) = (unit.dts.nanos(), unit.pts.nanos());
    let is_in_bounds = decoded.unsigned_abs() < i64::MAX as u64 / 4;
    let delay = presented.saturating_sub(decoded).unsigned_abs();
    is_in_bounds && delay <= MAX_DELAY && (1..=MAX_UNIT).contains(&unit.data.len())
}

/// The longest time between decoding and presentation, in nanoseconds.
const MAX_DELAY: u64 = 10_000_000_000;

/// The most bytes of a unit; depacketisers hold them below that.
const MAX_UNIT: usize = 16 << 20;
