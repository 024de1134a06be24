//! The numbers of the sessions, together and one by one, as collectors.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;

use super::exposition::{Out, sample};
use crate::media::reception::Reception;
use crate::media::sessions::{Session, Sessions};
use crate::media::stats::{Lateness, Snapshot, Totals};

const QUANTILES: [f64; 2] = [0.5, 0.99];

/// Present from the start, so that a dashboard shows 0 and not nothing.
const TRANSPORTS: [&str; 8] = [
    "udp",
    "srtp",
    "tcp",
    "tls",
    "http",
    "https",
    "multicast",
    "group",
];

/// What all sessions sent, the ended ones included, and how the open ones receive it.
#[derive(Debug)]
pub(super) struct TotalMetrics {
    pub(super) sessions: Sessions,
    pub(super) totals: Arc<Totals>,
}

impl Collector for TotalMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let out = &mut Out(&mut encoder);
        let open = self.sessions.list();
        self.server(out)?;
        transports(out, &open)?;
        sent(out, &self.sessions.totals())?;
        reception(out, &open)
    }
}

impl TotalMetrics {
    fn server(&self, out: &mut Out<'_, '_>) -> fmt::Result {
        let totals = &self.totals;
        out.info(
            "build",
            "The running program",
            &[("version", env!("CARGO_PKG_VERSION"))],
        )?;
        out.counter("connections", "Accepted connections", totals.connections())?;
        out.counter("requests", "Answered RTSP requests", totals.requests())?;
        out.counter(
            "refusals",
            "RTSP requests answered with a status of 400 or above",
            totals.refusals(),
        )?;
        out.counter(
            "throttled_requests",
            "RTSP requests that waited because their connection sent too many",
            totals.throttled_requests(),
        )?;
        out.counter(
            "refused_tunnels",
            "POSTs of RTSP tunnels that were refused because too many wait for their GETs",
            totals.refused_tunnels(),
        )?;
        out.counter(
            "sessions_opened",
            "Sessions opened so far",
            self.sessions.opened(),
        )?;
        let help = "RTSP sessions that are over, of viewers and publishers, by the reason";
        let mut family = out.family("sessions_ended", help, None, MetricType::Counter)?;
        for (ending, count) in totals.endings() {
            let label = [("reason", ending.name())];
            sample(&mut family, &label, &ConstCounter::new(count))?;
        }
        Ok(())
    }
}

fn transports(out: &mut Out<'_, '_>, open: &[Arc<Session>]) -> fmt::Result {
    let mut counts: BTreeMap<&str, i64> = TRANSPORTS.into_iter().map(|name| (name, 0)).collect();
    for session in open {
        *counts.entry(session.transport()).or_default() += 1;
    }
    let mut family = out.family("sessions", "Open sessions", None, MetricType::Gauge)?;
    for (transport, count) in counts {
        sample(
            &mut family,
            &[("transport", transport)],
            &ConstGauge::new(count),
        )?;
    }
    Ok(())
}

fn sent(out: &mut Out<'_, '_>, total: &Snapshot) -> fmt::Result {
    out.counter("packets", "RTP packets sent", total.packets)?;
    out.counter("bytes", "Bytes of RTP packets sent", total.bytes)?;
    out.counter(
        "dropped_packets",
        "RTP packets that the network did not take",
        total.dropped,
    )?;
    out.counter(
        "retransmissions",
        "RTP packets sent once more",
        total.retransmissions,
    )?;
    out.counter(
        "received_packets",
        "RTP packets of publishers",
        total.received_packets,
    )?;
    out.counter(
        "received_bytes",
        "Bytes of RTP packets of publishers",
        total.received_bytes,
    )?;
    lateness_histogram(out, &total.lateness)?;
    let mut family = out.family(
        "lateness_quantile",
        "How late that share of the packets was at most, since the start",
        Some(&Unit::Seconds),
        MetricType::Gauge,
    )?;
    for q in QUANTILES {
        let late = total.lateness.quantile(q).as_secs_f64();
        sample(&mut family, &[("quantile", q)], &ConstGauge::new(late))?;
    }
    Ok(())
}

fn lateness_histogram(out: &mut Out<'_, '_>, lateness: &Lateness) -> fmt::Result {
    let seconds = |bound: Option<Duration>| bound.map_or(f64::INFINITY, |at| at.as_secs_f64());
    let buckets = lateness.buckets();
    let buckets: Vec<_> = buckets.map(|(at, count)| (seconds(at), count)).collect();
    let mut histogram = out.family(
        "lateness",
        "How long after its due time a packet left",
        Some(&Unit::Seconds),
        MetricType::Histogram,
    )?;
    let sum = lateness.sum().as_secs_f64();
    histogram.encode_histogram::<NoLabelSet>(sum, lateness.count(), &buckets, None)
}

