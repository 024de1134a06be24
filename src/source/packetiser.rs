//! From samples to the RTP packets of a publisher.
//!
//! How a format becomes payloads stands in `codec`; here they get headers,
//! numbers and reports. The channel numbers them anew for its readers.

use std::fmt;
use std::time::{Duration, Instant};

use crate::base::clock::Clock;
use crate::codec::elementary::Frame;
use crate::codec::{Format, Malformed, Packetize, Sample, Sink};
use crate::media::burst::PacketKind;
use crate::media::description::Description;
use crate::media::publisher::{self, Publisher};
use crate::wire::rtcp::{self, SenderReport};
use crate::wire::rtp::{self, HEADER_LEN};

/// How often a track is reported on.
const REPORT_INTERVAL: Duration = Duration::from_secs(5);

/// Media time that has moved this far from the wall's is on a new timeline.
const MOST_APART: Duration = Duration::from_secs(2);

/// Why samples did not become packets of the channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// They are not what their format promises; what comes next may be.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The publisher has lost the channel.
    #[error("the channel has another publisher")]
    Replaced,
}

/// Packetises the samples of all tracks of a channel.
///
/// All their times are on one timeline. Reports tie it to the wall time at which its first
/// sample arrived, for all tracks alike, so that receivers play them in step however far
/// apart they arrive.
pub struct Packetiser {
    tracks: Vec<Track>,
    /// The longest payload, in bytes.
    limit: usize,
    clock: Clock,
    anchor: Option<Anchor>,
    /// Whether other channels may share the times of the samples.
    has_stamps: bool,
    /// Whether the channel knows of the anchor what it needs for that.
    is_told: bool,
}

/// An instant, and the media time that belongs to it.
#[derive(Clone, Copy, Debug)]
struct Anchor {
    at: Instant,
    nanos: i64,
}

/// The RTP stream of one track.
struct Track {
    packetizer: Box<dyn Packetize>,
    payload_type: u8,
    clock_hz: u32,
    ssrc: u32,
    sequence: u16,
    packets: u32,
    bytes: u32,
    reported: Option<Instant>,
}

impl Packetiser {
    /// For tracks of these formats, which `description` was made of.
    pub fn new(description: &Description, formats: &[Format], limit: usize, clock: Clock) -> Self {
        let tracks = description.tracks().iter().zip(formats);
        let tracks = tracks.map(|(track, format)| Track {
            packetizer: format.packetizer(),
            payload_type: track.payload_type,
            clock_hz: track.clock_hz,
            ssrc: rand::random(),
            sequence: rand::random(),
            packets: 0,
            bytes: 0,
            reported: None,
        });
        Self {
            tracks: tracks.collect(),
            limit,
            clock,
            anchor: None,
            has_stamps: false,
            is_told: false,
        }
    }

    /// The same for samples whose times other channels may share, as those of a transport stream.
    pub fn with_stamps(self) -> Self {
        Self {
            has_stamps: true,
            ..self
        }
    }

    /// Sends consecutive samples of the track at `index`, which arrived at `now`.
    ///
    /// # Errors
    /// [`Refused`]; some of the packets may have been sent.
    pub fn push(
        &mut self,
        index: usize,
        frames: &[Frame],
        publisher: &mut Publisher,
        now: Instant,
    ) -> Result<(), Refused> {
        let Some(first) = frames.first() else {
            return Ok(());
        };
        let sampled = self.sampled_at(first.time.nanos(), now);
        self.tell_zero(publisher);
        let (limit, clock) = (self.limit, self.clock);
        let Some(track) = self.tracks.get_mut(index) else {
            return Ok(());
        };
        if track.is_report_due(now) {
            let rtp_time = first.time.at_rate(track.clock_hz).ticks as u32;
            let report = track.report(rtp_time, clock, sampled);
            // The channel counts what it refuses.
            let _ = publisher.push(index, PacketKind::Rtcp, &report, now);
            track.reported = Some(now);
        }
        for call in frames.chunks(track.packetizer.samples_per_call()) {
            track.send(call, limit, &mut |packet| {
                publisher.push(index, PacketKind::Rtp, packet, now)
            })?;
        }
        Ok(())
    }

