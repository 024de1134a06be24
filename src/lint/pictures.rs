//! H.264 and H.265 as segments carry them: which pictures need nothing before them.

use super::content::Picture;
use crate::codec::video_range::UNSPECIFIED;
use crate::codec::{VideoRange, h264, h265};

/// A format of pictures that is cut into NAL units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    H264,
    H265,
}

/// What is in one access unit.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct AccessUnit {
    /// Whether it begins with an access unit delimiter.
    pub(super) delimited: bool,
    /// Whether a decoder can begin with it: an IDR picture, or a random access point of H.265.
    pub(super) key: bool,
    /// Whether it holds slices of pictures at all.
    pub(super) picture: bool,
    /// Its sequence parameter set.
    pub(super) sps: Option<Vec<u8>>,
    /// Whether it holds a picture parameter set.
    pub(super) pps: bool,
}

impl Coding {
    /// Looks at the NAL units of an access unit.
    pub(super) fn look<'a>(self, units: impl Iterator<Item = &'a [u8]>) -> AccessUnit {
        let mut found = AccessUnit::default();
        for (number, unit) in units.filter(|unit| !unit.is_empty()).enumerate() {
            let kind = self.kind(unit);
            let (delimiter, sps, pps) = match self {
                Self::H264 => (9, 7, 8),
                Self::H265 => (35, 33, 34),
            };
            found.delimited |= number == 0 && kind == delimiter;
            found.pps |= kind == pps;
            if kind == sps {
                found.sps = Some(unit.to_vec());
            }
            found.picture |= self.is_slice(kind);
            found.key |= match self {
                Self::H264 => kind == 5,
                Self::H265 => (16..=21).contains(&kind),
            };
        }
        found
    }

    fn kind(self, unit: &[u8]) -> u8 {
        let first = unit.first().copied().unwrap_or(0);
        match self {
            Self::H264 => first & 0x1f,
            Self::H265 => first >> 1 & 0x3f,
        }
    }

    fn is_slice(self, kind: u8) -> bool {
        match self {
            Self::H264 => (1..=5).contains(&kind),
            Self::H265 => kind < 32,
        }
    }

    /// What a sequence parameter set tells of the pictures. Where it does not tell their transfer characteristics, those
    /// of a file count.
    pub(super) fn picture(self, sps: &[u8], of_file: Option<u8>) -> Option<Picture> {
        let range = |told| match (told, of_file) {
            (UNSPECIFIED, Some(of_file)) => VideoRange::of_transfer(of_file),
            (told, _) => VideoRange::of_transfer(told),
        };
        match self {
            Self::H264 => h264::SpsFacts::read(sps).ok().map(|facts| Picture {
                width: facts.width,
                height: facts.height,
                level: facts.level,
                range: Some(range(facts.transfer)),
            }),
            Self::H265 => h265::SpsFacts::read(sps).ok().map(|facts| Picture {
                width: facts.width,
                height: facts.height,
                level: facts.level() / 3,
                range: Some(range(facts.transfer)),
            }),
        }
    }

    /// The beginning of its name in CODECS.
    pub(super) fn codec(self, sps: &[u8]) -> String {
        match (self, sps) {
            (Self::H264, [_, profile, constraints, level, ..]) => {
                format!("avc1.{profile:02x}{constraints:02x}{level:02x}")
            }
            (Self::H264, _) => "avc1".to_owned(),
            (Self::H265, _) => "hvc1".to_owned(),
        }
    }
}

/// NAL units behind start codes.
pub(super) fn behind_start_codes(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = after_start_code(bytes);
    std::iter::from_fn(move || {
        let unit = rest?;
        let end = unit.windows(3).position(|three| three == [0, 0, 1]);
        let (own, next) = match end {
            Some(end) => (&unit[..end], unit.get(end + 3..)),
            None => (unit, None),
        };
        rest = next;
        // What is before a longer start code, and trailing zeros, are no part of a unit.
        let zeros = own.iter().rev().take_while(|byte| **byte == 0).count();
        Some(&own[..own.len() - zeros])
    })
}

fn after_start_code(bytes: &[u8]) -> Option<&[u8]> {
    let start = bytes.windows(3).position(|three| three == [0, 0, 1])?;
    bytes.get(start + 3..)
}

/// NAL units behind their lengths, which have `size` bytes; ends at the first that is not whole.
pub(super) fn behind_lengths(bytes: &[u8], size: usize) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let (length, after) = rest.split_at_checked(size).filter(|_| size > 0)?;
        let length = length
            .iter()
            .fold(0, |sum, byte| sum << 8 | usize::from(*byte));
        let (unit, after) = after.split_at_checked(length)?;
        rest = after;
        Some(unit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_found_in_both_forms() {
        let stream = [
            0, 0, 0, 1, 9, 0xf0, 0, 0, 1, 0x67, 1, 0, 0, 0, 1, 0x65, 7, 0, 0,
        ];
        let units: Vec<_> = behind_start_codes(&stream).collect();
        assert_eq!(units, [&[9, 0xf0][..], &[0x67, 1], &[0x65, 7]]);
        let sample = [0, 2, 9, 0xf0, 0, 1, 0x65, 0, 9, 1];
        let units: Vec<_> = behind_lengths(&sample, 2).collect();
        assert_eq!(units, [&[9, 0xf0][..], &[0x65]]);
        let unit = Coding::H264.look(behind_start_codes(&stream));
        assert!(unit.delimited && unit.key && unit.picture && unit.sps.is_some() && !unit.pps);
    }
}
