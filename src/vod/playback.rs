//! A viewer's playback: what the RTSP session commands and a pacing worker serves.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Error;
use super::batch::Batch;
use super::movie::Movie;
use super::pacer::{Pace, Pacer};
use super::player::{Next, Plan, Player, Wish, Writing};
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

/// What PLAY asks for (RFC 2326, 10.5).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlayRequest {
    /// Start and end of normal play time; `None` to go on where play stopped.
    pub range: Option<(Option<NptTime>, Option<NptTime>)>,
    /// Speed of the content; 1 is the movie's own.
    pub scale: f64,
    /// Speed of delivery; 1 is real time.
    pub speed: f64,
}

/// What PLAY answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Played {
    /// Where play begins: the sync sample at or before what was asked for.
    pub start: NptTime,
    /// Where it ends.
    pub end: NptTime,
    /// Speed of the content, the nearest one that can be played.
    pub scale: f64,
    /// Speed of delivery.
    pub speed: f64,
    /// Sequence number and RTP time of each track's first packet, for RTP-Info.
    pub tracks: Vec<(TrackId, u16, u32)>,
    /// How much earlier than asked for play begins.
    pub earlier: Duration,
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
        let wish = Wish {
            range: request.range,
            scale: request.scale,
            speed: request.speed,
        };
        self.lock().prepare(&wish, now)?;
        let plan = loop {
            let awaited = match self.lock().announce() {
                Ok(plan) => break plan,
                Err(awaited) => awaited,
            };
            match awaited {
                Some(block) => self.pacer.blocks.wait(&block).await?,
                None => tokio::task::yield_now().await,
            }
        };
        Ok(played(plan, request))
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

    /// Whether packets leave at present.
    pub fn is_playing(&self) -> bool {
        self.lock().playing()
    }

    /// Sends what is due in run number `run`; when to be called again, `None` when never.
    pub(super) fn pump(&self, run: u64, now: Instant, batch: &mut Batch) -> Option<Instant> {
        let mut player = self.lock();
        if !player.is_playing(run) {
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
        batch.send(|stream| &player.streams()[stream].outlet)?;
        let sent_at = self.pacer.clock.now();
        for packet in batch.packets().iter().filter(|packet| packet.rtp) {
            let late = sent_at.saturating_duration_since(packet.due);
            self.session.counters().sent(1, packet.size as u64, late);
        }
        // What a connection takes is a sign of life, as it was for QTSS.
        if player
            .streams()
            .iter()
            .any(|stream| stream.outlet.channels().is_some() && stream.outlet.has_room())
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

/// How far ahead packets may leave: as far as every track's transport allows.
fn interval(player: &Player, pace: Pace) -> Duration {
    let interleaved = player
        .streams()
        .iter()
        .all(|stream| stream.outlet.channels().is_some());
    if interleaved {
        pace.tcp_interval
    } else {
        pace.udp_interval
    }
}

fn played(plan: Plan, request: &PlayRequest) -> Played {
    let wanted = request
        .range
        .and_then(|(start, _)| start)
        .unwrap_or(plan.start);
    let earlier = NptTime(wanted.0.saturating_sub(plan.start.0).max(0));
    Played {
        start: plan.start,
        end: plan.end,
        scale: plan.scale,
        speed: plan.speed,
        tracks: plan.tracks,
        earlier: earlier.duration().unwrap_or_default(),
    }
}
