//! Which tracks of a movie are played as they are, and which of them together.

use super::lane::Lane;
use crate::codec::Kind;
use crate::container::Movie;

/// The tracks of a movie that are seen or heard.
pub(super) struct Tracks {
    /// What is played as it is: some pictures first, then the sounds.
    pub(super) carried: Vec<Lane>,
    /// The sounds, by the index of their tracks, that have to be encoded; none where all have to.
    pub(super) others: Vec<usize>,
    /// Why tracks are not played as they are, a line each.
    pub(super) left_out: Vec<String>,
}

impl Tracks {
    /// Those of a movie; `locks_samples` if its samples are to be encrypted.
    pub(super) fn of(index: &Movie, locks_samples: bool) -> Self {
        let (mut videos, mut sounds) = (Vec::new(), Vec::new());
        let (mut others, mut left_out) = (Vec::new(), Vec::new());
        for (number, track) in index.tracks.iter().enumerate() {
            match Lane::of(index, number, locks_samples) {
                Some(Ok(lane)) if lane.kind == Kind::Video => videos.push(lane),
                Some(Ok(lane)) => sounds.push(lane),
                Some(Err(reason)) => {
                    left_out.push(reason);
                    let is_sound = track.kind() == Some(Kind::Audio) && !track.samples.is_empty();
                    others.extend(is_sound.then_some(number));
                }
                None => {}
            }
        }
        sounds.truncate(MOST_SOUNDS);
        if sounds.is_empty() {
            others.clear();
        }
        Self {
            carried: videos.into_iter().take(1).chain(sounds).collect(),
            others,
            left_out,
        }
    }
}

/// Which tracks go together: all, unless there are sounds to choose from; `has_others` if more than these.
pub(super) fn groups(tracks: Vec<Lane>, has_others: bool) -> Vec<Vec<Lane>> {
    let sounds = tracks
        .iter()
        .filter(|lane| lane.kind == Kind::Audio)
        .count();
    match sounds {
        0 => vec![tracks],
        1 if !has_others => vec![tracks],
        _ => tracks.into_iter().map(|lane| vec![lane]).collect(),
    }
}

/// The most sounds that one can choose from.
const MOST_SOUNDS: usize = 32;
