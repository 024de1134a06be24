use std::sync::Arc;
use std::time::Duration;

use crate::base::clock::Clock;
use crate::base::media_time::{MediaTime, NtpTime};
use crate::codec::Kind;
use crate::hls::group::epoch::Epoch;
use crate::hls::group::grid::Grid;
use crate::hls::part::Segment;
use crate::hls::segmenter::tests::{
    Made, audio_format, check, picture, sound, tracks, video_format,
};
use crate::hls::segmenter::{Cut, Segmenter, Settings};

/// When the first variant begins, in milliseconds.
const BEGIN: i64 = 700_000;

/// How far apart key frames are, in milliseconds.
const INTERVAL: i64 = 2000;

fn grid() -> Arc<Grid> {
    grid_for(&[INTERVAL])
}

/// A grid that knows these intervals between key frames.
fn grid_for(intervals: &[i64]) -> Arc<Grid> {
    let epoch = Epoch::new(NtpTime(0xe000_0000 << 32), Clock::start());
    let interval = |millis: &i64| Duration::from_millis(millis.unsigned_abs());
    let intervals: Vec<_> = intervals.iter().map(interval).collect();
    let target = Duration::from_secs(6);
    Arc::new(Grid::new(epoch, target, &intervals, (1000, 20)))
}

/// The segmenter of a variant that has no numbers below `least`.
fn segmenter(grid: &Arc<Grid>, least: u64) -> Segmenter {
    let tracks = tracks(&[Kind::Video, Kind::Audio]);
    let settings = Settings {
        sequence: least,
        ..Settings::default()
    };
    let segmenter = Segmenter::new(settings, &tracks);
    let mut segmenter = segmenter.with_grid(Some(Arc::clone(grid)));
    segmenter.set_format(0, video_format(30));
    segmenter.set_format(1, audio_format());
    segmenter
}

/// A variant of a group, fed with pictures every 40 ms and sound.
struct Variant {
    segmenter: Segmenter,
    made: Made,
    /// When the next picture and the next sound come, in milliseconds and ticks.
    next: i64,
    heard: i64,
    /// When a key frame comes, and how far apart they are.
    key: i64,
    interval: i64,
}

impl Variant {
    /// Begins at `from` with a key frame, which come every `interval` ms.
    fn new(grid: &Arc<Grid>, from: i64, interval: i64) -> Self {
        Self {
            segmenter: segmenter(grid, 0),
            made: Made::default(),
            next: from,
            heard: from * 48,
            key: from,
            interval,
        }
    }

    /// The same with key frames like those of the others, and without numbers below `least`.
    fn from(grid: &Arc<Grid>, least: u64, from: i64) -> Self {
        Self {
            segmenter: segmenter(grid, least),
            ..Self::new(grid, from, INTERVAL)
        }
    }

    fn play_until(&mut self, end: i64) {
        while self.next < end {
            while self.heard <= self.next * 48 {
                self.made.push(&mut self.segmenter, &sound(1, self.heard));
                self.heard += 1024;
            }
            let is_key = (self.next - self.key) % self.interval == 0;
            self.made
                .push(&mut self.segmenter, &picture(self.next, is_key));
            self.next += 40;
        }
        self.segmenter.keep_up();
        self.made.take(&mut self.segmenter);
    }

    /// Sends nothing until `end`.
    fn pause_until(&mut self, end: i64) {
        self.next = end;
        self.heard = end * 48;
        self.key = end;
    }

    fn keep_up(&mut self) {
        self.segmenter.keep_up();
        self.made.take(&mut self.segmenter);
    }

    fn finish(mut self) -> Vec<Segment> {
        self.segmenter.finish();
        self.made.take(&mut self.segmenter);
        check(&self.made, &self.segmenter);
        for segment in &self.made.segments {
            assert_eq!(segment.head.shift.ticks, 0, "timestamps are the group's");
        }
        self.made.segments
    }
}

fn begin(segment: &Segment) -> i64 {
    segment.head.presented.nanos() / 1_000_000
}

/// Segments of both with the same number begin within `apart` ms, and count discontinuities alike.
/// Returns how many there are.
fn compare(one: &[Segment], other: &[Segment], apart: i64) -> usize {
    let mut common = 0;
    for segment in one {
        let same = |other: &&Segment| other.head.sequence == segment.head.sequence;
        let Some(other) = other.iter().find(same) else {
            continue;
        };
        let (here, there) = (&segment.head, &other.head);
        assert_eq!(here.discontinuity_sequence, there.discontinuity_sequence);
        let distance = begin(segment).abs_diff(begin(other));
        assert!(
            distance <= apart.unsigned_abs(),
            "{}: {distance} ms",
            here.sequence
        );
        common += 1;
    }
    common
}

