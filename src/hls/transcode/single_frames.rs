//! A channel's sound in AMR on its way into ffmpeg, one frame in a packet (RFC 4867, 4.4). Sans-IO.
//!
//! Of several frames in a packet ffmpeg decodes the first alone.

use std::fmt;

use bytes::{BufMut, BytesMut};

use crate::codec::{Depacketize, depacketizer};
use crate::media::description::Track;
use crate::wire::rtp::{self, HEADER_LEN};
use crate::wire::rtsp::write_frame_header;

/// A mode request that asks for nothing.
const NO_MODE_REQUEST: u8 = 0xf0;

/// Takes the frames of one track out of its packets.
pub(super) struct SingleFrames {
    depacketizer: Box<dyn Depacketize>,
    /// The number of the packet that is due.
    due: Option<u16>,
    /// The number of the next packet to ffmpeg.
    next: u16,
}

impl SingleFrames {
    /// `None` for what is not AMR of one channel, which is all that ffmpeg takes of it.
    pub(super) fn of(track: &Track) -> Option<Self> {
        let name = track.encoding.split('/').next().unwrap_or_default();
        let is_amr = ["AMR", "AMR-WB"]
            .iter()
            .any(|amr| name.eq_ignore_ascii_case(amr));
        let is_mono = matches!(track.encoding.splitn(3, '/').nth(2), None | Some("1"));
        if !is_amr || !is_mono {
            return None;
        }
        Some(Self {
            depacketizer: depacketizer(&track.encoding, track.fmtp.as_deref())?,
            due: None,
            next: 0,
        })
    }

    /// Appends the frames of `packet` to `into`: each in a packet of its own, framed for `channel` of
    /// the connection. What is malformed is left out.
    pub(super) fn write(&mut self, packet: &[u8], channel: u8, into: &mut BytesMut) {
        let Ok(read) = rtp::Packet::read(packet) else {
            return;
        };
        let sequence = u16::from(read.sequence());
        let lost = self.due.map_or(0, |due| sequence.wrapping_sub(due));
        self.due = Some(sequence.wrapping_add(1));
        // The frames before the fault are as good as any.
        let _ = self.depacketizer.push(&read, lost);
        while let Some(unit) = self.depacketizer.pull() {
            let Ok(length) = u16::try_from(HEADER_LEN + 1 + unit.data.len()) else {
                continue;
            };
            let (mut header, kind) = ([0; HEADER_LEN], read.payload_type());
            rtp::write_header(&mut header, false, kind, self.next, unit.time, read.ssrc());
            self.next = self.next.wrapping_add(1);
            into.put_slice(&write_frame_header(channel, length));
            into.put_slice(&header);
            into.put_u8(NO_MODE_REQUEST);
            into.put_slice(&unit.data);
        }
    }
}

impl fmt::Debug for SingleFrames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = f.debug_struct("SingleFrames");
        text.field("due", &self.due).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::description::Description;

    fn track(encoding: &str) -> Track {
        let sdp = format!(
            "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\nm=audio 0 RTP/AVP 97\r\n\
             a=rtpmap:97 {encoding}\r\na=fmtp:97 octet-align=1\r\n"
        );
        let description = Description::read(sdp.as_bytes()).unwrap();
        description.tracks()[0].clone()
    }

    #[test]
    fn every_frame_gets_a_packet_of_its_own() {
        let mut frames = SingleFrames::of(&track("AMR/8000")).unwrap();
        // Silence descriptors, of five bytes: a mode request, a table of three, their bits.
        let (more, last) = (0xc4, 0x44);
        let mut packet = [0; 31];
        let header = packet.first_chunk_mut().unwrap();
        rtp::write_header(header, true, 97, 65_535, 1000, 7);
        packet[12..16].copy_from_slice(&[0xf0, more, more, last]);
        packet[16..].copy_from_slice(b"aaaaabbbbbccccc");
        let mut written = BytesMut::new();
        frames.write(&packet, 2, &mut written);
        frames.write(&packet[..20], 2, &mut written);
        let framed: Vec<_> = written.chunks(4 + 12 + 2 + 5).collect();
        assert_eq!(framed.len(), 3);
        for (framed, (number, speech)) in framed
            .iter()
            .zip([b"aaaaa", b"bbbbb", b"ccccc"].into_iter().enumerate())
        {
            assert_eq!(framed[..4], [b'$', 2, 0, 19]);
            let packet = rtp::Packet::read(&framed[4..]).unwrap();
            assert_eq!(u16::from(packet.sequence()), number as u16);
            assert_eq!(packet.time(), 1000 + 160 * number as u32);
            assert_eq!(packet.payload(), [&[0xf0, last][..], speech].concat());
        }
    }

    #[test]
    fn other_sound_goes_as_it_is() {
        for encoding in ["AMR/8000/2", "PCMU/8000", "MPA/90000"] {
            assert!(SingleFrames::of(&track(encoding)).is_none(), "{encoding}");
        }
        assert!(SingleFrames::of(&track("amr-wb/16000/1")).is_some());
    }
}
