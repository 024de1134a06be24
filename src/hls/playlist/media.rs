//! A media playlist: what can be fetched at the moment, and when more will come.

use std::fmt::{self, Display, Formatter};
use std::time::{Duration, SystemTime};

use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use crate::base::media_time::MediaTime;
use crate::hls::lock::Manner;

/// The versions of the protocol that features need (rfc8216bis, 8); `EXT-X-MAP` in any playlist is 6.
const VERSION_OF_I_FRAMES: u8 = 4;
const VERSION_OF_SAMPLE_KEYS: u8 = 5;
const VERSION_OF_MAP: u8 = 6;
const VERSION_OF_GAP: u8 = 8;
const VERSION_OF_SKIP: u8 = 9;
const VERSION_OF_SKIPPED_TITLES: u8 = 10;
const VERSION: u8 = 3;

/// `EXT-X-PROGRAM-DATE-TIME` (ISO 8601, to the millisecond).
const DATE: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// A media playlist (rfc8216bis, 4.4.3 to 4.4.5).
#[derive(Clone, Debug, Default)]
pub struct MediaPlaylist<'a> {
    /// In seconds; no segment is longer when rounded to a second.
    pub target_duration: u64,
    /// The number of the first segment, skipped ones included.
    pub media_sequence: u64,
    /// The number of discontinuities before the first segment.
    pub discontinuity_sequence: u64,
    /// Whether every segment can be decoded without those before it.
    pub independent: bool,
    /// Whether every segment is one key frame, which lasts until the next of them is shown.
    pub i_frames_only: bool,
    /// What the playlist may become; `None` for one that loses what is old.
    pub kind: Option<PlaylistKind>,
    /// What the server can do for players that reload.
    pub control: Control,
    /// No part is longer; `None` without parts.
    pub part_target: Option<Duration>,
    /// What was on, and is.
    pub titles: Vec<TitleLine<'a>>,
    /// How many of the first segments are left out, which the player has from an earlier playlist.
    pub skipped: usize,
    /// Where older titles are left out with them: those that are no longer there.
    pub removed_titles: Option<Vec<String>>,
    /// The segments, skipped ones not among them.
    pub segments: Vec<SegmentLine<'a>>,
    /// What is there of the segment that is being made.
    pub open: Option<SegmentLine<'a>>,
    /// The URI of the part that comes next.
    pub hint: Option<String>,
    /// The other renditions of the same program.
    pub reports: &'a [RenditionReport],
    /// Whether nothing will come any more.
    pub ended: bool,
}

/// `EXT-X-PLAYLIST-TYPE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlaylistKind {
    /// It loses nothing.
    Event,
    /// It never changes, so that nobody reloads it.
    Vod,
}

/// `EXT-X-SERVER-CONTROL`; times are in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Control {
    /// Playlists can be asked for before they exist.
    pub can_block_reload: bool,
    /// How far from the end players stay, at least.
    pub hold_back: f64,
    /// The same for players that take parts.
    pub part_hold_back: Option<f64>,
    /// Segments that begin earlier than this before the end can be skipped.
    pub can_skip_until: Option<f64>,
    /// Titles that are as old can be skipped with them.
    pub can_skip_titles: bool,
}

/// One segment, or the beginning of one.
#[derive(Clone, Debug)]
pub struct SegmentLine<'a> {
    /// What a player needs before it, when that changes here; of the first segment always.
    pub map: Option<String>,
    /// How it and those after it are encrypted, when that changes here; of the first segment always.
    pub key: Option<KeyLine>,
    /// Whether it does not go on where the segment before ended.
    pub discontinuity: bool,
    /// When its begin was captured.
    pub date: SystemTime,
    /// Its parts, as far as they are still of use.
    pub parts: Vec<PartLine>,
    /// How long it is; of use when it is whole.
    pub duration: MediaTime,
    /// Whether there is nothing to be fetched.
    pub gap: bool,
    /// Where it is; of use when it is whole.
    pub uri: &'a str,
}

/// A title as a range of dates that ends where the next begins (`EXT-X-DATERANGE`).
#[derive(Clone, Debug)]
pub struct TitleLine<'a> {
    /// Tells it from all others.
    pub id: String,
    /// The title; empty when what was on is over.
    pub text: &'a str,
    /// Since when it is on.
    pub date: SystemTime,
}

