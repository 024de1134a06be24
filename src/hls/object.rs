//! What can be fetched of a channel, and how it is called: the last component of its URL.
//!
//! Names of media hold the number of their packager, which is drawn by lot: a packager that
//! begins anew never uses a name again, so caches may keep what they have for ever.

use std::fmt::{self, Display, Formatter};
use std::time::SystemTime;

use bytes::Bytes;

use super::playlist;
use crate::base::path::MediaPath;

/// How a channel is packaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Flavour {
    /// Fragmented MP4 with low-latency parts.
    LowLatency,
    /// Fragmented MP4 in segments.
    Cmaf,
    /// MPEG transport streams, or packed audio where there are no pictures.
    Ts,
}

impl Flavour {
    /// All flavours.
    pub const ALL: [Self; 3] = [Self::LowLatency, Self::Cmaf, Self::Ts];

    fn multivariant(self) -> &'static str {
        match self {
            Self::LowLatency => "index.m3u8",
            Self::Cmaf => "cmaf.m3u8",
            Self::Ts => "ts.m3u8",
        }
    }

    fn media(self) -> &'static str {
        match self {
            Self::LowLatency => "media.m3u8",
            Self::Cmaf => "media-cmaf.m3u8",
            Self::Ts => "media-ts.m3u8",
        }
    }

    fn compat(self) -> &'static str {
        match self {
            Self::LowLatency => "compat.m3u8",
            Self::Cmaf => "compat-cmaf.m3u8",
            Self::Ts => "compat-ts.m3u8",
        }
    }

    fn i_frames(self) -> &'static str {
        match self {
            Self::LowLatency => "iframes.m3u8",
            Self::Cmaf => "iframes-cmaf.m3u8",
            Self::Ts => "iframes-ts.m3u8",
        }
    }

    fn audio_ending(self) -> &'static str {
        match self {
            Self::LowLatency => ".m3u8",
            Self::Cmaf => "-cmaf.m3u8",
            Self::Ts => "-ts.m3u8",
        }
    }

    fn audio_number(self, name: &str) -> Option<u16> {
        let number = name
            .strip_prefix("audio")?
            .strip_suffix(self.audio_ending())?;
        let is_plain = !number.starts_with(['0', '+']);
        is_plain.then(|| number.parse().ok())?
    }
}

/// What can be fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Object {
    /// The playlist that a player opens.
    Multivariant(Flavour),
    /// The playlist that it reloads.
    Media(Flavour),
    /// The playlist for players that know H.264 and AAC alone.
    Compat(Flavour),
    /// The playlist of one of the sounds that the program has, by its number from 1.
    Audio(Flavour, u16),
    /// The playlist of key frames, for pictures while the viewer scrubs.
    IFrames(Flavour),
    /// Something that never changes; what is encoded anew is as good, but has other bytes.
    File {
        /// The number of the packager that made it.
        packager: u32,
        /// Which of its files.
        file: File,
    },
}

/// Something that a packager made once and for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum File {
    /// What a player needs before segments of fragmented MP4, by version.
    Init(u32),
    /// A segment of fragmented MP4, by media sequence number.
    Segment(u64),
    /// A part of such a segment, by its place in it.
    Part(u64, u32),
    /// A segment in the flavour [`Flavour::Ts`].
    Ts(u64, Packing),
    /// A key, by its period.
    Key(u64),
    /// What a player needs before key frames in fragmented MP4, by version.
    IFrameInit(u32),
    /// A key frame alone in fragmented MP4, by its number in the playlist of key frames.
    IFrame(u64),
    /// The same as a transport stream.
    IFrameTs(u64),
}

/// What a segment in the flavour [`Flavour::Ts`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Packing {
    /// A transport stream.
    Ts,
    /// AAC in ADTS.
    Aac,
    /// MPEG audio.
    Mp3,
}

/// What players are told of a file beside its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// What tells its bytes from others that have the same name at other times; `None` if it never changes.
    pub version: Option<u64>,
    /// Whether it is of segments with pictures.
    pub has_pictures: bool,
    /// When it was made, or what it is made of; `None` if nobody has noted that.
    pub modified: Option<SystemTime>,
}

/// What a file holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// How many bytes.
    pub length: u64,
    /// The bytes, one piece after the other; none where nobody needs them.
    pub pieces: Vec<Bytes>,
}

impl From<Vec<Bytes>> for Content {
    fn from(pieces: Vec<Bytes>) -> Self {
        Self {
            length: pieces.iter().map(|piece| piece.len() as u64).sum(),
            pieces,
        }
    }
}

