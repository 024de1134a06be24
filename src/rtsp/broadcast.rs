//! A live channel that somebody wants to read: found by its name, and waited for when it begins on demand.

use std::sync::Arc;
use std::time::Duration;

use crate::base::id::TrackId;
use crate::codec::Kind;
use crate::media::channel::{Channel, Demand};
use crate::media::description::{Description, Track};
use crate::vod;

use super::refusal::Refusal;

/// A channel with its description, kept going as long as this is held.
pub(super) struct Broadcast {
    pub(super) channel: Arc<Channel>,
    pub(super) description: Arc<Description>,
    _demand: Demand,
}

impl Broadcast {
    /// The channel as soon as it is described, for which a source on demand has `patience`.
    ///
    /// Cancel safe.
    ///
    /// # Errors
    /// 503 when nobody feeds it by then, 404 when it ends.
    pub(super) async fn open(channel: Arc<Channel>, patience: Duration) -> Result<Self, Refusal> {
        let demand = channel.demand();
        match channel.described(patience).await {
            Some(description) => Ok(Self {
                channel,
                description,
                _demand: demand,
            }),
            None => Err(match channel.ended() {
                Some(end) => Refusal::new(404, format!("channel has ended: {end}")),
                None => Refusal::new(503, format!("channel has no source: {}", channel.origin())),
            }),
        }
    }

    /// The index and the description of a track.
    ///
    /// # Errors
    /// 404 when there is none.
    pub(super) fn track(&self, id: TrackId) -> Result<(usize, &Track), Refusal> {
        let mut tracks = self.description.tracks().iter().enumerate();
        let track = tracks.find(|(_, track)| track.id == id);
        track.ok_or_else(|| vod::Error::NoTrack(id).into())
    }

    /// What it takes at the moment in bit/s, or what its description promises; 0 when neither is known.
    pub(super) fn bit_rate(&self) -> u64 {
        match self.channel.stats().snapshot().bit_rate {
            0 => self.description.bit_rate().unwrap_or(0),
            measured => measured,
        }
    }

    /// How the first track of that kind is encoded; empty when there is none.
    pub(super) fn encoding(&self, kind: Kind) -> String {
        let mut tracks = self.description.tracks().iter();
        let track = tracks.find(|track| track.kind == kind);
        track.map_or_else(String::new, |track| track.encoding.clone())
    }
}
