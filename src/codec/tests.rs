//! Every packetiser against a reader that knows nothing of it: retina's where it has the
//! format, else a small one written from the RFC.

use std::num::{NonZeroU16, NonZeroU32};

use bytes::Bytes;
use proptest::prelude::*;
use retina::PacketContext;
use retina::codec::{CodecItem, Depacketizer, FrameFormat};
use retina::rtp::PacketMeta;
use retina::testutil::DepacketizeBuf;

use super::pcm::Coding;
use super::*;

pub(super) const LIMITS: [usize; 5] = [200, 333, 1000, 1388, 1460];

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Payload {
    pub(super) bytes: Vec<u8>,
    pub(super) marker: bool,
    pub(super) offset: u32,
}

#[derive(Default)]
struct Collected(Vec<Payload>);

impl Sink for Collected {
    fn payload(&mut self, parts: &[&[u8]], marker: bool, offset: u32) {
        self.0.push(Payload {
            bytes: parts.concat(),
            marker,
            offset,
        });
    }
}

/// The payloads of `samples`, `ticks` apart, in calls of as many as the packetiser takes.
pub(super) fn payloads(
    format: &Format,
    samples: &[Vec<u8>],
    ticks: u32,
    limit: usize,
) -> Vec<Payload> {
    let packetizer = format.packetizer();
    let mut all = Vec::new();
    let mut index = 0;
    for call in samples.chunks(packetizer.samples_per_call()) {
        let mut sink = Collected::default();
        let samples: Vec<_> = (0..)
            .zip(call)
            .map(|(place, data)| Sample {
                data,
                offset: place * ticks,
            })
            .collect();
        packetizer.packetize(&samples, limit, &mut sink).unwrap();
        for mut payload in sink.0 {
            assert!(
                payload.bytes.len() <= limit,
                "{} of {limit}",
                payload.bytes.len()
            );
            payload.offset += index * ticks;
            all.push(payload);
        }
        index += call.len() as u32;
    }
    all
}

/// What retina makes of the payloads.
fn retina(format: &Format, payloads: &[Payload]) -> Vec<Vec<u8>> {
    let media = match format.kind() {
        Kind::Video => "video",
        _ => "audio",
    };
    let rtpmap = format.rtpmap().to_lowercase();
    let mut words = rtpmap.split('/');
    let name = words.next().unwrap();
    let channels = words
        .nth(1)
        .and_then(|text| text.parse().ok())
        .and_then(NonZeroU16::new);
    let rate = NonZeroU32::new(format.clock_rate()).unwrap();
    let fmtp = format.fmtp();
    let mut reader = Depacketizer::new(media, name, rate.get(), channels, fmtp.as_deref()).unwrap();
    reader.set_frame_format(FrameFormat::MP4);
    let mut buffer = DepacketizeBuf::new(1 << 16);
    let mut frames = Vec::new();
    for (sequence, payload) in payloads.iter().enumerate() {
        let meta = PacketMeta {
            ctx: PacketContext::dummy(),
            stream_id: 0,
            timestamp: retina::Timestamp::new(payload.offset.into(), rate, 0).unwrap(),
            sequence_number: sequence as u16,
            ssrc: 1,
            mark: payload.marker,
            loss: 0,
        };
        buffer.push(&mut reader, meta, &payload.bytes).unwrap();
        while let Some(item) = reader.pull() {
            match item.unwrap() {
                CodecItem::VideoFrame(frame) => frames.push(frame.data().to_vec()),
                CodecItem::AudioFrame(frame) => frames.push(frame.data().to_vec()),
                other => panic!("{other:?}"),
            }
        }
    }
    frames
}

/// Bytes that hold no start code and end in none.
pub(super) fn noise(seed: usize, size: usize) -> Vec<u8> {
    (0..size)
        .map(|at| ((at * 31 + seed * 7) % 255 + 1) as u8)
        .collect()
}

pub(super) fn with_header(header: &[u8], seed: usize, size: usize) -> Vec<u8> {
    [header, &noise(seed, size)].concat()
}

