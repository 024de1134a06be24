//! What a feed has next, and how much of it is written.

use super::blocks::BlockId;
use crate::base::media_time::NptTime;
use crate::codec::Malformed;

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
