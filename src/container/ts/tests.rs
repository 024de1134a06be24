//! Transport streams made by hand, whole and damaged.

use proptest::prelude::*;

use super::build::{self, Mux};
use super::*;
use crate::codec::elementary::Coding;

const VIDEO: u16 = 0x101;
const AUDIO: u16 = 0x102;
const STREAMS: [(u8, u16, &[u8]); 2] = [(0x1b, VIDEO, &[]), (0x0f, AUDIO, &[])];

fn demux(bytes: &[u8]) -> (Vec<Event>, Counts) {
    let mut demux = Demux::new(None);
    let mut events = Vec::new();
    demux.push(bytes, &mut events);
    demux.finish(&mut events);
    (events, demux.counts())
}

fn units(events: &[Event]) -> Vec<&Unit> {
    fn unit(event: &Event) -> Option<&Unit> {
        match event {
            Event::Unit(unit) => Some(unit),
            Event::Program(_) => None,
        }
    }
    events.iter().filter_map(unit).collect()
}

fn codings(events: &[Event]) -> Vec<Vec<Coding>> {
    let codings = |event: &Event| match event {
        Event::Program(program) => Some(
            program
                .streams
                .iter()
                .filter_map(|one| one.coding)
                .collect(),
        ),
        Event::Unit(_) => None,
    };
    events.iter().filter_map(codings).collect()
}

#[test]
fn streams_are_announced_and_their_units_put_together() {
    let mut mux = Mux::new(&STREAMS);
    mux.video(VIDEO, 3000, 1000, &[1; 1000]);
    mux.audio(AUDIO, 2000, &[2; 300]);
    mux.video(VIDEO, 6000, 4000, &[3; 100]);
    let (events, counts) = demux(&mux.bytes);
    assert_eq!(codings(&events), [[Coding::H264, Coding::Adts]]);
    // The first picture ends only where the next begins.
    let found: Vec<_> = units(&events)
        .iter()
        .map(|unit| (unit.pid, unit.pts, unit.dts, unit.data.len(), unit.lost))
        .collect();
    assert_eq!(
        found,
        [
            (AUDIO, Some(2000), Some(2000), 300, false),
            (VIDEO, Some(3000), Some(1000), 1000, false),
            (VIDEO, Some(6000), Some(4000), 100, false),
        ]
    );
    let packets = mux.bytes.len() as u64 / 188;
    assert_eq!(
        counts,
        Counts {
            packets,
            ..Counts::default()
        }
    );
}

#[test]
fn times_go_on_when_their_33_bits_wrap() {
    let mut mux = Mux::new(&STREAMS);
    let top = 1 << 33;
    mux.audio(AUDIO, top - 1000, b"a");
    mux.audio(AUDIO, 1000, b"b");
    mux.video(VIDEO, 500, top - 500, b"c");
    let (events, _) = demux(&mux.bytes);
    let times: Vec<_> = units(&events)
        .iter()
        .map(|unit| (unit.pts.unwrap(), unit.dts.unwrap()))
        .collect();
    let top = top as i64;
    assert_eq!(
        times,
        [
            (top - 1000, top - 1000),
            (top + 1000, top + 1000),
            (top + 500, top - 500)
        ]
    );
}

#[test]
fn the_clock_says_near_which_wrap_a_time_is() {
    let mut mux = Mux::new(&STREAMS);
    let clock: u64 = (1 << 33) - 100;
    let bytes = (clock << 15).to_be_bytes();
    let adaptation = [&[7, 0x10], &bytes[2..]].concat();
    let packet = [&[0x47, 1, 1, 0x20][..], &adaptation, &[0xff; 176]].concat();
    mux.bytes.extend_from_slice(&packet);
    mux.audio(AUDIO, 400, b"a");
    let (events, _) = demux(&mux.bytes);
    assert_eq!(units(&events)[0].pts, Some((1 << 33) + 400));
}

#[test]
fn a_lost_packet_marks_its_unit_and_a_duplicate_does_not() {
    let mut mux = Mux::new(&STREAMS);
    let tables = mux.take();
    mux.audio(AUDIO, 0, &[1; 600]);
    let first = mux.take();
    mux.audio(AUDIO, 10, &[2; 600]);
    let second = mux.take();
    let twice = first
        .chunks(188)
        .flat_map(|packet| [packet, packet].concat())
        .collect();
    let (events, counts) = demux(&[tables.clone(), twice, second.clone()].concat());
    assert_eq!(units(&events).len(), 2);
    assert!(
        units(&events)
            .iter()
            .all(|unit| !unit.lost && unit.data.len() == 600)
    );
    assert_eq!(
        (counts.duplicates, counts.gaps),
        (first.len() as u64 / 188, 0)
    );

    let cut = [&first[..188], &first[2 * 188..]].concat();
    let (events, counts) = demux(&[tables, cut, second].concat());
    let lost: Vec<_> = units(&events).iter().map(|unit| unit.lost).collect();
    assert_eq!((lost, counts.gaps), (vec![true, false], 1));
}

#[test]
fn a_truncated_unit_is_marked() {
    let mut mux = Mux::new(&STREAMS);
    let tables = mux.take();
    mux.audio(AUDIO, 0, &[1; 600]);
    let first = mux.take();
    mux.counters_back(AUDIO, 1);
    mux.audio(AUDIO, 10, &[2; 600]);
    let (events, _) = demux(&[&tables, &first[..first.len() - 188], &mux.bytes].concat());
    let lost: Vec<_> = units(&events).iter().map(|unit| unit.lost).collect();
    assert_eq!(lost, [true, false]);
}

