//! A multivariant playlist: what a program needs of its player, and where its media playlist is.
//!
//! It promises no independent segments, for it is read once, and an encoder can change its mind.

use std::fmt::{self, Display, Formatter};

use super::{Pictures, Stream};
use crate::hls::language;
use crate::hls::lock::Manner;
use crate::hls::object::{Flavour, Object};

/// A program with one variant, and perhaps one beside it (rfc8216bis, 4.4.6). Where its sounds are of several codecs,
/// a playlist tells of the variant once for each of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Multivariant<'a> {
    /// What is played, with the sounds of one codec each.
    pub streams: &'a [Stream],
    /// What is known of the pictures.
    pub pictures: Pictures,
    /// Where all that it names is, with a slash at the end; empty where the playlist is.
    pub folder: &'a str,
    /// The same for players that do not know these formats; its sound is among its pictures.
    pub alternative: Option<Alternative>,
    /// The key frames of its pictures.
    pub i_frames: Option<IFrames>,
    /// The keys that a player needs first. No two have the same place.
    pub session_keys: &'a [SessionKey],
}

/// A variant in other formats.
#[derive(Clone, Debug, PartialEq)]
pub struct Alternative {
    /// The most bits a second.
    pub bandwidth: u64,
    /// The formats as RFC 6381 names them.
    pub codecs: String,
    /// What is known of the pictures.
    pub pictures: Pictures,
    /// The media playlist.
    pub uri: String,
}

/// The key frames of a program's pictures (rfc8216bis, 4.4.6.3).
#[derive(Clone, Debug, PartialEq)]
pub struct IFrames {
    /// The rate of the key frame of the highest one, in bit/s.
    pub bandwidth: u64,
    /// The mean rate of all key frames, in bit/s.
    pub average_bandwidth: u64,
    /// The format as RFC 6381 names it, if it has such a name.
    pub codec: Option<String>,
    /// What is known of the pictures.
    pub pictures: Pictures,
    /// The media playlist.
    pub uri: String,
}

/// Where a key is that a player can load before it has read a media playlist (rfc8216bis, 4.4.6.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionKey {
    /// What is encrypted with it.
    pub manner: Manner,
    /// Where it is.
    pub uri: String,
}

/// One of the sounds of a program (rfc8216bis, 4.4.6.1).
#[derive(Clone, Debug, PartialEq)]
pub struct AudioRendition {
    /// What people choose it by. No two have the same.
    pub name: String,
    /// Its language as RFC 5646 has it.
    pub language: Option<String>,
    /// How many channels it has.
    pub channels: Option<u8>,
    /// Its media playlist; `None` for the one in the variant's own.
    pub uri: Option<String>,
}

/// The tags of a multivariant playlist without what it begins with, which programs share that are
/// variants of one.
#[derive(Clone, Copy, Debug)]
pub struct Tags<'m>(&'m Multivariant<'m>);

/// What a multivariant playlist begins with.
pub const HEAD: &str = "#EXTM3U\n#EXT-X-VERSION:6\n";

impl Multivariant<'_> {
    /// The same without what a playlist begins with.
    pub fn tags(&self) -> Tags<'_> {
        Tags(self)
    }

    /// The name of the group of the sounds of stream `number`, from 0.
    fn group(&self, number: usize) -> String {
        let number = (number > 0).then(|| format!(" {}", number + 1));
        let number = number.unwrap_or_default();
        match self.folder.trim_end_matches('/') {
            "" => format!("{AUDIO}{number}"),
            folder => format!("{AUDIO}{number} {folder}"),
        }
    }

    /// The name of the sound that players take of themselves.
    fn default_sound(&self) -> Option<&str> {
        let mut sounds = self.streams.iter().flat_map(|stream| &stream.audio);
        sounds.next().map(|sound| sound.name.as_str())
    }

    fn write_sounds(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let default = self.default_sound();
        for (number, stream) in self.streams.iter().enumerate() {
            let group = self.group(number);
            for rendition in &stream.audio {
                let is_default = default == Some(&rendition.name);
                rendition.write(is_default, (self.folder, &group), f)?;
            }
        }
        Ok(())
    }

    fn write_streams(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (number, stream) in self.streams.iter().enumerate() {
            let (peak, average) = (stream.bandwidth, stream.average_bandwidth);
            write!(
                f,
                "#EXT-X-STREAM-INF:BANDWIDTH={peak},AVERAGE-BANDWIDTH={average}"
            )?;
            if !stream.codecs.is_empty() {
                write!(f, ",CODECS=\"{}\"", stream.codecs.join(","))?;
            }
            write!(f, "{}", self.pictures)?;
            if !stream.audio.is_empty() {
                write!(f, ",AUDIO=\"{}\"", self.group(number))?;
            }
            writeln!(f, "\n{}{}", self.folder, stream.uri)?;
        }
        Ok(())
    }
}

impl Display for Multivariant<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{HEAD}{}", self.tags())
    }
}

