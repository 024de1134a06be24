//! The table of channels: which name is whose, and for how long.
//!
//! No lock of the table is held while somebody waits.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use tokio::sync::watch;

use super::channel::{Channel, End, State};
use super::channel_stats::ChannelCounts;
use super::description::Description;
use super::publisher::Publisher;
pub use super::reservation::Reservation;
use crate::base::clock::Clock;
use crate::base::path::MediaPath;

/// What bounds channels; a change acts at once, also on those that are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes in a channel's ring.
    pub ring_bytes: usize,
    /// The most time in a channel's ring.
    pub ring_time: Duration,
    /// How long a channel waits for its next publisher.
    pub grace: Duration,
    /// How long a packet waits for others to travel with.
    pub hold: Duration,
    /// The most bits a second that a channel takes.
    pub flood: u64,
    /// The most channels at a time; 0: no limit.
    pub channels: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            ring_bytes: 32_000_000,
            ring_time: Duration::from_secs(10),
            grace: Duration::from_secs(30),
            hold: Duration::from_millis(2),
            flood: 500_000_000,
            channels: 1000,
        }
    }
}

/// What to do when somebody publishes already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takeover {
    /// The one who is there stays.
    Refuse,
    /// The one who comes goes on.
    Replace,
}

/// Why a name cannot be published on; the text is one line for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Busy {
    /// Somebody publishes already.
    #[error("the channel has a publisher: {origin}")]
    Publishing {
        /// Who.
        origin: String,
    },
    /// The name belongs to a source of the configuration.
    #[error("the name belongs to {origin}")]
    Reserved {
        /// Which.
        origin: String,
    },
    /// The name is that of several channels together.
    #[error("the name is that of a group of channels")]
    Group,
    /// There are as many channels as there may be.
    #[error("the limit of {limit} channels is reached")]
    Full {
        /// How many.
        limit: usize,
    },
    /// The server stops.
    #[error("the server stops")]
    Stopped,
}

/// What all channels of a table share.
#[derive(Debug)]
pub(super) struct Common {
    limits: ArcSwap<Limits>,
    clock: Clock,
    /// What the channels counted that are over.
    past: Mutex<ChannelCounts>,
}

impl Common {
    pub(super) fn limits(&self) -> Limits {
        **self.limits.load()
    }

    pub(super) fn clock(&self) -> Clock {
        self.clock
    }

    /// Keeps the counts of a channel that ends.
    pub(super) fn retire(&self, counts: ChannelCounts) {
        self.past().add(&counts.of_the_past());
    }

    fn past(&self) -> MutexGuard<'_, ChannelCounts> {
        self.past.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The live channels of a server by their names.
#[derive(Debug)]
pub struct Mounts {
    common: Arc<Common>,
    /// Names that are those of groups.
    groups: ArcSwap<Vec<MediaPath>>,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    slots: HashMap<String, Slot>,
    reservations: u64,
    stopped: bool,
}

#[derive(Debug)]
struct Slot {
    /// The channel that has the name now, told to the holder of a reservation.
    current: watch::Sender<Arc<Channel>>,
    reserved: Option<u64>,
}

impl Slot {
    fn channel(&self) -> Arc<Channel> {
        Arc::clone(&self.current.borrow())
    }

    /// Ends the channel; a new one takes its name if that is reserved. Whether there is one.
    fn end(&self, end: End) -> bool {
        self.channel().end(end);
        if self.reserved.is_some() {
            self.renew();
        }
        self.reserved.is_some()
    }

    /// A new channel takes the name.
    fn renew(&self) {
        let new = self.channel().successor();
        self.current.send_replace(new);
    }
}

impl Mounts {
    /// A table without channels.
    pub fn new(limits: Limits, clock: Clock) -> Arc<Self> {
        Arc::new(Self {
            common: Arc::new(Common {
                limits: ArcSwap::from_pointee(limits),
                clock,
                past: Mutex::default(),
            }),
            groups: ArcSwap::default(),
            table: Mutex::default(),
        })
    }

    /// Changes the limits, also for channels that are there.
    pub fn configure(&self, limits: Limits) {
        self.common.limits.store(Arc::new(limits));
    }

    /// Says which names are those of groups: channels that have them go on, and no others get them.
    pub fn set_groups(&self, names: Vec<MediaPath>) {
        self.groups.store(Arc::new(names));
    }

    /// The channel of that name; `x` and `x.sdp` are the same name.
    pub fn open(&self, path: &MediaPath) -> Option<Arc<Channel>> {
        let table = self.table();
        let slot = table.slots.get(path.channel_name())?;
        Some(slot.channel())
    }

    /// All channels in the order of their names.
    pub fn list(&self) -> Vec<Arc<Channel>> {
        let table = self.table();
        let mut list: Vec<_> = table.slots.values().map(Slot::channel).collect();
        list.sort_by(|one, other| one.path().cmp(other.path()));
        list
    }

    /// What all channels have counted so far together, those included that are over.
    pub fn totals(&self) -> ChannelCounts {
        let list = self.list();
        let mut totals = *self.common.past();
        for channel in list.iter().filter(|channel| channel.ended().is_none()) {
            totals.add(&channel.stats().snapshot());
        }
        totals
    }