/// Sums and means over the open sessions that have reported.
fn reception(out: &mut Out<'_, '_>, open: &[Arc<Session>]) -> fmt::Result {
    let reports: Vec<_> = open
        .iter()
        .filter_map(|session| session.reception())
        .collect();
    let mean = |value: fn(&Reception) -> f64| {
        let sum = reports.iter().map(value).fold(0.0, |sum, one| sum + one);
        sum / reports.len().max(1) as f64
    };
    let lost: i64 = reports.iter().map(|report| report.lost_packets).sum();
    out.gauge(
        "rtcp_lost_packets",
        "Packets that the clients of open sessions report as lost",
        None,
        lost as f64,
    )?;
    out.gauge(
        "rtcp_loss_ratio",
        "Share of packets lost before the last report, mean of the open sessions",
        None,
        mean(|report| report.loss_ratio),
    )?;
    out.gauge(
        "rtcp_jitter",
        "Interarrival jitter by the last report, mean of the open sessions",
        Some(&Unit::Seconds),
        mean(|report| report.jitter_seconds),
    )
}

/// The numbers of each session, the longest open first.
#[derive(Debug)]
pub(super) struct SessionMetrics {
    pub(super) sessions: Sessions,
    pub(super) limit: usize,
}

impl Collector for SessionMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut list = self.sessions.list();
        list.truncate(self.limit);
        let list: Vec<_> = list.iter().map(|session| Row::new(session)).collect();
        let out = &mut Out(&mut encoder);
        facts(out, &list)?;
        for (name, help, value) in COUNTS {
            let mut family = out.family(name, help, None, MetricType::Counter)?;
            for row in &list {
                let count = ConstCounter::new(value(&row.sent));
                sample(&mut family, &row.label(), &count)?;
            }
        }
        lateness(out, &list)?;
        for (name, help, unit, value) in RECEPTION {
            let mut family = out.family(name, help, unit.as_ref(), MetricType::Gauge)?;
            for row in &list {
                let Some(received) = &row.received else {
                    continue;
                };
                sample(&mut family, &row.label(), &ConstGauge::new(value(received)))?;
            }
        }
        Ok(())
    }
}

type Count = (&'static str, &'static str, fn(&Snapshot) -> u64);

const COUNTS: [Count; 6] = [
    ("session_packets", "RTP packets sent", |sent| sent.packets),
    ("session_bytes", "Bytes of RTP packets sent", |sent| {
        sent.bytes
    }),
    (
        "session_dropped_packets",
        "RTP packets that the network did not take",
        |sent| sent.dropped,
    ),
    (
        "session_retransmissions",
        "RTP packets sent once more",
        |sent| sent.retransmissions,
    ),
    (
        "session_received_packets",
        "RTP packets that the publisher sent",
        |session| session.received_packets,
    ),
    (
        "session_received_bytes",
        "Bytes of RTP packets that the publisher sent",
        |session| session.received_bytes,
    ),
];

type Reported = (
    &'static str,
    &'static str,
    Option<Unit>,
    fn(&Reception) -> f64,
);

const RECEPTION: [Reported; 3] = [
    (
        "session_rtcp_lost_packets",
        "Packets that the client reports as lost",
        None,
        |report| report.lost_packets as f64,
    ),
    (
        "session_rtcp_loss_ratio",
        "Share of packets lost before the last report, of the worst stream",
        None,
        |report| report.loss_ratio,
    ),
    (
        "session_rtcp_jitter",
        "Interarrival jitter by the last report, of the worst stream",
        Some(Unit::Seconds),
        |report| report.jitter_seconds,
    ),
];

/// One session as it is at the time of the scrape.
struct Row<'a> {
    session: &'a Session,
    id: String,
    sent: Snapshot,
    received: Option<Reception>,
}

impl<'a> Row<'a> {
    fn new(session: &'a Session) -> Self {
        Self {
            session,
            id: session.facts().id.to_string(),
            sent: session.counters().snapshot(),
            received: session.reception(),
        }
    }

    fn label(&self) -> [(&'static str, &str); 1] {
        [("session", &self.id)]
    }
}

fn facts(out: &mut Out<'_, '_>, list: &[Row<'_>]) -> fmt::Result {
    let mut family = out.family("session", "Open sessions", None, MetricType::Info)?;
    for row in list {
        let facts = row.session.facts();
        let peer = facts.peer.to_string();
        family.encode_info(&[
            ("session", row.id.as_str()),
            ("path", facts.path.as_str()),
            ("role", facts.role.name()),
            ("transport", row.session.transport()),
            ("peer", &peer),
            ("user_agent", &facts.user_agent),
        ])?;
    }
    Ok(())
}

fn lateness(out: &mut Out<'_, '_>, list: &[Row<'_>]) -> fmt::Result {
    let mut family = out.family(
        "session_lateness_quantile",
        "How late that share of the packets was at most",
        Some(&Unit::Seconds),
        MetricType::Gauge,
    )?;
    for row in list {
        for q in QUANTILES {
            let share = q.to_string();
            let labels = [("session", row.id.as_str()), ("quantile", &share)];
            let late = row.sent.lateness.quantile(q).as_secs_f64();
            sample(&mut family, &labels, &ConstGauge::new(late))?;
        }
    }
    Ok(())
}
