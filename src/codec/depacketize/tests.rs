//! Every depacketiser against the packetiser of its format, with and without losses.

use proptest::prelude::*;

use super::*;
use crate::codec::mpeg_audio::Header;
use crate::codec::pcm::Coding;
use crate::codec::tests::{
    LIMITS, Payload, aac, h264, h265, hex, nal_sample, noise, payloads, pcm, with_header,
};
use crate::wire::rtp::{HEADER_LEN, write_header};

/// A format, samples of it, and the RTP ticks of each.
struct Case {
    format: Format,
    samples: Vec<Vec<u8>>,
    ticks: u32,
}

fn case(format: Format, ticks: u32, samples: impl IntoIterator<Item = Vec<u8>>) -> Case {
    Case {
        format,
        samples: samples.into_iter().collect(),
        ticks,
    }
}

/// Of each format that is packetised sample by sample.
fn cases() -> Vec<Case> {
    let sizes = [10, 150, 500, 1385, 1400, 5000];
    let avc = |size| {
        nal_sample(&[
            with_header(&[0x06], size, 9),
            with_header(&[0x65, 0x80], 1, size),
            with_header(&[0x65, 0x70], 2, size / 2),
            with_header(&[0x65, 0x70], 3, 20),
        ])
    };
    let hevc = |size| {
        nal_sample(&[
            with_header(&[0x4e, 0x01], size, 9),
            with_header(&[0x28, 0x01, 0x80], 1, size),
            with_header(&[0x28, 0x01, 0x70], 2, size / 2),
        ])
    };
    let mpeg4_video = Format::Mpeg4Video {
        config: hex("000001b001000001b50900000100000001200084"),
    };
    let mpeg_audio = Format::MpegAudio {
        layer: 3,
        rate_hz: 44_100,
        channels: 2,
    };
    let ac3 = Format::Ac3 {
        rate_hz: 48_000,
        channels: 6,
    };
    let amr = |wide| Format::Amr { wide, channels: 1 };
    vec![
        case(h264(), 3000, sizes.map(avc)),
        case(h265(), 3000, sizes.map(hevc)),
        case(
            aac(),
            1024,
            [3, 100, 372, 1385, 4000, 8191, 50, 60].map(|size| noise(size, size)),
        ),
        case(ac3, 1536, (0..7).map(syncframe)),
        case(mpeg_audio, 2351, (0..9).map(audio_frame)),
        case(
            amr(false),
            160,
            (0..25).map(|seed| with_header(&[0x3c], seed, 31)),
        ),
        case(
            amr(true),
            320,
            (0..25).map(|seed| with_header(&[0x44], seed, 60)),
        ),
        case(
            Format::Opus { channels: 2 },
            960,
            (0..9).map(|seed| with_header(&[0xfc], seed, 150)),
        ),
        case(
            pcm(Coding::ULaw, 8000, 1),
            160,
            (0..9).map(|seed| noise(seed, 160)),
        ),
        case(
            pcm(Coding::SignedBe(16), 44_100, 2),
            40,
            (0..9).map(|seed| noise(seed, 160)),
        ),
        case(
            Format::H263,
            3000,
            sizes.map(|size| with_header(&[0, 0, 0x80, 2, 0x0c], 1, size)),
        ),
        case(
            mpeg4_video,
            3000,
            sizes.map(|size| with_header(&[0, 0, 1, 0xb6, 0x10], 1, size)),
        ),
    ]
}

/// 448 kbit/s at 48 kHz, 3/2 with LFE.
fn syncframe(seed: usize) -> Vec<u8> {
    with_header(&[0x0b, 0x77, 1, 2, 0x1e, 0x40, 0xe1, 0xff], seed, 1792 - 8)
}

/// 128 kbit/s and 320 kbit/s at 44.1 kHz.
fn audio_frame(seed: usize) -> Vec<u8> {
    let header = [0xff, 0xfb, if seed % 3 == 2 { 0xe0 } else { 0x90 }, 0];
    let size = Header::read(header).unwrap().size as usize;
    with_header(&header, seed, size - 4)
}

