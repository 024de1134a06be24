//! One track on its way to one viewer: numbering, timestamps, sender reports.

use std::time::{Duration, Instant};

use super::batch::Batch;
use super::feed::Feed;
use super::run::Mapping;
use crate::base::id::TrackId;
use crate::base::media_time::{MediaTime, NptTime, NtpTime};
use crate::net::outlet::TrackOutlet;
use crate::wire::{rtcp, rtp};

/// The time between sender reports of a track (RFC 3550, 6.2 asks for 5 s at these rates).
const REPORT_INTERVAL: Duration = Duration::from_secs(5);

/// What a packet's RTP header says, before the session's offsets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    /// The marker bit.
    pub marker: bool,
    /// The extension bit.
    pub extension: bool,
    /// The payload type.
    pub payload_type: u8,
    /// The author's sequence number; `None` where the session numbers packets itself.
    pub sequence: Option<u16>,
    /// RTP ticks since the start of the presentation; may be negative.
    pub time: i64,
    /// RTP ticks to add to it at any speed of play.
    pub time_offset: i32,
}

impl Stamp {
    /// The stamp of a packet that has no author's number.
    pub(super) fn numbered_by_session(payload_type: u8, time: i64) -> Self {
        Self {
            marker: false,
            extension: false,
            payload_type,
            sequence: None,
            time,
            time_offset: 0,
        }
    }
}

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
}

/// The numbers of an RTP stream (RFC 3550, 5.1) and what its sender reports count.
#[derive(Debug)]
struct Numbers {
    ssrc: u32,
    rtp_rate: u32,
    /// The RTP time of presentation time 0; random.
    time_base: u32,
    mapping: Mapping,
    next_sequence: u16,
    /// What turns the author's numbers into the session's, once a run's first packet has fixed it.
    author_offset: Option<u16>,
    packets: u32,
    octets: u32,
    reported: Option<Instant>,
}

impl Stream {
    /// A stream that has sent nothing. `random` seeds sequence number and timestamp (RFC 3550, 5.1).
    pub(super) fn new(
        served: usize,
        id: TrackId,
        rtp_rate: u32,
        ssrc: u32,
        random: u64,
        outlet: TrackOutlet,
    ) -> Self {
        let mapping = Mapping {
            start: NptTime(0),
            presented: 0,
            scale: 1.0,
        };
        let numbers = Numbers {
            ssrc,
            rtp_rate,
            time_base: (random >> 16) as u32,
            mapping,
            next_sequence: random as u16,
            author_offset: None,
            packets: 0,
            octets: 0,
            reported: None,
        };
        Self {
            served,
            id,
            outlet,
            feed: None,
            numbers,
        }
    }

    /// Begins a run of PLAY with what `feed` sends.
    pub(super) fn begin(&mut self, feed: Option<Feed>, mapping: Mapping) {
        self.feed = feed;
        self.remap(mapping);
        self.numbers.author_offset = None;
    }

    /// Goes on with the same feed where a pause ended.
    pub(super) fn remap(&mut self, mapping: Mapping) {
        self.numbers.mapping = mapping;
    }

    /// What RTP-Info says of this stream: sequence number and RTP time of its first packet.
    pub(super) fn announced(&self, first: Option<Stamp>) -> (u16, u32) {
        let numbers = &self.numbers;
        match first {
            Some(stamp) => (numbers.sequence(&stamp), numbers.time(&stamp)),
            None => (numbers.next_sequence, numbers.time_of(0)),
        }
    }

    /// Prepares writing packets of this stream into `batch`, and gives the feed to write from.
    pub(super) fn writer<'a>(
        &'a mut self,
        index: usize,
        due: Instant,
        batch: &'a mut Batch,
    ) -> (Option<&'a mut Feed>, Writer<'a>) {
        let channel = self.outlet.channels().map(|(rtp, _)| rtp);
        let writer = Writer {
            numbers: &mut self.numbers,
            batch,
            stream: index,
            channel,
            due,
            sequence: 0,
            header_end: 0,
        };
        (self.feed.as_mut(), writer)
    }

    /// Whether any packet was sent.
    pub(super) fn has_sent(&self) -> bool {
        self.numbers.packets > 0
    }

    /// Whether a sender report is due; the first one follows the first packet.
    pub(super) fn report_due(&self, now: Instant) -> bool {
        let since = |at: Instant| now.saturating_duration_since(at) >= REPORT_INTERVAL;
        self.has_sent() && self.numbers.reported.is_none_or(since)
    }

    /// Writes a sender report with the canonical name, and BYE when the stream ends.
    ///
    /// `elapsed` is the time since the run began, at the speed of delivery.
    pub(super) fn report(
        &mut self,
        index: usize,
        at: (Instant, NtpTime),
        elapsed: i64,
        bye: Bye<'_>,
        batch: &mut Batch,
    ) {
        let numbers = &mut self.numbers;
        numbers.reported = Some(at.0);
        let report = rtcp::SenderReport {
            ssrc: numbers.ssrc,
            ntp: at.1,
            rtp_time: numbers.time_of(elapsed),
            packets: numbers.packets,
            bytes: numbers.octets,
        };
        let channel = self.outlet.channels().map(|(_, rtcp)| rtcp);
        batch.open(channel);
        rtcp::write_sender_report(batch.buffer(), report, bye.cname, bye.leaving);
        batch.close(index, false, at.0, channel.is_some());
    }
}

