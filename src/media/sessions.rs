//! The table of sessions: who receives or publishes what, how it goes, and a way to end it.
//!
//! `rtsp` and `hls` open sessions, senders and receivers count into them, `http` reads them. The
//! states of RTSP are not kept here.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::stats::{Counters, Snapshot};
use crate::base::id::SessionId;
use crate::base::path::MediaPath;
use crate::wire::rtcp::{self, Block, Feedback};

/// What a session's client came for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// To send the media of a channel.
    Publisher,
    /// To receive media.
    Viewer,
}

impl Role {
    /// In one word, for lists and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Publisher => "publisher",
            Self::Viewer => "viewer",
        }
    }
}

/// What is known of a session when it opens.
#[derive(Clone, Debug)]
pub struct SessionFacts {
    /// Its RTSP identifier.
    pub id: SessionId,
    /// What its client came for.
    pub role: Role,
    /// The movie or channel.
    pub path: MediaPath,
    /// The client's address, in IPv4 form where it is an IPv4 address.
    pub peer: SocketAddr,
    /// What the client calls itself; empty when it does not.
    pub user_agent: String,
    /// How media travels, as far as is known yet: `udp`, `tcp`, `http`, `hls`, or `stream` for one
    /// endless answer of HTTP.
    pub transport: &'static str,
    /// When it was opened.
    pub opened: Instant,
}

/// What viewers take of what the server may give.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// How many there are.
    pub viewers: usize,
    /// What they are sent, in bit/s.
    pub bit_rate: u64,
}

/// Which limit keeps one more viewer out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Full {
    /// There are too many viewers.
    #[error("the limit of connections is reached")]
    Connections,
    /// Too much is sent to them.
    #[error("the limit of throughput is reached")]
    Throughput,
}

impl Load {
    /// Whether a viewer who takes `more` bit/s fits below so many `connections` and so much
    /// `throughput` in bit/s; 0 is no limit.
    ///
    /// # Errors
    /// The limit that is reached.
    pub fn admit(self, connections: u32, throughput: u64, more: u64) -> Result<(), Full> {
        if connections > 0 && self.viewers >= connections as usize {
            return Err(Full::Connections);
        }
        if throughput > 0 && self.bit_rate.saturating_add(more) > throughput {
            return Err(Full::Throughput);
        }
        Ok(())
    }
}

/// All open sessions. Clones share one table.
#[derive(Clone, Debug, Default)]
pub struct Sessions {
    table: Arc<Mutex<Table>>,
    /// Of all viewers, and of those by HTTP.
    loads: Arc<[RunningLoad; 2]>,
}

/// A [`Load`] that is kept up to date, so that nobody has to add it up.
#[derive(Debug, Default)]
struct RunningLoad {
    viewers: AtomicUsize,
    bit_rate: AtomicU64,
}

impl RunningLoad {
    fn load(&self) -> Load {
        Load {
            viewers: self.viewers.load(Relaxed),
            bit_rate: self.bit_rate.load(Relaxed),
        }
    }

    /// A viewer takes `to` bit/s now, and took `from` before.
    fn change(&self, from: u64, to: u64) {
        self.bit_rate.fetch_add(to.wrapping_sub(from), Relaxed);
    }
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
            transport: OnceLock::new(),
            last_seen_ms: AtomicU64::new(0),
            bit_rate: AtomicU64::new(0),
            streams: Mutex::default(),
            end: CancellationToken::new(),
            table: Arc::clone(&self.table),
            loads: Arc::clone(&self.loads),
        });
        for load in session.loads() {
            load.viewers.fetch_add(1, Relaxed);
        }
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

    /// What all viewers take.
    pub fn load(&self) -> Load {
        self.loads[0].load()
    }

    /// What the viewers take that come by HTTP: by HLS, or to an endless stream.
    pub fn load_by_http(&self) -> Load {
        self.loads[1].load()
    }

    /// The open session of that identifier.
    pub fn find(&self, id: SessionId) -> Option<Arc<Session>> {
        lock(&self.table).open.get(&id)?.session.upgrade()
    }

    /// What was sent and received in all sessions so far, the ended ones included.
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
    transport: OnceLock<&'static str>,
    last_seen_ms: AtomicU64,
    bit_rate: AtomicU64,
    streams: Mutex<Vec<Stream>>,
    end: CancellationToken,
    table: Arc<Mutex<Table>>,
    loads: Arc<[RunningLoad; 2]>,
}

