//! QuickTime's own encodings out of RTP, which only other programs decode.
//!
//! Nothing here sends them but hint tracks, so that they are no [`Format`](crate::codec::Format).
//! No standard tells of these payloads, and only of the generic ones their maker does. Sources for the others: the
//! hint tracks of QTSS-era movies, with which the samples come out bit by bit, FFmpeg's and GStreamer's depacketisers.

use super::{AccessUnit, generic, qdesign, sorenson};
use crate::codec::sample_description::SampleDescription;
use crate::codec::{Malformed, qdesign as qdesign_format, sorenson as sorenson_format};
use crate::wire::rtp;

/// Puts the payloads of one track together. What it keeps is bounded by [`MAX_UNIT`](super::MAX_UNIT).
#[derive(Debug)]
pub enum QuickTime {
    /// Sorenson Video 3.
    Sorenson(sorenson::Depacketizer),
    /// QDesign Music 2.
    QDesign(qdesign::Depacketizer),
    /// Whatever is described with it.
    Generic(generic::Depacketizer),
}

/// What a decoder of a track has to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QuickTimeConfig {
    /// Sorenson Video 3.
    Sorenson(sorenson_format::Config),
    /// QDesign Music 2.
    QDesign(qdesign_format::Config),
    /// Whatever this describes.
    Described(SampleDescription),
}

impl QuickTime {
    /// For the encoding of an `a=rtpmap`: `X-SV3V-ES/90000`. `None` for others.
    pub fn of(encoding: &str) -> Option<Self> {
        let mut words = encoding.trim().split('/');
        let name = words.next()?.to_ascii_uppercase();
        let clock_hz = words.next()?.parse().ok().filter(|rate| *rate > 0)?;
        match name.as_str() {
            "X-SV3V-ES" | "X-SORENSON-VIDEO" | "X-SORENSONVIDEO" => {
                Some(Self::Sorenson(sorenson::Depacketizer::default()))
            }
            "X-QDM" | "X-QDM2" => Some(Self::QDesign(qdesign::Depacketizer::new(clock_hz))),
            "X-QT" | "X-QUICKTIME" => Some(Self::Generic(generic::Depacketizer::new(clock_hz))),
            _ => None,
        }
    }

    /// Takes a packet, in the order of sequence numbers; `lost` packets are missing just before it.
    ///
    /// The units that it completes are to be pulled before the next packet.
    ///
    /// # Errors
    /// [`Malformed`] when the payload is not what its encoding promises. What can be saved of it
    /// is, and the next packet is welcome.
    pub fn push(&mut self, packet: &rtp::Packet<'_>, lost: u16) -> Result<(), Malformed> {
        match self {
            Self::Sorenson(track) => track.push(packet, lost),
            Self::QDesign(track) => track.push(packet, lost),
            Self::Generic(track) => track.push(packet, lost),
        }
    }

    /// The next unit that is whole: a picture as movies store it, or sound.
    pub fn pull(&mut self) -> Option<AccessUnit> {
        match self {
            Self::Sorenson(track) => track.pull(),
            Self::QDesign(track) => track.pull(),
            Self::Generic(track) => track.pull(),
        }
    }

    /// Says that nothing follows, so that what is under way may come out.
    pub fn finish(&mut self) {
        match self {
            Self::Sorenson(track) => track.finish(),
            Self::QDesign(track) => track.finish(),
            Self::Generic(track) => track.finish(),
        }
    }

    /// What the packets so far have told; `None` before they have.
    pub fn config(&self) -> Option<QuickTimeConfig> {
        match self {
            Self::Sorenson(track) => track.config().cloned().map(QuickTimeConfig::Sorenson),
            Self::QDesign(track) => track.config().cloned().map(QuickTimeConfig::QDesign),
            Self::Generic(track) => track.config().cloned().map(QuickTimeConfig::Described),
        }
    }
}

#[cfg(test)]
mod tests;
