//! A live channel: a timeline with a name, fed by one publisher at a time, read by many.
//!
//! Names and the table of channels belong to `mounts`, renumbering and gathering to `feed`.

mod end;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::burst::{Burst, PacketKind};
use super::channel_stats::ChannelStats;
use super::description::{Description, MAX_TRACKS, Unfit};
use super::feed::{Feed, Terms};
use super::gather::Complete;
use super::mounts::Common;
use super::publisher::{Malformed, Publisher};
use super::publisher_clock::PublisherClock;
use super::ring::{Cursor, Ring, Start};
use crate::base::media_time::NtpTime;
use crate::base::path::MediaPath;

pub use end::End;

/// The longest title that a channel keeps, in bytes.
pub const MAX_TITLE: usize = 1024;

/// What a channel does at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// A source has the name, and has not fed it yet.
    Idle,
    /// Somebody publishes.
    Live,
    /// The publisher is gone, and another one may go on.
    Waiting {
        /// Since when.
        since: Instant,
    },
    /// It is over.
    Ended(End),
}

/// A live timeline with a name.
#[derive(Debug)]
pub struct Channel {
    path: MediaPath,
    ssrcs: [u32; MAX_TRACKS],
    cname: String,
    description: watch::Sender<Option<Arc<Description>>>,
    title: watch::Sender<Option<Arc<str>>>,
    status: Mutex<Status>,
    feed: Mutex<Feed>,
    ring: Ring,
    /// Whose turn it is to publish: a publisher whose term has another number has lost the channel.
    term: watch::Sender<u64>,
    readers: watch::Sender<usize>,
    stats: ChannelStats,
    common: Arc<Common>,
}

#[derive(Debug)]
struct Status {
    state: State,
    origin: String,
}

/// One reader's wish for a channel, from its creation to its drop.
#[derive(Debug)]
pub struct Demand(Arc<Channel>);

impl Drop for Demand {
    fn drop(&mut self) {
        self.0.readers.send_modify(|readers| *readers -= 1);
    }
}

impl Channel {
    pub(super) fn new(path: MediaPath, origin: String, common: Arc<Common>) -> Arc<Self> {
        Arc::new(Self {
            path,
            ssrcs: rand::random(),
            cname: format!("reelcast-{:016x}", rand::random::<u64>()),
            description: watch::Sender::new(None),
            title: watch::Sender::new(None),
            status: Mutex::new(Status {
                state: State::Idle,
                origin,
            }),
            feed: Mutex::default(),
            ring: Ring::new(),
            term: watch::Sender::new(0),
            readers: watch::Sender::new(0),
            stats: ChannelStats::default(),
            common,
        })
    }

    /// Its name, as the publisher spelt it.
    pub fn path(&self) -> &MediaPath {
        &self.path
    }

    /// Its tracks; `None` while nobody has published.
    pub fn description(&self) -> Option<Arc<Description>> {
        self.description.borrow().clone()
    }

    /// Its tracks, waited for as long as `within`; `None` when nobody published by then, or the channel ended.
    ///
    /// Cancel safe.
    pub async fn described(&self, within: Duration) -> Option<Arc<Description>> {
        let mut description = self.description.subscribe();
        let settled = description.wait_for(|known| known.is_some() || self.ring.ended().is_some());
        let known = tokio::time::timeout(within, settled).await.ok()?.ok()?;
        known.clone()
    }

    /// What is on at the moment, such as the artist and the name of a song; `None` while nobody has told.
    pub fn title(&self) -> watch::Receiver<Option<Arc<str>>> {
        self.title.subscribe()
    }

    /// Tells what is on from now on, of which at most [`MAX_TITLE`] bytes are kept; an empty title is none.
    ///
    /// The next publisher begins without.
    pub fn set_title(&self, title: &str) {
        let kept = &title[..title.floor_char_boundary(MAX_TITLE)];
        let kept = (!kept.is_empty()).then(|| Arc::from(kept));
        self.title.send_replace(kept);
    }

