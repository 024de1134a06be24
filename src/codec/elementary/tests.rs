//! Every framer against streams made by hand, whole, in pieces and damaged.

use proptest::prelude::*;

use super::*;

const CLOCK_HZ: u32 = 90_000;

fn piece(data: &[u8], pts: Option<i64>) -> Piece<'_> {
    Piece {
        data,
        pts: pts.map(|ticks| MediaTime::new(ticks, CLOCK_HZ)),
        dts: None,
        random_access: false,
    }
}

/// The samples of `pieces` with their times in ticks of 90 kHz.
fn cut(framer: &mut dyn Framer, pieces: &[(&[u8], Option<i64>)]) -> Vec<(Vec<u8>, i64)> {
    let mut frames = Vec::new();
    for (data, pts) in pieces {
        framer.push(piece(data, *pts), &mut frames);
    }
    let plain = |frame: Frame| (frame.data, frame.time.at_rate(CLOCK_HZ).ticks);
    frames.into_iter().map(plain).collect()
}

/// A byte stream of `units`.
fn stream(units: &[&[u8]]) -> Vec<u8> {
    units
        .iter()
        .flat_map(|unit| [&[0, 0, 0, 1], *unit].concat())
        .collect()
}

/// An access unit of `units`.
fn sample(units: &[&[u8]]) -> Vec<u8> {
    let sized = |unit: &&[u8]| [&(unit.len() as u32).to_be_bytes(), *unit].concat();
    units.iter().flat_map(sized).collect()
}

const DELIMITER: &[u8] = &[9, 0xf0];
const SPS: &[u8] = &[0x67, 0x64, 0, 0x1f, 0xac];
const PPS: &[u8] = &[0x68, 0xee, 0x3c, 0x80];
const KEY: &[u8] = &[0x65, 0x88, 1, 2, 3];
const SECOND_SLICE: &[u8] = &[0x41, 0x40, 4, 5];
const PICTURE: &[u8] = &[0x41, 0x9a, 6, 7, 8];

#[test]
fn each_piece_is_an_access_unit() {
    let mut framer = Coding::H264.framer();
    assert_eq!(framer.format(), None);
    let key = [DELIMITER, SPS, PPS, KEY];
    let frames = cut(
        &mut *framer,
        &[
            (&stream(&key), Some(0)),
            (&stream(&[DELIMITER, PICTURE, SECOND_SLICE]), Some(9000)),
            (&stream(&[DELIMITER, PICTURE]), Some(3000)),
        ],
    );
    let expected = [
        (sample(&key), 0),
        (sample(&[DELIMITER, PICTURE, SECOND_SLICE]), 9000),
        (sample(&[DELIMITER, PICTURE]), 3000),
    ];
    assert_eq!(frames, expected);
    let Some(Format::H264(config)) = framer.format() else {
        panic!("the format is known");
    };
    assert_eq!(
        (&config.sps[0][..], &config.pps[0][..], config.length_size),
        (SPS, PPS, 4)
    );
}

#[test]
fn several_access_units_in_a_piece_share_its_time_out() {
    let mut framer = Coding::H264.framer();
    let fields = stream(&[SPS, PPS, KEY, PICTURE]);
    let later = stream(&[PICTURE, PICTURE]);
    let pieces = [
        (&fields[..], Some(0)),
        (&later, Some(3600)),
        (&later, Some(7200)),
    ];
    let times: Vec<_> = cut(&mut *framer, &pieces)
        .into_iter()
        .map(|(_, time)| time)
        .collect();
    // Nothing tells the first step.
    assert_eq!(times, [0, 0, 3600, 5400, 7200, 9000]);
}

#[test]
fn access_units_that_straddle_pieces_are_joined() {
    let units = [DELIMITER, SPS, PPS, KEY];
    let all = [
        stream(&units),
        stream(&[DELIMITER, PICTURE]),
        stream(&[DELIMITER, KEY]),
        stream(&[DELIMITER, PICTURE]),
    ];
    let all = all.concat();
    for size in [5, 11, 40] {
        let mut framer = Coding::H264.framer();
        // A first unit shows that pieces go on where the last one ended.
        framer.push(piece(&[1, 2, 3], None), &mut Vec::new());
        let mut frames = Vec::new();
        for data in all.chunks(size) {
            framer.push(piece(data, Some(0)), &mut frames);
        }
        let data: Vec<_> = frames.into_iter().map(|frame| frame.data).collect();
        let last = sample(&[SPS, PPS, DELIMITER, KEY]);
        assert_eq!(
            data,
            [sample(&units), sample(&[DELIMITER, PICTURE]), last],
            "{size}"
        );
    }
}

