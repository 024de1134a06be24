use bytes::Bytes;

use super::super::strip::tests::pictures;
use super::*;
use crate::codec::Kind;
use crate::container::mp4::build::{Trak, full, movie, table, words};
use crate::container::{self, Movie, ReadAt};

const TARGET: Duration = Duration::from_secs(6);

/// The cuts of a movie whose pictures of 100 ms are all there is, but for sound until `end`.
fn cuts(movie: &Movie, end: i64) -> Cuts {
    let track = &movie.tracks[0];
    let strip = Strip::of(track, Kind::Video);
    Cuts::of(&strip, &track.samples, MediaTime::new(end, 1000), TARGET).unwrap()
}

/// When segments begin, in milliseconds.
fn starts(cuts: &Cuts) -> Vec<i64> {
    (0..cuts.len())
        .map(|number| cuts.start(number).ticks)
        .collect()
}

/// Numbers from 1 of every `step`th of `count` pictures.
fn every(step: usize, count: usize) -> Vec<u32> {
    (0..count).step_by(step).map(|at| at as u32 + 1).collect()
}

#[test]
fn segments_end_at_the_key_frame_nearest_to_the_target() {
    for (step, expected, target) in [
        (20, vec![0, 6000, 12_000], 6),
        (25, vec![0, 5000, 10_000], 5),
        (32, vec![0, 6400, 12_800], 6),
        (45, vec![0, 4500, 9000], 6),
        (100, vec![0, 10_000], 10),
    ] {
        let movie = pictures(150, &every(step, 150), &[], &[]);
        let cuts = cuts(&movie, 15_000);
        assert_eq!(starts(&cuts), expected, "key frames every {step} pictures");
        assert_eq!(cuts.target_duration(), target);
        assert!(cuts.independent());
        let total: i64 = (0..cuts.len())
            .map(|number| cuts.duration(number).ticks)
            .sum();
        assert_eq!(total, 15_000);
        let at = cuts.cut(1).unwrap().at;
        assert_eq!(at, expected[1] as u64 / 100);
    }
}

#[test]
fn key_frames_that_are_too_close_together_are_passed_over() {
    for (step, expected) in [
        (20, vec![0, 2000, 4000]),
        (
            3,
            vec![0, 600, 1200, 1800, 2400, 3000, 3600, 4200, 4800, 5400],
        ),
    ] {
        let movie = pictures(60, &every(step, 60), &[], &[]);
        let table = &movie.tracks[0].samples;
        let strip = Strip::of(&movie.tracks[0], Kind::Video);
        let cuts = Cuts::of_key_frames(&strip, table, MediaTime::new(6500, 1000));
        assert_eq!(starts(&cuts), expected);
        let last = cuts.len() - 1;
        assert_eq!(cuts.duration(last).ticks, 6500 - expected[last]);
    }
}

#[test]
fn a_long_way_to_the_next_key_frame_is_cut_all_the_same() {
    let movie = pictures(500, &[1, 401], &[], &[]);
    let cuts = cuts(&movie, 50_000);
    assert_eq!(starts(&cuts)[..4], [0, 6000, 12_000, 40_000]);
    assert!(!cuts.independent());
}

#[test]
fn open_groups_of_pictures_are_not_promised_as_independent() {
    // Of the key frames, the second is shown behind the picture that is decoded next.
    for (offset, independent) in [(200, false), (50, true)] {
        let movie = pictures(100, &[1, 61], &[60, 0, 1, offset, 39, 0], &[]);
        let cuts = cuts(&movie, 10_000);
        assert_eq!(starts(&cuts), [0, 6000 + i64::from(offset)]);
        assert_eq!(cuts.independent(), independent);
    }
}

#[test]
fn sound_that_outlasts_the_pictures_is_cut_too() {
    let movie = pictures(100, &[1, 61], &[], &[]);
    let cuts = cuts(&movie, 30_000);
    assert_eq!(starts(&cuts), [0, 6000, 12_000, 18_000, 24_000]);
    assert!(cuts.independent());
    assert_eq!(cuts.cut(2).unwrap().at, 100);
    assert_eq!(cuts.start(5).ticks, 30_000);
}

#[test]
fn nothing_is_left_over_that_fits() {
    let movie = pictures(64, &every(10, 64), &[], &[]);
    assert_eq!(starts(&cuts(&movie, 6400)), [0]);
    let movie = pictures(70, &every(10, 70), &[], &[]);
    assert_eq!(starts(&cuts(&movie, 7000)), [0, 6000]);
}

#[test]
fn the_number_of_segments_is_bounded() {
    let movie = pictures(10, &[1], &[], &[]);
    let track = &movie.tracks[0];
    let strip = Strip::of(track, Kind::Video);
    let end = MediaTime::new(1 << 40, 1);
    assert_eq!(
        Cuts::of(&strip, &track.samples, end, TARGET).unwrap_err(),
        TooMany
    );
}

/// A movie box at the begin of a file of which the rest is not there.
struct Sparse(Bytes);
impl ReadAt for Sparse {
    fn size(&self) -> u64 {
        1 << 30
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> std::io::Result<()> {
        self.0.read_at(offset, into)
    }
}

#[test]
fn large_segments_end_early() {
    let count = 60;
    let mut trak = Trak::new(1, b"vide", &[0; 100], 0, &[]);
    trak.durations = vec![count, 100];
    trak.tables = vec![
        table(b"stsc", 3, &[1, count, 1]),
        full(b"stsz", 0, 0, &[&words(&[2 << 20, count])]),
        table(b"stco", 1, &[0]),
    ];
    let head = movie(&[&trak.build()]);
    let movie = container::mp4::open(&Sparse(head.into())).unwrap();
    assert_eq!(starts(&cuts(&movie, 6000)), [0, 1600, 3200, 4800]);
}