    /// What it does at the moment.
    pub fn state(&self) -> State {
        self.status().state
    }

    /// Why it is over; `None` while it is not.
    pub fn ended(&self) -> Option<End> {
        self.ring.ended()
    }

    /// Who feeds it, for people: `announce from 127.0.0.1:4711`.
    pub fn origin(&self) -> String {
        self.status().origin.clone()
    }

    /// A reader's place in the channel.
    pub fn cursor(self: &Arc<Self>, start: Start) -> Cursor {
        Cursor::new(Arc::clone(self), start)
    }

    /// Changes with each burst and at the end.
    pub fn head(&self) -> watch::Receiver<u64> {
        self.ring.head()
    }

    /// Tells that a reader wants the channel, until the guard is dropped.
    pub fn demand(self: &Arc<Self>) -> Demand {
        self.readers.send_modify(|readers| *readers += 1);
        Demand(Arc::clone(self))
    }

    /// How fast it is fed, in bit/s; before that is known, as fast as its description says.
    pub fn bit_rate(&self) -> u64 {
        match self.stats.snapshot().bit_rate {
            0 => self
                .description()
                .and_then(|description| description.bit_rate())
                .unwrap_or(0),
            measured => measured,
        }
    }

    /// How many readers want it.
    pub fn readers(&self) -> usize {
        *self.readers.borrow()
    }

    /// Changes with [`readers`](Self::readers).
    pub(super) fn watch_readers(&self) -> watch::Receiver<usize> {
        self.readers.subscribe()
    }

    /// The synchronisation source of a track, fixed for the channel's life; 0 beyond [`MAX_TRACKS`].
    pub fn ssrc(&self, index: usize) -> u32 {
        self.ssrcs.get(index).copied().unwrap_or_default()
    }

    /// The sequence number that the next packet of a track will get, whether the
    /// one before is on its way to readers yet or not; `None` before its first.
    pub fn next_sequence(&self, index: usize) -> Option<u16> {
        self.feed().next_sequence(index)
    }

    /// Appends a sender report, as of `now`, of each track that has sent: its index and the RTCP compound.
    /// Returns the clock that they go by.
    pub fn reports(&self, now: Instant, out: &mut Vec<(usize, Vec<u8>)>) -> PublisherClock {
        self.feed().reports(now, &self.terms(), false, out)
    }

    /// Like [`reports`](Self::reports) with a BYE each, for readers that are left.
    pub fn goodbyes(&self, now: Instant, out: &mut Vec<(usize, Vec<u8>)>) {
        self.feed().reports(now, &self.terms(), true, out);
    }

    /// The clock that its next reports go by.
    pub fn publisher_clock(&self) -> PublisherClock {
        self.feed().clock(self.common.clock())
    }

    /// What has happened on it.
    pub fn stats(&self) -> &ChannelStats {
        &self.stats
    }

    pub(super) fn ring(&self) -> &Ring {
        &self.ring
    }

    /// Ends the channel; the first reason stays.
    pub(super) fn end(&self, end: End) {
        let mut status = self.status();
        if matches!(status.state, State::Ended(_)) {
            return;
        }
        status.state = State::Ended(end);
        let mut feed = self.feed();
        self.term.send_modify(|term| *term += 1);
        self.deliver(feed.flush());
        drop(feed);
        self.common.retire(self.stats.snapshot());
        self.ring.end(end);
        self.description.send_modify(|_| ());
    }

    /// Whether it has ended, or has waited for a publisher longer than `grace`.
    pub(super) fn is_over(&self, now: Instant, grace: Duration) -> bool {
        match self.state() {
            State::Waiting { since } => now.saturating_duration_since(since) >= grace,
            State::Ended(_) => true,
            State::Idle | State::Live => false,
        }
    }

