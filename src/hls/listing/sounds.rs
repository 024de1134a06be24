//! What playlists tell of the sounds that are in segments of their own.

use super::Listing;
use crate::codec::{Format, Kind};
use crate::hls::object::{Flavour, Object};
use crate::hls::playlist::{AudioRendition, RenditionReport, Sound, Stream};
use crate::hls::window::{Choice, Window};

impl Listing<'_> {
    /// The sounds of which there is something to hear, as far as the flavour can carry them. Before there is enough to
    /// play these are all of them, for they are [told of](Window::tells) together.
    pub(super) fn sounds(self, flavour: Flavour) -> Vec<Self> {
        let is_listed = |window: &Window| window.listed.iter().any(|kept| !kept.segment.gap);
        let is_beginning = !self.window.has(flavour);
        let is_heard = |window: &Window| is_beginning || window.has(flavour) && is_listed(window);
        let sounds = self.window.sounds.iter();
        let sounds = sounds.filter(|window| window.carries(flavour) && is_heard(window));
        sounds.map(|window| Self { window }).collect()
    }

    /// What a player may take together. Where the playlist's own sound is the only one, there is nothing to choose from.
    pub(super) fn streams(self, flavour: Flavour) -> Vec<Stream> {
        let (own, others) = (self.own_stream(flavour), self.sounds(flavour));
        if others.is_empty() {
            return vec![own];
        }
        let others = others.into_iter().filter_map(|one| one.sound(flavour));
        let leading = self.sound(flavour);
        match leading {
            None => own.beside(others.collect()),
            // It is among the pictures.
            Some(leading) if self.has_pictures() => {
                let leading = Sound {
                    bandwidth: 0,
                    average_bandwidth: 0,
                    ..leading
                };
                own.beside([leading].into_iter().chain(others).collect())
            }
            Some(leading) => Stream::alone(&own.uri, [leading].into_iter().chain(others).collect()),
        }
    }

    /// The media playlist without other sounds.
    fn own_stream(self, flavour: Flavour) -> Stream {
        let rates = self.rates(flavour);
        let rate = rates.of(flavour);
        let mut codecs: Vec<_> = self
            .formats()
            .into_iter()
            .filter_map(Format::codec_string)
            .collect();
        codecs.dedup();
        Stream {
            bandwidth: rate.peak(),
            average_bandwidth: rate.average(),
            codecs,
            uri: Object::Media(flavour).to_string(),
            audio: Vec::new(),
        }
    }

    /// What is told of its sound, if one can choose it.
    fn sound(self, flavour: Flavour) -> Option<Sound> {
        let Choice { number, language } = self.window.choice.as_ref()?;
        let mut formats = self.formats().into_iter();
        let format = formats.find(|format| format.kind() == Kind::Audio);
        let channels = format.and_then(Format::channels);
        let rates = self.rates(flavour);
        let rate = rates.of(flavour);
        Some(Sound {
            bandwidth: rate.peak(),
            average_bandwidth: rate.average(),
            codec: format.and_then(Format::codec_string),
            rendition: AudioRendition::new(flavour, *number, language.as_deref(), channels),
        })
    }

    fn has_pictures(self) -> bool {
        let mut formats = self.formats().into_iter();
        formats.any(|format| format.kind() == Kind::Video)
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
}
