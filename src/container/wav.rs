//! WAV files (RIFF with a `fmt ` and a `data` chunk).

use super::audio::{pcm_movie, read, start};
use super::chunks::{Chunk, Chunks};
use super::{Error, Movie, ReadAt};
use crate::codec::pcm::{Coding, Config};

/// Whether the file starts like a WAV file.
pub(super) fn recognises(file: &dyn ReadAt) -> Result<bool, Error> {
    let start = start::<12>(file)?;
    Ok(start.is_some_and(|bytes| bytes.starts_with(b"RIFF") && bytes.ends_with(b"WAVE")))
}

/// Reads a file that [`recognises`] knows.
///
/// A data size of 0, which recorders leave that were cut off, and one beyond
/// the file mean that the audio goes on to the end.
pub(super) fn open(file: &dyn ReadAt) -> Result<Movie, Error> {
    let mut chunks = Chunks::little_endian(file);
    let mut config = None;
    while let Some(chunk) = chunks.next()? {
        match (&chunk.name, config) {
            (b"fmt ", _) => config = Some(read_format(file, &chunk)?),
            (b"data", Some(config)) => {
                let bytes = if chunk.size == 0 {
                    u64::MAX
                } else {
                    chunk.size.into()
                };
                return pcm_movie(file, "WAV", config, chunk.start, bytes);
            }
            _ => {}
        }
    }
    Err(malformed("no audio after a format"))
}

/// Reads a WAVEFORMATEX, or a WAVEFORMATEXTENSIBLE, whose true format tag starts its GUID.
fn read_format(file: &dyn ReadAt, chunk: &Chunk) -> Result<Config, Error> {
    const EXTENSIBLE: u16 = 0xfffe;
    let [t0, t1, c0, c1, r0, r1, r2, r3, _, _, _, _, a0, a1]: [u8; 14] =
        read(file, chunk.start, "fmt chunk")?;
    let tag = match u16::from_le_bytes([t0, t1]) {
        EXTENSIBLE => u16::from_le_bytes(read(file, chunk.start + 24, "fmt chunk")?),
        tag => tag,
    };
    let channels = u8::try_from(u16::from_le_bytes([c0, c1]))
        .map_err(|_| malformed("more than 255 channels"))?;
    let frame = u16::from_le_bytes([a0, a1]);
    let bytes = frame.checked_div(channels.into()).unwrap_or(0);
    Ok(Config {
        coding: coding(tag, bytes)?,
        rate_hz: u32::from_le_bytes([r0, r1, r2, r3]),
        channels,
    })
}

/// By format tag and bytes of a value; values of odd widths fill their bytes from the top.
fn coding(tag: u16, bytes: u16) -> Result<Coding, Error> {
    match (tag, bytes) {
        (1, 1) => Ok(Coding::Unsigned8),
        (1, 2..=4) => Ok(Coding::SignedLe(8 * bytes as u8)),
        (3, 4 | 8) => Ok(Coding::FloatLe(8 * bytes as u8)),
        (6, 1) => Ok(Coding::ALaw),
        (7, 1) => Ok(Coding::ULaw),
        _ => Err(Error::Unsupported(
            "WAV with compressed audio other than G.711",
        )),
    }
}

const fn malformed(reason: &'static str) -> Error {
    Error::Malformed {
        part: "WAV file",
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Format;
    use crate::container::Role;

    fn wav(tag: u16, bits: u16, data_size: u32, data: &[u8]) -> Vec<u8> {
        let frame = 2 * bits / 8;
        let mut file = b"RIFF\0\0\0\0WAVELIST\x03\0\0\0abc\0fmt \x10\0\0\0".to_vec();
        file.extend(tag.to_le_bytes());
        file.extend([2, 0]);
        file.extend(8000_u32.to_le_bytes());
        file.extend([0; 4]);
        file.extend(frame.to_le_bytes());
        file.extend(bits.to_le_bytes());
        file.extend(b"data");
        file.extend(data_size.to_le_bytes());
        file.extend(data);
        file
    }

    fn pcm(movie: &Movie) -> Config {
        match movie.tracks[0].role {
            Role::Media(Format::Pcm(config)) => config,
            ref other => panic!("{other:?}"),
        }
    }

    #[test]
    fn any_width_is_read() {
        for (tag, bits, coding) in [
            (1, 8, Coding::Unsigned8),
            (1, 16, Coding::SignedLe(16)),
            (1, 24, Coding::SignedLe(24)),
            (3, 32, Coding::FloatLe(32)),
            (6, 8, Coding::ALaw),
            (7, 8, Coding::ULaw),
        ] {
            let file = wav(tag, bits, 48, &[0; 48]);
            assert!(recognises(&file.as_slice()).unwrap());
            let movie = open(&file.as_slice()).unwrap();
            assert_eq!(pcm(&movie).coding, coding);
            assert_eq!(movie.duration.ticks, 48 * 8 / 2 / i64::from(bits));
        }
    }

    #[test]
    fn a_wrong_data_size_means_the_end_of_the_file() {
        for size in [0, 9999, u32::MAX] {
            let file = wav(1, 16, size, &[0; 400]);
            assert_eq!(open(&file.as_slice()).unwrap().duration.ticks, 100);
        }
    }

    #[test]
    fn what_cannot_be_served_is_refused() {
        assert!(matches!(
            open(&wav(0x55, 16, 4, &[0; 4]).as_slice()),
            Err(Error::Unsupported(_))
        ));
        let whole = wav(1, 16, 4, &[0; 4]);
        for end in 12..whole.len() - 4 {
            let _ = open(&&whole[..end]);
        }
    }
}
