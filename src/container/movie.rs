//! What a file holds: tracks, their roles, and what SDP needs to describe them.
//!
//! All formats of this folder produce these types. How samples are found is in
//! `samples`, how presentation time maps to media time in `edits`.

use bytes::Bytes;

use super::{Edits, Foreign, SampleTable};
use crate::base::id::TrackId;
use crate::base::media_time::{MediaTime, NptTime};
use crate::codec::{Format, Kind};

/// A movie or an audio file, opened: all that is needed to serve it but its media bytes.
#[derive(Clone, Debug)]
pub struct Movie {
    /// The file format, for people (`QuickTime`, `MP4`, `WAV`).
    pub container: &'static str,
    /// Length of the presentation.
    pub duration: MediaTime,
    /// The tracks in file order; their identifiers differ.
    pub tracks: Vec<Track>,
    /// The session part of the SDP that the author's hinter wrote (`moov/udta/hnti/rtp `), as it stands.
    pub sdp: Option<String>,
    /// Plain names of the files that data references name, in the movie's own folder.
    /// A sample's file number `n > 0` is `files[n - 1]`; 0 is the movie itself.
    pub files: Vec<String>,
    /// Why parts of the file cannot be served, one line each.
    pub faults: Vec<String>,
}

impl Movie {
    /// A file of a format that this server does not read, of which nothing is known.
    pub fn unread(format: Foreign) -> Self {
        Self {
            container: format.container,
            duration: MediaTime::new(0, 1),
            tracks: Vec::new(),
            sdp: None,
            files: Vec::new(),
            faults: Vec::new(),
        }
    }

    /// The track of that identifier.
    pub fn track(&self, id: TrackId) -> Option<&Track> {
        self.tracks.iter().find(|track| track.id == id)
    }

    /// When the first of its pictures and sounds is presented; 0 without any.
    pub fn begin(&self) -> NptTime {
        let tracks = self.tracks.iter();
        let played =
            tracks.filter(|track| track.kind().is_some_and(|kind| kind != Kind::Application));
        played.filter_map(Track::begin).min().unwrap_or_default()
    }

    /// Bytes of memory that the sample tables take.
    pub fn index_memory(&self) -> usize {
        self.tracks.iter().map(|track| track.samples.memory()).sum()
    }
}

/// One track of a movie.
#[derive(Clone, Debug)]
pub struct Track {
    /// The number in its control URL.
    pub id: TrackId,
    /// What it is for, and whether it can be served.
    pub role: Role,
    /// Ticks per second of its samples, in Hz; never 0.
    pub timescale: u32,
    /// Length of the media in ticks, before edits.
    pub duration: i64,
    /// Where its samples lie and when they are due.
    pub samples: SampleTable,
    /// Which parts of the media are presented, and when.
    pub edits: Edits,
    /// The sample format as the file names it (`avc1`, `SVQ3`), for people.
    pub codec: String,
    /// The sample descriptions of the file, whole boxes with size and type; hint tracks may quote them.
    pub descriptions: Vec<Bytes>,
    /// Mean rate of the media in bit/s; for hint tracks of the packets with RTP headers.
    pub bit_rate: Option<u64>,
    /// Language tag of three letters (ISO 639-2), when the file names one.
    pub language: Option<String>,
    /// Picture width and height in pixels.
    pub size: Option<(u16, u16)>,
}

impl Track {
    /// Audio or video, when the track is media of a known kind.
    pub fn kind(&self) -> Option<Kind> {
        match &self.role {
            Role::Media(format) => Some(format.kind()),
            Role::Unservable { kind, .. } => *kind,
            Role::Hint(_) | Role::Other => None,
        }
    }

    /// When the first of its samples is presented; `None` when none is.
    fn begin(&self) -> Option<NptTime> {
        let span = self.edits.spans().first()?;
        let first = self.sync_for(span.media_start);
        let first = self.samples.cursor(first).next(&self.samples)?;
        // What is before the span is not presented.
        let late = first.presented().saturating_sub(span.media_start).max(0);
        let NptTime(start) = span.start;
        let late = MediaTime::new(late, self.timescale).nanos();
        Some(NptTime(start.saturating_add(late)))
    }

    /// The hint track's facts, when this is one.
    pub fn hint(&self) -> Option<&HintTrack> {
        match &self.role {
            Role::Hint(hint) => Some(hint),
            _ => None,
        }
    }

    /// The sample from which decoding reaches media time `time`, in ticks: sync, and not shown after it.
    pub fn sync_for(&self, time: i64) -> u32 {
        let table = &self.samples;
        let mut index = table.sync_at_or_before(table.index_at(time));
        // Composition offsets may put a sync sample behind the time although its decode time is not.
        for _ in 0..MAX_PASSED {
            let Some(earlier) = table.previous_sync(index) else {
                break;
            };
            let sample = table.cursor(index).next(table);
            if sample.is_none_or(|sample| sample.presented() <= time) {
                break;
            }
            index = earlier;
        }
        index
    }
}

/// The most sync samples that are passed over in search of one that is shown in time.
const MAX_PASSED: usize = 256;

/// What a track is for.
#[derive(Clone, Debug)]
pub enum Role {
    /// Audio or video that can be packetised on the fly.
    Media(Format),
    /// Audio or video that cannot; hint tracks may still send it.
    Unservable {
        /// What it would be.
        kind: Option<Kind>,
        /// Why not, in one line.
        reason: String,
    },
    /// Instructions to send other tracks by RTP (ISO/IEC 14496-12, 9.1).
    Hint(HintTrack),
    /// Nothing that is streamed: text, time code, chapters.
    Other,
}

/// A hint track: how its samples become RTP packets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HintTrack {
    /// RTP clock rate in Hz (`tims`); never 0.
    pub rtp_rate: u32,
    /// Offset to add to RTP timestamps (`tsro`); absent means random.
    pub time_offset: Option<u32>,
    /// Offset to add to sequence numbers (`snro`); absent means random.
    pub sequence_offset: Option<u16>,
    /// The largest packet in bytes, as the file promises.
    pub max_packet: u32,
    /// The media part of the SDP (`udta/hnti/sdp `), as it stands; empty when the file has none.
    pub sdp: String,
    /// The tracks it sends (`tref/hint`), as constructors number them.
    pub media: Vec<TrackId>,
    /// What the file says of itself (`udta/hinf`).
    pub totals: HintTotals,
}

/// Statistics that a hinter left in the file; nobody checks them (ISO/IEC 14496-12, 9.1.5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HintTotals {
    /// Packets in all (`nump`, `npck`).
    pub packets: Option<u64>,
    /// Bytes with RTP headers (`trpy`, `totl`).
    pub bytes: Option<u64>,
}

/// A run of bytes in one of a movie's files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileRange {
    /// 0 for the movie itself, `n` for `Movie::files[n - 1]`.
    pub file: u16,
    /// Byte offset in that file.
    pub offset: u64,
    /// Bytes.
    pub length: u32,
}
