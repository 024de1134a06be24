//! What the clock of a channel's publisher is held against: where its times are on a timeline that
//! others share, and which dates they are.

use std::sync::Arc;

use super::clocks::{Clocks, Own};
use super::group::epoch::{Aligner, Epoch};
use super::group::grid::Grid;
use crate::base::clock::Clock;
use crate::media::publisher_clock::PublisherClock;

/// The timeline of the group of which the channel is a variant, or the server's clock.
#[derive(Debug)]
pub struct Reference {
    timeline: Timeline,
    aligner: Aligner,
    /// What the channel shares with itself in other formats alone.
    own: Option<Arc<Grid>>,
}

#[derive(Debug)]
enum Timeline {
    Shared(Arc<Grid>),
    /// Dates alone are told by it.
    Own(Epoch),
}

impl Reference {
    /// For a channel of which nothing is known yet, with what it shares with others; dates of one that shares
    /// nothing are those of `clock`.
    pub fn new(grid: Option<Arc<Grid>>, clock: Clock) -> Self {
        let dates = || Timeline::Own(Epoch::new(clock.ntp(clock.started()), clock));
        let (own, shared) = match grid {
            Some(grid) if grid.anchors().is_some() => (Some(grid), None),
            grid => (None, grid),
        };
        Self {
            timeline: shared.map_or_else(dates, Timeline::Shared),
            aligner: Aligner::default(),
            own,
        }
    }

    /// The timeline that the channel shares with itself in other formats, if it shares none with other channels.
    pub(super) fn own(&self) -> Option<Own> {
        let grid = self.own.as_ref()?;
        let (epoch, anchors) = (grid.epoch(), grid.anchors()?);
        let at = epoch.clock().started();
        Some(Own {
            anchors: Arc::clone(anchors),
            server: epoch.at(),
            now: (at, epoch.clock().ntp(at)),
        })
    }

    /// Has `clocks` take what is reported by the publisher's clock from now on.
    pub(super) fn follow(&mut self, publisher: &PublisherClock, clocks: &mut Clocks) {
        match &self.timeline {
            Timeline::Shared(grid) => {
                clocks.align(self.aligner.align(grid.epoch(), publisher));
            }
            Timeline::Own(epoch) => {
                let on_wall = PublisherClock {
                    zero: None,
                    ..*publisher
                };
                let aligned = self.aligner.align(epoch, &on_wall);
                clocks.date(aligned.server.nanos_since(aligned.sender));
            }
        }
    }
}
