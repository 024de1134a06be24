//! The marker segments of a JPEG picture (ITU-T T.81, annex B), as far as RFC 2435 can carry what they say.

use bytes::Buf;

use crate::codec::Malformed;

use super::huffman;

/// What a receiver needs to make a picture's headers again.
pub(super) struct Headers<'a> {
    /// In blocks of 8 pixels, rounded up.
    pub(super) width_in_blocks: u8,
    pub(super) height_in_blocks: u8,
    pub(super) sampling: Sampling,
    /// In minimum coded units; 0 for none.
    pub(super) restart_interval: u16,
    /// Quantisation tables of luminance and chrominance, in zigzag order.
    pub(super) tables: [&'a [u8; 64]; 2],
    /// The entropy-coded data without an end marker.
    pub(super) scan: &'a [u8],
}

/// Chrominance sampling by its type number (RFC 2435, 4.1).
#[derive(Clone, Copy, Debug)]
pub(in crate::codec) enum Sampling {
    /// 4:2:2.
    Half = 0,
    /// 4:2:0.
    Quarter = 1,
}

impl<'a> Headers<'a> {
    /// Reads the headers of a whole picture.
    pub(super) fn read(picture: &'a [u8]) -> Result<Self, Malformed> {
        let mut rest = picture
            .strip_prefix(&[0xff, 0xd8])
            .ok_or(malformed("no start of image"))?;
        let mut segments = Segments::default();
        loop {
            let (marker, body) =
                take_segment(&mut rest).ok_or(malformed("segment is cut short"))?;
            if marker == START_OF_SCAN {
                return segments.finish(body, rest);
            }
            segments.read(marker, body)?;
        }
    }
}

/// The next marker and what its length covers.
fn take_segment<'a>(rest: &mut &'a [u8]) -> Option<(u8, &'a [u8])> {
    if rest.try_get_u8() != Ok(0xff) {
        return None;
    }
    // Any number of fill bytes may stand before a marker.
    while rest.first() == Some(&0xff) {
        rest.advance(1);
    }
    let marker = rest.try_get_u8().ok()?;
    let length = usize::from(rest.try_get_u16().ok()?).checked_sub(2)?;
    Some((marker, rest.split_off(..length)?))
}

/// The segments before the scan.
#[derive(Default)]
struct Segments<'a> {
    tables: [Option<&'a [u8; 64]>; 4],
    frame: Option<Frame>,
    restart_interval: u16,
}

struct Frame {
    width: u16,
    height: u16,
    sampling: Sampling,
    /// Which quantisation tables luminance and chrominance use.
    tables: [u8; 2],
}

impl<'a> Segments<'a> {
    fn read(&mut self, marker: u8, body: &'a [u8]) -> Result<(), Malformed> {
        match marker {
            BASELINE_FRAME => self.frame = Some(read_frame(body)?),
            HUFFMAN_TABLES => huffman::check(body)?,
            0xc1..=0xcf => return Err(malformed("not a baseline picture")),
            QUANTISATION_TABLES => self.read_tables(body)?,
            RESTART_INTERVAL => {
                let &[high, low] = body else {
                    return Err(malformed("restart interval of a wrong size"));
                };
                self.restart_interval = u16::from_be_bytes([high, low]);
            }
            _ => {}
        }
        Ok(())
    }

    fn read_tables(&mut self, mut body: &'a [u8]) -> Result<(), Malformed> {
        while let Some((number, rest)) = body.split_first() {
            let slot = self.tables.get_mut(usize::from(*number));
            let slot = slot.ok_or(malformed("quantisation table that is not of 8 bits"))?;
            let (table, rest) = rest
                .split_first_chunk()
                .ok_or(malformed("table is cut short"))?;
            *slot = Some(table);
            body = rest;
        }
        Ok(())
    }

    fn finish(self, header: &[u8], scan: &'a [u8]) -> Result<Headers<'a>, Malformed> {
        let frame = self.frame.ok_or(malformed("no frame header"))?;
        // All three components interleaved, with the Huffman tables that receivers assume.
        if !matches!(header, [3, _, 0x00, _, 0x11, _, 0x11, ..]) {
            return Err(malformed("scan is not of three interleaved components"));
        }
        let table = |number: u8| {
            let table = self.tables.get(usize::from(number)).copied().flatten();
            table.ok_or(malformed("no quantisation table"))
        };
        let scan = without_end(scan);
        if scan.len() >= 1 << 24 {
            return Err(malformed("picture of 16 MiB or more"));
        }
        Ok(Headers {
            width_in_blocks: blocks(frame.width)?,
            height_in_blocks: blocks(frame.height)?,
            sampling: frame.sampling,
            restart_interval: self.restart_interval,
            tables: [table(frame.tables[0])?, table(frame.tables[1])?],
            scan,
        })
    }
}

fn read_frame(body: &[u8]) -> Result<Frame, Malformed> {
    let &[
        8,
        h1,
        h0,
        w1,
        w0,
        3,
        _,
        luminance,
        table,
        _,
        0x11,
        blue,
        _,
        0x11,
        red,
    ] = body
    else {
        return Err(malformed(
            "not 8 bit colour of three components, 4:2:0 or 4:2:2",
        ));
    };
    let sampling = match luminance {
        0x21 => Sampling::Half,
        0x22 => Sampling::Quarter,
        _ => return Err(malformed("chrominance sampling other than 4:2:0 and 4:2:2")),
    };
    if blue != red {
        return Err(malformed("three quantisation tables"));
    }
    Ok(Frame {
        width: u16::from_be_bytes([w1, w0]),
        height: u16::from_be_bytes([h1, h0]),
        sampling,
        tables: [table, blue],
    })
}

fn blocks(pixels: u16) -> Result<u8, Malformed> {
    match u8::try_from(pixels.div_ceil(8)) {
        Ok(0) => Err(malformed("no width or height")),
        Ok(blocks) => Ok(blocks),
        Err(_) => Err(malformed("more than 2040 pixels wide or high")),
    }
}

/// Scan data ends at the last end marker; files pad pictures after it.
fn without_end(scan: &[u8]) -> &[u8] {
    let end = scan.windows(2).rposition(|pair| pair == [0xff, 0xd9]);
    end.map_or(scan, |end| &scan[..end])
}

pub(super) const fn malformed(reason: &'static str) -> Malformed {
    Malformed::new("Motion JPEG", reason)
}

pub(super) const BASELINE_FRAME: u8 = 0xc0;
pub(super) const HUFFMAN_TABLES: u8 = 0xc4;
pub(super) const START_OF_SCAN: u8 = 0xda;
pub(super) const QUANTISATION_TABLES: u8 = 0xdb;
pub(super) const RESTART_INTERVAL: u8 = 0xdd;
