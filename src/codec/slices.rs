//! Which bytes of a sample of pictures are slice data: those that may be encrypted while players
//! still find their way (ISO/IEC 23001-7, 9.5.2).

use std::ops::Range;

use super::nal::Units;
use super::{Format, h264, h265};

/// Finds slice data in the samples of a format.
#[derive(Clone, Debug)]
pub struct Slices {
    length_size: usize,
    headers: Headers,
}

#[derive(Clone, Debug)]
enum Headers {
    H264(h264::SliceHeaders),
    H265(h265::SliceHeaders),
}

impl Slices {
    /// `None` for formats without slices.
    pub fn of(format: &Format) -> Option<Self> {
        match format {
            Format::H264(config) => Some(Self {
                length_size: config.length_size,
                headers: Headers::H264(h264::SliceHeaders::new(config)),
            }),
            Format::H265(config) => Some(Self {
                length_size: config.length_size,
                headers: Headers::H265(h265::SliceHeaders::new(config)),
            }),
            _ => None,
        }
    }

    /// The ranges of slice data in `sample`, in their order; one may be empty. What is malformed has none.
    ///
    /// Where the header of a slice is not understood, it is taken to be as long as [any
    /// usual one](UNKNOWN).
    pub fn data(&self, sample: &[u8]) -> Vec<Range<usize>> {
        let mut ranges = Vec::new();
        let mut at = 0;
        for unit in Units::new("pictures", sample, self.length_size).flatten() {
            let start = at + self.length_size;
            at = start + unit.len();
            if self.headers.is_slice(unit) {
                let header = self.headers.length(unit).unwrap_or(UNKNOWN);
                ranges.push(start + header.min(unit.len())..at);
            }
        }
        ranges
    }
}

/// The length of a slice header that is not understood, in bytes.
const UNKNOWN: usize = 64;

impl Headers {
    fn is_slice(&self, unit: &[u8]) -> bool {
        let head = unit.first().copied().unwrap_or_default();
        match self {
            Self::H264(_) => matches!(head & 0x1f, 1 | 5),
            Self::H265(_) => head >> 1 & 0x3f < 32,
        }
    }

    fn length(&self, unit: &[u8]) -> Option<usize> {
        match self {
            Self::H264(headers) => headers.length(unit),
            Self::H265(headers) => headers.length(unit),
        }
    }
}
