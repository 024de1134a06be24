//! One viewer's play of a movie: which packet is due when. Sans-IO.
//!
//! A player is set up track by track and then run: [`prepare`](Player::prepare)
//! finds where to begin, [`announce`](Player::announce) says what RTP-Info must
//! say, [`start`](Player::start) fixes the instant of the first packet, and
//! [`fill`](Player::fill) hands out whatever is due.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Error;
use super::batch::Batch;
use super::blocks::{BlockId, Blocks};
use super::movie::Movie;
use super::peek::Turn;
use super::run::{
    Bounds, Mapping, PlayRequest, Played, Run, Standing, nearest_scale, nearest_speed,
};
use super::stream::{Bye, Stream};
use super::streams::{Earliest, Streams};
use crate::base::clock::Clock;
use crate::base::id::TrackId;
use crate::base::media_time::NptTime;
use crate::net::outlet::TrackOutlet;

/// The most bytes that one turn hands out, so that nobody who has to catch up holds up the others.
const MAX_TURN: usize = 128 * 1024;

/// The same over UDP: a large picture must not run over the client's socket buffer,
/// which holds some 90 packets on Linux. At a turn every 5 ms it allows 50 Mbit/s.
const MAX_UDP_TURN: usize = 32 * 1024;

/// How long a viewer waits before it asks once more for what is being read.
const READ_RETRY: Duration = Duration::from_millis(5);

/// How long BYE is held back over UDP: it travels to another port than the media, and what a player has not read
/// from that one when it reads BYE is lost to it.
const FAREWELL_AFTER: Duration = Duration::from_secs(1);

/// RTP time kept free between two runs, in nanoseconds: a picture may be stamped later than those sent after it.
const RUN_GAP: i64 = 200_000_000;

