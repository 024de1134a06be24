//! The table of sessions: who receives or publishes what, how it goes, and a way to end it.
//!
//! `rtsp` and `hls` open sessions, senders and receivers count into them, `http` reads them. The
//! states of RTSP are not kept here.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::reception::{Reception, Streams};
use super::room::{Full, Limits, Load, RunningLoad};
use super::stats::{Counters, Snapshot};
use crate::base::holder::Holder;
use crate::base::id::SessionId;
use crate::base::path::MediaPath;
use crate::wire::rtcp::{self, Feedback};

/// What a session's client came for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// To send the media of a channel.
    Publisher,
    /// To receive media.
    Viewer,
    /// Nothing: it stands for what is sent to a multicast group, to nobody. Those who listen have sessions of their own.
    Group,
}

impl Role {
    /// In one word, for lists and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Publisher => "publisher",
            Self::Viewer => "viewer",
            Self::Group => "group",
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

/// All open sessions. Clones share one table.
#[derive(Clone, Debug, Default)]
pub struct Sessions {
    table: Arc<Mutex<Table>>,
    load: Arc<RunningLoad>,
}

#[derive(Debug, Default)]
struct Table {
    open: HashMap<SessionId, Entry>,
    /// What the viewers at each address take, as long as there are any.
    addresses: HashMap<Holder, Arc<RunningLoad>>,
    opened: u64,
    ended: Snapshot,
}

/// The counters have an owner of their own so that the totals never miss a session that is just ending.
#[derive(Debug)]
struct Entry {
    session: Weak<Session>,
    counters: Arc<Counters>,
}

impl Table {
    /// What the viewers at `peer` take.
    fn load_of(&self, peer: IpAddr) -> Load {
        let load = self.addresses.get(&Holder::of(peer));
        load.map(|load| load.load()).unwrap_or_default()
    }

    /// Keeps nothing of `peer` when no viewer is there.
    fn forget(&mut self, peer: IpAddr) {
        if self.load_of(peer).viewers == 0 {
            self.addresses.remove(&Holder::of(peer));
        }
    }
}

impl Sessions {
    /// An empty table.
    pub fn new() -> Self {
        Self::default()
    }

    /// Enters a session; it leaves the table when the last `Arc` of it is dropped.
    pub fn open(&self, facts: SessionFacts) -> Arc<Session> {
        self.enter(&mut lock(&self.table), facts)
    }

    /// Enters the session of a viewer who takes `bit_rate` bit/s at first, if there is room for it.
    ///
    /// Looking and entering are one step, so that viewers who come at the same time cannot share the
    /// last place.
    ///
    /// # Errors
    /// The limit that is reached.
    pub fn admit(
        &self,
        facts: SessionFacts,
        bit_rate: u64,
        limits: &Limits,
    ) -> Result<Arc<Session>, Full> {
        let mut table = lock(&self.table);
        limits.admit(self.load(), table.load_of(facts.peer.ip()), bit_rate)?;
        let session = self.enter(&mut table, facts);
        session.takes(bit_rate);
        Ok(session)
    }

    /// Whether one more viewer at `peer` would be admitted, as far as that can be said before it
    /// is known of what.
    ///
    /// # Errors
    /// The limit that is reached.
    pub fn has_room(&self, peer: IpAddr, limits: &Limits) -> Result<(), Full> {
        limits.admit(self.load(), lock(&self.table).load_of(peer), 0)
    }

