use proptest::prelude::*;

use super::*;
use crate::codec::tests;
use crate::wire::rtp::{HEADER_LEN, write_header};

/// What a unit is to be: its time, whether it is a key frame or damaged, and its bytes.
type Told = (u32, bool, bool, Vec<u8>);

fn hex(text: &str) -> Vec<u8> {
    tests::hex(text).to_vec()
}

fn push(track: &mut QuickTime, time: u32, payload: &[u8], lost: u16) -> Result<(), Malformed> {
    let mut header = [0; HEADER_LEN];
    write_header(&mut header, false, 96, 1, time, 7);
    let bytes = [&header[..], payload].concat();
    track.push(&rtp::Packet::read(&bytes).unwrap(), lost)
}

fn pulled(track: &mut QuickTime) -> Vec<Told> {
    std::iter::from_fn(|| track.pull())
        .map(|unit| (unit.time, unit.keyframe, unit.damaged, unit.data.to_vec()))
        .collect()
}

mod pictures {
    use super::*;

    const HEADER: &str = "7000e1801e5dc0";

    /// A picture of seven bytes, in three pieces: its first slice says that it is a key frame.
    const PIECES: [&str; 3] = ["20004100", "00000301", "1000026009"];

    fn track() -> QuickTime {
        QuickTime::of("x-sv3v-es/90000").unwrap()
    }

    #[test]
    fn pieces_become_a_picture() {
        let mut track = track();
        assert_eq!(track.config(), None);
        push(&mut track, 0, &hex(HEADER), 0).unwrap();
        let Some(QuickTimeConfig::Sorenson(config)) = track.config() else {
            panic!("a configuration");
        };
        assert_eq!((config.width, config.height), (192, 242));
        assert_eq!(config.header[..], hex("e1801e5dc0"));
        for piece in PIECES {
            assert_eq!(pulled(&mut track), []);
            push(&mut track, 0, &hex(piece), 0).unwrap();
        }
        push(&mut track, 6000, &hex("300021018009"), 0).unwrap();
        let key = (0, true, false, hex("41000301026009"));
        let other = (6000, false, false, hex("21018009"));
        assert_eq!(pulled(&mut track), [key, other]);
    }

    #[test]
    fn a_loss_damages_one_picture() {
        let mut track = track();
        push(&mut track, 0, &hex(PIECES[0]), 0).unwrap();
        push(&mut track, 0, &hex(PIECES[2]), 1).unwrap();
        push(&mut track, 6000, &hex("300021018009"), 0).unwrap();
        push(&mut track, 12_000, &hex("300021018009"), 0).unwrap();
        let told: Vec<_> = pulled(&mut track)
            .into_iter()
            .map(|(time, _, damaged, data)| (time, damaged, data.len()))
            .collect();
        assert_eq!(told, [(0, true, 2), (6000, true, 4), (12_000, false, 4)]);
    }

    #[test]
    fn what_is_cut_short_is_refused_and_the_next_is_welcome() {
        let mut track = track();
        for cut in ["", "30", "7000", "7000e180", "7000e0000000"] {
            assert!(push(&mut track, 0, &hex(cut), 0).is_err(), "{cut}");
            assert_eq!(track.config(), None);
        }
        push(&mut track, 0, &hex("300021018009"), 0).unwrap();
        assert_eq!(pulled(&mut track).len(), 1);
    }
}

mod sound {
    use super::*;

    /// Blocks of kind 2 in groups of two packets: 2048 samples in 16 bytes each.
    const SETUP: &str =
        "ff040300020302021e0400000001000000020000562200003e800000080000000080000000100200";

    fn setup() -> Vec<u8> {
        hex(SETUP)
    }

    fn track() -> QuickTime {
        QuickTime::of("X-QDM/22050/2").unwrap()
    }

    /// Two blocks: of the first both parts, of the second the first one.
    fn first() -> Vec<u8> {
        [setup(), hex("0012010101120102")].concat()
    }

    fn second() -> Vec<u8> {
        hex("000902aabb")
    }

    #[test]
    fn parts_become_blocks_when_their_group_is_whole() {
        let mut track = track();
        push(&mut track, 100, &first(), 0).unwrap();
        assert_eq!(pulled(&mut track), []);
        push(&mut track, 100, &second(), 0).unwrap();
        let blocks = [
            (100, true, false, hex("020e01940902aabb1201010000000000")),
            (2148, true, false, hex("020e0025120102000000000000000000")),
        ];
        assert_eq!(pulled(&mut track), blocks);
        let Some(QuickTimeConfig::QDesign(config)) = track.config() else {
            panic!("a configuration");
        };
        assert_eq!((config.rate_hz, config.block_size), (22_050, 16));
    }

    #[test]
    fn what_came_of_a_group_is_heard_when_packets_are_lost() {
        let mut track = track();
        push(&mut track, 100, &first(), 0).unwrap();
        push(&mut track, 4196, &first(), 1).unwrap();
        let told: Vec<_> = pulled(&mut track).iter().map(|block| block.0).collect();
        assert_eq!(told, [100, 2148]);
        // Of the next group the first packet is lost.
        push(&mut track, 8292, &second(), 2).unwrap();
        assert_eq!(pulled(&mut track).len(), 2);
        track.finish();
        let last = pulled(&mut track);
        assert_eq!(
            last,
            [(8292, true, true, hex("020e01800902aabb0000000000000000"))]
        );
    }

    #[test]
    fn the_end_of_a_group_that_began_before_is_passed_over() {
        let mut track = track();
        push(&mut track, 100, &second(), 0).unwrap();
        track.finish();
        assert_eq!((pulled(&mut track), track.config()), (vec![], None));
    }

    #[test]
    fn rubbish_is_refused_and_the_next_is_welcome() {
        let mut track = track();
        let whole = first();
        for length in 1..setup().len() {
            assert!(
                push(&mut track, 0, &whole[..length], 0).is_err(),
                "{length}"
            );
        }
        for parts in ["00", "0012", "001201", "80120101", "00930102aa"] {
            let payload = [setup(), hex(parts)].concat();
            assert!(push(&mut track, 0, &payload, 0).is_err(), "{parts}");
        }
        // More parts than a block holds.
        let parts = hex("00120101").repeat(6);
        assert!(push(&mut track, 0, &[setup(), parts].concat(), 0).is_err());
        assert!(pulled(&mut track).iter().all(|block| block.3.len() == 16));
        push(&mut track, 100, &first(), 0).unwrap();
        push(&mut track, 100, &second(), 0).unwrap();
        assert_eq!(pulled(&mut track).len(), 2);
    }
}

#[test]
fn other_encodings_are_not_taken() {
    for encoding in ["H264/90000", "X-SV3V-ES", "X-QDM/0", "X-QT/600", ""] {
        assert!(QuickTime::of(encoding).is_none(), "{encoding}");
    }
    for encoding in ["X-SorensonVideo/90000", "x-qdm2/44100"] {
        assert!(QuickTime::of(encoding).is_some(), "{encoding}");
    }
}

proptest! {
    #[test]
    fn rubbish_does_not_panic(packets: Vec<(u32, Vec<u8>, u16)>) {
        for encoding in ["X-SV3V-ES/90000", "X-QDM/8000"] {
            let mut track = QuickTime::of(encoding).unwrap();
            for (time, payload, lost) in &packets {
                let _ = push(&mut track, *time, payload, *lost);
                pulled(&mut track);
            }
            track.finish();
            pulled(&mut track);
        }
    }
}
