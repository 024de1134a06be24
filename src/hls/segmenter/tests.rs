use std::time::UNIX_EPOCH;

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::codec::{aac, h264};
use crate::container::{self, Role};

const SPS: &[u8] = &[0x67, 0x42, 0xc0, 0x1e, 0xd9, 0x00, 0xa0, 0x47, 0xfe, 0x88];

pub(super) fn video_format(level: u8) -> Format {
    let mut sps = SPS.to_vec();
    sps[3] = level;
    Format::H264(h264::Config {
        length_size: 4,
        sps: vec![sps.into()],
        pps: vec![Bytes::from_static(&[0x68, 0xce, 0x3c, 0x80])],
    })
}

pub(super) fn audio_format() -> Format {
    Format::Aac(aac::Config {
        specific: Bytes::from_static(&[0x11, 0x90]),
        rate_hz: 48_000,
        channels: 2,
    })
}

pub(super) fn tracks(kinds: &[Kind]) -> Vec<Track> {
    let track = |kind: &Kind| Track {
        kind: *kind,
        language: None,
    };
    kinds.iter().map(track).collect()
}

pub(super) fn picture(ms: i64, keyframe: bool) -> Unit {
    let time = MediaTime::new(ms * 90, 90_000);
    Unit {
        keyframe,
        data: Bytes::from_static(&[0, 0, 0, 2, 0x65, 1]),
        ..Unit::at(0, time)
    }
}

pub(super) fn sound(track: usize, ticks: i64) -> Unit {
    let time = MediaTime::new(ticks, 48_000);
    Unit {
        duration: Some(1024),
        data: Bytes::from_static(&[0x21, 0x10, 4]),
        ..Unit::at(track, time)
    }
}

fn television() -> Segmenter {
    let tracks = tracks(&[Kind::Video, Kind::Audio]);
    let mut segmenter = Segmenter::new(Settings::default(), &tracks);
    segmenter.set_format(0, video_format(30));
    segmenter.set_format(1, audio_format());
    segmenter
}

#[derive(Default)]
pub(super) struct Made {
    pub(super) parts: Vec<Part>,
    pub(super) segments: Vec<Segment>,
}

impl Made {
    pub(super) fn take(&mut self, segmenter: &mut Segmenter) {
        while let Some(cut) = segmenter.pull() {
            match cut {
                Cut::Part(part) => self.parts.push(part),
                Cut::Segment(segment) => self.segments.push(segment),
            }
        }
    }

    pub(super) fn push(&mut self, segmenter: &mut Segmenter, unit: &Unit) {
        segmenter.push(unit, UNIX_EPOCH);
        self.take(segmenter);
    }

    pub(super) fn lengths(&self) -> Vec<i64> {
        let ms = |segment: &Segment| segment.duration.nanos() / 1_000_000;
        self.segments.iter().map(ms).collect()
    }
}

/// What must hold whatever came in.
pub(super) fn check(made: &Made, segmenter: &Segmenter) {
    let (target, part_target) = (segmenter.target(), segmenter.part_target());
    let parts: usize = made
        .segments
        .iter()
        .map(|segment| segment.parts.len())
        .sum();
    assert_eq!(parts, made.parts.len());
    for pair in made.segments.windows(2) {
        let (before, after) = (&pair[0], &pair[1]);
        assert_eq!(after.head.sequence, before.head.sequence + 1);
        let step = u64::from(after.head.discontinuity);
        let expected = before.head.discontinuity_sequence + step;
        assert_eq!(after.head.discontinuity_sequence, expected);
        let end = MediaTime::new(
            before.head.start.ticks + before.duration.ticks,
            before.head.start.rate,
        );
        let start = after.head.start;
        assert!(start.ticks.abs_diff(end.at_rate(start.rate).ticks) <= 1);
        if !Arc::ptr_eq(&before.head.map, &after.head.map) {
            assert!(after.head.discontinuity);
            assert_eq!(after.head.map.version, before.head.map.version + 1);
        }
    }
    for segment in &made.segments {
        let nanos = segment.duration.nanos().unsigned_abs();
        assert!(nanos > 0 && nanos < target.as_nanos() as u64 + 500_000_000);
        let mut at = segment.head.start.ticks;
        for (index, part) in segment.parts.iter().enumerate() {
            assert_eq!(part.index as usize, index);
            assert_eq!(part.start.ticks, at);
            assert!(part.duration.nanos() > 0);
            assert!(part.duration.nanos() <= part_target.as_nanos() as i64);
            assert_eq!(part.gap, part.data.is_empty());
            at += part.duration.ticks;
        }
        assert_eq!(at, segment.head.start.ticks + segment.duration.ticks);
    }
    check_decoding(made);
}

