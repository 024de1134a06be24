//! AU files of Sun and NeXT.

use super::audio::{pcm_movie, read, start};
use super::{Error, Movie, ReadAt};
use crate::codec::pcm::{Coding, Config};

/// Whether the file starts like an AU file.
pub(super) fn recognises(file: &dyn ReadAt) -> Result<bool, Error> {
    Ok(start::<24>(file)?.is_some_and(|bytes| bytes.starts_with(b".snd")))
}

/// Reads a file that [`recognises`] knows. A data size of 0 or all ones means the end of the file.
pub(super) fn open(file: &dyn ReadAt) -> Result<Movie, Error> {
    let header: [u8; 24] = read(file, 0, "AU header")?;
    let mut words = [0_u32; 6];
    for (word, bytes) in words.iter_mut().zip(header.as_chunks().0) {
        *word = u32::from_be_bytes(*bytes);
    }
    let [_, start, size, encoding, rate_hz, channels] = words;
    let config = Config {
        coding: coding(encoding)?,
        rate_hz,
        channels: u8::try_from(channels).map_err(|_| Error::Malformed {
            part: "AU file",
            reason: "more than 255 channels",
        })?,
    };
    let bytes = if size == 0 { u64::MAX } else { size.into() };
    pcm_movie(file, "AU", config, start.into(), bytes)
}

fn coding(encoding: u32) -> Result<Coding, Error> {
    match encoding {
        1 => Ok(Coding::ULaw),
        2 => Ok(Coding::SignedBe(8)),
        3 => Ok(Coding::SignedBe(16)),
        4 => Ok(Coding::SignedBe(24)),
        5 => Ok(Coding::SignedBe(32)),
        6 => Ok(Coding::FloatBe(32)),
        7 => Ok(Coding::FloatBe(64)),
        27 => Ok(Coding::ALaw),
        _ => Err(Error::Unsupported(
            "AU with compressed audio other than G.711",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn au(encoding: u32, size: u32) -> Vec<u8> {
        let words = [28, size, encoding, 8000, 1, 0];
        let header = words.into_iter().flat_map(u32::to_be_bytes);
        b".snd"
            .iter()
            .copied()
            .chain(header)
            .chain([0; 96])
            .collect()
    }

    #[test]
    fn encodings_and_sizes_are_read() {
        for (encoding, size, ticks) in [
            (1, 96, 96),
            (27, u32::MAX, 96),
            (3, 0, 48),
            (4, 48, 16),
            (7, 97, 12),
        ] {
            let file = au(encoding, size);
            assert!(recognises(&file.as_slice()).unwrap());
            assert_eq!(open(&file.as_slice()).unwrap().duration.ticks, ticks);
        }
        assert!(open(&au(23, 0).as_slice()).is_err());
    }
}