/// Who reports, and whether it is the last time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bye<'a> {
    /// Canonical name of this sender (RFC 3550, 6.5.1).
    pub cname: &'a str,
    /// Whether the stream ends with this report.
    pub leaving: bool,
}

impl Numbers {
    fn sequence(&self, stamp: &Stamp) -> u16 {
        match stamp.sequence {
            Some(authored) => {
                let offset = self
                    .author_offset
                    .unwrap_or_else(|| self.next_sequence.wrapping_sub(authored));
                authored.wrapping_add(offset)
            }
            None => self.next_sequence,
        }
    }

    /// The RTP time of a packet: exact to the author's ticks at normal speed.
    fn time(&self, stamp: &Stamp) -> u32 {
        let Mapping {
            start,
            presented,
            scale,
        } = self.mapping;
        let ticks_of = |nanos: i64| MediaTime::from_nanos(nanos, self.rtp_rate).ticks;
        let since_start = stamp.time.wrapping_sub(ticks_of(start.0));
        let played = if scale == 1.0 {
            since_start
        } else {
            (since_start as f64 / scale).round() as i64
        };
        self.time_base
            .wrapping_add(ticks_of(presented) as u32)
            .wrapping_add(played as u32)
            .wrapping_add_signed(stamp.time_offset)
    }

    /// The RTP time `elapsed` nanoseconds after the run's start.
    fn time_of(&self, elapsed: i64) -> u32 {
        let presented = self.mapping.presented.saturating_add(elapsed);
        self.time_base
            .wrapping_add(MediaTime::from_nanos(presented, self.rtp_rate).ticks as u32)
    }
}

/// Writes packets of one stream: header, payload, frame.
#[derive(Debug)]
pub(super) struct Writer<'a> {
    numbers: &'a mut Numbers,
    batch: &'a mut Batch,
    stream: usize,
    channel: Option<u8>,
    due: Instant,
    /// Of the packet that is being written.
    sequence: u16,
    header_end: usize,
}

impl Writer<'_> {
    /// Begins a packet.
    pub(super) fn open(&mut self, stamp: &Stamp) {
        self.sequence = self.numbers.sequence(stamp);
        if let Some(authored) = stamp.sequence {
            self.numbers.author_offset = Some(self.sequence.wrapping_sub(authored));
        }
        self.batch.open(self.channel);
        let (time, ssrc) = (self.numbers.time(stamp), self.numbers.ssrc);
        let mut header = [0; rtp::HEADER_LEN];
        rtp::write_header(
            &mut header,
            stamp.marker,
            stamp.payload_type,
            self.sequence,
            time,
            ssrc,
        );
        header[0] |= u8::from(stamp.extension) << 4;
        self.batch.append(&header);
        self.header_end = self.batch.len();
    }

    /// Adds to the payload.
    pub(super) fn append(&mut self, bytes: &[u8]) {
        self.batch.append(bytes);
    }

    /// Ends the packet and counts it.
    pub(super) fn close(&mut self) {
        let payload = self.batch.len() - self.header_end;
        self.batch
            .close(self.stream, true, self.due, self.channel.is_some());
        let numbers = &mut *self.numbers;
        let following = self.sequence.wrapping_add(1);
        // A repeated packet has an old number and does not turn the count back.
        if rtp::Seq::from(numbers.next_sequence).precedes(rtp::Seq::from(following)) {
            numbers.next_sequence = following;
        }
        numbers.packets = numbers.packets.wrapping_add(1);
        numbers.octets = numbers.octets.wrapping_add(payload as u32);
    }

    /// Takes the packet back; its number is used for the next one.
    pub(super) fn abandon(&mut self) {
        self.batch.abandon();
    }
}
