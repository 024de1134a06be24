//! Sample entries: from the descriptions in `stsd` to the formats that can be packetised.
//!
//! Sources: ISO/IEC 14496-12, 8.5.2 and 12; QTFF, "Sound sample descriptions".

use bytes::Bytes;

use super::atom::{Atom, FourCc, atoms, find};
use super::esds::Decoder;
use crate::codec::{Format, Kind, Malformed, aac, av1, h264, h265, pcm, vp9};
use crate::container::big_endian::{u16_at, u32_at, u64_at};

/// One entry of `stsd`.
#[derive(Clone, Debug)]
pub(super) struct SampleEntry {
    pub(super) kind: FourCc,
    /// The whole box.
    pub(super) whole: Bytes,
    /// Number of its data reference, from 1.
    pub(super) reference: u16,
    /// Whether `stsd` is of version 1, which changes how sound entries are laid out.
    stsd_version: u8,
}

/// Sound of constant rate in blocks, as QuickTime versions 1 and 2 describe it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SoundBlocks {
    /// PCM frames of a block.
    pub(super) samples: u32,
    /// Bytes of a block, all channels.
    pub(super) bytes: u32,
}

/// The fields of a sound entry.
struct Sound {
    channels: u8,
    bits: u32,
    rate_hz: u32,
    /// Where the extensions start in the box.
    extensions: usize,
    blocks: Option<SoundBlocks>,
    /// Version 2: what linear PCM is like.
    pcm_flags: Option<u32>,
}

impl SampleEntry {
    /// The entries of the box `stsd`, at most 64.
    pub(super) fn read_all(stsd: &Atom) -> Vec<Self> {
        atoms(&stsd.from(8))
            .take(64)
            .map(|entry| Self {
                kind: entry.kind,
                reference: u16_at(&entry.whole, 14).unwrap_or(0),
                whole: entry.whole,
                stsd_version: stsd.version(),
            })
            .collect()
    }

    /// Picture width and height in pixels, of a video entry.
    pub(super) fn picture_size(&self) -> Option<(u16, u16)> {
        Some((u16_at(&self.whole, 32)?, u16_at(&self.whole, 34)?))
    }

    /// How a sound entry's bytes are counted, when its samples are single PCM frames.
    pub(super) fn sound_blocks(&self, format: Option<&Format>) -> Option<SoundBlocks> {
        if let Some(Format::Pcm(config)) = format {
            let bytes = config.bytes_per_frame() as u32;
            return Some(SoundBlocks { samples: 1, bytes });
        }
        self.sound()?.blocks
    }

    /// The format of the samples.
    ///
    /// # Errors
    /// The reason why they cannot be packetised, one line.
    pub(super) fn format(&self, kind: Kind) -> Result<Format, String> {
        match kind {
            Kind::Video => self.video_format(),
            Kind::Audio => self.sound_format(),
            Kind::Application => Err(self.unknown()),
        }
    }

    fn video_format(&self) -> Result<Format, String> {
        let format = match &self.kind.0 {
            b"avc1" | b"avc3" => {
                h264::Config::from_avcc(&self.video_extension(b"avcC")?).map(Format::H264)
            }
            b"hvc1" | b"hev1" => {
                h265::Config::from_hvcc(&self.video_extension(b"hvcC")?).map(Format::H265)
            }
            b"av01" => av1::Config::from_av1c(&self.video_extension(b"av1C")?).map(Format::Av1),
            b"vp09" => vp9::Config::from_vpcc(&self.video_extension(b"vpcC")?).map(Format::Vp9),
            b"mp4v" => return self.mpeg4_video(),
            b"s263" | b"h263" | b"H263" => Ok(Format::H263),
            b"jpeg" => Ok(Format::Jpeg),
            b"mjpa" if !self.is_interlaced() => Ok(Format::Jpeg),
            b"mjpa" => return Err("Motion JPEG of two fields a picture".to_owned()),
            b"encv" => return Err(ENCRYPTED.to_owned()),
            _ => return Err(self.unknown()),
        };
        format.map_err(|error: Malformed| error.to_string())
    }

    fn mpeg4_video(&self) -> Result<Format, String> {
        let esds = self.video_extension(b"esds")?;
        let decoder = Decoder::read(&esds).ok_or("its elementary stream descriptor is broken")?;
        match decoder.object_type {
            0x20 => Ok(Format::Mpeg4Video {
                config: Bytes::copy_from_slice(decoder.specific),
            }),
            0x6c => Ok(Format::Jpeg),
            other => Err(unknown_object(other)),
        }
    }

