//! One viewer's play of a movie: which packet is due when. Sans-IO.
//!
//! A player is set up track by track and then run: [`prepare`](Player::prepare)
//! finds where to begin, [`announce`](Player::announce) says what RTP-Info must
//! say, [`start`](Player::start) fixes the instant of the first packet, and
//! [`fill`](Player::fill) hands out whatever is due.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::debug;

use super::Error;
use super::batch::Batch;
use super::blocks::{BlockId, Blocks};
use super::feed::{Feed, Peek, Stall, Turn};
use super::movie::{Movie, ServedTrack};
use super::run::{
    Bounds, Mapping, PlayRequest, Played, Run, Standing, nearest_scale, nearest_speed,
};
use super::seek;
use super::stream::{Bye, Stream};
use crate::base::clock::Clock;
use crate::base::id::TrackId;
use crate::base::media_time::NptTime;
use crate::codec::Kind;
use crate::net::outlet::TrackOutlet;

/// The most bytes that one turn hands out, so that nobody who has to catch up holds up the others.
const MAX_TURN: usize = 128 * 1024;

/// The same over UDP: a large picture must not run over the client's socket buffer,
/// which holds some 90 packets on Linux. At a turn every 5 ms it allows 50 Mbit/s.
const MAX_UDP_TURN: usize = 32 * 1024;

/// How long a viewer waits before it asks once more for what is being read.
const READ_RETRY: Duration = Duration::from_millis(5);

/// RTP time kept free between two runs: a picture may be stamped later than those sent after it.
const RUN_GAP: i64 = 200_000_000;

/// What one viewer plays, and where it is.
#[derive(Debug)]
pub(super) struct Player {
    movie: Arc<Movie>,
    blocks: Arc<Blocks>,
    streams: Vec<Stream>,
    run: Option<Run>,
    /// Counts the runs, to tell stale timers from the present one's.
    runs: u64,
    /// Where a pause left off.
    position: NptTime,
    /// When the first packet of the session left; RTP time counts from there.
    epoch: Option<Instant>,
    /// The latest presented time that was sent, in nanoseconds since `epoch`.
    presented: i64,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing has been played, or play went elsewhere since.
    Stopped,
    /// Prepared or paused within a run: its feeds can go on.
    Held,
    /// Packets leave.
    Playing,
    /// The last packet and BYE have left.
    Ended,
}

/// What the caller of [`Player::fill`] does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Ask again then.
    At(Instant),
    /// Nothing: play has ended or is held.
    Idle,
}

impl Player {
    /// A player without tracks.
    pub(super) fn new(movie: Arc<Movie>, blocks: Arc<Blocks>) -> Self {
        Self {
            movie,
            blocks,
            streams: Vec::new(),
            run: None,
            runs: 0,
            position: NptTime(0),
            epoch: None,
            presented: 0,
            state: State::Stopped,
        }
    }

    /// Adds a track, or gives one another way out. `random` seeds its numbers.
    ///
    /// # Errors
    /// [`Error::NoTrack`] when the movie does not serve it.
    pub(super) fn add_track(
        &mut self,
        id: TrackId,
        ssrc: u32,
        random: u64,
        outlet: TrackOutlet,
    ) -> Result<(), Error> {
        let served = self.movie.served().iter().position(|track| track.id == id);
        let number = served.ok_or(Error::NoTrack(id))?;
        let rtp_rate = self
            .movie
            .served()
            .get(number)
            .map_or(1, |track| track.rtp_rate);
        self.streams.retain(|stream| stream.id != id);
        self.streams
            .push(Stream::new(number, id, rtp_rate, ssrc, random, outlet));
        self.state = State::Stopped;
        Ok(())
    }

    /// The tracks that were set up.
    pub(super) fn streams(&self) -> &[Stream] {
        &self.streams
    }

    /// Seeks to where a request leads; nothing is sent before [`start`](Self::start).
    ///
    /// # Errors
    /// [`Error::NothingSetUp`] without tracks, [`Error::RangeOutside`] for a range that the movie does not have.
    pub(super) fn prepare(&mut self, request: &PlayRequest, now: Instant) -> Result<(), Error> {
        if self.streams.is_empty() {
            return Err(Error::NothingSetUp);
        }
        self.pause();
        let scale = self.scale_for(request.scale);
        let mut bounds = Bounds::of(request, scale, &self.standing(scale))?;
        let wanted = bounds.start;
        let held = self
            .run
            .filter(|run| run.mapping.scale == scale && self.state == State::Held);
        let goes_on = request.range.is_none() && held.is_some();
        if !goes_on {
            bounds.start = seek::start_for(&self.movie, &self.set_up(), wanted);
        }
        let mapping = Mapping {
            start: bounds.start,
            presented: self.presented_at(now),
            scale,
        };
        for at in 0..self.streams.len() {
            if goes_on {
                self.streams[at].remap(mapping);
            } else {
                let feed = self.feed(self.streams[at].served, bounds.start, scale);
                self.streams[at].begin(feed, mapping);
            }
        }
        let speed = self.speed_for(request.speed);
        self.run = Some(Run {
            bounds,
            mapping,
            speed,
            started: now,
            wanted,
        });
        self.runs += 1;
        self.state = State::Held;
        Ok(())
    }

