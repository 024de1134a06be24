//! A movie's sound in AMR on its way into ffmpeg, frame by frame in storage format (RFC 4867, 5).
//!
//! Samples of a file hold several frames as a rule, of which ffmpeg decodes the first alone.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use tokio::io::AsyncWriteExt;
use tokio::process::ChildStdin;

use crate::base::media_time::{MediaTime, NptTime};
use crate::codec::{Format, Kind};
use crate::container::{self, Cursor, Role, SampleTable, Span};

/// Samples that are read at a time.
const AT_ONCE: usize = 64;

/// The largest sample that is taken, in bytes: frames of AMR-WB for ten seconds and more.
const LARGEST: u32 = 32 << 10;

/// Where a movie's frames of AMR lie.
#[derive(Clone, Debug)]
pub(super) struct Speech {
    file: Arc<File>,
    is_wide: bool,
    timescale: u32,
    samples: SampleTable,
    /// What is heard of them, and when.
    span: Span,
}

/// Hands out frames from some sample on. The first bytes are the head of a file.
#[derive(Debug)]
pub(super) struct Reader {
    file: Arc<File>,
    head: &'static [u8],
    cursor: Cursor,
    samples: SampleTable,
    /// The media time at which it ends, in ticks.
    end: i64,
}

impl Speech {
    /// The first sound of the movie that lies in `file`, if it is AMR; `None` too for what is put together
    /// of several pieces, or lies in other files. Blocks.
    pub(super) fn of(movie: &container::Movie, file: &Path) -> Option<Self> {
        let tracks = &movie.tracks;
        let is_sound = |track: &&container::Track| track.kind() == Some(Kind::Audio);
        let track = tracks.iter().find(is_sound)?;
        let Role::Media(Format::Amr { wide, channels: 1 }) = track.role else {
            return None;
        };
        let [span] = *track.edits.spans() else {
            return None;
        };
        if track.samples.cursor(0).next(&track.samples)?.file != 0 {
            return None;
        }
        Some(Self {
            file: Arc::new(File::open(file).ok()?),
            is_wide: wide,
            timescale: track.timescale,
            samples: track.samples.clone(),
            span,
        })
    }

    /// Frames from what is heard at `from` on, and how much later than that the first begins; negative when it
    /// begins earlier. Both in seconds.
    pub(super) fn passage(&self, from: f64) -> (f64, Reader) {
        let start = self.span.start.seconds();
        let since = NptTime::from_seconds((from - start).max(0.0));
        let wanted = MediaTime::from_nanos(since.0, self.timescale);
        let media_time = self.span.media_start.saturating_add(wanted.ticks);
        let index = self.samples.index_at(media_time);
        let cursor = self.samples.cursor(index);
        let first = cursor.clone().next(&self.samples);
        let ticks = first.map_or(0, |first| first.time.saturating_sub(self.span.media_start));
        let begins = start + MediaTime::new(ticks, self.timescale).seconds();
        let reader = Reader {
            file: Arc::clone(&self.file),
            head: if self.is_wide {
                b"#!AMR-WB\n"
            } else {
                b"#!AMR\n"
            },
            cursor,
            samples: self.samples.clone(),
            end: self.span.media_end,
        };
        (begins - from, reader)
    }
}

impl Reader {
    /// The next bytes; none at the end. Blocks.
    fn read(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = std::mem::take(&mut self.head).to_vec();
        for _ in 0..AT_ONCE {
            let sample = self.cursor.next(&self.samples);
            let Some(sample) = sample.filter(|sample| sample.time < self.end) else {
                break;
            };
            if sample.size > LARGEST {
                return Err(io::ErrorKind::InvalidData.into());
            }
            let start = bytes.len();
            bytes.resize(start + sample.size as usize, 0);
            let room = bytes.get_mut(start..).unwrap_or_default();
            self.file.read_exact_at(room, sample.offset)?;
        }
        Ok(bytes)
    }

    /// Writes all frames to a process, as far as it takes them.
    pub(super) async fn feed(mut self, mut process: ChildStdin) {
        loop {
            let read = tokio::task::spawn_blocking(move || {
                let bytes = self.read();
                (self, bytes)
            });
            let Ok((reader, Ok(bytes))) = read.await else {
                return;
            };
            if bytes.is_empty() || process.write_all(&bytes).await.is_err() {
                return;
            }
            self = reader;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two frames of silence in a sample, 40 ms each.
    fn speech(path: &Path, span: Span) -> Speech {
        Speech {
            file: Arc::new(File::open(path).unwrap()),
            is_wide: false,
            timescale: 8000,
            samples: SampleTable::uniform(3, 2, 5, 320, 1),
            span,
        }
    }

    fn span(start: f64, media_start: i64) -> Span {
        Span {
            start: NptTime::from_seconds(start),
            duration_ns: 200_000_000,
            media_start,
            media_end: i64::MAX,
        }
    }

    #[test]
    fn frames_come_from_where_they_are_heard() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("movie");
        std::fs::write(&path, b"...aabbccddee").unwrap();
        for (start, media_start, from, late, heard) in [
            (0.0, 0, 0.0, 0.0, "#!AMR\naabbccddee"),
            (0.0, 0, 0.1, -0.02, "#!AMR\nccddee"),
            (0.0, 320, 0.0, 0.0, "#!AMR\nbbccddee"),
            (0.5, 0, 0.1, 0.4, "#!AMR\naabbccddee"),
            (0.5, 0, 0.6, -0.02, "#!AMR\nccddee"),
            (0.0, 0, 9.0, -8.84, "#!AMR\nee"),
        ] {
            let (later, mut reader) = speech(&path, span(start, media_start)).passage(from);
            assert!((later - late).abs() < 1e-6, "{from}: {later}");
            assert_eq!(reader.read().unwrap(), heard.as_bytes(), "{from}");
            assert!(reader.read().unwrap().is_empty());
        }
    }

    #[test]
    fn a_file_that_was_cut_off_ends_with_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("movie");
        std::fs::write(&path, b"...aabb").unwrap();
        let (_, mut reader) = speech(&path, span(0.0, 0)).passage(0.0);
        assert!(reader.read().is_err());
    }
}
