//! Which flavours can carry which formats, and how. What none of them carries has to be transcoded.

use super::object::{Flavour, Packing};
use crate::codec::Format;
use crate::codec::byte_stream::ByteStream;
use crate::container::mp4::init;

/// How a flavour carries tracks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carriage {
    /// In fragments of MP4.
    Fragments,
    /// In transport streams, or in packed audio.
    Stream(Packing),
}

impl Carriage {
    /// How `flavour` carries tracks of these formats together; `None` when it cannot carry one of
    /// them, and without formats.
    pub fn of(formats: &[&Format], flavour: Flavour) -> Option<Self> {
        let carries = |format: &&Format| match flavour {
            Flavour::LowLatency | Flavour::Cmaf => init::carries(format),
            Flavour::Ts => ByteStream::new(format).is_some(),
        };
        if formats.is_empty() || !formats.iter().all(carries) {
            return None;
        }
        Some(match flavour {
            Flavour::LowLatency | Flavour::Cmaf => Self::Fragments,
            Flavour::Ts => Self::Stream(packing(formats)),
        })
    }
}

/// What a stream of these formats is: one kind of sound alone needs no transport stream.
fn packing(formats: &[&Format]) -> Packing {
    match formats {
        [Format::Aac(_)] => Packing::Aac,
        [Format::MpegAudio { layer: 3, .. }] => Packing::Mp3,
        _ => Packing::Ts,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::aac;

    #[test]
    fn each_flavour_has_formats_of_its_own() {
        let aac = Format::Aac(aac::Config::from_specific(&[0x11, 0x90]).unwrap());
        let opus = Format::Opus { channels: 2 };
        let ac3 = Format::Ac3 {
            rate_hz: 48_000,
            channels: 2,
        };
        let [mp2, mp3] = [2, 3].map(|layer| Format::MpegAudio {
            layer,
            rate_hz: 48_000,
            channels: 2,
        });
        let stream = |packing| Some(Carriage::Stream(packing));
        for (formats, fragments, ts) in [
            (vec![&aac], Some(Carriage::Fragments), stream(Packing::Aac)),
            (vec![&ac3], Some(Carriage::Fragments), stream(Packing::Ts)),
            (vec![&mp3], Some(Carriage::Fragments), stream(Packing::Mp3)),
            (vec![&mp2], Some(Carriage::Fragments), stream(Packing::Ts)),
            (
                vec![&aac, &ac3],
                Some(Carriage::Fragments),
                stream(Packing::Ts),
            ),
            (vec![&aac, &opus], Some(Carriage::Fragments), None),
            (vec![&Format::Jpeg], None, None),
            (vec![], None, None),
        ] {
            assert_eq!(Carriage::of(&formats, Flavour::Cmaf), fragments);
            assert_eq!(Carriage::of(&formats, Flavour::LowLatency), fragments);
            assert_eq!(Carriage::of(&formats, Flavour::Ts), ts);
        }
    }
}
