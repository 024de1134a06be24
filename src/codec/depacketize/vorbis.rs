//! Vorbis out of RTP: packets, several in a payload or one in pieces, with the headers in the description (RFC 5215).

use bytes::Bytes;

use super::foreign::{Assemble, ForeignConfig};
use super::frames::Frames;
use super::{AccessUnit, Fmtp};
use crate::codec::Malformed;
use crate::codec::vorbis::{Blocks, Headers};
use crate::wire::rtp;

/// The state of one track.
#[derive(Debug)]
pub(super) struct Depacketizer {
    /// What the description tells: by this the payloads say that they need these headers.
    ident: u32,
    headers: Headers,
    blocks: Blocks,
    frames: Frames,
}

/// What a payload begins with (RFC 5215, 2.2).
struct Header {
    ident: u32,
    fragment: Fragment,
    /// It holds sound; headers are taken from the description alone.
    is_sound: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fragment {
    None,
    First,
    Middle,
    Last,
}

impl Depacketizer {
    /// `None` without the headers, which a decoder needs.
    pub(super) fn new(fmtp: Fmtp<'_>) -> Option<Self> {
        let configuration = fmtp.base64("configuration").into_iter().next()?;
        let (ident, headers) = read_configuration(&configuration)?;
        let blocks = Blocks::of(&headers)?;
        Some(Self {
            ident,
            headers,
            blocks,
            frames: Frames::default(),
        })
    }

    fn take(&mut self, packet: &rtp::Packet<'_>) -> Result<(), Malformed> {
        let (header, mut rest) = Header::read(packet.payload()).ok_or(CUT)?;
        if !header.is_sound {
            return Ok(());
        }
        if header.ident != self.ident {
            return Err(malformed("headers that the description does not have"));
        }
        if header.fragment != Fragment::None {
            let piece = take_sized(&mut rest).ok_or(CUT)?;
            return self.take_piece(packet.time(), header.fragment, piece);
        }
        let mut time = packet.time();
        while !rest.is_empty() {
            let frame = take_sized(&mut rest).ok_or(CUT)?;
            let duration = self.blocks.duration(frame).ok_or(NO_SOUND)?;
            self.frames
                .push(time, Bytes::copy_from_slice(frame), duration);
            time = time.wrapping_add(duration);
        }
        Ok(())
    }

    fn take_piece(&mut self, time: u32, fragment: Fragment, piece: &[u8]) -> Result<(), Malformed> {
        if fragment == Fragment::First {
            self.frames.begin(time, piece);
            return Ok(());
        }
        if self.frames.append(piece).is_none() || fragment == Fragment::Middle {
            return Ok(());
        }
        if let Some(whole) = self.frames.take_partial() {
            let duration = self.blocks.duration(&whole.data).ok_or(NO_SOUND)?;
            self.frames.push(whole.time, whole.data, duration);
        }
        Ok(())
    }
}

impl Assemble for Depacketizer {
    fn push(&mut self, packet: &rtp::Packet<'_>, lost: u16) -> Result<(), Malformed> {
        self.frames.lost(lost);
        if lost > 0 {
            self.blocks.lose();
        }
        let taken = self.take(packet);
        if taken.is_err() {
            self.frames.lose();
        }
        taken
    }

    fn pull(&mut self) -> Option<AccessUnit> {
        self.frames.pull()
    }

    fn config(&self) -> Option<ForeignConfig> {
        Some(ForeignConfig::Vorbis(self.headers.clone()))
    }
}

impl Header {
    /// Reads it at the front of a payload; also returns what follows.
    fn read(payload: &[u8]) -> Option<(Self, &[u8])> {
        let &[a, b, c, flags, ref rest @ ..] = payload else {
            return None;
        };
        let fragment = match flags >> 6 {
            0 => Fragment::None,
            1 => Fragment::First,
            2 => Fragment::Middle,
            _ => Fragment::Last,
        };
        let header = Self {
            ident: u32::from_be_bytes([0, a, b, c]),
            fragment,
            is_sound: flags >> 4 & 3 == 0,
        };
        Some((header, rest))
    }
}

/// A packet behind its length, from the front of `rest`.
fn take_sized<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, after) = rest.split_first_chunk()?;
    let (packet, after) = after.split_at_checked(u16::from_be_bytes(*length).into())?;
    *rest = after;
    Some(packet)
}

/// The first of the packed headers, and by what payloads say that they need them (RFC 5215, 3.2.1).
fn read_configuration(configuration: &[u8]) -> Option<(u32, Headers)> {
    let (_count, rest) = configuration.split_first_chunk::<4>()?;
    let &[a, b, c, high, low, ref rest @ ..] = rest else {
        return None;
    };
    let mut rest = rest;
    let more = base_128(&mut rest)?;
    let (first, second) = (base_128(&mut rest)?, base_128(&mut rest)?);
    let all = rest.get(..u16::from_be_bytes([high, low]).into())?;
    let (identification, rest) = all.split_at_checked(first)?;
    let (comment, setup) = rest.split_at_checked(second)?;
    (more == 2).then_some(())?;
    let headers = Headers::new([identification, comment, setup].map(Bytes::copy_from_slice))?;
    Some((u32::from_be_bytes([0, a, b, c]), headers))
}