#[test]
fn variants_whose_key_frames_agree_are_cut_alike() {
    let grid = grid();
    let mut first = Variant::new(&grid, BEGIN, INTERVAL);
    let mut second = Variant::new(&grid, BEGIN + 3 * INTERVAL, INTERVAL);
    for end in (BEGIN..BEGIN + 60_000).step_by(1000) {
        first.play_until(end);
        second.play_until(end - 400);
    }
    let (first, second) = (first.finish(), second.finish());
    assert_eq!(first[0].head.sequence, 1000);
    assert_eq!(second[0].head.sequence, 1003);
    assert_eq!(compare(&first, &second, 0), second.len());
    assert!(second.iter().all(|segment| segment.independent));
}

#[test]
fn variants_whose_key_frames_lie_apart_have_the_same_numbers() {
    for offset in [20, 340, 700, 1000, 1300, 1980] {
        let grid = grid();
        let mut first = Variant::new(&grid, BEGIN, INTERVAL);
        let mut second = Variant::new(&grid, BEGIN + 11_000 + offset / 40 * 40, INTERVAL);
        for end in (BEGIN..BEGIN + 60_000).step_by(500) {
            first.play_until(end);
            second.play_until(end);
        }
        let (first, second) = (first.finish(), second.finish());
        // Whoever begins does so within a segment.
        let common = compare(&first, &second[1..second.len() - 1], INTERVAL / 2);
        assert!(common > 5, "{common}");
        assert!(second.iter().all(|segment| segment.independent));
    }
}

/// What came before the first line would have numbers that other media had.
#[test]
fn what_lies_before_the_first_line_is_left_out() {
    let grid = grid();
    let mut first = Variant::new(&grid, BEGIN, INTERVAL);
    first.play_until(BEGIN + 20_000);
    let mut second = Variant::new(&grid, BEGIN - 9980, INTERVAL);
    for end in (BEGIN + 20_000..BEGIN + 50_000).step_by(500) {
        second.play_until(end);
        first.play_until(end);
    }
    let (first, second) = (first.finish(), second.finish());
    assert_eq!(second[0].head.sequence, first[0].head.sequence);
    assert!(begin(&second[0]).abs_diff(BEGIN) <= 1000);
    assert!(compare(&first, &second[..second.len() - 1], INTERVAL / 2) > 8);
}

#[test]
fn a_variant_begins_with_no_number_that_it_had() {
    let grid = grid();
    let mut first = Variant::new(&grid, BEGIN, INTERVAL);
    first.play_until(BEGIN + 42_000);
    let mut second = Variant::from(&grid, 1006, BEGIN);
    second.play_until(BEGIN + 42_000);
    let (first, second) = (first.finish(), second.finish());
    assert_eq!(second[0].head.sequence, 1006);
    assert!(compare(&first, &second[..second.len() - 1], 0) > 0);
    // Where nothing was before, the numbers of all begin there.
    let grid = grid_for(&[INTERVAL]);
    grid.begin_behind((1005, 18), false);
    let mut first = Variant::from(&grid, 1005, BEGIN);
    first.play_until(BEGIN + 40_000);
    grid.begin_behind((1050, 50), true);
    let mut second = Variant::new(&grid, BEGIN, INTERVAL);
    second.play_until(BEGIN + 40_000);
    let (first, second) = (first.finish(), second.finish());
    let head = &first[0].head;
    assert_eq!((head.sequence, head.discontinuity_sequence), (1005, 20));
    assert!(!head.discontinuity);
    assert_eq!(compare(&first, &second, 0), second.len());
}