pub(super) fn nal_sample(units: &[Vec<u8>]) -> Vec<u8> {
    let prefixed = |unit: &Vec<u8>| [&(unit.len() as u32).to_be_bytes(), &unit[..]].concat();
    units.iter().flat_map(prefixed).collect()
}

pub(super) fn hex(text: &str) -> Bytes {
    let byte = |at| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(byte).collect()
}

pub(super) fn h264() -> Format {
    Format::H264(h264::Config {
        length_size: 4,
        sps: vec![hex("67f4000a919b288f6022000003000200000300641e244b2c")],
        pps: vec![hex("68ebe3c44844")],
    })
}

pub(super) fn h265() -> Format {
    Format::H265(h265::Config {
        length_size: 4,
        vps: vec![hex("40010c01ffff0408000003009e0800000300001e959809")],
        sps: vec![hex(
            "4201010408000003009e0800000300001e90041062cb2b35c995e02dc08080010000030001000003001908",
        )],
        pps: vec![hex("4401c17318310890")],
    })
}

pub(super) fn aac() -> Format {
    Format::Aac(aac::Config::from_specific(&[0x12, 0x10]).unwrap())
}

pub(super) fn pcm(coding: Coding, rate_hz: u32, channels: u8) -> Format {
    Format::Pcm(pcm::Config {
        coding,
        rate_hz,
        channels,
    })
}

/// One marker a sample, on the last payload of its time.
fn assert_marks_ends(payloads: &[Payload]) {
    for (index, payload) in payloads.iter().enumerate() {
        let next = payloads.get(index + 1);
        assert_eq!(
            payload.marker,
            next.is_none_or(|next| next.offset != payload.offset)
        );
    }
}

#[test]
fn h264_access_units_arrive_whole() {
    let samples: Vec<_> = [10, 150, 500, 1385, 1400, 5000]
        .into_iter()
        .map(|size| {
            nal_sample(&[
                with_header(&[0x06], size, 9),
                with_header(&[0x65], 1, size),
                with_header(&[0x61], 2, size / 2),
                with_header(&[0x01], 3, 20),
            ])
        })
        .collect();
    for limit in LIMITS {
        let payloads = payloads(&h264(), &samples, 3000, limit);
        assert_marks_ends(&payloads);
        assert_eq!(retina(&h264(), &payloads), samples, "limit {limit}");
    }
}

#[test]
fn h265_access_units_arrive_whole() {
    let samples: Vec<_> = [10, 150, 500, 1385, 1400, 5000]
        .into_iter()
        .map(|size| {
            nal_sample(&[
                with_header(&[0x4e, 0x01], size, 9),
                with_header(&[0x28, 0x01], 1, size),
                with_header(&[0x28, 0x01], 2, size / 2),
            ])
        })
        .collect();
    for limit in LIMITS {
        let payloads = payloads(&h265(), &samples, 3000, limit);
        assert_marks_ends(&payloads);
        assert_eq!(retina(&h265(), &payloads), samples, "limit {limit}");
    }
}

#[test]
fn delimiters_stay_behind_and_parameter_sets_do_not() {
    let slice = with_header(&[0x65], 1, 30);
    let sample = nal_sample(&[
        vec![0x09, 0xf0],
        vec![0x67, 1, 2],
        vec![0x68, 3],
        slice.clone(),
    ]);
    let sent = payloads(&h264(), &[sample], 0, 1388);
    let expected = [&[0x78, 0, 3, 0x67, 1, 2, 0, 2, 0x68, 3, 0, 31], &slice[..]].concat();
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].bytes, expected);
}

#[test]
fn aac_frames_arrive_whole() {
    let sizes = [3, 100, 300, 372, 1384, 1385, 1386, 4000, 8191, 50, 60, 70];
    let samples: Vec<_> = sizes.into_iter().map(|size| noise(size, size)).collect();
    for limit in LIMITS {
        let payloads = payloads(&aac(), &samples, 1024, limit);
        assert_eq!(retina(&aac(), &payloads), samples, "limit {limit}");
    }
}

