//! What playlists tell of the sounds that are in segments of their own.

use super::Listing;
use crate::hls::object::{Flavour, Object};
use crate::hls::playlist::{AudioRendition, RenditionReport};
use crate::hls::rates::Rate;
use crate::hls::window::{Choice, Window};

impl Listing<'_> {
    /// The sounds of which there is something to hear, as far as the flavour can carry them.
    pub(super) fn sounds(self, flavour: Flavour) -> Vec<Self> {
        let is_heard = |window: &Window| window.listed.iter().any(|kept| !kept.segment.gap);
        let fits = |window: &Window| window.has(flavour) && window.carries(flavour);
        let sounds = self.window.sounds.iter();
        let sounds = sounds.filter(|window| fits(window) && is_heard(window));
        sounds.map(|window| Self { window }).collect()
    }

    /// The formats of all that a player may take, each once, as RFC 6381 names them.
    pub(super) fn codecs(self, sounds: &[Self]) -> Vec<String> {
        let mut codecs = Vec::new();
        for one in self.with(sounds) {
            let names = one.formats().into_iter();
            for name in names.filter_map(|format| format.codec_string()) {
                if !codecs.contains(&name) {
                    codecs.push(name);
                }
            }
        }
        codecs
    }

    /// The most bits a second that a player takes with one of the sounds.
    pub(super) fn bit_rate(self, sounds: &[Self], flavour: Flavour, of: fn(&Rate) -> u64) -> u64 {
        let own = of(&self.rate(flavour));
        let sounds = sounds.iter().map(|sound| of(&sound.rate(flavour)));
        let most = sounds.max().unwrap_or(0);
        match self.window.choice {
            // One is loaded in place of another.
            Some(_) if self.pictures().resolution.is_none() => own.max(most),
            _ => own.saturating_add(most),
        }
    }

    /// What one can choose from; nothing, if that is the playlist's own sound alone.
    pub(super) fn audio(self, sounds: &[Self], flavour: Flavour) -> Vec<AudioRendition> {
        if sounds.is_empty() {
            return Vec::new();
        }
        let rendition = |one: Self| {
            let Choice { number, language } = one.window.choice.as_ref()?;
            let mut formats = one.formats().into_iter();
            let channels = formats.find_map(|format| format.channels());
            let language = language.as_deref();
            Some(AudioRendition::new(flavour, *number, language, channels))
        };
        self.with(sounds).filter_map(rendition).collect()
    }

    /// How far the other renditions are: as far as this one, for all are cut together.
    pub(super) fn reports(self) -> Vec<RenditionReport> {
        let Some(progress) = self.window.progress() else {
            return Vec::new();
        };
        let (last_sequence, last_part) = progress.last();
        let report = |number: &u16| RenditionReport {
            uri: match number {
                0 => Object::Media(Flavour::LowLatency).to_string(),
                number => Object::Audio(Flavour::LowLatency, *number).to_string(),
            },
            last_sequence,
            last_part,
        };
        self.window.others.iter().map(report).collect()
    }

    fn with(self, sounds: &[Self]) -> impl Iterator<Item = Self> {
        [self].into_iter().chain(sounds.iter().copied())
    }
}
