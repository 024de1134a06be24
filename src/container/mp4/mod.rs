//! ISO base media files and QuickTime movies (ISO/IEC 14496-12, QTFF).
//!
//! ```text
//! top_level -> moov -> trak ... -> sample_entry, sample_table, data_references, hint_track
//!           -> moof ... -> fragments
//! ```
//!
//! The movie box stays in memory as it is, and sample tables are slices of it.
//! A broken part costs that part, not the movie.
//!
//! What is written is fragmented: `init` the movie box, `fragment` all that follows it.

use std::collections::HashSet;

use crate::base::media_time::{MediaTime, NptTime};
use crate::container::{Error, MAX_INDEX, Movie, ReadAt, Role, Track};

mod atom;
mod boxes;
#[cfg(test)]
pub(crate) mod build;
pub mod cenc;
pub mod colours;
mod config;
mod copied;
mod data_references;
mod esds;
pub mod event;
pub mod fragment;
mod fragments;
pub mod hint;
mod hint_track;
pub mod init;
mod language;
mod layer;
mod sample_entry;
mod sample_table;
mod top_level;
mod trak;

use atom::{Atom, atoms};
pub(super) use config::hevc_record;
use data_references::Files;
use top_level::TopLevel;

/// Whether `file` starts like a movie of this family.
///
/// # Errors
/// [`Error::Read`] when the medium fails.
pub fn recognises(file: &dyn ReadAt) -> Result<bool, Error> {
    let first = TopLevel::new(file).next()?;
    Ok(first.is_some_and(|place| FIRST_BOXES.contains(&&place.kind.0)))
}

/// Reads the movie that `file` holds. The tracks that cannot be served say why.
///
/// # Errors
/// [`Error`] when it has no movie box, one that cannot be read, or one too large.
pub fn open(file: &dyn ReadAt) -> Result<Movie, Error> {
    let (moov, container) = load_movie_box(file)?;
    let header = MovieHeader::read(&moov)?;
    let mvex = moov.child(b"mvex");
    let (mut files, mut faults) = (Files::default(), Vec::new());
    let mut context = trak::Context {
        timescale: header.timescale,
        file_size: file.size(),
        files: &mut files,
        fragmented: mvex.is_some(),
        faults: &mut faults,
    };
    let (boxes, mut tracks) = read_tracks(&moov, &mut context);
    if let Some(mvex) = &mvex {
        fragments::read(file, mvex, &mut tracks)?;
        for (track, trak) in tracks.iter_mut().zip(&boxes) {
            trak::complete(track, trak, header.timescale);
        }
    }
    tracks.iter_mut().for_each(|track| layer::tell(file, track));
    faults.extend(tracks.iter().filter_map(fault));
    let movie = Movie {
        container,
        duration: header.duration(mvex.is_some(), &tracks),
        tracks,
        sdp: moov
            .child(b"udta")
            .and_then(|udta| hint_track::movie_sdp(&udta)),
        files: files.into_names(),
        faults,
    };
    within_memory(movie)
}

fn load_movie_box(file: &dyn ReadAt) -> Result<(Atom, &'static str), Error> {
    let mut boxes = TopLevel::new(file);
    let (mut container, mut fragments) = ("QuickTime", false);
    while let Some(place) = boxes.next()? {
        match &place.kind.0 {
            b"ftyp" => container = brand(&place.load(file, MAX_FILE_TYPE, "file type")?),
            b"moof" => fragments = true,
            b"moov" => {
                let moov = place.load(file, MAX_MOVIE_BOX, "movie box")?;
                refuse(&moov)?;
                return Ok((moov, container));
            }
            _ => {}
        }
    }
    if fragments {
        return Err(Error::Unsupported(
            "movie fragments without the movie box that they belong to",
        ));
    }
    Err(Error::Malformed {
        part: "movie",
        reason: "it has no movie box; the file may be cut short",
    })
}

fn refuse(moov: &Atom) -> Result<(), Error> {
    let only = |kind| moov.child(kind).is_some() && moov.child(b"trak").is_none();
    if only(b"cmov") {
        return Err(Error::Unsupported(
            "the movie box is compressed; save the movie again without compression",
        ));
    }
    if only(b"rmra") {
        return Err(Error::Unsupported(
            "a reference movie, which holds no media but points to other movies",
        ));
    }
    Ok(())
}

fn brand(ftyp: &Atom) -> &'static str {
    match ftyp.body.get(..4) {
        Some(b"qt  ") => "QuickTime",
        Some([b'3', b'g', ..]) => "3GPP",
        _ => "MP4",
    }
}

fn read_tracks(moov: &Atom, context: &mut trak::Context<'_>) -> (Vec<Atom>, Vec<Track>) {
    let mut known = HashSet::new();
    atoms(&moov.body)
        .filter(|atom| atom.kind.0 == *b"trak")
        .take(MAX_TRACKS)
        .filter_map(|trak| trak::read(&trak, context).map(|track| (trak, track)))
        .filter(|(_, track)| known.insert(track.id))
        .unzip()
}

fn fault(track: &Track) -> Option<String> {
    match &track.role {
        Role::Unservable { reason, .. } if track.codec.is_empty() => {
            Some(format!("track {}: {reason}", track.id))
        }
        Role::Unservable { reason, .. } => {
            Some(format!("track {} ({}): {reason}", track.id, track.codec))
        }
        _ => None,
    }
}

fn within_memory(movie: Movie) -> Result<Movie, Error> {
    let bytes = movie.index_memory();
    if bytes > MAX_INDEX {
        let bytes = bytes as u64;
        return Err(Error::TooLarge { bytes });
    }
    Ok(movie)
}

/// What the movie header says (ISO/IEC 14496-12, 8.2.2).
struct MovieHeader {
    timescale: u32,
    /// In ticks; 0 when it is unknown.
    duration: i64,
}

impl MovieHeader {
    fn read(moov: &Atom) -> Result<Self, Error> {
        let header = moov.child(b"mvhd").and_then(|mvhd| {
            if mvhd.version() == 1 {
                let duration = mvhd.u64_at(24)?;
                Some((mvhd.u32_at(20)?, i64::try_from(duration).unwrap_or(0)))
            } else {
                let duration = Some(mvhd.u32_at(16)?).filter(|&ticks| ticks != u32::MAX);
                Some((mvhd.u32_at(12)?, duration.unwrap_or(0).into()))
            }
        });
        let (timescale, duration) = header.ok_or(Error::Malformed {
            part: "movie header",
            reason: "it is missing or cut short",
        })?;
        Ok(Self {
            timescale: timescale.max(1),
            duration,
        })
    }

    fn duration(&self, fragmented: bool, tracks: &[Track]) -> MediaTime {
        if self.duration > 0 && !fragmented {
            return MediaTime::new(self.duration, self.timescale);
        }
        let ends = tracks.iter().map(|track| track.edits.end());
        let NptTime(end) = ends.max().unwrap_or_default();
        MediaTime::from_nanos(end, self.timescale)
    }
}

/// What a file of this family may start with.
const FIRST_BOXES: [&[u8; 4]; 11] = [
    b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"styp", b"moof", b"sidx",
    b"uuid",
];
/// The largest movie box, in bytes; the rest of [`MAX_INDEX`] is for sums over its tables.
const MAX_MOVIE_BOX: usize = MAX_INDEX / 8 * 7;
const MAX_FILE_TYPE: usize = 1 << 16;
/// The most tracks of a movie that are read.
const MAX_TRACKS: usize = 1024;

#[cfg(test)]
mod tests;
