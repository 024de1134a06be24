//! Matroska as a program reads it from a pipe: the head, then one cluster a frame (RFC 9559).
//!
//! It carries what `codec` knows of QuickTime's own encodings, and what may be beside them, and is for programs that
//! decode them. A frame can go out as soon as it is there, for nothing before it tells of it, and what has begun needs
//! no end.

use bytes::{BufMut, BytesMut};

use super::mp4::hevc_record;
use crate::codec::pcm::{self, Coding};
use crate::codec::sample_description::{Media, SampleDescription};
use crate::codec::{AccessUnit, ForeignConfig, Format, QuickTimeConfig, qdesign, sorenson};

mod foreign;

/// What the head tells of a track.
#[derive(Clone, Debug, PartialEq)]
pub enum TrackConfig {
    /// One of QuickTime's own encodings.
    QuickTime(QuickTimeConfig),
    /// AC-3, AMR, H.263, H.265, MPEG-4 Visual, MPEG audio, Opus, G.711 and big-endian linear audio; of other formats
    /// nothing can be told.
    Format(Format),
    /// An encoding that is only put together here.
    Foreign(ForeignConfig),
}

/// What is before the first frame of `tracks`, which are numbered from 1.
pub fn head<'a>(tracks: impl IntoIterator<Item = &'a TrackConfig>) -> BytesMut {
    let mut into = BytesMut::new();
    element(&mut into, EBML, |into| {
        text(into, DOC_TYPE, "matroska");
        number(into, DOC_TYPE_VERSION, 4);
        number(into, DOC_TYPE_READ_VERSION, 2);
    });
    identifier(&mut into, SEGMENT);
    into.put_u64(UNKNOWN_SIZE);
    element(&mut into, INFO, |into| {
        number(into, TIMESTAMP_SCALE, 1000);
        text(into, MUXING_APP, "Reelcast");
        text(into, WRITING_APP, "Reelcast");
    });
    element(&mut into, TRACKS, |into| {
        for (track, config) in (1..).zip(tracks) {
            element(into, TRACK_ENTRY, |into| {
                number(into, TRACK_NUMBER, track);
                number(into, TRACK_UID, track);
                number(into, FLAG_LACING, 0);
                match config {
                    TrackConfig::QuickTime(config) => quicktime_track(into, config),
                    TrackConfig::Format(format) => format_track(into, format),
                    TrackConfig::Foreign(config) => foreign::track(into, config),
                }
            });
        }
    });
    into
}

/// Appends a frame of `track`, which is presented at `time`, in microseconds.
pub fn write_frame(into: &mut BytesMut, track: u8, time: u64, unit: &AccessUnit) {
    element(into, CLUSTER, |into| {
        number(into, TIMESTAMP, time);
        element(into, SIMPLE_BLOCK, |into| {
            into.put_u8(ONE_BYTE | track);
            // When, since the time of the cluster.
            into.put_i16(0);
            into.put_u8(if unit.keyframe { KEY_FRAME } else { 0 });
            into.put_slice(&unit.data);
        });
    });
}

fn quicktime_track(into: &mut BytesMut, config: &QuickTimeConfig) {
    match config {
        QuickTimeConfig::Sorenson(config) => sorenson_track(into, config),
        QuickTimeConfig::QDesign(config) => qdesign_track(into, config),
        QuickTimeConfig::Described(description) => described_track(into, description),
    }
}

