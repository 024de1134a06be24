//! How numbers become the text of a scrape: families and their samples.

use std::fmt;

use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;

/// Where the text of a scrape goes.
pub(super) struct Out<'a, 'b>(pub(super) &'a mut DescriptorEncoder<'b>);

impl Out<'_, '_> {
    pub(super) fn family<'s>(
        &'s mut self,
        name: &'s str,
        help: &str,
        unit: Option<&'s Unit>,
        kind: MetricType,
    ) -> Result<MetricEncoder<'s>, fmt::Error> {
        self.0.encode_descriptor(name, help, unit, kind)
    }

    pub(super) fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let family = self.family(name, help, None, MetricType::Counter)?;
        ConstCounter::new(value).encode(family)
    }

    pub(super) fn gauge(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<&Unit>,
        value: f64,
    ) -> fmt::Result {
        let family = self.family(name, help, unit, MetricType::Gauge)?;
        ConstGauge::new(value).encode(family)
    }

    pub(super) fn info(
        &mut self,
        name: &str,
        help: &str,
        labels: &[(&str, &str); 1],
    ) -> fmt::Result {
        let mut family = self.family(name, help, None, MetricType::Info)?;
        family.encode_info(labels)
    }
}

/// Adds the sample with these labels to a family.
pub(super) fn sample(
    family: &mut MetricEncoder<'_>,
    labels: &impl EncodeLabelSet,
    value: &impl EncodeMetric,
) -> fmt::Result {
    value.encode(family.encode_family(labels)?)
}