    /// Counts a second that is over; to be called once a second, for a publisher that sends nothing.
    pub(super) fn measure(&self, now: Instant) {
        self.stats.rate_over(self.feed().measure(now));
    }

    /// A new channel of the same name.
    pub(super) fn successor(&self) -> Arc<Self> {
        let common = Arc::clone(&self.common);
        Self::new(self.path.clone(), self.origin(), common)
    }

    /// Whether readers of this channel can go on with a publisher of `description`.
    pub(super) fn suits(&self, description: &Description) -> bool {
        self.ended().is_none() && self.description().is_none_or(|own| own.fits(description))
    }

    /// Gives the channel to a new publisher, whoever has it now; `None` when it has ended.
    pub(super) fn hand_over(
        self: &Arc<Self>,
        description: Description,
        origin: String,
    ) -> Option<Publisher> {
        let mut status = self.status();
        if matches!(status.state, State::Ended(_)) {
            return None;
        }
        status.state = State::Live;
        status.origin = origin;
        let mut feed = self.feed();
        self.term.send_modify(|term| *term += 1);
        self.deliver(feed.flush());
        feed.take_up(&description);
        drop(feed);
        let term = *self.term.borrow();
        self.stats.published();
        self.title.send_replace(None);
        self.description.send_replace(Some(Arc::new(description)));
        Some(Publisher::new(
            Arc::clone(self),
            term,
            self.term.subscribe(),
        ))
    }

    pub(super) fn redescribe(&self, term: u64, description: Description) -> Result<(), Unfit> {
        let _status = self.status();
        if *self.term.borrow() != term || !self.suits(&description) {
            return Err(Unfit::OtherTracks);
        }
        self.description.send_replace(Some(Arc::new(description)));
        Ok(())
    }

    pub(super) fn push(
        &self,
        term: u64,
        index: usize,
        kind: PacketKind,
        packet: &[u8],
        now: Instant,
    ) -> Result<(), Malformed> {
        let terms = self.terms();
        let mut complete = Complete::new();
        let mut feed = self.feed();
        let pushed = if *self.term.borrow() == term {
            feed.push(index, kind, packet, now, &terms, &mut complete)
        } else {
            Err(Malformed::Replaced)
        };
        self.deliver(complete.drain(..));
        pushed.inspect_err(|malformed| self.stats.refused(*malformed))
    }

    pub(super) fn stamp(&self, term: u64, zero: NtpTime) {
        let mut feed = self.feed();
        if *self.term.borrow() == term {
            feed.stamp(zero);
        }
    }

    pub(super) fn flush_due(&self) -> Option<Instant> {
        self.feed().deadline(self.common.limits().hold)
    }

    pub(super) fn flush(&self, term: u64, now: Instant) {
        let mut feed = self.feed();
        if *self.term.borrow() == term {
            self.deliver(feed.flush());
            self.stats.rate_over(feed.measure(now));
        }
    }

    /// The publisher of that term is gone.
    pub(super) fn leave(&self, term: u64) {
        let mut status = self.status();
        if *self.term.borrow() == term && status.state == State::Live {
            let mut feed = self.feed();
            self.deliver(feed.flush());
            drop(feed);
            status.state = State::Waiting {
                since: self.common.clock().now(),
            };
        }
    }

    fn terms(&self) -> Terms<'_> {
        let limits = self.common.limits();
        Terms {
            stats: &self.stats,
            ssrcs: &self.ssrcs,
            cname: &self.cname,
            clock: self.common.clock(),
            hold: limits.hold,
            flood: limits.flood,
        }
    }

    fn deliver(&self, bursts: impl IntoIterator<Item = Burst>) {
        for burst in bursts {
            let limits = self.common.limits();
            let fill = self.ring.push(burst, limits.ring_bytes, limits.ring_time);
            self.stats.filled(fill);
        }
    }

    fn status(&self) -> MutexGuard<'_, Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn feed(&self) -> MutexGuard<'_, Feed> {
        self.feed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
