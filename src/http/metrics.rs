//! The server's numbers in the OpenMetrics text form, which Prometheus reads.
//!
//! Nothing is counted here: every scrape reads the counters where they are
//! kept. The summary holds the totals and, for the [`LISTED_SESSIONS`] sessions
//! that are open longest, the numbers of each, so that its size stays bounded
//! however many watch; the sessions' own page holds all of them.
//!
//! Parts of the server that stand above `http` add numbers of their own with
//! [`Metrics::counter`] and [`Metrics::gauge`].

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use super::access_metrics::AccessMetrics;
use super::channel_metrics::ChannelMetrics;
use super::hls_metrics::HlsMetrics;
use super::session_metrics::{SessionMetrics, TotalMetrics};
use super::source_metrics::SourceMetrics;
use super::transcode_metrics::TranscodeMetrics;
use super::upload_metrics::{EncoderMetrics, UploadMetrics};
use super::uploads::Uploads;
use crate::access::Gate;
use crate::hls::gateway::Gateway;
use crate::media::mounts::Mounts;
use crate::media::sessions::Sessions;
use crate::media::stats::Totals;
use crate::source::ts_listener::Encoders;
use crate::source::{Feeds, Sources};

/// How many sessions the summary lists.
pub const LISTED_SESSIONS: usize = 100;

/// The media type of the text.
pub(super) const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What a scrape shows. Every name begins with `reelcast_`.
#[derive(Debug)]
pub struct Metrics {
    summary: Registry,
    sessions: Registry,
}

impl Metrics {
    /// The numbers of `sessions`, of the channels in `mounts`, and of the server as a whole.
    pub fn new(sessions: Sessions, mounts: Arc<Mounts>, totals: Arc<Totals>) -> Self {
        let mut summary = Registry::with_prefix("reelcast");
        summary.register_collector(Box::new(TotalMetrics {
            sessions: sessions.clone(),
            totals,
        }));
        summary.register_collector(Box::new(ChannelMetrics { mounts }));
        summary.register_collector(Box::new(SessionMetrics {
            sessions: sessions.clone(),
            limit: LISTED_SESSIONS,
        }));
        let mut all = Registry::with_prefix("reelcast");
        all.register_collector(Box::new(SessionMetrics {
            sessions,
            limit: usize::MAX,
        }));
        Self {
            summary,
            sessions: all,
        }
    }

    /// Adds the numbers of the sources: those of the configuration and those of session descriptions.
    pub fn sources(&mut self, sources: Arc<Sources>, feeds: Arc<Feeds>) {
        let sources = SourceMetrics { sources, feeds };
        self.summary.register_collector(Box::new(sources));
    }

    /// Adds the numbers of what another server is asked that says who may.
    pub fn access(&mut self, gate: Arc<Gate>) {
        let access = AccessMetrics(gate);
        self.summary.register_collector(Box::new(access));
    }

    /// Adds the numbers of what encoders upload.
    pub fn uploads(&mut self, uploads: Arc<Uploads>) {
        let uploads = UploadMetrics(uploads);
        self.summary.register_collector(Box::new(uploads));
    }

    /// Adds the numbers of the encoders that connect to the port for transport streams.
    pub fn encoders(&mut self, encoders: Arc<Encoders>) {
        let encoders = EncoderMetrics(encoders);
        self.summary.register_collector(Box::new(encoders));
    }

    /// Adds the numbers of the channels that are packaged for HLS, and of what is transcoded.
    pub fn hls(&mut self, gateway: Arc<Gateway>) {
        let transcoding = TranscodeMetrics(Arc::clone(&gateway));
        self.summary.register_collector(Box::new(transcoding));
        let collector = Box::new(HlsMetrics(gateway));
        self.summary.register_collector(collector);
    }

    /// Adds a number that only grows: `reelcast_{name}_total`, read by `read` at each scrape.
    pub fn counter(
        &mut self,
        name: &'static str,
        help: &'static str,
        read: impl Fn() -> u64 + Send + Sync + 'static,
    ) {
        let read = move || Number::Counter(ConstCounter::new(read()));
        self.register(name, help, read);
    }

    /// Adds a number that grows and shrinks: `reelcast_{name}`, read by `read` at each scrape.
    pub fn gauge(
        &mut self,
        name: &'static str,
        help: &'static str,
        read: impl Fn() -> f64 + Send + Sync + 'static,
    ) {
        let read = move || Number::Gauge(ConstGauge::new(read()));
        self.register(name, help, read);
    }

    fn register(
        &mut self,
        name: &'static str,
        help: &'static str,
        read: impl Fn() -> Number + Send + Sync + 'static,
    ) {
        let reading = Reading {
            name,
            help,
            read: Box::new(read),
        };
        self.summary.register_collector(Box::new(reading));
    }

    /// The text of the summary.
    pub fn summary(&self) -> String {
        encode(&self.summary)
    }

    /// The text of all sessions.
    pub fn sessions(&self) -> String {
        encode(&self.sessions)
    }
}

fn encode(registry: &Registry) -> String {
    let mut out = String::new();
    text::encode(&mut out, registry).expect("writing to a String never fails");
    out
}

/// A number that another part of the server keeps.
struct Reading {
    name: &'static str,
    help: &'static str,
    read: Box<dyn Fn() -> Number + Send + Sync>,
}

enum Number {
    Counter(ConstCounter<u64>),
    Gauge(ConstGauge<f64>),
}

impl Number {
    fn metric(&self) -> &dyn EncodeMetric {
        match self {
            Self::Counter(counter) => counter,
            Self::Gauge(gauge) => gauge,
        }
    }
}

impl Collector for Reading {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let number = (self.read)();
        let metric = number.metric();
        let kind: MetricType = metric.metric_type();
        metric.encode(encoder.encode_descriptor(self.name, self.help, None, kind)?)
    }
}

impl fmt::Debug for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Reading").field(&self.name).finish()
    }
}

#[cfg(test)]
mod tests;
