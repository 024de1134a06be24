//! What the clock of a channel's publisher is held against: where its times are on a timeline that
//! others share, and which dates they are.

use std::sync::Arc;

use super::clocks::Clocks;
use super::group::epoch::{Aligner, Epoch};
use super::group::grid::Grid;
use crate::base::clock::Clock;
use crate::media::publisher_clock::PublisherClock;

/// The timeline of the group of which the channel is a variant, or the server's clock.
#[derive(Debug)]
pub struct Reference {
    timeline: Timeline,
    aligner: Aligner,
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
        let own = || Timeline::Own(Epoch::new(clock.ntp(clock.started()), clock));
        Self {
            timeline: grid.map_or_else(own, Timeline::Shared),
            aligner: Aligner::default(),
        }
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