/// Decoding times of a track go on, but for sound that was missing.
fn check_decoding(made: &Made) {
    let mut next = [0, 0];
    let mut sequence = 0;
    for part in &made.parts {
        if part.head.discontinuity_sequence != sequence {
            sequence = part.head.discontinuity_sequence;
            next = [0, 0];
        }
        for sample in part.samples.iter() {
            assert!(sample.duration > 0);
            assert!(sample.decode >= next[sample.track], "{sample:?}");
            next[sample.track] = sample.decode + u64::from(sample.duration);
        }
    }
}

/// A channel with pictures every 40 ms and sound; key frames every `interval` pictures.
fn play(segmenter: &mut Segmenter, from: i64, pictures: i64, interval: i64) -> Made {
    let mut made = Made::default();
    let mut heard = from * 48;
    for index in 0..pictures {
        let ms = from + 40 * index;
        while heard <= ms * 48 {
            made.push(segmenter, &sound(1, heard));
            heard += 1024;
        }
        made.push(segmenter, &picture(ms, index % interval == 0));
    }
    made
}

#[test]
fn segments_end_at_key_frames_and_parts_next_to_half_seconds() {
    let mut segmenter = television();
    let mut made = play(&mut segmenter, 10_000, 650, 50);
    segmenter.finish();
    made.take(&mut segmenter);
    check(&made, &segmenter);
    assert_eq!(made.lengths(), [2000, 2000, 2000, 2000, 6000, 6000, 6000]);
    assert!(made.segments.iter().all(|segment| segment.independent));
    for segment in &made.segments[4..] {
        let lengths: Vec<_> = segment
            .parts
            .iter()
            .map(|part| part.duration.ticks)
            .collect();
        assert!(
            lengths.chunks(2).all(|pair| pair == [12 * 3600, 13 * 3600]),
            "{lengths:?}"
        );
        assert!(segment.parts[0].independent && !segment.parts[1].independent);
    }
}

#[test]
fn whoever_cuts_later_goes_on_with_later_times() {
    let start = |seconds: u64| {
        let tracks = tracks(&[Kind::Video]);
        let epoch = UNIX_EPOCH + Duration::from_secs(1000);
        let settings = Settings {
            epoch,
            ..Settings::default()
        };
        let mut segmenter = Segmenter::new(settings, &tracks);
        segmenter.set_format(0, video_format(30));
        let mut made = Made::default();
        // Whatever the units' own times are.
        for index in 0..60 {
            let now = UNIX_EPOCH + Duration::from_secs(seconds);
            let unit = picture(77_000 + 40 * index, index == 0);
            segmenter.push(&unit, now);
        }
        made.take(&mut segmenter);
        let first = &made.parts[0].head;
        assert_eq!(first.start.rate, 90_000);
        first.start.ticks / 90_000
    };
    assert_eq!(start(1000), START);
    assert_eq!(start(1100), START + 100);
    assert_eq!(start(1100 + (1 << 30)), START + 100 + (1 << 30));
    assert_eq!(start(10), START, "a clock that is not set yet");
}

