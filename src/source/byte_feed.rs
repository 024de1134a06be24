//! What feeds have in common that read a stream of bytes: bytes and time come in, a channel is fed. Sans-IO.
//!
//! What the bytes are is the matter of each feed, where they come from that of the sources.

use std::time::{Duration, Instant};

use super::Failure;
use crate::base::clock::Clock;
use crate::media::description::Description;
use crate::media::publisher::Publisher;

/// Begins to publish, or says why it cannot be.
pub type Open = Box<dyn FnMut(Description) -> Result<Publisher, Failure> + Send>;

/// What a feed needs to know.
pub struct Settings {
    /// The channel's name, for its description.
    pub name: String,
    /// The longest RTP payload, in bytes.
    pub payload_limit: usize,
    /// The clock of its reports.
    pub clock: Clock,
    /// How it begins to publish.
    pub open: Open,
}

/// Feeds a channel from a stream of bytes.
pub trait ByteFeed: Send {
    /// Takes the next bytes, which arrived at `now`.
    ///
    /// # Errors
    /// When there can be no channel, or not any more.
    fn push(&mut self, bytes: &[u8], now: Instant) -> Result<(), Failure>;

    /// What comes next does not continue what came: the last units are complete.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    fn finish(&mut self, now: Instant) -> Result<(), Failure>;

    /// When the publisher wants to be [flushed](Self::flush).
    fn flush_due(&self) -> Option<Instant>;

    /// Hands on what the publisher has gathered.
    fn flush(&mut self, now: Instant);

    /// When more may be read of a stream that is not paced by its sender.
    fn resume_at(&self) -> Option<Instant>;

    /// Leaves the channel; it begins again with the next samples. False if it has not begun.
    fn rest(&mut self) -> bool;

    /// When the last sample came.
    fn heard(&self) -> Option<Instant>;

    /// Why no sample came for `patience`.
    fn silence(&self, patience: Duration) -> Failure;

    /// How many bytes were passed over, because they are no part of the media.
    fn skipped_bytes(&self) -> u64;

    /// Whether something came, and all of it is neither media nor the beginning of any.
    fn is_barren(&self) -> bool;
}