#[test]
fn what_goes_on_elsewhere_begins_with_a_discontinuity_of_all() {
    let grid = grid();
    grid.begin_behind((1005, 22), true);
    let mut first = Variant::new(&grid, BEGIN, INTERVAL);
    first.play_until(BEGIN + 22_000);
    let mut second = Variant::new(&grid, BEGIN, INTERVAL);
    second.play_until(BEGIN + 22_000);
    let (first, second) = (first.finish(), second.finish());
    for segments in [&first, &second] {
        let head = &segments[0].head;
        assert_eq!((head.sequence, head.discontinuity_sequence), (1005, 23));
        assert!(head.discontinuity && !segments[1].head.discontinuity);
    }
    // In a group that is there, it is a line that none has reached.
    assert_eq!(grid.ask_for_break(), last(&first) + 1);
    let mut third = Variant::from(&grid, last(&first) + 1, BEGIN + 22_000);
    third.play_until(BEGIN + 42_000);
    let third = third.finish();
    assert_eq!(third[0].head.sequence, last(&first) + 1);
    assert!(third[0].head.discontinuity);
}

fn last(segments: &[Segment]) -> u64 {
    segments.last().map_or(0, |segment| segment.head.sequence)
}

#[test]
fn whose_clock_is_far_behind_is_not_waited_for() {
    let grid = grid();
    let mut first = Variant::new(&grid, BEGIN, INTERVAL);
    first.play_until(BEGIN + 20_000);
    let mut segmenter = segmenter(&grid, 0);
    let late = grid.date(BEGIN * 1_000_000) + Duration::from_secs(31);
    for at in (0..8000).step_by(40) {
        let unit = picture(BEGIN - 3_600_000 + at, at % INTERVAL == 0);
        segmenter.push(&unit, late);
    }
    segmenter.finish();
    let Some(Cut::Part(part)) = segmenter.pull() else {
        panic!("it does not begin");
    };
    assert!(part.head.sequence < 1000);
}

#[test]
fn a_variant_that_falls_silent_has_gaps_and_comes_back() {
    let grid = grid();
    let mut first = Variant::new(&grid, BEGIN, INTERVAL);
    let mut second = Variant::new(&grid, BEGIN, INTERVAL);
    let mut play = |until: i64, second_plays: bool, second: &mut Variant| {
        for end in (first.next..until).step_by(1000) {
            first.play_until(end);
            match second_plays {
                true => second.play_until(end - 200),
                false => second.keep_up(),
            }
        }
    };
    play(BEGIN + 31_000, true, &mut second);
    play(BEGIN + 61_000, false, &mut second);
    let told = second.made.parts.last().unwrap();
    assert!(told.gap && told.start.nanos() / 1_000_000 > BEGIN + 55_000);
    second.pause_until(BEGIN + 61_000);
    play(BEGIN + 100_000, true, &mut second);
    let (first, second) = (first.finish(), second.finish());
    assert_eq!(compare(&first, &second, INTERVAL / 2), second.len());
    assert!(second.iter().all(|segment| !segment.head.discontinuity));
    let gaps = second.iter().filter(|segment| segment.gap).count();
    assert!((3..=6).contains(&gaps), "{gaps}");
    assert!(!second.last().unwrap().gap);
}

#[test]
fn a_variant_that_is_always_late_is_waited_for() {
    let grid = grid();
    let mut first = Variant::new(&grid, BEGIN, INTERVAL);
    let mut second = Variant::new(&grid, BEGIN, INTERVAL);
    for end in (BEGIN..BEGIN + 120_000).step_by(1000) {
        first.play_until(end);
        second.play_until(end - 5000);
    }
    let (first, second) = (first.finish(), second.finish());
    compare(&first, &second, INTERVAL / 2);
    let late = second
        .iter()
        .filter(|segment| begin(segment) > BEGIN + 40_000);
    assert!(late.clone().count() > 8);
    assert!(late.into_iter().all(|segment| !segment.gap));
}

#[test]
fn a_new_format_of_one_variant_is_a_discontinuity_of_all() {
    let grid = grid();
    let mut first = Variant::new(&grid, BEGIN, INTERVAL);
    let mut second = Variant::new(&grid, BEGIN, INTERVAL);
    for end in (BEGIN..BEGIN + 60_000).step_by(1000) {
        first.play_until(end);
        second.play_until(end - 1000);
        if end == BEGIN + 25_000 {
            second.segmenter.set_format(0, video_format(31));
        }
    }
    let (first, second) = (first.finish(), second.finish());
    assert_eq!(compare(&first, &second, INTERVAL / 2), second.len());
    let broken = |segments: &[Segment]| {
        let broken = segments.iter().filter(|segment| segment.head.discontinuity);
        broken
            .map(|segment| segment.head.sequence)
            .collect::<Vec<_>>()
    };
    assert_eq!(broken(&first).len(), 1);
    assert_eq!(broken(&first), broken(&second));
    let versions = |segments: &[Segment]| segments.last().unwrap().head.map.version;
    assert_eq!((versions(&first), versions(&second)), (0, 1));
}

