//! H.263: RTP payloads.

use super::{Malformed, Packetize, Sample, Sink};

/// RTP payloads with the header of RFC 4629, 5.1, cut at group of blocks headers where there are any.
///
/// ```text
///  0                   1
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5
/// |   RR    |P|V|   PLEN    |PEBIT|   P: two zero bytes left out before the data
/// ```
pub(super) struct Packetizer;

impl Packetize for Packetizer {
    fn packetize(
        &self,
        samples: &[Sample<'_>],
        limit: usize,
        sink: &mut dyn Sink,
    ) -> Result<(), Malformed> {
        for sample in samples {
            if !starts_segment(sample.data) {
                return Err(Malformed::new("H.263", "no picture start code"));
            }
            send(sample, limit.saturating_sub(2).max(1), sink);
        }
        Ok(())
    }
}

fn send(sample: &Sample<'_>, room: usize, sink: &mut dyn Sink) {
    let mut rest = sample.data;
    while !rest.is_empty() {
        let (header, data) = match rest {
            [0, 0, data @ ..] if starts_segment(rest) => (STARTS_SEGMENT, data),
            data => (CONTINUES, data),
        };
        let (piece, after) = data.split_at(cut(data, room));
        sink.payload(&[&[header, 0], piece], after.is_empty(), sample.offset);
        rest = after;
    }
}

/// How many bytes of `data` go out, at most `room`: up to the last start code if there is one.
fn cut(data: &[u8], room: usize) -> usize {
    if data.len() <= room {
        return data.len();
    }
    (1..=room)
        .rev()
        .find(|at| starts_segment(&data[*at..]))
        .unwrap_or(room)
}

/// Whether a start code of a picture, a group of blocks or a slice comes first: 16 zeros and a one.
fn starts_segment(data: &[u8]) -> bool {
    matches!(data, [0, 0, 0x80..=0xff, ..])
}

const STARTS_SEGMENT: u8 = 0x04;
const CONTINUES: u8 = 0;
