//! MPEG-1 and MPEG-2 video: what stands before the slices of a picture (ISO/IEC 11172-2, 2.4.2; ISO/IEC 13818-2, 6.2).

use bytes::Bytes;

use super::annex_b;

/// What a decoder has to know before the first picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sequence {
    /// MPEG-2.
    pub is_second: bool,
    /// The sequence header and its extensions, start codes included.
    pub headers: Bytes,
}

/// What is before the first slice.
#[derive(Debug, Default)]
pub(super) struct Headers {
    pub(super) sequence: Option<Sequence>,
    /// The picture refers to no other.
    pub(super) is_intra: bool,
    /// The picture is one of the two fields of a frame.
    pub(super) is_field: bool,
}

impl Headers {
    /// Reads what is before the first slice of `data`, as far as it is there.
    pub(super) fn read(data: &[u8]) -> Self {
        let mut headers = Self::default();
        // Where the sequence header begins, and whether it is of MPEG-2.
        let mut open = None;
        for (at, unit) in annex_b::units(data) {
            // Zeros at the end of a unit are left out, which may be the code itself.
            let byte = |index| unit.get(index).copied().unwrap_or_default();
            let (code, kind) = (byte(0), byte(1) >> 4);
            if matches!(code, USER_DATA | GROUP | PICTURE)
                && let Some((start, is_second)) = open.take()
            {
                headers.sequence = Sequence::of(is_second, data.get(start..at));
            }
            match code {
                SEQUENCE => open = Some((at, false)),
                EXTENSION if kind == SEQUENCE_EXTENSION => {
                    open = open.map(|(start, _)| (start, true));
                }
                EXTENSION if kind == CODING_EXTENSION => {
                    headers.is_field = matches!(byte(3) & 3, 1 | 2);
                }
                PICTURE => headers.is_intra = byte(2) >> 3 & 7 == 1,
                FIRST_SLICE..=LAST_SLICE => break,
                _ => {}
            }
        }
        headers
    }
}

impl Sequence {
    /// Of headers that are not too long to be any.
    fn of(is_second: bool, headers: Option<&[u8]>) -> Option<Self> {
        let headers = headers.filter(|headers| headers.len() <= MAX_HEADERS)?;
        Some(Self {
            is_second,
            headers: Bytes::copy_from_slice(headers),
        })
    }
}

/// The most bytes of a sequence header and its extensions, some of which have tables.
const MAX_HEADERS: usize = 1024;

const PICTURE: u8 = 0x00;
const FIRST_SLICE: u8 = 0x01;
const LAST_SLICE: u8 = 0xaf;
const USER_DATA: u8 = 0xb2;
const SEQUENCE: u8 = 0xb3;
const EXTENSION: u8 = 0xb5;
const GROUP: u8 = 0xb8;

/// The kinds of extensions of which something is read.
const SEQUENCE_EXTENSION: u8 = 1;
const CODING_EXTENSION: u8 = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_told_from_what_follows() {
        let first = b"\0\0\x01\xb3\x0b\0\x90\x15\xff\xff\xe0\x18";
        let second = [&first[..], b"\0\0\x01\xb5\x14\x8a\0\x01\0\0"].concat();
        let group = b"\0\0\x01\xb8\0\x08\0\x40";
        let key = b"\0\0\x01\0\0\x0f\xff\xf8";
        let slice = b"\0\0\x01\x01\x23\0\0\x01\0\0\x17";
        for (sequence, is_second) in [(&first[..], false), (&second, true)] {
            let told = Headers::read(&[sequence, group, key, slice].concat());
            let expected = Sequence {
                is_second,
                headers: Bytes::copy_from_slice(sequence),
            };
            assert_eq!(told.sequence, Some(expected));
            assert!(told.is_intra && !told.is_field);
            // What is cut off is not whole.
            assert_eq!(Headers::read(sequence).sequence, None);
            let cut = [sequence, slice].concat();
            assert_eq!(Headers::read(&cut).sequence, None);
        }
        let long = [&first[..], &[7; 1100], key].concat();
        assert_eq!(Headers::read(&long).sequence, None);
    }

    #[test]
    fn pictures_tell_their_type_and_structure() {
        let picture = |kind: u8, structure: u8| {
            let head = [0, 0, 1, 0, 0, kind << 3 | 7, 0xff, 0xf8];
            let coding = [0, 0, 1, 0xb5, 0x8f, 0xff, 0xf0 | structure, 0x41, 0x80];
            let told = Headers::read(&[&head[..], &coding].concat());
            (told.is_intra, told.is_field)
        };
        assert_eq!(picture(1, 3), (true, false));
        assert_eq!(picture(1, 1), (true, true));
        assert_eq!(picture(2, 2), (false, true));
        assert_eq!(picture(3, 3), (false, false));
    }

    proptest::proptest! {
        #[test]
        fn rubbish_does_not_panic(bytes in proptest::collection::vec(0_u8..3, 0..60)) {
            Headers::read(&bytes);
        }
    }
}