/// A number of up to 28 bits, seven in each byte.
fn base_128(rest: &mut &[u8]) -> Option<usize> {
    let mut number = 0;
    for _ in 0..4 {
        let byte = *rest.split_off_first()?;
        number = number << 7 | usize::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

const fn malformed(reason: &'static str) -> Malformed {
    Malformed::new("Vorbis", reason)
}

const CUT: Malformed = malformed("payload is cut short");
const NO_SOUND: Malformed = malformed("packet that is no sound");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::vorbis::tests::headers;
    use crate::wire::rtp::{HEADER_LEN, write_header};
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;

    /// A description of headers that payloads ask for by 0x010203.
    fn configuration() -> Vec<u8> {
        let [identification, comment, setup] = headers();
        let all = [&identification[..], &comment, &setup].concat();
        let [high, low] = (all.len() as u16).to_be_bytes();
        let lengths = [2, 30, 0x80 | (300 >> 7) as u8, (300 & 0x7f) as u8];
        assert_eq!((identification.len(), comment.len()), (30, 300));
        [&[0, 0, 0, 1, 1, 2, 3, high, low], &lengths[..], &all].concat()
    }

    fn track() -> Depacketizer {
        let fmtp = format!(
            "delivery-method=inline; configuration={}",
            BASE64_STANDARD.encode(configuration())
        );
        Depacketizer::new(Fmtp::new(&fmtp)).unwrap()
    }

    /// What comes out after a payload: times, bytes and whether something is missing.
    fn push(
        track: &mut Depacketizer,
        time: u32,
        payload: &[u8],
        lost: u16,
    ) -> Result<Vec<(u32, Bytes, bool)>, Malformed> {
        let mut header = [0; HEADER_LEN];
        write_header(&mut header, false, 97, 0, time, 1);
        let packet = [&header[..], payload].concat();
        let pushed = track.push(&rtp::Packet::read(&packet).unwrap(), lost);
        let units = std::iter::from_fn(|| track.pull());
        let units = units
            .map(|unit| (unit.time, unit.data, unit.damaged))
            .collect();
        pushed.map(|()| units)
    }

    #[test]
    fn packets_come_out_with_their_times() {
        let mut track = track();
        let config = track.config();
        assert!(
            matches!(config, Some(ForeignConfig::Vorbis(headers)) if headers.rate_hz == 44_100)
        );
        // Two short blocks, and a long one.
        let payload = b"\x01\x02\x03\x03\0\x02\0a\0\x01\0\0\x03\x02bc";
        let found = push(&mut track, 9, payload, 0).unwrap();
        let expected: [(u32, &[u8]); 3] = [(9, b"\0a"), (137, b"\0"), (265, b"\x02bc")];
        let expected = expected.map(|(time, data)| (time, Bytes::from_static(data), false));
        assert_eq!(found, expected);
    }

    #[test]
    fn pieces_are_joined_unless_one_is_missing() {
        let mut track = track();
        let [first, middle, last] = [b'\x40', b'\x80', b'\xc0'].map(|flags| {
            let data: &[u8] = if flags == 0x40 {
                b"\0\x02\x02a"
            } else {
                b"\0\x01b"
            };
            [&[1, 2, 3, flags], data].concat()
        });
        assert_eq!(push(&mut track, 5, &first, 0), Ok(vec![]));
        assert_eq!(push(&mut track, 5, &middle, 0), Ok(vec![]));
        let found = push(&mut track, 5, &last, 0).unwrap();
        assert_eq!(found, [(5, Bytes::from_static(b"\x02abb"), false)]);
        push(&mut track, 6, &first, 0).unwrap();
        assert_eq!(push(&mut track, 6, &last, 1), Ok(vec![]));
        let found = push(&mut track, 7, b"\x01\x02\x03\x01\0\x01\0", 0).unwrap();
        assert_eq!(found, [(7, Bytes::from_static(b"\0"), true)]);
    }

    #[test]
    fn what_is_malformed_is_refused() {
        let cases: [&[u8]; 5] = [
            b"",
            b"\x01\x02\x03",
            b"\x01\x02\x03\x01\0",
            b"\x01\x02\x03\x01\0\x02\0",
            // No sound, and other headers.
            b"\x01\x02\x03\x01\0\x01\x01",
        ];
        for payload in cases {
            assert!(push(&mut track(), 0, payload, 0).is_err(), "{payload:x?}");
        }
        assert!(push(&mut track(), 0, b"\x01\x02\x04\x01\0\x01\0", 0).is_err());
        // Headers between the sound.
        assert_eq!(
            push(&mut track(), 0, b"\x01\x02\x03\x11\0\x01c", 0),
            Ok(vec![])
        );
        let whole = configuration();
        for length in 0..whole.len() {
            assert!(read_configuration(&whole[..length]).is_none(), "{length}");
        }
        assert!(Depacketizer::new(Fmtp::new("")).is_none());
    }
}
