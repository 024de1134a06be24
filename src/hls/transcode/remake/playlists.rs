//! The playlists of a movie that is encoded for its players. The I-frame playlists stand beside their files, in `stills`.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Remake, Rendition};
use crate::codec::Kind;
use crate::hls::compat::AUDIO;
use crate::hls::lock::Manner;
use crate::hls::object::{File, Flavour, Object};
use crate::hls::part::Map;
use crate::hls::playlist::{
    AudioRendition, KeyLine, MediaPlaylist, Multivariant, Pictures, PlaylistKind, SegmentLine,
    SessionKey, Sound, Stream,
};
use crate::hls::text::Text;
use crate::hls::transcode::{AAC_RATE, Trouble};

impl Remake {
    /// A playlist, written once for all who ask; `None` for what it has not. Only that which a player opens needs an
    /// encoder, once.
    ///
    /// # Errors
    /// Why it is not encoded.
    pub async fn playlist(&self, object: Object) -> Result<Option<Arc<Text>>, Trouble> {
        match object {
            Object::Compat(flavour) => {
                let remake = self.compat.as_deref().unwrap_or(self);
                remake.listed(Object::Media(flavour)).await
            }
            other => self.listed(other).await,
        }
    }

    async fn listed(&self, object: Object) -> Result<Option<Arc<Text>>, Trouble> {
        let known = self.texts().get(&object).cloned();
        if known.is_some() {
            return Ok(known);
        }
        let Some(text) = self.write(object).await? else {
            return Ok(None);
        };
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        let tag = format!("{:08x}-{:016x}", self.main().number, hasher.finish());
        let text = Arc::new(Text::new(text, tag, self.source.modified));
        // Another may have written it meanwhile.
        Ok(Some(Arc::clone(self.texts().entry(object).or_insert(text))))
    }

    async fn write(&self, object: Object) -> Result<Option<String>, Trouble> {
        let main = self.main();
        let text = match object {
            Object::Multivariant(flavour) if main.carries(flavour) => {
                let map = self.map(main, 0).await?;
                return Ok(map.map(|map| self.multivariant(&map, flavour)));
            }
            Object::Media(flavour) if main.carries(flavour) => self.media(main, flavour),
            Object::Audio(flavour, place) if main.carries(flavour) => {
                let mut sounds = self.sounds();
                let sound = sounds.find(|rendition| rendition.place == place);
                return Ok(sound.map(|rendition| self.media(rendition, flavour)));
            }
            Object::IFrames(flavour) if main.carries(flavour) && self.pictures.is_some() => {
                self.i_frames(flavour)
            }
            _ => return Ok(None),
        };
        Ok(Some(text))
    }

    /// The sounds that one can choose from, the first of a movie without pictures among them.
    fn sounds(&self) -> impl Iterator<Item = &Rendition> {
        let is_heard = |rendition: &&Rendition| !rendition.has(Kind::Video);
        self.renditions.iter().filter(is_heard)
    }

    /// What is told of the sounds that one can choose from.
    pub(in crate::hls) fn told_of_sounds(&self, flavour: Flavour) -> Vec<Sound> {
        let carried = self.sounds().filter(|rendition| rendition.carries(flavour));
        let sound = |rendition: &Rendition| {
            let stream = rendition.streams.first();
            let language = stream.and_then(|stream| stream.language.as_deref());
            let channels = stream.and_then(|stream| stream.channels);
            Sound {
                bandwidth: AAC_RATE,
                average_bandwidth: AAC_RATE,
                codec: Some(AUDIO.to_owned()),
                rendition: AudioRendition::new(flavour, rendition.place, language, channels),
            }
        };
        carried.map(sound).collect()
    }

    pub(super) fn texts(&self) -> MutexGuard<'_, HashMap<Object, Arc<Text>>> {
        self.texts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn multivariant(&self, map: &Map, flavour: Flavour) -> String {
        let formats = map.tracks.iter().map(|track| &track.format);
        let video = formats.clone().find(|format| format.kind() == Kind::Video);
        let rate = self.pictures.map(|pictures| pictures.rate);
        let begun = self.renditions.iter().take(2);
        let session_keys = begun.filter_map(|rendition| {
            let lock = rendition.lock(0)?;
            Some(SessionKey {
                manner: lock.manner,
                uri: rendition.name(File::Key(lock.period)),
            })
        });
        let session_keys: Vec<_> = session_keys.collect();
        let is_heard = self.main().has(Kind::Audio);
        let most = self.picture_rate() + if is_heard { AAC_RATE } else { 0 };
        let own = Stream {
            bandwidth: most,
            average_bandwidth: most,
            codecs: formats.filter_map(|format| format.codec_string()).collect(),
            uri: Object::Media(flavour).to_string(),
            audio: Vec::new(),
        };
        let sounds = self.told_of_sounds(flavour);
        let streams = match (self.renditions.len(), self.pictures) {
            (1, _) => vec![own],
            (_, Some(_)) => own.beside(sounds),
            (_, None) => Stream::alone(&own.uri, sounds),
        };
        let playlist = Multivariant {
            streams: &streams,
            pictures: Pictures {
                resolution: video.and_then(|format| format.picture_size()),
                frame_rate: rate.filter(|rate| *rate > 0.0),
                range: video.and_then(|format| format.video_range()),
            },
            session_keys: &session_keys,
            i_frames: self.told_of_i_frames(map, flavour),
            ..Multivariant::default()
        };
        playlist.to_string()
    }

    fn media(&self, rendition: &Rendition, flavour: Flavour) -> String {
        let numbers = 0..self.grid.len();
        let names = numbers.clone().map(|number| {
            rendition.name(match flavour {
                Flavour::Ts => File::Ts(number, rendition.packing()),
                Flavour::LowLatency | Flavour::Cmaf => File::Segment(number),
            })
        });
        let names: Vec<_> = names.collect();
        let line = |(number, uri): (u64, _)| SegmentLine {
            uri,
            ..self.line(rendition, number, flavour)
        };
        let playlist = MediaPlaylist {
            target_duration: self.target_duration,
            independent: true,
            kind: Some(PlaylistKind::Vod),
            segments: numbers
                .zip(names.iter().map(String::as_str))
                .map(line)
                .collect(),
            ended: true,
            ..MediaPlaylist::default()
        };
        playlist.to_string()
    }

    /// Whether a segment is before the first picture; sound is silence until it begins.
    pub(super) fn is_blank(&self, number: u64) -> bool {
        self.grid.start(number + 1).seconds() <= self.start
    }

    /// What playlists tell of a segment but for its place.
    pub(super) fn line(
        &self,
        rendition: &Rendition,
        number: u64,
        flavour: Flavour,
    ) -> SegmentLine<'static> {
        let name = |file| rendition.name(file);
        let since = Duration::from_nanos(self.grid.start(number).nanos().unsigned_abs());
        let modified = self.source.modified;
        let version = rendition.map_version(number);
        let is_new = number == 0 || rendition.map_version(number - 1) != version;
        let lock = rendition.lock(number);
        let lock = lock.filter(|lock| is_new || lock.manner == Manner::Whole);
        SegmentLine {
            map: (is_new && flavour != Flavour::Ts).then(|| name(File::Init(version))),
            key: lock.map(|lock| KeyLine {
                manner: lock.manner,
                uri: name(File::Key(lock.period)),
                iv: lock.iv(),
            }),
            discontinuity: false,
            date: modified.checked_add(since).unwrap_or(modified),
            parts: Vec::new(),
            duration: self.grid.duration(number),
            gap: !rendition.has(Kind::Audio) && self.is_blank(number),
            uri: "",
        }
    }
}
