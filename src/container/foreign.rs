//! Formats that this server knows by sight only, to say more than "not a movie".

use super::{Error, ReadAt};

/// How many bytes of a file are looked at.
const LOOK: usize = 16;

/// What a file is when it is of a format that only other programs read.
///
/// # Errors
/// [`Error::Read`] when the medium fails.
pub(super) fn name(file: &dyn ReadAt) -> Result<Option<&'static str>, Error> {
    let length = file.size().min(LOOK as u64) as usize;
    let mut start = [0; LOOK];
    let read = file.read_at(0, &mut start[..length]);
    read.map_err(|source| Error::Read {
        part: "the start",
        source,
    })?;
    Ok(name_of(&start[..length]))
}

fn name_of(start: &[u8]) -> Option<&'static str> {
    let kind = start.get(8..12).unwrap_or_default();
    match start {
        [b'R', b'I', b'F', b'F', ..] if kind == b"AVI " => {
            Some("an AVI file, which this server does not read")
        }
        [0x1a, 0x45, 0xdf, 0xa3, ..] => {
            Some("a Matroska or WebM file, which this server does not read")
        }
        [b'O', b'g', b'g', b'S', ..] => Some("an Ogg file, which this server does not read"),
        [b'F', b'L', b'V', 1, ..] => Some("a Flash video, which this server does not read"),
        [b'f', b'L', b'a', b'C', ..] => Some("a FLAC file, which this server does not read"),
        [0x30, 0x26, 0xb2, 0x75, ..] => {
            Some("a Windows Media file, which this server does not read")
        }
        [0, 0, 1, 0xba, ..] => Some("an MPEG program stream, which this server does not read"),
        [0x47, _, _, _, ..] if start.len() == LOOK => {
            Some("an MPEG transport stream, which is not served as a movie")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn well_known_formats_are_told_apart() {
        let name = |start: &[u8]| name(&start).unwrap().unwrap_or_default();
        assert!(name(b"RIFF\0\0\0\0AVI LIST").contains("AVI"));
        assert!(name(b"\x1a\x45\xdf\xa3").contains("Matroska"));
        for other in [b"RIFF\0\0\0\0WAVE".as_slice(), b"", b"G", b"text"] {
            assert_eq!(name(other), "");
        }
    }
}