/// The units of payloads of which `is_lost` do not arrive, and the format at the end.
fn receive(
    depacketizer: &mut dyn Depacketize,
    payloads: &[Payload],
    is_lost: impl Fn(usize) -> bool,
) -> Vec<AccessUnit> {
    let mut units = Vec::new();
    let mut lost = 0;
    for (index, payload) in payloads.iter().enumerate() {
        if is_lost(index) {
            lost += 1;
            continue;
        }
        push(depacketizer, payload, lost).unwrap_or_default();
        lost = 0;
        units.extend(std::iter::from_fn(|| depacketizer.pull()));
    }
    depacketizer.flush();
    units.extend(std::iter::from_fn(|| depacketizer.pull()));
    units
}

fn push(depacketizer: &mut dyn Depacketize, payload: &Payload, lost: u16) -> Result<(), Malformed> {
    let mut packet = [0; HEADER_LEN];
    write_header(&mut packet, payload.marker, 96, 0, payload.offset, 1);
    let packet = [&packet[..], &payload.bytes].concat();
    depacketizer.push(&rtp::Packet::read(&packet).unwrap(), lost)
}

fn depacketizer_of(format: &Format) -> Box<dyn Depacketize> {
    depacketizer(&format.rtpmap(), format.fmtp().as_deref()).unwrap()
}

#[test]
fn what_was_packetised_comes_back() {
    for Case {
        format,
        samples,
        ticks,
    } in cases()
    {
        for limit in LIMITS {
            let name = format.name();
            let sent = payloads(&format, &samples, ticks, limit);
            let mut depacketizer = depacketizer_of(&format);
            let units = receive(&mut *depacketizer, &sent, |_| false);
            assert_eq!(
                depacketizer.format(),
                Some(format.clone()),
                "{name} {limit}"
            );
            assert_eq!(units.len(), samples.len(), "{name} {limit}");
            for (index, (unit, sample)) in (0_u32..).zip(units.iter().zip(&samples)) {
                assert_eq!(unit.data, sample, "{name} {limit}");
                assert!(unit.time.abs_diff(index * ticks) <= 1, "{name} {limit}");
                assert!(unit.keyframe && !unit.damaged, "{name} {limit}");
                let duration = (format.kind() == crate::codec::Kind::Audio).then_some(ticks);
                assert_eq!(unit.duration, duration, "{name} {limit}");
            }
        }
    }
}

/// The sample that a unit came from, by its time.
fn source<'a>(case: &'a Case, unit: &AccessUnit) -> &'a [u8] {
    &case.samples[((unit.time + 1) / case.ticks) as usize]
}

/// What of a sample a damaged unit may consist of.
fn is_part(format: &Format, unit: &[u8], sample: &[u8]) -> bool {
    match format {
        Format::H264(_) | Format::H265(_) => {
            let units = |data| -> Vec<Vec<u8>> {
                let units = crate::codec::nal::Units::new("", data, 4);
                units.map(|unit| unit.unwrap().to_vec()).collect()
            };
            let whole = units(sample);
            units(unit).iter().all(|unit| whole.contains(unit))
        }
        Format::H263 | Format::Mpeg4Video { .. } => sample.starts_with(unit),
        _ => unit == sample,
    }
}

