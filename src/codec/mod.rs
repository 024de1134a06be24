//! What media is made of: the formats, how SDP names them, how streams are cut into samples, and
//! how samples become RTP payloads.
//!
//! One file a format. Pure: no sockets, no clock, no files. Reading samples out
//! of files is `container`'s work, headers and sequence numbers are the sender's.

pub mod aac;
pub mod ac3;
mod access_units;
mod adts;
mod amr;
mod annex_b;
mod audio_frames;
pub mod av1;
mod bits;
pub mod byte_stream;
mod codec_string;
mod depacketize;
pub mod elementary;
mod format;
mod fragments;
mod frames;
mod h263;
pub mod h264;
pub mod h265;
mod jpeg;
mod keyframe;
mod latm;
mod mpeg4_video;
pub mod mpeg_audio;
pub mod mpeg_video;
mod nal;
mod opus;
mod opus_units;
pub mod pcm;
pub mod qdesign;
mod random_access;
pub mod sample_description;
pub mod slices;
pub mod sorenson;
#[cfg(test)]
mod tests;
pub mod video_range;
pub mod vorbis;
pub mod vp9;

pub use depacketize::{
    AccessUnit, Depacketize, Foreign, ForeignConfig, MAX_UNIT, QuickTime, QuickTimeConfig,
    depacketizer,
};
pub use format::Format;
pub use keyframe::KeyFrames;
pub use random_access::RandomAccess;
pub use video_range::VideoRange;

/// Whether a track is seen or heard; the `m=` line's media type (RFC 4566, 5.14).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `m=audio`.
    Audio,
    /// `m=video`.
    Video,
    /// `m=application`, for anything else that a hint track carries.
    Application,
}

/// One sample of a track in the framing of its file, as a packetiser takes it.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a> {
    /// The sample's bytes.
    pub data: &'a [u8],
    /// RTP ticks after the first sample of the same call.
    pub offset: u32,
}

/// Turns samples into RTP payloads. Without state, so that all viewers of a track share one.
pub trait Packetize: Send + Sync {
    /// How many consecutive samples may be given to one call (1 for video).
    fn samples_per_call(&self) -> usize {
        1
    }

    /// Hands the payloads of `samples`, at most `limit` bytes each, to `sink` in sending order.
    ///
    /// A limit below 200, less than the tables of a JPEG picture need, may be exceeded.
    ///
    /// # Errors
    /// [`Malformed`] when the sample is not what its format promises; payloads
    /// already handed over stay valid.
    fn packetize(
        &self,
        samples: &[Sample<'_>],
        limit: usize,
        sink: &mut dyn Sink,
    ) -> Result<(), Malformed>;
}

/// Where a packetiser's payloads go.
pub trait Sink {
    /// One payload, the concatenation of `parts`; `offset` RTP ticks after the call's first sample.
    fn payload(&mut self, parts: &[&[u8]], marker: bool, offset: u32);
}

/// Media that is not what its format promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed {format}: {reason}")]
pub struct Malformed {
    /// The format, as people call it (`H.264`).
    pub format: &'static str,
    /// What is wrong.
    pub reason: &'static str,
}

impl Malformed {
    const fn new(format: &'static str, reason: &'static str) -> Self {
        Self { format, reason }
    }
}
