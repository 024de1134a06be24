use std::time::Duration;

use super::*;
use crate::base::clock::Clock;

const AUDIO: usize = 0;
const VIDEO: usize = 1;

/// Two tracks that record the same world: their clocks begin anywhere and go at any speed.
struct World {
    clocks: Clocks,
    start: Instant,
    rates: [u32; 2],
    begin: [u32; 2],
    ppm: [f64; 2],
}

impl World {
    fn new(ppm: [f64; 2]) -> Self {
        let rates = [48_000, 90_000];
        Self {
            clocks: Clocks::new(rates, AUDIO),
            start: Clock::start().now(),
            rates,
            begin: [u32::MAX - 1000, 123_456],
            ppm,
        }
    }

    /// The RTP time of a track at a time of the world.
    fn time(&self, track: usize, seconds: f64) -> u32 {
        let speed = f64::from(self.rates[track]) * (1.0 + self.ppm[track] * 1e-6);
        self.begin[track].wrapping_add((seconds * speed).round() as i64 as u32)
    }

    fn report(&mut self, track: usize, seconds: f64) {
        let ntp = NtpTime(0xdead_beef << 32).later((seconds * 1e9) as i64);
        self.clocks.report(track, self.time(track, seconds), ntp);
    }

    /// Where the unit of that time goes, in seconds.
    fn place(&mut self, track: usize, seconds: f64) -> f64 {
        let arrived = self.start + Duration::from_secs_f64(seconds);
        let time = self.time(track, seconds);
        let place = self.clocks.place(track, time, arrived, true);
        place.pts as f64 / f64::from(self.rates[track])
    }
}

#[test]
fn drift_of_an_hour_is_followed_and_told() {
    let mut world = World::new([200.0, 0.0]);
    let mut worst = 0.0_f64;
    let mut previous = [0.0; 2];
    for step in 0..3600 * 10 {
        let seconds = f64::from(step) / 10.0;
        if step % 50 == 0 {
            world.report(AUDIO, seconds);
            world.report(VIDEO, seconds);
        }
        let places = [AUDIO, VIDEO].map(|track| world.place(track, seconds));
        worst = worst.max((places[AUDIO] - places[VIDEO]).abs());
        let steps = [AUDIO, VIDEO].map(|track| places[track] - previous[track]);
        previous = places;
        if step > 0 {
            assert!(
                (steps[AUDIO] - 0.100_020).abs() < 3e-5,
                "sound goes on as it is"
            );
            assert!(
                (steps[VIDEO] - 0.1).abs() < 6e-4,
                "pictures move by little: {steps:?}"
            );
        }
    }
    assert!(worst < 0.01, "{worst} s apart");
    let drift = [AUDIO, VIDEO].map(|track| world.clocks.drift_ppm(track).unwrap());
    assert!(
        (drift[AUDIO] - 200.0).abs() < 1.0 && drift[VIDEO].abs() < 1.0,
        "{drift:?}"
    );
    assert!((previous[AUDIO] - 10.0 - 3599.9 * 1.0002).abs() < 0.001);
}

#[test]
fn reports_that_tremble_leave_the_tracks_together() {
    let mut world = World::new([-50.0, 50.0]);
    let mut worst = 0.0_f64;
    for step in 0..12_000_u32 {
        let seconds = f64::from(step) / 10.0;
        if step % 50 == 0 {
            let late = f64::from(step * 7919 % 41) / 2000.0;
            world.clocks.report(
                AUDIO,
                world.time(AUDIO, seconds),
                NtpTime(9 << 60).later(((seconds + late) * 1e9) as i64),
            );
            world.clocks.report(
                VIDEO,
                world.time(VIDEO, seconds),
                NtpTime(9 << 60).later(((seconds + 0.02 - late) * 1e9) as i64),
            );
        }
        let apart = world.place(AUDIO, seconds) - world.place(VIDEO, seconds);
        if step > 600 {
            worst = worst.max(apart.abs());
        }
    }
    assert!(worst < 0.02, "{worst} s apart");
}