#[test]
fn what_is_lost_is_told_and_nothing_is_joined_wrongly() {
    for case in cases() {
        let name = case.format.name();
        for limit in LIMITS {
            let sent = payloads(&case.format, &case.samples, case.ticks, limit);
            for gap in 0..sent.len() {
                for length in [1, 2, 5] {
                    let is_lost = |index| (gap..gap + length).contains(&index);
                    let units = receive(&mut *depacketizer_of(&case.format), &sent, is_lost);
                    let place = format!("{name}, limit {limit}, {length} lost at {gap}");
                    for unit in &units {
                        let sample = source(&case, unit);
                        assert!(is_part(&case.format, &unit.data, sample), "{place}");
                        // Of what is missing at the very end no packet tells.
                        let is_end = gap + length >= sent.len() && Some(unit) == units.last();
                        assert!(unit.damaged || is_end || unit.data == sample, "{place}");
                    }
                    let is_told = units.iter().any(|unit| unit.damaged);
                    let mut after = sent.iter().skip(gap + length);
                    let is_last =
                        after.all(|payload| payload.offset == sent[sent.len() - 1].offset);
                    assert!(is_told || is_last, "{place}");
                }
            }
        }
    }
}

#[test]
fn repeated_parameter_sets_change_nothing_and_others_do() {
    let Format::H264(config) = h264() else {
        panic!("H.264");
    };
    let (sps, pps) = (config.sps[0].to_vec(), config.pps[0].to_vec());
    let picture = with_header(&[0x65, 0x80], 1, 30);
    let key = |sps: &[u8]| nal_sample(&[sps.to_vec(), pps.clone(), picture.clone()]);
    let stuffed = [&sps[..], &[0, 0]].concat();
    let mut other = sps.clone();
    other[3] += 1;
    let samples = [key(&sps), key(&stuffed), key(&other), key(&[0x67, 1, 2])];
    let sent = payloads(&h264(), &samples, 3000, 1388);
    for described in [h264().fmtp(), None] {
        let mut depacketizer = depacketizer("H264/90000", described.as_deref()).unwrap();
        let mut formats = Vec::new();
        for payload in &sent {
            let units = receive(&mut *depacketizer, std::slice::from_ref(payload), |_| false);
            assert_eq!(units[0].data, nal_sample(std::slice::from_ref(&picture)));
            formats.push(depacketizer.format().unwrap());
        }
        assert_eq!(formats[0], h264());
        assert_eq!(formats[1], h264());
        let Format::H264(changed) = &formats[2] else {
            panic!("H.264");
        };
        assert_eq!(changed.sps, [other.clone()]);
        assert_eq!(
            formats[3], formats[2],
            "a set that makes no sense is passed over"
        );
    }
}

#[test]
fn parameter_sets_between_key_frames_stay_in_the_stream() {
    let mut depacketizer = depacketizer_of(&h264());
    let (pps, picture) = (vec![0x68, 0xce, 0x11], with_header(&[0x41, 0x80], 1, 30));
    let sample = nal_sample(&[pps, picture.clone()]);
    let sent = payloads(&h264(), &[sample.clone(), sample.clone()], 3000, 1388);
    let units = receive(&mut *depacketizer, &sent, |_| false);
    assert_eq!(units[0].data, sample);
    assert_eq!(
        units[1].data,
        nal_sample(&[picture]),
        "it is in force already"
    );
    assert!(!units[0].keyframe);
}

#[test]
fn a_unit_ends_with_its_time_where_markers_do_not_tell() {
    let picture = |seed| {
        let slices = [
            with_header(&[0x65, 0x80], seed, 900),
            with_header(&[0x65, 0x70], seed, 900),
        ];
        nal_sample(&slices)
    };
    let samples: Vec<_> = (0..5).map(picture).collect();
    let mut sent = payloads(&h264(), &samples, 3000, 1000);
    sent.iter_mut().for_each(|payload| payload.marker = false);
    let units = receive(&mut *depacketizer_of(&h264()), &sent, |_| false);
    let data: Vec<_> = units.iter().map(|unit| unit.data.to_vec()).collect();
    assert_eq!(data, samples, "no markers");
    sent.iter_mut().for_each(|payload| payload.marker = true);
    let units = receive(&mut *depacketizer_of(&h264()), &sent, |_| false);
    let whole: Vec<_> = units.iter().filter(|unit| unit.data.len() > 1000).collect();
    assert_eq!(
        whole.len(),
        4,
        "a marker at each slice: the first picture teaches"
    );
    assert!(
        whole
            .iter()
            .all(|unit| samples.iter().any(|sample| unit.data == sample))
    );
}

