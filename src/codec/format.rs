//! What the samples of a track are, and how SDP names it.

use bytes::Bytes;

use super::{
    Kind, Malformed, Packetize, aac, ac3, amr, av1, h263, h264, h265, jpeg, mpeg_audio,
    mpeg4_video, opus, pcm, vp9,
};

/// What the samples of a track are, with all that SDP and packetiser need.
#[derive(Clone, Debug, PartialEq)]
pub enum Format {
    /// MPEG-4 audio: raw AAC frames, no ADTS headers (RFC 3640, AAC-hbr).
    Aac(aac::Config),
    /// AC-3 syncframes (RFC 4184).
    Ac3 {
        /// Sampling rate in Hz.
        rate_hz: u32,
        /// Channels, the LFE channel counted.
        channels: u8,
    },
    /// AMR, frames as 3GPP files store them: a ToC byte and speech (RFC 4867).
    Amr {
        /// AMR-WB.
        wide: bool,
        /// Channels.
        channels: u8,
    },
    /// AV1 temporal units as sized OBUs (AV1 RTP payload specification 1.0).
    Av1(av1::Config),
    /// H.263 pictures (RFC 4629).
    H263,
    /// H.264 access units as length-prefixed NAL units (RFC 6184).
    H264(h264::Config),
    /// H.265 access units as length-prefixed NAL units (RFC 7798).
    H265(h265::Config),
    /// Baseline JPEG pictures (RFC 2435).
    Jpeg,
    /// MPEG-4 Visual (RFC 6416).
    Mpeg4Video {
        /// The headers from visual object sequence to video object layer, start codes included.
        config: Bytes,
    },
    /// MPEG-1 and MPEG-2 audio frames, any layer, each with its header (RFC 2250).
    MpegAudio {
        /// Layer, 1 to 3.
        layer: u8,
        /// Sampling rate in Hz; the RTP clock is 90 kHz all the same.
        rate_hz: u32,
        /// Channels.
        channels: u8,
    },
    /// Opus packets (RFC 7587).
    Opus {
        /// Channels of the stream.
        channels: u8,
    },
    /// Uncompressed audio and G.711 (RFC 3551).
    Pcm(pcm::Config),
    /// VP9 frames and superframes (RFC 9628).
    Vp9(vp9::Config),
}

impl Format {
    /// AC-3 by the content of `dac3`.
    ///
    /// # Errors
    /// [`Malformed`] when it is cut short or names a reserved rate.
    pub fn from_dac3(record: &[u8]) -> Result<Self, Malformed> {
        let (rate_hz, channels) = ac3::read_dac3(record)?;
        Ok(Self::Ac3 { rate_hz, channels })
    }

    /// Opus by the content of `dOps`.
    ///
    /// # Errors
    /// [`Malformed`] when it is cut short or has more than two channels.
    pub fn from_dops(record: &[u8]) -> Result<Self, Malformed> {
        let channels = opus::read_dops(record)?;
        Ok(Self::Opus { channels })
    }