#[test]
fn a_part_is_there_with_its_last_picture() {
    let mut segmenter = television();
    let mut made = Made::default();
    for index in 0..12 {
        assert!(made.parts.is_empty());
        made.push(&mut segmenter, &picture(40 * index, index == 0));
    }
    assert_eq!(made.parts.len(), 1);
}

#[test]
fn parts_end_next_to_the_multiples_of_their_length() {
    for (hz, longest_ms) in [(24, 500), (25, 520), (30, 500), (50, 500), (60, 500)] {
        let mut segmenter = television();
        let mut made = Made::default();
        for index in 0..2 * hz {
            made.push(&mut segmenter, &picture(1000 * index / hz, index == 0));
        }
        // The key frame that would tell that the segment is over has not come.
        assert!(made.segments.is_empty());
        assert_eq!(made.parts.len(), 4, "{hz}");
        let last = &made.parts[3];
        let end = last.start.ticks + last.duration.ticks - last.head.start.ticks;
        assert!(end.abs_diff(180_000) < 200, "{hz}: {end}");
        let longest = segmenter.part_target().as_millis();
        assert_eq!(longest, longest_ms, "{hz}");
    }
}

/// By how many pictures each part comes later than its last picture, of 25 pictures a second, and
/// the number of that.
fn lateness(is_key: impl Fn(i64) -> bool) -> (Vec<(i64, i64)>, Made) {
    let mut segmenter = television();
    let mut made = Made::default();
    let mut late = Vec::new();
    for index in 0..1000 {
        let before = made.parts.len();
        made.push(&mut segmenter, &picture(40 * index, is_key(index)));
        for part in &made.parts[before..] {
            let end = part.start.ticks + part.duration.ticks;
            let last = (end - 10 * 90_000) / 3600 - 1;
            late.push((last, index - last));
        }
    }
    segmenter.finish();
    made.take(&mut segmenter);
    check(&made, &segmenter);
    (late, made)
}

#[test]
fn no_part_waits_for_the_next_picture_where_key_frames_are_regular() {
    let waited = |distance| {
        let (late, made) = lateness(|index| index % distance == 0);
        let waited = late.iter().filter(|(_, late)| *late > 0);
        (waited.copied().collect::<Vec<_>>(), made)
    };
    // Where the last part of a segment is shorter than the others, it waits, but not once there were five key frames.
    assert_eq!(waited(48).0, [(47, 1), (95, 1), (143, 1), (191, 1)]);
    let (waited, made) = waited(50);
    assert_eq!(waited, []);
    assert_eq!(
        made.lengths(),
        [2000, 2000, 2000, 2000, 6000, 6000, 6000, 6000, 6000, 2000]
    );
    assert!(made.segments.iter().all(|segment| segment.independent));
}

#[test]
fn a_key_frame_that_does_not_come_costs_one_segment_its_own() {
    let (_, made) = lateness(|index| index % 50 == 0 && index != 650);
    let dependent: Vec<_> = made
        .segments
        .iter()
        .filter(|segment| !segment.independent)
        .map(|segment| segment.head.start.nanos() / 1_000_000_000 - 10)
        .collect();
    assert_eq!(dependent, [26]);
}

#[test]
fn the_first_segment_behind_a_break_is_brief() {
    let mut segmenter = television();
    let mut made = play(&mut segmenter, 0, 650, 50);
    let before = made.segments.len();
    segmenter.set_format(0, video_format(31));
    let more = play(&mut segmenter, 30_000, 500, 50);
    made.parts.extend(more.parts);
    made.segments.extend(more.segments);
    segmenter.finish();
    made.take(&mut segmenter);
    check(&made, &segmenter);
    let behind = made.segments[before..].iter();
    let first = behind.take_while(|segment| !segment.head.discontinuity);
    let first = before + first.count();
    assert_eq!(made.lengths()[first..first + 3], [2000, 6000, 6000]);
}

