//! The tracks that one viewer has set up, as one: what they send next, and who is first.

use std::sync::Arc;
use std::time::Instant;

use super::Error;
use super::batch::Batch;
use super::blocks::{BlockId, Blocks};
use super::movie::{Movie, ServedTrack};
use super::numbers::Numbers;
use super::peek::{Peek, Stall, Turn};
use super::run::Mapping;
use super::seek;
use super::stream::Stream;
use crate::base::id::TrackId;
use crate::base::media_time::NptTime;
use crate::codec::Kind;
use crate::net::outlet::TrackOutlet;

/// The streams of a session and the movie that they come from.
#[derive(Debug)]
pub(super) struct Streams {
    movie: Arc<Movie>,
    blocks: Arc<Blocks>,
    list: Vec<Stream>,
}

/// Which stream's packet is due first.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Earliest {
    /// The stream, and when in the presentation its packet is due.
    Due(usize, NptTime),
    /// That is not known before something has been read.
    Wait,
    /// All streams have ended.
    End,
}

impl Streams {
    /// No streams yet.
    pub(super) fn new(movie: Arc<Movie>, blocks: Arc<Blocks>) -> Self {
        Self {
            movie,
            blocks,
            list: Vec::new(),
        }
    }

    /// The movie.
    pub(super) fn movie(&self) -> &Movie {
        &self.movie
    }

    /// Adds a track, or gives one another way out. `random` seeds its numbers.
    ///
    /// # Errors
    /// [`Error::NoTrack`] when the movie does not serve it.
    pub(super) fn add(
        &mut self,
        id: TrackId,
        ssrc: u32,
        random: u64,
        outlet: TrackOutlet,
    ) -> Result<(), Error> {
        let mut tracks = self.movie.served().iter().enumerate();
        let (number, served) = tracks
            .find(|(_, track)| track.id == id)
            .ok_or(Error::NoTrack(id))?;
        let stream = Stream::new(
            number,
            id,
            Numbers::new(ssrc, served.rtp_rate, random),
            outlet,
        );
        self.list.retain(|stream| stream.id != id);
        self.list.push(stream);
        Ok(())
    }

    /// The streams, in the order in which they were set up.
    pub(super) fn list(&self) -> &[Stream] {
        &self.list
    }

    /// The streams, to report on.
    pub(super) fn list_mut(&mut self) -> &mut [Stream] {
        &mut self.list
    }

    /// Whether every track goes over a connection, which holds the server back when the client is slow.
    pub(super) fn is_interleaved(&self) -> bool {
        self.list
            .iter()
            .all(|stream| stream.outlet.connection().is_some())
    }

    /// Whether any track is seen.
    pub(super) fn has_pictures(&self) -> bool {
        self.served().iter().any(|track| track.kind == Kind::Video)
    }

    /// Where play can begin at or before `wanted`.
    pub(super) fn start_for(&self, wanted: NptTime) -> NptTime {
        seek::start_for(&self.movie, &self.served(), wanted)
    }

    /// Begins a run on every stream where `mapping` starts.
    pub(super) fn begin(&mut self, mapping: Mapping) {
        for stream in &mut self.list {
            let served = self.movie.served().get(stream.served);
            let feed = served.and_then(|served| {
                if mapping.scale == 1.0 {
                    seek::feed_from(&self.movie, served, mapping.start)
                } else {
                    seek::thinned_feed_from(&self.movie, served, mapping.start, mapping.scale < 0.0)
                }
            });
            stream.begin(feed, &mapping);
        }
    }

    /// Goes on with the same feeds where a pause ended.
    pub(super) fn go_on(&mut self, mapping: Mapping) {
        for stream in &mut self.list {
            stream.go_on(&mapping);
        }
    }

    /// Sequence number and RTP time of every stream's first packet.
    ///
    /// # Errors
    /// The block to wait for when a first packet is still being read; `None` to just ask again.
    pub(super) fn announce(&mut self) -> Result<Vec<(TrackId, u16, u32)>, Option<BlockId>> {
        let mut tracks = Vec::with_capacity(self.list.len());
        for stream in &mut self.list {
            let Some(served) = self.movie.served().get(stream.served) else {
                continue;
            };
            let Some(feed) = &mut stream.feed else {
                continue;
            };
            let first = match feed.peek(&self.movie, served, &self.blocks) {
                Peek::Wait(block) => return Err(Some(block)),
                Peek::Later => return Err(None),
                Peek::Due(_) => feed.stamp(served),
                Peek::Failed(_) | Peek::End => None,
            };
            let (sequence, time) = stream.announced(first);
            tracks.push((stream.id, sequence, time));
        }
        Ok(tracks)
    }

    /// The stream whose next packet is due first, which is the latest in the movie when played `backwards`.
    pub(super) fn earliest(&mut self, backwards: bool) -> Earliest {
        let mut earliest = Earliest::End;
        for (index, stream) in self.list.iter_mut().enumerate() {
            let Some(served) = self.movie.served().get(stream.served) else {
                continue;
            };
            let Some(feed) = &mut stream.feed else {
                continue;
            };
            match feed.peek(&self.movie, served, &self.blocks) {
                Peek::Due(npt) => earliest = earliest.sooner(index, npt, backwards),
                Peek::Wait(_) | Peek::Later => return Earliest::Wait,
                Peek::End => stream.feed = None,
                Peek::Failed(malformed) => {
                    self.movie.tell(served.id, &malformed);
                    stream.feed = None;
                }
            }
        }
        earliest
    }

    /// Writes what a stream has next; `false` when it has to be read first.
    pub(super) fn write(
        &mut self,
        index: usize,
        due: Instant,
        turn: Turn,
        batch: &mut Batch,
    ) -> bool {
        let Some(stream) = self.list.get_mut(index) else {
            return true;
        };
        let Some(served) = self.movie.served().get(stream.served) else {
            return true;
        };
        let (Some(feed), mut writer) = stream.writer(index, due, batch) else {
            return true;
        };
        match feed.write(&self.movie, served, &self.blocks, turn, &mut writer) {
            Ok(()) => true,
            Err(Stall::Wait(_)) => false,
            Err(Stall::Malformed(malformed)) => {
                self.movie.tell(served.id, &malformed);
                true
            }
        }
    }

    fn served(&self) -> Vec<&ServedTrack> {
        let served = |stream: &Stream| self.movie.served().get(stream.served);
        self.list.iter().filter_map(served).collect()
    }
}

impl Earliest {
    fn sooner(self, index: usize, npt: NptTime, backwards: bool) -> Self {
        match self {
            Self::Due(_, best) if (npt < best) == backwards || npt == best => self,
            _ => Self::Due(index, npt),
        }
    }
}
