//! How one track is received: what is missing, how evenly it comes, and when a decoder could start.

use std::time::{Duration, Instant};

use crate::codec::{KeyFrames, Kind};
use crate::media::description::Track;
use crate::wire::rtp::{Packet, Seq};

/// One track of one reader.
#[derive(Debug)]
pub(super) struct Reception {
    encoding: String,
    kind: Kind,
    key_frames: KeyFrames,
    clock_hz: f64,
    first_key: Option<Instant>,
    last: Option<Last>,
    packets: u64,
    gaps: u64,
    missing: u64,
    /// In seconds.
    jitter: f64,
}

#[derive(Debug)]
struct Last {
    sequence: Seq,
    time: u32,
    arrived: Instant,
}

impl Reception {
    /// A track of which nothing has come.
    pub(super) fn new(track: &Track) -> Self {
        Self {
            encoding: track.encoding.clone(),
            kind: track.kind,
            key_frames: KeyFrames::of(&track.encoding),
            clock_hz: f64::from(track.clock_hz.max(1)),
            first_key: None,
            last: None,
            packets: 0,
            gaps: 0,
            missing: 0,
            jitter: 0.0,
        }
    }

    /// Takes an RTP packet; what is none is not counted.
    pub(super) fn packet(&mut self, bytes: &[u8], now: Instant) {
        let Ok(packet) = Packet::read(bytes) else {
            return;
        };
        self.packets += 1;
        if self.first_key.is_none() && self.key_frames.start_at(packet.payload()) {
            self.first_key = Some(now);
        }
        if let Some(last) = &self.last {
            let ahead = packet.sequence() - last.sequence;
            if ahead > 1 {
                self.gaps += 1;
                self.missing += u64::from(ahead.unsigned_abs()) - 1;
            }
            self.jitter += (variation(last, &packet, now, self.clock_hz) - self.jitter) / 16.0;
            if ahead <= 0 {
                return;
            }
        }
        self.last = Some(Last {
            sequence: packet.sequence(),
            time: packet.time(),
            arrived: now,
        });
    }

    /// The format and clock rate: `H264/90000`.
    pub(super) fn encoding(&self) -> &str {
        &self.encoding
    }

    /// Whether it is seen, or else heard.
    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    /// When the first packet came that a decoder can start at.
    pub(super) fn first_key(&self) -> Option<Instant> {
        self.first_key
    }

    /// Packets so far.
    pub(super) fn packets(&self) -> u64 {
        self.packets
    }

    /// Places where packets are missing, and how many.
    pub(super) fn gaps(&self) -> (u64, u64) {
        (self.gaps, self.missing)
    }

    /// The interarrival jitter (RFC 3550, 6.4.1).
    pub(super) fn jitter(&self) -> Duration {
        Duration::from_secs_f64(self.jitter)
    }
}

/// How much the time between two packets differs from that between their timestamps, in seconds.
fn variation(last: &Last, packet: &Packet<'_>, now: Instant, clock_hz: f64) -> f64 {
    let apart = now.saturating_duration_since(last.arrived).as_secs_f64();
    let stamped = f64::from(packet.time().wrapping_sub(last.time) as i32) / clock_hz;
    (apart - stamped).abs()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Clock;
    use crate::media::description::Description;
    use crate::wire::rtp::{HEADER_LEN, write_header};

    const SDP: &[u8] = b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n";

    fn packet(sequence: u16, time: u32, payload: &[u8]) -> Vec<u8> {
        let mut header = [0; HEADER_LEN];
        write_header(&mut header, true, 96, sequence, time, 1);
        [&header[..], payload].concat()
    }

    fn reception() -> Reception {
        Reception::new(&Description::read(SDP).unwrap().tracks()[0])
    }

    #[test]
    fn gaps_are_counted_and_late_packets_are_none() {
        let mut reception = reception();
        let now = Clock::start().now();
        for sequence in [65_534, 65_535, 0, 3, 2, 4] {
            reception.packet(&packet(sequence, 0, &[0x41]), now);
        }
        assert_eq!(reception.packets(), 6);
        assert_eq!(reception.gaps(), (1, 2));
    }

    #[test]
    fn a_decoder_starts_at_a_key_frame() {
        let mut reception = reception();
        let start = Clock::start().now();
        let later = start + Duration::from_millis(40);
        reception.packet(&packet(1, 0, &[0x41, 0x9a]), start);
        assert_eq!(reception.first_key(), None);
        reception.packet(&packet(2, 3600, &[0x65, 0x88]), later);
        assert_eq!(reception.first_key(), Some(later));
    }

    #[test]
    fn even_arrival_has_no_jitter() {
        let mut reception = reception();
        let start = Clock::start().now();
        for number in 0..50u16 {
            let now = start + Duration::from_millis(40) * u32::from(number);
            reception.packet(&packet(number, 3600 * u32::from(number), &[0x41]), now);
        }
        assert!(reception.jitter() < Duration::from_micros(1));
        reception.packet(
            &packet(50, 180_000, &[0x41]),
            start + Duration::from_secs(3),
        );
        assert_eq!(reception.jitter().as_millis(), 62);
    }
}
