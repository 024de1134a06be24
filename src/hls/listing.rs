//! The playlists of a window: which of its segments and parts are told of, and how.

mod i_frames;
mod sounds;

use std::borrow::Cow;
use std::time::Duration;

use super::compat;
use super::lock::{Lock, Manner};
use super::object::{File, Flavour, Object, Packing};
use super::packager::Skip;
use super::part::{Head, Part, Sample, Segment, Title};
use super::playlist::{
    Alternative, Control, HEAD, KeyLine, MediaPlaylist, Multivariant, PartLine, PlaylistKind,
    SegmentLine, SessionKey, TitleLine,
};
use super::rates::Rate;
use super::transport;
use super::window::{Kept, Window, span};
use crate::codec::{Format, Kind};

/// Players stay so many target durations, or part targets, behind the end.
const HOLD_BACK: f64 = 3.0;

/// What is within that of the end: about so many segments, the one that is being made among them.
const BEGUN_WITH: usize = 4;

/// So much further, in seconds, lest a player that computes with less precision finds it short.
const MARGIN: f64 = 0.001;

/// Parts are told of until one of their segment is so many target durations from the end
/// (rfc8216bis, 6.2.2).
pub(super) const PARTS_FOR: u32 = 3;

/// Of so many segments, the one that is being made among them: as many as last for that time where segments are as
/// long as they are meant to be. Short ones would only make playlists longer.
const WITH_PARTS: usize = 3;

/// Segments can be skipped when they are so many target durations old (rfc8216bis, 4.4.3.8).
const SKIP_AFTER: u32 = 6;

/// Reads a window.
#[derive(Clone, Copy)]
pub(super) struct Listing<'w> {
    pub(super) window: &'w Window,
}

impl<'w> Listing<'w> {
    /// The playlist that a player opens.
    pub(super) fn multivariant(self, flavour: Flavour) -> String {
        format!("{HEAD}{}", self.variant(flavour, ""))
    }

    /// Whether every player knows what it consists of.
    pub(super) fn suits_all(self, flavour: Flavour) -> bool {
        compat::suits_all(&self.codecs(&self.sounds(flavour)))
    }

    /// The same for players that do not know its formats, if that is needed and offered.
    pub(super) fn alternative(self, flavour: Flavour) -> Option<Alternative> {
        let codecs = self.codecs(&self.sounds(flavour));
        let (size, frame_rate) = self.video();
        let most = self.window.compat_most;
        let other = || compat::beside(&codecs, size, frame_rate, most, flavour);
        self.window.compat.then(other).flatten()
    }

    /// The width and height of its pictures, and how many come a second.
    fn video(self) -> (Option<(u32, u32)>, Option<f64>) {
        let formats = self.formats();
        let Some(format) = formats.iter().find(|one| one.kind() == Kind::Video) else {
            return (None, None);
        };
        let frame_rate = format.frame_rate().or_else(|| self.measured_frame_rate());
        (format.picture_size(), frame_rate)
    }

    /// Its tags, where all that they name is in `folder`, which ends in a slash; or is empty, and then with
    /// what there is in other formats, which programs of several variants tell of behind all of them.
    pub(super) fn variant(self, flavour: Flavour, folder: &str) -> String {
        let sounds = self.sounds(flavour);
        let codecs = self.codecs(&sounds);
        let audio = self.audio(&sounds, flavour);
        // Players take the first sound of themselves.
        let begun = [self].into_iter().chain(sounds.first().copied());
        let session_keys: Vec<_> = begun.flat_map(|one| one.session_keys()).collect();
        let (resolution, frame_rate) = self.video();
        let uri = Object::Media(flavour).to_string();
        let playlist = Multivariant {
            bandwidth: self.bit_rate(&sounds, flavour, Rate::peak),
            average_bandwidth: self.bit_rate(&sounds, flavour, Rate::average),
            codecs: &codecs,
            resolution,
            frame_rate,
            alternative: folder
                .is_empty()
                .then(|| self.alternative(flavour))
                .flatten(),
            folder,
            uri: &uri,
            audio: &audio,
            session_keys: &session_keys,
            i_frames: self.told_of_i_frames(flavour),
        };
        playlist.tags().to_string()
    }

    /// The keys of the segments that players begin with.
    fn session_keys(self) -> Vec<SessionKey> {
        let newest = self.heads().rev().take(BEGUN_WITH);
        let mut locks: Vec<&Lock> = newest.filter_map(|head| head.lock.as_deref()).collect();
        locks.dedup_by_key(|lock| lock.period);
        let key = |lock: &Lock| SessionKey {
            manner: lock.manner,
            uri: self.file(File::Key(lock.period)),
        };
        locks.into_iter().rev().map(key).collect()
    }

