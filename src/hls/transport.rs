//! Segments in the flavour for old players: transport streams, or packed audio where there are no pictures.
//!
//! Made of the samples of segments that are there already, so that it costs nothing while
//! nobody asks for it.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;

use super::carriage::Carriage;
use super::object::{Flavour, Packing};
use super::part::{Map, Sample, Segment};
use crate::base::media_time::MediaTime;
use crate::codec::Kind;
use crate::codec::byte_stream::ByteStream;
use crate::container::id3::Tag;
use crate::container::ts::{CLOCK_HZ, mux};

/// How segments of these tracks are packed; `None` when a transport stream cannot carry one of
/// them, or not with encrypted samples.
pub fn packing(map: &Map) -> Option<Packing> {
    map.protection.is_none().then_some(())?;
    let formats: Vec<_> = map.tracks.iter().map(|track| &track.format).collect();
    match Carriage::of(&formats, Flavour::Ts)? {
        Carriage::Stream(packing) => Some(packing),
        Carriage::Fragments => None,
    }
}

/// Writes segments one after the other; continuity counters run on from each to the next.
#[derive(Debug, Default)]
pub struct Transport {
    current: Option<(Arc<Map>, bool, Writer)>,
}

#[derive(Debug)]
enum Writer {
    Stream(Box<mux::Mux>),
    Packed(ByteStream),
}

impl Transport {
    /// The bytes of `segment`, which comes after the one that was asked for last.
    ///
    /// `None` when its tracks cannot be carried (see [`packing`]), and when it holds nothing.
    /// Samples that are malformed are left out.
    pub fn segment(&mut self, segment: &Segment) -> Option<Bytes> {
        if segment.gap {
            return None;
        }
        let clear = match self.writer(segment)? {
            Writer::Stream(mux) => {
                mux.begin();
                write_stream(mux, segment, Counters::RunOn)
            }
            Writer::Packed(byte_stream) => write_packed(byte_stream, segment),
        };
        Some(seal(segment, clear))
    }

    /// The bytes of a segment that is made without those before it. Its counters go on where those
    /// of the segment before end all the same, for they are brought back to 0 at every end.
    pub fn alone(segment: &Segment) -> Option<Bytes> {
        let clear = match Writer::new(&segment.head.map, false)? {
            Writer::Stream(mut mux) => {
                mux.begin_at(segment.head.sequence);
                write_stream(&mut mux, segment, Counters::Reset)
            }
            Writer::Packed(byte_stream) => write_packed(&byte_stream, segment),
        };
        Some(seal(segment, clear))
    }

    /// What writes `segment`; the same again while the map is the same, and since the first title.
    fn writer(&mut self, segment: &Segment) -> Option<&mut Writer> {
        let map = &segment.head.map;
        let current = self.current.as_ref();
        let had_titles = current.is_some_and(|(_, has_titles, _)| *has_titles);
        let has_titles = had_titles || segment.parts.iter().any(|part| part.title.is_some());
        let version = current.map(|(map, ..)| map.version);
        if version != Some(map.version) || has_titles != had_titles {
            let mut writer = Writer::new(map, has_titles)?;
            if let (Writer::Stream(mux), Some((.., Writer::Stream(before)))) =
                (&mut writer, &self.current)
            {
                mux.count_on(before);
            }
            self.current = Some((Arc::clone(map), has_titles, writer));
        }
        self.current.as_mut().map(|(.., writer)| writer)
    }
}

impl Writer {
    fn new(map: &Map, has_titles: bool) -> Option<Self> {
        let formats: Vec<_> = map.tracks.iter().map(|track| &track.format).collect();
        // The tables are others with and without titles.
        let version = (map.version as u8) << 1 | u8::from(has_titles);
        Some(match packing(map)? {
            Packing::Ts if has_titles => {
                Self::Stream(Box::new(mux::Mux::with_tags(&formats, version)?))
            }
            Packing::Ts => Self::Stream(Box::new(mux::Mux::new(&formats, version)?)),
            Packing::Aac | Packing::Mp3 => Self::Packed(ByteStream::new(formats.first()?)?),
        })
    }
}

/// A sample's place in the transport stream.
struct Placed<'a> {
    sample: &'a Sample,
    dts: u64,
    pts: u64,
}

/// A segment, encrypted if it is to be.
fn seal(segment: &Segment, clear: Bytes) -> Bytes {
    match &segment.head.lock {
        Some(lock) => lock.seal([&clear]),
        None => clear,
    }
}

/// Writes the samples of a segment, behind the tables that stand there already.
fn write_stream(mux: &mut mux::Mux, segment: &Segment, counters: Counters) -> Bytes {
    let packets = packets(segment);
    let mut is_last = HashMap::new();
    if counters == Counters::Reset {
        let streams = packets.iter().enumerate();
        is_last.extend(streams.map(|(at, packet)| (packet.stream, at)));
    }
    let start = segment.head.start;
    let end = MediaTime::new(
        start.ticks.saturating_add(segment.duration.ticks),
        start.rate,
    );
    mux.end_at(u64::try_from(end.at_rate(CLOCK_HZ).ticks).unwrap_or(u64::MAX));
    let mut titles = titles(segment).peekable();
    for (at, packet) in packets.iter().enumerate() {
        while let Some((time, title)) = titles.next_if(|(time, _)| *time <= packet.dts) {
            mux.write_tag(time, &Tag::default().title(title).bytes());
        }
        packet.write(mux, is_last.get(&packet.stream) == Some(&at));
    }
    mux.take()
}

/// What becomes of the packet counters at the end of a segment.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Counters {
    RunOn,
    Reset,
}

