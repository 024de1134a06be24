//! Samples encrypted by the scheme `cbcs` of common encryption, and the boxes that tell of it (ISO/IEC 23001-7, 10.4).
//!
//! Of pictures, one block of slice data in ten is encrypted, and headers are not; of everything else,
//! all whole blocks. Each run of encrypted bytes begins with the same initialisation vector, which
//! the movie box tells. Where keys come from is for the caller to say.

use aes::Aes128;
use aes::cipher::{Block, BlockModeEncrypt, InnerIvInit, KeyInit};
use bytes::Bytes;
use cbc::Encryptor;

use super::boxes::Boxes;
use crate::codec::Format;
use crate::codec::slices::Slices;

/// What the movie box tells of how samples are encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Protection {
    /// The name of the key, `KID`.
    pub key_id: [u8; 16],
    /// What each run of encrypted bytes begins with.
    pub iv: [u8; 16],
}

/// A stretch of a sample: bytes in the clear, then bytes to which the pattern applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subsample {
    /// How many bytes are in the clear.
    pub clear: u16,
    /// How many bytes follow of which some are encrypted.
    pub protected: u32,
}

/// Encrypts the samples of a track.
#[derive(Clone)]
pub struct Cipher {
    aes: Aes128,
    iv: [u8; 16],
    slices: Option<Slices>,
}

impl Cipher {
    /// For samples of `format`; each run of bytes begins with `iv`.
    pub fn new(key: [u8; 16], iv: [u8; 16], format: &Format) -> Self {
        Self {
            aes: Aes128::new(&key.into()),
            iv,
            slices: Slices::of(format),
        }
    }

    /// A sample encrypted, of the same size, and its subsamples; none if all of it is one run.
    pub fn encrypt(&self, sample: &[u8]) -> (Bytes, Vec<Subsample>) {
        let mut bytes = sample.to_vec();
        let Some(slices) = &self.slices else {
            self.run(&mut bytes, 1);
            return (bytes.into(), Vec::new());
        };
        let mut subsamples = Vec::new();
        let mut end = 0;
        for range in slices.data(sample) {
            if range.len() >= BLOCK {
                clear(range.start - end, range.len(), &mut subsamples);
                end = range.end;
                if let Some(run) = bytes.get_mut(range) {
                    self.run(run, ONE_IN);
                }
            }
        }
        clear(bytes.len() - end, 0, &mut subsamples);
        (bytes.into(), subsamples)
    }

    /// Encrypts one block in `one_in`, beginning with the first; what is no whole block stays clear.
    fn run(&self, bytes: &mut [u8], one_in: usize) {
        let mut encryptor = Encryptor::inner_iv_init(self.aes.clone(), &self.iv.into());
        for block in bytes.as_chunks_mut::<BLOCK>().0.iter_mut().step_by(one_in) {
            encryptor.encrypt_block(<&mut Block<Aes128>>::from(block));
        }
    }
}

const BLOCK: usize = 16;

/// The pattern of pictures: one block encrypted, nine not.
const ONE_IN: usize = 10;

/// Adds `bytes` in the clear, then `protected` ones; 16 bits hold no more than 65535 clear ones at a time.
fn clear(mut bytes: usize, protected: usize, into: &mut Vec<Subsample>) {
    const MOST: usize = u16::MAX as usize;
    while bytes > MOST {
        into.push(Subsample {
            clear: u16::MAX,
            protected: 0,
        });
        bytes -= MOST;
    }
    if bytes + protected > 0 {
        into.push(Subsample {
            clear: bytes as u16,
            protected: protected as u32,
        });
    }
}

/// Writes the box that a sample entry has which stands in for one of the kind `original` (ISO/IEC 14496-12, 8.12).
pub(super) fn protection_scheme(
    boxes: &mut Boxes,
    original: &[u8; 4],
    has_pattern: bool,
    protection: &Protection,
) {
    boxes.atom(b"sinf", |boxes| {
        boxes.atom(b"frma", |boxes| boxes.slice(original));
        boxes.full(b"schm", 0, 0, |boxes| {
            boxes.slice(b"cbcs");
            boxes.u32(0x1_0000);
        });
        boxes.atom(b"schi", |boxes| {
            boxes.full(b"tenc", 1, 0, |boxes| {
                // Blocks encrypted and skipped; no pattern means all.
                let pattern = if has_pattern {
                    0x10 | (ONE_IN as u8 - 1)
                } else {
                    0
                };
                // Encrypted, and without initialisation vectors of the samples' own.
                boxes.slice(&[0, pattern, 1, 0]);
                boxes.slice(&protection.key_id);
                boxes.u8(protection.iv.len() as u8);
                boxes.slice(&protection.iv);
            });
        });
    });
}