#[test]
fn linear_audio_arrives_as_16_bits_in_network_order() {
    let value = |index: i32| (index * 37 % 30_000) - 15_000;
    let all = 0..1764;
    let expected: Vec<u8> = all
        .clone()
        .flat_map(|index| (value(index) as i16).to_be_bytes())
        .collect();
    let float = |index| (f64::from(value(index)) / 32_768.0) as f32;
    let little: Vec<u8> = all
        .clone()
        .flat_map(|index| (value(index) as i16).to_le_bytes())
        .collect();
    let wide: Vec<u8> = all
        .clone()
        .flat_map(|index| (value(index) << 16).to_le_bytes())
        .collect();
    let floats: Vec<u8> = all.flat_map(|index| float(index).to_be_bytes()).collect();
    for (coding, stored) in [
        (Coding::SignedBe(16), expected.clone()),
        (Coding::SignedLe(16), little),
        (Coding::SignedLe(32), wide),
        (Coding::FloatBe(32), floats),
    ] {
        let format = pcm(coding, 44_100, 2);
        for limit in LIMITS {
            let payloads = payloads(&format, std::slice::from_ref(&stored), 0, limit);
            assert_eq!(
                retina(&format, &payloads).concat(),
                expected,
                "{coding:?} {limit}"
            );
            let mut frames = 0;
            for payload in payloads {
                assert_eq!(payload.offset, frames);
                frames += payload.bytes.len() as u32 / 4;
            }
        }
    }
}

#[test]
fn g711_goes_out_as_it_is() {
    let format = pcm(Coding::ULaw, 8000, 1);
    let samples = [noise(1, 160), noise(2, 160)];
    assert_eq!(
        retina(&format, &payloads(&format, &samples, 160, 1388)),
        samples
    );
    assert_eq!(format.static_payload_type(), Some(0));
    assert_eq!(format.rtpmap(), "PCMU/8000");
}

/// A picture whose segments a baseline encoder would write.
fn jpeg(sampling: u8, restart: Option<u16>, scan: &[u8]) -> Vec<u8> {
    let mut picture = vec![0xff, 0xd8];
    for (number, value) in [(0, 7), (1, 9)] {
        picture.extend([0xff, 0xdb, 0, 67, number]);
        picture.extend([value; 64]);
    }
    if let Some([high, low]) = restart.map(u16::to_be_bytes) {
        picture.extend([0xff, 0xdd, 0, 4, high, low]);
    }
    picture.extend([0xff, 0xc0, 0, 17, 8, 0, 48, 0, 64, 3]);
    picture.extend([1, sampling, 0, 2, 0x11, 1, 3, 0x11, 1]);
    picture.extend([0xff, 0xda, 0, 12, 3, 1, 0, 2, 0x11, 3, 0x11, 0, 63, 0]);
    picture.extend(scan);
    picture.extend([0xff, 0xd9]);
    picture
}

#[test]
fn jpeg_pictures_can_be_made_again() {
    let scan: Vec<u8> = (0..6000).map(|at| (at % 255) as u8).collect();
    for (sampling, restart) in [(0x21, None), (0x22, None), (0x22, Some(4))] {
        let sample = jpeg(sampling, restart, &scan);
        for limit in LIMITS {
            let payloads = payloads(&Format::Jpeg, std::slice::from_ref(&sample), 0, limit);
            assert_marks_ends(&payloads);
            let pictures = retina(&Format::Jpeg, &payloads);
            let [picture] = &pictures[..] else {
                panic!("{} pictures", pictures.len());
            };
            let tail = [&scan[..], &[0xff, 0xd9]].concat();
            assert!(picture.ends_with(&tail), "{sampling:x} {restart:?} {limit}");
            // What retina wrote is itself a picture that can be sent: same size, tables and scan.
            let again = self::payloads(&Format::Jpeg, std::slice::from_ref(picture), 0, limit);
            assert_eq!(again, payloads);
        }
    }
}

