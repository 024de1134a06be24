//! One track on its way to one viewer: its feed, its outlet, its sender reports.

use std::time::{Duration, Instant};

use super::batch::Batch;
use super::feed::Feed;
use super::numbers::{Numbers, Stamp};
use super::run::Mapping;
use super::writer::Writer;
use crate::base::id::TrackId;
use crate::base::media_time::NtpTime;
use crate::net::outlet::TrackOutlet;
use crate::wire::rtcp;

/// The time between sender reports of a track (RFC 3550, 6.2 asks for 5 s at these rates).
const REPORT_INTERVAL: Duration = Duration::from_secs(5);

/// A track that a client has set up.
#[derive(Debug)]
pub(super) struct Stream {
    /// Its number in the movie's list of served tracks.
    pub served: usize,
    /// The track.
    pub id: TrackId,
    /// How its packets reach the client.
    pub outlet: TrackOutlet,
    /// What it sends in the present run.
    pub feed: Option<Feed>,
    numbers: Numbers,
    reported: Option<Instant>,
}

/// Who reports, and whether it is the last time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bye<'a> {
    /// Canonical name of this sender (RFC 3550, 6.5.1).
    pub cname: &'a str,
    /// Whether the stream ends with this report.
    pub leaving: bool,
}

impl Stream {
    /// A stream that has sent nothing.
    pub(super) fn new(served: usize, id: TrackId, numbers: Numbers, outlet: TrackOutlet) -> Self {
        Self {
            served,
            id,
            outlet,
            feed: None,
            numbers,
            reported: None,
        }
    }

    /// Begins a run of PLAY with what `feed` sends.
    pub(super) fn begin(&mut self, feed: Option<Feed>, mapping: &Mapping) {
        self.feed = feed;
        self.numbers.begin(mapping);
    }

    /// Goes on with the same feed where a pause ended.
    pub(super) fn go_on(&mut self, mapping: &Mapping) {
        self.numbers.go_on(mapping);
    }

    /// What RTP-Info says of this stream: sequence number and RTP time of its first packet.
    pub(super) fn announced(&self, first: Option<Stamp>) -> (u16, u32) {
        let (sequence, time) = match first {
            Some(stamp) => (self.numbers.sequence(&stamp), self.numbers.time(&stamp)),
            None => self.numbers.next(),
        };
        (self.outlet.sequence(sequence), time)
    }

    /// Prepares writing packets of this stream into `batch`, and gives the feed to write from.
    pub(super) fn writer<'a>(
        &'a mut self,
        index: usize,
        due: Instant,
        batch: &'a mut Batch,
    ) -> (Option<&'a mut Feed>, Writer<'a>) {
        let channel = self.outlet.channels().map(|(rtp, _)| rtp);
        let writer = Writer::new(&mut self.numbers, batch, index, channel, due);
        (self.feed.as_mut(), writer)
    }

    /// Whether any packet was sent.
    pub(super) fn has_sent(&self) -> bool {
        self.numbers.counts().0 > 0
    }

    /// Whether a sender report is due; the first one follows the first packet.
    pub(super) fn report_due(&self, now: Instant) -> bool {
        let since = |at: Instant| now.saturating_duration_since(at) >= REPORT_INTERVAL;
        self.has_sent() && self.reported.is_none_or(since)
    }

    /// Writes a sender report with the canonical name, and BYE when the stream ends.
    ///
    /// `elapsed` is what was presented since the run began, in nanoseconds.
    pub(super) fn report(
        &mut self,
        index: usize,
        at: (Instant, NtpTime),
        elapsed: i64,
        bye: Bye<'_>,
        batch: &mut Batch,
    ) {
        let (packets, bytes) = self.numbers.counts();
        self.reported = Some(at.0);
        let report = rtcp::SenderReport {
            ssrc: self.numbers.ssrc,
            ntp: at.1,
            rtp_time: self.numbers.time_after(elapsed),
            packets,
            bytes,
        };
        let channel = self.outlet.channels().map(|(_, rtcp)| rtcp);
        batch.open(channel);
        rtcp::write_sender_report(batch.buffer(), report, bye.cname, bye.leaving);
        batch.close(index, false, at.0, channel.is_some());
    }
}
