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
    /// Whether a flavour is as `wanted`, which is told or ready, or why not; `None` while that is not settled.
    pub(super) fn settled(
        &self,
        flavour: Flavour,
        wanted: Readiness,
    ) -> Option<Result<(), NoPlaylist>> {
        let readiness = self.flavours[flavour as usize];
        match (readiness, self.trouble) {
            (Readiness::Ready, _) => Some(Ok(())),
            (_, Some(trouble)) => Some(Err(trouble.into())),
            (Readiness::Unfit, None) => Some(Err(NoPlaylist::Unfit)),
            // What is told of would not follow.
            (_, None) if self.left => Some(Err(NoPlaylist::Starting)),
            (_, None) if self.over => Some(Err(NoPlaylist::Nothing)),
            (readiness, None) => (readiness == wanted).then_some(Ok(())),
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
    /// Players can be told of it, but there is not enough for them to start.
    Told,
    Ready,
    /// What is there cannot be carried in it.
    Unfit,
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLAVOUR: Flavour = Flavour::Cmaf;

    fn at(readiness: Readiness) -> Stage {
        let mut stage = Stage::default();
        stage.flavours[FLAVOUR as usize] = readiness;
        stage
    }

    #[test]
    fn what_is_told_of_cannot_be_played_yet() {
        let settled = |readiness, wanted| at(readiness).settled(FLAVOUR, wanted);
        assert_eq!(settled(Readiness::Waiting, Readiness::Told), None);
        assert_eq!(settled(Readiness::Told, Readiness::Told), Some(Ok(())));
        assert_eq!(settled(Readiness::Told, Readiness::Ready), None);
        for wanted in [Readiness::Told, Readiness::Ready] {
            assert_eq!(settled(Readiness::Ready, wanted), Some(Ok(())));
            let unfit = Some(Err(NoPlaylist::Unfit));
            assert_eq!(settled(Readiness::Unfit, wanted), unfit);
        }
    }

    #[test]
    fn nobody_is_told_of_what_will_not_follow() {
        let told = at(Readiness::Told);
        let settled = |stage: Stage| stage.settled(FLAVOUR, Readiness::Told);
        let left = Stage { left: true, ..told };
        assert_eq!(settled(left), Some(Err(NoPlaylist::Starting)));
        let over = Stage { over: true, ..told };
        assert_eq!(settled(over), Some(Err(NoPlaylist::Nothing)));
        let trouble = Some(Trouble::Missing);
        let untranscoded = NoPlaylist::from(Trouble::Missing);
        assert_eq!(settled(Stage { trouble, ..told }), Some(Err(untranscoded)));
    }
}