fn format_track(into: &mut BytesMut, format: &Format) {
    match format {
        Format::Ac3 { rate_hz, channels } => {
            sound_track(into, "A_AC3", &[], (*rate_hz, (*channels).into()));
        }
        Format::Amr { wide, channels } => {
            let codec = if *wide { b"sawb" } else { b"samr" };
            described_sound(into, codec, format.clock_rate(), *channels);
        }
        Format::H263 => h263_track(into),
        Format::H265(config) => {
            let record = hevc_record(config);
            pictures_track(into, "V_MPEGH/ISO/HEVC", &record, None);
        }
        Format::Mpeg4Video { config } => pictures_track(into, "V_MPEG4/ISO/ASP", config, None),
        Format::MpegAudio {
            layer,
            rate_hz,
            channels,
        } => {
            let codec = format!("A_MPEG/L{layer}");
            sound_track(into, &codec, &[], (*rate_hz, (*channels).into()));
        }
        Format::Opus { channels } => {
            let rate_hz = format.clock_rate();
            let head = opus_head(*channels, rate_hz);
            sound_track(into, "A_OPUS", &head, (rate_hz, (*channels).into()));
        }
        Format::Pcm(config) => pcm_track(into, config),
        _ => {}
    }
}

fn pcm_track(into: &mut BytesMut, config: &pcm::Config) {
    let pcm::Config {
        coding,
        rate_hz,
        channels,
    } = *config;
    match coding {
        Coding::ALaw => described_sound(into, b"alaw", rate_hz, channels),
        Coding::ULaw => described_sound(into, b"ulaw", rate_hz, channels),
        Coding::SignedBe(bits @ (16 | 24)) => {
            linear_track(into, bits, (rate_hz, channels.into()));
        }
        Coding::Unsigned8 => linear_track(into, 8, (rate_hz, channels.into())),
        _ => {}
    }
}

fn h263_track(into: &mut BytesMut) {
    let mut entry = BytesMut::new();
    // Each picture tells of what size it is.
    image_description(&mut entry, b"h263", (0, 0), &[]);
    pictures_track(into, "V_QUICKTIME", &entry, None);
}

/// A track of any encoding that a sample description tells of.
fn described_track(into: &mut BytesMut, description: &SampleDescription) {
    let entry = &description.entry;
    match description.media {
        Media::Pictures { width, height } => {
            pictures_track(into, "V_QUICKTIME", entry, Some((width, height)));
        }
        Media::Sound(sound) => {
            let channels = sound.channels.into();
            sound_track(into, "A_QUICKTIME", entry, (sound.rate_hz, channels));
        }
    }
}

fn sorenson_track(into: &mut BytesMut, config: &sorenson::Config) {
    let mut extension = BytesMut::new();
    extension.put_u32((16 + config.header.len()) as u32);
    extension.put_slice(b"SMI ");
    extension.put_slice(b"SEQH");
    extension.put_u32(config.header.len() as u32);
    extension.put_slice(&config.header);
    let size = (config.width, config.height);
    let mut entry = BytesMut::new();
    image_description(&mut entry, b"SVQ3", size, &extension);
    pictures_track(into, "V_QUICKTIME", &entry, Some(size));
}

fn pictures_track(into: &mut BytesMut, codec: &str, private: &[u8], size: Option<(u16, u16)>) {
    number(into, TRACK_TYPE, VIDEO_TYPE);
    text(into, CODEC_ID, codec);
    if !private.is_empty() {
        binary(into, CODEC_PRIVATE, private);
    }
    element(into, VIDEO, |into| {
        if let Some((width, height)) = size {
            number(into, PIXEL_WIDTH, width.into());
            number(into, PIXEL_HEIGHT, height.into());
        }
    });
}

/// Sound in one of QuickTime's encodings that need no more than their name.
fn described_sound(into: &mut BytesMut, codec: &[u8; 4], rate_hz: u32, channels: u8) {
    let mut entry = BytesMut::new();
    sound_description(&mut entry, codec, rate_hz, channels);
    sound_track(into, "A_QUICKTIME", &entry, (rate_hz, channels.into()));
}

fn sound_track(into: &mut BytesMut, codec: &str, private: &[u8], sampling: (u32, u64)) {
    number(into, TRACK_TYPE, AUDIO_TYPE);
    text(into, CODEC_ID, codec);
    if !private.is_empty() {
        binary(into, CODEC_PRIVATE, private);
    }
    element(into, AUDIO, |into| sampled(into, sampling));
}

