//! MP3 files, and those of the other layers: frames one after the other, among tags and rubbish.

use super::audio::{movie, read};
use super::{Error, Movie, ReadAt, SampleTable};
use crate::codec::Format;
use crate::codec::mpeg_audio::Header;

/// Reads all frame headers of the file, so that seeking is exact with variable bit rates too.
///
/// # Errors
/// [`Error::Unrecognised`] when no frames are found at the start, after the tags that may precede them.
pub(super) fn open(file: &dyn ReadAt) -> Result<Movie, Error> {
    let mut frames = Frames::new(file)?.ok_or(Error::Unrecognised)?;
    frames.skip_table_of_contents()?;
    let first = frames.first;
    let samples = SampleTable::listed(&mut frames, first.duration)?;
    if let Some(failure) = frames.failure {
        return Err(failure);
    }
    let format = Format::MpegAudio {
        layer: first.layer,
        rate_hz: first.rate_hz,
        channels: first.channels,
    };
    let duration = i64::from(samples.len()) * i64::from(first.duration);
    Ok(movie(
        "MPEG audio",
        format,
        first.rate_hz,
        duration,
        samples,
    ))
}

/// The frames of a file as (byte offset, bytes), rubbish between them skipped.
struct Frames<'a> {
    window: Window<'a>,
    offset: u64,
    /// The header of the first frame; all others continue it.
    first: Header,
    failure: Option<Error>,
}

impl<'a> Frames<'a> {
    /// `None` when no run of frames starts within [`SEARCHED`] bytes after the tags.
    fn new(file: &'a dyn ReadAt) -> Result<Option<Self>, Error> {
        let mut window = Window::new(file)?;
        let start = skip_tags(file)?;
        for offset in start..window.end.min(start.saturating_add(SEARCHED)) {
            let bytes = window.at(offset)?;
            if let Some(first) = run_of(CONVINCING, bytes, None) {
                return Ok(Some(Self {
                    window,
                    offset,
                    first,
                    failure: None,
                }));
            }
        }
        Ok(None)
    }

    /// Skips a first frame that holds no audio but an encoder's table of contents (Xing, VBRI).
    fn skip_table_of_contents(&mut self) -> Result<(), Error> {
        const VBRI_AT: usize = Header::SIZE + 32;
        let xing_at = Header::SIZE + self.first.side_information as usize;
        let frame = self.window.at(self.offset)?;
        let is_at = |at: usize, name: &[u8]| frame.get(at..).is_some_and(|b| b.starts_with(name));
        let names = [(xing_at, b"Xing"), (xing_at, b"Info"), (VBRI_AT, b"VBRI")];
        if names.iter().any(|(at, name)| is_at(*at, *name)) {
            self.offset += u64::from(self.first.size);
        }
        Ok(())
    }

    fn find_next(&mut self) -> Result<Option<(u64, u32)>, Error> {
        let mut wanted = 1;
        while self.offset < self.window.end {
            let bytes = self.window.at(self.offset)?;
            if let Some(header) = run_of(wanted, bytes, Some(&self.first)) {
                let frame = (self.offset, header.size);
                self.offset += u64::from(header.size);
                return Ok(Some(frame));
            }
            // Rubbish holds four bytes that look like a header sooner or later.
            wanted = 2;
            self.offset += 1;
        }
        Ok(None)
    }
}

impl Iterator for Frames<'_> {
    type Item = (u64, u32);

    fn next(&mut self) -> Option<Self::Item> {
        self.find_next().unwrap_or_else(|failure| {
            self.failure = Some(failure);
            None
        })
    }
}

/// The header at the start of `bytes` if `wanted` whole frames that belong together start there.
///
/// Fewer do when they end with `bytes`, unless there was no frame `before`.
fn run_of(wanted: usize, mut bytes: &[u8], before: Option<&Header>) -> Option<Header> {
    let mut first = None;
    for _ in 0..wanted {
        if bytes.is_empty() && before.is_some() {
            break;
        }
        let header = Header::read(*bytes.first_chunk()?)?;
        if !before
            .or(first.as_ref())
            .is_none_or(|other| header.continues(other))
        {
            return None;
        }
        bytes = bytes.get(header.size as usize..)?;
        first.get_or_insert(header);
    }
    first
}

/// Where audio may start: after any ID3v2 tags (ID3v2.4, 3.1).
fn skip_tags(file: &dyn ReadAt) -> Result<u64, Error> {
    const HEADER: u64 = 10;
    const HAS_FOOTER: u8 = 0x10;
    let mut offset = 0;
    while offset + HEADER <= file.size() {
        let [b'I', b'D', b'3', _, _, flags, size @ ..]: [u8; 10] = read(file, offset, "ID3 tag")?
        else {
            break;
        };
        let size = size
            .iter()
            .fold(0, |sum, byte| sum << 7 | u64::from(byte & 0x7f));
        let footer = if flags & HAS_FOOTER != 0 { HEADER } else { 0 };
        offset += HEADER + size + footer;
    }
    Ok(offset)
}

