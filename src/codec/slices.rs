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

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::codec::tests::hex;

    /// Streams of x264 and x265 whose slices have much in their headers: parameter sets, then the
    /// begin of slices, and where ffmpeg's `trace_headers` says that their headers end.
    struct Stream {
        sps: &'static str,
        pps: &'static str,
        slices: &'static [(&'static str, usize)],
    }

    /// Weights, four reference pictures, four slices a picture.
    const WEIGHED: Stream = Stream {
        sps: "6764001eacd940a02ff97011000003000100000300320f162d96",
        pps: "68e938f2c8b0",
        slices: &[
            ("6588840033fffef6ec", 6),
            ("6501e2221000affef673", 7),
            ("419a246e1201fe427f81275b", 9),
            ("4101e26891b84807f90bff8d0c4f", 11),
            ("419e4278bf32ee86", 5),
        ],
    };

    /// Fields, without arithmetic coding.
    const INTERLACED: Stream = Stream {
        sps: "6764001eacd940a063f3e022000003000200000300643e28532c",
        pps: "68d928f2c8b0",
        slices: &[
            ("6588820b033c4c5000", 6),
            ("419a635de96881feec6a23", 8),
            ("419ae65da891bef1b89e", 7),
            ("419a805bf4a4a68913ef1b8b99", 10),
            ("6588820b1f510011", 5),
        ],
    };

    /// Weights, five reference pictures, three slices a picture, rows that are decoded side by side.
    const ROWS: Stream = Stream {
        sps: "42010101600000030090000003000003003fa00502016965999a4932bc05a02000000300200000030321",
        pps: "4401c172b64240",
        slices: &[
            ("2801af1c8b58f701b2", 6),
            ("0201d0097ee0800ff6391b98f9418a", 12),
            ("0201544025fb82003fd8e46c60eacc4c", 13),
            ("0201e066975f5041430368e0430fd849132033ac10", 18),
            ("0001e046ff5f489b40e83e0e20e343cc1f87ec289e80a675a4", 22),
        ],
    };

    /// Open groups of pictures and a pyramid.
    const PYRAMID: Stream = Stream {
        sps: "42010101600000030090000003000003003fa00502016965959a4934bc05a02000000300200000030321",
        pps: "4401c172b4312240",
        slices: &[
            ("2801ac769329df", 4),
            ("0201d0097b82003fd8ecb1036a", 10),
            ("0201d030bd57dcf90245190858ec88a837", 14),
            ("0201d050b2755dcf9008c1102940856390ea7e5d", 17),
        ],
    };

    fn h264(stream: &Stream) -> Format {
        Format::H264(h264::Config {
            length_size: 4,
            sps: vec![hex(stream.sps)],
            pps: vec![hex(stream.pps)],
        })
    }

    fn h265(stream: &Stream) -> Format {
        Format::H265(h265::Config {
            length_size: 4,
            vps: Vec::new(),
            sps: vec![hex(stream.sps)],
            pps: vec![hex(stream.pps)],
        })
    }

    fn sample(units: &[Bytes]) -> Vec<u8> {
        let units = units.iter().map(|unit| {
            let length = (unit.len() as u32).to_be_bytes();
            [&length, &unit[..]].concat()
        });
        units.flatten().collect()
    }

    #[test]
    fn slice_data_begins_where_headers_end() {
        let (weighed, interlaced) = (h264(&WEIGHED), h264(&INTERLACED));
        let (rows, pyramid) = (h265(&ROWS), h265(&PYRAMID));
        for (format, stream) in [
            (weighed, WEIGHED),
            (interlaced, INTERLACED),
            (rows, ROWS),
            (pyramid, PYRAMID),
        ] {
            let slices = Slices::of(&format).unwrap();
            for (slice, header) in stream.slices {
                let slice = hex(slice);
                let sample = sample(&[hex(stream.pps), slice.clone()]);
                let start = sample.len() - slice.len();
                let range = start + header..sample.len();
                assert_eq!(
                    slices.data(&sample),
                    std::slice::from_ref(&range),
                    "{format:?}"
                );
            }
        }
    }

    #[test]
    fn what_is_no_picture_has_no_slices() {
        assert!(Slices::of(&Format::Opus { channels: 2 }).is_none());
        let slices = Slices::of(&h264(&WEIGHED)).unwrap();
        assert!(slices.data(&[]).is_empty());
        assert!(slices.data(&[0, 0, 0, 9, 0x65]).is_empty());
        let unknown = sample(&[hex("65ffff")]);
        assert_eq!(slices.data(&unknown), std::slice::from_ref(&(7..7)));
    }

    proptest! {
        #[test]
        fn hostile_streams_are_survived(sets: [Vec<u8>; 2], unit: Vec<u8>, at in 0_usize..40, byte: u8) {
            let mut sps = hex(ROWS.sps).to_vec();
            if let Some(place) = sps.get_mut(at) {
                *place = byte;
            }
            let [sequence, picture] = sets;
            let config = h265::Config {
                length_size: 4,
                vps: Vec::new(),
                sps: vec![sequence.clone().into(), sps.into()],
                pps: vec![picture.clone().into(), hex(ROWS.pps)],
            };
            let other = h264::Config {
                length_size: 4,
                sps: vec![sequence.into(), hex(WEIGHED.sps)],
                pps: vec![picture.into(), hex(WEIGHED.pps)],
            };
            let unit = Bytes::from([&[0x02, 0x01], &unit[..]].concat());
            for format in [Format::H265(config), Format::H264(other)] {
                let ranges = Slices::of(&format).unwrap().data(&sample(std::slice::from_ref(&unit)));
                prop_assert!(ranges.iter().all(|range| range.start <= range.end));
            }
        }
    }
}