#[test]
fn a_segment_that_was_begun_in_vain_has_never_been() {
    let mut segmenter = television();
    let mut made = play(&mut segmenter, 0, 650, 50);
    segmenter.set_format(0, video_format(31));
    let before = made.segments.len();
    let mut more = play(&mut segmenter, 26_000, 100, 50);
    made.parts.append(&mut more.parts);
    made.segments.append(&mut more.segments);
    segmenter.finish();
    made.take(&mut segmenter);
    check(&made, &segmenter);
    assert_eq!(made.segments[before - 1].head.start.nanos(), 30_000_000_000);
    assert!(made.segments[before].head.discontinuity);
}

#[test]
fn longer_intervals_are_cut_without_key_frames() {
    let mut segmenter = television();
    let mut made = Made::default();
    for index in 0..20 * 25 {
        made.push(&mut segmenter, &picture(40 * index, index == 0));
        if index == 150 {
            segmenter.hurry();
        }
    }
    segmenter.finish();
    made.take(&mut segmenter);
    check(&made, &segmenter);
    assert_eq!(made.lengths(), [6040, 6440, 6440, 1080]);
    let independent: Vec<_> = made
        .segments
        .iter()
        .map(|segment| segment.independent)
        .collect();
    assert_eq!(independent, [true, false, false, false]);
}

#[test]
fn what_refers_to_the_segment_before_is_not_independent() {
    const INSTANT: &[u8] = &[0, 0, 0, 3, 0x65, 0x88, 0x80];
    const OPEN: &[u8] = &[
        0, 0, 0, 5, 6, 6, 1, 0xc4, 0x80, 0, 0, 0, 3, 0x41, 0x88, 0x80,
    ];
    const GRADUAL: &[u8] = &[
        0, 0, 0, 6, 6, 6, 2, 0x15, 0x10, 0x80, 0, 0, 0, 3, 0x41, 0x9a, 0x80,
    ];
    // By how many milliseconds key frames are shown after they are decoded, and others.
    for (key, delays, independent) in [
        (INSTANT, [120, 40], true),
        (OPEN, [120, 40], false),
        (OPEN, [80, 40], false),
        (OPEN, [40, 40], true),
        (GRADUAL, [40, 40], false),
    ] {
        let mut segmenter = television();
        let mut made = Made::default();
        for index in 0..500 {
            let is_key = index % 50 == 0;
            let decoded = picture(40 * index, is_key);
            let delay = 90 * delays[usize::from(!is_key)];
            let shown = MediaTime::new(decoded.pts.ticks + delay, 90_000);
            let data = if is_key {
                Bytes::from_static(key)
            } else {
                decoded.data.clone()
            };
            let unit = Unit {
                pts: shown,
                data,
                ..decoded
            };
            made.push(&mut segmenter, &unit);
        }
        assert!(made.segments.len() > 3);
        for segment in &made.segments {
            assert_eq!(segment.independent, independent, "{key:02x?} {delays:?}");
            assert!(segment.begins_with_key() && segment.parts[0].independent);
        }
    }
}

#[test]
fn the_first_interval_of_key_frames_makes_the_target() {
    let mut segmenter = television();
    let mut made = play(&mut segmenter, 0, 1000, 375);
    segmenter.finish();
    made.take(&mut segmenter);
    check(&made, &segmenter);
    assert_eq!(segmenter.target(), Duration::from_secs(15));
    assert_eq!(made.lengths(), [15_000, 15_000, 10_000]);
}

