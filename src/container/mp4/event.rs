//! Events beside the media: `emsg` boxes that carry ID3 tags (ISO/IEC 23009-1, 5.10.3.3; Carriage of
//! ID3 Timed Metadata in CMAF, 2).

use super::boxes::Boxes;

/// An ID3 tag at a place on the timeline of fragments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Tells it from others; a player that has seen the number takes no notice of it again.
    pub number: u32,
    /// Ticks per second of its time, in Hz.
    pub timescale: u32,
    /// When it begins, in ticks.
    pub time: u64,
    /// The tag.
    pub tag: Vec<u8>,
}

/// Writes the box of an event whose end is not known.
pub(super) fn write(boxes: &mut Boxes, event: &Event) {
    boxes.full(b"emsg", 1, 0, |boxes| {
        boxes.u32(event.timescale);
        boxes.u64(event.time);
        boxes.u32(UNKNOWN);
        boxes.u32(event.number);
        boxes.slice(SCHEME);
        // No value.
        boxes.u8(0);
        boxes.slice(&event.tag);
    });
}

const UNKNOWN: u32 = u32::MAX;
const SCHEME: &[u8] = b"https://aomedia.org/emsg/ID3\0";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_the_form_that_players_look_for() {
        let mut boxes = Boxes::default();
        let event = Event {
            number: 7,
            timescale: 90_000,
            time: 1 << 33,
            tag: b"ID3".to_vec(),
        };
        write(&mut boxes, &event);
        let head =
            b"\0\0\0\x41emsg\x01\0\0\0\0\x01\x5f\x90\0\0\0\x02\0\0\0\0\xff\xff\xff\xff\0\0\0\x07";
        assert_eq!(boxes.bytes[..head.len()], *head);
        assert_eq!(
            boxes.bytes[head.len()..],
            *b"https://aomedia.org/emsg/ID3\0\0ID3"
        );
    }
}
