//! From what one process makes of a movie to the segments of its grid. Sans-IO.

mod strand;
mod stream;

use std::time::SystemTime;

use super::grid::Grid;
use super::harvest::Made;
use crate::base::media_time::MediaTime;
use crate::hls::part::Segment;
pub(super) use strand::{Group, map_version};
use strand::{Place, Strand};
use stream::Stream;

/// A stream of which nothing has come when another is so many seconds ahead has nothing there.
const PATIENCE: i64 = 12;

/// The segments of one process, one after the other.
#[derive(Debug)]
pub(super) struct Assembly {
    place: Place,
    /// From where on the process reads.
    origin: MediaTime,
    /// When the first stream of the file begins, in seconds; until then there is silence.
    start: f64,
    strands: Vec<Strand>,
    /// The segments that come next.
    next: u64,
    has_begun: bool,
    has_ended: bool,
    is_other: bool,
}

impl Assembly {
    /// From segment `first` on, of a movie that was last changed at `date` and whose first stream begins at `start`
    /// seconds. Its streams are those of `groups`, one after the other.
    pub(super) fn new(
        grid: &Grid,
        groups: &[Group<'_>],
        first: u64,
        date: SystemTime,
        start: f64,
    ) -> Self {
        Self {
            origin: grid.origin(first),
            place: Place {
                grid: grid.clone(),
                date,
            },
            start,
            strands: groups.iter().map(Strand::new).collect(),
            next: first,
            has_begun: false,
            has_ended: false,
            is_other: false,
        }
    }

    /// The number of the segments that come next.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// Whether the formats are others than those of the known segments.
    pub(super) fn is_other(&self) -> bool {
        self.is_other
    }

    /// Takes a unit; those of a stream come in their order.
    pub(super) fn push(&mut self, made: Made) {
        let mut index = made.stream;
        for strand in &mut self.strands {
            match index.checked_sub(strand.streams.len()) {
                Some(behind) => index = behind,
                None => {
                    self.is_other |= strand.push(index, made, self.origin);
                    return;
                }
            }
        }
    }

    /// Nothing comes any more.
    pub(super) fn finish(&mut self) {
        self.has_ended = true;
    }

    /// The next segment of each group, when all of them are whole.
    pub(super) fn pull(&mut self) -> Option<Vec<Segment>> {
        if self.next >= self.place.grid.len() || !self.is_whole() {
            return None;
        }
        let number = self.next;
        if !std::mem::replace(&mut self.has_begun, true) {
            for strand in &mut self.strands {
                strand.begin_with(number, &self.place.grid);
            }
        }
        let strands = self.strands.iter_mut();
        let segments = strands.map(|strand| strand.segment(number, &self.place));
        let segments = segments.collect();
        self.next += 1;
        segments
    }

    /// Whether all streams have come to where the next segment ends.
    fn is_whole(&self) -> bool {
        let end = self.next + 1;
        let bound = |stream: &Stream| stream.bound(&self.place.grid, end);
        let has_come = |stream: &Stream| stream.end(bound(stream)).is_some();
        let is_far = |stream: &Stream| {
            let start = (self.start * f64::from(stream.rate)) as i64;
            let far = bound(stream).max(start);
            let far = far.saturating_add(PATIENCE * i64::from(stream.rate));
            stream.newest().is_some_and(|at| at >= far)
        };
        let mut streams = self.strands.iter().flat_map(|strand| &strand.streams);
        self.has_ended || streams.clone().all(has_come) || streams.any(is_far)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::stream::VIDEO_HZ;
    use super::*;
    use crate::codec::{Format, aac};
    use crate::hls::transcode::facts;
    use crate::hls::transcode::orders::Coding;

    const RATE: u32 = 48_000;

    /// What a process makes that begins with segment `first` of 20 s: five pictures a second, and `sounds`.
    fn made_from(grid: &Grid, first: u64, sounds: usize) -> Vec<Made> {
        let origin = grid.origin(first);
        let config = aac::Config::from_specific(&[0x11, 0x90]).unwrap();
        let unit = |stream, time, keyframe| Made {
            stream,
            time,
            keyframe,
            data: Bytes::from_static(b"unit"),
            format: None,
        };
        let mut all = Vec::new();
        let mut cut = first;
        for tick in (0..20 * 5).map(|picture| picture * 18_000) {
            let time = MediaTime::new(tick - origin.at_rate(VIDEO_HZ).ticks, VIDEO_HZ);
            let is_cut = tick >= grid.start(cut).at_rate(VIDEO_HZ).ticks - 90;
            cut += u64::from(is_cut);
            if time.ticks >= 0 {
                all.push(unit(0, time, is_cut));
            }
        }
        let frames = (20 * i64::from(RATE) - origin.ticks) / 1024;
        for stream in 1..=sounds {
            let frame = |frame| unit(stream, MediaTime::new(frame * 1024, RATE), true);
            all.extend((-1..frames).map(frame));
        }
        all.sort_by_key(|made| made.time.nanos());
        for stream in 1..=sounds {
            let mut sound = all.iter_mut().filter(|made| made.stream == stream);
            sound.next().unwrap().format = Some(Format::Aac(config.clone()));
        }
        all
    }

    fn stream(coding: Coding) -> facts::Stream {
        facts::Stream {
            number: 0,
            track: None,
            coding,
            codec: String::new(),
            language: None,
            channels: None,
        }
    }

    /// The segments of a movie of pictures and `sounds`, so many streams in each group.
    fn groups(first: u64, sounds: usize, in_group: usize) -> Vec<Vec<Segment>> {
        let grid = Grid::new(RATE, 20.0, 6);
        let audio = Coding::Audio {
            rate_hz: RATE,
            mixed_to: None,
        };
        let mut streams = vec![stream(Coding::Video { most: 1 })];
        streams.extend((0..sounds).map(|_| stream(audio)));
        let group = |streams| Group {
            streams,
            keys: None,
            known: None,
        };
        let all: Vec<_> = streams.chunks(in_group).map(group).collect();
        let mut assembly = Assembly::new(&grid, &all, first, SystemTime::UNIX_EPOCH, 0.0);
        let mut segments = Vec::new();
        for made in made_from(&grid, first, sounds) {
            assembly.push(made);
            segments.extend(assembly.pull());
        }
        assembly.finish();
        segments.extend(std::iter::from_fn(|| assembly.pull()));
        segments
    }

    fn segments(first: u64) -> Vec<Segment> {
        groups(first, 1, 2).into_iter().flatten().collect()
    }

    fn decodes(segment: &Segment, track: usize) -> Vec<u64> {
        let samples = segment.parts.iter().flat_map(|part| part.samples.iter());
        let of_track = samples.filter(|sample| sample.track == track);
        of_track.map(|sample| sample.decode).collect()
    }

    #[test]
    fn each_sound_has_segments_of_its_own_at_the_same_places() {
        let apart = groups(1, 2, 1);
        let together = segments(1);
        assert_eq!(apart.len(), together.len());
        for (apart, together) in apart.iter().zip(&together) {
            let [pictures, first, second] = apart.as_slice() else {
                panic!("{}", apart.len());
            };
            assert_eq!(decodes(pictures, 0), decodes(together, 0));
            for sound in [first, second] {
                assert_eq!(decodes(sound, 0), decodes(together, 1));
                assert_eq!(sound.head.map.tracks.len(), 1);
                assert_eq!(sound.head.sequence, together.head.sequence);
            }
        }
    }

    #[test]
    fn segments_are_the_same_wherever_a_process_begins() {
        let all = segments(0);
        assert_eq!(all.len(), 4);
        for first in 1..4 {
            let later = segments(first as u64);
            assert_eq!(later.len(), 4 - first);
            for (one, other) in all[first..].iter().zip(&later) {
                assert_eq!(one.head.sequence, other.head.sequence);
                assert_eq!(decodes(one, 0), decodes(other, 0));
                assert_eq!(decodes(one, 1), decodes(other, 1));
            }
        }
    }

    #[test]
    fn sound_is_whole_frames_without_a_gap() {
        let sounds: Vec<_> = segments(0).iter().flat_map(|one| decodes(one, 1)).collect();
        assert_eq!(sounds[0], 0);
        assert!(sounds.windows(2).all(|pair| pair[1] - pair[0] == 1024));
    }
}
