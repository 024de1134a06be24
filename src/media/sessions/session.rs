//! One session: what is known of its client, what was sent and received, and a way to end it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::{Table, lock};
use crate::base::id::SessionId;
use crate::base::path::MediaPath;
use crate::media::reception::{Reception, Streams};
use crate::media::room::RunningLoad;
use crate::media::stats::Counters;
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
    /// One that will leave `table` when it ends, and counts at `loads` if it counts.
    pub(super) fn new(
        facts: SessionFacts,
        table: Arc<Mutex<Table>>,
        loads: Option<[Arc<RunningLoad>; 2]>,
    ) -> Self {
        let session = Self {
            facts,
            counters: Arc::default(),
            transport: OnceLock::new(),
            last_seen_ms: AtomicU64::new(0),
            bit_rate: AtomicU64::new(0),
            has_left: AtomicBool::new(false),
            streams: Mutex::default(),
            end: CancellationToken::new(),
            table,
            loads,
        };
        session.loads().for_each(RunningLoad::enter);
        session
    }

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
        lock(&self.table).end(self.facts.id, &self.counters);
    }
}