#[test]
fn another_format_begins_with_a_discontinuity_and_a_map() {
    let mut segmenter = television();
    let mut made = play(&mut segmenter, 0, 80, 50);
    segmenter.set_format(0, video_format(30));
    made.push(&mut segmenter, &picture(3200, false));
    segmenter.set_format(0, video_format(31));
    made.push(&mut segmenter, &picture(3240, false));
    made.push(&mut segmenter, &picture(3280, true));
    segmenter.finish();
    made.take(&mut segmenter);
    check(&made, &segmenter);
    assert_eq!(made.lengths(), [2000, 1240, 40]);
    let last = &made.segments[2];
    assert!(last.head.discontinuity);
    assert_eq!(last.head.map.version, 1);
    // The sets are in the first picture too.
    let sets = [
        &[0, 0, 0, 10][..],
        &SPS[..3],
        &[31],
        &SPS[4..],
        &[0, 0, 0, 4, 0x68, 0xce, 0x3c, 0x80],
    ];
    assert!(last.parts[0].samples[0].data.starts_with(&sets.concat()));
}

#[test]
fn a_publisher_that_comes_back_begins_where_the_timeline_ended() {
    let mut segmenter = television();
    let mut made = play(&mut segmenter, 0, 80, 50);
    let mut back = picture(60_000, true);
    back.discontinuity = true;
    made.push(&mut segmenter, &back);
    for index in 1..20 {
        made.push(&mut segmenter, &picture(60_000 + 40 * index, false));
    }
    segmenter.finish();
    made.take(&mut segmenter);
    check(&made, &segmenter);
    assert_eq!(made.lengths(), [2000, 1200, 800]);
    assert_eq!(made.segments[2].head.map.version, 0);
}

#[test]
fn pictures_do_not_wait_for_sound() {
    let mut segmenter = television();
    let mut made = Made::default();
    for index in 0..200 {
        made.push(&mut segmenter, &picture(40 * index, index % 50 == 0));
        // Sound comes a second late.
        let heard = 48 * 40 * index - 48_000;
        if heard >= 0 {
            made.push(&mut segmenter, &sound(1, heard));
        }
    }
    segmenter.finish();
    made.take(&mut segmenter);
    check(&made, &segmenter);
    assert_eq!(made.lengths(), [2000; 4]);
    let heard: usize = made
        .parts
        .iter()
        .flat_map(|part| part.samples.iter())
        .filter(|sample| sample.track == 1)
        .count();
    assert_eq!(heard, 174);
}

#[test]
fn sound_goes_on_when_pictures_vanish() {
    let mut segmenter = television();
    let mut made = play(&mut segmenter, 0, 100, 50);
    for index in 190..1000 {
        made.push(&mut segmenter, &sound(1, 1024 * index));
    }
    let before = made.parts.len();
    assert!(made.parts[before - 1].start.nanos() > 26_000_000_000);
    made.push(&mut segmenter, &picture(21_400, true));
    segmenter.finish();
    made.take(&mut segmenter);
    check(&made, &segmenter);
    let last = made.segments.last().unwrap();
    assert!(last.head.discontinuity && last.independent);
}

#[test]
fn lost_sound_leaves_no_gap_in_the_times() {
    let mut segmenter = television();
    let mut made = Made::default();
    for index in 0..300 {
        made.push(&mut segmenter, &picture(40 * index, index % 50 == 0));
        for unit in 2 * index..2 * index + 2 {
            // Of each second of sound a third is lost.
            if unit % 47 < 31 {
                made.push(&mut segmenter, &sound(1, 960 * unit));
            }
        }
    }
    segmenter.finish();
    made.take(&mut segmenter);
    check(&made, &segmenter);
    let samples = made.parts.iter().flat_map(|part| part.samples.iter());
    let heard: Vec<_> = samples.filter(|sample| sample.track == 1).collect();
    for pair in heard.windows(2) {
        let end = pair[0].decode + u64::from(pair[0].duration);
        assert_eq!(pair[1].decode, end, "{pair:?}");
    }
}

/// When the fragments of a part say that sound is decoded that comes next.
fn told_of_sound(part: &Part) -> Option<i64> {
    let data = &part.data;
    let times = data
        .windows(4)
        .enumerate()
        .filter(|(_, kind)| *kind == b"tfdt");
    let (at, _) = times.skip(1).last()?;
    let time = data.get(at + 8..at + 16)?.try_into().ok()?;
    Some(i64::from_be_bytes(time))
}

