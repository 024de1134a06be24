//! The segment under way, and how its parts get their bytes.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use super::lane::Lane;
use super::lock::{Lock, Manner, Payload};
use super::part::{Head, Part, Sample, Segment, Title};
use super::titles::Titles;
use crate::base::media_time::MediaTime;
use crate::codec::{Kind, RandomAccess};
use crate::container::id3::Tag;
use crate::container::mp4::event::Event;
use crate::container::mp4::fragment::{Fragment, Run, SampleFacts};

/// A segment that has begun.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) head: Arc<Head>,
    /// When the part under way begins, in ticks of the segment's start.
    pub(super) part_start: i64,
    /// Bytes of the parts.
    pub(super) bytes: usize,
    parts: Vec<Part>,
    /// The parts as they are before they are encrypted, where each file is by itself.
    clear: Vec<Bytes>,
}

impl Open {
    pub(super) fn new(head: Head) -> Self {
        Self {
            part_start: head.start.ticks,
            head: Arc::new(head),
            bytes: 0,
            parts: Vec::new(),
            clear: Vec::new(),
        }
    }

    /// Whether it has no parts yet.
    pub(super) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Says when what begins it was captured, unless parts have told of it.
    pub(super) fn set_date(&mut self, date: SystemTime) {
        if self.is_empty() && self.head.date != date {
            self.head = Arc::new(Head {
                date,
                ..Head::clone(&self.head)
            });
        }
    }

    /// Makes a part of the samples of `lanes` that ends at `end`; `None` if that is where it began.
    pub(super) fn end_part(
        &mut self,
        lanes: &mut [Lane],
        titles: &mut Titles,
        end: i64,
    ) -> Option<Part> {
        let rate = self.head.start.rate;
        let length = end.saturating_sub(self.part_start);
        (length > 0).then_some(())?;
        let index = self.parts.len() as u32;
        let samples = lanes.iter().any(|lane| !lane.samples.is_empty());
        let has_video = self.head.map.has_video();
        let has_key = lanes.first().is_some_and(|lane| {
            let mut samples = lane.samples.iter();
            samples.any(|sample| sample.keyframe)
        });
        let mut title = None;
        let (data, samples) = if samples {
            title = titles.tell(self.date(), index == 0);
            let place = Place {
                number: self.number(index),
                begins_segment: index == 0,
                presented: MediaTime::new(self.part_start.saturating_add(self.head.delay()), rate),
                event: title.as_deref().map(|title| self.event(title)),
            };
            let (data, samples) = fragment(&place, lanes, self.head.lock.as_deref());
            (self.seal(data), samples)
        } else {
            (Bytes::new(), Vec::new())
        };
        let part = Part {
            head: Arc::clone(&self.head),
            index,
            start: MediaTime::new(self.part_start, rate),
            duration: MediaTime::new(length, rate),
            independent: !data.is_empty() && (has_key || !has_video),
            gap: data.is_empty(),
            title,
            data,
            samples: samples.into(),
        };
        self.part_start = end;
        self.bytes += part.data.len();
        self.parts.push(part.clone());
        Some(part)
    }

    /// When what begins the part under way was captured.
    fn date(&self) -> SystemTime {
        let start = self.head.start;
        let since = self.part_start.saturating_sub(start.ticks);
        let since = MediaTime::new(since, start.rate).nanos().unsigned_abs();
        self.head.date + Duration::from_nanos(since)
    }

    /// What the part under way says of a title.
    fn event(&self, title: &Title) -> Event {
        Event {
            number: title.number,
            timescale: self.head.start.rate,
            time: unsigned(self.part_start),
            tag: Tag::default().title(&title.text).bytes(),
        }
    }

    /// Encrypts a part if that is to be; it is kept for the whole segment then.
    fn seal(&mut self, part: Bytes) -> Bytes {
        let Some(lock) = self.whole_lock() else {
            return part;
        };
        let sealed = lock.seal([&part]);
        self.clear.push(part);
        sealed
    }

    /// How files are encrypted, if each is by itself.
    fn whole_lock(&self) -> Option<Arc<Lock>> {
        let lock = self.head.lock.clone();
        lock.filter(|lock| lock.manner == Manner::Whole)
    }

    /// The number of a fragment; it grows, and need do no more.
    fn number(&self, index: u32) -> u32 {
        (self.head.sequence as u32)
            .wrapping_mul(1 << 10)
            .wrapping_add(index + 1)
    }

