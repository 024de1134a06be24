//! The segments of a movie that is encoded for its players: who waits for one has it made, with those of the other
//! renditions for the same time.

use std::sync::Arc;

use tracing::warn;

use super::turns::Turns;
use super::{Remake, Rendition};
use crate::hls::transcode::Trouble;
use crate::hls::transcode::run::Task;
use crate::hls::transcode::stock::Print;

impl Remake {
    /// A segment, encoded unless it is there. Cancel safe.
    pub(super) async fn segment(
        &self,
        rendition: &Rendition,
        number: u64,
    ) -> Result<Arc<Print>, Trouble> {
        loop {
            if let Some(known) = self.known(rendition.number, number) {
                return known;
            }
            let mut turns = self.turns.lock().await;
            // Somebody else may have waited for it.
            if let Some(known) = self.known(rendition.number, number) {
                return known;
            }
            let is_here = turns.is_near(&self.renditions, number);
            if !is_here && turns.is_owed() && turns.was_at(&self.renditions, number) {
                self.make_for_others(&mut turns).await;
                continue;
            }
            if !is_here {
                turns.begin(&self.means, &self.renditions, &self.task(), number)?;
            }
            let made = self.make(&mut turns, rendition, number, !is_here).await?;
            if let Some(made) = made {
                return Ok(made);
            }
        }
    }

    /// Has the process make segments where it is. Whoever waits for them tries again if it fails.
    pub(super) async fn make_for_others(&self, turns: &mut Turns) {
        let made = turns.make(&self.means).await;
        self.means.shared.stand(&self.turns);
        if let Err(reason) = made {
            warn!(path = %self.path(), "transcoding for HLS failed: {reason}");
        }
    }

    /// Has the process make the next segments; `None` if they are before the one that is wanted.
    async fn make(
        &self,
        turns: &mut Turns,
        wanted: &Rendition,
        number: u64,
        is_new: bool,
    ) -> Result<Option<Arc<Print>>, Trouble> {
        let made = turns.make(&self.means).await;
        self.means.shared.stand(&self.turns);
        let made = made.map_err(|reason| {
            warn!(path = %self.path(), number, "transcoding for HLS failed: {reason}");
            // A process that came from elsewhere may have failed elsewhere.
            if is_new {
                // It would have made this of all renditions.
                for rendition in &*self.renditions {
                    self.note_setback(rendition.number, number);
                }
            }
            Trouble::Fails
        })?;
        let mut made = self.renditions.iter().zip(made);
        let made = made.find(|(rendition, _)| rendition.number == wanted.number);
        let made = made.map(|(_, print)| print);
        Ok(made.filter(|print| print.segment.head.sequence >= number))
    }

    /// A segment that is there, or was not to be made a moment ago; `None` if it is to be made. `movie` is the number
    /// that it has in the stock.
    pub(super) fn known(&self, movie: u32, number: u64) -> Option<Result<Arc<Print>, Trouble>> {
        if let Some(print) = self.means.stock.get(movie, number) {
            return Some(Ok(print));
        }
        let now = self.means.clock.now();
        let has_failed = self.setbacks.is_recent(&(movie, number), now);
        has_failed.then_some(Err(Trouble::Fails))
    }

    /// Has it not tried again for a while.
    pub(super) fn note_setback(&self, movie: u32, number: u64) {
        self.setbacks.note((movie, number), self.means.clock.now());
    }

    /// All that is made of it, in one process.
    pub(super) fn task(&self) -> Task<'_> {
        Task {
            name: self.path().as_str(),
            file: &self.source.file,
            modified: self.source.modified,
            grid: &self.grid,
            groups: self.renditions.iter().map(Rendition::group).collect(),
            start: self.start,
            speech: self.speech.as_ref(),
            most_pictures: None,
        }
    }
}
