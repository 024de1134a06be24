//! The numbers of the live channels, together and one by one, as a collector.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;

use super::exposition::{Out, sample};
use crate::media::channel::{Channel, State};
use crate::media::channel_stats::ChannelCounts;
use crate::media::mounts::Mounts;

/// How many channels a scrape lists, the first by name.
const LISTED_CHANNELS: usize = 1000;

/// What the channels take in, keep and mend.
#[derive(Debug)]
pub(super) struct ChannelMetrics {
    pub(super) mounts: Arc<Mounts>,
}

impl Collector for ChannelMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let out = &mut Out(&mut encoder);
        let mut list = self.mounts.list();
        states(out, &list)?;
        totals(out, &self.mounts.totals())?;
        list.truncate(LISTED_CHANNELS);
        let list: Vec<_> = list.iter().map(|channel| Row::new(channel)).collect();
        facts(out, &list)?;
        levels(out, &list)?;
        counters(out, &list)?;
        by_reason(out, &list)
    }
}

/// The states in which a channel can be listed, present from the start.
const STATES: [&str; 3] = ["idle", "live", "waiting"];

fn state(channel: &Channel) -> &'static str {
    match channel.state() {
        State::Idle => "idle",
        State::Live => "live",
        State::Waiting { .. } => "waiting",
        State::Ended(_) => "ended",
    }
}

fn states(out: &mut Out<'_, '_>, list: &[Arc<Channel>]) -> fmt::Result {
    let help = "Live channels: idle have a source that feeds nothing yet, waiting ones lost their publisher";
    let mut family = out.family("channels", help, None, MetricType::Gauge)?;
    for name in STATES {
        let count = list.iter().filter(|channel| state(channel) == name).count();
        sample(
            &mut family,
            &[("state", name)],
            &ConstGauge::new(count as u64),
        )?;
    }
    Ok(())
}

type Count = (&'static str, &'static str, fn(&ChannelCounts) -> u64);

/// Named after `channels_` when they are totals, after `channel_` when they are of one.
const COUNTS: [Count; 6] = [
    ("packets", "RTP packets taken from publishers", |counts| {
        counts.packets
    }),
    (
        "bytes",
        "Bytes of RTP packets taken from publishers",
        |counts| counts.bytes,
    ),
    (
        "lost_packets",
        "RTP packets missing in the numbers of publishers",
        |counts| counts.lost,
    ),
    (
        "oversize_packets",
        "RTP packets too large for a datagram",
        |counts| counts.oversize,
    ),
    (
        "missed_packets",
        "RTP packets that readers jumped over because they were too slow",
        |counts| counts.missed,
    ),
    (
        "publishers",
        "How often somebody began to publish",
        |counts| counts.publishers,
    ),
];

const REPAIRS: &str = "Leaps in the numbers of publishers that were mended";

const MALFORMED: &str = "Packets of publishers that were refused";
const TS_FAULTS: &str = "What was wrong with MPEG transport streams";

fn totals(out: &mut Out<'_, '_>, totals: &ChannelCounts) -> fmt::Result {
    for (name, help, value) in COUNTS {
        out.counter(&format!("channels_{name}"), help, value(totals))?;
    }
    let counter = MetricType::Counter;
    let mut family = out.family("timeline_repairs", REPAIRS, None, counter)?;
    for (repair, count) in totals.repairs() {
        let labels = [("reason", repair.name())];
        sample(&mut family, &labels, &ConstCounter::new(count))?;
    }
    let counter = MetricType::Counter;
    let mut family = out.family("malformed_packets", MALFORMED, None, counter)?;
    for (malformed, count) in totals.malformed() {
        let labels = [("reason", malformed.name())];
        sample(&mut family, &labels, &ConstCounter::new(count))?;
    }
    let counter = MetricType::Counter;
    let mut family = out.family("ts_faults", TS_FAULTS, None, counter)?;
    for (reason, count) in totals.ts_faults() {
        sample(
            &mut family,
            &[("reason", reason)],
            &ConstCounter::new(count),
        )?;
    }
    Ok(())
}

