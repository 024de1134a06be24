//! Where a decoder may start: recognised by the first bytes of RTP payloads.
//!
//! Nothing is depacketised; a payload format is known by its name in `a=rtpmap`.

use super::h264::recovery_frames;

/// How the start of a key frame is recognised in the payloads of one encoding.
///
/// Parameter sets begin a key frame too, for they stand before its picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFrames {
    /// Every payload is one: audio, and what is not known here.
    Always,
    /// RFC 6184.
    H264,
    /// RFC 7798.
    H265,
    /// RFC 6416.
    Mpeg4Video,
    /// RFC 2190.
    H263,
    /// RFC 4629.
    H263Plus,
    /// RFC 2435: every picture, at its first fragment.
    Jpeg,
    /// MPEG-1 and MPEG-2 video (RFC 2250, 3.4).
    MpegVideo,
    /// RFC 7741.
    Vp8,
    /// RFC 9628.
    Vp9,
    /// AV1 RTP payload specification 1.0.
    Av1,
}

impl KeyFrames {
    /// For the encoding of an `a=rtpmap`: `H264/90000`.
    pub fn of(encoding: &str) -> Self {
        let name = encoding.split('/').next().unwrap_or_default();
        match name.trim().to_ascii_uppercase().as_str() {
            "H264" => Self::H264,
            "H265" => Self::H265,
            "MP4V-ES" => Self::Mpeg4Video,
            "H263" => Self::H263,
            "H263-1998" | "H263-2000" => Self::H263Plus,
            "JPEG" => Self::Jpeg,
            "MPV" => Self::MpegVideo,
            "VP8" => Self::Vp8,
            "VP9" => Self::Vp9,
            "AV1" => Self::Av1,
            _ => Self::Always,
        }
    }

    /// Whether a decoder may start with this payload.
    pub fn start_at(self, payload: &[u8]) -> bool {
        let starts = match self {
            Self::Always => Some(true),
            Self::H264 => h264(payload),
            Self::H265 => h265(payload),
            Self::Mpeg4Video => mpeg4_video(payload),
            Self::H263 => h263(payload),
            Self::H263Plus => h263_plus(payload),
            // The fragment offset.
            Self::Jpeg => payload.get(1..4).map(|offset| offset == [0; 3]),
            // The bit that tells of a sequence header.
            Self::MpegVideo => payload.get(2).map(|flags| flags & 0x20 != 0),
            Self::Vp8 => vp8(payload),
            // Not predicted from another picture, and the beginning of one.
            Self::Vp9 => payload.first().map(|flags| flags & 0x48 == 0x08),
            // The first packet of a coded video sequence.
            Self::Av1 => payload.first().map(|flags| flags & 0x08 != 0),
        };
        starts.unwrap_or(false)
    }

    /// Whether the payload is a unit that stands before a picture, so that a start before it goes on.
    pub fn goes_before_picture(self, payload: &[u8]) -> bool {
        let Some(header) = payload.first() else {
            return false;
        };
        match self {
            // Enhancement information, parameter sets, delimiters.
            Self::H264 => matches!(header & 0x1f, 6..=9),
            Self::H265 => matches!(header >> 1 & 0x3f, 32..=35 | 39),
            _ => false,
        }
    }
}

fn h264(payload: &[u8]) -> Option<bool> {
    const AGGREGATION: u8 = 24;
    const FRAGMENT: u8 = 28;
    // An IDR picture, a sequence parameter set, or what tells of a recovery point.
    let begins = |unit: &[u8]| match unit.first().map(|header| header & 0x1f) {
        Some(5 | 7) => true,
        Some(6) => recovery_frames(unit).is_some(),
        _ => false,
    };
    let header = *payload.first()?;
    Some(match header & 0x1f {
        AGGREGATION => units(payload.get(1..)?).any(begins),
        FRAGMENT => {
            let fragment = *payload.get(1)?;
            fragment & 0x80 != 0 && matches!(fragment & 0x1f, 5 | 7)
        }
        _ => begins(payload),
    })
}

fn h265(payload: &[u8]) -> Option<bool> {
    const AGGREGATION: u8 = 48;
    const FRAGMENT: u8 = 49;
    // A picture of random access, or a video or sequence parameter set.
    let begins = |kind: u8| matches!(kind, 16..=21 | 32 | 33);
    let kind = |header: u8| header >> 1 & 0x3f;
    let header = *payload.first()?;
    Some(match kind(header) {
        AGGREGATION => units(payload.get(2..)?).any(|unit| begins(kind(unit[0]))),
        FRAGMENT => {
            let fragment = *payload.get(2)?;
            fragment & 0x80 != 0 && begins(fragment & 0x3f)
        }
        own => begins(own),
    })
}

/// The units in an aggregation packet, whose own header is gone; the last may be cut short.
fn units(mut rest: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (size, after) = rest.split_first_chunk::<2>()?;
        let size = usize::from(u16::from_be_bytes(*size)).clamp(1, after.len().max(1));
        let (unit, after) = after.split_at_checked(size)?;
        rest = after;
        Some(unit)
    })
}

/// The start code of a visual object sequence or of a layer, or an I-VOP's.
fn mpeg4_video(payload: &[u8]) -> Option<bool> {
    let &[0, 0, 1, code, next] = payload.first_chunk::<5>()? else {
        return Some(false);
    };
    Some(match code {
        0x20..=0x2f | 0xb0 | 0xb3 => true,
        0xb6 => next >> 6 == 0,
        _ => false,
    })
}

