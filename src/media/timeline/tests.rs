use proptest::prelude::*;

use super::*;
use crate::base::clock::Clock;

const HZ: u32 = 90_000;
const MS: Duration = Duration::from_millis(1);

struct Feed {
    timeline: Timeline,
    now: Instant,
}

impl Feed {
    fn new() -> Self {
        Self {
            timeline: Timeline::new(HZ),
            now: Clock::start().started(),
        }
    }

    fn push(&mut self, ssrc: u32, sequence: u16, time: u32) -> Placed {
        let numbers = Numbers {
            ssrc,
            sequence,
            time,
        };
        self.timeline.place(numbers, self.now, || None)
    }

    /// Pictures of 40 ms, one packet each; the last one's place.
    fn run(&mut self, ssrc: u32, first: u16, time: u32, count: u16) -> Placed {
        let mut last = self.push(ssrc, first, time);
        for i in 1..count {
            self.now += 40 * MS;
            let time = time.wrapping_add(u32::from(i) * 3600);
            last = self.push(ssrc, first.wrapping_add(i), time);
        }
        self.now += 40 * MS;
        last
    }
}

#[test]
fn a_publisher_keeps_its_numbers_and_its_gaps() {
    let mut feed = Feed::new();
    let last = feed.run(1, 65_530, u32::MAX - 5, 10);
    assert_eq!((last.sequence, last.lost, last.repair), (3, 0, None));
    let after = feed.push(1, 9, 30_000);
    assert_eq!((after.sequence, after.lost, after.repair), (9, 5, None));
    assert_eq!(feed.timeline.next_sequence(), Some(10));
}

#[test]
fn pictures_out_of_order_are_no_leap() {
    let mut feed = Feed::new();
    feed.run(1, 0, 0, 10);
    let back = feed.push(1, 10, 0);
    assert_eq!((back.time, back.repair), (0, None));
}

#[test]
fn the_next_publisher_goes_on_after_the_wall_time_between() {
    let mut feed = Feed::new();
    let last = feed.run(1, 100, 5000, 100);
    feed.timeline.interrupt();
    feed.now += 5000 * MS;
    let next = feed.push(2, 40_000, 77);
    assert_eq!(next.sequence, last.sequence + 1);
    assert_eq!(next.time - last.time, 5040 * 90);
    assert_eq!((next.lost, next.repair), (0, Some(Repair::NewSource)));
    assert_eq!(feed.timeline.translate(2, 77), Some(next.time));
    assert_eq!(feed.timeline.translate(1, 77), None);
}

#[test]
fn an_aligned_time_is_taken_unless_it_goes_back() {
    let mut feed = Feed::new();
    let last = feed.run(1, 100, 5000, 10);
    let numbers = Numbers {
        ssrc: 2,
        sequence: 1,
        time: 1,
    };
    let aligned = feed
        .timeline
        .place(numbers, feed.now, || Some(last.time + 1234));
    assert_eq!(aligned.time, last.time + 1234);
    feed.timeline.interrupt();
    let aligned = feed.timeline.place(numbers, feed.now, || Some(last.time));
    assert_eq!(aligned.time, last.time + 1235);
}

#[test]
fn leaps_of_time_are_mended_and_named() {
    let mut feed = Feed::new();
    let last = feed.run(1, 0, 0, 50);
    let forward = feed.push(1, 50, last.time + 20 * HZ);
    assert_eq!(forward.repair, Some(Repair::LeapForward));
    assert_eq!((forward.sequence, forward.time), (50, last.time + 3600));
    feed.now += 40 * MS;
    let back = feed.push(1, 51, 0);
    assert_eq!(back.repair, Some(Repair::LeapBack));
    assert_eq!((back.sequence, back.time), (51, last.time + 7200));
}

#[test]
fn silence_as_long_as_the_leap_is_none() {
    let mut feed = Feed::new();
    let last = feed.run(1, 0, 0, 50);
    feed.now += 60_000 * MS;
    let after = feed.push(1, 50, last.time + 60 * HZ);
    assert_eq!((after.time - last.time, after.repair), (60 * HZ, None));
}

#[test]
fn leaps_of_the_sequence_are_mended() {
    let mut feed = Feed::new();
    feed.run(1, 0, 0, 50);
    let leapt = feed.push(1, 20_000, 50 * 3600);
    assert_eq!((leapt.sequence, leapt.time), (50, 50 * 3600));
    assert_eq!(leapt.repair, Some(Repair::SequenceLeap));
    let next = feed.push(1, 20_001, 51 * 3600);
    assert_eq!((next.sequence, next.lost, next.repair), (51, 0, None));
}

proptest! {
    #[test]
    fn readers_never_see_a_leap(
        clock_hz in prop_oneof![Just(90_000_u32), Just(8000), 1..200_000_u32],
        packets in proptest::collection::vec((0..3_u32, any::<u16>(), any::<u32>(), 0..2000_u64, any::<bool>()), 1..200),
    ) {
        let mut timeline = Timeline::new(clock_hz);
        let mut now = Clock::start().started();
        let mut latest: Option<Placed> = None;
        for (ssrc, sequence, time, wait, gone) in packets {
            now += Duration::from_millis(wait);
            if gone {
                timeline.interrupt();
            }
            let numbers = Numbers { ssrc, sequence, time };
            let placed = timeline.place(numbers, now, || None);
            let known = timeline.translate(ssrc, time);
            prop_assert_eq!(known, Some(placed.time));
            if let Some(latest) = latest {
                let step = placed.sequence.wrapping_sub(latest.sequence).cast_signed();
                prop_assert!((-2 * MAX_MISORDER..=MAX_DROPOUT + MAX_MISORDER).contains(&step), "{step}");
                let ticks = placed.time.wrapping_sub(latest.time).cast_signed();
                let seconds = f64::from(ticks) / f64::from(clock_hz);
                prop_assert!((-4.1..30.0).contains(&seconds), "{seconds} s");
            }
            latest = Some(placed);
        }
    }

    #[test]
    fn two_tracks_stay_in_step(pause in 0..20_000_u64, again in any::<u32>(), other in any::<u32>()) {
        let start = Clock::start().started();
        let (mut video, mut audio) = (Timeline::new(90_000), Timeline::new(44_100));
        let mut apart = Vec::new();
        for (term, first_video, first_audio) in [(0, 0, 0), (1, again, other)] {
            video.interrupt();
            audio.interrupt();
            for i in 0..250_u32 {
                let sent = start + Duration::from_millis(term * (10_000 + pause)) + i * 40 * MS;
                let numbers = |first: u32, ticks: u32| Numbers {
                    ssrc: term as u32,
                    sequence: i as u16,
                    time: first.wrapping_add(i * ticks),
                };
                let seen = video.place(numbers(first_video, 3600), sent, || None);
                let heard = audio.place(numbers(first_audio, 1764), sent, || None);
                let (seen, heard) = (f64::from(seen.time) / 90_000.0, f64::from(heard.time) / 44_100.0);
                apart.push(seen - heard);
            }
        }
        let most = apart.iter().fold(0.0_f64, |most, apart| most.max(apart.abs()));
        prop_assert!(most < 0.001, "{most} s apart");
    }
}
