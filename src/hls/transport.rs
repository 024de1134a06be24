//! Segments in the flavour for old players: transport streams, or packed audio where there are no pictures.
//!
//! Made of the samples of segments that are there already, so that it costs nothing while
//! nobody asks for it.

use std::sync::Arc;

use bytes::Bytes;

use super::object::Packing;
use super::part::{Map, Sample, Segment};
use crate::base::media_time::MediaTime;
use crate::codec::byte_stream::ByteStream;
use crate::codec::{Format, Kind};
use crate::container::packed_audio;
use crate::container::ts::{CLOCK_HZ, mux};

/// How segments of these tracks are packed; `None` when a transport stream cannot carry one of
/// them, or not with encrypted samples.
pub fn packing(map: &Map) -> Option<Packing> {
    map.protection.is_none().then_some(())?;
    let formats = || map.tracks.iter().map(|track| &track.format);
    if formats().any(|format| ByteStream::new(format).is_none()) {
        return None;
    }
    match map.tracks.as_slice() {
        [] => None,
        [track] => Some(match track.format {
            Format::Aac(_) => Packing::Aac,
            Format::MpegAudio { .. } => Packing::Mp3,
            _ => Packing::Ts,
        }),
        _ => Some(Packing::Ts),
    }
}

/// Writes segments one after the other; continuity counters run on from each to the next.
#[derive(Debug, Default)]
pub struct Transport {
    current: Option<(Arc<Map>, Writer)>,
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
        let map = &segment.head.map;
        let clear = match self.writer(map)? {
            Writer::Stream(mux) => write_stream(mux, segment),
            Writer::Packed(byte_stream) => write_packed(byte_stream, segment),
        };
        Some(match &segment.head.lock {
            Some(lock) => lock.seal([&clear]),
            None => clear,
        })
    }

    /// What writes segments of this map; the same again while the map is the same.
    fn writer(&mut self, map: &Arc<Map>) -> Option<&mut Writer> {
        let is_same = matches!(&self.current, Some((current, _)) if current.version == map.version);
        if !is_same {
            let mut writer = Writer::new(map)?;
            if let (Writer::Stream(mux), Some((_, Writer::Stream(before)))) =
                (&mut writer, &self.current)
            {
                mux.count_on(before);
            }
            self.current = Some((Arc::clone(map), writer));
        }
        self.current.as_mut().map(|(_, writer)| writer)
    }
}

impl Writer {
    fn new(map: &Map) -> Option<Self> {
        let formats: Vec<_> = map.tracks.iter().map(|track| &track.format).collect();
        Some(match packing(map)? {
            Packing::Ts => Self::Stream(Box::new(mux::Mux::new(&formats, map.version as u8)?)),
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

fn write_stream(mux: &mut mux::Mux, segment: &Segment) -> Bytes {
    let mut placed: Vec<_> = samples(segment).collect();
    // Parts hold one track after the other.
    placed.sort_by_key(|placed| placed.dts);
    let tracks = &segment.head.map.tracks;
    let is_heard = |track: usize| {
        let track = tracks.get(track);
        track.is_some_and(|track| track.format.kind() == Kind::Audio)
    };
    mux.begin();
    let mut held = Held::default();
    for Placed { sample, dts, pts } in placed {
        if is_heard(sample.track) {
            if held.is_full(dts) {
                held.write(mux);
            }
            held.add(sample.track, pts, &sample.data);
            continue;
        }
        if held.is_full(dts) {
            held.write(mux);
        }
        let one = mux::Sample {
            stream: sample.track,
            pts,
            dts,
            keyframe: sample.keyframe,
            data: std::slice::from_ref(&sample.data),
        };
        // What a publisher sent malformed is missing in the stream, as it would be on a screen.
        let _ = mux.write(&one);
    }
    held.write(mux);
    mux.take()
}

/// Sound that goes into one PES packet.
#[derive(Default)]
pub(super) struct Held {
    track: usize,
    pts: u64,
    data: Vec<Bytes>,
    bytes: usize,
}

impl Held {
    /// Whether it must go before something that is decoded at `dts`, so as not to come late.
    pub(super) fn is_full(&self, dts: u64) -> bool {
        let is_old = dts.saturating_sub(self.pts) >= LONGEST_HELD;
        !self.data.is_empty() && (is_old || self.bytes > MOST_HELD)
    }

    pub(super) fn add(&mut self, track: usize, pts: u64, data: &Bytes) {
        if self.data.is_empty() {
            (self.track, self.pts) = (track, pts);
        }
        self.bytes += data.len();
        self.data.push(data.clone());
    }

    pub(super) fn write(&mut self, mux: &mut mux::Mux) {
        if !self.data.is_empty() {
            let sample = mux::Sample {
                stream: self.track,
                pts: self.pts,
                dts: self.pts,
                keyframe: true,
                data: &self.data,
            };
            let _ = mux.write(&sample);
        }
        self.data.clear();
        self.bytes = 0;
    }
}

fn write_packed(byte_stream: &ByteStream, segment: &Segment) -> Bytes {
    let mut bytes = Vec::with_capacity(segment.size());
    for Placed { sample, pts, .. } in samples(segment) {
        if bytes.is_empty() {
            bytes = packed_audio::timestamp_tag(pts);
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