#[test]
fn a_straddling_stream_is_recognised_and_keeps_its_times() {
    let mut framer = Coding::H264.framer();
    let first = stream(&[DELIMITER, SPS, PPS, KEY]);
    let second = stream(&[DELIMITER, PICTURE]);
    let third = stream(&[DELIMITER, PICTURE]);
    // Each piece holds the end of one and the beginning of the next.
    let pieces = [
        [&first, &second[..8]].concat(),
        [&second[8..], &third[..8]].concat(),
        [&third[8..], &second[..]].concat(),
        second.clone(),
    ];
    let times = [0, 3000, 6000, 9000];
    let pieces: Vec<_> = pieces
        .iter()
        .zip(times)
        .map(|(data, time)| (&data[..], Some(time)))
        .collect();
    let frames = cut(&mut *framer, &pieces);
    // The first cut costs one picture.
    let whole = sample(&[DELIMITER, PICTURE]);
    assert!(
        frames.ends_with(&[(whole.clone(), 3000), (whole, 6000)]),
        "{frames:?}"
    );
}

#[test]
fn parameter_sets_are_put_before_key_pictures_and_changes_are_noticed() {
    let mut framer = Coding::H264.framer();
    let other: &[u8] = &[0x67, 0x42, 0, 0x1e, 9];
    let frames = cut(
        &mut *framer,
        &[
            (&stream(&[SPS, PPS, KEY]), Some(0)),
            (&stream(&[DELIMITER, KEY]), Some(1)),
            (&stream(&[other, KEY]), Some(2)),
            (&stream(&[KEY]), Some(3)),
        ],
    );
    assert_eq!(frames[1].0, sample(&[SPS, PPS, DELIMITER, KEY]));
    assert_eq!(frames[3].0, sample(&[other, PPS, KEY]));
    let Some(Format::H264(config)) = framer.format() else {
        panic!("the format is known");
    };
    assert_eq!(config.sps, [other]);
}

#[test]
fn a_lost_beginning_costs_its_access_unit() {
    let mut framer = Coding::H264.framer();
    assert!(cut(&mut *framer, &[(&stream(&[SPS, PPS]), Some(0))]).is_empty());
    framer.skip();
    let frames = cut(&mut *framer, &[(&stream(&[DELIMITER, PICTURE]), Some(5))]);
    assert_eq!(frames, [(sample(&[DELIMITER, PICTURE]), 5)]);
}

#[test]
fn h265_has_parameter_sets_of_three_kinds() {
    let mut framer = Coding::H265.framer();
    let sets: [&[u8]; 3] = [&[0x40, 1, 0xc], &[0x42, 1, 1], &[0x44, 1, 0xc1]];
    let key: &[u8] = &[0x26, 1, 0xaf, 1];
    let picture: &[u8] = &[2, 1, 0xd0, 1];
    let slice: &[u8] = &[2, 1, 0x50, 1];
    let [vps, sps, pps] = sets;
    let frames = cut(
        &mut *framer,
        &[
            (&stream(&[vps, sps, pps, key]), Some(0)),
            (&stream(&[picture, slice]), Some(3000)),
            (&stream(&[key]), Some(6000)),
        ],
    );
    assert_eq!(frames[1].0, sample(&[picture, slice]));
    assert_eq!(frames[2].0, sample(&[vps, sps, pps, key]));
    assert!(matches!(framer.format(), Some(Format::H265(config)) if config.vps == [vps]));
}

/// AAC LC at 48 kHz, stereo.
fn adts(payload: &[u8]) -> Vec<u8> {
    let size = 7 + payload.len();
    let header = [
        0xff,
        0xf1,
        0x4c,
        0x80 | (size >> 11) as u8,
        (size >> 3) as u8,
        (size << 5) as u8 | 0x1f,
        0xfc,
    ];
    [&header, payload].concat()
}

/// The same in LOAS, the configuration in it or left out.
fn loas(payload: &[u8], configured: bool) -> Vec<u8> {
    let mut bits = if configured {
        // Version 0; one of each; AudioSpecificConfig 0x1190; length type 0, fullness, nothing else.
        "0".to_owned()
            + "0"
            + "1"
            + "000000"
            + "0000"
            + "000"
            + "0001000110010000"
            + "000"
            + "11111111"
            + "0"
            + "0"
    } else {
        "1".to_owned()
    };
    for byte in [
        &vec![0xff; payload.len() / 255][..],
        &[(payload.len() % 255) as u8],
        payload,
    ]
    .concat()
    {
        bits += &format!("{byte:08b}");
    }
    while bits.len() % 8 != 0 {
        bits.push('0');
    }
    let bytes: Vec<u8> = (0..bits.len() / 8)
        .map(|at| u8::from_str_radix(&bits[8 * at..8 * at + 8], 2).unwrap())
        .collect();
    let [_, high, low] = ((0x2b7_u32 << 13) as usize + bytes.len()).to_be_bytes()[5..] else {
        unreachable!()
    };
    let first = 0x56;
    [&[first, high, low], &bytes[..]].concat()
}