#[test]
fn a_clock_that_steps_back_repeats_nothing() {
    let grid = grid();
    let mut first = Variant::new(&grid, BEGIN, INTERVAL);
    let mut second = Variant::new(&grid, BEGIN, INTERVAL);
    for end in (BEGIN..BEGIN + 60_000).step_by(1000) {
        first.play_until(end);
        second.play_until(end);
        if end == BEGIN + 32_000 {
            second.pause_until(BEGIN + 28_000);
            let back = picture(second.next - 40, false);
            let torn = crate::hls::units::Unit {
                discontinuity: true,
                ..back
            };
            second.made.push(&mut second.segmenter, &torn);
        }
    }
    let (first, second) = (first.finish(), second.finish());
    assert_eq!(compare(&first, &second, INTERVAL / 2), second.len());
}

#[test]
fn sound_alone_is_cut_at_the_lines() {
    let grid = grid();
    let mut first = Variant::new(&grid, BEGIN, INTERVAL);
    let mut radio = Segmenter::new(Settings::default(), &tracks(&[Kind::Audio]));
    radio = radio.with_grid(Some(Arc::clone(&grid)));
    radio.set_format(0, audio_format());
    let (mut made, mut heard) = (Made::default(), (BEGIN + 7000) * 48);
    for end in (BEGIN..BEGIN + 60_000).step_by(500) {
        first.play_until(end);
        while heard < end * 48 {
            made.push(&mut radio, &sound(0, heard));
            heard += 1024;
        }
    }
    radio.finish();
    made.take(&mut radio);
    check(&made, &radio);
    let first = first.finish();
    let whole = &made.segments[1..made.segments.len() - 1];
    assert_eq!(compare(&first, whole, 15), whole.len());
}

#[test]
fn the_front_is_where_the_last_part_ended() {
    let grid = grid();
    let mut first = Variant::new(&grid, BEGIN, INTERVAL);
    first.play_until(BEGIN + 10_000);
    let end = first.made.parts.last().map(|part| {
        let end = part.start.ticks + part.duration.ticks;
        MediaTime::new(end, part.start.rate).nanos()
    });
    assert_eq!(grid.front(), end);
}

/// Plays two variants with key frames at these intervals for ten minutes; returns their segments.
fn play(grid: &Arc<Grid>, intervals: [i64; 2], later: i64) -> [Vec<Segment>; 2] {
    let mut first = Variant::new(grid, BEGIN, intervals[0]);
    let mut second = Variant::new(grid, BEGIN + later, intervals[1]);
    for end in (BEGIN..BEGIN + 600_000).step_by(500) {
        first.play_until(end);
        second.play_until(end);
    }
    [first.finish(), second.finish()]
}

#[test]
fn numbers_stay_together_whatever_the_intervals_of_key_frames() {
    for intervals in [
        [2000, 4000],
        [3000, 4000],
        [6000, 4000],
        [1920, 2000],
        [2000, 5000],
    ] {
        for later in [0, 1000, 11_320] {
            let [first, second] = play(&grid_for(&intervals), intervals, later);
            // Whoever begins does so within a segment.
            let common = compare(&first, &second[1..], intervals.iter().sum::<i64>() / 2);
            assert!(common > 60, "{intervals:?}: {common}");
            let mut all = first.iter().chain(&second);
            assert!(all.all(|segment| segment.independent), "{intervals:?}");
        }
    }
}

#[test]
fn intervals_that_nobody_knew_of_do_not_let_numbers_drift() {
    for intervals in [[2000, 4000], [4000, 2000], [2000, 2000]] {
        let [first, second] = play(&grid_for(&[]), intervals, 13_000);
        let common = compare(&first, &second, 4000);
        assert!(common > 60, "{intervals:?}: {common}");
    }
}

#[test]
fn a_variant_with_rare_key_frames_keeps_to_the_lines() {
    let [first, second] = play(&grid(), [INTERVAL, 10_000], 0);
    let steady = |segments: &[Segment]| segments[16..].to_vec();
    assert!(compare(&steady(&first), &steady(&second), 1000) > 60);
    assert!(first.iter().all(|segment| segment.independent));
    assert!(second.iter().any(|segment| !segment.independent));
}
