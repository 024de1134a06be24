//! The playlists that players reload: the segments and parts of a window.

use std::time::Duration;

use super::{Listing, length};
use crate::hls::lock::{Lock, Manner};
use crate::hls::object::{File, Flavour, Packing};
use crate::hls::packager::Skip;
use crate::hls::part::{Head, Part, Segment, Title};
use crate::hls::playlist::{
    Control, KeyLine, MediaPlaylist, PartLine, PlaylistKind, SegmentLine, TitleLine,
};
use crate::hls::transport;
use crate::hls::window::{Kept, span};

/// Players stay so many target durations, or part targets, behind the end.
const HOLD_BACK: f64 = 3.0;

/// So much further, in seconds, lest a player that computes with less precision finds it short.
const MARGIN: f64 = 0.001;

/// Parts are told of until one of their segment is so many target durations from the end
/// (rfc8216bis, 6.2.2).
pub(in crate::hls) const PARTS_FOR: u32 = 3;

/// Of so many segments, the one that is being made among them: as many as last for that time where segments are as
/// long as they are meant to be. Short ones would only make playlists longer.
const WITH_PARTS: usize = 3;

/// Segments can be skipped when they are so many target durations old (rfc8216bis, 4.4.3.8).
const SKIP_AFTER: u32 = 6;

impl<'w> Listing<'w> {
    /// The playlist that a player reloads, without what it has, as far as that may be left out.
    pub(in crate::hls) fn media(self, flavour: Flavour, skip: Option<Skip>) -> String {
        let window = self.window;
        let skipped = match skip {
            Some(_) if !window.ended => self.skippable(),
            _ => 0,
        };
        let skips_titles = skipped > 0 && skip == Some(Skip::Titles);
        let names = self.names(flavour, skipped);
        let mut version = None;
        let first = self.heads().next();
        let mut playlist = MediaPlaylist {
            target_duration: window.targets.segment.as_secs(),
            media_sequence: first.map_or(0, |head| head.sequence),
            discontinuity_sequence: first.map_or(0, |head| {
                head.discontinuity_sequence - u64::from(head.discontinuity)
            }),
            // Where nothing is, nothing depends on what went before.
            independent: window
                .listed
                .iter()
                .all(|Kept { segment, .. }| segment.independent || segment.gap),
            kind: self.kind(),
            control: self.control(flavour == Flavour::LowLatency),
            titles: self.titles(if skips_titles { skipped } else { 0 }),
            skipped,
            removed_titles: skips_titles.then(|| self.removed_titles()),
            segments: self.segments(flavour, skipped, &names, &mut version),
            ended: window.ended,
            ..MediaPlaylist::default()
        };
        let reports = self.reports();
        if flavour == Flavour::LowLatency {
            playlist.part_target = Some(window.targets.part);
            playlist.open = self.open(&mut version);
            playlist.hint = self.hint();
            playlist.reports = &reports;
            self.add_parts(&mut playlist, skipped);
        }
        playlist.to_string()
    }

    /// The URIs of the segments behind those that are skipped.
    fn names(self, flavour: Flavour, skipped: usize) -> Vec<String> {
        let kept = self.window.listed.iter().skip(skipped);
        kept.map(|kept| self.name(&kept.segment, flavour)).collect()
    }

    /// The same segments, without their parts.
    fn segments<'a>(
        self,
        flavour: Flavour,
        skipped: usize,
        names: &'a [String],
        version: &mut Option<u32>,
    ) -> Vec<SegmentLine<'a>> {
        let kept = self.window.listed.iter().skip(skipped);
        let lines = kept.zip(names).map(|(kept, name)| SegmentLine {
            duration: kept.segment.duration,
            gap: kept.segment.gap || flavour == Flavour::Ts && !kept.has_ts(),
            uri: name,
            ..self.line(&kept.segment.head, flavour, version)
        });
        lines.collect()
    }

    /// The segment that is being made.
    fn open(self, version: &mut Option<u32>) -> Option<SegmentLine<'static>> {
        let first = self.window.open.first();
        let first = first.filter(|_| !self.window.ended)?;
        Some(self.line(&first.head, Flavour::LowLatency, version))
    }

    pub(super) fn kind(self) -> Option<PlaylistKind> {
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

    /// A segment that begins so, of which nothing else is told.
    fn line(
        self,
        head: &Head,
        flavour: Flavour,
        version: &mut Option<u32>,
    ) -> SegmentLine<'static> {
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

    pub(super) fn key(self, lock: &Lock) -> KeyLine {
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
            uri: self.file(self.window.name_of(part)),
            duration: part.duration,
            independent: part.independent,
            gap: part.gap,
        };
        parts.iter().map(line).collect()
    }

    /// The part that comes next.
    fn hint(self) -> Option<String> {
        let (sequence, part) = self.window.progress()?.announced();
        Some(self.file(File::Part(sequence, part)))
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
}

/// The titles that a segment tells of.
fn told(kept: &Kept) -> impl Iterator<Item = &Title> {
    let parts = kept.segment.parts.iter();
    parts.filter_map(|part| part.title.as_deref())
}
