//! Segments of a movie, put together from the bytes of its file when somebody asks for them.

use std::sync::Arc;

use bytes::Bytes;

use super::Presentation;
use super::cuts::{MOST_BYTES, MOST_SAMPLES};
use super::lane::Lane;
use super::rendition::Rendition;
use super::strip::Placed;
use crate::base::media_time::MediaTime;
use crate::container::FileRange;
use crate::container::mp4::fragment::{Fragment, Run, SampleFacts};
use crate::hls::carriage::Carriage;
use crate::hls::lock::{Manner, Payload};
use crate::hls::part::{Head, Map, MapTrack, Part, Sample, Segment};
use crate::hls::transport::Transport;
use crate::vod::Blocks;

/// Why there is no such segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CutError {
    /// The file is shorter than its index says, or cannot be read.
    #[error("the movie's file cannot be read there")]
    Unreadable,
    /// More than anything that plays would need.
    #[error(
        "that part of the movie has more than {MOST_SAMPLES} samples or {MOST_BYTES} bytes a track"
    )]
    TooLarge,
    /// The samples are not what their format promises.
    #[error("that part of the movie is damaged")]
    Malformed,
}

/// The samples of a track that are in a segment, with their bytes.
struct Filled {
    /// Their lane, an index into those of the rendition.
    lane: usize,
    samples: Vec<Placed>,
    data: Vec<Bytes>,
}

/// A segment of a movie that is to be put together.
#[derive(Clone, Debug)]
pub(in crate::hls) struct Slice {
    pub(super) presentation: Arc<Presentation>,
    /// Which of its renditions.
    pub(super) rendition: Arc<Rendition>,
    /// Which segment, from 0.
    pub(super) segment: usize,
    pub(super) carriage: Carriage,
}

impl Slice {
    /// The bytes of the segment. Cancel safe.
    ///
    /// # Errors
    /// [`CutError`] when the movie's file does not hold what its index promises.
    pub(super) async fn cut(self, blocks: &Arc<Blocks>) -> Result<Bytes, CutError> {
        let movie = Arc::clone(&self.presentation.movie);
        let (slice, planned) = blocking(move || {
            let planned = self.plan();
            (self, planned)
        })
        .await?;
        let mut filled = planned?;
        for lane in &mut filled {
            for placed in &lane.samples {
                let range = FileRange {
                    file: placed.sample.file,
                    offset: placed.sample.offset,
                    length: placed.sample.size,
                };
                let read = movie.read(blocks, range).await;
                lane.data.push(read.ok_or(CutError::Unreadable)?);
            }
        }
        blocking(move || match slice.carriage {
            Carriage::Fragments => Ok(slice.fragment(&filled)),
            Carriage::Stream(_) => slice.stream(&filled),
        })
        .await?
    }

    /// What the segment consists of.
    fn plan(&self) -> Result<Vec<Filled>, CutError> {
        let movie = self.presentation.movie.index();
        let ranges = self.rendition.ranges(movie, self.segment);
        ranges
            .enumerate()
            .map(|(at, (lane, range))| {
                let bytes = lane.strip.bytes(lane.table(movie), range.clone());
                if range.end - range.start > MOST_SAMPLES || bytes > MOST_BYTES {
                    return Err(CutError::TooLarge);
                }
                Ok(Filled {
                    lane: at,
                    samples: self.rendition.samples(movie, lane, range, self.segment),
                    data: Vec::new(),
                })
            })
            .collect()
    }

