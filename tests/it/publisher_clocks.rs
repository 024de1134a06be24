//! Clocks of publishers, from what comes in to where units are on timelines, and their dates.

use std::sync::Arc;
use std::time::{Duration, Instant, UNIX_EPOCH};

use reelcast::base::clock::Clock;
use reelcast::base::media_time::{MediaTime, NtpTime};
use reelcast::base::path::MediaPath;
use reelcast::codec::Format;
use reelcast::codec::elementary::Frame;
use reelcast::codec::pcm::{Coding, Config as Pcm};
use reelcast::hls::group::epoch::Epoch;
use reelcast::hls::group::grid::Grid;
use reelcast::hls::reference::Reference;
use reelcast::hls::units::{Unit, Units};
use reelcast::media::burst::PacketKind;
use reelcast::media::description::Description;
use reelcast::media::mounts::{Limits, Mounts, Takeover};
use reelcast::media::publisher::Publisher;
use reelcast::media::ring::{Cursor, Start, Taken};
use reelcast::source::packetiser::Packetiser;
use reelcast::wire::rtcp::{SenderReport, write_sender_report};
use reelcast::wire::rtp::{HEADER_LEN, write_header};

const SOUND: Format = Format::Pcm(Pcm {
    coding: Coding::ULaw,
    rate_hz: 8000,
    channels: 1,
});

/// A program of two sounds in a transport stream, and a reader on the timeline of a group.
struct Program {
    packetiser: Packetiser,
    publisher: Publisher,
    cursor: Cursor,
    units: Units,
    start: Instant,
}

impl Program {
    fn new() -> Self {
        let clock = Clock::start();
        let mounts = Mounts::new(Limits::default(), clock);
        let path = MediaPath::from_plain("program").unwrap();
        let formats = [SOUND, SOUND];
        let description = Description::of_formats("program", &formats).unwrap();
        let packetiser = Packetiser::new(&description, &formats, 1400, clock).with_stamps();
        let epoch = Epoch::new(clock.ntp(clock.now()).later(-60_000_000_000), clock);
        let grid = Grid::new(epoch, Duration::from_secs(6), &[], (0, 0));
        let reference = Reference::new(Some(Arc::new(grid)), clock);
        let units = Units::new(&description, &[]).with_reference(reference);
        let publisher = mounts.publish(&path, description, "test".to_owned(), Takeover::Refuse);
        let publisher = publisher.unwrap();
        Self {
            packetiser,
            cursor: publisher.channel().cursor(Start::Live),
            publisher,
            units,
            start: clock.now(),
        }
    }

    /// Sends 20 ms of both sounds that are stamped with `seconds` and arrive at `arrived`; returns what
    /// readers make of all that came so far.
    fn send(&mut self, seconds: f64, arrived: f64) -> Vec<Unit> {
        let now = self.start + Duration::from_secs_f64(arrived);
        for track in [0, 1] {
            let frame = Frame {
                data: vec![0; 160],
                time: MediaTime::new((seconds * 90_000.0).round() as i64, 90_000),
            };
            let pushed = self
                .packetiser
                .push(track, &[frame], &mut self.publisher, now);
            pushed.unwrap();
        }
        let mut bursts = Vec::new();
        while self.cursor.take(&mut bursts, usize::MAX) == Taken::Bursts {}
        for burst in &bursts {
            self.units.push(burst);
        }
        std::iter::from_fn(|| self.units.pull()).collect()
    }
}

/// How far the times of a track's units are from those in step, in seconds at most.
fn apart(units: &[Unit], track: usize) -> f64 {
    let own = || units.iter().filter(|unit| unit.track == track);
    assert!(own().all(|unit| !unit.discontinuity));
    let times = own().map(|unit| unit.pts.ticks as f64 / 8000.0);
    let times: Vec<_> = times.collect();
    let steps = times.windows(2).map(|pair| pair[1] - pair[0] - 0.02);
    steps.map(f64::abs).fold(0.0, f64::max)
}

#[test]
fn stamps_that_come_late_from_some_time_on_stay_at_their_place() {
    let mut program = Program::new();
    let mut units = Vec::new();
    for number in 0..1000 {
        let seconds = f64::from(number) / 50.0;
        let late = if number < 307 { 0.0 } else { 3.0 };
        units.extend(program.send(1000.0 + seconds, seconds + late));
    }
    assert_eq!(units.len(), 2000);
    for track in [0, 1] {
        let apart = apart(&units, track);
        assert!(apart < 0.001, "{apart} s");
    }
}

