//! Elementary stream descriptors (`esds`; ISO/IEC 14496-1, 7.2.6).

/// What an elementary stream descriptor says of the decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Decoder<'a> {
    /// The object type (ISO/IEC 14496-1, table 5; mp4ra.org).
    pub(super) object_type: u8,
    /// DecoderSpecificInfo; empty when there is none.
    pub(super) specific: &'a [u8],
}

impl<'a> Decoder<'a> {
    /// Reads the content of an `esds` box, version and flags included.
    pub(super) fn read(esds: &'a [u8]) -> Option<Self> {
        let mut rest = esds.get(4..)?;
        let mut stream = descriptor(&mut rest, 3)?;
        let flags = *stream.get(2)?;
        stream = stream.get(3..)?;
        if flags & 0x80 != 0 {
            stream = stream.get(2..)?;
        }
        if flags & 0x40 != 0 {
            let (&length, url) = stream.split_first()?;
            stream = url.get(usize::from(length)..)?;
        }
        if flags & 0x20 != 0 {
            stream = stream.get(2..)?;
        }
        let config = descriptor(&mut stream, 4)?;
        let mut inner = config.get(13..)?;
        Some(Self {
            object_type: *config.first()?,
            specific: descriptor(&mut inner, 5).unwrap_or_default(),
        })
    }
}

/// The content of the next descriptor, which must be of `tag`; cut to what there is.
fn descriptor<'a>(rest: &mut &'a [u8], tag: u8) -> Option<&'a [u8]> {
    let (&found, mut bytes) = rest.split_first()?;
    let mut length = 0;
    for _ in 0..4 {
        let (&byte, after) = bytes.split_first()?;
        bytes = after;
        length = length << 7 | usize::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            break;
        }
    }
    let (content, after) = bytes.split_at(length.min(bytes.len()));
    *rest = after;
    (found == tag).then_some(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decoders_are_found_behind_optional_fields() {
        let mut config = vec![4, 0x80, 0x80, 17, 0x40];
        config.extend_from_slice(&[0; 12]);
        config.extend_from_slice(&[5, 2, 0x12, 0x10]);
        for flags in [0u8, 0x20, 0x40, 0x80, 0xe0] {
            let mut stream = vec![0, 1, flags];
            if flags & 0x80 != 0 {
                stream.extend_from_slice(&[0, 9]);
            }
            if flags & 0x40 != 0 {
                stream.extend_from_slice(b"\x02ab");
            }
            if flags & 0x20 != 0 {
                stream.extend_from_slice(&[0, 7]);
            }
            stream.extend_from_slice(&config);
            let esds = [&[0, 0, 0, 0, 3, stream.len() as u8], stream.as_slice()].concat();
            let decoder = Decoder::read(&esds);
            let expected = Decoder {
                object_type: 0x40,
                specific: &[0x12, 0x10],
            };
            assert_eq!(decoder, Some(expected), "{flags:x}");
            for cut in 0..esds.len() - 5 {
                let _ = Decoder::read(&esds[..cut]);
            }
        }
    }
}
