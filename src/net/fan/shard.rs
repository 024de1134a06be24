//! A shard: up to [`SEATS`] members of one channel, and the task that serves them.
//!
//! It wakes when the channel has a burst and serves everybody, those who are
//! level with the channel first. In between it wakes for those who are behind:
//! when one of their connections has room again, or when their pace lets them go on.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::{Notify, watch};

use super::Fan;
use super::delivery::{Next, Tour};
use super::parcel::Parcels;
use super::seat::{Seat, Turn};
use crate::media::channel::Channel;

/// Members of one shard.
pub(super) const SEATS: usize = 512;

/// Bytes that are sent before other tasks of the same processor have their turn; about half a millisecond.
const STRETCH: usize = 512 << 10;

#[derive(Debug)]
pub(super) struct Shard {
    channel: Arc<Channel>,
    /// Whether it is for readers by SRTP.
    protected: bool,
    /// Members that are sent to, or are about to be. Changed up under the fan's lock only.
    taken: AtomicUsize,
    arrivals: Mutex<Vec<Arc<Seat>>>,
    /// Somebody came or left, or a connection has room.
    woken: Arc<Notify>,
}

impl Shard {
    pub(super) fn new(channel: &Arc<Channel>, protected: bool) -> Self {
        Self {
            channel: Arc::clone(channel),
            protected,
            taken: AtomicUsize::new(0),
            arrivals: Mutex::default(),
            woken: Arc::default(),
        }
    }

    pub(super) fn channel(&self) -> &Channel {
        &self.channel
    }

    /// How many members are sent to.
    pub(super) fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }

    /// Whether a reader of `channel` may enter, by SRTP or not.
    pub(super) fn takes(&self, channel: &Arc<Channel>, protected: bool) -> bool {
        let fits = self.protected == protected && Arc::ptr_eq(&self.channel, channel);
        fits && self.taken() < SEATS
    }

    /// A member comes; the task serves it at once.
    pub(super) fn enter(&self, seat: &Arc<Seat>) {
        self.taken.fetch_add(1, Ordering::Relaxed);
        self.arrivals().push(Arc::clone(seat));
        self.woken.notify_one();
    }

    /// A member has left its seat.
    pub(super) fn left(&self) {
        self.taken.fetch_sub(1, Ordering::Relaxed);
        self.woken.notify_one();
    }

    fn arrivals(&self) -> MutexGuard<'_, Vec<Arc<Seat>>> {
        self.arrivals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Serves a shard until nobody is left in it.
pub(super) async fn run(shard: Arc<Shard>, fan: Arc<Fan>) {
    let mut head = shard.channel.head();
    let mut members = Members::default();
    let mut tour = Tour {
        clock: fan.clock,
        slow_reader: fan.settings.load().slow_reader,
        room: &shard.woken,
        parcels: Parcels::default(),
        bursts: Vec::new(),
        sent: 0,
    };
    loop {
        let burst = tokio::select! {
            biased;
            // The shard holds the channel, so its sender is there.
            _ = head.changed() => true,
            () = shard.woken.notified() => false,
            () = until(members.due) => false,
        };
        tour.slow_reader = fan.settings.load().slow_reader;
        if burst {
            members.serve_level(&mut tour).await;
        }
        members.accept(&shard);
        members.serve_behind(&mut tour, &head).await;
        tour.parcels.clear();
        tour.bursts.clear();
        members.tidy(&shard);
        if members.is_empty() && fan.close(&shard) {
            return;
        }
    }
}

/// The members of a shard, as its task sees them.
#[derive(Default)]
struct Members {
    /// Those who have all there is.
    level: Vec<Arc<Seat>>,
    behind: VecDeque<Arc<Seat>>,
    /// When one of those behind goes on.
    due: Option<Instant>,
    /// Members who were sent their last since the shard was told.
    ended: usize,
}

impl Members {
    fn accept(&mut self, shard: &Shard) {
        self.behind.extend(shard.arrivals().drain(..));
    }

    async fn serve_level(&mut self, tour: &mut Tour<'_>) {
        let mut at = 0;
        while let Some(seat) = self.level.get(at) {
            match seat.serve(tour) {
                Turn::Next(Next::Level) => at += 1,
                turn => {
                    let seat = self.level.swap_remove(at);
                    self.place(seat, &turn);
                }
            }
            give_way(tour).await;
        }
    }

    /// Serves those behind once each. When the channel has another burst meanwhile,
    /// that goes first, and the rest of them go on right after it.
    async fn serve_behind(&mut self, tour: &mut Tour<'_>, head: &watch::Receiver<u64>) {
        self.due = None;
        for _ in 0..self.behind.len() {
            let Some(seat) = self.behind.pop_front() else {
                return;
            };
            let turn = seat.serve(tour);
            self.place(seat, &turn);
            if give_way(tour).await && head.has_changed().unwrap_or(false) {
                self.due = Some(tour.clock.now());
                return;
            }
        }
    }

    fn place(&mut self, seat: Arc<Seat>, turn: &Turn) {
        match turn {
            Turn::Next(Next::Level) => self.level.push(seat),
            Turn::Next(Next::Behind(until)) => {
                self.due = Some(self.due.map_or(*until, |due| due.min(*until)));
                self.behind.push_back(seat);
            }
            Turn::Ended => self.ended += 1,
            Turn::Empty => {}
        }
    }

    /// Gives back the seats of those who are gone.
    fn tidy(&mut self, shard: &Shard) {
        shard.taken.fetch_sub(self.ended, Ordering::Relaxed);
        self.ended = 0;
        let held = self.level.len() + self.behind.len();
        if held > shard.taken() {
            self.level.retain(|seat| !seat.is_empty());
            self.behind.retain(|seat| !seat.is_empty());
        }
    }

    fn is_empty(&self) -> bool {
        self.level.is_empty() && self.behind.is_empty()
    }
}

/// Lets other tasks run after a stretch of sending; whether it did. Cancel safe.
async fn give_way(tour: &mut Tour<'_>) -> bool {
    let due = tour.sent >= STRETCH;
    if due {
        tour.sent = 0;
        tokio::task::yield_now().await;
    }
    due
}

/// Sleeps until `deadline`, for ever without one. Cancel safe.
async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}