#[test]
fn sound_is_at_its_time_from_the_beginning_wherever_its_frames_begin() {
    for ahead in [-1023, -700, -511, -1, 0, 1, 47, 400, 513, 1023, 14_400] {
        // Encoders send some sound at a time, so that the first parts may go out without any.
        for late in [0, 12, 40] {
            let mut segmenter = television();
            let mut made = Made::default();
            for index in 0..150 {
                made.push(&mut segmenter, &picture(40 * index, index % 50 == 0));
                let heard = |frame: i64| ahead + 1024 * frame;
                let due = 1920 * (index - late);
                let come = |frame: &i64| (due..due + 1920).contains(&heard(*frame).max(0));
                for frame in (0..300).filter(come) {
                    made.push(&mut segmenter, &sound(1, heard(frame)));
                }
            }
            segmenter.finish();
            made.take(&mut segmenter);
            check(&made, &segmenter);
            let samples = made.parts.iter().flat_map(|part| part.samples.iter());
            let heard: Vec<_> = samples.filter(|sample| sample.track == 1).collect();
            let begin = i64::try_from(heard[0].decode).unwrap();
            let told = told_of_sound(&made.parts[0]);
            assert!(told == Some(begin), "{told:?}, {begin}");
            let expected = 480_000 + ahead + 1024 * i64::from(ahead < -512);
            assert!(
                begin >= 480_000 && begin.abs_diff(expected) <= 14_400,
                "{begin} {ahead}"
            );
            for pair in heard.windows(2) {
                let end = pair[0].decode + u64::from(pair[0].duration);
                assert_eq!(pair[1].decode, end, "{ahead} {late}: {pair:?}");
            }
            for (frame, sample) in (1..).zip(&heard[1..]) {
                let expected = expected + 1024 * frame;
                let off = expected - i64::try_from(sample.decode).unwrap();
                assert!(
                    off.abs() <= 1,
                    "{ahead} {late}: frame {frame} is off by {off}"
                );
            }
        }
    }
}

#[test]
fn sound_begins_without_pictures_that_never_come() {
    let mut segmenter = television();
    let mut made = Made::default();
    for index in 0..700 {
        made.push(&mut segmenter, &sound(1, 1024 * index));
        if index == 600 {
            assert!(!made.parts.is_empty() && segmenter.lacks_pictures());
        }
        made.push(&mut segmenter, &picture(1024 * index / 48, false));
    }
    assert!(!made.parts[0].head.map.has_video());
    made.push(&mut segmenter, &picture(15_000, true));
    assert!(!segmenter.lacks_pictures());
    let more = play(&mut segmenter, 15_040, 100, 50);
    made.parts.extend(more.parts);
    made.segments.extend(more.segments);
    segmenter.finish();
    made.take(&mut segmenter);
    let seen = made.segments.iter().find(|one| one.head.map.has_video());
    assert!(seen.unwrap().head.discontinuity);
    let heard = made.parts.iter().flat_map(|part| part.samples.iter());
    assert!(heard.count() > 890);
}

#[test]
fn the_first_of_several_sounds_leads_where_no_pictures_come() {
    let mut segmenter = television().without(&[1, 2]);
    let (mut made, mut promoted) = (Made::default(), Vec::new());
    for index in 0..700 {
        for track in [1, 2] {
            made.push(&mut segmenter, &sound(track, 1024 * index));
        }
        promoted.extend(segmenter.pull_promoted());
        assert_eq!(promoted.is_empty(), made.parts.is_empty());
    }
    assert!(promoted == [1] && segmenter.lacks_pictures());
    made.push(&mut segmenter, &picture(15_000, true));
    let more = play(&mut segmenter, 15_040, 100, 50);
    made.parts.extend(more.parts);
    made.segments.extend(more.segments);
    segmenter.finish();
    made.take(&mut segmenter);
    assert!(!made.segments[0].head.map.has_video());
    let seen = made.segments.iter().find(|one| one.head.map.has_video());
    let head = &seen.unwrap().head;
    assert!(head.discontinuity && head.map.tracks.len() == 2);
    let heard = made.parts.iter().flat_map(|part| part.samples.iter());
    assert!(heard.count() > 890);
}

