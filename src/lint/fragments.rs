//! Segments and parts of fragmented MP4 (ISO/IEC 14496-12, 8.8; rfc8216bis, 3.1.2).

use std::collections::BTreeMap;

use super::boxes::{Atom, Atoms};
use super::content::{Content, Kind, Track};
use super::finding::Findings;
use super::initialisation::{InitialTrack, Initialisation};
use super::pictures;
use super::rule::rules;
use crate::base::media_time::MediaTime;

rules! {
    BROKEN "mp4-segment-boxes" Error "ISO/IEC 14496-12 4.2"
        "write boxes whose sizes are those of their content";
    FRAGMENT "mp4-fragment" Error "bis 3.1.2"
        "make segments of moof and mdat, with tfdt in every track fragment and offsets relative to the moof";
    DATA "mp4-sample-data" Error "ISO/IEC 14496-12 8.8.8"
        "let the sizes of samples in trun be those of the data in mdat";
    NUMBER "mp4-sequence-number" Warning "ISO/IEC 14496-12 8.8.5"
        "let the sequence numbers of fragments rise";
    TRACK "mp4-unknown-track" Error "bis 3.1.2"
        "describe every track of a segment in its initialisation segment";
    INSIDE "mp4-fragment-times" Error "Apple 7.2"
        "let each tfdt be the decode time at which the fragment before ended";
    SYNC "mp4-sync-sample" Error "Apple 7.4; ISO/IEC 14496-12 8.8.3"
        "mark as sync samples those that begin with an IDR picture, and no others";
    EVENT "mp4-event" Warning "Apple, CMAF"
        "carry ID3 in emsg of version 1 with the scheme `https://aomedia.org/emsg/ID3`";
}

/// Reads a segment or a part that belongs to `init`.
pub(super) fn read(
    bytes: &[u8],
    init: &Initialisation,
    place: &str,
    findings: &mut Findings,
) -> Content {
    let mut reader = Reader {
        bytes,
        init,
        place,
        findings,
        tracks: BTreeMap::new(),
        number: None,
    };
    let mut has_fragment = false;
    for atom in Atoms::of(bytes) {
        match atom {
            Err(broken) => {
                let found = format!("the box at byte {} does not fit", broken.at);
                reader.findings.add(&BROKEN, place, found);
            }
            Ok(atom) if atom.kind == *b"moof" => {
                has_fragment = true;
                reader.fragment(atom);
            }
            Ok(atom) if atom.kind == *b"emsg" => reader.event(atom),
            Ok(_) => {}
        }
    }
    if !has_fragment {
        reader.findings.add(&FRAGMENT, place, "there is no moof");
    }
    Content {
        tracks: reader.tracks.into_values().collect(),
        wraps: false,
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    init: &'a Initialisation,
    place: &'a str,
    findings: &'a mut Findings,
    tracks: BTreeMap<u32, Track>,
    /// The sequence number of the fragment before.
    number: Option<u32>,
}

/// Where a run of samples is, and what they share.
struct Run<'a> {
    track: &'a InitialTrack,
    /// Where its fragment begins.
    start: usize,
    duration: u32,
    size: u32,
    flags: u32,
}

/// A sample as `trun` tells of it.
#[derive(Clone, Copy)]
struct Sample {
    duration: u32,
    size: u32,
    flags: u32,
    composition: i64,
}

