//! The playlists of a window: which of its segments and parts are told of, and how.

mod i_frames;
mod media;
mod sounds;

use std::borrow::Cow;
use std::time::Duration;

use super::compat;
use super::lock::Lock;
use super::object::{File, Flavour, Object};
use super::part::{Head, Part, Sample};
use super::playlist::{Alternative, HEAD, Multivariant, Pictures, SessionKey};
use super::rates::Rates;
use super::window::{Kept, Window};
use crate::codec::{Format, Kind};

pub(super) use media::PARTS_FOR;

/// Players begin with about so many segments, the one that is being made among them: those within three target
/// durations of the end.
const BEGUN_WITH: usize = 4;

/// Reads a window.
#[derive(Clone, Copy)]
pub(super) struct Listing<'w> {
    pub(super) window: &'w Window,
}

impl<'w> Listing<'w> {
    /// The playlist that a player opens.
    pub(super) fn multivariant(self, flavour: Flavour) -> String {
        format!("{HEAD}{}", self.variant(flavour, ""))
    }

    /// Whether every player knows what it consists of.
    pub(super) fn suits_all(self, flavour: Flavour) -> bool {
        compat::suits_all(&self.streams(flavour))
    }

    /// The same for players that do not know its formats, if that is needed and offered.
    pub(super) fn alternative(self, flavour: Flavour) -> Option<Alternative> {
        let streams = self.streams(flavour);
        let most = self.window.compat_most;
        let other = || compat::beside(&streams, self.pictures(), most, flavour);
        self.window.compat.then(other).flatten()
    }

    /// What is known of its pictures.
    fn pictures(self) -> Pictures {
        let formats = self.formats();
        let Some(format) = formats.iter().find(|one| one.kind() == Kind::Video) else {
            return Pictures::default();
        };
        Pictures {
            resolution: format.picture_size(),
            frame_rate: format.frame_rate().or_else(|| self.measured_frame_rate()),
            range: format.video_range(),
        }
    }

    /// Its tags, where all that they name is in `folder`, which ends in a slash; or is empty, and then with
    /// what there is in other formats, which programs of several variants tell of behind all of them.
    pub(super) fn variant(self, flavour: Flavour, folder: &str) -> String {
        let sounds = self.sounds(flavour);
        // Players take the first sound of themselves.
        let begun = [self].into_iter().chain(sounds.first().copied());
        let session_keys: Vec<_> = begun.flat_map(|one| one.session_keys()).collect();
        let playlist = Multivariant {
            streams: &self.streams(flavour),
            pictures: self.pictures(),
            alternative: folder
                .is_empty()
                .then(|| self.alternative(flavour))
                .flatten(),
            folder,
            session_keys: &session_keys,
            i_frames: self.told_of_i_frames(flavour),
        };
        playlist.tags().to_string()
    }

    /// The keys of the segments that players begin with.
    fn session_keys(self) -> Vec<SessionKey> {
        let newest = self.heads().rev().take(BEGUN_WITH);
        let mut locks: Vec<&Lock> = newest.filter_map(|head| head.lock.as_deref()).collect();
        locks.dedup_by_key(|lock| lock.period);
        let key = |lock: &Lock| SessionKey {
            manner: lock.manner,
            uri: self.file(File::Key(lock.period)),
        };
        locks.into_iter().rev().map(key).collect()
    }

    /// What the newest segment holds.
    fn formats(self) -> Vec<&'w Format> {
        let map = self.heads().next_back().map(|head| &head.map);
        let tracks = map.into_iter().flat_map(|map| &map.tracks);
        tracks.map(|track| &track.format).collect()
    }

    /// What is known of the segments, the one that is being made among them.
    fn heads(self) -> impl DoubleEndedIterator<Item = &'w Head> {
        let listed = self.window.listed.iter().map(|kept| &*kept.segment.head);
        listed.chain(self.window.open.first().map(|part| &*part.head))
    }

    fn file(self, file: File) -> String {
        let packager = self.window.number;
        Object::File { packager, file }.to_string()
    }

    /// What was measured as soon as there is enough to play, and before what is expected.
    fn rates(self, flavour: Flavour) -> Cow<'w, Rates> {
        match self.window.has(flavour) {
            true => Cow::Borrowed(&self.window.rates),
            false => Cow::Owned(self.window.rates_of_beginning(flavour)),
        }
    }

    /// Pictures per second of the newest segment, or of what there is of the first one.
    fn measured_frame_rate(self) -> Option<f64> {
        let parts = match self.window.listed.back() {
            Some(Kept { segment, .. }) => &segment.parts,
            None => &self.window.open,
        };
        let pictures: usize = parts.iter().map(pictures).sum();
        let seconds = parts.iter().map(length).sum::<Duration>().as_secs_f64();
        (pictures > 0 && seconds > 0.0).then(|| pictures as f64 / seconds)
    }
}

fn length(part: &Part) -> Duration {
    Duration::from_nanos(part.duration.nanos().unsigned_abs())
}

/// How many pictures a part has.
fn pictures(part: &Part) -> usize {
    let tracks = &part.head.map.tracks;
    let is_picture = |sample: &&Sample| {
        let track = tracks.get(sample.track);
        track.is_some_and(|track| track.format.kind() == Kind::Video)
    };
    part.samples.iter().filter(is_picture).count()
}