    /// The playlist that a player reloads, without what it has, as far as that may be left out.
    pub(super) fn media(self, flavour: Flavour, skip: Option<Skip>) -> String {
        let window = self.window;
        let targets = window.targets;
        let skipped = match skip {
            Some(_) if !window.ended => self.skippable(),
            _ => 0,
        };
        let skips_titles = skipped > 0 && skip == Some(Skip::Titles);
        let with_parts = flavour == Flavour::LowLatency;
        let part_target = targets.part.as_secs_f64();
        let first = self.heads().next();
        let open = window.open.first().filter(|_| with_parts && !window.ended);
        let reports = if with_parts {
            self.reports()
        } else {
            Vec::new()
        };
        let names: Vec<_> = window
            .listed
            .iter()
            .skip(skipped)
            .map(|kept| self.name(&kept.segment, flavour))
            .collect();
        let mut version = None;
        let segments = window.listed.iter().skip(skipped).zip(&names);
        let segments = segments
            .map(|(kept, name)| {
                let mut line = self.line(&kept.segment.head, flavour, &mut version);
                line.duration = kept.segment.duration;
                line.gap = kept.segment.gap || flavour == Flavour::Ts && !kept.has_ts();
                line.uri = name;
                line
            })
            .collect();
        let mut playlist = MediaPlaylist {
            target_duration: targets.segment.as_secs(),
            media_sequence: first.map_or(0, |head| head.sequence),
            discontinuity_sequence: first.map_or(0, |head| {
                head.discontinuity_sequence - u64::from(head.discontinuity)
            }),
            // Where nothing is, nothing depends on what went before.
            independent: window
                .listed
                .iter()
                .all(|Kept { segment, .. }| segment.independent || segment.gap),
            i_frames_only: false,
            kind: self.kind(),
            control: self.control(with_parts),
            part_target: with_parts.then_some(part_target),
            titles: self.titles(if skips_titles { skipped } else { 0 }),
            skipped,
            removed_titles: skips_titles.then(|| self.removed_titles()),
            segments,
            open: open.map(|part| self.line(&part.head, flavour, &mut version)),
            hint: with_parts.then(|| self.hint()).flatten(),
            reports: &reports,
            ended: window.ended,
        };
        if with_parts {
            self.add_parts(&mut playlist, skipped);
        }
        playlist.to_string()
    }

    fn kind(self) -> Option<PlaylistKind> {
        self.window.keeps_all.then_some(PlaylistKind::Event)
    }

