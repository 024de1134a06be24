use super::*;
use crate::wire::rtp::{HEADER_LEN, write_header};

/// Hands over a payload after so many lost packets; what comes out.
fn push(
    track: &mut Depacketizer,
    (marker, time): (bool, u32),
    parts: &[&[u8]],
    lost: u16,
) -> Result<Option<AccessUnit>, Malformed> {
    let mut header = [0; HEADER_LEN];
    write_header(&mut header, marker, 26, 0, time, 1);
    let packet = [&header[..], &parts.concat()].concat();
    let pushed = track.push(&rtp::Packet::read(&packet).unwrap(), lost);
    let unit = track.pull();
    pushed.map(|()| unit)
}

/// Of 16 by 8 pixels.
fn header(offset: u8, kind: u8, quality: u8) -> [u8; 8] {
    [0, 0, 0, offset, kind, quality, 2, 1]
}

/// Where `segment` stands.
fn find(picture: &[u8], segment: &[u8]) -> Option<usize> {
    picture
        .windows(segment.len())
        .position(|window| window == segment)
}

#[test]
fn a_picture_gets_its_headers_again() {
    let mut track = Depacketizer::default();
    let first = push(&mut track, (false, 9), &[&header(0, 1, 50), b"scan"], 0);
    assert_eq!(first, Ok(None));
    let unit = push(&mut track, (true, 9), &[&header(4, 1, 50), b"data"], 0);
    let unit = unit.unwrap().unwrap();
    assert!(unit.keyframe && !unit.damaged);
    assert_eq!(unit.time, 9);
    assert!(unit.data.starts_with(b"\xff\xd8\xff\xe0\0\x10JFIF\0"));
    assert!(unit.data.ends_with(b"\0\x3f\0scandata\xff\xd9"));
    assert!(find(&unit.data, b"\xff\xdb\0\x43\0\x10\x0b\x0c").is_some());
    assert!(find(&unit.data, b"\xff\xc0\0\x11\x08\0\x08\0\x10\x03\x01\x22").is_some());
    assert_eq!(find(&unit.data, b"\xff\xdd"), None);
}

#[test]
fn restart_intervals_are_told() {
    let mut track = Depacketizer::default();
    let parts: [&[u8]; 3] = [&header(0, 64, 50), &[0, 11, 0xff, 0xff], b"scan\xff\xd9"];
    let unit = push(&mut track, (true, 0), &parts, 0).unwrap().unwrap();
    assert!(find(&unit.data, b"\xff\xdd\0\x04\0\x0b").is_some());
    assert!(find(&unit.data, b"\x10\x03\x01\x21").is_some());
    // It has an end already.
    assert!(unit.data.ends_with(b"scan\xff\xd9"));
}

#[test]
fn tables_come_with_a_picture_or_have_come_before() {
    let mut track = Depacketizer::default();
    let known: &[u8] = &[0, 0, 0, 0];
    let early = push(&mut track, (true, 0), &[&header(0, 0, 128), known, b"a"], 0);
    assert!(early.is_err());
    let tables = [[7; 64], [9; 64]].concat();
    let parts: [&[u8]; 4] = [&header(0, 0, 128), &[0, 0, 0, 128], &tables, b"a"];
    let unit = push(&mut track, (true, 1), &parts, 0).unwrap().unwrap();
    assert!(unit.damaged);
    let next = push(&mut track, (true, 2), &[&header(0, 0, 128), known, b"a"], 0);
    let next = next.unwrap().unwrap();
    assert_eq!(next.data, unit.data);
    for (number, value) in [(0, 7), (1, 9)] {
        let table = [&[0xff, 0xdb, 0, 0x43, number][..], &[value; 64]].concat();
        assert!(find(&unit.data, &table).is_some());
    }
    // Of another Q nothing is known.
    assert!(push(&mut track, (true, 3), &[&header(0, 0, 129), known, b"a"], 0).is_err());
}

#[test]
fn what_has_lost_a_piece_is_left_out() {
    let mut track = Depacketizer::default();
    let whole = |track: &mut Depacketizer, time, lost| {
        let unit = push(track, (true, time), &[&header(0, 1, 50), b"scan"], lost);
        unit.unwrap().unwrap()
    };
    push(&mut track, (false, 0), &[&header(0, 1, 50), b"scan"], 0).unwrap();
    let rest = push(&mut track, (true, 0), &[&header(8, 1, 50), b"more"], 1);
    assert_eq!(rest, Ok(None));
    assert!(whole(&mut track, 1, 0).damaged);
    assert!(!whole(&mut track, 2, 0).damaged);
    // Nobody counted what is missing.
    push(&mut track, (false, 3), &[&header(0, 1, 50), b"scan"], 0).unwrap();
    assert!(push(&mut track, (true, 3), &[&header(8, 1, 50), b"more"], 0).is_err());
    assert!(whole(&mut track, 4, 0).damaged);
    // Its end is missing.
    push(&mut track, (false, 5), &[&header(0, 1, 50), b"scan"], 0).unwrap();
    assert!(whole(&mut track, 6, 0).damaged);
    push(&mut track, (false, 7), &[&header(0, 1, 50), b"scan"], 0).unwrap();
    assert!(push(&mut track, (true, 8), &[&header(4, 1, 50), b"more"], 0).is_err());
}

#[test]
fn what_is_malformed_is_refused() {
    let cases: [&[&[u8]]; 9] = [
        &[],
        &[&header(0, 1, 50)[..7]],
        &[&header(0, 2, 50), b"scan"],
        &[&[0, 0, 0, 0, 1, 50, 0, 1], b"scan"],
        &[&header(0, 64, 50), &[0, 1, 2]],
        &[&header(0, 1, 0), b"scan"],
        &[&header(0, 1, 100), b"scan"],
        &[&header(0, 1, 255), &[0, 0, 0, 128], &[1; 100]],
        &[&header(0, 1, 255), &[0, 3, 1, 0], &[1; 256]],
    ];
    for parts in cases {
        let mut track = Depacketizer::default();
        assert!(push(&mut track, (true, 0), parts, 0).is_err(), "{parts:?}");
    }
    // A picture without any data is none.
    let mut track = Depacketizer::default();
    let none = push(&mut track, (true, 0), &[&header(0, 1, 50)], 0);
    assert_eq!(none, Ok(None));
}
