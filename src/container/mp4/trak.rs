//! One track of a movie, from its `trak` box.

use super::atom::Atom;
use super::data_references::{Files, Reference};
use super::hint_track;
use super::language;
use super::sample_entry::SampleEntry;
use super::sample_table::{self, Facts};
use crate::base::id::TrackId;
use crate::base::media_time::MediaTime;
use crate::codec::Kind;
use crate::container::big_endian::{u32_at, u64_at};
use crate::container::edits::Entry;
use crate::container::{Edits, Role, SampleTable, Track};

/// What a movie's tracks have in common.
pub(super) struct Context<'a> {
    /// Ticks per second of the movie, in Hz.
    pub(super) timescale: u32,
    /// Bytes of the movie's own file.
    pub(super) file_size: u64,
    /// The files that tracks refer to.
    pub(super) files: &'a mut Files,
    /// Whether most samples are in fragments.
    pub(super) fragmented: bool,
    /// Why parts cannot be served.
    pub(super) faults: &'a mut Vec<String>,
}

/// Reads the track `trak`; `None`, with a fault, when it has no usable identity.
pub(super) fn read(trak: &Atom, context: &mut Context<'_>) -> Option<Track> {
    let track = identify(trak);
    let Some((id, header, mdia)) = track else {
        context.faults.push("a track has no header".to_owned());
        return None;
    };
    let kind = media_kind(&mdia);
    let stbl = mdia.child(b"minf").and_then(|minf| minf.child(b"stbl"));
    let stsd = stbl.as_ref().and_then(|stbl| stbl.child(b"stsd"));
    let entries = stsd.map_or_else(Vec::new, |stsd| SampleEntry::read_all(&stsd));
    let mut role = role(trak, &entries, kind, header.timescale);
    let samples = match &stbl {
        Some(stbl) => samples(stbl, &mdia, &entries, &role, header.timescale, context),
        None => Err("it has no sample table".to_owned()),
    };
    if let (Ok(samples), Some(stbl)) = (&samples, &stbl) {
        let (left, all) = (samples.len(), sample_table::claimed(stbl));
        if left < all {
            let text = format!("track {id}: only {left} of its {all} samples are in the file");
            context.faults.push(text);
        }
    }
    let samples = samples.unwrap_or_else(|reason| {
        let kind = kind.or_else(|| role_kind(&role));
        role = Role::Unservable { kind, reason };
        SampleTable::empty()
    });
    let duration = match samples.duration() {
        0 => header.duration,
        duration => duration,
    };
    let media = MediaTime::new(duration, header.timescale);
    let first = entries.first();
    let mut track = Track {
        id,
        role,
        timescale: header.timescale,
        duration,
        edits: edits(trak, media, context.timescale),
        samples,
        codec: first.map_or_else(String::new, |entry| entry.kind.to_string()),
        descriptions: entries.iter().map(|entry| entry.whole.clone()).collect(),
        bit_rate: None,
        language: header.language,
        size: first
            .filter(|_| kind == Some(Kind::Video))
            .and_then(SampleEntry::picture_size),
    };
    track.bit_rate = bit_rate(&track);
    Some(track)
}

/// Brings up to date what depends on the samples of `track`, read from `trak`, after they changed.
pub(super) fn complete(track: &mut Track, trak: &Atom, movie_timescale: u32) {
    let media = MediaTime::new(track.duration, track.timescale);
    track.edits = edits(trak, media, movie_timescale);
    track.bit_rate = bit_rate(track);
    if track.samples.is_empty() && matches!(track.role, Role::Media(_) | Role::Hint(_)) {
        track.role = Role::Unservable {
            kind: track.kind(),
            reason: NO_SAMPLES.to_owned(),
        };
    }
}

/// The mean rate of a track in bit/s.
fn bit_rate(track: &Track) -> Option<u64> {
    let bytes = match track.hint() {
        Some(hint) => hint.totals.bytes?,
        None => track.samples.bytes(),
    };
    let duration = u128::try_from(track.duration)
        .ok()
        .filter(|&ticks| ticks > 0)?;
    let rate = u128::from(bytes) * 8 * u128::from(track.timescale) / duration;
    u64::try_from(rate).ok().filter(|&rate| rate > 0)
}

/// What the media header says (ISO/IEC 14496-12, 8.4.2).
struct MediaHeader {
    timescale: u32,
    duration: i64,
    language: Option<String>,
}

fn identify(trak: &Atom) -> Option<(TrackId, MediaHeader, Atom)> {
    let tkhd = trak.child(b"tkhd")?;
    let id = tkhd.u32_at(if tkhd.version() == 1 { 20 } else { 12 })?;
    let mdia = trak.child(b"mdia")?;
    let header = MediaHeader::read(&mdia.child(b"mdhd")?)?;
    Some((TrackId(id), header, mdia))
}

