//! The pictures that the benchmark sends: RTP packets of equal size that carry the time at which they were made.

use std::time::{SystemTime, UNIX_EPOCH};

/// Pictures a second.
pub(crate) const RATE: u32 = 30;

/// Bytes of the header of an interleaved frame (RFC 2326, 10.12).
pub(crate) const FRAME: usize = 4;

/// The longest RTP packet, header included.
const LONGEST: usize = 1200;
const HEADER: usize = 12;
const CLOCK_HZ: u32 = 90_000;
const PAYLOAD_TYPE: u8 = 96;

/// What the publisher says of its stream.
pub(crate) const SDP: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=bench\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n\
    a=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1;profile-level-id=42001f;\
    sprop-parameter-sets=Z0IAH5WoFAFuQA==,aM48gA==\r\na=control:trackID=1\r\n";

/// A stream of pictures at a steady bit rate, a key frame every second.
pub(crate) struct Traffic {
    packets: usize,
    size: usize,
    pictures: u32,
    sequence: u16,
    framed: Vec<u8>,
}

impl Traffic {
    pub(crate) fn new(bits_per_second: usize) -> Self {
        let picture = bits_per_second / 8 / RATE as usize;
        let packets = picture.div_ceil(LONGEST).max(1);
        Self {
            packets,
            size: (picture / packets).max(HEADER + STAMP.end),
            pictures: 0,
            sequence: 0,
            framed: Vec::new(),
        }
    }

    /// Bytes of each packet.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// The next picture, stamped with the present time: packets of [`size`](Self::size), each behind its frame header.
    pub(crate) fn next(&mut self) -> &[u8] {
        let now = wall_nanos().to_be_bytes();
        let time = self.pictures.wrapping_mul(CLOCK_HZ / RATE);
        let unit = if self.pictures.is_multiple_of(RATE) {
            5
        } else {
            1
        };
        self.framed.clear();
        for number in 0..self.packets {
            let (first, last) = (number == 0, number + 1 == self.packets);
            let start = self.framed.len();
            self.framed.extend([b'$', 0]);
            self.framed.extend((self.size as u16).to_be_bytes());
            self.framed
                .extend([0x80, PAYLOAD_TYPE | u8::from(last) << 7]);
            self.framed.extend(self.sequence.to_be_bytes());
            self.framed.extend(time.to_be_bytes());
            self.framed.extend([0, 0, 0, 1]);
            // A fragment of a picture's only slice (RFC 6184, 5.8).
            let fragment = u8::from(first) << 7 | u8::from(last) << 6 | unit;
            self.framed.extend([0x7c, fragment]);
            self.framed.extend(now);
            self.framed.resize(start + FRAME + self.size, 0x55);
            self.sequence = self.sequence.wrapping_add(1);
        }
        self.pictures += 1;
        &self.framed
    }
}

/// Where the time of making lies in an RTP packet: behind its header and the two bytes of the fragment's.
const STAMP: std::ops::Range<usize> = HEADER + 2..HEADER + 10;

/// The sequence number of an RTP packet, and how many nanoseconds ago it was made; `None` for RTCP.
pub(crate) fn read(packet: &[u8], now: u64) -> Option<(u16, u64)> {
    if packet.get(1)? & 0x7f != PAYLOAD_TYPE {
        return None;
    }
    let sequence = u16::from_be_bytes(packet.get(2..4)?.try_into().ok()?);
    let made = u64::from_be_bytes(packet.get(STAMP)?.try_into().ok()?);
    Some((sequence, now.saturating_sub(made)))
}

/// The wall clock, which all processes share, in nanoseconds.
#[expect(clippy::disallowed_methods, reason = "processes compare it")]
pub(crate) fn wall_nanos() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_nanos() as u64)
}