    fn enter(&self, table: &mut Table, facts: SessionFacts) -> Arc<Session> {
        let id = facts.id;
        let is_counted = facts.role == Role::Viewer;
        let loads = is_counted.then(|| {
            let own = table.addresses.entry(Holder::of(facts.peer.ip()));
            [Arc::clone(&self.load), Arc::clone(own.or_default())]
        });
        let session = Arc::new(Session {
            facts,
            counters: Arc::default(),
            transport: OnceLock::new(),
            last_seen_ms: AtomicU64::new(0),
            bit_rate: AtomicU64::new(0),
            has_left: AtomicBool::new(false),
            streams: Mutex::default(),
            end: CancellationToken::new(),
            table: Arc::clone(&self.table),
            loads,
        });
        session.loads().for_each(RunningLoad::enter);
        let entry = Entry {
            session: Arc::downgrade(&session),
            counters: Arc::clone(&session.counters),
        };
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

    /// Ends those of whom `is_over` says so.
    pub fn end_those(&self, is_over: impl Fn(&SessionFacts) -> bool) {
        for session in self.list() {
            if is_over(session.facts()) {
                session.end().cancel();
            }
        }
    }

    /// What all viewers take.
    pub fn load(&self) -> Load {
        self.load.load()
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
    has_left: AtomicBool,
    streams: Mutex<Streams>,
    end: CancellationToken,
    table: Arc<Mutex<Table>>,
    /// None if it does not count.
    loads: Option<[Arc<RunningLoad>; 2]>,
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
        if !self.has_left.load(Relaxed) {
            self.count(bit_rate);
        }
    }

    fn count(&self, bit_rate: u64) {
        let before = self.bit_rate.swap(bit_rate, Relaxed);
        self.loads().for_each(|load| load.change(before, bit_rate));
    }

    /// Gives the viewer's place to others from now on, whoever still holds the session.
    pub fn leave(&self) {
        if self.has_left.swap(true, Relaxed) {
            return;
        }
        self.count(0);
        self.loads().for_each(RunningLoad::leave);
        lock(&self.table).forget(self.facts.peer.ip());
    }

    /// Where it counts: with all, and with those at its address.
    fn loads(&self) -> impl Iterator<Item = &RunningLoad> {
        self.loads.iter().flatten().map(Arc::as_ref)
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
        lock(&self.streams).add(ssrc, clock_hz);
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
                lock(&self.streams).keep(&blocks);
            }
        }
    }

    /// How the client receives its streams; `None` before its first report.
    pub fn reception(&self) -> Option<Reception> {
        lock(&self.streams).reception()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.leave();
        // What was noted just when it left.
        self.count(0);
        let mut table = lock(&self.table);
        table.ended.add(&self.counters.snapshot());
        let own = |entry: &Entry| Arc::ptr_eq(&entry.counters, &self.counters);
        if table.open.get(&self.facts.id).is_some_and(own) {
            table.open.remove(&self.facts.id);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Clock;
    use crate::media::room::Bound;

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
    fn viewers_count_with_what_they_take() {
        let sessions = Sessions::new();
        let start = Clock::start().started();
        let viewers: Vec<_> = [2, 4].map(|id| sessions.open(facts(id, start))).into();
        let mut publisher = facts(6, start);
        publisher.role = Role::Publisher;
        let _publisher = sessions.open(publisher);
        let mut group = facts(8, start);
        group.role = Role::Group;
        let _group = sessions.open(group);
        viewers[0].takes(700);
        viewers[1].takes(400);
        viewers[1].takes(300);
        let is = |viewers, bit_rate| Load { viewers, bit_rate };
        assert_eq!(sessions.load(), is(2, 1000));
        viewers[0].leave();
        viewers[0].takes(100);
        viewers[0].leave();
        assert_eq!((sessions.load(), sessions.len()), (is(1, 300), 4));
        drop(viewers);
        assert_eq!(sessions.load(), is(0, 0));
        assert!(lock(&sessions.table).addresses.is_empty());
    }

    #[test]
    fn each_address_has_its_share() {
        let sessions = Sessions::new();
        let start = Clock::start().started();
        let of_address = Bound {
            viewers: 2,
            bit_rate: 100,
        };
        let limits = Limits {
            all: Bound::default(),
            of_address,
        };
        let admit = |id, peer: &str, bit_rate| {
            let mut facts = facts(id, start);
            facts.peer = peer.parse().unwrap();
            sessions.admit(facts, bit_rate, &limits)
        };
        let first = admit(2, "192.0.2.1:5000", 60).unwrap();
        let refused = admit(4, "192.0.2.1:5001", 41).unwrap_err();
        assert_eq!(refused, Full::ThroughputOfAddress);
        let _second = admit(6, "192.0.2.1:5001", 40).unwrap();
        let refused = admit(8, "192.0.2.1:5002", 0).unwrap_err();
        assert_eq!(refused, Full::ConnectionsOfAddress);
        let peer = first.facts().peer.ip();
        assert_eq!(sessions.has_room(peer, &limits), Err(refused));
        let _other = admit(10, "192.0.2.2:5000", 100).unwrap();
        first.leave();
        assert_eq!(sessions.has_room(peer, &limits), Ok(()));
        let _third = admit(12, "192.0.2.1:5003", 60).unwrap();
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
