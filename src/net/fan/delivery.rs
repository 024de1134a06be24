//! What is sent to one member: where it stands in the ring, and how much it is sent at a time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::pace::Pace;
use super::parcel::{Lanes, Parcels};
use super::{Member, Settings, Why, reports};
use crate::base::clock::Clock;
use crate::media::burst::{Burst, PacketKind};
use crate::media::ring::{Cursor, Taken};
use crate::media::stats::Counters;
use crate::net::interleaved::Interleaved;
use crate::net::outlet::{PacketOutlet, TrackOutlet};

/// Bursts that are sent with one write when several small ones wait.
const TOGETHER: usize = 16;

/// What one member may be sent before the others have their turn, in bytes.
const TURN: usize = 256 << 10;

/// How often the session is told that its client takes media.
const TOUCH: Duration = Duration::from_secs(1);

/// What a shard's round has for all members that it serves.
pub(super) struct Tour<'a> {
    pub(super) clock: Clock,
    pub(super) slow_reader: Duration,
    /// Told when a connection that was full has room.
    pub(super) room: &'a Arc<Notify>,
    pub(super) parcels: Parcels,
    /// Used again for each member.
    pub(super) bursts: Vec<Arc<Burst>>,
    /// Bytes sent since others had their turn.
    pub(super) sent: usize,
}

/// When a member is to be served again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// With the next burst: it has all there is.
    Level,
    /// At that time, or when its connection has room.
    Behind(Instant),
}

/// The state of sending to one member.
///
/// What is needed for each burst lies together: with hundreds of members none of
/// it is in the processor's cache any more, and fetching it is most of the cost
/// that is not the kernel's.
#[derive(Debug)]
pub(super) struct Delivery {
    cursor: Cursor,
    connection: Option<Line>,
    /// Of a session that was set up over several connections.
    further: Vec<Line>,
    datagrams: bool,
    counters: Arc<Counters>,
    /// When the session was last told that its client is alive.
    touched: Option<Instant>,
    /// How fast it catches up; `None` once it has.
    pace: Option<Pace>,
    started: Instant,
    greeted: bool,
    full_since: Option<Instant>,
}

/// A connection that takes media.
#[derive(Debug)]
struct Line {
    outlet: Arc<Interleaved>,
    lanes: Lanes,
}

impl Delivery {
    pub(super) fn new(member: &Member, cursor: Cursor, settings: &Settings, now: Instant) -> Self {
        let channel = cursor.channel();
        let description = channel.description();
        let count = description.map_or(0, |description| description.tracks().len());
        let bit_rate = channel.stats().snapshot().typical_bit_rate();
        let datagrams = leases(&member.tracks).next().is_some();
        let mut lines = lines(&member.tracks, count).into_iter();
        Self {
            connection: lines.next(),
            further: lines.collect(),
            datagrams,
            counters: member.session.shared_counters(),
            touched: None,
            pace: Pace::of(datagrams, settings.fast_start_rate, bit_rate, now),
            cursor,
            started: now,
            greeted: false,
            full_since: None,
        }
    }

    /// Sends what there is and what the member may have at once.
    ///
    /// # Errors
    /// [`Why`] nothing more can be sent.
    pub(super) fn serve(&mut self, member: &Member, tour: &mut Tour<'_>) -> Result<Next, Why> {
        let now = tour.clock.now();
        if !self.greeted {
            self.greeted = true;
            reports::greet(member, self.cursor.channel(), now);
        }
        let mut sent = 0;
        while sent < TURN {
            if let Some(until) = self.held_back(tour, now)? {
                return Ok(Next::Behind(until));
            }
            let most = if self.pace.is_some() { 1 } else { TOGETHER };
            tour.bursts.clear();
            match self.cursor.take(&mut tour.bursts, most) {
                Taken::Bursts => sent += self.send(member, tour, now)?,
                Taken::Missed(packets) => self.counters.dropped(packets),
                Taken::Nothing => {
                    self.pace = None;
                    return Ok(Next::Level);
                }
                Taken::Ended(end) => {
                    reports::part(member, self.cursor.channel(), now);
                    return Err(Why::Ended(end));
                }
            }
        }
        Ok(Next::Behind(now))
    }