/// How segments are encrypted (`EXT-X-KEY`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyLine {
    /// What of them is.
    pub manner: Manner,
    /// Where the key is.
    pub uri: String,
    /// The initialisation vector.
    pub iv: u128,
}

/// One part of a segment.
#[derive(Clone, Debug)]
pub struct PartLine {
    /// Where it is.
    pub uri: String,
    /// How long it is.
    pub duration: MediaTime,
    /// Whether a player may start with it.
    pub independent: bool,
    /// Whether there is nothing to be fetched.
    pub gap: bool,
}

/// How far another rendition is (`EXT-X-RENDITION-REPORT`).
#[derive(Clone, Debug)]
pub struct RenditionReport {
    /// Its playlist.
    pub uri: String,
    /// The number of its last segment.
    pub last_sequence: u64,
    /// The last part of that segment.
    pub last_part: Option<u32>,
}

impl MediaPlaylist<'_> {
    fn version(&self) -> u8 {
        let lines = || self.segments.iter().chain(&self.open);
        let gap = |line: &SegmentLine<'_>| line.gap || line.parts.iter().any(|part| part.gap);
        if self.removed_titles.is_some() {
            VERSION_OF_SKIPPED_TITLES
        } else if self.skipped > 0 {
            VERSION_OF_SKIP
        } else if lines().any(gap) {
            VERSION_OF_GAP
        } else if lines().any(|line| line.map.is_some()) {
            VERSION_OF_MAP
        } else if lines().any(SegmentLine::has_sample_key) {
            VERSION_OF_SAMPLE_KEYS
        } else if self.i_frames_only {
            VERSION_OF_I_FRAMES
        } else {
            VERSION
        }
    }

    fn head(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "#EXTM3U\n#EXT-X-VERSION:{}", self.version())?;
        writeln!(f, "#EXT-X-TARGETDURATION:{}", self.target_duration)?;
        writeln!(f, "#EXT-X-MEDIA-SEQUENCE:{}", self.media_sequence)?;
        let discontinuities = self.discontinuity_sequence;
        writeln!(f, "#EXT-X-DISCONTINUITY-SEQUENCE:{discontinuities}")?;
        if self.independent {
            writeln!(f, "#EXT-X-INDEPENDENT-SEGMENTS")?;
        }
        if self.i_frames_only {
            writeln!(f, "#EXT-X-I-FRAMES-ONLY")?;
        }
        if let Some(kind) = self.kind {
            writeln!(f, "#EXT-X-PLAYLIST-TYPE:{kind}")?;
        }
        // Of I-frame playlists it would tell nothing beside what every player does of itself.
        if self.kind != Some(PlaylistKind::Vod) && !self.i_frames_only {
            writeln!(f, "#EXT-X-SERVER-CONTROL:{}", self.control)?;
        }
        if let Some(target) = self.part_target {
            // No part that is told to the nearest microsecond may be longer.
            let micros = target.as_nanos().div_ceil(1000);
            let (seconds, micros) = (micros / 1_000_000, micros % 1_000_000);
            writeln!(f, "#EXT-X-PART-INF:PART-TARGET={seconds}.{micros:06}")?;
        }
        self.skip(f)?;
        self.titles
            .iter()
            .try_for_each(|title| write!(f, "{title}"))
    }

    fn skip(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.skipped == 0 {
            return Ok(());
        }
        write!(f, "#EXT-X-SKIP:SKIPPED-SEGMENTS={}", self.skipped)?;
        if let Some(removed) = &self.removed_titles {
            let removed = removed.join("\t");
            write!(f, ",RECENTLY-REMOVED-DATERANGES=\"{removed}\"")?;
        }
        writeln!(f)
    }

    fn tail(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.ended {
            return writeln!(f, "#EXT-X-ENDLIST");
        }
        if let Some(hint) = &self.hint {
            writeln!(f, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"{hint}\"")?;
        }
        let mut reports = self.reports.iter();
        reports.try_for_each(|report| write!(f, "{report}"))
    }
}

