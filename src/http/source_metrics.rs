//! The numbers of the configured sources, as a collector.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use super::exposition::{Out, sample};
use crate::source::{Counts, Feeds, Sources, State, Status};

/// What every source is doing and what has happened to it.
#[derive(Debug)]
pub(super) struct SourceMetrics {
    pub(super) sources: Arc<Sources>,
    pub(super) feeds: Arc<Feeds>,
}

type Count = (&'static str, &'static str, fn(&Counts) -> u64);

const COUNTS: [Count; 4] = [
    (
        "source_attempts",
        "Attempts of a source to connect",
        |counts| counts.attempts,
    ),
    (
        "source_failures",
        "Attempts of a source that failed, before or after media came",
        |counts| counts.failures,
    ),
    (
        "source_reconnects",
        "How often a source became live again after the first time",
        |counts| counts.reconnects,
    ),
    (
        "source_ignored_packets",
        "Packets of senders that do not feed, because another one does",
        |counts| counts.ignored,
    ),
];

impl Collector for SourceMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut sources = self.sources.list();
        sources.extend(self.feeds.list());
        let out = &mut Out(&mut encoder);
        states(out, &sources)?;
        for (name, help, value) in COUNTS {
            let mut family = out.family(name, help, None, MetricType::Counter)?;
            for source in &sources {
                let label = [("channel", source.channel().as_str())];
                let count = ConstCounter::new(value(&source.counts()));
                sample(&mut family, &label, &count)?;
            }
        }
        Ok(())
    }
}

/// One row for each state of each source, 1 for the present one.
fn states(out: &mut Out<'_, '_>, sources: &[Arc<Status>]) -> fmt::Result {
    let help = "Whether a source is in that state";
    let mut family = out.family("source_state", help, None, MetricType::Gauge)?;
    for source in sources {
        let present = source.state().name();
        for state in State::NAMES {
            let labels = [("channel", source.channel().as_str()), ("state", state)];
            let value = ConstGauge::new(i64::from(state == present));
            sample(&mut family, &labels, &value)?;
        }
    }
    Ok(())
}
