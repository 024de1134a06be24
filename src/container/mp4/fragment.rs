//! Movie fragments as they are written: `moof` and `mdat` of some samples (ISO/IEC 14496-12, 8.8; CMAF).
//!
//! Reading them is the matter of `fragments`, the movie box before them that of `init`.

use bytes::Bytes;

use super::boxes::Boxes;
use super::cenc::{self, Subsample};
use super::event::{self, Event};

/// What a fragment says of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SampleFacts {
    /// How long it lasts, in ticks of its track.
    pub duration: u32,
    /// Bytes.
    pub size: u32,
    /// Whether a decoder may start with it.
    pub sync: bool,
    /// From decoding to presentation, in ticks of its track.
    pub composition: i32,
}

/// Consecutive samples of one track.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// The track's number in the movie box.
    pub track: u32,
    /// When the first sample is decoded, in ticks of the track.
    pub base_decode_time: u64,
    /// The samples.
    pub samples: &'a [SampleFacts],
    /// Their bytes, one slice a sample.
    pub data: &'a [Bytes],
    /// Which bytes of each are encrypted; empty where nothing is, or all of them are one run.
    pub subsamples: &'a [Vec<Subsample>],
}

/// The bytes of a fragment, and where the media in it begins.
#[derive(Clone, Debug)]
pub struct Fragment {
    /// `styp` if it begins a segment, `emsg` if there is an event, `moof` and `mdat`.
    pub bytes: Bytes,
    /// Where the first sample lies in them; the others follow, run after run.
    pub media: usize,
}

impl Fragment {
    /// The fragment of `runs`. Those without samples are told of only where a segment begins:
    /// VLC takes a track that is not in a channel's first fragment to begin at zero.
    ///
    /// `sequence` counts the fragments of the movie from 1. Together they must stay below 2 GiB.
    pub fn of(sequence: u32, begins_segment: bool, runs: &[Run<'_>]) -> Self {
        Self::with_event(sequence, begins_segment, None, runs)
    }

    /// The same behind an event.
    pub fn with_event(
        sequence: u32,
        begins_segment: bool,
        event: Option<&Event>,
        runs: &[Run<'_>],
    ) -> Self {
        let is_told = |run: &&Run<'_>| begins_segment || !run.samples.is_empty();
        let runs = || runs.iter().filter(is_told);
        let payload: usize = runs().flat_map(|run| run.data).map(Bytes::len).sum();
        let rows: usize = runs().map(|run| run.samples.len()).sum();
        let mut boxes = Boxes::default();
        let heads = 128 + 16 * rows + 80 * runs().count();
        boxes.bytes.reserve_exact(heads + payload);
        if begins_segment {
            segment_type(&mut boxes);
        }
        if let Some(event) = event {
            event::write(&mut boxes, event);
        }
        let start = boxes.bytes.len();
        let mut offsets = Vec::new();
        boxes.atom(b"moof", |boxes| {
            boxes.full(b"mfhd", 0, 0, |boxes| boxes.u32(sequence));
            for run in runs() {
                offsets.push(track_fragment(boxes, run, start));
            }
        });
        let mut media = 0;
        boxes.atom(b"mdat", |boxes| {
            media = boxes.bytes.len();
            for (run, place) in runs().zip(offsets) {
                let offset = boxes.bytes.len() - start;
                boxes.patch(place, offset as u32);
                run.data.iter().for_each(|data| boxes.slice(data));
            }
        });
        Self {
            bytes: boxes.bytes.into(),
            media,
        }
    }
}

/// `styp` of a CMAF segment (ISO/IEC 23000-19, 7.3.3.1).
fn segment_type(boxes: &mut Boxes) {
    boxes.atom(b"styp", |boxes| {
        boxes.slice(b"msdh\0\0\0\0msdhmsixcmfscmf2");
    });
}

/// Writes `traf` into the `moof` that begins at `start`; returns where its data offset stands.
fn track_fragment(boxes: &mut Boxes, run: &Run<'_>, start: usize) -> usize {
    let mut place = 0;
    boxes.atom(b"traf", |boxes| {
        boxes.full(b"tfhd", 0, DEFAULT_BASE_IS_MOOF, |boxes| {
            boxes.u32(run.track);
        });
        boxes.full(b"tfdt", 1, 0, |boxes| boxes.u64(run.base_decode_time));
        boxes.full(b"trun", 1, ROW, |boxes| {
            boxes.u32(run.samples.len() as u32);
            place = boxes.bytes.len();
            boxes.u32(0);
            run.samples.iter().for_each(|sample| row(boxes, sample));
        });
        if !run.subsamples.is_empty() {
            cenc::subsamples(boxes, run.subsamples, start);
        }
    });
    place
}

fn row(boxes: &mut Boxes, sample: &SampleFacts) {
    boxes.u32(sample.duration);
    boxes.u32(sample.size);
    boxes.u32(if sample.sync { SYNC } else { NO_SYNC });
    boxes.u32(sample.composition as u32);
}

/// `tfhd`: data offsets count from the `moof` (8.8.7).
const DEFAULT_BASE_IS_MOOF: u32 = 0x2_0000;

/// `trun`: data offset, and of each sample duration, size, flags and composition offset (8.8.8).
const ROW: u32 = 0xf01;

/// Sample flags: depends on no other sample (8.8.3.1).
pub(super) const SYNC: u32 = 0x200_0000;

/// Sample flags: depends on others, and is no sync sample.
pub(super) const NO_SYNC: u32 = 0x101_0000;