    /// The whole segment.
    pub(super) fn end(self) -> Segment {
        let start = self.head.start;
        let gap = self.parts.iter().all(|part| part.gap);
        let lock = self.whole_lock().filter(|_| !gap);
        let segment = Segment {
            duration: MediaTime::new(self.part_start.saturating_sub(start.ticks), start.rate),
            independent: false,
            gap,
            sealed: lock.map(|lock| lock.seal(&self.clear)),
            head: self.head,
            parts: self.parts,
        };
        Segment {
            independent: is_independent(&segment),
            ..segment
        }
    }
}

/// Whether a segment can be decoded without what went before (rfc8216bis, 4.4.2.1).
fn is_independent(segment: &Segment) -> bool {
    let map = &segment.head.map;
    if !segment.begins_with_key() || !map.has_video() {
        return segment.begins_with_key();
    }
    let mut pictures = segment.pictures();
    let (Some(track), Some(first)) = (map.tracks.first(), pictures.next()) else {
        return false;
    };
    match track.format.random_access(&first.data) {
        Some(RandomAccess::Instant) => true,
        Some(RandomAccess::Open) => pictures.all(|other| shown(other) > shown(first)),
        Some(RandomAccess::Gradual) | None => false,
    }
}

/// When a sample is presented, in ticks of its track.
fn shown(sample: &Sample) -> i128 {
    i128::from(sample.decode) + i128::from(sample.composition)
}

/// What a fragment has beside its samples.
struct Place {
    number: u32,
    begins_segment: bool,
    /// When it begins to be seen or heard.
    presented: MediaTime,
    event: Option<Event>,
}

/// The fragment of all samples of the lanes, which are empty then.
fn fragment(place: &Place, lanes: &mut [Lane], lock: Option<&Lock>) -> (Bytes, Vec<Sample>) {
    let Place {
        number,
        begins_segment,
        presented,
        event,
    } = place;
    if *begins_segment {
        for lane in lanes.iter_mut().filter(|lane| lane.samples.is_empty()) {
            lane.tell_next(lane.ticks(*presented));
        }
    }
    let facts: Vec<Vec<SampleFacts>> = lanes.iter().map(facts).collect();
    let payload = |lane: &Lane| {
        let samples = lane.samples.iter().map(|pending| &pending.data);
        Payload::of(samples, lane.format.as_ref(), lock)
    };
    let payloads: Vec<Payload> = lanes.iter().map(payload).collect();
    let runs: Vec<_> = (1..)
        .zip(&*lanes)
        .zip(facts.iter().zip(&payloads))
        .filter(|((_, lane), _)| lane.format.is_some() || !lane.samples.is_empty())
        .map(|((id, lane), (facts, payload))| Run {
            track: id,
            base_decode_time: unsigned(lane.begin().unwrap_or_default()),
            samples: facts,
            data: &payload.data,
            subsamples: &payload.subsamples,
        })
        .collect();
    let Fragment { bytes, media } =
        Fragment::with_event(*number, *begins_segment, event.as_ref(), &runs);
    let mut at = media;
    let mut samples = Vec::new();
    for (track, lane) in lanes.iter_mut().enumerate() {
        lane.bytes = 0;
        let is_encrypted = payloads.get(track).is_some_and(|one| one.is_encrypted);
        for (pending, facts) in lane.samples.drain(..).zip(&facts[track]) {
            let end = at + pending.data.len();
            samples.push(Sample {
                track,
                decode: unsigned(pending.decode),
                composition: facts.composition,
                duration: facts.duration,
                keyframe: pending.keyframe,
                whole: pending.whole,
                data: match is_encrypted {
                    true => pending.data,
                    false => bytes.slice(at..end),
                },
            });
            at = end;
        }
    }
    (bytes, samples)
}

fn facts(lane: &Lane) -> Vec<SampleFacts> {
    let fact = |pending: &super::lane::Pending| SampleFacts {
        duration: u32::try_from(pending.duration).unwrap_or(u32::MAX),
        size: pending.data.len() as u32,
        sync: pending.keyframe || lane.kind == Kind::Audio,
        composition: pending.composition.clamp(i32::MIN.into(), i32::MAX.into()) as i32,
    };
    lane.samples.iter().map(fact).collect()
}

fn unsigned(ticks: i64) -> u64 {
    u64::try_from(ticks).unwrap_or(0)
}
