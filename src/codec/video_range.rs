//! How much light and dark pictures hold: the VIDEO-RANGE of playlists (rfc8216bis, 4.4.6.2).

use std::fmt::{self, Display, Formatter};

use super::Format;

/// What a player has to be able to show, by the transfer characteristics of the pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VideoRange {
    /// Standard dynamic range.
    Sdr,
    /// Hybrid log-gamma (ITU-R BT.2100).
    Hlg,
    /// Perceptual quantisation (SMPTE ST 2084).
    Pq,
}

/// `TransferCharacteristics` where nobody tells them (ITU-T H.273, 8.2).
pub const UNSPECIFIED: u8 = 2;

impl VideoRange {
    /// Of pictures with these `TransferCharacteristics` (ITU-T H.273, 8.2).
    pub fn of_transfer(characteristics: u8) -> Self {
        match characteristics {
            16 => Self::Pq,
            18 => Self::Hlg,
            _ => Self::Sdr,
        }
    }
}

impl Display for VideoRange {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sdr => "SDR",
            Self::Hlg => "HLG",
            Self::Pq => "PQ",
        })
    }
}

impl Format {
    /// What its pictures hold as far as the parameter sets tell, standard range if they do not; `None` for sound.
    pub fn video_range(&self) -> Option<VideoRange> {
        self.video_range_or(None)
    }

    /// The same where the file that they are of tells these transfer characteristics: they count if the parameter sets
    /// tell none.
    pub fn video_range_or(&self, of_file: Option<u8>) -> Option<VideoRange> {
        let transfer = self.transfer().or(of_file).unwrap_or(UNSPECIFIED);
        let is_seen = self.kind() == super::Kind::Video;
        is_seen.then(|| VideoRange::of_transfer(transfer))
    }

    /// The transfer characteristics of its pictures, if the parameter sets tell them.
    pub fn transfer(&self) -> Option<u8> {
        let told = match self {
            Self::H264(config) => config.facts()?.transfer,
            Self::H265(config) => config.facts()?.transfer,
            _ => UNSPECIFIED,
        };
        Some(told).filter(|told| *told != UNSPECIFIED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::tests::hex;
    use crate::codec::{h264, h265};

    fn h264(sps: &str) -> Format {
        Format::H264(h264::Config {
            length_size: 4,
            sps: vec![hex(sps)],
            pps: Vec::new(),
        })
    }

    fn h265(sps: &str) -> Format {
        Format::H265(h265::Config {
            length_size: 4,
            vps: Vec::new(),
            sps: vec![hex(sps)],
            pps: Vec::new(),
        })
    }

    #[test]
    fn parameter_sets_tell_what_pictures_hold() {
        let pq = h264("6764000aacd94426c05a848804a0000003002000000641e244b2c0");
        assert_eq!(pq.video_range(), Some(VideoRange::Pq));
        let of = |transfer| {
            let (before, after) = (
                "42010101600000030090000003000003001ea020810596566924caf016a1",
                "2080000003008000000c84",
            );
            h265(&format!("{before}{transfer}{after}")).video_range()
        };
        assert_eq!(of("2241"), Some(VideoRange::Hlg));
        assert_eq!(of("2201"), Some(VideoRange::Pq));
        assert_eq!(pq.video_range_or(Some(1)), Some(VideoRange::Pq));
        // BT.709, and BT.2020 of ten bits.
        assert_eq!(of("2021"), Some(VideoRange::Sdr));
        assert_eq!(of("21c1"), Some(VideoRange::Sdr));
    }

    #[test]
    fn pictures_that_do_not_tell_are_of_standard_range() {
        let silent = h264("67f4000a919b288f6022000003000200000300641e244b2c");
        assert_eq!(silent.video_range(), Some(VideoRange::Sdr));
        assert_eq!(silent.video_range_or(Some(18)), Some(VideoRange::Hlg));
        assert_eq!(h264("").video_range(), Some(VideoRange::Sdr));
        assert_eq!(Format::H263.video_range(), Some(VideoRange::Sdr));
        let sound = Format::Opus { channels: 2 };
        assert_eq!(sound.video_range(), None);
        assert_eq!(sound.video_range_or(Some(16)), None);
    }
}
