//! QDesign Music 2: what its decoder has to know, and the blocks that it takes.
//!
//! Nobody has published the format. What is told here agrees with FFmpeg's decoder and with the
//! movies of the QTSS era, whose blocks come out bit by bit; decoding is left to other programs.

use bytes::Bytes;

use super::Malformed;

/// What a decoder has to know before the first block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The record that sample descriptions hold as `QDCA`.
    pub record: Bytes,
    /// Sampling rate in Hz.
    pub rate_hz: u32,
    /// Channels.
    pub channels: u8,
    /// Samples of each channel in a block.
    pub block_samples: u32,
    /// Bytes of a block.
    pub block_size: usize,
}

impl Config {
    /// By the record: seven numbers.
    ///
    /// # Errors
    /// [`Malformed`] when it is cut short, or tells of what no sound of this format has.
    pub(super) fn read(record: &[u8]) -> Result<Self, Malformed> {
        let record = record
            .first_chunk::<RECORD>()
            .ok_or(malformed("configuration is cut short"))?;
        let number = |index: usize| {
            let bytes = record.get(4 * index..).and_then(<[u8]>::first_chunk);
            bytes.map_or(0, |bytes| u32::from_be_bytes(*bytes))
        };
        let (channels, rate_hz, block_samples, block_size) =
            (number(1), number(2), number(4), number(6));
        let is_known = matches!(channels, 1 | 2)
            && RATES.contains(&rate_hz)
            && (1..=MAX_SAMPLES).contains(&block_samples)
            && (1..=MAX_SIZE).contains(&block_size);
        if !is_known {
            return Err(malformed("configuration makes no sense"));
        }
        Ok(Self {
            record: Bytes::copy_from_slice(record),
            rate_hz,
            channels: channels as u8,
            block_samples,
            block_size: block_size as usize,
        })
    }

    /// A block of this kind with `parts`, each with its own head; they may come in any order.
    /// `None` when they do not fit.
    ///
    /// ```text
    /// | kind | bytes that follow: one, or two if the kind's top bit is set | sum of all bytes |
    /// | parts, that of the tones first, then those of the spectrum from the highest down | zeros |
    /// ```
    pub(super) fn block(&self, kind: u8, mut parts: Vec<Bytes>) -> Option<Bytes> {
        parts.sort_by_key(place);
        let size = self.block_size;
        let mut block = Vec::with_capacity(size);
        match u8::try_from(size) {
            Ok(short) => block.extend([kind, short.checked_sub(2)?]),
            Err(_) => {
                let rest = u16::try_from(size).ok()?.checked_sub(3)?;
                block.push(kind | LONG);
                block.extend(rest.to_be_bytes());
            }
        }
        let sum_at = SUMMED.contains(&kind).then_some(block.len());
        if sum_at.is_some() {
            block.extend([0; 2]);
        }
        parts.iter().for_each(|part| block.extend_from_slice(part));
        if block.len() > size {
            return None;
        }
        block.resize(size, 0);
        if let Some(at) = sum_at {
            let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
            // Of the sum the lower half counts.
            let sum = (sum as u16).to_be_bytes();
            block.get_mut(at..at + 2)?.copy_from_slice(&sum);
        }
        Some(block.into())
    }
}

/// The place of a part among those of a block, by its kind.
fn place(part: &Bytes) -> (bool, u8) {
    let kind = part.first().map_or(0, |kind| kind & !LONG);
    match kind < FIRST_OF_SPECTRUM {
        true => (false, kind),
        false => (true, u8::MAX - kind),
    }
}

/// Splits the first part off `bytes`: a kind, a length, and as many bytes.
pub(super) fn split_part(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (head, length) = match *bytes {
        [kind, high, low, ..] if kind & LONG != 0 => {
            (3, usize::from(u16::from_be_bytes([high, low])))
        }
        [kind, length, ..] if kind & LONG == 0 => (2, usize::from(length)),
        _ => return None,
    };
    // Some kinds have a byte more, which their length does not count.
    let more = usize::from(bytes.first()? & !LONG == EXTENDED);
    bytes.split_at_checked(head + length + more)
}

const fn malformed(reason: &'static str) -> Malformed {
    Malformed::new("QDesign Music 2", reason)
}

/// Bytes of the record.
pub(super) const RECORD: usize = 28;

/// Hz.
const RATES: std::ops::RangeInclusive<u32> = 4000..=96_000;

/// The most samples in a block; known sound has up to 4096.
const MAX_SAMPLES: u32 = 1 << 16;

/// The most bytes of a block; those of known sound have up to 768.
const MAX_SIZE: u32 = 16 << 10;

/// In a kind: the length takes two bytes.
const LONG: u8 = 0x80;

/// Parts of this kind tell more of it in a byte of their own.
const EXTENDED: u8 = 0x7f;

/// Parts of this kind and those above hold the spectrum.
const FIRST_OF_SPECTRUM: u8 = 16;

/// The kinds of blocks that hold a sum.
const SUMMED: [u8; 2] = [2, 4];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::tests::hex;

    const STEREO: &str = "00000001000000020000562200003e800000080000000080000000b8";

    #[test]
    fn a_configuration_is_seven_numbers() {
        let config = Config::read(&hex(STEREO)).unwrap();
        assert_eq!((config.rate_hz, config.channels), (22_050, 2));
        assert_eq!((config.block_samples, config.block_size), (2048, 184));
        assert!(Config::read(&hex(STEREO)[..27]).is_err());
        for (at, value) in [(4, 3), (8, 0), (16, 0xff), (24, 0xff)] {
            let mut record = hex(STEREO).to_vec();
            record[at..at + 4].fill(value);
            assert!(Config::read(&record).is_err(), "{at}");
        }
    }

    #[test]
    fn parts_are_put_in_order_and_summed() {
        let mut config = Config::read(&hex(STEREO)).unwrap();
        config.block_size = 16;
        let parts = || ["120101", "0902aabb", "130102"].map(hex);
        let block = config.block(2, parts().to_vec()).unwrap();
        assert_eq!(block[..], hex("020e01aa0902aabb1301021201010000"));
        config.block_size = 300;
        let long = config.block(2, parts().to_vec()).unwrap();
        assert_eq!(long[..3], hex("820129"));
        config.block_size = 13;
        assert!(config.block(2, parts().to_vec()).is_none());
        assert!(config.block(3, parts().to_vec()).is_some());
        config.block_size = 1;
        assert!(config.block(3, Vec::new()).is_none());
    }

    #[test]
    fn parts_tell_their_lengths() {
        let bytes = hex("0902aabb13");
        assert_eq!(split_part(&bytes), Some((&bytes[..4], &bytes[4..])));
        let long = [&hex("930100")[..], &[7; 256]].concat();
        assert_eq!(split_part(&long), Some((&long[..], &[][..])));
        let extended = hex("7f01aabb");
        assert_eq!(split_part(&extended), Some((&extended[..], &[][..])));
        for cut in ["", "09", "0902aa", "9301", "930100aa", "7f01aa"] {
            assert_eq!(split_part(&hex(cut)), None, "{cut}");
        }
    }
}