    /// The instant to which the media time `nanos` belongs.
    fn sampled_at(&mut self, nanos: i64, now: Instant) -> Instant {
        let anchor = *self.anchor.get_or_insert(Anchor { at: now, nanos });
        let at = anchor.instant(nanos);
        let apart = |at: Instant| at.max(now).duration_since(at.min(now));
        if let Some(at) = at.filter(|at| apart(*at) <= MOST_APART) {
            return at;
        }
        self.anchor = Some(Anchor { at: now, nanos });
        self.is_told = false;
        for track in &mut self.tracks {
            track.reported = None;
        }
        now
    }

    /// Tells the channel when the media time is 0 on the clock of the reports.
    fn tell_zero(&mut self, publisher: &mut Publisher) {
        let anchor = self.anchor.filter(|_| self.has_stamps && !self.is_told);
        if let Some(Anchor { at, nanos }) = anchor {
            publisher.stamp(self.clock.ntp(at).later(nanos.saturating_neg()));
            self.is_told = true;
        }
    }
}

impl fmt::Debug for Packetiser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Packetiser")
            .field("tracks", &self.tracks.len())
            .field("anchor", &self.anchor)
            .finish_non_exhaustive()
    }
}

impl Anchor {
    fn instant(self, nanos: i64) -> Option<Instant> {
        let since = nanos.checked_sub(self.nanos)?;
        let apart = Duration::from_nanos(since.unsigned_abs());
        if since < 0 {
            self.at.checked_sub(apart)
        } else {
            self.at.checked_add(apart)
        }
    }
}

impl Track {
    fn is_report_due(&self, now: Instant) -> bool {
        self.reported
            .is_none_or(|last| now.saturating_duration_since(last) >= REPORT_INTERVAL)
    }

    fn report(&self, rtp_time: u32, clock: Clock, sampled: Instant) -> Vec<u8> {
        let mut report = Vec::new();
        let facts = SenderReport {
            ssrc: self.ssrc,
            ntp: clock.ntp(sampled),
            rtp_time,
            packets: self.packets,
            bytes: self.bytes,
        };
        rtcp::write_sender_report(&mut report, facts, "reelcast", false);
        report
    }

    /// Hands the packets of `frames` to `push`.
    fn send(
        &mut self,
        frames: &[Frame],
        limit: usize,
        push: &mut dyn FnMut(&[u8]) -> Result<(), publisher::Malformed>,
    ) -> Result<(), Refused> {
        // RTP time wraps, and so may its differences.
        let rtp_time = |frame: &Frame| frame.time.at_rate(self.clock_hz).ticks as u32;
        let time = frames.first().map_or(0, rtp_time);
        let samples: Vec<_> = frames
            .iter()
            .map(|frame| Sample {
                data: &frame.data,
                offset: rtp_time(frame).wrapping_sub(time),
            })
            .collect();
        let packetizer = &self.packetizer;
        let mut writer = Writer {
            payload_type: self.payload_type,
            ssrc: self.ssrc,
            time,
            sequence: &mut self.sequence,
            packets: &mut self.packets,
            bytes: &mut self.bytes,
            packet: Vec::new(),
            push,
            replaced: false,
        };
        packetizer.packetize(&samples, limit, &mut writer)?;
        if writer.replaced {
            return Err(Refused::Replaced);
        }
        Ok(())
    }
}

/// Puts headers before payloads.
struct Writer<'a> {
    payload_type: u8,
    ssrc: u32,
    time: u32,
    sequence: &'a mut u16,
    packets: &'a mut u32,
    bytes: &'a mut u32,
    packet: Vec<u8>,
    push: &'a mut dyn FnMut(&[u8]) -> Result<(), publisher::Malformed>,
    replaced: bool,
}

impl Sink for Writer<'_> {
    fn payload(&mut self, parts: &[&[u8]], marker: bool, offset: u32) {
        let mut header = [0; HEADER_LEN];
        let time = self.time.wrapping_add(offset);
        rtp::write_header(
            &mut header,
            marker,
            self.payload_type,
            *self.sequence,
            time,
            self.ssrc,
        );
        self.packet.clear();
        self.packet.extend_from_slice(&header);
        for part in parts {
            self.packet.extend_from_slice(part);
        }
        *self.sequence = self.sequence.wrapping_add(1);
        *self.packets = self.packets.wrapping_add(1);
        let payload = self.packet.len() - HEADER_LEN;
        *self.bytes = self.bytes.wrapping_add(payload as u32);
        // The channel counts what it refuses.
        let pushed = (self.push)(&self.packet);
        self.replaced |= pushed == Err(publisher::Malformed::Replaced);
    }
}
