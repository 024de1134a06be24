//! What a window is to players that choose between several programs.

use super::{Kept, Window};
use crate::hls::listing::Listing;
use crate::hls::object::{Flavour, Object};
use crate::hls::part::Part;

impl Window {
    /// The tags of a multivariant playlist, where all that they name is in `folder`, which ends in
    /// a slash; `None` while there is nothing to play.
    pub fn variant(&self, flavour: Flavour, folder: &str) -> Option<String> {
        let listing = Listing { window: self };
        self.has(flavour).then(|| listing.variant(flavour, folder))
    }

    /// Whether nothing came for the newest part.
    pub fn is_stalled(&self) -> bool {
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