#[test]
fn jpeg_that_rtp_cannot_carry_is_refused() {
    let good = jpeg(0x22, None, &[1, 2, 3]);
    let position = good
        .windows(2)
        .position(|pair| pair == [0xff, 0xc0])
        .unwrap();
    let progressive = {
        let mut picture = good.clone();
        picture[position + 1] = 0xc2;
        picture
    };
    let mut own_huffman = good;
    own_huffman.splice(
        2..2,
        [
            0xff, 0xc4, 0, 20, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5,
        ],
    );
    for picture in [progressive, own_huffman, jpeg(0x11, None, &[1])] {
        let sample = Sample {
            data: &picture,
            offset: 0,
        };
        let mut sink = Collected::default();
        assert!(
            Format::Jpeg
                .packetizer()
                .packetize(&[sample], 1388, &mut sink)
                .is_err()
        );
    }
}

/// Strips `header` bytes of each payload, and joins those up to a marker.
fn join_until_marker(
    payloads: &[Payload],
    header: impl Fn(&[u8]) -> (Vec<u8>, usize),
) -> Vec<Vec<u8>> {
    let mut frames = vec![Vec::new()];
    for payload in payloads {
        let (instead, skipped) = header(&payload.bytes);
        let frame = frames.last_mut().unwrap();
        frame.extend(instead);
        frame.extend(&payload.bytes[skipped..]);
        if payload.marker {
            frames.push(Vec::new());
        }
    }
    assert_eq!(frames.pop(), Some(Vec::new()));
    frames
}

#[test]
fn mpeg4_video_goes_out_as_it_is() {
    let format = Format::Mpeg4Video {
        config: hex("000001b008"),
    };
    let samples = [100, 1388, 1389, 7000].map(|size| noise(size, size));
    for limit in LIMITS {
        let payloads = payloads(&format, &samples, 3000, limit);
        assert_eq!(join_until_marker(&payloads, |_| (vec![], 0)), samples);
    }
    assert_eq!(
        format.fmtp().as_deref(),
        Some("profile-level-id=8;config=000001B008")
    );
}

#[test]
fn h263_pictures_are_cut_at_groups_of_blocks() {
    let group = |seed| with_header(&[0, 0, 0x84], seed, 90);
    let picture: Vec<u8> = [with_header(&[0, 0, 0x80], 1, 100)]
        .into_iter()
        .chain((0..20).map(group))
        .collect::<Vec<_>>()
        .concat();
    let samples = [picture, with_header(&[0, 0, 0x80], 2, 4000)];
    for limit in LIMITS {
        let payloads = payloads(&Format::H263, &samples, 3000, limit);
        let zeros = |payload: &[u8]| {
            (
                if payload[0] & 4 != 0 {
                    vec![0, 0]
                } else {
                    vec![]
                },
                2,
            )
        };
        assert_eq!(join_until_marker(&payloads, zeros), samples);
        let first: Vec<_> = payloads
            .iter()
            .filter(|payload| payload.offset == 0)
            .collect();
        assert!(
            first.iter().all(|payload| payload.bytes[0] == 4),
            "limit {limit}"
        );
    }
}

#[test]
fn vp9_frames_arrive_whole() {
    let format = Format::Vp9(vp9::Config { profile: 0 });
    let samples = [with_header(&[0x82], 1, 3000), with_header(&[0x86], 2, 50)];
    for limit in LIMITS {
        let payloads = payloads(&format, &samples, 3000, limit);
        assert_eq!(join_until_marker(&payloads, |_| (vec![], 1)), samples);
        assert_eq!(payloads[0].bytes[0] & 0x48, 0x08, "a key frame starts");
        assert_eq!(payloads.last().map(|payload| payload.bytes[0]), Some(0x4c));
    }
}