#[test]
fn a_track_that_begins_late_is_joined_at_once() {
    let mut world = World::new([0.0, 0.0]);
    world.report(VIDEO, 0.0);
    assert_eq!(world.place(VIDEO, 0.0), 10.0);
    world.report(VIDEO, 60.0);
    world.report(AUDIO, 60.0);
    let (sound, picture) = (world.place(AUDIO, 61.0), world.place(VIDEO, 61.0));
    assert!((sound - 71.0).abs() < 1e-4 && (picture - 71.0).abs() < 1e-4);
}

#[test]
fn without_reports_times_of_arrival_join_the_tracks() {
    let mut world = World::new([0.0, 0.0]);
    assert_eq!(world.place(VIDEO, 0.0), 10.0);
    assert!((world.place(AUDIO, 0.3) - 10.3).abs() < 1e-4);
    assert_eq!(world.clocks.drift_ppm(AUDIO), None);
    let place = world.clocks.place(AUDIO, 0, world.start, true);
    assert_eq!(place.wall, None);
}

#[test]
fn a_clock_that_is_set_moves_nothing() {
    let mut world = World::new([0.0, 0.0]);
    for second in 0..200_u32 {
        let seconds = f64::from(second);
        // The publisher's own clock is an hour off, and is followed from some time on.
        let set = if second > 100 { 3600.0 } else { 0.0 };
        if second % 5 == 0 {
            for track in [AUDIO, VIDEO] {
                let time = world.time(track, seconds);
                let ntp = NtpTime(7 << 50).later(((seconds + set) * 1e9) as i64);
                world.clocks.report(track, time, ntp);
            }
        }
        for track in [AUDIO, VIDEO] {
            assert!((world.place(track, seconds) - 10.0 - seconds).abs() < 1e-4);
        }
    }
}

#[test]
fn what_joined_wrongly_is_slewed_and_not_reset() {
    let mut world = World::new([0.0, 0.0]);
    world.place(AUDIO, 0.0);
    // The pictures' first packet is 300 ms late.
    let late = world.start + Duration::from_millis(300);
    let time = world.time(VIDEO, 0.0);
    assert_eq!(world.clocks.place(VIDEO, time, late, true).pts, 927_000);
    let mut previous = 10.3;
    for step in 1..2400 {
        let seconds = f64::from(step) / 25.0;
        if step % 125 == 1 {
            world.report(AUDIO, seconds);
            world.report(VIDEO, seconds);
        }
        world.place(AUDIO, seconds);
        let place = world.place(VIDEO, seconds);
        assert!((place - previous - 0.04).abs() < 0.000_25);
        previous = place;
    }
    assert!(
        (previous - 10.0 - 2399.0 / 25.0).abs() < 0.002,
        "{previous}"
    );
}

#[test]
fn what_joined_by_arrival_is_set_at_a_key_frame_once_the_sender_tells() {
    let mut world = World::new([0.0, 20.0]);
    world.place(AUDIO, 0.0);
    // The pictures' first packet is 300 ms late.
    let late = world.start + Duration::from_millis(300);
    let time = world.time(VIDEO, 0.0);
    assert_eq!(world.clocks.place(VIDEO, time, late, true).pts, 927_000);
    let mut set = Vec::new();
    for step in 1..1500 {
        let seconds = f64::from(step) / 25.0;
        // Reports of arrivals come first.
        if step % 125 == 1 {
            world.clocks.tell(step > 100);
            world.report(AUDIO, seconds);
            let late = if step > 100 { 0.0 } else { 0.3 };
            let ntp = NtpTime(0xdead_beef << 32).later(((seconds + late) * 1e9) as i64);
            let time = world.time(VIDEO, seconds);
            world.clocks.report(VIDEO, time, ntp);
        }
        world.place(AUDIO, seconds);
        let arrived = world.start + Duration::from_secs_f64(seconds);
        let time = world.time(VIDEO, seconds);
        let is_key = step % 50 == 0;
        let place = world.clocks.place(VIDEO, time, arrived, is_key);
        if place.is_elsewhere {
            set.push(step);
        }
        let apart = place.pts as f64 / 90_000.0 - seconds - 10.0;
        assert!(step < 150 || apart.abs() < 0.003, "{apart} at {step}");
    }
    assert_eq!(set, [150]);
}

