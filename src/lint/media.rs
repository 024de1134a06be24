//! A media playlist as a player understands it (rfc8216bis, 4.4.3 to 4.4.5).
//!
//! What the lines mean is read in `media_reader`; whether that is allowed, other files check.

use std::ops::Range;
use std::sync::Arc;

use time::OffsetDateTime;

use super::finding::Line;

/// A media playlist. Times are in seconds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Media {
    /// `EXT-X-VERSION`; 1 without it.
    pub version: u64,
    /// `EXT-X-TARGETDURATION`.
    pub target_duration: Option<u64>,
    /// The number of the first segment, be it skipped.
    pub media_sequence: u64,
    /// The number of discontinuities before it, when that is told.
    pub discontinuity_sequence: Option<u64>,
    /// `EXT-X-PLAYLIST-TYPE`.
    pub playlist_type: Option<PlaylistType>,
    /// `EXT-X-INDEPENDENT-SEGMENTS`.
    pub independent_segments: bool,
    /// `EXT-X-I-FRAMES-ONLY`.
    pub i_frames_only: bool,
    /// `EXT-X-SERVER-CONTROL`.
    pub control: Option<Control>,
    /// `EXT-X-PART-INF`.
    pub part_target: Option<f64>,
    /// `EXT-X-SKIP`: how many segments are left out, with its line.
    pub skip: Option<(Line, u64)>,
    /// The segments.
    pub segments: Vec<Segment>,
    /// The segment of which there are only parts so far.
    pub open: Option<Segment>,
    /// `EXT-X-PRELOAD-HINT`.
    pub hints: Vec<Hint>,
    /// `EXT-X-RENDITION-REPORT`.
    pub reports: Vec<RenditionReport>,
    /// `EXT-X-DATERANGE`.
    pub date_ranges: Vec<DateRange>,
    /// `EXT-X-ENDLIST`.
    pub ended: bool,
}

/// Whether and how a playlist may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlaylistType {
    /// It grows.
    Event,
    /// It never changes.
    Vod,
}

/// What the server can do for players that reload.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Control {
    /// Where the tag stands.
    pub line: Line,
    /// Playlists can be asked for before they exist.
    pub can_block_reload: bool,
    /// How old a segment is at least that can be skipped.
    pub can_skip_until: Option<f64>,
    /// Old date ranges can be skipped too.
    pub can_skip_date_ranges: bool,
    /// How far from the end players stay.
    pub hold_back: Option<f64>,
    /// The same for those that take parts.
    pub part_hold_back: Option<f64>,
}

/// A segment, or the beginning of one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Segment {
    /// Where its URI stands, or its first part.
    pub line: Line,
    /// Its media sequence number.
    pub sequence: u64,
    /// Where it is; empty while there are only parts.
    pub uri: String,
    /// Its length.
    pub duration: f64,
    /// Digits after the point of that.
    pub decimals: usize,
    /// It does not go on where the one before ended.
    pub discontinuity: bool,
    /// When it was captured, if that is told of this segment.
    pub date: Option<OffsetDateTime>,
    /// What a player needs before it.
    pub map: Option<Arc<Map>>,
    /// The keys that it is encrypted with; none when it is in clear.
    pub keys: Arc<[Key]>,
    /// Which bytes of the resource, when it is not all of it.
    pub byte_range: Option<Range<u64>>,
    /// Its parts, as far as they are told of.
    pub parts: Vec<Part>,
    /// There is nothing to be fetched.
    pub gap: bool,
}

/// `EXT-X-PART`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Part {
    /// Where the tag stands.
    pub line: Line,
    /// Where the part is.
    pub uri: String,
    /// Its length.
    pub duration: f64,
    /// A player may start with it.
    pub independent: bool,
    /// Which bytes of the resource, when it is not all of it.
    pub byte_range: Option<Range<u64>>,
    /// There is nothing to be fetched.
    pub gap: bool,
}

/// `EXT-X-MAP`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Map {
    /// Where the tag stands.
    pub line: Line,
    /// Where the initialisation segment is.
    pub uri: String,
    /// Which bytes of the resource, when it is not all of it.
    pub byte_range: Option<Range<u64>>,
    /// The keys that it is encrypted with.
    pub keys: Arc<[Key]>,
}