#[test]
fn payloads_of_interleaved_mode_are_refused_with_a_reason() {
    for (kind, name) in [(25, "STAP-B"), (26, "MTAP"), (27, "MTAP"), (29, "FU-B")] {
        let payload = Payload {
            bytes: vec![kind, 0, 0, 0, 2, 0x41, 0x80],
            marker: true,
            offset: 0,
        };
        let mut depacketizer = depacketizer_of(&h264());
        let refusal = push(&mut *depacketizer, &payload, 0).unwrap_err();
        assert!(refusal.reason.contains(name));
        assert_eq!(depacketizer.pull(), None);
    }
}

#[test]
fn decoding_order_numbers_are_passed_over() {
    let slice = with_header(&[0x28, 0x01, 0x80], 1, 20);
    let other = with_header(&[0x28, 0x01, 0x70], 2, 20);
    let sample = nal_sample(&[slice.clone(), other.clone()]);
    let length = [0, slice.len() as u8];
    let together = [&[0x60, 1, 9, 9], &length[..], &slice, &[0], &length, &other].concat();
    let single = |unit: &[u8]| [&unit[..2], &[9, 9], &unit[2..]].concat();
    let piece =
        |ends: u8, number: &[u8], data: &[u8]| [&[0x62, 1, ends | 20], number, data].concat();
    let sequences = [
        vec![together],
        vec![single(&slice), single(&other)],
        vec![
            single(&slice),
            piece(0x80, &[9, 9], &other[2..10]),
            piece(0x40, &[], &other[10..]),
        ],
    ];
    for payloads in sequences {
        let last = payloads.len() - 1;
        let payloads: Vec<_> = (0..)
            .zip(payloads)
            .map(|(index, bytes)| Payload {
                bytes,
                marker: index == last,
                offset: 0,
            })
            .collect();
        let mut depacketizer = depacketizer("H265/90000", Some("sprop-max-don-diff=1")).unwrap();
        let units = receive(&mut *depacketizer, &payloads, |_| false);
        assert_eq!(units[0].data, sample);
    }
}

fn whole(bytes: Vec<u8>, offset: u32) -> Payload {
    Payload {
        bytes,
        marker: true,
        offset,
    }
}

#[test]
fn au_headers_of_other_sizes_are_read() {
    let config = "config=1210";
    let low = format!("mode=AAC-lbr;sizelength=6;indexlength=2;indexdeltalength=2;{config}");
    let timed = format!(
        "mode=generic;sizelength=12;indexlength=2;indexdeltalength=2;ctsdeltalength=3;\
         dtsdeltalength=3;randomaccessindication=1;streamstateindication=4;\
         auxiliarydatasizelength=4;constantduration=512;{config}"
    );
    let constant = format!("mode=generic;constantsize=3;{config}");
    let bare = format!("mode=generic;{config}");
    let frames: [&[u8]; 2] = [&[1, 2, 3], &[4, 5, 6]];
    // Size, index, flags of both times, random access, state; the second has times of three bits.
    let first = vec![(3, 12), (0, 2), (0, 1), (0, 1), (1, 1), (9, 4)];
    let second = vec![(3, 12), (0, 2), (0b1101, 4), (0b1001, 4), (1, 1), (9, 4)];
    let headers = bits(&[first, second].concat());
    let auxiliary = bits(&[(5, 4), (0x1f, 5)]);
    let cases: [(&str, Vec<u8>, u32); 4] = [
        (&low, vec![0, 16, 3 << 2, 3 << 2, 1, 2, 3, 4, 5, 6], 1024),
        (
            &timed,
            [&[0, 48], &headers[..], &auxiliary, &frames.concat()].concat(),
            512,
        ),
        (&constant, vec![1, 2, 3, 4, 5, 6], 1024),
        (&bare, vec![1, 2, 3], 1024),
    ];
    for (fmtp, bytes, ticks) in cases {
        let mut depacketizer = depacketizer("mpeg4-generic/44100/2", Some(fmtp)).unwrap();
        push(&mut *depacketizer, &whole(bytes, 7000), 0).unwrap();
        let units: Vec<_> = std::iter::from_fn(|| depacketizer.pull()).collect();
        for (index, unit) in (0..).zip(&units) {
            assert_eq!(unit.data, frames[index as usize], "{fmtp}");
            assert_eq!(unit.time, 7000 + index * ticks, "{fmtp}");
            assert_eq!(unit.duration, Some(ticks), "{fmtp}");
        }
        assert_eq!(units.len(), if fmtp == bare { 1 } else { 2 }, "{fmtp}");
    }
    let mut interleaved = depacketizer_of(&aac());
    let payload = whole(vec![0, 32, 0, 24, 0, 25, 1, 2, 3, 4, 5, 6], 0);
    let refusal = push(&mut *interleaved, &payload, 0).unwrap_err();
    assert!(refusal.reason.contains("interleaved"));
}