    /// Begins to publish; `origin` says for people who does.
    ///
    /// A channel that waits is gone on with when the tracks fit. When they do
    /// not, its readers are ended and a new channel begins.
    ///
    /// # Errors
    /// [`Busy`] when somebody else publishes, the name is a source's, or there are too many channels.
    pub fn publish(
        &self,
        path: &MediaPath,
        description: Description,
        origin: String,
        takeover: Takeover,
    ) -> Result<Publisher, Busy> {
        self.claim(path, description, origin, takeover, None)
    }

    /// Whether [`publish`](Self::publish) would succeed now.
    ///
    /// # Errors
    /// [`Busy`] as it would be then.
    pub fn check(&self, path: &MediaPath, takeover: Takeover) -> Result<(), Busy> {
        let table = self.table();
        if table.stopped {
            return Err(Busy::Stopped);
        }
        match table.slots.get(path.channel_name()) {
            Some(slot) => refuse_foreign(slot, takeover, None),
            None => self.refuse_new(path, &table),
        }
    }

    /// Reserves a name for a source; the channel exists as long as the reservation is held.
    ///
    /// # Errors
    /// [`Busy`] when the name is reserved, somebody publishes on it, or there are too many channels.
    pub fn reserve(
        self: &Arc<Self>,
        path: &MediaPath,
        origin: String,
    ) -> Result<Reservation, Busy> {
        let mut table = self.table();
        if table.stopped {
            return Err(Busy::Stopped);
        }
        if let Some(slot) = table.slots.get(path.channel_name()) {
            refuse_reserved(slot, None)?;
            refuse_live(slot)?;
            slot.channel().end(End::Replaced);
        } else {
            self.refuse_new(path, &table)?;
        }
        table.reservations += 1;
        let id = table.reservations;
        let channel = Channel::new(path.clone(), origin.clone(), Arc::clone(&self.common));
        let (current, told) = watch::channel(channel);
        let slot = Slot {
            current,
            reserved: Some(id),
        };
        table.slots.insert(path.channel_name().to_owned(), slot);
        Ok(Reservation {
            mounts: Arc::clone(self),
            path: path.clone(),
            origin,
            id,
            current: told,
        })
    }

    /// Ends channels whose grace is over, and measures the others; to be called once a second.
    pub fn expire(&self, now: Instant) {
        let grace = self.common.limits().grace;
        let mut table = self.table();
        table.slots.retain(|_, slot| {
            let channel = slot.channel();
            if !channel.is_over(now, grace) {
                channel.measure(now);
                return true;
            }
            slot.end(End::PublisherGone)
        });
    }

    /// Ends all channels, and refuses new ones.
    pub fn stop(&self) {
        let mut table = self.table();
        table.stopped = true;
        for (_, slot) in table.slots.drain() {
            slot.channel().end(End::Stopped);
        }
    }

    pub(super) fn claim(
        &self,
        path: &MediaPath,
        description: Description,
        origin: String,
        takeover: Takeover,
        reservation: Option<u64>,
    ) -> Result<Publisher, Busy> {
        let mut table = self.table();
        if table.stopped {
            return Err(Busy::Stopped);
        }
        if !table.slots.contains_key(path.channel_name()) {
            self.refuse_new(path, &table)?;
        }
        let slot = table.slots.entry(path.channel_name().to_owned());
        let slot = slot.or_insert_with(|| Slot {
            current: watch::Sender::new(Channel::new(
                path.clone(),
                origin.clone(),
                Arc::clone(&self.common),
            )),
            reserved: None,
        });
        refuse_foreign(slot, takeover, reservation)?;
        if !slot.channel().suits(&description) {
            slot.channel().end(End::Replaced);
            slot.renew();
        }
        let publisher = slot.channel().hand_over(description, origin);
        publisher.ok_or(Busy::Stopped)
    }

    /// Takes a name from a source, and ends its channel.
    pub(super) fn release(&self, path: &MediaPath, reservation: u64) {
        let mut table = self.table();
        let Some(slot) = table.slots.get(path.channel_name()) else {
            return;
        };
        if slot.reserved == Some(reservation) {
            slot.channel().end(End::Removed);
            table.slots.remove(path.channel_name());
        }
    }

    /// Channels that are there go on when the limit sinks, or a group gets their name.
    fn refuse_new(&self, path: &MediaPath, table: &Table) -> Result<(), Busy> {
        if self
            .groups
            .load()
            .iter()
            .any(|name| name.is_same_channel(path))
        {
            return Err(Busy::Group);
        }
        let limit = self.common.limits().channels;
        match limit > 0 && table.slots.len() >= limit {
            true => Err(Busy::Full { limit }),
            false => Ok(()),
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Only who holds the reservation may publish, and as a rule one at a time.
fn refuse_foreign(slot: &Slot, takeover: Takeover, reservation: Option<u64>) -> Result<(), Busy> {
    refuse_reserved(slot, reservation)?;
    match takeover {
        Takeover::Refuse => refuse_live(slot),
        Takeover::Replace => Ok(()),
    }
}

fn refuse_live(slot: &Slot) -> Result<(), Busy> {
    let channel = slot.channel();
    match channel.state() {
        State::Live => Err(Busy::Publishing {
            origin: channel.origin(),
        }),
        State::Idle | State::Waiting { .. } | State::Ended(_) => Ok(()),
    }
}

fn refuse_reserved(slot: &Slot, own: Option<u64>) -> Result<(), Busy> {
    if slot.reserved == own {
        return Ok(());
    }
    Err(Busy::Reserved {
        origin: slot.channel().origin(),
    })
}

#[cfg(test)]
mod tests;
