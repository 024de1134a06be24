//! What a window is to players that choose between several programs.

use std::sync::Arc;

use super::{Kept, Window};
use crate::hls::listing::Listing;
use crate::hls::object::{Flavour, Object};
use crate::hls::part::Part;

/// What players are told of one of several programs.
#[derive(Debug)]
pub(in crate::hls) struct Variant {
    /// The tags of a multivariant playlist.
    pub(in crate::hls) tags: String,
    /// Whether every player knows its formats.
    pub(in crate::hls) suits_all: bool,
    /// The tags of the same in formats that every player knows, if that is offered.
    pub(in crate::hls) alternative: Option<String>,
    /// Whether nothing comes at the moment.
    pub(in crate::hls) is_stalled: bool,
}

impl Window {
    /// What players are told of it in a multivariant playlist, where all that is named is in `folder`,
    /// which ends in a slash and is always the same; `None` while there is nothing to play. It is the same until
    /// something changes.
    pub(in crate::hls) fn variant(&self, flavour: Flavour, folder: &str) -> Option<Arc<Variant>> {
        if !self.has(flavour) {
            return None;
        }
        let variant = self.variants.get(flavour as usize)?.get_or_init(|| {
            let listing = Listing { window: self };
            let alternative = listing.alternative(flavour);
            Arc::new(Variant {
                tags: listing.variant(flavour, folder),
                suits_all: listing.suits_all(flavour),
                alternative: alternative.map(|other| other.tags(folder)),
                is_stalled: self.is_stalled(),
            })
        });
        Some(Arc::clone(variant))
    }

    /// Whether nothing came for the newest part.
    fn is_stalled(&self) -> bool {
        let whole = self.listed.back();
        let whole = whole.and_then(|Kept { segment, .. }| segment.parts.last());
        let newest: Option<&Part> = self.open.last().or(whole);
        newest.is_some_and(|part| part.gap)
    }

    /// The media playlists, of what leads and of the sounds.
    pub fn playlists(&self, flavour: Flavour) -> Vec<Object> {
        let sounds = self.sounds.iter().flat_map(|sound| &sound.choice);
        let sounds = sounds.map(|choice| Object::Audio(flavour, choice.number));
        [Object::Media(flavour)].into_iter().chain(sounds).collect()
    }
}