    /// What the answer to PLAY says of the prepared run.
    ///
    /// # Errors
    /// The block to wait for when a first packet is still being read; `None` to just ask again.
    pub(super) fn announce(&mut self) -> Result<Played, Option<BlockId>> {
        let Some(run) = self.run else {
            return Err(None);
        };
        let mut tracks = Vec::with_capacity(self.streams.len());
        for stream in &mut self.streams {
            let Some(served) = self.movie.served().get(stream.served) else {
                continue;
            };
            let Some(feed) = &mut stream.feed else {
                continue;
            };
            let first = match feed.peek(&self.movie, served, &self.blocks) {
                Peek::Wait(block) => return Err(Some(block)),
                Peek::Later => return Err(None),
                Peek::Due(_) => feed.stamp(&self.movie, served),
                Peek::Failed(_) | Peek::End => None,
            };
            let (sequence, time) = stream.announced(first);
            tracks.push((stream.id, sequence, time));
        }
        Ok(Played {
            start: run.bounds.start,
            end: run.bounds.end,
            scale: run.mapping.scale,
            speed: run.speed,
            tracks,
            earlier: run.earlier(),
        })
    }

    /// Starts the prepared run: its first packet is due `now`. Returns the run's number.
    pub(super) fn start(&mut self, now: Instant) -> u64 {
        if let Some(run) = self.run.as_mut().filter(|_| self.state == State::Held) {
            run.started = now;
            self.epoch.get_or_insert(now);
            self.state = State::Playing;
        }
        self.runs
    }

    /// Holds play; returns where it would go on.
    pub(super) fn pause(&mut self) -> NptTime {
        if self.state == State::Playing {
            self.position = self.next_due().unwrap_or(self.position);
            self.state = State::Held;
        }
        self.position
    }

    /// Whether run number `run` is being played.
    pub(super) fn is_playing(&self, run: u64) -> bool {
        self.state == State::Playing && self.runs == run
    }

    /// Whether packets leave at present.
    pub(super) fn playing(&self) -> bool {
        self.state == State::Playing
    }

    /// Writes what is due until `ahead` after `now` into `batch`.
    pub(super) fn fill(
        &mut self,
        now: Instant,
        ahead: Duration,
        pace: &Writing<'_>,
        batch: &mut Batch,
    ) -> Next {
        let Some(run) = self.run.filter(|_| self.state == State::Playing) else {
            return Next::Idle;
        };
        let turn = self.turn();
        while batch.len() < turn {
            let (stream, npt) = match self.earliest() {
                Earliest::Due(stream, npt) if run.contains(npt) => (stream, npt),
                Earliest::Wait => return Next::At(now + READ_RETRY),
                Earliest::Due(..) | Earliest::End => return self.end(&run, now, pace, batch),
            };
            let due = run.instant_of(npt);
            if due > now + ahead {
                return Next::At(due);
            }
            let size = Turn {
                payload_limit: pace.payload_limit,
                room: turn - batch.len(),
            };
            if !self.write(stream, due, size, batch) {
                return Next::At(now + READ_RETRY);
            }
            self.position = npt;
            self.presented = self.presented.max(run.presented_at(npt));
            if self.streams[stream].report_due(now) {
                self.report(stream, &run, now, pace, false, batch);
            }
        }
        Next::At(now)
    }

    /// Says farewell, once, on every track that has sent something (RFC 3550, 6.3.7).
    pub(super) fn leave(&mut self, now: Instant, pace: &Writing<'_>, batch: &mut Batch) {
        let Some(run) = self.run.filter(|_| self.state != State::Ended) else {
            return;
        };
        for stream in 0..self.streams.len() {
            if self.streams[stream].has_sent() {
                self.report(stream, &run, now, pace, true, batch);
            }
        }
        self.state = State::Ended;
    }

    fn end(&mut self, run: &Run, now: Instant, pace: &Writing<'_>, batch: &mut Batch) -> Next {
        let end = run.instant_of(run.bounds.end);
        if end > now {
            return Next::At(end);
        }
        self.position = run.bounds.end;
        self.leave(now, pace, batch);
        Next::Idle
    }

