//! Matroska as a program reads it from a pipe: the head, then one cluster a frame (RFC 9559).
//!
//! It carries what `codec` knows of QuickTime's own encodings, and is for programs that decode them. A frame can go out
//! as soon as it is there, for nothing before it tells of it, and what has begun needs no end.

use bytes::{BufMut, BytesMut};

use crate::codec::sample_description::{Media, SampleDescription};
use crate::codec::{AccessUnit, QuickTimeConfig, qdesign, sorenson};

/// What is before the first frame of `tracks`, which are numbered from 1.
pub fn head<'a>(tracks: impl IntoIterator<Item = &'a QuickTimeConfig>) -> BytesMut {
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
                    QuickTimeConfig::Sorenson(config) => sorenson_track(into, config),
                    QuickTimeConfig::QDesign(config) => qdesign_track(into, config),
                    QuickTimeConfig::Described(description) => described_track(into, description),
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

/// A track of any encoding that a sample description tells of.
fn described_track(into: &mut BytesMut, description: &SampleDescription) {
    let entry = &description.entry;
    match description.media {
        Media::Pictures { width, height } => pictures_track(into, entry, (width, height)),
        Media::Sound(sound) => {
            let channels = sound.channels.into();
            sound_track(into, "A_QUICKTIME", entry, (sound.rate_hz, channels));
        }
    }
}

fn sorenson_track(into: &mut BytesMut, config: &sorenson::Config) {
    let mut entry = BytesMut::new();
    image_description(&mut entry, config);
    pictures_track(into, &entry, (config.width, config.height));
}

fn pictures_track(into: &mut BytesMut, entry: &[u8], (width, height): (u16, u16)) {
    number(into, TRACK_TYPE, VIDEO_TYPE);
    text(into, CODEC_ID, "V_QUICKTIME");
    binary(into, CODEC_PRIVATE, entry);
    element(into, VIDEO, |into| {
        number(into, PIXEL_WIDTH, width.into());
        number(into, PIXEL_HEIGHT, height.into());
    });
}

fn sound_track(into: &mut BytesMut, codec: &str, private: &[u8], (rate_hz, channels): (u32, u64)) {
    number(into, TRACK_TYPE, AUDIO_TYPE);
    text(into, CODEC_ID, codec);
    binary(into, CODEC_PRIVATE, private);
    element(into, AUDIO, |into| {
        identifier(into, SAMPLING_FREQUENCY);
        into.put_u8(ONE_BYTE | 8);
        into.put_f64(rate_hz.into());
        number(into, CHANNELS, channels);
    });
}

/// The sample description of QuickTime movies (QTFF, "Video Sample Description").
fn image_description(into: &mut BytesMut, config: &sorenson::Config) {
    let extension = 16 + config.header.len();
    into.put_u32((IMAGE_DESCRIPTION + extension) as u32);
    into.put_slice(b"SVQ3");
    into.put_bytes(0, 6);
    into.put_u16(1);
    into.put_bytes(0, 16);
    into.put_u16(config.width);
    into.put_u16(config.height);
    // 72 dots per inch, both ways.
    into.put_u32(0x48_0000);
    into.put_u32(0x48_0000);
    into.put_u32(0);
    into.put_u16(1);
    into.put_bytes(0, 32);
    into.put_u16(24);
    into.put_u16(u16::MAX);
    into.put_u32(extension as u32);
    into.put_slice(b"SMI ");
    into.put_slice(b"SEQH");
    into.put_u32(config.header.len() as u32);
    into.put_slice(&config.header);
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

    fn configs() -> [QuickTimeConfig; 2] {
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
            QuickTimeConfig::Described(SampleDescription { entry, media })
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
