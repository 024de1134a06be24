//! From the lines of a media playlist to what they mean.

use std::collections::BTreeSet;
use std::mem;
use std::ops::Range;
use std::sync::Arc;

use time::OffsetDateTime;
use time::format_description::well_known::Iso8601;

use super::attributes::{Attributes, decimal};
use super::byte_ranges::{ByteRanges, SubRange};
use super::finding::{Findings, Line};
use super::key::KeyTag;
use super::lines::{Content, Entry};
use super::media::{
    Control, DateRange, Hint, Map, Media, Part, PlaylistType, RenditionReport, Segment,
};
use super::rule::rules;

rules! {
    VALUE "tag-value" Error "bis 4.4"
        "give the tag a value of the form that the protocol asks for";
    REPEATED "tag-repeated" Error "bis 4.4.1 to 4.4.5"
        "write the tag once in a playlist";
    MISPLACED "tag-misplaced" Error "bis 4.4.3.2, 4.4.3.3, 4.4.4"
        "write tags of the whole playlist before the first segment, and tags of a segment before its URI";
    NO_DURATION "extinf-missing" Error "bis 4.4.4.1"
        "write #EXTINF before the URI of every segment";
    MIXED "playlists-mixed" Error "bis 4.1"
        "keep tags of multivariant playlists out of media playlists";
    UNKNOWN "tag-unknown" Advice "bis 6.3.1"
        "check the spelling: players ignore tags that they do not know";
}

impl Media {
    /// Reads a playlist; what cannot be understood is reported and skipped.
    pub(super) fn read(entries: &[Entry<'_>], findings: &mut Findings) -> Self {
        let mut reader = Reader {
            findings,
            media: Self {
                version: 1,
                ..Self::default()
            },
            next: Segment::default(),
            has_duration: false,
            map: None,
            keys: KeyTag::default(),
            range: None,
            ranges: ByteRanges::default(),
            seen: BTreeSet::new(),
        };
        for entry in entries {
            match entry.content {
                Content::Tag { name, value } => reader.tag(entry.line, name, value),
                Content::Uri(uri) => reader.uri(entry.line, uri),
            }
        }
        reader.finish()
    }
}

struct Reader<'a, 'e> {
    findings: &'a mut Findings,
    media: Media,
    /// What is known of the segment whose URI comes next.
    next: Segment,
    has_duration: bool,
    map: Option<Arc<Map>>,
    keys: KeyTag,
    /// Which bytes of a resource that segment is.
    range: Option<SubRange>,
    ranges: ByteRanges,
    /// The tags that may stand once.
    seen: BTreeSet<&'e str>,
}

impl<'e> Reader<'_, 'e> {
    fn tag(&mut self, line: Line, name: &'e str, value: &'e str) {
        self.check_place(line, name);
        match name {
            "EXT-X-VERSION" => self.media.version = self.integer(line, name, value).unwrap_or(1),
            "EXT-X-TARGETDURATION" => {
                self.media.target_duration = self.integer(line, name, value);
            }
            "EXT-X-MEDIA-SEQUENCE" => {
                self.media.media_sequence = self.integer(line, name, value).unwrap_or(0);
            }
            "EXT-X-DISCONTINUITY-SEQUENCE" => {
                self.media.discontinuity_sequence = self.integer(line, name, value);
            }
            "EXT-X-PLAYLIST-TYPE" => self.media.playlist_type = self.playlist_type(line, value),
            "EXT-X-INDEPENDENT-SEGMENTS" => self.media.independent_segments = true,
            "EXT-X-I-FRAMES-ONLY" => self.media.i_frames_only = true,
            "EXT-X-ENDLIST" => self.media.ended = true,
            "EXT-X-DISCONTINUITY" => self.next.discontinuity = true,
            "EXT-X-GAP" => self.next.gap = true,
            "EXTINF" => self.duration(line, value),
            "EXT-X-PROGRAM-DATE-TIME" => self.next.date = self.date(line, name, value),
            "EXT-X-BYTERANGE" => self.range = SubRange::read(line, value, self.findings),
            "EXT-X-BITRATE" | "EXT-X-START" | "EXT-X-DEFINE" | "EXT-X-ALLOW-CACHE" => {}
            _ => self.listed(line, name, value),
        }
    }

    /// Tags that have attributes.
    fn listed(&mut self, line: Line, name: &str, value: &str) {
        if !LISTED.contains(&name) {
            return self.other(line, name);
        }
        let list = Attributes::read(line, name, value, self.findings);
        match name {
            "EXT-X-SERVER-CONTROL" => self.control(&list),
            "EXT-X-PART-INF" => self.part_information(&list),
            "EXT-X-SKIP" => self.skip(&list),
            "EXT-X-MAP" => self.map(&list),
            "EXT-X-KEY" => self.keys.read(&list, self.findings),
            "EXT-X-PART" => self.part(&list),
            "EXT-X-PRELOAD-HINT" => self.hint(&list),
            "EXT-X-RENDITION-REPORT" => self.report(&list),
            _ => self.date_range(&list),
        }
    }