/// AC-3 at 48 kHz and 64 kbit/s, stereo.
fn syncframe(fill: u8) -> Vec<u8> {
    let mut frame = vec![fill; 256];
    frame[..8].copy_from_slice(&[0x0b, 0x77, 0, 0, 8, 0x40, 0x43, 0]);
    frame
}

/// Layer 3 at 44.1 kHz and 128 kbit/s, stereo.
fn mp3(fill: u8) -> Vec<u8> {
    let mut frame = vec![fill; 417];
    frame[..4].copy_from_slice(&[0xff, 0xfb, 0x90, 0]);
    frame
}

/// A packet of 20 ms behind its control header.
fn opus(payload: &[u8]) -> Vec<u8> {
    let packet = [&[0xfc], payload].concat();
    let size = [
        &vec![0xff; packet.len() / 255][..],
        &[(packet.len() % 255) as u8],
    ]
    .concat();
    [&[0x7f, 0xe0], &size[..], &packet].concat()
}

/// A coding, a few frames as they travel, the samples in them, and the ticks from one to the next.
type Audio = (Coding, Vec<Vec<u8>>, Vec<Vec<u8>>, i64);

/// Every coding of audio.
fn audio() -> Vec<Audio> {
    let fills = [1_u8, 2, 3, 4, 5];
    let payloads: Vec<Vec<u8>> = fills
        .map(|fill| vec![fill; 100 * usize::from(fill)])
        .to_vec();
    let of = |frame: &dyn Fn(&Vec<u8>) -> Vec<u8>| payloads.iter().map(frame).collect::<Vec<_>>();
    let fixed = |frame: fn(u8) -> Vec<u8>| fills.map(frame).to_vec();
    let packets = of(&|payload| [&[0xfc], &payload[..]].concat());
    vec![
        (
            Coding::Adts,
            of(&|payload| adts(payload)),
            payloads.clone(),
            1920,
        ),
        (
            Coding::Latm,
            of(&|payload| loas(payload, payload[0] != 2)),
            payloads.clone(),
            1920,
        ),
        (Coding::Ac3, fixed(syncframe), fixed(syncframe), 2880),
        (Coding::MpegAudio, fixed(mp3), fixed(mp3), 2351),
        (
            Coding::Opus { channels: 2 },
            of(&|payload| opus(payload)),
            packets,
            1800,
        ),
    ]
}

#[test]
fn audio_frames_are_found_however_pieces_are_cut() {
    for (coding, frames, samples, ticks) in audio() {
        let bytes = frames.concat();
        for size in [1, 7, 100, 417, 1000, 10_000] {
            let mut framer = coding.framer();
            let mut found = Vec::new();
            for (index, data) in bytes.chunks(size).enumerate() {
                let pts = (index == 0).then_some(90_000);
                framer.push(piece(data, pts), &mut found);
            }
            let data: Vec<_> = found.iter().map(|frame| frame.data.clone()).collect();
            assert_eq!(data, samples, "{coding:?} {size}");
            for (index, frame) in found.iter().enumerate() {
                let expected = 90_000 + ticks * index as i64;
                let time = frame.time.at_rate(CLOCK_HZ).ticks;
                assert!(
                    time.abs_diff(expected) <= 4,
                    "{coding:?} {size}: {time} {expected}"
                );
            }
        }
    }
}

#[test]
fn audio_formats_are_read_from_the_headers() {
    let formats: Vec<_> = audio()
        .into_iter()
        .map(|(coding, frames, ..)| {
            let mut framer = coding.framer();
            framer.push(piece(&frames.concat(), Some(0)), &mut Vec::new());
            let format = framer.format().unwrap();
            format!("{} {}", format.rtpmap(), format.fmtp().unwrap_or_default())
        })
        .collect();
    let aac = "mpeg4-generic/48000/2 streamtype=5;profile-level-id=1;mode=AAC-hbr;sizelength=13;\
               indexlength=3;indexdeltalength=3;config=1190";
    assert_eq!(
        formats,
        [
            aac,
            aac,
            "ac3/48000/2 ",
            "MPA/90000 ",
            "opus/48000/2 sprop-stereo=1"
        ]
    );
}