/// Big-endian values of so many bits; those of 8 have no sign.
fn linear_track(into: &mut BytesMut, bits: u8, sampling: (u32, u64)) {
    number(into, TRACK_TYPE, AUDIO_TYPE);
    text(into, CODEC_ID, "A_PCM/INT/BIG");
    element(into, AUDIO, |into| {
        sampled(into, sampling);
        number(into, BIT_DEPTH, bits.into());
    });
}

fn sampled(into: &mut BytesMut, (rate_hz, channels): (u32, u64)) {
    identifier(into, SAMPLING_FREQUENCY);
    into.put_u8(ONE_BYTE | 8);
    into.put_f64(rate_hz.into());
    number(into, CHANNELS, channels);
}

/// The sample description of QuickTime movies (QTFF, "Sound Sample Description", version 0).
fn sound_description(into: &mut BytesMut, codec: &[u8; 4], rate_hz: u32, channels: u8) {
    into.put_u32(SOUND_DESCRIPTION);
    into.put_slice(codec);
    into.put_bytes(0, 6);
    into.put_u16(1);
    into.put_bytes(0, 8);
    into.put_u16(channels.into());
    into.put_u16(16);
    into.put_bytes(0, 4);
    // The whole part of a fraction; the track tells rates that are higher.
    into.put_u16(u16::try_from(rate_hz).unwrap_or(u16::MAX));
    into.put_u16(0);
}

/// What begins a file of Opus (RFC 7845, 5.1): nothing is to be left out at the beginning.
fn opus_head(channels: u8, rate_hz: u32) -> BytesMut {
    let mut head = BytesMut::from(&b"OpusHead\x01"[..]);
    head.put_u8(channels);
    head.put_u16_le(0);
    head.put_u32_le(rate_hz);
    head.put_bytes(0, 3);
    head
}

/// The sample description of QuickTime movies (QTFF, "Video Sample Description").
fn image_description(
    into: &mut BytesMut,
    codec: &[u8; 4],
    (width, height): (u16, u16),
    extension: &[u8],
) {
    into.put_u32((IMAGE_DESCRIPTION + extension.len()) as u32);
    into.put_slice(codec);
    into.put_bytes(0, 6);
    into.put_u16(1);
    into.put_bytes(0, 16);
    into.put_u16(width);
    into.put_u16(height);
    // 72 dots per inch, both ways.
    into.put_u32(0x48_0000);
    into.put_u32(0x48_0000);
    into.put_u32(0);
    into.put_u16(1);
    into.put_bytes(0, 32);
    into.put_u16(24);
    into.put_u16(u16::MAX);
    into.put_slice(extension);
}

fn qdesign_track(into: &mut BytesMut, config: &qdesign::Config) {
    let mut wave = BytesMut::new();
    // What QuickTime's `wave` box holds.
    wave.put_u32(12);
    wave.put_slice(b"frmaQDM2");
    wave.put_u32(8 + config.record.len() as u32);
    wave.put_slice(b"QDCA");
    wave.put_slice(&config.record);
    wave.put_u32(8);
    wave.put_u32(0);
    let channels = config.channels.into();
    sound_track(into, "A_QUICKTIME/QDM2", &wave, (config.rate_hz, channels));
}

fn number(into: &mut BytesMut, id: u32, value: u64) {
    element(into, id, |into| into.put_u64(value));
}

fn text(into: &mut BytesMut, id: u32, value: &str) {
    binary(into, id, value.as_bytes());
}

fn binary(into: &mut BytesMut, id: u32, value: &[u8]) {
    element(into, id, |into| into.put_slice(value));
}

/// An element with what `content` writes, which has less than 256 MiB.
fn element(into: &mut BytesMut, id: u32, content: impl FnOnce(&mut BytesMut)) {
    identifier(into, id);
    let start = into.len();
    into.put_u32(0);
    content(into);
    let size = (into.len() - start - 4) as u32;
    if let Some(place) = into.get_mut(start..start + 4) {
        place.copy_from_slice(&(FOUR_BYTES | size).to_be_bytes());
    }
}

