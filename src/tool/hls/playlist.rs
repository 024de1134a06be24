//! Playlists as a player of low latency reads them (rfc8216bis, 4.4). Pure.
//!
//! Only what it takes to play; whether a playlist is right is the matter of `lint`.

use std::time::{Duration, SystemTime};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A playlist.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Playlist {
    /// The URI of the first variant of a multivariant playlist.
    Variant(String),
    Media(Media),
}

/// A media playlist, or the part of it that a delta update holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Media {
    pub(super) target: Duration,
    /// The longest part; `None` when there are no parts.
    pub(super) part_target: Option<Duration>,
    /// How far from the end a player stays.
    pub(super) hold_back: Duration,
    pub(super) can_block: bool,
    pub(super) can_skip: bool,
    pub(super) ended: bool,
    /// What can be fetched: parts where there are any, else segments.
    pub(super) pieces: Vec<Piece>,
    /// The URI of the part that comes next.
    pub(super) hint: Option<String>,
    /// The piece that comes next.
    pub(super) next: Place,
}

/// A segment, or a part of one.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Piece {
    pub(super) place: Place,
    pub(super) uri: String,
    pub(super) length: Duration,
    /// When its begin was captured, as far as the playlist tells.
    pub(super) date: Option<SystemTime>,
    /// A player may begin with it.
    pub(super) is_start: bool,
    /// There is nothing to be fetched.
    pub(super) is_gap: bool,
    /// What a player needs before it.
    pub(super) map: Option<String>,
}

/// Where a piece belongs: its media sequence number, and which part of that segment it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) sequence: u64,
    pub(super) part: u64,
}

/// Why a playlist cannot be played.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unusable {
    #[error("this is no HLS playlist")]
    NotPlaylist,
    #[error("the playlist names no media")]
    Empty,
}

impl Playlist {
    pub(super) fn read(text: &str) -> Result<Self, Unusable> {
        let mut lines = text.lines();
        if !lines.next().is_some_and(|line| line.starts_with("#EXTM3U")) {
            return Err(Unusable::NotPlaylist);
        }
        let mut reading = Reading::default();
        for line in lines.filter(|line| !line.is_empty()) {
            match line.strip_prefix('#') {
                Some(tag) => reading.tag(tag),
                None => reading.uri(line),
            }
        }
        reading.finish()
    }
}

impl Media {
    /// Where a player that joins begins: the newest start that is as far from the end as it has to be, or the first one.
    pub(super) fn start(&self) -> usize {
        let mut left = Duration::ZERO;
        let mut starts = self
            .pieces
            .iter()
            .enumerate()
            .rev()
            .filter_map(|(at, piece)| {
                left += piece.length;
                piece.is_start.then_some((at, left))
            });
        let far_enough = starts.find(|(_, left)| *left >= self.hold_back);
        let first = || self.pieces.iter().position(|piece| piece.is_start);
        far_enough.map(|(at, _)| at).or_else(first).unwrap_or(0)
    }
}

#[derive(Default)]
struct Reading {
    media: Media,
    variant: Option<String>,
    /// A variant's URI comes next.
    is_variant: bool,
    sequence: u64,
    hold_back: Option<Duration>,
    part_hold_back: Option<Duration>,
    segments: Vec<Piece>,
    parts: Vec<Piece>,
    /// Parts of the segment that is being read.
    part: u64,
    /// When what comes next was captured.
    date: Option<SystemTime>,
    /// The same for the next part.
    part_date: Option<SystemTime>,
    length: Duration,
    is_gap: bool,
    map: Option<String>,
}