/// Mode A without PB-frames, an intra picture, and its start code.
fn h263(payload: &[u8]) -> Option<bool> {
    let &[mode, picture, _, _, 0, 0, start, ..] = payload.first_chunk::<8>()? else {
        return Some(false);
    };
    Some(mode & 0x80 == 0 && picture & 0x10 == 0 && start & 0xfc == 0x80)
}

/// The picture's type in `PTYPE`, or in `PLUSPTYPE` (ITU-T H.263, 5.1.3 and 5.1.4).
fn h263_plus(payload: &[u8]) -> Option<bool> {
    let [high, low] = *payload.first_chunk::<2>()?;
    let is_start = high & 0x04 != 0;
    let redundancy = usize::from(high >> 1 & 1);
    let extra = usize::from((high & 1) << 5 | low >> 3);
    let picture = payload.get(2 + redundancy + extra..)?;
    let &[start, _, kind, ref plus @ ..] = picture else {
        return Some(false);
    };
    if !is_start || start & 0xfc != 0x80 {
        return Some(false);
    }
    let is_extended = kind >> 2 & 7 == 7;
    if !is_extended {
        return Some(kind & 0x02 == 0);
    }
    let has_optional = plus.first()? & 0x80 != 0;
    let coding = if has_optional {
        plus.get(2)? >> 2
    } else {
        plus.first()? >> 4
    };
    Some(coding & 7 == 0)
}

/// The first packet of the first partition, whose frame header says that it is no inter frame.
fn vp8(payload: &[u8]) -> Option<bool> {
    let flags = *payload.first()?;
    let mut at = 1;
    if flags & 0x80 != 0 {
        let extension = *payload.get(at)?;
        at += 1;
        if extension & 0x80 != 0 {
            let is_long = payload.get(at)? & 0x80 != 0;
            at += 1 + usize::from(is_long);
        }
        at += usize::from(extension & 0x40 != 0) + usize::from(extension & 0x30 != 0);
    }
    let frame = *payload.get(at)?;
    Some(flags & 0x1f == 0x10 && frame & 1 == 0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn key_frames_are_told_from_other_pictures() {
        type Payloads = &'static [&'static [u8]];
        let cases: [(&str, Payloads, Payloads); 10] = [
            (
                "h264/90000",
                &[
                    &[0x65, 0x88],
                    &[0x67, 0x42],
                    &[0x7c, 0x85, 1],
                    &[0x78, 0, 2, 0x09, 0xf0, 0, 1, 0x67],
                    &[0x06, 6, 1, 0xc4, 0x80],
                    &[0x78, 0, 2, 0x09, 0xf0, 0, 5, 0x06, 6, 1, 0xc4, 0x80],
                ],
                &[
                    &[0x41, 0x9a],
                    &[0x7c, 0x05, 1],
                    &[0x7c, 0x81, 1],
                    &[0x06, 5],
                    &[0x78, 0, 2, 0x41, 0, 0, 9],
                    &[],
                ],
            ),
            (
                "H265/90000",
                &[
                    &[0x26, 1],
                    &[0x40, 1],
                    &[0x62, 1, 0x93],
                    &[0x60, 1, 0, 2, 0x46, 1, 0, 2, 0x42, 1],
                ],
                &[&[0x02, 1], &[0x62, 1, 0x13], &[0x62, 1, 0x81], &[0x62, 1]],
            ),
            (
                "MP4V-ES/90000",
                &[&[0, 0, 1, 0xb0, 1], &[0, 0, 1, 0xb6, 0x10]],
                &[&[0, 0, 1, 0xb6, 0x50], &[1, 2, 3, 4, 5]],
            ),
            (
                "H263-2000/90000",
                &[
                    &[4, 0, 0x80, 2, 0x0c],
                    &[4, 0, 0x80, 2, 0x1c, 0x80, 0, 0x02],
                ],
                &[
                    &[4, 0, 0x80, 2, 0x0e],
                    &[0, 0, 0x80, 2, 0x0c],
                    &[4, 0, 0x80, 2, 0x1c, 0x80, 0, 0x06],
                ],
            ),
            (
                "H263/90000",
                &[&[0, 0x60, 0, 0, 0, 0, 0x80, 2]],
                &[&[0, 0x70, 0, 0, 0, 0, 0x80, 2], &[0x80; 8]],
            ),
            ("JPEG/90000", &[&[0, 0, 0, 0, 1]], &[&[0, 0, 5, 0x78, 1]]),
            ("MPV/90000", &[&[0, 0, 0x39, 0]], &[&[0, 0, 0x1a, 0]]),
            (
                "VP8/90000",
                &[&[0x10, 0x50], &[0x90, 0x80, 0x81, 2, 0x50]],
                &[&[0x10, 0x51], &[0x00, 0x50], &[0x90, 0x80, 0x81]],
            ),
            ("VP9/90000", &[&[0x8c]], &[&[0xcc], &[0x84]]),
            ("AV1/90000", &[&[0x18]], &[&[0x10]]),
        ];
        for (encoding, starts, others) in cases {
            let keyframes = KeyFrames::of(encoding);
            for payload in starts {
                assert!(keyframes.start_at(payload), "{encoding} {payload:x?}");
            }
            for payload in others {
                assert!(!keyframes.start_at(payload), "{encoding} {payload:x?}");
            }
        }
        assert!(KeyFrames::of("mpeg4-generic/44100/2").start_at(&[]));
    }

    proptest! {
        #[test]
        fn rubbish_does_not_panic(payload: Vec<u8>) {
            for encoding in ["H264", "H265", "MP4V-ES", "H263", "H263-1998", "JPEG", "MPV", "VP8", "VP9", "AV1"] {
                KeyFrames::of(encoding).start_at(&payload);
            }
        }
    }
}