/// The bytes of an identifier tell themselves how many they are.
fn identifier(into: &mut BytesMut, id: u32) {
    let bytes = id.to_be_bytes();
    let zeros = id.leading_zeros() as usize / 8;
    into.put_slice(bytes.get(zeros..).unwrap_or_default());
}

/// Bytes of a sample description before its extensions.
const IMAGE_DESCRIPTION: usize = 86;
const SOUND_DESCRIPTION: u32 = 36;

/// In front of numbers that take so many bytes (RFC 8794, 4).
const ONE_BYTE: u8 = 0x80;
const FOUR_BYTES: u32 = 0x1000_0000;

/// The size of an element whose end is the end of all.
const UNKNOWN_SIZE: u64 = 0x01ff_ffff_ffff_ffff;

const KEY_FRAME: u8 = 0x80;

const EBML: u32 = 0x1a45_dfa3;
const DOC_TYPE: u32 = 0x4282;
const DOC_TYPE_VERSION: u32 = 0x4287;
const DOC_TYPE_READ_VERSION: u32 = 0x4285;
const SEGMENT: u32 = 0x1853_8067;
const INFO: u32 = 0x1549_a966;
const TIMESTAMP_SCALE: u32 = 0x2a_d7b1;
const MUXING_APP: u32 = 0x4d80;
const WRITING_APP: u32 = 0x5741;
const TRACKS: u32 = 0x1654_ae6b;
const TRACK_ENTRY: u32 = 0xae;
const TRACK_NUMBER: u32 = 0xd7;
const TRACK_UID: u32 = 0x73c5;
const TRACK_TYPE: u32 = 0x83;
const FLAG_LACING: u32 = 0x9c;
const CODEC_ID: u32 = 0x86;
const CODEC_PRIVATE: u32 = 0x63a2;
const VIDEO: u32 = 0xe0;
const PIXEL_WIDTH: u32 = 0xb0;
const PIXEL_HEIGHT: u32 = 0xba;
const AUDIO: u32 = 0xe1;
const SAMPLING_FREQUENCY: u32 = 0xb5;
const CHANNELS: u32 = 0x9f;
const BIT_DEPTH: u32 = 0x6264;
const CLUSTER: u32 = 0x1f43_b675;
const TIMESTAMP: u32 = 0xe7;
const SIMPLE_BLOCK: u32 = 0xa3;

