//! How late packets arrive, as a histogram.

use std::time::Duration;

const BUCKET: Duration = Duration::from_micros(100);
const BUCKETS: usize = 20_000;

/// Lateness of packets against their media time, in steps of 0.1 ms up to 2 s.
#[derive(Clone, Default)]
pub(crate) struct Lateness {
    buckets: Vec<u32>,
    cut_short: usize,
}

impl Lateness {
    /// Counts one packet.
    pub(crate) fn record(&mut self, late: Duration) {
        let bucket = (late.as_micros() / BUCKET.as_micros()) as usize;
        if self.buckets.is_empty() {
            self.buckets.resize(BUCKETS, 0);
        }
        self.buckets[bucket.min(BUCKETS - 1)] += 1;
    }

    /// Notes a viewer whose connection ended too early.
    pub(crate) fn cut(&mut self) {
        self.cut_short += 1;
    }

    /// Adds another viewer's packets.
    pub(crate) fn add(&mut self, other: &Self) {
        self.buckets.resize(BUCKETS, 0);
        for (bucket, count) in self.buckets.iter_mut().zip(&other.buckets) {
            *bucket += count;
        }
        self.cut_short += other.cut_short;
    }

    pub(crate) fn count(&self) -> u64 {
        self.buckets.iter().map(|count| u64::from(*count)).sum()
    }

    pub(crate) fn cut_short(&self) -> usize {
        self.cut_short
    }

    /// The lateness that a share `q` of the packets did not exceed.
    pub(crate) fn quantile(&self, q: f64) -> Duration {
        let wanted = (self.count() as f64 * q).ceil() as u64;
        let mut seen = 0;
        let bucket = self.buckets.iter().position(|count| {
            seen += u64::from(*count);
            seen >= wanted
        });
        BUCKET * bucket.unwrap_or(0) as u32
    }
}
