//! What a channel's publisher writes into: packets are checked, renumbered and gathered here.
//!
//! It belongs to the channel and outlives publishers, so that the next one goes
//! on where the last one ended. Who may write is decided in `channel`.

use std::time::{Duration, Instant};

use super::burst::{Burst, PacketKind};
use super::channel_stats::ChannelStats;
use super::description::Description;
use super::feed_track::FeedTrack;
use super::gather::{Complete, Gather, Incoming};
use super::meter::Meter;
use super::publisher::Malformed;
use super::publisher_clock::PublisherClock;
use super::reports::Pair;
use super::timeline::{Numbers, Placed};
use crate::base::clock::Clock;
use crate::base::media_time::NtpTime;
use crate::codec::Kind;
use crate::wire::rtcp::{self, Feedback};
use crate::wire::rtp;

/// For how long after one track's new source began another's may be aligned with it.
const TOGETHER: Duration = Duration::from_secs(5);

/// The way from a publisher's packets to bursts.
#[derive(Debug, Default)]
pub(super) struct Feed {
    tracks: Vec<FeedTrack>,
    /// The track whose key frames are the channel's.
    lead: Option<usize>,
    gather: Gather,
    meter: Meter,
    shift: Option<Shift>,
    /// Whether reports go by the publisher's clock.
    has_clock: bool,
    /// How far the clock that they went by last is ahead of the server's, in nanoseconds.
    ahead: i64,
    /// What the publisher's clock shows at the time 0 that its media are stamped with.
    zero: Option<NtpTime>,
    report: Vec<u8>,
}

/// How the clock of the publisher before goes on in that of the present one.
#[derive(Clone, Copy, Debug)]
struct Shift {
    nanos: i64,
    at: Instant,
}

/// Where a feed counts, how it signs, and what it is bound by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms<'a> {
    pub(super) stats: &'a ChannelStats,
    /// The channel's sources, one a track.
    pub(super) ssrcs: &'a [u32],
    pub(super) cname: &'a str,
    pub(super) clock: Clock,
    pub(super) hold: Duration,
    /// In bits a second.
    pub(super) flood: u64,
}

impl Feed {
    /// Takes up the tracks of a publisher; those that were there go on.
    pub(super) fn take_up(&mut self, description: &Description) {
        let mut old = std::mem::take(&mut self.tracks).into_iter();
        for track in description.tracks() {
            self.tracks.push(FeedTrack::new(track, old.next()));
        }
        let is_seen = |track: &FeedTrack| track.kind == Kind::Video;
        self.lead = self.tracks.iter().position(is_seen);
        self.shift = None;
        self.zero = None;
    }

    /// Takes a packet; the bursts that it completed go to `out`, which is empty before.
    pub(super) fn push(
        &mut self,
        index: usize,
        kind: PacketKind,
        packet: &[u8],
        now: Instant,
        terms: &Terms<'_>,
        out: &mut Complete,
    ) -> Result<(), Malformed> {
        if packet.len() > usize::from(u16::MAX) {
            return Err(Malformed::TooLong);
        }
        match kind {
            PacketKind::Rtp => self.media(index, packet, now, terms, out),
            PacketKind::Rtcp => self.control(index, packet, now, terms.clock),
        }
    }

    fn media(
        &mut self,
        index: usize,
        packet: &[u8],
        now: Instant,
        terms: &Terms<'_>,
        out: &mut Complete,
    ) -> Result<(), Malformed> {
        let track = self.tracks.get(index).ok_or(Malformed::Track)?;
        let read = rtp::Packet::read(packet).map_err(|_| Malformed::NotRtp)?;
        if !track.carries(read.payload_type()) {
            return Err(Malformed::PayloadType);
        }
        if self.meter.is_flooded(terms.flood, now) {
            return Err(Malformed::Flood);
        }
        let placed = self.place(index, &read, now).ok_or(Malformed::Track)?;
        self.count(packet.len(), &placed, now, terms);
        // Before the packet, so that a burst that it completes holds the report too.
        self.gather_report(index, now, terms, out);
        let incoming = self.incoming(index, &read, &placed);
        let incoming = incoming.ok_or(Malformed::Track)?;
        let ssrc = terms.ssrc(index);
        let rewrite = |copy: &mut [u8]| rtp::renumber(copy, placed.sequence, placed.time, ssrc);
        self.gather
            .push(incoming, packet, terms.hold, now, rewrite, out);
        Ok(())
    }

    /// Gives the packet its place in the channel's series.
    fn place(&mut self, index: usize, read: &rtp::Packet<'_>, now: Instant) -> Option<Placed> {
        let numbers = Numbers {
            ssrc: read.ssrc(),
            sequence: read.sequence().into(),
            time: read.time(),
        };
        let shift = self
            .shift
            .filter(|shift| now.saturating_duration_since(shift.at) < TOGETHER);
        let track = self.tracks.get_mut(index)?;
        let (placed, begun) = track.place(numbers, shift.map(|shift| shift.nanos), now);
        track.reporter.sent(read.payload().len());
        if let Some(nanos) = begun.filter(|_| shift.is_none()) {
            self.shift = Some(Shift { nanos, at: now });
        }
        Some(placed)
    }

    fn count(&mut self, bytes: usize, placed: &Placed, now: Instant, terms: &Terms<'_>) {
        terms.stats.accepted(bytes, placed.lost);
        terms.stats.rate_over(self.meter.count(bytes, now));
        if let Some(repair) = placed.repair {
            terms.stats.repaired(repair);
            self.choose_clock();
        }
    }

