//! What another server was asked that says who may, and what it said, as a collector.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;

use super::exposition::{Out, sample};
use crate::access::Gate;

/// The questions of the gate.
#[derive(Debug)]
pub(super) struct AccessMetrics(pub(super) Arc<Gate>);

impl Collector for AccessMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let out = &mut Out(&mut encoder);
        let decisions = self.0.decisions();
        let help = "Questions to the server of [access.callback], by its answer";
        let mut family = out.family("access_callbacks", help, None, MetricType::Counter)?;
        for (answer, count) in [
            ("yes", decisions.yes),
            ("no", decisions.no),
            ("login", decisions.log_in),
            ("none", decisions.unanswered),
        ] {
            sample(
                &mut family,
                &[("answer", answer)],
                &ConstCounter::new(count),
            )?;
        }
        let help =
            "Questions to it that were not asked, because their answer was known or on its way";
        out.counter("access_callbacks_saved", help, decisions.known)
    }
}