impl Object {
    /// What the path of a URL names, and of which channel or movie: `/NAME/index.m3u8` with all that
    /// is named in it, and `/NAME.m3u8`. What may be either is the [former](Self::in_folder).
    pub fn of_path(path: &MediaPath) -> Option<(MediaPath, Self)> {
        Self::in_folder(path).or_else(|| Self::beside(path))
    }

    /// What the path names as something in the folder of a channel or movie, and of which.
    pub fn in_folder(path: &MediaPath) -> Option<(MediaPath, Self)> {
        let object = Self::read(path.name())?;
        let name = path.parent();
        (!name.is_root()).then_some((name, object))
    }

    /// What it names beside a channel or movie, and which: `/NAME.m3u8`.
    pub fn beside(path: &MediaPath) -> Option<(MediaPath, Self)> {
        let name = path.as_str().strip_suffix(".m3u8")?;
        let name = Some(name).filter(|name| !name.is_empty() && !name.ends_with('/'))?;
        let name = MediaPath::from_plain(name).ok()?;
        Some((name, Self::Multivariant(Flavour::LowLatency)))
    }

    /// Reads the last component of a URL; `None` for what cannot be a name that [`Display`] wrote.
    pub fn read(name: &str) -> Option<Self> {
        for flavour in Flavour::ALL {
            if name == flavour.multivariant() {
                return Some(Self::Multivariant(flavour));
            }
            if name == flavour.media() {
                return Some(Self::Media(flavour));
            }
            if name == flavour.compat() {
                return Some(Self::Compat(flavour));
            }
            if name == flavour.i_frames() {
                return Some(Self::IFrames(flavour));
            }
            if let Some(number) = flavour.audio_number(name) {
                return Some(Self::Audio(flavour, number));
            }
        }
        let (packager, file) = name.split_once('-')?;
        let object = Self::File {
            packager: u32::from_str_radix(packager, 16).ok()?,
            file: File::read(file)?,
        };
        // One thing has one name: no leading zeros, no other case.
        (object.to_string() == name).then_some(object)
    }

    /// Whether it names others of the same channel or movie.
    pub fn is_playlist(self) -> bool {
        !matches!(self, Self::File { .. })
    }

    /// Whether it is a key, which nobody else may keep.
    pub fn is_key(self) -> bool {
        let Self::File { file, .. } = self else {
            return false;
        };
        matches!(file, File::Key(_))
    }

    /// Its media type (RFC 8216, 10; the authoring specification of Apple, 10.4), with pictures in it or
    /// with sound alone.
    pub fn media_type(self, has_pictures: bool) -> &'static str {
        match self {
            Self::Multivariant(_)
            | Self::Media(_)
            | Self::Compat(_)
            | Self::Audio(..)
            | Self::IFrames(_) => playlist::MEDIA_TYPE,
            Self::File { file, .. } => match file {
                File::Init(_) | File::Segment(_) | File::Part(..) if !has_pictures => "audio/mp4",
                File::Init(_) | File::IFrameInit(_) => "video/mp4",
                File::Segment(_) | File::Part(..) | File::IFrame(_) => "video/iso.segment",
                File::Ts(_, packing) => packing.media_type(),
                File::IFrameTs(_) => Packing::Ts.media_type(),
                File::Key(_) => "application/octet-stream",
            },
        }
    }
}

impl File {
    fn read(name: &str) -> Option<Self> {
        let (stem, extension) = name.rsplit_once('.')?;
        if let Some(stem) = stem.strip_prefix("iframe-") {
            return Self::read_i_frame(stem, extension);
        }
        let packing = match (stem.strip_prefix("init"), extension) {
            (Some(version), "mp4") => return Some(Self::Init(version.parse().ok()?)),
            (None, "m4s") => {
                return Some(match stem.split_once('.') {
                    Some((sequence, part)) => {
                        Self::Part(sequence.parse().ok()?, part.parse().ok()?)
                    }
                    None => Self::Segment(stem.parse().ok()?),
                });
            }
            (None, "key") => return Some(Self::Key(stem.parse().ok()?)),
            (None, extension) => Packing::of_extension(extension)?,
            _ => return None,
        };
        Some(Self::Ts(stem.parse().ok()?, packing))
    }

    fn read_i_frame(stem: &str, extension: &str) -> Option<Self> {
        Some(match (stem.strip_prefix("init"), extension) {
            (Some(version), "mp4") => Self::IFrameInit(version.parse().ok()?),
            (None, "m4s") => Self::IFrame(stem.parse().ok()?),
            (None, "ts") => Self::IFrameTs(stem.parse().ok()?),
            _ => return None,
        })
    }
}

impl Packing {
    /// What a file with that extension holds.
    pub fn of_extension(extension: &str) -> Option<Self> {
        let mut all = [Self::Ts, Self::Aac, Self::Mp3].into_iter();
        all.find(|packing| packing.extension() == extension)
    }