#[test]
fn pictures_that_come_lead_sounds_that_are_made_elsewhere() {
    let mut segmenter = television().without(&[1]);
    let mut made = Made::default();
    for index in 0..300 {
        made.push(&mut segmenter, &sound(1, 1024 * index));
    }
    assert!(made.parts.is_empty());
    let made = play(&mut segmenter, 6400, 500, 50);
    assert_eq!(segmenter.pull_promoted(), None);
    let mut maps = made.parts.iter().map(|part| &part.head.map);
    assert!(maps.len() > 5 && maps.all(|map| map.tracks.len() == 1 && map.has_video()));
}

#[test]
fn a_first_segment_that_is_waited_for_does_not_wait_for_a_key_frame() {
    let mut segmenter = television();
    let mut made = play(&mut segmenter, 0, 200, 1000);
    assert!(made.segments.is_empty());
    segmenter.hurry();
    made.push(&mut segmenter, &picture(8000, false));
    assert_eq!(made.lengths(), [8000]);
    assert_eq!(segmenter.target(), Duration::from_secs(8));
    check(&made, &segmenter);
}

#[test]
fn holes_are_marked_as_gaps() {
    let tracks = tracks(&[Kind::Video]);
    let mut segmenter = Segmenter::new(Settings::default(), &tracks);
    segmenter.set_format(0, video_format(30));
    let mut made = Made::default();
    for index in 0..50 {
        let hole = if index < 25 { 0 } else { 3000 };
        made.push(&mut segmenter, &picture(40 * index + hole, index == 0));
    }
    segmenter.finish();
    made.take(&mut segmenter);
    check(&made, &segmenter);
    assert_eq!(made.lengths(), [5000]);
    let gaps = made.parts.iter().filter(|part| part.gap).count();
    assert_eq!(gaps, 5);
}

#[test]
fn a_last_picture_that_is_prolonged_makes_no_segment_too_long() {
    let mut segmenter = television();
    let mut made = Made::default();
    for (ticks, keyframe, level) in [
        (0, true, 30),
        (9360, false, 30),
        (9360, true, 31),
        (591_184, false, 31),
        (594_360, false, 31),
    ] {
        segmenter.set_format(0, video_format(level));
        let time = MediaTime::new(ticks, 90_000);
        let unit = Unit {
            pts: time,
            dts: time,
            ..picture(0, keyframe)
        };
        made.push(&mut segmenter, &unit);
    }
    segmenter.finish();
    made.take(&mut segmenter);
    check(&made, &segmenter);
    assert_eq!(made.lengths(), [208, 6450, 35]);
}

#[test]
fn radio_is_cut_by_time() {
    let tracks = tracks(&[Kind::Audio]);
    let mut segmenter = Segmenter::new(Settings::default(), &tracks);
    segmenter.set_format(0, audio_format());
    let mut made = Made::default();
    for index in 0..1000 {
        made.push(&mut segmenter, &sound(0, 1024 * index));
    }
    segmenter.finish();
    made.take(&mut segmenter);
    check(&made, &segmenter);
    for (segment, frames) in [(0, 93), (4, 281)] {
        let expected = MediaTime::new(frames * 1024, 48_000);
        assert_eq!(made.segments[segment].duration, expected);
    }
    assert!(made.parts.iter().all(|part| part.independent));
}

#[test]
fn sound_leads_where_pictures_cannot_be_carried() {
    let tracks = tracks(&[Kind::Video, Kind::Audio]);
    let mut segmenter = Segmenter::new(Settings::default(), &tracks);
    segmenter.set_format(0, Format::H263);
    segmenter.set_format(1, audio_format());
    let made = play(&mut segmenter, 0, 100, 50);
    assert!(!made.parts.is_empty());
    assert!(!made.parts[0].head.map.has_video());
}

