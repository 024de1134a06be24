//! The fan: hands a channel's bursts to all its readers.
//!
//! A member is one session's way out with a cursor in the channel's ring. The
//! members of a channel are dealt out to shards of [`shard::SEATS`]; each shard
//! is one task that wakes once a burst and writes to one member after the
//! other, so that no reader costs a task, a queue or a copy. A reader that is
//! behind keeps its place in the ring and nothing else. Readers by SRTP, whose
//! packets are copied and encrypted, have shards to themselves, so that others
//! do not wait for that. What a burst is and how long it is kept is decided in
//! `media`; who may read, in `rtsp`.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::base::clock::Clock;
use crate::base::path::MediaPath;
use crate::media::channel::{Channel, End};
use crate::media::ring::{Cursor, Start};
use crate::media::sessions::Session;
use crate::net::interleaved::Closed;
use crate::net::outlet::TrackOutlet;

mod delivery;
mod pace;
mod parcel;
mod reports;
mod seat;
mod shard;
#[cfg(test)]
mod tests;

use delivery::Delivery;
use seat::Seat;
use shard::Shard;

/// How the fan treats its members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The most that a new reader is sent until it has caught up, in bits a
    /// second. 0: as much as a connection takes, and over UDP four times the
    /// channel's own bit rate.
    pub fast_start_rate: u64,
    /// How long a connection may take nothing before its session is ended.
    pub slow_reader: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            fast_start_rate: 0,
            slow_reader: Duration::from_secs(30),
        }
    }
}

/// All members of all channels; one for the server.
pub struct Fan {
    settings: ArcSwap<Settings>,
    clock: Clock,
    shards: Shards,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// The shards of each channel, by its name. A channel that took over a name has shards of its own beside the old ones.
type Shards = Mutex<HashMap<MediaPath, Vec<Arc<Shard>>>>;

/// One reader: its session, and the tracks that it set up.
#[derive(Debug)]
pub struct Member {
    /// Counts what is sent, and is ended with the channel or when the reader is too slow.
    pub session: Arc<Session>,
    /// Each track's index in the channel and its way out. Packets of other tracks are not sent.
    pub tracks: Vec<(usize, TrackOutlet)>,
}

impl Member {
    /// Whether any track goes by SRTP.
    fn is_protected(&self) -> bool {
        let mut outlets = self.tracks.iter().map(|(_, outlet)| outlet);
        outlets.any(|outlet| outlet.protected().is_some())
    }
}

/// Why a member gets nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// The channel has ended.
    #[error("{0}")]
    Ended(End),
    /// The connection took nothing for [`Settings::slow_reader`].
    #[error("reader took nothing for too long")]
    TooSlow,
    /// The connection is closed.
    #[error("{0}")]
    Closed(Closed),
}

impl Fan {
    /// A fan without members. Tasks are spawned when members start.
    pub fn new(settings: Settings, clock: Clock) -> Arc<Self> {
        Arc::new(Self {
            settings: ArcSwap::from_pointee(settings),
            clock,
            shards: Mutex::default(),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        })
    }

    /// Applies other settings: the rate to those who start from now on, the patience to all.
    pub fn configure(&self, settings: Settings) {
        self.settings.store(Arc::new(settings));
    }

    /// Takes a place in `channel` for `member`. Nothing is sent before [`Prepared::start`].
    pub fn prepare(
        self: &Arc<Self>,
        channel: &Arc<Channel>,
        member: Member,
        start: Start,
    ) -> Prepared {
        Prepared {
            fan: Arc::clone(self),
            cursor: channel.cursor(start),
            channel: Arc::clone(channel),
            member,
        }
    }

    /// How many members there are, all channels together.
    pub fn members(&self) -> usize {
        let shards = self.shards();
        shards.values().flatten().map(|shard| shard.taken()).sum()
    }

