//! Motion JPEG: RTP payloads. Reading a picture's headers is [`headers`]' part, making them again that of
//! [`interchange`].

use std::mem;

use super::{Malformed, Packetize, Sample, Sink};

mod headers;
mod huffman;
mod interchange;

use headers::Headers;
pub(super) use headers::Sampling;
pub(super) use interchange::{END_OF_IMAGE, Head, Tables, tables_of};

/// RTP payloads of baseline pictures with their own quantisation tables (RFC 2435, 3.1).
pub(super) struct Packetizer;

impl Packetize for Packetizer {
    fn packetize(
        &self,
        samples: &[Sample<'_>],
        limit: usize,
        sink: &mut dyn Sink,
    ) -> Result<(), Malformed> {
        for sample in samples {
            let headers = Headers::read(sample.data)?;
            send(&headers, sample.offset, limit, sink);
        }
        Ok(())
    }
}

fn send(picture: &Headers<'_>, offset: u32, limit: usize, sink: &mut dyn Sink) {
    let restart = restart_header(picture.restart_interval);
    let restart = if picture.restart_interval > 0 {
        &restart[..]
    } else {
        &[]
    };
    // Tables stand in a picture's first payload only.
    let mut tables: [&[u8]; 3] = [&TABLES_HEADER, picture.tables[0], picture.tables[1]];
    let mut start = 0;
    while start < picture.scan.len() {
        let main = main_header(picture, start);
        let [header, luminance, chrominance] = mem::take(&mut tables);
        let headers = [&main, restart, header, luminance, chrominance];
        let bytes: usize = headers.iter().map(|part| part.len()).sum();
        let end = start
            .saturating_add(limit.saturating_sub(bytes).max(1))
            .min(picture.scan.len());
        let data = &picture.scan[start..end];
        let parts = [&main, restart, header, luminance, chrominance, data];
        sink.payload(&parts, end == picture.scan.len(), offset);
        start = end;
    }
}

/// Type-specific, fragment offset, type, Q, width and height (RFC 2435, 3.1).
fn main_header(picture: &Headers<'_>, start: usize) -> [u8; 8] {
    let [_, a, b, c] = (start as u32).to_be_bytes();
    let with_restarts = u8::from(picture.restart_interval > 0) << 6;
    let kind = picture.sampling as u8 | with_restarts;
    [
        0,
        a,
        b,
        c,
        kind,
        TABLES_IN_BAND,
        picture.width_in_blocks,
        picture.height_in_blocks,
    ]
}

/// The interval, and a count that says that payloads do not end with intervals (RFC 2435, 3.1.7).
fn restart_header(interval: u16) -> [u8; 4] {
    let [high, low] = interval.to_be_bytes();
    [high, low, 0xff, 0xff]
}

/// Q: each picture brings its tables.
const TABLES_IN_BAND: u8 = 255;
/// Two tables of 64 values of 8 bits (RFC 2435, 3.1.8).
const TABLES_HEADER: [u8; 4] = [0, 0, 0, 128];
