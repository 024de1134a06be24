//! Encodings out of RTP that nothing here sends or plays, for programs that decode them.
//!
//! Fragments do not carry them, so that their depacketisers are not among those of [`depacketizer`](super::depacketizer).

use std::fmt;

use super::{
    AccessUnit, Fmtp, framed, h261, h263_1996, jpeg, mpeg_video, qcelp, speex, vorbis, vp8,
};
use crate::codec::Malformed;
use crate::codec::{mpeg_video as mpeg_video_format, vorbis as vorbis_format};
use crate::wire::rtp;

/// Puts the payloads of one track together. What it keeps is bounded by [`MAX_UNIT`](super::MAX_UNIT).
#[derive(Debug)]
pub struct Foreign(Box<dyn Assemble>);

/// What a decoder of a track has to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ForeignConfig {
    /// Baseline JPEG pictures with all their headers.
    Jpeg,
    /// G.722 of 64 kbit/s and one channel.
    G722 {
        /// Sampling rate in Hz, twice that of the RTP times.
        rate_hz: u32,
    },
    /// G.726 of one channel, the first sample in the highest bits of a byte.
    G726 {
        /// Sampling rate in Hz.
        rate_hz: u32,
        /// Of a sample.
        bits: u8,
    },
    /// Frames of GSM 06.10, 33 bytes each.
    Gsm {
        /// Sampling rate in Hz.
        rate_hz: u32,
    },
    /// H.261.
    H261,
    /// H.263 with nothing of its later versions.
    H263,
    /// MPEG-1 or MPEG-2 video.
    MpegVideo(mpeg_video_format::Sequence),
    /// Frames of QCELP, each behind its rate.
    Qcelp,
    /// Frames of Speex.
    Speex {
        /// Sampling rate in Hz, 8000, 16000 or 32000.
        rate_hz: u32,
    },
    /// Packets of Vorbis.
    Vorbis(vorbis_format::Headers),
    /// VP8.
    Vp8,
}

/// What an encoding needs of its own.
pub(super) trait Assemble: fmt::Debug + Send {
    fn push(&mut self, packet: &rtp::Packet<'_>, lost: u16) -> Result<(), Malformed>;

    fn pull(&mut self) -> Option<AccessUnit>;

    fn config(&self) -> Option<ForeignConfig>;
}

impl Foreign {
    /// For the values of `a=rtpmap` (`JPEG/90000`) and `a=fmtp`. `None` for other encodings, and for parameters that
    /// make no sense.
    pub fn of(encoding: &str, fmtp: Option<&str>) -> Option<Self> {
        let mut words = encoding.trim().split('/');
        let name = words.next()?.to_ascii_uppercase();
        let clock_hz = words.next()?.parse().ok().filter(|rate| *rate > 0)?;
        let is_mono = matches!(words.next(), None | Some("1"));
        match name.as_str() {
            "H261" => Some(Self::new(h261::Depacketizer::default())),
            "H263" => Some(Self::new(h263_1996::Depacketizer::default())),
            "JPEG" => Some(Self::new(jpeg::Depacketizer::default())),
            "MPV" => Some(Self::new(mpeg_video::Depacketizer::default())),
            "QCELP" if is_mono => qcelp::Depacketizer::new(clock_hz).map(Self::new),
            "SPEEX" if is_mono => speex::Depacketizer::new(clock_hz).map(Self::new),
            "VORBIS" => {
                let fmtp = Fmtp::new(fmtp.unwrap_or_default());
                vorbis::Depacketizer::new(fmtp).map(Self::new)
            }
            "VP8" => Some(Self::new(vp8::Depacketizer::default())),
            name => framed::Coding::of(name)
                .filter(|_| is_mono)
                .map(|coding| Self::new(framed::Depacketizer::new(coding, clock_hz))),
        }
    }

    fn new(track: impl Assemble + 'static) -> Self {
        Self(Box::new(track))
    }

    /// Takes a packet, in the order of sequence numbers; `lost` packets are missing just before it.
    ///
    /// The units that it completes are to be pulled before the next packet.
    ///
    /// # Errors
    /// [`Malformed`] when the payload is not what its encoding promises. What can be saved of it
    /// is, and the next packet is welcome.
    pub fn push(&mut self, packet: &rtp::Packet<'_>, lost: u16) -> Result<(), Malformed> {
        self.0.push(packet, lost)
    }

    /// The next unit that is whole.
    pub fn pull(&mut self) -> Option<AccessUnit> {
        self.0.pull()
    }

    /// Whether units come in an order that is not that of their times.
    pub fn are_reordered(&self) -> bool {
        matches!(self.config(), Some(ForeignConfig::MpegVideo(_)))
    }

    /// What the description and the packets so far have told; `None` while that does not suffice.
    pub fn config(&self) -> Option<ForeignConfig> {
        self.0.config()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::wire::rtp::{HEADER_LEN, write_header};

    /// What a track makes of a payload, which is in the last packet of its time or in another, and behind so many
    /// that were lost.
    pub(in crate::codec::depacketize) fn push(
        track: &mut impl Assemble,
        (is_last, time): (bool, u32),
        payload: &[u8],
        lost: u16,
    ) -> Result<Option<AccessUnit>, Malformed> {
        let mut header = [0; HEADER_LEN];
        write_header(&mut header, is_last, 96, 0, time, 1);
        let packet = [&header[..], payload].concat();
        let pushed = track.push(&rtp::Packet::read(&packet).unwrap(), lost);
        let unit = track.pull();
        pushed.map(|()| unit)
    }
}