    /// Until when nothing may be sent; `None` when something may now.
    fn held_back(&mut self, tour: &Tour<'_>, now: Instant) -> Result<Option<Instant>, Why> {
        let full = self.lines().find(|line| line.outlet.backlog() > 0);
        let Some(full) = full.map(|line| Arc::clone(&line.outlet)) else {
            self.full_since = None;
            return Ok(self.pace.map(|pace| pace.due()).filter(|due| *due > now));
        };
        let patience_ends = *self.full_since.get_or_insert(now) + tour.slow_reader;
        if now >= patience_ends {
            return Err(Why::TooSlow);
        }
        full.notify_when_empty(tour.room);
        Ok(Some(patience_ends))
    }

    /// Sends the bursts of the tour; answers how many bytes, frames included, they have.
    fn send(&mut self, member: &Member, tour: &mut Tour<'_>, now: Instant) -> Result<usize, Why> {
        let Tour {
            bursts, parcels, ..
        } = tour;
        for line in self.lines() {
            let parcel = parcels.of(bursts, &line.lanes);
            if !parcel.framed().is_empty() {
                line.outlet.send(parcel.framed()).map_err(Why::Closed)?;
            }
            let lateness = bursts.first().map(|burst| self.lateness(burst, now));
            let lateness = lateness.unwrap_or_default();
            self.counters.sent(parcel.packets, parcel.bytes, lateness);
        }
        if self.connection.is_some() {
            self.touch(member, now);
        }
        if self.datagrams {
            for burst in bursts.iter() {
                self.cast(member, burst, self.lateness(burst, now));
            }
        }
        let bytes = bursts.iter().map(|burst| burst.framed().len()).sum();
        tour.sent += bytes;
        if let Some(pace) = &mut self.pace {
            pace.spend(bytes, now);
        }
        Ok(bytes)
    }

    fn lines(&self) -> impl Iterator<Item = &Line> {
        self.connection.iter().chain(&self.further)
    }

    /// What a connection takes is a sign of life, as it is for movies.
    fn touch(&mut self, member: &Member, now: Instant) {
        if self.touched.is_none_or(|at| now >= at + TOUCH) {
            self.touched = Some(now);
            member.session.touch(now);
        }
    }

    /// How long a burst was under way. What is older than the member's stay is not late, but history.
    fn lateness(&self, burst: &Burst, now: Instant) -> Duration {
        if burst.arrived() < self.started {
            return Duration::ZERO;
        }
        now.saturating_duration_since(burst.arrived())
    }

    /// Sends a burst as datagrams, one call for each run.
    fn cast(&self, member: &Member, burst: &Burst, lateness: Duration) {
        let (mut packets, mut bytes, mut dropped) = (0, 0, 0);
        for run in burst.runs() {
            let mut leases = leases(&member.tracks);
            let Some((_, lease)) = leases.find(|(index, _)| *index == usize::from(run.track))
            else {
                continue;
            };
            let datagrams = burst.run_bytes(run);
            match run.kind {
                PacketKind::Rtp => {
                    let sent = lease.send_run(datagrams, run.segment);
                    packets += sent as u64;
                    bytes += datagrams.len().min(sent * run.segment) as u64;
                    dropped += run.count.saturating_sub(sent) as u64;
                }
                // A report that is lost is made good by the next one.
                PacketKind::Rtcp => {
                    for compound in datagrams.chunks(run.segment.max(1)) {
                        let _ = lease.send_rtcp(compound);
                    }
                }
            }
        }
        self.counters.sent(packets, bytes, lateness);
        if dropped > 0 {
            self.counters.dropped(dropped);
        }
    }
}

/// The tracks whose packets go out one by one.
fn leases(tracks: &[(usize, TrackOutlet)]) -> impl Iterator<Item = (usize, &PacketOutlet)> {
    tracks.iter().filter_map(|(index, outlet)| match outlet {
        TrackOutlet::Packets(lease) => Some((*index, lease)),
        TrackOutlet::Interleaved { .. } => None,
    })
}

/// The connections that tracks go out on; a session has one as a rule.
fn lines(tracks: &[(usize, TrackOutlet)], count: usize) -> Vec<Line> {
    let mut found: Vec<Line> = Vec::new();
    for outlet in tracks.iter().filter_map(|(_, outlet)| outlet.connection()) {
        if !found.iter().any(|line| Arc::ptr_eq(&line.outlet, outlet)) {
            found.push(Line {
                outlet: Arc::clone(outlet),
                lanes: Lanes::of(tracks, outlet, count),
            });
        }
    }
    found
}
