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
use super::payloads::Payloads;
use super::reel::Reel;
use crate::base::media_time::NtpTime;
use crate::codec::AccessUnit;
use crate::media::description::Description;
use crate::wire::sdp::Presenter;

/// In which form tracks go into a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// As they are, in packets.
    Packets,
    /// Put together, because ffmpeg does not take the packets of all of them.
    File,
}

/// The ways of tracks into processes, one process each.
///
/// ffmpeg reads several inputs by turns, in the order of their times, so that one that is silent would stop
/// the others. So all tracks go into a file together where one of them has to, but for those that only
/// ffmpeg can put together.
pub(super) fn ways(description: &Description, tracks: Vec<usize>) -> [(Way, Vec<usize>); 2] {
    let has_quicktime = tracks.iter().any(|index| is_quicktime(description, *index));
    let is_for_file = |index: &usize| has_quicktime && payloads(description, *index).is_some();
    let (file, packets) = tracks.into_iter().partition(is_for_file);
    [(Way::Packets, packets), (Way::File, file)]
}

/// The ways of tracks each of which is to play when the others make their process fail; `None` where
/// they are of one kind.
pub(super) fn ways_apart(
    description: &Description,
    tracks: &[usize],
) -> Option<[(Way, Vec<usize>); 2]> {
    let is_quicktime = |index: &usize| is_quicktime(description, *index);
    let (file, packets): (Vec<_>, Vec<_>) = tracks.iter().copied().partition(is_quicktime);
    let are_two = !file.is_empty() && !packets.is_empty();
    are_two.then_some([(Way::Packets, packets), (Way::File, file)])
}

fn payloads(description: &Description, index: usize) -> Option<Payloads> {
    description.tracks().get(index).and_then(Payloads::of)
}

fn is_quicktime(description: &Description, index: usize) -> bool {
    payloads(description, index).is_some_and(|payloads| payloads.is_quicktime())
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

#[cfg(test)]
mod tests {
    use super::*;

    const SORENSON: &str = "m=video 0 RTP/AVP 96\r\na=rtpmap:96 X-SV3V-ES/90000\r\n";
    const QDESIGN: &str = "m=audio 0 RTP/AVP 97\r\na=rtpmap:97 X-QDM/22050/2\r\n";
    const VISUAL: &str = "m=video 0 RTP/AVP 98\r\na=rtpmap:98 MP4V-ES/90000\r\n";
    const JPEG: &str = "m=video 0 RTP/AVP 26\r\n";
    const H261: &str = "m=video 0 RTP/AVP 31\r\n";
    const H263: &str = "m=video 0 RTP/AVP 34\r\n";
    const H265: &str = "m=video 0 RTP/AVP 99\r\na=rtpmap:99 H265/90000\r\n";
    const MPEG: &str = "m=video 0 RTP/AVP 32\r\n";
    const VP9: &str = "m=video 0 RTP/AVP 99\r\na=rtpmap:99 VP9/90000\r\n";
    const G711: &str = "m=audio 0 RTP/AVP 0\r\n";

    fn description(medias: &[&str]) -> Description {
        let medias = medias.concat();
        let sdp = format!("v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n{medias}");
        Description::read(sdp.as_bytes()).unwrap()
    }

    #[test]
    fn tracks_go_into_one_process_if_one_can_take_them() {
        let none: &[usize] = &[];
        let cases: [(&[&str], &[usize], &[usize]); 12] = [
            (&[VISUAL, G711], &[0, 1], none),
            (&[SORENSON, QDESIGN], none, &[0, 1]),
            (&[SORENSON, G711], none, &[0, 1]),
            (&[VISUAL, QDESIGN], none, &[0, 1]),
            (&[G711, SORENSON, G711], none, &[0, 1, 2]),
            (&[JPEG, QDESIGN], none, &[0, 1]),
            (&[JPEG, G711], &[0, 1], none),
            (&[H261, QDESIGN], none, &[0, 1]),
            (&[H263, QDESIGN], none, &[0, 1]),
            (&[H265, QDESIGN], none, &[0, 1]),
            (&[MPEG, QDESIGN], none, &[0, 1]),
            // Nobody but ffmpeg puts these pictures together.
            (&[VP9, QDESIGN], &[0], &[1]),
        ];
        for (medias, packets, file) in cases {
            let tracks = (0..medias.len()).collect();
            let [(_, by_packets), (_, by_file)] = ways(&description(medias), tracks);
            let found = (&by_packets[..], &by_file[..]);
            assert_eq!(found, (packets, file), "{medias:?}");
        }
    }

    #[test]
    fn one_process_does_all_its_tracks() {
        let both = description(&[SORENSON, G711]);
        let of = |given: &[usize]| {
            let job = Job::new(Way::File, &both, &[0, 1], given);
            let streams = job.streams.iter().map(|stream| stream.track);
            (Vec::from_iter(streams), job.codings.len())
        };
        assert_eq!(of(&[0, 1]), (vec![0, 1], 2));
        assert_eq!(of(&[1]), (vec![1], 1));
    }

    #[test]
    fn tracks_of_two_kinds_can_go_apart() {
        let apart = |medias: &[&str]| {
            let tracks = Vec::from_iter(0..medias.len());
            ways_apart(&description(medias), &tracks)
        };
        let expected = [(Way::Packets, vec![1]), (Way::File, vec![0])];
        assert_eq!(apart(&[SORENSON, G711]), Some(expected));
        assert_eq!(apart(&[SORENSON, QDESIGN]), None);
        assert_eq!(apart(&[VISUAL, G711]), None);
    }
}
