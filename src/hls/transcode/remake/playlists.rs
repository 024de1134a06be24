//! The playlists of a movie that is encoded for its players. The I-frame playlists stand beside their files, in `stills`.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use super::Remake;
use crate::codec::Kind;
use crate::hls::lock::Manner;
use crate::hls::object::{File, Flavour, Object};
use crate::hls::part::Map;
use crate::hls::playlist::{
    KeyLine, MediaPlaylist, Multivariant, Pictures, PlaylistKind, SegmentLine, SessionKey, Stream,
};
use crate::hls::text::Text;
use crate::hls::transcode::Trouble;

impl Remake {
    /// A playlist, written once for all who ask; `None` for what it has not. Only that which a player opens needs an
    /// encoder, once.
    ///
    /// # Errors
    /// Why it is not encoded.
    pub async fn playlist(&self, object: Object) -> Result<Option<Arc<Text>>, Trouble> {
        let object = match object {
            Object::Compat(flavour) => Object::Media(flavour),
            other => other,
        };
        let known = self.texts().get(&object).cloned();
        if known.is_some() {
            return Ok(known);
        }
        let Some(text) = self.write(object).await? else {
            return Ok(None);
        };
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        let tag = format!("{:08x}-{:016x}", self.number, hasher.finish());
        let text = Arc::new(Text::new(text, tag, self.source.modified));
        // Another may have written it meanwhile.
        Ok(Some(Arc::clone(self.texts().entry(object).or_insert(text))))
    }

    async fn write(&self, object: Object) -> Result<Option<String>, Trouble> {
        let text = match object {
            Object::Multivariant(flavour) if self.carries(flavour) => {
                let map = self.map(0).await?;
                return Ok(map.map(|map| self.multivariant(&map, flavour)));
            }
            Object::Media(flavour) if self.carries(flavour) => self.media(flavour),
            Object::IFrames(flavour) if self.carries(flavour) && self.facts.pictures.is_some() => {
                self.i_frames(flavour)
            }
            _ => return Ok(None),
        };
        Ok(Some(text))
    }

    pub(super) fn texts(&self) -> MutexGuard<'_, HashMap<Object, Arc<Text>>> {
        self.texts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn multivariant(&self, map: &Map, flavour: Flavour) -> String {
        let formats = map.tracks.iter().map(|track| &track.format);
        let video = formats.clone().find(|format| format.kind() == Kind::Video);
        let rate = self.facts.pictures.map(|pictures| pictures.rate);
        let session_key = self.lock(0).map(|lock| SessionKey {
            manner: lock.manner,
            uri: self.name(File::Key(lock.period)),
        });
        let stream = Stream {
            bandwidth: self.bit_rate(),
            average_bandwidth: self.bit_rate(),
            codecs: formats.filter_map(|format| format.codec_string()).collect(),
            uri: Object::Media(flavour).to_string(),
            audio: Vec::new(),
        };
        let playlist = Multivariant {
            streams: &[stream],
            pictures: Pictures {
                resolution: video.and_then(|format| format.picture_size()),
                frame_rate: rate.filter(|rate| *rate > 0.0),
                range: video.and_then(|format| format.video_range()),
            },
            session_keys: session_key.as_slice(),
            i_frames: self.told_of_i_frames(map, flavour),
            ..Multivariant::default()
        };
        playlist.to_string()
    }

    fn media(&self, flavour: Flavour) -> String {
        let name = |file| self.name(file);
        let numbers = 0..self.grid.len();
        let names = numbers.clone().map(|number| match flavour {
            Flavour::Ts => name(File::Ts(number, self.packing())),
            Flavour::LowLatency | Flavour::Cmaf => name(File::Segment(number)),
        });
        let names: Vec<_> = names.collect();
        let line = |(number, uri): (u64, _)| SegmentLine {
            uri,
            ..self.line(number, flavour)
        };
        let playlist = MediaPlaylist {
            target_duration: self.target.as_secs().max(1),
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

    /// What playlists tell of a segment but for its place.
    pub(super) fn line(&self, number: u64, flavour: Flavour) -> SegmentLine<'static> {
        let name = |file| self.name(file);
        let since = Duration::from_nanos(self.grid.start(number).nanos().unsigned_abs());
        let modified = self.source.modified;
        let version = self.map_version(number);
        let is_new = number == 0 || self.map_version(number - 1) != version;
        let lock = self.lock(number);
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
            gap: false,
            uri: "",
        }
    }
}