impl Reader<'_> {
    fn fragment(&mut self, moof: Atom<'_>) {
        let number = moof.child(b"mfhd").and_then(|mfhd| mfhd.full()?.2.u32());
        match (number, self.number) {
            (None, _) => self
                .findings
                .add(&FRAGMENT, self.place, "a moof has no mfhd"),
            (Some(number), Some(before)) if number <= before => {
                let found = format!("{number} comes after {before}");
                self.findings.add(&NUMBER, self.place, found);
            }
            _ => {}
        }
        self.number = number.or(self.number);
        for traf in moof.children().filter(|child| child.kind == *b"traf") {
            if self.track_fragment(moof.start, traf).is_none() {
                let found = "a track fragment cannot be read";
                self.findings.add(&FRAGMENT, self.place, found);
            }
        }
    }

    fn track_fragment(&mut self, start: usize, traf: Atom<'_>) -> Option<()> {
        let (_, flags, mut fields) = traf.child(b"tfhd")?.full()?;
        let id = fields.u32()?;
        let Some(track) = self.init.tracks.iter().find(|track| track.id == id) else {
            let found = format!("track {id} is not in the initialisation segment");
            self.findings.add(&TRACK, self.place, found);
            return Some(());
        };
        if flags & BASE_DATA_OFFSET != 0 {
            let found = "tfhd has an offset into a file";
            self.findings.add(&FRAGMENT, self.place, found);
            fields.skip(8)?;
        } else if flags & BASE_IS_MOOF == 0 {
            let found = "tfhd lacks default-base-is-moof";
            self.findings.add(&FRAGMENT, self.place, found);
        }
        let mut or = |flag: u32, otherwise: u32| match flags & flag {
            0 => Some(otherwise),
            _ => fields.u32(),
        };
        or(DESCRIPTION, 0)?;
        let run = Run {
            track,
            start,
            duration: or(DURATION, track.default_duration)?,
            size: or(SIZE, track.default_size)?,
            flags: or(FLAGS, track.default_flags)?,
        };
        let Some((version, _, mut fields)) = traf.child(b"tfdt").and_then(Atom::full) else {
            self.findings
                .add(&FRAGMENT, self.place, format!("track {id} has no tfdt"));
            return Some(());
        };
        let mut time = i64::try_from(fields.by_version(version)?).ok()?;
        self.check_begin(track, time);
        for trun in traf.children().filter(|child| child.kind == *b"trun") {
            self.run(&run, trun, &mut time)?;
        }
        Some(())
    }

    fn check_begin(&mut self, track: &InitialTrack, time: i64) {
        let Some(before) = self.tracks.get(&track.id) else {
            return;
        };
        let apart = time - before.end.ticks;
        if apart != 0 {
            let found = format!("a fragment of track {} begins {apart} ticks off", track.id);
            self.findings.add(&INSIDE, self.place, found);
        }
    }

    fn run(&mut self, run: &Run<'_>, trun: Atom<'_>, time: &mut i64) -> Option<()> {
        let (version, flags, mut fields) = trun.full()?;
        let count = fields.u32()?;
        let offset = match flags & 1 {
            0 => 0,
            _ => fields.u32()?.cast_signed(),
        };
        let first_flags = match flags & 4 {
            0 => None,
            _ => Some(fields.u32()?),
        };
        let mut at = run
            .start
            .checked_add_signed(isize::try_from(offset).ok()?)?;
        for number in 0..count {
            let mut or = |flag: u32, otherwise: u32| match flags & flag {
                0 => Some(otherwise),
                _ => fields.u32(),
            };
            let sample = Sample {
                duration: or(0x100, run.duration)?,
                size: or(0x200, run.size)?,
                flags: or(
                    0x400,
                    first_flags.filter(|_| number == 0).unwrap_or(run.flags),
                )?,
                composition: match (version, or(0x800, 0)?) {
                    (0, offset) => i64::from(offset),
                    (_, offset) => i64::from(offset.cast_signed()),
                },
            };
            let end = at.checked_add(sample.size as usize)?;
            let Some(data) = self.bytes.get(at..end) else {
                let found = format!("a sample of track {} ends at byte {end}", run.track.id);
                self.findings.add(&DATA, self.place, found);
                return Some(());
            };
            self.sample(run.track, sample, *time, data);
            *time = time.checked_add(sample.duration.into())?;
            at = end;
        }
        Some(())
    }

    fn sample(&mut self, track: &InitialTrack, sample: Sample, time: i64, data: &[u8]) {
        let at = |ticks| MediaTime::new(ticks, track.timescale);
        let is_sync = sample.flags & NON_SYNC == 0;
        let shown = time.saturating_add(sample.composition);
        let is_first = !self.tracks.contains_key(&track.id);
        let found = self.tracks.entry(track.id).or_insert_with(|| Track {
            id: track.id,
            kind: track.kind,
            codec: track.codec.clone(),
            begin: at(time),
            shown: at(shown),
            end: at(time),
            samples: 0,
            keys: Vec::new(),
            begins_with_key: is_sync,
            picture: track.picture,
            sound: track.sound,
            setup: track.setup.clone(),
        });
        found.samples += 1;
        found.end = at(time.saturating_add(sample.duration.into()));
        found.shown = at(found.shown.ticks.min(shown));
        if is_sync && track.kind == Kind::Video {
            found.keys.push(at(time));
        }
        let Some((coding, size)) = track.coding.filter(|_| !track.encrypted) else {
            return;
        };
        let unit = coding.look(pictures::behind_lengths(data, size));
        if is_first {
            found.begins_with_key = is_sync && unit.key;
        }
        if !unit.picture {
            let text = format!("a sample of track {} holds no picture", track.id);
            self.findings.add(&DATA, self.place, text);
        } else if is_sync && !unit.key {
            let text = "a sample that is marked as one holds no IDR picture";
            self.findings.add(&SYNC, self.place, text);
        }
    }

    fn event(&mut self, emsg: Atom<'_>) {
        let text = |bytes: &[u8]| bytes.split(|byte| *byte == 0).next().map(<[u8]>::to_vec);
        let is_id3 = |scheme: &[u8]| scheme.ends_with(b"emsg/ID3");
        let fault = match emsg.full() {
            Some((1, _, mut fields)) => {
                let scheme = fields
                    .skip(20)
                    .and_then(|()| text(fields.0))
                    .unwrap_or_default();
                is_id3(&scheme) && scheme != SCHEME
            }
            Some((_, _, fields)) => is_id3(&text(fields.0).unwrap_or_default()),
            None => true,
        };
        if fault {
            let found = "an emsg with ID3 is of another version or scheme";
            self.findings.add(&EVENT, self.place, found);
        }
    }
}

const SCHEME: &[u8] = b"https://aomedia.org/emsg/ID3";

/// Flags of `tfhd` (ISO/IEC 14496-12, 8.8.7).
const BASE_DATA_OFFSET: u32 = 0x1;
const DESCRIPTION: u32 = 0x2;
const DURATION: u32 = 0x8;
const SIZE: u32 = 0x10;
const FLAGS: u32 = 0x20;
const BASE_IS_MOOF: u32 = 0x2_0000;

/// A sample that needs others (ISO/IEC 14496-12, 8.8.3.1).
const NON_SYNC: u32 = 0x1_0000;
