//! Samples as elementary streams have them: the way back of [`elementary`](super::elementary).
//!
//! Formats whose samples are frames with a header pass as they are; the others
//! get what a decoder needs that joins in the middle.

use bytes::Bytes;

use super::elementary::Coding;
use super::nal::Units;
use super::{Format, Malformed, adts, h264};

/// Turns the samples of a format into bytes of an elementary stream.
#[derive(Clone, Debug, PartialEq)]
pub struct ByteStream(Kind);

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    H264 {
        length_size: usize,
        sets: Vec<Bytes>,
    },
    Adts(adts::Template),
    MpegAudio,
    Ac3,
}

impl ByteStream {
    /// `None` for formats that transport streams for HTTP Live Streaming cannot carry.
    pub fn new(format: &Format) -> Option<Self> {
        Some(Self(match format {
            Format::H264(config) if !config.sps.is_empty() => Kind::H264 {
                length_size: config.length_size,
                sets: config.sps.iter().chain(&config.pps).cloned().collect(),
            },
            Format::Aac(config) => Kind::Adts(adts::Template::new(config)?),
            Format::MpegAudio { .. } => Kind::MpegAudio,
            Format::Ac3 { .. } => Kind::Ac3,
            _ => return None,
        }))
    }

    /// How the stream is coded.
    pub fn coding(&self) -> Coding {
        match self.0 {
            Kind::H264 { .. } => Coding::H264,
            Kind::Adts(_) => Coding::Adts,
            Kind::MpegAudio => Coding::MpegAudio,
            Kind::Ac3 => Coding::Ac3,
        }
    }

    /// Appends a sample to `into`: pictures behind a delimiter, key frames behind the parameter
    /// sets too, AAC behind its header.
    ///
    /// # Errors
    /// [`Malformed`] when the sample is not what its format promises; what was appended is then
    /// of no use.
    pub fn write(
        &self,
        sample: &[u8],
        keyframe: bool,
        into: &mut Vec<u8>,
    ) -> Result<(), Malformed> {
        match &self.0 {
            Kind::H264 { length_size, sets } => {
                let sets = if keyframe { &sets[..] } else { &[] };
                return write_picture(sample, *length_size, sets, into);
            }
            Kind::Adts(template) => into.extend_from_slice(&template.header(sample.len())?),
            Kind::MpegAudio | Kind::Ac3 => {}
        }
        into.extend_from_slice(sample);
        Ok(())
    }
}

fn write_picture(
    sample: &[u8],
    length_size: usize,
    sets: &[Bytes],
    into: &mut Vec<u8>,
) -> Result<(), Malformed> {
    let mut write = |unit: &[u8]| {
        into.extend_from_slice(&START_CODE);
        into.extend_from_slice(unit);
    };
    write(&DELIMITER);
    sets.iter().for_each(|set| write(set));
    for unit in Units::new(h264::FORMAT, sample, length_size) {
        let unit = unit?;
        let is_delimiter = unit.first().is_some_and(|header| header & 0x1f == 9);
        if !is_delimiter && !unit.is_empty() {
            write(unit);
        }
    }
    Ok(())
}

const START_CODE: [u8; 4] = [0, 0, 0, 1];

/// An access unit delimiter that promises nothing of the slices (ITU-T H.264, 7.3.2.4).
const DELIMITER: [u8; 2] = [9, 0xf0];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::aac;
    use crate::codec::elementary::Piece;

    #[test]
    fn key_frames_stand_behind_delimiter_and_parameter_sets() {
        let format = Format::H264(h264::Config {
            length_size: 4,
            sps: vec![Bytes::from_static(&[0x67, 1])],
            pps: vec![Bytes::from_static(&[0x68, 2])],
        });
        let stream = ByteStream::new(&format).unwrap();
        let sample = [0, 0, 0, 2, 9, 0x10, 0, 0, 0, 3, 0x65, 7, 8];
        let mut bytes = Vec::new();
        stream.write(&sample, true, &mut bytes).unwrap();
        let expected = [
            0, 0, 0, 1, 9, 0xf0, 0, 0, 0, 1, 0x67, 1, 0, 0, 0, 1, 0x68, 2, 0, 0, 0, 1, 0x65, 7, 8,
        ];
        assert_eq!(bytes, expected);
        assert!(stream.write(&sample[..12], false, &mut bytes).is_err());
    }

    #[test]
    fn aac_stands_behind_its_header_and_is_found_again() {
        let specific = Bytes::from_static(&[0x11, 0x90]);
        let config = aac::Config::from_specific(&specific).unwrap();
        let stream = ByteStream::new(&Format::Aac(config.clone())).unwrap();
        let mut bytes = Vec::new();
        for size in [100, 200] {
            stream.write(&vec![0x21; size], true, &mut bytes).unwrap();
        }
        // A frame is whole when the next begins.
        stream.write(&[0; 9], true, &mut bytes).unwrap();
        let (mut framer, mut frames) = (stream.coding().framer(), Vec::new());
        let piece = Piece {
            data: &bytes,
            pts: None,
            dts: None,
            random_access: true,
        };
        framer.push(piece, &mut frames);
        assert_eq!(framer.format(), Some(Format::Aac(config)));
        let sizes: Vec<_> = frames.iter().map(|frame| frame.data.len()).collect();
        assert_eq!(sizes, [100, 200, 9]);
        assert!(stream.write(&[0; 8190], true, &mut bytes).is_err());
    }
}
