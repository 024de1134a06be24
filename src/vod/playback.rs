//! A viewer's playback: what the RTSP session commands and a pacing worker serves.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Error;
use super::batch::Batch;
use super::movie::Movie;
use super::pacer::{Pace, Pacer};
use super::player::{Next, Player, Writing};
use super::run::{PlayRequest, Played};
use super::wheel::TICK;
use crate::base::id::TrackId;
use crate::base::media_time::NptTime;
use crate::media::sessions::Session;
use crate::net::interleaved::Closed;
use crate::net::outlet::TrackOutlet;

/// How long a viewer whose connection is full waits before the next look.
const FULL_RETRY: Duration = Duration::from_millis(10);

/// One viewer's playback of a movie.
///
/// Shared by the session, which commands it, and the worker that sends; each
/// holds its lock for a moment only.
#[derive(Debug)]
pub struct Playback {
    pacer: Arc<Pacer>,
    worker: usize,
    session: Arc<Session>,
    player: Mutex<Player>,
}

impl Playback {
    /// A playback without tracks.
    pub fn new(movie: Arc<Movie>, pacer: &Arc<Pacer>, session: Arc<Session>) -> Arc<Self> {
        let player = Mutex::new(Player::new(movie, Arc::clone(&pacer.blocks)));
        Arc::new(Self {
            worker: pacer.assign(),
            pacer: Arc::clone(pacer),
            session,
            player,
        })
    }

    /// Sets a track up, or gives it another way out; a playback that plays is stopped.
    ///
    /// # Errors
    /// [`Error::NoTrack`] when the movie does not serve it.
    pub fn add_track(&self, id: TrackId, ssrc: u32, outlet: TrackOutlet) -> Result<(), Error> {
        self.lock().add_track(id, ssrc, rand::random(), outlet)
    }

    /// Seeks and reads what the first packets need; sends nothing before [`start`](Self::start).
    ///
    /// Cancel-safe: dropped half-way it leaves play held.
    ///
    /// # Errors
    /// What [`Player::prepare`] refuses, and [`Error::Io`] when the movie cannot be read.
    pub async fn play(&self, request: &PlayRequest, now: Instant) -> Result<Played, Error> {
        self.lock().prepare(request, now)?;
        loop {
            let awaited = match self.lock().announce() {
                Ok(played) => return Ok(played),
                Err(awaited) => awaited,
            };
            match awaited {
                Some(block) => self.pacer.blocks.wait(&block).await?,
                None => tokio::task::yield_now().await,
            }
        }
    }

    /// Starts what [`play`](Self::play) prepared, once its answer is on the way.
    pub fn start(self: &Arc<Self>, now: Instant) {
        let run = self.lock().start(now);
        self.pacer.schedule(self.worker, self, run, now);
    }

    /// Holds play; returns where it would go on.
    pub fn pause(&self) -> NptTime {
        self.lock().pause()
    }

    /// Ends play for good: sender reports with BYE go out on every track.
    pub fn stop(&self, now: Instant) {
        let mut player = self.lock();
        let mut batch = Batch::default();
        player.leave(now, &self.writing(self.pacer.pace()), &mut batch);
        // A connection that is gone needs no farewell.
        let _ = batch.send(|stream| &player.streams()[stream].outlet);
    }

    /// Whether play that has reached its end begins again; timestamps and sequence numbers go on.
    pub fn set_repeating(&self, repeats: bool) {
        self.lock().set_repeating(repeats);
    }

    /// Whether packets leave at present.
    pub fn is_playing(&self) -> bool {
        self.lock().playing()
    }

    /// Sends what is due in run number `run`; when to be called again, `None` when never.
    pub(super) fn pump(&self, run: u64, now: Instant, batch: &mut Batch) -> Option<Instant> {
        let mut player = self.lock();
        if !player.is_under_way(run) {
            return None;
        }
        if !player
            .streams()
            .iter()
            .all(|stream| stream.outlet.has_room())
        {
            return Some(now + FULL_RETRY);
        }
        batch.clear();
        let pace = self.pacer.pace();
        let ahead = interval(&player, pace);
        let next = player.fill(now, ahead, &self.writing(pace), batch);
        if self.send(&player, batch).is_err() {
            player.pause();
            return None;
        }
        match next {
            Next::At(at) => Some(at.checked_sub(TICK).unwrap_or(at)),
            Next::Idle => None,
        }
    }

    fn send(&self, player: &Player, batch: &Batch) -> Result<(), Closed> {
        let dropped = batch.send(|stream| &player.streams()[stream].outlet)?;
        self.session.counters().dropped(dropped as u64);
        let sent_at = self.pacer.clock.now();
        let packets = batch.packets().iter().filter(|packet| packet.rtp);
        for packet in packets.skip(dropped) {
            let late = sent_at.saturating_duration_since(packet.due);
            self.session.counters().sent(1, packet.size as u64, late);
        }
        // What a connection takes is a sign of life, as it was for QTSS.
        if player
            .streams()
            .iter()
            .any(|stream| stream.outlet.connection().is_some() && stream.outlet.has_room())
        {
            self.session.touch(sent_at);
        }
        Ok(())
    }

    fn writing(&self, pace: Pace) -> Writing<'_> {
        Writing {
            payload_limit: pace.payload_limit,
            cname: &self.pacer.cname,
            clock: self.pacer.clock,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Player> {
        self.player.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How far ahead packets may leave.
fn interval(player: &Player, pace: Pace) -> Duration {
    if player.is_interleaved() {
        pace.tcp_interval
    } else {
        pace.udp_interval
    }
}
