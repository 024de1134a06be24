//! What the tests of live channels have in common: descriptions and packets as publishers send them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::burst::{Burst, PacketKind};
use super::channel::Channel;
use super::description::Description;
use super::mounts::{Limits, Mounts, Takeover};
use super::publisher::Publisher;
use super::ring::{Cursor, Taken};
use crate::base::clock::Clock;
use crate::base::media_time::NtpTime;
use crate::base::path::MediaPath;
use crate::wire::{rtcp, rtp};

pub(super) const MS: Duration = Duration::from_millis(1);

/// H.264 on payload type 96, AAC at 48 kHz on 97.
pub(super) fn movie() -> Description {
    let sdp = "v=0\r\ns=x\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n\
               m=audio 0 RTP/AVP 97\r\na=rtpmap:97 mpeg4-generic/48000/2\r\n";
    Description::read(sdp.as_bytes()).unwrap()
}

/// One track of G.711.
pub(super) fn radio() -> Description {
    Description::read(b"v=0\r\ns=x\r\nm=audio 0 RTP/AVP 0\r\n").unwrap()
}

pub(super) fn path(name: &str) -> MediaPath {
    MediaPath::from_plain(name).unwrap()
}

/// The numbers of a packet to be made.
#[derive(Clone, Copy, Default)]
pub(super) struct Made {
    pub(super) payload_type: u8,
    pub(super) ssrc: u32,
    pub(super) sequence: u16,
    pub(super) time: u32,
    pub(super) marker: bool,
}

impl Made {
    pub(super) fn with(self, payload: &[u8]) -> Vec<u8> {
        let mut header = [0; rtp::HEADER_LEN];
        rtp::write_header(
            &mut header,
            self.marker,
            self.payload_type,
            self.sequence,
            self.time,
            self.ssrc,
        );
        [&header[..], payload].concat()
    }
}

pub(super) fn sender_report(ssrc: u32, ntp_ms: u64, rtp_time: u32) -> Vec<u8> {
    let mut out = Vec::new();
    let report = rtcp::SenderReport {
        ssrc,
        ntp: NtpTime((ntp_ms << 32) / 1000),
        rtp_time,
        packets: 0,
        bytes: 0,
    };
    rtcp::write_sender_report(&mut out, report, "publisher", false);
    out
}

/// A channel with a publisher, and the time as the test counts it.
pub(super) struct Live {
    pub(super) mounts: Arc<Mounts>,
    pub(super) publisher: Publisher,
    pub(super) now: Instant,
}

impl Live {
    pub(super) fn new(description: Description, limits: Limits) -> Self {
        let clock = Clock::start();
        let mounts = Mounts::new(limits, clock);
        let origin = "test".to_owned();
        let publisher = mounts
            .publish(&path("x"), description, origin, Takeover::Refuse)
            .unwrap();
        Self {
            mounts,
            publisher,
            now: clock.started(),
        }
    }

    pub(super) fn channel(&self) -> &Arc<Channel> {
        self.publisher.channel()
    }

    pub(super) fn rtp(&mut self, index: usize, packet: &[u8]) {
        let now = self.now;
        self.publisher
            .push(index, PacketKind::Rtp, packet, now)
            .unwrap();
    }

    pub(super) fn rtcp(&mut self, index: usize, packet: &[u8]) {
        let now = self.now;
        self.publisher
            .push(index, PacketKind::Rtcp, packet, now)
            .unwrap();
    }

    /// One picture of `payloads` that lasts 40 ms; the first is the picture at 0.
    pub(super) fn picture(&mut self, number: u32, payloads: &[&[u8]]) {
        for (i, payload) in payloads.iter().enumerate() {
            let made = Made {
                payload_type: 96,
                ssrc: 1,
                sequence: (number * 10) as u16 + i as u16,
                time: number * 3600,
                marker: i + 1 == payloads.len(),
            };
            self.rtp(0, &made.with(payload));
        }
        self.now += 40 * MS;
    }
}

pub(super) fn take_all(cursor: &mut Cursor) -> Vec<Arc<Burst>> {
    let mut out = Vec::new();
    while cursor.take(&mut out, 7) == Taken::Bursts {}
    out
}