    fn is_interlaced(&self) -> bool {
        let fields = self.video_extension(b"fiel");
        fields.is_ok_and(|body| body.first().is_some_and(|&fields| fields > 1))
    }

    fn sound_format(&self) -> Result<Format, String> {
        let sound = self.sound().ok_or("its sound description is cut short")?;
        let (channels, rate_hz) = (sound.channels, sound.rate_hz);
        match &self.kind.0 {
            b"mp4a" => self.mpeg4_audio(&sound),
            b".mp3" | b"ms\0\x55" => Ok(Format::MpegAudio {
                layer: 3,
                rate_hz,
                channels,
            }),
            b"samr" | b"sawb" => Ok(Format::Amr {
                wide: self.kind.0 == *b"sawb",
                channels: 1,
            }),
            b"Opus" => {
                let body = self.sound_extension(&sound, b"dOps")?;
                let channels = body.get(1).copied().unwrap_or(channels);
                Ok(Format::Opus { channels })
            }
            b"ac-3" => self.ac3(&sound),
            b"enca" => Err(ENCRYPTED.to_owned()),
            _ => self.pcm(&sound),
        }
    }

    fn mpeg4_audio(&self, sound: &Sound) -> Result<Format, String> {
        let esds = self.sound_extension(sound, b"esds")?;
        let decoder = Decoder::read(&esds).ok_or("its elementary stream descriptor is broken")?;
        match decoder.object_type {
            0x40 | 0x66..=0x68 => aac::Config::from_specific(decoder.specific)
                .map(Format::Aac)
                .map_err(|error| error.to_string()),
            // Any layer; frames tell which.
            0x69 | 0x6b => Ok(Format::MpegAudio {
                layer: 3,
                rate_hz: sound.rate_hz,
                channels: sound.channels,
            }),
            other => Err(unknown_object(other)),
        }
    }

    /// AC3SpecificBox (ETSI TS 102 366, F.4).
    fn ac3(&self, sound: &Sound) -> Result<Format, String> {
        let body = self.sound_extension(sound, b"dac3")?;
        let &[first, second, ..] = body.as_ref() else {
            return Err("its dac3 box is cut short".to_owned());
        };
        let rate_hz = match first >> 6 {
            0 => 48_000,
            1 => 44_100,
            2 => 32_000,
            _ => return Err("AC-3 of a reserved rate".to_owned()),
        };
        let mode = usize::from(second >> 3 & 7);
        Ok(Format::Ac3 {
            rate_hz,
            channels: [2, 1, 2, 3, 3, 4, 4, 5][mode] + (second >> 2 & 1),
        })
    }

    fn pcm(&self, sound: &Sound) -> Result<Format, String> {
        let coding = self.pcm_coding(sound).ok_or_else(|| self.unknown())?;
        if sound.rate_hz == 0 || sound.channels == 0 {
            return Err("sound without a rate or without channels".to_owned());
        }
        Ok(Format::Pcm(pcm::Config {
            coding,
            rate_hz: sound.rate_hz,
            channels: sound.channels,
        }))
    }

    fn pcm_coding(&self, sound: &Sound) -> Option<pcm::Coding> {
        use pcm::Coding::{ALaw, SignedBe, SignedLe, ULaw, Unsigned8};
        let bits = match sound.bits {
            bits @ (8 | 16 | 24 | 32 | 64) => bits as u8,
            _ => return None,
        };
        match &self.kind.0 {
            b"ulaw" => Some(ULaw),
            b"alaw" => Some(ALaw),
            b"raw " | b"NONE" if bits == 8 => Some(Unsigned8),
            b"raw " | b"NONE" | b"twos" if bits <= 32 => Some(SignedBe(bits)),
            b"sowt" if bits <= 32 => Some(SignedLe(bits)),
            b"in24" => linear(false, self.is_little(sound), 24),
            b"in32" => linear(false, self.is_little(sound), 32),
            b"fl32" => linear(true, self.is_little(sound), 32),
            b"fl64" => linear(true, self.is_little(sound), 64),
            b"lpcm" => linear_v2(sound.pcm_flags?, bits),
            b"ipcm" | b"fpcm" => {
                let config = self.sound_extension(sound, b"pcmC").ok()?;
                let (&little, &bits) = (config.get(4)?, config.get(5)?);
                let float = self.kind.0 == *b"fpcm";
                linear(float, little & 1 != 0, bits)
            }
            _ => None,
        }
    }

