//! An open movie: its index, its files, and the tracks that it serves.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use bytes::Bytes;
use tracing::{debug, warn};

use super::Error;
use super::blocks::{Blocks, Fetch};
use super::file::MediaFile;
use crate::base::id::TrackId;
use crate::base::media_time::NptTime;
use crate::base::path::MediaPath;
use crate::codec::{Kind, Malformed, Packetize};
use crate::container::{self, FileRange, HintTrack, ReadAt, Role, Track};

/// The first payload type without a fixed meaning (RFC 3551, 6).
const FIRST_DYNAMIC: u8 = 96;

/// A movie or audio file that can be played; shared by all its viewers.
#[derive(Debug)]
pub struct Movie {
    path: MediaPath,
    index: container::Movie,
    /// The movie itself, then the files that its data references name.
    files: Vec<Arc<MediaFile>>,
    served: Vec<ServedTrack>,
    /// Whether the log has told of a fault that showed while it played.
    told: AtomicBool,
}

/// A track that clients can set up.
pub struct ServedTrack {
    /// The number in its control URL.
    pub id: TrackId,
    /// What it is for its viewers.
    pub kind: Kind,
    /// RTP clock rate in Hz.
    pub rtp_rate: u32,
    /// RTP payload type; a hint track's packets carry their own.
    pub payload_type: u8,
    /// Encoding as SDP names it (`H264/90000`).
    pub encoding: String,
    /// Number of the track in the index.
    pub(super) track: usize,
    /// Number of the media track that says where decoding can start.
    pub(super) media: usize,
    packetizer: Option<Box<dyn Packetize>>,
}

impl Movie {
    /// A movie of an index and its files; the first is the movie itself.
    ///
    /// Hinted movies serve their hint tracks, others what this server can packetise.
    pub(super) fn new(
        path: MediaPath,
        index: container::Movie,
        files: Vec<Arc<MediaFile>>,
    ) -> Self {
        let mut served: Vec<_> = (0..index.tracks.len())
            .filter_map(|at| hinted(&index, at))
            .collect();
        if served.is_empty() {
            served = packetised(&index);
        }
        Self {
            path,
            index,
            files,
            served,
            told: AtomicBool::new(false),
        }
    }

    /// The error that says why none of its tracks can be served by RTSP; `None` when one can.
    pub(super) fn unserved(&self) -> Option<Error> {
        let is_unserved = self.served.is_empty();
        is_unserved.then(|| Error::Unsupported(reasons(&self.index)))
    }

    /// Its name below the movies folder.
    pub fn path(&self) -> &MediaPath {
        &self.path
    }

    /// What its file holds.
    pub fn index(&self) -> &container::Movie {
        &self.index
    }

    /// The tracks that clients can set up, in file order.
    pub fn served(&self) -> &[ServedTrack] {
        &self.served
    }

    /// Whether its packets are sent as a hinter authored them.
    pub fn is_hinted(&self) -> bool {
        self.served.iter().all(|served| served.packetizer.is_none())
    }

    /// Length of the presentation.
    pub fn duration(&self) -> NptTime {
        self.index.duration.into()
    }

    /// When the movie's file last changed.
    pub fn modified(&self) -> SystemTime {
        self.files
            .first()
            .map_or(SystemTime::UNIX_EPOCH, |file| file.modified())
    }

    /// Size of the movie's file in bytes.
    pub fn size(&self) -> u64 {
        self.files.first().map_or(0, |file| file.size())
    }

    /// Mean rate of all served tracks in bit/s.
    pub fn bit_rate(&self) -> u64 {
        let rate = |served: &ServedTrack| self.track(served.track).and_then(|track| track.bit_rate);
        self.served.iter().filter_map(rate).sum()
    }

    /// Logs why something of a track is not sent: a warning for the movie's first fault, for all its viewers.
    pub(super) fn tell(&self, track: TrackId, malformed: &Malformed) {
        let path = &self.path;
        if self.told.swap(true, Ordering::Relaxed) {
            debug!(%path, %track, "cannot be sent: {malformed}");
        } else {
            warn!(%path, %track, "cannot be sent in full: {malformed}");
        }
    }

    /// A track of the index by its number there.
    pub(super) fn track(&self, number: usize) -> Option<&Track> {
        self.index.tracks.get(number)
    }

    /// A hint track of the index by its number there.
    pub(super) fn hint_track(&self, number: usize) -> Option<(&Track, &HintTrack)> {
        let track = self.track(number)?;
        Some((track, track.hint()?))
    }

