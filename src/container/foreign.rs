//! Formats that this server knows by sight only, to say more than "not a movie".

use std::fmt::{self, Display, Formatter};

use super::{Error, ReadAt};

/// How many bytes of a file are looked at.
const LOOK: usize = 16;

/// A format that only other programs read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Foreign {
    /// The file format, for people (`AVI`).
    pub container: &'static str,
    /// A file of it, in a sentence (`an AVI file`).
    pub(super) sentence: &'static str,
}

impl Display for Foreign {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.sentence)
    }
}

/// Of which such format a file is, if it is of one.
///
/// # Errors
/// [`Error::Read`] when the medium fails.
pub(super) fn format(file: &dyn ReadAt) -> Result<Option<Foreign>, Error> {
    let length = file.size().min(LOOK as u64) as usize;
    let mut start = [0; LOOK];
    let read = file.read_at(0, &mut start[..length]);
    read.map_err(|source| Error::Read {
        part: "the start",
        source,
    })?;
    let names = names(&start[..length]);
    Ok(names.map(|(container, sentence)| Foreign {
        container,
        sentence,
    }))
}

fn names(start: &[u8]) -> Option<(&'static str, &'static str)> {
    let kind = start.get(8..12).unwrap_or_default();
    Some(match start {
        [b'R', b'I', b'F', b'F', ..] if kind == b"AVI " => ("AVI", "an AVI file"),
        [0x1a, 0x45, 0xdf, 0xa3, ..] => ("Matroska", "a Matroska or WebM file"),
        [b'O', b'g', b'g', b'S', ..] => ("Ogg", "an Ogg file"),
        [b'F', b'L', b'V', 1, ..] => ("Flash", "a Flash video"),
        [b'f', b'L', b'a', b'C', ..] => ("FLAC", "a FLAC file"),
        [b'.', b'R', b'M', b'F', ..] => ("RealMedia", "a RealMedia file"),
        [b'c', b'a', b'f', b'f', ..] => ("CAF", "a Core Audio file"),
        [0x30, 0x26, 0xb2, 0x75, ..] => ("ASF", "a Windows Media file"),
        [0, 0, 1, 0xba, ..] => ("MPEG-PS", "an MPEG program stream"),
        [0x47, _, _, _, ..] if start.len() == LOOK => ("MPEG-TS", "an MPEG transport stream"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn well_known_formats_are_told_apart() {
        let container = |start: &[u8]| format(&start).unwrap().map(|found| found.container);
        assert_eq!(container(b"RIFF\0\0\0\0AVI LIST"), Some("AVI"));
        assert_eq!(container(b"\x1a\x45\xdf\xa3"), Some("Matroska"));
        for other in [b"RIFF\0\0\0\0WAVE".as_slice(), b"", b"G", b"text"] {
            assert_eq!(container(other), None);
        }
    }
}
