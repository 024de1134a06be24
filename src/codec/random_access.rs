//! How a decoder may start with a picture, as its own bytes tell.
//!
//! Whether it may start there at all, those say who take a stream apart; what it misses there stands here.

use super::{Format, h264, h265};

/// How pictures go on from one that a decoder starts with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RandomAccess {
    /// No picture behind it refers to one before it.
    Instant,
    /// Pictures that are decoded behind it and shown before it may refer to some before it.
    Open,
    /// Pictures become right little by little.
    Gradual,
}

impl Format {
    /// How a decoder may start with a sample; `None` where its bytes do not tell that it may.
    pub fn random_access(&self, sample: &[u8]) -> Option<RandomAccess> {
        match self {
            Self::H264(config) => h264::random_access(config, sample),
            Self::H265(config) => h265::random_access(config, sample),
            _ => Some(RandomAccess::Instant),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::tests::{aac, h264, h265, hex, nal_sample};

    #[test]
    fn samples_tell_how_a_decoder_may_start() {
        use RandomAccess::{Gradual, Instant, Open};
        const DELIMITER: &str = "09f0";
        const CAPTIONS: &str = "060401ff80";
        const POINT: &str = "060601c480";
        const NINE_LATER: &str = "060602151080";
        const INTRA: &str = "41888033";
        const PREDICTED: &str = "419a246e";
        for (units, expected) in [
            (&[DELIMITER, "65888033"][..], Some(Instant)),
            (&[POINT, "65888033"], Some(Instant)),
            (&[CAPTIONS, POINT, INTRA], Some(Open)),
            (&[INTRA, INTRA], Some(Open)),
            (&[NINE_LATER, PREDICTED], Some(Gradual)),
            (&[CAPTIONS, INTRA, PREDICTED], None),
            (&[DELIMITER], None),
        ] {
            let units: Vec<_> = units.iter().map(|unit| hex(unit).to_vec()).collect();
            let sample = nal_sample(&units);
            assert_eq!(h264().random_access(&sample), expected, "{sample:02x?}");
        }
        for (slice, expected) in [
            ("2601af", Some(Instant)),
            ("2801af", Some(Instant)),
            ("2001af", Some(Instant)),
            ("2a01af", Some(Open)),
            ("0201d0", None),
        ] {
            let sample = nal_sample(&[hex("4e0105").to_vec(), hex(slice).to_vec()]);
            assert_eq!(h265().random_access(&sample), expected, "{slice}");
        }
        assert_eq!(aac().random_access(&[0x21]), Some(Instant));
        assert_eq!(h264().random_access(&[0, 0, 0, 9, 0x65]), None);
    }
}
