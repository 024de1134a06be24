//! Movie fragments: samples described beside their media (ISO/IEC 14496-12, 8.8).
//!
//! All fragments are read when the movie is opened, into the same compact tables
//! that other movies have; `sidx` is not needed for that.

use super::atom::{Atom, atoms};
use super::top_level::TopLevel;
use crate::base::id::TrackId;
use crate::base::media_time::MediaTime;
use crate::container::big_endian::u32_at;
use crate::container::samples::{List, Listed};
use crate::container::{Error, MAX_INDEX, ReadAt, SampleTable, Track};

/// Replaces the sample tables of `tracks` by ones that hold the fragments of `file` too.
///
/// `mvex` is the box that announces them. Times count from the earliest sample
/// of all tracks: what was recorded in the middle of a live channel starts at 0.
///
/// # Errors
/// [`Error`] when the medium fails or the tables grow too large. A broken
/// fragment ends the movie.
pub(super) fn read(file: &dyn ReadAt, mvex: &Atom, tracks: &mut [Track]) -> Result<(), Error> {
    let mut building: Vec<Building> = tracks
        .iter()
        .map(|track| Building::new(track, mvex))
        .collect();
    let mut boxes = TopLevel::new(file);
    while let Some(place) = boxes.next()? {
        if place.kind.0 != *b"moof" {
            continue;
        }
        let moof = match place.load(file, MAX_FRAGMENT, "movie fragment") {
            Err(Error::Malformed { .. }) => break,
            other => other?,
        };
        Fragment {
            start: place.start,
            end: place.start,
            file_size: file.size(),
        }
        .read(&moof, &mut building)?;
    }
    let earliest = building.iter().filter_map(Building::first_nanos).min();
    for (track, built) in tracks.iter_mut().zip(building) {
        track.samples = built.finish(earliest.unwrap_or(0));
        let late = track.samples.first_time();
        track.duration = track.samples.duration().saturating_add(late);
    }
    Ok(())
}

/// Sample properties that need not be repeated in each fragment (`trex`, `tfhd`).
#[derive(Clone, Copy, Debug, Default)]
struct Defaults {
    description: u32,
    duration: u32,
    size: u32,
    flags: u32,
}

/// A track's table while fragments are added.
struct Building {
    id: TrackId,
    timescale: u32,
    defaults: Defaults,
    list: List,
    /// Decode time of the first sample.
    base: Option<i64>,
}

impl Building {
    fn new(track: &Track, mvex: &Atom) -> Self {
        let mut list = List::default();
        let mut cursor = track.samples.cursor(0);
        // A movie of fragments may start with samples of the usual kind.
        while list.memory() < MAX_INDEX
            && let Some(sample) = cursor.next(&track.samples)
        {
            list.push(Listed {
                offset: sample.offset,
                size: sample.size,
                duration: sample.duration,
                composition: sample.composition,
                sync: sample.sync,
                description: sample.description,
            });
        }
        Self {
            id: track.id,
            timescale: track.timescale,
            defaults: Defaults::of_track(mvex, track.id),
            base: (list.len() > 0).then_some(0),
            list,
        }
    }

    fn first_nanos(&self) -> Option<i64> {
        let base = self.base.filter(|_| self.list.len() > 0)?;
        Some(MediaTime::new(base, self.timescale).nanos())
    }

    fn finish(self, earliest: i64) -> SampleTable {
        let shift = MediaTime::from_nanos(earliest, self.timescale).ticks;
        let base = self.base.unwrap_or(0).saturating_sub(shift);
        self.list.finish(base.max(0), Vec::new())
    }
}

impl Defaults {
    fn of_track(mvex: &Atom, id: TrackId) -> Self {
        atoms(&mvex.body)
            .find(|atom| atom.kind.0 == *b"trex" && atom.u32_at(4) == Some(id.0))
            .map_or_else(Self::default, |trex| Self {
                description: trex.u32_at(8).unwrap_or(1),
                duration: trex.u32_at(12).unwrap_or(0),
                size: trex.u32_at(16).unwrap_or(0),
                flags: trex.u32_at(20).unwrap_or(0),
            })
    }
}

/// Reads optional 32 bit fields one after the other.
struct Fields<'a>(&'a Atom, usize);

impl Fields<'_> {
    fn next(&mut self, present: bool) -> Option<u32> {
        let field = present.then(|| self.0.u32_at(self.1)).flatten()?;
        self.1 += 4;
        Some(field)
    }
}

/// A fragment that is being read.
struct Fragment {
    /// Where its `moof` starts in the file.
    start: u64,
    /// Where the data of the track before ended.
    end: u64,
    file_size: u64,
}

impl Fragment {
    fn read(mut self, moof: &Atom, building: &mut [Building]) -> Result<(), Error> {
        for traf in atoms(&moof.body).filter(|atom| atom.kind.0 == *b"traf") {
            self.read_track(&traf, building)?;
        }
        Ok(())
    }