#[test]
fn stamps_that_leap_are_told_with_the_report_of_the_new_ones() {
    let mut program = Program::new();
    let mut bursts = Vec::new();
    let mut cursor = program.publisher.channel().cursor(Start::Live);
    for number in 0..400 {
        let seconds = f64::from(number) / 50.0;
        let leap = if number < 207 { 0.0 } else { 3600.0 };
        program.send(1000.0 + seconds + leap, seconds);
    }
    while cursor.take(&mut bursts, usize::MAX) == Taken::Bursts {}
    let zeros = bursts.iter().filter_map(|burst| burst.clock());
    let zeros: Vec<_> = zeros.map(|clock| (clock.is_told, clock.zero)).collect();
    assert!(zeros.iter().all(|(is_told, _)| *is_told), "{zeros:?}");
    let zeros: Vec<_> = zeros.into_iter().filter_map(|(_, zero)| zero).collect();
    let leaps = zeros
        .windows(2)
        .map(|pair| seconds_between(pair[0], pair[1]));
    let leaps: Vec<_> = leaps.filter(|leap| *leap != 0).collect();
    assert_eq!(leaps, [-3600]);
}

fn seconds_between(earlier: NtpTime, later: NtpTime) -> i64 {
    let nanos = later.nanos_since(earlier);
    (nanos as f64 / 1e9).round() as i64
}

/// The dates of units that arrive one a second, in seconds after the server's time of their arrival; the
/// camera's clock is so many seconds ahead, and is told with the fifth.
fn dated(server: Clock, packager: Clock, ahead: i64) -> Vec<f64> {
    let mounts = Mounts::new(Limits::default(), server);
    let path = MediaPath::from_plain("camera").unwrap();
    let description = Description::of_formats("camera", &[SOUND]).unwrap();
    let payload_type = description.tracks()[0].payload_type;
    let mut units = Units::new(&description, &[]).with_reference(Reference::new(None, packager));
    let publisher = mounts.publish(&path, description, "test".to_owned(), Takeover::Refuse);
    let mut publisher = publisher.unwrap();
    let mut cursor = publisher.channel().cursor(Start::Live);
    let mut dates = Vec::new();
    for second in 0..20_u16 {
        let now = server.started() + Duration::from_secs(second.into());
        let time = 77_000 + 8000 * u32::from(second);
        let shown = packager.ntp(now);
        if second % 5 == 4 {
            let facts = SenderReport {
                ssrc: 9,
                ntp: shown.later(ahead * 1_000_000_000),
                rtp_time: time,
                packets: 0,
                bytes: 0,
            };
            let mut report = Vec::new();
            write_sender_report(&mut report, facts, "camera", false);
            publisher.push(0, PacketKind::Rtcp, &report, now).unwrap();
        }
        let mut packet = vec![0; HEADER_LEN + 160];
        let header = packet.first_chunk_mut().unwrap();
        write_header(header, false, payload_type, second, time, 9);
        publisher.push(0, PacketKind::Rtp, &packet, now).unwrap();
        let mut bursts = Vec::new();
        while cursor.take(&mut bursts, usize::MAX) == Taken::Bursts {}
        bursts.iter().for_each(|burst| units.push(burst));
        let unit = units.pull().unwrap();
        dates.push(unit.wall.unwrap().nanos_since(shown) as f64 / 1e9);
    }
    dates
}

#[test]
fn a_camera_whose_clock_is_wrong_is_dated_by_the_server() {
    let clock = Clock::start();
    let dates = dated(clock, clock, 3600);
    assert!(dates.iter().all(|apart| apart.abs() < 0.001), "{dates:?}");
}

#[test]
fn a_camera_whose_clock_is_right_is_believed() {
    let clock = Clock::start();
    let dates = dated(clock, clock, -2);
    let told = &dates[5..];
    assert!(
        told.iter().all(|apart| (apart + 2.0).abs() < 0.001),
        "{dates:?}"
    );
}

#[test]
fn what_is_packaged_after_the_servers_clock_was_set_is_dated_by_that() {
    let packager = Clock::start();
    let server = Clock::joined(packager.started(), UNIX_EPOCH + Duration::from_secs(5));
    let dates = dated(server, packager, -2);
    let (before, told) = dates.split_at(4);
    assert!(before.iter().all(|apart| apart.abs() < 0.001), "{dates:?}");
    assert!(
        told.iter().all(|apart| (apart + 2.0).abs() < 0.001),
        "{dates:?}"
    );
}
