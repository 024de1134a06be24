//! RTP payloads put together into access units again: the way back of the packetisers.
//!
//! What all formats share stands here; how a format lays out its payloads stands in the file
//! of that format. The order of packets is restored before, and times are joined to one
//! timeline after.

use bytes::Bytes;

use super::pcm::{self as pcm_format, Coding};
use super::{Format, Malformed};
use crate::wire::rtp;

mod aac;
mod ac3;
mod amr;
mod bit_pieces;
mod fmtp;
mod foreign;
mod framed;
mod frames;
mod generic;
mod h261;
mod h263;
mod h263_1996;
mod h264;
mod h265;
mod jpeg;
mod latm;
mod mpeg4_video;
mod mpeg_audio;
mod mpeg_video;
mod nal;
mod opus;
mod pcm;
mod pictures;
mod qcelp;
mod qdesign;
mod quicktime;
mod sorenson;
mod speex;
#[cfg(test)]
mod tests;
mod vorbis;
mod vp8;

use fmtp::Fmtp;
pub use foreign::{Foreign, ForeignConfig};
pub use quicktime::{QuickTime, QuickTimeConfig};

/// The most bytes of an access unit; what would grow beyond is given up.
pub const MAX_UNIT: usize = 16 << 20;

/// One sample of a track, received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessUnit {
    /// When it is presented, in RTP ticks of the track's clock.
    pub time: u32,
    /// A decoder may start with it.
    pub keyframe: bool,
    /// Packets were missing in it or just before it.
    pub damaged: bool,
    /// Its bytes, in the framing that the packetiser of the same [`Format`] takes.
    ///
    /// NAL units stand behind their length in four bytes. Parameter sets are not among them, for
    /// they are in the format, but those that change before a picture that is no key frame.
    /// Neither are delimiters and filler.
    pub data: Bytes,
    /// For how long it is heard, in RTP ticks; `None` for video.
    pub duration: Option<u32>,
}

/// Puts the payloads of one track together. What it keeps is bounded by [`MAX_UNIT`].
pub trait Depacketize: Send {
    /// Takes a packet, in the order of sequence numbers; `lost` packets are missing just before it.
    ///
    /// The units that it completes are to be pulled before the next packet.
    ///
    /// # Errors
    /// [`Malformed`] when the payload is not what the format promises. What can be saved of it
    /// is, what cannot counts as lost, and the next packet is welcome.
    fn push(&mut self, packet: &rtp::Packet<'_>, lost: u16) -> Result<(), Malformed>;

    /// The next unit that is whole, in decoding order.
    fn pull(&mut self) -> Option<AccessUnit>;

    /// Says that nothing follows for now, so that a unit whose end only the next packet would
    /// show may come out.
    fn flush(&mut self);

    /// What the units are, by the description and by what came with the media; `None` while that
    /// does not suffice. It tells of the unit that was pulled last, and changes when the stream does.
    fn format(&self) -> Option<Format>;
}

/// What puts a track together, by the values of its `a=rtpmap` (`H264/90000`) and `a=fmtp`.
///
/// `None` for encodings that are not known, and for known ones whose parameters make no sense.
pub fn depacketizer(encoding: &str, fmtp: Option<&str>) -> Option<Box<dyn Depacketize>> {
    let mut words = encoding.trim().split('/');
    let name = words.next()?.to_ascii_uppercase();
    let clock_hz = words.next()?.parse().ok().filter(|rate| *rate > 0)?;
    let channels = words.next().map_or(Ok(1), str::parse).ok()?;
    let fmtp = Fmtp::new(fmtp.unwrap_or_default());
    let linear = |coding| {
        let config = pcm_format::Config {
            coding,
            rate_hz: clock_hz,
            channels,
        };
        pcm::Depacketizer::new(config).map(boxed)
    };
    match name.as_str() {
        "AC3" => Some(boxed(ac3::Depacketizer::new(clock_hz))),
        "AMR" => amr::Depacketizer::new(false, channels, fmtp).map(boxed),
        "AMR-WB" => amr::Depacketizer::new(true, channels, fmtp).map(boxed),
        "H263-1998" | "H263-2000" => Some(boxed(h263::Depacketizer::default())),
        "H264" => Some(h264::depacketizer(fmtp)),
        "H265" => Some(h265::depacketizer(fmtp)),
        "L8" => linear(Coding::Unsigned8),
        "L16" => linear(Coding::SignedBe(16)),
        "L24" => linear(Coding::SignedBe(24)),
        "MP4A-LATM" => latm::Depacketizer::new(clock_hz, fmtp).map(boxed),
        "MP4V-ES" => Some(boxed(mpeg4_video::Depacketizer::new(fmtp))),
        "MPA" => Some(boxed(mpeg_audio::Depacketizer::new(clock_hz))),
        "MPEG4-GENERIC" => aac::Depacketizer::new(clock_hz, fmtp).map(boxed),
        "OPUS" => Some(boxed(opus::Depacketizer::new(fmtp))),
        "PCMA" => linear(Coding::ALaw),
        "PCMU" => linear(Coding::ULaw),
        _ => None,
    }
}

fn boxed<D: Depacketize + 'static>(depacketizer: D) -> Box<dyn Depacketize> {
    Box::new(depacketizer)
}
