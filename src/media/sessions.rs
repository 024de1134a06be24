//! The table of sessions: who receives what, how it goes, and a way to end it.
//!
//! `rtsp` opens sessions, the senders count into them, `http` reads them. The
//! states of RTSP are not kept here.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::stats::{Counters, Snapshot};
use crate::base::id::SessionId;
use crate::base::path::MediaPath;

/// What is known of a session when it opens.
#[derive(Clone, Debug)]
pub struct SessionFacts {
    /// Its RTSP identifier.
    pub id: SessionId,
    /// The movie or channel.
    pub path: MediaPath,
    /// The client's address, in IPv4 form where it is an IPv4 address.
    pub peer: SocketAddr,
    /// What the client calls itself; empty when it does not.
    pub user_agent: String,
    /// How media travels: `udp`, `tcp` or `http`.
    pub transport: &'static str,
    /// When it was opened.
    pub opened: Instant,
}

/// All open sessions. Clones share one table.
#[derive(Clone, Debug, Default)]
pub struct Sessions {
    table: Arc<Mutex<Table>>,
}

#[derive(Debug, Default)]
struct Table {
    open: HashMap<SessionId, Entry>,
    opened: u64,
    ended: Snapshot,
}

/// The counters have an owner of their own so that the totals never miss a session that is just ending.
#[derive(Debug)]
struct Entry {
    session: Weak<Session>,
    counters: Arc<Counters>,
}

impl Sessions {
    /// An empty table.
    pub fn new() -> Self {
        Self::default()
    }

    /// Enters a session; it leaves the table when the last `Arc` of it is dropped.
    pub fn open(&self, facts: SessionFacts) -> Arc<Session> {
        let id = facts.id;
        let session = Arc::new(Session {
            facts,
            counters: Arc::default(),
            last_seen_ms: AtomicU64::new(0),
            streams: Mutex::default(),
            end: CancellationToken::new(),
            table: Arc::clone(&self.table),
        });
        let entry = Entry {
            session: Arc::downgrade(&session),
            counters: Arc::clone(&session.counters),
        };
        let mut table = lock(&self.table);
        table.opened += 1;
        table.open.insert(id, entry);
        session
    }

    /// How many sessions are open.
    pub fn len(&self) -> usize {
        lock(&self.table).open.len()
    }

    /// Whether no session is open.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many sessions were opened so far, the ended ones included.
    pub fn opened(&self) -> u64 {
        lock(&self.table).opened
    }

    /// The open sessions, the longest open first.
    pub fn list(&self) -> Vec<Arc<Session>> {
        let mut list: Vec<_> = {
            let table = lock(&self.table);
            let sessions = table.open.values();
            sessions
                .filter_map(|entry| entry.session.upgrade())
                .collect()
        };
        list.sort_by_key(|session| (session.facts.opened, session.facts.id));
        list
    }

    /// The open session of that identifier.
    pub fn find(&self, id: SessionId) -> Option<Arc<Session>> {
        lock(&self.table).open.get(&id)?.session.upgrade()
    }

    /// What was sent in all sessions so far, the ended ones included.
    pub fn totals(&self) -> Snapshot {
        let table = lock(&self.table);
        let mut totals = table.ended;
        for entry in table.open.values() {
            totals.add(&entry.counters.snapshot());
        }
        totals
    }
}

/// One open session.
#[derive(Debug)]
pub struct Session {
    facts: SessionFacts,
    counters: Arc<Counters>,
    last_seen_ms: AtomicU64,
    streams: Mutex<Vec<Stream>>,
    end: CancellationToken,
    table: Arc<Mutex<Table>>,
}

impl Session {
    /// What was known when it opened.
    pub fn facts(&self) -> &SessionFacts {
        &self.facts
    }

    /// What was sent in it.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Notes a sign of life of the client: a request, RTCP, a datagram that opens a NAT.
    pub fn touch(&self, now: Instant) {
        let open = now.saturating_duration_since(self.facts.opened);
        let millis = u64::try_from(open.as_millis()).unwrap_or(u64::MAX);
        self.last_seen_ms.fetch_max(millis, Relaxed);
    }

    /// When the client last showed a sign of life, to the millisecond.
    pub fn last_seen(&self) -> Instant {
        self.facts.opened + Duration::from_millis(self.last_seen_ms.load(Relaxed))
    }

    /// Cancel it to end the session; its owner watches it.
    pub fn end(&self) -> &CancellationToken {
        &self.end
    }

    /// Announces a stream of this session, so that [`rtcp`](Self::rtcp) knows
    /// whose reports to keep; `clock_hz` is its RTP clock rate. A stream of
    /// the same `ssrc` is replaced.
    pub fn add_stream(&self, ssrc: u32, clock_hz: u32) {
        let mut streams = lock(&self.streams);
        streams.retain(|stream| stream.ssrc != ssrc);
        streams.push(Stream {
            ssrc,
            clock_hz: clock_hz.max(1),
            report: None,
        });
    }

    /// Takes a compound RTCP packet of the client: a sign of life, and reports on the streams.
    pub fn rtcp(&self, _bytes: &[u8], now: Instant) {
        self.touch(now);
    }

    /// The streams, in the order in which they were added.
    pub fn streams(&self) -> Vec<Stream> {
        lock(&self.streams).clone()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let mut table = lock(&self.table);
        table.ended.add(&self.counters.snapshot());
        let own = |entry: &Entry| Arc::ptr_eq(&entry.counters, &self.counters);
        if table.open.get(&self.facts.id).is_some_and(own) {
            table.open.remove(&self.facts.id);
        }
    }
}

/// One RTP stream of a session and what the client last said of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stream {
    /// The synchronisation source that the server sends it with.
    pub ssrc: u32,
    /// The RTP clock rate, in Hz.
    pub clock_hz: u32,
    /// The last reception report, `None` before the first.
    pub report: Option<Report>,
}

/// A reception report block (RFC 3550, 6.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// Share of packets lost since the report before, in 1/256.
    pub fraction_lost: u8,
    /// Packets lost since the start; below 0 when duplicates arrived.
    pub cumulative_lost: i32,
    /// Interarrival jitter in RTP clock ticks.
    pub jitter: u32,
}

impl Stream {
    /// The reported interarrival jitter in seconds.
    pub fn jitter_seconds(&self) -> Option<f64> {
        let report = self.report?;
        Some(f64::from(report.jitter) / f64::from(self.clock_hz))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
