//! Sample entries as they are written, each with the decoder's configuration in it.
//!
//! Sources: ISO/IEC 14496-12, 8.5.2 and 12; 14496-15, 5.4.2 and 8.4.1; 14496-14, 6.7; ETSI TS 102
//! 366, F; Opus in ISO base media files, 4.3.

use bytes::Bytes;

use super::boxes::Boxes;
use super::cenc::{self, Protection};
use super::init::{self, TrackInit};
use crate::codec::{Format, ac3, h264, h265};

/// Whether there is a sample entry for the format, and it has all that goes into it.
pub(super) fn is_known(format: &Format) -> bool {
    match format {
        Format::H264(config) => !config.sps.is_empty() && !config.pps.is_empty(),
        Format::H265(config) => !config.sps.is_empty() && !config.pps.is_empty(),
        Format::Aac(_) | Format::Ac3 { .. } | Format::MpegAudio { .. } | Format::Opus { .. } => {
            true
        }
        _ => false,
    }
}

/// Writes the sample entry of a track; nothing if its format [is not known](is_known).
pub(super) fn sample_entry(
    boxes: &mut Boxes,
    track: &TrackInit<'_>,
    protection: Option<&Protection>,
) {
    let format = match track.entry {
        init::Entry::Of(format) => format,
        init::Entry::Copied(entry) => return boxes.slice(entry.bytes()),
    };
    let entry = |kind| Entry { kind, protection };
    match format {
        Format::H264(config) => {
            let facts = config.sps.first().map(|sps| h264::SpsFacts::read(sps));
            let facts = facts.and_then(Result::ok);
            let aspect = facts.as_ref().map(|facts| facts.sample_aspect);
            visual(boxes, entry(b"avc1"), track, aspect, |boxes| {
                boxes.atom(b"avcC", |boxes| avcc(boxes, config, facts.as_ref()));
            });
        }
        Format::H265(config) => {
            let facts = config.sps.first().map(|sps| h265::SpsFacts::read(sps));
            let facts = facts.and_then(Result::ok);
            let aspect = facts.as_ref().map(|facts| facts.sample_aspect);
            visual(boxes, entry(b"hvc1"), track, aspect, |boxes| {
                boxes.atom(b"hvcC", |boxes| hvcc(boxes, config, facts.as_ref()));
            });
        }
        Format::Aac(config) => sound(
            boxes,
            entry(b"mp4a"),
            config.channels,
            config.rate_hz,
            |boxes| {
                esds(boxes, AAC, &config.specific);
            },
        ),
        &Format::MpegAudio {
            rate_hz, channels, ..
        } => {
            sound(boxes, entry(b"mp4a"), channels, rate_hz, |boxes| {
                let object = if rate_hz >= 32_000 { MPEG_1 } else { MPEG_2 };
                esds(boxes, object, &[]);
            });
        }
        &Format::Ac3 { rate_hz, channels } => {
            sound(boxes, entry(b"ac-3"), channels, rate_hz, |boxes| {
                let record = ac3::dac3(track.sample);
                let record = record.unwrap_or_else(|| ac3::dac3_of(rate_hz, channels));
                boxes.atom(b"dac3", |boxes| boxes.slice(&record));
            })
        }
        &Format::Opus { channels } => sound(boxes, entry(b"Opus"), channels, 48_000, |boxes| {
            boxes.atom(b"dOps", |boxes| {
                boxes.slice(&[0, channels]);
                boxes.u16(u16::try_from(track.priming).unwrap_or(u16::MAX));
                boxes.u32(48_000);
                boxes.zeros(3);
            });
        }),
        _ => {}
    }
}

/// What a sample entry is called, and how its samples are encrypted if they are.
struct Entry<'p> {
    kind: &'p [u8; 4],
    protection: Option<&'p Protection>,
}

impl Entry<'_> {
    /// Writes the box around `content`; `stand_in` is its name where the samples are encrypted.
    fn write(self, boxes: &mut Boxes, stand_in: &[u8; 4], content: impl FnOnce(&mut Boxes)) {
        let Some(protection) = self.protection else {
            return boxes.atom(self.kind, content);
        };
        boxes.atom(stand_in, |boxes| {
            content(boxes);
            cenc::protection_scheme(boxes, self.kind, stand_in == b"encv", protection);
        });
    }
}

fn visual(
    boxes: &mut Boxes,
    entry: Entry<'_>,
    track: &TrackInit<'_>,
    aspect: Option<(u16, u16)>,
    config: impl FnOnce(&mut Boxes),
) {
    let (width, height) = track.size;
    entry.write(boxes, b"encv", |boxes| {
        boxes.zeros(6);
        boxes.u16(1);
        boxes.zeros(16);
        boxes.u16(width);
        boxes.u16(height);
        // 72 dots per inch, both ways.
        boxes.u32(0x48_0000);
        boxes.u32(0x48_0000);
        boxes.u32(0);
        boxes.u16(1);
        boxes.zeros(32);
        boxes.u16(24);
        boxes.u16(u16::MAX);
        config(boxes);
        if let Some(colours) = track.colours {
            colours.write(boxes);
        }
        if let Some((across, down)) = aspect.filter(|(across, down)| across != down) {
            boxes.atom(b"pasp", |boxes| {
                boxes.u32(across.into());
                boxes.u32(down.into());
            });
        }
    });
}