    /// Stops all sending and waits until the tasks are gone. Not to be used after that.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Seats a member in a shard of the channel that has room, or in a new one.
    fn seat(
        self: &Arc<Self>,
        channel: &Arc<Channel>,
        seat: &Arc<Seat>,
        protected: bool,
    ) -> Arc<Shard> {
        let mut shards = self.shards();
        let of_name = shards.entry(channel.path().clone()).or_default();
        let mut fitting = of_name.iter();
        let fitting = fitting.find(|shard| shard.takes(channel, protected));
        if let Some(shard) = fitting {
            shard.enter(seat);
            return Arc::clone(shard);
        }
        let shard = Arc::new(Shard::new(channel, protected));
        shard.enter(seat);
        of_name.push(Arc::clone(&shard));
        let running = shard::run(Arc::clone(&shard), Arc::clone(self));
        let stop = self.stop.clone();
        self.tasks
            .spawn(async move { stop.run_until_cancelled(running).await });
        shard
    }

    /// Takes an empty shard off the list; `false` when somebody entered it meanwhile.
    fn close(&self, shard: &Arc<Shard>) -> bool {
        let mut shards = self.shards();
        if shard.taken() > 0 {
            return false;
        }
        let path = shard.channel().path();
        if let Some(of_name) = shards.get_mut(path) {
            of_name.retain(|other| !Arc::ptr_eq(other, shard));
            if of_name.is_empty() {
                shards.remove(path);
            }
        }
        true
    }

    fn shards(&self) -> MutexGuard<'_, HashMap<MediaPath, Vec<Arc<Shard>>>> {
        self.shards.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Fan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = f.debug_struct("Fan");
        text.field("settings", &self.settings.load());
        text.field("members", &self.members())
            .finish_non_exhaustive()
    }
}

/// A member with its place in the channel, that is not sent anything yet.
#[derive(Debug)]
pub struct Prepared {
    fan: Arc<Fan>,
    channel: Arc<Channel>,
    member: Member,
    cursor: Cursor,
}

impl Prepared {
    /// Sequence number and RTP time of the first packet of that track that the
    /// member will get, for `RTP-Info`. Without the time when the track has
    /// nothing since the place where the member starts; `None` when nothing was
    /// ever sent on it.
    pub fn first(&self, index: usize) -> Option<(u16, Option<u32>)> {
        let next = self.cursor.next_of(index);
        // Asked second: what comes between the two questions is found here.
        let (sequence, time) = match self.cursor.first_of(index) {
            Some((sequence, time)) => (sequence, Some(time)),
            None => (next?, None),
        };
        let mut tracks = self.member.tracks.iter();
        let outlet = tracks.find(|(track, _)| *track == index);
        let sequence = outlet.map_or(sequence, |(_, outlet)| outlet.sequence(sequence));
        Some((sequence, time))
    }

    /// Gives the member back; it was never sent anything.
    pub fn cancel(self) -> Member {
        self.member
    }

    /// Begins to send. To be called inside a tokio runtime, after the answer to PLAY was sent.
    pub fn start(self) -> Membership {
        let Self {
            fan,
            channel,
            member,
            cursor,
        } = self;
        let delivery = Delivery::new(&member, cursor, &fan.settings.load(), fan.clock.now());
        let protected = member.is_protected();
        let seat = Arc::new(Seat::new(member, delivery));
        let shard = fan.seat(&channel, &seat, protected);
        Membership { shard, seat }
    }
}

/// A member that is sent to; dropping it ends that. When dropping or
/// [`pause`](Self::pause) returns, nothing more is sent.
#[derive(Debug)]
pub struct Membership {
    shard: Arc<Shard>,
    seat: Arc<Seat>,
}

impl Membership {
    /// Leaves, and gives the member back; to go on it prepares anew.
    pub fn pause(self) -> Member {
        let member = self.leave();
        // Only leaving takes the member out, and a membership leaves once: here or when dropped.
        member.expect("the member is in its seat until its membership goes")
    }

    /// Leaves for good: what follows is BYE on each track, unless the channel's end has sent it.
    pub fn part(self, now: Instant) {
        let parted = self.ended().is_some();
        let shard = Arc::clone(&self.shard);
        let member = self.pause();
        if !parted {
            reports::part(&member, shard.channel(), now);
        }
    }

    /// Why nothing more is sent, though the membership lasts; its session was ended then.
    pub fn ended(&self) -> Option<Why> {
        self.seat.ended()
    }

    fn leave(&self) -> Option<Member> {
        let (member, was_sent_to) = self.seat.leave();
        if was_sent_to {
            self.shard.left();
        }
        member
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.leave();
    }
}