    /// Whether the samples are seen or heard.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Av1(_)
            | Self::H263
            | Self::H264(_)
            | Self::H265(_)
            | Self::Jpeg
            | Self::Mpeg4Video { .. }
            | Self::Vp9(_) => Kind::Video,
            Self::Aac(_)
            | Self::Ac3 { .. }
            | Self::Amr { .. }
            | Self::MpegAudio { .. }
            | Self::Opus { .. }
            | Self::Pcm(_) => Kind::Audio,
        }
    }

    /// The format as people call it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Aac(_) => "AAC",
            Self::Ac3 { .. } => "AC-3",
            Self::Amr { wide: false, .. } => "AMR",
            Self::Amr { wide: true, .. } => "AMR-WB",
            Self::Av1(_) => "AV1",
            Self::H263 => "H.263",
            Self::H264(_) => "H.264",
            Self::H265(_) => "H.265",
            Self::Jpeg => "Motion JPEG",
            Self::Mpeg4Video { .. } => "MPEG-4 Visual",
            Self::MpegAudio { .. } => "MPEG audio",
            Self::Opus { .. } => "Opus",
            Self::Pcm(config) => config.name(),
            Self::Vp9(_) => "VP9",
        }
    }

    /// How many channels the sound has; `None` for what HLS cannot carry as it is.
    pub fn channels(&self) -> Option<u8> {
        match self {
            Self::Aac(config) => Some(config.channels),
            Self::Ac3 { channels, .. }
            | Self::MpegAudio { channels, .. }
            | Self::Opus { channels } => Some(*channels),
            _ => None,
        }
    }

    /// The rate of the RTP timestamps, in Hz.
    pub fn clock_rate(&self) -> u32 {
        match self {
            Self::Aac(config) => config.rate_hz,
            Self::Ac3 { rate_hz, .. } => *rate_hz,
            Self::Amr { wide: false, .. } => 8000,
            Self::Amr { wide: true, .. } => 16_000,
            Self::Opus { .. } => 48_000,
            Self::Pcm(config) => config.rate_hz,
            // All video, and by RFC 3551 MPEG audio too.
            _ => 90_000,
        }
    }

    /// The payload type that RFC 3551 gives the format, `None` when it takes a dynamic one.
    pub fn static_payload_type(&self) -> Option<u8> {
        match self {
            Self::Jpeg => Some(26),
            Self::MpegAudio { .. } => Some(14),
            Self::Pcm(config) => config.static_payload_type(),
            _ => None,
        }
    }

    /// The value of `a=rtpmap` after the payload type: `mpeg4-generic/22050/2`.
    pub fn rtpmap(&self) -> String {
        let rate = self.clock_rate();
        match self {
            Self::Aac(config) => format!("mpeg4-generic/{rate}/{}", config.channels),
            Self::Ac3 { channels, .. } => with_channels("ac3", rate, *channels),
            Self::Amr { wide, channels } => {
                with_channels(if *wide { "AMR-WB" } else { "AMR" }, rate, *channels)
            }
            Self::Av1(_) => format!("AV1/{rate}"),
            Self::H263 => format!("H263-2000/{rate}"),
            Self::H264(_) => format!("H264/{rate}"),
            Self::H265(_) => format!("H265/{rate}"),
            Self::Jpeg => format!("JPEG/{rate}"),
            Self::Mpeg4Video { .. } => format!("MP4V-ES/{rate}"),
            Self::MpegAudio { .. } => format!("MPA/{rate}"),
            // RFC 7587, 7: always 48000 and 2, whatever the stream has.
            Self::Opus { .. } => format!("opus/{rate}/2"),
            Self::Pcm(config) => with_channels(config.encoding_name(), rate, config.channels),
            Self::Vp9(_) => format!("VP9/{rate}"),
        }
    }

    /// The value of `a=fmtp` after the payload type, if the format has parameters.
    pub fn fmtp(&self) -> Option<String> {
        match self {
            Self::Aac(config) => Some(config.fmtp()),
            Self::Amr { .. } => Some("octet-align=1".to_owned()),
            Self::Av1(config) => Some(config.fmtp()),
            Self::H264(config) => Some(config.fmtp()),
            Self::H265(config) => config.fmtp(),
            Self::Mpeg4Video { config } => Some(mpeg4_video::fmtp(config)),
            // RFC 4856, 2.1.8; unless told otherwise it is taken to be MP3.
            Self::MpegAudio { layer, .. } if *layer != 3 => Some(format!("layer={layer}")),
            Self::Opus { channels } if *channels > 1 => Some("sprop-stereo=1".to_owned()),
            Self::Vp9(config) => Some(format!("profile-id={}", config.profile)),
            _ => None,
        }
    }

    /// A packetiser for all viewers of a track of this format.
    pub fn packetizer(&self) -> Box<dyn Packetize> {
        match self {
            Self::Aac(config) => Box::new(aac::Packetizer {
                rate_hz: config.rate_hz,
            }),
            Self::Ac3 { .. } => Box::new(ac3::Packetizer),
            Self::Amr { wide, .. } => Box::new(amr::Packetizer { wide: *wide }),
            Self::Av1(_) => Box::new(av1::Packetizer),
            Self::H263 => Box::new(h263::Packetizer),
            Self::H264(config) => Box::new(h264::Packetizer {
                length_size: config.length_size,
            }),
            Self::H265(config) => Box::new(h265::Packetizer {
                length_size: config.length_size,
            }),
            Self::Jpeg => Box::new(jpeg::Packetizer),
            Self::Mpeg4Video { .. } => Box::new(mpeg4_video::Packetizer),
            Self::MpegAudio { .. } => Box::new(mpeg_audio::Packetizer),
            Self::Opus { .. } => Box::new(opus::Packetizer),
            Self::Pcm(config) => Box::new(pcm::Packetizer { config: *config }),
            Self::Vp9(_) => Box::new(vp9::Packetizer),
        }
    }
}

fn with_channels(name: &str, rate: u32, channels: u8) -> String {
    match channels {
        0 | 1 => format!("{name}/{rate}"),
        more => format!("{name}/{rate}/{more}"),
    }
}
