//! Sorenson Video 3: its sequence header, and which of its pictures are key frames.
//!
//! Nobody has published the format. What is told here agrees with FFmpeg's decoder and with the
//! movies of the QTSS era; decoding is left to other programs.

use bytes::Bytes;

use super::Malformed;
use super::bits::Bits;

/// What a decoder has to know before the first picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The sequence header, which sample descriptions hold as `SEQH`.
    pub header: Bytes,
    /// Of the pictures, in pixels.
    pub width: u16,
    /// Of the pictures, in pixels.
    pub height: u16,
}

impl Config {
    /// By the sequence header.
    ///
    /// # Errors
    /// [`Malformed`] when it is cut short, or tells of pictures without a pixel.
    pub(super) fn read(header: &[u8]) -> Result<Self, Malformed> {
        let (width, height) = size(header).ok_or(malformed("sequence header is cut short"))?;
        if width == 0 || height == 0 {
            return Err(malformed("pictures have no pixels"));
        }
        if header.len() > MAX_HEADER {
            return Err(malformed("sequence header is too long"));
        }
        Ok(Self {
            header: Bytes::copy_from_slice(header),
            width,
            height,
        })
    }
}

/// Three bits name a usual size, or say that the size follows.
fn size(header: &[u8]) -> Option<(u16, u16)> {
    let mut bits = Bits::new(header);
    let named = usize::try_from(bits.take(3)?).ok()?;
    if let Some(size) = SIZES.get(named) {
        return Some(*size);
    }
    let mut side = || u16::try_from(bits.take(12)?).ok();
    Some((side()?, side()?))
}

/// Whether a decoder may start with a picture: its first slice says so, whose first byte is stored
/// behind its others where the slice's length takes more than one byte.
pub(super) fn is_key(picture: &[u8]) -> bool {
    let first_byte = || {
        let length_bytes = usize::from(picture.first()? >> 5 & 3);
        let length = picture.get(1..=length_bytes)?;
        let length = length
            .iter()
            .fold(0, |length, byte| length << 8 | usize::from(*byte));
        match length_bytes {
            0 => None,
            1 => picture.get(2),
            _ => picture.get(2 + length),
        }
    };
    first_byte().is_some_and(|byte| byte >> 5 == INTRA)
}

const fn malformed(reason: &'static str) -> Malformed {
    Malformed::new("Sorenson Video 3", reason)
}

/// The sizes that have a number.
const SIZES: [(u16, u16); 7] = [
    (160, 120),
    (128, 96),
    (176, 144),
    (352, 288),
    (704, 576),
    (240, 180),
    (320, 240),
];

/// The code of a slice that is predicted from no other picture.
const INTRA: u8 = 0b011;

/// Bytes; those of known movies have five.
const MAX_HEADER: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_has_a_number_or_follows() {
        let told = Config::read(&[0xe1, 0x80, 0x1e, 0x5d, 0xc0]).unwrap();
        assert_eq!((told.width, told.height), (192, 242));
        let numbered = Config::read(&[0b0110_0000]).unwrap();
        assert_eq!((numbered.width, numbered.height), (352, 288));
        for header in [&[][..], &[0xe1, 0x80, 0x1e], &[0xe0, 0, 0, 0], &[0; 257]] {
            assert!(Config::read(header).is_err(), "{header:x?}");
        }
    }

    #[test]
    fn the_first_slice_tells_of_a_key_frame() {
        let keys: [&[u8]; 3] = [
            &[0x21, 3, 0x60, 1, 2],
            &[0x41, 0, 3, 1, 2, 0x60, 9],
            &[0x61, 0, 0, 3, 1, 0x60, 2],
        ];
        let others: [&[u8]; 7] = [
            &[],
            &[0x41],
            &[0x01, 3, 0x60, 0x60],
            &[0x21, 3, 0x80, 0x60, 0x60],
            &[0x41, 0, 3, 1, 2, 0x20, 0x60],
            &[0x41, 0, 3, 0x60, 0x60],
            &[0x61, 0xff, 0xff, 0xff, 0x60],
        ];
        assert!(keys.iter().all(|picture| is_key(picture)));
        assert!(!others.iter().any(|picture| is_key(picture)));
    }
}
