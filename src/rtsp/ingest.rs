//! Where the packets of one publisher go in, from whichever task receives them.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;

use crate::media::burst::PacketKind;
use crate::media::intake::Intake;
use crate::media::sessions::Session;
use crate::net::udp_ports::Feedback;

/// The way in, closed but while the publisher records.
pub(super) struct Ingest {
    intake: Mutex<Option<Intake>>,
    watched: Arc<Session>,
    replaced: AtomicBool,
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
        if intake.push(index, kind, packet, now).is_ok() {
            self.watched.touch(now);
        }
        if kind == PacketKind::Rtp {
            self.watched.counters().received(1, packet.len() as u64);
        }
        if !waited && intake.deadline().is_some() {
            self.waits.notify_one();
        }
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
}

impl Feedback for DatagramIngest {
    fn rtcp(&self, bytes: &[u8], now: Instant) {
        self.ingest.take(self.index, PacketKind::Rtcp, bytes, now);
    }

    fn ssrc(&self) -> u32 {
        self.ssrc
    }

    fn alive(&self, _: Instant) {}

    fn rtp(&self, bytes: &[u8], now: Instant) {
        self.ingest.take(self.index, PacketKind::Rtp, bytes, now);
    }
}