impl Reading {
    fn tag(&mut self, tag: &str) {
        let (name, value) = tag.split_once(':').unwrap_or((tag, ""));
        let media = &mut self.media;
        match name {
            "EXT-X-STREAM-INF" => self.is_variant = true,
            "EXT-X-TARGETDURATION" => media.target = seconds(value),
            "EXT-X-MEDIA-SEQUENCE" => self.sequence = value.parse().unwrap_or_default(),
            "EXT-X-SKIP" => {
                let skipped =
                    attribute(value, "SKIPPED-SEGMENTS").and_then(|count| count.parse().ok());
                self.sequence += skipped.unwrap_or(0_u64);
            }
            "EXT-X-SERVER-CONTROL" => {
                media.can_block = attribute(value, "CAN-BLOCK-RELOAD") == Some("YES");
                media.can_skip = attribute(value, "CAN-SKIP-UNTIL").is_some();
                self.hold_back = attribute(value, "HOLD-BACK").map(seconds);
                self.part_hold_back = attribute(value, "PART-HOLD-BACK").map(seconds);
            }
            "EXT-X-PART-INF" => media.part_target = attribute(value, "PART-TARGET").map(seconds),
            "EXT-X-MAP" => self.map = attribute(value, "URI").map(str::to_owned),
            "EXT-X-PROGRAM-DATE-TIME" => {
                self.date = OffsetDateTime::parse(value, &Rfc3339)
                    .ok()
                    .map(SystemTime::from);
                self.part_date = self.date;
            }
            "EXT-X-GAP" => self.is_gap = true,
            "EXTINF" => self.length = seconds(value.split(',').next().unwrap_or_default()),
            "EXT-X-PART" => self.part(value),
            "EXT-X-PRELOAD-HINT" if attribute(value, "TYPE") == Some("PART") => {
                media.hint = attribute(value, "URI").map(str::to_owned);
            }
            "EXT-X-ENDLIST" => media.ended = true,
            _ => {}
        }
    }

    fn part(&mut self, attributes: &str) {
        let length = attribute(attributes, "DURATION").map_or(Duration::ZERO, seconds);
        let date = self.part_date;
        self.part_date = date.map(|date| date + length);
        self.parts.push(Piece {
            place: Place {
                sequence: self.sequence,
                part: self.part,
            },
            uri: attribute(attributes, "URI").unwrap_or_default().to_owned(),
            length,
            date,
            is_start: attribute(attributes, "INDEPENDENT") == Some("YES"),
            is_gap: attribute(attributes, "GAP") == Some("YES"),
            map: self.map.clone(),
        });
        self.part += 1;
    }

    fn uri(&mut self, uri: &str) {
        if std::mem::take(&mut self.is_variant) {
            self.variant.get_or_insert_with(|| uri.to_owned());
            return;
        }
        let date = self.date;
        self.date = date.map(|date| date + self.length);
        self.segments.push(Piece {
            place: Place {
                sequence: self.sequence,
                part: 0,
            },
            uri: uri.to_owned(),
            length: self.length,
            date,
            is_start: true,
            is_gap: std::mem::take(&mut self.is_gap),
            map: self.map.clone(),
        });
        self.part_date = self.date;
        self.sequence += 1;
        self.part = 0;
    }

    fn finish(self) -> Result<Playlist, Unusable> {
        if let Some(uri) = self.variant {
            return Ok(Playlist::Variant(uri));
        }
        let mut media = self.media;
        if media.target.is_zero() {
            return Err(Unusable::Empty);
        }
        let has_parts = media.part_target.is_some();
        media.hold_back = match self.part_hold_back.filter(|_| has_parts) {
            Some(hold_back) => hold_back,
            None => self.hold_back.unwrap_or(3 * media.target),
        };
        media.pieces = if has_parts { self.parts } else { self.segments };
        media.next = Place {
            sequence: self.sequence,
            part: self.part,
        };
        Ok(Playlist::Media(media))
    }
}

/// The value of an attribute; quoted ones may hold commas.
fn attribute<'a>(list: &'a str, name: &str) -> Option<&'a str> {
    let mut is_quoted = false;
    let mut attributes = list.split(move |character| {
        is_quoted ^= character == '"';
        character == ',' && !is_quoted
    });
    let value = attributes.find_map(|one| one.trim().strip_prefix(name)?.strip_prefix('='));
    value.map(|value| value.trim_matches('"'))
}