/// Samples that go into one PES packet; times are in ticks of [`CLOCK_HZ`].
pub(super) struct Packet {
    /// Its stream, an index into the formats.
    pub(super) stream: usize,
    pub(super) pts: u64,
    pub(super) dts: u64,
    pub(super) keyframe: bool,
    data: Vec<Bytes>,
    bytes: usize,
}

impl Packet {
    /// With one sample in it; `times` are those of its presentation and of its decoding.
    pub(super) fn new(stream: usize, times: [u64; 2], keyframe: bool, data: &Bytes) -> Self {
        let [pts, dts] = times;
        Self {
            stream,
            pts,
            dts,
            keyframe,
            data: vec![data.clone()],
            bytes: data.len(),
        }
    }

    /// Adds the next sample of the same sound.
    pub(super) fn add(&mut self, data: &Bytes) {
        self.bytes += data.len();
        self.data.push(data.clone());
    }

    /// Whether it must go before something that is decoded at `dts`, so as not to come late.
    pub(super) fn is_full(&self, dts: u64) -> bool {
        dts.saturating_sub(self.pts) >= LONGEST_HELD || self.bytes > MOST_HELD
    }

    /// Writes it; `last` if it is the last of its stream before the counters begin anew.
    pub(super) fn write(&self, mux: &mut mux::Mux, last: bool) {
        let sample = mux::Sample {
            stream: self.stream,
            pts: self.pts,
            dts: self.dts,
            keyframe: self.keyframe,
            last,
            data: &self.data,
        };
        // What a publisher sent malformed is missing in the stream, as it would be on a screen.
        let _ = mux.write(&sample);
    }
}

/// The PES packets of a segment: one for a picture, and one for some sound.
fn packets(segment: &Segment) -> Vec<Packet> {
    let mut placed: Vec<_> = samples(segment).collect();
    // Parts hold one track after the other.
    placed.sort_by_key(|placed| placed.dts);
    let tracks = &segment.head.map.tracks;
    let is_heard = |track: usize| {
        let track = tracks.get(track);
        track.is_some_and(|track| track.format.kind() == Kind::Audio)
    };
    let heard = placed.iter().filter(|placed| is_heard(placed.sample.track));
    let step = usual_step(heard.map(|placed| placed.pts));
    let mut packets = Vec::with_capacity(placed.len());
    let mut held: Option<Packet> = None;
    let mut last = 0;
    for Placed { sample, dts, pts } in placed {
        packets.extend(held.take_if(|held| held.is_full(dts)));
        if is_heard(sample.track) {
            // Players take it that frames in a packet follow one another.
            let is_apart = pts.saturating_sub(last).abs_diff(step) > step / 8;
            packets.extend(held.take_if(|_| is_apart));
            last = pts;
        }
        let packet = || Packet::new(sample.track, [pts, dts], sample.keyframe, &sample.data);
        match &mut held {
            _ if !is_heard(sample.track) => packets.push(packet()),
            Some(held) => held.add(&sample.data),
            None => held = Some(packet()),
        }
    }
    packets.extend(held);
    packets
}

/// The distance that most of these times have from the one before, 0 for a single one.
fn usual_step(times: impl Iterator<Item = u64>) -> u64 {
    let times: Vec<_> = times.collect();
    let steps = times.windows(2).map(|pair| pair[1].saturating_sub(pair[0]));
    let mut steps: Vec<_> = steps.collect();
    steps.sort_unstable();
    steps.get(steps.len() / 2).copied().unwrap_or(0)
}

/// The titles that parts of a segment tell, and when, in ticks of 90 kHz.
fn titles(segment: &Segment) -> impl Iterator<Item = (u64, &str)> {
    segment.parts.iter().filter_map(|part| {
        let time = part.start.at_rate(CLOCK_HZ).ticks;
        Some((
            u64::try_from(time).ok()?,
            part.title.as_ref()?.text.as_str(),
        ))
    })
}

fn write_packed(byte_stream: &ByteStream, segment: &Segment) -> Bytes {
    let mut bytes = Vec::with_capacity(segment.size());
    let mut titles = titles(segment).peekable();
    for Placed { sample, pts, .. } in samples(segment) {
        let title = titles.next_if(|(time, _)| *time <= pts);
        if bytes.is_empty() || title.is_some() {
            let tag = Tag::default().timestamp(pts);
            let tag = match title {
                Some((_, title)) => tag.title(title),
                None => tag,
            };
            bytes.extend(tag.bytes());
        }
        let end = bytes.len();
        if byte_stream.write(&sample.data, true, &mut bytes).is_err() {
            bytes.truncate(end);
        }
    }
    bytes.into()
}

fn samples(segment: &Segment) -> impl Iterator<Item = Placed<'_>> {
    let tracks = &segment.head.map.tracks;
    let all = segment.parts.iter().flat_map(|part| part.samples.iter());
    all.filter_map(|sample| {
        let rate = tracks.get(sample.track)?.timescale;
        let ticks = |time: i64| MediaTime::new(time, rate).at_rate(CLOCK_HZ).ticks;
        let decode = i64::try_from(sample.decode).ok()?;
        let pts = ticks(decode.saturating_add(sample.composition.into()));
        Some(Placed {
            sample,
            dts: u64::try_from(ticks(decode).min(pts)).ok()?,
            pts: u64::try_from(pts).ok()?,
        })
    })
}

/// How long sound is held back to fill a PES packet, in ticks of 90 kHz.
const LONGEST_HELD: u64 = CLOCK_HZ as u64 / 10;

/// Bytes of sound that go into one PES packet before it ends; well below what 16 bits count.
const MOST_HELD: usize = 16 << 10;

#[cfg(test)]
mod tests;