/// Fields of so many bits as bytes.
fn bits(fields: &[(u32, u32)]) -> Vec<u8> {
    let all = fields
        .iter()
        .flat_map(|(value, count)| (0..*count).rev().map(move |bit| value >> bit & 1));
    let all: Vec<_> = all.collect();
    let byte =
        |bits: &[u32]| (0..8).fold(0, |byte, at| byte << 1 | *bits.get(at).unwrap_or(&0) as u8);
    all.chunks(8).map(byte).collect()
}

/// A StreamMuxConfig of AAC LC, 44.1 kHz, stereo.
fn mux_config(sub_frames: u32) -> Vec<(u32, u32)> {
    vec![
        (0, 1),
        (1, 1),
        (sub_frames - 1, 6),
        (0, 7),
        (0x1210, 16),
        (0, 3),
        (0xff, 8),
        (0, 2),
    ]
}

#[test]
fn latm_is_read_with_its_configuration_inside_and_outside() {
    let frames = [noise(1, 300), noise(2, 20)];
    let length = |frame: &[u8]| match frame.len() {
        300 => vec![(255, 8), (45, 8)],
        short => vec![(short as u32, 8)],
    };
    let written = |frame: &Vec<u8>| -> Vec<(u32, u32)> {
        let bytes = frame.iter().map(|byte| (u32::from(*byte), 8));
        length(frame).into_iter().chain(bytes).collect()
    };
    let both = [written(&frames[0]), written(&frames[1])].concat();
    let inband = [vec![(0, 1)], mux_config(2), both.clone()].concat();
    let hex: String = bits(&mux_config(2))
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    for (fmtp, element) in [
        ("profile-level-id=15".to_owned(), bits(&inband)),
        (format!("cpresent=0;config={hex}"), bits(&both)),
    ] {
        let mut depacketizer = depacketizer("MP4A-LATM/90000/2", Some(&fmtp)).unwrap();
        let mut sent: Vec<_> = element
            .chunks(100)
            .map(|piece| whole(piece.to_vec(), 900))
            .collect();
        let last = sent.len() - 1;
        sent[..last]
            .iter_mut()
            .for_each(|payload| payload.marker = false);
        let units = receive(&mut *depacketizer, &sent, |_| false);
        let data: Vec<_> = units.iter().map(|unit| unit.data.to_vec()).collect();
        assert_eq!(data, frames, "{fmtp}");
        assert_eq!([units[0].time, units[1].time], [900, 900 + 2090]);
        assert_eq!(depacketizer.format(), Some(aac()));
        assert!(receive(&mut *depacketizer, &sent, |index| index == 1).is_empty());
        let units = receive(&mut *depacketizer, &sent, |_| false);
        assert!(units[0].damaged && !units[1].damaged);
    }
    assert!(depacketizer("MP4A-LATM/90000", Some("cpresent=0")).is_none());
}