/// `EXT-X-KEY` or `EXT-X-SESSION-KEY`, of a method other than `NONE`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Key {
    /// Where the tag stands.
    pub line: Line,
    /// `AES-128`, `SAMPLE-AES`…
    pub method: String,
    /// Where the key is.
    pub uri: Option<String>,
    /// The initialisation vector, as a number.
    pub iv: Option<u128>,
    /// `identity` when it is not told.
    pub format: String,
    /// Which versions of that format it complies with, separated by slashes; `1` when it is not told.
    pub versions: String,
}

/// `EXT-X-PRELOAD-HINT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// Where the tag stands.
    pub line: Line,
    /// `PART` or `MAP`.
    pub kind: String,
    /// What will be there.
    pub uri: String,
    /// From which byte on.
    pub start: u64,
}

/// `EXT-X-RENDITION-REPORT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenditionReport {
    /// Where the tag stands.
    pub line: Line,
    /// The other playlist.
    pub uri: String,
    /// Its last segment, be there only parts of it.
    pub last_sequence: Option<u64>,
    /// The last part of that.
    pub last_part: Option<u64>,
}

/// `EXT-X-DATERANGE`.
#[derive(Clone, Debug, PartialEq)]
pub struct DateRange {
    /// Where the tag stands.
    pub line: Line,
    /// Which of all ranges it is.
    pub id: String,
    /// `CLASS`.
    pub class: Option<String>,
    /// When it begins.
    pub start: Option<OffsetDateTime>,
    /// When it ends.
    pub end: Option<OffsetDateTime>,
    /// How long it is.
    pub duration: Option<f64>,
    /// It ends when the next of its class begins.
    pub end_on_next: bool,
}

impl Media {
    /// Whether more will come, or may.
    pub fn is_live(&self) -> bool {
        !self.ended && self.playlist_type != Some(PlaylistType::Vod)
    }

    /// The target duration in seconds; 0 without one.
    pub fn target(&self) -> f64 {
        self.target_duration.unwrap_or(0) as f64
    }

    /// How many segments are left out.
    pub fn skipped(&self) -> u64 {
        self.skip.map_or(0, |(_, count)| count)
    }

    /// The media sequence number of what comes after the last whole segment.
    pub fn next_sequence(&self) -> u64 {
        let listed = self.segments.len() as u64;
        let first = self.media_sequence.saturating_add(self.skipped());
        first.saturating_add(listed)
    }

    /// All that is listed, the segment that is being made among it.
    pub fn all(&self) -> impl DoubleEndedIterator<Item = &Segment> {
        self.segments.iter().chain(&self.open)
    }

    /// The segment of this number.
    pub fn segment(&self, sequence: u64) -> Option<&Segment> {
        let first = self.media_sequence.saturating_add(self.skipped());
        let index = usize::try_from(sequence.checked_sub(first)?).ok()?;
        self.segments.get(index).or_else(|| {
            let open = self.open.as_ref();
            open.filter(|open| open.sequence == sequence)
        })
    }

    /// How long all whole segments are.
    pub fn duration(&self) -> f64 {
        self.segments.iter().map(|segment| segment.duration).sum()
    }

    /// How far each segment's end is from the playlist's end, the open segment last.
    pub fn ages(&self) -> Vec<f64> {
        let mut age = 0.0;
        let mut ages: Vec<f64> = self
            .all()
            .rev()
            .map(|segment| {
                let own = age;
                age += segment.length();
                own
            })
            .collect();
        ages.reverse();
        ages
    }
}

impl Segment {
    /// How it is called in findings.
    pub fn place(&self) -> String {
        format!("{}, segment {}", self.line, self.sequence)
    }

    /// Its duration; of an open segment, that of its parts.
    pub fn length(&self) -> f64 {
        if self.uri.is_empty() {
            self.parts.iter().map(|part| part.duration).sum()
        } else {
            self.duration
        }
    }
}

/// The URL that `uri` means in the playlist at `playlist`; `uri` itself where that is none.
pub(super) fn absolute(playlist: &str, uri: &str) -> String {
    let joined = url::Url::parse(playlist).and_then(|playlist| playlist.join(uri));
    joined.map_or_else(|_| uri.to_owned(), String::from)
}