    fn extension(self) -> &'static str {
        match self {
            Self::Ts => "ts",
            Self::Aac => "aac",
            Self::Mp3 => "mp3",
        }
    }

    /// Its media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Ts => "video/mp2t",
            Self::Aac => "audio/aac",
            Self::Mp3 => "audio/mpeg",
        }
    }
}

impl Display for Object {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (packager, file) = match self {
            Self::Multivariant(flavour) => return f.write_str(flavour.multivariant()),
            Self::Media(flavour) => return f.write_str(flavour.media()),
            Self::Compat(flavour) => return f.write_str(flavour.compat()),
            Self::Audio(flavour, number) => {
                return write!(f, "audio{number}{}", flavour.audio_ending());
            }
            Self::IFrames(flavour) => return f.write_str(flavour.i_frames()),
            Self::File { packager, file } => (packager, file),
        };
        write!(f, "{packager:08x}-")?;
        match file {
            File::Init(version) => write!(f, "init{version}.mp4"),
            File::Segment(sequence) => write!(f, "{sequence}.m4s"),
            File::Part(sequence, part) => write!(f, "{sequence}.{part}.m4s"),
            File::Ts(sequence, packing) => write!(f, "{sequence}.{}", packing.extension()),
            File::Key(period) => write!(f, "{period}.key"),
            File::IFrameInit(version) => write!(f, "iframe-init{version}.mp4"),
            File::IFrame(number) => write!(f, "iframe-{number}.m4s"),
            File::IFrameTs(number) => write!(f, "iframe-{number}.ts"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        let file = |file| Object::File {
            packager: 0x0a1b,
            file,
        };
        for (name, object) in [
            ("index.m3u8", Object::Multivariant(Flavour::LowLatency)),
            ("media-ts.m3u8", Object::Media(Flavour::Ts)),
            ("compat.m3u8", Object::Compat(Flavour::LowLatency)),
            ("audio2.m3u8", Object::Audio(Flavour::LowLatency, 2)),
            ("audio10-ts.m3u8", Object::Audio(Flavour::Ts, 10)),
            ("iframes.m3u8", Object::IFrames(Flavour::LowLatency)),
            ("iframes-ts.m3u8", Object::IFrames(Flavour::Ts)),
            ("00000a1b-init2.mp4", file(File::Init(2))),
            ("00000a1b-17.m4s", file(File::Segment(17))),
            ("00000a1b-17.3.m4s", file(File::Part(17, 3))),
            ("00000a1b-17.ts", file(File::Ts(17, Packing::Ts))),
            ("00000a1b-17.aac", file(File::Ts(17, Packing::Aac))),
            ("00000a1b-3.key", file(File::Key(3))),
            ("00000a1b-iframe-init2.mp4", file(File::IFrameInit(2))),
            ("00000a1b-iframe-17.m4s", file(File::IFrame(17))),
            ("00000a1b-iframe-17.ts", file(File::IFrameTs(17))),
        ] {
            assert_eq!(Object::read(name), Some(object), "{name}");
            assert_eq!(object.to_string(), name);
        }
    }

    #[test]
    fn sound_alone_is_no_video() {
        let media_type = |name: &str, has_pictures| {
            let object = Object::read(name).unwrap();
            object.media_type(has_pictures)
        };
        for (name, seen, heard) in [
            ("00000a1b-init2.mp4", "video/mp4", "audio/mp4"),
            ("00000a1b-17.m4s", "video/iso.segment", "audio/mp4"),
            ("00000a1b-17.3.m4s", "video/iso.segment", "audio/mp4"),
            ("00000a1b-17.ts", "video/mp2t", "video/mp2t"),
            ("00000a1b-17.mp3", "audio/mpeg", "audio/mpeg"),
        ] {
            assert_eq!(media_type(name, true), seen, "{name}");
            assert_eq!(media_type(name, false), heard, "{name}");
        }
    }

    #[test]
    fn other_names_are_nothing() {
        for name in [
            "",
            "a1b-17.m4s",
            "00000A1B-17.m4s",
            "00000a1b-017.m4s",
            "00000a1b-+17.m4s",
            "00000a1b-17.3.ts",
            "00000a1b-17.mov",
            "00000a1b-iframe-17.3.m4s",
            "00000a1b-iframe-17.aac",
            "00000a1b-99999999999999999999.ts",
            "media.m3u",
            "audio.m3u8",
            "audio02.m3u8",
            "audio0-cmaf.m3u8",
            "audio70000.m3u8",
        ] {
            assert_eq!(Object::read(name), None, "{name}");
        }
    }
}
