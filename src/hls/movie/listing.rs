//! The playlists of a movie.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::Presentation;
use super::lane::Lane;
use super::rendition::Rendition;
use crate::base::media_time::MediaTime;
use crate::codec::Kind;
use crate::hls::carriage::Carriage;
use crate::hls::compat;
use crate::hls::lock::Manner;
use crate::hls::object::{File, Flavour, Object};
use crate::hls::playlist::{
    AudioRendition, Control, IFrames, KeyLine, MediaPlaylist, Multivariant, Pictures, PlaylistKind,
    SegmentLine, SessionKey, Sound, Stream,
};
use crate::hls::rates::Rate;
use crate::hls::text::Text;
use crate::hls::transcode::remake::Remake;
use crate::hls::transcode::{USUAL_RATE, most_bits};

impl Presentation {
    /// The playlist that a player opens; `None` when the flavour cannot carry the movie. With
    /// `compat` it tells of a variant for players that know H.264 and AAC alone, where it is needed; and of the sounds
    /// that are encoded `beside`.
    pub(super) fn multivariant(
        &self,
        flavour: Flavour,
        compat: bool,
        beside: Option<&Remake>,
    ) -> Option<Arc<Text>> {
        let streams = self.streams(flavour, beside)?;
        let pictures = Pictures {
            frame_rate: self.frame_rate(),
            ..self.key_pictures()
        };
        let rate = pictures.frame_rate.unwrap_or(USUAL_RATE);
        let most_of = |size| most_bits(size, rate, self.terms.target);
        let other = pictures.resolution.map_or(0, most_of);
        let alternative = || compat::beside(&streams, pictures, other, flavour);
        let playlist = Multivariant {
            streams: &streams,
            pictures,
            folder: "",
            alternative: compat.then(alternative).flatten(),
            i_frames: self.i_frames(flavour),
            session_keys: &self.session_keys(),
        };
        let name = match (&playlist.alternative, beside) {
            (None, None) => "all",
            (None, Some(_)) => "sounds",
            (Some(_), None) => "compat",
            (Some(_), Some(_)) => "compat-sounds",
        };
        Some(self.text(playlist.to_string(), name, flavour))
    }

    /// What a player may take together. Where the only sound is the playlist's own, there is nothing to choose from.
    fn streams(&self, flavour: Flavour, beside: Option<&Remake>) -> Option<Vec<Stream>> {
        let main = self.renditions.first()?;
        let renditions = self.renditions.iter().enumerate();
        let sounds = renditions.filter(|(_, rendition)| !rendition.has_video());
        let sounds = sounds.map(|(at, rendition)| self.sound(at, rendition, flavour));
        let mut sounds = sounds.collect::<Option<Vec<_>>>()?;
        sounds.extend(
            beside
                .iter()
                .flat_map(|beside| beside.told_of_sounds(flavour)),
        );
        let rate = self.rate(main, flavour)?;
        let own = Stream {
            bandwidth: rate.peak(),
            average_bandwidth: rate.average(),
            codecs: codecs(&main.lanes).collect(),
            uri: Object::Media(flavour).to_string(),
            audio: Vec::new(),
        };
        Some(match (sounds.len(), main.has_video()) {
            (0, _) | (1, false) => vec![own],
            (_, true) => own.beside(sounds),
            (_, false) => Stream::alone(&own.uri, sounds),
        })
    }

    /// What is told of the key frames; `None` without pictures or whole ones, and when the flavour cannot carry them.
    fn i_frames(&self, flavour: Flavour) -> Option<IFrames> {
        let rendition = self.i_frames.as_ref()?;
        let rate = self.rate(rendition, flavour)?;
        Some(IFrames {
            bandwidth: rate.peak(),
            average_bandwidth: rate.average(),
            codec: rendition.lanes.first().and_then(|lane| lane.codec_string()),
            pictures: self.key_pictures(),
            uri: Object::IFrames(flavour).to_string(),
        })
    }

    /// The keys that the variant begins with, and the sound that players take of themselves.
    fn session_keys(&self) -> Vec<SessionKey> {
        let key = |rendition: &Arc<Rendition>| {
            let lock = rendition.lock(0)?;
            Some(SessionKey {
                manner: lock.manner,
                uri: rendition.name(File::Key(lock.period)),
            })
        };
        self.renditions.iter().take(2).filter_map(key).collect()
    }

    /// The playlist of a rendition; `None` when the flavour cannot carry it.
    pub(super) fn media(&self, rendition: &Rendition, flavour: Flavour) -> Option<Arc<Text>> {
        let carriage = rendition.carriage(flavour)?;
        let slot = &rendition.texts[usize::from(carriage != Carriage::Fragments)];
        let text = slot.get_or_init(|| {
            let text = self.list(rendition, carriage);
            self.text(text, &format!("{:08x}", rendition.number), flavour)
        });
        Some(Arc::clone(text))
    }