/// Writes the subsamples of the samples of a track fragment, of the movie fragment that begins at
/// `start`: as players that know common encryption look for them, and as older ones do (8.7.8 and
/// 8.7.9 of ISO/IEC 14496-12).
pub(super) fn subsamples(boxes: &mut Boxes, samples: &[Vec<Subsample>], start: usize) {
    let sizes = samples
        .iter()
        .map(|sample| u8::try_from(2 + 6 * sample.len()));
    // A sample of more than 42 stretches cannot be told of in the older way.
    let sizes: Option<Vec<u8>> = sizes.map(Result::ok).collect();
    let mut place = None;
    if let Some(sizes) = sizes {
        boxes.full(b"saiz", 0, 0, |boxes| {
            boxes.u8(0);
            boxes.u32(sizes.len() as u32);
            boxes.slice(&sizes);
        });
        boxes.full(b"saio", 0, 0, |boxes| {
            boxes.u32(1);
            place = Some(boxes.bytes.len());
            boxes.u32(0);
        });
    }
    boxes.full(b"senc", 0, HAS_SUBSAMPLES, |boxes| {
        boxes.u32(samples.len() as u32);
        if let Some(place) = place {
            let offset = boxes.bytes.len() - start;
            boxes.patch(place, offset as u32);
        }
        for sample in samples {
            boxes.u16(sample.len() as u16);
            for Subsample { clear, protected } in sample {
                boxes.u16(*clear);
                boxes.u32(*protected);
            }
        }
    });
}

const HAS_SUBSAMPLES: u32 = 2;

#[cfg(test)]
mod tests {
    use aes::cipher::BlockModeDecrypt;
    use cbc::Decryptor;

    use super::*;
    use crate::codec::h264;

    /// What a player does: ISO/IEC 23001-7, 9.6 and 10.4.
    fn decrypt(cipher: &Cipher, data: &[u8], subsamples: &[Subsample], one_in: usize) -> Vec<u8> {
        let mut bytes = data.to_vec();
        let whole = Subsample {
            clear: 0,
            protected: data.len() as u32,
        };
        let subsamples = if subsamples.is_empty() {
            &[whole]
        } else {
            subsamples
        };
        let mut at = 0;
        for Subsample { clear, protected } in subsamples {
            at += usize::from(*clear);
            let end = at + *protected as usize;
            let mut decryptor = Decryptor::inner_iv_init(cipher.aes.clone(), &cipher.iv.into());
            let blocks = bytes[at..end].as_chunks_mut::<16>().0;
            for block in blocks.iter_mut().step_by(one_in) {
                decryptor.decrypt_block(block.into());
            }
            at = end;
        }
        assert_eq!(at, data.len());
        bytes
    }

    fn cipher(format: &Format) -> Cipher {
        Cipher::new([1; 16], [2; 16], format)
    }

    #[test]
    fn sound_is_encrypted_up_to_its_last_whole_block() {
        let cipher = cipher(&Format::Opus { channels: 2 });
        let sample: Vec<u8> = (0..70).collect();
        let (data, subsamples) = cipher.encrypt(&sample);
        assert!(subsamples.is_empty());
        assert_eq!(data[64..], sample[64..]);
        assert!((0..4).all(|block| data[16 * block..][..16] != sample[16 * block..][..16]));
        assert_eq!(decrypt(&cipher, &data, &subsamples, 1), sample);
        assert_eq!(cipher.encrypt(&sample[..15]).0, sample[..15]);
    }

    #[test]
    fn clear_stretches_are_split_where_sixteen_bits_end() {
        let mut subsamples = Vec::new();
        clear(70_000, 100, &mut subsamples);
        clear(0, 0, &mut subsamples);
        let found: Vec<_> = subsamples
            .iter()
            .map(|one| (one.clear, one.protected))
            .collect();
        assert_eq!(found, [(65_535, 0), (4465, 100)]);
    }

    #[test]
    fn pictures_keep_their_headers() {
        let config = h264::Config {
            length_size: 4,
            sps: Vec::new(),
            pps: Vec::new(),
        };
        let cipher = cipher(&Format::H264(config));
        // A slice that is not understood, because its parameter sets do not exist.
        let mut sample = vec![0, 0, 0, 3, 6, 5, 0, 0, 0, 1, 244, 0x65];
        sample.extend((0..499).map(|byte| byte as u8));
        let (data, subsamples) = cipher.encrypt(&sample);
        assert_eq!(subsamples.len(), 1);
        assert_eq!(usize::from(subsamples[0].clear), 11 + 64);
        assert_eq!(data[..75], sample[..75]);
        assert_ne!(data[75..91], sample[75..91]);
        assert_eq!(data[91..75 + 160], sample[91..75 + 160]);
        assert_eq!(decrypt(&cipher, &data, &subsamples, ONE_IN), sample);
    }
}