    /// Tags that may stand once, or before the segments only.
    fn check_place(&mut self, line: Line, name: &'e str) {
        if ONCE.contains(&name) && !self.seen.insert(name) {
            self.findings
                .add(&REPEATED, line, format!("#{name} is there again"));
        }
        let has_begun = !self.media.segments.is_empty() || !self.next.parts.is_empty();
        if has_begun && BEFORE_SEGMENTS.contains(&name) {
            let found = format!("#{name} comes after a segment");
            self.findings.add(&MISPLACED, line, found);
        }
    }

    fn other(&mut self, line: Line, name: &str) {
        if super::multivariant::TAGS.contains(&name) {
            let found = format!("#{name} belongs to multivariant playlists");
            self.findings.add(&MIXED, line, found);
        } else if name.starts_with("EXT-X-") {
            self.findings
                .add(&UNKNOWN, line, format!("#{name} is no tag of the protocol"));
        }
    }

    fn integer(&mut self, line: Line, name: &str, value: &str) -> Option<u64> {
        let number = value.parse().ok();
        if number.is_none() {
            let found = format!("#{name} is not a whole number: {value:?}");
            self.findings.add(&VALUE, line, found);
        }
        number
    }

    fn playlist_type(&mut self, line: Line, value: &str) -> Option<PlaylistType> {
        match value {
            "VOD" => Some(PlaylistType::Vod),
            "EVENT" => Some(PlaylistType::Event),
            _ => {
                let found = format!("#EXT-X-PLAYLIST-TYPE is neither EVENT nor VOD: {value:?}");
                self.findings.add(&VALUE, line, found);
                None
            }
        }
    }

    fn duration(&mut self, line: Line, value: &str) {
        let (number, _title) = value.split_once(',').unwrap_or((value, ""));
        self.has_duration = true;
        match decimal(number) {
            Some(duration) => {
                self.next.duration = duration;
                let decimals = number.split_once('.').map_or("", |(_, decimals)| decimals);
                self.next.decimals = decimals.len();
            }
            None => {
                let found = format!("#EXTINF does not begin with a number: {value:?}");
                self.findings.add(&VALUE, line, found);
            }
        }
    }

    fn date(&mut self, line: Line, name: &str, value: &str) -> Option<OffsetDateTime> {
        let date = OffsetDateTime::parse(value, &Iso8601::DEFAULT).ok();
        if date.is_none() {
            let found =
                format!("{name} is not a date with a time zone as ISO 8601 has it: {value:?}");
            self.findings.add(&VALUE, line, found);
        }
        date
    }

    fn attribute_date(&mut self, list: &Attributes<'_>, name: &str) -> Option<OffsetDateTime> {
        let value = list.quoted(name, self.findings)?;
        self.date(list.line(), name, &value)
    }

    fn quoted_range(&mut self, list: &Attributes<'_>, uri: &str) -> Option<Range<u64>> {
        let value = list.quoted("BYTERANGE", self.findings)?;
        let range = SubRange::read(list.line(), &value, self.findings)?;
        Some(self.ranges.place(uri, range, self.findings))
    }

    fn control(&mut self, list: &Attributes<'_>) {
        let findings = &mut *self.findings;
        self.media.control = Some(Control {
            line: list.line(),
            can_block_reload: list.yes("CAN-BLOCK-RELOAD", findings),
            can_skip_until: list.decimal("CAN-SKIP-UNTIL", findings),
            can_skip_date_ranges: list.yes("CAN-SKIP-DATERANGES", findings),
            hold_back: list.decimal("HOLD-BACK", findings),
            part_hold_back: list.decimal("PART-HOLD-BACK", findings),
        });
    }

    fn part_information(&mut self, list: &Attributes<'_>) {
        list.require(&["PART-TARGET"], self.findings);
        self.media.part_target = list.decimal("PART-TARGET", self.findings);
    }

    fn skip(&mut self, list: &Attributes<'_>) {
        list.require(&["SKIPPED-SEGMENTS"], self.findings);
        let count = list.integer("SKIPPED-SEGMENTS", self.findings);
        self.media.skip = Some((list.line(), count.unwrap_or(0)));
    }