    /// Whether `enda` says that values are little endian.
    fn is_little(&self, sound: &Sound) -> bool {
        let order = self.sound_extension(sound, b"enda");
        order.is_ok_and(|body| u16_at(&body, 0) == Some(1))
    }

    fn video_extension(&self, kind: &[u8; 4]) -> Result<Bytes, String> {
        extension(&self.tail(VIDEO_EXTENSIONS), kind)
    }

    /// An extension of a sound entry; QuickTime puts them into a `wave` box.
    fn sound_extension(&self, sound: &Sound, kind: &[u8; 4]) -> Result<Bytes, String> {
        let tail = self.tail(sound.extensions);
        extension(&tail, kind).or_else(|missing| {
            find(&tail, b"wave").map_or(Err(missing), |wave| extension(&wave.body, kind))
        })
    }

    fn tail(&self, at: usize) -> Bytes {
        self.whole.slice(at.min(self.whole.len())..)
    }

    fn sound(&self) -> Option<Sound> {
        let entry = self.whole.as_ref();
        let version = match self.stsd_version {
            0 => u16_at(entry, 16)?,
            _ => 0,
        };
        let sound = Sound {
            channels: u8::try_from(u16_at(entry, 24)?).ok()?,
            bits: u16_at(entry, 26)?.into(),
            rate_hz: u32_at(entry, 32)? >> 16,
            extensions: 36,
            blocks: None,
            pcm_flags: None,
        };
        match version {
            1 => sound.version_1(entry),
            2 => Sound::version_2(entry),
            _ => Some(sound),
        }
    }

    fn unknown(&self) -> String {
        format!("no RTP payload format is known for '{}'", self.kind)
    }
}

impl Sound {
    fn version_1(self, entry: &[u8]) -> Option<Self> {
        let (samples, bytes) = (u32_at(entry, 36)?, u32_at(entry, 44)?);
        Some(Self {
            extensions: 52,
            blocks: (samples > 0 && bytes > 0).then_some(SoundBlocks { samples, bytes }),
            ..self
        })
    }

    fn version_2(entry: &[u8]) -> Option<Self> {
        let rate = f64::from_bits(u64_at(entry, 40)?);
        let (bytes, samples) = (u32_at(entry, 64)?, u32_at(entry, 68)?);
        Some(Self {
            channels: u8::try_from(u32_at(entry, 48)?).ok()?,
            bits: u32_at(entry, 56)?,
            rate_hz: rate as u32,
            extensions: 72,
            blocks: (samples > 0 && bytes > 0).then_some(SoundBlocks { samples, bytes }),
            pcm_flags: Some(u32_at(entry, 60)?),
        })
    }
}

/// Linear PCM by the flags of a version 2 description: 1 float, 2 big endian, 4 signed.
fn linear_v2(flags: u32, bits: u8) -> Option<pcm::Coding> {
    let (float, little, signed) = (flags & 1 != 0, flags & 2 == 0, flags & 4 != 0);
    if bits == 8 && !float && !signed {
        return Some(pcm::Coding::Unsigned8);
    }
    linear(float, little, bits)
}

fn linear(float: bool, little: bool, bits: u8) -> Option<pcm::Coding> {
    match (float, little, bits) {
        (false, false, 8 | 16 | 24 | 32) => Some(pcm::Coding::SignedBe(bits)),
        (false, true, 8 | 16 | 24 | 32) => Some(pcm::Coding::SignedLe(bits)),
        (true, false, 32 | 64) => Some(pcm::Coding::FloatBe(bits)),
        (true, true, 32 | 64) => Some(pcm::Coding::FloatLe(bits)),
        _ => None,
    }
}

fn extension(bytes: &Bytes, kind: &[u8; 4]) -> Result<Bytes, String> {
    find(bytes, kind)
        .map(|atom| atom.body)
        .ok_or_else(|| format!("its sample description has no '{}' box", FourCc(*kind)))
}

fn unknown_object(object_type: u8) -> String {
    format!("no RTP payload format is known for MPEG-4 object type {object_type:#x}")
}

const ENCRYPTED: &str = "it is encrypted";
/// Where the extensions of a video entry start in its box.
const VIDEO_EXTENSIONS: usize = 86;
