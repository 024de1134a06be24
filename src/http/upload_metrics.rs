//! The numbers of encoders that come by themselves, as collectors: by HTTP, and to the port for transport streams.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use super::exposition::{Out, sample};
use super::uploads::Uploads;
use crate::source::Failures;
use crate::source::ts_listener::Encoders;

/// How many encoders upload, and what comes of it.
#[derive(Debug)]
pub(super) struct UploadMetrics(pub(super) Arc<Uploads>);

impl Collector for UploadMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Self(uploads) = self;
        let out = &mut Out(&mut encoder);
        let kinds = uploads.of_kinds();
        let help = "Encoders that upload over HTTP, by what they say that it is";
        let mut family = out.family("uploads_open", help, None, MetricType::Gauge)?;
        for (kind, open, _) in kinds {
            sample(&mut family, &[("kind", kind)], &ConstGauge::new(open))?;
        }
        let help = "How often an encoder began to upload over HTTP";
        let mut family = out.family("uploads", help, None, MetricType::Counter)?;
        for (kind, _, begun) in kinds {
            sample(&mut family, &[("kind", kind)], &ConstCounter::new(begun))?;
        }
        let help = "Encoders that were turned away";
        out.counter("uploads_refused", help, uploads.refusals())?;
        let help = "Uploads that ended otherwise than by their encoder, by the reason";
        failures(out, "upload_failures", help, &uploads.failures)?;
        let help = "Bytes of uploads";
        out.counter("upload_bytes", help, uploads.received_bytes())?;
        let help = "Bytes of uploads that were passed over, because they are no part of the media";
        out.counter("upload_skipped_bytes", help, uploads.skipped_bytes())
    }
}

/// How many encoders send to the port for transport streams, and what comes of it.
#[derive(Debug)]
pub(super) struct EncoderMetrics(pub(super) Arc<Encoders>);

impl Collector for EncoderMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Self(encoders) = self;
        let out = &mut Out(&mut encoder);
        let help = "Encoders that were let in at the port for transport streams";
        out.counter("ts_encoders", help, encoders.admitted())?;
        let help = "Encoders that were turned away at the port for transport streams";
        out.counter("ts_encoders_refused", help, encoders.refused())?;
        let help = "Encoders that failed at the port for transport streams, by the reason";
        failures(out, "ts_encoder_failures", help, encoders.failures())
    }
}

fn failures(out: &mut Out<'_, '_>, name: &str, help: &str, failures: &Failures) -> fmt::Result {
    let mut family = out.family(name, help, None, MetricType::Counter)?;
    for (reason, count) in failures.list() {
        let label = [("reason", reason)];
        sample(&mut family, &label, &ConstCounter::new(count))?;
    }
    Ok(())
}