#[test]
fn av1_temporal_units_arrive_without_sizes_and_delimiters() {
    let format = Format::Av1(av1::Config::from_av1c(&[0x81, 0x04, 0x0c, 0]).unwrap());
    let size = [0xa0, 0x1f]; // 4000 as leb128
    let frame = noise(2, 4000);
    let sample = [&[0x12, 0, 0x0a, 3, 7, 8, 9, 0x32], &size[..], &frame].concat();
    for limit in LIMITS {
        let payloads = payloads(&format, std::slice::from_ref(&sample), 0, limit);
        assert_marks_ends(&payloads);
        assert_eq!(payloads[0].bytes, [0x18, 0x08, 7, 8, 9]);
        let mut whole: Vec<u8> = Vec::new();
        for (index, payload) in payloads[1..].iter().enumerate() {
            let continued = if index > 0 { 0x80 } else { 0 };
            let continues = if payload.marker { 0 } else { 0x40 };
            assert_eq!(payload.bytes[0], 0x10 | continued | continues);
            whole.extend(&payload.bytes[1..]);
        }
        assert_eq!(whole, [&[0x30], &frame[..]].concat());
    }
    assert_eq!(
        format.fmtp().as_deref(),
        Some("profile=0;level-idx=4;tier=0")
    );
}

#[test]
fn opus_packets_go_out_one_by_one() {
    let format = Format::Opus { channels: 2 };
    let samples = [noise(1, 80), noise(2, 190)];
    let sent = payloads(&format, &samples, 960, 200);
    assert_eq!(
        sent.iter().map(|sent| &sent.bytes).collect::<Vec<_>>(),
        samples.iter().collect::<Vec<_>>()
    );
    assert_eq!(format.rtpmap(), "opus/48000/2");
}

#[test]
fn amr_frames_share_packets() {
    let format = Format::Amr {
        wide: false,
        channels: 1,
    };
    // 12.2 kbit/s speech, comfort noise, nothing; two frames in the first sample.
    let speech = with_header(&[0x3c], 1, 31);
    let samples = [
        [&speech[..], &speech].concat(),
        with_header(&[0x44], 2, 5),
        vec![0x7c],
    ];
    for limit in LIMITS {
        let payloads = payloads(&format, &samples, 320, limit);
        let mut stored = Vec::new();
        for payload in &payloads {
            assert_eq!(payload.bytes[0], 0xf0);
            let last = payload.bytes[1..]
                .iter()
                .position(|toc| toc & 0x80 == 0)
                .unwrap();
            let (table, mut frames) = payload.bytes[1..].split_at(last + 1);
            for toc in table {
                let size = match toc >> 3 & 0xf {
                    7 => 31,
                    8 => 5,
                    _ => 0,
                };
                stored.push(toc & 0x7f);
                stored.extend(frames.split_off(..size).unwrap());
            }
            assert!(frames.is_empty());
        }
        assert_eq!(stored, samples.concat(), "limit {limit}");
    }
}

#[test]
fn mpeg_audio_frames_arrive_whole() {
    let format = Format::MpegAudio {
        layer: 3,
        rate_hz: 44_100,
        channels: 2,
    };
    let sizes = [100, 417, 418, 417, 1044, 1440, 417];
    let samples = sizes.map(|size| with_header(&[0xff, 0xfb, 0x90, 0], size, size - 4));
    for limit in LIMITS {
        let payloads = payloads(&format, &samples, 2351, limit);
        let mut stream: Vec<u8> = Vec::new();
        let mut frame_start = 0;
        for payload in &payloads {
            let [0, 0, high, low, data @ ..] = &payload.bytes[..] else {
                panic!("{payload:?}");
            };
            let fragment_offset = usize::from(u16::from_be_bytes([*high, *low]));
            if fragment_offset == 0 {
                frame_start = stream.len();
            }
            assert_eq!(stream.len() - frame_start, fragment_offset);
            assert!(!payload.marker);
            stream.extend(data);
        }
        assert_eq!(stream, samples.concat(), "limit {limit}");
    }
    let shared = payloads(&format, &samples[1..4], 2351, 1388);
    assert_eq!(shared.len(), 1);
}

