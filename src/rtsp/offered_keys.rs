//! The keys that a client was told in descriptions, until it sets their tracks up.

use std::collections::VecDeque;

use crate::base::id::TrackId;
use crate::base::path::MediaPath;
use crate::wire::srtp::MasterKey;

/// Descriptions whose keys are kept; a client asks for one, and sets its tracks up.
const KEPT: usize = 8;

/// The keys that were offered on one connection and are not in use.
#[derive(Debug, Default)]
pub(super) struct OfferedKeys(VecDeque<Offer>);

/// The keys of one description.
#[derive(Debug)]
struct Offer {
    path: MediaPath,
    keys: Vec<(TrackId, MasterKey)>,
}

impl OfferedKeys {
    /// New keys for `tracks`, in their order, instead of those that were offered for `path` before.
    pub(super) fn offer(&mut self, path: &MediaPath, tracks: &[TrackId]) -> Vec<MasterKey> {
        self.0.retain(|offer| offer.path != *path);
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        let new = || MasterKey::new(rand::random());
        let keys: Vec<_> = tracks.iter().map(|track| (*track, new())).collect();
        let offered = keys.iter().map(|(_, key)| key.clone()).collect();
        self.0.push_back(Offer {
            path: path.clone(),
            keys,
        });
        offered
    }

    /// Whether a key for the track was offered and not taken.
    pub(super) fn has(&self, path: &MediaPath, track: TrackId) -> bool {
        let mut offers = self.0.iter().filter(|offer| offer.path == *path);
        offers.any(|offer| offer.keys.iter().any(|(known, _)| *known == track))
    }

    /// Takes the key that was offered for the track. Each serves one stream: two under one key would
    /// reveal both.
    pub(super) fn take(&mut self, path: &MediaPath, track: TrackId) -> Option<MasterKey> {
        let offer = self.0.iter_mut().find(|offer| offer.path == *path)?;
        let at = offer.keys.iter().position(|(known, _)| *known == track)?;
        Some(offer.keys.swap_remove(at).1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(name: &str) -> MediaPath {
        MediaPath::from_plain(name).unwrap()
    }

    #[test]
    fn each_key_is_offered_once_and_taken_once() {
        let mut keys = OfferedKeys::default();
        let tracks = [TrackId(1), TrackId(2)];
        let first = keys.offer(&path("a"), &tracks);
        let second = keys.offer(&path("a"), &tracks);
        assert!(first.iter().all(|key| !second.contains(key)));
        assert!(keys.has(&path("a"), TrackId(2)));
        assert_eq!(keys.take(&path("a"), TrackId(2)).as_ref(), Some(&second[1]));
        assert!(!keys.has(&path("a"), TrackId(2)));
        assert_eq!(keys.take(&path("a"), TrackId(2)), None);
        assert_eq!(keys.take(&path("b"), TrackId(1)), None);
        assert_eq!(keys.take(&path("a"), TrackId(1)).as_ref(), Some(&second[0]));
    }

    #[test]
    fn the_oldest_offers_are_forgotten() {
        let mut keys = OfferedKeys::default();
        for number in 0..=KEPT {
            keys.offer(&path(&number.to_string()), &[TrackId(1)]);
        }
        assert_eq!(keys.take(&path("0"), TrackId(1)), None);
        assert!(keys.take(&path("1"), TrackId(1)).is_some());
    }
}