impl Session {
    /// What was known when it opened.
    pub fn facts(&self) -> &SessionFacts {
        &self.facts
    }

    /// How media travels: `udp`, `tcp`, `http`; for the viewers of a group `multicast`, and
    /// for what is sent to all of them `group`.
    pub fn transport(&self) -> &'static str {
        self.transport.get().unwrap_or(&self.facts.transport)
    }

    /// Notes how media travels when that was not known at the opening; the first word counts.
    pub fn travels_by(&self, transport: &'static str) {
        self.transport.get_or_init(|| transport);
    }

    /// Notes how much it is sent at present, in bit/s.
    pub fn takes(&self, bit_rate: u64) {
        let before = self.bit_rate.swap(bit_rate, Relaxed);
        for load in self.loads() {
            load.change(before, bit_rate);
        }
    }

    /// Where it counts.
    fn loads(&self) -> &[RunningLoad] {
        match (self.facts.role, self.facts.transport) {
            (Role::Publisher, _) => &[],
            (Role::Viewer, "hls" | "stream") => &self.loads[..],
            (Role::Viewer, _) => &self.loads[..1],
        }
    }

    /// What was sent or received in it.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The same, for whoever counts often and would look them up each time.
    pub fn shared_counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
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
    ///
    /// Bytes that are no RTCP are ignored, reports on streams of others as well.
    pub fn rtcp(&self, bytes: &[u8], now: Instant) {
        let Ok(compound) = rtcp::parse(bytes) else {
            return;
        };
        self.touch(now);
        for packet in compound {
            if let Feedback::ReceiverReport { blocks, .. } | Feedback::SenderReport { blocks, .. } =
                packet
            {
                self.keep_reports(&blocks);
            }
        }
    }

    fn keep_reports(&self, blocks: &[Block]) {
        let mut streams = lock(&self.streams);
        for stream in streams.iter_mut() {
            let block = blocks.iter().find(|block| block.ssrc == stream.ssrc);
            if let Some(block) = block {
                stream.report = Some(*block);
            }
        }
    }

    /// How the client receives its streams; `None` before its first report.
    pub fn reception(&self) -> Option<Reception> {
        let streams = lock(&self.streams);
        let receptions = streams.iter().filter_map(Stream::reception);
        receptions.reduce(|one, other| Reception {
            lost_packets: one.lost_packets + other.lost_packets,
            loss_ratio: one.loss_ratio.max(other.loss_ratio),
            jitter_seconds: one.jitter_seconds.max(other.jitter_seconds),
        })
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.takes(0);
        for load in self.loads() {
            load.viewers.fetch_sub(1, Relaxed);
        }
        let mut table = lock(&self.table);
        table.ended.add(&self.counters.snapshot());
        let own = |entry: &Entry| Arc::ptr_eq(&entry.counters, &self.counters);
        if table.open.get(&self.facts.id).is_some_and(own) {
            table.open.remove(&self.facts.id);
        }
    }
}

/// How a client receives its streams, by its last reports.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Reception {
    /// Packets lost since the start, all streams together; below 0 when duplicates arrived.
    pub lost_packets: i64,
    /// Share of packets lost before the last report, 0 to 1, of the worst stream.
    pub loss_ratio: f64,
    /// Interarrival jitter of the worst stream, in seconds.
    pub jitter_seconds: f64,
}

/// One RTP stream of a session and what the client last said of it.
#[derive(Debug)]
struct Stream {
    ssrc: u32,
    clock_hz: u32,
    report: Option<Block>,
}

