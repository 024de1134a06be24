//! One media playlist while it is watched: its versions, and the segments and parts that it tells of.

use std::collections::BTreeMap;
use std::time::Duration;

use super::changes::Watch;
use super::content::Content;
use super::finding::Findings;
use super::initialisation::{self, Initialisation};
use super::media::{Media, Part, Segment};
use super::multivariant::Variant;
use super::rule::rules;
use super::timeline::{self, Timeline};
use super::transport_stream::{self, Counters};
use super::{delta, fragments, lines, packed_audio, parts, segments};

rules! {
    UNKNOWN "segment-format" Error "bis 3.1"
        "make segments transport streams, fragmented MP4, packed audio or WebVTT";
    ENCRYPTED_SIZE "encrypted-size" Error "bis 6.2.3"
        "pad segments encrypted with AES-128 to whole blocks of 16 bytes (PKCS #7)";
    KEY_SIZE "key-size" Error "bis 5"
        "serve keys as 16 bytes";
    NOT_SEGMENT "part-not-in-segment" Error "bis 4.4.4.9"
        "let the parts of a segment hold the same media as the segment";
}

/// What has been seen of a media playlist.
#[derive(Debug, Default)]
pub struct Stream {
    watch: Watch,
    timeline: Timeline,
    counters: Counters,
    /// The number of the last segment that was added.
    last: Option<u64>,
    /// By the place of each initialisation segment.
    maps: BTreeMap<String, Initialisation>,
    /// Samples of each track in the parts of segments that have not been added yet.
    parts: BTreeMap<u64, Vec<(usize, Content)>>,
    first: Option<Content>,
}

impl Stream {
    /// Reads a version of the playlist, received at `now` since any beginning; `others` are its
    /// sister playlists. `None` when it is no media playlist.
    pub fn playlist(
        &mut self,
        bytes: &[u8],
        own: &str,
        others: &[&str],
        now: Duration,
        findings: &mut Findings,
    ) -> Option<Media> {
        let media = Media::read(&lines::read(bytes, findings)?, findings);
        segments::check(&media, findings);
        parts::check(&media, findings);
        parts::check_reports(own, others, &media, findings);
        self.watch.see(&media, now, findings);
        Some(media)
    }

    /// Reads an initialisation segment, which is at `place`.
    pub fn map(&mut self, place: &str, bytes: &[u8], findings: &mut Findings) {
        let init = initialisation::read(bytes, place, findings);
        self.maps.insert(place.to_owned(), init);
    }

    /// Whether the initialisation segment at `place` has been read.
    pub fn has_map(&self, place: &str) -> bool {
        self.maps.contains_key(place)
    }

    /// Reads a segment. Segments come in their order, but some may be left out.
    pub fn segment(
        &mut self,
        segment: &Segment,
        map: Option<&str>,
        bytes: &[u8],
        media: &Media,
        findings: &mut Findings,
    ) {
        let place = segment.place();
        let follows = self.last.is_some_and(|last| last + 1 == segment.sequence);
        if !follows || segment.discontinuity {
            self.counters.clear();
        }
        self.last = Some(segment.sequence);
        if segment.keys.iter().any(|key| key.method == "AES-128") {
            if !bytes.len().is_multiple_of(16) {
                let found = format!("it has {} bytes", bytes.len());
                findings.add(&ENCRYPTED_SIZE, &place, found);
            }
            return;
        }
        let Some(content) = self.read(map, bytes, &place, findings) else {
            return;
        };
        self.check_parts(segment, &content, findings);
        self.first.get_or_insert_with(|| content.clone());
        self.timeline.add(segment, content, media, findings);
    }

    /// Reads a part of the segment `sequence`, its `number`th.
    pub fn part(
        &mut self,
        sequence: u64,
        number: usize,
        part: &Part,
        map: Option<&str>,
        bytes: &[u8],
        findings: &mut Findings,
    ) {
        let place = part.line.to_string();
        let Some(init) = map.and_then(|map| self.maps.get(map)) else {
            return;
        };
        let content = fragments::read(bytes, init, &place, findings);
        timeline::check_part(part, &content, findings);
        self.parts
            .entry(sequence)
            .or_default()
            .push((number, content));
    }

    /// Checks what the multivariant playlist tells of this one.
    pub fn check_variant(&self, variant: &Variant, findings: &mut Findings) {
        if let Some(content) = &self.first {
            timeline::check_variant(variant, content, findings);
        }
    }

    /// What was seen last of the playlist.
    pub fn last(&self) -> Option<&Media> {
        self.watch.last()
    }

    /// What a segment holds; `None` when that cannot be told.
    fn read(
        &mut self,
        map: Option<&str>,
        bytes: &[u8],
        place: &str,
        findings: &mut Findings,
    ) -> Option<Content> {
        if let Some(map) = map {
            let init = self.maps.get(map)?;
            return Some(fragments::read(bytes, init, place, findings));
        }
        match bytes {
            [0x47, ..] => Some(transport_stream::read(
                bytes,
                place,
                &mut self.counters,
                findings,
            )),
            _ if packed_audio::is_packed(bytes) => Some(packed_audio::read(bytes, place, findings)),
            _ if bytes.starts_with(b"WEBVTT") => None,
            _ => {
                findings.add(&UNKNOWN, place, "it is none of these");
                None
            }
        }
    }

    /// The parts that were seen of a segment hold as many samples as the segment, if all were seen.
    fn check_parts(&mut self, segment: &Segment, whole: &Content, findings: &mut Findings) {
        let parts = self.parts.remove(&segment.sequence).unwrap_or_default();
        self.parts
            .retain(|sequence, _| *sequence > segment.sequence);
        let all_seen = parts.len() == segment.parts.len()
            && parts
                .iter()
                .enumerate()
                .all(|(index, (number, _))| index == *number);
        if !all_seen || parts.is_empty() {
            return;
        }
        for track in &whole.tracks {
            let in_parts = parts.iter().flat_map(|(_, content)| &content.tracks);
            let samples: usize = in_parts
                .filter(|other| other.id == track.id)
                .map(|other| other.samples)
                .sum();
            if samples != track.samples {
                let found = format!(
                    "track {} has {} samples, and {samples} in the parts",
                    track.id, track.samples
                );
                findings.add(&NOT_SEGMENT, segment.place(), found);
            }
        }
    }
}

/// Checks a delta update that was received immediately after the playlist `whole`.
pub fn check_delta(whole: &[u8], delta: &[u8], findings: &mut Findings) {
    // What is wrong with the whole playlist is told when that is read.
    let mut known = Findings::default();
    let whole = lines::read(whole, &mut known).map(|entries| Media::read(&entries, &mut known));
    let update = lines::read(delta, findings).map(|entries| Media::read(&entries, findings));
    if let (Some(whole), Some(update)) = (whole, update) {
        delta::check(&whole, &update, findings);
    }
}

/// Checks a key that segments of `method` are encrypted with.
pub fn check_key(method: &str, place: &str, key: &[u8], findings: &mut Findings) {
    if ["AES-128", "SAMPLE-AES"].contains(&method) && key.len() != 16 {
        findings.add(&KEY_SIZE, place, format!("it has {} bytes", key.len()));
    }
}