    /// Writes what a stream has next; `false` when it has to be read first.
    fn write(&mut self, index: usize, due: Instant, size: Turn, batch: &mut Batch) -> bool {
        let stream = &mut self.streams[index];
        let Some(served) = self.movie.served().get(stream.served) else {
            return true;
        };
        let (Some(feed), mut writer) = stream.writer(index, due, batch) else {
            return true;
        };
        match feed.write(&self.movie, served, &self.blocks, size, &mut writer) {
            Ok(()) => true,
            Err(Stall::Wait(_)) => false,
            Err(Stall::Malformed(malformed)) => {
                debug!(path = %self.movie.path(), track = %served.id, %malformed, "packet left out");
                true
            }
        }
    }

    fn report(
        &mut self,
        index: usize,
        run: &Run,
        now: Instant,
        pace: &Writing<'_>,
        leaving: bool,
        batch: &mut Batch,
    ) {
        let bye = Bye {
            cname: pace.cname,
            leaving,
        };
        let at = (now, pace.clock.ntp(now));
        self.streams[index].report(index, at, run.elapsed(now), bye, batch);
    }

    /// The stream whose next packet is due first.
    fn earliest(&mut self) -> Earliest {
        let mut earliest = Earliest::End;
        for (index, stream) in self.streams.iter_mut().enumerate() {
            let Some(served) = self.movie.served().get(stream.served) else {
                continue;
            };
            let Some(feed) = &mut stream.feed else {
                continue;
            };
            match feed.peek(&self.movie, served, &self.blocks) {
                Peek::Due(npt) => earliest = earliest.sooner(index, npt, self.run.as_ref()),
                Peek::Wait(_) | Peek::Later => return Earliest::Wait,
                Peek::End => stream.feed = None,
                Peek::Failed(malformed) => {
                    debug!(path = %self.movie.path(), track = %served.id, %malformed, "track ends early");
                    stream.feed = None;
                }
            }
        }
        earliest
    }

    fn next_due(&mut self) -> Option<NptTime> {
        match self.earliest() {
            Earliest::Due(_, npt) => Some(npt),
            Earliest::Wait | Earliest::End => None,
        }
    }

    fn set_up(&self) -> Vec<&ServedTrack> {
        self.streams
            .iter()
            .filter_map(|stream| self.movie.served().get(stream.served))
            .collect()
    }

    fn feed(&self, served: usize, start: NptTime, scale: f64) -> Option<Feed> {
        let served = self.movie.served().get(served)?;
        if scale == 1.0 {
            seek::feed_from(&self.movie, served, start)
        } else {
            seek::thinned_feed_from(&self.movie, served, start, scale < 0.0)
        }
    }

    /// The nearest speed of content: without pictures only the movie's own.
    fn scale_for(&self, wanted: f64) -> f64 {
        let pictures = self.set_up().iter().any(|track| track.kind == Kind::Video);
        if pictures && wanted.is_finite() {
            nearest_scale(wanted)
        } else {
            1.0
        }
    }

    /// The nearest speed of delivery: over UDP only real time, for nobody says there what a client can take.
    fn speed_for(&self, wanted: f64) -> f64 {
        if self.is_interleaved() {
            nearest_speed(wanted)
        } else {
            1.0
        }
    }

    /// Whether every track goes over a connection, which holds the server back when the client is slow.
    pub(super) fn is_interleaved(&self) -> bool {
        self.streams
            .iter()
            .all(|stream| stream.outlet.channels().is_some())
    }

    fn turn(&self) -> usize {
        if self.is_interleaved() {
            MAX_TURN
        } else {
            MAX_UDP_TURN
        }
    }

    fn standing(&self, scale: f64) -> Standing {
        let held = self.run.filter(|run| run.backwards() == (scale < 0.0));
        Standing {
            duration: self.movie.duration(),
            position: self.position,
            held_end: held.map(|run| run.bounds.end),
            ended: self.state == State::Ended,
        }
    }

    /// The RTP time, in nanoseconds since the session's first packet, at which a run may begin:
    /// now, but after everything that was sent.
    fn presented_at(&self, now: Instant) -> i64 {
        let Some(epoch) = self.epoch else { return 0 };
        let elapsed = now.saturating_duration_since(epoch).as_nanos() as i64;
        elapsed.max(self.presented + RUN_GAP)
    }
}

/// What all players write alike.
#[derive(Clone, Copy, Debug)]
pub(super) struct Writing<'a> {
    /// The longest payload that the server makes itself, in bytes.
    pub payload_limit: usize,
    /// Canonical name in sender reports.
    pub cname: &'a str,
    /// Joins instants to wall time.
    pub clock: Clock,
}

enum Earliest {
    Due(usize, NptTime),
    Wait,
    End,
}

impl Earliest {
    fn sooner(self, index: usize, npt: NptTime, run: Option<&Run>) -> Self {
        let backwards = run.is_some_and(Run::backwards);
        match self {
            Self::Due(_, best) if (npt < best) == backwards || npt == best => self,
            _ => Self::Due(index, npt),
        }
    }
}