impl Stream {
    fn reception(&self) -> Option<Reception> {
        let report = self.report?;
        Some(Reception {
            lost_packets: i64::from(report.cumulative_lost),
            loss_ratio: f64::from(report.fraction_lost) / 256.0,
            jitter_seconds: f64::from(report.jitter) / f64::from(self.clock_hz),
        })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Clock;

    fn facts(id: u64, opened: Instant) -> SessionFacts {
        SessionFacts {
            id: SessionId::from_random(id),
            role: Role::Viewer,
            path: MediaPath::from_plain("a.mov").unwrap(),
            peer: "192.0.2.1:5000".parse().unwrap(),
            user_agent: String::new(),
            transport: "udp",
            opened,
        }
    }

    /// A receiver report (RFC 3550, 6.4.2) with one block on `ssrc`: 64/256 lost, -1 in all, jitter 90.
    fn report_on(ssrc: u32) -> Vec<u8> {
        let mut bytes = vec![0x81, 201, 0, 7, 0, 0, 0, 9];
        bytes.extend(ssrc.to_be_bytes());
        bytes.extend([64, 0xff, 0xff, 0xff]);
        bytes.extend([0, 0, 0, 1, 0, 0, 0, 90]);
        bytes.extend([0; 8]);
        bytes
    }

    #[test]
    fn a_session_leaves_the_table_and_its_counts_stay_in_the_totals() {
        let sessions = Sessions::new();
        let start = Clock::start().started();
        let one = sessions.open(facts(2, start));
        let two = sessions.open(facts(4, start + Duration::from_secs(1)));
        one.counters().sent(1, 100, Duration::ZERO);
        two.counters().sent(2, 200, Duration::ZERO);
        let listed: Vec<_> = sessions.list().iter().map(|s| s.facts().id).collect();
        assert_eq!(listed, [one.facts().id, two.facts().id]);
        assert!(sessions.find(one.facts().id).is_some());
        let id = one.facts().id;
        drop(one);
        assert!(sessions.find(id).is_none());
        assert_eq!((sessions.len(), sessions.opened()), (1, 2));
        drop(two);
        assert!(sessions.is_empty());
        assert_eq!(sessions.totals().packets, 3);
        assert_eq!(sessions.totals().bytes, 300);
    }

    #[test]
    fn limits_count_viewers_and_what_they_take() {
        let sessions = Sessions::new();
        let start = Clock::start().started();
        let viewers: Vec<_> = [2, 4].map(|id| sessions.open(facts(id, start))).into();
        let mut publisher = facts(6, start);
        publisher.role = Role::Publisher;
        let _publisher = sessions.open(publisher);
        viewers[0].takes(700);
        viewers[1].takes(300);
        let mut by_hls = facts(8, start);
        by_hls.transport = "hls";
        let by_hls = sessions.open(by_hls);
        by_hls.takes(50);
        by_hls.takes(40);
        let is = |viewers, bit_rate| Load { viewers, bit_rate };
        assert_eq!(sessions.load(), is(3, 1040));
        assert_eq!(sessions.load_by_http(), is(1, 40));
        drop(by_hls);
        assert_eq!(sessions.load_by_http(), is(0, 0));
        let load = sessions.load();
        assert_eq!(load, is(2, 1000));
        assert_eq!(load.admit(0, 0, 100), Ok(()));
        assert_eq!(load.admit(3, 1100, 100), Ok(()));
        assert_eq!(load.admit(2, 0, 100), Err(Full::Connections));
        assert_eq!(load.admit(3, 1099, 100), Err(Full::Throughput));
    }

    #[test]
    fn signs_of_life_never_go_back() {
        let start = Clock::start().started();
        let session = Sessions::new().open(facts(2, start));
        assert_eq!(session.last_seen(), start);
        let later = start + Duration::from_secs(5);
        session.touch(later);
        session.touch(start);
        assert_eq!(session.last_seen(), later);
    }

    #[test]
    fn reports_are_kept_for_the_streams_of_the_session() {
        let start = Clock::start().started();
        let later = start + Duration::from_secs(5);
        let session = Sessions::new().open(facts(2, start));
        session.add_stream(7, 90_000);
        session.rtcp(b"no RTCP", later);
        assert_eq!(session.last_seen(), start);
        session.rtcp(&report_on(8), later);
        assert_eq!(session.last_seen(), later);
        assert_eq!(session.reception(), None);
        session.rtcp(&report_on(7), later);
        let received = Reception {
            lost_packets: -1,
            loss_ratio: 0.25,
            jitter_seconds: 0.001,
        };
        assert_eq!(session.reception(), Some(received));
        session.add_stream(8, 900);
        session.rtcp(&report_on(8), later);
        let worst = Reception {
            lost_packets: -2,
            jitter_seconds: 0.1,
            ..received
        };
        assert_eq!(session.reception(), Some(worst));
    }
}
