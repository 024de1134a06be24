//! How far the packaging is, for those who wait for it.

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