#[test]
fn ac3_frames_arrive_whole() {
    let format = Format::from_dac3(&[0x10, 0x3d, 0xe0]).unwrap();
    assert_eq!(format.rtpmap(), "ac3/48000/6");
    let samples = [768, 768, 128, 1792, 256].map(|size| with_header(&[0x0b, 0x77], size, size - 2));
    for limit in LIMITS {
        let payloads = payloads(&format, &samples, 1536, limit);
        let joined: Vec<u8> = payloads
            .iter()
            .flat_map(|sent| sent.bytes[2..].to_vec())
            .collect();
        assert_eq!(joined, samples.concat(), "limit {limit}");
        for payload in &payloads {
            let whole = payload.bytes[0] == 0;
            assert!(payload.marker || !whole);
        }
        let large: Vec<_> = payloads
            .iter()
            .filter(|sent| sent.offset == 3 * 1536)
            .collect();
        assert_eq!(large.len(), usize::from(large[0].bytes[1]));
        assert_eq!(
            large[0].bytes[0],
            if 8 * (limit - 2) >= 5 * 1792 { 1 } else { 2 }
        );
    }
}

fn every_format() -> Vec<Format> {
    let amr = |wide| Format::Amr { wide, channels: 1 };
    vec![
        aac(),
        Format::from_dac3(&[0x10, 0x3d, 0xe0]).unwrap(),
        amr(false),
        amr(true),
        Format::Av1(av1::Config::from_av1c(&[0x81, 0, 0, 0]).unwrap()),
        Format::H263,
        h264(),
        h265(),
        Format::Jpeg,
        Format::Mpeg4Video {
            config: Bytes::new(),
        },
        Format::MpegAudio {
            layer: 3,
            rate_hz: 44_100,
            channels: 2,
        },
        Format::Opus { channels: 1 },
        pcm(Coding::SignedLe(24), 44_100, 2),
        pcm(Coding::FloatLe(64), 8000, 255),
        pcm(Coding::SignedBe(0), 8000, 1),
        Format::Vp9(vp9::Config { profile: 0 }),
    ]
}

fn check_hostile(data: &[u8], limit: usize) {
    for format in every_format() {
        let packetizer = format.packetizer();
        let samples = [Sample { data, offset: 0 }; 20];
        let samples = &samples[..packetizer.samples_per_call()];
        let mut sink = Collected::default();
        let _ = packetizer.packetize(samples, limit, &mut sink);
        let longest = sink.0.iter().map(|payload| payload.bytes.len()).max();
        assert!(
            limit < 200 || longest <= Some(limit),
            "{} {limit}",
            format.name()
        );
    }
}

proptest! {
    #[test]
    fn hostile_samples_are_survived(data in prop::collection::vec(any::<u8>(), 0..4000), limit in 0_usize..1500) {
        check_hostile(&data, limit);
    }

    #[test]
    fn damaged_pictures_are_survived(at in 0_usize..250, byte: u8, limit in 0_usize..1500) {
        let mut picture = jpeg(0x22, Some(3), &[5; 600]);
        picture[at] = byte;
        check_hostile(&picture, limit);
    }

    #[test]
    fn hostile_records_are_survived(record: Vec<u8>) {
        let _ = h264::Config::from_avcc(&record);
        let _ = h265::Config::from_hvcc(&record);
        let _ = aac::Config::from_specific(&record);
        let _ = av1::Config::from_av1c(&record);
        let _ = vp9::Config::from_vpcc(&record);
        let _ = Format::from_dops(&record);
        let _ = Format::from_dac3(&record);
    }
}

#[test]
fn records_are_read() {
    let record = hex("01f4000affe1000467f4000a01000268eb");
    let config = h264::Config::from_avcc(&record).unwrap();
    assert_eq!(config.length_size, 4);
    assert_eq!(config.sps, [hex("67f4000a")]);
    assert_eq!(
        Format::H264(config).fmtp().as_deref(),
        Some("packetization-mode=1;profile-level-id=F4000A;sprop-parameter-sets=Z/QACg==,aOs=")
    );
    let aac = aac::Config::from_specific(&[0x13, 0x90]).unwrap();
    assert_eq!((aac.rate_hz, aac.channels), (22_050, 2));
    let opus = hex("0002013800 00bb80000000".replace(' ', "").as_str());
    assert_eq!(Format::from_dops(&opus), Ok(Format::Opus { channels: 2 }));
}