    /// What was on while anything that is there was captured, but for what was told of in the first segments,
    /// as many as are `skipped`.
    fn titles(self, skipped: usize) -> Vec<TitleLine<'w>> {
        let known = self.window.listed.iter().take(skipped);
        let known = known.flat_map(told).last().map(|title| title.number);
        let titles = self.told_titles();
        let titles = titles.filter(|title| Some(title.number) > known);
        let mut titles: Vec<_> = titles.collect();
        titles.dedup_by_key(|title| title.number);
        let line = |title: &'w Title| TitleLine {
            id: self.title_id(title),
            text: &title.text,
            date: title.date,
        };
        titles.into_iter().map(line).collect()
    }

    /// The titles that playlists no longer tell of, though they have not long since.
    fn removed_titles(self) -> Vec<String> {
        let first = self.told_titles().next();
        let removed = self.window.removed_titles();
        let removed = removed.filter(|one| first.is_none_or(|first| one.number < first.number));
        let mut ids: Vec<_> = removed.map(|title| self.title_id(title)).collect();
        ids.dedup();
        ids
    }

    /// The titles that the segments tell of, some more than once.
    fn told_titles(self) -> impl DoubleEndedIterator<Item = &'w Title> {
        let parts = self.window.listed.iter();
        let parts = parts.flat_map(|kept| &kept.segment.parts);
        let parts = parts.chain(&self.window.open);
        parts.filter_map(|part| part.title.as_deref())
    }

    fn title_id(self, title: &Title) -> String {
        format!("{:08x}-{}", self.window.number, title.number)
    }

    fn control(self, with_parts: bool) -> Control {
        let targets = self.window.targets;
        let (segment, part) = (targets.segment.as_secs_f64(), targets.part.as_secs_f64());
        Control {
            can_block_reload: true,
            hold_back: HOLD_BACK * segment,
            part_hold_back: with_parts.then_some(HOLD_BACK * part + MARGIN),
            can_skip_until: Some(f64::from(SKIP_AFTER) * segment),
            can_skip_titles: self.told_titles().next_back().is_some(),
        }
    }

    /// A segment without its parts.
    fn line<'a>(self, head: &Head, flavour: Flavour, version: &mut Option<u32>) -> SegmentLine<'a> {
        let is_new = version.replace(head.map.version) != Some(head.map.version);
        let map = (is_new && flavour != Flavour::Ts).then(|| File::Init(head.map.version));
        let lock = head.lock.as_deref();
        let lock = lock.filter(|lock| is_new || lock.manner == Manner::Whole);
        SegmentLine {
            map: map.map(|file| self.file(file)),
            key: lock.map(|lock| self.key(lock)),
            discontinuity: head.discontinuity,
            date: head.date,
            parts: Vec::new(),
            duration: head.start,
            gap: false,
            uri: "",
        }
    }

    fn key(self, lock: &Lock) -> KeyLine {
        KeyLine {
            manner: lock.manner,
            uri: self.file(File::Key(lock.period)),
            iv: lock.iv(),
        }
    }

    /// Tells of the parts that are new enough: at least of those that players begin with.
    fn add_parts(self, playlist: &mut MediaPlaylist<'_>, skipped: usize) {
        let targets = self.window.targets;
        let mut age: Duration = self.window.open.iter().map(length).sum();
        if let Some(open) = &mut playlist.open {
            open.parts = self.parts(&self.window.open);
        }
        let lines = playlist.segments.iter_mut();
        let whole = lines.zip(self.window.listed.iter().skip(skipped)).rev();
        for (before, (line, kept)) in (1..).zip(whole) {
            let is_begun_with = age.as_secs_f64() < HOLD_BACK * targets.part.as_secs_f64() + MARGIN;
            age += span(&kept.segment);
            let is_new = age <= PARTS_FOR * targets.segment;
            if !is_new || before >= WITH_PARTS && !is_begun_with {
                break;
            }
            line.parts = self.parts(&kept.segment.parts);
        }
    }

    fn parts(self, parts: &[Part]) -> Vec<PartLine> {
        let line = |part: &Part| PartLine {
            uri: self.file(File::Part(part.head.sequence, part.index)),
            duration: part.duration,
            independent: part.independent,
            gap: part.gap,
        };
        parts.iter().map(line).collect()
    }

    /// The part that comes next.
    fn hint(self) -> Option<String> {
        let progress = self.window.progress()?;
        Some(self.file(File::Part(progress.next, progress.parts)))
    }

    /// How many segments are old enough to be skipped.
    fn skippable(self) -> usize {
        let limit = SKIP_AFTER * self.window.targets.segment;
        // From the end of the last whole segment, which is the stricter reading.
        let mut age = Duration::ZERO;
        let recent = self.window.listed.iter().rev().take_while(|kept| {
            let is_recent = age < limit;
            age += span(&kept.segment);
            is_recent
        });
        self.window.listed.len() - recent.count()
    }

    /// What the newest segment holds.
    fn formats(self) -> Vec<&'w Format> {
        let map = self.heads().next_back().map(|head| &head.map);
        let tracks = map.into_iter().flat_map(|map| &map.tracks);
        tracks.map(|track| &track.format).collect()
    }

    /// What is known of the segments, the one that is being made among them.
    fn heads(self) -> impl DoubleEndedIterator<Item = &'w Head> {
        let listed = self.window.listed.iter().map(|kept| &*kept.segment.head);
        listed.chain(self.window.open.first().map(|part| &*part.head))
    }

    fn name(self, segment: &Segment, flavour: Flavour) -> String {
        let sequence = segment.head.sequence;
        self.file(match flavour {
            Flavour::Ts => {
                let packing = transport::packing(&segment.head.map);
                File::Ts(sequence, packing.unwrap_or(Packing::Ts))
            }
            Flavour::LowLatency | Flavour::Cmaf => File::Segment(sequence),
        })
    }

    fn file(self, file: File) -> String {
        let packager = self.window.number;
        Object::File { packager, file }.to_string()
    }

    fn rate(self, flavour: Flavour) -> Cow<'w, Rate> {
        let rates = &self.window.rates;
        match flavour {
            Flavour::Ts => Cow::Borrowed(&rates.ts),
            _ if self.window.listed.is_empty() => {
                let bytes = self.window.open.iter().map(|part| part.data.len()).sum();
                Cow::Owned(Rate::of(bytes, self.window.open.iter().map(length).sum()))
            }
            _ => Cow::Borrowed(&rates.fragments),
        }
    }

    /// Pictures per second of the newest segment, or of what there is of the first one.
    fn measured_frame_rate(self) -> Option<f64> {
        let parts = match self.window.listed.back() {
            Some(Kept { segment, .. }) => &segment.parts,
            None => &self.window.open,
        };
        let pictures: usize = parts.iter().map(pictures).sum();
        let seconds = parts.iter().map(length).sum::<Duration>().as_secs_f64();
        (pictures > 0 && seconds > 0.0).then(|| pictures as f64 / seconds)
    }
}

/// The titles that a segment tells of.
fn told(kept: &Kept) -> impl Iterator<Item = &Title> {
    let parts = kept.segment.parts.iter();
    parts.filter_map(|part| part.title.as_deref())
}

fn length(part: &Part) -> Duration {
    Duration::from_nanos(part.duration.nanos().unsigned_abs())
}

/// How many pictures a part has.
fn pictures(part: &Part) -> usize {
    let tracks = &part.head.map.tracks;
    let is_picture = |sample: &&Sample| {
        let track = tracks.get(sample.track);
        track.is_some_and(|track| track.format.kind() == Kind::Video)
    };
    part.samples.iter().filter(is_picture).count()
}