/// What one viewer plays, and where it is.
#[derive(Debug)]
pub(super) struct Player {
    streams: Streams,
    run: Option<Run>,
    /// Counts the runs, to tell stale timers from the present one's.
    runs: u64,
    /// Where play stopped.
    position: NptTime,
    /// When the first packet of the session left; RTP time counts from there.
    epoch: Option<Instant>,
    /// The latest presented time that was sent, in nanoseconds since `epoch`.
    presented: i64,
    /// Whether a run that has reached its end begins again.
    repeats: bool,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing has been played with the present tracks.
    Stopped,
    /// Prepared or paused within a run: its feeds can go on.
    Held,
    /// Packets leave.
    Playing,
    /// The last packet of the run has left, and its time is over.
    Parting,
    /// BYE has left as well.
    Ended,
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
            streams: Streams::new(movie, blocks),
            run: None,
            runs: 0,
            position: NptTime(0),
            epoch: None,
            presented: 0,
            repeats: false,
            state: State::Stopped,
        }
    }

    /// Whether a run that has reached its end begins again, without a farewell.
    pub(super) fn set_repeating(&mut self, repeats: bool) {
        self.repeats = repeats;
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
        self.streams.add(id, ssrc, random, outlet)?;
        self.state = State::Stopped;
        Ok(())
    }

    /// The tracks that were set up.
    pub(super) fn streams(&self) -> &[Stream] {
        self.streams.list()
    }

    /// Whether every track goes over a connection, which holds the server back when the client is slow.
    pub(super) fn is_interleaved(&self) -> bool {
        self.streams.is_interleaved()
    }

    /// Seeks to where a request leads; nothing is sent before [`start`](Self::start).
    ///
    /// # Errors
    /// [`Error::NothingSetUp`] without tracks, [`Error::RangeOutside`] for a range that the movie does not have.
    pub(super) fn prepare(&mut self, request: &PlayRequest, now: Instant) -> Result<(), Error> {
        if self.streams().is_empty() {
            return Err(Error::NothingSetUp);
        }
        self.pause();
        let scale = self.scale_for(request.scale);
        let mut bounds = Bounds::of(request, scale, &self.standing(scale))?;
        let wanted = bounds.start;
        let goes_on =
            request.range.is_none() && self.held().is_some_and(|run| run.mapping.scale == scale);
        if !goes_on {
            bounds.start = self.streams.start_for(wanted);
        }
        let mapping = Mapping {
            start: bounds.start,
            presented: self.presented_at(now),
            scale,
        };
        if goes_on {
            self.streams.go_on(mapping);
        } else {
            self.streams.begin(mapping);
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
        Ok(Played {
            start: run.bounds.start,
            end: run.bounds.end,
            scale: run.mapping.scale,
            speed: run.speed,
            tracks: self.streams.announce()?,
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
        if let Some(run) = self.run.filter(|_| self.state == State::Playing) {
            if let Earliest::Due(_, npt) = self.streams.earliest(run.backwards()) {
                self.position = npt;
            }
            self.state = State::Held;
        }
        self.position
    }

    /// Whether something of run number `run` is still to be sent.
    pub(super) fn is_under_way(&self, run: u64) -> bool {
        matches!(self.state, State::Playing | State::Parting) && self.runs == run
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
        writing: &Writing<'_>,
        batch: &mut Batch,
    ) -> Next {
        let run = match (self.state, self.run) {
            (State::Playing, Some(run)) => run,
            (State::Parting, Some(run)) => return self.part(&run, now, writing, batch),
            _ => return Next::Idle,
        };
        let most = if self.is_interleaved() {
            MAX_TURN
        } else {
            MAX_UDP_TURN
        };
        while batch.len() < most {
            let (stream, npt) = match self.streams.earliest(run.backwards()) {
                Earliest::Due(stream, npt) if run.contains(npt) => (stream, npt),
                Earliest::Wait => return Next::At(now + READ_RETRY),
                Earliest::Due(..) | Earliest::End => return self.end(&run, now, writing, batch),
            };
            let due = run.instant_of(npt);
            if due > now + ahead {
                return Next::At(due);
            }
            let turn = Turn {
                payload_limit: writing.payload_limit,
                room: most - batch.len(),
            };
            if !self.streams.write(stream, due, turn, batch) {
                return Next::At(now + READ_RETRY);
            }
            self.position = npt;
            self.presented = self.presented.max(run.presented_at(npt));
            self.report(&run, now, writing, false, batch);
        }
        Next::At(now)
    }

    /// Says farewell, once, on every track that has sent something (RFC 3550, 6.3.7).
    pub(super) fn leave(&mut self, now: Instant, writing: &Writing<'_>, batch: &mut Batch) {
        if let Some(run) = self.run.filter(|_| self.state != State::Ended) {
            self.report(&run, now, writing, true, batch);
            self.state = State::Ended;
        }
    }

    /// Ends the run once its time is over.
    fn end(&mut self, run: &Run, now: Instant, writing: &Writing<'_>, batch: &mut Batch) -> Next {
        let end = run.instant_of(run.bounds.end);
        if end > now {
            return Next::At(end);
        }
        if self.repeats && end > run.started {
            self.repeat(run, end);
            return Next::At(end);
        }
        self.position = run.bounds.end;
        self.state = State::Parting;
        self.part(run, now, writing, batch)
    }

    /// Says farewell once clients had time to read the last datagrams.
    fn part(&mut self, run: &Run, now: Instant, writing: &Writing<'_>, batch: &mut Batch) -> Next {
        let wait = if self.is_interleaved() {
            Duration::ZERO
        } else {
            FAREWELL_AFTER
        };
        let farewell = run.instant_of(run.bounds.end) + wait;
        if farewell > now {
            return Next::At(farewell);
        }
        self.leave(now, writing, batch);
        Next::Idle
    }

    /// Begins the same run again at `now`; its timestamps go on.
    fn repeat(&mut self, run: &Run, now: Instant) {
        let mapping = Mapping {
            presented: run.presented_at(run.bounds.end),
            ..run.mapping
        };
        self.streams.begin(mapping);
        self.run = Some(Run {
            mapping,
            started: now,
            ..*run
        });
    }

    /// Writes the sender reports that are due; all of them with BYE when `leaving`.
    fn report(
        &mut self,
        run: &Run,
        now: Instant,
        writing: &Writing<'_>,
        leaving: bool,
        batch: &mut Batch,
    ) {
        let bye = Bye {
            cname: writing.cname,
            leaving,
        };
        for (index, stream) in self.streams.list_mut().iter_mut().enumerate() {
            if stream.report_due(now) || leaving && stream.has_sent() {
                stream.report(
                    index,
                    (now, writing.clock.ntp(now)),
                    run.elapsed(now),
                    bye,
                    batch,
                );
            }
        }
    }

    /// The run that is held within, so that play can go on.
    fn held(&self) -> Option<Run> {
        self.run.filter(|_| self.state == State::Held)
    }

    fn standing(&self, scale: f64) -> Standing {
        let backwards = scale < 0.0;
        let duration = self.streams.movie().duration();
        let far_end = if backwards { NptTime(0) } else { duration };
        Standing {
            duration,
            position: self.position,
            held_end: self
                .held()
                .filter(|run| run.backwards() == backwards)
                .map(|run| run.bounds.end),
            ended: matches!(self.state, State::Parting | State::Ended) && self.position == far_end,
        }
    }

    /// The nearest speed of content: without pictures only the movie's own.
    fn scale_for(&self, wanted: f64) -> f64 {
        let thinned = self.streams.has_pictures() && wanted.is_finite();
        if thinned { nearest_scale(wanted) } else { 1.0 }
    }

    /// The nearest speed of delivery: over UDP only real time, for nobody says there what a client can take.
    fn speed_for(&self, wanted: f64) -> f64 {
        if self.is_interleaved() {
            nearest_speed(wanted)
        } else {
            1.0
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

#[cfg(test)]
mod tests;
