use bytes::Bytes;

use super::*;
use crate::base::clock::Clock;
use crate::codec::AccessUnit;

/// Ticks of a unit, at 8000 Hz.
const UNIT: u32 = 1024;

const CLOCK_HZ: u32 = 8000;

const PROOF: Duration = Duration::from_secs(5);

fn unit(track: usize, time: u32) -> Encoded {
    Encoded {
        track,
        unit: AccessUnit {
            time,
            keyframe: true,
            damaged: false,
            data: Bytes::new(),
            duration: Some(UNIT),
        },
        format: None,
    }
}

fn format(channels: u8) -> Option<Format> {
    Some(Format::Opus { channels })
}

fn of(tracks: usize, proof: Duration) -> Handover {
    Handover::new((0..tracks).map(|track| (track, CLOCK_HZ)), proof)
}

/// The RTP times of what comes out.
fn pulled(handover: &mut Handover) -> Vec<u32> {
    let units = std::iter::from_fn(|| handover.pull());
    units.map(|unit| unit.unit.time).collect()
}

/// Both sources go on for so many units after `time`, the new one `behind` by so many ticks; returns the time and whether all
/// was handed over.
fn go_on(handover: &mut Handover, time: &mut u32, units: u32, behind: u32, now: Instant) -> bool {
    for count in 1..=units {
        *time = time.wrapping_add(UNIT);
        handover.note_old(0, *time);
        let at = now + count * Duration::from_millis(128);
        handover.push(unit(0, time.wrapping_sub(behind)), at);
        if handover.is_over(at) {
            return true;
        }
    }
    false
}

#[test]
fn sounds_go_over_when_the_new_source_has_kept_up() {
    let now = Clock::start().now();
    let mut handover = of(1, PROOF);
    // RTP times wrap meanwhile.
    let mut time = u32::MAX - 20 * UNIT;
    handover.note_old(0, time);
    // The channel's past.
    for ago in (0..50).rev() {
        handover.push(unit(0, time.wrapping_sub(ago * UNIT + 700)), now);
    }
    assert!(!handover.is_over(now + PROOF / 2));
    assert!(go_on(&mut handover, &mut time, 60, 700, now));
    assert!(pulled(&mut handover).is_empty());
    // 324 ticks of the last unit of the old one are missed, and none is heard twice.
    let next = time.wrapping_add(UNIT - 700);
    handover.push(unit(0, next), now);
    assert!(pulled(&mut handover).is_empty());
    handover.push(unit(0, next.wrapping_add(UNIT)), now);
    assert_eq!(pulled(&mut handover), [next.wrapping_add(UNIT)]);
}

#[test]
fn a_source_that_is_behind_is_not_gone_over_to() {
    let now = Clock::start().now();
    let mut handover = of(1, PROOF);
    let mut time = 0;
    assert!(!go_on(&mut handover, &mut time, 200, 5000, now));
    // It comes on, and falls back before it has proved anything.
    let later = now + 200 * Duration::from_millis(128);
    assert!(!go_on(&mut handover, &mut time, 30, 500, later));
    let later = later + 30 * Duration::from_millis(128);
    assert!(!go_on(&mut handover, &mut time, 3, 5000, later));
    let later = later + 3 * Duration::from_millis(128);
    assert!(!go_on(&mut handover, &mut time, 30, 500, later));
}

#[test]
fn what_the_old_source_owes_comes_from_the_new_one() {
    let now = Clock::start().now();
    let mut handover = of(1, Duration::ZERO);
    handover.note_old(0, 10 * UNIT);
    for number in 0..20 {
        let format = format(1).filter(|_| number == 0);
        let unit = unit(0, number * UNIT + 200);
        handover.push(Encoded { format, ..unit }, now);
    }
    assert!(handover.is_over(now));
    let first = handover.pull().unwrap();
    assert_eq!(
        (first.unit.time, first.format),
        (11 * UNIT + 200, format(1))
    );
    assert_eq!(pulled(&mut handover).len(), 8);
    handover.push(unit(0, 20 * UNIT + 200), now);
    let next = handover.pull().unwrap();
    assert_eq!((next.unit.time, next.format), (20 * UNIT + 200, None));
}

#[test]
fn all_tracks_that_come_go_over_together() {
    let now = Clock::start().now();
    // Of the last nothing ever comes.
    let mut handover = of(3, Duration::ZERO);
    handover.note_old(0, 0);
    handover.note_old(1, 0);
    handover.push(unit(0, UNIT), now);
    assert!(!handover.is_over(now));
    handover.push(unit(1, UNIT), now);
    assert!(handover.is_over(now));
    assert_eq!(pulled(&mut handover), [UNIT, UNIT]);
}

#[test]
fn times_that_leap_are_followed() {
    let now = Clock::start().now();
    let mut handover = of(1, Duration::ZERO);
    let leap = 3600 * CLOCK_HZ;
    handover.note_old(0, leap);
    // The new source has not come to the leap yet.
    handover.push(unit(0, UNIT), now);
    assert!(!handover.is_over(now));
    handover.push(unit(0, leap), now);
    assert!(handover.is_over(now));
    assert!(pulled(&mut handover).is_empty());
    // It leaps back, before anything of the new source was taken.
    handover.push(unit(0, 3 * UNIT), now);
    handover.push(unit(0, 4 * UNIT), now);
    assert_eq!(pulled(&mut handover), [3 * UNIT, 4 * UNIT]);
}
