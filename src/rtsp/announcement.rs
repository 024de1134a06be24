//! What a publisher has announced, and which of its tracks a SETUP means.

use crate::base::id::TrackId;
use crate::base::path::MediaPath;
use crate::media::description::{Description, Track};
use crate::wire::rtsp::uri::RequestUri;

use super::refusal::Refusal;
use super::target::Target;

/// An announced description with its URL.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Announcement {
    path: MediaPath,
    description: Description,
    /// Of each track how the publisher names it; `None` when it does not.
    controls: Vec<Option<Control>>,
}

/// The control URL of a track (RFC 2326, C.1.1).
#[derive(Clone, Debug, PartialEq)]
struct Control {
    /// Its path, taken as relative to the announced URL unless it is absolute.
    path: Option<MediaPath>,
    /// The number that it ends in.
    number: Option<TrackId>,
}

impl Announcement {
    /// What was announced at `target`.
    pub(super) fn new(target: &Target, description: Description) -> Self {
        let path = target.whole.path.clone();
        let controls = description.tracks().iter();
        Self {
            controls: controls.map(|track| Control::of(track, &path)).collect(),
            path,
            description,
        }
    }

    pub(super) fn path(&self) -> &MediaPath {
        &self.path
    }

    pub(super) fn description(&self) -> &Description {
        &self.description
    }

    /// Whether `target` is what was announced, or a track of it.
    pub(super) fn covers(&self, target: &Target) -> bool {
        target.whole.path.is_below(&self.path)
            || target.names(&self.path)
            || self.named(target).is_some()
    }

    /// The index of the track that a SETUP of `target` means; `set_up` are the tracks so far, with their URLs.
    ///
    /// # Errors
    /// 459 when it names no track of several, 404 when there is no such track.
    pub(super) fn track(
        &self,
        target: &Target,
        set_up: &[(TrackId, String)],
    ) -> Result<usize, Refusal> {
        let is_free = |index: &usize| {
            let mut others = set_up.iter().filter(|(_, url)| *url != target.url);
            *index < self.controls.len() && !others.any(|(id, _)| index_of(*id) == *index)
        };
        let found = self.named(target).or_else(|| match self.number(target) {
            Some(number) if self.has_controls() => self.numbered(number),
            Some(number) => counted(number).find(is_free),
            None if target.whole.path != self.path => None,
            None if self.controls.len() == 1 => Some(0),
            None if self.has_controls() => None,
            None => (0..self.controls.len()).find(is_free),
        });
        found.ok_or_else(|| match self.number(target) {
            None if target.whole.path == self.path => Refusal::new(459, "SETUP names no track"),
            _ => Refusal::new(404, "no such track was announced"),
        })
    }

    /// The track whose control URL `target` is.
    fn named(&self, target: &Target) -> Option<usize> {
        let asked = Some(&target.whole.path).filter(|path| **path != self.path)?;
        let is_it = |control: &Option<Control>| {
            control.as_ref().and_then(|control| control.path.as_ref()) == Some(asked)
        };
        self.controls.iter().position(is_it)
    }

    /// The number that `target` ends in.
    fn number(&self, target: &Target) -> Option<TrackId> {
        let (whole, number) = target.track.as_ref()?;
        (whole.path == self.path).then_some(*number)
    }

    /// The track whose control ends in `number`, in whatever words.
    fn numbered(&self, number: TrackId) -> Option<usize> {
        let is_it = |control: &Option<Control>| {
            control.as_ref().and_then(|control| control.number) == Some(number)
        };
        self.controls.iter().position(is_it)
    }

    fn has_controls(&self) -> bool {
        self.controls.iter().any(Option::is_some)
    }
}

impl Control {
    fn of(track: &Track, base: &MediaPath) -> Option<Self> {
        let control = track.control.as_deref().map(str::trim);
        let control = control.filter(|control| !control.is_empty() && *control != "*")?;
        let uri = RequestUri::read(control);
        let path = MediaPath::from_url(&uri.path).ok();
        Some(Self {
            number: uri.split_track().1,
            path: match uri.scheme {
                Some(_) => path,
                None => path.and_then(|path| MediaPath::from_plain(&format!("{base}/{path}")).ok()),
            },
        })
    }
}

/// Where tracks without control URLs may be that a client numbers by itself: from 1 as QTSS did, or from 0.
fn counted(number: TrackId) -> impl Iterator<Item = usize> {
    let number = number.0 as usize;
    number.checked_sub(1).into_iter().chain([number])
}

/// The index of a track in the description.
pub(super) fn index_of(id: TrackId) -> usize {
    (id.0 as usize).saturating_sub(1)
}

/// The number of the track at `index` of the description.
pub(super) fn id_of(index: usize) -> TrackId {
    TrackId(u32::try_from(index + 1).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests;