    fn read_track(&mut self, traf: &Atom, building: &mut [Building]) -> Result<(), Error> {
        let Some(tfhd) = traf.child(b"tfhd") else {
            return Ok(());
        };
        let used: usize = building.iter().map(|track| track.list.memory()).sum();
        let id = tfhd.u32_at(4).map(TrackId);
        let Some(track) = building.iter_mut().find(|track| Some(track.id) == id) else {
            return Ok(());
        };
        let flags = tfhd.flags();
        let (mut base, mut fields) = (self.end, Fields(&tfhd, 8));
        if flags & 1 != 0 {
            base = tfhd.u64_at(8).unwrap_or(u64::MAX);
            fields.1 = 16;
        } else if flags & 0x2_0000 != 0 {
            base = self.start;
        }
        let of_track = track.defaults;
        let defaults = Defaults {
            description: fields.next(flags & 2 != 0).unwrap_or(of_track.description),
            duration: fields.next(flags & 8 != 0).unwrap_or(of_track.duration),
            size: fields.next(flags & 16 != 0).unwrap_or(of_track.size),
            flags: fields.next(flags & 32 != 0).unwrap_or(of_track.flags),
        };
        let others = used - track.list.memory();
        track.start_at(decode_time(traf));
        let mut run = Run {
            base,
            at: base,
            defaults,
            file_size: self.file_size,
            budget: MAX_INDEX.saturating_sub(others),
        };
        for trun in atoms(&traf.body).filter(|atom| atom.kind.0 == *b"trun") {
            run.read(&trun, &mut track.list)?;
        }
        self.end = run.at;
        Ok(())
    }
}

/// The decode time of a fragment's first sample, where it says so.
fn decode_time(traf: &Atom) -> Option<i64> {
    let tfdt = traf.child(b"tfdt")?;
    let time = if tfdt.version() == 1 {
        tfdt.u64_at(4)?
    } else {
        tfdt.u32_at(4)?.into()
    };
    i64::try_from(time).ok()
}

impl Building {
    /// Continues at `time`; the last sample fills a gap before it.
    fn start_at(&mut self, time: Option<i64>) {
        if self.list.len() == 0 {
            self.base = Some(time.unwrap_or(0));
        }
        if let (Some(time), Some(base)) = (time, self.base) {
            self.list.stretch_to(time.saturating_sub(base));
        }
    }
}

/// The runs of samples of one track in one fragment.
struct Run {
    base: u64,
    /// Where the next sample lies.
    at: u64,
    defaults: Defaults,
    file_size: u64,
    /// Bytes of memory that the track's list may take.
    budget: usize,
}

impl Run {
    fn read(&mut self, trun: &Atom, list: &mut List) -> Result<(), Error> {
        let flags = trun.flags();
        let mut fields = Fields(trun, 8);
        if let Some(offset) = fields.next(flags & 1 != 0) {
            self.at = self.base.saturating_add_signed((offset as i32).into());
        }
        let first_flags = fields.next(flags & 4 != 0);
        let row = (flags >> 8 & 15).count_ones() as usize * 4;
        let rows = trun.from(fields.1);
        let claimed = trun.u32_at(4).unwrap_or(0);
        let held = match rows.len().checked_div(row) {
            Some(held) => held as u64,
            None => self.file_size / u64::from(self.defaults.size.max(1)),
        };
        for index in 0..u64::from(claimed).min(held) {
            let row = rows.get(index as usize * row..).unwrap_or_default();
            let mut sample = self.sample(row, flags);
            if let Some(flags) = first_flags.filter(|_| index == 0) {
                sample.sync = is_sync(flags);
            }
            self.at = self.at.saturating_add(sample.size.into());
            if self.at > self.file_size {
                break;
            }
            list.push(sample);
            if list.memory() > self.budget {
                let bytes = MAX_INDEX as u64 + 1;
                return Err(Error::TooLarge { bytes });
            }
        }
        Ok(())
    }

    fn sample(&self, row: &[u8], flags: u32) -> Listed {
        let mut at = 0;
        let mut field = |bit: u32| {
            let value = (flags & bit != 0).then(|| u32_at(row, at)).flatten()?;
            at += 4;
            Some(value)
        };
        let duration = field(0x100).unwrap_or(self.defaults.duration);
        let size = field(0x200).unwrap_or(self.defaults.size);
        let sample_flags = field(0x400).unwrap_or(self.defaults.flags);
        Listed {
            offset: self.at,
            size,
            duration,
            composition: field(0x800).unwrap_or(0) as i32,
            sync: is_sync(sample_flags),
            description: self.defaults.description.max(1),
        }
    }
}

/// The flag says that a sample is none (ISO/IEC 14496-12, 8.8.3.1).
fn is_sync(flags: u32) -> bool {
    flags & 0x1_0000 == 0
}

/// The largest `moof`, in bytes.
const MAX_FRAGMENT: usize = 8 << 20;