#[test]
fn amr_without_alignment_is_the_same_speech() {
    let speech = noise(3, 31);
    let toc = |follows: u32| vec![(follows, 1), (7, 4), (1, 1)];
    // 244 bits: all but the last four of the 31 bytes.
    let mut frame: Vec<_> = speech[..30]
        .iter()
        .map(|byte| (u32::from(*byte), 8))
        .collect();
    frame.push((u32::from(speech[30] >> 4), 4));
    let fields = [vec![(15, 4)], toc(1), toc(0), frame.clone(), frame].concat();
    let mut depacketizer = depacketizer("AMR/8000", None).unwrap();
    push(&mut *depacketizer, &whole(bits(&fields), 320), 0).unwrap();
    let mut expected = [&[0x3c], &speech[..]].concat();
    expected[31] &= 0xf0;
    for time in [320, 480] {
        let unit = depacketizer.pull().unwrap();
        assert_eq!((unit.time, &unit.data[..]), (time, &expected[..]));
    }
    assert!(super::depacketizer("AMR/8000", Some("octet-align=1;interleaving=30")).is_none());
}

#[test]
fn headers_of_mpeg4_video_become_the_format() {
    let headers = hex("000001b001000001b50900000100000001200084");
    let picture = [&headers[..], &with_header(&[0, 0, 1, 0xb6, 0x10], 1, 40)].concat();
    let mut depacketizer = depacketizer("MP4V-ES/90000", None).unwrap();
    assert_eq!(depacketizer.format(), None);
    let units = receive(&mut *depacketizer, &[whole(picture.clone(), 0)], |_| false);
    assert_eq!(units[0].data, picture);
    let expected = Format::Mpeg4Video { config: headers };
    assert_eq!(depacketizer.format(), Some(expected));
}

#[test]
fn what_is_not_known_has_no_depacketizer() {
    for encoding in [
        "",
        "H264",
        "H264/0",
        "H264/x",
        "VP8/90000",
        "PCMU/8000/0",
        "L16/8000/300",
    ] {
        assert!(depacketizer(encoding, None).is_none(), "{encoding}");
    }
    assert!(depacketizer("mpeg4-generic/44100/2", Some("config=zz")).is_none());
    assert!(depacketizer(" h264/90000", Some("sprop-parameter-sets=,,?")).is_some());
}

proptest! {
    #[test]
    fn hostile_payloads_are_survived(
        which in 0_usize..12,
        payloads in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..60), any::<bool>(), 0_u32..3, 0_u16..2), 0..40),
    ) {
        let mut depacketizer = depacketizer_of(&cases()[which].format);
        for (bytes, marker, offset, lost) in payloads {
            let _ = push(&mut *depacketizer, &Payload { bytes, marker, offset }, lost);
            while let Some(unit) = depacketizer.pull() {
                prop_assert!(!unit.data.is_empty());
            }
        }
    }

    #[test]
    fn hostile_pieces_of_pictures_are_survived(
        which in 0_usize..5,
        payloads in prop::collection::vec((prop::collection::vec(0_u8..9, 0..30), any::<u8>(), any::<bool>(), 0_u32..3, 0_u16..2), 0..40),
    ) {
        let encoding = ["H261/90000", "H263/90000", "MPV/90000", "JPEG/90000", "VP8/90000"][which];
        let mut track = Foreign::of(encoding, None).unwrap();
        for (mut payload, first, marker, time, lost) in payloads {
            if let Some(byte) = payload.first_mut() {
                *byte = first;
            }
            let mut header = [0; HEADER_LEN];
            write_header(&mut header, marker, 96, 0, time, 1);
            let packet = [&header[..], &payload].concat();
            let _ = track.push(&rtp::Packet::read(&packet).unwrap(), lost);
            while let Some(unit) = track.pull() {
                prop_assert!((1..=MAX_UNIT).contains(&unit.data.len()));
            }
        }
    }
}