    fn incoming(
        &mut self,
        index: usize,
        read: &rtp::Packet<'_>,
        placed: &Placed,
    ) -> Option<Incoming> {
        let is_lead = self.lead == Some(index);
        let track = self.tracks.get_mut(index)?;
        let begins = is_lead && track.begins_keyframe(read.payload(), placed.time, read.marker());
        let is_alone = self.lead.is_none();
        Some(Incoming {
            track: u8::try_from(index).ok()?,
            kind: PacketKind::Rtp,
            sequence: placed.sequence,
            time: placed.time,
            marker: read.marker(),
            starts: is_alone || begins,
            completes: is_alone || track.kind == Kind::Video && read.marker(),
            clock: None,
        })
    }

    /// The track's report, when it is due.
    fn gather_report(&mut self, index: usize, now: Instant, terms: &Terms<'_>, out: &mut Complete) {
        let track = self.tracks.get_mut(index);
        if !track.is_some_and(|track| track.reporter.take_due(now)) {
            return;
        }
        self.choose_clock();
        let mut report = std::mem::take(&mut self.report);
        report.clear();
        let written = self.write_report(index, now, terms, false, &mut report);
        if let Some(incoming) =
            written.and_then(|pair| self.incoming_report(index, pair, terms.clock))
        {
            let keep = |_: &mut [u8]| ();
            self.gather
                .push(incoming, &report, terms.hold, now, keep, out);
        }
        self.report = report;
    }

    fn incoming_report(&self, index: usize, pair: Pair, own: Clock) -> Option<Incoming> {
        Some(Incoming {
            track: u8::try_from(index).ok()?,
            kind: PacketKind::Rtcp,
            sequence: self.next_sequence(index)?,
            time: pair.time,
            marker: false,
            starts: false,
            completes: false,
            clock: Some(self.clock(own)),
        })
    }

    /// A report of each track that has sent, as of `now`; with a BYE if `bye`. Returns the clock that they go by.
    pub(super) fn reports(
        &self,
        now: Instant,
        terms: &Terms<'_>,
        bye: bool,
        out: &mut Vec<(usize, Vec<u8>)>,
    ) -> PublisherClock {
        for index in 0..self.tracks.len() {
            let mut report = Vec::new();
            if self
                .write_report(index, now, terms, bye, &mut report)
                .is_some()
            {
                out.push((index, report));
            }
        }
        self.clock(terms.clock)
    }

    fn write_report(
        &self,
        index: usize,
        now: Instant,
        terms: &Terms<'_>,
        bye: bool,
        out: &mut Vec<u8>,
    ) -> Option<Pair> {
        let track = self.tracks.get(index)?;
        let pair = if self.has_clock {
            track.published_pair(now)?
        } else {
            Pair {
                // Where the last publisher's clock would be, so that a gap is no leap.
                ntp: terms.clock.ntp(now).later(self.ahead),
                time: track.timeline.time_at(now)?,
            }
        };
        let report = track.reporter.report(terms.ssrc(index), pair);
        rtcp::write_sender_report(out, report, terms.cname, bye);
        Some(pair)
    }

    /// Goes by the publisher's clock if it is known for all that is sent, for one clock must serve all tracks.
    fn choose_clock(&mut self) {
        let mut feeding = self
            .tracks
            .iter()
            .filter(|track| track.timeline.is_fed())
            .peekable();
        let has_clock = feeding.peek().is_some() && feeding.all(FeedTrack::has_clock);
        if has_clock != self.has_clock {
            self.has_clock = has_clock;
            self.hurry();
        }
    }

    fn control(
        &mut self,
        index: usize,
        packet: &[u8],
        now: Instant,
        clock: Clock,
    ) -> Result<(), Malformed> {
        let track = self.tracks.get_mut(index).ok_or(Malformed::Track)?;
        for feedback in rtcp::parse(packet).map_err(|_| Malformed::NotRtcp)? {
            if let Feedback::SenderReport { report, .. } = feedback {
                track.hear(&report, now);
            }
        }
        self.choose_clock();
        let told = self.tracks.get(index).filter(|_| self.has_clock);
        if let Some(pair) = told.and_then(|track| track.published_pair(now)) {
            self.ahead = pair.ntp.nanos_since(clock.ntp(now));
        }
        Ok(())
    }

    /// Says what the publisher's clock shows at the time 0 that its media are stamped with.
    pub(super) fn stamp(&mut self, zero: NtpTime) {
        self.zero = Some(zero);
        self.hurry();
    }

    /// Each track is reported on with its next packet.
    fn hurry(&mut self) {
        for track in &mut self.tracks {
            track.reporter.hurry();
        }
    }

    /// The clock that reports go by; `own` is the server's.
    pub(super) fn clock(&self, own: Clock) -> PublisherClock {
        let at = own.started();
        PublisherClock {
            is_told: self.has_clock,
            shown: (at, own.ntp(at).later(self.ahead)),
            zero: self.zero,
        }
    }

    /// When the gathered packets have waited long enough.
    pub(super) fn deadline(&self, hold: Duration) -> Option<Instant> {
        self.gather.deadline(hold)
    }

    /// What is gathered so far.
    pub(super) fn flush(&mut self) -> Option<Burst> {
        self.gather.flush()
    }

    /// The bit rate of a second that is over at `now`.
    pub(super) fn measure(&mut self, now: Instant) -> Option<u64> {
        self.meter.count(0, now)
    }

    /// The sequence number that comes next on a track.
    pub(super) fn next_sequence(&self, index: usize) -> Option<u16> {
        self.tracks.get(index)?.timeline.next_sequence()
    }
}

impl Terms<'_> {
    fn ssrc(&self, index: usize) -> u32 {
        self.ssrcs.get(index).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
