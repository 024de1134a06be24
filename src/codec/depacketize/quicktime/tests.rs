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
    push_marked(track, false, time, payload, lost)
}

fn push_marked(
    track: &mut QuickTime,
    marker: bool,
    time: u32,
    payload: &[u8],
    lost: u16,
) -> Result<(), Malformed> {
    let mut header = [0; HEADER_LEN];
    write_header(&mut header, marker, 96, 1, time, 7);
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

mod generic {
    use super::*;
    use crate::codec::sample_description::Media;

    /// Sound in blocks of 16 bytes, of four samples each, at 8 kHz.
    const SOUND: &str = "00000034696d6134000000000000000100010000000000000002001000000000\
        1f40000000000004000000080000001000000002";

    fn pictures() -> Vec<u8> {
        let mut entry = vec![0; 86];
        entry[3] = 86;
        entry[4..8].copy_from_slice(b"SVQ1");
        entry[33] = 160;
        entry[35] = 120;
        entry
    }

    fn value(kind: &[u8; 2], value: &[u8]) -> Vec<u8> {
        [&(value.len() as u16).to_be_bytes()[..], kind, value].concat()
    }

    /// A description with `flags`: a value that nobody knows, then that of the samples.
    fn described(flags: u8, media_type: &[u8; 4], entry: &[u8]) -> Vec<u8> {
        let values = [value(b"ti", b"any"), value(b"sd", entry)].concat();
        let mut head = vec![flags, 0];
        head.extend((12 + values.len() as u16).to_be_bytes());
        head.extend_from_slice(media_type);
        head.extend(600u32.to_be_bytes());
        let mut all = [head, values].concat();
        all.resize(all.len().next_multiple_of(4), 0);
        all
    }

    fn track() -> QuickTime {
        QuickTime::of("X-QT/8000").unwrap()
    }

    /// A payload of the description 5: what comes first, and the rest.
    fn payload(flags: u8, rest: &[&[u8]]) -> Vec<u8> {
        [&[flags, 0, 0, 5][..], &rest.concat()].concat()
    }

    const DESCRIBED_KEY_PIECE: u8 = 0x1f;
    const PIECE: u8 = 0x1c;
    const DESCRIBED_KEY_ALIKE: u8 = 0x17;
    const ALIKE: u8 = 0x14;
    const HEADED: u8 = 0x18;
    const WHOLE: u8 = 0x30;

    /// The first piece of a key picture.
    fn first() -> Vec<u8> {
        let description = described(WHOLE, b"vide", &pictures());
        payload(DESCRIBED_KEY_PIECE, &[&description, b"key "])
    }

    fn described_track() -> QuickTime {
        let mut track = track();
        let whole = [&first()[..], b"picture"].concat();
        push_marked(&mut track, true, 0, &whole, 0).unwrap();
        assert_eq!(pulled(&mut track).len(), 1);
        track
    }

    #[test]
    fn pieces_become_a_picture() {
        let mut track = track();
        push(&mut track, 0, &first(), 0).unwrap();
        let Some(QuickTimeConfig::Described(description)) = track.config() else {
            panic!("a description");
        };
        assert_eq!(description.entry[..], pictures());
        let (width, height) = (160, 120);
        assert_eq!(description.media, Media::Pictures { width, height });
        assert_eq!(pulled(&mut track), []);
        push_marked(&mut track, true, 0, &payload(PIECE, &[b"picture"]), 0).unwrap();
        push_marked(&mut track, true, 40, &payload(PIECE, &[b"other"]), 0).unwrap();
        let key = (0, true, false, b"key picture".to_vec());
        let other = (40, false, false, b"other".to_vec());
        assert_eq!(pulled(&mut track), [key, other]);
    }

    #[test]
    fn time_ends_a_picture_that_has_no_marker() {
        let mut track = track();
        push(&mut track, 0, &first(), 0).unwrap();
        push(&mut track, 40, &payload(PIECE, &[b"other"]), 0).unwrap();
        assert_eq!(pulled(&mut track), [(0, true, false, b"key ".to_vec())]);
        track.finish();
        assert_eq!(pulled(&mut track), [(40, false, false, b"other".to_vec())]);
    }

    #[test]
    fn after_a_loss_pictures_go_on_with_one_that_is_whole() {
        let mut track = described_track();
        push(&mut track, 40, &payload(PIECE, &[b"begun"]), 0).unwrap();
        // Nobody knows whether these are first pieces.
        push(&mut track, 80, &payload(PIECE, &[b"piece"]), 1).unwrap();
        push_marked(&mut track, true, 80, &payload(PIECE, &[b"last"]), 0).unwrap();
        push_marked(&mut track, true, 120, &payload(PIECE, &[b"whole"]), 0).unwrap();
        let begun = (40, false, true, b"begun".to_vec());
        let whole = (120, false, true, b"whole".to_vec());
        assert_eq!(pulled(&mut track), [begun, whole]);
    }

    #[test]
    fn sound_is_cut_into_blocks() {
        let mut track = track();
        let description = described(WHOLE, b"soun", &hex(SOUND));
        let blocks = [[1u8; 16], [2; 16]].concat();
        let bytes = payload(DESCRIBED_KEY_ALIKE, &[&description, &blocks]);
        push(&mut track, 100, &bytes, 0).unwrap();
        let one = (100, true, false, vec![1; 16]);
        let other = (104, true, false, vec![2; 16]);
        assert_eq!(pulled(&mut track), [one, other]);
        let cut = payload(ALIKE, &[&[3; 17]]);
        assert!(push(&mut track, 108, &cut, 0).is_err());
        assert_eq!(pulled(&mut track), [(108, false, false, vec![3; 16])]);
    }

    #[test]
    fn samples_tell_their_lengths_and_times() {
        let mut track = described_track();
        let samples = [
            "8000000300000064aabbcc00",
            "0000000000000070",
            "0000000200000078ddee",
        ]
        .map(hex)
        .concat();
        push(&mut track, 500, &payload(HEADED, &[&samples]), 0).unwrap();
        let one = (500, true, false, hex("aabbcc"));
        let other = (520, false, false, hex("ddee"));
        assert_eq!(pulled(&mut track), [one, other]);
        let cut = payload(HEADED, &[&samples[..10]]);
        assert!(push(&mut track, 600, &cut, 0).is_err());
        assert_eq!(pulled(&mut track), []);
    }

    #[test]
    fn more_about_samples_is_passed_over() {
        let mut track = described_track();
        let more = hex("0000000b00030000aabbcc00");
        let bytes = [&[PIECE, 0x80, 0, 5][..], &more, b"other"].concat();
        push_marked(&mut track, true, 40, &bytes, 0).unwrap();
        assert_eq!(pulled(&mut track), [(40, false, false, b"other".to_vec())]);
    }

    #[test]
    fn what_is_of_another_description_is_refused() {
        let mut track = track();
        let piece = payload(PIECE, &[b"piece"]);
        assert!(push_marked(&mut track, true, 0, &piece, 0).is_err());
        let mut track = described_track();
        let of_another = [&[PIECE, 0, 0, 6][..], b"piece"].concat();
        assert!(push_marked(&mut track, true, 40, &of_another, 0).is_err());
        // That nothing is to be kept is told beside the number.
        let of_this = [&[PIECE, 0, 0x80, 5][..], b"piece"].concat();
        push_marked(&mut track, true, 80, &of_this, 0).unwrap();
        assert_eq!(pulled(&mut track).len(), 1);
    }

    #[test]
    fn rubbish_is_refused_and_the_next_is_welcome() {
        let mut track = track();
        let whole = first();
        let head = whole.len() - b"key ".len();
        // What fills its last word up is not missed.
        for length in 0..head - 3 {
            let pushed = push(&mut track, 0, &whole[..length], 0);
            assert!(pushed.is_err(), "{length}");
            assert_eq!(track.config(), None);
        }
        let entry = pictures();
        let in_two = described(0x20, b"vide", &entry);
        let unknown = described(WHOLE, b"text", &entry);
        let empty = hex("3000000c7669646500000258");
        for description in [in_two, unknown, empty.to_vec()] {
            let bytes = payload(DESCRIBED_KEY_PIECE, &[&description]);
            assert!(push(&mut track, 0, &bytes, 0).is_err());
        }
        for flags in [0x2c, 0x10] {
            assert!(push(&mut track, 0, &payload(flags, &[]), 0).is_err());
        }
        push(&mut track, 40, &whole, 0).unwrap();
        push_marked(&mut track, true, 40, &payload(PIECE, &[]), 0).unwrap();
        let damaged = (40, true, true, b"key ".to_vec());
        assert_eq!(pulled(&mut track), [damaged]);
        push_marked(&mut track, true, 80, &payload(PIECE, &[]), 0).unwrap();
        assert_eq!(pulled(&mut track), []);
    }
}

#[test]
fn other_encodings_are_not_taken() {
    for encoding in ["H264/90000", "X-SV3V-ES", "X-QDM/0", "X-QT", ""] {
        assert!(QuickTime::of(encoding).is_none(), "{encoding}");
    }
    for encoding in ["X-SorensonVideo/90000", "x-qdm2/44100", "X-QuickTime/600"] {
        assert!(QuickTime::of(encoding).is_some(), "{encoding}");
    }
}

proptest! {
    #[test]
    fn rubbish_does_not_panic(packets: Vec<(u32, Vec<u8>, u16)>) {
        for encoding in ["X-SV3V-ES/90000", "X-QDM/8000", "X-QT/600"] {
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