impl Display for Tags<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self(program) = self;
        let folder = program.folder;
        for SessionKey { manner, uri } in program.session_keys {
            let method = manner.method();
            writeln!(
                f,
                "#EXT-X-SESSION-KEY:METHOD={method},URI=\"{folder}{uri}\""
            )?;
        }
        program.write_sounds(f)?;
        program.write_streams(f)?;
        if let Some(other) = &program.alternative {
            f.write_str(&other.tags(folder))?;
        }
        let mut i_frames = program.i_frames.iter();
        i_frames.try_for_each(|frames| frames.write(folder, f))
    }
}

impl Alternative {
    /// Its tags, where its media playlist is in `folder`, which is empty or ends in a slash.
    pub fn tags(&self, folder: &str) -> String {
        let Self {
            bandwidth,
            codecs,
            pictures,
            uri,
        } = self;
        format!(
            "#EXT-X-STREAM-INF:BANDWIDTH={bandwidth},AVERAGE-BANDWIDTH={bandwidth},\
             CODECS=\"{codecs}\"{pictures}\n{folder}{uri}\n"
        )
    }
}

impl IFrames {
    fn write(&self, folder: &str, f: &mut Formatter<'_>) -> fmt::Result {
        let (peak, average) = (self.bandwidth, self.average_bandwidth);
        write!(
            f,
            "#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH={peak},AVERAGE-BANDWIDTH={average}"
        )?;
        if let Some(codec) = &self.codec {
            write!(f, ",CODECS=\"{codec}\"")?;
        }
        writeln!(f, "{},URI=\"{folder}{}\"", self.pictures, self.uri)
    }
}

impl AudioRendition {
    /// The sound of that number in a flavour; that of number 0 is in the variant's own playlist.
    pub fn new(
        flavour: Flavour,
        number: u16,
        language: Option<&str>,
        channels: Option<u8>,
    ) -> Self {
        let language = language.map(language::registered);
        Self {
            name: match language {
                Some(language) => format!("{language} {number}"),
                None => number.to_string(),
            },
            language: language.map(str::to_owned),
            channels,
            uri: (number > 0).then(|| Object::Audio(flavour, number).to_string()),
        }
    }

    /// `place` is the folder of its playlist, and the name of the group.
    fn write(&self, is_default: bool, place: (&str, &str), f: &mut Formatter<'_>) -> fmt::Result {
        let (folder, group) = place;
        let default = if is_default { "YES" } else { "NO" };
        let name = &self.name;
        write!(
            f,
            "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"{group}\",NAME=\"{name}\",DEFAULT={default},AUTOSELECT=YES"
        )?;
        if let Some(language) = &self.language {
            write!(f, ",LANGUAGE=\"{language}\"")?;
        }
        if let Some(channels) = self.channels {
            write!(f, ",CHANNELS=\"{channels}\"")?;
        }
        match &self.uri {
            Some(uri) => writeln!(f, ",URI=\"{folder}{uri}\""),
            None => writeln!(f),
        }
    }
}

