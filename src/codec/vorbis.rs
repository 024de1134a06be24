//! Vorbis: its headers, and how long its packets are heard (the Vorbis I specification).

use bytes::{BufMut, Bytes, BytesMut};

use super::bits::Bits;

/// What a decoder has to know: identification, comment and setup (4.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Headers {
    all: [Bytes; 3],
    /// Sampling rate in Hz.
    pub rate_hz: u32,
    /// Channels.
    pub channels: u8,
}

impl Headers {
    /// `None` for those of anything else.
    pub(super) fn new(all: [Bytes; 3]) -> Option<Self> {
        for (header, kind) in all
            .iter()
            .zip([b"\x01vorbis", b"\x03vorbis", b"\x05vorbis"])
        {
            header.starts_with(kind).then_some(())?;
        }
        let (rate, _) = all[0].get(12..)?.split_first_chunk()?;
        let channels = *all[0].get(11)?;
        let rate_hz = u32::from_le_bytes(*rate);
        (rate_hz > 0 && channels > 0).then_some(Self {
            all,
            rate_hz,
            channels,
        })
    }

    /// All of them behind how many follow the first, and the lengths of all but the last, as Matroska has them (RFC
    /// 9559's codec mappings, A_VORBIS).
    pub fn laced(&self) -> BytesMut {
        let mut laced = BytesMut::from(&[2][..]);
        for header in &self.all[..2] {
            laced.put_bytes(255, header.len() / 255);
            laced.put_u8((header.len() % 255) as u8);
        }
        for header in &self.all {
            laced.put_slice(header);
        }
        laced
    }
}

/// How many samples packets stand for, which are as long as half of the block before and half of their own together.
#[derive(Clone, Debug)]
pub(super) struct Blocks {
    /// Of a short block and a long one, in samples.
    sizes: [u32; 2],
    /// Whether the blocks of each mode are long.
    are_long: Vec<bool>,
    /// That of the packet before.
    last: Option<u32>,
}

impl Blocks {
    /// `None` where the headers do not tell.
    pub(super) fn of(headers: &Headers) -> Option<Self> {
        let exponents = *headers.all[0].get(28)?;
        let size = |exponent: u8| matches!(exponent, 6..=13).then(|| 1 << exponent);
        Some(Self {
            sizes: [size(exponents & 0xf)?, size(exponents >> 4)?],
            are_long: modes(&headers.all[2])?,
            last: None,
        })
    }

    /// What follows is not known to go on from the packet before.
    pub(super) fn lose(&mut self) {
        self.last = None;
    }

    /// How many samples the next packet stands for; `None` for one that is no sound.
    pub(super) fn duration(&mut self, packet: &[u8]) -> Option<u32> {
        let first = *packet.first()?;
        let mode = first >> 1 & ((1 << self.mode_bits()) - 1);
        let is_long = *self.are_long.get(usize::from(mode))?;
        let size = self.sizes[usize::from(is_long)];
        let before = self.last.replace(size).unwrap_or(size);
        (first & 1 == 0).then_some((before + size) / 4)
    }

    /// What the number of a mode takes.
    fn mode_bits(&self) -> u32 {
        // There are 64 at most.
        usize::BITS - (self.are_long.len() - 1).leading_zeros()
    }
}

/// Whether the blocks of each mode are long. The modes are the last of the setup header (4.2.4), so that they are read from
/// its end, where nothing before has to be understood.
fn modes(setup: &[u8]) -> Option<Vec<bool>> {
    // Values begin with the lowest bit of a byte.
    let backwards: Vec<u8> = setup.iter().rev().copied().collect();
    let mut bits = Bits::new(&backwards);
    // The end is marked.
    while !bits.flag()? {}
    let (mut are_long, mut found) = (Vec::new(), None);
    while are_long.len() < MOST_MODES {
        // Mapping, transform and window; there is one of each of these two.
        let mapping = bits.take(8).filter(|mapping| *mapping < 64);
        let is_mode = mapping.is_some() && bits.take(32) == Some(0);
        let Some(is_long) = bits.flag().filter(|_| is_mode) else {
            break;
        };
        are_long.push(is_long);
        let mut count = bits;
        let count = count.take(6).map(|count| count as usize + 1);
        if count == Some(are_long.len()) {
            found = count;
        }
    }
    are_long.truncate(found?);
    are_long.reverse();
    Some(are_long)
}

const MOST_MODES: usize = 64;

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Fields of so many bits, each from its lowest on.
    fn packed(fields: &[(u32, u64)]) -> Vec<u8> {
        let bits = fields
            .iter()
            .flat_map(|&(count, value)| (0..count).map(move |bit| value >> bit & 1 == 1));
        let bits: Vec<_> = bits.collect();
        let byte = |bits: &[bool]| {
            bits.iter()
                .rev()
                .fold(0, |byte, bit| byte << 1 | u8::from(*bit))
        };
        bits.chunks(8).map(byte).collect()
    }

    /// Identification, comment and setup, of modes with short blocks and with long ones.
    pub(in crate::codec) fn headers() -> [Bytes; 3] {
        let identification = b"\x01vorbis\0\0\0\0\x02\x44\xac\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xb8\x01";
        let modes = [
            (6, 1),
            (1, 0),
            (32, 0),
            (8, 0),
            (1, 1),
            (32, 0),
            (8, 1),
            (1, 1),
        ];
        let setup = [&b"\x05vorbis\xff\xff"[..], &packed(&modes)].concat();
        let comment = Bytes::from(vec![b'c'; 300 - 7]);
        let comment = [&b"\x03vorbis"[..], &comment].concat();
        [identification.to_vec(), comment, setup].map(Bytes::from)
    }

    #[test]
    fn headers_are_laced() {
        let headers = Headers::new(headers()).unwrap();
        assert_eq!((headers.rate_hz, headers.channels), (44_100, 2));
        let laced = headers.laced();
        assert!(laced.starts_with(b"\x02\x1e\xff\x2d\x01vorbis"));
        assert_eq!(laced.len(), 4 + 30 + 300 + headers.all[2].len());
    }

    #[test]
    fn blocks_tell_the_duration() {
        let mut blocks = Blocks::of(&Headers::new(headers()).unwrap()).unwrap();
        // Of 256 and 2048 samples.
        let packets = [[0b00], [0b00], [0b10], [0b10], [0b00]];
        let durations = packets.map(|packet| blocks.duration(&packet).unwrap());
        assert_eq!(durations, [128, 128, 576, 1024, 576]);
        blocks.lose();
        assert_eq!(blocks.duration(&[0b10]), Some(1024));
        assert_eq!((blocks.duration(&[]), blocks.duration(&[1])), (None, None));
    }

    #[test]
    fn other_headers_are_refused() {
        assert_eq!(modes(b"\x05vorbis\0\0"), None);
        assert_eq!(modes(&[]), None);
        let [identification, comment, _] = headers();
        assert_eq!(
            Headers::new([comment.clone(), identification, comment]),
            None
        );
    }
}