#[test]
fn hostile_times_are_survived() {
    let mut clocks = Clocks::new([1, u32::MAX], 1);
    let now = Clock::start().now();
    for step in 0..2000_u32 {
        let time = step.wrapping_mul(0x7fff_fff1);
        let ntp = NtpTime(u64::from(step).wrapping_mul(0x7fff_ffff_ffff_fff1));
        clocks.report(step as usize % 3, time, ntp);
        let place = clocks.place(step as usize % 3, time.wrapping_mul(3), now, true);
        assert!(place.pts >= 0);
    }
}

/// Two recordings of the same world, aligned by what their clocks show.
fn shared(ppm: [[f64; 2]; 2]) -> [World; 2] {
    let alignment = Alignment {
        sender: NtpTime(0xdead_beef << 32).later(-50_000_000_000),
        server: NtpTime(0xdead_beef << 32).later(-40_000_000_000),
        now: (Clock::start().now(), NtpTime(0xdead_beef << 32)),
    };
    let mut worlds = ppm.map(World::new);
    worlds[1].begin = [77, u32::MAX - 5];
    for world in &mut worlds {
        let now = (world.start, alignment.now.1);
        world.clocks.align(Alignment { now, ..alignment });
    }
    worlds
}

#[test]
fn encoders_with_clocks_of_their_own_share_a_timeline() {
    let mut worlds = shared([[150.0, -30.0], [-90.0, 60.0]]);
    let mut worst = 0.0_f64;
    for step in 0..3600 * 5 {
        let seconds = f64::from(step) / 5.0;
        for (world, phase) in worlds.iter_mut().zip([0, 13]) {
            if step % 25 == phase || step == 0 {
                world.report(AUDIO, seconds);
                world.report(VIDEO, seconds);
            }
            for track in [AUDIO, VIDEO] {
                let apart = world.place(track, seconds) - (seconds + 60.0);
                worst = worst.max(apart.abs());
            }
        }
    }
    assert!(worst < 0.004, "{worst} s");
}

#[test]
fn dates_are_those_of_the_server_wherever_media_come_from() {
    let mut worlds = shared([[0.0; 2]; 2]);
    for world in &mut worlds {
        world.report(AUDIO, 0.0);
        let arrived = world.start + Duration::from_secs(3);
        let time = world.time(AUDIO, 2.0);
        let wall = world.clocks.place(AUDIO, time, arrived, true).wall.unwrap();
        let expected = NtpTime(0xdead_beef << 32).later(12_000_000_000);
        assert!(wall.nanos_since(expected).abs() < 1000, "{wall:?}");
    }
}

#[test]
fn what_has_reported_nothing_is_where_the_server_was_when_it_arrived() {
    let [mut world, _] = shared([[0.0; 2]; 2]);
    // The server's clock is 10 s behind the sender's, on which the timeline is 60 s on.
    assert!((world.place(VIDEO, 3.0) - 53.0).abs() < 1e-3);
    let mut late = World::new([0.0; 2]);
    late.clocks.align(Alignment {
        sender: NtpTime(0),
        server: NtpTime(0xdead_beef << 32).later(-40_000_000_000),
        now: (
            late.start + Duration::from_secs(7),
            NtpTime(0xdead_beef << 32),
        ),
    });
    assert!((late.place(VIDEO, 3.0) - 46.0).abs() < 1e-3);
}