/// One channel as it is at the time of the scrape.
struct Row<'a> {
    channel: &'a Channel,
    counts: ChannelCounts,
}

impl<'a> Row<'a> {
    fn new(channel: &'a Channel) -> Self {
        Self {
            channel,
            counts: channel.stats().snapshot(),
        }
    }

    fn label(&self) -> (&'static str, &str) {
        ("channel", self.channel.path().as_str())
    }
}

fn facts(out: &mut Out<'_, '_>, list: &[Row<'_>]) -> fmt::Result {
    let mut family = out.family("channel", "Live channels", None, MetricType::Info)?;
    for row in list {
        let origin = row.channel.origin();
        let state = state(row.channel);
        family.encode_info(&[row.label(), ("state", state), ("origin", &origin)])?;
    }
    let help = "What is on, as far as publishers tell";
    let mut family = out.family("channel_title", help, None, MetricType::Info)?;
    for row in list {
        if let Some(title) = &*row.channel.title().borrow() {
            family.encode_info(&[row.label(), ("title", title)])?;
        }
    }
    Ok(())
}

type Level = (
    &'static str,
    &'static str,
    Option<Unit>,
    fn(&Row<'_>) -> f64,
);

const LEVELS: [Level; 5] = [
    (
        "channel_readers",
        "Readers, those that are paused included",
        None,
        |row| row.channel.readers() as f64,
    ),
    (
        "channel_bit_rate",
        "Bits that came in within the last second",
        None,
        |row| row.counts.bit_rate as f64,
    ),
    (
        "channel_ring",
        "Recent media that is kept for readers",
        Some(Unit::Bytes),
        |row| row.counts.ring_bytes as f64,
    ),
    (
        "channel_ring",
        "Recent media that is kept for readers",
        Some(Unit::Seconds),
        |row| row.counts.ring_time.as_secs_f64(),
    ),
    (
        "channel_ring_bursts",
        "Bursts of packets that are kept for readers",
        None,
        |row| row.counts.ring_bursts as f64,
    ),
];

fn levels(out: &mut Out<'_, '_>, list: &[Row<'_>]) -> fmt::Result {
    for (name, help, unit, value) in LEVELS {
        let mut family = out.family(name, help, unit.as_ref(), MetricType::Gauge)?;
        for row in list {
            sample(&mut family, &[row.label()], &ConstGauge::new(value(row)))?;
        }
    }
    Ok(())
}

fn counters(out: &mut Out<'_, '_>, list: &[Row<'_>]) -> fmt::Result {
    for (name, help, value) in COUNTS {
        let name = format!("channel_{name}");
        let mut family = out.family(&name, help, None, MetricType::Counter)?;
        for row in list {
            let count = ConstCounter::new(value(&row.counts));
            sample(&mut family, &[row.label()], &count)?;
        }
    }
    Ok(())
}

/// What has not happened on a channel is left out.
fn by_reason(out: &mut Out<'_, '_>, list: &[Row<'_>]) -> fmt::Result {
    let name = "channel_timeline_repairs";
    let mut family = out.family(name, REPAIRS, None, MetricType::Counter)?;
    for row in list {
        for (repair, count) in row.counts.repairs().filter(|(_, count)| *count > 0) {
            let labels = [row.label(), ("reason", repair.name())];
            sample(&mut family, &labels, &ConstCounter::new(count))?;
        }
    }
    let name = "channel_malformed_packets";
    let mut family = out.family(name, MALFORMED, None, MetricType::Counter)?;
    for row in list {
        for (malformed, count) in row.counts.malformed().filter(|(_, count)| *count > 0) {
            let labels = [row.label(), ("reason", malformed.name())];
            sample(&mut family, &labels, &ConstCounter::new(count))?;
        }
    }
    let name = "channel_ts_faults";
    let mut family = out.family(name, TS_FAULTS, None, MetricType::Counter)?;
    for row in list {
        for (reason, count) in row.counts.ts_faults().filter(|(_, count)| *count > 0) {
            let labels = [row.label(), ("reason", reason)];
            sample(&mut family, &labels, &ConstCounter::new(count))?;
        }
    }
    Ok(())
}