#[test]
fn a_frame_has_the_time_of_the_piece_it_begins_in() {
    for (coding, frames, _, ticks) in audio() {
        let mut framer = coding.framer();
        let middle = frames[1].len() / 2;
        // The second piece begins within a frame, so its time is that of the frame behind it.
        let first = [&frames[0], &frames[1][..middle]].concat();
        let second = [&frames[1][middle..], &frames[2], &frames[3]].concat();
        let times: Vec<_> = cut(&mut *framer, &[(&first, Some(0)), (&second, Some(50_000))])
            .into_iter()
            .map(|(_, time)| time)
            .collect();
        for (time, expected) in times.iter().zip([0, ticks, 50_000, 50_000 + ticks]) {
            assert!(time.abs_diff(expected) <= 4, "{coding:?} {times:?}");
        }
        assert_eq!(times.len(), 4, "{coding:?}");
    }
}

#[test]
fn rounded_times_do_not_make_audio_stumble() {
    let mut framer = Coding::Adts.framer();
    let mut frames = Vec::new();
    // Times in whole milliseconds, as some containers have them.
    for index in 0..100 {
        let time = index * 1024 * 1000 / 48_000 * 90;
        framer.push(piece(&adts(&[7; 50]), Some(time)), &mut frames);
    }
    assert!(
        frames
            .windows(2)
            .all(|pair| pair[1].time.ticks - pair[0].time.ticks == 1024)
    );
}

#[test]
fn rubbish_and_losses_cost_only_what_they_hit() {
    for (coding, frames, samples, _) in audio() {
        let mut framer = coding.framer();
        let first = [
            &[0xff, 0xf1, 0x0b, 0x77, 0x7f][..],
            &frames[0],
            &frames[1],
            &[0xff, 0x56, 0xe1],
            &frames[2],
        ];
        let first = first.concat();
        let mut found = cut(&mut *framer, &[(&first, Some(0))]);
        framer.skip();
        found.extend(cut(
            &mut *framer,
            &[(&[&frames[3][..], &frames[4], &frames[0]].concat(), Some(9))],
        ));
        let data: Vec<_> = found.into_iter().map(|(data, _)| data).collect();
        assert!(
            samples[..2]
                .iter()
                .chain(&samples[3..])
                .all(|sample| data.contains(sample)),
            "{coding:?}"
        );
    }
}

#[test]
fn time_goes_on_when_the_sampling_rate_changes() {
    let mut at_48_khz = mp3(3);
    at_48_khz.truncate(384);
    at_48_khz[2] = 0x94;
    let bytes = [&mp3(1), &mp3(2), &at_48_khz, &at_48_khz, &mp3(1), &mp3(2)];
    let bytes = bytes.map(|frame| &frame[..]).concat();
    let mut framer = Coding::MpegAudio.framer();
    let frames = cut(&mut *framer, &[(&bytes, None)]);
    let times: Vec<_> = frames.into_iter().map(|(_, time)| time).collect();
    for (time, expected) in times.iter().zip([0, 2351, 4702, 6862, 9022, 11_373]) {
        assert!(time.abs_diff(expected) <= 9, "{times:?}");
    }
    assert_eq!((times.len(), framer.skipped_bytes()), (6, 0));
}

#[test]
fn rubbish_before_and_between_frames_is_counted() {
    let (tag, half) = (b"ID3\x04\0\0\0\0\0\x0aTIT2 and so", &mp3(1)[200..]);
    let bytes = [half, tag, &mp3(2), &mp3(3), tag, &mp3(4), &mp3(5)].concat();
    let mut framer = Coding::MpegAudio.framer();
    assert_eq!(cut(&mut *framer, &[(&bytes, None)]).len(), 4);
    let rubbish = half.len() + 2 * tag.len();
    assert_eq!(framer.skipped_bytes(), rubbish as u64);
}

proptest! {
    #[test]
    fn any_bytes_are_borne(
        pieces in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..300), any::<Option<i64>>()), 0..20),
        place in 0_usize..2000,
        value: u8,
    ) {
        let mut codings: Vec<_> = audio().into_iter().map(|(coding, frames, ..)| (coding, frames.concat())).collect();
        let units = [DELIMITER, SPS, PPS, KEY, DELIMITER, PICTURE, SECOND_SLICE];
        codings.push((Coding::H264, stream(&units)));
        codings.push((Coding::H265, stream(&units)));
        for (coding, mut good) in codings {
            let place = place % good.len();
            good[place] = value;
            let mut framer = coding.framer();
            let mut frames = Vec::new();
            for (data, pts) in &pieces {
                framer.push(piece(data, *pts), &mut frames);
                framer.push(piece(&good, *pts), &mut frames);
            }
            let total: usize = frames.iter().map(|frame| frame.data.len()).sum();
            prop_assert!(total <= 40 * (good.len() + 300) * 4);
        }
    }
}
