//! The numbers of what is transcoded for HLS, as a collector.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::registry::Unit;

use super::exposition::Out;
use crate::hls::gateway::Gateway;

/// How many processes there are, and what comes of them.
#[derive(Debug)]
pub(super) struct TranscodeMetrics(pub(super) Arc<Gateway>);

impl Collector for TranscodeMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Self(gateway) = self;
        let out = &mut Out(&mut encoder);
        let counts = gateway.transcoders.counts();
        let help = "Channels and movies that an ffmpeg process transcodes for HLS";
        out.gauge("transcoders", help, None, counts.running as f64)?;
        let help = "Processes that were begun to transcode";
        out.counter("transcoders_begun", help, counts.begun)?;
        let help = "Processes that did not start, or ended before their time";
        out.counter("transcoder_failures", help, counts.failed)?;
        let help = "How often nothing could be transcoded because too much was already";
        out.counter("transcoders_refused", help, counts.refused)?;
        let help = "Bytes of segments of transcoded movies that are kept";
        let bytes = gateway.remakes.bytes() as f64;
        out.gauge("transcoded", help, Some(&Unit::Bytes), bytes)
    }
}
