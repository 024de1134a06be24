//! AIFF and AIFF-C files (FORM with a `COMM` and an `SSND` chunk).

use super::audio::{pcm_movie, read, start};
use super::chunks::{Chunk, Chunks};
use super::{Error, Movie, ReadAt};
use crate::codec::pcm::{Coding, Config};

/// Whether the file starts like an AIFF or AIFF-C file.
pub(super) fn recognises(file: &dyn ReadAt) -> Result<bool, Error> {
    let start = start::<12>(file)?;
    Ok(start.is_some_and(|bytes| bytes.starts_with(b"FORM") && is_aiff(&bytes[8..])))
}

fn is_aiff(form: &[u8]) -> bool {
    form == b"AIFF" || form == AIFF_C
}

/// Reads a file that [`recognises`] knows. The chunks may come in any order.
pub(super) fn open(file: &dyn ReadAt) -> Result<Movie, Error> {
    let compressed = read::<4>(file, 8, "start of the file")? == *AIFF_C;
    let mut chunks = Chunks::big_endian(file);
    let (mut config, mut sound) = (None, None);
    while let Some(chunk) = chunks.next()? {
        match &chunk.name {
            b"COMM" => config = Some(read_common(file, &chunk, compressed)?),
            b"SSND" => sound = Some(chunk),
            _ => {}
        }
        if let (Some(config), Some(sound)) = (config, &sound) {
            return sound_movie(file, config, sound);
        }
    }
    Err(malformed("no common chunk, or no sound"))
}

/// The audio starts after the chunk's own offset and block size.
fn sound_movie(file: &dyn ReadAt, config: Config, sound: &Chunk) -> Result<Movie, Error> {
    let skipped = u64::from(u32::from_be_bytes(read(file, sound.start, "SSND chunk")?)) + 8;
    let bytes = match sound.size {
        0 => u64::MAX,
        size => u64::from(size).saturating_sub(skipped),
    };
    pcm_movie(file, "AIFF", config, sound.start + skipped, bytes)
}

fn read_common(file: &dyn ReadAt, chunk: &Chunk, compressed: bool) -> Result<Config, Error> {
    let [c1, c0, _, _, _, _, b1, b0, rate @ ..]: [u8; 18] = read(file, chunk.start, "COMM chunk")?;
    let compression = match compressed {
        true => read(file, chunk.start + 18, "COMM chunk")?,
        false => *b"NONE",
    };
    Ok(Config {
        coding: coding(compression, u16::from_be_bytes([b1, b0]))?,
        rate_hz: read_rate(rate),
        channels: u8::try_from(u16::from_be_bytes([c1, c0]))
            .map_err(|_| malformed("more than 255 channels"))?,
    })
}

/// By compression type and bits of a value, which fills whole bytes from the top.
fn coding(compression: [u8; 4], bits: u16) -> Result<Coding, Error> {
    let bits = bits.div_ceil(8).saturating_mul(8);
    match (&compression, bits) {
        (b"NONE" | b"twos", 8..=32) => Ok(Coding::SignedBe(bits as u8)),
        (b"sowt", 8..=32) => Ok(Coding::SignedLe(bits as u8)),
        (b"fl32" | b"FL32", _) => Ok(Coding::FloatBe(32)),
        (b"fl64" | b"FL64", _) => Ok(Coding::FloatBe(64)),
        (b"alaw" | b"ALAW", _) => Ok(Coding::ALaw),
        (b"ulaw" | b"ULAW", _) => Ok(Coding::ULaw),
        _ => Err(Error::Unsupported(
            "AIFF-C with compressed audio other than G.711",
        )),
    }
}

/// Hz, from an 80 bit floating point number; 0 when it is not between 1 and 2^32.
fn read_rate([e1, e0, mantissa @ ..]: [u8; 10]) -> u32 {
    /// The exponent of a number whose mantissa is an integer.
    const INTEGER: u16 = 16_383 + 63;
    let exponent = u16::from_be_bytes([e1, e0]);
    let mantissa = u64::from_be_bytes(mantissa);
    let shift = u32::from(INTEGER.saturating_sub(exponent));
    u32::try_from(mantissa.checked_shr(shift).unwrap_or(0)).unwrap_or(0)
}

const fn malformed(reason: &'static str) -> Error {
    Error::Malformed {
        part: "AIFF file",
        reason,
    }
}

const AIFF_C: &[u8; 4] = b"AIFC";

#[cfg(test)]
mod tests {
    use super::*;

    const RATE_44100: [u8; 10] = [0x40, 0x0e, 0xac, 0x44, 0, 0, 0, 0, 0, 0];

    fn aiff(compression: Option<&[u8; 4]>, bits: u8) -> Vec<u8> {
        let mut common = vec![0, 2, 0, 0, 0, 0, 0, bits];
        common.extend(RATE_44100);
        common.extend(compression.into_iter().flatten());
        let form = if compression.is_some() {
            AIFF_C
        } else {
            b"AIFF"
        };
        let mut file = [
            b"FORM\0\0\0\0",
            &form[..],
            b"COMM\0\0\0",
            &[common.len() as u8],
        ]
        .concat();
        file.extend(common);
        file.extend(b"SSND\0\0\x01\x08\0\0\0\0\0\0\0\0");
        file.extend([0; 256]);
        file
    }

    #[test]
    fn rates_are_floating_point() {
        assert_eq!(read_rate(RATE_44100), 44_100);
        assert_eq!(read_rate([0x40, 0x0b, 0xfa, 0, 0, 0, 0, 0, 0, 0]), 8000);
        assert_eq!(read_rate([0; 10]), 0);
        assert_eq!(read_rate([0xff; 10]), 0);
    }

    #[test]
    fn compression_types_name_the_coding() {
        for (compression, bits, ticks) in [
            (None, 16, 64),
            (None, 24, 42),
            (Some(b"sowt"), 16, 64),
            (Some(b"ulaw"), 16, 128),
            (Some(b"twos"), 8, 128),
        ] {
            let file = aiff(compression, bits);
            assert!(recognises(&file.as_slice()).unwrap());
            assert_eq!(open(&file.as_slice()).unwrap().duration.ticks, ticks);
            for end in 12..file.len() - 256 {
                let _ = open(&&file[..end]);
            }
        }
        assert!(open(&aiff(Some(b"ima4"), 16).as_slice()).is_err());
    }
}
