//! The segments of a movie that is encoded for its players: who waits for one has it made, with those of the other
//! renditions for the same time.

use std::sync::Arc;

use tracing::warn;

use super::runs::NEAR;
use super::{Remake, Rendition};
use crate::hls::transcode::run::{Run, Task};
use crate::hls::transcode::stock::Print;
use crate::hls::transcode::{Slot, Trouble};

impl Remake {
    /// A segment, encoded unless it is there. Cancel safe.
    pub(super) async fn segment(
        &self,
        rendition: &Rendition,
        number: u64,
    ) -> Result<Arc<Print>, Trouble> {
        if let Some(known) = self.known(rendition.number, number) {
            return known;
        }
        let own = self.runs.slot(number);
        match self.segment_by(&own, rendition, number).await {
            // Where there may be no process more, another place gives way when it has what it waits for.
            Err(Trouble::Full) => match self.runs.beside(&own) {
                Some(other) => self.segment_by(&other, rendition, number).await,
                None => Err(Trouble::Full),
            },
            made => made,
        }
    }

    /// A segment that is made by the process of one place, which begins anew unless it is near.
    async fn segment_by(
        &self,
        slot: &Arc<Slot>,
        rendition: &Rendition,
        number: u64,
    ) -> Result<Arc<Print>, Trouble> {
        let mut run = slot.lock().await;
        // Somebody else may have waited for it.
        if let Some(known) = self.known(rendition.number, number) {
            return known;
        }
        let is_near = |run: &Run| run.is_near(number, NEAR);
        let is_new = !run.as_ref().is_some_and(is_near);
        if is_new {
            // It goes before the next comes.
            *run = None;
            *run = Some(Run::begin(&self.means.shared, &self.task(), number)?);
        }
        let made = match run.as_mut() {
            Some(run) => self.make(run, rendition, number).await,
            None => Err("there is no process".to_owned()),
        };
        self.means.shared.stand(slot);
        made.map_err(|reason| {
            *run = None;
            warn!(path = %self.path(), number, "transcoding for HLS failed: {reason}");
            // A process that came from elsewhere may have failed elsewhere.
            if is_new {
                // It would have made this of all renditions.
                for rendition in &self.renditions {
                    self.note_setback(rendition.number, number);
                }
            }
            Trouble::Fails
        })
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
            begin: self.begin,
            speech: self.speech.as_ref(),
            most_pictures: None,
        }
    }

    /// Reads on until a segment is there; what is made of other renditions is kept for who asks next.
    async fn make(
        &self,
        run: &mut Run,
        wanted: &Rendition,
        number: u64,
    ) -> Result<Arc<Print>, String> {
        loop {
            let mut made = None;
            for (rendition, segment) in self.renditions.iter().zip(run.segments().await?) {
                rendition.map.get_or_init(|| Arc::clone(&segment.head.map));
                let budget = self.means.shared.budget();
                let print = self.means.stock.put(rendition.number, segment, budget);
                if rendition.number == wanted.number && print.segment.head.sequence >= number {
                    made = Some(print);
                }
            }
            if let Some(print) = made {
                return Ok(print);
            }
        }
    }
}