/// What names of groups of sounds begin with.
const AUDIO: &str = "audio";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::VideoRange;

    fn media() -> Stream {
        Stream {
            uri: "media.m3u8".to_owned(),
            ..Stream::default()
        }
    }

    #[test]
    fn a_variant_says_what_it_needs() {
        let stream = Stream {
            bandwidth: 2_100_000,
            average_bandwidth: 1_900_000,
            codecs: vec!["avc1.64001f".to_owned(), "mp4a.40.2".to_owned()],
            ..media()
        };
        let video = Multivariant {
            streams: &[stream],
            pictures: Pictures {
                resolution: Some((1280, 720)),
                frame_rate: Some(30_000.0 / 1001.0),
                range: Some(VideoRange::Hlg),
            },
            ..Multivariant::default()
        };
        assert_eq!(
            video.to_string(),
            "#EXTM3U\n\
             #EXT-X-VERSION:6\n\
             #EXT-X-STREAM-INF:BANDWIDTH=2100000,AVERAGE-BANDWIDTH=1900000,CODECS=\"avc1.64001f,mp4a.40.2\",RESOLUTION=1280x720,FRAME-RATE=29.970,VIDEO-RANGE=HLG\n\
             media.m3u8\n"
        );
    }

    #[test]
    fn programs_can_be_the_variants_of_one() {
        let sound = AudioRendition::new(Flavour::LowLatency, 1, Some("de"), Some(2));
        let key = SessionKey {
            manner: Manner::Whole,
            uri: "3.key".to_owned(),
        };
        let stream = Stream {
            audio: vec![sound],
            ..media()
        };
        let program = Multivariant {
            folder: "tv/sd/",
            streams: &[stream],
            session_keys: &[key],
            ..Multivariant::default()
        };
        assert_eq!(
            program.tags().to_string(),
            "#EXT-X-SESSION-KEY:METHOD=AES-128,URI=\"tv/sd/3.key\"\n\
             #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio tv/sd\",NAME=\"de 1\",DEFAULT=YES,AUTOSELECT=YES,LANGUAGE=\"de\",CHANNELS=\"2\",URI=\"tv/sd/audio1.m3u8\"\n\
             #EXT-X-STREAM-INF:BANDWIDTH=0,AVERAGE-BANDWIDTH=0,AUDIO=\"audio tv/sd\"\n\
             tv/sd/media.m3u8\n"
        );
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let stream = Stream {
            bandwidth: 130_000,
            average_bandwidth: 128_000,
            uri: "media-ts.m3u8".to_owned(),
            ..Stream::default()
        };
        let audio = Multivariant {
            streams: &[stream],
            ..Multivariant::default()
        };
        assert_eq!(
            audio.to_string(),
            "#EXTM3U\n\
             #EXT-X-VERSION:6\n\
             #EXT-X-STREAM-INF:BANDWIDTH=130000,AVERAGE-BANDWIDTH=128000\n\
             media-ts.m3u8\n"
        );
    }

    #[test]
    fn sounds_can_be_chosen_from() {
        let sound = |name: &str, uri: Option<&str>| AudioRendition {
            name: name.to_owned(),
            language: (name == "deu").then(|| name.to_owned()),
            channels: Some(2),
            uri: uri.map(str::to_owned),
        };
        let first = Stream {
            bandwidth: 2,
            average_bandwidth: 1,
            audio: vec![sound("deu", None), sound("2", Some("audio2.m3u8"))],
            ..media()
        };
        let second = Stream {
            audio: vec![
                sound("deu", Some("audio3.m3u8")),
                sound("4", Some("audio4.m3u8")),
            ],
            ..first.clone()
        };
        let program = Multivariant {
            streams: &[first, second],
            ..Multivariant::default()
        };
        assert_eq!(
            program.to_string(),
            "#EXTM3U\n\
             #EXT-X-VERSION:6\n\
             #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio\",NAME=\"deu\",DEFAULT=YES,AUTOSELECT=YES,LANGUAGE=\"deu\",CHANNELS=\"2\"\n\
             #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio\",NAME=\"2\",DEFAULT=NO,AUTOSELECT=YES,CHANNELS=\"2\",URI=\"audio2.m3u8\"\n\
             #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio 2\",NAME=\"deu\",DEFAULT=YES,AUTOSELECT=YES,LANGUAGE=\"deu\",CHANNELS=\"2\",URI=\"audio3.m3u8\"\n\
             #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio 2\",NAME=\"4\",DEFAULT=NO,AUTOSELECT=YES,CHANNELS=\"2\",URI=\"audio4.m3u8\"\n\
             #EXT-X-STREAM-INF:BANDWIDTH=2,AVERAGE-BANDWIDTH=1,AUDIO=\"audio\"\n\
             media.m3u8\n\
             #EXT-X-STREAM-INF:BANDWIDTH=2,AVERAGE-BANDWIDTH=1,AUDIO=\"audio 2\"\n\
             media.m3u8\n"
        );
    }

    #[test]
    fn keys_can_be_loaded_before_media_playlists() {
        let key = |manner, uri: &str| SessionKey {
            manner,
            uri: uri.to_owned(),
        };
        let keys = [key(Manner::Whole, "3.key"), key(Manner::Samples, "4.key")];
        let program = Multivariant {
            session_keys: &keys,
            streams: &[media()],
            ..Multivariant::default()
        };
        assert_eq!(
            program.to_string(),
            "#EXTM3U\n\
             #EXT-X-VERSION:6\n\
             #EXT-X-SESSION-KEY:METHOD=AES-128,URI=\"3.key\"\n\
             #EXT-X-SESSION-KEY:METHOD=SAMPLE-AES,URI=\"4.key\"\n\
             #EXT-X-STREAM-INF:BANDWIDTH=0,AVERAGE-BANDWIDTH=0\n\
             media.m3u8\n"
        );
    }

    #[test]
    fn key_frames_have_a_playlist_of_their_own() {
        let program = Multivariant {
            streams: &[media()],
            i_frames: Some(IFrames {
                bandwidth: 200_000,
                average_bandwidth: 90_000,
                codec: Some("avc1.64001f".to_owned()),
                pictures: Pictures {
                    resolution: Some((1280, 720)),
                    range: Some(VideoRange::Pq),
                    ..Pictures::default()
                },
                uri: "iframes.m3u8".to_owned(),
            }),
            ..Multivariant::default()
        };
        let text = program.to_string();
        let tag = "\nmedia.m3u8\n#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=200000,AVERAGE-BANDWIDTH=90000,\
             CODECS=\"avc1.64001f\",RESOLUTION=1280x720,VIDEO-RANGE=PQ,URI=\"iframes.m3u8\"\n";
        assert!(text.ends_with(tag), "{text}");
    }
}