    fn fragment(&self, filled: &[Filled]) -> Bytes {
        let lanes = &self.rendition.lanes;
        let lock = self.rendition.lock(self.segment);
        let facts: Vec<Vec<SampleFacts>> = filled
            .iter()
            .map(|lane| lane.samples.iter().map(facts).collect())
            .collect();
        let payload = |filled: &Filled| {
            Payload::of(
                filled.data.iter(),
                lanes[filled.lane].format(),
                lock.as_ref(),
            )
        };
        let payloads: Vec<Payload> = filled.iter().map(payload).collect();
        let runs: Vec<_> = filled
            .iter()
            .zip(facts.iter().zip(&payloads))
            .filter_map(|(lane, (facts, payload))| {
                let first = lane.samples.first()?;
                Some(Run {
                    track: lane.lane as u32 + 1,
                    base_decode_time: media_time(first.decode, lanes[lane.lane].lead),
                    samples: facts,
                    data: &payload.data,
                    subsamples: &payload.subsamples,
                })
            })
            .collect();
        let sequence = u32::try_from(self.segment).unwrap_or(u32::MAX - 1) + 1;
        let fragment = Fragment::of(sequence, true, &runs).bytes;
        match lock.filter(|lock| lock.manner == Manner::Whole) {
            Some(lock) => lock.seal([&fragment]),
            None => fragment,
        }
    }

    fn stream(&self, filled: &[Filled]) -> Result<Bytes, CutError> {
        let lanes = &self.rendition.lanes;
        let tracks = lanes.iter().zip(1..).filter_map(|(lane, id)| {
            Some(MapTrack {
                id,
                format: lane.format()?.clone(),
                timescale: lane.strip.timescale(),
            })
        });
        let map = Map {
            version: 0,
            data: Bytes::new(),
            tracks: tracks.collect(),
            protection: None,
        };
        let start = self.rendition.cuts.start(self.segment);
        let head = Arc::new(Head {
            sequence: self.segment as u64,
            discontinuity_sequence: 0,
            discontinuity: false,
            start,
            presented: start,
            shift: MediaTime::new(0, start.rate),
            date: self.presentation.date(),
            map: Arc::new(map),
            lock: self.rendition.lock(self.segment).map(Arc::new),
        });
        let samples = filled
            .iter()
            .flat_map(|lane| samples(lane, &lanes[lane.lane]));
        let duration = self.rendition.cuts.duration(self.segment);
        let part = Part {
            head: Arc::clone(&head),
            index: 0,
            start: head.start,
            duration,
            independent: true,
            gap: false,
            title: None,
            data: Bytes::new(),
            samples: samples.collect(),
        };
        let segment = Segment {
            head,
            duration,
            independent: true,
            gap: false,
            parts: vec![part],
            sealed: None,
        };
        Transport::alone(&segment).ok_or(CutError::Malformed)
    }
}

/// Runs what takes a while where it keeps nobody waiting.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, CutError> {
    let done = tokio::task::spawn_blocking(work).await;
    // It fails when the server stops.
    done.map_err(|_| CutError::Unreadable)
}

/// What a fragment says of a sample.
fn facts(placed: &Placed) -> SampleFacts {
    SampleFacts {
        duration: u32::try_from(placed.duration).unwrap_or(u32::MAX),
        size: placed.sample.size,
        sync: placed.sync,
        composition: composition(placed),
    }
}

fn composition(placed: &Placed) -> i32 {
    let offset = placed.presented.saturating_sub(placed.decode);
    offset.clamp(i32::MIN.into(), i32::MAX.into()) as i32
}

/// The samples of a track as a transport stream has them, in which nothing is before 0.
fn samples<'f>(filled: &'f Filled, lane: &Lane) -> impl Iterator<Item = Sample> + use<'f> {
    let begin = MediaTime::new(STREAM_BEGIN, 1)
        .at_rate(lane.strip.timescale())
        .ticks;
    let samples = filled.samples.iter().zip(&filled.data);
    samples.map(move |(placed, data)| Sample {
        track: filled.lane,
        decode: media_time(placed.decode, begin),
        composition: composition(placed),
        duration: u32::try_from(placed.duration).unwrap_or(u32::MAX),
        keyframe: placed.sync,
        whole: placed.sync,
        data: data.clone(),
    })
}

fn media_time(decode: i64, lead: i64) -> u64 {
    u64::try_from(decode.saturating_add(lead)).unwrap_or(0)
}

/// When the presentation begins in transport streams, in seconds: pictures are decoded before they
/// are shown, and arrive before that.
const STREAM_BEGIN: i64 = 10;
