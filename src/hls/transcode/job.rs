//! What one process of a channel is to do, in which form it is given its tracks, and where it takes them.

use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::process::ChildStdin;

use super::channel::Encoded;
use super::door::Door;
use super::feed::{Form, Inlet};
use super::harvest;
use super::lines::{First, Lines};
use super::orders::{Coding, Place};
use super::reel::Reel;
use crate::base::media_time::NtpTime;
use crate::codec::{AccessUnit, QuickTime};
use crate::media::channel::Channel;
use crate::media::description::Description;
use crate::wire::sdp::Presenter;

/// In which form tracks go into a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// As they are, in packets.
    Packets,
    /// Put together, because ffmpeg does not take their packets.
    File,
}

/// The ways of tracks into processes; one process cannot wait for two.
pub(super) fn ways(channel: &Channel, tracks: Vec<usize>) -> [(Way, Vec<usize>); 2] {
    let description = channel.description();
    let is_quicktime = |index: &usize| {
        let mut tracks = description.iter().flat_map(|all| all.tracks().get(*index));
        tracks.any(|track| QuickTime::of(&track.encoding).is_some())
    };
    let (file, packets) = tracks.into_iter().partition(is_quicktime);
    [(Way::Packets, packets), (Way::File, file)]
}

/// What one process is to do.
pub(super) struct Job {
    pub(super) codings: Vec<Coding>,
    pub(super) form: Box<dyn Form>,
    pub(super) streams: Vec<Stream>,
}

impl Job {
    /// To encode `tracks` of what is described, as far as they are `given`.
    pub(super) fn new(
        way: Way,
        description: &Description,
        tracks: &[usize],
        given: &[usize],
    ) -> Self {
        let (mut codings, mut streams) = (Vec::new(), Vec::new());
        let (mut lines, mut reel) = (Lines::default(), Reel::default());
        for &index in tracks {
            let Some(track) = description.tracks().get(index) else {
                continue;
            };
            let is_given = given.contains(&index);
            let first = match way {
                Way::Packets => Some(lines.add(index, track, is_given)),
                Way::File => reel.add(index, track, is_given),
            };
            if let Some(first) = first.filter(|_| is_given) {
                let coding = Coding::of(track);
                codings.push(coding);
                streams.push(Stream {
                    track: index,
                    clock_hz: track.clock_hz,
                    first,
                    duration: coding.frame(track.clock_hz),
                });
            }
        }
        let form: Box<dyn Form> = match way {
            Way::Packets => Box::new(lines),
            Way::File => Box::new(reel),
        };
        Self {
            codings,
            form,
            streams,
        }
    }
}

/// A track that a process is given.
pub(super) struct Stream {
    /// Its index in the channel's description.
    track: usize,
    clock_hz: u32,
    first: First,
    /// Of a unit, in ticks of the track's clock; `None` for pictures.
    duration: Option<u32>,
}

impl Stream {
    /// What was made of it, with the RTP time of what it was made of.
    pub(super) fn encoded(&self, made: harvest::Made) -> Option<Encoded> {
        let since = made.time.at_rate(self.clock_hz).ticks;
        let unit = AccessUnit {
            // RTP times wrap.
            time: self.first.get()?.wrapping_add(since as u32),
            keyframe: made.keyframe,
            damaged: false,
            data: made.data,
            duration: self.duration,
        };
        Some(Encoded {
            track: self.track,
            unit,
            format: made.format,
        })
    }
}

/// Where a process is to take what it is given.
pub(super) enum Entrance {
    Door { door: Door, sdp: String },
    Pipe,
}

impl Entrance {
    /// Opens one for the tracks that are `given`.
    pub(super) fn open(way: Way, description: &Description, given: &[usize]) -> io::Result<Self> {
        if way == Way::File {
            return Ok(Self::Pipe);
        }
        let door = Door::open()?;
        let sdp = sdp(description, given, door.url());
        Ok(Self::Door { door, sdp })
    }

    pub(super) fn place(&self) -> Place<'_> {
        match self {
            Self::Door { door, .. } => Place::Url(door.url()),
            Self::Pipe => Place::Pipe,
        }
    }

    /// Waits until the process takes what it is given; `input` is its standard input.
    pub(super) async fn greet(self, input: Option<ChildStdin>) -> io::Result<Inlet> {
        match self {
            Self::Door { door, sdp } => Ok(Inlet::Connection(Box::new(door.greet(sdp).await?))),
            Self::Pipe => Ok(Inlet::Pipe(input.ok_or(io::ErrorKind::BrokenPipe)?)),
        }
    }
}

/// The description that a process is given of its tracks.
fn sdp(description: &Description, given: &[usize], url: &str) -> String {
    description.of_tracks(given).sdp(&Presenter {
        address: Ipv4Addr::LOCALHOST.into(),
        url,
        now: NtpTime::from_unix(Duration::ZERO),
    })
}
