//! What puts a track together that goes into a file: QuickTime's own encodings, and others beside them. Sans-IO.

use crate::codec::{self, AccessUnit, Depacketize, Foreign, Format, Kind, QuickTime};
use crate::container::matroska::TrackConfig;
use crate::media::description::Track;
use crate::wire::rtp;

/// A step in RTP time by more than this, in seconds, is a gap.
const LONGEST_STEP: u32 = 3;

/// The same in QuickTime's own encodings: packets of sound may belong together for some seconds, and have
/// one time.
const LONGEST_QUICKTIME_STEP: u32 = 10;

/// The payloads of one track.
pub(super) enum Payloads {
    /// In one of QuickTime's own encodings.
    QuickTime(QuickTime),
    /// In one that nothing here knows but to put it together.
    Foreign(Foreign),
    /// In another, which tells in its frames whatever changes.
    Other(Box<dyn Depacketize>),
}

impl Payloads {
    /// Of a track that can be put together, and be told of in a file; `None` of others.
    pub(super) fn of(track: &Track) -> Option<Self> {
        if let Some(quicktime) = QuickTime::of(&track.encoding) {
            return Some(Self::QuickTime(quicktime));
        }
        let fmtp = track.fmtp.as_deref();
        if let Some(foreign) = Foreign::of(&track.encoding, fmtp) {
            return Some(Self::Foreign(foreign));
        }
        let name = track.encoding.split('/').next().unwrap_or_default();
        let is_known = OTHERS.iter().any(|one| name.eq_ignore_ascii_case(one));
        let depacketizer = codec::depacketizer(&track.encoding, fmtp);
        depacketizer.filter(|_| is_known).map(Self::Other)
    }

    pub(super) fn is_quicktime(&self) -> bool {
        matches!(self, Self::QuickTime(_))
    }

    /// Takes a packet, in the order of sequence numbers; `lost` packets are missing just before it. What can be
    /// saved of it is.
    pub(super) fn push(&mut self, packet: &rtp::Packet<'_>, lost: u16) {
        let _ = match self {
            Self::QuickTime(track) => track.push(packet, lost),
            Self::Foreign(track) => track.push(packet, lost),
            Self::Other(track) => track.push(packet, lost),
        };
    }

    /// The next unit that is whole.
    pub(super) fn pull(&mut self) -> Option<AccessUnit> {
        match self {
            Self::QuickTime(track) => track.pull(),
            Self::Foreign(track) => track.pull(),
            Self::Other(track) => {
                let mut unit = track.pull()?;
                // Its parameter sets may change, of which the head of a file does not tell.
                if unit.keyframe
                    && let Some(Format::H265(config)) = track.format()
                {
                    unit.data = config.with_sets(&unit.data);
                }
                Some(unit)
            }
        }
    }

    /// Says that nothing follows, so that what is under way may come out.
    pub(super) fn finish(&mut self) {
        match self {
            Self::QuickTime(track) => track.finish(),
            // What is not whole is of no use.
            Self::Foreign(_) => {}
            Self::Other(track) => track.flush(),
        }
    }

    /// What a decoder must know; `None` before packets have told it, and perhaps before a unit was pulled.
    pub(super) fn config(&self) -> Option<TrackConfig> {
        match self {
            Self::QuickTime(track) => track.config().map(TrackConfig::QuickTime),
            Self::Foreign(track) => track.config().map(TrackConfig::Foreign),
            Self::Other(track) => track.format().map(TrackConfig::Format),
        }
    }

    /// Whether a decoder that was told `config` does not know what follows.
    pub(super) fn is_beyond(&self, config: &TrackConfig) -> bool {
        self.is_quicktime() && self.config().as_ref() != Some(config)
    }

    /// A step in RTP time by more than this, in seconds, is a gap.
    pub(super) fn longest_step(&self) -> u32 {
        match self {
            Self::QuickTime(_) => LONGEST_QUICKTIME_STEP,
            Self::Foreign(_) | Self::Other(_) => LONGEST_STEP,
        }
    }

    /// Whether units of that kind come in an order that is not that of their times.
    pub(super) fn are_reordered(&self, kind: Kind) -> bool {
        match self {
            Self::QuickTime(_) => false,
            Self::Foreign(track) => track.are_reordered(),
            Self::Other(_) => kind == Kind::Video,
        }
    }
}

/// The encodings beside QuickTime's own that can be told of in a file and have to be encoded somewhere.
const OTHERS: [&str; 14] = [
    "AC3",
    "AMR",
    "AMR-WB",
    "H263-1998",
    "H263-2000",
    "H265",
    "L16",
    "L24",
    "L8",
    "MP4V-ES",
    "MPA",
    "OPUS",
    "PCMA",
    "PCMU",
];