impl Display for MediaPlaylist<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.head(f)?;
        for segment in &self.segments {
            segment.begin(f)?;
            segment.end(f)?;
        }
        if let Some(open) = &self.open {
            open.begin(f)?;
        }
        self.tail(f)
    }
}

impl Display for PlaylistKind {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Event => "EVENT",
            Self::Vod => "VOD",
        })
    }
}

impl Display for Control {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.can_block_reload {
            f.write_str("CAN-BLOCK-RELOAD=YES,")?;
        }
        if let Some(until) = self.can_skip_until {
            write!(f, "CAN-SKIP-UNTIL={until:.5},")?;
            if self.can_skip_titles {
                f.write_str("CAN-SKIP-DATERANGES=YES,")?;
            }
        }
        if let Some(part) = self.part_hold_back {
            write!(f, "PART-HOLD-BACK={part:.5},")?;
        }
        write!(f, "HOLD-BACK={:.5}", self.hold_back)
    }
}

impl SegmentLine<'_> {
    /// The tags that come before the first part.
    fn begin(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.discontinuity {
            writeln!(f, "#EXT-X-DISCONTINUITY")?;
        }
        self.map_and_key(f)?;
        writeln!(f, "#EXT-X-PROGRAM-DATE-TIME:{}", written(self.date)?)?;
        self.parts.iter().try_for_each(|part| write!(f, "{part}"))
    }

    /// A key is that of maps behind it too. Files are encrypted with keys that come and go, and
    /// a map is the same for all of them, so that it goes before their key.
    fn map_and_key(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let map = |f: &mut Formatter<'_>| match &self.map {
            Some(map) => writeln!(f, "#EXT-X-MAP:URI=\"{map}\""),
            None => Ok(()),
        };
        match &self.key {
            None => map(f),
            Some(key) if key.manner == Manner::Samples => {
                write!(f, "{key}")?;
                map(f)
            }
            Some(key) => {
                if self.map.is_some() {
                    writeln!(f, "#EXT-X-KEY:METHOD=NONE")?;
                }
                map(f)?;
                write!(f, "{key}")
            }
        }
    }

    fn has_sample_key(&self) -> bool {
        let key = self.key.as_ref();
        key.is_some_and(|key| key.manner == Manner::Samples)
    }

    fn end(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.gap {
            writeln!(f, "#EXT-X-GAP")?;
        }
        let duration = self.duration.seconds();
        writeln!(f, "#EXTINF:{duration:.6},\n{}", self.uri)
    }
}

impl Display for TitleLine<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (id, date) = (&self.id, written(self.date)?);
        // Neither quotes nor the ends of lines have a place in a quoted text.
        let text = self.text.replace('"', "'");
        let text = text.replace(char::is_control, " ");
        writeln!(
            f,
            "#EXT-X-DATERANGE:ID=\"{id}\",CLASS=\"title\",START-DATE=\"{date}\",END-ON-NEXT=YES,X-TITLE=\"{text}\""
        )
    }
}

fn written(date: SystemTime) -> Result<String, fmt::Error> {
    let date = OffsetDateTime::from(date);
    date.format(DATE).map_err(|_| fmt::Error)
}

impl Display for KeyLine {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { manner, uri, iv } = self;
        let method = manner.method();
        writeln!(f, "#EXT-X-KEY:METHOD={method},URI=\"{uri}\",IV=0x{iv:032X}")
    }
}

impl Display for RenditionReport {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (uri, last) = (&self.uri, self.last_sequence);
        write!(f, "#EXT-X-RENDITION-REPORT:URI=\"{uri}\",LAST-MSN={last}")?;
        match self.last_part {
            Some(part) => writeln!(f, ",LAST-PART={part}"),
            None => writeln!(f),
        }
    }
}

impl Display for PartLine {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (duration, uri) = (self.duration.seconds(), &self.uri);
        write!(f, "#EXT-X-PART:DURATION={duration:.6},URI=\"{uri}\"")?;
        if self.independent {
            f.write_str(",INDEPENDENT=YES")?;
        }
        if self.gap {
            f.write_str(",GAP=YES")?;
        }
        writeln!(f)
    }
}

#[cfg(test)]
mod tests;
