//! A channel's tracks in QuickTime's own encodings, and those beside them, on their way into ffmpeg as Matroska. Sans-IO.
//!
//! Their packets are put together here, because ffmpeg does not take them. What a decoder must know
//! comes with the packets, every now and then. Until it has come for all tracks, the frames that
//! can be made wait.

use std::mem;

use bytes::BytesMut;

use super::feed::{Form, Written};
use super::lines::First;
use super::payloads::Payloads;
use crate::base::media_time::MediaTime;
use crate::codec::{AccessUnit, Kind};
use crate::container::matroska::{self, TrackConfig};
use crate::media::burst::{Packet, PacketKind};
use crate::media::description::Track;
use crate::wire::rtp;

/// How long a track may go on, in seconds, while something is not known of another.
const PATIENCE: u32 = 10;

/// The most bytes that wait.
const MAX_EARLY: usize = 16 << 20;

/// The tracks that go into one file.
#[derive(Default)]
pub(super) struct Reel {
    lines: Vec<Line>,
    /// The head of the file has been written.
    has_begun: bool,
    /// Frames that come after it.
    early: BytesMut,
}

/// A track.
struct Line {
    /// Its index in the channel's description.
    track: usize,
    kind: Kind,
    clock_hz: u32,
    /// Its number in the file; `None` if this process does not have it.
    number: Option<u8>,
    payloads: Payloads,
    /// What the head of the file tells, or will tell.
    config: Option<TrackConfig>,
    /// The number of the packet that is due.
    due: Option<u16>,
    /// The RTP times of the first and the newest packet.
    packets: Option<(u32, u32)>,
    first: First,
    /// The newest frame.
    last: Option<Place>,
}

/// Where a frame is.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// In RTP time.
    time: u32,
    /// Since the first frame of its track, in RTP ticks.
    since: i64,
}

impl Reel {
    /// Adds a track by its index in the description; `is_given` says whether this process has it. `None`
    /// for those that cannot be put together.
    pub(super) fn add(&mut self, index: usize, track: &Track, is_given: bool) -> Option<First> {
        let payloads = Payloads::of(track)?;
        let given = self.lines.iter().filter(|line| line.number.is_some());
        let number = u8::try_from(given.count() + 1).ok()?;
        let first = First::default();
        self.lines.push(Line {
            track: index,
            kind: track.kind,
            clock_hz: track.clock_hz,
            number: is_given.then_some(number),
            payloads,
            config: None,
            due: None,
            packets: None,
            first: First::clone(&first),
            last: None,
        });
        Some(first)
    }

    /// Takes a packet of RTP.
    fn take(&mut self, track: usize, data: &[u8], into: &mut BytesMut) -> Written {
        let line = self.lines.iter_mut().find(|line| line.track == track);
        let Some(line) = line else {
            return Written::Taken;
        };
        if line.number.is_none() || !line.push(data) {
            return Written::Turn;
        }
        let out = match self.has_begun {
            true => &mut *into,
            false => &mut self.early,
        };
        line.write(out);
        self.begin(into);
        match self.has_waited_enough() {
            true => Written::Untold,
            false => Written::Taken,
        }
    }

    /// Writes the head and what waits for it, once all is known.
    fn begin(&mut self, into: &mut BytesMut) {
        let given = || self.lines.iter().filter(|line| line.number.is_some());
        let known = given().filter_map(|line| line.config.as_ref());
        if self.has_begun || known.clone().count() < given().count() {
            return;
        }
        into.unsplit(matroska::head(known));
        into.unsplit(mem::take(&mut self.early));
        self.has_begun = true;
    }

    fn has_waited_enough(&self) -> bool {
        let is_long = |line: &Line| {
            let passed = line.packets.map_or(0, |(first, last)| step(first, last));
            passed > i64::from(PATIENCE) * i64::from(line.clock_hz)
        };
        !self.has_begun && (self.early.len() > MAX_EARLY || self.lines.iter().any(is_long))
    }
}

impl Form for Reel {
    fn write(&mut self, packet: &Packet, data: &[u8], into: &mut BytesMut) -> Written {
        match packet.kind {
            PacketKind::Rtp => self.take(packet.track.into(), data, into),
            PacketKind::Rtcp => Written::Taken,
        }
    }

    fn finish(&mut self, into: &mut BytesMut) {
        for line in self.lines.iter_mut().filter(|_| self.has_begun) {
            line.payloads.finish();
            line.write(into);
        }
    }
}

impl Line {
    /// Takes a packet; false if it does not go on from those before it.
    fn push(&mut self, data: &[u8]) -> bool {
        let Ok(packet) = rtp::Packet::read(data) else {
            return true;
        };
        let longest = i64::from(self.payloads.longest_step()) * i64::from(self.clock_hz);
        let time = packet.time();
        let (first, last) = self.packets.unwrap_or((time, time));
        if step(last, time).abs() > longest {
            return false;
        }
        self.packets = Some((first, time));
        let sequence = u16::from(packet.sequence());
        let lost = self.due.map_or(0, |due| sequence.wrapping_sub(due));
        self.due = Some(sequence.wrapping_add(1));
        self.payloads.push(&packet, lost);
        let told = self.config.as_ref();
        told.is_none_or(|told| !self.payloads.is_beyond(told))
    }

