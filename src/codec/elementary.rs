//! Elementary streams: what broadcast and radio send without a file's index, cut into samples.
//!
//! How a format marks where its samples begin stands in the file of that format.

use super::Format;
use super::ac3::Syncframes;
use super::access_units::AccessUnits;
use super::adts::Adts;
use super::audio_frames::AudioFrames;
use super::h264::ByteStream as H264;
use super::h265::ByteStream as H265;
use super::latm::Latm;
use super::mpeg_audio::MpegAudio;
use super::opus_units::OpusUnits;
use crate::base::media_time::MediaTime;

/// How an elementary stream is coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// H.264 as a byte stream (ITU-T H.264, annex B).
    H264,
    /// H.265 as a byte stream (ITU-T H.265, annex B).
    H265,
    /// AAC in ADTS (ISO/IEC 14496-3, 1.A.3.2).
    Adts,
    /// AAC in LATM and LOAS (ISO/IEC 14496-3, 1.7).
    Latm,
    /// MPEG-1 or MPEG-2 audio, any layer.
    MpegAudio,
    /// AC-3 (ATSC A/52).
    Ac3,
    /// Opus packets behind control headers, as transport streams have them.
    Opus {
        /// 1 or 2.
        channels: u8,
    },
}

impl Coding {
    /// What cuts a stream of this coding into samples.
    pub fn framer(self) -> Box<dyn Framer> {
        match self {
            Self::H264 => Box::new(AccessUnits::<H264>::default()),
            Self::H265 => Box::new(AccessUnits::<H265>::default()),
            Self::Adts => Box::new(AudioFrames::new(Adts)),
            Self::Latm => Box::new(AudioFrames::new(Latm::default())),
            Self::MpegAudio => Box::new(AudioFrames::new(MpegAudio)),
            Self::Ac3 => Box::new(AudioFrames::new(Syncframes)),
            Self::Opus { channels } => Box::new(AudioFrames::new(OpusUnits { channels })),
        }
    }
}

/// A piece of an elementary stream, such as the content of a PES packet.
#[derive(Clone, Copy, Debug)]
pub struct Piece<'a> {
    /// Its bytes; samples may begin and end anywhere.
    pub data: &'a [u8],
    /// When the first sample that begins in it is presented.
    pub pts: Option<MediaTime>,
    /// When that sample is decoded.
    pub dts: Option<MediaTime>,
    /// Whether a decoder may start with that sample, as far as the container tells.
    pub random_access: bool,
}

/// A sample in the framing that [`Packetize`](super::Packetize) takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The sample's bytes.
    pub data: Vec<u8>,
    /// When it is presented.
    pub time: MediaTime,
}

/// Cuts an elementary stream into samples. What it keeps of a hostile stream is bounded.
pub trait Framer: Send {
    /// Takes the next piece and adds the samples that are whole to `frames`.
    fn push(&mut self, piece: Piece<'_>, frames: &mut Vec<Frame>);

    /// Forgets the sample under way, because bytes are missing before the next piece.
    fn skip(&mut self);

    /// How many bytes were passed over because no sample begins with them, as far as the format tells.
    fn skipped_bytes(&self) -> u64 {
        0
    }

    /// Whether something came, and all of it is neither samples nor the beginning of one, as far
    /// as the format tells.
    fn is_barren(&self) -> bool {
        false
    }

    /// What the samples are; `None` until the stream has said so. It may change.
    fn format(&self) -> Option<Format>;
}

#[cfg(test)]
mod tests;
