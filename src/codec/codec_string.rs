//! What a format is called in the CODECS attribute of playlists (RFC 6381).

use super::{Format, h264, h265, mpeg4_video};

impl Format {
    /// The name of the codec with its profile and level (RFC 6381, 3): `avc1.64001f`, `mp4a.40.2`.
    ///
    /// `None` for formats that HTTP Live Streaming does not carry, and as long as the parameter
    /// sets are unknown.
    pub fn codec_string(&self) -> Option<String> {
        match self {
            Self::Aac(config) => Some(format!("mp4a.40.{}", config.object_type())),
            Self::Ac3 { .. } => Some("ac-3".to_owned()),
            Self::H264(config) => h264_string(config),
            Self::H265(config) => h265_string(config),
            Self::Jpeg => Some("mp4v.6c".to_owned()),
            Self::Mpeg4Video { config } => {
                let profile_level = mpeg4_video::profile_level(config);
                Some(format!("mp4v.20.{profile_level}"))
            }
            // MPEG-4 audio's object types 32 to 34 are the layers.
            Self::MpegAudio { layer, .. } => Some(format!("mp4a.40.{}", 31 + layer)),
            Self::Opus { .. } => Some("opus".to_owned()),
            Self::Amr { wide: false, .. } => Some("samr".to_owned()),
            Self::Amr { wide: true, .. } => Some("sawb".to_owned()),
            Self::Av1(_) | Self::H263 | Self::Pcm(_) | Self::Vp9(_) => None,
        }
    }

    /// Width and height of the pictures in samples, as far as the parameter sets tell.
    pub fn picture_size(&self) -> Option<(u32, u32)> {
        match self {
            Self::H264(config) => config.facts().map(|facts| (facts.width, facts.height)),
            Self::H265(config) => config.facts().map(|facts| (facts.width, facts.height)),
            _ => None,
        }
    }

    /// Pictures a second, as far as the parameter sets tell.
    pub fn frame_rate(&self) -> Option<f64> {
        match self {
            Self::H264(config) => config.facts()?.frame_rate,
            Self::H265(config) => config.facts()?.frame_rate,
            _ => None,
        }
    }
}

/// ISO/IEC 14496-15, annex E: profile, constraints and level in hexadecimal.
fn h264_string(config: &h264::Config) -> Option<String> {
    let &[_, profile, constraints, level, ..] = config.sps.first()?.as_ref() else {
        return None;
    };
    Some(format!("avc1.{profile:02x}{constraints:02x}{level:02x}"))
}

/// ISO/IEC 14496-15, annex E.3: the compatibility flags have their bits reversed, and
/// constraint bytes of zero are left out at the end.
fn h265_string(config: &h265::Config) -> Option<String> {
    let facts = config.facts()?;
    let [general, a, b, c, d, constraints @ .., level] = facts.profile_tier_level;
    let space = ["", "A", "B", "C"][usize::from(general >> 6)];
    let tier = if general & 0x20 == 0 { 'L' } else { 'H' };
    let compatibility = u32::from_be_bytes([a, b, c, d]).reverse_bits();
    let mut text = format!(
        "hvc1.{space}{}.{compatibility:X}.{tier}{level}",
        facts.profile()
    );
    let used = constraints.iter().rposition(|byte| *byte != 0);
    for byte in constraints.iter().take(used.map_or(0, |last| last + 1)) {
        text += &format!(".{byte:X}");
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_of_mpeg_audio_have_names_of_their_own() {
        for (layer, name, fmtp) in [
            (1, "mp4a.40.32", Some("layer=1")),
            (2, "mp4a.40.33", Some("layer=2")),
            (3, "mp4a.40.34", None),
        ] {
            let format = Format::MpegAudio {
                layer,
                rate_hz: 48_000,
                channels: 2,
            };
            assert_eq!(format.codec_string().as_deref(), Some(name));
            assert_eq!(format.fmtp().as_deref(), fmtp);
        }
    }
}