/// A number of seconds; zero for what is none, or beyond all sense.
fn seconds(text: &str) -> Duration {
    let seconds: f64 = text.trim().parse().unwrap_or(0.0);
    Duration::try_from_secs_f64(seconds.min(86_400.0)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIVE: &str = "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:7\n\
        #EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=12.00000,PART-HOLD-BACK=1.50100,HOLD-BACK=6.00000\n\
        #EXT-X-PART-INF:PART-TARGET=0.50000\n#EXT-X-SKIP:SKIPPED-SEGMENTS=3\n\
        #EXT-X-MAP:URI=\"init0.mp4\"\n#EXT-X-PROGRAM-DATE-TIME:2026-11-21T07:43:20.000Z\n\
        #EXTINF:2.0,\n10.m4s\n\
        #EXT-X-PROGRAM-DATE-TIME:2026-11-21T07:43:22.000Z\n\
        #EXT-X-PART:DURATION=1.0,URI=\"11.0.m4s\",INDEPENDENT=YES\n\
        #EXT-X-PART:DURATION=1.0,URI=\"11.1.m4s\"\n#EXTINF:2.0,\n11.m4s\n\
        #EXT-X-PROGRAM-DATE-TIME:2026-11-21T07:43:24.000Z\n\
        #EXT-X-PART:DURATION=0.5,URI=\"12.0.m4s\",INDEPENDENT=YES\n\
        #EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"12.1.m4s\"\n";

    fn media(text: &str) -> Media {
        match Playlist::read(text) {
            Ok(Playlist::Media(media)) => media,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn parts_are_what_is_fetched_of_a_playlist_of_low_latency() {
        let media = media(LIVE);
        assert!(media.can_block && media.can_skip && !media.ended);
        assert_eq!(media.hold_back, Duration::from_millis(1501));
        assert_eq!(media.hint.as_deref(), Some("12.1.m4s"));
        assert_eq!(
            media.next,
            Place {
                sequence: 12,
                part: 1
            }
        );
        let uris: Vec<_> = media.pieces.iter().map(|piece| &*piece.uri).collect();
        assert_eq!(uris, ["11.0.m4s", "11.1.m4s", "12.0.m4s"]);
        assert_eq!(
            media.pieces[1].place,
            Place {
                sequence: 11,
                part: 1
            }
        );
        assert_eq!(
            media.pieces[1].date,
            media.pieces[2]
                .date
                .map(|date| date - Duration::from_secs(1))
        );
        assert_eq!(media.pieces[2].map.as_deref(), Some("init0.mp4"));
        assert_eq!(media.start(), 0);
    }

    #[test]
    fn segments_are_what_is_fetched_of_others() {
        let text = LIVE.replace("#EXT-X-PART-INF:PART-TARGET=0.50000\n", "");
        let media = media(&text);
        assert_eq!(media.hold_back, Duration::from_secs(6));
        let uris: Vec<_> = media.pieces.iter().map(|piece| &*piece.uri).collect();
        assert_eq!(uris, ["10.m4s", "11.m4s"]);
        assert_eq!(media.start(), 0);
    }

    #[test]
    fn the_first_variant_is_taken() {
        let text = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS=\"a,b\"\nmedia.m3u8\n\
            #EXT-X-STREAM-INF:BANDWIDTH=2\nother.m3u8\n";
        let playlist = Playlist::read(text);
        assert_eq!(playlist, Ok(Playlist::Variant("media.m3u8".to_owned())));
        assert_eq!(Playlist::read("<html>"), Err(Unusable::NotPlaylist));
        assert_eq!(Playlist::read("#EXTM3U\n"), Err(Unusable::Empty));
    }
}
