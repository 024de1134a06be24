//! One media playlist while it is watched: its versions, and the segments and parts that it tells of.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use super::changes::Watch;
use super::content::Content;
use super::finding::Findings;
use super::initialisation::{self, Initialisation};
use super::media::{Key, Media, Segment};
use super::multivariant::Variant;
use super::rule::rules;
use super::timeline::{self, Timeline};
use super::transport_stream::{self, Counters};
use super::{decryption, delta, fragments, lines, packed_audio, parts, segments};

rules! {
    UNKNOWN "segment-format" Error "bis 3.1"
        "make segments transport streams, fragmented MP4, packed audio or WebVTT";
    ENCRYPTED_SIZE "encrypted-size" Error "bis 6.2.3"
        "pad segments encrypted with AES-128 to whole blocks of 16 bytes (PKCS #7)";
    PADDING "encrypted-padding" Error "bis 6.2.3"
        "encrypt with the key and the initialisation vector that the playlist tells, padded as PKCS #7 has it";
    PEAK "bandwidth-exceeded" Warning "Apple 1.27 to 1.30, 9.13; bis 4.4.6.2"
        "tell in BANDWIDTH the rate of the highest segment: measure it, and leave room above";
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
    /// By the URI of each key.
    keys: BTreeMap<String, [u8; 16]>,
    /// The highest rate of a segment, in bit/s.
    peak: f64,
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

    /// Reads a key that segments are encrypted with.
    pub fn key(&mut self, key: &Key, bytes: &[u8], findings: &mut Findings) {
        match (bytes.try_into(), &key.uri) {
            (Ok(bytes), Some(uri)) => drop(self.keys.insert(uri.clone(), bytes)),
            _ => findings.add(&KEY_SIZE, key.line, format!("it has {} bytes", bytes.len())),
        }
    }

    /// Reads an initialisation segment, which is at `place`.
    pub fn map(&mut self, place: &str, keys: &[Key], bytes: &[u8], findings: &mut Findings) {
        if let Some(bytes) = self.unlock(keys, 0, bytes, place, findings) {
            let init = initialisation::read(&bytes, place, findings);
            self.maps.insert(place.to_owned(), init);
        }
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
        let is_usual = segment.duration >= 0.5 * media.target();
        if is_usual && segment.duration > 0.0 {
            self.peak = self.peak.max(bytes.len() as f64 * 8.0 / segment.duration);
        }
        let sequence = segment.sequence;
        let clear = self.unlock(&segment.keys, sequence, bytes, &place, findings);
        let content = clear.and_then(|clear| self.read(map, &clear, &place, findings));
        let Some(content) = content else {
            return;
        };
        self.check_parts(segment, &content, findings);
        self.first.get_or_insert_with(|| content.clone());
        self.timeline.add(segment, content, media, findings);
    }

    /// Reads a part of a segment, its `number`th.
    pub fn part(
        &mut self,
        segment: &Segment,
        number: usize,
        map: Option<&str>,
        bytes: &[u8],
        findings: &mut Findings,
    ) {
        let (Some(part), sequence) = (segment.parts.get(number), segment.sequence) else {
            return;
        };
        let place = part.line.to_string();
        let clear = self.unlock(&segment.keys, sequence, bytes, &place, findings);
        let init = map.and_then(|map| self.maps.get(map));
        let (Some(clear), Some(init)) = (clear, init) else {
            return;
        };
        let content = fragments::read(&clear, init, &place, findings);
        timeline::check_part(part, &content, findings);
        let parts = self.parts.entry(sequence).or_default();
        parts.push((number, content));
    }

    /// Checks what the multivariant playlist tells of this one.
    pub fn check_variant(&self, variant: &Variant, findings: &mut Findings) {
        if let Some(content) = &self.first {
            timeline::check_variant(variant, content, findings);
        }
        let is_live = self.last().is_some_and(Media::is_live);
        // A live program can become richer than it has ever been.
        let room = if is_live { 1.25 } else { 1.1 };
        let told = variant.bandwidth.unwrap_or(u64::MAX) as f64;
        if self.peak > told * room {
            let found = format!("a segment has {:.0} bit/s, BANDWIDTH is {told}", self.peak);
            findings.add(&PEAK, variant.line, found);
        }
    }

    /// What was seen last of the playlist.
    pub fn last(&self) -> Option<&Media> {
        self.watch.last()
    }

    /// A file in clear; `None` when that cannot be had.
    fn unlock<'b>(
        &self,
        keys: &[Key],
        sequence: u64,
        bytes: &'b [u8],
        place: &str,
        findings: &mut Findings,
    ) -> Option<Cow<'b, [u8]>> {
        let Some(key) = keys.iter().find(|key| key.method == "AES-128") else {
            return Some(Cow::Borrowed(bytes));
        };
        if bytes.is_empty() || !bytes.len().is_multiple_of(16) {
            let found = format!("it has {} bytes", bytes.len());
            findings.add(&ENCRYPTED_SIZE, place, found);
            return None;
        }
        let known = key.uri.as_ref().and_then(|uri| self.keys.get(uri))?;
        let clear = decryption::decrypt(bytes, *known, key.iv.unwrap_or_else(|| sequence.into()));
        if clear.is_none() {
            let found = "it cannot be decrypted: its padding is wrong";
            findings.add(&PADDING, place, found);
        }
        clear.map(Cow::Owned)
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

/// Reads a media playlist whose faults do not matter; `None` when it is none.
pub fn read(bytes: &[u8]) -> Option<Media> {
    let mut faults = Findings::default();
    lines::read(bytes, &mut faults).map(|entries| Media::read(&entries, &mut faults))
}

/// Checks a delta update that was received immediately after the playlist `whole`.
pub fn check_delta(whole: &[u8], delta: &[u8], findings: &mut Findings) {
    let update = lines::read(delta, findings).map(|entries| Media::read(&entries, findings));
    if let (Some(whole), Some(update)) = (read(whole), update) {
        delta::check(&whole, &update, findings);
    }
}
