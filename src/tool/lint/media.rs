//! Segments, parts, initialisation segments and keys that a playlist tells of.

use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use url::Url;

use super::web::Web;
use crate::lint::delivery::{self, Asked};
use crate::lint::finding::Findings;
use crate::lint::media::{Key, Map, Media, Segment};
use crate::lint::stream::Stream;

/// Fetches each thing once.
pub(super) struct Fetcher {
    web: Web,
    /// The segments that are read at first.
    chosen: BTreeSet<u64>,
    /// The segments from this number on are read all.
    from: u64,
    /// The segment of which parts were read last, and how many of it.
    part: (u64, usize),
    keys: BTreeSet<String>,
    /// How many segments have been read.
    pub(super) segments: usize,
    /// How many parts have been read.
    pub(super) parts: usize,
}

impl Fetcher {
    /// Nothing has been fetched.
    pub(super) fn new(web: Web) -> Self {
        Self {
            web,
            chosen: BTreeSet::new(),
            from: 0,
            part: (0, 0),
            keys: BTreeSet::new(),
            segments: 0,
            parts: 0,
        }
    }

    /// Chooses `most` segments of the first version of a playlist: of a live one the newest, of
    /// another one the first and the last.
    pub(super) fn begin(&mut self, media: &Media, most: usize) {
        let numbers: Vec<u64> = media
            .segments
            .iter()
            .map(|segment| segment.sequence)
            .collect();
        let at_end = if media.is_live() { most } else { most / 3 };
        let first = numbers.iter().take(most - at_end);
        let last = numbers.iter().rev().take(at_end);
        self.chosen = first.chain(last).copied().collect();
        self.from = media.next_sequence();
        self.part = (self.from.saturating_sub(1), 0);
    }

    /// Reads what `media` tells of and has not been read.
    pub(super) async fn read(
        &mut self,
        own: &Url,
        media: &Media,
        stream: &mut Stream,
        findings: &mut Findings,
    ) {
        for segment in media.all() {
            self.read_parts(own, segment, stream, findings).await;
            let is_new = segment.sequence >= self.from;
            let is_chosen = self.chosen.remove(&segment.sequence) || is_new;
            if segment.uri.is_empty() || segment.gap || !is_chosen {
                continue;
            }
            self.from = self.from.max(segment.sequence + 1);
            self.read_keys(own, &segment.keys, stream, findings).await;
            let map = self.map(own, segment, stream, findings).await;
            let range = segment.byte_range.as_ref();
            let place = &segment.place();
            if let Some(bytes) = self
                .get(own, &segment.uri, range, Asked::Media, place, findings)
                .await
            {
                self.segments += 1;
                stream.segment(segment, map.as_deref(), &bytes, media, findings);
            }
        }
    }

    async fn read_parts(
        &mut self,
        own: &Url,
        segment: &Segment,
        stream: &mut Stream,
        findings: &mut Findings,
    ) {
        let (sequence, read) = self.part;
        if segment.sequence < sequence || segment.parts.is_empty() {
            return;
        }
        let read = if segment.sequence == sequence {
            read
        } else {
            0
        };
        let map = self.map(own, segment, stream, findings).await;
        for (number, part) in segment.parts.iter().enumerate().skip(read) {
            self.part = (segment.sequence, number + 1);
            if part.gap {
                continue;
            }
            let range = part.byte_range.as_ref();
            let place = part.line.to_string();
            let bytes = self
                .get(own, &part.uri, range, Asked::Media, &place, findings)
                .await;
            if let Some(bytes) = bytes {
                self.parts += 1;
                stream.part(segment, number, map.as_deref(), &bytes, findings);
            }
        }
    }

    /// Reads the initialisation segment, and tells how it is called.
    async fn map(
        &mut self,
        own: &Url,
        segment: &Segment,
        stream: &mut Stream,
        findings: &mut Findings,
    ) -> Option<String> {
        let map: &Map = segment.map.as_deref()?;
        let name = match &map.byte_range {
            Some(range) => format!("{} bytes {}-{}", map.uri, range.start, range.end),
            None => map.uri.clone(),
        };
        if !stream.has_map(&name) {
            self.read_keys(own, &map.keys, stream, findings).await;
            let range = map.byte_range.as_ref();
            let place = map.uri.clone();
            let bytes = self
                .get(own, &map.uri, range, Asked::Map, &place, findings)
                .await?;
            stream.map(&name, &map.keys, &bytes, findings);
        }
        Some(name)
    }

    async fn read_keys(
        &mut self,
        own: &Url,
        keys: &[Key],
        stream: &mut Stream,
        findings: &mut Findings,
    ) {
        for key in keys.iter().filter(|key| key.format == "identity") {
            let Some(uri) = key.uri.as_ref().filter(|uri| !self.keys.contains(*uri)) else {
                continue;
            };
            self.keys.insert(uri.clone());
            let place = key.line.to_string();
            if let Some(bytes) = self.get(own, uri, None, Asked::Key, &place, findings).await {
                stream.key(key, &bytes, findings);
            }
        }
    }

    /// Fetches something, and checks how it is delivered.
    async fn get(
        &self,
        own: &Url,
        uri: &str,
        range: Option<&Range<u64>>,
        asked: Asked,
        place: &str,
        findings: &mut Findings,
    ) -> Option<Bytes> {
        let url = own.join(uri).ok();
        let Some(url) = url.filter(|url| url.scheme().starts_with("http")) else {
            findings.add(
                &delivery::STATUS,
                place,
                format!("{uri:?} cannot be asked for"),
            );
            return None;
        };
        match self.web.get(&url, range, LOADING).await {
            Ok(answer) => {
                let place = match asked {
                    Asked::Media | Asked::Map => url.path(),
                    _ => place,
                };
                delivery::check(asked, &answer.delivery, place, findings);
                matches!(answer.delivery.status, 200 | 206).then_some(answer.body)
            }
            Err(failure) => {
                findings.add(&delivery::STATUS, place, failure);
                None
            }
        }
    }
}

/// How long a segment may take.
const LOADING: Duration = Duration::from_secs(120);
