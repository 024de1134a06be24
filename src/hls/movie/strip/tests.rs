use bytes::Bytes;

use super::*;
use crate::container::mp4::build::{Trak, atom, movie, table, video_entry};
use crate::container::{self, Movie};

/// A movie of one track of pictures, 100 ms each, with key frames at these numbers from 1; `ctts`
/// has rows of count and offset, `edits` rows of duration in 1/600 s, media time and rate.
pub(in crate::hls::movie) fn pictures(
    count: usize,
    keys: &[u32],
    ctts: &[u32],
    edits: &[u32],
) -> Movie {
    let sets = [
        1, 0x42, 0, 0x1e, 0xff, 0xe1, 0, 4, 0x67, 0x42, 0, 0x1e, 1, 0, 2, 0x68, 0xce,
    ];
    let entry = video_entry(b"avc1", &atom(b"avcC", &[&sets]));
    let mut trak = Trak::new(1, b"vide", &entry, 0, &vec![10; count]);
    trak.tables.push(table(b"stss", 1, keys));
    if !ctts.is_empty() {
        trak.tables.push(table(b"ctts", 2, ctts));
    }
    if !edits.is_empty() {
        trak.others
            .push(atom(b"edts", &[&table(b"elst", 3, edits)]));
    }
    let head = movie(&[&trak.build()]);
    let file = Bytes::from([head, vec![0; 10 * count]].concat());
    container::open(&file).unwrap()
}

fn strip(movie: &Movie) -> (Strip, &SampleTable) {
    let track = &movie.tracks[0];
    (Strip::of(track, Kind::Video), &track.samples)
}

/// Decoding time, time of presentation and duration of all samples.
fn times(movie: &Movie) -> Vec<(i64, i64, i64)> {
    let (strip, table) = strip(movie);
    let placed = strip.from(table, 0);
    placed
        .map(|placed| (placed.decode, placed.presented, placed.duration))
        .collect()
}

const WHOLE: u32 = 0x1_0000;

#[test]
fn media_without_edits_is_presented_as_it_is() {
    let movie = pictures(3, &[1], &[], &[]);
    assert_eq!(
        times(&movie),
        [(0, 0, 100), (100, 100, 100), (200, 200, 100)]
    );
    let (strip, _) = strip(&movie);
    assert_eq!(
        (strip.len(), strip.end(), strip.timescale()),
        (3, 300, 1000)
    );
}

#[test]
fn what_is_decoded_before_it_is_shown_comes_before_the_presentation() {
    // I P B B as 1 4 2 3.
    let ctts = [1, 100, 1, 300, 2, 0];
    let movie = pictures(4, &[1], &ctts, &[240, 100, WHOLE]);
    assert_eq!(
        times(&movie),
        [
            (-100, 0, 100),
            (0, 300, 100),
            (100, 100, 100),
            (200, 200, 100)
        ]
    );
    assert_eq!(strip(&movie).0.end(), 400);
}

#[test]
fn pictures_that_are_only_decoded_pass_in_no_time() {
    let movie = pictures(10, &[1, 7], &[], &[360, 300, WHOLE]);
    let (strip, table) = strip(&movie);
    assert_eq!(strip.timescale(), 90_000);
    let placed: Vec<_> = strip.from(table, 0).collect();
    assert_eq!(placed.len(), 9, "the last is not shown");
    assert!(
        placed
            .windows(2)
            .all(|pair| pair[0].presented < pair[1].presented)
    );
    assert!(placed[0].presented > -100, "{:?}", placed[0]);
    assert_eq!((placed[3].presented, placed[4].presented), (0, 9000));
    assert_eq!(strip.end(), 600 * 90);
    assert!(placed[0].sync && !placed[3].sync && placed[6].sync);
}

#[test]
fn splices_go_on_where_those_before_end() {
    // Pictures 1 to 3, a gap of 200 ms, then 7 to 8.
    let edits = [180, 0, WHOLE, 120, u32::MAX, WHOLE, 120, 600, WHOLE];
    let movie = pictures(10, &[1, 7], &[], &edits);
    assert_eq!(
        times(&movie),
        [
            (0, 0, 100),
            (100, 100, 100),
            (200, 200, 300),
            (500, 500, 100),
            (600, 600, 100)
        ]
    );
    let (strip, table) = strip(&movie);
    assert_eq!((strip.len(), strip.end()), (5, 700));
    assert_eq!(strip.bytes(table, 1..4), 30);
    assert_eq!(strip.bytes(table, 0..5), 50);
    for (time, number) in [
        (-5, 0),
        (0, 0),
        (1, 1),
        (250, 3),
        (500, 3),
        (501, 4),
        (900, 5),
    ] {
        assert_eq!(strip.decoded_from(table, time), number, "{time}");
    }
    let keys: Vec<_> = (0..5)
        .map(|at| strip.sync_at_or_before(table, at))
        .collect();
    assert_eq!(keys, [0, 0, 0, 3, 3]);
    assert_eq!(strip.next_sync(table, 0), Some(3));
    assert_eq!(strip.next_sync(table, 3), None);
    assert_eq!(strip.sample(table, 3).unwrap().sample.index, 6);
    assert_eq!(strip.sample(table, 5), None);
}

#[test]
fn sound_begins_a_little_before_what_is_heard() {
    let movie = pictures(10, &[1, 7], &[], &[180, 550, WHOLE]);
    let track = &movie.tracks[0];
    let strip = Strip::of(track, Kind::Audio);
    let placed: Vec<_> = strip.from(&track.samples, 0).collect();
    let starts: Vec<_> = placed.iter().map(|placed| placed.presented).collect();
    assert_eq!(starts, [-350, -250, -150, -50, 50, 150, 250]);
    assert_eq!((strip.timescale(), strip.end()), (1000, 300));
    assert!(placed.iter().all(|placed| placed.sync));
}