#[test]
fn a_clock_that_is_set_sets_the_track() {
    let [mut world, _] = shared([[0.0; 2]; 2]);
    world.report(AUDIO, 0.0);
    assert!((world.place(AUDIO, 1.0) - 61.0).abs() < 1e-3);
    // A little is made up for without a step.
    let ntp = NtpTime(0xdead_beef << 32).later(2_400_000_000);
    let time = world.time(AUDIO, 2.0);
    world.clocks.report(AUDIO, time, ntp);
    assert!((world.place(AUDIO, 2.0) - 62.0).abs() < 0.01);
    let ntp = NtpTime(0xdead_beef << 32).later(13_000_000_000);
    let time = world.time(AUDIO, 3.0);
    world.clocks.report(AUDIO, time, ntp);
    let arrived = world.start + Duration::from_secs(3);
    let place = world.clocks.place(AUDIO, time, arrived, true);
    assert!(place.is_elsewhere);
    assert_eq!(place.pts, 73 * 48_000);
}

/// Has the pictures of a recording lead on a timeline that others share who record the same.
fn begin_on(anchors: &Arc<Anchors>, world: &mut World) {
    let shown = NtpTime(0xdead_beef << 32);
    let own = Own {
        anchors: Arc::clone(anchors),
        server: shown.later(-40_000_000_000),
        now: (world.start, shown),
    };
    world.clocks.begin_on(own, VIDEO);
}

#[test]
fn who_packages_a_channel_later_finds_its_tracks_where_they_are() {
    let anchors = Arc::default();
    let mut first = World::new([100.0, -20.0]);
    begin_on(&anchors, &mut first);
    assert!((first.place(VIDEO, 0.0) - 50.0).abs() < 1e-3);
    let mut second = World {
        start: first.start + Duration::from_millis(170),
        ..World::new([100.0, -20.0])
    };
    begin_on(&anchors, &mut second);
    let mut worst = 0.0_f64;
    for step in 1..3000 {
        let seconds = f64::from(step) / 10.0;
        for world in [&mut first, &mut second] {
            if step % 50 == 0 {
                world.report(AUDIO, seconds);
                world.report(VIDEO, seconds);
            }
        }
        for track in [AUDIO, VIDEO] {
            let place = first.place(track, seconds);
            if step > 1000 {
                worst = worst.max((place - second.place(track, seconds)).abs());
            }
        }
    }
    assert!(worst < 0.001, "{worst} s");
}

#[test]
fn pictures_that_lead_stay_when_the_sender_tells_where_the_sound_belongs() {
    let mut world = World::new([0.0, 0.0]);
    begin_on(&Arc::default(), &mut world);
    world.place(AUDIO, 0.0);
    // The pictures' first packet is 300 ms late.
    let late = world.start + Duration::from_millis(300);
    let time = world.time(VIDEO, 0.0);
    let begun = world.clocks.place(VIDEO, time, late, true).pts;
    assert_eq!(begun, 50 * 90_000 + 27_000);
    let mut set = Vec::new();
    for step in 1..500 {
        let seconds = f64::from(step) / 25.0;
        if step == 125 {
            world.clocks.tell(true);
            world.report(AUDIO, seconds);
            world.report(VIDEO, seconds);
        }
        let picture = world.place(VIDEO, seconds);
        assert!((picture - 50.3 - seconds).abs() < 1e-3, "{picture}");
        let time = world.time(AUDIO, seconds);
        let arrived = world.start + Duration::from_secs_f64(seconds);
        let place = world.clocks.place(AUDIO, time, arrived, true);
        if place.is_elsewhere {
            set.push(step);
        }
        let apart = place.pts as f64 / 48_000.0 - picture;
        let expected = if step < 125 { -0.3 } else { 0.0 };
        assert!((apart - expected).abs() < 1e-3, "{apart} at {step}");
    }
    assert_eq!(set, [125]);
}