    /// Appends the frames that are whole.
    fn write(&mut self, into: &mut BytesMut) {
        while let Some(unit) = self.payloads.pull() {
            if let Some((number, time)) = self.number.zip(self.place(&unit)) {
                matroska::write_frame(into, number, time, &unit);
            }
        }
        if self.config.is_none() {
            self.config = self.payloads.config();
        }
    }

    /// When a frame is presented, in microseconds since the first; `None` for those that are of no use:
    /// before a picture that a decoder can start with, before the first, and what comes again.
    fn place(&mut self, unit: &AccessUnit) -> Option<u64> {
        let since = match self.last {
            None if self.kind == Kind::Video && !unit.keyframe => return None,
            None => 0,
            Some(last) => match step(last.time, unit.time) {
                0 => return None,
                ..0 if !self.payloads.are_reordered(self.kind) => return None,
                step => last.since.saturating_add(step),
            },
        };
        self.first.get_or_init(|| unit.time);
        self.last = Some(Place {
            time: unit.time,
            since,
        });
        let micros = MediaTime::new(since, self.clock_hz).at_rate(1_000_000);
        u64::try_from(micros.ticks).ok()
    }
}

/// From one RTP time to another, which is near, in ticks.
fn step(from: u32, to: u32) -> i64 {
    to.wrapping_sub(from).cast_signed().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::hex::unhex;
    use crate::media::description::Description;
    use crate::wire::rtp::{HEADER_LEN, write_header};

    const SDP: &str = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n\
        a=rtpmap:96 X-SV3V-ES/90000\r\nm=audio 0 RTP/AVP 97\r\na=rtpmap:97 X-QDM/22050/2\r\n";

    const SIZE: &[u8] = b"\x70\0\xe1\x80\x1e\x5d\xc0";
    const OTHER_SIZE: &[u8] = b"\x70\0\x40";
    const KEY_PICTURE: &[u8] = b"\x30\0\x21\x02\x60key";
    const PICTURE: &[u8] = b"\x30\0\x21\x02\x80other";

    /// One block of 16 bytes, in a group of one packet.
    const SOUND: &[u8] = b"\xff\x04\x03\0\x02\x03\x02\x01\x1e\x04\0\0\0\x01\0\0\0\x02\0\0\x56\x22\
        \0\0\x3e\x80\0\0\x08\0\0\0\0\x80\0\0\0\x10\x02\0\0\x12\x01\x01";

    /// Both tracks, of which the first are given.
    fn reel(given: usize) -> Reel {
        reel_of(SDP, given)
    }

    fn reel_of(sdp: &str, given: usize) -> Reel {
        let description = Description::read(sdp.as_bytes()).unwrap();
        let mut reel = Reel::default();
        for (index, track) in description.tracks().iter().enumerate() {
            reel.add(index, track, index < given).unwrap();
        }
        reel
    }

    fn take(reel: &mut Reel, track: usize, time: u32, payload: &[u8]) -> (Written, BytesMut) {
        let mut header = [0; HEADER_LEN];
        write_header(&mut header, true, 96, 7, time, 1);
        let mut into = BytesMut::new();
        reel.lines[track].due = None;
        let written = reel.take(track, &[&header, payload].concat(), &mut into);
        (written, into)
    }

    fn holds(bytes: &[u8], what: &[u8]) -> bool {
        bytes.windows(what.len()).any(|window| window == what)
    }

    #[test]
    fn frames_wait_until_all_tracks_are_known() {
        let mut reel = reel(2);
        for (time, payload) in [
            (0, SIZE),
            (3000, PICTURE),
            (6000, KEY_PICTURE),
            (9000, PICTURE),
        ] {
            let (written, bytes) = take(&mut reel, 0, time, payload);
            assert_eq!((written, bytes.len()), (Written::Taken, 0));
        }
        let (_, bytes) = take(&mut reel, 1, 500, SOUND);
        assert!(bytes.starts_with(&[0x1a, 0x45, 0xdf, 0xa3]));
        assert!(holds(&bytes, b"SVQ3") && holds(&bytes, b"QDCA"));
        assert!(holds(&bytes, b"\x60key") && holds(&bytes, b"\x80other"));
        // Before the key frame nothing can be decoded.
        assert_eq!(reel.lines[0].first.get(), Some(&6000));
        assert_eq!(reel.lines[1].first.get(), Some(&500));
        let (_, bytes) = take(&mut reel, 0, 12_000, PICTURE);
        assert!(holds(&bytes, &66_667u64.to_be_bytes()), "{bytes:x?}");
        // What comes again is of no use.
        let (_, bytes) = take(&mut reel, 0, 12_000, PICTURE);
        assert!(bytes.is_empty());
    }

    #[test]
    fn what_is_beside_goes_into_the_same_file() {
        let (sorenson, _) = SDP.split_once("m=audio").unwrap();
        let mut reel = reel_of(&format!("{sorenson}m=audio 0 RTP/AVP 0\r\n"), 2);
        let (_, bytes) = take(&mut reel, 1, 800, b"sound");
        assert!(bytes.is_empty());
        let (_, bytes) = take(&mut reel, 0, 6000, SIZE);
        assert!(holds(&bytes, b"SVQ3") && holds(&bytes, b"ulaw") && holds(&bytes, b"sound"));
        assert_eq!(reel.lines[1].first.get(), Some(&800));
        let (_, bytes) = take(&mut reel, 1, 1600, b"more");
        assert!(holds(&bytes, &100_000u64.to_be_bytes()) && holds(&bytes, b"more"));
        let (written, _) = take(&mut reel, 1, 1600 + 4 * 8000, b"late");
        assert_eq!(written, Written::Turn);
    }

    #[test]
    fn pictures_keep_the_order_in_which_they_are_decoded() {
        let sdp = SDP.replace("X-SV3V-ES", "MP4V-ES");
        let mut reel = reel_of(&sdp, 1);
        let headers = b"\0\0\x01\xb0\x01\0\0\x01\x20headers\0\0\x01\xb6\x10key";
        let (_, bytes) = take(&mut reel, 0, 9000, headers);
        assert!(holds(&bytes, b"V_MPEG4/ISO/ASP") && holds(&bytes, b"\x10key"));
        for (time, micros) in [(18_000, 100_000u64), (13_500, 50_000)] {
            let (_, bytes) = take(&mut reel, 0, time, b"\0\0\x01\xb6\x50other");
            assert!(holds(&bytes, &micros.to_be_bytes()), "{time}");
        }
        // Before the first nothing is shown.
        let (_, bytes) = take(&mut reel, 0, 4500, b"\0\0\x01\xb6\x90early");
        assert!(bytes.is_empty());
    }

    #[test]
    fn parameter_sets_come_again_with_key_frames() {
        let sdp = SDP.replace("X-SV3V-ES", "H265");
        let mut reel = reel_of(&sdp, 1);
        let sps = "4201010408000003009e0800000300001e90041062cb2b35c995e02dc08080010000030001000003001908";
        let sps = unhex(sps).unwrap();
        for set in [b"\x40\x01vps", &sps[..], b"\x44\x01pps"] {
            let (written, bytes) = take(&mut reel, 0, 9000, set);
            assert_eq!((written, bytes.len()), (Written::Taken, 0));
        }
        let key = b"\x26\x01\x80key";
        let (_, bytes) = take(&mut reel, 0, 9000, key);
        assert!(holds(&bytes, b"V_MPEGH/ISO/HEVC"));
        let in_band = b"\0\0\0\x05\x44\x01pps\0\0\0\x06\x26\x01\x80key";
        assert!(holds(&bytes, in_band), "{bytes:x?}");
        for (time, micros) in [(18_000, 100_000u64), (13_500, 50_000)] {
            let (_, bytes) = take(&mut reel, 0, time, b"\x02\x01\x80other");
            assert!(holds(&bytes, &micros.to_be_bytes()), "{time}");
            assert!(!holds(&bytes, b"pps"));
        }
    }

    #[test]
    fn what_does_not_go_on_is_for_the_next_process() {
        let mut one = reel(1);
        let (written, _) = take(&mut one, 1, 0, SOUND);
        assert_eq!(written, Written::Turn);
        take(&mut one, 0, 0, SIZE);
        let (written, bytes) = take(&mut one, 0, 0, KEY_PICTURE);
        assert_eq!((written, bytes.is_empty()), (Written::Taken, false));
        for time in [11 * 90_000, 0u32.wrapping_sub(11 * 90_000)] {
            let (written, _) = take(&mut one, 0, time, PICTURE);
            assert_eq!(written, Written::Turn, "{time}");
        }
        let (written, _) = take(&mut one, 0, 3000, PICTURE);
        assert_eq!(written, Written::Taken);
        let (written, _) = take(&mut one, 0, 6000, OTHER_SIZE);
        assert_eq!(written, Written::Turn);
    }

    #[test]
    fn a_track_that_tells_nothing_is_not_waited_for_for_ever() {
        let mut reel = reel(2);
        take(&mut reel, 0, 0, SIZE);
        let mut last = Written::Taken;
        for second in 0..=11 {
            assert_eq!(last, Written::Taken);
            (last, _) = take(&mut reel, 0, second * 90_000, KEY_PICTURE);
        }
        assert_eq!(last, Written::Untold);
    }

    #[test]
    fn the_end_brings_what_is_under_way() {
        let mut reel = reel(1);
        take(&mut reel, 0, 0, SIZE);
        // A picture without its end.
        take(&mut reel, 0, 0, b"\x20\0\x21\x02\x60key");
        let mut rest = BytesMut::new();
        reel.finish(&mut rest);
        assert!(holds(&rest, b"\x60key"));
    }
}
