//! Where a stream's packets come from: a hint track, or samples packetised on the way out.

use std::sync::Arc;

use super::blocks::Blocks;
use super::hinted::HintFeed;
use super::movie::{Movie, ServedTrack};
use super::numbers::Stamp;
use super::packetised::SampleFeed;
use super::peek::{Peek, Stall, Turn};
use super::writer::Writer;

/// One viewer's place in one track.
#[derive(Debug)]
pub(super) enum Feed {
    /// Packets as a hinter authored them.
    Hint(HintFeed),
    /// Samples that this server packetises.
    Samples(SampleFeed),
}

impl Feed {
    /// What comes next. Starts reading what is missing, so it must be called within the runtime.
    pub(super) fn peek(
        &mut self,
        movie: &Movie,
        served: &ServedTrack,
        blocks: &Arc<Blocks>,
    ) -> Peek {
        match self {
            Self::Hint(feed) => feed.peek(movie, blocks),
            Self::Samples(feed) => feed.peek(movie, served, blocks),
        }
    }

    /// The stamp of the packet that comes next, once [`peek`](Self::peek) has found it.
    pub(super) fn stamp(&self, served: &ServedTrack) -> Option<Stamp> {
        match self {
            Self::Hint(feed) => feed.stamp(),
            Self::Samples(feed) => feed.stamp(served),
        }
    }

    /// Writes what comes next: one hinted packet, or what of the next samples' packets a turn takes.
    ///
    /// # Errors
    /// [`Stall`] when it cannot be written now, or never.
    pub(super) fn write(
        &mut self,
        movie: &Movie,
        served: &ServedTrack,
        blocks: &Arc<Blocks>,
        size: Turn,
        writer: &mut Writer<'_>,
    ) -> Result<(), Stall> {
        let Some(stamp) = self.stamp(served) else {
            return Ok(());
        };
        match self {
            Self::Hint(feed) => {
                writer.open(&stamp);
                match feed.write(movie, blocks, writer) {
                    Ok(()) => writer.close(),
                    Err(stall) => {
                        writer.abandon();
                        return Err(stall);
                    }
                }
                Ok(())
            }
            Self::Samples(feed) => match served.packetizer() {
                Some(packetizer) => Ok(feed.write(packetizer, size, stamp, writer)?),
                None => Ok(()),
            },
        }
    }
}
