//! The numbers of the channels that are packaged for HLS, as a collector.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;

use super::exposition::{Out, sample};
use crate::codec::Kind;
use crate::hls::counts::Counts;
use crate::hls::gateway::Gateway;
use crate::hls::packager::Packager;

/// How many channels a scrape lists, the first by name.
const LISTED_CHANNELS: usize = 1000;

/// What the packagers make and keep.
#[derive(Debug)]
pub(super) struct HlsMetrics(pub(super) Arc<Gateway>);

impl Collector for HlsMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let out = &mut Out(&mut encoder);
        let mut list = self.0.packagers.newest_of_each();
        let help = "Channels that are packaged for HLS";
        out.gauge("hls_channels", help, None, list.len() as f64)?;
        let help = "What was read of segments on disk and is kept in memory";
        let cached = self.0.packagers.dvr_cache_bytes();
        out.gauge("hls_dvr_cache", help, Some(&Unit::Bytes), cached as f64)?;
        list.truncate(LISTED_CHANNELS);
        let rows: Vec<_> = list.iter().map(|packager| Row::new(packager)).collect();
        levels(out, &rows)?;
        counters(out, &rows)?;
        drifts(out, &rows)
    }
}

/// One packager as it is at the time of the scrape.
struct Row<'a> {
    packager: &'a Packager,
    counts: Counts,
}

impl<'a> Row<'a> {
    fn new(packager: &'a Packager) -> Self {
        Self {
            packager,
            counts: packager.counts(),
        }
    }

    fn label(&self) -> (&'static str, &str) {
        ("channel", self.packager.channel().path().as_str())
    }
}

type Level = (&'static str, &'static str, Unit, fn(&Packager) -> f64);

const LEVELS: [Level; 4] = [
    (
        "hls_window",
        "Segments that are kept for players",
        Unit::Bytes,
        |packager| packager.bytes() as f64,
    ),
    (
        "hls_window",
        "Segments that are kept for players",
        Unit::Seconds,
        |packager| packager.time().as_secs_f64(),
    ),
    (
        "hls_dvr",
        "Segments that are kept on disk",
        Unit::Bytes,
        |packager| packager.disk_bytes() as f64,
    ),
    (
        "hls_target_duration",
        "The longest that a segment may be",
        Unit::Seconds,
        |packager| packager.target_duration().as_secs_f64(),
    ),
];

fn levels(out: &mut Out<'_, '_>, rows: &[Row<'_>]) -> fmt::Result {
    for (name, help, unit, value) in LEVELS {
        let mut family = out.family(name, help, Some(&unit), MetricType::Gauge)?;
        for row in rows {
            let value = ConstGauge::new(value(row.packager));
            sample(&mut family, &[row.label()], &value)?;
        }
    }
    Ok(())
}

type Count = (&'static str, &'static str, fn(&Counts) -> u64);

const COUNTS: [Count; 9] = [
    ("hls_segments", "Segments that were made", |counts| {
        counts.segments
    }),
    (
        "hls_dependent_segments",
        "Segments that begin without a key frame, because none came in time",
        |counts| counts.dependent_segments,
    ),
    (
        "hls_discontinuities",
        "Segments that do not go on where the one before ended",
        |counts| counts.discontinuities,
    ),
    ("hls_parts", "Parts that were made", |counts| counts.parts),
    ("hls_gaps", "Parts for whose time nothing came", |counts| {
        counts.gaps
    }),
    (
        "hls_packaged_bytes",
        "Bytes of parts, as fragmented MP4",
        |counts| counts.bytes,
    ),
    (
        "hls_dvr_dropped_segments",
        "Segments that were dropped before their time, because the disk was full",
        |counts| counts.given_up,
    ),
    (
        "hls_hastened_segments",
        "How often a segment left the playlists or the memory before its time, because there was no room",
        |counts| counts.hastened,
    ),
    (
        "hls_malformed_packets",
        "RTP packets whose payload is not what its format promises",
        |counts| counts.malformed,
    ),
];

fn counters(out: &mut Out<'_, '_>, rows: &[Row<'_>]) -> fmt::Result {
    for (name, help, value) in COUNTS {
        let mut family = out.family(name, help, None, MetricType::Counter)?;
        for row in rows {
            let count = ConstCounter::new(value(&row.counts));
            sample(&mut family, &[row.label()], &count)?;
        }
    }
    Ok(())
}

/// Tracks whose reports have not told yet are left out.
fn drifts(out: &mut Out<'_, '_>, rows: &[Row<'_>]) -> fmt::Result {
    let help = "By how many parts per million a track's clock is faster than its sender's clock on the wall";
    let mut family = out.family("clock_drift_ppm", help, None, MetricType::Gauge)?;
    for row in rows {
        for drift in &row.counts.drifts {
            let kind = match drift.kind {
                Kind::Video => "video",
                Kind::Audio => "audio",
                Kind::Application => "application",
            };
            let track = drift.track.to_string();
            let labels = [row.label(), ("track", &track), ("kind", kind)];
            sample(&mut family, &labels, &ConstGauge::new(drift.ppm))?;
        }
    }
    Ok(())
}
