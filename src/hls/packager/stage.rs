//! How far the packaging is, for those who wait for it.

use super::NoPlaylist;
use crate::hls::object::Flavour;
use crate::hls::progress::Progress;
use crate::hls::transcode::Trouble;

/// How far the packaging is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Stage {
    /// `None` before the first part.
    pub(super) progress: Option<Progress>,
    /// By flavour.
    pub(super) flavours: [Readiness; 3],
    /// Why what has to be transcoded is not.
    pub(super) trouble: Option<Trouble>,
    /// Whether another packager goes on.
    pub(super) left: bool,
    /// Whether the task is over.
    pub(super) over: bool,
}

impl Stage {
    /// Whether a flavour can be played, or why not; `None` while that is not settled.
    pub(super) fn settled(&self, flavour: Flavour) -> Option<Result<(), NoPlaylist>> {
        let readiness = self.flavours[flavour as usize];
        match (readiness, self.trouble) {
            (Readiness::Ready, _) => Some(Ok(())),
            (_, Some(trouble)) => Some(Err(trouble.into())),
            (Readiness::Unfit, None) => Some(Err(NoPlaylist::Unfit)),
            (Readiness::Waiting, None) if self.left => Some(Err(NoPlaylist::Starting)),
            (Readiness::Waiting, None) => self.over.then_some(Err(NoPlaylist::Nothing)),
        }
    }

    /// Whether that part is the one that comes next.
    pub(super) fn is_next(&self, sequence: u64, part: u32) -> bool {
        let progress = self.progress.filter(|_| !self.over);
        progress.is_some_and(|progress| progress.is_next(sequence, part))
    }
}

/// Whether a flavour can be played.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Readiness {
    /// Nothing is there yet.
    #[default]
    Waiting,
    Ready,
    /// What is there cannot be carried in it.
    Unfit,
}