const VIDEO_TYPE: u64 = 1;
const AUDIO_TYPE: u64 = 2;

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::codec::sample_description::Sound;
    use crate::codec::{h265, mpeg_video};

    /// The elements that `bytes` consist of: identifier and content.
    fn elements(mut bytes: &[u8]) -> Vec<(u32, &[u8])> {
        let mut found = Vec::new();
        while !bytes.is_empty() {
            let width = bytes[0].leading_zeros() as usize + 1;
            let (id, rest) = bytes.split_at(width);
            let id = id.iter().fold(0, |id, byte| id << 8 | u32::from(*byte));
            let width = rest[0].leading_zeros() as usize + 1;
            let (size, rest) = rest.split_at(width);
            let mask = u64::MAX >> (64 - 7 * width);
            let size = size
                .iter()
                .fold(0, |size, byte| size << 8 | u64::from(*byte))
                & mask;
            let size = usize::try_from(size).unwrap().min(rest.len());
            found.push((id, &rest[..size]));
            bytes = &rest[size..];
        }
        found
    }

    fn child(bytes: &[u8], id: u32) -> &[u8] {
        let mut found = elements(bytes).into_iter();
        found.find(|(found, _)| *found == id).unwrap().1
    }

    fn configs() -> [TrackConfig; 2] {
        let sorenson = sorenson::Config {
            header: Bytes::from_static(b"\xe1\x80\x1e\x5d\xc0"),
            width: 192,
            height: 242,
        };
        let qdesign = qdesign::Config {
            record: Bytes::from_static(&[7; 28]),
            rate_hz: 22_050,
            channels: 2,
            block_samples: 2048,
            block_size: 184,
        };
        [
            QuickTimeConfig::Sorenson(sorenson),
            QuickTimeConfig::QDesign(qdesign),
        ]
        .map(TrackConfig::QuickTime)
    }

    #[test]
    fn the_head_tells_of_both_tracks() {
        let head = head(&configs());
        let all = elements(&head);
        assert_eq!((all[0].0, all[1].0), (EBML, SEGMENT));
        let tracks = elements(child(all[1].1, TRACKS));
        assert_eq!(tracks.len(), 2);
        let private = child(tracks[0].1, CODEC_PRIVATE);
        assert_eq!(private.len(), 86 + 21);
        assert_eq!(private[..8], *b"\0\0\0\x6bSVQ3");
        assert_eq!(private[86 + 8..], *b"SEQH\0\0\0\x05\xe1\x80\x1e\x5d\xc0");
        let private = child(tracks[1].1, CODEC_PRIVATE);
        assert_eq!(private.len(), 12 + 36 + 8);
        assert_eq!(private[..20], *b"\0\0\0\x0cfrmaQDM2\0\0\0\x24QDCA");
        let audio = child(tracks[1].1, AUDIO);
        assert_eq!(child(audio, SAMPLING_FREQUENCY), 22_050f64.to_be_bytes());
        assert_eq!(child(audio, CHANNELS), 2u64.to_be_bytes());
    }

    #[test]
    fn descriptions_go_in_as_they_are() {
        let entry = Bytes::from_static(b"entry");
        let sound = Sound {
            rate_hz: 22_050,
            channels: 2,
            block: None,
        };
        let (width, height) = (160, 120);
        let told = [Media::Pictures { width, height }, Media::Sound(sound)].map(|media| {
            let entry = entry.clone();
            let described = QuickTimeConfig::Described(SampleDescription { entry, media });
            TrackConfig::QuickTime(described)
        });
        let head = head(&told);
        let tracks = elements(child(elements(&head)[1].1, TRACKS));
        let codecs = ["V_QUICKTIME", "A_QUICKTIME"];
        for ((_, track), codec) in tracks.iter().zip(codecs) {
            assert_eq!(child(track, CODEC_ID), codec.as_bytes());
            assert_eq!(child(track, CODEC_PRIVATE), b"entry");
        }
        let video = child(tracks[0].1, VIDEO);
        assert_eq!(child(video, PIXEL_WIDTH), 160u64.to_be_bytes());
        let audio = child(tracks[1].1, AUDIO);
        assert_eq!(child(audio, CHANNELS), 2u64.to_be_bytes());
    }

    #[test]
    fn other_formats_are_told_of() {
        let pcm = |coding| {
            Format::Pcm(pcm::Config {
                coding,
                rate_hz: 8000,
                channels: 1,
            })
        };
        let config = Bytes::from_static(b"headers");
        let layer_2 = Format::MpegAudio {
            layer: 2,
            rate_hz: 44_100,
            channels: 2,
        };
        let amr = Format::Amr {
            wide: true,
            channels: 1,
        };
        let hevc = h265::Config {
            length_size: 4,
            vps: vec![Bytes::from_static(b"vps")],
            sps: Vec::new(),
            pps: Vec::new(),
        };
        let cases: [(Format, &str, &[u8]); 7] = [
            (pcm(Coding::ULaw), "A_QUICKTIME", b"\0\0\0\x24ulaw"),
            (pcm(Coding::SignedBe(16)), "A_PCM/INT/BIG", b""),
            (amr, "A_QUICKTIME", b"\0\0\0\x24sawb"),
            (layer_2, "A_MPEG/L2", b""),
            (Format::H263, "V_QUICKTIME", b"\0\0\0\x56h263"),
            (Format::H265(hevc), "V_MPEGH/ISO/HEVC", b"\x01"),
            (Format::Mpeg4Video { config }, "V_MPEG4/ISO/ASP", b"headers"),
        ];
        for (format, codec, private) in cases {
            let head = head(&[TrackConfig::Format(format)]);
            let track = child(child(elements(&head)[1].1, TRACKS), TRACK_ENTRY);
            assert_eq!(child(track, CODEC_ID), codec.as_bytes());
            let told = elements(track).into_iter();
            let told = told.filter(|(id, _)| *id == CODEC_PRIVATE);
            let told: Vec<_> = told.map(|(_, told)| told).collect();
            assert_eq!(told.is_empty(), private.is_empty(), "{codec}");
            if let Some(told) = told.first() {
                let size = usize::from(told[3]);
                assert!(told.starts_with(private), "{codec}: {told:x?}");
                assert!(codec.starts_with("V_M") || told.len() == size, "{told:x?}");
            }
        }
    }

    #[test]
    fn what_is_only_put_together_is_told_of() {
        let sequence = mpeg_video::Sequence {
            is_second: true,
            headers: Bytes::from_static(b"headers"),
        };
        let cases: [(ForeignConfig, &str, &[u8]); 10] = [
            (ForeignConfig::Jpeg, "V_MJPEG", b""),
            (ForeignConfig::Vp8, "V_VP8", b""),
            (
                ForeignConfig::H261,
                "V_MS/VFW/FOURCC",
                b"\x28\0\0\0\0\0\0\0\0\0\0\0\x01\0\x18\0H261",
            ),
            (ForeignConfig::H263, "V_QUICKTIME", b"\0\0\0\x56h263"),
            (ForeignConfig::MpegVideo(sequence), "V_MPEG2", b"headers"),
            (
                ForeignConfig::Gsm { rate_hz: 8000 },
                "A_QUICKTIME",
                b"\0\0\0\x24agsm",
            ),
            (ForeignConfig::Qcelp, "A_QUICKTIME", b"\0\0\0\x24Qclp"),
            (
                ForeignConfig::Speex { rate_hz: 16_000 },
                "A_MS/ACM",
                b"\x09\xa1\x01\0\x80\x3e\0\0\0\0\0\0\x01\0\0\0\x50\0Speex   1.2",
            ),
            (
                ForeignConfig::G722 { rate_hz: 16_000 },
                "A_MS/ACM",
                b"\x8f\x02\x01\0\x80\x3e\0\0\x40\x1f\0\0\x01\0\x04\0\0\0",
            ),
            (
                ForeignConfig::G726 {
                    rate_hz: 8000,
                    bits: 5,
                },
                "A_MS/ACM",
                b"\x45\0\x01\0\x40\x1f\0\0\x88\x13\0\0\x01\0\x05\0\0\0",
            ),
        ];
        for (config, codec, private) in cases {
            let head = head(&[TrackConfig::Foreign(config)]);
            let track = child(child(elements(&head)[1].1, TRACKS), TRACK_ENTRY);
            assert_eq!(child(track, CODEC_ID), codec.as_bytes());
            let mut told = elements(track).into_iter();
            let told = told.find(|(id, _)| *id == CODEC_PRIVATE);
            let told = told.map(|(_, told)| told).unwrap_or_default();
            assert!(told.starts_with(private), "{codec}: {told:x?}");
        }
    }

    #[test]
    fn a_frame_has_a_cluster_of_its_own() {
        let mut bytes = BytesMut::new();
        let unit = AccessUnit {
            time: 0,
            keyframe: true,
            damaged: false,
            data: Bytes::from_static(b"picture"),
            duration: None,
        };
        write_frame(&mut bytes, 2, 40_000_000, &unit);
        let cluster = child(&bytes, CLUSTER);
        assert_eq!(child(cluster, TIMESTAMP), 40_000_000u64.to_be_bytes());
        assert_eq!(child(cluster, SIMPLE_BLOCK), b"\x82\0\0\x80picture");
    }
}
