//! Segments of packed audio: AAC or MPEG audio frames behind an ID3 tag (rfc8216bis, 3.1.3).

use bytes::Bytes;

use super::content::{Content, Kind, Sound, Track};
use super::finding::Findings;
use super::rule::rules;
use crate::base::media_time::MediaTime;
use crate::codec::mpeg_audio::Header;

rules! {
    TIMESTAMP "packed-audio-timestamp" Error "bis 3.1.3"
        "begin every segment with an ID3 tag whose PRIV frame com.apple.streaming.transportStreamTimestamp tells the time of the first sample";
    FRAMES "packed-audio-frames" Error "bis 3.1.3"
        "fill segments with whole frames of AAC in ADTS or of MPEG audio, and nothing else";
}

/// Frames of sound, as far as they follow one another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Frames {
    /// As RFC 6381 names the format.
    pub(super) codec: String,
    pub(super) rate_hz: u32,
    pub(super) channels: u8,
    /// How many whole frames there are.
    pub(super) count: usize,
    /// Their samples in all.
    pub(super) duration: u64,
    /// What is the same in all frames.
    pub(super) setup: Bytes,
    /// How many bytes they have in all.
    pub(super) size: usize,
}

/// Reads a segment.
pub(super) fn read(bytes: &[u8], place: &str, findings: &mut Findings) -> Content {
    let (tag, data) = bytes.split_at(tag_size(bytes).min(bytes.len()));
    let time = timestamp(tag);
    if time.is_none() {
        findings.add(&TIMESTAMP, place, "there is no such tag");
    }
    let (aac, mpeg) = (adts(data), mpeg_audio(data));
    let frames = if aac.size >= mpeg.size { aac } else { mpeg };
    if frames.size < data.len() || frames.count == 0 {
        let found = format!("no frame begins at byte {}", tag.len() + frames.size);
        findings.add(&FRAMES, place, found);
    }
    if frames.count == 0 {
        return Content::default();
    }
    let begin = MediaTime::new(time.unwrap_or(0).cast_signed(), 90_000);
    let length = MediaTime::new(frames.duration.cast_signed(), frames.rate_hz).at_rate(90_000);
    let track = Track {
        id: 0,
        kind: Kind::Audio,
        begin,
        shown: begin,
        end: MediaTime::new(begin.ticks.saturating_add(length.ticks), 90_000),
        samples: frames.count,
        keys: Vec::new(),
        begins_with_key: true,
        picture: None,
        sound: Some(Sound {
            rate_hz: frames.rate_hz,
            channels: frames.channels,
        }),
        codec: frames.codec,
        setup: frames.setup,
    };
    Content {
        tracks: vec![track],
        wraps: true,
    }
}

/// Whether a segment looks like packed audio.
pub(super) fn is_packed(bytes: &[u8]) -> bool {
    bytes.starts_with(b"ID3") || adts(bytes).count > 1 || mpeg_audio(bytes).count > 1
}

/// Frames of AAC in ADTS (ISO/IEC 14496-3, 1.A.2).
pub(super) fn adts(data: &[u8]) -> Frames {
    let mut frames = Frames::default();
    let mut rest = data;
    while let Some(&header) = rest.first_chunk::<7>() {
        let length = usize::from(header[3] & 3) << 11
            | usize::from(header[4]) << 3
            | usize::from(header[5] >> 5);
        let rate = RATES.get(usize::from(header[2] >> 2 & 0xf));
        let is_header = header[0] == 0xff && header[1] & 0xf6 == 0xf0 && length >= 7;
        let (Some(rate), Some((_, after))) = (rate, rest.split_at_checked(length)) else {
            break;
        };
        if !is_header {
            break;
        }
        let channels = (header[2] & 1) << 2 | header[3] >> 6;
        if frames.count == 0 {
            frames.codec = format!("mp4a.40.{}", (header[2] >> 6) + 1);
            frames.rate_hz = *rate;
            frames.channels = channels;
            frames.setup = Bytes::copy_from_slice(&[header[2] & 0xfd, channels]);
        }
        frames.count += 1;
        frames.duration += 1024 * (u64::from(header[6] & 3) + 1);
        frames.size += length;
        rest = after;
    }
    frames
}

/// Frames of MPEG audio.
pub(super) fn mpeg_audio(data: &[u8]) -> Frames {
    let mut frames = Frames::default();
    let mut rest = data;
    while let Some(header) = rest.first_chunk().and_then(|start| Header::read(*start)) {
        let Some((_, after)) = rest.split_at_checked(header.size as usize) else {
            break;
        };
        if header.size == 0 {
            break;
        }
        if frames.count == 0 {
            frames.codec = "mp4a.40.34".to_owned();
            frames.rate_hz = header.rate_hz;
            frames.channels = header.channels;
            frames.setup = Bytes::copy_from_slice(&[header.layer, header.channels]);
        }
        frames.count += 1;
        frames.duration += u64::from(header.duration);
        frames.size += header.size as usize;
        rest = after;
    }
    frames
}

/// How long the ID3 tag is that `bytes` begin with; 0 without one.
fn tag_size(bytes: &[u8]) -> usize {
    match bytes.first_chunk::<10>() {
        Some(&[b'I', b'D', b'3', _, _, _, sizes @ ..]) => 10 + synchsafe(sizes),
        _ => 0,
    }
}

/// The time that a tag tells, in units of 90 kHz.
fn timestamp(tag: &[u8]) -> Option<u64> {
    let mut rest = tag.get(10..)?;
    while let Some((header, after)) = rest.split_first_chunk::<10>() {
        let size = synchsafe([header[4], header[5], header[6], header[7]]);
        let (content, after) = after.split_at_checked(size)?;
        if header.starts_with(b"PRIV")
            && let Some(time) = content.strip_prefix(OWNER)
        {
            let time: &[u8; 8] = time.first_chunk()?;
            return Some(u64::from_be_bytes(*time)).filter(|time| time >> 33 == 0);
        }
        rest = after;
    }
    None
}

/// Four times seven bits.
fn synchsafe(bytes: [u8; 4]) -> usize {
    bytes
        .iter()
        .fold(0, |sum, byte| sum << 7 | usize::from(byte & 0x7f))
}

const OWNER: &[u8] = b"com.apple.streaming.transportStreamTimestamp\0";

/// Sample rates by their index (ISO/IEC 14496-3, 1.6.3.4).
const RATES: [u32; 13] = [
    96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000,
    7_350,
];