/// An AVCDecoderConfigurationRecord (ISO/IEC 14496-15, 5.3.3.1).
fn avcc(boxes: &mut Boxes, config: &h264::Config, facts: Option<&h264::SpsFacts>) {
    let profile = config.sps.first().and_then(|sps| sps.get(1..4));
    boxes.u8(1);
    boxes.slice(profile.unwrap_or(&[0; 3]));
    boxes.u8(0xfc | (config.length_size as u8).wrapping_sub(1) & 3);
    boxes.u8(0xe0 | config.sps.len().min(31) as u8);
    sets(boxes, config.sps.iter().take(31));
    boxes.u8(config.pps.len().min(255) as u8);
    sets(boxes, config.pps.iter().take(255));
    if let Some(facts) = facts.filter(|facts| matches!(facts.profile, 100 | 110 | 122 | 144)) {
        boxes.u8(0xfc | facts.chroma_format);
        boxes.u8(0xf8 | facts.bit_depth_luma.saturating_sub(8));
        boxes.u8(0xf8 | facts.bit_depth_chroma.saturating_sub(8));
        boxes.u8(0);
    }
}

/// The content of `hvcC`.
pub(in crate::container) fn hevc_record(config: &h265::Config) -> Vec<u8> {
    let mut boxes = Boxes::default();
    hvcc(&mut boxes, config, config.facts().as_ref());
    boxes.bytes
}

/// An HEVCDecoderConfigurationRecord (ISO/IEC 14496-15, 8.3.3.1).
fn hvcc(boxes: &mut Boxes, config: &h265::Config, facts: Option<&h265::SpsFacts>) {
    let (chroma, luma_bits, chroma_bits, layers, nesting) = facts.map_or((1, 8, 8, 1, true), |f| {
        (
            f.chroma_format,
            f.bit_depth_luma,
            f.bit_depth_chroma,
            f.temporal_layers,
            f.temporal_nesting,
        )
    });
    boxes.u8(1);
    boxes.slice(&facts.map_or([0; 12], |facts| facts.profile_tier_level));
    // Nothing is promised of slices, of decoding in parallel, or of the frame rate.
    boxes.u16(0xf000);
    boxes.u8(0xfc);
    boxes.u8(0xfc | chroma);
    boxes.u8(0xf8 | luma_bits.saturating_sub(8));
    boxes.u8(0xf8 | chroma_bits.saturating_sub(8));
    boxes.u16(0);
    let length_size = (config.length_size as u8).wrapping_sub(1) & 3;
    boxes.u8((layers & 7) << 3 | u8::from(nesting) << 2 | length_size);
    let arrays = [(32, &config.vps), (33, &config.sps), (34, &config.pps)];
    boxes.u8(arrays.len() as u8);
    for (kind, units) in arrays {
        // The top bit: all of them are here, and none is in the stream.
        boxes.u8(0x80 | kind);
        boxes.u16(units.len().min(64) as u16);
        sets(boxes, units.iter().take(64));
    }
}

/// Parameter sets, each behind its length. One of 64 KiB or more does not exist; it would be cut.
fn sets<'a>(boxes: &mut Boxes, sets: impl Iterator<Item = &'a Bytes>) {
    for set in sets {
        let length = set.len().min(0xffff);
        boxes.u16(length as u16);
        boxes.slice(&set[..length]);
    }
}

fn sound(
    boxes: &mut Boxes,
    entry: Entry<'_>,
    channels: u8,
    rate_hz: u32,
    config: impl FnOnce(&mut Boxes),
) {
    entry.write(boxes, b"enca", |boxes| {
        boxes.zeros(6);
        boxes.u16(1);
        boxes.zeros(8);
        boxes.u16(channels.into());
        boxes.u16(16);
        boxes.zeros(4);
        // A rate that 16 bits do not hold is told by the decoder's configuration alone.
        boxes.u16(u16::try_from(rate_hz).unwrap_or(0));
        boxes.u16(0);
        config(boxes);
    });
}

/// An elementary stream descriptor (ISO/IEC 14496-1, 7.2.6.5).
fn esds(boxes: &mut Boxes, object_type: u8, specific: &[u8]) {
    let specific = &specific[..specific.len().min(MAX_SPECIFIC)];
    let mut decoder = vec![object_type, AUDIO_STREAM];
    // Buffer size and bit rates are not known.
    decoder.extend_from_slice(&[0; 11]);
    if !specific.is_empty() {
        descriptor(&mut decoder, 5, specific);
    }
    let mut stream = vec![0, 0, 0];
    descriptor(&mut stream, 4, &decoder);
    // What MP4 files prescribe for the synchronisation layer.
    descriptor(&mut stream, 6, &[2]);
    let mut whole = Vec::new();
    descriptor(&mut whole, 3, &stream);
    boxes.full(b"esds", 0, 0, |boxes| boxes.slice(&whole));
}

/// Content of fewer than 128 bytes behind its tag and length.
fn descriptor(into: &mut Vec<u8>, tag: u8, content: &[u8]) {
    into.extend_from_slice(&[tag, content.len() as u8]);
    into.extend_from_slice(content);
}

/// Object types (ISO/IEC 14496-1, table 5).
const AAC: u8 = 0x40;
const MPEG_2: u8 = 0x69;
const MPEG_1: u8 = 0x6b;

/// Stream type 5, and a bit that is always set.
const AUDIO_STREAM: u8 = 0x15;

/// An AudioSpecificConfig is much shorter, and the descriptors around it stay below 128 bytes.
const MAX_SPECIFIC: usize = 64;
