//! Sample descriptions of QuickTime movies: what a decoder has to know of any encoding (QTFF, "Sample Description
//! Atoms").
//!
//! What is in them of the encoding itself is left to those that decode it.

use bytes::Bytes;

use super::Malformed;

/// One entry of a movie's `stsd`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SampleDescription {
    /// All of it, from its size on.
    pub entry: Bytes,
    /// What it describes.
    pub media: Media,
}

/// What is described.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Media {
    /// Pictures, with their size in pixels.
    Pictures {
        /// From left to right.
        width: u16,
        /// From top to bottom.
        height: u16,
    },
    /// Sound.
    Sound(Sound),
}

/// Sound that is described.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sound {
    /// Sampling rate in Hz.
    pub rate_hz: u32,
    /// Channels.
    pub channels: u16,
    /// What a decoder takes at a time; `None` if it takes any number of samples.
    pub block: Option<Block>,
}

/// Sound of which nothing less can be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// Bytes of all channels.
    pub bytes: usize,
    /// Samples of each channel.
    pub samples: u32,
}

impl SampleDescription {
    /// By the media type of its track, `vide` or `soun`.
    ///
    /// # Errors
    /// [`Malformed`] when it is cut short, or tells of what cannot be, or of other media.
    pub(super) fn read(media_type: [u8; 4], entry: &[u8]) -> Result<Self, Malformed> {
        if long(entry, 0).and_then(|size| usize::try_from(size).ok()) != Some(entry.len()) {
            return Err(malformed("its size is not that of its entry"));
        }
        let media = match &media_type {
            b"vide" => pictures(entry),
            b"soun" => sound(entry).map(Media::Sound),
            _ => return Err(malformed("neither pictures nor sound")),
        };
        Ok(Self {
            media: media.ok_or(malformed("it is cut short, or makes no sense"))?,
            entry: Bytes::copy_from_slice(entry),
        })
    }
}

/// "Video Sample Description".
fn pictures(entry: &[u8]) -> Option<Media> {
    let (width, height) = (short(entry, 32)?, short(entry, 34)?);
    let is_whole = entry.len() >= PICTURES && width > 0 && height > 0;
    is_whole.then_some(Media::Pictures { width, height })
}

/// "Sound Sample Description", version 0 or 1.
fn sound(entry: &[u8]) -> Option<Sound> {
    let (version, channels, rate) = (short(entry, 16)?, short(entry, 24)?, long(entry, 32)?);
    let block = match version {
        0 => None,
        1 => {
            let (samples, bytes) = (long(entry, 36)?, long(entry, 44)?);
            // There are small blocks of which decoders take any number.
            let is_taken_alone = samples > 1 && bytes >= SMALLEST_BLOCK;
            is_taken_alone.then_some(Block {
                bytes: bytes as usize,
                samples,
            })
        }
        _ => return None,
    };
    let rate_hz = rate >> 16;
    let can_be = (1..=MOST_CHANNELS).contains(&channels) && rate_hz > 0;
    can_be.then_some(Sound {
        rate_hz,
        channels,
        block,
    })
}

fn short(bytes: &[u8], at: usize) -> Option<u16> {
    bytes
        .get(at..)?
        .first_chunk()
        .copied()
        .map(u16::from_be_bytes)
}

fn long(bytes: &[u8], at: usize) -> Option<u32> {
    bytes
        .get(at..)?
        .first_chunk()
        .copied()
        .map(u32::from_be_bytes)
}

const fn malformed(reason: &'static str) -> Malformed {
    Malformed::new("sample description", reason)
}

/// Bytes of what describes pictures, before its extensions.
const PICTURES: usize = 86;

const MOST_CHANNELS: u16 = 8;

/// Bytes; the smallest that is known has 33 (GSM), those of MACE have up to 4.
const SMALLEST_BLOCK: u32 = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::tests::hex;

    /// Of a movie of the QTSS era, with its extensions left out.
    const QDESIGN: &str = "0000003451444d3200000000000000010001000000000000\
        00020010ffff000056220000000008000000005c000000b800000002";

    fn entry(text: &str) -> Vec<u8> {
        hex(text).to_vec()
    }

    fn pictures_of(width: u16, height: u16) -> Vec<u8> {
        let mut entry = vec![0; PICTURES];
        entry[3] = PICTURES as u8;
        entry[4..8].copy_from_slice(b"SVQ1");
        entry[32..34].copy_from_slice(&width.to_be_bytes());
        entry[34..36].copy_from_slice(&height.to_be_bytes());
        entry
    }

    #[test]
    fn pictures_have_a_size() {
        let entry = pictures_of(160, 120);
        let read = SampleDescription::read(*b"vide", &entry).unwrap();
        let (width, height) = (160, 120);
        assert_eq!(read.media, Media::Pictures { width, height });
        assert_eq!(read.entry[..], entry);
        assert!(SampleDescription::read(*b"vide", &pictures_of(0, 120)).is_err());
    }

    #[test]
    fn sound_comes_in_blocks() {
        let entry = entry(QDESIGN);
        let Media::Sound(sound) = SampleDescription::read(*b"soun", &entry).unwrap().media else {
            panic!("sound");
        };
        assert_eq!((sound.rate_hz, sound.channels), (22_050, 2));
        let (bytes, samples) = (184, 2048);
        assert_eq!(sound.block, Some(Block { bytes, samples }));
    }

    #[test]
    fn uncompressed_sound_has_no_blocks() {
        let mut entry = entry(QDESIGN);
        entry[36..40].copy_from_slice(&[0, 0, 0, 1]);
        let read = SampleDescription::read(*b"soun", &entry).unwrap();
        assert!(matches!(
            read.media,
            Media::Sound(Sound { block: None, .. })
        ));
        entry[17] = 0;
        assert!(SampleDescription::read(*b"soun", &entry).is_ok());
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let whole = entry(QDESIGN);
        for length in 0..whole.len() {
            let read = SampleDescription::read(*b"soun", &whole[..length]);
            assert!(read.is_err(), "{length}");
        }
        assert!(SampleDescription::read(*b"vide", &whole).is_err());
        assert!(SampleDescription::read(*b"text", &whole).is_err());
        // Its version, channels and rate.
        for (at, value) in [(17, 2), (25, 0), (25, 9), (33, 0)] {
            let mut entry = whole.clone();
            entry[at] = value;
            if at == 33 {
                entry[32] = 0;
            }
            let read = SampleDescription::read(*b"soun", &entry);
            assert!(read.is_err(), "{at}");
        }
    }
}