    /// Bytes of one of the movie's files, waited for; `None` when they cannot be read. Cancel safe.
    pub async fn read(&self, blocks: &Arc<Blocks>, range: FileRange) -> Option<Bytes> {
        loop {
            match self.fetch(blocks, range) {
                Fetch::Ready(bytes) => return Some(bytes),
                Fetch::Wait(block) => blocks.wait(&block).await.ok()?,
                Fetch::Failed => return None,
            }
        }
    }

    /// Bytes of one of the movie's files, read past what is kept of them; `None` when they cannot be read. Blocks.
    pub fn read_now(&self, range: FileRange) -> Option<Bytes> {
        let file = self.files.get(usize::from(range.file))?;
        let mut bytes = vec![0; usize::try_from(range.length).ok()?];
        file.read_at(range.offset, &mut bytes).ok()?;
        Some(bytes.into())
    }

    /// Bytes of one of the movie's files, if they are here.
    pub(super) fn fetch(&self, blocks: &Arc<Blocks>, range: FileRange) -> Fetch {
        match self.files.get(usize::from(range.file)) {
            Some(file) => blocks.fetch(file, range.offset, range.length),
            None => Fetch::Failed,
        }
    }
}

impl ServedTrack {
    /// What makes its packets; `None` for a hint track.
    pub(super) fn packetizer(&self) -> Option<&dyn Packetize> {
        self.packetizer.as_deref()
    }

    /// How many of its samples may share a packet.
    pub(super) fn samples_per_call(&self) -> usize {
        self.packetizer
            .as_ref()
            .map_or(1, |packetizer| packetizer.samples_per_call().max(1))
    }
}

impl fmt::Debug for ServedTrack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "track {} ({:?}, {})", self.id, self.kind, self.encoding)
    }
}

fn hinted(index: &container::Movie, number: usize) -> Option<ServedTrack> {
    let track = index.tracks.get(number)?;
    let hint = track.hint()?;
    let sent = *hint.media.first()?;
    let media = index.tracks.iter().position(|track| track.id == sent)?;
    if track.samples.is_empty() {
        return None;
    }
    let (kind, payload_type, encoding) = described(&hint.sdp);
    let packetizer = None;
    Some(ServedTrack {
        id: track.id,
        kind,
        rtp_rate: hint.rtp_rate,
        payload_type,
        encoding,
        track: number,
        media,
        packetizer,
    })
}

fn packetised(index: &container::Movie) -> Vec<ServedTrack> {
    let mut dynamic = FIRST_DYNAMIC..=127;
    let mut served = Vec::new();
    for (number, track) in index.tracks.iter().enumerate() {
        let Role::Media(format) = &track.role else {
            continue;
        };
        let Some(payload_type) = format.static_payload_type().or_else(|| dynamic.next()) else {
            break;
        };
        if track.samples.is_empty() || track.edits.spans().is_empty() {
            continue;
        }
        served.push(ServedTrack {
            id: track.id,
            kind: format.kind(),
            rtp_rate: format.clock_rate(),
            payload_type,
            encoding: format.rtpmap(),
            track: number,
            media: number,
            packetizer: Some(format.packetizer()),
        });
    }
    served
}

/// Kind, payload type and encoding from a hint track's part of the SDP.
fn described(sdp: &str) -> (Kind, u8, String) {
    let line = |prefix: &str| {
        sdp.lines()
            .find_map(|line| line.trim().strip_prefix(prefix))
    };
    let media = line("m=").unwrap_or_default();
    let kind = match media.split(' ').next() {
        Some("video") => Kind::Video,
        Some("audio") => Kind::Audio,
        _ => Kind::Application,
    };
    let payload_type = media
        .split(' ')
        .nth(3)
        .and_then(|number| number.parse().ok())
        .unwrap_or(FIRST_DYNAMIC);
    let encoding = line("a=rtpmap:")
        .and_then(|map| map.split_once(' '))
        .map(|(_, name)| name.trim());
    (kind, payload_type, encoding.unwrap_or_default().to_owned())
}

/// Every reason why no track of a movie can be served.
fn reasons(index: &container::Movie) -> String {
    if index.faults.is_empty() {
        "no audio or video track".to_owned()
    } else {
        index.faults.join("; ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hint_track_descriptions_name_kind_type_and_encoding() {
        let sdp = "m=audio 0 RTP/AVP 97\r\nb=AS:48\r\na=rtpmap:97 mpeg4-generic/22050/2\r\n";
        assert_eq!(
            described(sdp),
            (Kind::Audio, 97, "mpeg4-generic/22050/2".to_owned())
        );
        assert_eq!(described(""), (Kind::Application, 96, String::new()));
    }
}