    fn list(&self, rendition: &Rendition, carriage: Carriage) -> String {
        let name = |file| rendition.name(file);
        let cuts = &rendition.cuts;
        let count = cuts.len();
        let names: Vec<_> = (0..count as u64)
            .map(|sequence| {
                name(match carriage {
                    Carriage::Fragments => File::Segment(sequence),
                    Carriage::Stream(packing) => File::Ts(sequence, packing),
                })
            })
            .collect();
        let line = |number: usize| {
            let map = rendition.map(number);
            let is_new = number == 0 || rendition.map(number - 1) != map;
            let has_map = is_new && carriage == Carriage::Fragments;
            let lock = rendition.lock(number);
            let lock = lock.filter(|lock| is_new || lock.manner == Manner::Whole);
            SegmentLine {
                map: has_map.then(|| name(File::Init(map))),
                key: lock.map(|lock| KeyLine {
                    manner: lock.manner,
                    uri: name(File::Key(lock.period)),
                    iv: lock.iv(),
                }),
                discontinuity: false,
                date: self.date_at(cuts.start(number)),
                parts: Vec::new(),
                duration: rendition.duration(self.movie.index(), number),
                gap: false,
                uri: &names[number],
            }
        };
        let playlist = MediaPlaylist {
            target_duration: match rendition.is_key_frames() {
                true => cuts.target_duration(),
                false => self.target_duration,
            },
            independent: cuts.independent() && !self.is_gradual || !rendition.has_video(),
            i_frames_only: rendition.is_key_frames(),
            kind: Some(PlaylistKind::Vod),
            control: Control::default(),
            segments: (0..count).map(line).collect(),
            ended: true,
            ..MediaPlaylist::default()
        };
        playlist.to_string()
    }

    fn date_at(&self, start: MediaTime) -> SystemTime {
        let since = u64::try_from(start.nanos()).unwrap_or(0);
        let date = self.date();
        date.checked_add(Duration::from_nanos(since))
            .unwrap_or(date)
    }

    /// What is told of a rendition that is sound alone, number `at` of all; `None` when the flavour cannot carry it.
    fn sound(&self, at: usize, rendition: &Rendition, flavour: Flavour) -> Option<Sound> {
        let index = self.movie.index();
        let lane = rendition.lanes.first();
        let language = lane.and_then(|lane| lane.track(index).language.as_deref());
        let channels = lane.and_then(|lane| lane.channels());
        // The first of a movie without pictures is the variant itself.
        let number = u16::try_from(at).unwrap_or_default();
        let rate = self.rate(rendition, flavour)?;
        Some(Sound {
            bandwidth: rate.peak(),
            average_bandwidth: rate.average(),
            codec: codecs(&rendition.lanes).next(),
            rendition: AudioRendition::new(flavour, number, language, channels),
        })
    }

    fn lanes(&self) -> impl Iterator<Item = &Lane> {
        self.renditions
            .iter()
            .flat_map(|rendition| &rendition.lanes)
    }

    fn rate(&self, rendition: &Rendition, flavour: Flavour) -> Option<Rate> {
        let carriage = rendition.carriage(flavour)?;
        Some(rendition.rate(self.movie.index(), carriage))
    }

    /// What is known of its pictures but for how many come a second, which key frames have in common with all.
    fn key_pictures(&self) -> Pictures {
        let mut video = self.lanes().filter(|lane| lane.kind == Kind::Video);
        Pictures {
            resolution: self.resolution(),
            frame_rate: None,
            range: video.next().and_then(|lane| lane.video_range()),
        }
    }

    fn resolution(&self) -> Option<(u32, u32)> {
        let index = self.movie.index();
        let lane = self.lanes().find(|lane| lane.kind == Kind::Video)?;
        let told = lane.format().and_then(|format| format.picture_size());
        let (width, height) = lane.track(index).size.unwrap_or_default();
        let size = told.unwrap_or_else(|| (width.into(), height.into()));
        (size.0 > 0 && size.1 > 0).then_some(size)
    }

    /// Pictures a second, on average.
    fn frame_rate(&self) -> Option<f64> {
        let lane = self.lanes().find(|lane| lane.kind == Kind::Video)?;
        let track = lane.track(self.movie.index());
        let seconds = track.duration as f64 / f64::from(track.timescale);
        (seconds > 0.0).then(|| f64::from(track.samples.len()) / seconds)
    }

    fn text(&self, text: String, name: &str, flavour: Flavour) -> Arc<Text> {
        let number = self.renditions.first().map_or(0, |main| main.number);
        let tag = format!("{number:08x}-{name}-{}", flavour as u8);
        Arc::new(Text::new(text, tag, self.movie.modified()))
    }
}

fn codecs(lanes: &[Lane]) -> impl Iterator<Item = String> {
    lanes.iter().filter_map(Lane::codec_string)
}