#[test]
fn scrambled_and_faulty_packets_are_counted_and_skipped() {
    let mut mux = Mux::new(&STREAMS);
    let tables = mux.take();
    mux.audio(AUDIO, 0, &[1; 100]);
    let mut scrambled = mux.take();
    scrambled[3] |= 0x80;
    mux.audio(AUDIO, 10, &[2; 100]);
    let mut faulty = mux.take();
    faulty[1] |= 0x80;
    mux.audio(AUDIO, 20, &[3; 100]);
    let (events, counts) = demux(&[tables, scrambled, faulty, mux.take()].concat());
    assert_eq!(units(&events).len(), 1);
    assert_eq!((counts.scrambled, counts.faulty, counts.gaps), (1, 1, 1));
}

#[test]
fn nothing_comes_without_tables() {
    let mut mux = Mux::new(&STREAMS);
    let tables = mux.take();
    mux.audio(AUDIO, 0, &[1; 600]);
    let (events, counts) = demux(&mux.bytes);
    assert!(events.is_empty());
    assert_eq!(counts.packets, 4);
    let (events, _) = demux(&[&tables[188..], &mux.bytes].concat());
    assert!(events.is_empty(), "a PMT alone is not found");
}

#[test]
fn a_section_with_a_wrong_checksum_waits_for_the_next() {
    let mut mux = Mux::new(&STREAMS);
    let tables = mux.take();
    let mut wrong = tables.clone();
    wrong[188 + 100] ^= 0xff;
    // Both tables fill their packets by stuffing, so the last bytes are the section's.
    wrong[2 * 188 - 1] ^= 1;
    mux.section(0x100, &build::pmt(1, 0, &STREAMS));
    let (events, counts) = demux(&[wrong, mux.take(), vec![0x47; 0]].concat());
    assert_eq!(codings(&events).len(), 1);
    assert_eq!(counts.corrupt_sections, 1);
}

#[test]
fn tables_that_change_are_followed() {
    let mut mux = Mux::new(&STREAMS);
    mux.audio(AUDIO, 0, b"a");
    mux.video(VIDEO, 0, 0, b"v");
    // The same again is no news; another codec on a new PID is.
    mux.section(0x100, &build::pmt(1, 0, &STREAMS));
    mux.section(
        0x100,
        &build::pmt(1, 1, &[(0x24, 0x201, &[]), (0x0f, AUDIO, &[])]),
    );
    mux.video(0x201, 10, 10, b"w");
    mux.video(VIDEO, 10, 10, b"gone");
    mux.audio(AUDIO, 10, b"b");
    // Another PMT PID, and another program number.
    mux.section(0, &build::pat(&[(2, 0x300)]));
    mux.section(0x300, &build::pmt(2, 0, &[(0x03, 0x301, &[])]));
    mux.audio(0x301, 20, b"c");
    let (events, _) = demux(&mux.bytes);
    let expected = [
        vec![Coding::H264, Coding::Adts],
        vec![Coding::H265, Coding::Adts],
        vec![Coding::MpegAudio],
    ];
    assert_eq!(codings(&events), expected);
    let data: Vec<_> = units(&events)
        .iter()
        .map(|unit| unit.data.to_vec())
        .collect();
    assert_eq!(data, [b"a", b"v", b"b", b"w", b"c"]);
}

#[test]
fn one_of_several_programs_is_chosen() {
    let mut mux = Mux::new(&[]);
    mux.take();
    mux.section(0, &build::pat(&[(0, 0x10), (3, 0x100), (4, 0x100)]));
    mux.section(0x100, &build::pmt(3, 0, &[(0x03, 0x301, &[])]));
    mux.section(0x100, &build::pmt(4, 0, &[(0x03, 0x401, &[])]));
    for (wanted, number) in [
        (None, Some(3)),
        (Some(3), Some(3)),
        (Some(4), Some(4)),
        (Some(5), None),
    ] {
        let mut demux = Demux::new(wanted);
        let mut events = Vec::new();
        // Three packets are needed to find the first.
        demux.push(&mux.bytes, &mut events);
        let chosen = events.iter().find_map(|event| match event {
            Event::Program(program) => Some(program.number),
            Event::Unit(_) => None,
        });
        assert_eq!(chosen, number, "{wanted:?}");
    }
}

#[test]
fn random_access_is_passed_on() {
    let mut mux = Mux::new(&STREAMS);
    let pes = build::pes(0xe0, Some(0), None, &[1; 900], build::Length::Open);
    mux.packets(VIDEO, &pes, 0x40);
    mux.packets(VIDEO, &pes, 0);
    let (events, _) = demux(&mux.bytes);
    let flags: Vec<_> = units(&events)
        .iter()
        .map(|unit| unit.random_access)
        .collect();
    assert_eq!(flags, [true, false]);
}

proptest! {
    #[test]
    fn damage_never_breaks_it(
        places in prop::collection::vec((0_usize..100 * 188, any::<u8>()), 0..200),
        piece in 1_usize..3000,
    ) {
        let mut mux = Mux::new(&STREAMS);
        for time in 0..10 {
            mux.video(VIDEO, time * 3000, time * 3000, &[1; 1000]);
            mux.audio(AUDIO, time * 3000, &[2; 300]);
            mux.section(0x100, &build::pmt(1, 0, &STREAMS));
        }
        for (place, value) in places {
            let place = place % mux.bytes.len();
            mux.bytes[place] = value;
        }
        let mut demux = Demux::new(None);
        let mut events = Vec::new();
        for piece in mux.bytes.chunks(piece) {
            demux.push(piece, &mut events);
        }
        demux.finish(&mut events);
        prop_assert!(units(&events).iter().all(|unit| unit.data.len() < mux.bytes.len()));
    }
}
