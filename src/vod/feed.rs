//! Where a stream's packets come from: a hint track, or samples packetised on the way out.

use std::sync::Arc;

use super::blocks::{BlockId, Blocks};
use super::hinted::HintFeed;
use super::movie::{Movie, ServedTrack};
use super::packetised::SampleFeed;
use super::stream::{Stamp, Writer};
use crate::base::media_time::NptTime;
use crate::codec::Malformed;

/// One viewer's place in one track.
#[derive(Debug)]
pub(super) enum Feed {
    /// Packets as a hinter authored them.
    Hint(HintFeed),
    /// Samples that this server packetises.
    Samples(SampleFeed),
}

/// How much a feed writes at one go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    /// The longest payload that the server makes itself, in bytes.
    pub payload_limit: usize,
    /// About how many bytes may be written.
    pub room: usize,
}

/// What a feed has next.
#[derive(Debug)]
pub(super) enum Peek {
    /// Something that is due then.
    Due(NptTime),
    /// That has to be read from the file first.
    Wait(BlockId),
    /// Nothing that could be found quickly; ask again.
    Later,
    /// Media that cannot be sent; the feed is of no more use.
    Failed(Malformed),
    /// Nothing; the track has ended.
    End,
}

/// Why a packet was not written.
#[derive(Debug)]
pub(super) enum Stall {
    /// Its bytes are being read; the feed has not moved.
    Wait(BlockId),
    /// It cannot be put together; the feed has moved past it.
    Malformed(Malformed),
}

impl From<Malformed> for Stall {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
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
    pub(super) fn stamp(&self, movie: &Movie, served: &ServedTrack) -> Option<Stamp> {
        match self {
            Self::Hint(feed) => feed.stamp(movie),
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
        let Some(stamp) = self.stamp(movie, served) else {
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
