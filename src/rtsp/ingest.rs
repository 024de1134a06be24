//! Where the packets of one publisher go in, from whichever task receives them.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;
use tracing::warn;

use crate::media::burst::PacketKind;
use crate::media::intake::Intake;
use crate::media::publisher::Malformed;
use crate::media::sessions::Session;
use crate::net::udp_ports::Feedback;

use super::protection::{self, Opener};

/// The way in, closed but while the publisher records.
pub(super) struct Ingest {
    intake: Mutex<Option<Intake>>,
    watched: Arc<Session>,
    replaced: AtomicBool,
    /// A bit for each reason to refuse packets that the log has told.
    told: AtomicU32,
    /// Rung when something waits that [`advance`](Self::advance) must see to.
    waits: Notify,
}

impl Ingest {
    /// A closed way in for the session that `watched` counts.
    pub(super) fn new(watched: Arc<Session>) -> Arc<Self> {
        Arc::new(Self {
            intake: Mutex::default(),
            watched,
            replaced: AtomicBool::new(false),
            told: AtomicU32::new(0),
            waits: Notify::new(),
        })
    }

    pub(super) fn watched(&self) -> &Arc<Session> {
        &self.watched
    }

    /// Closes it for good, for somebody else feeds the channel now.
    pub(super) fn give_way(&self) {
        self.replaced.store(true, Relaxed);
        self.close();
    }

    /// Whether somebody else feeds the channel now.
    pub(super) fn has_given_way(&self) -> bool {
        self.replaced.load(Relaxed)
    }

    /// Opens the way in.
    pub(super) fn open(&self, intake: Intake) {
        *self.lock() = Some(intake);
    }

    /// Closes it and gives back the intake; when that is dropped, the channel waits for the next publisher.
    pub(super) fn close(&self) -> Option<Intake> {
        self.lock().take()
    }

    pub(super) fn is_open(&self) -> bool {
        self.lock().is_some()
    }

    /// Does something with the intake, if it is open.
    pub(super) fn with<T>(&self, does: impl FnOnce(&mut Intake) -> T) -> Option<T> {
        self.lock().as_mut().map(does)
    }

    /// Takes a packet of the track at `index`; what does not fit is counted by the channel.
    pub(super) fn take(&self, index: usize, kind: PacketKind, packet: &[u8], now: Instant) {
        let mut place = self.lock();
        let Some(intake) = place.as_mut() else {
            return;
        };
        let waited = intake.deadline().is_some();
        match intake.push(index, kind, packet, now) {
            Ok(()) => self.watched.touch(now),
            Err(malformed) => self.tell(malformed, index),
        }
        if kind == PacketKind::Rtp {
            self.watched.counters().received(1, packet.len() as u64);
        }
        if !waited && intake.deadline().is_some() {
            self.waits.notify_one();
        }
    }

    /// Tells the log of the first packet that was refused for a reason; who has been replaced sends on for a moment.
    fn tell(&self, malformed: Malformed, index: usize) {
        let bit = 1 << malformed as u32;
        if malformed == Malformed::Replaced || self.told.fetch_or(bit, Relaxed) & bit != 0 {
            return;
        }
        let facts = self.watched.facts();
        let track = index + 1;
        warn!(session = %facts.id, peer = %facts.peer, path = %facts.path, track, "a publisher's packet was refused, others for that reason are only counted: {malformed}");
    }

    /// Until when [`advance`](Self::advance) can wait; returns when that is known. Cancel safe.
    pub(super) async fn deadline(&self) -> Instant {
        loop {
            let waits = self.waits.notified();
            if let Some(due) = self.with(|intake| intake.deadline()).flatten() {
                return due;
            }
            waits.await;
        }
    }

    /// Does what has fallen due.
    pub(super) fn advance(&self, now: Instant) {
        self.with(|intake| intake.advance(now));
    }

    fn lock(&self) -> MutexGuard<'_, Option<Intake>> {
        self.intake.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The way in of one track that comes in datagrams.
pub(super) struct DatagramIngest {
    pub(super) ingest: Arc<Ingest>,
    /// The track's index in the description.
    pub(super) index: usize,
    /// The source that receiver reports come from.
    pub(super) ssrc: u32,
    /// What takes the protection off, if packets come by SRTP.
    pub(super) opener: Option<Arc<Opener>>,
}

impl DatagramIngest {
    fn take(&self, kind: PacketKind, bytes: &[u8], now: Instant) {
        if let Some(packet) = protection::open(self.opener.as_deref(), kind, bytes) {
            self.ingest.take(self.index, kind, &packet, now);
        }
    }
}

impl Feedback for DatagramIngest {
    fn rtcp(&self, bytes: &[u8], now: Instant) {
        self.take(PacketKind::Rtcp, bytes, now);
    }

    fn is_author(&self, packet: &[u8]) -> bool {
        let opener = self.opener.as_ref();
        opener.is_some_and(|opener| opener.is_author(packet))
    }

    fn ssrc(&self) -> u32 {
        self.ssrc
    }

    fn alive(&self, _: Instant) {}

    fn rtp(&self, bytes: &[u8], now: Instant) {
        self.take(PacketKind::Rtp, bytes, now);
    }
}
