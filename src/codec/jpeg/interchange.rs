//! Pictures that any program decodes, out of what RTP carries of them: the markers before and after a scan (RFC 2435,
//! appendices A and B).

use super::headers::{
    BASELINE_FRAME, HUFFMAN_TABLES, QUANTISATION_TABLES, RESTART_INTERVAL, START_OF_SCAN, Sampling,
};
use super::huffman;

/// Quantisation tables of luminance and chrominance, in zigzag order.
pub(in crate::codec) type Tables = [[u8; 64]; 2];

/// What stands before the scan of a baseline picture.
#[derive(Clone, Copy, Debug)]
pub(in crate::codec) struct Head<'a> {
    /// In pixels.
    pub(in crate::codec) width: u16,
    pub(in crate::codec) height: u16,
    pub(in crate::codec) sampling: Sampling,
    /// In minimum coded units; 0 for none.
    pub(in crate::codec) restart_interval: u16,
    pub(in crate::codec) tables: &'a Tables,
}

impl Head<'_> {
    /// From the start of the image to where its scan begins.
    pub(in crate::codec) fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0xff, START_OF_IMAGE];
        segment(&mut bytes, APPLICATION, JFIF);
        for (number, table) in (0..).zip(self.tables) {
            segment(
                &mut bytes,
                QUANTISATION_TABLES,
                &[&[number], &table[..]].concat(),
            );
        }
        if self.restart_interval > 0 {
            let interval = self.restart_interval.to_be_bytes();
            segment(&mut bytes, RESTART_INTERVAL, &interval);
        }
        segment(&mut bytes, BASELINE_FRAME, &self.frame());
        for (class_and_number, table) in huffman::TABLES {
            let table = [&[class_and_number], table].concat();
            segment(&mut bytes, HUFFMAN_TABLES, &table);
        }
        segment(&mut bytes, START_OF_SCAN, SCAN);
        bytes
    }

    fn frame(&self) -> [u8; 15] {
        let [h1, h0] = self.height.to_be_bytes();
        let [w1, w0] = self.width.to_be_bytes();
        let luminance = match self.sampling {
            Sampling::Half => 0x21,
            Sampling::Quarter => 0x22,
        };
        [
            8, h1, h0, w1, w0, 3, 1, luminance, 0, 2, 0x11, 1, 3, 0x11, 1,
        ]
    }
}

/// The tables that a Q of 1 to 99 stands for (RFC 2435, 4.2); `None` for others.
pub(in crate::codec) fn tables_of(quality: u8) -> Option<Tables> {
    let factor = match u32::from(quality) {
        quality @ 1..50 => 5000 / quality,
        quality @ 50..100 => 200 - 2 * quality,
        _ => return None,
    };
    let scaled = |value: u8| ((u32::from(value) * factor + 50) / 100).clamp(1, 255) as u8;
    Some([LUMINANCE, CHROMINANCE].map(|table| table.map(scaled)))
}

fn segment(bytes: &mut Vec<u8>, marker: u8, content: &[u8]) {
    // None has more than the 180 bytes of a Huffman table.
    let length = (content.len() + 2) as u16;
    bytes.extend([0xff, marker]);
    bytes.extend(length.to_be_bytes());
    bytes.extend_from_slice(content);
}

/// Ends a picture.
pub(in crate::codec) const END_OF_IMAGE: [u8; 2] = [0xff, 0xd9];

const START_OF_IMAGE: u8 = 0xd8;
const APPLICATION: u8 = 0xe0;

/// Version 1.1, pixels as wide as high, no small picture beside.
const JFIF: &[u8] = b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0";

/// Three components, with the Huffman tables of each, and all that a baseline picture has of them.
const SCAN: &[u8] = &[3, 1, 0x00, 2, 0x11, 3, 0x11, 0, 63, 0];

// ITU-T T.81, annex K.1, in zigzag order.

#[rustfmt::skip]
const LUMINANCE: [u8; 64] = [
    16, 11, 12, 14, 12, 10, 16, 14, 13, 14, 18, 17, 16, 19, 24, 40,
    26, 24, 22, 22, 24, 49, 35, 37, 29, 40, 58, 51, 61, 60, 57, 51,
    56, 55, 64, 72, 92, 78, 64, 68, 87, 69, 55, 56, 80, 109, 81, 87,
    95, 98, 103, 104, 103, 62, 77, 113, 121, 112, 100, 120, 92, 101, 103, 99,
];

#[rustfmt::skip]
const CHROMINANCE: [u8; 64] = [
    17, 18, 18, 24, 21, 24, 47, 26, 26, 47, 99, 66, 56, 66, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::jpeg::headers::Headers;

    #[test]
    fn what_is_written_is_read_again() {
        let tables = tables_of(75).unwrap();
        for sampling in [Sampling::Half, Sampling::Quarter] {
            for restart_interval in [0, 7] {
                let head = Head {
                    width: 176,
                    height: 120,
                    sampling,
                    restart_interval,
                    tables: &tables,
                };
                let picture = [&head.bytes(), &b"scan"[..], &END_OF_IMAGE].concat();
                let read = Headers::read(&picture).unwrap();
                assert_eq!((read.width_in_blocks, read.height_in_blocks), (22, 15));
                assert_eq!(read.sampling as u8, sampling as u8);
                assert_eq!(read.restart_interval, restart_interval);
                assert_eq!(read.tables, [&tables[0], &tables[1]]);
                assert_eq!(read.scan, b"scan");
            }
        }
    }

    #[test]
    fn quality_scales_the_standard_tables() {
        assert_eq!(tables_of(50), Some([LUMINANCE, CHROMINANCE]));
        assert_eq!(tables_of(99).unwrap()[0][..4], [1, 1, 1, 1]);
        assert_eq!(tables_of(1).unwrap()[0], [255; 64]);
        assert_eq!(tables_of(75).unwrap()[1][..4], [9, 9, 9, 12]);
        assert_eq!(
            (tables_of(0), tables_of(100), tables_of(255)),
            (None, None, None)
        );
    }
}