/// Where audio must end: before an ID3v1 tag.
fn end_of_audio(file: &dyn ReadAt) -> Result<u64, Error> {
    const TAG: u64 = 128;
    let Some(start) = file.size().checked_sub(TAG) else {
        return Ok(file.size());
    };
    let tagged = read(file, start, "ID3v1 tag")? == *b"TAG";
    Ok(if tagged { start } else { file.size() })
}

/// A part of the file that is read in one go.
struct Window<'a> {
    file: &'a dyn ReadAt,
    /// Where audio ends in the file.
    end: u64,
    start: u64,
    bytes: Vec<u8>,
}

impl<'a> Window<'a> {
    fn new(file: &'a dyn ReadAt) -> Result<Self, Error> {
        Ok(Self {
            file,
            end: end_of_audio(file)?,
            start: 0,
            bytes: Vec::new(),
        })
    }

    /// [`LOOK_AHEAD`] bytes or more from `offset`; fewer only before the end of the audio.
    fn at(&mut self, offset: u64) -> Result<&[u8], Error> {
        let wanted = self.end.min(offset.saturating_add(LOOK_AHEAD));
        if offset < self.start || wanted > self.start + self.bytes.len() as u64 {
            self.load(offset)?;
        }
        let from = usize::try_from(offset - self.start).unwrap_or(usize::MAX);
        Ok(self.bytes.get(from..).unwrap_or_default())
    }

    fn load(&mut self, offset: u64) -> Result<(), Error> {
        let size = self.end.saturating_sub(offset).min(WINDOW);
        self.start = offset;
        self.bytes.resize(size as usize, 0);
        let failed = |source| Error::Read {
            part: "MPEG audio frames",
            source,
        };
        self.file.read_at(offset, &mut self.bytes).map_err(failed)
    }
}

/// So many frames in a row are no accident.
const CONVINCING: usize = 3;
/// Bytes after the tags in which the first frame must start.
const SEARCHED: u64 = 64 << 10;
/// More than the largest three frames and a header.
const LOOK_AHEAD: u64 = 12 << 10;
const WINDOW: u64 = 256 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    /// 128 kbit/s at 44.1 kHz, stereo.
    fn frame() -> Vec<u8> {
        let mut frame = vec![0x55; 417];
        frame[..4].copy_from_slice(&[0xff, 0xfb, 0x90, 0]);
        frame
    }

    fn places(file: &[u8]) -> Vec<(u64, u32)> {
        let mut frames = Frames::new(&file).unwrap().unwrap();
        frames.skip_table_of_contents().unwrap();
        frames.collect()
    }

    #[test]
    fn tags_and_rubbish_are_skipped() {
        let tag = [&b"ID3\x04\0\x10\0\0\x01\x02"[..], &[0xff; 130 + 10]].concat();
        let end = [&b"TAG"[..], &[0; 125]].concat();
        let rubbish = [0, 0, 0xff, 0xfb, 0x90, 0, 1];
        let file = [
            &tag[..],
            &frame(),
            &frame(),
            &frame(),
            &rubbish,
            &frame(),
            &frame(),
            &end,
        ];
        let start = tag.len() as u64;
        let offsets = [0, 417, 834, 1251 + 7, 1668 + 7].map(|offset| (start + offset, 417));
        assert_eq!(places(&file.concat()), offsets);
    }

    #[test]
    fn a_table_of_contents_is_no_audio() {
        let mut xing = frame();
        xing[36..40].copy_from_slice(b"Xing");
        let file = [xing, frame(), frame(), frame()].concat();
        assert_eq!(places(&file).len(), 3);
    }

    #[test]
    fn frames_that_do_not_repeat_are_an_accident() {
        let other = {
            let mut other = frame();
            other[2] = 0x94;
            other
        };
        for file in [
            vec![],
            vec![0xff; 4000],
            [frame(), frame()].concat(),
            [frame(), other.clone(), frame(), other].concat(),
        ] {
            assert!(Frames::new(&file.as_slice()).unwrap().is_none());
        }
    }

    #[test]
    fn a_real_file_is_read_to_its_end() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../shared/media/qtss/sample.mp3"
        );
        let Ok(file) = std::fs::read(path) else {
            println!("skipped: no sample.mp3");
            return;
        };
        let frames = places(&file);
        assert!(frames.len() > 1000, "{}", frames.len());
        let bytes: u64 = frames.iter().map(|(_, size)| u64::from(*size)).sum();
        assert!(
            file.len() as u64 - bytes < 4096,
            "{bytes} of {}",
            file.len()
        );
    }

    proptest::proptest! {
        #[test]
        fn any_file_is_read_or_refused(mut file: Vec<u8>, at: u16) {
            let at = usize::from(at) % (file.len() + 1);
            file.splice(at..at, [frame(), frame(), frame()].concat());
            let _ = open(&file.as_slice());
        }
    }
}
