//! The right to feed a channel, and what is refused of what comes in.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::watch;

use super::burst::PacketKind;
use super::channel::Channel;
use super::description::{Description, Unfit};
use crate::base::media_time::NtpTime;

/// Why a packet was refused; it is counted, and nothing else happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Malformed {
    /// Not RTP of version 2, or shorter than its header says.
    #[error("no RTP packet")]
    NotRtp,
    /// Not a sound chain of RTCP packets.
    #[error("no RTCP packet")]
    NotRtcp,
    /// A payload type that the description does not give to this track.
    #[error("payload type is not in the description")]
    PayloadType,
    /// Longer than an interleaved frame can be.
    #[error("packet is longer than 65535 bytes")]
    TooLong,
    /// The channel has no such track.
    #[error("no such track")]
    Track,
    /// More bytes a second than the limit allows.
    #[error("more packets than the limit allows")]
    Flood,
    /// Another publisher has taken over, or the channel has ended.
    #[error("the channel has another publisher")]
    Replaced,
}

impl Malformed {
    /// All, in the order of their numbers.
    pub const ALL: [Self; 7] = [
        Self::NotRtp,
        Self::NotRtcp,
        Self::PayloadType,
        Self::TooLong,
        Self::Track,
        Self::Flood,
        Self::Replaced,
    ];

    /// The word for metrics: `payload_type`.
    pub fn name(self) -> &'static str {
        match self {
            Self::NotRtp => "not_rtp",
            Self::NotRtcp => "not_rtcp",
            Self::PayloadType => "payload_type",
            Self::TooLong => "too_long",
            Self::Track => "track",
            Self::Flood => "flood",
            Self::Replaced => "replaced",
        }
    }
}

/// The right to feed a channel; dropping it leaves the channel waiting for the next publisher.
#[derive(Debug)]
pub struct Publisher {
    channel: Arc<Channel>,
    term: u64,
    terms: watch::Receiver<u64>,
}

impl Publisher {
    pub(super) fn new(channel: Arc<Channel>, term: u64, terms: watch::Receiver<u64>) -> Self {
        Self {
            channel,
            term,
            terms,
        }
    }

    /// Takes a packet of the track at `index` that arrived at `now`.
    ///
    /// RTP goes to the readers with the channel's own numbers. Of RTCP the sender
    /// reports are read for their clock; it does not go further.
    ///
    /// # Errors
    /// [`Malformed`], which was counted already.
    pub fn push(
        &mut self,
        index: usize,
        kind: PacketKind,
        packet: &[u8],
        now: Instant,
    ) -> Result<(), Malformed> {
        self.channel.push(self.term, index, kind, packet, now)
    }

    /// Says that media are stamped with times that other channels may share, and what the clock
    /// of this publisher's reports shows at their time 0.
    pub fn stamp(&mut self, zero: NtpTime) {
        self.channel.stamp(self.term, zero);
    }

    /// When [`flush`](Self::flush) must be called at the latest; `None` while nothing waits.
    pub fn flush_due(&self) -> Option<Instant> {
        self.channel.flush_due()
    }

    /// Hands what has been gathered to the readers, due or not.
    pub fn flush(&mut self, now: Instant) {
        self.channel.flush(self.term, now);
    }

    /// Changes the description, as far as readers can go on with it: other format parameters, another name.
    ///
    /// # Errors
    /// [`Unfit::OtherTracks`]; the description is as before.
    pub fn describe(&mut self, description: Description) -> Result<(), Unfit> {
        self.channel.redescribe(self.term, description)
    }

    /// Returns when this publisher has lost the channel: to another one, or by the channel's end. Cancel safe.
    pub fn replaced(&self) -> impl Future<Output = ()> + Send + 'static {
        let (mut terms, own) = (self.terms.clone(), self.term);
        async move {
            // The channel may be gone altogether, which is an end too.
            let _ = terms.wait_for(|term| *term != own).await;
        }
    }

    /// The channel that is fed.
    pub fn channel(&self) -> &Arc<Channel> {
        &self.channel
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.channel.leave(self.term);
    }
}