    fn map(&mut self, list: &Attributes<'_>) {
        list.require(&["URI"], self.findings);
        let uri = list.quoted("URI", self.findings).unwrap_or_default();
        self.map = Some(Arc::new(Map {
            line: list.line(),
            byte_range: self.quoted_range(list, &uri),
            uri,
            keys: self.keys.in_force(),
        }));
    }

    fn part(&mut self, list: &Attributes<'_>) {
        list.require(&["URI", "DURATION"], self.findings);
        let uri = list.quoted("URI", self.findings).unwrap_or_default();
        let part = Part {
            line: list.line(),
            duration: list.decimal("DURATION", self.findings).unwrap_or(0.0),
            independent: list.yes("INDEPENDENT", self.findings),
            gap: list.yes("GAP", self.findings),
            byte_range: self.quoted_range(list, &uri),
            uri,
        };
        if self.next.parts.is_empty() {
            self.next.line = part.line;
        }
        self.next.parts.push(part);
    }

    fn hint(&mut self, list: &Attributes<'_>) {
        list.require(&["TYPE", "URI"], self.findings);
        let kind = list.word("TYPE", self.findings).unwrap_or_default();
        self.media.hints.push(Hint {
            line: list.line(),
            kind: kind.to_owned(),
            uri: list.quoted("URI", self.findings).unwrap_or_default(),
            start: list.integer("BYTERANGE-START", self.findings).unwrap_or(0),
        });
    }

    fn report(&mut self, list: &Attributes<'_>) {
        list.require(&["URI"], self.findings);
        self.media.reports.push(RenditionReport {
            line: list.line(),
            uri: list.quoted("URI", self.findings).unwrap_or_default(),
            last_sequence: list.integer("LAST-MSN", self.findings),
            last_part: list.integer("LAST-PART", self.findings),
        });
    }

    fn date_range(&mut self, list: &Attributes<'_>) {
        list.require(&["ID"], self.findings);
        let range = DateRange {
            line: list.line(),
            id: list.quoted("ID", self.findings).unwrap_or_default(),
            class: list.quoted("CLASS", self.findings),
            start: self.attribute_date(list, "START-DATE"),
            end: self.attribute_date(list, "END-DATE"),
            duration: list.decimal("DURATION", self.findings),
            end_on_next: list.yes("END-ON-NEXT", self.findings),
        };
        self.media.date_ranges.push(range);
    }

    fn uri(&mut self, line: Line, uri: &str) {
        let mut segment = self.take_next();
        segment.line = line;
        uri.clone_into(&mut segment.uri);
        let range = self.range.take();
        segment.byte_range = range.map(|range| self.ranges.place(uri, range, self.findings));
        if !mem::take(&mut self.has_duration) {
            self.findings
                .add(&NO_DURATION, line, format!("{uri} has no #EXTINF"));
        }
        self.media.segments.push(segment);
    }

    fn take_next(&mut self) -> Segment {
        Segment {
            sequence: self.media.next_sequence(),
            map: self.map.clone(),
            keys: self.keys.in_force(),
            ..mem::take(&mut self.next)
        }
    }

    fn finish(mut self) -> Media {
        if mem::take(&mut self.has_duration) {
            let found = "#EXTINF is not followed by the URI of a segment";
            self.findings.add(&MISPLACED, "the end", found);
        }
        if !self.next.parts.is_empty() {
            let open = self.take_next();
            self.media.open = Some(open);
        }
        self.media
    }
}

/// Tags that have attributes.
const LISTED: [&str; 9] = [
    "EXT-X-SERVER-CONTROL",
    "EXT-X-PART-INF",
    "EXT-X-SKIP",
    "EXT-X-MAP",
    "EXT-X-KEY",
    "EXT-X-PART",
    "EXT-X-PRELOAD-HINT",
    "EXT-X-RENDITION-REPORT",
    "EXT-X-DATERANGE",
];

/// Tags that may stand once in a playlist.
const ONCE: [&str; 11] = [
    "EXT-X-VERSION",
    "EXT-X-TARGETDURATION",
    "EXT-X-MEDIA-SEQUENCE",
    "EXT-X-DISCONTINUITY-SEQUENCE",
    "EXT-X-PLAYLIST-TYPE",
    "EXT-X-SERVER-CONTROL",
    "EXT-X-PART-INF",
    "EXT-X-SKIP",
    "EXT-X-ENDLIST",
    "EXT-X-I-FRAMES-ONLY",
    "EXT-X-INDEPENDENT-SEGMENTS",
];

/// Tags that stand before the first segment.
const BEFORE_SEGMENTS: [&str; 3] = [
    "EXT-X-MEDIA-SEQUENCE",
    "EXT-X-DISCONTINUITY-SEQUENCE",
    "EXT-X-SKIP",
];
