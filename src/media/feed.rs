//! What a channel's publisher writes into: packets are checked, renumbered and gathered here.
//!
//! It belongs to the channel and outlives publishers, so that the next one goes
//! on where the last one ended. Who may write is decided in `channel`.

use std::time::{Duration, Instant};

use super::burst::PacketKind;
use super::channel_stats::ChannelStats;
use super::description::Description;
use super::gather::{Complete, Gather, Incoming};
use super::publisher::Malformed;
use super::reports::Reporter;
use super::timeline::{Numbers, Timeline};
use crate::codec::{KeyFrames, Kind};
use crate::wire::{rtcp, rtp};

/// The way from a publisher's packets to bursts.
#[derive(Debug, Default)]
pub(super) struct Feed {
    tracks: Vec<FeedTrack>,
    /// The track whose key frames are the channel's.
    lead: Option<usize>,
    gather: Gather,
}

/// Where a feed counts, and what it is bound by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms<'a> {
    pub(super) stats: &'a ChannelStats,
    pub(super) ssrcs: &'a [u32],
    pub(super) hold: Duration,
}

#[derive(Debug)]
struct FeedTrack {
    payload_types: Vec<u8>,
    kind: Kind,
    keyframes: KeyFrames,
    timeline: Timeline,
    reporter: Reporter,
}

impl Feed {
    /// Takes up the tracks of a publisher; those that were there go on.
    pub(super) fn take_up(&mut self, description: &Description) {
        let mut old = std::mem::take(&mut self.tracks).into_iter();
        for track in description.tracks() {
            let (mut timeline, reporter) = old
                .next()
                .map_or_else(Default::default, |old| (old.timeline, old.reporter));
            timeline.interrupt();
            self.tracks.push(FeedTrack {
                payload_types: track.payload_types().to_vec(),
                kind: track.kind,
                keyframes: KeyFrames::of(&track.encoding),
                timeline,
                reporter,
            });
        }
        self.lead = self
            .tracks
            .iter()
            .position(|track| track.kind == Kind::Video);
    }

    /// Takes a packet; gives the bursts that it completed.
    pub(super) fn push(
        &mut self,
        index: usize,
        kind: PacketKind,
        packet: &[u8],
        now: Instant,
        terms: &Terms<'_>,
    ) -> Result<Complete, Malformed> {
        match kind {
            PacketKind::Rtp => self.media(index, packet, now, terms),
            PacketKind::Rtcp => self.control(index, packet),
        }
    }

    fn media(
        &mut self,
        index: usize,
        packet: &[u8],
        now: Instant,
        terms: &Terms<'_>,
    ) -> Result<Complete, Malformed> {
        let track = self.tracks.get_mut(index).ok_or(Malformed::Track)?;
        if packet.len() > usize::from(u16::MAX) {
            return Err(Malformed::TooLong);
        }
        let read = rtp::Packet::read(packet).map_err(|_| Malformed::NotRtp)?;
        if !track.payload_types.contains(&read.payload_type()) {
            return Err(Malformed::PayloadType);
        }
        let placed = track.timeline.place(
            Numbers {
                ssrc: read.ssrc(),
                sequence: read.sequence().into(),
                time: read.time(),
            },
            now,
        );
        track.reporter.sent(read.payload().len());
        terms.stats.accepted(packet.len());
        terms.stats.lost(placed.lost.into());
        if let Some(repair) = placed.repair {
            terms.stats.repaired(repair);
        }
        let leads = self.lead.is_none_or(|lead| lead == index);
        let incoming = Incoming {
            track: index as u8,
            kind: PacketKind::Rtp,
            sequence: placed.sequence,
            time: placed.time,
            marker: read.marker(),
            starts: leads && track.keyframes.start_at(read.payload()),
            completes: self.lead.is_none() || track.kind == Kind::Video && read.marker(),
        };
        let ssrc = terms.ssrcs.get(index).copied().unwrap_or_default();
        let rewrite = |copy: &mut [u8]| rtp::renumber(copy, placed.sequence, placed.time, ssrc);
        Ok(self.gather.push(incoming, packet, terms.hold, now, rewrite))
    }

    fn control(&mut self, index: usize, packet: &[u8]) -> Result<Complete, Malformed> {
        self.tracks.get(index).ok_or(Malformed::Track)?;
        rtcp::parse(packet).map_err(|_| Malformed::NotRtcp)?;
        Ok(Complete::new())
    }

    /// When the gathered packets have waited long enough.
    pub(super) fn deadline(&self, hold: Duration) -> Option<Instant> {
        self.gather.deadline(hold)
    }

    /// What is gathered so far.
    pub(super) fn flush(&mut self) -> Complete {
        self.gather.flush().into_iter().collect()
    }

    /// The sequence number that comes next on a track.
    pub(super) fn next_sequence(&self, index: usize) -> Option<u16> {
        self.tracks.get(index)?.timeline.next_sequence()
    }
}