impl MediaHeader {
    fn read(mdhd: &Atom) -> Option<Self> {
        let (timescale, duration, packed) = if mdhd.version() == 1 {
            (mdhd.u32_at(20)?, mdhd.u64_at(24)?, mdhd.u16_at(32))
        } else {
            (mdhd.u32_at(12)?, mdhd.u32_at(16)?.into(), mdhd.u16_at(20))
        };
        Some(Self {
            timescale: timescale.max(1),
            duration: i64::try_from(duration).unwrap_or(0),
            language: packed.and_then(language::read),
        })
    }
}

fn media_kind(mdia: &Atom) -> Option<Kind> {
    let handler = mdia.child(b"hdlr")?;
    match handler.body.get(8..12)? {
        b"vide" => Some(Kind::Video),
        b"soun" => Some(Kind::Audio),
        _ => None,
    }
}

fn role_kind(role: &Role) -> Option<Kind> {
    match role {
        Role::Media(format) => Some(format.kind()),
        _ => None,
    }
}

fn role(trak: &Atom, entries: &[SampleEntry], kind: Option<Kind>, timescale: u32) -> Role {
    let unservable = |reason| Role::Unservable { kind, reason };
    let Some((first, others)) = entries.split_first() else {
        return unservable("it has no sample description".to_owned());
    };
    if hint_track::is_hint(trak) {
        return hint_track::read(trak, first, timescale).map_or_else(unservable, Role::Hint);
    }
    let Some(media) = kind else {
        return Role::Other;
    };
    match first.format(media) {
        Ok(format)
            if others
                .iter()
                .all(|entry| entry.format(media).as_ref() == Ok(&format)) =>
        {
            Role::Media(format)
        }
        Ok(_) => unservable("its format changes on the way".to_owned()),
        Err(reason) => unservable(reason),
    }
}

fn samples(
    stbl: &Atom,
    mdia: &Atom,
    entries: &[SampleEntry],
    role: &Role,
    timescale: u32,
    context: &mut Context<'_>,
) -> Result<SampleTable, String> {
    let format = match role {
        Role::Media(format) => Some(format),
        _ => None,
    };
    let facts = Facts {
        blocks: entries.first().and_then(|entry| entry.sound_blocks(format)),
        group: timescale / 50,
        files: files(mdia, entries, context.files)?,
        file_size: context.file_size,
    };
    let table = sample_table::read(stbl, facts).map_err(|error| error.to_string())?;
    if table.is_empty() && !context.fragmented {
        return Err(NO_SAMPLES.to_owned());
    }
    Ok(table)
}

/// The file of each sample entry.
fn files(mdia: &Atom, entries: &[SampleEntry], files: &mut Files) -> Result<Vec<u16>, String> {
    let dref = mdia
        .child(b"minf")
        .and_then(|minf| minf.child(b"dinf"))
        .and_then(|dinf| dinf.child(b"dref"));
    let references = dref.map_or_else(Vec::new, |dref| files.references(&dref));
    entries
        .iter()
        .map(|entry| file(entry, &references))
        .collect::<Result<_, _>>()
        .map_err(str::to_owned)
}

/// A description without a usable number means the movie itself: some writers leave `dref` out.
fn file(entry: &SampleEntry, references: &[Reference]) -> Reference {
    let at = usize::from(entry.reference).wrapping_sub(1);
    references.get(at).copied().unwrap_or(Ok(0))
}

fn edits(trak: &Atom, media: MediaTime, movie_timescale: u32) -> Edits {
    let elst = trak.child(b"edts").and_then(|edts| edts.child(b"elst"));
    let Some(elst) = elst else {
        return Edits::whole(media);
    };
    let wide = elst.version() == 1;
    let table = elst.entries(if wide { 20 } else { 12 });
    let entries = table
        .chunks_exact(if wide { 20 } else { 12 })
        .take(MAX_EDITS)
        .filter_map(|entry| edit(entry, wide, movie_timescale));
    if table.is_empty() {
        return Edits::whole(media);
    }
    Edits::from_entries(entries, media)
}

fn edit(entry: &[u8], wide: bool, movie_timescale: u32) -> Option<Entry> {
    let (duration, media_time, rate) = if wide {
        (
            u64_at(entry, 0)?,
            u64_at(entry, 8)? as i64,
            u32_at(entry, 16)?,
        )
    } else {
        let media_time = u32_at(entry, 4)? as i32;
        (
            u32_at(entry, 0)?.into(),
            media_time.into(),
            u32_at(entry, 8)?,
        )
    };
    Some(Entry {
        duration: MediaTime::new(i64::try_from(duration).ok()?, movie_timescale),
        media_time,
        dwell: rate == 0,
    })
}

/// The most edits of a track that are followed.
const MAX_EDITS: usize = 10_000;
const NO_SAMPLES: &str = "none of its samples is in the file";