#[test]
fn slow_pictures_make_longer_parts() {
    let mut segmenter = television();
    let mut made = Made::default();
    for index in 0..30 {
        made.push(&mut segmenter, &picture(1000 * index, index % 5 == 0));
    }
    segmenter.finish();
    made.take(&mut segmenter);
    check(&made, &segmenter);
    assert_eq!(segmenter.part_target().as_millis(), 1000);
    assert!(made.parts.iter().all(|part| !part.gap));
}

#[test]
fn the_reader_of_movies_reads_what_was_cut() {
    let mut segmenter = television();
    let mut made = play(&mut segmenter, 0, 100, 50);
    segmenter.finish();
    made.take(&mut segmenter);
    let mut file = made.segments[0].head.map.data.to_vec();
    for segment in &made.segments {
        segment
            .fragments()
            .for_each(|data| file.extend_from_slice(&data));
    }
    let movie = container::open(&Bytes::from(file)).unwrap();
    assert!(movie.faults.is_empty(), "{:?}", movie.faults);
    let [video, audio] = &movie.tracks[..] else {
        panic!("{} tracks", movie.tracks.len());
    };
    assert!(matches!(&video.role, Role::Media(format) if *format == video_format(30)));
    assert!(matches!(&audio.role, Role::Media(format) if *format == audio_format()));
    assert_eq!(video.samples.len(), 100);
    assert_eq!(video.samples.duration(), 100 * 3600);
    assert_eq!(audio.samples.len(), 186);
}

fn any_unit() -> impl Strategy<Value = (Unit, bool)> {
    let step = prop_oneof![
        8 => -200_i64..10_000,
        1 => -10_000_000_i64..10_000_000,
        1 => any::<i64>(),
    ];
    (
        0_usize..3,
        step,
        -20_000_i64..20_000,
        any::<[bool; 3]>(),
        0_u32..5000,
        0_usize..3,
    )
        .prop_map(
            |(track, ticks, offset, [keyframe, twist, other], duration, size)| {
                let unit = Unit {
                    track,
                    pts: MediaTime::new(offset, if track == 0 { 90_000 } else { 48_000 }),
                    dts: MediaTime::new(ticks, if track == 0 { 90_000 } else { 48_000 }),
                    keyframe,
                    damaged: false,
                    discontinuity: twist && other && keyframe,
                    wall: None,
                    duration: (track == 1 && other).then_some(duration),
                    data: Bytes::from(vec![1; size]),
                };
                (unit, twist && !other && duration % 7 == 0)
            },
        )
}

proptest! {
    #[test]
    fn any_units_make_valid_cuts(
        units in proptest::collection::vec(any_unit(), 0..300),
        has_video in any::<bool>(),
    ) {
        let kinds = if has_video { [Kind::Video, Kind::Audio] } else { [Kind::Audio, Kind::Audio] };
        let mut segmenter = Segmenter::new(Settings::default(), &tracks(&kinds));
        let mut made = Made::default();
        let mut at = [0_i64; 3];
        for (index, (mut unit, changes)) in units.into_iter().enumerate() {
            if index == 0 || changes {
                segmenter.set_format(1, audio_format());
                let level = if changes { 31 } else { 30 };
                let first = if has_video { video_format(level) } else { audio_format() };
                segmenter.set_format(0, first);
            }
            let time = &mut at[unit.track];
            *time = time.saturating_add(unit.dts.ticks);
            unit.dts.ticks = *time;
            unit.pts.ticks = unit.pts.ticks.saturating_add(*time);
            made.push(&mut segmenter, &unit);
        }
        segmenter.finish();
        made.take(&mut segmenter);
        check(&made, &segmenter);
    }
}
